"""Grades without branches, for what most pairs come to.

What a pair comes to is as good as random: each `if` that asks for it is guessed wrong every few
pairs, and a wrong guess costs more than the comparison. So a comparator of `kernels.fused` turns
two values into a *code*, bits that are counted and shifted together without a branch, and a table
turns the code into a grade. Values that are alike but not equal, dates in neighbouring years,
hashed numbers and other rare things are RARE: the comparator itself grades those.

Codes and tables must say what the comparators say: tests hold them to it, value by value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from matching.comparator import NULL_GRADE
from matching.kernels.addresses import (
    LANES_OF_GRAMS,
    MOST_GRAMS,
    SOME_GRAMS,
    count_equal_grams,
)
from matching.kernels.dates import differing_places, is_shifted, swapped_places
from matching.kernels.identifiers import differing_digits
from person.jit import count_ones, inlined_kernel

__all__ = [
    "RARE",
    "USUAL_GRADES",
    "address_code",
    "date_code",
    "gender_code",
    "id_code",
    "phone_code",
    "region_code",
]

RARE: Final = -1
_FEW_DIGITS: Final = 2
"""Numbers that differ in more digits are no slips of one another."""

_SEQUENCE_BITS: Final = 12
_BIRTH_DATE_MASK: Final = 0xFFFFFFF
_HASHED: Final = 15
_NO_ID_GRADE: Final = 6


@inlined_kernel
def id_code(one, other, one_detail, other_detail):  # type: ignore[no-untyped-def]
    """The grade itself, 6 for none: as `identifiers.national_id_grade`, of any two values."""
    difference = one ^ other
    places = differing_digits(difference)
    count = int64(count_ones(places))
    lower = places & places >> uint64(4)  # of two neighbours that differ
    nibble = lower * uint64(15)
    unturned = (one ^ other >> uint64(4) | one >> uint64(4) ^ other) & nibble
    is_turned = int64(count == 2) & int64(lower != 0) & int64(unturned == 0)
    is_hashed = int64(one >> uint64(60) == uint64(_HASHED))
    other_hashed = int64(other >> uint64(60) == uint64(_HASHED))
    not_comparable = int64((one_detail ^ other_detail) >> uint64(2) != 0)
    not_comparable |= is_hashed ^ other_hashed
    prove = int64(one_detail & other_detail & uint64(1))
    difference >>= uint64(_SEQUENCE_BITS)
    is_sequence = int64(difference == 0)
    grade = 4 if difference & uint64(_BIRTH_DATE_MASK) == 0 else 5
    grade = 3 if is_sequence != 0 else grade
    grade = 2 if is_turned != 0 else grade
    grade = 1 if count == 1 else grade
    grade = 3 if is_sequence & prove != 0 else grade
    grade = 5 if is_hashed != 0 else grade
    grade = _NO_ID_GRADE if not_comparable != 0 else grade
    grade = 0 if count == 0 else grade
    return _NO_ID_GRADE if int64(one == 0) | int64(other == 0) != 0 else grade


def _id_grade(code: int) -> int:
    return NULL_GRADE if code == _NO_ID_GRADE else code


@inlined_kernel
def date_code(one, other, one_digits, other_digits, has_written):  # type: ignore[no-untyped-def]
    """0 equal and whole, 1 missing, 2 nothing alike; of dates and their eight digits.

    `has_written`: the digits are as written, 0 where not known, and say more than a missing date.
    """
    is_missing = int64(one == 0) | int64(other == 0)
    is_part = int64(one & 31 == 0) | int64(one & 480 == 0)
    is_part |= int64(other & 31 == 0) | int64(other & 480 == 0)
    if one == other and is_part == 0:
        return int64(0)
    if is_missing != 0 and not has_written:
        return int64(1)
    places = differing_places(one_digits, other_digits)
    places |= int64(places == 0)
    years = (one >> 9) - (other >> 9)
    is_like = is_part | int64(one_digits == 0) | int64(other_digits == 0)
    is_like |= int64(years * years <= 1) | int64((one ^ other) & 511 == 0)
    is_like |= int64(int64(count_ones(uint64(places))) <= _FEW_DIGITS)
    is_like |= int64(swapped_places(one_digits, other_digits, places) != 0)
    is_like |= int64(is_shifted(one_digits, other_digits, places))
    return int64(RARE) if is_like != 0 else int64(2)


@inlined_kernel
def gender_code(one, other):  # type: ignore[no-untyped-def]
    """Two values of two bits side by side."""
    return int64(one | other << uint64(2))


def _gender_grade(code: int) -> int:
    one, other = code & 3, code >> 2
    return NULL_GRADE if one == 0 or other == 0 else int(one != other)


@inlined_kernel
def phone_code(one, other, one_second, other_second):  # type: ignore[no-untyped-def]
    """Bits: missing, equal."""
    difference = one ^ other
    places = int64(count_ones(differing_digits(difference)))
    is_missing = int64(one == 0) | int64(other == 0)
    is_equal = int64(difference == 0)
    is_like = int64(places <= _FEW_DIGITS) | int64((one_second | other_second) != 0)
    if is_like & (1 - is_equal) & (1 - is_missing) != 0:
        return int64(RARE)
    return is_missing | is_equal << 1


def _phone_grade(code: int) -> int:
    return NULL_GRADE if code & 1 else 0 if code & 2 else 4


@inlined_kernel
def _hundredth(code):  # type: ignore[no-untyped-def]
    """code // 100 of a code below 2 ** 30, without a division: there is none of vectors."""
    return code * uint64(42949673) >> uint64(32)


