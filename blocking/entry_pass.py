"""One rule's pass over rows that are held; see `blocking.entry_kernels`.

Keys and record numbers are partitioned, runs are found, and only rows of runs in which two groups
meet are fetched. A group is a block of an earlier rule that was compared in full: of most rules
three quarters of the rows meet records of their own group of the first rule alone (usually the id
number), and of what is left half meets records of its own group of the second or third.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Final

import numpy as np
from numpy.typing import NDArray

from blocking import entry_kernels
from blocking.buckets import BucketWorker
from blocking.context import RuleContext, Scratch
from blocking.crew import BucketCrew
from blocking.held_rows import HeldRows
from blocking.report import Tally
from person.threads import map_slices, slices, thread_count

__all__ = [
    "ALONE",
    "BUCKETS_IN_ROUND",
    "BUCKET_ENTRIES",
    "ENTRIES_IN_ROUND",
    "ENTRY_BYTES",
    "NO_GROUPS",
    "EntryPass",
    "EntryRule",
]

ENTRY_BYTES: Final = 16
BUCKET_ENTRIES: Final = 1 << 13
"""Entries aimed at in a bucket: with what finds their runs, they fit the second-level cache."""

BUCKETS_IN_ROUND: Final = 1024
"""Of more, the lines that are written to no longer fit the second-level cache."""

ENTRIES_IN_ROUND: Final = 1 << 25
"""Room for entries at most; a larger rule takes several rounds, each one more look at the keys."""

SLICES_OF_THREAD: Final = 4
SLICE_RECORDS_MIN: Final = 1 << 16
TASKS_OF_THREAD: Final = 6
ROOM_RECORDS: Final = 3 << 13
"""Records of runs that are fetched together."""

NO_GROUPS: Final = np.zeros((0, 0), np.uint32)
ALONE: Final = np.zeros(0, np.uint32)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRule:
    """What a pass works on.

    Attributes
    ----------
    keys : uint64[variants, n]
    entries : keys among them, at least
    below : keys under it alone are looked at; 0 for all
    share : part of all possible keys that these are
    groups : uint32[k, n], for each of some earlier rules: records of one group were compared with
        each other; the first line is looked at for every key, the others for what that leaves
    out_groups : uint32[n], each record its own group: takes the groups of this rule; or empty
    """

    keys: NDArray[np.uint64]
    entries: int
    below: int = 0
    share: float = 1.0
    groups: NDArray[np.uint32] = field(default_factory=lambda: NO_GROUPS)
    out_groups: NDArray[np.uint32] = field(default_factory=lambda: ALONE)


class EntryPass:
    """The buffers of all rules of a run.

    Parameters
    ----------
    crew : workers' buffers
    entries_max : entries that a round may hold, where no block is larger
    """

    def __init__(self, crew: BucketCrew, entries_max: int) -> None:
        self._crew = crew
        self._entries_max = entries_max
        self._entries = np.empty((0, 2), np.uint64)
        self._finders: SimpleQueue[_Finder] = SimpleQueue()
        for _ in range(thread_count()):
            self._finders.put(_Finder())

    def run(self, context: RuleContext, rows: HeldRows, rule: EntryRule) -> tuple[Tally, int]:
        """Deliver the pairs of a rule to the context's consumer; what was done, in how many rounds.

        Parameters
        ----------
        context : the rule and those before it
        rows : the records that the keys are of
        rule : their keys
        """
        rounds_least = -(-max(rule.entries, 1) // self._entries_max)
        wanted = max(int(rule.entries / rule.share) // BUCKET_ENTRIES, 1).bit_length()
        most = int(BUCKETS_IN_ROUND * rounds_least / rule.share)
        bits = max(min(wanted, most.bit_length() - 1), 1)
        used = ((rule.below - 1) >> (64 - bits)) + 1 if rule.below else 1 << bits
        step = min(max(used // rounds_least, 1), BUCKETS_IN_ROUND)
        context.prefix_bits = 0  # a run is known by its whole key here
        tally = Tally()
        rounds = range(0, used, step)
        for first in rounds:
            starts = self._partition(rule, 64 - bits, first, min(step, used - first))
            tally.add(self._process(context, rows, rule, starts))
        return tally, len(rounds)

    def _partition(
        self, rule: EntryRule, shift: int, first: int, buckets: int
    ) -> NDArray[np.int64]:
        """Bring the entries of a round together by bucket, in record order inside each."""
        keys, below = rule.keys, np.uint64(rule.below)
        size = max(SLICE_RECORDS_MIN, -(-keys.shape[1] // (SLICES_OF_THREAD * thread_count())))
        parts = slices(keys.shape[1], size)
        counts = np.zeros((len(parts), buckets), np.int64)

        def count(number: int) -> None:
            at = parts[number]
            entry_kernels.count_entries(
                keys, at.start, at.stop, below, shift, first, counts[number]
            )

        map_slices(count, range(len(parts)))
        starts = np.zeros(buckets + 1, np.int64)
        np.cumsum(counts.sum(axis=0), out=starts[1:])
        places = np.cumsum(counts, axis=0) - counts + starts[:-1]
        if len(self._entries) < starts[-1]:
            self._entries = np.empty((0, 2), np.uint64)  # free first, then take more
            self._entries = np.empty((int(starts[-1]), 2), np.uint64)
        groups = rule.groups[0] if len(rule.groups) else ALONE

        def scatter(number: int) -> None:
            at = parts[number]
            entry_kernels.scatter_entries(
                *(keys, groups, at.start, at.stop, below, shift, first),
                *(places[number], self._entries),
            )

        map_slices(scatter, range(len(parts)))
        return starts

    def _process(
        self, context: RuleContext, rows: HeldRows, rule: EntryRule, starts: NDArray[np.int64]
    ) -> Tally:
        def work(task: range) -> Tally:
            scratch, finder = self._crew.take_scratch(), self._finders.get()
            try:
                worker = _EntryWorker(context, scratch, rows)
                mine = starts[task.start : task.stop + 1]
                finder.make_room(int(np.diff(mine).max()))
                for found in finder.find(self._entries, mine, context, rule):
                    worker.deliver(found)
                worker.tally.blocks += finder.blocks
                if finder.largest:
                    worker.tally.note_run(finder.largest, "compared in full")
                return worker.tally
            finally:
                self._crew.return_scratch(scratch)
                self._finders.put(finder)

        tally = Tally()
        for each in map_slices(work, list(_tasks(starts))):
            tally.add(each)
        return tally


def _tasks(starts: NDArray[np.int64]) -> Iterator[range]:
    """Neighbouring buckets in tasks of about as many entries."""
    wanted = max(int(starts[-1]) // (TASKS_OF_THREAD * thread_count()), 2 * BUCKET_ENTRIES)
    first, buckets = 0, len(starts) - 1
    while first < buckets:
        stop = int(np.searchsorted(starts, starts[first] + wanted))
        stop = min(max(stop, first + 1), buckets)
        if starts[stop] > starts[first]:
            yield range(first, stop)
        first = stop


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs that may hold pairs: numbers uint32[k], keys uint64[k], starts int64[runs + 1]."""

    numbers: NDArray[np.uint32]
    keys: NDArray[np.uint64]
    starts: NDArray[np.int64]
    largest: int


