"""Candidate pairs of records larger than memory, in one reading of them and one disk copy.

`passes` reads all records again for every rule and every range of keys that memory holds. Here
records are read once: whole rows, their origin with them, go to files by the top bits of the
first rule's key. Each rule then reads its partitions one by one, turns each into pairs as a round
of `passes` does, and writes the same rows to the partitions of the next rule while it works. A
partition is removed when it is read, so the disk never holds more than one copy of the rows.

With w words a row, N records and R rules: 8(w + 1) N R bytes are written and as many read,
8(w + 1) N bytes of disk, and the memory of seven partitions.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking import spill_kernels, stream_kernels
from blocking.context import Consumer, RuleContext
from blocking.crew import BucketCrew
from blocking.key_set import KeySet
from blocking.keys import ResolvedRules, read_only, resolve_rules
from blocking.memory import BUCKET_ROWS, BUCKETS_IN_ROUND
from blocking.passes import stage
from blocking.report import PassReport, Tally
from blocking.rules import BlockingRule
from blocking.scan import Round, RuleKeyFiller
from blocking.spill_files import (
    BLOCK_ROWS,
    PartitionReader,
    Partitions,
    PartitionWriter,
    SpillBuffers,
)
from person.errors import ConfigError
from person.field import OverflowTable
from person.memory import allocate
from person.records import RecordChunk, RecordLayout, RecordSource
from person.threads import map_slices, slices, thread_count

__all__ = ["SpilledRunner", "spilled_disk_bytes"]

PARTITION_ROWS_MAX: Final = 12_000_000
"""More would need more buckets than can be scattered to at once."""

PARTITIONS_MAX: Final = 1024
SLICE_ROWS: Final = 1 << 17
PARTITION_SLACK: Final = 1.05
"""How much larger than the mean a partition's buffer is; keys are spread evenly."""


def spilled_disk_bytes(record_count: int, n_words: int) -> int:
    """Disk that a spilled run takes at most, what is being read and written included."""
    rows = record_count + 2 * PARTITION_ROWS_MAX // 8 + PARTITIONS_MAX * BLOCK_ROWS
    return 8 * (n_words + 1) * rows


