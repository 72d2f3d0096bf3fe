"""Kernels on one core: key transforms, comparators, the whole model, sorting.

Pairs are the candidate pairs of the default rules, in the order and with the rows that a pass
hands them to its consumer; rows of a run lie together as they do there. Residents have the full
resident model; people in FEBRL's columns (`bench.latin`) show the Latin string comparators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pytest

from bench.workload import Pairs, Workload
from blocking.keys import resolve_rules
from mpi.score_run import KEEP_WEIGHT_MIN

Measure = Callable[..., Any]
PAIRS_MAX: Final = 2_000_000
LATIN_PAIRS_MAX: Final = 1_000_000
ROWS_MAX: Final = 500_000
COMPARISONS: Final = (
    "name", "id_number", "birth_date", "gender", "phone", "region_code", "address",
)  # fmt: skip


@pytest.fixture(scope="module")
def pairs(workload: Workload) -> Pairs:
    return workload.candidate_pairs(PAIRS_MAX)


@pytest.fixture(scope="module")
def latin_pairs(latin_workload: Workload) -> Pairs:
    return latin_workload.candidate_pairs(LATIN_PAIRS_MAX)


def bench_score_full_model(workload: Workload, pairs: Pairs, measure: Measure) -> None:
    """The full resident model, every comparison of every pair: no pair is given up."""
    _measure_full_model(workload, pairs, measure)


def bench_score_with_early_exit(workload: Workload, pairs: Pairs, measure: Measure) -> None:
    """The same as a pass scores: pairs that cannot reach the least weight kept are given up."""
    _measure_early_exit(workload, pairs, measure)


def bench_latin_score_full_model(
    latin_workload: Workload, latin_pairs: Pairs, measure: Measure
) -> None:
    """The full FEBRL model, with Latin string comparators."""
    _measure_full_model(latin_workload, latin_pairs, measure)


def bench_latin_score_with_early_exit(
    latin_workload: Workload, latin_pairs: Pairs, measure: Measure
) -> None:
    """The same as a pass scores."""
    _measure_early_exit(latin_workload, latin_pairs, measure)


def _measure_full_model(workload: Workload, pairs: Pairs, measure: Measure) -> None:
    def score() -> list[float]:
        return [
            float(workload.compiled.score(c.rows, c.rows, c.left, c.right).weight.sum())
            for c in pairs.chunks
        ]

    totals = measure(score, units={"pairs": len(pairs)}, threads=1)
    assert np.isfinite(totals).all()


def _measure_early_exit(workload: Workload, pairs: Pairs, measure: Measure) -> None:
    def score() -> int:
        kept = 0
        for c in pairs.chunks:
            scores = workload.compiled.score(
                c.rows, c.rows, c.left, c.right, weight_min=KEEP_WEIGHT_MIN
            )
            kept += int(np.count_nonzero(scores.weight >= KEEP_WEIGHT_MIN))
        return kept

    kept = measure(score, units={"pairs": len(pairs)}, threads=1)
    full = (workload.compiled.score(c.rows, c.rows, c.left, c.right).weight for c in pairs.chunks)
    assert kept == sum(int(np.count_nonzero(weight >= KEEP_WEIGHT_MIN)) for weight in full)


@pytest.mark.parametrize("field", COMPARISONS)
def bench_compare(workload: Workload, pairs: Pairs, measure: Measure, field: str) -> None:
    """One comparator alone."""
    part = next(
        part
        for each in workload.compiled.comparisons
        for part in each.parts
        if part.part.fields[0] == field
    )
    grades = np.empty(max(len(c.left) for c in pairs.chunks), np.uint8)

    def compare() -> int:
        likest = 0
        for c in pairs.chunks:
            out = grades[: len(c.left)]
            part.kernel(c.rows, c.rows, c.left, c.right, part.slots, part.tables, part.cutoffs, out)
            likest += int(np.count_nonzero(out == 0))
        return likest

    likest = measure(compare, units={"pairs": len(pairs)}, threads=1)
    assert 0 < likest <= len(pairs)


@pytest.mark.parametrize("number", range(12))
def bench_block_key(workload: Workload, measure: Measure, number: int) -> None:
    """All key parts of one default rule."""
    if number >= len(workload.rules):
        pytest.skip("the table has fewer rules")
    rule = workload.rules[number]
    resolved = resolve_rules([rule], workload.ingested.layout, workload.ingested.overflow)
    rows = workload.rows(ROWS_MAX)
    out = np.zeros((len(resolved.parts), len(rows)), np.uint64)

    def fill() -> int:
        resolved.fill_parts(range(len(resolved.parts)), rows, out)
        return int(np.count_nonzero(out[0]))

    assert 0 < measure(fill, units={"rows": len(rows)}, threads=1, rule=rule.name) <= len(rows)


def bench_sort_hashes(workload: Workload, measure: Measure) -> None:
    """Sorting 64-bit values: the floor of everything that groups by sorting."""
    values = np.random.default_rng(1).integers(0, 1 << 63, 4 * ROWS_MAX).astype(np.uint64)
    ordered = measure(lambda: np.sort(values), units={"values": len(values)}, threads=1)
    assert (ordered[1:] >= ordered[:-1]).all()
