"""Comparators that grade names and identifiers by kinds of likeness.

latin_name       exact one_edit near same_sound initial contained similar else
identifier_text  exact one_edit transposed two_edits else

Random pairs of FEBRL 4 on one core: names 30 million pairs a second, numbers of 7 digits 48.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from matching.kernels.edit_measures import (
    MASK_COUNT,
    clear_masks,
    set_masks,
)
from matching.kernels.name_grades import (
    IDENTIFIER_GRADES,
    NAME_GRADES,
    grade_identifier,
    grade_name,
    is_clearly_other_name,
)
from matching.kernels.text_bounds import (
    UNDECIDED,
    is_clearly_other_number,
    packed_number_grade,
)
from matching.kernels.text_codes import (
    common_prefix,
    decode_left,
    decode_right,
    is_same_text,
    longest_text,
    packed_length,
    packed_sketch,
    seen_letters,
)
from person.jit import kernel
from person.packed_text import CHARACTERS_PER_WORD

__all__ = [
    "IDENTIFIER_GRADES",
    "NAME_GRADES",
    "fill_identifier_text",
    "fill_latin_name",
]

_NULL: Final = 255
_NAME, _IDENTIFIER = 0, 1
_NAME_ELSE, _IDENTIFIER_ELSE = len(NAME_GRADES) - 1, len(IDENTIFIER_GRADES) - 1


@kernel
def _fill_graded(a, b, left, right, slots, tables, grading, out):  # type: ignore[no-untyped-def]
    capacity = longest_text(a, left, slots, tables)
    left_codes, left_points = np.empty(capacity, np.uint32), np.empty(capacity, np.uint32)
    right_codes = np.empty(longest_text(b, right, slots, tables), np.uint32)
    masks = np.zeros(MASK_COUNT, np.uint64)
    first_word = slots[0, 0]
    current, left_length, left_overflow, left_seen = -1, int64(0), 0, uint64(0)
    decoded = int64(0)  # characters of the left text in `left_codes`
    for pair in range(left.size):
        row_a, row_b = left[pair], right[pair]
        if row_a != current:
            current = row_a
            clear_masks(masks, left_codes, decoded)
            decoded, left_overflow = int64(0), 0
            left_seen, left_length = packed_sketch(a, row_a, slots)
            if left_length < 0:  # overflow
                left_length, left_overflow = decode_left(
                    a, row_a, slots, tables, left_codes, left_points
                )
                decoded = left_length
                set_masks(masks, left_codes, left_length)
                left_seen = seen_letters(left_codes, left_length)
        right_first = b[row_b, first_word]
        if left_length == 0 or right_first == 0:
            out[pair] = _NULL
            continue
        if is_same_text(a, row_a, b, row_b, slots):
            out[pair] = 0
            continue
        if left_overflow == 0 and right_first >> uint64(63) == 0:
            left_first = a[row_a, first_word]
            if grading == _NAME:
                right_seen, right_length = packed_sketch(b, row_b, slots)
                is_other = is_clearly_other_name(
                    *(left_seen, left_length, right_seen, right_length),
                    common_prefix(left_first, right_first),
                )
            else:
                right_length = packed_length(b, row_b, slots)
                if max(left_length, right_length) <= CHARACTERS_PER_WORD:
                    grade = packed_number_grade(left_first, left_length, right_first, right_length)
                    if grade != UNDECIDED:
                        out[pair] = grade
                        continue
                is_other = is_clearly_other_number(
                    left_first, left_length, right_first, right_length
                )
            if is_other:
                out[pair] = _NAME_ELSE if grading == _NAME else _IDENTIFIER_ELSE
                continue
        if decoded == 0:  # most texts are told apart before they are spelled out
            decoded = decode_left(a, row_a, slots, tables, left_codes, left_points)[0]
            set_masks(masks, left_codes, decoded)
        right_length = decode_right(
            *(b, row_b, slots, tables, left_codes, left_points, left_length, left_overflow),
            right_codes,
        )
        if right_length == 0:
            out[pair] = _NULL
            continue
        right_seen = seen_letters(right_codes, right_length)
        if grading == _NAME:
            out[pair] = grade_name(
                masks, left_codes, left_length, left_seen, right_codes, right_length, right_seen
            )
        else:
            out[pair] = grade_identifier(
                masks, left_codes, left_length, left_seen, right_codes, right_length, right_seen
            )


def fill_latin_name(
    a: NDArray[np.uint64],
    b: NDArray[np.uint64],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    slots: NDArray[np.int64],
    tables: tuple[Any, ...],
    cutoffs: NDArray[np.float64],
    out: NDArray[np.uint8],
) -> None:
    """Grade pairs of Latin names by NAME_GRADES; see `matching.comparator` for the face.

    one_edit: OSA distance 1 in names of 4 letters or more, or equal without blanks, hyphens and
    apostrophes. near: Jaro-Winkler >= 0.92. same_sound: equal `sound_code` and >= 0.8. initial:
    one side is the other's first letter. contained: one side is a whole word of the other, or
    its first 3 letters or more. similar: Jaro-Winkler >= 0.8.
    """
    _fill_graded(a, b, left, right, slots, tables, _NAME, out)


def fill_identifier_text(
    a: NDArray[np.uint64],
    b: NDArray[np.uint64],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    slots: NDArray[np.int64],
    tables: tuple[Any, ...],
    cutoffs: NDArray[np.float64],
    out: NDArray[np.uint8],
) -> None:
    """Grade pairs of identifiers by IDENTIFIER_GRADES.

    one_edit, transposed (neighbours swapped): in numbers of 3 characters or more. two_edits: OSA
    distance 2 in 5 characters or more, or one is the start or end of the other, 6 or more.
    """
    _fill_graded(a, b, left, right, slots, tables, _IDENTIFIER, out)
