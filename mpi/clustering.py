"""From links to clusters: plain components, one-to-one best links, and clusters judged as wholes.

Plain components chain strangers: a record that two persons' records both resemble joins them.
`cluster_constrained` takes links in falling weight (ties by rows) and joins two clusters unless

1. a steward declared a record of one different from a record of the other;
2. they hold two identities (national ids, say) that cannot be slips of one another;
3. they hold two records of one source that promises no duplicates;
4. as wholes they do not agree: the mean over the pairs across them of the match weight, each
   clipped, is under `coherence_min`. Pairs that blocking never brought are scored here. Of a
   cluster larger than `representatives_max` only that many members speak, those of smallest
   hashed row number, so that a cluster of a hundred thousand costs no more a merge than one of ten.

The outcome is that of taking the links one by one (`tests/mpi/test_clustering.py` holds a twin
that does), but weights are fetched in waves of a few hundred thousand: each component runs ahead
on a copy of its state, guessing each unknown answer, only to learn which pairs it is going to
need; then it decides for certain. Most components are two records, or a few all of which are
linked: these are settled by counting, without any of this.

What is not done: an edge refused for coherence is not tried again when its clusters have grown,
unless a lighter edge leads there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mpi.calibration import match_probability
from mpi.cluster_kernels import (
    ACCEPTED,
    DIFFERENT,
    DISSIMILAR_IDENTITY,
    DUPLICATE_FREE_SOURCE,
)
from mpi.cluster_lane import Lane, Requests
from mpi.cluster_lanes import OpenComponents
from mpi.cluster_types import (
    ClusterOptions,
    ClusterOutcome,
    Edges,
    MergeGuard,
    PairScorer,
    RefusalReason,
)
from mpi.edge_kernels import keep_best_links, list_both_named, list_unequal, unite
from mpi.settle_kernels import are_sorted_pairs, count_members, settle_components
from person.threads import map_slices, slices

__all__ = [
    "ClusterOptions",
    "ClusterOutcome",
    "Edges",
    "MergeGuard",
    "RefusalReason",
    "cluster_constrained",
    "connected_components",
    "direct_refusals",
    "one_to_one",
]

_SLICE_EDGES: Final = 1 << 18


def connected_components(
    n: int, left: NDArray[np.int32], right: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Number the components of a graph, each by its smallest row.

    Parameters
    ----------
    n : number of records
    left, right : int32[e], edges in any order, repeats and loops allowed

    Returns
    -------
    int32[n], the smallest row that each row is connected with
    """
    return _components(n, left, right, np.ones(len(left), np.bool_))


def one_to_one(
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    weight: NDArray[np.float64],
    source: NDArray[np.int32] | NDArray[np.uint16],
) -> NDArray[np.bool_]:
    """Keep best links: a record links at most one record of each other source.

    Links are taken by falling weight, ties by row numbers; each is kept if neither end has yet
    been linked into the other's source. Links within a source are never kept.

    Parameters
    ----------
    left, right : int32[e] rows
    weight : float64[e] match weights
    source : int32[n] or uint16[n], source number of each record, never negative

    Returns
    -------
    bool[e], kept

    Notes
    -----
    With three sources or more a chain can still bring two records of one source into one
    component; `cluster_constrained` with those sources declared duplicate-free refuses that.
    """
    count = len(left)
    keep = np.zeros(count, np.bool_)
    if count:
        low, high = np.minimum(left, right), np.maximum(left, right)
        order = np.lexsort((high, low, -np.asarray(weight, np.float64)))
        keys = np.zeros(1 << (4 * count - 1).bit_length(), np.uint64)
        keep_best_links(
            order, _rows(left), _rows(right), np.ascontiguousarray(source, np.int32), keys, keep
        )
    return keep


