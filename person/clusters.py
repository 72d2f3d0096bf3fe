"""Records listed by the cluster they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from person.jit import kernel, prefetch

__all__ = ["ClusterMembers", "drop_repeats_within_clusters"]

AHEAD: Final = 16
"""Records whose place or value is asked for before it is needed."""


@kernel
def _list_members(cluster, start, order):  # type: ignore[no-untyped-def]
    """Counting sort of record numbers by cluster: about 15 ns a record."""
    last = cluster.shape[0] - 1
    for row in range(cluster.shape[0]):
        prefetch(start, int64(cluster[min(row + AHEAD, last)]))
        start[cluster[row] + 1] += 1
    for row in range(cluster.shape[0]):
        start[row + 1] += start[row]
    for row in range(cluster.shape[0]):
        prefetch(start, int64(cluster[min(row + AHEAD, last)]))
        order[start[cluster[row]]] = row
        start[cluster[row]] += 1
    for row in range(cluster.shape[0], 0, -1):
        start[row] = start[row - 1]
    start[0] = 0


@dataclass(frozen=True, slots=True)
class ClusterMembers:
    """Members of each cluster, a cluster being named by its smallest record number.

    Attributes
    ----------
    order : int32[n_records], record numbers, cluster by cluster; int64 beyond 2**31 records
    start : the same, [n_records + 1], where a cluster's members begin in `order`
    """

    order: NDArray[np.signedinteger[Any]]
    start: NDArray[np.signedinteger[Any]]

    @classmethod
    def of(cls, cluster: NDArray[np.signedinteger[Any]]) -> ClusterMembers:
        """List the members of `cluster`, int32[n_records] or int64[n_records]."""
        number: Any = np.int32 if len(cluster) < 1 << 31 else np.int64
        start = np.zeros(len(cluster) + 1, number)
        order = np.empty(len(cluster), number)
        _list_members(cluster, start, order)
        return cls(order, start)

    def size(self, clusters: NDArray[np.signedinteger[Any]]) -> NDArray[np.int64]:
        """Number of members of each of some clusters."""
        sizes: NDArray[np.int64] = (self.start[clusters + 1] - self.start[clusters]).astype(
            np.int64
        )
        return sizes


@kernel
def _drop_repeats(order, start, hashes):  # type: ignore[no-untyped-def]
    asked = 0  # members whose hash has been asked for
    for cluster in range(start.shape[0] - 1):
        first, end = start[cluster], start[cluster + 1]
        if end - first < 2:
            continue
        asked = max(asked, first)
        while asked < min(end + AHEAD, order.shape[0]):
            prefetch(hashes, int64(order[asked]))
            asked += 1
        if end - first > 64:
            members = hashes[order[first:end]]
            places = np.argsort(members, kind="mergesort")  # stable: the first one stays
            for k in range(1, members.shape[0]):
                if members[places[k]] == members[places[k - 1]]:
                    hashes[order[first + places[k]]] = uint64(0)
            continue
        for k in range(first + 1, end):
            value = hashes[order[k]]
            for earlier in range(first, k):
                if value != uint64(0) and hashes[order[earlier]] == value:
                    hashes[order[k]] = uint64(0)
                    break
    return int64(0)


def drop_repeats_within_clusters(members: ClusterMembers, hashes: NDArray[np.uint64]) -> None:
    """Set to 0 every hash that an earlier member of the same cluster has too: in place.

    Parameters
    ----------
    members : lists of the clusters
    hashes : uint64[n_records], one value a record, 0 = none
    """
    _drop_repeats(members.order, members.start, hashes)
