"""Phone numbers, one or several in a field, to one 40-bit value each.

    3912345678          mobile: the ten digits after the leading 1
    1062345678          landline of ten digits that begins 1 or 2 (010, 02x): those digits
    0xE + digits        local, western or short number of 6 to 9 digits, leading zeros dropped
    0xF + 36-bit hash   everything longer, and what those ten digits could be mistaken for:
                        0755-12345678, 0311-1234567, any foreign number

Leading zeros never count: a column that once was a column of numbers has lost them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from person.field import EncodedField
from person.fold import column_arrays
from person.phone_kernels import fill_phones, phone_tag
from person.scan import PLACEHOLDER_HASHES
from person.text import Utf8Column

__all__ = ["count_phones", "encode_phone", "format_phone", "phone_tag"]


def encode_phone(column: Utf8Column, options: Mapping[str, Any]) -> EncodedField:
    """Encode fields of one or several phone numbers.

    Separators, brackets, blanks inside a number, +86 / 0086 / 86, full-width digits, extensions
    (dropped: 转, ext, x, #, or up to six digits after a dash) and words beside the number are read
    through. Numbers are cut at ; , / 、 | and words, and at blanks where a whole number stands on
    both sides. Of more than two numbers the first two different ones are kept; `count_phones`
    tells how many there were.

    Parameters
    ----------
    column : phones as the source sent them
    options : none yet

    Returns
    -------
    EncodedField, components `first` (40 bits, see the module) and `second` (20 bits, the
    `phone_tag` of the second number's value, never 0 where there is one). VALID as soon as one
    number is usable; else the reason of the first: PLACEHOLDER (digits all alike, counting up, a
    'none' word, a mobile whose last eight digits are alike or count up, 13800138000), BAD_LENGTH
    (under 6 or over 20 digits), BAD_CHARACTER (masked by *, no digits), NUL_BYTE, MISSING.

    Notes
    -----
    40 million mobiles a second on one core, with +86 or two gaps too, 11 million written otherwise,
    5 million fields of two numbers.
    """
    del options
    first, second, status, _ = _read(column)
    return EncodedField({"first": first, "second": second}, status)


def count_phones(column: Utf8Column) -> NDArray[np.uint8]:
    """How many usable, different-looking phones each field holds, kept or not.

    Parameters
    ----------
    column : phones as the source sent them

    Returns
    -------
    uint8[n_records], at most 255
    """
    return _read(column)[3]


def _read(
    column: Utf8Column,
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint8], NDArray[np.uint8]]:
    count = len(column)
    first, second = np.empty(count, np.uint64), np.empty(count, np.uint64)
    status, phones = np.empty(count, np.uint8), np.empty(count, np.uint8)
    fill_phones(*column_arrays(column), PLACEHOLDER_HASHES, first, second, status, phones)
    return first, second, status, phones


def format_phone(value: int) -> str:
    """A phone's 40-bit value as text for a person.

    Parameters
    ----------
    value : component `first` of one record

    Returns
    -------
    str: the digits; '#' and the hash for a hashed number; '' for missing
    """
    if value == 0:
        return ""
    text = f"{value:010x}"
    if text[0] == "f":
        return "#" + text[1:]
    if text[0] == "e":
        return text[1:].lstrip("0")
    return ("0" if text[0] in "12" else "1") + text
