"""Id numbers of 18 characters that prove themselves, read straight from the bytes.

That is nearly all of them. Any other text, also a number that fails one of its checks, is left to
`person.national_id_kernels`.
"""

from __future__ import annotations

from typing import Final

from numba import int64, uint64

from person.jit import inlined_kernel, load_int32, load_uint8, load_uint16, load_uint64
from person.plain_dates import days_in_month
from person.plain_digits import eight_are_digits, number_of_eight, pack_eight

__all__ = ["plain_body"]

_LOW_HALVES: Final = 0x0F0F0F0F0F0F0F0F
_PAIRS: Final = 0x00FF00FF00FF00FF
_FOURS: Final = 0x0000FFFF0000FFFF
_YEAR_MIN, _YEAR_STOP = 1850, 2100


@inlined_kernel
def _weigh_eight(word):  # type: ignore[no-untyped-def]
    """Eight digits, the first times 128, the last times 1 (scalar kernel)."""
    digits = uint64(word) & uint64(_LOW_HALVES)
    digits = (digits * uint64(2) + (digits >> uint64(8))) & uint64(_PAIRS)
    digits = (digits * uint64(4) + (digits >> uint64(16))) & uint64(_FOURS)
    return (digits * uint64(16) + (digits >> uint64(32))) & uint64(0xFFFFFFFF)


@inlined_kernel
def _check_digit(code):  # type: ignore[no-untyped-def]
    """Value of the last character, -1 where it needs a closer look."""
    if 0x30 <= code <= 0x39:
        return int64(code) - 0x30
    return int64(10) if code | 0x20 == 0x78 else int64(-1)


@inlined_kernel
def plain_body(start, prefix_row, canonical):  # type: ignore[no-untyped-def]
    """The body of the number in the 18 bytes at an address, 0 where they are no such number.

    `prefix_row`, `canonical` : addresses of the tables of `person.regions.RegionTable`
    """
    one, two = load_uint64(start, 0), load_uint64(start, 1)
    last = int64(load_uint8(start, 16)) - 0x30
    check = _check_digit(int64(load_uint8(start, 17)))
    is_number = eight_are_digits(one) & eight_are_digits(two) & (0 <= last <= 9) & (check >= 0)
    if not is_number:
        return uint64(0)
    weighed = int64((_weigh_eight(one) << uint64(8)) + _weigh_eight(two)) * 2 + last
    if (12 - weighed * 2 % 11) % 11 != check:
        return uint64(0)
    place, tail = number_of_eight(one), pack_eight(two)
    region, century = place // 100, place % 100
    year = century * 100 + int64(tail >> uint64(28)) * 10 + (int64(tail >> uint64(24)) & 15)
    month = (int64(tail >> uint64(20)) & 15) * 10 + (int64(tail >> uint64(16)) & 15)
    day = (int64(tail >> uint64(12)) & 15) * 10 + (int64(tail >> uint64(8)) & 15)
    if not (_YEAR_MIN <= year < _YEAR_STOP and 1 <= month <= 12):
        return uint64(0)
    if day < 1 or day > days_in_month(year, month):
        return uint64(0)
    row = int64(load_uint16(prefix_row, region // 100))
    # Numbers of foreigners and residents from beyond the border have classes of their own.
    is_known = load_int32(canonical, row * 100 + region % 100) != 0
    if not is_known or region >= 900_000 or region in (810_000, 820_000, 830_000):
        return uint64(0)
    century_digit = uint64(century - 10 if century < 20 else 0)
    head = pack_eight(one) >> uint64(8)
    return head << uint64(40) | century_digit << uint64(36) | tail << uint64(4) | uint64(last)
