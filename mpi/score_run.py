"""Score every candidate pair; keep the likely ones, count them all.

Memory: 28 bytes a kept pair, and a histogram of 4,096 bins for all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking.buckets import CandidateChunk
from blocking.passes import run_passes
from blocking.rules import BlockingRule
from matching.compiled import CompiledModel
from mpi.ingest import Ingested
from mpi.progress import Progress
from mpi.train_run import PairSpace, pairs_in_space
from person.records import ORIGIN_ROW_MASK

__all__ = ["BINS_PER_BIT", "Edges", "Scored", "histogram_weights", "score_candidates"]

BINS_PER_BIT: Final = 16
_HALF_RANGE_BITS: Final = 128
_BIN_COUNT: Final = 2 * _HALF_RANGE_BITS * BINS_PER_BIT
KEEP_PROBABILITY_MIN: Final = -16.0
"""Pairs below this weight (odds of 1 in 65,000) are counted, not kept."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Scored pairs, each once, sorted by (left, right).

    Attributes
    ----------
    left, right : int64[n_edges], record numbers, left < right
    weight : float64[n_edges], match weight
    pattern : int64[n_edges], agreement pattern
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    weight: NDArray[np.float64]
    pattern: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.left)

    def take(self, chosen: NDArray[Any]) -> Edges:
        return Edges(
            self.left[chosen], self.right[chosen], self.weight[chosen], self.pattern[chosen]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The outcome of the scoring passes.

    Attributes
    ----------
    edges : pairs worth keeping
    histogram : int64[n_bins], candidate pairs by match weight
    cell_counts : comparison -> int64[null_cell_count], candidate pairs by cell
    passes : what each blocking rule did
    """

    edges: Edges
    histogram: NDArray[np.int64]
    cell_counts: tuple[NDArray[np.int64], ...]
    passes: Sequence[Any]

    @property
    def pair_count(self) -> int:
        return int(self.histogram.sum())


def histogram_weights() -> NDArray[np.float64]:
    """Match weight at the middle of each bin, float64[n_bins]."""
    return (np.arange(_BIN_COUNT) + 0.5) / BINS_PER_BIT - _HALF_RANGE_BITS


class _Collector:
    """Takes scored chunks from any thread; each thread fills arrays of its own."""

    def __init__(self, compiled: CompiledModel, space: PairSpace) -> None:
        self._compiled = compiled
        self._space = space
        self._local = threading.local()
        self._lock = threading.Lock()
        self._parts: list[dict[str, Any]] = []

    def _mine(self) -> dict[str, Any]:
        part: dict[str, Any] | None = getattr(self._local, "part", None)
        if part is None:
            part = {
                "histogram": np.zeros(_BIN_COUNT, np.int64),
                "cells": [
                    np.zeros(c.null_cell_count, np.int64) for c in self._compiled.comparisons
                ],
                "edges": [],
            }
            self._local.part = part
            with self._lock:
                self._parts.append(part)
        return part

    def consume(self, chunk: CandidateChunk) -> None:
        left, right = pairs_in_space(chunk, self._space)
        if len(left) == 0:
            return
        part = self._mine()
        scores = self._compiled.score(chunk.rows, chunk.rows, left, right)
        place = (scores.weight + _HALF_RANGE_BITS) * BINS_PER_BIT
        bins = np.clip(place, 0, _BIN_COUNT - 1).astype(np.int64)
        part["histogram"] += np.bincount(bins, minlength=_BIN_COUNT)
        for number, counts in enumerate(part["cells"]):
            counts += np.bincount(scores.cells[number], minlength=len(counts))
        kept = np.flatnonzero(scores.weight >= KEEP_PROBABILITY_MIN)
        if len(kept) == 0:
            return
        rows = (chunk.rows[:, -1] & np.uint64(ORIGIN_ROW_MASK)).astype(np.int64)
        a, b = rows[left[kept]], rows[right[kept]]
        patterns = self._compiled.patterns(np.ascontiguousarray(scores.cells[:, kept]))
        part["edges"].append((np.minimum(a, b), np.maximum(a, b), scores.weight[kept], patterns))

    def edges(self) -> Edges:
        pieces = [piece for part in self._parts for piece in part["edges"]]
        if not pieces:
            empty = np.zeros(0, np.int64)
            return Edges(empty, empty, np.zeros(0), empty)
        left, right, weight, pattern = (
            np.concatenate([piece[i] for piece in pieces]) for i in range(4)
        )
        order = np.lexsort((right, left))
        left, right = left[order], right[order]
        # A pair met again inside a refined block carries the same weight; keep one.
        first = np.ones(len(left), np.bool_)
        first[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
        return Edges(left[first], right[first], weight[order][first], pattern[order][first])

    def histogram(self) -> NDArray[np.int64]:
        total = np.zeros(_BIN_COUNT, np.int64)
        for part in self._parts:
            total += part["histogram"]
        return total

    def cell_counts(self) -> tuple[NDArray[np.int64], ...]:
        totals = [np.zeros(c.null_cell_count, np.int64) for c in self._compiled.comparisons]
        for part in self._parts:
            for total, counts in zip(totals, part["cells"], strict=True):
                total += counts
        return tuple(totals)


def score_candidates(
    ingested: Ingested,
    compiled: CompiledModel,
    rules: Sequence[BlockingRule],
    space: PairSpace,
    *,
    memory_bytes: int,
    progress: Progress,
) -> Scored:
    """Run the blocking passes and score each candidate pair once.

    Parameters
    ----------
    ingested : encoded records
    compiled : trained model, compiled for their layout
    rules : blocking rules, in order of precedence
    space : which pairs the job asks about
    memory_bytes : for the passes' buffers

    Returns
    -------
    Scored
    """
    collector = _Collector(compiled, space)
    with progress.stage("score candidate pairs") as stage:
        passes = run_passes(
            ingested.store,
            ingested.layout,
            rules,
            memory_bytes=memory_bytes,
            link_mode="link_only" if space.mode == "link_only" else "dedupe",
            consumer=collector.consume,
        )
        histogram = collector.histogram()
        stage.advance(int(histogram.sum()))
    return Scored(
        edges=collector.edges(),
        histogram=histogram,
        cell_counts=collector.cell_counts(),
        passes=passes,
    )
