"""Dates in the forms people write them, packed as year, month and day.

    (year - 1849) << 9 | month << 5 | day        18 bits; month or day 0 = unknown; 0 = missing

A date that cannot be (month 13, day 45) has status BAD_DATE and keeps the parts that can: its
year, its month if 1 to 12, its day if 1 to 31. Such dates are slips of one digit in tables of
people, and the parts that survive still agree with the right record. 30 February is kept as
written, so that it stays one digit away from the date that was meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from person.errors import ConfigError
from person.field import EncodedField, FieldStatus
from person.fold import (
    NUL_FOUND,
    column_arrays,
    contains_hash,
    fold_table,
    fold_text,
    hash_codes,
    hash_set,
    scratch_size,
    word_list,
)
from person.jit import kernel
from person.text import Utf8Column

__all__ = [
    "YEAR_MAX",
    "YEAR_MIN",
    "date_to_text",
    "encode_date",
    "guess_date_order",
    "pack_date",
]

YEAR_MIN, YEAR_MAX = 1850, 2360
_YEAR_BASE: Final = 1849

_YMD, _DMY, _MDY, _YMD_MONTH_FIRST = 0, 1, 2, 3
_ORDERS: Final = {"ymd": _YMD, "dmy": _DMY, "mdy": _MDY}

_VALID, _MISSING = int(FieldStatus.VALID), int(FieldStatus.MISSING)
_PLACEHOLDER, _NUL_BYTE = int(FieldStatus.PLACEHOLDER), int(FieldStatus.NUL_BYTE)
_BAD_DATE, _OUT_OF_RANGE = int(FieldStatus.BAD_DATE), int(FieldStatus.OUT_OF_RANGE)

_MONTH_NAMES: Final = "janfebmaraprmayjunjulaugsepoctnovdec"
_PLACEHOLDER_DATES: Final = (
    *("1900-01-01", "1899-12-30", "1899-12-31", "1850-01-01", "2099-12-31", "2199-12-31"),
)
_WORDS_FOR_NOTHING: Final = word_list(
    """
    unknown unk none null nil na nan nat n/a missing x xx xxx tbd tba
    未知 不详 不詳 不明 无 無 空 未填
    """
)


@lru_cache(maxsize=1)
def _han_digits() -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Chinese numerals, sorted by code point, and their values; tens are 10, 20, 30."""
    values = {"〇": 0, "○": 0, "零": 0, "元": 1, "十": 10, "廿": 20, "卅": 30}
    values |= {digit: value for value, digit in enumerate("一二三四五六七八九", 1)}
    characters = sorted(values)
    return (
        np.array([ord(character) for character in characters], np.uint32),
        np.array([values[character] for character in characters], np.int64),
    )


@kernel
def _han_value(code, han_codes, han_values):  # type: ignore[no-untyped-def]
    """Value of a Chinese numeral, or -1."""
    if code < 0x3000 and code != 0x25CB:
        return -1
    at = np.searchsorted(han_codes, code)
    if at < han_codes.size and han_codes[at] == code:
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
def _read_parts(codes, length, tables, parts):  # type: ignore[no-untyped-def]
    """Split a date into up to three numbers; returns (count, place of a named month or -1, shape).

    `parts` int64[3, 2] receives (value, digits). shape 0 = fine, 1 = not a date.
    """
    han_codes, han_values, month_names = tables
    count, named, at = 0, -1, 0
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
        day, month = (high, low) if order == _DMY else (low, high)
        fits = YEAR_MIN <= tail_year <= YEAR_MAX and 1 <= month <= 12 and 1 <= day <= 31
        if order in (_DMY, _MDY) and fits:
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
    if parts[0, 1] == 4:
        year, month, day = parts[0, 0], parts[1, 0], parts[2, 0] if count == 3 else 0
        if count == 3 and named == 2:
            month, day = day, month
    elif parts[last, 1] == 4 or order in (_DMY, _MDY) or named >= 0:
        year = _full_year(parts[last, 0], parts[last, 1], two_digit_latest)
        month, day = parts[0, 0], 0
        if count == 3:
            first, second = parts[0, 0], parts[1, 0]
            month_first = named == 0 or (named < 0 and order in (_MDY, _YMD_MONTH_FIRST))
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
def _parse_date(  # type: ignore[no-untyped-def]
    codes, length, order, two_digit_latest, latest, tables, parts
):
    """(packed date, status) of one folded value; `parts` is scratch, int64[3, 2]."""
    parts[:] = 0
    count, named, shape = _read_parts(codes, length, tables, parts)
    if shape != 0 or count == 0:
        return uint64(0), _BAD_DATE
    if count == 1:
        value, digits = parts[0, 0], parts[0, 1]
        if value == 0 or (digits == 8 and value == 99999999):
            return uint64(0), _PLACEHOLDER
        if digits == 6 and two_digit_latest >= 0 and not 1850 <= value // 100 <= 2100:
            parts[0, 0], parts[1, 0], parts[2, 0] = value // 10000, value // 100 % 100, value % 100
            parts[:, 1] = 2
            if not _order_parts(parts, 3, -1, order, two_digit_latest):
                return uint64(0), _BAD_DATE
            count = 3
        else:
            count = _split_compact(value, digits, order, parts)
        if count == 0 or (digits == 6 and not YEAR_MIN <= parts[0, 0] <= YEAR_MAX):
            return uint64(0), _BAD_DATE
    elif parts[0, 0] == 0 and parts[1, 0] == 0 and parts[2, 0] == 0:
        return uint64(0), _PLACEHOLDER
    elif not _order_parts(parts, count, named, order, two_digit_latest):
        return uint64(0), _BAD_DATE
    year, month, day = parts[0, 0], parts[1, 0], parts[2, 0]
    if year == 9999 or (year == 0 and month == 0):
        return uint64(0), _PLACEHOLDER
    if year < YEAR_MIN or year > YEAR_MAX:
        return uint64(0), _OUT_OF_RANGE
    status = _VALID
    if month > 12 or (month == 0 and day > 0):
        status = _BAD_DATE
    if day > 31 or (1 <= month <= 12 and day > _days_in_month(year, month)):
        status = _BAD_DATE
    kept_month = month if month <= 12 else 0
    kept_day = day if day <= 31 else 0
    packed = (year - _YEAR_BASE) << 9 | kept_month << 5 | kept_day
    if packed > latest:
        return uint64(0), _OUT_OF_RANGE
    return uint64(packed), status


