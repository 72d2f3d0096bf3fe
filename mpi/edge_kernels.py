"""Compiled loops over links: union-find, best links, and links grouped and sorted by component."""

from __future__ import annotations

from typing import Final

from numba import int64, uint64

from person.jit import kernel, prefetch

__all__ = [
    "group_edges",
    "keep_best_links",
    "list_both_named",
    "list_unequal",
    "slot_of",
    "sort_edges",
    "unite",
]

AHEAD: Final = 16
"""Edges whose right end is asked for before it is needed."""


@kernel
def slot_of(keys, mask, key):
    """Where `key` lies in the table, or the free slot where it would."""
    mixed = (key ^ (key >> uint64(31))) * uint64(0x9E3779B97F4A7C15)
    slot = (mixed ^ (mixed >> uint64(32))) & mask
    while keys[slot] != uint64(0) and keys[slot] != key:
        slot = (slot + uint64(1)) & mask
    return slot


@kernel
def _root_of(parent, row):
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row


@kernel
def unite(left, right, keep, parent):
    """Join the ends of the kept edges; a root is its set's smallest row. About 10 ns an edge."""
    for edge in range(left.shape[0]):
        prefetch(parent, int64(right[min(edge + AHEAD, left.shape[0] - 1)]))
        if keep[edge]:
            one, other = _root_of(parent, left[edge]), _root_of(parent, right[edge])
            if one < other:
                parent[other] = one
            elif other < one:
                parent[one] = other
    for row in range(parent.shape[0]):
        parent[row] = parent[parent[row]] if parent[row] < row else row


@kernel
def keep_best_links(order, left, right, source, keys, out_keep):
    """Walk edges in `order`; keep one whose ends are free for each other's source.

    keys : uint64[power of two], zeros: the set of (row, source) that are taken
    """
    mask = uint64(keys.shape[0] - 1)
    for place in range(order.shape[0]):
        edge = order[place]
        one, other = left[edge], right[edge]
        if source[one] == source[other]:
            continue
        key_one = ((uint64(one) << uint64(32)) | uint64(source[other])) + uint64(1)
        key_other = ((uint64(other) << uint64(32)) | uint64(source[one])) + uint64(1)
        slot_one = slot_of(keys, mask, key_one)
        if keys[slot_one] == key_one:
            continue
        slot_other = slot_of(keys, mask, key_other)
        if keys[slot_other] == key_other:
            continue
        keys[slot_one] = key_one
        keys[slot_of(keys, mask, key_other)] = key_other
        out_keep[edge] = True


@kernel
def list_unequal(left, right, identity, first, out):  # type: ignore[no-untyped-def]
    """List edges, counted from `first`, whose ends have two identities; returns how many.

    identity : uint64[n_records], 0 = none; out : int64[n_edges]
    """
    found = 0
    for edge in range(left.shape[0]):
        prefetch(identity, int64(right[min(edge + AHEAD, left.shape[0] - 1)]))
        one = identity[left[edge]]
        if one != 0:
            other = identity[right[edge]]
            if other != 0 and other != one:
                out[found] = first + edge
                found += 1
    return found


@kernel
def list_both_named(left, right, is_named, first, out):  # type: ignore[no-untyped-def]
    """List edges, counted from `first`, both of whose ends are named; returns how many."""
    found = 0
    for edge in range(left.shape[0]):
        if is_named[left[edge]] and is_named[right[edge]] and left[edge] != right[edge]:
            out[found] = first + edge
            found += 1
    return found


@kernel
def group_edges(left, component_of_row, offsets, keep, out_edges):
    """Counting sort of kept edges by the component of their left end, -1 = not wanted.

    offsets : int64[n_components + 1], where each component's edges begin; moved on while filling
    """
    for edge in range(left.shape[0]):
        component = component_of_row[left[edge]]
        if keep[edge] and component >= 0:
            out_edges[offsets[component]] = edge
            offsets[component] += 1


@kernel
def _goes_before(one, other, left, right, weight):
    """Falling weight, ties by rows."""
    if weight[one] != weight[other]:
        return weight[one] > weight[other]
    one_low, other_low = min(left[one], right[one]), min(left[other], right[other])
    if one_low != other_low:
        return one_low < other_low
    return max(left[one], right[one]) < max(left[other], right[other])


@kernel
def sort_edges(edges, offsets, left, right, weight, scratch):
    """Sort each component's edges by falling weight, ties by rows: insertion runs, then merges."""
    for component in range(offsets.shape[0] - 1):
        start, end = offsets[component], offsets[component + 1]
        for run in range(start, end, 32):
            for place in range(run + 1, min(run + 32, end)):
                edge = edges[place]
                hole = place
                while hole > run and _goes_before(edge, edges[hole - 1], left, right, weight):
                    edges[hole] = edges[hole - 1]
                    hole -= 1
                edges[hole] = edge
        width = 32
        while width < end - start:
            for low in range(start, end, 2 * width):
                middle, high = min(low + width, end), min(low + 2 * width, end)
                one, other = low, middle
                for place in range(low, high):
                    take_other = one == middle or (
                        other < high and _goes_before(edges[other], edges[one], left, right, weight)
                    )
                    if take_other:
                        scratch[place] = edges[other]
                        other += 1
                    else:
                        scratch[place] = edges[one]
                        one += 1
            for place in range(start, end):
                edges[place] = scratch[place]
            width *= 2
