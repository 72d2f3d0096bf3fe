"""Kernels that turn grades into cells, cells into weights, and count agreement patterns."""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from person.hashing import mix64
from person.jit import kernel
from person.slots import read_slot

__all__ = [
    "accumulate_cells",
    "add_cell_weights",
    "add_frequency_weights",
    "append_to_patterns",
    "count_patterns",
]

_GOLDEN = 0x9E3779B97F4A7C15


@kernel
def accumulate_cells(grades, level_of_grade, stride, cells):  # type: ignore[no-untyped-def]
    """Add a part's level, times its stride, to each pair's cell. 1 + 4 bytes read, 4 written."""
    for pair in range(grades.shape[0]):
        cells[pair] += level_of_grade[grades[pair]] * stride


@kernel
def add_cell_weights(cells, cell_weight, weights):  # type: ignore[no-untyped-def]
    """Add the match weight of each pair's cell; tables are small enough for L1."""
    for pair in range(cells.shape[0]):
        weights[pair] += cell_weight[cells[pair]]


@kernel
def append_to_patterns(cells, cell_count, patterns):  # type: ignore[no-untyped-def]
    """patterns = patterns * cell_count + cells: the agreement pattern as one integer."""
    for pair in range(cells.shape[0]):
        patterns[pair] = patterns[pair] * cell_count + int64(cells[pair])


@kernel
def value_hash(rows, row, slots):  # type: ignore[no-untyped-def]
    """The same hash as `person.hashing.hash_field_values`, of one field of one row."""
    value = uint64(0)
    for component in range(slots.shape[0]):
        value = mix64(value ^ read_slot(rows, row, slots, component))
    return value if value != 0 else uint64(1)


@kernel
def add_frequency_weights(  # type: ignore[no-untyped-def]
    a, left, slots, grades, table_hash, table_weight, absent_weight, weights
):
    """Add the term-frequency adjustment of pairs that agree exactly (grade 0) on a field.

    `table_hash` is an open-addressed table of value hashes (0 = free), a power of two long, with
    at least one free place. About one cache miss per run of equal left values.
    """
    mask = uint64(table_hash.shape[0] - 1)
    last_left = int64(-1)
    last_weight = 0.0
    for pair in range(left.shape[0]):
        if grades[pair] != 0:
            continue
        if left[pair] != last_left:
            last_left = left[pair]
            wanted = value_hash(a, last_left, slots)
            place = wanted & mask
            while table_hash[place] != 0 and table_hash[place] != wanted:
                place = (place + uint64(1)) & mask
            last_weight = table_weight[place] if table_hash[place] == wanted else absent_weight
        weights[pair] += last_weight


@kernel
def fill_hash_table(hashes, values, table_hash, table_value):  # type: ignore[no-untyped-def]
    """Build the open-addressed table that `add_frequency_weights` reads."""
    mask = uint64(table_hash.shape[0] - 1)
    for i in range(hashes.shape[0]):
        place = hashes[i] & mask
        while table_hash[place] != 0:
            place = (place + uint64(1)) & mask
        table_hash[place] = hashes[i]
        table_value[place] = values[i]


@kernel
def count_patterns(patterns, keys, counts, used):  # type: ignore[no-untyped-def]
    """Count patterns in an open-addressed table (keys start at -1).

    Returns how many patterns were taken in; fewer than given when the table is three quarters
    full, and the caller grows it and goes on: nothing is dropped.
    """
    capacity = keys.shape[0]
    mask = uint64(capacity - 1)
    for i in range(patterns.shape[0]):
        pattern = patterns[i]
        place = (uint64(pattern) * uint64(_GOLDEN)) >> uint64(20) & mask
        while keys[place] != -1 and keys[place] != pattern:
            place = (place + uint64(1)) & mask
        if keys[place] == -1:
            if used[0] * 4 >= capacity * 3:
                return i
            keys[place] = pattern
            used[0] += 1
        counts[place] += 1
    return np.int64(patterns.shape[0])