@kernel
def _days_in_month(year, month):  # type: ignore[no-untyped-def]
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month in (4, 6, 9, 11) else 31


@kernel
def fill_dates(  # type: ignore[no-untyped-def]
    offsets, data, valid, tables, settings, placeholders, scratch, out_dates, out_status
):
    """Encode a column of dates; out_dates uint64[n], out_status uint8[n].

    `tables` = (fold table, numeral code points, their values, month names, hashes of words for
    nothing); `settings` int64[3] = (order, year that two-digit years end at or -1, latest packed
    date); `placeholders` uint64[k], packed dates that mean nothing.
    """
    fold, han_codes, han_values, month_names, words = tables
    part_tables = (han_codes, han_values, month_names)
    order, two_digit_latest, latest = settings[0], settings[1], settings[2]
    parts = np.zeros((3, 2), np.int64)
    for row in range(valid.size):
        out_dates[row] = 0
        out_status[row] = _MISSING
        if not valid[row]:
            continue
        length = fold_text(data, offsets[row], offsets[row + 1], fold, scratch)
        if length == 0:
            continue
        if length == NUL_FOUND:
            out_status[row] = _NUL_BYTE
            continue
        packed, status = _parse_date(
            scratch, length, order, two_digit_latest, latest, part_tables, parts
        )
        if packed == 0:
            if status == _BAD_DATE and _says_nothing(scratch, length, words):
                status = _PLACEHOLDER
        else:
            for placeholder in placeholders:
                if packed == placeholder:
                    packed, status = uint64(0), _PLACEHOLDER
        out_dates[row] = packed
        out_status[row] = status


@kernel
def _says_nothing(codes, length, words):  # type: ignore[no-untyped-def]
    """A word for 'unknown', or nothing but punctuation."""
    for at in range(length):
        code = codes[at]
        if 97 <= code <= 122 or 48 <= code <= 57 or code >= 0x80:
            return contains_hash(words, hash_codes(codes, 0, length))
    return True


@kernel
def _count_orders(offsets, data, valid, tables, scratch, out_counts):  # type: ignore[no-untyped-def]
    """Count values that can only be day/month/year, only month/day/year, or either."""
    fold, han_codes, han_values, month_names, _ = tables
    parts = np.zeros((3, 2), np.int64)
    for row in range(valid.size):
        length = fold_text(data, offsets[row], offsets[row + 1], fold, scratch) if valid[row] else 0
        if length <= 0:
            continue
        parts[:] = 0
        count, named, shape = _read_parts(
            scratch, length, (han_codes, han_values, month_names), parts
        )
        if shape != 0 or named >= 0:
            continue
        first, second = parts[0, 0], parts[1, 0]
        if count == 1 and parts[0, 1] == 8:
            if YEAR_MIN <= first // 10000 <= YEAR_MAX:
                continue
            first, second = first // 1000000, first // 10000 % 100
        elif count != 3 or parts[0, 1] > 2 or parts[1, 1] > 2:
            continue
        if 12 < first <= 31 and 1 <= second <= 12:
            out_counts[_DMY] += 1
        elif 12 < second <= 31 and 1 <= first <= 12:
            out_counts[_MDY] += 1
        elif 1 <= first <= 12 and 1 <= second <= 12:
            out_counts[0] += 1


@lru_cache(maxsize=1)
def _kernel_tables() -> tuple[Any, ...]:
    month_names = np.frombuffer(_MONTH_NAMES.encode(), np.uint8)
    return fold_table(), *_han_digits(), month_names, hash_set(_WORDS_FOR_NOTHING)


