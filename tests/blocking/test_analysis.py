"""Counts, marginal pairs and recall against the slow obvious twin."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from blocking import BlockingRule, analyse
from person.records import ArrayRecordSource
from tests.blocking.naive import block_keys, naive_pairs, random_rows, western_layout

LAYOUT = western_layout()
RULES = (
    BlockingRule("id", ("ssn",)),
    BlockingRule("phones", ("phone",)),
    BlockingRule("surname + birth date", ("surname", "birth_date")),
    BlockingRule("surname", ("surname",)),
)
ROWS = random_rows(LAYOUT, 300, 12, seed=1)
SOURCES = (np.arange(300) % 3).astype(np.uint16)


@pytest.mark.parametrize("memory_bytes", [1 << 16, 1 << 26])
@pytest.mark.parametrize("link_mode", ["dedupe", "link_only"])
def test_pairs_of_a_rule_are_those_of_its_key_histogram(memory_bytes: int, link_mode: str) -> None:
    """Pairs, blocks and largest blocks of each rule alone, whatever the memory."""
    source = ArrayRecordSource(ROWS, SOURCES, chunk_rows=70)
    result = analyse(source, LAYOUT, RULES, memory_bytes=memory_bytes, link_mode=link_mode)
    for rule, found, keys in zip(RULES, result.rules, block_keys(ROWS, LAYOUT, RULES), strict=True):
        members: dict[tuple[int, ...], list[int]] = {}
        for row, row_keys in enumerate(keys):
            for key in row_keys:
                members.setdefault(key, []).append(row)
        pairs = sum(
            link_mode == "dedupe" or SOURCES[left] != SOURCES[right]
            for block in members.values()
            for left, right in combinations(block, 2)
        )
        sizes = sorted((len(block) for block in members.values() if len(block) > 1), reverse=True)
        assert rule.name == found.rule
        assert pairs == found.pairs
        assert len(sizes) == found.blocks
        assert tuple(sizes[:10]) == found.largest_blocks
        assert sum(bool(row_keys) for row_keys in keys) == found.keyed_records


def test_marginal_pairs_are_those_no_earlier_rule_finds() -> None:
    """A pair counts for the first rule that finds it."""
    result = analyse(ArrayRecordSource(ROWS), LAYOUT, RULES, memory_bytes=1 << 26)
    expected = Counter(naive_pairs(ROWS, SOURCES, LAYOUT, RULES).values())
    assert [expected[place] for place in range(len(RULES))] == [
        each.marginal_pairs for each in result.rules
    ]
    assert not any(each.is_marginal_estimated for each in result.rules)


def test_marginal_pairs_are_estimated_above_the_limit_and_said_to_be() -> None:
    """Too many pairs to list: a sample of the keys is run, and the figure is labelled."""
    rows = random_rows(LAYOUT, 4000, 900, seed=2)
    rules = [BlockingRule("surname", ("birth_date",)), BlockingRule("id", ("phone:first",))]
    source = ArrayRecordSource(rows)
    exact = analyse(source, LAYOUT, rules, memory_bytes=1 << 26)
    total = sum(each.pairs for each in exact.rules)
    estimate = analyse(source, LAYOUT, rules, memory_bytes=1 << 26, exact_pairs_max=total // 2)
    for true, guess in zip(exact.rules, estimate.rules, strict=True):
        assert guess.is_marginal_estimated
        assert true.pairs == guess.pairs
        assert pytest.approx(true.marginal_pairs, rel=0.25) == guess.marginal_pairs


def test_recall_is_counted_per_rule_and_cumulatively() -> None:
    """Against truth: share of true pairs each rule reaches, and those that none reaches."""
    random = np.random.default_rng(3)
    truth = random.integers(-1, 60, len(ROWS))
    result = analyse(
        ArrayRecordSource(ROWS, chunk_rows=50), LAYOUT, RULES, memory_bytes=1 << 18, truth=truth
    )
    true_pairs = [
        (left, right)
        for left, right in combinations(range(len(ROWS)), 2)
        if truth[left] == truth[right] >= 0
    ]
    keys = block_keys(ROWS, LAYOUT, RULES)
    reached = [
        {pair for pair in true_pairs if per_row[pair[0]] & per_row[pair[1]]} for per_row in keys
    ]
    cumulative = [set().union(*reached[: place + 1]) for place in range(len(RULES))]
    assert len(true_pairs) == result.true_pairs
    assert [len(each) / len(true_pairs) for each in reached] == [r.recall for r in result.rules]
    assert [len(each) / len(true_pairs) for each in cumulative] == pytest.approx(
        [each.cumulative_recall for each in result.rules]
    )
    missed = sorted(set(true_pairs) - cumulative[-1])
    assert len(missed) == result.unreached_pairs
    assert missed[:1000] == [tuple(pair) for pair in result.unreached.tolist()]


def test_an_empty_table_is_analysed() -> None:
    """No records: all counts are 0."""
    source = ArrayRecordSource(ROWS[:0])
    result = analyse(source, LAYOUT, RULES, memory_bytes=1 << 20, truth=np.zeros(0, np.int64))
    assert [0] * len(RULES) == [each.pairs for each in result.rules]
    assert (0, 0) == (result.true_pairs, result.unreached_pairs)
