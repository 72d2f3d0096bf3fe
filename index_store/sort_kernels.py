"""Compiled sorting of entries (key32 << 32 | record) that come in order of their records.

Where records ascend, a stable sort by the key's 32 bits sorts the whole entries: by counting,
first into parts that fit the processor's cache, then each part, 10 ns an entry where a sort by
comparison takes 60. Whether the outcome ascends is looked at, so other input is only slower.
"""

from __future__ import annotations

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from person.jit import count_leading_zeros, kernel

__all__ = ["sorted_entries"]

_PART_BITS = 14  # of the number of entries in a part: with its copy, a quarter of a megabyte
_DIGIT_BITS = 12


@kernel
def _sort_part(source, target, low_bit, digit, passes, counts):  # type: ignore[no-untyped-def]
    """Sort by `passes` digits from `low_bit` on; an odd number of passes ends in `target`."""
    size = int64(1) << digit
    mask = uint64(size - 1)
    counts[:passes, :size] = 0
    for place in range(source.shape[0]):
        key = source[place] >> uint64(low_bit)
        for each in range(passes):
            counts[each, key & mask] += 1
            key >>= uint64(digit)
    for each in range(passes):
        start = int64(0)
        for value in range(size):
            count = counts[each, value]
            counts[each, value] = start
            start += count
        shift = uint64(low_bit + each * digit)
        if each % 2 == 0:
            for place in range(source.shape[0]):
                value = (source[place] >> shift) & mask
                target[counts[each, value]] = source[place]
                counts[each, value] += 1
        else:
            for place in range(source.shape[0]):
                value = (target[place] >> shift) & mask
                source[counts[each, value]] = target[place]
                counts[each, value] += 1


@kernel
def _sort_by_key(entries, spare, top_digit, low_digit, passes):  # type: ignore[no-untyped-def]
    """Sort by bits 32 .. 32 + passes * low_digit + top_digit - 1; True where `spare` holds it."""
    counts = np.empty((max(passes, int64(1)), int64(1) << low_digit), np.int64)
    if top_digit == 0:
        _sort_part(entries, spare, int64(32), low_digit, passes, counts)
        return passes % 2 == 1
    shift = uint64(32 + passes * low_digit)
    mask = uint64((int64(1) << top_digit) - 1)
    starts = np.zeros((int64(1) << top_digit) + 1, np.int64)
    for place in range(entries.shape[0]):
        starts[((entries[place] >> shift) & mask) + uint64(1)] += 1
    for part in range(starts.shape[0] - 1):
        starts[part + 1] += starts[part]
    ends = starts.copy()
    for place in range(entries.shape[0]):
        part = (entries[place] >> shift) & mask
        spare[ends[part]] = entries[place]
        ends[part] += 1
    for part in range(starts.shape[0] - 1):
        start, end = starts[part], starts[part + 1]
        _sort_part(spare[start:end], entries[start:end], int64(32), low_digit, passes, counts)
    return passes % 2 == 0


@kernel
def _varying_bits(entries):  # type: ignore[no-untyped-def]
    """(bits of the keys from the lowest to the highest that varies, whether entries ascend)."""
    varying, is_ascending = uint64(0), True
    before = entries[0]
    for place in range(entries.shape[0]):
        varying |= entries[place] ^ entries[0]
        is_ascending &= before <= entries[place]
        before = entries[place]
    return int64(64) - int64(count_leading_zeros(varying >> uint64(32) | uint64(1))), is_ascending


@kernel
def _keep_distinct(entries):  # type: ignore[no-untyped-def]
    """Move entries that differ from the one before to the front; how many, -1 if not ascending."""
    kept = int64(1)
    for place in range(1, entries.shape[0]):
        if entries[place] <= entries[kept - 1]:
            if entries[place] < entries[kept - 1]:
                return int64(-1)
            continue
        entries[kept] = entries[place]
        kept += 1
    return kept


def sorted_entries(entries: NDArray[np.uint64], spare: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Entries ascending, each once; both arrays given are overwritten.

    Parameters
    ----------
    entries : uint64[n], fastest where records ascend among those of one key
    spare : uint64[at least n]

    Returns
    -------
    uint64[m], the first part of `entries` or of `spare`
    """
    if len(entries) < 2:
        return entries
    bits, is_ascending = _varying_bits(entries)
    if not is_ascending:
        top = min(max(0, len(entries).bit_length() - _PART_BITS), 10, bits)
        passes = -(-(bits - top) // _DIGIT_BITS)
        digit = -(-(bits - top) // passes) if passes else 1
        top = max(0, bits - passes * digit) if top else 0
        spare = spare[: len(entries)]
        if _sort_by_key(entries, spare, np.int64(top), np.int64(digit), np.int64(passes)):
            entries = spare
    kept = _keep_distinct(entries)
    if kept < 0:
        entries.sort()
        kept = _keep_distinct(entries)
    return entries[:kept]
