"""National id numbers and the other documents that stand in the same column.

A number in the national scheme (GB 11643) becomes its 17-digit body, whether it came with 15
digits or 18: 16 nibbles, highest first: 6 region, 1 century (8, 9, 0 for 18xx, 19xx, 20xx), 6
YYMMDD, 3 sequence. Resident permits of Hong Kong, Macao and Taiwan (81/82/83 0000) and the
foreigner's permanent residence card of 2023 (leading 9) follow the same scheme. Any other document
becomes 0xF and a 60-bit hash of (class, number).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from person.field import EncodedField
from person.fold import column_arrays
from person.id_types import IdTypeClass, encode_id_types
from person.jit import kernel
from person.national_id_kernels import fill_national_ids
from person.regions import region_table
from person.scan import PLACEHOLDER_HASHES
from person.text import Utf8Column

__all__ = [
    "BIRTH_DATE_CONTRADICTS",
    "SEX_CONTRADICTS",
    "birth_day_of_body",
    "body_is_hashed",
    "check_value_of_body",
    "encode_national_id",
    "fill_id_contradictions",
    "format_national_id",
    "id_contradictions",
    "region_of_body",
    "sex_of_body",
]

BIRTH_DATE_CONTRADICTS: Final = 1
SEX_CONTRADICTS: Final = 2

_DAYS_IN_MONTH: Final = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


def encode_national_id(
    column: Utf8Column,
    options: Mapping[str, Any],
    *,
    id_type: Utf8Column | NDArray[np.uint8] | None = None,
) -> EncodedField:
    """Encode id numbers of every document type.

    Blanks, separators, full-width digits and the look-alikes of the check digit X are read
    through. A letter O, I or L among 18 characters is read as a digit only where the check digit
    then proves it. Numbers of the national scheme are recognised by shape whatever `id_type`
    says, if date and check digit hold; without a type, other documents are guessed by shape.

    Parameters
    ----------
    column : numbers as the source sent them
    options : none yet
    id_type : the record's id type, WS/T 364 CV02.01.101 codes or words, or uint8[n_records], what
        `encode_id_types` made of them; None if there is none

    Returns
    -------
    EncodedField, components `body` (64 bits) and `detail` (6 bits: bit 0 the number proves itself:
    check digit and date right, or of 15 digits with date and region right; bit 1 came as 15
    digits; bits 2-5 `IdTypeClass`).
    BAD_DATE, UNKNOWN_REGION and BAD_CHECK_DIGIT (the first that holds) are still encoded, with bit
    0 off for the first and last; so is BAD_LENGTH where it names 17 digits with a right date and
    region, or a document that the record calls a national id. PLACEHOLDER (all digits alike,
    counting up, a 'none' word, three final zeros that fail the check: what a spreadsheet leaves of
    a number) and all other invalid values are missing.

    Notes
    -----
    25 million numbers a second on one core; listed id types cost nothing, others 20 ns each.
    """
    del options
    count = len(column)
    body, detail = np.empty(count, np.uint64), np.empty(count, np.uint64)
    status = np.empty(count, np.uint8)
    if id_type is None:
        id_type = np.zeros(count, np.uint8)
    classes = encode_id_types(id_type) if isinstance(id_type, Utf8Column) else id_type
    table = region_table()
    fill_national_ids(
        *column_arrays(column),
        classes,
        table.prefix_row,
        table.canonical,
        PLACEHOLDER_HASHES,
        body,
        detail,
        status,
    )
    return EncodedField({"body": body, "detail": detail}, status)


@kernel
def body_is_hashed(body):  # type: ignore[no-untyped-def]
    """True for a document outside the national scheme; False also for 0, missing."""
    return (body >> uint64(60)) == uint64(15)


@kernel
def _nibble(body, place):  # type: ignore[no-untyped-def]
    """The digit at `place` of the body, 0 = highest."""
    return int64((body >> uint64(60 - 4 * place)) & uint64(15))


@kernel
def region_of_body(body):  # type: ignore[no-untyped-def]
    """Six-digit region code at the time of issue, 0 for none and for foreigners' numbers."""
    top = body >> uint64(60)
    if top == 0 or top >= 9:
        return int64(0)
    code = int64(0)
    for place in range(6):
        code = code * 10 + _nibble(body, place)
    return code


