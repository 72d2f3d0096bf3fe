"""From scored pairs to decisions and clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from matching.compiled import CompiledModel, PairScores
from matching.model import Model
from mpi.calibration import Thresholds, match_probability
from mpi.clustering import (
    ClusterOptions,
    ClusterOutcome,
    MergeGuard,
    RefusalReason,
    cluster_constrained,
    connected_components,
    one_to_one,
)
from mpi.clustering import Edges as Links
from mpi.entity_merge import EntityMerges, merge_entities
from mpi.ingest import Ingested
from mpi.lines import FalseAlarms
from mpi.pair_guards import pair_refusals
from mpi.score_run import Edges
from person.identity import identity_keys

__all__ = ["Decided", "decide", "expected_facts", "prior_shift"]

GATHER_PAIRS: Final = 1 << 17
NOT_BEST_LINK: Final = "another record of that table fits better"
REFUSALS: Final = {
    RefusalReason.DIFFERENT: "a steward declared these people different",
    RefusalReason.DISSIMILAR_IDENTITY: "their clusters hold two different valid id numbers",
    RefusalReason.DUPLICATE_FREE_SOURCE: (
        "their clusters hold two records of a duplicate-free source"
    ),
    RefusalReason.INCOHERENT: "their clusters as wholes do not agree",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of the records and pairs.

    Attributes
    ----------
    edges : pairs at or above the review line
    is_link : bool[n_edges], at or above the link line and not refused
    refusal : object[n_edges], why a pair above the link line was refused, else None
    cluster : int64[n_records], smallest record number of each record's cluster
    confidence : float64[n_records]
    thresholds : both lines and what is expected of them
    prior_shift : bits by which the table's own prior moved every weight
    notes : what a user should know
    """

    edges: Edges
    is_link: NDArray[np.bool_]
    refusal: NDArray[np.object_]
    cluster: NDArray[np.int64]
    confidence: NDArray[np.float64]
    thresholds: Thresholds
    prior_shift: float
    notes: tuple[str, ...] = field(default=())


def prior_shift(weights: NDArray[np.float64], prior: float, total_pairs: float) -> float:
    """Bits to add to every weight so that the prior fits this table.

    The expected number of matches among the scored pairs, over all pairs, must be the prior
    itself; a model trained elsewhere or on another size of table is brought to this one.

    Parameters
    ----------
    weights : float64[n_pairs], of the scored pairs worth keeping, under `prior`
    prior : probability_two_random_records_match of the model
    total_pairs : all pairs of the table

    Returns
    -------
    float, bits
    """
    start = np.log2(prior / (1.0 - prior))
    shift = 0.0
    for _ in range(200):
        expected = float(match_probability(weights + shift).sum())
        fitted = np.clip((expected + 0.5) / (total_pairs + 1.0), 1e-13, 0.5)
        updated = float(np.log2(fitted / (1.0 - fitted)) - start)
        if abs(updated - shift) < 1e-6:
            break
        shift = updated
    return shift


def decide(
    ingested: Ingested,
    compiled: CompiledModel,
    kept: Edges,
    thresholds: Thresholds,
    clustering: str,
    shift: float,
    alarms: FalseAlarms,
) -> Decided:
    """Link, refuse and cluster.

    Parameters
    ----------
    ingested : the encoded records
    compiled : the model that weighed the pairs
    kept : scored pairs, with the table's own prior in their weights
    thresholds : from `mpi.lines.draw_lines`
    clustering : 'constrained', 'components' or 'one_to_one'
    shift : bits by which the table's own prior moved every weight
    alarms : what strangers do

    Returns
    -------
    Decided
    """
    edges = kept.take(kept.weight >= thresholds.review_weight)
    is_link = edges.weight >= thresholds.link_weight
    refusal = pair_refusals(compiled, edges.pattern)
    refusal[~is_link] = None
    is_link &= ~refusal.astype(np.bool_)
    if clustering == "one_to_one":
        _refuse_second_best(ingested, edges, is_link, refusal)
    linked = np.flatnonzero(is_link)
    left, right = edges.left[linked].astype(np.int32), edges.right[linked].astype(np.int32)
    count = ingested.record_count
    if clustering == "components":
        cluster = connected_components(count, left, right).astype(np.int64)
        confidence = _component_confidence(count, left, right, edges.weight[linked])
    else:
        guard = _guard(ingested, compiled.model, clustering)
        outcome = cluster_constrained(
            count,
            Links(left, right, edges.weight[linked]),
            guard,
            _cross_scorer(ingested, compiled, shift),
            ClusterOptions(),
        )
        _apply_refusals(outcome, linked, is_link, refusal)
        cluster, confidence = outcome.cluster.astype(np.int64), outcome.confidence
        if clustering == "constrained":
            blocked = _blocked(kept, edges, refusal)
            blocked |= pair_refusals(compiled, kept.pattern).astype(np.bool_)
            merges = merge_entities(
                ingested, cluster, kept, blocked, alarms, guard, links_before=len(linked)
            )
            cluster = merges.cluster
            confidence = np.minimum(confidence, match_probability(merges.weight))
            thresholds = _with_merges(thresholds, edges, cluster, merges)
    is_link = cluster[edges.left] == cluster[edges.right]
    refusal[is_link] = None
    return Decided(
        edges=edges,
        is_link=is_link,
        refusal=refusal,
        cluster=cluster,
        confidence=confidence,
        thresholds=thresholds,
        prior_shift=shift,
    )


