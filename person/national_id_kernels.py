"""Compiled reading of document numbers; `person.national_id` says what comes out."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint64

from person.field import FieldStatus
from person.id_types import IdTypeClass
from person.jit import kernel
from person.plain_ids import plain_body
from person.regions import look_up_region
from person.scan import NUL, hash_plain, is_placeholder_word, next_character

__all__ = ["fill_national_ids"]

_LENGTH_MAX: Final = 40

_VALID: Final = int(FieldStatus.VALID)
_MISSING: Final = int(FieldStatus.MISSING)
_PLACEHOLDER: Final = int(FieldStatus.PLACEHOLDER)
_BAD_CHARACTER: Final = int(FieldStatus.BAD_CHARACTER)
_BAD_LENGTH: Final = int(FieldStatus.BAD_LENGTH)
_BAD_CHECK_DIGIT: Final = int(FieldStatus.BAD_CHECK_DIGIT)
_BAD_DATE: Final = int(FieldStatus.BAD_DATE)
_UNKNOWN_REGION: Final = int(FieldStatus.UNKNOWN_REGION)
_NUL_BYTE: Final = int(FieldStatus.NUL_BYTE)

_UNKNOWN: Final = int(IdTypeClass.UNKNOWN)
_NATIONAL: Final = int(IdTypeClass.NATIONAL)
_RESIDENT_PERMIT: Final = int(IdTypeClass.RESIDENT_PERMIT)
_PASSPORT: Final = int(IdTypeClass.PASSPORT)
_HK_MACAO: Final = int(IdTypeClass.HK_MACAO_TRAVEL_PERMIT)
_TAIWAN: Final = int(IdTypeClass.TAIWAN_TRAVEL_PERMIT)
_MILITARY: Final = int(IdTypeClass.MILITARY)
_FOREIGNER: Final = int(IdTypeClass.FOREIGNER_PERMANENT_RESIDENCE)
_BIRTH: Final = int(IdTypeClass.BIRTH_CERTIFICATE)
_OTHER: Final = int(IdTypeClass.OTHER)

_CHECK_VALID: Final = 1
_CAME_AS_15: Final = 2
_STAR: Final = 0x2A
_LARGE_X: Final = 0x58
_NONE: Final = np.uint64(0)

_DAYS_IN_MONTH: Final = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


@kernel
def _is_date(year, month, day):  # type: ignore[no-untyped-def]
    if not 1 <= month <= 12 or day < 1 or not 1850 <= year < 2100:
        return False
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return day <= _DAYS_IN_MONTH[month] + (1 if is_leap and month == 2 else 0)


@kernel
def _scan(data, at, stop, text):  # type: ignore[no-untyped-def]
    """Fill text[1:] with the plain characters; returns (length, digits, has NUL, saw anything).

    Separators and brackets are dropped. A length above _LENGTH_MAX says only that there are more.
    """
    length, digits, seen = 0, 0, False
    while at < stop:
        if length >= _LENGTH_MAX:
            return length + 1, digits, False, True
        code = int64(data[at])
        if 0x30 <= code <= 0x39:  # nearly all of them, without a call
            length += 1
            digits += 1
            text[length] = code
            at += 1
            continue
        code, at = next_character(data, at)
        if code == NUL:
            return length, digits, True, True
        if code == 0 or code == 0x20:
            continue
        seen = True
        if 0x30 <= code <= 0x39:
            digits += 1
        elif code < 0x41 and code != _STAR and code != 0x2B and code != 0x3F:
            continue  # - . / ' ( ) and the like; not * + ?
        elif 0x5B <= code <= 0x60 or 0x7B <= code <= 0xBF:
            continue
        length += 1
        text[length] = code
    return length, digits, False, seen or length > 0


@kernel
def _given_check(code):  # type: ignore[no-untyped-def]
    """Value of the 18th character, -1 if it cannot be a check digit."""
    if 0x30 <= code <= 0x39:
        return code - 0x30
    return int64(10) if code == _LARGE_X or code == _STAR else int64(-1)


@kernel
def _repair_look_alikes(text):  # type: ignore[no-untyped-def]
    """Read O as 0 and I, L as 1 among the first 17 of 18, where the check digit proves it."""
    total = int64(0)
    for place in range(1, 18):
        code = text[place]
        if code == 0x4F:
            code = int64(0x30)
        elif code == 0x49 or code == 0x4C:
            code = int64(0x31)
        elif not 0x30 <= code <= 0x39:
            return False
        total = (total + code - 0x30) * 2
    if (12 - total % 11) % 11 != _given_check(text[18]):
        return False
    for place in range(1, 18):
        if text[place] > 0x39:
            text[place] = 0x30 if text[place] == 0x4F else 0x31
    return True


@kernel
def _check_value(text):  # type: ignore[no-untyped-def]
    """The check digit that the first 17 digits of `text` ask for, 10 = X."""
    total = int64(0)
    for place in range(1, 18):
        total = (total + text[place] - 0x30) * 2
    return (12 - total % 11) % 11


@kernel
def _number(text, start, count):  # type: ignore[no-untyped-def]
    value = int64(0)
    for place in range(start, start + count):
        value = value * 10 + (text[place] - 0x30)
    return value


@kernel
def _is_counting(text, length):  # type: ignore[no-untyped-def]
    """All digits alike, or counting up from the first: 111..., 123456789012..."""
    is_alike, is_rising = True, True
    for place in range(2, min(length, 17) + 1):
        step = text[place] - text[place - 1]
        is_alike &= step == 0
        is_rising &= step == 1 or step == -9
    return is_alike or is_rising


@kernel
def _region_is_made_up(text):  # type: ignore[no-untyped-def]
    """Six digits alike or counting up, which no region's are: 999999, 123456, 012345."""
    return _is_counting(text, 6)