def cluster_constrained(
    n: int,
    edges: Edges,
    guard: MergeGuard,
    scorer: PairScorer,
    options: ClusterOptions,
) -> ClusterOutcome:
    """Cluster records by their links, refusing merges that guards or the records speak against.

    Parameters
    ----------
    n : number of records
    edges : links; a weight in them is never scored again
    guard : what keeps records apart
    scorer : weights of pairs that are not in `edges`; called from this thread with up to half a
        million pairs at a time, grouped by cluster
    options : how strictly clusters are judged

    Returns
    -------
    ClusterOutcome, the same whatever the order of `edges` and of each edge's ends

    Notes
    -----
    24 bytes and some 100 ns a record and link where components are complete; for each lane of 100
    thousand records in others up to 200 bytes a record and 100 bytes a pair.
    """
    left, right = _rows(edges.left), _rows(edges.right)
    weight = np.ascontiguousarray(edges.weight, np.float64)
    reasons = direct_refusals(left, right, guard)
    cluster = _components(n, left, right, reasons == ACCEPTED)
    mean = np.zeros(n, np.float64)
    open_size = _settle(left, right, weight, reasons, options, cluster, mean)
    pairs_scored = waves = 0
    for lanes, numbers in _lane_groups(
        Edges(left, right, weight), reasons, cluster, open_size, guard, options
    ):
        waves += _run_lanes(lanes, guard, scorer)
        for lane, edge_numbers in zip(lanes, numbers, strict=True):
            rows = lane.given.rows
            cluster[rows] = lane.clusters()
            mean[rows] = lane.mean_weight
            reasons[edge_numbers] = lane.reasons
            pairs_scored += lane.pairs_asked
    refused = np.flatnonzero(reasons != ACCEPTED)
    refused = refused[cluster[left[refused]] != cluster[right[refused]]]
    confidence = _confidence(mean)
    return ClusterOutcome(cluster, confidence, refused, reasons[refused], pairs_scored, waves)


