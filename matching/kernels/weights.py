"""Kernels that turn grades into cells, cells into weights, and count agreement patterns."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import int64, uint64

from person.hashing import mix64
from person.jit import inlined_kernel, kernel, prefetch
from person.slots import read_slot

__all__ = [
    "accumulate_cells",
    "add_cell_weights",
    "add_frequency_weights",
    "add_to_patterns",
    "count_patterns",
    "fill_relative_chances",
    "keep_reaching",
    "relative_chance_of",
    "take_off_relatives",
]

LOOK_UPS: Final = 64
"""Pairs whose look-ups are under way at once: enough to hide a miss of the memory behind others."""

REMEMBERED: Final = 8192
"""Relative weights whose logarithm is remembered: 128 KB a thread."""

NOTHING: Final = -64.0
"""Powers of two under this change no weight."""

_LOG2_E: Final = 1.4426950408889634
_LOG_2: Final = 0.6931471805599453

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
def add_to_patterns(cells, stride, patterns):  # type: ignore[no-untyped-def]
    """patterns += cells * stride: a comparison's place in the agreement pattern."""
    for pair in range(cells.shape[0]):
        patterns[pair] += int64(cells[pair]) * stride


@kernel
def value_hash(rows, row, slots):  # type: ignore[no-untyped-def]
    """The same hash as `person.hashing.hash_field_values`, of one field of one row."""
    value = uint64(0)
    for component in range(slots.shape[0]):
        value = mix64(value ^ read_slot(rows, row, slots, component))
    return value if value != 0 else uint64(1)


@inlined_kernel
def _frequency_weight(wanted, table_hash, table_weight, absent_weight):  # type: ignore[no-untyped-def]
    mask = uint64(table_hash.shape[0] - 1)
    place = wanted & mask
    while table_hash[place] != 0 and table_hash[place] != wanted:
        place = (place + uint64(1)) & mask
    return table_weight[place] if table_hash[place] == wanted else absent_weight


@kernel
def add_frequency_weights(  # type: ignore[no-untyped-def]
    a,
    left,
    pair,
    exact,
    bit,
    slots,
    table_hash,
    table_weight,
    absent_weight,
    weights,
    relatives,
    out_frequency,
):
    """Add the term-frequency adjustment of kept pairs that agree exactly on a field.

    pair int32[n] numbers the kept pairs, exact uint64[n] has `bit` set where they agree.
    `table_hash` is an open-addressed table of value hashes (0 = free), a power of two long, with
    at least one free place. Added to weights and relatives, float64[n], and to out_frequency,
    float64[n] or empty. One cache miss a run of equal left values, asked for ahead, those of
    LOOK_UPS pairs at once.
    """
    mask = uint64(table_hash.shape[0] - 1)
    wanted = np.empty(LOOK_UPS, np.uint64)
    agreeing = np.empty(LOOK_UPS + 1, np.int64)
    for start in range(0, pair.shape[0], LOOK_UPS):
        used = 0
        for at in range(start, min(start + LOOK_UPS, pair.shape[0])):
            agreeing[used] = at
            used += int64(exact[at] >> uint64(bit) & uint64(1))
        last_left, last_wanted = int64(-1), uint64(0)
        for place in range(used):
            row = int64(left[pair[agreeing[place]]])
            if row != last_left:
                last_left = row
                last_wanted = value_hash(a, row, slots)
                prefetch(table_hash, int64(last_wanted & mask))
                prefetch(table_weight, int64(last_wanted & mask))
            wanted[place] = last_wanted
        found_for, last_weight = uint64(0), 0.0
        for place in range(used):
            if wanted[place] != found_for:  # a hash is never 0
                found_for = wanted[place]
                last_weight = _frequency_weight(found_for, table_hash, table_weight, absent_weight)
            at = agreeing[place]
            weights[at] += last_weight
            relatives[at] += last_weight
            if out_frequency.shape[0] > 0:
                out_frequency[at] += last_weight


@kernel
def log2_with_one(value):  # type: ignore[no-untyped-def]
    """log2(1 + 2 ** value), without overflow (scalar kernel)."""
    if value < NOTHING:
        return 0.0
    if value > 0.0:
        return value + math.log1p(math.exp(-value * _LOG_2)) * _LOG2_E
    return math.log1p(math.exp(value * _LOG_2)) * _LOG2_E


@inlined_kernel
def _remembered(relative, memory):  # type: ignore[no-untyped-def]
    """`log2_with_one(relative)`: pairs of one pattern have the same, and are many."""
    bits = uint64(np.float64(relative).view(np.uint64)) * uint64(_GOLDEN)
    place = bits >> uint64(40) & uint64(memory.shape[0] - 1)
    if memory[place, 0] != relative:
        memory[place, 0], memory[place, 1] = relative, log2_with_one(relative)
    return memory[place, 1]


@kernel
def take_off_relatives(weights, relatives, memory):  # type: ignore[no-untyped-def]
    """weights -= log2(1 + 2 ** relatives): odds against strangers and relatives together."""
    for pair in range(weights.shape[0]):
        weights[pair] -= _remembered(relatives[pair], memory)


@kernel
def keep_reaching(weight_min, pair, pattern, weights, relatives, memory):  # type: ignore[no-untyped-def]
    """`take_off_relatives`, and move the pairs at or above `weight_min` to the front.

    pair int32[n], pattern int64[n], weights and relatives float64[n]; returns how many are kept.
    """
    kept = 0
    for at in range(pair.shape[0]):
        if weights[at] < weight_min:
            continue
        weight = weights[at] - _remembered(relatives[at], memory)
        pair[kept], pattern[kept] = pair[at], pattern[at]
        weights[kept], relatives[kept] = weight, relatives[at]
        kept += weight >= weight_min
    return kept


@kernel
def relative_chance_of(weight, relative):  # type: ignore[no-untyped-def]
    """Chance of being two relatives, from what `take_off_relatives` left (scalar kernel)."""
    if relative < NOTHING:
        return 0.0
    # Odds against strangers and relatives together: (1 + 2 ** relative)(1 + 2 ** weight).
    against = (1.0 + math.exp(-relative * _LOG_2)) * (1.0 + math.exp(weight * _LOG_2))
    return 1.0 / against


@kernel
def fill_relative_chances(weights, relatives, out):  # type: ignore[no-untyped-def]
    """`relative_chance_of` of each pair, float64[n]."""
    for pair in range(weights.shape[0]):
        out[pair] = relative_chance_of(weights[pair], relatives[pair])


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
