"""One kernel that compares and weighs whole pairs, for comparators that need no text decoded.

A pass over pairs for each part of the model costs more in written and re-read grades than in
comparing. Here a pair is compared once, in straight line: id number, birth date and gender; phone;
region and address; single values; the Chinese name. What it reads is known before the loop; a
part that the model lacks reads nothing and adds nothing. The left record is read once for all
pairs that share it.

What pairs usually come to is told without a branch (`usual_grades`), and only the rest asks a
comparator; so pairs are given up at two places only, where what is left cannot bring them over the
least weight: after the groups, and at the end.

The sketch: two rows of 48 bytes read a pair, in cache; 36 bytes written for a pair that is kept,
nothing for the others; no allocation but the buffers for long names.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from matching.kernels.dates import date_digits, grade_dates
from matching.kernels.han_names import (
    EXACT,
    NAME_LANES,
    SAME_SYLLABLES,
    UNITS_MAX,
    has_wildcard,
    name_grade,
)
from matching.kernels.han_units import usual_sounds
from matching.kernels.identifiers import national_id_grade, phone_grade, region_grade
from matching.kernels.usual_grades import (
    USUAL_GRADES,
    address_code,
    date_code,
    gender_code,
    id_code,
    phone_code,
    region_code,
)
from person.jit import kernel

__all__ = ["GROUPS", "LANES", "PairProgram", "lane_levels", "score_pairs"]

LANES: Final = ("national_id", "date", "gender", "phone", "region", "address", "han_name")
"""Comparators with a place of their own, in the order of the lanes; single values follow."""

GROUPS: Final = ((0, 1, 2), (3,), (4, 5), (6,))
"""Lanes that one comparison may join; the comparison of a single value stands alone."""

GRADES_MAX: Final = 16
"""Levels of grades, in front of those of codes: no grade is above 14, and null, 255, is 15."""

LANE_LEVELS: Final = 256
"""Rows of `levels` that a lane has."""

_NULL: Final = 15
_ID, _DATE, _GENDER, _PHONE, _REGION, _ADDRESS, _NAME = (
    number * LANE_LEVELS for number in range(len(LANES))
)
_SINGLES: Final = len(LANES)
_SINGLE_GROUPS: Final = len(GROUPS)


class PairProgram(NamedTuple):
    """A model's comparisons as arrays: groups first, then single values.

    Attributes
    ----------
    places : uint64[n_lanes, 6], word, shift and mask of a lane's first component and its second;
        mask 0 where there is none
    levels : int64[n_lanes * LANE_LEVELS], what each grade adds to its comparison's cell, and
        behind the grades what each code of `usual_grades` adds
    starts : int64[n_comparisons], where a comparison's weights start
    strides : int64[n_comparisons], what a step of its cell adds to the agreement pattern
    cell_weight : float64[*, 2], match and relative weight of the cells of all comparisons
    rest_max : float64[2], the most that comparisons can add after the groups without the name,
        and after all
    name_gain : by how much less the name can add where it is not equal
    frequency_max : float64[n_lanes], the most a term frequency can add where values are equal
    hints : uint64[n_hints, 3], word, shift and mask: values of the comparisons made later
    hint_starts : int64[n_later + 1], cuts the hints into comparisons
    hint_gains : float64[n_later], by how much less a comparison can add where none of its values
        is equal
    overflow, han : tables of the name's comparator
    """

    places: NDArray[np.uint64]
    levels: NDArray[np.int64]
    starts: NDArray[np.int64]
    strides: NDArray[np.int64]
    cell_weight: NDArray[np.float64]
    rest_max: NDArray[np.float64]
    name_gain: float
    frequency_max: NDArray[np.float64]
    hints: NDArray[np.uint64]
    hint_starts: NDArray[np.int64]
    hint_gains: NDArray[np.float64]
    overflow: tuple[Any, ...]
    han: tuple[Any, ...]


def lane_levels(name: str, level_of_grade: NDArray[Any], stride: int) -> NDArray[np.int64]:
    """Rows of `PairProgram.levels` of one lane, int64[LANE_LEVELS].

    Parameters
    ----------
    name : its comparator
    level_of_grade : int[256], level of each grade, 255 for null
    stride : what a level adds to the cell
    """
    levels = np.zeros(LANE_LEVELS, np.int64)
    of_grade = level_of_grade.astype(np.int64) * stride
    levels[:_NULL], levels[_NULL] = of_grade[:_NULL], of_grade[255]
    usual = USUAL_GRADES.get(name, np.zeros(0, np.uint8))
    levels[GRADES_MAX : GRADES_MAX + len(usual)] = of_grade[usual]
    return levels


@kernel
def _cut(places, lane):  # type: ignore[no-untyped-def]
    return places[lane, 0], places[lane, 1], places[lane, 2]


@kernel
def _cut_second(places, lane):  # type: ignore[no-untyped-def]
    return places[lane, 3], places[lane, 4], places[lane, 5]


@kernel
def score_pairs(  # type: ignore[no-untyped-def]
    a,
    b,
    left,
    right,
    program,
    prior,
    relative_prior,
    weight_min,
    out_pair,
    out_pattern,
    out_exact,
    out_weight,
    out_relative,
):
    """Compare pairs and add up weights of cells; pairs that cannot reach `weight_min` are left out.

    Writes, for each pair kept, its number to out_pair int32[n], what these comparisons add to its
    agreement pattern to out_pattern int64[n], a bit for each lane whose values are equal to
    out_exact uint64[n], and its weights, without term frequencies, to out_weight and out_relative
    float64[n]. Returns pairs kept.
    """
    places, levels, starts, strides, cell_weight, rest_max, name_gain = program[:7]
    frequency_max, hints, hint_starts, hint_gains, overflow, han = program[7:]
    id_word, id_shift, id_mask = _cut(places, 0)
    detail_word, detail_shift, detail_mask = _cut_second(places, 0)
    date_word, date_shift, date_mask = _cut(places, 1)
    written_word, written_shift, written_mask = _cut_second(places, 1)
    gender_word, gender_shift, gender_mask = _cut(places, 2)
    phone_word, phone_shift, phone_mask = _cut(places, 3)
    second_word, second_shift, second_mask = _cut_second(places, 3)
    region_word, region_shift, region_mask = _cut(places, 4)
    grams_word, grams_shift, grams_mask = _cut(places, 5)
    numbers_word, numbers_shift, numbers_mask = _cut_second(places, 5)
    name_word, name_shift, name_mask = _cut(places, 6)
    identity_start, phone_start, address_start, name_start = starts[:4]
    identity_stride, phone_stride, address_stride, name_stride = strides[:4]
    group_rest, last_rest = rest_max
    other_rest, name_frequency = group_rest - name_gain, frequency_max[6]
    group_frequency = np.zeros(16)
    for lane in range(4):
        for bits in range(16):
            group_frequency[bits] += (bits >> lane & 1) * frequency_max[lane]
    has_written = written_mask != 0
    buffers = np.zeros((3, UNITS_MAX + 1), np.int64)
    lanes = uint64(places.shape[0])
    count = left.shape[0]
    kept = uint64(0)
    start = int64(0)
    while start < count:
        row = left[start]
        i = uint64(row)
        stop = start + 1
        while stop < count and left[stop] == row:
            stop += 1
        id_a = a[i, id_word] >> id_shift & id_mask
        detail_a = a[i, detail_word] >> detail_shift & detail_mask
        date_a = int64(a[i, date_word] >> date_shift & date_mask)
        digits_a = int64(a[i, written_word] >> written_shift & written_mask)
        written_a = digits_a
        if not has_written:
            digits_a = date_digits(date_a)
        gender_a = a[i, gender_word] >> gender_shift & gender_mask
        phone_a = a[i, phone_word] >> phone_shift & phone_mask
        second_a = a[i, second_word] >> second_shift & second_mask
        region_a = a[i, region_word] >> region_shift & region_mask
        grams_a = a[i, grams_word] >> grams_shift & grams_mask
        numbers_a = a[i, numbers_word] >> numbers_shift & numbers_mask
        name_a = a[i, name_word] >> name_shift & name_mask
        name_is_plain = name_a >> uint64(63) == 0 and not has_wildcard(name_a)
        sounds_a = usual_sounds(name_a, han) if name_is_plain else uint64(0)
        for pair in range(start, stop):
            j = uint64(right[pair])
            id_b = b[j, id_word] >> id_shift & id_mask
            detail_b = b[j, detail_word] >> detail_shift & detail_mask
            exact = uint64(id_a == id_b) & uint64(id_a != 0)
            place = id_code(id_a, id_b, detail_a, detail_b) + GRADES_MAX
            if place < GRADES_MAX:
                place = int64(national_id_grade(id_a, id_b, detail_a, detail_b)) & 15
            cell = levels[uint64(_ID + place)]

            date_b = int64(b[j, date_word] >> date_shift & date_mask)
            digits_b = int64(b[j, written_word] >> written_shift & written_mask)
            written_b = digits_b
            if not has_written:
                digits_b = date_digits(date_b)
            place = date_code(date_a, date_b, digits_a, digits_b, has_written) + GRADES_MAX
            if place < GRADES_MAX:
                place = int64(grade_dates(date_a, date_b, written_a, written_b)) & 15
            cell += levels[uint64(_DATE + place)]
            exact |= uint64(place == GRADES_MAX or place == 0) << uint64(1)

            gender_b = b[j, gender_word] >> gender_shift & gender_mask
            cell += levels[uint64(_GENDER + GRADES_MAX + gender_code(gender_a, gender_b))]
            weight = prior + cell_weight[uint64(identity_start + cell), 0]
            relative = relative_prior + cell_weight[uint64(identity_start + cell), 1]
            pattern = cell * identity_stride

            phone_b = b[j, phone_word] >> phone_shift & phone_mask
            second_b = b[j, second_word] >> second_shift & second_mask
            exact |= (uint64(phone_a == phone_b) & uint64(phone_a != 0)) << uint64(3)
            place = phone_code(phone_a, phone_b, second_a, second_b) + GRADES_MAX
            if place < GRADES_MAX:
                place = int64(phone_grade(phone_a, phone_b, second_a, second_b))
            cell = levels[uint64(_PHONE + place)]
            weight += cell_weight[uint64(phone_start + cell), 0]
            relative += cell_weight[uint64(phone_start + cell), 1]
            pattern += cell * phone_stride

            region_b = b[j, region_word] >> region_shift & region_mask
            place = region_code(region_a, region_b) + GRADES_MAX
            if place < GRADES_MAX:
                place = int64(region_grade(region_a, region_b)) & 15
            cell = levels[uint64(_REGION + place)]
            grams_b = b[j, grams_word] >> grams_shift & grams_mask
            numbers_b = b[j, numbers_word] >> numbers_shift & numbers_mask
            place = address_code(grams_a, numbers_a, grams_b, numbers_b) + GRADES_MAX
            cell += levels[uint64(_ADDRESS + place)]
            weight += cell_weight[uint64(address_start + cell), 0]
            relative += cell_weight[uint64(address_start + cell), 1]
            pattern += cell * address_stride

            name_b = b[j, name_word] >> name_shift & name_mask
            is_equal = (name_a ^ name_b) & NAME_LANES == 0
            possible = group_frequency[exact]
            bound = weight + possible + (group_rest if is_equal else other_rest)
            if bound < weight_min:
                continue

            if name_a == 0 or name_b == 0:
                grade = int64(_NULL)
            elif is_equal and name_is_plain:
                grade = int64(EXACT)
            elif sounds_a != 0 and sounds_a == usual_sounds(name_b, han):
                grade = int64(SAME_SYLLABLES)
            else:
                grade = int64(name_grade(name_a, name_b, overflow, han, buffers))
            if grade == EXACT:
                exact |= uint64(1) << uint64(6)
                possible += name_frequency
            cell = levels[uint64(_NAME + grade)]
            weight += cell_weight[uint64(name_start + cell), 0]
            relative += cell_weight[uint64(name_start + cell), 1]
            pattern += cell * name_stride

            for lane in range(uint64(_SINGLES), lanes):
                word, shift, mask = places[lane, 0], places[lane, 1], places[lane, 2]
                one, other = a[i, word] >> shift & mask, b[j, word] >> shift & mask
                grade = int64(one != other) | (int64(one == 0) | int64(other == 0)) * int64(_NULL)
                if grade == 0:
                    exact |= uint64(1) << lane
                    possible += frequency_max[lane]
                cell = levels[lane * uint64(LANE_LEVELS) + uint64(grade)]
                at = lane - uint64(_SINGLES - _SINGLE_GROUPS)
                weight += cell_weight[uint64(starts[at] + cell), 0]
                relative += cell_weight[uint64(starts[at] + cell), 1]
                pattern += cell * strides[at]
            possible += weight + last_rest
            for later in range(hint_gains.shape[0]):
                is_equal = False
                for hint in range(hint_starts[later], hint_starts[later + 1]):
                    word, shift, mask = hints[hint, 0], hints[hint, 1], hints[hint, 2]
                    is_equal |= ((a[i, word] ^ b[j, word]) >> shift) & mask == 0
                if not is_equal:
                    possible -= hint_gains[later]
            if possible < weight_min:
                continue
            out_pair[kept] = pair
            out_pattern[kept] = pattern
            out_exact[kept] = exact
            out_weight[kept] = weight
            out_relative[kept] = relative
            kept += uint64(1)
        start = stop
    return kept
