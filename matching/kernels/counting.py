"""Counting values: frequent ones in a table that stays in the cache, the rest handed on."""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from person.jit import kernel

__all__ = ["combine_hashes", "count_runs", "list_runs", "split_values"]


@kernel
def split_values(  # type: ignore[no-untyped-def]
    hashes, keys, counts, used, room, is_counting, low, high, out
):
    """Count the values of a table, give out the others that lie in a range of hashes.

    The first `room` different values met go into the table; whatever is frequent is among them.
    5 to 10 ns a value, no sort.

    hashes : uint64[n], 0 = missing, left out
    keys, counts : uint64[2^k], int64[2^k], zeros to begin with, more than `room` long
    used : int64[1], values in the table
    is_counting : False where the table was filled and counted by an earlier round
    low, high : range, both ends in it
    out : uint64[>= n], values not in the table

    Returns
    -------
    number given out
    """
    mask = uint64(keys.shape[0] - 1)
    given = 0
    for row in range(hashes.shape[0]):
        value = hashes[row]
        if value == 0:
            continue
        slot = (value * uint64(0x9E3779B97F4A7C15)) >> uint64(32) & mask
        while keys[slot] != 0 and keys[slot] != value:
            slot = (slot + uint64(1)) & mask
        if keys[slot] == 0 and used[0] < room:
            keys[slot] = value
            used[0] += 1
        if keys[slot] == value:
            if is_counting:
                counts[slot] += 1
        elif low <= value <= high:
            out[given] = value
            given += 1
    return given


@kernel
def combine_hashes(combined, more):  # type: ignore[no-untyped-def]
    """combined, uint64[n], becomes the hash of its value and of `more`; 0 where one is missing."""
    for row in range(combined.shape[0]):
        if combined[row] == 0 or more[row] == 0:
            combined[row] = 0
            continue
        value = (combined[row] ^ (combined[row] >> uint64(29))) * uint64(0x9E3779B97F4A7C15)
        combined[row] = max(value + more[row], uint64(1))


@kernel
def count_runs(values):  # type: ignore[no-untyped-def]
    """Runs of equal values, uint64[n] sorted: (how many, longer than one, pairs inside them)."""
    runs, longer, pairs = int64(0), int64(0), 0.0
    start = int64(0)
    for place in range(1, values.shape[0] + 1):
        if place == values.shape[0] or values[place] != values[start]:
            count = place - start
            runs += 1
            longer += count > 1
            pairs += count * (count - 1.0) / 2.0
            start = place
    return runs, longer, pairs


@kernel
def list_runs(values, least, out_values, out_counts):  # type: ignore[no-untyped-def]
    """List the value and the length of each run of `least` values or more, in order."""
    used = 0
    start = int64(0)
    for place in range(1, values.shape[0] + 1):
        if place == values.shape[0] or values[place] != values[start]:
            if place - start >= least:
                out_values[used] = values[start]
                out_counts[used] = place - start
                used += 1
            start = place
    return np.int64(used)
