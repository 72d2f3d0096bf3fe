"""Where scored pairs are kept while the passes run, and how they leave it sorted.

Each thread packs what it keeps into arrays of its own, 28 bytes a pair, and moves them to a
file without a name when they outgrow their share of the memory. In the end the pairs are cut into
ranges of their left record, and each range is sorted in the cache by counting, several
at a time: an argsort of all of them would take twenty times as long.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final, NamedTuple

import numpy as np
from numba import int64, uint32, uint64
from numpy.typing import NDArray

from blocking.context import CandidateChunk
from matching.compiled_parts import PairScores
from matching.kernels.weights import relative_chance_of
from person.errors import ConfigError
from person.jit import kernel
from person.records import ORIGIN_ROW_MASK
from person.threads import map_slices, thread_count

__all__ = ["EdgeSink", "PackedPairs"]

RECORDS_MAX: Final = 1 << 31
DIGIT_BITS: Final = 11
RANGE_PAIRS: Final = 1 << 18
"""Pairs sorted at once: their keys and order stay in the second-level cache's reach."""

RANGES_MAX: Final = 32
"""Every range reads all keys once."""

SAMPLES: Final = 1 << 12
PAIR_BYTES: Final = 28
ALIGNMENT: Final = 64
MEMORY_BYTES: Final = 1 << 30
_NO_RELATIVES: Final = np.zeros(0, np.float64)


class PackedPairs(NamedTuple):
    """Pairs side by side.

    `key` uint64[n] is left << 32 | right, record numbers, left < right; `weight` float64[n],
    `pattern` int64[n], `relative` float32[n], the chance of two people of one household.
    """

    key: NDArray[np.uint64]
    weight: NDArray[np.float64]
    pattern: NDArray[np.int64]
    relative: NDArray[np.float32]


def empty_pairs(count: int) -> PackedPairs:
    """Room for pairs, not filled."""
    return PackedPairs(
        np.empty(count, np.uint64),
        np.empty(count, np.float64),
        np.empty(count, np.int64),
        np.empty(count, np.float32),
    )


def _joined(pieces: Sequence[PackedPairs]) -> PackedPairs:
    return PackedPairs(
        np.concatenate([each.key for each in pieces]),
        np.concatenate([each.weight for each in pieces]),
        np.concatenate([each.pattern for each in pieces]),
        np.concatenate([each.relative for each in pieces]),
    )


def _first_pairs(pairs: PackedPairs, count: int) -> PackedPairs:
    """The first pairs, in arrays no longer than they need."""
    key, weight, pattern, relative = pairs
    return PackedPairs(
        key[:count].copy(), weight[:count].copy(), pattern[:count].copy(), relative[:count].copy()
    )


@kernel
def pack_pairs(  # type: ignore[no-untyped-def]
    rows, left, right, pair, weight, pattern, relative, weight_min, out
):
    """Pack the scored pairs at or above `weight_min`; returns how many.

    rows uint64[n, w + 1] with their origin last; left, right int32, pair int32[k] which of them
    were scored; weight, pattern [k], relative float64[k] or empty.
    """
    key, out_weight, out_pattern, out_relative = out
    origin = rows.shape[1] - 1
    mask = uint64(ORIGIN_ROW_MASK)
    used = 0
    for place in range(pair.shape[0]):
        if weight[place] < weight_min:
            continue
        one = rows[left[pair[place]], origin] & mask
        other = rows[right[pair[place]], origin] & mask
        key[used] = min(one, other) << uint64(32) | max(one, other)
        out_weight[used] = weight[place]
        out_pattern[used] = pattern[place]
        out_relative[used] = 0.0
        if relative.shape[0] > 0:
            out_relative[used] = relative_chance_of(weight[place], relative[place])
        used += 1
    return used


@kernel
def take_range(piece, first, stop, out, used):  # type: ignore[no-untyped-def]
    """Append the pairs of a piece whose key lies in [first, stop) to `out`; returns pairs used."""
    key, weight, pattern, relative = piece
    out_key, out_weight, out_pattern, out_relative = out
    for place in range(key.shape[0]):
        if key[place] >= first and key[place] < stop:
            out_key[used] = key[place]
            out_weight[used] = weight[place]
            out_pattern[used] = pattern[place]
            out_relative[used] = relative[place]
            used += 1
    return used


@kernel
def count_ranges(key, bounds, counts):  # type: ignore[no-untyped-def]
    """Add to counts, int64[ranges], the keys of each range; bounds uint64[ranges] rise from 0."""
    for place in range(key.shape[0]):
        low, high = int64(0), int64(bounds.shape[0])
        while high - low > 1:
            middle = (low + high) >> 1
            if key[place] >= bounds[middle]:
                low = middle
            else:
                high = middle
        counts[low] += 1


@kernel
def sort_order(key, right_bits, digits, order, spare):  # type: ignore[no-untyped-def]
    """Order of keys, left << 32 | right with right below 2 ** right_bits, equal ones as they came.

    Least digit first, `digits` of DIGIT_BITS bits over the bits that are used. order, spare
    uint32[n]; the result stands in the first returned.
    """
    count = key.shape[0]
    mask = (uint64(1) << uint64(DIGIT_BITS)) - uint64(1)
    low = (uint64(1) << uint64(right_bits)) - uint64(1)
    first = (key.min() >> uint64(32)) << uint64(right_bits)
    places = np.empty(1 << DIGIT_BITS, np.int64)
    for place in range(count):
        order[place] = uint32(place)
    for digit in range(digits):
        shift = uint64(digit * DIGIT_BITS)
        places[:] = 0
        for place in range(count):
            value = (
                ((key[place] >> uint64(32)) << uint64(right_bits)) | (key[place] & low)
            ) - first
            places[(value >> shift) & mask] += 1
        total = 0
        for bucket in range(places.shape[0]):
            size = places[bucket]
            places[bucket] = total
            total += size
        for place in range(count):
            at = order[place]
            value = (((key[at] >> uint64(32)) << uint64(right_bits)) | (key[at] & low)) - first
            bucket = (value >> shift) & mask
            spare[places[bucket]] = at
            places[bucket] += 1
        order, spare = spare, order
    return order