def pack_date(year: int, month: int = 0, day: int = 0) -> int:
    """Pack a date whose year is in range; month and day 0 = unknown."""
    return (year - _YEAR_BASE) << 9 | month << 5 | day


def date_to_text(packed: int) -> str:
    """ISO text of a packed date: '1971-06-24', '1971-06', '1971', '1971-??-24'; '' = missing."""
    if not packed:
        return ""
    year, month, day = (packed >> 9) + _YEAR_BASE, packed >> 5 & 15, packed & 31
    if day:
        return f"{year:04d}-{f'{month:02d}' if month else '??'}-{day:02d}"
    return f"{year:04d}-{month:02d}" if month else f"{year:04d}"


def _option_date(name: str, value: Any) -> int:
    if isinstance(value, int):
        value = str(value)
    column = Utf8Column.from_strings([str(value)])
    offsets, data, valid = column_arrays(column)
    packed, status = np.zeros(1, np.uint64), np.zeros(1, np.uint8)
    settings = np.array([_YMD, -1, pack_date(YEAR_MAX, 12, 31)], np.int64)
    fill_dates(
        *(offsets, data, valid, _kernel_tables(), settings, np.zeros(0, np.uint64)),
        *(np.zeros(scratch_size(column), np.uint32), packed, status),
    )
    if status[0] != _VALID:
        raise ConfigError(f"option {name} of a date field is not a date; write YYYY-MM-DD or YYYY")
    return int(packed[0])


def _latest(options: Mapping[str, Any]) -> int:
    """Last packed date the option allows; a bare year allows all of it."""
    packed = _option_date("latest", options.get("latest", YEAR_MAX))
    month, day = packed >> 5 & 15, packed & 31
    return packed | (0 if month else 12 << 5) | (0 if day else 31)


@lru_cache(maxsize=64)
def _placeholder_dates(extra: tuple[str, ...]) -> NDArray[np.uint64]:
    packed = [_option_date("placeholders", text) for text in (*_PLACEHOLDER_DATES, *extra)]
    return np.array(packed, np.uint64)


def encode_date(column: Utf8Column, options: Mapping[str, Any]) -> EncodedField:
    """Encode dates, whole or partial.

    Parameters
    ----------
    column : n_records values: 1971-06-24, 19710624, 1971/6/24, 24.6.1971, 24 June 1971,
        1971年6月24日, 一九七一年六月, 1971-06, 197106, 1971, with or without a time of day
    options :
        order : 'ymd' (default), 'dmy' or 'mdy', how 3/2/1980 and 03021980 are read; a value that
            can be read in one way only is read so, and a leading year of four digits always wins
        day_first : with order 'ymd', whether 3/2/1980 is 3 February (default) or 2 March
        two_digit_years : True, or the latest year that two digits can mean; default: refused
        latest : date or year after which a date is OUT_OF_RANGE
        placeholders : more dates that mean 'unknown', as YYYY-MM-DD

    Returns
    -------
    EncodedField with `day`, uint64[n_records] of 18 bits; a date that cannot be is BAD_DATE and
    keeps its possible parts

    Notes
    -----
    5 to 9 million values a second on one core.

    Raises
    ------
    ConfigError : an option that is not understood
    """
    order = str(options.get("order", "ymd"))
    if order not in _ORDERS:
        raise ConfigError("option order of a date field must be ymd, dmy or mdy")
    order_code = _ORDERS[order]
    if order_code == _YMD and not options.get("day_first", True):
        order_code = _YMD_MONTH_FIRST
    latest = _latest(options)
    two_digits = options.get("two_digit_years", False)
    if two_digits is True:
        two_digits = min((latest >> 9) + _YEAR_BASE, 2029)
    settings = np.array([order_code, int(two_digits) if two_digits else -1, latest], np.int64)
    offsets, data, valid = column_arrays(column)
    packed = np.empty(len(column), np.uint64)
    status = np.empty(len(column), np.uint8)
    fill_dates(
        *(offsets, data, valid, _kernel_tables(), settings),
        _placeholder_dates(tuple(map(str, options.get("placeholders", ())))),
        *(np.empty(scratch_size(column), np.uint32), packed, status),
    )
    return EncodedField({"day": packed}, status)


def guess_date_order(column: Utf8Column) -> str:
    """Order of day, month and year that the values of a column show.

    Returns
    -------
    'ymd' where no value starts with a day or month; else 'dmy' or 'mdy' by the values that can
    be read in one way only, 'dmy' where none can
    """
    counts = np.zeros(3, np.int64)
    offsets, data, valid = column_arrays(column)
    scratch = np.empty(scratch_size(column), np.uint32)
    _count_orders(offsets, data, valid, _kernel_tables(), scratch, counts)
    if not counts.any():
        return "ymd"
    return "mdy" if counts[_MDY] > counts[_DMY] else "dmy"
