"""Dates as nearly all tables write them, 1971-06-24 and 19710624, read straight from the bytes.

A dozen instructions a digit without a branch; any other text is left to `person.date_kernels`.
"""

from __future__ import annotations

from typing import Final

from numba import int64, uint64

from person.jit import inlined_kernel, load_uint8

__all__ = [
    "YEAR_BASE",
    "YEAR_MAX",
    "YEAR_MIN",
    "days_in_month",
    "plain_date",
    "plain_digits",
]

YEAR_MIN, YEAR_MAX = 1850, 2360
YEAR_BASE: Final = 1849


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
    if length != 8 and length != 10:
        return uint64(0)
    gap = uint64(length - 8) >> uint64(1)
    is_other = uint64(0)
    if gap != 0:
        separator = load_uint8(start, 4)
        is_other |= uint64(separator != load_uint8(start, 7))
        is_other |= uint64(separator < 45 or separator > 47)
    digits = uint64(0)
    for place in range(8):
        skipped = gap * (uint64(place >= 4) + uint64(place >= 6))
        digit = uint64(load_uint8(start, uint64(place) + skipped)) - uint64(48)
        is_other |= uint64(digit > 9)
        digits = digits << uint64(4) | digit & uint64(15)
    return uint64(0) if is_other != 0 else digits


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
