"""Reading one written date: kernels behind `person.dates`.

A value is split into numbers, the numbers are brought into the order year, month, day, and what
can be is packed. Where that fails, letters that look like digits are read as digits, and a run
of eight digits may have one stray character in it or have lost one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint64

from person.field import FieldStatus
from person.fold import NUL_FOUND, contains_hash, fold_text, hash_codes
from person.jit import kernel
from person.plain_dates import (
    YEAR_BASE,
    YEAR_MAX,
    YEAR_MIN,
    days_in_month,
    plain_date,
    plain_digits,
    plain_parts,
)

__all__ = [
    "DMY",
    "MDY",
    "YEAR_BASE",
    "YEAR_MAX",
    "YEAR_MIN",
    "YMD",
    "YMD_MONTH_FIRST",
    "fill_dates",
    "read_parts",
]

YMD, DMY, MDY, YMD_MONTH_FIRST = 0, 1, 2, 3

_VALID, _MISSING = int(FieldStatus.VALID), int(FieldStatus.MISSING)
_PLACEHOLDER, _NUL_BYTE = int(FieldStatus.PLACEHOLDER), int(FieldStatus.NUL_BYTE)
_BAD_DATE, _OUT_OF_RANGE = int(FieldStatus.BAD_DATE), int(FieldStatus.OUT_OF_RANGE)
_BAD_CHARACTER: Final = int(FieldStatus.BAD_CHARACTER)

_UNKNOWN_DIGIT: Final = 10
_LOOK_ALIKES: Final = {"o": 0, "l": 1, "i": 1, "z": 2, "s": 5, "b": 8, "g": 9, "q": 9}
_DIGIT_OF_LETTER: Final = np.array(
    [_LOOK_ALIKES.get(letter, _UNKNOWN_DIGIT) for letter in "abcdefghijklmnopqrstuvwxyz"], np.uint32
)
"""The digit that each letter looks like, 10 = none."""
_RUN_PARTS: Final = ((0, 4, YEAR_MIN, YEAR_MAX), (4, 6, 1, 12), (6, 8, 1, 31))
"""Year, month and day in a run of eight digits: first and last place, least and most."""
_DIGITS_TO_MEND: Final = 4
"""Digits that a text must have before its letters are taken for digits."""


@kernel
def _han_value(code, han_codes, han_values):  # type: ignore[no-untyped-def]
    """Value of a Chinese numeral, or -1."""
    if code < 0x3000 and code != 0x25CB:
        return -1
    for at in range(han_codes.size):
        if han_codes[at] == code:
            return han_values[at]
    return -1


@kernel
def _read_group(codes, at, stop, han_codes, han_values):  # type: ignore[no-untyped-def]
    """Number that starts at `at`: (value, digits, next position); digits is 0 for none.

    二〇〇一 is a run of digits and has four; 十二 counts as two.
    """
    value, digits, tens = 0, 0, -1
    while at < stop and digits < 15:
        code = codes[at]
        if 48 <= code <= 57:
            value = value * 10 + int64(code) - 48
        else:
            numeral = _han_value(code, han_codes, han_values)
            if numeral < 0:
                break
            if numeral >= 10:
                tens = (value if value > 0 else 1) * 10 if numeral == 10 else numeral
                value, digits = 0, 0
            else:
                value = value * 10 + numeral
        digits += 1
        at += 1
    if tens >= 0:
        return tens + value, 2, at
    return value, digits, at


@kernel
def _read_month_name(codes, at, stop, month_names):  # type: ignore[no-untyped-def]
    """(month, next position) of an English month name of 3 letters or more; month 0 for none."""
    end = at
    while end < stop and 97 <= codes[end] <= 122:
        end += 1
    if end - at < 3:
        return 0, end
    for month in range(12):
        place = 3 * month
        if (
            codes[at] == month_names[place]
            and codes[at + 1] == month_names[place + 1]
            and codes[at + 2] == month_names[place + 2]
        ):
            return month + 1, end
    return 0, end


@kernel
def read_parts(codes, length, tables, parts):  # type: ignore[no-untyped-def]
    """Split a date into up to three numbers; returns (count, place of a named month or -1, shape).

    `parts` int64[3, 2] receives (value, digits). shape 0 = fine, 1 = not a date.
    """
    han_codes, han_values, month_names = tables
    count, named, at = 0, -1, int64(0)
    while at < length:
        code = codes[at]
        if 97 <= code <= 122:
            if count == 3 or (code == 116 and parts[0, 1] >= 8):  # 't' before the time of day
                break
            month, end = _read_month_name(codes, at, length, month_names)
            if month == 0:
                suffix = end - at == 2 and count > 0  # 1st, 2nd, 3rd, 4th
                if not suffix:
                    return count, named, 1
            elif named >= 0:
                return count, named, 1
            else:
                parts[count, 0], parts[count, 1] = month, 2
                named = count
                count += 1
            at = end
            continue
        value, digits, end = _read_group(codes, at, length, han_codes, han_values)
        if digits > 0:
            if count == 3 or (count == 1 and parts[0, 1] >= 8):
                break  # the time of day
            parts[count, 0], parts[count, 1] = value, digits
            count += 1
            at = end
            continue
        is_separator = code in (32, 45, 47, 46, 44, 39, 24180, 26376, 26085, 21495)
        if not is_separator:
            return count, named, 0 if count == 3 else 1
        at += 1
    return count, named, 0


@kernel
def _split_compact(value, digits, order, parts):  # type: ignore[no-untyped-def]
    """Cut one run of digits into year, month, day; returns the number of parts, 0 = not a date."""
    if digits == 12 or digits == 14:  # a timestamp
        value //= 10 ** (digits - 8)
        digits = 8
    if digits == 8:
        tail_year = value % 10000
        high, low = value // 1000000, value // 10000 % 100
        day, month = (high, low) if order == DMY else (low, high)
        fits = YEAR_MIN <= tail_year <= YEAR_MAX
        if YEAR_MIN <= value // 10000 <= YEAR_MAX:
            fits = fits and 1 <= month <= 12 and 1 <= day <= 31
        if order in (DMY, MDY) and fits:
            parts[0, 0], parts[1, 0], parts[2, 0] = tail_year, month, day
        else:
            parts[0, 0], parts[1, 0], parts[2, 0] = value // 10000, value // 100 % 100, value % 100
        return 3
    if digits == 6:
        parts[0, 0], parts[1, 0], parts[2, 0] = value // 100, value % 100, 0
        return 2
    if digits == 4:
        parts[0, 0], parts[1, 0], parts[2, 0] = value, 0, 0
        return 1
    return 0


@kernel
def _full_year(value, digits, two_digit_latest):  # type: ignore[no-untyped-def]
    """Year of four digits from what was written; -1 where two digits are not allowed."""
    if digits > 2:
        return value
    if two_digit_latest < 0:
        return -1
    century = two_digit_latest // 100 * 100
    return century + value if value <= two_digit_latest % 100 else century - 100 + value


@kernel
def _order_parts(parts, count, named, order, two_digit_latest):  # type: ignore[no-untyped-def]
    """Bring two or three parts into the order year, month, day in place; False = not a date."""
    for part in range(count):
        if parts[part, 1] > 4 or parts[part, 1] == 3:
            return False
    last = count - 1
    if parts[0, 1] == 4 and parts[last, 1] == 4:
        return False
    if parts[0, 1] == 4:
        year, month, day = parts[0, 0], parts[1, 0], parts[2, 0] if count == 3 else 0
        if count == 3 and named == 2:
            month, day = day, month
    elif parts[last, 1] == 4 or order in (DMY, MDY) or named >= 0:
        year = _full_year(parts[last, 0], parts[last, 1], two_digit_latest)
        month, day = parts[0, 0], 0
        if count == 3:
            first, second = parts[0, 0], parts[1, 0]
            month_first = named == 0 or (named < 0 and order in (MDY, YMD_MONTH_FIRST))
            if named < 0 and first > 12 >= second:
                month_first = False
            elif named < 0 and second > 12 >= first:
                month_first = True
            month, day = (first, second) if month_first else (second, first)
    else:
        year = _full_year(parts[0, 0], parts[0, 1], two_digit_latest)
        month, day = parts[1, 0], parts[2, 0] if count == 3 else 0
    parts[0, 0], parts[1, 0], parts[2, 0] = year, month, day
    return year >= 0


@kernel
def _mend_part(parts, count):  # type: ignore[no-untyped-def]
    """Read a month or day of three digits as the only day or month that fewer digits leave.

    Beside a year of four digits, 907 can only be 7; 124 may be 12, 14 or 24 and is unknown.
    """
    years, mended = 0, False
    for part in range(count):
        years += int64(parts[part, 1] == 4)
    if years != 1 or count != 3:
        return False
    for part in range(3):
        if parts[part, 1] != 3:
            continue
        value, possible, fitting = parts[part, 0], int64(0), 0
        for place in range(3):
            scale = 10**place
            shorter = value // (scale * 10) * scale + value % scale
            if 1 <= shorter <= 31 and shorter != possible:
                possible = shorter
                fitting += 1
        parts[part, 0], parts[part, 1] = possible if fitting == 1 else 0, 2
        mended = True
    return mended


@kernel
def _read_numbers(  # type: ignore[no-untyped-def]
    codes, length, order, two_digit_latest, tables, parts
):
    """Status of one folded value; parts int64[3, 2] receives year, month and day, 0 = unknown."""
    parts[:] = 0
    count, named, shape = read_parts(codes, length, tables, parts)
    if shape != 0 or count == 0:
        return _BAD_DATE
    if count == 1:
        value, digits = parts[0, 0], parts[0, 1]
        if value == 0 or (digits == 8 and value == 99999999):
            return _PLACEHOLDER
        if digits != 6 or two_digit_latest < 0 or 1850 <= value // 100 <= 2100:
            count = _split_compact(value, digits, order, parts)
            is_date = count > 0 and (digits != 6 or YEAR_MIN <= parts[0, 0] <= YEAR_MAX)
            return _VALID if is_date else _BAD_DATE
        parts[0, 0], parts[1, 0], parts[2, 0] = value // 10000, value // 100 % 100, value % 100
        parts[:, 1] = 2
        count = 3
    elif parts[0, 0] == 0 and parts[1, 0] == 0 and parts[2, 0] == 0:
        return _PLACEHOLDER
    mended = _mend_part(parts, count)
    if not _order_parts(parts, count, named, order, two_digit_latest):
        return _BAD_DATE
    return _BAD_CHARACTER if mended else _VALID


@kernel
def _pack_parts(parts, latest, status):  # type: ignore[no-untyped-def]
    """(packed date, status, written) of year, month and day, of what was read with `status`."""
    year, month, day = parts[0, 0], parts[1, 0], parts[2, 0]
    if year == 9999 or (year == 0 and month == 0):
        return uint64(0), _PLACEHOLDER, uint64(0)
    written = uint64(0)
    for part, digits in ((year, 4), (month, 2), (day, 2)):
        for place in range(digits - 1, -1, -1):
            digit = part // 10**place % 10 if part > 0 else _UNKNOWN_DIGIT
            written = (written << uint64(4)) | uint64(digit)
    if year < YEAR_MIN or year > YEAR_MAX:
        return uint64(0), _OUT_OF_RANGE, written
    if month > 12 or (month == 0 and day > 0) or day > 31:
        status = _BAD_DATE if status == _VALID else status
    elif month > 0 and day > days_in_month(year, month) and status == _VALID:
        status = _BAD_DATE
    kept_month = month if month <= 12 else 0
    kept_day = day if day <= 31 else 0
    packed = (year - YEAR_BASE) << 9 | kept_month << 5 | kept_day
    if packed > latest:
        return uint64(0), _OUT_OF_RANGE, written
    return uint64(packed), status, written


@kernel
def _mend_letters(codes, length):  # type: ignore[no-untyped-def]
    """Replace letters by the digits they look like, in place, in what is mostly digits.

    Returns the digits there are now, 0 where nothing was to mend.
    """
    digits, letters = 0, 0
    for at in range(length):
        code = codes[at]
        digits += int64(48 <= code <= 57)
        if 97 <= code <= 122:
            letters += int64(_DIGIT_OF_LETTER[code - 97] < _UNKNOWN_DIGIT)
    if digits < _DIGITS_TO_MEND or letters == 0:
        return 0
    for at in range(length):
        code = codes[at]
        if 97 <= code <= 122 and _DIGIT_OF_LETTER[code - 97] < _UNKNOWN_DIGIT:
            codes[at] = 48 + _DIGIT_OF_LETTER[code - 97]
    return digits + letters


@kernel
def _mend_run(codes, length, digits):  # type: ignore[no-untyped-def]
    """Read eight digits with one stray character between them, or in place of one of them.

    `digits` int64[8] receives them, 10 = unknown; returns whether the value is such a run.
    """
    count = 0
    for at in range(length):
        count += int64(48 <= codes[at] <= 57)
    if not ((count == 8 and length == 9) or (count == 7 and length == 8)):
        return False
    place = 0
    for at in range(length):
        if 48 <= codes[at] <= 57:
            digits[place] = int64(codes[at]) - 48
            place += 1
        elif count == 7:
            digits[place] = _UNKNOWN_DIGIT
            place += 1
    return True


@kernel
def _only_value(digits, bounds):  # type: ignore[no-untyped-def]
    """The number that some of the digits can be, within its bounds; 0 where several can.

    A number without an unknown digit is what it is. A digit that is certain is filled in.
    """
    start, stop, least, most = bounds
    value, unknown = 0, -1
    for place in range(start, stop):
        value = value * 10 + (digits[place] if digits[place] < _UNKNOWN_DIGIT else 0)
        if digits[place] == _UNKNOWN_DIGIT:
            unknown = place
    if unknown < 0:
        return value
    scale, found, fitting = 10 ** (stop - 1 - unknown), 0, 0
    for digit in range(10):
        if least <= value + digit * scale <= most:
            found, fitting = digit, fitting + 1
    if fitting != 1:
        return 0
    digits[unknown] = found
    return value + found * scale


@kernel
def _read_run(codes, length, order, latest, parts):  # type: ignore[no-untyped-def]
    """(packed date, status, written) of a damaged run of eight digits."""
    digits = np.empty(8, np.int64)
    if not _mend_run(codes, length, digits):
        return uint64(0), _BAD_DATE, uint64(0)
    if order in (DMY, MDY):  # day, month, year -> year, month, day
        first, second = (2, 0) if order == DMY else (0, 2)
        turned = digits.copy()
        for place in range(4):
            turned[place] = digits[4 + place]
        for place in range(2):
            turned[4 + place], turned[6 + place] = digits[first + place], digits[second + place]
        digits = turned
    for part in range(3):
        parts[part, 0] = _only_value(digits, _RUN_PARTS[part])
    packed, status, _ = _pack_parts(parts, latest, int64(_BAD_CHARACTER))
    written = uint64(0)
    for place in range(8):
        written = (written << uint64(4)) | uint64(digits[place])
    return packed, _BAD_CHARACTER if parts[0, 0] == 0 else status, written


@kernel
def _parse_date(  # type: ignore[no-untyped-def]
    codes, length, order, two_digit_latest, latest, tables, parts
):
    """(packed date, status, written) of one folded value; `parts` is scratch, int64[3, 2]."""
    status = _read_numbers(codes, length, order, two_digit_latest, tables, parts)
    if status == _BAD_DATE:
        mended = _mend_letters(codes, length)
        if mended > 0:
            status = _read_numbers(codes, length, order, two_digit_latest, tables, parts)
            status = _BAD_CHARACTER if status == _VALID else status
        if status == _BAD_DATE:
            return _read_run(codes, length, order, latest, parts)
    if status == _PLACEHOLDER:
        return uint64(0), status, uint64(0)
    return _pack_parts(parts, latest, status)


@kernel
def fill_dates(  # type: ignore[no-untyped-def]
    offsets,
    data,
    valid,
    tables,
    settings,
    placeholders,
    scratch,
    out_dates,
    out_written,
    out_status,
):
    """Encode a column of dates; out_dates, out_written uint64[n], out_status uint8[n].

    `tables` = (fold table, numeral code points, their values, month names, hashes of words for
    nothing); `settings` int64[3] = (order, year that two-digit years end at or -1, latest packed
    date); `placeholders` uint64[k], packed dates that mean nothing.
    """
    fold, han_codes, han_values, month_names, words = tables
    part_tables = (han_codes, han_values, month_names)
    order, two_digit_latest, latest = settings[0], settings[1], settings[2]
    parts = np.zeros((3, 2), np.int64)
    year_first = order in (YMD, YMD_MONTH_FIRST)
    text = uint64(data.ctypes.data)
    for row in range(valid.size):
        out_dates[row], out_written[row] = 0, 0
        out_status[row] = _MISSING
        if not valid[row]:
            continue
        # Nearly all values of nearly all tables are written so.
        start, stop = int64(offsets[row]), int64(offsets[row + 1])
        digits = uint64(0)
        if stop - start == 10 or year_first:
            digits = plain_digits(text + uint64(start), stop - start)
        if digits == 0:  # a leading year of four digits wins, whatever the order
            digits = plain_parts(text + uint64(start), stop - start)
        packed = plain_date(digits, latest)
        if packed != 0:
            out_status[row] = _VALID
            for placeholder in placeholders:
                if packed == placeholder:
                    packed, digits = uint64(0), uint64(0)
                    out_status[row] = _PLACEHOLDER
            out_dates[row], out_written[row] = packed, digits
            continue
        length = fold_text(data, offsets[row], offsets[row + 1], fold, scratch)
        if length == 0:
            continue
        if length == NUL_FOUND:
            out_status[row] = _NUL_BYTE
            continue
        if _says_nothing(scratch, length, words):
            out_status[row] = _PLACEHOLDER
            continue
        packed, status, written = _parse_date(
            scratch, length, order, two_digit_latest, latest, part_tables, parts
        )
        for placeholder in placeholders:
            if packed == placeholder:
                packed, status, written = uint64(0), _PLACEHOLDER, uint64(0)
        out_dates[row], out_written[row] = packed, written
        out_status[row] = status


@kernel
def _says_nothing(codes, length, words):  # type: ignore[no-untyped-def]
    """A word for 'unknown', or nothing but punctuation."""
    for at in range(length):
        code = codes[at]
        if 48 <= code <= 57:
            return False
        if 97 <= code <= 122 or code >= 0x80:
            return contains_hash(words, hash_codes(codes, int64(0), length))
    return True
