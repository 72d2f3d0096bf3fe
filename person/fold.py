"""Folding text to one plain form: lower case, no accents, half width, single spaces.

The rules are one table over the Basic Multilingual Plane, made by `person.tables.build_fold`;
characters beyond it stay as they are. Folding twice changes nothing.

    é -> e     ß -> ss    æ -> ae    ø -> o    ł -> l    Ａ -> a    ７ -> 7    ﬁ -> fi
    ’ ` ´ -> '            ‐ – — − -> -         every kind of blank -> one space
    combining marks, zero-width characters, control characters, double quotes -> nothing
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numba import uint32, uint64
from numpy.typing import NDArray

from person.jit import inlined_kernel, kernel
from person.text import Utf8Column

__all__ = [
    "NUL_FOUND",
    "column_arrays",
    "contains_hash",
    "fold_table",
    "fold_text",
    "hash_codes",
    "hash_end",
    "hash_set",
    "hash_start",
    "hash_step",
    "scratch_size",
    "word_list",
]

NUL_FOUND: Final = -1
"""What `fold_text` returns for text with a NUL character in it."""

_TABLE_SIZE: Final = 0x10000
_EXPANSION_BIT: Final = 1 << 31
_SPACE: Final = 32

_HAN_FIRST: Final = 0x3400
_HAN_STOP: Final = 0xA000


@lru_cache(maxsize=1)
def fold_table() -> NDArray[np.uint32]:
    """What each character of the Basic Multilingual Plane becomes.

    Returns
    -------
    uint32[65536], read-only: 0 = dropped; a code point; or bit 31 and up to four ASCII
    characters of 7 bits, the first lowest
    """
    table = np.arange(_TABLE_SIZE, dtype=np.uint32)
    with np.load(Path(__file__).with_name("tables") / "fold.npz") as stored:
        table[stored["code_point"]] = stored["folded"]
    table.flags.writeable = False
    return table


@kernel
def fold_text(data, start, stop, table, out):  # type: ignore[no-untyped-def]
    """Fold one UTF-8 value into code points; returns their number, or NUL_FOUND.

    `data` uint8[n_bytes], `table` from `fold_table`, `out` uint32[>= 2 * (stop - start)].
    Blanks are collapsed and trimmed.
    """
    length = 0
    blank_pending = False
    at = start
    while at < stop:
        code = uint32(data[at])
        at += 1
        if code >= 0x80:
            if code < 0xE0:
                code = ((code & 0x1F) << 6) | (data[at] & 0x3F)
                at += 1
            elif code < 0xF0:
                code = ((code & 0xF) << 12) | ((data[at] & 0x3F) << 6) | (data[at + 1] & 0x3F)
                at += 2
                if _HAN_FIRST <= code < _HAN_STOP:  # stays what it is
                    if blank_pending:
                        out[length] = _SPACE
                        length += 1
                        blank_pending = False
                    out[length] = code
                    length += 1
                    continue
            else:
                code = ((code & 0x7) << 18) | ((data[at] & 0x3F) << 12)
                code |= ((data[at + 1] & 0x3F) << 6) | (data[at + 2] & 0x3F)
                at += 3
        elif code == 0:
            return NUL_FOUND
        folded = table[code] if code < _TABLE_SIZE else uint32(code)
        if folded == 0:
            continue
        if folded == _SPACE:
            blank_pending = length > 0
            continue
        if blank_pending:
            out[length] = _SPACE
            length += 1
            blank_pending = False
        if folded < _EXPANSION_BIT:
            out[length] = folded
            length += 1
            continue
        rest = folded & uint32(_EXPANSION_BIT - 1)
        while rest != 0:
            out[length] = rest & uint32(0x7F)
            length += 1
            rest >>= uint32(7)
    return length


@inlined_kernel
def hash_start():  # type: ignore[no-untyped-def]
    """The state of `hash_codes` before its first code (scalar kernel)."""
    return uint64(0x9E3779B97F4A7C15)


@inlined_kernel
def hash_step(state, code):  # type: ignore[no-untyped-def]
    """The state after one more code (scalar kernel)."""
    state = (state ^ uint64(code)) * uint64(0xFF51AFD7ED558CCD)
    return state ^ (state >> uint64(32))


@inlined_kernel
def hash_end(state):  # type: ignore[no-untyped-def]
    """The hash after the last code (scalar kernel)."""
    state *= uint64(0xC4CEB9FE1A85EC53)
    state ^= state >> uint64(33)
    state *= uint64(0xFF51AFD7ED558CCD)
    return state ^ (state >> uint64(33))


@inlined_kernel
def hash_codes(codes, start, stop):  # type: ignore[no-untyped-def]
    """64-bit hash of codes[start:stop]; equal text, equal hash, on every machine and run."""
    state = hash_start()
    for at in range(start, stop):
        state = hash_step(state, codes[at])
    return hash_end(state)


@inlined_kernel
def contains_hash(hashes, value):  # type: ignore[no-untyped-def]
    """Whether `value` is in an open-addressed table, uint64[power of two], 0 = free."""
    mask = uint64(hashes.size - 1)
    at = value & mask
    while hashes[at] != 0:
        if hashes[at] == value:
            return True
        at = (at + uint64(1)) & mask
    return False


def _text_hash(text: str) -> int:
    codes = np.array([ord(character) for character in text], np.uint32)
    return int(hash_codes(codes, 0, len(codes)))


@lru_cache(maxsize=64)
def hash_set(texts: tuple[str, ...]) -> NDArray[np.uint64]:
    """Open-addressed table of the hashes of `texts`, at most a quarter full."""
    size = 16
    while size < 4 * len(texts):
        size *= 2
    table = np.zeros(size, np.uint64)
    for text in texts:
        value = _text_hash(text)
        at = value & (size - 1)
        while table[at] not in (0, value):
            at = (at + 1) & (size - 1)
        table[at] = value
    return table


def word_list(text: str) -> tuple[str, ...]:
    """Words of a text, for tables of words that read best as text."""
    return tuple(text.split())


def column_arrays(
    column: Utf8Column,
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.bool_]]:
    """Offsets, data and validity of a column as read-only views.

    Arrow hands out read-only memory and numpy writable; kernels would be compiled for each.
    """
    views = (
        np.ascontiguousarray(column.offsets).view(),
        column.data.view(),
        np.ascontiguousarray(column.valid).view(),
    )
    for view in views:
        view.flags.writeable = False
    return views


def scratch_size(column: Utf8Column) -> int:
    """Codes that the longest folded value of a column can need."""
    if not len(column):
        return 8
    return 2 * int(np.diff(column.offsets).max()) + 8
