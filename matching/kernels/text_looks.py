"""Grades of texts that a look at their words tells, for a block of pairs at once.

Most pairs of strangers are told apart by the letters of their texts, which need not be spelled out
for it. The words of a block's values are laid out in columns, and each step runs over all pairs in
a straight loop that becomes vector instructions: some 5 ns a pair and name, where one pair after
the other costs 60. What stays open is left to the comparator.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint64

from matching.kernels.name_grades import MARKS, PREFIX_MAX, SIMILAR_NEED
from matching.kernels.pair_blocks import BLOCK, COLUMN
from matching.kernels.text_bounds import (
    UNDECIDED,
    is_clearly_other_number,
    packed_number_grade,
)
from person.jit import (
    count_leading_zeros,
    count_ones,
    count_trailing_zeros,
    inlined_kernel,
    kernel,
)
from person.packed_text import CHARACTERS_PER_WORD

__all__ = ["OPEN", "look_at_texts"]

OPEN: Final = 254
"""Of a pair that a look does not tell."""

_NULL: Final = 255
_VECTOR: Final = 32
_FIRST_A, _FIRST_B, _SEEN_A, _SEEN_B, _LENGTH_A, _LENGTH_B, _DIFFERENT, _WORD_A, _WORD_B = (
    column * COLUMN for column in range(9)
)


@inlined_kernel
def _letters(word):  # type: ignore[no-untyped-def]
    """Bit mask of the codes in a packed word, as `text_codes.packed_sketch` gives it."""
    seen = uint64(0)
    for shift in (0, 6, 12, 18, 24, 30, 36, 42, 48, 54):
        seen |= uint64(1) << (word >> uint64(shift) & uint64(63))
    return seen & ~uint64(1)


@inlined_kernel
def _characters(word):  # type: ignore[no-untyped-def]
    """Characters of a packed word, none of 0. The product is a division by 6."""
    return CHARACTERS_PER_WORD - int64(count_trailing_zeros(word) * uint64(43) >> uint64(8))


@kernel
def _add_words(cols, count, has_letters):  # type: ignore[no-untyped-def]
    """Take the words in the last two columns into letters, lengths and what differs."""
    for place in range(count):
        at = uint64(place)
        one, other = cols[uint64(_WORD_A) + at], cols[uint64(_WORD_B) + at]
        cols[uint64(_DIFFERENT) + at] |= one ^ other
        cols[uint64(_LENGTH_A) + at] += uint64(_characters(one))
        cols[uint64(_LENGTH_B) + at] += uint64(_characters(other))
    if has_letters:
        for place in range(count):
            at = uint64(place)
            cols[uint64(_SEEN_A) + at] |= _letters(cols[uint64(_WORD_A) + at])
            cols[uint64(_SEEN_B) + at] |= _letters(cols[uint64(_WORD_B) + at])


@inlined_kernel
def _is_other_name(seen_a, length_a, seen_b, length_b, different):  # type: ignore[no-untyped-def]
    """Whether `grade_name` must say 'else', judged from letters seen and lengths alone.

    `different` is what differs between the first words. Never wrong when it says so; names with
    blanks or hyphens are left to the full grading.
    """
    prefix = int64(count_leading_zeros(different << uint64(4)) * uint64(43) >> uint64(8))
    prefix = min(prefix, PREFIX_MAX)
    alone_a = int64(count_ones(seen_a & ~seen_b))
    alone_b = int64(count_ones(seen_b & ~seen_a))
    may_be_near = int64(max(alone_a, alone_b, abs(length_a - length_b)) <= 1)
    may_be_near |= int64((seen_a | seen_b) & MARKS != 0) | int64(prefix >= 3)
    may_be_near |= int64(min(length_a, length_b) == 1)
    matched = min(length_a - alone_a, length_b - alone_b)
    need = SIMILAR_NEED[uint64(prefix)] * length_a * length_b
    return int64(matched * (length_a + length_b) < need) & (1 - may_be_near)


@kernel
def _tell_names(cols, count, name_else, out):  # type: ignore[no-untyped-def]
    for place in range(count):
        at = uint64(place)
        one, other = cols[uint64(_FIRST_A) + at], cols[uint64(_FIRST_B) + at]
        is_other = _is_other_name(
            *(cols[uint64(_SEEN_A) + at], int64(cols[uint64(_LENGTH_A) + at])),
            *(cols[uint64(_SEEN_B) + at], int64(cols[uint64(_LENGTH_B) + at])),
            one ^ other,
        )
        grade = name_else if is_other != 0 else OPEN
        grade = 0 if cols[uint64(_DIFFERENT) + at] == 0 else grade
        grade = OPEN if (one | other) >> uint64(63) != 0 else grade
        out[at] = _NULL if int64(one == 0) | int64(other == 0) != 0 else grade


@kernel
def _tell_numbers(cols, count, number_else, out):  # type: ignore[no-untyped-def]
    for place in range(count):
        at = uint64(place)
        one, other = cols[uint64(_FIRST_A) + at], cols[uint64(_FIRST_B) + at]
        length_a, length_b = (
            int64(cols[uint64(_LENGTH_A) + at]),
            int64(cols[uint64(_LENGTH_B) + at]),
        )
        is_short = max(length_a, length_b) <= CHARACTERS_PER_WORD
        grade = int64(packed_number_grade(one, length_a, other, length_b))
        grade = grade if is_short else int64(UNDECIDED)
        is_other = is_clearly_other_number(one, length_a, other, length_b)
        told = int64(number_else) if is_other else int64(OPEN)
        told = told if grade == UNDECIDED else grade
        told = 0 if cols[uint64(_DIFFERENT) + at] == 0 else told
        told = OPEN if (one | other) >> uint64(63) != 0 else told
        out[at] = _NULL if int64(one == 0) | int64(other == 0) != 0 else told


@kernel
def look_at_texts(a, b, left, right, slots, is_name, grade_else, out):  # type: ignore[no-untyped-def]
    """Grade pairs as far as a look goes to out, uint8[n]; the others are OPEN.

    left, right int32[n]; `is_name`: graded by NAME_GRADES, else by IDENTIFIER_GRADES, of which
    `grade_else` is the last. Returns how many are open.
    """
    cols = np.zeros(9 * COLUMN, np.uint64)
    told = np.empty(COLUMN, np.uint8)
    opened = 0
    for start in range(0, left.shape[0], BLOCK):
        count = min(BLOCK, left.shape[0] - start)
        whole = min((count + _VECTOR - 1) // _VECTOR * _VECTOR, BLOCK)
        cols[_SEEN_A : _DIFFERENT + COLUMN] = 0
        for component in range(slots.shape[0]):
            word = slots[component, 0]
            column_a, column_b = uint64(_WORD_A), uint64(_WORD_B)
            for place in range(count):
                at = uint64(place)
                cols[column_a + at] = a[left[start + place], word]
                cols[column_b + at] = b[right[start + place], word]
            if component == 0:
                cols[_FIRST_A : _FIRST_A + 2 * COLUMN] = cols[_WORD_A : _WORD_A + 2 * COLUMN]
            _add_words(cols, whole, is_name)
        if is_name:
            _tell_names(cols, whole, grade_else, told)
        else:
            _tell_numbers(cols, whole, grade_else, told)
        for place in range(count):
            grade = told[uint64(place)]
            out[start + place] = grade
            opened += grade == OPEN
    return opened
