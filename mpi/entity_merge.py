"""Merge clusters that together are one person though no pair of their records says so alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from mpi.cluster_types import MergeGuard
from mpi.entity_evidence import entity_weights
from mpi.entity_kernels import (
    choose_merges,
    fill_places,
    join_clusters,
    list_questions,
    mark_apart,
)
from mpi.ingest import Ingested
from mpi.lines import FALSE_LINK_RATE_MAX, PAIR_SHARE, FalseAlarms, lowest_safe_weight
from person.clusters import ClusterMembers
from person.threads import map_slices, slices

__all__ = ["EntityMerges", "KeptPairs", "merge_entities"]

ROUNDS_MAX: Final = 8
QUESTION_WEIGHT_MIN: Final = -12.0
"""Clusters are asked about when some pair across them weighs at least this."""
_SLICE_PAIRS: Final = 1 << 18


class KeptPairs(Protocol):
    """Scored pairs by record number, with their weights."""

    @property
    def left(self) -> NDArray[Any]: ...

    @property
    def right(self) -> NDArray[Any]: ...

    @property
    def weight(self) -> NDArray[np.float64]: ...


@dataclass(frozen=True, slots=True)
class EntityMerges:
    """The clusters after merging, and what was merged.

    Attributes
    ----------
    cluster : int32[n_records], smallest record number of each record's cluster
    weight : float64[n_records], weight of the weakest such merge that made a record's cluster,
        infinite where there was none
    merge_count : clusters merged
    expected_false : merges expected to be wrong
    """

    cluster: NDArray[np.int32]
    weight: NDArray[np.float64]
    merge_count: int
    expected_false: float


@dataclass(slots=True)
class _Answers:
    """What was asked before; true as long as neither cluster has grown.

    key int64[k], sorted, weight and relative float64[k]; grown: bool[n_records] at the clusters
    that the last round made larger.
    """

    key: NDArray[np.int64]
    weight: NDArray[np.float64]
    relative: NDArray[np.float64]
    grown: NDArray[np.bool_]

    def known(
        self, key: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which questions are answered already, and where."""
        if not len(self.key):
            return np.zeros(len(key), np.bool_), np.zeros(len(key), np.int64)
        place = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        is_known = (self.key[place] == key) & ~self.grown[left] & ~self.grown[right]
        return is_known, place


def merge_entities(
    ingested: Ingested,
    cluster: NDArray[np.signedinteger[Any]],
    edges: KeptPairs,
    blocked: NDArray[np.bool_],
    alarms: FalseAlarms,
    guard: MergeGuard,
    links_before: int,
    weight_shift: float = 0.0,
) -> EntityMerges:
    """Merge clusters by the evidence of all their records, heaviest first, round by round.

    Parameters
    ----------
    ingested : the encoded records
    cluster : int32[n_records], clusters made by links between single records
    edges : kept pairs, down to small weights: they say which clusters to ask about
    blocked : bool[n_edges], pairs refused before; their clusters are not asked about again
    alarms : how often strangers weigh that much
    guard : what keeps clusters apart whatever their weight
    links_before : links made already
    weight_shift : bits still to be added to the weights of `edges`

    Returns
    -------
    EntityMerges; a cluster takes part in one merge a round, and every round weighs anew what
    the last one changed
    """
    weight_min = QUESTION_WEIGHT_MIN - weight_shift
    cluster = cluster.astype(np.int32)
    weakest = np.full(len(cluster), np.inf)
    merged, false = 0, 0.0
    nothing = np.zeros(0)
    answers = _Answers(np.zeros(0, np.int64), nothing, nothing, np.zeros(len(cluster), np.bool_))
    for _ in range(ROUNDS_MAX):
        members = ClusterMembers.of(cluster)
        key = _questions(cluster, members, edges, blocked, weight_min)
        if not len(key):
            break
        left, right = key // len(cluster), key % len(cluster)
        weight, relative = _weigh(ingested, alarms, members, key, answers)
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
        joined = (left[pairs], right[pairs], weight[pairs])
        join_clusters(*joined, members.order, members.start, cluster, weakest)
        grown = np.zeros(len(cluster), np.bool_)
        grown[left[pairs]] = grown[right[pairs]] = True
        answers = _Answers(key, weight, relative, grown)
        merged += len(pairs)
        false += float(relative[pairs].sum())
    if merged:
        false += float(alarms.strangers_above(np.array([weakest.min()]))[0])
    return EntityMerges(cluster, weakest, merged, false)


def _weigh(
    ingested: Ingested,
    alarms: FalseAlarms,
    members: ClusterMembers,
    key: NDArray[np.int64],
    answers: _Answers,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight of each question and chance of two relatives; asks only what is new."""
    left, right = np.divmod(key, len(members.order))
    is_known, place = answers.known(key, left, right)
    weight, relative = np.empty(len(key)), np.empty(len(key))
    weight[is_known] = answers.weight[place[is_known]]
    relative[is_known] = answers.relative[place[is_known]]
    asked = ~is_known
    if asked.any():
        weight[asked], relative[asked] = entity_weights(
            ingested, alarms.compiled, members, left[asked], right[asked], shift=alarms.shift
        )
    return weight, relative


def _questions(
    cluster: NDArray[np.int32],
    members: ClusterMembers,
    edges: KeptPairs,
    blocked: NDArray[np.bool_],
    weight_min: float,
) -> NDArray[np.int64]:
    """Two clusters of three or more records in all, with some resemblance across them, as
    left * n_records + right: int64[n_questions], sorted."""
    count = len(edges.left)

    def list_some(part: slice) -> NDArray[np.int64]:
        some = (edges.left[part], edges.right[part], edges.weight[part], blocked[part])
        room = np.empty(len(some[0]), np.int64)
        used = list_questions(*some, cluster, members.start, weight_min, room)
        return room[:used].copy()

    parts = map_slices(list_some, slices(count, _SLICE_PAIRS))
    key = np.concatenate([np.zeros(0, np.int64), *parts])
    key.sort()
    key = key[np.flatnonzero(np.diff(key, prepend=-1))]
    table = np.full(1 << (2 * len(key)).bit_length(), -1, np.int32)
    fill_places(key, table)
    is_apart = np.zeros(len(key), np.bool_)

    def mark_some(part: slice) -> None:
        some = (edges.left[part], edges.right[part], blocked[part])
        mark_apart(*some, cluster, key, table, is_apart)

    if len(key):
        map_slices(mark_some, slices(count, _SLICE_PAIRS))
    return key[~is_apart]


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
    count = len(members.order)
    identity, source = guard.identity, guard.source
    free = np.zeros(1, np.bool_)
    if source is not None and guard.duplicate_free_sources:
        free = np.zeros(1 + max(int(source.max()), *guard.duplicate_free_sources), np.bool_)
        free[list(guard.duplicate_free_sources)] = True
    taken = np.zeros(count, np.bool_)
    kept = choose_merges(
        *(order, left, right, members.order, members.start),
        np.zeros(0, np.uint64) if identity is None else identity,
        np.zeros(0, np.int32) if source is None else source,
        *(free, taken),
    )
    return order[kept]