def _blocked(kept: Edges, edges: Edges, refusal: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Which kept pairs were refused: bool[len(kept)]; `edges` are those above the review line."""
    blocked = np.zeros(len(kept), np.bool_)
    above = np.flatnonzero(kept.weight >= edges.weight.min()) if len(edges) else np.zeros(0, int)
    blocked[above] = [reason is not None for reason in refusal]
    return blocked


def _with_merges(
    thresholds: Thresholds, edges: Edges, cluster: NDArray[np.int64], merges: EntityMerges
) -> Thresholds:
    """What is expected once clusters have been merged by all their records."""
    together = cluster[edges.left] == cluster[edges.right]
    links = int(together.sum())
    false = thresholds.expected_false_links + merges.expected_false
    matches = max(thresholds.expected_matches, links - false)
    return replace(
        thresholds,
        links=links,
        review_pairs=len(edges) - links,
        review_expected_matches=float(match_probability(edges.weight[~together]).sum()),
        expected_false_links=false,
        expected_precision=1.0 - false / links if links else 1.0,
        expected_recall=min((links - false) / matches, 1.0) if matches else 1.0,
        expected_recall_with_review=max(
            thresholds.expected_recall_with_review,
            min((links - false) / matches, 1.0) if matches else 1.0,
        ),
    )


def _refuse_second_best(
    ingested: Ingested,
    edges: Edges,
    is_link: NDArray[np.bool_],
    refusal: NDArray[np.object_],
) -> None:
    linked = np.flatnonzero(is_link)
    sides = ingested.side_of_source[ingested.store.gather_sources(np.arange(ingested.record_count))]
    kept = one_to_one(
        edges.left[linked].astype(np.int32),
        edges.right[linked].astype(np.int32),
        edges.weight[linked],
        sides.astype(np.int32),
    )
    refused = linked[~kept]
    is_link[refused] = False
    refusal[refused] = NOT_BEST_LINK


def _apply_refusals(
    outcome: ClusterOutcome,
    linked: NDArray[np.int64],
    is_link: NDArray[np.bool_],
    refusal: NDArray[np.object_],
) -> None:
    refused = linked[outcome.refused_edge]
    is_link[refused] = False
    refusal[refused] = [REFUSALS[RefusalReason(reason)] for reason in outcome.refused_reason]


def _guard(ingested: Ingested, model: Model, clustering: str) -> MergeGuard:
    store = ingested.store
    sources = np.concatenate([source for _, source, _ in store.record_ids()]).astype(np.int32)
    duplicate_free = tuple(
        number
        for number, name in enumerate(ingested.sources)
        if name in model.schema.duplicate_free_sources
    )
    if clustering == "one_to_one":
        sources = ingested.side_of_source[sources].astype(np.int32)
        duplicate_free = tuple(range(int(sources.max()) + 1))
    keys = identity_keys(store.chunks(), ingested.schema, ingested.layout, ingested.record_count)
    return MergeGuard(
        identity=keys,
        source=sources if duplicate_free else None,
        duplicate_free_sources=duplicate_free,
    )


def _cross_scorer(
    ingested: Ingested, compiled: CompiledModel, shift: float
) -> Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float64]]:
    def score(left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.float64]:
        weights = np.empty(len(left))
        for start in range(0, len(left), GATHER_PAIRS):
            part = slice(start, start + GATHER_PAIRS)
            rows, a, b = ingested.store.gather_pairs(left[part], right[part])
            scores = compiled.score(rows, rows, a, b)
            weights[part] = np.where(says_nothing(compiled, scores), np.nan, scores.weight + shift)
        return weights

    return score


def says_nothing(compiled: CompiledModel, scores: PairScores) -> NDArray[np.bool_]:
    """Pairs that share no field at all: bool[n_pairs]. They speak neither for nor against."""
    nothing = np.ones(len(scores.weight), np.bool_)
    for number, each in enumerate(compiled.comparisons):
        nothing &= scores.cells[number] == each.null_cell_count - 1
    return nothing


def _component_confidence(
    count: int, left: NDArray[np.int32], right: NDArray[np.int32], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probability of each record's strongest link; 1 for a record alone."""
    best = np.full(count, -np.inf)
    np.maximum.at(best, left, weight)
    np.maximum.at(best, right, weight)
    confidence: NDArray[np.float64] = np.where(np.isinf(best), 1.0, match_probability(best))
    return confidence


def expected_facts(thresholds: Thresholds) -> dict[str, Any]:
    """What run.json states as expected."""
    return {
        "precision": thresholds.expected_precision,
        "recall": thresholds.expected_recall,
        "recall_with_review": thresholds.expected_recall_with_review,
        "matches": thresholds.expected_matches,
        "false_links": thresholds.expected_false_links,
    }
