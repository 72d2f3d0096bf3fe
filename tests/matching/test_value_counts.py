"""Values counted as hashes: equal to counting them one by one, whatever the shape of the table."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching import value_counts
from matching.value_counts import CountedValues, FieldSet, count_values
from person.clusters import ClusterMembers
from person.layout import layout_for
from person.records import ArrayRecordSource
from person.schema import Field
from tests import reference

LAYOUT = layout_for(
    Field(name=name, kind="identifier", columns=(name,), options={"hashed": 30}) for name in "ab"
)
SETS = (("a",), ("b",), ("a", "b"))


def source_of(values: NDArray[np.int64]) -> ArrayRecordSource:
    """Records of two numbers, 0 = missing."""
    rows = np.zeros((len(values), LAYOUT.n_words), np.uint64)
    for place, name in enumerate("ab"):
        word, shift, _ = LAYOUT.slots(name)[0].tolist()
        rows[:, word] |= values[:, place].astype(np.uint64) << np.uint64(shift)
    return ArrayRecordSource(rows, chunk_rows=7)


def naive(
    values: list[tuple[int, int]], cluster: list[int], fields: tuple[str, ...]
) -> tuple[int, float, dict[int, int]]:
    """Present, agreeing pairs and counts by hash, a person counting once."""
    held = dict.fromkeys(
        (person, tuple(record["ab".index(name)] for name in fields))
        for record, person in zip(values, cluster, strict=True)
    )
    counts = Counter(value for _, value in held if all(value))
    pairs = sum(len(list(combinations(range(n), 2))) for n in counts.values())
    by_hash = {reference.combined_hash([value[0]]): n for value, n in counts.items()}
    return sum(counts.values()), float(pairs), by_hash


def assert_naive(
    found: list[CountedValues], values: list[tuple[int, int]], cluster: list[int]
) -> None:
    for fields, each in zip(SETS, found, strict=True):
        present, pairs, by_hash = naive(values, cluster, fields)
        assert (present, pairs) == (each.present, each.agreeing_pairs)
        if len(fields) == 1:
            assert sorted(by_hash) == each.hashes.tolist()
            assert [by_hash[value] for value in sorted(by_hash)] == each.counts.tolist()


@settings(max_examples=20)
@given(
    seed=st.integers(0, 1000),
    count=st.integers(0, 200),
    most=st.sampled_from([1, 3, 50, 1 << 29]),
    people=st.sampled_from([1, 5, 300]),
    memory=st.sampled_from([3000, 1 << 30]),
    part=st.sampled_from([1, 16, 1 << 12]),
)
def test_values_are_counted_as_one_by_one(
    seed: int, count: int, most: int, people: int, memory: int, part: int
) -> None:
    """In parts of any size, in any number of readings, clusters of one record to hundreds."""
    random = np.random.default_rng(seed)
    values = random.integers(0, most + 1, (count, 2))
    labels = random.integers(0, people, count).tolist()
    cluster = [labels.index(label) for label in labels]
    sets = [FieldSet(fields, 1, len(fields) == 1) for fields in SETS]
    given_people = ClusterMembers.of(np.array(cluster, np.int32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(value_counts, "PART_VALUES", part)
        patch.setattr(value_counts, "SLICE_RECORDS", 5)
        patch.setattr(value_counts, "MEMBERS_AT_ONCE", 11)
        patch.setattr(value_counts, "FREQUENT_VALUES", 4)
        source = source_of(values)
        by_record = count_values(source, LAYOUT, sets, memory_bytes=memory)
        by_person = count_values(source, LAYOUT, sets, memory_bytes=memory, people=given_people)
    listed = [(int(a), int(b)) for a, b in values]
    assert_naive(by_record, listed, list(range(count)))
    assert_naive(by_person, listed, cluster)


def test_more_sets_than_bits_of_a_word_are_told_apart() -> None:
    """The forty-first set of fields is counted like the first."""
    values = np.array([(1, 2), (1, 3), (1, 2), (4, 2)])
    people = ClusterMembers.of(np.array([0, 0, 2, 2], np.int32))
    sets = [FieldSet(SETS[place % 3], 1, False) for place in range(41)]
    found = count_values(source_of(values), LAYOUT, sets, people=people)
    expected = [naive([(1, 2), (1, 3), (1, 2), (4, 2)], [0, 0, 2, 2], each)[:2] for each in SETS]
    assert [expected[place % 3] for place in range(41)] == [
        (each.present, each.agreeing_pairs) for each in found
    ]


def test_of_rare_values_a_share_tells_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frequent values count wholly; those of a quarter of the hashes stand for the rare ones."""
    monkeypatch.setattr(value_counts, "FREQUENT_VALUES", 2)
    often, rare = np.repeat([5, 6], 50), np.repeat(np.arange(10, 210), 2)
    first = np.concatenate([often, rare])
    values = np.stack([first, np.zeros_like(first)], axis=1)
    (found,) = count_values(source_of(values), LAYOUT, [FieldSet(("a",), 4, False)])
    hashes = [reference.combined_hash([value]) for value in range(10, 210)]
    in_share = sum(value < 1 << 62 for value in hashes)
    assert 2 * 50 * 49 / 2 + 4 * in_share == found.agreeing_pairs
    assert len(first) == found.present
    assert 0 == len(found.hashes)
