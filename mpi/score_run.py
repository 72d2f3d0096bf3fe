"""Score every candidate pair; keep the likely ones, count them all.

Memory: 28 bytes a kept pair, 64 while they are sorted; the others are only counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking.context import CandidateChunk, Consumer
from blocking.passes import PassRunner
from blocking.report import PassReport
from blocking.rules import BlockingRule
from blocking.scan import KEY_SHARES
from matching.compiled import CompiledModel, PairScores
from matching.kernels.weights import fill_relative_chances
from mpi.edge_sink import EdgeSink
from mpi.ingest import Ingested
from mpi.progress import Progress
from mpi.train_run import PairSpace, pairs_in_space
from person.threads import map_slices, slices

__all__ = ["Edges", "Scored", "ScoredRule", "rescore", "score_candidates"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRule:
    """What one rule brought: as much of scoring as a killed run need not repeat.

    Attributes
    ----------
    report : what the rule did
    pieces : its kept pairs, as `EdgeSink.new_pieces` gives them
    pair_count : pairs compared
    oversized : uint64[k], keys of blocks too large to compare in full, which later rules must know
    """

    report: PassReport
    pieces: list[NDArray[np.uint64]]
    pair_count: int
    oversized: NDArray[np.uint64]


_Keep = Callable[[str, Callable[[], ScoredRule]], ScoredRule]


@dataclass(frozen=True, slots=True)
class _RuleByRule:
    """Runs rules, or takes over what a run before this one has kept of them."""

    runner: PassRunner
    sink: EdgeSink
    consume: Consumer
    keep_prefixes: int | None
    keep: _Keep | None

    def score(self, place: int) -> PassReport:
        """Score a rule's pairs into the sink."""
        was_run: list[int] = []

        def run() -> ScoredRule:
            was_run.append(place)
            return self._run(place)

        made = run() if self.keep is None else self.keep(f"score {place + 1}", run)
        if not was_run:
            self.sink.put_back(made.pieces, made.pair_count)
            for key in made.oversized.tolist():
                self.runner.oversized[place].add(key)
        return made.report

    def _run(self, place: int) -> ScoredRule:
        before = self.sink.pair_count
        report = self.runner.run_rule(place, self.consume, keep_prefixes=self.keep_prefixes)
        return ScoredRule(
            report=report,
            pieces=self.sink.new_pieces(),
            pair_count=self.sink.pair_count - before,
            oversized=self.runner.oversized[place].keys(),
        )


def score_candidates(
    ingested: Ingested,
    compiled: CompiledModel,
    rules: Sequence[BlockingRule],
    space: PairSpace,
    *,
    memory_bytes: int,
    progress: Progress,
    key_share: float = 1.0,
    keep: _Keep | None = None,
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
    keep : keeps what a rule brought under a name, or gives what it has kept before instead of
        calling what makes it

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

    prefixes = None if key_share >= 1.0 else max(round(key_share * KEY_SHARES), 1)

    def run_rules() -> list[PassReport]:
        runner = PassRunner(
            ingested.store,
            ingested.layout,
            rules,
            memory_bytes=memory_bytes,
            link_mode="link_only" if space.mode == "link_only" else "dedupe",
            overflow=ingested.overflow,
        )
        each = _RuleByRule(runner, sink, consume, prefixes, keep)
        return [each.score(place) for place in range(len(rules))]

    with progress.stage("score candidate pairs") as stage:
        passes = run_rules()  # whose buffers are let go of before pairs are sorted
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
