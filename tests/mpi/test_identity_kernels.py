"""The compiled steps of deciding, each beside its naive twin."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from blocking.kernels import combine_keys
from mpi.identity_kernels import (
    combine_all_keys,
    fill_groups,
    fill_pairs,
    judge_members,
    list_flagged_words,
    mark_incoherent,
    split_distinct,
)

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=60, deadline=None)


@few
@given(seeds)
def test_keys_of_all_rules_are_those_of_each(seed: int) -> None:
    """Each line is what `combine_keys` makes of its parts; a rule gives no key twice."""
    random = np.random.default_rng(seed)
    count = int(random.integers(0, 5))
    parts = random.integers(0, 3, (4, count)).astype(np.uint64)
    places = np.array([[0, 1], [1, -1], [2, -1], [3, -1]], np.int64)
    first = np.array([0, 1, 1, 1], np.int64)
    keys = np.empty((4, count), np.uint64)
    combine_all_keys(parts, places, first, count, keys)
    expected = np.empty((4, count), np.uint64)
    for line, place in enumerate(places):
        combine_keys(parts, place[place >= 0], count, expected[line])
    for row in range(count):
        seen: set[int] = set()
        for line in (1, 2, 3):  # the variants of one rule
            if int(expected[line, row]) in seen:
                expected[line, row] = 0
            seen.add(int(expected[line, row]))
    assert expected.tolist() == keys.tolist()


@few
@given(seeds)
def test_pairs_are_those_that_share_a_key(seed: int) -> None:
    """Every (query, record) once, in order, but no query with itself; crowded keys are told."""
    random = np.random.default_rng(seed)
    count, lines = int(random.integers(1, 4)), int(random.integers(0, 4))
    sizes = random.integers(0, 5, count * lines)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    records = random.integers(0, 9, offsets[-1])
    itself = random.integers(-1, 9, count)
    pairs = np.empty(len(records), np.int64)
    filled = fill_pairs(offsets, records, count, 4, itself, pairs)
    expected = {
        (run % count, record)
        for run in range(count * lines)
        for record in records[offsets[run] : offsets[run + 1]].tolist()
        if record != itself[run % count]
    }
    held = np.sort(pairs[:filled])
    query, record = np.empty(filled, np.int32), np.empty(filled, np.int64)
    kept = split_distinct(held, query, record)
    assert sorted(expected) == list(zip(query[:kept].tolist(), record[:kept].tolist(), strict=True))
    if sizes.max(initial=0) == 4:
        assert fill_pairs(offsets, records, count, 3, itself, pairs) == -1


@few
@given(seeds)
def test_groups_hold_their_heaviest_pairs(seed: int) -> None:
    """By query and identity: the heaviest, that may link, that is held apart; first of equals."""
    random = np.random.default_rng(seed)
    count = int(random.integers(0, 12))
    query = np.sort(random.integers(0, 3, count)).astype(np.int32)
    identity, weight = random.integers(0, 4, count), random.integers(0, 4, count).astype(float)
    refusal = random.integers(0, 3, count).astype(np.uint8)
    holds_apart = np.array([False, False, True])
    out = np.empty(count, np.int64), np.empty(count, np.int64), np.empty((3, count), np.int64)
    found = fill_groups(query, identity, weight, refusal, holds_apart, 2.0, *out)
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place in range(count):
        if weight[place] >= 2 or refusal[place] == 2:
            groups[int(query[place]), int(identity[place])].append(place)

    def heaviest(places: list[int]) -> int:
        return min(places, key=lambda place: (-weight[place], place), default=-1)

    assert sorted(groups) == list(
        zip(out[0][:found].tolist(), out[1][:found].tolist(), strict=True)
    )
    for place, (_, held) in enumerate(sorted(groups.items())):
        allowed = [each for each in held if not refusal[each]]
        apart = [each for each in held if refusal[each] == 2]
        assert [heaviest(held), heaviest(allowed), heaviest(apart)] == out[2][:, place].tolist()


@few
@given(seeds)
def test_members_are_heard_and_judged(seed: int) -> None:
    """The first members speak with the weights that are known; their mean decides."""
    random = np.random.default_rng(seed)
    identities = int(random.integers(1, 4))
    group = np.sort(random.integers(0, identities, int(random.integers(0, 10))))
    record = np.arange(len(group)) * 2
    query_of_group = np.sort(random.integers(0, 2, identities))
    keys = random.integers(0, 3, 2).astype(np.uint64)
    member_keys = random.integers(0, 3, len(group)).astype(np.uint64)
    known = sorted({(int(q), int(r)) for q, r in random.integers(0, [2, 20], (12, 2))})
    pairs = (
        np.array([q for q, _ in known], np.int32),
        np.array([r for _, r in known], np.int64),
        random.normal(0, 5, len(known)),
        random.random(len(known)) < 0.3,
    )
    size = len(group)
    differs, speaks = np.empty(size, np.bool_), np.empty(size, np.bool_)
    weight, is_silent = np.empty(size), np.empty(size, np.bool_)
    out = differs, speaks, weight, is_silent
    lacking = judge_members(group, record, query_of_group, keys, member_keys, 3, pairs, out)
    places = {pair: place for place, pair in enumerate(known)}
    for place, own in enumerate(group.tolist()):
        query, held = int(query_of_group[own]), np.flatnonzero(group == own)
        one, other = keys[query], member_keys[place]
        assert differs[place] == bool(one and other and one != other)
        assert speaks[place] == (len(held) > 1 and place - held[0] < 3)
        at = places.get((query, int(record[place]))) if speaks[place] else None
        if at is not None:
            assert (pairs[2][at], pairs[3][at]) == (weight[place], is_silent[place])
        else:
            assert np.isnan(weight[place])
    assert lacking == int((speaks & np.isnan(weight)).sum())
    weight[np.isnan(weight)] = -1.0
    marks = np.zeros(identities, np.bool_)
    mark_incoherent(group, speaks, weight, is_silent, -4.0, 4.0, 0.5, marks)
    for own in range(identities):
        heard = weight[(group == own) & speaks & ~is_silent].clip(-4.0, 4.0)
        mean = sum(heard.tolist()) / max(len(heard), 1)
        assert marks[own] == (len(heard) > 0 and mean < 0.5)


def test_words_with_the_highest_bit_are_listed() -> None:
    """In order of rows and words; the others are not."""
    rows = np.array([[1 << 63, 5], [6, (1 << 63) | 7]], np.uint64)
    out = np.empty(4, np.uint64)
    assert list_flagged_words(rows, out) == 2
    assert [1 << 63, (1 << 63) | 7] == out[:2].tolist()
