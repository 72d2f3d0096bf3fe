"""Dates as nearly all tables write them, read straight from the bytes.

    1971-06-24    19710624    1971/6/24    1971年6月24日

Any other text is left to `person.date_kernels`.
"""

from __future__ import annotations

from typing import Final

from numba import int64, uint64

from person.jit import inlined_kernel, load_uint8, load_uint64
from person.plain_digits import eight_are_digits, pack_eight

__all__ = [
    "YEAR_BASE",
    "YEAR_MAX",
    "YEAR_MIN",
    "days_in_month",
    "plain_date",
    "plain_digits",
    "plain_parts",
]

YEAR_MIN, YEAR_MAX = 1850, 2360
YEAR_BASE: Final = 1849

_FOUR_BYTES: Final = 0xFFFFFFFF
_LAST_TWO: Final = 0xFFFF000000000000
_YEAR_SIGN, _MONTH_SIGN, _DAY_SIGN = (
    int.from_bytes(sign.encode(), "little") for sign in ("年", "月", "日")
)


@inlined_kernel
def days_in_month(year, month):  # type: ignore[no-untyped-def]
    """Days of a month, 1 to 12, of the Gregorian calendar (scalar kernel)."""
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month in (4, 6, 9, 11) else 31


@inlined_kernel
def plain_digits(start, length):  # type: ignore[no-untyped-def]
    """Digits, four bits each, of 19710624 or 1971-06-24 at an address; 0 for any other text.

    Separators may be - . and / alone.
    """
    if length == 8:
        word = load_uint64(start, 0)
    elif length == 10:
        word, tail = load_uint64(start, 0), load_uint64(start + uint64(2), 0)
        separator = word >> uint64(32) & uint64(0xFF)
        if separator < 45 or separator > 47 or word >> uint64(56) != separator:
            return uint64(0)
        month = word >> uint64(40) & uint64(0xFFFF)
        word = word & uint64(_FOUR_BYTES) | month << uint64(32) | tail & uint64(_LAST_TWO)
    else:
        return uint64(0)
    return pack_eight(word) if eight_are_digits(word) else uint64(0)


@inlined_kernel
def _are_three(start, at, text):  # type: ignore[no-untyped-def]
    """Whether the three bytes at an address are these, the first one lowest."""
    found = uint64(load_uint8(start, at)) | uint64(load_uint8(start, at + 1)) << uint64(8)
    return found | uint64(load_uint8(start, at + 2)) << uint64(16) == uint64(text)


@inlined_kernel
def plain_parts(start, length):  # type: ignore[no-untyped-def]
    """Digits, four bits each, of 1971/6/4 or 1971年6月4日 at an address; 0 for any other text.

    Month and day may have one digit or two; separators may be - . and / alone.
    """
    is_han = 15 <= length <= 17
    if not (is_han or 8 <= length <= 10):
        return uint64(0)
    separator = load_uint8(start, 4)
    if is_han:
        is_date, gap = _are_three(start, 4, _YEAR_SIGN), int64(3)
    else:
        is_date, gap = 45 <= separator <= 47, int64(1)
    if not is_date:
        return uint64(0)
    at = 4 + gap
    word = load_uint64(start, 0) & uint64(_FOUR_BYTES)
    is_long = uint64(load_uint8(start, at + 1)) - uint64(48) <= uint64(9)
    word |= (uint64(load_uint8(start, at)) if is_long else uint64(48)) << uint64(32)
    at += int64(is_long)
    word |= uint64(load_uint8(start, at)) << uint64(40)
    at += 1
    if is_han:
        is_date = _are_three(start, at, _MONTH_SIGN) & _are_three(start, length - 3, _DAY_SIGN)
        length -= 3
    else:
        is_date = load_uint8(start, at) == separator
    at += gap
    is_long = length - at == 2
    if not is_date or not (is_long or length - at == 1):
        return uint64(0)
    word |= (uint64(load_uint8(start, at)) if is_long else uint64(48)) << uint64(48)
    word |= uint64(load_uint8(start, length - 1)) << uint64(56)
    return pack_eight(word) if eight_are_digits(word) else uint64(0)


@inlined_kernel
def plain_date(digits, latest):  # type: ignore[no-untyped-def]
    """The packed date that eight digits write, 0 where there is none or it is out of range."""
    year = int64(digits >> uint64(28)) * 1000 + int64(digits >> uint64(24) & uint64(15)) * 100
    year += int64(digits >> uint64(20) & uint64(15)) * 10 + int64(digits >> uint64(16) & uint64(15))
    month = int64(digits >> uint64(12) & uint64(15)) * 10 + int64(digits >> uint64(8) & uint64(15))
    day = int64(digits >> uint64(4) & uint64(15)) * 10 + int64(digits & uint64(15))
    if year < YEAR_MIN or year > YEAR_MAX or month < 1 or month > 12:
        return uint64(0)
    packed = (year - YEAR_BASE) << 9 | month << 5 | day
    is_date = 1 <= day <= days_in_month(year, month) and packed <= latest
    return uint64(packed) if is_date else uint64(0)
