"""Chinese addresses of characters, digits and marks, read straight from the bytes.

Nearly all of them are written so; Latin words and odd characters are left to `person.address`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from person.fold import fold_table
from person.hashing import mix64
from person.jit import inlined_kernel, load_uint8, load_uint16, store_uint64

__all__ = [
    "DIGIT_SHIFT",
    "IS_COMMON",
    "IS_COUNTED",
    "NOT_PLAIN",
    "plain_marks",
    "read_plain_address",
    "reduced_number",
]

IS_COMMON, IS_COUNTED, DIGIT_SHIFT = 1, 2, 2
"""Bits of what a character says in an address; see `person.address`."""
NOT_PLAIN: Final = -1
_IS_MARK, _IS_DIGIT = 1, 2
_HAN_FIRST, _HAN_STOP = 0x3400, 0xA000
_NUMBER_PRIME: Final = 1_000_000_007


@lru_cache(maxsize=1)
def plain_marks() -> NDArray[np.uint8]:
    """What each byte is: uint8[256], read-only; 0 = for a closer look, 1 = a mark that only
    divides, 2 = a digit."""
    folded = fold_table()[:128]
    marks = np.zeros(256, np.uint8)
    for byte in range(0x20, 0x7F):
        if folded[byte] < 0x80 and folded[byte] and not chr(folded[byte]).isalnum():
            marks[byte] = _IS_MARK
    marks[0x30:0x3A] = _IS_DIGIT
    marks.flags.writeable = False
    return marks


@inlined_kernel
def reduced_number(number):  # type: ignore[no-untyped-def]
    """A number of any length, kept small digit by digit (scalar kernel)."""
    return number if number < _NUMBER_PRIME else number % _NUMBER_PRIME


@inlined_kernel
def _character(at):  # type: ignore[no-untyped-def]
    """The character of three bytes at an address; 0 for bytes of another kind."""
    first = int64(load_uint8(at, 0))
    code = (first & 0x0F) << 12 | (int64(load_uint8(at, 1)) & 0x3F) << 6
    return code | int64(load_uint8(at, 2)) & 0x3F if first >> 4 == 0xE else int64(0)


@inlined_kernel
def _read_numerals(at, stop, han_facts):  # type: ignore[no-untyped-def]
    """Value of the Chinese number at an address, whether what it counts follows, and its end."""
    total, pending, is_shown, facts = int64(0), int64(0), False, int64(0)
    while at < stop:
        code = _character(at) if stop - at >= uint64(3) else int64(0)
        code = code if code >= _HAN_FIRST else int64(0)
        facts = int64(load_uint16(han_facts, code))
        value = (facts >> DIGIT_SHIFT) - 1
        if value < 0:
            break
        if value >= 10:
            total += (pending if is_shown else 1) * value
            pending, is_shown = int64(0), False
        else:
            pending = pending * 10 + value
            is_shown = True
        facts = int64(0)
        at += uint64(3)
    return total + pending, facts & IS_COUNTED != 0, at


@inlined_kernel
def read_plain_address(at, stop, marks, han_facts, run):  # type: ignore[no-untyped-def]
    """Read the address between two addresses of memory: (characters, number hash, numbers).

    `run` receives the characters, uint32[characters], and is written a little beyond them.
    NOT_PLAIN characters: this is not for here. `marks`, `han_facts` and `run` are addresses.
    """
    characters, numbers, number_hash = int64(0), int64(0), uint64(0)
    while at < stop:
        byte = load_uint8(at, 0)
        kind = load_uint8(marks, byte)
        if kind == _IS_DIGIT:
            number = int64(0)
            while at < stop and uint64(load_uint8(at, 0)) - uint64(48) <= uint64(9):
                number = reduced_number(number * 10 + int64(load_uint8(at, 0)) - 48)
                at += uint64(1)
            number_hash = mix64(number_hash ^ uint64(number + 1))
            numbers += 1
            continue
        if kind == _IS_MARK:
            at += uint64(1)
            continue
        code = _character(at) if byte >= 0xE3 else int64(0)
        if code < _HAN_FIRST or code >= _HAN_STOP:
            return int64(NOT_PLAIN), uint64(0), int64(0)
        facts = int64(load_uint16(han_facts, code))
        if facts >> DIGIT_SHIFT:
            number, is_counted, end = _read_numerals(at, stop, han_facts)
            if is_counted:
                number_hash = mix64(number_hash ^ uint64(number + 1))
                numbers += 1
                at = end
                continue
        at += uint64(3)
        store_uint64(run + uint64(4 * characters), code)  # written over where it is left out
        characters += 1 - (facts & IS_COMMON)
    return characters, number_hash, numbers
