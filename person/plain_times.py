"""Times as tables write them, 2024-03-01 12:30:00 and 2024-03-01, read straight from the bytes."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from person.fold import column_arrays
from person.jit import inlined_kernel, kernel, load_uint8, load_uint64
from person.plain_dates import days_in_month, plain_digits
from person.plain_digits import eight_are_digits, pack_eight
from person.text import Utf8Column

__all__ = ["plain_seconds"]

_NO_TIME: Final = -(1 << 62)
_DAY_SECONDS: Final = 86_400
_DAYS_TO_1970: Final = 719_468
_SECONDS_MAX: Final = 0xFFFFFFFF
_HYPHEN, _COLON, _SPACE, _LETTER_T = 0x2D, 0x3A, 0x20, 0x54


@inlined_kernel
def _two(digits, shift):  # type: ignore[no-untyped-def]
    pair = digits >> uint64(shift)
    return int64(pair >> uint64(4) & uint64(15)) * 10 + int64(pair & uint64(15))


@inlined_kernel
def _day_number(digits):  # type: ignore[no-untyped-def]
    """Days since 1970 of yyyymmdd of four bits each; _NO_TIME where there is no such day.

    Reference: Hinnant 2013, days_from_civil: years begin in March, so leap days end them.
    """
    year = _two(digits, 24) * 100 + _two(digits, 16)
    month, day = _two(digits, 8), _two(digits, 0)
    if month < 1 or month > 12 or day < 1 or day > days_in_month(year, month):
        return int64(_NO_TIME)
    months = (month + 9) % 12
    year = year + 400 - int64(month <= 2)  # never negative
    days = 365 * year + year // 4 - year // 100 + year // 400
    return days + (153 * months + 2) // 5 + day - 1 - 146_097 - _DAYS_TO_1970


@inlined_kernel
def _second_of_day(start):  # type: ignore[no-untyped-def]
    """Seconds of 12:30:00 at an address, _NO_TIME for any other text."""
    word = load_uint64(start, 0)
    colons = (load_uint8(start, 2) == _COLON) & (load_uint8(start, 5) == _COLON)
    word |= uint64(0x0000FF0000FF0000)  # the colons, to be digits
    word &= uint64(0xFFFF30FFFF30FFFF)
    if not (colons and eight_are_digits(word)):
        return int64(_NO_TIME)
    digits = pack_eight(word)
    hour, minute, second = _two(digits, 24), _two(digits, 12), _two(digits, 0)
    if hour > 23 or minute > 59 or second > 59:
        return int64(_NO_TIME)
    return hour * 3600 + minute * 60 + second


@kernel
def _fill_seconds(offsets, data, valid, out):  # type: ignore[no-untyped-def]
    """Whether every value is null or plain; `out` uint32[n], 0 where it is out of range."""
    text = uint64(data.ctypes.data)
    for row in range(valid.size):
        out[row] = 0
        length = int64(offsets[row + 1]) - int64(offsets[row])
        if not valid[row] or length == 0:
            continue
        if length != 10 and length != 19:
            return False
        start = text + uint64(offsets[row])
        digits = plain_digits(start, int64(10)) if load_uint8(start, 4) == _HYPHEN else uint64(0)
        days, second = _day_number(digits), int64(0)
        if length == 19:
            between = load_uint8(start, 10)
            second = _second_of_day(start + uint64(11))
            if between != _SPACE and between != _LETTER_T:
                return False
        if days == _NO_TIME or second == _NO_TIME:
            return False
        seconds = days * _DAY_SECONDS + second
        if 0 <= seconds <= _SECONDS_MAX:
            out[row] = seconds
    return True


def plain_seconds(column: Utf8Column) -> NDArray[np.uint32] | None:
    """Seconds of UTC since 1970 of times without a zone; None where one is written otherwise.

    Parameters
    ----------
    column : n_records times or dates

    Returns
    -------
    uint32[n_records]; 0 for a null, an empty text, and what 32 bits do not hold
    """
    out = np.empty(len(column), np.uint32)
    return out if _fill_seconds(*column_arrays(column), out) else None
