"""Leaves on their way to disk: 512 to a segment, each with its checksum, one LMDB value each.

A segment is 4,080 bytes of header and then its leaves: with LMDB's own 16 bytes in front, every
leaf begins on a page of its own.

    header  b"MPIS" | format version u16 | table u16 | segment u32 | leaf count u32 |
            512 x crc32 u32 of a leaf | zeros
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from index_store.format import FORMAT_VERSION
from index_store.leaf_kernels import (
    CRC_TABLES,
    LEAF_BITS,
    LEAF_BYTES,
    LEAF_WORDS,
    SEGMENT_LEAVES,
    pack_numbers,
    pack_pairs,
    sum_leaves,
)
from index_store.record_kernels import pack_record_ids, pack_rows

__all__ = [
    "SEGMENT_HEADER_BYTES",
    "IdLeaves",
    "LeafWriter",
    "NumberLeaves",
    "PairLeaves",
    "RowLeaves",
    "Sink",
    "damaged_leaves",
    "seal_segment",
    "segment_key",
]

SEGMENT_HEADER_BYTES: Final = 4080

_HEADER: Final = struct.Struct("<4sHHII")
_MAGIC: Final = b"MPIS"

_LOW: Final = np.uint64(0xFFFFFFFF)
_HIGH: Final = np.uint64(32)

_BLOCK: Final = 1 << 16
"""Entries packed at once: what is copied to join them to those left over stays in the cache."""


class Sink(Protocol):
    """Where segments go; it fills in their headers."""

    def buffer(self) -> bytearray: ...

    def put(self, table: int, segment: int, count: int, filled: bytearray) -> None: ...


def segment_key(table: int, segment: int) -> bytes:
    """LMDB key of a segment: table u16, segment u32, big-endian."""
    return struct.pack(">HI", table, segment)


def seal_segment(table: int, segment: int, count: int, filled: bytearray) -> memoryview:
    """Write the header of a segment of `count` leaves; returns its bytes."""
    view = memoryview(filled)
    end = SEGMENT_HEADER_BYTES + count * LEAF_BYTES
    sums = np.zeros(SEGMENT_LEAVES, np.uint32)
    leaves = np.frombuffer(filled, np.uint64, offset=SEGMENT_HEADER_BYTES)
    sum_leaves(leaves.reshape(SEGMENT_LEAVES, LEAF_WORDS)[:count], CRC_TABLES, sums)
    header = _HEADER.pack(_MAGIC, FORMAT_VERSION, table, segment, count) + sums.tobytes()
    view[:SEGMENT_HEADER_BYTES] = header.ljust(SEGMENT_HEADER_BYTES, b"\x00")
    return view[:end]


def damaged_leaves(table: int, segment: int, value: memoryview) -> list[int] | None:
    """Places of the leaves whose checksum is wrong; None where the segment's header is."""
    if len(value) < SEGMENT_HEADER_BYTES:
        return None
    magic, version, its_table, its_segment, count = _HEADER.unpack_from(value)
    expected = (_MAGIC, FORMAT_VERSION, table, segment)
    if (magic, version, its_table, its_segment) != expected:
        return None
    if count > SEGMENT_LEAVES or len(value) != SEGMENT_HEADER_BYTES + count * LEAF_BYTES:
        return None
    sums = struct.unpack_from(f"<{count}I", value, _HEADER.size)
    leaves = value[SEGMENT_HEADER_BYTES:]
    return [
        place
        for place, expected_sum in enumerate(sums)
        if zlib.crc32(leaves[place * LEAF_BYTES : (place + 1) * LEAF_BYTES]) != expected_sum
    ]


class LeafWriter:
    """Collects the leaves of one table and hands over whole segments.

    Attributes
    ----------
    entries : pairs, rows or numbers packed so far
    leaf_count : leaves handed over so far
    """

    def __init__(self, table: int, sink: Sink) -> None:
        self.table = table
        self.entries = 0
        self.leaf_count = 0
        self._sink = sink
        self._filled = 0
        self._segment = 0
        self._keys = np.zeros(SEGMENT_LEAVES, np.uint64)
        self._first_keys: list[NDArray[np.uint64]] = []
        self._take_buffer()

    def _take_buffer(self) -> None:
        self._bytes = self._sink.buffer()
        flat = np.frombuffer(self._bytes, np.uint64, offset=SEGMENT_HEADER_BYTES)
        self._leaves: NDArray[np.uint64] = flat.reshape(SEGMENT_LEAVES, LEAF_WORDS)
        self._leaves[:] = 0

    def _room(self) -> NDArray[np.uint64]:
        return self._leaves[self._filled :]

    def _took(self, leaves: int) -> None:
        self._filled += leaves
        if self._filled == SEGMENT_LEAVES:
            self._hand_over()

    def _hand_over(self) -> None:
        count = self._filled
        self._sink.put(self.table, self._segment, count, self._bytes)
        self._first_keys.append(self._keys[:count].copy())
        self.leaf_count += count
        self._segment += 1
        self._filled = 0
        self._take_buffer()

    def finish(self) -> NDArray[np.uint64]:
        """Hand over what is left; returns the first key of every leaf, uint64[leaf_count]."""
        if self._filled:
            self._hand_over()
        return np.concatenate([*self._first_keys, np.zeros(0, np.uint64)])

    def _pack(self, total: int, pack: Callable[[int, Any, Any], tuple[int, int]]) -> int:
        """Call `pack(start, leaves, first_keys)` until it uses no more; entries used."""
        start = 0
        while start < total:
            leaves, used = pack(start, self._room(), self._keys[self._filled :])
            if leaves == 0:
                break
            start += used
            self._took(leaves)
        self.entries += start
        return start


