"""Reading a name character by character: UTF-8 to units, letters and separators."""

from __future__ import annotations

import numpy as np
from numba import int64
from numpy.typing import NDArray

from person.han import (
    APOSTROPHE,
    CHARACTER_BASE,
    CLOSE,
    COMMA,
    DIAERESIS,
    DIGIT,
    DIGIT_BASE,
    DOT,
    HYPHEN,
    LETTER_U_DIAERESIS,
    MARK,
    NUL,
    OPEN,
    SPACE,
    UNKNOWN_BASE,
    UPPER,
    WILD,
    WILDCARD_UNIT,
    han_tables,
)
from person.jit import inlined_kernel
from person.romanised import CAPITAL, SYMBOL_MARK

__all__ = ["decode_character", "latin_symbols", "read_symbols"]


@inlined_kernel
def decode_character(data, position):  # type: ignore[no-untyped-def]
    """Code point at a byte position of valid UTF-8, and the position after it."""
    first = int64(data[position])
    if first < 0x80:
        return first, position + 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | int64(data[position + 1]) & 0x3F, position + 2
    tail = int64(data[position + 1]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | tail << 6 | int64(data[position + 2]) & 0x3F, position + 3
    tail = tail << 6 | int64(data[position + 2]) & 0x3F
    return (first & 0x07) << 18 | tail << 6 | int64(data[position + 3]) & 0x3F, position + 4


@inlined_kernel
def read_symbols(data, start, end, keep_brackets, code_units, described, symbols, facts):  # type: ignore[no-untyped-def]
    """Classify the characters of one value; returns how many symbols were kept.

    symbols : uint32 output: units, also of digits; letters, capitals CAPITAL higher; separators
        SYMBOL_MARK + mark
    described : uint16, units that tell a bracket describes a character (加, 旁 ...)
    facts : int64[6] output: Han characters, letters, wildcards, NULs, junk, other scripts
    """
    facts[:] = 0
    count, depth, is_description = 0, 0, False
    position = start
    while position < end:
        code_point, position = decode_character(data, position)
        value = int64(code_units[code_point]) if code_point < len(code_units) else 0
        mark = value - MARK
        if mark == OPEN and not keep_brackets:
            depth, is_description = depth + 1, False
            continue
        if mark == CLOSE and not keep_brackets:
            depth = max(0, depth - 1)
            if is_description and depth == 0:
                symbols[count] = WILDCARD_UNIT
                count += 1
                facts[2] += 1
                is_description = False
            continue
        if depth > 0:
            for unit in described:
                is_description |= (value & (MARK - 1)) == unit
            continue
        if mark >= CHARACTER_BASE:
            value = mark  # a character to look at twice
        if value >= CHARACTER_BASE and value < MARK:
            symbols[count] = value
            facts[0] += 1
        elif 0 < value < MARK:
            symbols[count] = value
            facts[1] += 1
        elif mark > UPPER:
            symbols[count] = CAPITAL + mark - UPPER
            facts[1] += 1
        elif value == 0:
            symbols[count] = UNKNOWN_BASE + code_point
            facts[5] += 1
        elif mark == WILD:
            symbols[count] = WILDCARD_UNIT
            facts[2] += 1
        elif mark == DIGIT:
            symbols[count] = DIGIT_BASE + (code_point & 15)  # full width ends alike
        elif mark in (SPACE, DOT, HYPHEN, COMMA, APOSTROPHE):
            symbols[count] = SYMBOL_MARK + mark
        else:
            if mark == DIAERESIS and count > 0 and symbols[count - 1] in (21, CAPITAL + 21):
                symbols[count - 1] += LETTER_U_DIAERESIS - 21
            facts[3] += mark == NUL
            facts[4] += 1
            continue
        count += 1
    return count


def latin_symbols(text: str) -> NDArray[np.uint32]:
    """Symbols of a Latin name as `romanised.parse_latin_name` takes them."""
    data = np.frombuffer(text.encode(), np.uint8)
    symbols, facts = np.zeros(len(data) + 1, np.uint32), np.zeros(6, np.int64)
    described = np.zeros(0, np.uint16)
    code_units = han_tables().code_units
    count = read_symbols(data, 0, len(data), 1, code_units, described, symbols, facts)
    return symbols[:count]
