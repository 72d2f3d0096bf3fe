"""Reading a record source for one rule: keys, counting filter, partition of whole rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking import stream_kernels
from blocking.kernels import combine_keys
from blocking.keys import ResolvedRule, ResolvedRules, read_only
from blocking.memory import BUCKETS_IN_ROUND, PREFIX_BITS_MAX, PassBuffers
from person.records import RecordChunk, RecordSource
from person.threads import map_slices, slices, thread_count

__all__ = ["Batch", "KeyFiller", "KeyScan", "Round", "RuleKeyFiller", "iterate_batches"]

SLICE_ROWS: Final = 1 << 17

SAMPLED_BELOW: Final = np.uint64(1 << 58)
"""Keys under this, one in 64, say what the others are like: all records of a key are in."""

SAMPLE_LEAST: Final = 1000
FILTER_SHARE_LEAST: Final = 0.33
"""Least share of keys that stand alone for which the counting filter pays."""

KEY_ROWS: Final = 8192
KEY_SHARES: Final = 1 << 16
"""Equal parts of the keys, of which a pass may take the first few."""

KeyFiller = Callable[[RecordChunk, NDArray[np.uint64]], None]
"""fill(chunk, out): block keys of a chunk's records to out uint64[variants, len(chunk)]."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records and where each stretch of them stands in the batch's keys."""

    first_row: int
    count: int
    pieces: tuple[tuple[int, RecordChunk], ...]


@dataclass(frozen=True, slots=True)
class Round:
    """Prefixes of keys partitioned together: bucket b is prefix first + b, and its rows stand at
    starts[b] to ends[b].

    A record with several keys may be counted twice and come once, where two of them have come
    into one bucket since: then a bucket ends before the next one starts. `KeyScan.partition` says
    where.
    """

    first: int
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


def iterate_batches(source: RecordSource, batch_rows: int) -> Iterator[Batch]:
    """Group the chunks of a source into batches and cut them into slices for the threads."""
    pieces: list[tuple[int, RecordChunk]] = []
    count = first_row = 0
    size = min(SLICE_ROWS, max(batch_rows // thread_count(), 1))
    for chunk in source.chunks():
        for part in slices(len(chunk), min(size, batch_rows)):
            cut = RecordChunk(
                chunk.first_row + part.start,
                read_only(chunk.rows[part]),
                read_only(chunk.source[part]),
            )
            if count + len(cut) > batch_rows and pieces:
                yield Batch(first_row, count, tuple(pieces))
                pieces, count = [], 0
            if not pieces:
                first_row = cut.first_row
            pieces.append((count, cut))
            count += len(cut)
    if pieces:
        yield Batch(first_row, count, tuple(pieces))


class RuleKeyFiller:
    """Block keys of a rule for stretches of records; one parts buffer for each thread."""

    def __init__(self, resolved: ResolvedRules, rule: ResolvedRule) -> None:
        self._resolved = resolved
        self._rule = rule
        self._buffers: SimpleQueue[NDArray[np.uint64]] = SimpleQueue()
        for _ in range(thread_count()):
            self._buffers.put(np.empty((max(len(resolved.parts), 1), KEY_ROWS), np.uint64))

    def __call__(self, chunk: RecordChunk, out: NDArray[np.uint64]) -> None:
        buffer = self._buffers.get()
        try:
            for part in slices(len(chunk), KEY_ROWS):
                rows = chunk.rows[part]
                self._resolved.fill_parts(self._rule.key_parts, rows, buffer)
                for variant, part_index in enumerate(self._rule.variants):
                    combine_keys(buffer, part_index, len(rows), out[variant, part])
        finally:
            self._buffers.put(buffer)


class KeyScan:
    """One rule's scans over the records.

    Bytes touched a record: see `blocking.stream_kernels`. With all keys in memory the records
    are read once for the keys and once a round; without, once for the filter, once for the
    histogram (or once for all rules, see `blocking.shared_count`) and once a round.
    """

    def __init__(
        self,
        source: RecordSource,
        buffers: PassBuffers,
        fill_keys: KeyFiller,
        variants: int,
        advance: Callable[[int], Any],
    ) -> None:
        self._source = source
        self._buffers = buffers
        self._fill_keys = fill_keys
        self._variants = variants
        self._advance = advance
        self._filter_shift = 64 - (buffers.plan.filter_bytes.bit_length() + 1)
        self.prefix_bits = 0
        self.keyed_records = 0
        self.kept_keys = 0
        self._histogram = np.zeros(1, np.int64)
        self._keep_prefixes: int | None = None
        self._is_filtered = True

    # -------------------------------------------------------------------------------- the keys

    def count(self, keep_prefixes: int | None = None) -> None:
        """Scan once: count keys in the filter, drop those seen once, make the histogram.

        `keep_prefixes` of KEY_SHARES restricts the pass to a sample of the keys.
        """
        self._keep_prefixes = keep_prefixes
        holds_all = self._buffers.plan.holds_all_keys
        if not holds_all:
            self._buffers.filter_bytes[:] = 0
        for batch in self._batches():
            keys = self._keys_of(batch)
            self._compute_keys(batch, keys)
            is_keyed = keys[0] if len(keys) == 1 else keys.any(axis=0)
            self.keyed_records += int(np.count_nonzero(is_keyed))
            if keep_prefixes is not None:
                keys[keys >> np.uint64(48) >= keep_prefixes] = 0
            if not holds_all:
                self._count_in_filter(keys)
            self._advance(batch.count)
        if holds_all:
            self._is_filtered = self._is_filter_worth_it()
            if self._is_filtered:
                self._buffers.filter_bytes[:] = 0
                self._count_in_filter(self._all_keys())
        entries = self._source.record_count * self._variants
        bucket_rows = self._buffers.plan.bucket_rows
        self.prefix_bits = _bits_for(entries // bucket_rows, PREFIX_BITS_MAX)
        self._histogram = np.zeros(1 << self.prefix_bits, np.int64)
        if self._buffers.plan.holds_all_keys:
            self._count_prefixes(self._all_keys())
        else:
            for batch in self._batches():
                keys = self._keys_of(batch)
                self._compute_keys(batch, keys)
                self._count_prefixes(keys)

    def take_counts(self, keyed_records: int, histogram: NDArray[np.int64]) -> None:
        """Instead of `count`: keys counted before, by PREFIX_BITS_MAX bits; none is dropped."""
        self._is_filtered = False
        self.prefix_bits = PREFIX_BITS_MAX
        self.keyed_records = keyed_records
        self._histogram = histogram
        self.kept_keys = int(histogram.sum())
        entries = self._source.record_count * self._variants
        wanted = _bits_for(entries // self._buffers.plan.bucket_rows, PREFIX_BITS_MAX)
        for _ in range(PREFIX_BITS_MAX - wanted):
            self._histogram = self._histogram.reshape(-1, 2).sum(axis=1)
            self.prefix_bits -= 1

    def _is_filter_worth_it(self) -> bool:
        """Whether enough keys stand alone, by a sample of the keys: counting and looking up costs
        a third of what moving a row to its bucket and grouping it does."""
        keys = self._all_keys().reshape(-1)
        size = max(SLICE_ROWS, -(-len(keys) // (4 * thread_count())))
        parts = map_slices(lambda at: _low_keys(keys[at]), slices(len(keys), size))
        sample = np.concatenate([np.zeros(0, np.uint64), *parts])
        if len(sample) < SAMPLE_LEAST:
            return True
        counts = np.unique(sample, return_counts=True)[1]
        return float(np.count_nonzero(counts == 1)) > FILTER_SHARE_LEAST * len(sample)

    def _batches(self) -> Iterator[Batch]:
        return iterate_batches(self._source, self._buffers.plan.batch_rows)

    def _all_keys(self) -> NDArray[np.uint64]:
        return self._buffers.keys(self._variants, self._source.record_count)

    def _keys_of(self, batch: Batch) -> NDArray[np.uint64]:
        """Where the keys of a batch stand, uint64[variants, count]."""
        if not self._buffers.plan.holds_all_keys:
            return self._buffers.keys(self._variants, batch.count)
        return self._all_keys()[:, batch.first_row : batch.first_row + batch.count]

    def _compute_keys(self, batch: Batch, keys: NDArray[np.uint64]) -> None:
        map_slices(
            lambda piece: self._fill_keys(piece[1], keys[:, piece[0] : piece[0] + len(piece[1])]),
            batch.pieces,
        )

    def _count_in_filter(self, keys: NDArray[np.uint64]) -> None:
        slots = 4 * self._buffers.plan.filter_bytes
        # Each thread owns a range of slots and reads all keys: no byte has two writers.
        owners = thread_count() if keys.size > SLICE_ROWS else 1
        step = -(-slots // (4 * owners)) * 4
        starts = range(0, slots, step)
        map_slices(lambda first: self._count_slots(keys, first, first + step), starts)

    def _count_slots(self, keys: NDArray[np.uint64], first: int, stop: int) -> None:
        for variant in keys:
            stream_kernels.count_keys(
                variant,
                self._filter_shift,
                np.uint64(first),
                np.uint64(stop),
                self._buffers.filter_bytes,
            )

    def _count_prefixes(self, keys: NDArray[np.uint64]) -> None:
        shift = 64 - self.prefix_bits

        def work(part: slice) -> tuple[NDArray[np.int64], int]:
            kept = self._prune(keys[:, part])
            histogram = np.zeros(len(self._histogram), np.int64)
            mine = np.ascontiguousarray(keys[:, part]) if self._variants > 1 else keys[:, part]
            stream_kernels.count_prefixes(mine, 0, mine.shape[1], shift, histogram)
            return histogram, kept

        size = max(SLICE_ROWS, -(-keys.shape[1] // (4 * thread_count())))
        for histogram, kept in map_slices(work, slices(keys.shape[1], size)):
            self._histogram += histogram
            self.kept_keys += kept

    def _prune(self, keys: NDArray[np.uint64]) -> int:
        """Drop keys outside the sample, then keys that were seen once; returns keys kept."""
        kept = 0
        for variant in keys:
            if self._keep_prefixes is not None:
                variant[variant >> np.uint64(48) >= self._keep_prefixes] = 0
            if not self._is_filtered:
                kept += int(np.count_nonzero(variant))
                continue
            kept += stream_kernels.prune_lonely_keys(
                variant, self._filter_shift, self._buffers.filter_bytes
            )[1]
        return kept

    # ------------------------------------------------------------------------------ the rounds

    def plan_rounds(self) -> list[Round]:
        """Cut the key range into rounds that fit the pool, and each round into buckets."""
        kept = int(self._histogram.sum())
        if kept == 0:
            return []
        capacity = self._buffers.plan.capacity(int(self._histogram.max()))
        rounds_least = -(-kept // capacity)
        while self.prefix_bits > 0 and (
            kept >> self.prefix_bits < self._buffers.plan.bucket_rows // 2
            or (1 << self.prefix_bits) > BUCKETS_IN_ROUND * rounds_least
        ):
            merged = self._histogram.reshape(-1, 2).sum(axis=1)
            if merged.max() > capacity:
                break
            self._histogram = merged
            self.prefix_bits -= 1
        rounds: list[Round] = []
        first, total = 0, 0
        for prefix, size in enumerate(self._histogram.tolist()):
            is_full = total + size > capacity or prefix - first == BUCKETS_IN_ROUND
            if is_full and total:
                rounds.append(self._round(first, prefix))
                first, total = prefix, 0
            elif not total:
                first = prefix
            total += size
        if total:
            rounds.append(self._round(first, len(self._histogram)))
        return rounds

    @property
    def prefix_sizes(self) -> NDArray[np.int64]:
        """Records with a key that another record may share, by the key's top `prefix_bits` bits."""
        return self._histogram

    def collect_keys(self, first: int, stop: int) -> tuple[NDArray[np.uint64], NDArray[np.uint16]]:
        """Keys with a prefix in [first, stop), and the source of each; unsorted, 0 for none."""
        shift = np.uint64(64 - self.prefix_bits)
        found: list[NDArray[np.uint64]] = []
        sources: list[NDArray[np.uint16]] = []
        for batch in self._batches():
            keys = self._pruned_keys_of(batch)
            source = np.concatenate([chunk.source for _, chunk in batch.pieces])
            for variant in keys:
                chosen = variant != 0
                if self.prefix_bits:
                    prefix = variant >> shift
                    chosen &= (prefix >= first) & (prefix < stop)
                found.append(variant[chosen])
                sources.append(source[chosen])
        if not found:
            return np.zeros(0, np.uint64), np.zeros(0, np.uint16)
        return np.concatenate(found), np.concatenate(sources)

    def _pruned_keys_of(self, batch: Batch) -> NDArray[np.uint64]:
        keys = self._keys_of(batch)
        if not self._buffers.plan.holds_all_keys:
            self._compute_keys(batch, keys)
            if self._is_filtered:
                map_slices(lambda part: self._prune(keys[:, part]), slices(batch.count, SLICE_ROWS))
        return keys

    def _round(self, first: int, stop: int) -> Round:
        starts = np.zeros(stop - first + 1, np.int64)
        np.cumsum(self._histogram[first:stop], out=starts[1:])
        return Round(first, starts, starts[1:].copy())

    def partition(self, part: Round) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Copy the rows of a round to the pool, bucket by bucket, in record order inside each;
        `part.ends` then says where each bucket ends.

        Returns
        -------
        (uint64[>= rows of the round, n_words + 1] rows; uint64[>= rows] the key that brought each)
        """
        pool, pool_keys = self._buffers.pool(int(part.starts[-1]))
        positions = part.starts[:-1].copy()
        buckets = len(positions)
        scratch: SimpleQueue[tuple[NDArray[np.uint64], NDArray[np.int64]]] = SimpleQueue()
        for _ in range(thread_count()):
            buffer = np.empty((buckets * stream_kernels.COMBINE_ROWS, pool.shape[1] + 1), np.uint64)
            scratch.put((buffer, np.empty(buckets, np.int64)))
        for batch in self._batches():
            keys = self._pruned_keys_of(batch)
            self._scatter(batch, keys, part, positions, (pool, pool_keys), scratch)
        part.ends[:] = positions
        return pool, pool_keys

    def _scatter(
        self,
        batch: Batch,
        keys: NDArray[np.uint64],
        part: Round,
        positions: NDArray[np.int64],
        pools: tuple[NDArray[np.uint64], NDArray[np.uint64]],
        scratch: SimpleQueue[tuple[NDArray[np.uint64], NDArray[np.int64]]],
    ) -> None:
        shift = 64 - self.prefix_bits
        counts = np.empty((len(batch.pieces), len(positions)), np.int64)
        whole = keys if keys.flags.c_contiguous else np.ascontiguousarray(keys)

        def count(number: int) -> None:
            start, chunk = batch.pieces[number]
            stop = start + len(chunk)
            stream_kernels.count_buckets(whole, start, stop, shift, part.first, counts[number])

        def copy(number: int) -> None:
            start, chunk = batch.pieces[number]
            buffer, fill = scratch.get()
            try:
                stream_kernels.scatter_rows(
                    chunk.rows,
                    chunk.source,
                    chunk.first_row,
                    whole,
                    start,
                    shift,
                    part.first,
                    places[number],
                    *pools,
                    buffer,
                    fill,
                )
            finally:
                scratch.put((buffer, fill))

        numbers = range(len(batch.pieces))
        map_slices(count, numbers)
        ends = np.cumsum(counts, axis=0)
        places = ends - counts + positions
        positions += ends[-1]
        map_slices(copy, numbers)


def _low_keys(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Keys that belong to the sample."""
    room = np.empty(len(keys) // 32 + 1, np.uint64)
    found = stream_kernels.take_low_keys(keys, SAMPLED_BELOW, room)
    if found > len(room):  # one key on many records
        room = np.empty(found, np.uint64)
        stream_kernels.take_low_keys(keys, SAMPLED_BELOW, room)
    return room[:found]


def _bits_for(count: int, most: int) -> int:
    """Bits of the smallest power of two that is at least `count`."""
    return min(max(count - 1, 0).bit_length(), most)