class PairLeaves(LeafWriter):
    """Ascending (key, value) pairs."""

    def __init__(self, table: int, sink: Sink, value_bits: int) -> None:
        super().__init__(table, sink)
        self._value_bits = np.int64(value_bits)
        self._keys_left = np.zeros(0, np.uint64)
        self._values_left = np.zeros(0, np.uint64)

    def add(self, keys: NDArray[np.uint64], values: NDArray[np.uint64]) -> None:
        """Append pairs, uint64[n] each; keys ascend, also from one call to the next."""
        for start in range(0, len(keys), _BLOCK):
            block = np.concatenate([self._keys_left, keys[start : start + _BLOCK]])
            its_values = np.concatenate([self._values_left, values[start : start + _BLOCK]])
            used = self._add(block, its_values, False)
            self._keys_left, self._values_left = block[used:].copy(), its_values[used:].copy()

    def add_entries(self, entries: NDArray[np.uint64]) -> None:
        """Append entries, uint64[n] (key << 32 | value), ascending as pairs do."""
        for start in range(0, len(entries), _BLOCK):
            block = entries[start : start + _BLOCK]
            self.add(block >> _HIGH, block & _LOW)

    def _add(self, keys: NDArray[np.uint64], values: NDArray[np.uint64], is_last: bool) -> int:
        return self._pack(
            len(keys),
            lambda start, leaves, first_keys: pack_pairs(
                keys[start:], values[start:], self._value_bits, is_last, leaves, first_keys
            ),
        )

    def finish(self) -> NDArray[np.uint64]:
        self._add(self._keys_left, self._values_left, True)
        return super().finish()


class RowLeaves(LeafWriter):
    """Encoded rows in order of record number."""

    def __init__(self, table: int, sink: Sink, n_words: int, slots: NDArray[np.int64]) -> None:
        super().__init__(table, sink)
        self._slots = slots
        self._left = np.zeros((0, n_words), np.uint64)

    def add(self, rows: NDArray[np.uint64]) -> None:
        """Append rows, uint64[n, n_words]."""
        for start in range(0, len(rows), _BLOCK):
            block = np.concatenate([self._left, rows[start : start + _BLOCK]])
            self._left = block[self._add(block, False) :].copy()

    def _add(self, rows: NDArray[np.uint64], is_last: bool) -> int:
        first = self.entries
        return self._pack(
            len(rows),
            lambda start, leaves, first_keys: pack_rows(
                rows[start:], self._slots, np.int64(first + start), is_last, leaves, first_keys
            ),
        )

    def finish(self) -> NDArray[np.uint64]:
        self._add(self._left, True)
        return super().finish()


class IdLeaves(LeafWriter):
    """Sources, times and record ids in order of record number."""

    def __init__(self, table: int, sink: Sink) -> None:
        super().__init__(table, sink)
        self._left = (np.zeros(0, np.uint16), np.zeros(0, np.uint32), b"", np.zeros(1, np.int64))

    def add(
        self,
        source: NDArray[np.uint16],
        times: NDArray[np.uint32],
        offsets: NDArray[np.int64],
        data: NDArray[np.uint8],
    ) -> None:
        """Append records: uint16[n], uint32[n], int64[n + 1] offsets into uint8[n_bytes]."""
        old_source, old_times, old_bytes, old_offsets = self._left
        source = np.concatenate([old_source, source])
        times = np.concatenate([old_times, times])
        own = data[offsets[0] : offsets[-1]]
        data = np.concatenate([np.frombuffer(old_bytes, np.uint8), own])
        offsets = np.concatenate([old_offsets, offsets[1:] - offsets[0] + old_offsets[-1]])
        used = self._add(source, times, offsets, data, False)
        left = data[offsets[used] :].tobytes()
        self._left = source[used:], times[used:], left, offsets[used:] - offsets[used]

    def _add(self, source: Any, times: Any, offsets: Any, data: Any, is_last: bool) -> int:
        first = self.entries
        return self._pack(
            len(source),
            lambda start, leaves, first_keys: pack_record_ids(
                source[start:],
                times[start:],
                offsets[start:],
                data,
                np.int64(first + start),
                is_last,
                leaves,
                first_keys,
            ),
        )

    def finish(self) -> NDArray[np.uint64]:
        source, times, left, offsets = self._left
        self._add(source, times, offsets, np.frombuffer(bytearray(left), np.uint8), True)
        return super().finish()


class NumberLeaves(LeafWriter):
    """One number of a fixed width for each record, in order; -1 is all ones."""

    def __init__(self, table: int, sink: Sink, width: int) -> None:
        super().__init__(table, sink)
        self._width = width
        self.per_leaf = LEAF_BITS // width
        self._left = np.zeros(0, np.uint64)

    def add(self, numbers: NDArray[np.int64]) -> None:
        """Append numbers, int64[n], -1 or below 2 ** width - 1."""
        mask = np.uint64((1 << self._width) - 1)
        values = np.concatenate([self._left, numbers.astype(np.uint64) & mask])
        whole = len(values) // self.per_leaf * self.per_leaf
        self._add(values[:whole])
        self._left = values[whole:].copy()

    def _add(self, values: NDArray[np.uint64]) -> None:
        for start in range(0, len(values), self.per_leaf):
            part = values[start : start + self.per_leaf]
            pack_numbers(part, np.int64(self._width), np.int64(self.per_leaf), self._room()[:1])
            self._keys[self._filled] = self.entries
            self.entries += len(part)
            self._took(1)

    def finish(self) -> NDArray[np.uint64]:
        self._add(self._left)
        return super().finish()
