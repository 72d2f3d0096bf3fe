"""The one 64-bit mixer: block keys, value hashes and hashed slots all use it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from person.jit import inlined_kernel, kernel, load_uint8, load_uint64, prefetch
from person.slots import read_slot
from person.text import Utf8Column

__all__ = ["SeenHashes", "hash_columns", "hash_field_values", "hash_texts", "mix64"]

_AHEAD: Final = 16
"""Places of the table asked for before their turn: a look-up is a miss of the cache."""


@inlined_kernel
def mix64(value):  # type: ignore[no-untyped-def]
    """Scramble 64 bits, one to one (the finaliser of splitmix64)."""
    value = uint64(value)
    value ^= value >> uint64(30)
    value *= uint64(0xBF58476D1CE4E5B9)
    value ^= value >> uint64(27)
    value *= uint64(0x94D049BB133111EB)
    value ^= value >> uint64(31)
    return value


@kernel
def _fold_hash(words, bits, out):  # type: ignore[no-untyped-def]
    for row in range(words.shape[1]):
        if words[0, row] == 0:
            out[row] = 0
            continue
        value = uint64(0)
        for word in range(words.shape[0]):
            value = mix64(value ^ words[word, row])
        value >>= uint64(64 - bits)
        out[row] = value if value != 0 else uint64(1)


def hash_columns(columns: list[NDArray[np.uint64]], bits: int) -> NDArray[np.uint64]:
    """Hash of each record's values in `bits` bits; 0 where the first column is 0, else never 0.

    Parameters
    ----------
    columns : uint64[n_records] each, the main component first
    bits : 8 to 64

    Returns
    -------
    uint64[n_records]
    """
    out = np.empty(len(columns[0]), np.uint64)
    _fold_hash(np.ascontiguousarray(np.stack(columns)), bits, out)
    return out


@kernel
def _hash_field(rows, slots, out):  # type: ignore[no-untyped-def]
    for row in range(rows.shape[0]):
        if read_slot(rows, row, slots, 0) == 0:
            out[row] = 0
            continue
        value = uint64(0)
        for component in range(slots.shape[0]):
            value = mix64(value ^ read_slot(rows, row, slots, component))
        out[row] = value if value != 0 else uint64(1)


def hash_field_values(rows: NDArray[np.uint64], slots: NDArray[np.int64]) -> NDArray[Any]:
    """64-bit hash of one field of each record; 0 where it is missing.

    Parameters
    ----------
    rows : uint64[n_records, n_words]
    slots : int64[n_components, 3], the components that make the value

    Returns
    -------
    uint64[n_records]
    """
    out = np.empty(len(rows), np.uint64)
    _hash_field(rows, slots, out)
    return out


@kernel
def _hash_texts(offsets, data, seed, out):  # type: ignore[no-untyped-def]
    text = uint64(data.ctypes.data)
    for row in range(out.shape[0]):
        at, stop = text + uint64(offsets[row]), text + uint64(offsets[row + 1])
        value = mix64(uint64(seed[row]) << uint64(32) | uint64(stop - at))
        while stop - at >= uint64(8):
            value = (value ^ load_uint64(at, 0)) * uint64(0xFF51AFD7ED558CCD)
            value ^= value >> uint64(32)
            at += uint64(8)
        rest = uint64(0)
        while at < stop:
            rest = rest << uint64(8) | uint64(load_uint8(at, 0))
            at += uint64(1)
        value = mix64(value ^ rest)
        out[row] = value if value != 0 else uint64(1)


def hash_texts(column: Utf8Column, seed: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.uint64]:
    """64-bit hash, never 0, of each text together with a number (its source).

    Parameters
    ----------
    column : n_records texts; a null hashes like an empty text
    seed : unsigned[n_records], below 2 ** 32

    Returns
    -------
    uint64[n_records]
    """
    out = np.empty(len(column), np.uint64)
    _hash_texts(column.offsets, column.data, seed, out)
    return out


@kernel
def _mark_seen(hashes, table, used, out_seen):  # type: ignore[no-untyped-def]
    mask = uint64(table.shape[0] - 1)
    for row in range(hashes.shape[0]):
        ahead = min(row + _AHEAD, hashes.shape[0] - 1)
        prefetch(table, int64(hashes[ahead] & mask))
        place = hashes[row] & mask
        while table[place] != 0 and table[place] != hashes[row]:
            place = (place + uint64(1)) & mask
        out_seen[row] = table[place] == hashes[row]
        if table[place] == 0:
            table[place] = hashes[row]
            used[0] += 1


class SeenHashes:
    """A set of 64-bit hashes that says which of a batch were met before; 16 bytes a member.

    Parameters
    ----------
    expected : about how many there will be: room for them is made at once, and touched when used
    """

    def __init__(self, expected: int = 0) -> None:
        self._table = np.zeros(max(1 << 16, 1 << (2 * expected).bit_length()), np.uint64)
        self._used = np.zeros(1, np.int64)

    def mark(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Add hashes (none 0); True where one was met before, in this batch or an earlier one."""
        while (self._used[0] + len(hashes)) * 2 > len(self._table):
            self._grow()
        seen = np.empty(len(hashes), np.bool_)
        _mark_seen(hashes, self._table, self._used, seen)
        return seen

    def _grow(self) -> None:
        members = self._table[self._table != 0]
        self._table = np.zeros(len(self._table) * 2, np.uint64)
        self._used[0] = 0
        _mark_seen(members, self._table, self._used, np.empty(len(members), np.bool_))
