"""One kernel that compares and weighs whole pairs, for comparators that need no text decoded.

What a pair comes to is as good as random, so one pair after the other costs a wrongly guessed
branch for nearly every comparison, far more than comparing. Pairs are therefore taken in blocks
that stay in the first cache (`pair_blocks`): the words of their rows are laid out in columns, each
lane is told for the whole block without a branch, then cells and weights are added up. Names are
compared last (`name_blocks`), single values, which few pairs have, one by one. What is read is
known before the loop; a part that the model lacks reads nothing and adds nothing.

Pairs are given up at two places only, where what is left cannot bring them over the least weight:
after the groups, and at the end.

The sketch: two rows of 48 bytes read a pair, in cache; 100 bytes of columns written and read again
in the first cache; 36 bytes written for a pair that is kept, nothing for the others; no allocation
but the block's scratch, 40 KB.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from matching.kernels.han_names import UNITS_MAX
from matching.kernels.name_blocks import grade_names, look_at_names
from matching.kernels.pair_blocks import (
    BLOCK,
    COLUMN,
    GRADES_MAX,
    NULL_PLACE,
    gather_words,
    grade_addresses_of_block,
    grade_dates_of_block,
    grade_genders_of_block,
    grade_ids_of_block,
    grade_marked_dates,
    grade_marked_phones,
    grade_marked_regions,
    grade_phones_of_block,
    grade_regions_of_block,
    mark_present,
)
from matching.kernels.usual_grades import USUAL_GRADES
from person.jit import kernel

__all__ = ["GROUPS", "LANES", "LANE_LEVELS", "PairProgram", "lane_levels", "score_pairs"]

LANES: Final = ("national_id", "date", "gender", "phone", "region", "address", "han_name")
"""Comparators with a place of their own, in the order of the lanes; single values follow."""

GROUPS: Final = ((0, 1, 2), (3,), (4, 5), (6,))
"""Lanes that one comparison may join; the comparison of a single value stands alone."""

LANE_LEVELS: Final = 256
"""Rows of `levels` that a lane has."""

EXACT_SHIFT: Final = 24
"""Bits of a cell; above them, a bit a lane. No comparison of these lanes has so many cells."""

_CELL: Final = (1 << EXACT_SHIFT) - 1
_NEVER_RARE: Final = ("gender", "region", "address")
_ID, _DATE, _GENDER, _PHONE, _REGION, _ADDRESS, _NAME = (
    number * LANE_LEVELS for number in range(len(LANES))
)
_NAME_GROUP: Final = GROUPS.index((6,))
_NAME_LANE: Final = LANES.index("han_name")
_SINGLES: Final = len(LANES)
_SINGLE_GROUPS: Final = len(GROUPS)
_VECTOR: Final = 32
"""Loops over columns run over whole vectors."""


class PairProgram(NamedTuple):
    """A model's comparisons as arrays: groups first, then single values.

    Attributes
    ----------
    words : uint64[3 k], words of a row that lanes look at, some of them twice
    places : uint64[n_lanes, 6], column (place in `words`), shift and mask of a lane's first
        component and its second; mask 0 where there is none
    levels : int64[n_lanes * LANE_LEVELS], what each place adds: to the comparison's cell, and a
        bit above it for values that are equal, see `lane_levels`
    starts : int64[n_comparisons], where a comparison's weights start
    strides : int64[n_comparisons], what a step of its cell adds to the agreement pattern
    cell_weight : float64[*, 2], match and relative weight of the cells of all comparisons
    rest_max : float64[2], the most that comparisons can add after the groups without the name,
        and after all
    name_gain : by how much less the name can add where it is not equal
    frequency_max : float64[n_lanes], the most a term frequency can add where values are equal
    overflow, han : tables of the name's comparator
    """

    words: NDArray[np.uint64]
    places: NDArray[np.uint64]
    levels: NDArray[np.int64]
    starts: NDArray[np.int64]
    strides: NDArray[np.int64]
    cell_weight: NDArray[np.float64]
    rest_max: NDArray[np.float64]
    name_gain: float
    frequency_max: NDArray[np.float64]
    overflow: tuple[Any, ...]
    han: tuple[Any, ...]


def lane_levels(
    number: int, name: str, level_of_grade: NDArray[Any], stride: int
) -> NDArray[np.int64]:
    """Rows of `PairProgram.levels` of one lane, int64[LANE_LEVELS].

    A row is what a place adds to the cell and, EXACT_SHIFT bits higher, a bit for the lane where
    values are equal. Places are grades, NULL_PLACE for none, and behind them codes.

    Parameters
    ----------
    number : the lane
    name : its comparator
    level_of_grade : int[256], level of each grade, 255 for null
    stride : what a level adds to the cell
    """
    levels = np.zeros(LANE_LEVELS, np.int64)
    of_grade = level_of_grade.astype(np.int64) * stride
    if name not in _NEVER_RARE:
        of_grade[0] |= 1 << (EXACT_SHIFT + number)
    levels[:NULL_PLACE], levels[NULL_PLACE] = of_grade[:NULL_PLACE], of_grade[255]
    usual = USUAL_GRADES.get(name, np.zeros(0, np.uint8))
    levels[GRADES_MAX : GRADES_MAX + len(usual)] = of_grade[usual]
    return levels


@kernel
def _grade_groups(cols, side, lanes, count, grades, marked):  # type: ignore[no-untyped-def]
    """Places of all lanes but hard names, and which pairs have a single value on both sides."""
    step = uint64(COLUMN)
    whole = min((count + _VECTOR - 1) // _VECTOR * _VECTOR, BLOCK)
    at = uint64(0)
    if lanes[0, 2] != 0:
        grade_ids_of_block(cols, side, lanes[0], whole, at, grades)
    at += step
    if lanes[1, 2] != 0:
        grade_dates_of_block(cols, side, lanes[1], whole, at, grades)
        grade_marked_dates(cols, side, lanes[1], count, at, grades, marked)
    at += step
    if lanes[2, 2] != 0:
        grade_genders_of_block(cols, side, lanes[2], whole, at, grades)
    at += step
    if lanes[3, 2] != 0:
        grade_phones_of_block(cols, side, lanes[3], whole, at, grades)
        grade_marked_phones(cols, side, lanes[3], count, at, grades, marked)
    at += step
    if lanes[4, 2] != 0:
        grade_regions_of_block(cols, side, lanes[4], whole, at, grades)
        grade_marked_regions(cols, side, lanes[4], count, at, grades, marked)
    at += step
    if lanes[5, 2] != 0:
        grade_addresses_of_block(cols, side, lanes[5], whole, at, grades)
    at += step
    if lanes[6, 2] != 0:
        look_at_names(cols, side, lanes[6], whole, at, grades)
    at += step
    if lanes.shape[0] > _SINGLES:
        grades[at : at + uint64(whole)] = 0
    for lane in range(_SINGLES, lanes.shape[0]):
        mark_present(cols, side, lanes[lane], whole, at, grades)


@kernel
def _add_groups(  # type: ignore[no-untyped-def]
    grades, levels, cell_weight, starts, strides, before, count, numbers, sums
):
    """Weights and relative weights, patterns and equal lanes of all groups but the name's.

    `sums` float64[3 COLUMN], `numbers` int64[2 COLUMN]. Adds in the order of the groups; `before`
    are prior, relative prior and the pattern to start with.
    """
    prior, relative_prior, pattern = before
    first, second, third = uint64(starts[0]), uint64(starts[1]), uint64(starts[2])
    stride, phone_stride, address_stride = strides[0], strides[1], strides[2]
    step = uint64(COLUMN)
    for number in range(count):
        at = uint64(number)
        cell = levels[uint64(grades[at])]
        cell += levels[uint64(_DATE) + uint64(grades[at + step])]
        cell += levels[uint64(_GENDER) + uint64(grades[at + step * uint64(2)])]
        phone = levels[uint64(_PHONE) + uint64(grades[at + step * uint64(3)])]
        address = levels[uint64(_REGION) + uint64(grades[at + step * uint64(4)])]
        address += levels[uint64(_ADDRESS) + uint64(grades[at + step * uint64(5)])]
        numbers[at + step] = (cell | phone) >> EXACT_SHIFT
        cell, phone = cell & _CELL, phone & _CELL
        numbers[at] = pattern + cell * stride + phone * phone_stride + address * address_stride
        one, two, three = first + uint64(cell), second + uint64(phone), third + uint64(address)
        weight = prior + cell_weight[one, 0] + cell_weight[two, 0]
        relative = relative_prior + cell_weight[one, 1] + cell_weight[two, 1]
        sums[at] = weight + cell_weight[three, 0]
        sums[at + step] = relative + cell_weight[three, 1]


@kernel
def _frequencies_max(frequency_max):  # type: ignore[no-untyped-def]
    """The most term frequencies can add, by the lanes of the first groups that are equal."""
    most = np.zeros(16)
    for lane in range(4):
        for bits in range(16):
            most[bits] += (bits >> lane & 1) * frequency_max[lane]
    return most


@kernel
def _still_possible(  # type: ignore[no-untyped-def]
    numbers, sums, grades, rests, frequencies, weight_min, count, live
):
    """List the pairs that can still reach `weight_min`; returns how many.

    `rests` the most that can follow where the name is equal, where it is not, and after all
    comparisons; the last with term frequencies goes to the third column of `sums`.
    """
    equal_rest, other_rest, last_rest = rests
    step = uint64(COLUMN)
    name_grade = uint64(_NAME_LANE * COLUMN)
    used = 0
    for number in range(count):
        at = uint64(number)
        rest = equal_rest if grades[name_grade + at] == 0 else other_rest
        frequency = frequencies[uint64(numbers[at + step])]
        sums[at + step + step] = frequency + last_rest
        bound = sums[at] + frequency + rest
        live[used] = number
        used += not bound < weight_min
    return used


@kernel
def _add_names(grades, levels, cell_weight, start, stride, gain, live, numbers, sums):  # type: ignore[no-untyped-def]
    """Add the names of the pairs `live`; `gain` is the most a term frequency can add."""
    step = uint64(COLUMN)
    name_at = uint64(_NAME_LANE * COLUMN)
    for number in range(live.shape[0]):
        at = uint64(live[number])
        cell = levels[uint64(_NAME) + uint64(grades[name_at + at])]
        numbers[at + step] |= cell >> EXACT_SHIFT
        sums[at + step + step] += gain if cell >> EXACT_SHIFT != 0 else 0.0
        cell &= _CELL
        place = uint64(start) + uint64(cell)
        sums[at] += cell_weight[place, 0]
        sums[at + step] += cell_weight[place, 1]
        numbers[at] += cell * stride


@kernel
def _add_single_values(cols, side, grades, program, live, numbers, sums, scratch):  # type: ignore[no-untyped-def]
    """Add the single values of the pairs `live` that have one on both sides."""
    levels, cell_weight = program.levels, program.cell_weight
    step = uint64(COLUMN)
    singles_at = uint64(_SINGLES * COLUMN)
    used = 0
    for number in range(live.shape[0]):
        scratch[used] = live[number]
        used += grades[singles_at + uint64(live[number])] != 0
    for lane in range(_SINGLES, program.places.shape[0]):
        group = lane - (_SINGLES - _SINGLE_GROUPS)
        start, stride = uint64(program.starts[group]), program.strides[group]
        column, shift, mask = program.places[lane, :3]
        column *= step
        null = levels[lane * LANE_LEVELS + NULL_PLACE]
        for number in range(used):
            at = uint64(scratch[number])
            one, other = cols[column + at] >> shift & mask, cols[column + side + at] >> shift & mask
            grade = uint64(one != other)
            grade = uint64(NULL_PLACE) if one == 0 or other == 0 else grade
            cell = levels[uint64(lane * LANE_LEVELS) + grade]
            numbers[at + step] |= cell >> EXACT_SHIFT
            sums[at + step + step] += program.frequency_max[lane] if grade == 0 else 0.0
            cell &= _CELL
            sums[at] += cell_weight[start + uint64(cell), 0]
            sums[at + step] += cell_weight[start + uint64(cell), 1]
            numbers[at] += (cell - null) * stride


@kernel
def _write_block(live, start, numbers, sums, weight_min, kept, out):  # type: ignore[no-untyped-def]
    """Write the pairs `live` that can still reach `weight_min`; returns the new end."""
    out_pair, out_pattern, out_exact, out_weight, out_relative = out
    step = uint64(COLUMN)
    for number in range(live.shape[0]):
        at = uint64(live[number])
        to = uint64(kept)
        weight = sums[at]
        out_pair[to] = start + int64(at)
        out_pattern[to] = numbers[at]
        out_exact[to] = numbers[at + step]
        out_weight[to] = weight
        out_relative[to] = sums[at + step]
        kept += not weight + sums[at + step + step] < weight_min
    return kept


@kernel
def _null_singles(program):  # type: ignore[no-untyped-def]
    """What single values that are all missing add to a pattern; to weights they add nothing."""
    pattern = int64(0)
    for lane in range(_SINGLES, program.places.shape[0]):
        null = program.levels[lane * LANE_LEVELS + NULL_PLACE]
        pattern += null * program.strides[lane - (_SINGLES - _SINGLE_GROUPS)]
    return pattern


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
    words, places = program.words, program.places
    columns = words.shape[0]
    side = uint64(columns * COLUMN)
    cols = np.zeros(2 * columns * COLUMN, np.uint64)
    grades = np.zeros((_SINGLES + 2) * COLUMN, np.uint8)
    scratch, live = np.empty(BLOCK + 1, np.int64), np.empty(BLOCK + 1, np.int64)
    numbers, sums = np.empty(2 * COLUMN, np.int64), np.empty(3 * COLUMN)
    name_words = np.zeros(10 * COLUMN, np.uint64)
    buffers = np.zeros((3, UNITS_MAX + 1), np.int64)
    frequencies = _frequencies_max(program.frequency_max)
    rests = (program.rest_max[0], program.rest_max[0] - program.name_gain, program.rest_max[1])
    before = (prior, relative_prior, _null_singles(program))
    name_start, name_stride = program.starts[_NAME_GROUP], program.strides[_NAME_GROUP]
    out = (out_pair, out_pattern, out_exact, out_weight, out_relative)
    count = left.shape[0]
    kept = 0
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        gather_words(a, left, start, size, words, 0, cols)
        gather_words(b, right, start, size, words, columns, cols)
        _grade_groups(cols, side, places, size, grades, scratch)
        _add_groups(
            *(grades, program.levels, program.cell_weight, program.starts, program.strides),
            *(before, size, numbers, sums),
        )
        used = _still_possible(numbers, sums, grades, rests, frequencies, weight_min, size, live)
        if places[_NAME_LANE, 2] != 0:
            grade_names(
                *(cols, side, places[_NAME_LANE], live[:used], uint64(_NAME_LANE * COLUMN), grades),
                *(program.overflow, program.han, scratch, name_words, buffers),
            )
        _add_names(
            *(grades, program.levels, program.cell_weight, name_start, name_stride),
            *(program.frequency_max[_NAME_LANE], live[:used], numbers, sums),
        )
        if places.shape[0] > _SINGLES:
            _add_single_values(cols, side, grades, program, live[:used], numbers, sums, scratch)
        kept = _write_block(live[:used], start, numbers, sums, weight_min, kept, out)
    return kept
