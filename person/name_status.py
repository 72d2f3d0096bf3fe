"""What a name is when it is no name: kernels on its symbols and units."""

from __future__ import annotations

from typing import Final

from person.field import FieldStatus
from person.han import CHARACTER_BASE, DIGIT_BASE, SPACE
from person.jit import inlined_kernel
from person.romanised import SYMBOL_MARK

__all__ = ["empty_status", "ends_with_title", "has_digits", "is_digit", "is_temporary_name"]

_MISSING: Final = int(FieldStatus.MISSING)
_PLACEHOLDER: Final = int(FieldStatus.PLACEHOLDER)
_BAD_CHARACTER, _NUL_BYTE = int(FieldStatus.BAD_CHARACTER), int(FieldStatus.NUL_BYTE)


@inlined_kernel
def is_digit(symbol):  # type: ignore[no-untyped-def]
    """Whether a symbol or unit is a digit."""
    return DIGIT_BASE <= symbol < CHARACTER_BASE


@inlined_kernel
def has_digits(symbols, symbol_count):  # type: ignore[no-untyped-def]
    """Whether one of the symbols of a name is a digit."""
    found = False
    for i in range(symbol_count):
        found |= is_digit(symbols[i])
    return found


@inlined_kernel
def is_temporary_name(units, count, words):  # type: ignore[no-untyped-def]
    """张某, 张某之子, 李娜之大女, 李娜婴儿; words: units of 某 之 婴 儿 子 女 孩 宝."""
    last = units[count - 1]
    for i in range(1, count):
        if units[i] == words[0]:
            return True
        is_child = last == words[2] or last == words[3] or last == words[4] or last == words[5]
        is_child |= last == words[7] and count > 4
        if units[i] == words[1] and is_child and count - i <= 6 and i < count - 1:
            return True
        if units[i] == words[2]:
            if i == count - 1 and count > 3:
                return True
            if i == count - 2 and (last == words[3] or last == words[6]):
                return True
    return False


@inlined_kernel
def ends_with_title(units, count, titles):  # type: ignore[no-untyped-def]
    """Whether a name ends with 先生, 女士 or 小姐; titles: uint16[6]."""
    for k in range(0, 6, 2):
        if units[count - 2] == titles[k] and units[count - 1] == titles[k + 1]:
            return True
    return False


@inlined_kernel
def empty_status(symbols, symbol_count, facts):  # type: ignore[no-untyped-def]
    """Status of a value without one letter or character."""
    if facts[3]:
        return _NUL_BYTE
    has_mark = facts[2] > 0
    for i in range(symbol_count):
        has_mark |= symbols[i] > SYMBOL_MARK + SPACE
    if has_digits(symbols, symbol_count):
        return _BAD_CHARACTER
    if has_mark:
        return _PLACEHOLDER
    return _BAD_CHARACTER if facts[4] else _MISSING
