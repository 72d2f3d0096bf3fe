"""One kernel that compares and weighs whole pairs, for comparators that need no text decoded.

A pass over pairs for each part of the model costs more in written and re-read grades than in
comparing, and finds out late that a pair is of strangers. Here a pair is compared once, in
straight line: id number, birth date and gender; phone; single values; region and address. What
it reads is known before the loop; a part that the model lacks reads nothing and adds nothing.
A pair is given up as soon as what is left cannot bring it over the least weight.

The sketch: two rows of 48 bytes read a pair, in cache; 36 bytes written for a pair that is kept,
nothing for the others; no allocation. The words are compared first, so that equal values cost no
call. (A switch on the comparator's number inside a loop over parts was four times slower: 50
instructions a part, most of them to fetch what never changes.)
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from matching.kernels.addresses import grade_addresses
from matching.kernels.dates import grade_dates
from matching.kernels.identifiers import national_id_grade, phone_grade, region_grade
from person.jit import kernel

__all__ = ["GRADES_MAX", "GROUPS", "LANES", "PairProgram", "score_pairs"]

LANES: Final = ("national_id", "date", "gender", "phone", "region", "address")
"""Comparators with a place of their own, in the order of the lanes; single values follow."""

GROUPS: Final = ((0, 1, 2), (3,), (4, 5))
"""Lanes that one comparison may join; the comparison of a single value stands alone."""

GRADES_MAX: Final = 16
"""Rows of `levels`: no grade is above 14, and null, 255, becomes 15."""

_NULL: Final = 15
_ID, _DATE, _GENDER, _PHONE, _REGION, _ADDRESS = (number * GRADES_MAX for number in range(6))
_SINGLES: Final = len(LANES)


class PairProgram(NamedTuple):
    """A model's comparisons as arrays: groups first, then single values.

    Attributes
    ----------
    places : uint64[n_lanes, 6], word, shift and mask of a lane's first component and its second;
        mask 0 where there is none
    levels : int64[n_lanes * GRADES_MAX], what each grade adds to its comparison's cell
    starts : int64[n_comparisons], where a comparison's weights start
    strides : int64[n_comparisons], what a step of its cell adds to the agreement pattern
    cell_weight : float64[*, 2], match and relative weight of the cells of all comparisons
    rest_max : float64[n_comparisons], the most that all comparisons after it can add
    frequency_max : float64[n_lanes], the most a term frequency can add where values are equal
    hints : uint64[n_hints, 3], word, shift and mask: values of the comparisons made later
    hint_starts : int64[n_later + 1], cuts the hints into comparisons
    hint_gains : float64[n_later], by how much less a comparison can add where none of its values
        is equal
    """

    places: NDArray[np.uint64]
    levels: NDArray[np.int64]
    starts: NDArray[np.int64]
    strides: NDArray[np.int64]
    cell_weight: NDArray[np.float64]
    rest_max: NDArray[np.float64]
    frequency_max: NDArray[np.float64]
    hints: NDArray[np.uint64]
    hint_starts: NDArray[np.int64]
    hint_gains: NDArray[np.float64]


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
    places, levels, starts, strides, cell_weight, rest_max, frequency_max = program[:7]
    hints, hint_starts, hint_gains = program[7:]
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
    identity_start, phone_start, address_start = starts[0], starts[1], starts[2]
    identity_stride, phone_stride, address_stride = strides[0], strides[1], strides[2]
    lanes = uint64(places.shape[0])
    identity_rest, address_rest = rest_max[0], rest_max[2]
    kept = 0
    for pair in range(left.shape[0]):
        i, j = uint64(left[pair]), uint64(right[pair])
        exact = uint64(0)
        possible = 0.0

        one, other = a[i, id_word] >> id_shift & id_mask, b[j, id_word] >> id_shift & id_mask
        grade = int64(0)
        if one == 0 or other == 0:
            grade = int64(_NULL)
        elif one == other:
            exact = uint64(1)
            possible = frequency_max[0]
        else:
            one_second = a[i, detail_word] >> detail_shift & detail_mask
            other_second = b[j, detail_word] >> detail_shift & detail_mask
            grade = int64(national_id_grade(one, other, one_second, other_second)) & 15
        cell = levels[_ID + grade]

        one = a[i, date_word] >> date_shift & date_mask
        other = b[j, date_word] >> date_shift & date_mask
        if one == other and one & uint64(31) != 0 and one & uint64(480) != 0:
            exact |= uint64(2)
            possible += frequency_max[1]
            cell += levels[_DATE]
        else:
            one_second = a[i, written_word] >> written_shift & written_mask
            other_second = b[j, written_word] >> written_shift & written_mask
            grade = grade_dates(int64(one), int64(other), int64(one_second), int64(other_second))
            cell += levels[_DATE + (grade & 15)]
            if grade == 0:
                exact |= uint64(2)
                possible += frequency_max[1]

        one = a[i, gender_word] >> gender_shift & gender_mask
        other = b[j, gender_word] >> gender_shift & gender_mask
        grade = int64(one != other) | (int64(one == 0) | int64(other == 0)) * int64(_NULL)
        cell += levels[_GENDER + grade]
        weight = prior + cell_weight[identity_start + cell, 0]
        if weight + possible + identity_rest < weight_min:
            continue
        relative = relative_prior + cell_weight[identity_start + cell, 1]
        pattern = cell * identity_stride

        one = a[i, phone_word] >> phone_shift & phone_mask
        other = b[j, phone_word] >> phone_shift & phone_mask
        grade = int64(0)
        if one == 0 or other == 0:
            grade = int64(_NULL)
        elif one == other:
            exact |= uint64(8)
            possible += frequency_max[3]
        else:
            one_second = a[i, second_word] >> second_shift & second_mask
            other_second = b[j, second_word] >> second_shift & second_mask
            grade = int64(phone_grade(one, other, one_second, other_second))
        cell = levels[_PHONE + grade]
        weight += cell_weight[phone_start + cell, 0]
        relative += cell_weight[phone_start + cell, 1]
        pattern += cell * phone_stride

        one = a[i, region_word] >> region_shift & region_mask
        other = b[j, region_word] >> region_shift & region_mask
        cell = levels[_REGION + (int64(region_grade(one, other)) & 15)]
        one = a[i, grams_word] >> grams_shift & grams_mask
        other = b[j, grams_word] >> grams_shift & grams_mask
        one_second = a[i, numbers_word] >> numbers_shift & numbers_mask
        other_second = b[j, numbers_word] >> numbers_shift & numbers_mask
        grade = int64(grade_addresses(one, one_second, other, other_second)) & 15
        cell += levels[_ADDRESS + grade]
        weight += cell_weight[address_start + cell, 0]
        if weight + possible + address_rest < weight_min:
            continue
        relative += cell_weight[address_start + cell, 1]
        pattern += cell * address_stride

        for lane in range(uint64(_SINGLES), lanes):
            word, shift, mask = places[lane, 0], places[lane, 1], places[lane, 2]
            one, other = a[i, word] >> shift & mask, b[j, word] >> shift & mask
            grade = int64(one != other) | (int64(one == 0) | int64(other == 0)) * int64(_NULL)
            if grade == 0:
                exact |= uint64(1) << lane
                possible += frequency_max[lane]
            cell = levels[lane * uint64(GRADES_MAX) + uint64(grade)]
            at = lane - uint64(_SINGLES - 3)
            weight += cell_weight[starts[at] + cell, 0]
            relative += cell_weight[starts[at] + cell, 1]
            pattern += cell * strides[at]
        possible += weight + rest_max[rest_max.shape[0] - 1]
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
        kept += 1
    return kept