class _Finder:
    """One thread's buffers to find runs."""

    def __init__(self) -> None:
        self.blocks = self.largest = 0
        self._room = 0

    def make_room(self, largest_bucket: int) -> None:
        """For buckets of so many entries."""
        if largest_bucket <= self._room:
            return
        self._room = room = largest_bucket + largest_bucket // 4
        self._table = np.zeros(max(1 << (2 * room - 1).bit_length(), 4), np.int32)
        self._run_keys = np.empty(room, np.uint64)
        self._run_lasts = np.empty(room, np.int32)
        self._run_sizes = np.empty(room, np.int32)
        self._before = np.empty(room, np.int32)
        total = max(room, ROOM_RECORDS)
        self._numbers = np.empty(total, np.uint32)
        self._keys = np.empty(total, np.uint64)
        self._starts = np.empty(total + 1, np.int64)

    def find(
        self,
        entries: NDArray[np.uint64],
        starts: NDArray[np.int64],
        context: RuleContext,
        rule: EntryRule,
    ) -> Iterator[_Runs]:
        """Runs of some buckets that may hold new pairs, as many at a time as there is room for."""
        further = rule.groups[1:]
        state = np.zeros(5, np.int64)
        size_max = context.rule.rule.block_size_max
        bucket = 0
        while bucket < len(starts) - 1:
            bucket = entry_kernels.find_runs(
                *(entries, starts, bucket, size_max, self._table),
                *(self._run_keys, self._run_lasts, self._run_sizes, self._before),
                *(self._numbers, self._keys, self._starts, state),
            )
            runs, _, self.blocks, self.largest, largest = state.tolist()
            if runs and len(further):
                runs = entry_kernels.drop_known_runs(
                    self._numbers, self._keys, self._starts, runs, size_max, further
                )
            if runs:
                starts_there = self._starts[: runs + 1]
                if len(rule.out_groups):
                    entry_kernels.set_groups(
                        self._numbers, starts_there, runs, size_max, rule.out_groups
                    )
                yield _Runs(self._numbers, self._keys, starts_there, largest)


class _EntryWorker(BucketWorker):
    """Turns runs of record numbers into candidate pairs, on one thread."""

    def __init__(self, context: RuleContext, scratch: Scratch, rows: HeldRows) -> None:
        super().__init__(context, scratch)
        self._rows = rows

    def deliver(self, found: _Runs) -> None:
        """Deliver the pairs of some runs, a piece at a time; those too large one by one."""
        size_max = self.context.rule.rule.block_size_max
        stop = len(found.starts) - 1
        cuts = [stop]
        if found.largest > size_max:
            cuts = [*np.flatnonzero(np.diff(found.starts) > size_max).tolist(), stop]
        first = 0
        for cut in cuts:
            self._deliver_pieces(found, first, cut)
            if cut < stop:
                self._refine_run(found, cut)
            first = cut + 1

    def _deliver_pieces(self, found: _Runs, first: int, stop: int) -> None:
        """Runs [first, stop), none too large, in pieces that the buffers hold."""
        scratch, starts = self.scratch, found.starts
        while first < stop:
            begin = int(starts[first])
            last = int(np.searchsorted(starts, begin + scratch.piece_rows, side="right")) - 1
            last = min(last, stop)
            used = int(starts[last]) - begin
            at = slice(begin, begin + used)
            self._rows.gather(found.numbers[at], scratch.rows)
            scratch.bits[:used] = found.keys[at]
            np.subtract(
                *(starts[first : last + 1], begin, scratch.starts[: last - first + 1]),
                casting="unsafe",
            )
            self.deliver_gathered(last - first, used, is_refined=False)
            first = last

    def _refine_run(self, found: _Runs, run: int) -> None:
        at = slice(*found.starts[run : run + 2].tolist())
        self.refine(self._rows.rows, found.numbers[at].astype(np.int32), found.keys[at.start])
