"""Regions: GB/T 2260 codes and names, to the code that the same place has today.

A code abolished long ago still stands in addresses and in living people's id numbers, so each
code leads to its successor: 510202 (Chongqing, Sichuan, to 1997) is 500103. A county that was
shared out among several districts goes to the one that kept its seat or name; a suburb dissolved
into all districts of its city keeps its own code, whose first four digits still say the city.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numba import int64
from numpy.typing import NDArray

from person.field import EncodedField, FieldStatus
from person.fold import column_arrays
from person.jit import kernel
from person.region_names import NAMES_NEEDED, fill_region_names, name_index
from person.scan import NUL, PLACEHOLDER_HASHES, is_placeholder_word, next_character
from person.text import Utf8Column

__all__ = [
    "RegionTable",
    "canonical_region",
    "encode_region",
    "look_up_region",
    "region_is_known",
    "region_table",
]

_TABLE_FILE: Final = Path(__file__).parent / "tables" / "regions.npz"

_VALID: Final = int(FieldStatus.VALID)
_MISSING: Final = int(FieldStatus.MISSING)
_PLACEHOLDER: Final = int(FieldStatus.PLACEHOLDER)
_BAD_LENGTH: Final = int(FieldStatus.BAD_LENGTH)
_UNKNOWN_REGION: Final = int(FieldStatus.UNKNOWN_REGION)
_NUL_BYTE: Final = int(FieldStatus.NUL_BYTE)


@dataclass(frozen=True, slots=True)
class RegionTable:
    """Every code ever used, for kernels: two small lookups instead of a million entries.

    Attributes
    ----------
    prefix_row : int16[10000], first four digits -> row of `canonical`; row 0 is empty
    canonical : int32[n_prefixes, 100], last two digits -> canonical code; 0 = never used
    """

    prefix_row: NDArray[np.int16]
    canonical: NDArray[np.int32]


@lru_cache(maxsize=1)
def region_table() -> RegionTable:
    """The table of codes, read once from the file that `person.tables.build_regions` made."""
    with np.load(_TABLE_FILE) as stored:
        codes, successors = stored["code"], stored["canonical"]
    prefixes, row = np.unique(codes // 100, return_inverse=True)
    prefix_row = np.zeros(10_000, np.int16)
    prefix_row[prefixes] = np.arange(1, len(prefixes) + 1)
    canonical = np.zeros((len(prefixes) + 1, 100), np.int32)
    canonical[row + 1, codes % 100] = successors
    return RegionTable(prefix_row, canonical)


@kernel
def look_up_region(code, prefix_row, canonical):  # type: ignore[no-untyped-def]
    """Canonical code of a six-digit code, 0 where it was never used (scalar kernel)."""
    return int64(canonical[prefix_row[code // 100], code % 100])


def region_is_known(code: int) -> bool:
    """Whether a six-digit code was ever in force, at any tier."""
    return canonical_region(code) != 0


def canonical_region(code: int) -> int:
    """The code that the place of `code` has today, `code` itself where it has none.

    Parameters
    ----------
    code : six digits as a number; two- and four-digit codes padded with zeros

    Returns
    -------
    int, 0 for a code that was never used
    """
    if not 0 < code < 1_000_000:
        return 0
    table = region_table()
    return int(table.canonical[table.prefix_row[code // 100], code % 100])


@kernel
def _fill_region_codes(offsets, data, valid, prefix_row, canonical, words, out, out_status):  # type: ignore[no-untyped-def]
    """Encode what is written in digits; mark what needs the names. Returns how many do."""
    codes = np.empty(24, np.int64)
    waiting = 0
    for row in range(valid.shape[0]):
        out[row] = 0
        out_status[row] = _MISSING
        if not valid[row]:
            continue
        digit_count, length, number, has_nul, seen = 0, 0, int64(0), False, False
        at, stop = int64(offsets[row]), int64(offsets[row + 1])
        while at < stop:
            code, at = next_character(data, at)
            if code == NUL:
                has_nul = True
                break
            if code == 0x20 or code == 0:
                continue
            seen = True
            if 0x30 <= code <= 0x39:
                if digit_count < 6:
                    number = number * 10 + (code - 0x30)
                digit_count += 1
            elif code < 0x30 or 0x3A <= code <= 0x40:  # dots, dashes
                continue
            if length < codes.shape[0]:
                codes[length] = code
            length += 1
        if has_nul:
            out_status[row] = _NUL_BYTE
        elif length == 0:
            out_status[row] = _PLACEHOLDER if seen else _MISSING
        elif digit_count == length:
            status, region = _region_of_digits(number, digit_count, prefix_row, canonical)
            out[row] = np.uint64(region)
            out_status[row] = status
        elif length <= codes.shape[0] and is_placeholder_word(codes, 0, length, words):
            out_status[row] = _PLACEHOLDER
        else:
            out_status[row] = NAMES_NEEDED
            waiting += 1
    return waiting


@kernel
def _region_of_digits(number, digit_count, prefix_row, canonical):  # type: ignore[no-untyped-def]
    """(status, canonical code) of a code of `digit_count` digits, its first six in `number`."""
    if number == 0:
        return _PLACEHOLDER, int64(0)
    if digit_count == 2:
        number *= 10_000
    elif digit_count == 4:
        number *= 100
    elif digit_count != 6 and digit_count != 9 and digit_count != 12:
        return _BAD_LENGTH, int64(0)
    if number == 999_999 or number == 111_111 or number == 123_456:
        return _PLACEHOLDER, int64(0)
    region = look_up_region(number, prefix_row, canonical)
    return (_VALID if region != 0 else _UNKNOWN_REGION), region


def encode_region(column: Utf8Column, options: Mapping[str, Any]) -> EncodedField:
    """Encode region codes of 2, 4, 6, 9 or 12 digits, or region names in text.

    Names are read from the left, province, prefecture, county, in full or short
    (广东省深圳市南山区, 广东深圳南山), former names included; the finest tier found counts, text
    after it is left alone. A county's name without its province counts only where one county of
    the country bears it.

    Parameters
    ----------
    column : codes or names, any mixture
    options : none yet

    Returns
    -------
    EncodedField, component `code` (20 bits): the canonical six-digit code as a number, zeros
    where only the province or prefecture is known. UNKNOWN_REGION for a code never used or text
    that names no region.

    Notes
    -----
    30 million codes a second, 6 million names a second on one core.
    """
    del options
    table = region_table()
    out = np.empty(len(column), np.uint64)
    status = np.empty(len(column), np.uint8)
    arrays = column_arrays(column)
    waiting = _fill_region_codes(
        *arrays, table.prefix_row, table.canonical, PLACEHOLDER_HASHES, out, status
    )
    if waiting:
        fill_region_names(*arrays, *name_index(), out, status)
    return EncodedField({"code": out}, status)
