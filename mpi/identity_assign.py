"""Which enterprise id each cluster of a further batch run keeps: as few changes as can be.

An identity whose records came to lie in several clusters stays with the one that holds most of
them. Of the identities that came together in a cluster the oldest lives on, of equally old ones
the largest; the others redirect to it. Where a steward has decided on a record, it stays in its
identity, and a cluster that would bring two such identities together is left as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["NEW_IDENTITY", "Assignment", "assign_identities"]

NEW_IDENTITY: Final = -1


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where everybody goes.

    Attributes
    ----------
    identity : int64[n], identity of each record of the run; NEW_IDENTITY where its cluster needs
        a new one
    becomes : int64[k, 2], (identity, identity that it goes into), rising; also for its records
        that were not in the run
    contested : int64[c], clusters left as they were because stewards' decisions stand against
        them, rising
    """

    identity: NDArray[np.int64]
    becomes: NDArray[np.int64]
    contested: NDArray[np.int64]


def assign_identities(
    cluster: NDArray[np.int64],
    held: NDArray[np.int64],
    is_anchored: NDArray[np.bool_],
    founded: NDArray[np.int64],
) -> Assignment:
    """Assign identities to the clusters of a run.

    Parameters
    ----------
    cluster : int64[n], cluster of each record of the run
    held : int64[n], identity that the record has, -1 for a new record
    is_anchored : bool[n], a steward decided on the record
    founded : int64[n], founding order of `held`, ignored for new records

    Returns
    -------
    Assignment; the same whatever the order of the records
    """
    result = np.full(len(cluster), NEW_IDENTITY, np.int64)
    known = np.flatnonzero(held >= 0)
    if not len(known):
        return Assignment(result, np.zeros((0, 2), np.int64), np.zeros(0, np.int64))
    parts = _parts(cluster[known], held[known], is_anchored[known], founded[known])
    contested = _contested(parts)
    chosen = _chosen(parts, contested)
    survivor_cluster, survivor, becomes = _survivors(parts, chosen)
    place = np.searchsorted(survivor_cluster, cluster)
    place = np.minimum(place, max(len(survivor_cluster) - 1, 0))
    if len(survivor_cluster):
        has = survivor_cluster[place] == cluster
        result[has] = survivor[place[has]]
    stays = np.isin(cluster, contested) | is_anchored
    stays &= held >= 0
    result[stays] = held[stays]
    return Assignment(result, becomes, contested)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Each (cluster, identity) that share records."""

    cluster: NDArray[np.int64]
    identity: NDArray[np.int64]
    count: NDArray[np.int64]
    is_anchored: NDArray[np.bool_]
    founded: NDArray[np.int64]


def _parts(
    cluster: NDArray[np.int64],
    held: NDArray[np.int64],
    is_anchored: NDArray[np.bool_],
    founded: NDArray[np.int64],
) -> _Parts:
    order = np.lexsort((held, cluster))
    c, i = cluster[order], held[order]
    first = np.ones(len(c), np.bool_)
    first[1:] = (c[1:] != c[:-1]) | (i[1:] != i[:-1])
    starts = np.flatnonzero(first)
    return _Parts(
        c[starts],
        i[starts],
        np.diff(np.append(starts, len(c))),
        np.logical_or.reduceat(is_anchored[order], starts),
        founded[order][starts],
    )


def _contested(parts: _Parts) -> NDArray[np.int64]:
    """Clusters that hold anchored records of two identities."""
    clusters, counts = np.unique(parts.cluster[parts.is_anchored], return_counts=True)
    return clusters[counts > 1]


def _chosen(parts: _Parts, contested: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of the parts in which each identity lives on: its anchored ones, else its largest."""
    is_free = ~np.isin(parts.cluster, contested)
    order = np.lexsort((parts.cluster, -parts.count, ~parts.is_anchored, parts.identity))
    order = order[is_free[order]]
    first = np.ones(len(order), np.bool_)
    first[1:] = parts.identity[order[1:]] != parts.identity[order[:-1]]
    # An identity with anchored records in a contested cluster stays there; elsewhere it parts.
    rooted = parts.identity[parts.is_anchored & ~is_free]
    first &= ~np.isin(parts.identity[order], rooted)
    kept = parts.is_anchored.copy()
    kept &= is_free
    kept[order[first]] = True
    return np.flatnonzero(kept)


def _survivors(
    parts: _Parts, chosen: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(cluster, its surviving identity, [identity, survivor] of those that end)."""
    keys = (
        parts.identity[chosen],
        -parts.count[chosen],
        parts.founded[chosen],
        ~parts.is_anchored[chosen],
        parts.cluster[chosen],
    )
    order = chosen[np.lexsort(keys)]
    first = np.ones(len(order), np.bool_)
    first[1:] = parts.cluster[order[1:]] != parts.cluster[order[:-1]]
    heads = order[first]
    survivor = parts.identity[heads][np.cumsum(first) - 1]
    ends = ~first
    pairs = np.stack([parts.identity[order][ends], survivor[ends]], axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return parts.cluster[heads], parts.identity[heads], np.unique(pairs, axis=0)
