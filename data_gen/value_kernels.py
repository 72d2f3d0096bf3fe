"""Slips in numbers and dates: scalar kernels from a true value to the one written down."""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from data_gen.cause_bits import (
    DAY_MONTH_SWAPPED,
    FIRST_OF_JANUARY,
    LUNAR,
    ONE_DIGIT,
)
from data_gen.counter import bits_below, high_half, low_half
from data_gen.parameters import REFERENCE_DATE
from person.jit import inlined_kernel, kernel

__all__ = [
    "FIFTEEN",
    "UNKNOWN_CHECK",
    "check_of_body",
    "civil_date",
    "days_from_civil",
    "slip_birth_date",
    "slip_id",
]

FIFTEEN = 255
"""Check digit of a number written with 15 digits, which has none."""

UNKNOWN_CHECK = 254
"""Check digit not computed yet: that of the number itself."""

REFERENCE_YEAR = REFERENCE_DATE.year
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], np.int64)
_POWERS = 10 ** np.arange(16, -1, -1, dtype=np.int64)
_YEAR_STEPS = np.array([-1, 1, -1, 1, -2, 2, -10, 10], np.int64)


@inlined_kernel
def civil_date(day):  # type: ignore[no-untyped-def]
    """yyyymmdd of a day counted from 1970-01-01 (Hinnant's algorithm)."""
    shifted = int64(day) + 719468
    era = shifted // 146097
    day_of_era = shifted - era * 146097
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_part = (5 * day_of_year + 2) // 153
    month = month_part + 3 if month_part < 10 else month_part - 9
    year = year_of_era + era * 400 + int64(month <= 2)
    return year * 10000 + month * 100 + day_of_year - (153 * month_part + 2) // 5 + 1


@kernel
def days_from_civil(date):  # type: ignore[no-untyped-def]
    """Day since 1970-01-01 of yyyymmdd."""
    year, month, day = date // 10000, date // 100 % 100, date % 100
    year -= int64(month <= 2)
    era = year // 400
    year_of_era = year - era * 400
    shifted_month = month - 3 if month > 2 else month + 9
    day_of_year = (153 * shifted_month + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146097 + day_of_era - 719468


@kernel
def check_of_body(body):  # type: ignore[no-untyped-def]
    """Check digit of 17 digits (ISO 7064 MOD 11-2), 10 standing for X."""
    total = int64(0)
    for place in range(16, -1, -1):
        total += body % 10 * _WEIGHTS[place]
        body //= 10
    return (12 - total % 11) % 11


@kernel
def digit_at(body, place):  # type: ignore[no-untyped-def]
    """Digit of 17 at a place, 0 = highest."""
    return body // _POWERS[place] % 10


@kernel
def slip_id(cause, body, check, bits):  # type: ignore[no-untyped-def]
    """(body, check, whether anything changed) after a slip in one digit or two neighbours.

    A form of 15 digits (check FIFTEEN) has no century to be mistaken.
    """
    is_short = check == FIFTEEN
    place = bits_below(low_half(bits), 17 if is_short else 18)
    if is_short and (place == 6 or place == 7):
        place = 12
    if cause == ONE_DIGIT:
        step = 1 + bits_below(high_half(bits), 9)
        if place == 17:
            return body, (check + step) % 11, True
        old = digit_at(body, place)
        return body + ((old + step) % 10 - old) * _POWERS[place], check, True
    for attempt in range(15):
        first = (place + attempt) % 16
        if is_short and 5 <= first <= 7:
            continue
        left, right = digit_at(body, first), digit_at(body, first + 1)
        if left != right:
            body += (right - left) * (_POWERS[first] - _POWERS[first + 1])
            return body, check, True
    return body, check, False


@kernel
def lunar_date(day, slips):  # type: ignore[no-untyped-def]
    """yyyymmdd of the lunar calendar, 0 outside its table."""
    low, high = 0, slips.lunar_day.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if slips.lunar_day[middle] <= day:
            low = middle
        else:
            high = middle
    offset = int64(day) - slips.lunar_day[low]
    if not 0 <= offset < 30:
        return int64(0)
    return int64(slips.lunar_month[low]) * 100 + offset + 1


@kernel
def slip_birth_date(cause, day, bits, slips):  # type: ignore[no-untyped-def]
    """yyyymmdd as written after one slip; the true date where it cannot happen."""
    date = civil_date(day)
    year, month, day_of_month = date // 10000, date // 100 % 100, date % 100
    if cause == DAY_MONTH_SWAPPED:
        return year * 10000 + day_of_month * 100 + month if day_of_month <= 12 else date
    if cause == LUNAR:
        lunar = lunar_date(day, slips)
        return lunar if lunar else date
    if cause == FIRST_OF_JANUARY:
        return year * 10000 + 101
    step = _YEAR_STEPS[int64(bits >> uint64(61))]
    other = year + step if year + step <= REFERENCE_YEAR else year - abs(step)
    if month == 2 and day_of_month == 29:
        day_of_month = int64(28)
    return other * 10000 + month * 100 + day_of_month
