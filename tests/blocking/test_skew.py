"""Blocks too large to compare in full: near-linear time, nothing lost without a word."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocking import BlockingRule, CandidateChunk, run_passes
from blocking.passes import PassRunner
from person.records import ArrayRecordSource
from tests.blocking.naive import (
    PairCollector,
    block_keys,
    collect_pairs,
    naive_pairs,
    pack_date,
    pack_text,
    put,
    random_rows,
    western_layout,
)

LAYOUT = western_layout()


def _count_pairs(rows: np.ndarray, rules: list[BlockingRule], **options: object) -> list[object]:
    def consumer(chunk: CandidateChunk) -> None:
        pass

    return run_passes(  # type: ignore[return-value]
        ArrayRecordSource(rows),
        LAYOUT,
        rules,
        memory_bytes=1 << 28,
        link_mode="dedupe",
        consumer=consumer,
        **options,  # type: ignore[arg-type]
    )


def _promised_whatever_happens(rows: np.ndarray, rules: list[BlockingRule]) -> set[tuple[int, int]]:
    """Pairs of blocks within the limit, and of oversized blocks' first sub-blocks within it."""
    promised = set()
    for rule, keys in zip(rules, block_keys(rows, LAYOUT, rules), strict=True):
        refined = (
            block_keys(rows, LAYOUT, [BlockingRule("r", rule.refine[:1])])[0] if rule.refine else []
        )
        sizes = Counter(key for row in keys for key in row)
        for key, size in sizes.items():
            members = [row for row in range(len(rows)) if key in keys[row]]
            groups = [members]
            if size > rule.block_size_max:
                values = {value for row in members for value in refined[row]} if refined else set()
                groups = [[row for row in members if value in refined[row]] for value in values]
            for group in groups:
                if len(group) <= rule.block_size_max:
                    promised |= set(combinations(group, 2))
    return promised


@settings(max_examples=40)
@given(
    values=st.integers(1, 12),
    seed=st.integers(0, 1000),
    size_max=st.integers(2, 12),
    refine=st.sampled_from([(), ("postcode",), ("given_name", "postcode")]),
    order=st.permutations([0, 1, 2]),
)
def test_no_pair_within_the_limit_is_lost_by_refining(
    values: int, seed: int, size_max: int, refine: tuple[str, ...], order: list[int]
) -> None:
    """Whatever blocks of any rule are refined, promised pairs of others are delivered."""
    rows = random_rows(LAYOUT, 70, values, seed)
    every = [
        BlockingRule("phones", ("phone",), refine, size_max, window=1),
        BlockingRule("surname", ("surname",), refine, size_max, window=2),
        BlockingRule("names", ("given_name+surname:either",), refine, size_max, window=1),
    ]
    rules = [every[number] for number in order]
    collected = collect_pairs(rows, LAYOUT, rules)
    assert set() == _promised_whatever_happens(rows, rules) - collected.pairs
    possible = naive_pairs(rows, np.zeros(len(rows), np.uint16), LAYOUT, rules)
    assert collected.pairs <= set(possible)


def test_refined_pairs_are_delivered_once_by_one_rule() -> None:
    """Within one rule with one key, refining and the window deliver a pair once."""
    rows = random_rows(LAYOUT, 400, 6, seed=3)
    rule = BlockingRule("surname", ("surname",), ("postcode", "given_name"), 20, window=5)
    collected = collect_pairs(rows, LAYOUT, [rule])
    assert len(collected.once) == collected.pair_count > 0


