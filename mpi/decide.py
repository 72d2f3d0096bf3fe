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
from mpi.pair_guards import PAIR_REFUSALS, holds_apart, pattern_refusals
from mpi.pair_selection import (
    are_together,
    block_refused,
    pairs_with_flag,
    select_edges,
    select_links,
)
from mpi.score_run import Edges
from mpi.weighed import WeighedPairs
from mpi.weight_levels import WeightLevels, weight_levels
from person.identity import identity_keys

__all__ = [
    "REFUSAL_TEXTS",
    "DecideOptions",
    "Decided",
    "decide",
    "expected_facts",
    "first_clusters",
    "merge_guard",
    "prior_shift",
]

GATHER_PAIRS: Final = 1 << 17
NOT_BEST_LINK: Final = "another record of that table fits better"
REFUSALS: Final[dict[RefusalReason, str]] = {
    RefusalReason.DIFFERENT: "a steward declared these people different",
    RefusalReason.DISSIMILAR_IDENTITY: "their clusters hold two different valid id numbers",
    RefusalReason.DUPLICATE_FREE_SOURCE: (
        "their clusters hold two records of a duplicate-free source"
    ),
    RefusalReason.INCOHERENT: "their clusters as wholes do not agree",
}

TWO_PEOPLE: Final = "their clusters hold two people who used one id number"
REFUSAL_TEXTS: Final = (None, *PAIR_REFUSALS, NOT_BEST_LINK, *REFUSALS.values(), TWO_PEOPLE)
"""What a number of `Decided.refusal` says; 0: not refused."""