@kernel
def _pack_body(text, birth_start, century):  # type: ignore[no-untyped-def]
    """Region, century digit, YYMMDD and sequence; `birth_start` is where YYMMDD begins."""
    body = uint64(0)
    for place in range(1, 7):
        body = (body << uint64(4)) | uint64(text[place] - 0x30)
    body = (body << uint64(4)) | uint64(century)
    for place in range(birth_start, birth_start + 9):
        body = (body << uint64(4)) | uint64(text[place] - 0x30)
    return body


@kernel
def _read_18(text, has_check, prefix_row, canonical):  # type: ignore[no-untyped-def]
    """(status, body, check valid, class) of 17 digits with or without (`has_check`) an 18th."""
    region = _number(text, 1, 6)
    century = _number(text, 7, 2)
    year = century * 100 + _number(text, 9, 2)
    date_is_right = _is_date(year, _number(text, 11, 2), _number(text, 13, 2))
    check_is_right = has_check and _check_value(text) == _given_check(text[18])
    id_class = _NATIONAL
    if region == 810000 or region == 820000 or region == 830000:
        id_class = _RESIDENT_PERMIT
    elif text[1] == 0x39:
        id_class = _FOREIGNER
    status = _VALID
    if not check_is_right and text[16] == text[17] == 0x30 and (not has_check or text[18] == 0x30):
        # Ends in 000: what a spreadsheet leaves of 18 digits, or a filler.
        return _PLACEHOLDER, _NONE, False, id_class
    region_is_known = look_up_region(region, prefix_row, canonical) != 0
    if not region_is_known and _region_is_made_up(text):
        return _PLACEHOLDER, _NONE, False, id_class
    if not date_is_right:
        status = _BAD_DATE
    elif id_class == _NATIONAL and not region_is_known:
        status = _UNKNOWN_REGION
    elif has_check and not check_is_right:
        status = _BAD_CHECK_DIGIT
    century_digit = century - 10 if 18 <= century <= 19 else int64(0 if century == 20 else 10)
    body = _pack_body(text, 9, century_digit)
    return status, body, check_is_right and date_is_right, id_class


@kernel
def _read_15(text, prefix_row, canonical):  # type: ignore[no-untyped-def]
    """(status, body, proves itself) of a 15-digit number."""
    region = _number(text, 1, 6)
    region_is_known = look_up_region(region, prefix_row, canonical) != 0
    if not region_is_known and _region_is_made_up(text):
        return _PLACEHOLDER, _NONE, False
    century = int64(8 if _number(text, 13, 3) >= 996 else 9)
    year = 1000 + century * 100 + _number(text, 7, 2)
    status = _VALID
    if not _is_date(year, _number(text, 9, 2), _number(text, 11, 2)):
        status = _BAD_DATE
    elif not region_is_known:
        status = _UNKNOWN_REGION
    return status, _pack_body(text, 7, century), status == _VALID


@kernel
def _leading_letters(text, length):  # type: ignore[no-untyped-def]
    count = 0
    while count < length and 0x41 <= text[count + 1] <= 0x5A:
        count += 1
    return count


@kernel
def _guess_class(text, length, digits, given):  # type: ignore[no-untyped-def]
    """Class of a document outside the national scheme by its shape; _UNKNOWN for none."""
    letters = _leading_letters(text, length)
    first = text[1]
    if letters == 1 and digits == length - 1:
        if (first == 0x48 or first == 0x4D) and (length == 9 or length == 11):
            return _HK_MACAO
        if length == 10:
            return _BIRTH
    if letters == 3 and digits == 12 and length == 15:
        return _FOREIGNER
    if 1 <= letters <= 2 and digits == length - letters and 7 <= length <= 10:
        return _PASSPORT
    if digits == 10 and length == 11 and letters == 0 and 0x41 <= text[11] <= 0x5A:
        return _TAIWAN
    if digits == length == 8:
        year, month, day = _number(text, 1, 4), _number(text, 5, 2), _number(text, 7, 2)
        if not _is_date(year, month, day):
            return _TAIWAN
    for place in range(1, min(length, _LENGTH_MAX) + 1):
        if text[place] == 0x5B57 or text[place] == 0x519B:  # 字, 军 as in 军字第...号
            return _MILITARY
        if text[place] == _STAR or text[place] == 0x2B or text[place] == 0x3F:
            return _UNKNOWN  # masked, or a number that a spreadsheet wrote as 1.1E+17
    if given == _OTHER or (digits >= 4 and digits < length and length >= 6):
        return _OTHER
    return _UNKNOWN


