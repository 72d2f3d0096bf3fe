"""Lanes of a block of pairs, column by column: what `kernels.fused` is made of.

Pairs are taken BLOCK at a time. The words of their rows that a model looks at are laid out in
columns, one for each word and side, and each lane is then told for the whole block in a straight
loop over numbers that lie side by side, which the compiler turns into vector instructions. A lane
yields *places*, a byte a pair: what a comparison came to, see `fused.lane_levels`. What the
straight loop cannot tell (`usual_grades`) is marked, listed and graded by the comparator itself.

A loop runs over whole vectors: the last block's columns are longer than its pairs, and what the
loop says of the rest is never looked at.
"""

from __future__ import annotations

from typing import Final

from numba import int64, uint8, uint64

from matching.kernels.dates import date_digits, grade_dates
from matching.kernels.identifiers import phone_grade, region_grade
from matching.kernels.usual_grades import (
    address_code,
    date_code,
    gender_code,
    id_code,
    phone_code,
    region_code,
)
from person.jit import kernel

__all__ = [
    "BLOCK",
    "COLUMN",
    "GRADES_MAX",
    "NULL_PLACE",
    "WORDS_AT_ONCE",
    "gather_words",
    "grade_addresses_of_block",
    "grade_dates_of_block",
    "grade_genders_of_block",
    "grade_ids_of_block",
    "grade_marked_dates",
    "grade_marked_phones",
    "grade_marked_regions",
    "grade_phones_of_block",
    "grade_regions_of_block",
    "mark_present",
]

BLOCK: Final = 256
"""Pairs of a block: their columns lie in the first cache."""

COLUMN: Final = BLOCK + 8
"""From column to column; no power of two, so that columns do not share the same few cache lines."""

WORDS_AT_ONCE: Final = 3
"""Words are gathered so many at a time."""

GRADES_MAX: Final = 16
"""Places of grades, in front of those of codes: no grade is above 14, and null, 255, is 15."""

NULL_PLACE: Final = 15
_MARKED: Final = GRADES_MAX - 1
"""What a straight loop says of a pair that its comparator must grade: RARE behind the grades."""


@kernel
def gather_words(rows, which, start, count, words, column, cols):  # type: ignore[no-untyped-def]
    """Lay out words of the rows which[start:start + count] in columns from `column` on.

    rows uint64[*, w], which int32[p], words uint64[3 k]; cols uint64[*], COLUMN a column.
    """
    step = uint64(COLUMN)
    for group in range(0, words.shape[0], WORDS_AT_ONCE):
        one, two, three = words[group], words[group + 1], words[group + 2]
        at = uint64(column + group) * step
        for place in range(count):
            row = uint64(which[start + place])
            to = at + uint64(place)
            cols[to] = rows[row, one]
            cols[to + step] = rows[row, two]
            cols[to + step + step] = rows[row, three]


@kernel
def _marked_places(places, at, count, out):  # type: ignore[no-untyped-def]
    """List the pairs of a lane that are marked; returns how many."""
    used = 0
    for place in range(count):
        out[used] = place
        used += places[uint64(at + place)] == _MARKED
    return used


@kernel
def _component(lane, component):  # type: ignore[no-untyped-def]
    """Where a component's column starts, its shift and its mask."""
    first = 3 * component
    return lane[first] * uint64(COLUMN), lane[first + 1], lane[first + 2]


@kernel
def grade_ids_of_block(cols, side, lane, count, at, places):  # type: ignore[no-untyped-def]
    """Codes of id numbers to places[at:], uint8; `side` is where the other side's columns start."""
    start, shift, mask = _component(lane, 0)
    second, second_shift, second_mask = _component(lane, 1)
    for place in range(count):
        here = start + uint64(place)
        there = second + uint64(place)
        one, other = cols[here] >> shift & mask, cols[here + side] >> shift & mask
        detail = cols[there] >> second_shift & second_mask
        other_detail = cols[there + side] >> second_shift & second_mask
        places[at + uint64(place)] = GRADES_MAX + id_code(one, other, detail, other_detail)


@kernel
def grade_dates_of_block(cols, side, lane, count, at, places):  # type: ignore[no-untyped-def]
    """Codes of birth dates, as written where a second component says how."""
    start, shift, mask = _component(lane, 0)
    second, second_shift, second_mask = _component(lane, 1)
    has_written = second_mask != 0
    if has_written:
        for place in range(count):
            here = start + uint64(place)
            there = second + uint64(place)
            one, other = int64(cols[here] >> shift & mask), int64(cols[here + side] >> shift & mask)
            digits = int64(cols[there] >> second_shift & second_mask)
            other_digits = int64(cols[there + side] >> second_shift & second_mask)
            places[at + uint64(place)] = GRADES_MAX + date_code(
                one, other, digits, other_digits, True
            )
        return
    for place in range(count):
        here = start + uint64(place)
        one, other = int64(cols[here] >> shift & mask), int64(cols[here + side] >> shift & mask)
        places[at + uint64(place)] = GRADES_MAX + date_code(
            one, other, date_digits(one), date_digits(other), False
        )


