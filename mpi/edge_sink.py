"""Where scored pairs are kept while the passes run, and how they leave it sorted.

Each thread packs what it keeps into buffers of its own, 32 bytes a pair, and moves full ones to a
file without a name when they outgrow their share of the memory. In the end each pair is moved once
to the bucket of its left record, and each bucket is sorted in the cache by counting, several at a
time. Every pair is read and written twice, whatever their number.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, Final, NamedTuple

import numpy as np
from numba import int32, int64, uint32, uint64
from numpy.typing import NDArray

from blocking.context import CandidateChunk
from matching.compiled_parts import PairScores
from matching.kernels.weights import relative_chance_of
from person.errors import ConfigError
from person.jit import kernel
from person.records import ORIGIN_ROW_MASK
from person.threads import map_slices, slices, thread_count

__all__ = ["EdgeSink", "SortedPairs"]

RECORDS_MAX: Final = 1 << 31
BUCKET_PAIRS: Final = 1 << 15
"""Pairs aimed at in a bucket, so that it is sorted in the second-level cache."""

BUCKETS_MAX: Final = 1 << 10
LEFT_BITS_MAX: Final = 16
"""Left records of a bucket have so many bits at most: each is counted."""

BUFFER_PAIRS: Final = 1 << 17
PAIR_WORDS: Final = 4
PAIR_BYTES: Final = 8 * PAIR_WORDS
ALIGNMENT: Final = 64
MEMORY_BYTES: Final = 1 << 30
_NO_RELATIVES: Final = np.zeros(0, np.float64)
_INSERTION_ONLY: Final = 16


class SortedPairs(NamedTuple):
    """Pairs sorted by (left, right), each once.

    `left`, `right` int32[n], record numbers, left < right; `weight` float64[n], `pattern`
    int64[n], `relative` float32[n], the chance of two people of one household.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    weight: NDArray[np.float64]
    pattern: NDArray[np.int64]
    relative: NDArray[np.float32]


def _room_for(count: int) -> SortedPairs:
    """Room for pairs, not filled."""
    return SortedPairs(
        np.empty(count, np.int32),
        np.empty(count, np.int32),
        np.empty(count, np.float64),
        np.empty(count, np.int64),
        np.empty(count, np.float32),
    )


@kernel
def pack_pairs(  # type: ignore[no-untyped-def]
    rows, left, right, pair, weight, pattern, relative, weight_min, words, numbers, used
):
    """Pack the scored pairs at or above `weight_min` behind the first `used`; returns the new end.

    rows uint64[n, w + 1] with their origin last; left, right int32, pair int32[k] which of them
    were scored; weight, pattern [k], relative float64[k] or empty. words uint64[*, 4]: key left
    << 32 | right, weight, pattern, relative chance; numbers float64[*, 4] the same memory.
    """
    origin = rows.shape[1] - 1
    mask = uint64(ORIGIN_ROW_MASK)
    for place in range(pair.shape[0]):
        if weight[place] < weight_min:
            continue
        one = rows[left[pair[place]], origin] & mask
        other = rows[right[pair[place]], origin] & mask
        words[used, 0] = min(one, other) << uint64(32) | max(one, other)
        numbers[used, 1] = weight[place]
        words[used, 2] = uint64(pattern[place])
        chance = 0.0
        if relative.shape[0] > 0:
            chance = relative_chance_of(weight[place], relative[place])
        numbers[used, 3] = chance
        used += 1
    return used


@kernel
def count_lefts(words, shift, counts):  # type: ignore[no-untyped-def]
    """Add to counts, int64[buckets], the pairs of words whose left record >> shift is a bucket."""
    for place in range(words.shape[0]):
        counts[words[place, 0] >> uint64(32 + shift)] += 1


@kernel
def scatter_pairs(words, shift, positions, out):  # type: ignore[no-untyped-def]
    """Move pairs to the next places of their buckets; positions int64[buckets], moved on."""
    for place in range(words.shape[0]):
        bucket = words[place, 0] >> uint64(32 + shift)
        at = positions[bucket]
        positions[bucket] = at + 1
        for word in range(PAIR_WORDS):
            out[at, word] = words[place, word]


@kernel
def sort_entries(entries, start, stop):  # type: ignore[no-untyped-def]
    """Sort entries[start:stop], uint64, in place: by shells, the last of them by insertion."""
    gap = 1
    if stop - start > _INSERTION_ONLY:
        while 9 * gap < stop - start:
            gap = 3 * gap + 1
    while gap > 0:
        for place in range(start + gap, stop):
            entry = entries[place]
            at = place
            while at - gap >= start and entries[at - gap] > entry:
                entries[at] = entries[at - gap]
                at -= gap
            entries[at] = entry
        gap //= 3