_NOT_BEST_CODE: Final = 1 + len(PAIR_REFUSALS)
_TWO_PEOPLE_CODE: Final = len(REFUSAL_TEXTS) - 1
_CODE_OF_REASON: Final = np.zeros(256, np.uint8)
for _place, _reason in enumerate(REFUSALS):
    _CODE_OF_REASON[_reason] = _NOT_BEST_CODE + 1 + _place


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideOptions:
    """How to decide.

    Attributes
    ----------
    clustering : 'constrained', 'components' or 'one_to_one'
    guard : from `merge_guard`
    """

    clustering: str
    guard: MergeGuard


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of the records and pairs.

    Attributes
    ----------
    edges : pairs at or above the review line
    is_link : bool[n_edges], at or above the link line and not refused
    refusal : uint8[n_edges], why a pair above the link line was refused: a place in REFUSAL_TEXTS
    cluster : int32[n_records], smallest record number of each record's cluster
    confidence : float64[n_records]
    thresholds : both lines and what is expected of them
    prior_shift : bits by which the table's own prior moved every weight
    notes : what a user should know
    """

    edges: Edges
    is_link: NDArray[np.bool_]
    refusal: NDArray[np.uint8]
    cluster: NDArray[np.int32]
    confidence: NDArray[np.float64]
    thresholds: Thresholds
    prior_shift: float
    notes: tuple[str, ...] = field(default=())


def prior_shift(
    weights: NDArray[np.float64],
    prior: float,
    total_pairs: float,
    *,
    levels: WeightLevels | None = None,
) -> float:
    """Bits to add to every weight so that the prior fits this table.

    The expected number of matches among the scored pairs, over all pairs, must be the prior
    itself; a model trained elsewhere or on another size of table is brought to this one.

    Parameters
    ----------
    weights : float64[n_pairs], of the scored pairs worth keeping, under `prior`
    prior : probability_two_random_records_match of the model
    total_pairs : all pairs of the table
    levels : the weights counted, where they have been

    Returns
    -------
    float, bits
    """
    start = np.log2(prior / (1.0 - prior))
    if levels is None:
        levels = weight_levels(weights, np.zeros(len(weights), np.float32))
    shift = 0.0
    for _ in range(200):
        expected = float((match_probability(levels.mean + shift) * levels.count).sum())
        fitted = np.clip((expected + 0.5) / (total_pairs + 1.0), 1e-13, 0.5)
        updated = float(np.log2(fitted / (1.0 - fitted)) - start)
        if abs(updated - shift) < 1e-6:
            break
        shift = updated
    return shift


def decide(
    ingested: Ingested,
    compiled: CompiledModel,
    kept: WeighedPairs,
    thresholds: Thresholds,
    options: DecideOptions,
    shift: float,
    alarms: FalseAlarms,
) -> Decided:
    """Link, refuse and cluster.

    Parameters
    ----------
    ingested : the encoded records
    compiled : the model that weighed the pairs
    kept : scored pairs
    thresholds : from `mpi.lines.draw_lines`
    options : how to cluster, and what keeps records apart
    shift : bits by which the table's own prior moves every weight
    alarms : what strangers do

    Returns
    -------
    Decided
    """
    guard, clustering = options.guard, options.clustering
    lines = (thresholds.review_weight, thresholds.link_weight)
    refused = pattern_refusals(compiled, kept.patterns.pattern)
    selected = select_edges(kept, refused, *lines, shift)
    edges, refusal = selected.edges, selected.refusal
    if clustering == "one_to_one":
        _refuse_second_best(ingested, edges, selected.is_link, refusal)
    linked = np.flatnonzero(selected.is_link)
    links = Links(edges.left[linked], edges.right[linked], edges.weight[linked])
    count = ingested.record_count
    if clustering == "components":
        cluster = connected_components(count, links.left, links.right)
        confidence = _component_confidence(count, links.left, links.right, links.weight)
    else:
        outcome = _constrained(ingested, compiled, kept, refused, links, guard, shift)
        reasons = _CODE_OF_REASON[outcome.refused_reason]
        if not len(guard.different_left):  # no steward has spoken
            reasons[outcome.refused_reason == RefusalReason.DIFFERENT] = _TWO_PEOPLE_CODE
        refusal[linked[outcome.refused_edge]] = reasons
        cluster, confidence = outcome.cluster, outcome.confidence
    links_before = len(linked)
    del links, linked
    is_link = are_together(cluster, edges.left, edges.right)
    if clustering == "constrained":
        blocked = block_refused(kept, refused, selected, refusal, thresholds.review_weight, shift)
        merges = merge_entities(
            *(ingested, cluster, kept, blocked, alarms, guard),
            links_before=links_before,
            weight_shift=shift,
        )
        cluster = merges.cluster
        _lower_confidence(confidence, merges)
        is_link = are_together(cluster, edges.left, edges.right)
        thresholds = _with_merges(thresholds, edges, is_link, merges)
    refusal[is_link] = 0
    return Decided(
        edges=edges,
        is_link=is_link,
        refusal=refusal,
        cluster=cluster,
        confidence=confidence,
        thresholds=thresholds,
        prior_shift=shift,
    )


def _lower_confidence(confidence: NDArray[np.float64], merges: EntityMerges) -> None:
    """A record is no surer of its cluster than the weakest merge that made it."""
    merged = np.flatnonzero(np.isfinite(merges.weight))
    weakest = match_probability(merges.weight[merged])
    confidence[merged] = np.minimum(confidence[merged], weakest)


def first_clusters(
    ingested: Ingested,
    compiled: CompiledModel,
    kept: WeighedPairs,
    thresholds: Thresholds,
    options: DecideOptions,
    shift: float,
) -> NDArray[np.int32]:
    """The clusters that links between single records make: enough to count values by person.

    Merging by all records together changes too few clusters to tell in a count.

    Parameters
    ----------
    ingested, compiled, kept, thresholds, options, shift : as for `decide`

    Returns
    -------
    int32[n_records], smallest record number of each record's cluster
    """
    refused = pattern_refusals(compiled, kept.patterns.pattern)
    link = thresholds.link_weight
    if options.clustering == "one_to_one":
        selected = select_edges(kept, refused, link, link, shift)
        _refuse_second_best(ingested, selected.edges, selected.is_link, selected.refusal)
        edges, chosen = selected.edges, selected.is_link
        links = Links(edges.left[chosen], edges.right[chosen], edges.weight[chosen])
    else:
        links = select_links(kept, refused, link, shift)
    if options.clustering == "components":
        return connected_components(ingested.record_count, links.left, links.right)
    return _constrained(ingested, compiled, kept, refused, links, options.guard, shift).cluster


def _constrained(
    ingested: Ingested,
    compiled: CompiledModel,
    kept: WeighedPairs,
    refused: NDArray[np.uint8],
    links: Links,
    guard: MergeGuard,
    shift: float,
) -> ClusterOutcome:
    """Cluster by links; pairs that are refused for good come together by no third record."""
    held = pairs_with_flag(kept, holds_apart(refused))
    apart = _with_held_apart(guard, kept.left[held], kept.right[held])
    scorer = _cross_scorer(ingested, compiled, shift)
    return cluster_constrained(ingested.record_count, links, apart, scorer, ClusterOptions())


def _with_held_apart(
    guard: MergeGuard, left: NDArray[np.int32], right: NDArray[np.int32]
) -> MergeGuard:
    """The guard, and pairs of records that no third one may bring together."""
    return replace(
        guard,
        different_left=np.concatenate([guard.different_left, left]).astype(np.int32),
        different_right=np.concatenate([guard.different_right, right]).astype(np.int32),
    )


def _with_merges(
    thresholds: Thresholds, edges: Edges, together: NDArray[np.bool_], merges: EntityMerges
) -> Thresholds:
    """What is expected once clusters have been merged by all their records."""
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
    refusal: NDArray[np.uint8],
) -> None:
    linked = np.flatnonzero(is_link)
    sides = ingested.side_of_source[ingested.store.all_sources()]
    kept = one_to_one(
        edges.left[linked], edges.right[linked], edges.weight[linked], sides.astype(np.int32)
    )
    refused = linked[~kept]
    is_link[refused] = False
    refusal[refused] = _NOT_BEST_CODE


def merge_guard(ingested: Ingested, model: Model, clustering: str) -> MergeGuard:
    """What keeps records of this table apart, whatever they weigh.

    Parameters
    ----------
    ingested : the encoded records
    model : whose schema names the sources without duplicates
    clustering : in 'one_to_one' each side of the job is one of them
    """
    sources = None
    duplicate_free = tuple(
        number
        for number, name in enumerate(ingested.sources)
        if name in model.schema.duplicate_free_sources
    )
    if clustering == "one_to_one":
        sources = ingested.side_of_source[ingested.store.all_sources()].astype(np.int32)
        duplicate_free = tuple(range(int(sources.max()) + 1))
    elif duplicate_free:
        sources = ingested.store.all_sources().astype(np.int32)
    chunks = ingested.store.chunks()
    keys = identity_keys(chunks, ingested.schema, ingested.layout, ingested.record_count)
    return MergeGuard(identity=keys, source=sources, duplicate_free_sources=duplicate_free)


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
