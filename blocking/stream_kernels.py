"""Kernels over the stream of keys: counting filter, histogram, partition.

Bytes touched a record and rule, with w words a row: keys 8w read + 8 written; filter 8 read and
one random byte; prune and histogram 8 read, one random byte; scatter 8w read and 8(w + 2)
written, through write-combining buffers that stay in the second-level cache. No allocation.
"""

from __future__ import annotations

from numba import int64, uint8, uint64

from person.jit import kernel
from person.records import ORIGIN_SOURCE_SHIFT

__all__ = [
    "COMBINE_ROWS",
    "count_buckets",
    "count_keys",
    "count_prefixes",
    "flush_rows",
    "key_bucket",
    "prune_lonely_keys",
    "scatter_rows",
    "take_low_keys",
]

COMBINE_ROWS = 4
"""Rows gathered for one bucket before they are written out together."""


@kernel
def count_keys(keys, shift, slot_first, slot_stop, filter_bytes):  # type: ignore[no-untyped-def]
    """Count each key's slot to two: 2 bits a slot, 4 slots a byte, the key's top bits choose.

    Only slots in [slot_first, slot_stop) are touched, multiples of 4, so that threads share no
    byte. keys uint64[n], 0 = none.
    """
    for place in range(keys.shape[0]):
        key = keys[place]
        slot = key >> uint64(shift)
        if key == 0 or slot < slot_first or slot >= slot_stop:
            continue
        byte = slot >> uint64(2)
        offset = uint8((slot & uint64(3)) << uint64(1))
        value = filter_bytes[byte]
        seen = (value >> offset) & uint8(3)
        if seen < 2:
            filter_bytes[byte] = uint8(value + (uint8(1) << offset))


@kernel
def prune_lonely_keys(keys, shift, filter_bytes):  # type: ignore[no-untyped-def]
    """Set keys to 0 whose slot was counted once: no other record can share them."""
    kept = 0
    keyed = 0
    for place in range(keys.shape[0]):
        key = keys[place]
        if key == 0:
            continue
        keyed += 1
        slot = key >> uint64(shift)
        value = filter_bytes[slot >> uint64(2)]
        if (value >> uint8((slot & uint64(3)) << uint64(1))) & uint8(3) < 2:
            keys[place] = 0
        else:
            kept += 1
    return keyed, kept


@kernel
def take_low_keys(keys, below, out):  # type: ignore[no-untyped-def]
    """Append keys under `below`, but not 0, to out uint64[*] while it has room; returns how many
    there are."""
    found = 0
    for place in range(keys.shape[0]):
        if keys[place] - uint64(1) < below - uint64(1):  # a missing key becomes the largest number
            if found < out.shape[0]:
                out[found] = keys[place]
            found += 1
    return found


@kernel
def key_bucket(keys, variant, place, shift, first, stop):  # type: ignore[no-untyped-def]
    """Bucket of one key of one record in this round, -1 for none or one already chosen."""
    key = keys[variant, place]
    if key == 0:
        return -1
    # Two shifts: with one bucket for all keys the whole shift would be 64, which is no shift.
    prefix = (key >> uint64(1)) >> uint64(shift - 1)
    if prefix < first or prefix >= stop:
        return -1
    for earlier in range(variant):
        other = keys[earlier, place]
        if other != 0 and (other >> uint64(1)) >> uint64(shift - 1) == prefix:
            return -1
    return int64(prefix - first)


@kernel
def count_prefixes(keys, start, stop, shift, histogram):  # type: ignore[no-untyped-def]
    """Add to histogram, int64[prefixes], the records of columns [start, stop) of keys."""
    for place in range(start, stop):
        for variant in range(keys.shape[0]):
            bucket = key_bucket(keys, variant, place, shift, uint64(0), uint64(histogram.shape[0]))
            if bucket >= 0:
                histogram[bucket] += 1


@kernel
def count_buckets(keys, start, stop, shift, first, counts):  # type: ignore[no-untyped-def]
    """Records of each bucket of this round among columns [start, stop): counts int64[buckets]."""
    counts[:] = 0
    last = uint64(first) + uint64(counts.shape[0])
    for place in range(start, stop):
        for variant in range(keys.shape[0]):
            bucket = key_bucket(keys, variant, place, shift, uint64(first), last)
            if bucket >= 0:
                counts[bucket] += 1


@kernel
def scatter_rows(  # type: ignore[no-untyped-def]
    rows,
    source,
    first_row,
    keys,
    start,
    shift,
    first,
    positions,
    pool,
    pool_keys,
    buffer,
    fill,
):
    """Copy each keyed row with its origin, and its key beside it, to its bucket's next place.

    rows uint64[n, w] and source uint16[n], read-only, numbered from `first_row` on; their keys are
    columns start.. of keys; positions int64[buckets], moved on; pool uint64[capacity, w + 1],
    pool_keys uint64[capacity]; buffer uint64[buckets * COMBINE_ROWS, w + 2] and fill int64[buckets]
    are scratch.
    """
    n_words = rows.shape[1]
    buckets = positions.shape[0]
    last = uint64(first) + uint64(buckets)
    for bucket in range(buckets):
        fill[bucket] = 0
    for place in range(rows.shape[0]):
        for variant in range(keys.shape[0]):
            bucket = key_bucket(keys, variant, start + place, shift, uint64(first), last)
            if bucket < 0:
                continue
            held = fill[bucket]
            at = bucket * COMBINE_ROWS + held
            for word in range(n_words):
                buffer[at, word] = rows[place, word]
            origin = uint64(source[place]) << uint64(ORIGIN_SOURCE_SHIFT)
            buffer[at, n_words] = origin | uint64(first_row + place)
            buffer[at, n_words + 1] = keys[variant, start + place]
            held += 1
            if held == COMBINE_ROWS:
                flush_rows(buffer, bucket, held, positions, pool, pool_keys)
                held = 0
            fill[bucket] = held
    for bucket in range(buckets):
        if fill[bucket] > 0:
            flush_rows(buffer, bucket, fill[bucket], positions, pool, pool_keys)


@kernel
def flush_rows(buffer, bucket, held, positions, pool, pool_keys):  # type: ignore[no-untyped-def]
    """Write a bucket's combined rows to its next places, their keys beside them."""
    at = positions[bucket]
    words = pool.shape[1]
    for row in range(held):
        for word in range(words):
            pool[at + row, word] = buffer[bucket * COMBINE_ROWS + row, word]
        pool_keys[at + row] = buffer[bucket * COMBINE_ROWS + row, words]
    positions[bucket] = at + held