class SpilledRunner:
    """The rules of a run over rows on disk; use it with `with`, and its rules in order.

    Parameters
    ----------
    source : records, read once
    layout : where their fields lie
    rules : first rule wins; each gives a record one key at most
    directory : scratch, made if it is not there; its files are removed at the end
    memory_bytes : for partitions and buffers
    link_mode, overflow : see `passes.run_passes`

    Raises
    ------
    ConfigError : a rule gives a record several keys, or memory holds no partition
    """

    def __init__(
        self,
        source: RecordSource,
        layout: RecordLayout,
        rules: Sequence[BlockingRule],
        *,
        directory: Path,
        memory_bytes: int,
        link_mode: str = "dedupe",
        overflow: OverflowTable | None = None,
    ) -> None:
        self._source = source
        self.resolved: ResolvedRules = resolve_rules(rules, layout, overflow)
        for rule in self.resolved.rules:
            if len(rule.variants) > 1:
                raise ConfigError(
                    f"rule {rule.rule.name!r} gives a record several keys, which rows on disk "
                    "do not carry; run without a scratch directory"
                )
        self._between_sources = link_mode == "link_only"
        self._oversized = [KeySet() for _ in rules]
        self._crew = BucketCrew(self.resolved, source.n_words)
        words = source.n_words + 1
        parts = _partitions(source.record_count, words, memory_bytes)
        rows = int(PARTITION_SLACK * source.record_count / parts) + 2 * BLOCK_ROWS
        self._parts = parts
        self._buffers = SpillBuffers(words, rows, parts)
        self._pool = self._allocate_pool(self._buffers.batch_rows)
        self._directory = directory
        self._held: Partitions | None = None
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> SpilledRunner:
        self._directory.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._buffers.close()
        if self._held is not None:
            self._held.remove()

    def _allocate_pool(self, rows: int) -> tuple[NDArray[np.uint64], ...]:
        """Rows and their keys by bucket, and the keys of this rule and the next in file order."""
        words = self._source.n_words + 1
        pool = allocate(rows * words, np.uint64).reshape(rows, words)
        return (pool, *(allocate(rows, np.uint64) for _ in range(3)))

    def _pool_for(self, rows: int) -> tuple[NDArray[np.uint64], ...]:
        if rows > len(self._pool[0]):
            self._pool = ()
            self._pool = self._allocate_pool(rows)
        return self._pool

    # ----------------------------------------------------------------------------- first reading

    def distribute(self, *, progress: Any = None) -> None:
        """Read the records and write them to the partitions of the first rule."""
        batch = self._buffers.read_buffer(0, 0)
        filler = RuleKeyFiller(self.resolved, self.resolved.rules[0])
        writer = PartitionWriter(self._directory, "rule-0", self._parts, self._buffers)
        used = 0
        try:
            with stage(progress, "read and partition", self._source.record_count) as advance:
                for chunk in self._source.chunks():
                    for part in _fitting(len(chunk), used, len(batch)):
                        if used == len(batch):
                            self._spill(batch, filler, writer)
                            used = 0
                        piece = chunk.rows[part]
                        spill_kernels.fill_travelling_rows(
                            *(read_only(piece), read_only(chunk.source[part])),
                            *(chunk.first_row + part.start, batch[used : used + len(piece)]),
                        )
                        used += len(piece)
                    advance(len(chunk))
                self._spill(batch[:used], filler, writer)
                self._held = writer.finish()
        except BaseException:
            writer.abandon()
            raise

    def _spill(
        self, rows: NDArray[np.uint64], filler: RuleKeyFiller, writer: PartitionWriter
    ) -> None:
        keys = self._pool_for(len(rows))[2]
        self._fill_keys(rows, filler, keys)
        writer.append(rows, keys[: len(rows)])

    def _fill_keys(
        self, rows: NDArray[np.uint64], filler: RuleKeyFiller, out: NDArray[np.uint64]
    ) -> None:
        no_source = np.zeros(0, np.uint16)

        def fill(part: slice) -> None:
            filler(RecordChunk(part.start, rows[part], no_source), out[None, part])

        map_slices(fill, slices(len(rows), SLICE_ROWS))

    # ---------------------------------------------------------------------------------- the rules

    def run_rule(self, place: int, consumer: Consumer, *, progress: Any = None) -> PassReport:
        """Deliver the pairs of a rule; rules are run in order, each once.

        Parameters
        ----------
        place : the rule's
        consumer : see `passes.run_passes`
        progress : told of the records done
        """
        assert self._held is not None
        began = time.perf_counter()
        rule = self.resolved.rules[place]
        earlier = zip(self.resolved.rules[:place], self._oversized[:place], strict=True)
        context = RuleContext(
            *(place, self.resolved, tuple(earlier), rule, self._oversized[place]),
            between_sources=self._between_sources,
            consumer=consumer,
        )
        writer, following = self._next_writer(place)
        reader = PartitionReader(self._held, self._buffers)
        filler = RuleKeyFiller(self.resolved, rule)
        tally, keyed = Tally(), 0
        try:
            with stage(progress, f"rule {rule.rule.name}", self._source.record_count) as advance:
                for number, rows in enumerate(reader):
                    round_, pool, pool_keys = self._gather(number, rows, filler, context)
                    keyed += int(round_.starts[-1])
                    if writer is not None and following is not None:
                        self._spill(rows, following, writer)
                    tally.add(self._crew.process(context, round_, pool, pool_keys))
                    advance(len(rows))
                self._held = None if writer is None else writer.finish()
        except BaseException:
            if writer is not None:
                writer.abandon()
            raise
        self.seconds[f"waited for reading, {rule.rule.name}"] = reader.waited
        if writer is not None:
            self.seconds[f"waited for writing, {rule.rule.name}"] = writer.waited
        return PassReport(
            rule=rule.rule.name,
            rule_index=place,
            keyed_records=keyed,
            unkeyed_records=self._source.record_count - keyed,
            blocks=tally.blocks,
            pairs=tally.pairs,
            largest_runs=tally.largest_runs,
            refined_runs=tally.refined_runs,
            window_runs=tally.window_runs,
            rounds=self._parts,
            seconds=time.perf_counter() - began,
        )

    def _next_writer(self, place: int) -> tuple[PartitionWriter | None, RuleKeyFiller | None]:
        """Files of the next rule and its keys; none after the last."""
        if place + 1 == len(self.resolved.rules):
            return None, None
        filler = RuleKeyFiller(self.resolved, self.resolved.rules[place + 1])
        name = f"rule-{place + 1}"
        return PartitionWriter(self._directory, name, self._parts, self._buffers), filler

    def _gather(
        self,
        number: int,
        rows: NDArray[np.uint64],
        filler: RuleKeyFiller,
        context: RuleContext,
    ) -> tuple[Round, NDArray[np.uint64], NDArray[np.uint64]]:
        """Copy a partition's keyed rows to the pool, bucket by bucket."""
        pool, pool_keys, _, keys = self._pool_for(len(rows))
        self._fill_keys(rows, filler, keys)
        buckets = _bucket_count(len(rows))
        context.prefix_bits = self._parts.bit_length() - 1 + buckets.bit_length() - 1
        shift, first = 64 - context.prefix_bits, number * buckets
        parts = slices(len(rows), SLICE_ROWS)
        counts = np.empty((len(parts), buckets), np.int64)
        columns = keys[None, : len(rows)]
        map_slices(
            lambda part: stream_kernels.count_buckets(
                columns, part.start, part.stop, shift, first, counts[part.start // SLICE_ROWS]
            ),
            parts,
        )
        starts = np.zeros(buckets + 1, np.int64)
        np.cumsum(counts.sum(axis=0), out=starts[1:])
        places = np.cumsum(counts, axis=0) - counts + starts[:-1]
        scratch: SimpleQueue[tuple[NDArray[np.uint64], NDArray[np.int64]]] = SimpleQueue()
        for _ in range(thread_count()):
            shape = (buckets * stream_kernels.COMBINE_ROWS, pool.shape[1] + 1)
            scratch.put((np.empty(shape, np.uint64), np.empty(buckets, np.int64)))

        def copy(part: slice) -> None:
            buffer, fill = scratch.get()
            try:
                spill_kernels.scatter_travelling_rows(
                    *(rows[part], columns, part.start, shift, first),
                    *(places[part.start // SLICE_ROWS], pool, pool_keys, buffer, fill),
                )
            finally:
                scratch.put((buffer, fill))

        map_slices(copy, parts)
        return Round(first, starts, starts[1:]), pool, pool_keys


def _partitions(record_count: int, words: int, memory_bytes: int) -> int:
    """How many partitions: a power of two; buffers of one are two read, two staged, pool, keys."""
    parts = 1
    while parts <= PARTITIONS_MAX:
        rows = PARTITION_SLACK * record_count / parts
        staged = 4 * parts * BLOCK_ROWS + parts * BLOCK_ROWS
        needed = 8 * (5 * words + 3) * rows + 8 * words * staged
        if rows <= PARTITION_ROWS_MAX and needed <= memory_bytes:
            return parts
        parts *= 2
    raise ConfigError(f"{memory_bytes} bytes hold no partition of {record_count} records")


def _bucket_count(rows: int) -> int:
    """Buckets of a partition, a power of two of at most BUCKETS_IN_ROUND."""
    buckets = 1
    while buckets < BUCKETS_IN_ROUND and buckets * BUCKET_ROWS < rows:
        buckets *= 2
    return buckets


def _fitting(count: int, used: int, capacity: int) -> list[slice]:
    """Cut a chunk where it fills the batch."""
    first = min(capacity - used, count)
    cuts = [slice(0, first)] if first else []
    return cuts + [slice(first + s.start, first + s.stop) for s in slices(count - first, capacity)]