@kernel
def sort_bucket(words, shift, counts, entries):  # type: ignore[no-untyped-def]
    """Put the order of a bucket's pairs into `entries`, each key once; returns how many there are.

    words uint64[n, 4]; entries uint64[n]: right record << 32 | place; counts int32[2 ** shift +
    1] is scratch.
    """
    low = (uint64(1) << uint64(shift)) - uint64(1)
    counts[:] = 0
    for place in range(words.shape[0]):
        counts[int64((words[place, 0] >> uint64(32)) & low) + 1] += 1
    for left in range(counts.shape[0] - 1):
        counts[left + 1] += counts[left]
    for place in range(words.shape[0]):
        key = words[place, 0]
        left = int64((key >> uint64(32)) & low)
        entries[counts[left]] = key << uint64(32) | uint64(place)
        counts[left] += 1
    used = 0
    start = int64(0)
    for left in range(counts.shape[0] - 1):  # counts now say where each left record ends
        stop = int64(counts[left])
        if stop - start > 1:
            sort_entries(entries, start, stop)
        first = used
        for place in range(start, stop):
            entry = entries[place]
            if used == first or entries[used - 1] >> uint64(32) != entry >> uint64(32):
                entries[used] = entry
                used += 1
        start = stop
    return used


@kernel
def copy_pairs(words, numbers, entries, out):  # type: ignore[no-untyped-def]
    """Copy the pairs of one bucket in the order of its entries, uint64[k].

    words uint64[n, 4] and numbers float64[n, 4] are one memory; out the k places of each
    array of a `SortedPairs`.
    """
    out_left, out_right, out_weight, out_pattern, out_relative = out
    for place in range(entries.shape[0]):
        at = int64(uint32(entries[place]))
        out_left[place] = int32(words[at, 0] >> uint64(32))
        out_right[place] = int32(entries[place] >> uint64(32))
        out_weight[place] = numbers[at, 1]
        out_pattern[place] = int64(words[at, 2])
        out_relative[place] = numbers[at, 3]


