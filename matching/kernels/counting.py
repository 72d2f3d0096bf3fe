"""Counting values by their hashes: frequent ones in a table that stays in the cache, the rest in
parts of the range of hashes, each small enough to stay there too. Nothing is sorted but what
stands in a part's table, and that nearly is."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint64

from person.hashing import mix64
from person.jit import kernel
from person.slots import read_slot

__all__ = [
    "FILTER_WORDS",
    "count_parts",
    "count_places",
    "hash_sets",
    "scatter_values",
    "split_values",
]

FILTER_WORDS: Final = 1 << 12
"""Length of the filter of `split_values`: 2^18 bits, 32 KiB, a sixteenth of them set at most."""

_GOLDEN: Final = 0x9E3779B97F4A7C15
_FILTER_SHIFT: Final = 46


@kernel
def hash_sets(rows, slots, first, fields, begins, dropped, first_row, bits, present, out):  # type: ignore[no-untyped-def]
    """One hash a row of each of some sets of fields; 0 where a field lacks or the row is left out.

    Of one field it is that of `person.hashing.hash_field_values`. Some 3 ns a row and field, and
    1 a set.

    slots : int64[n_components, 3], the components of all fields; int64[n_fields + 1] `first`,
        where each field's begin
    fields : int64[*], the fields of all sets; int64[n_sets + 1] `begins`, where each set's begin
    dropped : uint32[*, n_records], or empty: rows from `first_row` on are left out where they
        have a set's bit, bits int64[n_sets, 2] being its place among the words, and in the word
    present : int64[n_sets], added to: hashes that are not 0
    out : uint64[n_sets, >= n_records]
    """
    values = np.empty(first.shape[0] - 1, np.uint64)
    for row in range(rows.shape[0]):
        for field in range(first.shape[0] - 1):
            value = uint64(0)
            if read_slot(rows, row, slots, first[field]) != 0:
                for component in range(first[field], first[field + 1]):
                    value = mix64(value ^ read_slot(rows, row, slots, component))
                value = max(value, uint64(1))
            values[field] = value
        for number in range(begins.shape[0] - 1):
            combined = values[fields[begins[number]]]
            for place in range(begins[number] + 1, begins[number + 1]):
                more = values[fields[place]]
                if combined == 0 or more == 0:
                    combined = uint64(0)
                    break
                mixed = (combined ^ (combined >> uint64(29))) * uint64(_GOLDEN)
                combined = max(mixed + more, uint64(1))
            if dropped.shape[0] > 0:
                marks = dropped[bits[number, 0], first_row + row] >> np.uint32(bits[number, 1])
                if marks & np.uint32(1):
                    combined = uint64(0)
            out[number, row] = combined
            present[number] += combined != 0


@kernel
def split_values(hashes, keys, counts, used, room, is_counting, low, high, met, out):  # type: ignore[no-untyped-def]
    """Count the values of a table, give out the others that lie in a range of hashes.

    The first `room` different values met go into the table; whatever is frequent is among them.
    2 to 5 ns a value, no sort.

    hashes : uint64[n], 0 = missing, left out
    keys, counts : uint64[2^k], int64[2^k], zeros to begin with, more than `room` long
    used : int64[1], values in the table
    is_counting : False where the table was filled and counted by an earlier round
    low, high : range, both ends in it
    met : uint64[FILTER_WORDS], zeros to begin with: tells most values that are not in the table
    out : uint64[>= n], values not in the table; written over a little further

    Returns
    -------
    number given out
    """
    mask = uint64(keys.shape[0] - 1)
    held = used[0]
    given = 0
    for row in range(hashes.shape[0]):
        value = hashes[row]
        mixed = value * uint64(_GOLDEN)
        place = mixed >> uint64(_FILTER_SHIFT)
        bit = uint64(1) << (place & uint64(63))
        if held >= room and met[place >> uint64(6)] & bit == 0:
            out[given] = value
            given += (value != 0) & (low <= value) & (value <= high)
            continue
        if value == 0:
            continue
        slot = mixed >> uint64(32) & mask
        while keys[slot] != 0 and keys[slot] != value:
            slot = (slot + uint64(1)) & mask
        if keys[slot] == 0 and held < room:
            keys[slot] = value
            met[place >> uint64(6)] |= bit
            held += 1
        if keys[slot] == value:
            if is_counting:
                counts[slot] += 1
        elif low <= value <= high:
            out[given] = value
            given += 1
    used[0] = held
    return given


@kernel
def count_places(values, low, shift, counts):  # type: ignore[no-untyped-def]
    """Add up the values, uint64[n], that fall into each part of 2^shift hashes from `low` on."""
    for row in range(values.shape[0]):
        counts[(values[row] - low) >> uint64(shift)] += 1


@kernel
def scatter_values(values, low, shift, begins, out):  # type: ignore[no-untyped-def]
    """Copy values to their parts; begins int64[n_parts], moved on. 2 to 3 ns a value."""
    for row in range(values.shape[0]):
        part = (values[row] - low) >> uint64(shift)
        out[begins[part]] = values[row]
        begins[part] += 1


@kernel
def _put_in_order(values, counts, begin, end):  # type: ignore[no-untyped-def]
    """Insertion sort of what is nearly sorted."""
    for place in range(begin + 1, end):
        value, count = values[place], counts[place]
        hole = place
        while hole > begin and values[hole - 1] > value:
            values[hole], counts[hole] = values[hole - 1], counts[hole - 1]
            hole -= 1
        values[hole], counts[hole] = value, count


@kernel
def count_parts(values, starts, low, shift, keys, numbers, out_counts, done):  # type: ignore[no-untyped-def]
    """Count the values of each part, and list the different ones in rising order.

    A value's place in the part's table is given by the bits that come next in its hash, so that
    what the table holds is nearly sorted. Some 10 ns a value.

    values : uint64[n], as `scatter_values` left them; becomes the different values
    starts : int64[n_parts + 1], where each part begins
    keys, numbers : uint64[2^k] and int64[2^k], zeros, and room for overflow after them:
        both are longer than 2^k by half of it
    out_counts : int64[>= different values]
    done : int64[2], parts counted and different values listed so far, moved on

    Returns
    -------
    pairs of equal values in the parts counted now; stops at a part for which the table is small
    """
    size = int64(1)
    while size * 3 <= keys.shape[0]:
        size *= 2
    bits = int64(0)
    while (1 << bits) < size:
        bits += 1
    table_shift = uint64(max(int64(shift) - bits, 0))
    pairs = 0.0
    while done[0] < starts.shape[0] - 1:
        part, used = done[0], done[1]
        held = 0
        for row in range(starts[part], starts[part + 1]):
            value = values[row]
            slot = int64(((value - low) >> table_shift) & uint64(size - 1))
            while keys[slot] != 0 and keys[slot] != value:
                slot += 1
            if keys[slot] == 0:
                held += 1
                if 2 * held > size:
                    break
                keys[slot] = value
                numbers[slot] = 0
            numbers[slot] += 1
        if 2 * held > size:
            keys[:] = 0
            return pairs
        listed = used
        for slot in range(keys.shape[0]):
            if keys[slot] != 0:
                count = numbers[slot]
                values[listed] = keys[slot]
                out_counts[listed] = count
                pairs += count * (count - 1.0) / 2.0
                keys[slot] = 0
                listed += 1
        _put_in_order(values, out_counts, used, listed)
        done[0], done[1] = part + 1, listed
    return pairs
