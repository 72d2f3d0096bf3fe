"""Components in which nothing is contested, settled by counting."""

from __future__ import annotations

from typing import Final

import numpy as np

from mpi.cluster_kernels import ACCEPTED, INCOHERENT
from person.jit import kernel, prefetch

__all__ = ["are_sorted_pairs", "count_members", "settle_components"]

AHEAD: Final = 16
"""Edges and records whose component is asked for before it is needed."""


@kernel
def are_sorted_pairs(left, right):  # type: ignore[no-untyped-def]
    """Whether edges are sorted by (left, right), left < right, and none stands twice."""
    for edge in range(left.shape[0]):
        if left[edge] >= right[edge]:
            return False
        if edge > 0 and (
            left[edge] < left[edge - 1]
            or (left[edge] == left[edge - 1] and right[edge] <= right[edge - 1])
        ):
            return False
    return True


@kernel
def count_members(component, out_size):  # type: ignore[no-untyped-def]
    """Number of records of each component at its root, int32[n], zeros before and elsewhere."""
    for row in range(component.shape[0]):
        prefetch(out_size, np.int64(component[min(row + AHEAD, component.shape[0] - 1)]))
        out_size[component[row]] += 1


@kernel
def _is_complete(members, links, size_max):  # type: ignore[no-untyped-def]
    return members <= size_max and links == members * (members - 1) // 2


@kernel
def settle_components(left, right, weight, rules, size_max, links, size, reasons, component, mean):  # type: ignore[no-untyped-def]
    """Settle components of which every pair is a coherent link: each is one cluster.

    No merge inside them can be refused, in whatever order links are taken. Two records whose one
    link is incoherent are settled too, as two clusters. Some 30 ns an edge and 10 ns a record.

    left, right, weight : edges as `are_sorted_pairs` wants them; reasons : uint8[e]
    rules, size_max : see ClusterOptions; up to size_max records all speak for their cluster; 1
        leaves all but single records open
    links : int32[n], zeros
    size : int32[n] from `count_members`; becomes 0 where a component is settled
    component : int32[n]; becomes the cluster where settled
    mean : float64[n], zeros; becomes each settled record's mean clipped weight, inf for one alone

    Returns
    -------
    records in components that are not settled
    """
    for edge in range(left.shape[0]):
        ahead = min(edge + AHEAD, left.shape[0] - 1)
        prefetch(mean, np.int64(right[ahead]))
        root = np.int64(component[left[ahead]])
        prefetch(links, root)
        prefetch(size, root)
        if reasons[edge] != ACCEPTED:
            continue
        one, other = left[edge], right[edge]
        root = component[one]
        value = min(max(weight[edge], rules[1]), rules[2])
        mean[one] += value
        mean[other] += value
        if min(max(weight[edge] - rules[3], rules[1]), rules[2]) >= rules[0]:
            links[root] += 1
        elif size[root] == 2 and size_max >= 2:
            reasons[edge] = INCOHERENT
    opened = 0
    for row in range(component.shape[0]):
        ahead = np.int64(component[min(row + AHEAD, component.shape[0] - 1)])
        prefetch(links, ahead)
        prefetch(size, ahead)
        root = component[row]
        members = size[root]
        if members == 1:
            mean[row] = np.inf
        elif _is_complete(members, links[root], size_max):
            mean[row] /= members - 1
        elif members == 2 and size_max >= 2:
            mean[row] = np.inf
            component[row] = row
        else:
            opened += 1
    for node in range(component.shape[0]):
        members = size[node]
        if members <= min(size_max, 2) or _is_complete(members, links[node], size_max):
            size[node] = 0
    return opened
