"""Passes over held rows: keys and record numbers travel, and known runs are not looked at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from blocking import BlockingRule, PassReport, entry_pass, held_passes
from blocking.held_rows import HeldRows
from blocking.passes import PassRunner
from person.records import ArrayRecordSource
from tests.blocking.naive import (
    PairCollector,
    naive_pairs,
    pack_text,
    put,
    random_rows,
    western_layout,
)

LAYOUT = western_layout()
RULES = (
    BlockingRule("id", ("ssn",)),
    BlockingRule("surname + birth date", ("surname", "birth_date")),
    BlockingRule("any phone", ("phone", "surname:first:1")),
    BlockingRule("postcode", ("postcode",)),
    BlockingRule("sounds", ("given_name:soundex", "surname:soundex")),
    BlockingRule("either name", ("given_name+surname:either", "birth_date:year")),
)
CUT_RULES = (
    BlockingRule("id", ("ssn",), ("surname", "birth_date"), 4, 2),
    BlockingRule("postcode", ("postcode",), ("surname",), 5, 2),
    BlockingRule("any phone", ("phone", "surname:first:1"), ("birth_date",), 3, 2),
    BlockingRule("surname", ("surname",), ("birth_date:year", "given_name"), 6, 3),
    BlockingRule("given name", ("given_name",), (), 7, 2),
)
MEMORY = 1 << 26


@pytest.fixture(params=["one bucket", "many rounds"])
def small_parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, and with a few records in each bucket, piece and round."""
    if request.param == "many rounds":
        monkeypatch.setattr(entry_pass, "BUCKET_ENTRIES", 8)
        monkeypatch.setattr(entry_pass, "BUCKETS_IN_ROUND", 4)
        monkeypatch.setattr(entry_pass, "ROOM_RECORDS", 16)
        monkeypatch.setattr(entry_pass, "SLICE_RECORDS_MIN", 16)
        monkeypatch.setattr(held_passes, "ENTRIES_LEAST", 50)
        monkeypatch.setattr(held_passes, "ENTRIES_IN_ROUND", 50)


def _run(
    rows: NDArray[np.uint64],
    rules: Sequence[BlockingRule],
    *,
    is_held: bool = True,
    link_mode: str = "dedupe",
    skipped: Sequence[int] = (),
) -> tuple[PairCollector, list[PassReport]]:
    source = ArrayRecordSource(rows, _sources(len(rows)), 70)
    collector = PairCollector()
    runner = PassRunner(source, LAYOUT, rules, memory_bytes=MEMORY, link_mode=link_mode)
    assert runner._rows_stay
    runner._rows_stay = is_held
    places = [place for place in range(len(rules)) if place not in skipped]
    return collector, [runner.run_rule(place, collector) for place in places]


def _sources(count: int) -> NDArray[np.uint16]:
    return (np.arange(count) * 7 % 3).astype(np.uint16)


def _counts(reports: Sequence[PassReport]) -> list[tuple[object, ...]]:
    return [
        (r.keyed_records, r.unkeyed_records, r.blocks, r.pairs, r.refined_runs, r.window_runs)
        for r in reports
    ]


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("link_mode", ["dedupe", "link_only"])
def test_pairs_equal_brute_force(link_mode: str) -> None:
    """Pairs are the union of the rules' pairs, each once, under the first rule that promises it."""
    rows = random_rows(LAYOUT, 300, 12, seed=1)
    collected, reports = _run(rows, RULES, link_mode=link_mode)
    expected = naive_pairs(rows, _sources(len(rows)), LAYOUT, RULES, link_mode)
    assert expected == collected.once
    assert len(expected) == sum(report.pairs for report in reports)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("link_mode", ["dedupe", "link_only"])
def test_blocks_too_large_are_cut_as_where_rows_travel(link_mode: str) -> None:
    """Held or travelling rows: the same deliveries and counts, blocks over the limit included."""
    rows = random_rows(LAYOUT, 400, 25, seed=3)
    held = _run(rows, CUT_RULES, link_mode=link_mode)
    travelling = _run(rows, CUT_RULES, link_mode=link_mode, is_held=False)
    assert travelling[0].delivered == held[0].delivered
    assert _counts(travelling[1]) == _counts(held[1])
    assert sum(report.refined_runs for report in held[1]) > 5


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(0, 90),
    values=st.integers(1, 40),
    seed=st.integers(0, 1000),
    order=st.permutations(range(len(CUT_RULES))),
    link_mode=st.sampled_from(["dedupe", "link_only"]),
)
def test_any_table_is_paired_as_where_rows_travel(
    count: int, values: int, seed: int, order: Sequence[int], link_mode: str
) -> None:
    """Any table and order of rules: the same deliveries and counts."""
    rows = random_rows(LAYOUT, count, values, seed)
    rules = [CUT_RULES[number] for number in order]
    held = _run(rows, rules, link_mode=link_mode)
    travelling = _run(rows, rules, link_mode=link_mode, is_held=False)
    assert travelling[0].delivered == held[0].delivered
    assert _counts(travelling[1]) == _counts(held[1])


@pytest.mark.parametrize("skipped", [(0,), (0, 1), (1, 3)])
def test_a_rule_that_was_run_before_is_not_needed_again(skipped: tuple[int, ...]) -> None:
    """A resumed run leaves rules out: those after them bring the same pairs as ever."""
    rows = random_rows(LAYOUT, 300, 12, seed=5)
    collected, _ = _run(rows, RULES, skipped=skipped)
    everything = naive_pairs(rows, _sources(len(rows)), LAYOUT, RULES)
    expected = {pair: rule for pair, rule in everything.items() if rule not in skipped}
    assert expected == collected.once


def test_rows_that_only_meet_their_own_number_are_not_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What an earlier rule compared in full is counted as blocks, and not looked at again."""
    rows = np.zeros((60, LAYOUT.n_words), np.uint64)
    for row in range(len(rows)):
        put(rows, LAYOUT, "ssn", row, *pack_text("abcdefghijklmnopqrst"[row % 20] * 5))
        put(rows, LAYOUT, "postcode", row, *pack_text("abcdefghijklmnopqrst"[row % 20] * 3))
    put(rows, LAYOUT, "surname", 7, *pack_text("smith", 2))
    put(rows, LAYOUT, "surname", 28, *pack_text("smith", 2))
    fetched: list[int] = []
    gather = HeldRows.gather

    def counted(self: HeldRows, numbers: NDArray[np.uint32], out: NDArray[np.uint64]) -> None:
        fetched.append(len(numbers))
        gather(self, numbers, out)

    monkeypatch.setattr(HeldRows, "gather", counted)
    rules = [BlockingRule(name, (name,)) for name in ("ssn", "postcode", "surname")]
    collected, reports = _run(rows, rules)
    assert [60, 2] == fetched
    assert [20, 20, 1] == [report.blocks for report in reports]
    assert [60, 0, 1] == [report.pairs for report in reports]
    assert 61 == len(collected.once)
