"""Candidate pairs against the slow obvious twin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocking import BlockingRule, memory, run_passes, scan
from blocking.passes import PassRunner
from person import threads
from person.errors import ConfigError
from person.records import ArrayRecordSource
from tests.blocking.naive import (
    PairCollector,
    collect_pairs,
    naive_pairs,
    pack_date,
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
    BlockingRule("sounds", ("given_name:soundex", "surname:soundex")),
    BlockingRule("names in any order", ("given_name+surname:unordered", "postcode")),
    BlockingRule("either name", ("given_name+surname:either", "birth_date:year")),
)
SMALL_MEMORY = 1 << 16


def _sources(count: int) -> np.ndarray:
    return (np.arange(count) * 7 % 3).astype(np.uint16)


@pytest.mark.parametrize("link_mode", ["dedupe", "link_and_dedupe", "link_only"])
@pytest.mark.parametrize("memory_bytes", [SMALL_MEMORY, 1 << 26])
@pytest.mark.parametrize("chunk_rows", [61, 1 << 18])
def test_pairs_equal_brute_force(link_mode: str, memory_bytes: int, chunk_rows: int) -> None:
    """Pairs are the union of the rules' pairs, each once, under the first rule that promises it."""
    rows = random_rows(LAYOUT, 300, 9, seed=1)
    sources = _sources(len(rows))
    collected = collect_pairs(
        rows,
        LAYOUT,
        RULES,
        sources=sources,
        chunk_rows=chunk_rows,
        memory_bytes=memory_bytes,
        link_mode=link_mode,
    )
    assert naive_pairs(rows, sources, LAYOUT, RULES, link_mode) == collected.once


@pytest.mark.parametrize("link_mode", ["dedupe", "link_only"])
@pytest.mark.parametrize("memory_bytes", [SMALL_MEMORY, 1 << 26])
def test_runs_known_by_a_plain_value_lose_no_pair(link_mode: str, memory_bytes: int) -> None:
    """Runs that an earlier rule of whole values delivered are dropped, and only those."""
    rules = (BlockingRule("postcode", ("postcode",)), *RULES[1:5])
    rows = random_rows(LAYOUT, 300, 12, seed=4)
    sources = _sources(len(rows))
    collected = collect_pairs(
        rows, LAYOUT, rules, sources=sources, memory_bytes=memory_bytes, link_mode=link_mode
    )
    assert naive_pairs(rows, sources, LAYOUT, rules, link_mode) == collected.once


@pytest.mark.parametrize("is_worth_it", [True, False])
def test_pairs_do_not_depend_on_the_counting_filter(
    monkeypatch: pytest.MonkeyPatch, is_worth_it: bool
) -> None:
    """Keys seen once are dropped, or carried along where few are: the pairs are the same."""
    monkeypatch.setattr(scan, "SAMPLE_LEAST", 0)
    monkeypatch.setattr(scan, "FILTER_SHARE_LEAST", -1.0 if is_worth_it else 1.0)
    rows = random_rows(LAYOUT, 300, 9, seed=2)
    sources = _sources(len(rows))
    collected = collect_pairs(rows, LAYOUT, RULES, sources=sources, memory_bytes=1 << 26)
    assert naive_pairs(rows, sources, LAYOUT, RULES, "dedupe") == collected.once


@settings(max_examples=25)
@given(
    count=st.integers(0, 80),
    values=st.integers(1, 30),
    seed=st.integers(0, 1000),
    chunk_rows=st.integers(1, 100),
    which=st.lists(st.integers(0, len(RULES) - 1), min_size=1, max_size=6, unique=True),
    link_mode=st.sampled_from(["dedupe", "link_only"]),
)
def test_pairs_equal_brute_force_for_any_rules(
    count: int, values: int, seed: int, chunk_rows: int, which: list[int], link_mode: str
) -> None:
    """Any table, chunk size and order of rules: exactly the promised pairs."""
    rows = random_rows(LAYOUT, count, values, seed)
    sources = _sources(count)
    rules = [RULES[number] for number in which]
    collected = collect_pairs(
        rows, LAYOUT, rules, sources=sources, chunk_rows=chunk_rows, link_mode=link_mode
    )
    assert naive_pairs(rows, sources, LAYOUT, rules, link_mode) == collected.once


