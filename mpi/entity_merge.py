"""Merge clusters that together are one person though no pair of their records says so alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mpi.cluster_types import MergeGuard
from mpi.entity_evidence import entity_weights
from mpi.ingest import Ingested
from mpi.lines import FALSE_LINK_RATE_MAX, PAIR_SHARE, FalseAlarms, lowest_safe_weight
from mpi.score_run import Edges
from person.clusters import ClusterMembers

__all__ = ["EntityMerges", "merge_entities"]

ROUNDS_MAX: Final = 8
QUESTION_WEIGHT_MIN: Final = -12.0
"""Clusters are asked about when some pair across them weighs at least this."""


@dataclass(frozen=True, slots=True)
class EntityMerges:
    """The clusters after merging, and what was merged.

    Attributes
    ----------
    cluster : int64[n_records], smallest record number of each record's cluster
    weight : float64[n_records], weight of the weakest such merge that made a record's cluster,
        infinite where there was none
    merge_count : clusters merged
    expected_false : merges expected to be wrong
    """

    cluster: NDArray[np.int64]
    weight: NDArray[np.float64]
    merge_count: int
    expected_false: float


def merge_entities(
    ingested: Ingested,
    cluster: NDArray[np.int64],
    edges: Edges,
    blocked: NDArray[np.bool_],
    alarms: FalseAlarms,
    guard: MergeGuard,
    links_before: int,
) -> EntityMerges:
    """Merge clusters by the evidence of all their records, heaviest first, round by round.

    Parameters
    ----------
    ingested : the encoded records
    cluster : int64[n_records], clusters made by links between single records
    edges : kept pairs, down to small weights: they say which clusters to ask about
    blocked : bool[n_edges], pairs refused before; their clusters are not asked about again
    alarms : how often strangers weigh that much
    guard : what keeps clusters apart whatever their weight
    links_before : links made already

    Returns
    -------
    EntityMerges; a cluster takes part in one merge a round, and every round weighs anew
    """
    cluster = cluster.copy()
    weakest = np.full(len(cluster), np.inf)
    merged, false = 0, 0.0
    for _ in range(ROUNDS_MAX):
        members = ClusterMembers.of(cluster)
        left, right = _questions(cluster, members, edges, blocked)
        if not len(left):
            break
        weight, relative = entity_weights(
            ingested, alarms.compiled, members, left, right, shift=alarms.shift
        )
        line = lowest_safe_weight(
            weight,
            relative,
            alarms,
            allowed_rate=FALSE_LINK_RATE_MAX * (1.0 - PAIR_SHARE),
            links_before=float(links_before + merged),
            false_before=false,  # relatives of earlier rounds; strangers are counted anew
        )
        chosen = np.flatnonzero(weight >= line)
        pairs = _heaviest_disjoint(weight, left, right, chosen, guard, members)
        if not len(pairs):
            break
        into = np.arange(len(cluster))
        into[right[pairs]] = left[pairs]
        least = np.full(len(cluster), np.inf)
        least[left[pairs]] = weight[pairs]
        cluster = into[cluster]
        weakest = np.minimum(weakest, least[cluster])
        merged += len(pairs)
        false += float(relative[pairs].sum())
    if merged:
        false += float(alarms.strangers_above(np.array([weakest.min()]))[0])
    return EntityMerges(cluster, weakest, merged, false)


def _questions(
    cluster: NDArray[np.int64],
    members: ClusterMembers,
    edges: Edges,
    blocked: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two clusters of three or more records in all, with some resemblance across them."""
    one, other = cluster[edges.left], cluster[edges.right]
    left, right = np.minimum(one, other), np.maximum(one, other)
    count = np.int64(len(cluster))
    apart = np.unique((left * count + right)[blocked & (left != right)])
    resembling = (left != right) & (edges.weight >= QUESTION_WEIGHT_MIN)
    asked = np.unique((left * count + right)[resembling])
    asked = np.setdiff1d(asked, apart, assume_unique=True)
    left, right = asked // count, asked % count
    several = members.size(left) + members.size(right) >= 3
    return left[several], right[several]


def _heaviest_disjoint(
    weight: NDArray[np.float64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    chosen: NDArray[np.int64],
    guard: MergeGuard,
    members: ClusterMembers,
) -> NDArray[np.int64]:
    """Questions taken by falling weight, each cluster once, none that a guard forbids: int64[n].

    A forbidden merge must not keep its clusters from the next best one.
    """
    order = chosen[np.lexsort((right[chosen], left[chosen], -weight[chosen]))]
    taken: set[int] = set()
    kept = []
    for place in order.tolist():
        a, b = int(left[place]), int(right[place])
        if a in taken or b in taken or _is_kept_apart(guard, members, a, b):
            continue
        taken.update((a, b))
        kept.append(place)
    return np.array(kept, np.int64)


def _is_kept_apart(guard: MergeGuard, members: ClusterMembers, left: int, right: int) -> bool:
    """Whether a guard forbids that these two clusters merge."""
    rows = np.concatenate(
        [members.order[members.start[c] : members.start[c + 1]] for c in (left, right)]
    )
    if guard.identity is not None:
        identities = guard.identity[rows]
        if len(np.unique(identities[identities != 0])) > 1:
            return True
    if guard.source is not None and guard.duplicate_free_sources:
        unique, counts = np.unique(guard.source[rows], return_counts=True)
        return bool((counts[np.isin(unique, guard.duplicate_free_sources)] > 1).any())
    return False
