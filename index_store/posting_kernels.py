"""Postings of several rules at once: of few people a call costs more than the work."""

from __future__ import annotations

import numpy as np
from numba import uint64

from index_store.leaf_kernels import fill_matches, find_matches
from person.hashing import mix64
from person.jit import kernel

__all__ = ["fill_all_postings", "find_all_postings"]


@kernel
def find_all_postings(  # type: ignore[no-untyped-def]
    first_keys, key_edges, segments, segment_edges, rules, keys, starts, offsets
):
    """`find_matches` in several posting tables; returns how many records there are.

    Parameters
    ----------
    first_keys, key_edges : those of all tables, one after another, and where each table's begin
    segments, segment_edges : the same of their segments
    rules : int64[m], which table each line of keys is looked up in
    keys : uint64[m, n], block keys, 0 for none
    starts : int64[m, n], filled
    offsets : int64[m * n + 1], filled: where each key's records begin among all
    """
    count = keys.shape[1]
    stored, skip = np.empty(count, np.uint64), np.empty(count, np.bool_)
    held = np.empty(count, np.int64)
    offsets[0] = 0
    for line in range(keys.shape[0]):
        table = rules[line]
        for place in range(count):
            skip[place] = keys[line, place] == 0
            stored[place] = mix64(keys[line, place]) >> uint64(32)
        own = first_keys[key_edges[table] : key_edges[table + 1]]
        leaves = segments[segment_edges[table] : segment_edges[table + 1]]
        find_matches(own, leaves, stored, skip, starts[line], held)
        for place in range(count):
            where = line * count + place
            offsets[where + 1] = offsets[where] + held[place]
    return offsets[keys.shape[0] * count]


@kernel
def fill_all_postings(segments, segment_edges, rules, starts, offsets, out):  # type: ignore[no-untyped-def]
    """Records found by `find_all_postings`, ascending within each key."""
    count = starts.shape[1]
    for line in range(starts.shape[0]):
        leaves = segments[segment_edges[rules[line]] : segment_edges[rules[line] + 1]]
        own = offsets[line * count : (line + 1) * count + 1]
        fill_matches(leaves, starts[line], own, out)