def test_pairs_do_not_depend_on_row_order() -> None:
    """Shuffled records give the same pairs of the same records."""
    rows = random_rows(LAYOUT, 300, 9, seed=2)
    order = np.random.default_rng(0).permutation(len(rows))
    straight = collect_pairs(rows, LAYOUT, RULES).once
    shuffled = collect_pairs(rows[order], LAYOUT, RULES).once
    back = {
        (min(order[left], order[right]), max(order[left], order[right])): rule
        for (left, right), rule in shuffled.items()
    }
    assert straight == back


@pytest.mark.parametrize("thread_count", [1, 3])
def test_pairs_do_not_depend_on_threads(thread_count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker or several deliver the same pairs."""
    rows = random_rows(LAYOUT, 3000, 500, seed=3)
    expected = collect_pairs(rows, LAYOUT, RULES).once
    monkeypatch.setenv("MPI_THREADS", str(thread_count))
    threads._pool.cache_clear()
    try:
        assert expected == collect_pairs(rows, LAYOUT, RULES, chunk_rows=500).once
    finally:
        threads._pool.cache_clear()


def test_a_record_with_two_keys_comes_once_where_its_buckets_are_merged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two keys counted in two buckets, which then become one, bring one row and no other's."""
    rows = random_rows(LAYOUT, 3000, 500, seed=3)
    found = []
    for buckets in (1, 16):
        monkeypatch.setattr(memory, "BUCKETS_LEAST", buckets)
        found.append(collect_pairs(rows, LAYOUT, RULES[:3]).once)
    assert found[0] == found[1]


def test_small_memory_takes_several_rounds_and_gives_the_same_pairs() -> None:
    """A memory budget below the table's size means more rounds, never other pairs."""
    rows = _numbered_rows(40_000, per_value=4)
    rule = BlockingRule("id", ("ssn",))
    collector = PairCollector()
    source = ArrayRecordSource(rows, chunk_rows=5000)
    runner = PassRunner(source, LAYOUT, [rule], memory_bytes=1 << 19)
    report = runner.run_rule(0, collector)
    assert report.rounds > 3
    assert 10_000 * 6 == len(collector.once) == report.pairs
    assert 10_000 == report.blocks
    assert 40_000 == report.keyed_records


def test_subset_runs_rules_as_if_alone() -> None:
    """Rules outside the subset take no pair away; the index still counts all rules."""
    rows = random_rows(LAYOUT, 200, 9, seed=4)
    collector = PairCollector()
    reports = run_passes(
        ArrayRecordSource(rows),
        LAYOUT,
        RULES,
        memory_bytes=1 << 24,
        link_mode="dedupe",
        consumer=collector,
        rule_subset=[3],
    )
    expected = naive_pairs(rows, _sources(len(rows)), LAYOUT, RULES[3:4])
    assert dict.fromkeys(expected, 3) == collector.once
    assert [3] == [report.rule_index for report in reports]


def test_chunks_are_small_and_grouped_by_left() -> None:
    """A chunk holds at most 32768 pairs, left before right, all pairs of one left together."""
    rows = _numbered_rows(900, per_value=900)
    seen = []

    def consumer(chunk: object) -> None:
        left, right = chunk.left, chunk.right  # type: ignore[attr-defined]
        assert 0 < len(left) == len(right) <= 32768
        assert bool(np.all(left < right))
        assert bool(np.all(np.diff(left) >= 0))
        assert LAYOUT.n_words + 1 == chunk.rows.shape[1]  # type: ignore[attr-defined]
        seen.append(len(left))

    run_passes(
        ArrayRecordSource(rows),
        LAYOUT,
        [BlockingRule("id", ("ssn",))],
        memory_bytes=1 << 24,
        link_mode="dedupe",
        consumer=consumer,
    )
    assert 900 * 899 // 2 == sum(seen)
    assert len(seen) > 10


def test_records_without_a_part_have_no_key() -> None:
    """A missing part gives no key: such records are counted and never paired."""
    rows = np.zeros((4, LAYOUT.n_words), np.uint64)
    for row in range(4):
        put(rows, LAYOUT, "surname", row, *pack_text("smith", 2))
    put(rows, LAYOUT, "birth_date", 0, pack_date(1980, 2, 3))
    put(rows, LAYOUT, "birth_date", 1, pack_date(1980, 2, 3))
    put(rows, LAYOUT, "birth_date", 2, pack_date(1980))
    collector = PairCollector()
    (report,) = run_passes(
        ArrayRecordSource(rows),
        LAYOUT,
        [BlockingRule("", ("surname", "birth_date"))],
        memory_bytes=1 << 20,
        link_mode="dedupe",
        consumer=collector,
    )
    assert {(0, 1): 0} == collector.once
    assert (2, 2) == (report.keyed_records, report.unkeyed_records)
    assert "surname + birth_date" == report.rule


@pytest.mark.parametrize("count", [0, 1])
def test_tables_too_small_for_pairs_pass(count: int) -> None:
    """No record or one record: no pairs, no error."""
    rows = random_rows(LAYOUT, count, 3, seed=5)
    assert {} == collect_pairs(rows, LAYOUT, RULES).once


def test_a_mapped_read_only_source_is_read(tmp_path: Path) -> None:
    """Rows may come from read-only memory."""
    rows = random_rows(LAYOUT, 200, 9, seed=6)
    expected = collect_pairs(rows, LAYOUT, RULES).once
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    collector = PairCollector()
    source = ArrayRecordSource(rows)
    source._rows = mapped
    run_passes(source, LAYOUT, RULES, memory_bytes=1 << 24, link_mode="dedupe", consumer=collector)
    assert expected == collector.once


def test_a_failing_consumer_ends_the_run() -> None:
    """An error on a worker thread reaches the caller."""

    def consumer(chunk: object) -> None:
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        run_passes(
            ArrayRecordSource(_numbered_rows(100, per_value=2)),
            LAYOUT,
            [BlockingRule("id", ("ssn",))],
            memory_bytes=1 << 20,
            link_mode="dedupe",
            consumer=consumer,
        )


@pytest.mark.parametrize(
    ("rule", "link_mode", "message"),
    [
        (BlockingRule("x", ("nothing",)), "dedupe", "nothing"),
        (BlockingRule("x", ("surname:syllables",)), "dedupe", "no transform"),
        (BlockingRule("x", ("surname:first",)), "dedupe", "needs a number"),
        (BlockingRule("x", ("surname:first:11",)), "dedupe", "1 to 10"),
        (BlockingRule("x", ("surname:soundex:2",)), "dedupe", "no argument"),
        (BlockingRule("x", ("surname+given_name:soundex",)), "dedupe", "unordered"),
        (BlockingRule("x", ("surname",)), "sideways", "link mode"),
    ],
)
def test_bad_rules_are_refused_before_reading(
    rule: BlockingRule, link_mode: str, message: str
) -> None:
    """What cannot be run is refused by name."""
    with pytest.raises(ConfigError, match=message):
        run_passes(
            ArrayRecordSource(np.zeros((1, LAYOUT.n_words), np.uint64)),
            LAYOUT,
            [rule],
            memory_bytes=1 << 20,
            link_mode=link_mode,
            consumer=PairCollector(),
        )


def _numbered_rows(count: int, per_value: int) -> np.ndarray:
    """Rows whose identifier is shared by `per_value` of them, spread over the table."""
    rows = np.zeros((count, LAYOUT.n_words), np.uint64)
    word, shift, _ = LAYOUT.slots("ssn")[0].tolist()
    values = np.arange(count) % (count // per_value) + 1
    rows[:, word] = values.astype(np.uint64) << np.uint64(shift)
    return rows