def test_window_finds_neighbours_that_differ_in_the_refining_key() -> None:
    """Inside a huge block, rows alike in what the sort key reads meet in the window."""
    rows = np.zeros((600, LAYOUT.n_words), np.uint64)
    for row in range(600):
        put(rows, LAYOUT, "postcode", row, *pack_text("2000"))
        name = "".join("abcdefghij"[int(digit)] for digit in f"{row // 2 * 7919 % 10007:05}")
        put(rows, LAYOUT, "surname", row, *pack_text(name, 2))
        put(rows, LAYOUT, "birth_date", row, pack_date(1950 + row % 7, 1, 1))
    rules = [
        BlockingRule("postcode", ("postcode",), ("birth_date",), 50, window=5),
        BlockingRule("surname", ("surname", "phone")),
    ]
    collected = collect_pairs(rows, LAYOUT, rules)
    twins = {(row, row + 1) for row in range(0, 600, 2)}
    assert set() == twins - collected.pairs


def test_two_hundred_thousand_records_of_one_key_cost_a_window() -> None:
    """One shared phone on 200,000 records costs a window, not 20,000 million pairs."""
    count = 200_000
    rows = _shared_phone(count, distinct=count)
    rule = BlockingRule("phone", ("phone:first",), ("ssn",), window=20)
    (report,) = _count_pairs(rows, [rule])
    assert 200_000 * 20 - 210 == report.pairs  # type: ignore[attr-defined]
    assert ((200_000, "refined by ssn; sorted window of 20"),) == report.largest_runs  # type: ignore[attr-defined]
    assert (1, 1, 1) == (report.blocks, report.refined_runs, report.window_runs)  # type: ignore[attr-defined]


def test_identical_records_are_chained() -> None:
    """All rows equal: each meets the next, under every rule, and nothing grows quadratically."""
    rows = _shared_phone(100_000, distinct=1)
    rules = [
        BlockingRule("phone", ("phone:first",), ("ssn",)),
        BlockingRule("id", ("ssn",), ("phone:first",)),
    ]
    reports = _count_pairs(rows, rules)
    assert [99_999, 99_999] == [report.pairs for report in reports]  # type: ignore[attr-defined]


def test_identical_records_of_two_sources_are_linked_across() -> None:
    """link_only: a huge block of equal rows still meets across sources, within the window."""
    rows = _shared_phone(5000, distinct=1)
    sources = np.repeat([0, 1], 2500).astype(np.uint16)
    collected = collect_pairs(
        rows,
        LAYOUT,
        [BlockingRule("phone", ("phone:first",), window=20)],
        sources=sources,
        link_mode="link_only",
    )
    linked = {row for pair in collected.pairs for row in pair}
    assert all(left < 2500 <= right for left, right in collected.pairs)
    assert len(linked) > 4990


def test_time_grows_with_the_block_not_with_its_square() -> None:
    """Four times the rows of one block: four times the pairs."""
    rule = BlockingRule("phone", ("phone:first",), ("ssn",))
    small, large = (
        _count_pairs(_shared_phone(count, distinct=count), [rule])[0] for count in (20_000, 80_000)
    )
    assert pytest.approx(4, rel=0.01) == large.pairs / small.pairs  # type: ignore[attr-defined]


def test_a_block_larger_than_the_pool_is_still_compared() -> None:
    """A block that exceeds the row pool is compared within near-neighbours, and reported."""
    rows = _shared_phone(30_000, distinct=30_000)
    collector = PairCollector()
    rule = BlockingRule("phone", ("phone:first",), ("ssn",), window=5)
    runner = PassRunner(ArrayRecordSource(rows), LAYOUT, [rule], memory_bytes=1 << 18)
    report = runner.run_rule(0, collector)
    assert report.pairs > 0.95 * 5 * 30_000
    assert report.window_runs >= 1


def _shared_phone(count: int, distinct: int) -> np.ndarray:
    """Rows that share one phone; the identifier takes `distinct` values."""
    rows = np.zeros((count, LAYOUT.n_words), np.uint64)
    put(rows[:1], LAYOUT, "phone", 0, 13_800_000)
    rows[:] = rows[0]
    word, shift, _ = LAYOUT.slots("ssn")[0].tolist()
    rows[:, word] = (np.arange(count) % distinct + 1).astype(np.uint64) << np.uint64(shift)
    return rows