@kernel
def grade_marked_dates(cols, side, lane, count, at, places, marked):  # type: ignore[no-untyped-def]
    """Have the marked dates graded by their comparator; `marked` int64[BLOCK + 1] is scratch."""
    start, shift, mask = _component(lane, 0)
    second, second_shift, second_mask = _component(lane, 1)
    for number in range(_marked_places(places, at, count, marked)):
        place = uint64(marked[number])
        here, there = start + place, second + place
        places[at + place] = 15 & int64(
            grade_dates(
                int64(cols[here] >> shift & mask),
                int64(cols[here + side] >> shift & mask),
                int64(cols[there] >> second_shift & second_mask),
                int64(cols[there + side] >> second_shift & second_mask),
            )
        )


@kernel
def grade_genders_of_block(cols, side, lane, count, at, places):  # type: ignore[no-untyped-def]
    """Codes of genders."""
    start, shift, mask = _component(lane, 0)
    for place in range(count):
        here = start + uint64(place)
        one, other = cols[here] >> shift & mask, cols[here + side] >> shift & mask
        places[at + uint64(place)] = GRADES_MAX + gender_code(one, other)


@kernel
def grade_phones_of_block(cols, side, lane, count, at, places):  # type: ignore[no-untyped-def]
    """Codes of phones."""
    start, shift, mask = _component(lane, 0)
    second, second_shift, second_mask = _component(lane, 1)
    for place in range(count):
        here = start + uint64(place)
        there = second + uint64(place)
        one, other = cols[here] >> shift & mask, cols[here + side] >> shift & mask
        tag = cols[there] >> second_shift & second_mask
        other_tag = cols[there + side] >> second_shift & second_mask
        places[at + uint64(place)] = GRADES_MAX + phone_code(one, other, tag, other_tag)


@kernel
def grade_marked_phones(cols, side, lane, count, at, places, marked):  # type: ignore[no-untyped-def]
    """Have the marked phones graded by their comparator."""
    start, shift, mask = _component(lane, 0)
    second, second_shift, second_mask = _component(lane, 1)
    for number in range(_marked_places(places, at, count, marked)):
        place = uint64(marked[number])
        here, there = start + place, second + place
        places[at + place] = phone_grade(
            cols[here] >> shift & mask,
            cols[here + side] >> shift & mask,
            cols[there] >> second_shift & second_mask,
            cols[there + side] >> second_shift & second_mask,
        )


@kernel
def grade_regions_of_block(cols, side, lane, count, at, places):  # type: ignore[no-untyped-def]
    """Codes of regions."""
    start, shift, mask = _component(lane, 0)
    for place in range(count):
        here = start + uint64(place)
        one, other = cols[here] >> shift & mask, cols[here + side] >> shift & mask
        places[at + uint64(place)] = GRADES_MAX + region_code(one, other)


@kernel
def grade_marked_regions(cols, side, lane, count, at, places, marked):  # type: ignore[no-untyped-def]
    """Have the marked regions graded by their comparator."""
    start, shift, mask = _component(lane, 0)
    for number in range(_marked_places(places, at, count, marked)):
        place = uint64(marked[number])
        here = start + place
        places[at + place] = 15 & region_grade(
            cols[here] >> shift & mask, cols[here + side] >> shift & mask
        )


@kernel
def grade_addresses_of_block(cols, side, lane, count, at, places):  # type: ignore[no-untyped-def]
    """Codes of addresses; none is marked."""
    start, shift, mask = _component(lane, 0)
    second, second_shift, second_mask = _component(lane, 1)
    for place in range(count):
        here = start + uint64(place)
        there = second + uint64(place)
        places[at + uint64(place)] = GRADES_MAX + address_code(
            cols[here] >> shift & mask,
            cols[there] >> second_shift & second_mask,
            cols[here + side] >> shift & mask,
            cols[there + side] >> second_shift & second_mask,
        )


@kernel
def mark_present(cols, side, lane, count, at, marks):  # type: ignore[no-untyped-def]
    """Or 1 to marks[at:], uint8, of pairs of which both sides have a value."""
    start, shift, mask = _component(lane, 0)
    for place in range(count):
        here = start + uint64(place)
        one, other = cols[here] >> shift & mask, cols[here + side] >> shift & mask
        marks[at + uint64(place)] |= uint8(one != 0) & uint8(other != 0)