@inlined_kernel
def region_code(one, other):  # type: ignore[no-untyped-def]
    """Bits: missing, equal, equal prefectures, equal provinces, no prefecture named."""
    hundred = uint64(100)
    one_prefecture, other_prefecture = _hundredth(one), _hundredth(other)
    one_province, other_province = _hundredth(one_prefecture), _hundredth(other_prefecture)
    is_equal = int64(one == other)
    is_coarse = int64(one == one_prefecture * hundred) & int64(one != 0)
    if is_equal & is_coarse != 0:
        return int64(RARE)  # whole in its code, or not named to the county
    code = int64(one == 0) | int64(other == 0) | is_equal << 1
    code |= int64(one_prefecture == other_prefecture) << 2
    code |= int64(one_province == other_province) << 3
    return code | int64(one_prefecture == one_province * hundred) << 4


def _region_grade(code: int) -> int:
    if code & 1:
        return NULL_GRADE
    if code & 4 and not code & 16:
        return 0 if code & 2 else 1
    return 2 if code & 8 else 3


@inlined_kernel
def address_code(one, one_numbers, other, other_numbers):  # type: ignore[no-untyped-def]
    """Lanes that are equal (3 bits); bits: words missing on a side each, numbers on both, equal."""
    code = count_equal_grams(one, other) | int64(one == 0) << 3 | int64(other == 0) << 4
    code |= (int64(one_numbers != 0) & int64(other_numbers != 0)) << 5
    return code | int64(one_numbers == other_numbers) << 6


def _address_grade(code: int) -> int:
    equal, has_numbers = code & 7, bool(code & 32)
    same_numbers = has_numbers and bool(code & 64)
    if code & 24:
        if not has_numbers or code & 24 != 24:
            return NULL_GRADE
        return 2 if same_numbers else 5
    if equal == LANES_OF_GRAMS:
        return 0 if same_numbers or not has_numbers else 3
    if equal >= MOST_GRAMS:
        return 1 if same_numbers else 3
    if equal >= SOME_GRAMS:
        return 2 if same_numbers else 4
    return 5


def _table(bits: int, grade: Callable[[int], int]) -> NDArray[np.uint8]:
    return np.array([grade(code) for code in range(1 << bits)], np.uint8)


USUAL_GRADES: Final = {
    "national_id": _table(3, _id_grade),
    "date": np.array([0, NULL_GRADE, 10, NULL_GRADE], np.uint8),
    "gender": _table(4, _gender_grade),
    "phone": _table(2, _phone_grade),
    "region": _table(5, _region_grade),
    "address": _table(7, _address_grade),
}
"""Grade of each code, uint8[codes], by the comparator's name."""