@dataclass
class _Mine:
    """What one thread holds: a buffer being filled, full ones, and those mapped from its file."""

    pairs_max: int
    pair_count: int = 0
    used: int = 0
    buffer: NDArray[np.uint64] | None = None
    held: list[NDArray[np.uint64]] = field(default_factory=list)
    spilled: list[NDArray[np.uint64]] = field(default_factory=list)
    file: IO[bytes] | None = None
    given: int = 0

    def room_for(self, count: int) -> NDArray[np.uint64]:
        """The buffer, with at least so many places behind those used."""
        if self.buffer is None or self.used + count > len(self.buffer):
            self.seal()
            size = max(min(BUFFER_PAIRS, self.pairs_max), count)
            self.buffer = np.empty((size, PAIR_WORDS), np.uint64)
        return self.buffer

    def seal(self) -> None:
        """Put the buffer to the full ones."""
        if self.buffer is not None and self.used:
            self.held.append(self.buffer[: self.used])
        self.buffer, self.used = None, 0

    def spill_if_many(self) -> None:
        if self.used + sum(map(len, self.held)) <= self.pairs_max:
            return
        self.seal()
        if self.file is None:
            self.file = tempfile.TemporaryFile(prefix="mpi-pairs-")  # noqa: SIM115 - closed by drain
        for each in self.held:
            start = -(-self.file.seek(0, 2) // ALIGNMENT) * ALIGNMENT
            self.file.seek(start)
            each.tofile(self.file)
            self.file.flush()
            # Copied on write, so that kernels see the same kind of array as in memory.
            view = np.memmap(self.file, each.dtype, "c", start, each.shape)
            self.spilled.append(view.view(np.ndarray))
        self.held = []

    def new_pieces(self) -> list[NDArray[np.uint64]]:
        """Pieces that this has not given before; they stay here too."""
        self.seal()
        pieces = (self.spilled + self.held)[self.given :]
        self.given += len(pieces)
        return pieces

    def drain(self) -> list[NDArray[np.uint64]]:
        """All pieces; what is here afterwards is nothing."""
        self.seal()
        drained = self.spilled + self.held
        self.held, self.spilled, self.given = [], [], 0
        if self.file is not None:
            self.file.close()  # the maps keep the file until they go
            self.file = None
        return drained


class EdgeSink:
    """Keeps scored pairs from any thread.

    Parameters
    ----------
    record_count : records of the run
    weight_min : pairs under it are counted, not kept
    memory_bytes : what kept pairs may take before they go to a file
    """

    def __init__(
        self, record_count: int, weight_min: float, memory_bytes: int = MEMORY_BYTES
    ) -> None:
        if record_count >= RECORDS_MAX:
            raise ConfigError("too many records to keep their pairs; use a streaming run")
        self._record_bits = max(record_count - 1, 1).bit_length()
        self._weight_min = weight_min
        self._pairs_max = memory_bytes // (PAIR_BYTES * thread_count())
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: list[_Mine] = []

    def _mine(self) -> _Mine:
        mine: _Mine | None = getattr(self._local, "mine", None)
        if mine is None:
            mine = self._local.mine = _Mine(self._pairs_max)
            with self._lock:
                self._all.append(mine)
        return mine

    def take(
        self,
        chunk: CandidateChunk,
        left: NDArray[np.int32],
        right: NDArray[np.int32],
        scores: PairScores,
    ) -> None:
        """Keep what was scored of the pairs left, right of a chunk."""
        mine = self._mine()
        mine.pair_count += len(left)
        if not len(scores.pair):
            return
        words = mine.room_for(len(scores.pair))
        relative = _NO_RELATIVES if scores.relative_weight is None else scores.relative_weight
        mine.used = pack_pairs(
            *(chunk.rows, left, right, scores.pair, scores.weight, scores.pattern, relative),
            *(self._weight_min, words, words.view(np.float64), mine.used),
        )
        mine.spill_if_many()

    @property
    def pair_count(self) -> int:
        return sum(mine.pair_count for mine in self._all)

    def new_pieces(self) -> list[NDArray[np.uint64]]:
        """What was kept since this was asked last, uint64[k, 4] each; nobody may be at work."""
        return [piece for mine in self._all for piece in mine.new_pieces()]

    def put_back(self, pieces: Sequence[NDArray[np.uint64]], pair_count: int) -> None:
        """Keep what another sink of the same run gave by `new_pieces`.

        Parameters
        ----------
        pieces : uint64[k, 4] each
        pair_count : pairs that were compared for them
        """
        mine = self._mine()
        mine.pair_count += pair_count
        mine.seal()
        for piece in pieces:
            mine.held.append(piece)
            mine.spill_if_many()
        mine.given = len(mine.spilled) + len(mine.held)

    def sorted_pairs(self) -> SortedPairs:
        """All pairs kept, sorted by (left, right), each once; the sink is empty afterwards."""
        pieces = [piece for mine in self._all for piece in mine.drain()]
        total = sum(map(len, pieces))
        if total == 0:
            return _room_for(0)
        shift = _bucket_shift(self._record_bits, total)
        words, starts = _bucketed(pieces, shift, 1 << max(self._record_bits - shift, 0))
        del pieces
        entries = np.empty(total, np.uint64)
        buckets = slices(len(starts) - 1, -(-len(starts) // (16 * thread_count())))

        def sort(task: slice) -> list[int]:
            """Sort the entries of some buckets; how many pairs each has."""
            counts = np.empty((1 << shift) + 1, np.int32)
            places = [slice(*starts[n : n + 2]) for n in range(task.start, task.stop)]
            return [sort_bucket(words[at], shift, counts, entries[at]) for at in places]

        kept = np.array([n for task in map_slices(sort, buckets) for n in task], np.int64)
        ends = np.cumsum(kept)
        out = _room_for(int(ends[-1]))

        def copy(task: slice) -> None:
            for bucket in range(task.start, task.stop):
                at = slice(*starts[bucket : bucket + 2])
                to = slice(ends[bucket] - kept[bucket], ends[bucket])
                mine = entries[at][: kept[bucket]]
                copy_pairs(words[at], words[at].view(np.float64), mine, tuple(a[to] for a in out))

        map_slices(copy, buckets)
        return out


def _bucket_shift(record_bits: int, total: int) -> int:
    """Bits of the left record that are sorted inside a bucket."""
    buckets = min(max(total // BUCKET_PAIRS, 1), BUCKETS_MAX)
    return min(max(record_bits - (buckets - 1).bit_length(), 0), LEFT_BITS_MAX)


def _bucketed(
    pieces: Sequence[NDArray[np.uint64]], shift: int, buckets: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """All pairs by the bucket of their left record: uint64[total, 4], int64[buckets + 1] starts."""
    counts = np.zeros((len(pieces), buckets), np.int64)
    map_slices(lambda n: count_lefts(pieces[n], shift, counts[n]), range(len(pieces)))
    starts = np.zeros(buckets + 1, np.int64)
    np.cumsum(counts.sum(axis=0), out=starts[1:])
    places = np.cumsum(counts, axis=0) - counts + starts[:-1]
    words = np.empty((int(starts[-1]), PAIR_WORDS), np.uint64)
    map_slices(lambda n: scatter_pairs(pieces[n], shift, places[n], words), range(len(pieces)))
    return words, starts