@kernel
def copy_sorted(pairs, order, out):  # type: ignore[no-untyped-def]
    """Copy pairs in their order, each key once; returns how many there are."""
    key, weight, pattern, relative = pairs
    out_key, out_weight, out_pattern, out_relative = out
    used = 0
    for place in range(key.shape[0]):
        at = order[place]
        if used > 0 and out_key[used - 1] == key[at]:
            continue
        out_key[used] = key[at]
        out_weight[used] = weight[at]
        out_pattern[used] = pattern[at]
        out_relative[used] = relative[at]
        used += 1
    return used


@dataclass
class _Mine:
    """What one thread holds: pieces in memory, and pieces mapped from its file."""

    pair_count: int = 0
    held: int = 0
    pieces: list[PackedPairs] = field(default_factory=list)
    spilled: list[PackedPairs] = field(default_factory=list)
    file: IO[bytes] | None = None

    def add(self, pairs: PackedPairs, pairs_max: int) -> None:
        self.pieces.append(pairs)
        self.held += len(pairs.key)
        if self.held > pairs_max:
            self._spill()

    def _spill(self) -> None:
        if self.file is None:
            self.file = tempfile.TemporaryFile(prefix="mpi-pairs-")  # noqa: SIM115 - closed by drain
        joined = _joined(self.pieces)
        mapped = []
        for each in joined:
            start = -(-self.file.seek(0, 2) // ALIGNMENT) * ALIGNMENT
            self.file.seek(start)
            each.tofile(self.file)
            self.file.flush()
            # Copied on write, so that kernels see the same kind of array as in memory.
            view = np.memmap(self.file, each.dtype, "c", start, each.shape)
            mapped.append(view.view(np.ndarray))
        self.spilled.append(PackedPairs(*mapped))
        self.pieces, self.held = [], 0

    def drain(self) -> list[PackedPairs]:
        """All pieces; what is here afterwards is nothing."""
        drained = self.spilled + self.pieces
        self.pieces, self.spilled, self.held = [], [], 0
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
        self._right_bits = max(record_count - 1, 1).bit_length()
        self._weight_min = weight_min
        self._pairs_max = memory_bytes // (PAIR_BYTES * thread_count())
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: list[_Mine] = []

    def _mine(self) -> _Mine:
        mine: _Mine | None = getattr(self._local, "mine", None)
        if mine is None:
            mine = self._local.mine = _Mine()
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
        out = empty_pairs(len(scores.weight))
        relative = _NO_RELATIVES if scores.relative_weight is None else scores.relative_weight
        used = pack_pairs(
            *(chunk.rows, left, right, scores.pair, scores.weight, scores.pattern, relative),
            *(self._weight_min, out),
        )
        if used:
            mine.add(_first_pairs(out, used), self._pairs_max)

    @property
    def pair_count(self) -> int:
        return sum(mine.pair_count for mine in self._all)

    def sorted_pairs(self) -> PackedPairs:
        """All pairs kept, sorted by (left, right), each once; the sink is empty afterwards."""
        pieces = [piece for mine in self._all for piece in mine.drain()]
        total = sum(len(piece.key) for piece in pieces)
        if total == 0:
            return empty_pairs(0)
        bounds = _range_bounds(pieces, total)
        counts = np.zeros(len(bounds), np.int64)
        for piece in pieces:
            count_ranges(piece.key, bounds, counts)
        ends = np.append(bounds[1:], np.uint64(1 << 63))

        def sort(number: int) -> PackedPairs:
            return self._sorted_range(pieces, bounds[number], ends[number], int(counts[number]))

        sorted_ranges = map_slices(sort, range(len(bounds)))
        return _joined(sorted_ranges)

    def _sorted_range(
        self, pieces: list[PackedPairs], first: Any, stop: Any, count: int
    ) -> PackedPairs:
        pairs, out = empty_pairs(count), empty_pairs(count)
        if count == 0:
            return out
        used = 0
        for piece in pieces:
            used = take_range(piece, first, stop, pairs, used)
        assert used == count
        lefts = int(pairs.key.max() >> np.uint64(32)) - int(pairs.key.min() >> np.uint64(32)) + 1
        digits = -(-(lefts.bit_length() + self._right_bits) // DIGIT_BITS)
        buffers = np.empty((2, count), np.uint32)
        order = sort_order(pairs.key, self._right_bits, digits, buffers[0], buffers[1])
        kept = copy_sorted(pairs, order, out)
        return _first_pairs(out, kept)


def _range_bounds(pieces: list[PackedPairs], total: int) -> NDArray[np.uint64]:
    """Where ranges of about RANGE_PAIRS pairs start, whole left records each: uint64[ranges]."""
    ranges = max(min(-(-total // RANGE_PAIRS), RANGES_MAX), 1)
    step = max(total // max(SAMPLES, 32 * ranges), 1)
    sample = np.sort(np.concatenate([piece.key[:: min(step, len(piece.key))] for piece in pieces]))
    cuts = sample[(np.arange(1, ranges) * len(sample)) // ranges]
    starts = (cuts >> np.uint64(32)) << np.uint64(32)
    return np.unique(np.concatenate([np.zeros(1, np.uint64), starts]))