@kernel
def _hash_document(text, length, id_class):  # type: ignore[no-untyped-def]
    """0xF and 60 bits of (class, the part of the number that stays for life)."""
    if id_class == _HK_MACAO and length >= 9:
        length = 9  # H or M and 8 digits; the issue number follows
    elif id_class == _TAIWAN and length > 8:
        length = 8
    elif id_class == _MILITARY:
        kept = 0
        for place in range(1, length + 1):
            code = text[place]
            if code != 0x5B57 and code != 0x7B2C and code != 0x53F7 and code != 0x8BC1:  # 字第号证
                kept += 1
                text[kept] = code
        length = kept
    text[0] = id_class
    value = hash_plain(text, 0, length + 1)
    return (uint64(15) << uint64(60)) | (value >> uint64(4))


@kernel
def _read_other(text, length, digits, given, words):  # type: ignore[no-untyped-def]
    """(status, body, class) of what has not the shape of a national number."""
    if digits == 0 or (digits == length and _is_counting(text, length)):
        if digits > 0 or is_placeholder_word(text, 1, length + 1, words):
            return _PLACEHOLDER, _NONE, _UNKNOWN
        return _BAD_CHARACTER, _NONE, _UNKNOWN
    id_class = given
    if given == _UNKNOWN or given == _NATIONAL or given == _RESIDENT_PERMIT or given == _OTHER:
        id_class = _guess_class(text, length, digits, given)
    if id_class == _UNKNOWN:
        return (_BAD_LENGTH if digits == length else _BAD_CHARACTER), _NONE, _UNKNOWN
    if length < 4 or digits < 3:
        return _BAD_LENGTH, _NONE, id_class
    status = _BAD_LENGTH if given == _NATIONAL else _VALID
    return status, _hash_document(text, length, id_class), id_class


@kernel
def _read_document(text, length, digits, given, prefix_row, canonical, words):  # type: ignore[no-untyped-def]
    """(status, body, detail) of text[1 : length + 1]."""
    may_be_national = given <= _RESIDENT_PERMIT or given == _FOREIGNER or given == _OTHER
    if length == 18 and digits >= 8 and _given_check(text[18]) >= 0:
        body_digits = digits - (1 if text[18] <= 0x39 and text[18] != _STAR else 0)
        if body_digits == 17 or _repair_look_alikes(text):
            status, body, proves, id_class = _read_18(text, True, prefix_row, canonical)
            if proves or may_be_national:
                detail = (id_class << 2) | (_CHECK_VALID if proves else 0)
                return status, body, uint64(detail if body != 0 else 0)
    elif length == 15 and digits == 15:
        status, body, proves = _read_15(text, prefix_row, canonical)
        if proves or may_be_national:
            detail = (_NATIONAL << 2) | _CAME_AS_15 | (_CHECK_VALID if proves else 0)
            return status, body, uint64(detail if body != 0 else 0)
    elif length == 17 and digits == 17 and given <= _NATIONAL:
        status, body, _, id_class = _read_18(text, False, prefix_row, canonical)
        if status == _VALID:  # the check digit was left out
            return _BAD_LENGTH, body, uint64(id_class << 2)
    if length > _LENGTH_MAX:
        return _BAD_LENGTH, _NONE, uint64(0)
    status, body, id_class = _read_other(text, length, digits, given, words)
    return status, body, uint64(id_class << 2 if body != 0 else 0)


@kernel
def fill_national_ids(  # type: ignore[no-untyped-def]
    offsets, data, valid, classes, prefix_row, canonical, words, out_body, out_detail, out_status
):
    """Read every number of a column.

    Sketch: 18 bytes read, 17 written a record, one probe of the region table (0.4 MB), scratch of
    one line; 20 ns where a number of 18 characters proves itself, else 100.
    """
    text = np.zeros(_LENGTH_MAX + 2, np.int64)
    prefixes, regions = uint64(prefix_row.ctypes.data), uint64(canonical.ctypes.data)
    for row in range(valid.shape[0]):
        status, body, detail = _MISSING, uint64(0), uint64(0)
        start, stop = int64(offsets[row]), int64(offsets[row + 1])
        if valid[row] and stop - start == 18:
            body = plain_body(uint64(data.ctypes.data) + uint64(start), prefixes, regions)
        if body != 0:
            status, detail = _VALID, uint64(_NATIONAL << 2 | _CHECK_VALID)
        elif valid[row] and stop > start:
            length, digits, has_nul, seen = _scan(data, start, stop, text)
            if has_nul:
                status = _NUL_BYTE
            elif length > 0:
                status, body, detail = _read_document(
                    text, length, digits, int64(classes[row]), prefix_row, canonical, words
                )
            elif seen:
                status = _PLACEHOLDER
        out_body[row] = body
        out_detail[row] = detail
        out_status[row] = status
