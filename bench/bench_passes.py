"""Blocking passes over an encoded store, all cores: pairs alone, and pairs scored."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import pytest

from bench.workload import MEMORY_BYTES, Workload
from blocking.context import CandidateChunk
from mpi.progress import NO_PROGRESS
from mpi.score_run import score_candidates

Measure = Callable[..., Any]


class _PairCount:
    def __init__(self) -> None:
        self.pairs = 0
        self._lock = Lock()

    def __call__(self, chunk: CandidateChunk) -> None:
        with self._lock:
            self.pairs += len(chunk.left)


def bench_passes_without_scoring(workload: Workload, measure: Measure) -> None:
    """Every default rule; the consumer only counts."""

    def run() -> tuple[int, int]:
        counter = _PairCount()
        reports = workload.run_passes(counter)
        return counter.pairs, sum(report.pairs for report in reports)

    passed = len(workload.rules) * workload.ingested.record_count
    delivered, reported = measure(
        run,
        units=lambda result: {"pairs": result[0], "records_passed": passed},
        rounds=3,
        rules=len(workload.rules),
    )
    assert 0 < delivered == reported


@pytest.mark.parametrize("number", [0, 1, 3])
def bench_one_pass(workload: Workload, measure: Measure, number: int) -> None:
    """One rule alone: what reading, partitioning and grouping cost a record."""
    rule = workload.rules[number]

    def run() -> int:
        counter = _PairCount()
        workload.run_passes(counter, (rule,))
        return counter.pairs

    units = {"records_passed": workload.ingested.record_count}
    assert measure(run, units=units, rounds=3, rule=rule.name) > 0


def bench_passes_with_scoring(workload: Workload, measure: Measure) -> None:
    """Every default rule; each pair compared and weighed, the likely ones kept."""

    def run() -> Any:
        return score_candidates(
            workload.ingested,
            workload.compiled,
            workload.rules,
            workload.space,
            memory_bytes=MEMORY_BYTES,
            progress=NO_PROGRESS,
        )

    records = workload.ingested.record_count
    scored = measure(
        run,
        units=lambda result: {"pairs": result.pair_count, "records": records},
        rounds=3,
        rules=len(workload.rules),
    )
    assert 0 < len(scored.edges) <= scored.pair_count