@kernel
def birth_day_of_body(body):  # type: ignore[no-untyped-def]
    """Birth date in the packing of the date slot, 0 where the number holds no possible date."""
    century = (body >> uint64(36)) & uint64(15)
    if body == 0 or body_is_hashed(body) or 0 < century < 8 or century > 9:
        return uint64(0)
    year = _nibble(body, 7) * 10 + _nibble(body, 8)
    year += 2000 if century == 0 else int64(century) * 100 + 1000
    month = _nibble(body, 9) * 10 + _nibble(body, 10)
    day = _nibble(body, 11) * 10 + _nibble(body, 12)
    if not 1 <= month <= 12 or day < 1 or year < 1850:
        return uint64(0)
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _DAYS_IN_MONTH[month] + (1 if is_leap and month == 2 else 0):
        return uint64(0)
    return uint64(((year - 1849) << 9) | (month << 5) | day)


@kernel
def sex_of_body(body):  # type: ignore[no-untyped-def]
    """1 male, 2 female by the last digit of the sequence; 0 where the number tells none."""
    if body == 0 or body_is_hashed(body):
        return uint64(0)
    return uint64(2) - (body & uint64(1))


@kernel
def check_value_of_body(body):  # type: ignore[no-untyped-def]
    """Check digit (ISO 7064 MOD 11-2) of a body, 10 standing for X; -1 where it has none."""
    century = _nibble(body, 6)
    if body == 0 or body_is_hashed(body) or 0 < century < 8 or century > 9:
        return int64(-1)
    total = int64(0)
    for place in range(16):
        if place == 6:
            total = (total + (2 if century == 0 else 1)) * 2
        total = (total + _nibble(body, place)) * 2
    return (12 - total % 11) % 11


@kernel
def id_contradictions(body, day, gender):  # type: ignore[no-untyped-def]
    """Where a number disagrees with its record's own birth date and sex.

    `body` and `day` in their slots' packing, `gender` 1 or 2, 0 = missing. Parts of the date that
    the record leaves out do not disagree. Returns BIRTH_DATE_CONTRADICTS and SEX_CONTRADICTS added
    up; callers decide whether a number that fails its check digit is worth asking.
    """
    flags = 0
    id_day, id_sex = birth_day_of_body(body), sex_of_body(body)
    known = uint64(0)
    if day >> uint64(9):
        known |= uint64(0x3FE00)
    if (day >> uint64(5)) & uint64(15):
        known |= uint64(0x1E0)
    if day & uint64(31):
        known |= uint64(31)
    if id_day != 0 and (id_day ^ day) & known:
        flags |= BIRTH_DATE_CONTRADICTS
    if id_sex != 0 and gender != 0 and id_sex != gender:
        flags |= SEX_CONTRADICTS
    return flags


@kernel
def fill_id_contradictions(body, day, gender, out_flags):  # type: ignore[no-untyped-def]
    """`id_contradictions` of every record: uint64[n] three times, `out_flags` uint8[n]."""
    for row in range(body.shape[0]):
        out_flags[row] = id_contradictions(body[row], day[row], gender[row])


def format_national_id(body: int, detail: int = 0) -> str:
    """The number as people write it: 18 characters, the check digit computed.

    Parameters
    ----------
    body, detail : components of one record

    Returns
    -------
    str; for other documents the class and hash, since only the hash is kept; '' for missing
    """
    if body == 0:
        return ""
    digits = f"{body:016x}"
    if digits[0] == "f":
        return f"{IdTypeClass((detail >> 2) & 15).name.lower()}:{digits[1:]}"
    century = {"8": "18", "9": "19", "0": "20"}.get(digits[6])
    if century is None:
        return f"{digits[:6]}??{digits[7:]}?"
    check = int(check_value_of_body(np.uint64(body)))
    return digits[:6] + century + digits[7:] + "0123456789X"[check]
