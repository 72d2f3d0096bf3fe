"""Candidate pairs of rows that are carried from rule to rule on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blocking import BlockingRule
from blocking.spilled import SpilledRunner
from person.errors import ConfigError
from person.records import ArrayRecordSource
from tests.blocking.naive import PairCollector, naive_pairs, random_rows, western_layout

LAYOUT = western_layout()
RULES = (
    BlockingRule("id", ("ssn",)),
    BlockingRule("surname + birth date", ("surname", "birth_date")),
    BlockingRule("sounds", ("given_name:soundex", "surname:soundex")),
    BlockingRule("names in any order", ("given_name+surname:unordered", "postcode")),
)
MEMORY = 1 << 26


def _sources(count: int) -> np.ndarray:
    return (np.arange(count) * 7 % 3).astype(np.uint16)


@pytest.mark.parametrize("link_mode", ["dedupe", "link_only"])
@pytest.mark.parametrize("partition_rows", [60, 12_000_000])
@pytest.mark.parametrize("chunk_rows", [61, 1 << 18])
def test_pairs_equal_brute_force(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    link_mode: str,
    partition_rows: int,
    chunk_rows: int,
) -> None:
    """Pairs are those of `passes`: the union of the rules', each once, under the first rule."""
    monkeypatch.setattr("blocking.spilled.PARTITION_ROWS_MAX", partition_rows)
    rows = random_rows(LAYOUT, 300, 9, seed=1)
    sources = _sources(len(rows))
    source = ArrayRecordSource(rows, sources, chunk_rows)
    collector = PairCollector()
    with SpilledRunner(
        *(source, LAYOUT, RULES), directory=tmp_path, memory_bytes=MEMORY, link_mode=link_mode
    ) as runner:
        runner.distribute()
        reports = [runner.run_rule(place, collector) for place in range(len(RULES))]
    assert naive_pairs(rows, sources, LAYOUT, RULES, link_mode) == collector.once
    assert len(collector.once) == sum(each.pairs for each in reports)
    assert [] == list(tmp_path.iterdir())


def test_batches_that_do_not_fill_blocks_lose_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that wait for a whole block are written with the next batch or at the end, once."""
    monkeypatch.setattr("blocking.spilled.PARTITION_ROWS_MAX", 4_000)
    rows = np.zeros((30_000, LAYOUT.n_words), np.uint64)
    rows[:] = random_rows(LAYOUT, 30_000, 15_000, seed=2)
    seen: list[np.ndarray] = []
    with SpilledRunner(
        *(ArrayRecordSource(rows, chunk_rows=777), LAYOUT, RULES),
        directory=tmp_path,
        memory_bytes=MEMORY,
    ) as runner:
        runner.distribute()
        gather = runner._gather

        def watched(number: int, found: np.ndarray, *rest: object) -> object:
            seen.append(found.copy())
            return gather(number, found, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(runner, "_gather", watched)
        for place in range(len(RULES)):
            seen.clear()
            runner.run_rule(place, lambda _: None)
            found = np.concatenate(seen)
            found = found[np.argsort(found[:, -1])]
            assert np.arange(len(rows)).tolist() == found[:, -1].tolist()
            assert (rows == found[:, :-1]).all()


def test_a_failing_consumer_leaves_nothing_on_disk(tmp_path: Path) -> None:
    """Scratch is removed however the run ends."""
    rows = random_rows(LAYOUT, 300, 9, seed=1)

    def consumer(_: object) -> None:
        raise RuntimeError("stop")

    def run() -> None:
        source = ArrayRecordSource(rows)
        with SpilledRunner(
            *(source, LAYOUT, RULES), directory=tmp_path, memory_bytes=MEMORY
        ) as runner:
            runner.distribute()
            runner.run_rule(0, consumer)

    with pytest.raises(RuntimeError, match="stop"):
        run()
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("rule", "memory_bytes"),
    [(BlockingRule("any phone", ("phone",)), MEMORY), (RULES[0], 1 << 16)],
)
def test_what_cannot_run_is_refused(tmp_path: Path, rule: BlockingRule, memory_bytes: int) -> None:
    """A rule of several keys a record, and memory for no partition."""
    source = ArrayRecordSource(random_rows(LAYOUT, 100_000, 9, seed=1)[:100_000])
    with pytest.raises(ConfigError):
        SpilledRunner(*(source, LAYOUT, (rule,)), directory=tmp_path, memory_bytes=memory_bytes)