def _confidence(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability behind each record's mean weight; the means are written over."""

    def convert(part: slice) -> None:
        mean[part] = match_probability(mean[part])

    map_slices(convert, slices(len(mean), _SLICE_EDGES))
    return mean


def _settle(
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    weight: NDArray[np.float64],
    reasons: NDArray[np.uint8],
    options: ClusterOptions,
    component: NDArray[np.int32],
    mean: NDArray[np.float64],
) -> NDArray[np.int32] | None:
    """Settle what nobody contests; size of each record's open component, None if there is none."""
    size = np.zeros(len(component), np.int32)
    count_members(component, size)
    # Pairs out of order may stand twice, and are not counted on.
    size_max = options.representatives_max if are_sorted_pairs(left, right) else 1
    links = np.zeros(len(component), np.int32)
    rules = options.rules()
    opened = settle_components(
        left, right, weight, rules, size_max, links, size, reasons, component, mean
    )
    return _of_own_component(size, component) if opened else None


def _of_own_component(size: NDArray[np.int32], component: NDArray[np.int32]) -> NDArray[np.int32]:
    own = np.empty_like(size)

    def gather(part: slice) -> None:
        np.take(size, component[part], out=own[part], mode="clip")

    map_slices(gather, slices(len(own), _SLICE_EDGES))
    return own


def _lane_groups(
    edges: Edges,
    reasons: NDArray[np.uint8],
    component: NDArray[np.int32],
    open_size: NDArray[np.int32] | None,
    guard: MergeGuard,
    options: ClusterOptions,
) -> Iterator[tuple[list[Lane], list[NDArray[np.int64]]]]:
    """Lanes of the open components, some at a time, each with the numbers of its edges."""
    if open_size is None:
        return
    chosen = np.flatnonzero(open_size[edges.left] >= 2)
    some = Edges(edges.left[chosen], edges.right[chosen], edges.weight[chosen])
    large = OpenComponents(some, reasons[chosen], component, open_size, guard, options)
    for lanes in large.lane_groups():
        yield [lane for lane, _ in lanes], [chosen[numbers] for _, numbers in lanes]


def _rows(rows: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.ascontiguousarray(rows, np.int32)


def _components(
    n: int, left: NDArray[np.int32], right: NDArray[np.int32], keep: NDArray[np.bool_]
) -> NDArray[np.int32]:
    parent = np.arange(n, dtype=np.int32)
    unite(_rows(left), _rows(right), keep, parent)
    return parent


def direct_refusals(
    left: NDArray[np.int32], right: NDArray[np.int32], guard: MergeGuard
) -> NDArray[np.uint8]:
    """Edges whose own ends a guard keeps apart: uint8[e], ACCEPTED or the reason.

    Guards never let go once clusters grow, so these can never be merged, and leaving them out
    first makes the components smaller without changing the outcome. Where several guards speak,
    the last one written here is the reason.
    """
    reasons = np.full(len(left), ACCEPTED, np.uint8)
    if guard.identity is not None:
        unequal = _unequal_identities(left, right, guard.identity)
        dissimilar = unequal[_are_dissimilar(guard, left[unequal], right[unequal])]
        reasons[dissimilar] = DISSIMILAR_IDENTITY
    if guard.source is not None and guard.duplicate_free_sources:
        source = guard.source
        is_same = (source[left] == source[right]) & (left != right)
        is_same &= np.isin(source[left], guard.duplicate_free_sources)
        reasons[is_same] = DUPLICATE_FREE_SOURCE
    if len(guard.different_left):
        all_rows = (left, right, guard.different_left, guard.different_right)
        is_named = np.zeros(1 + max(int(rows.max(initial=0)) for rows in all_rows), np.bool_)
        is_named[guard.different_left] = is_named[guard.different_right] = True
        named = _over_edges(list_both_named, left, right, is_named)
        declared = np.isin(
            _pair_keys(left[named], right[named]),
            _pair_keys(guard.different_left, guard.different_right),
        )
        reasons[named[declared]] = DIFFERENT
    return reasons


def _unequal_identities(
    left: NDArray[np.int32], right: NDArray[np.int32], identity: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """Edges whose ends both have an identity, and not the same: int64[k], rising."""
    return _over_edges(list_unequal, left, right, identity)


def _over_edges(
    lister: Callable[..., int],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    of_record: NDArray[Any],
) -> NDArray[np.int64]:
    """Numbers, rising, of the edges that a kernel finds, slice by slice."""

    def found(part: slice) -> NDArray[np.int64]:
        room = np.empty(part.stop - part.start, np.int64)
        return room[: lister(left[part], right[part], of_record, part.start, room)].copy()

    parts = map_slices(found, slices(len(left), _SLICE_EDGES))
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _are_dissimilar(
    guard: MergeGuard, left: NDArray[np.int32], right: NDArray[np.int32]
) -> NDArray[np.bool_]:
    if guard.are_dissimilar is None:
        return np.ones(len(left), np.bool_)
    return np.asarray(guard.are_dissimilar(left, right), np.bool_)


def _pair_keys(left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.int64]:
    low, high = np.minimum(left, right), np.maximum(left, right)
    keys: NDArray[np.int64] = low.astype(np.int64) << 32 | high.astype(np.int64)
    return keys


def _run_lanes(lanes: list[Lane], guard: MergeGuard, scorer: PairScorer) -> int:
    """Waves: every lane decides what it can, then one call scores what all of them lack."""
    waves = 0
    for turn in (Lane.advance, Lane.judge_members):
        waiting = lanes
        while waiting:
            requests = map_slices(turn, waiting)
            pairs = [(lane, r) for lane, r in zip(waiting, requests, strict=True) if len(r.slots)]
            waiting = [lane for lane, _ in pairs]
            if waiting:
                waves += 1
                _answer(pairs, guard, scorer)
    return waves


def _answer(pairs: list[tuple[Lane, Requests]], guard: MergeGuard, scorer: PairScorer) -> None:
    left = np.concatenate([requests.left for _, requests in pairs])
    right = np.concatenate([requests.right for _, requests in pairs])
    is_identity = np.concatenate([requests.is_identity for _, requests in pairs])
    values = np.empty(len(left), np.float64)
    values[is_identity] = _are_dissimilar(guard, left[is_identity], right[is_identity])
    is_weight = ~is_identity
    if is_weight.any():
        values[is_weight] = scorer(left[is_weight], right[is_weight])
    start = 0
    for lane, requests in pairs:
        lane.answer(requests, values[start : start + len(requests.slots)])
        start += len(requests.slots)
