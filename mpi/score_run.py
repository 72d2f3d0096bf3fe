"""Score every candidate pair; keep the likely ones, count them all.

Memory: 40 bytes a kept pair; the others are only counted.
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
from matching.compiled import CompiledModel, PairScores, relative_chance
from mpi.ingest import Ingested
from mpi.progress import Progress
from mpi.train_run import PairSpace, pairs_in_space
from person.records import origin_rows
from person.threads import map_slices, slices

__all__ = ["Edges", "Scored", "rescore", "score_candidates"]

KEEP_WEIGHT_MIN: Final = -16.0
"""Pairs below this weight (odds of 1 in 65,000) are counted, not kept."""
RESCORE_PAIRS: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Edges:
    """Scored pairs, each once, sorted by (left, right).

    Attributes
    ----------
    left, right : int64[n_edges], record numbers, left < right
    weight : float64[n_edges], match weight
    pattern : int64[n_edges], agreement pattern
    relative : float64[n_edges], chance of being two people of one household
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    weight: NDArray[np.float64]
    pattern: NDArray[np.int64]
    relative: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.left)

    def take(self, chosen: NDArray[Any]) -> Edges:
        return Edges(
            self.left[chosen],
            self.right[chosen],
            self.weight[chosen],
            self.pattern[chosen],
            self.relative[chosen],
        )

    def shifted(self, bits: float) -> Edges:
        """The same pairs with `bits` added to the prior odds of a match.

        A pair that is no match is as likely one of two relatives as before.
        """
        weight = self.weight + bits
        no_match = np.exp2(np.logaddexp2(0.0, self.weight) - np.logaddexp2(0.0, weight))
        return Edges(self.left, self.right, weight, self.pattern, self.relative * no_match)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The outcome of the scoring passes.

    Attributes
    ----------
    edges : pairs worth keeping
    pair_count : candidate pairs compared, kept or not
    passes : what each blocking rule did
    """

    edges: Edges
    pair_count: int
    passes: Sequence[Any]


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
            part = {"pairs": 0, "edges": []}
            self._local.part = part
            with self._lock:
                self._parts.append(part)
        return part

    def consume(self, chunk: CandidateChunk) -> None:
        left, right = pairs_in_space(chunk, self._space)
        if len(left) == 0:
            return
        part = self._mine()
        part["pairs"] += len(left)
        scores = self._compiled.score(
            chunk.rows, chunk.rows, left, right, weight_min=KEEP_WEIGHT_MIN
        )
        kept = np.flatnonzero(scores.weight >= KEEP_WEIGHT_MIN)
        if len(kept) == 0:
            return
        pair = scores.pair[kept]
        rows = origin_rows(chunk.rows)
        a, b = rows[left[pair]], rows[right[pair]]
        patterns = self._compiled.patterns(np.ascontiguousarray(scores.cells[:, kept]))
        relative = relative_of(scores)[kept]
        edge = (np.minimum(a, b), np.maximum(a, b), scores.weight[kept], patterns, relative)
        part["edges"].append(edge)

    def edges(self) -> Edges:
        pieces = [piece for part in self._parts for piece in part["edges"]]
        if not pieces:
            empty = np.zeros(0, np.int64)
            return Edges(empty, empty, np.zeros(0), empty, np.zeros(0))
        left, right, weight, pattern, relative = (
            np.concatenate([piece[i] for piece in pieces]) for i in range(5)
        )
        order = np.lexsort((right, left))
        left, right = left[order], right[order]
        # A pair met again inside a refined block carries the same weight; keep one.
        first = np.ones(len(left), np.bool_)
        first[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
        chosen = order[first]
        return Edges(left[first], right[first], weight[chosen], pattern[chosen], relative[chosen])

    def pair_count(self) -> int:
        return sum(part["pairs"] for part in self._parts)


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
    progress : told of the pairs scored

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
            overflow=ingested.overflow,
        )
        stage.advance(collector.pair_count())
    return Scored(edges=collector.edges(), pair_count=collector.pair_count(), passes=passes)


def rescore(ingested: Ingested, compiled: CompiledModel, edges: Edges) -> Edges:
    """Weigh kept pairs again with another model of the same comparisons.

    Rows are gathered by number, RESCORE_PAIRS pairs at a time on each thread.
    """

    def weigh(part: slice) -> tuple[NDArray[Any], ...]:
        rows, a, b = ingested.store.gather_pairs(edges.left[part], edges.right[part])
        scores = compiled.score(rows, rows, a, b)
        return scores.weight, compiled.patterns(scores.cells), relative_of(scores)

    parts = map_slices(weigh, slices(len(edges), RESCORE_PAIRS))
    if not parts:
        return edges
    weight, pattern, relative = (np.concatenate([part[i] for part in parts]) for i in range(3))
    return Edges(edges.left, edges.right, weight, pattern, relative)


def relative_of(scores: PairScores) -> NDArray[np.float64]:
    """Chance of each pair to be two people of one household, float64[n_pairs]."""
    if scores.relative_weight is None:
        return np.zeros(len(scores.weight))
    match = scores.weight + np.logaddexp2(0.0, scores.relative_weight)
    return relative_chance(match, scores.relative_weight)
