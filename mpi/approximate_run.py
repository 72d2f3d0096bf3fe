"""Candidate pairs by likeness for the records that exact rules left alone, scored."""

from __future__ import annotations

import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking.approximate import ApproximateOptions, run_approximate
from blocking.context import CandidateChunk
from blocking.rule_sets import applicable_rules
from blocking.rules import rules_from_dicts
from matching.compiled import CompiledModel
from mpi.ingest import Ingested
from mpi.progress import Progress
from mpi.score_run import KEEP_WEIGHT_MIN, Edges, Scored, relative_of
from mpi.train_run import PairSpace, pairs_in_space
from person.records import origin_rows

__all__ = ["add_approximate"]

PARTNER_WEIGHT_MIN: Final = 0.0
"""A record with a pair from here on has found a partner, and asks for no other."""


class _Kept:
    """Takes scored chunks from any thread."""

    def __init__(self, compiled: CompiledModel, space: PairSpace) -> None:
        self._compiled = compiled
        self._space = space
        self._lock = threading.Lock()
        self.pair_count = 0
        self.pieces: list[tuple[NDArray[Any], ...]] = []

    def consume(self, chunk: CandidateChunk) -> None:
        left, right = pairs_in_space(chunk, self._space)
        if len(left) == 0:
            return
        scores = self._compiled.score(
            chunk.rows, chunk.rows, left, right, weight_min=KEEP_WEIGHT_MIN
        )
        kept = np.flatnonzero(scores.weight >= KEEP_WEIGHT_MIN)
        rows = origin_rows(chunk.rows)
        pair = scores.pair[kept]
        a, b = rows[left[pair]], rows[right[pair]]
        piece = (
            np.minimum(a, b),
            np.maximum(a, b),
            scores.weight[kept],
            self._compiled.patterns(np.ascontiguousarray(scores.cells[:, kept])),
            relative_of(scores)[kept],
        )
        with self._lock:
            self.pair_count += len(left)
            self.pieces.append(piece)


def add_approximate(
    scored: Scored,
    ingested: Ingested,
    compiled: CompiledModel,
    space: PairSpace,
    *,
    memory_bytes: int,
    progress: Progress,
    options: ApproximateOptions | None = None,
) -> Scored:
    """Add the pairs that likeness finds for records that no rule has brought a partner.

    Parameters
    ----------
    scored : what the blocking rules brought
    ingested : encoded records
    compiled : the model that scored them; its blocking rules are those that were run
    space : which pairs the job asks about
    memory_bytes : for the index and the rows of a batch
    progress : told of the records that ask
    options : how far to look

    Returns
    -------
    Scored; its edges are sorted as before, each pair once, of the same types

    Raises
    ------
    ConfigError : faiss is not installed
    BlockingError : the index does not fit into `memory_bytes`
    """
    edges = scored.edges
    asks = np.ones(ingested.record_count, np.bool_)
    likely = edges.weight >= PARTNER_WEIGHT_MIN
    asks[edges.left[likely]] = asks[edges.right[likely]] = False
    kept = _Kept(compiled, space)
    rules = rules_from_dicts(compiled.model.blocking_rules)
    with progress.stage("look for likeness", int(np.count_nonzero(asks))) as stage:
        report = run_approximate(
            ingested.store,
            ingested.layout,
            applicable_rules(rules, ingested.layout.positions).rules,
            asks,
            link_mode="link_only" if space.mode == "link_only" else "dedupe",
            memory_bytes=memory_bytes,
            consumer=kept.consume,
            overflow=ingested.overflow,
            options=options,
        )
        stage.advance(report.keyed_records)
    return Scored(
        edges=_merged(edges, kept.pieces),
        pair_count=scored.pair_count + kept.pair_count,
        passes=[*scored.passes, report],
    )


def _merged(edges: Edges, pieces: list[tuple[NDArray[Any], ...]]) -> Edges:
    columns = (edges.left, edges.right, edges.weight, edges.pattern, edges.relative)
    joined = [
        np.concatenate([column, *(piece[i].astype(column.dtype) for piece in pieces)])
        for i, column in enumerate(columns)
    ]
    order = np.lexsort((joined[1], joined[0]))
    left, right = joined[0][order], joined[1][order]
    first = np.ones(len(left), np.bool_)
    first[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    return Edges(*(column[order[first]] for column in joined))
