"""Kernels that move travelling rows between partition files and the pool.

Bytes touched a record and rule, with w words a row: 8(w + 1) read and as many written to the
staging buffer of the next rule's files; 8(w + 1) read and 8(w + 2) written to the pool, through
write-combining buffers. No allocation.
"""

from __future__ import annotations

from numba import int64, uint64

from blocking.stream_kernels import COMBINE_ROWS, flush_rows, key_bucket
from person.hashing import mix64
from person.jit import kernel
from person.records import ORIGIN_SOURCE_SHIFT

__all__ = ["count_parts", "fill_travelling_rows", "scatter_to_parts", "scatter_travelling_rows"]


@kernel
def fill_travelling_rows(rows, source, first_row, out):  # type: ignore[no-untyped-def]
    """Rows uint64[n, w] with their origin as last word: out uint64[n, w + 1]."""
    n_words = rows.shape[1]
    for row in range(rows.shape[0]):
        for word in range(n_words):
            out[row, word] = rows[row, word]
        out[row, n_words] = (uint64(source[row]) << uint64(ORIGIN_SOURCE_SHIFT)) | uint64(
            first_row + row
        )


@kernel
def _part(key, origin, shift):  # type: ignore[no-untyped-def]
    """Partition of a row: the top bits of its key; a row without one goes anywhere, evenly."""
    value = key if key != 0 else mix64(origin + uint64(1))
    return int64((value >> uint64(1)) >> uint64(shift - 1))


@kernel
def count_parts(rows, keys, shift, counts):  # type: ignore[no-untyped-def]
    """Rows of each partition: rows uint64[n, w + 1], keys uint64[n], counts int64[parts]."""
    counts[:] = 0
    origin = rows.shape[1] - 1
    for row in range(rows.shape[0]):
        counts[_part(keys[row], rows[row, origin], shift)] += 1


@kernel
def scatter_to_parts(rows, keys, shift, positions, out):  # type: ignore[no-untyped-def]
    """Copy each row to its partition's next place: positions int64[parts], moved on."""
    words = rows.shape[1]
    for row in range(rows.shape[0]):
        part = _part(keys[row], rows[row, words - 1], shift)
        place = positions[part]
        for word in range(words):
            out[place, word] = rows[row, word]
        positions[part] = place + 1


@kernel
def scatter_travelling_rows(  # type: ignore[no-untyped-def]
    rows, keys, start, shift, first, positions, pool, pool_keys, buffer, fill
):
    """As `stream_kernels.scatter_rows`, for rows that carry their origin already.

    rows uint64[n, w + 1]; their keys are columns start.. of keys uint64[1, *].
    """
    words = rows.shape[1]
    buckets = positions.shape[0]
    last = uint64(first) + uint64(buckets)
    for bucket in range(buckets):
        fill[bucket] = 0
    for row in range(rows.shape[0]):
        bucket = key_bucket(keys, 0, start + row, shift, uint64(first), last)
        if bucket < 0:
            continue
        held = fill[bucket]
        at = bucket * COMBINE_ROWS + held
        for word in range(words):
            buffer[at, word] = rows[row, word]
        buffer[at, words] = keys[0, start + row]
        held += 1
        if held == COMBINE_ROWS:
            flush_rows(buffer, bucket, held, positions, pool, pool_keys)
            held = 0
        fill[bucket] = held
    for bucket in range(buckets):
        if fill[bucket] > 0:
            flush_rows(buffer, bucket, fill[bucket], positions, pool, pool_keys)
