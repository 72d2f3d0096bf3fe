"""Union-find that several threads enter at once, 4 bytes a record, and its labels.

A root is linked to a smaller root by one atomic exchange, so a set's root is its smallest record
whatever the order of links and threads.
"""

from __future__ import annotations

from typing import Final

from numba import int64, uint32, uint64

from person.jit import compare_and_swap, kernel, prefetch
from person.records import ORIGIN_ROW_MASK

__all__ = ["label_sets", "look_up_patterns", "unite_pairs"]

AHEAD: Final = 12
"""Links whose records are asked for before they are needed: each is a miss of the memory."""

UNKNOWN: Final = 2
_GOLDEN: Final = 0x9E3779B97F4A7C15


@kernel
def _root_of(parent, record):  # type: ignore[no-untyped-def]
    """Root of a record's set; paths are halved on the way, which is safe in any order."""
    while True:
        above = parent[record]
        if above == record:
            return record
        top = parent[above]
        if top == above:
            return int64(above)
        parent[record] = top
        record = int64(top)


@kernel
def unite_pairs(rows, left, right, pair, weight, refused, weight_min, parent):  # type: ignore[no-untyped-def]
    """Unite the records of pairs at or above `weight_min` that are not refused; returns links.

    rows uint64[n, w + 1] with their origin last; left, right int32; pair int32[k], weight
    float64[k] and refused uint8[k]: what was scored; parent uint32[records], shared by threads.
    """
    origin = rows.shape[1] - 1
    mask = uint64(ORIGIN_ROW_MASK)
    links = 0
    for place in range(pair.shape[0]):
        ahead = min(place + AHEAD, pair.shape[0] - 1)
        prefetch(parent, int64(rows[left[pair[ahead]], origin] & mask))
        prefetch(parent, int64(rows[right[pair[ahead]], origin] & mask))
        if weight[place] < weight_min or refused[place] != 0:
            continue
        links += 1
        one = int64(rows[left[pair[place]], origin] & mask)
        other = int64(rows[right[pair[place]], origin] & mask)
        while True:
            one, other = _root_of(parent, one), _root_of(parent, other)
            if one == other:
                break
            if one < other:
                one, other = other, one
            if compare_and_swap(parent, one, uint32(one), uint32(other)):
                break
    return links


@kernel
def label_sets(parent, first, stop):  # type: ignore[no-untyped-def]
    """Point each of the records [first, stop) at its root, smaller ones first; returns roots.

    Whole only in rising order from record 0: what a record points to is then a root's label.
    """
    roots = 0
    for record in range(first, stop):
        if parent[record] == record:
            roots += 1
        else:
            parent[record] = parent[parent[record]]
    return roots


@kernel
def look_up_patterns(patterns, keys, flags, out):  # type: ignore[no-untyped-def]
    """out[i] = flag of each pattern, uint8, UNKNOWN where the table lacks it; returns how many.

    keys int64[power of two], -1 = free; flags uint8 beside them; at least one place is free.
    """
    mask = uint64(keys.shape[0] - 1)
    unknown = 0
    for i in range(patterns.shape[0]):
        place = (uint64(patterns[i]) * uint64(_GOLDEN)) >> uint64(20) & mask
        while keys[place] != -1 and keys[place] != patterns[i]:
            place = (place + uint64(1)) & mask
        out[i] = flags[place] if keys[place] == patterns[i] else UNKNOWN
        unknown += out[i] == UNKNOWN
    return unknown


@kernel
def add_patterns(patterns, values, keys, flags):  # type: ignore[no-untyped-def]
    """Put patterns, none of them in the table, and their flags into it."""
    mask = uint64(keys.shape[0] - 1)
    for i in range(patterns.shape[0]):
        place = (uint64(patterns[i]) * uint64(_GOLDEN)) >> uint64(20) & mask
        while keys[place] != -1:
            place = (place + uint64(1)) & mask
        flags[place] = values[i]
        keys[place] = patterns[i]
