"""Score every candidate pair; keep the likely ones, count them all.

Memory: 28 bytes a kept pair, 64 while they are sorted; the others are only counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking.buckets import CandidateChunk
from blocking.passes import run_passes
from blocking.rules import BlockingRule
from matching.compiled import CompiledModel, PairScores
from matching.kernels.weights import fill_relative_chances
from mpi.edge_sink import EdgeSink
from mpi.ingest import Ingested
from mpi.progress import Progress
from mpi.train_run import PairSpace, pairs_in_space
from person.threads import map_slices, slices

__all__ = ["Edges", "Scored", "rescore", "score_candidates"]

KEEP_WEIGHT_MIN: Final = -16.0
"""Pairs below this weight (odds of 1 in 65,000) are counted, not kept."""
EDGES_SHARE: Final = 8
"""Kept pairs go to a file when they exceed this part of the memory."""

RESCORE_PAIRS: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Edges:
    """Scored pairs, each once, sorted by (left, right).

    Attributes
    ----------
    left, right : int32[n_edges], record numbers, left < right
    weight : float64[n_edges], match weight
    pattern : int64[n_edges], agreement pattern
    relative : float32[n_edges], chance of being two people of one household
    """

    left: NDArray[np.signedinteger[Any]]
    right: NDArray[np.signedinteger[Any]]
    weight: NDArray[np.float64]
    pattern: NDArray[np.int64]
    relative: NDArray[np.floating[Any]]

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


def score_candidates(
    ingested: Ingested,
    compiled: CompiledModel,
    rules: Sequence[BlockingRule],
    space: PairSpace,
    *,
    memory_bytes: int,
    progress: Progress,
    key_share: float = 1.0,
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
    key_share : share of all keys that is looked at, of every rule

    Returns
    -------
    Scored
    """
    sink = EdgeSink(ingested.record_count, KEEP_WEIGHT_MIN, memory_bytes // EDGES_SHARE)

    def consume(chunk: CandidateChunk) -> None:
        left, right = pairs_in_space(chunk, space)
        if len(left):
            scores = compiled.score(chunk.rows, chunk.rows, left, right, weight_min=KEEP_WEIGHT_MIN)
            sink.take(chunk, left, right, scores)

    with progress.stage("score candidate pairs") as stage:
        passes = run_passes(
            ingested.store,
            ingested.layout,
            rules,
            memory_bytes=memory_bytes,
            link_mode="link_only" if space.mode == "link_only" else "dedupe",
            consumer=consume,
            overflow=ingested.overflow,
            key_share=key_share,
        )
        stage.advance(sink.pair_count)
        # A pair met again inside a refined block carries the same weight; the sink keeps one.
        pairs = sink.sorted_pairs()
    return Scored(edges=Edges(*pairs), pair_count=sink.pair_count, passes=passes)


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
    chance = np.zeros(len(scores.weight))
    if scores.relative_weight is not None:
        fill_relative_chances(scores.weight, scores.relative_weight, chance)
    return chance
