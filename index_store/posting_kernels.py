"""Postings of all rules at once: a few people have few keys, and a call costs more than the work."""

from __future__ import annotations

import numpy as np
from numba import uint64

from index_store.leaf_kernels import fill_matches, find_matches
from person.hashing import mix64
from person.jit import kernel

__all__ = ["fill_all_postings", "find_all_postings"]


@kernel
def find_all_postings(  # type: ignore[no-untyped-def]
    first_keys, key_edges, segments, segment_edges, keys, starts, offsets
):
    """`find_matches` of every posting table; returns how many records there are.

    Parameters
    ----------
    first_keys, key_edges : those of all tables, one after another, and where each table's begin
    segments, segment_edges : the same of their segments
    keys : uint64[n_tables, n], block keys, 0 for none
    starts : int64[n_tables, n], filled
    offsets : int64[n_tables * n + 1], filled: where each key's records begin among all
    """
    count = keys.shape[1]
    stored, skip = np.empty(count, np.uint64), np.empty(count, np.bool_)
    held = np.empty(count, np.int64)
    offsets[0] = 0
    for table in range(keys.shape[0]):
        for place in range(count):
            skip[place] = keys[table, place] == 0
            stored[place] = mix64(keys[table, place]) >> uint64(32)
        own = first_keys[key_edges[table] : key_edges[table + 1]]
        leaves = segments[segment_edges[table] : segment_edges[table + 1]]
        find_matches(own, leaves, stored, skip, starts[table], held)
        for place in range(count):
            where = table * count + place
            offsets[where + 1] = offsets[where] + held[place]
    return offsets[keys.shape[0] * count]


@kernel
def fill_all_postings(segments, segment_edges, starts, offsets, out):  # type: ignore[no-untyped-def]
    """Records found by `find_all_postings`, ascending within each key."""
    count = starts.shape[1]
    for table in range(starts.shape[0]):
        leaves = segments[segment_edges[table] : segment_edges[table + 1]]
        own = offsets[table * count : (table + 1) * count + 1]
        fill_matches(leaves, starts[table], own, out)
