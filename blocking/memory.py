"""How a run's memory is shared out, and the buffers themselves.

Allocated once for all rules, since memory touched for the first time costs more than the work
done in it: the counting filter (2 bits a slot), the keys of all records where they fit (else of
one batch), and the pool that rows are partitioned into.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BUCKETS_IN_ROUND", "BUCKET_ROWS", "MemoryPlan", "PassBuffers", "plan_memory"]

BUCKETS_IN_ROUND: Final = 2048
"""Most buckets rows are scattered to at once: their combining buffers fit the cache."""

BUCKET_ROWS: Final = 24_576
"""Rows aimed at in a bucket, so that a bucket is about one piece of a worker. Fewer fit the second
level of the cache, but calling kernels a bucket and filling more buckets at once costs more: of
6,144 rows, a seventh of all that passes and scoring take."""

BUCKETS_LEAST: Final = 16
PREFIX_BITS_MAX: Final = 16
BATCH_ROWS: Final = 1 << 20
POOL_ROWS_MIN: Final = 4096
FILTER_BYTES_MIN: Final = 64
GROUPING_BYTES: Final = 32
"""A row's sort entry and, in a block too large, its place, sort key and order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPlan:
    """Sizes chosen from `memory_bytes`.

    Attributes
    ----------
    filter_bytes : power of two, 4 slots each
    holds_all_keys : keys of all records are kept between the scans of a rule
    batch_rows : records read and partitioned at a time
    pool_rows : rows a round may hold, with what is needed to group its largest bucket
    row_bytes : what a row in the pool takes
    """

    filter_bytes: int
    holds_all_keys: bool
    batch_rows: int
    pool_rows: int
    row_bytes: int

    @property
    def bucket_rows(self) -> int:
        """Rows aimed at in a bucket: what a round has room for is a few of them at least."""
        return max(min(BUCKET_ROWS, self.pool_rows // BUCKETS_LEAST), 1)

    def capacity(self, largest_bucket: int) -> int:
        """Rows a round may hold where one bucket has `largest_bucket` of them."""
        grouping = largest_bucket * GROUPING_BYTES // self.row_bytes
        return max(self.pool_rows - grouping, self.pool_rows // 2)


def plan_memory(memory_bytes: int, record_count: int, n_words: int, variants: int) -> MemoryPlan:
    """Share out memory: an eighth to the filter, a quarter to keys, most of the rest to rows.

    A kept key a record is dear: without, more is left for rows, and so fewer rounds.
    """
    entries = max(record_count, 1) * variants
    key_bytes = 8 * entries
    holds_all_keys = key_bytes <= memory_bytes // 4
    # Where keys are read again, whole passes do without a filter; estimates use a small one.
    filter_share = memory_bytes // (8 if holds_all_keys else 32)
    filter_bytes = FILTER_BYTES_MIN
    while filter_bytes < 2 * entries and 2 * filter_bytes <= filter_share:
        filter_bytes *= 2
    batch_rows = max(record_count, 1)  # records are mapped: threads wait for each other once
    if not holds_all_keys:
        batch_rows = min(BATCH_ROWS, batch_rows, max(memory_bytes // (32 * variants), 1024))
        key_bytes = 8 * batch_rows * variants
    # A row in the pool, its origin and its key. What a bucket needs besides is a worker's; where
    # one block is all there is, `plan_rounds` keeps room for it.
    row_bytes = 8 * (n_words + 2)
    room = max(memory_bytes - filter_bytes - key_bytes, 0)
    pool_rows = min(max(room // row_bytes, POOL_ROWS_MIN), entries)
    return MemoryPlan(
        filter_bytes=filter_bytes,
        holds_all_keys=holds_all_keys,
        batch_rows=batch_rows,
        pool_rows=pool_rows,
        row_bytes=row_bytes,
    )


class PassBuffers:
    """The big buffers of a run, allocated when first needed and kept."""

    def __init__(self, plan: MemoryPlan, record_count: int, n_words: int, variants: int) -> None:
        self.plan = plan
        self.filter_bytes = np.zeros(plan.filter_bytes, np.uint8)
        key_rows = record_count if plan.holds_all_keys else plan.batch_rows
        self._keys = np.empty(max(key_rows, 1) * variants, np.uint64)
        self._n_words = n_words
        self._pool = np.empty((plan.pool_rows, n_words + 1), np.uint64)
        self._pool_keys = np.empty(plan.pool_rows, np.uint64)

    def keys(self, variants: int, rows: int) -> NDArray[np.uint64]:
        """uint64[variants, rows], C-contiguous."""
        return self._keys[: variants * rows].reshape(variants, rows)

    def pool(self, rows: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Rows, uint64[>= rows, n_words + 1], and their keys, uint64[>= rows]."""
        if rows > len(self._pool):
            self._pool = np.empty((0, 0), np.uint64)  # free first, then take more
            self._pool_keys = np.empty(0, np.uint64)
            self._pool = np.empty((rows, self._n_words + 1), np.uint64)
            self._pool_keys = np.empty(rows, np.uint64)
        return self._pool, self._pool_keys
