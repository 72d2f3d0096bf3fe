"""Comparators that grade names and identifiers by kinds of likeness.

latin_name       exact one_edit near same_sound initial contained similar else
identifier_text  exact one_edit transposed two_edits else

Most pairs end at a look at their letters (`text_looks`), a block at a time; the others are spelled
out one by one.
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
)
from matching.kernels.text_codes import (
    decode_left,
    decode_right,
    is_same_text,
    longest_text,
    seen_letters,
)
from matching.kernels.text_looks import OPEN, look_at_texts
from person.jit import kernel

__all__ = [
    "IDENTIFIER_GRADES",
    "NAME_GRADES",
    "fill_identifier_text",
    "fill_latin_name",
]

LOOK_PAIRS_MIN: Final = 16
"""Fewer pairs are not worth a look."""

_NULL: Final = 255
_NAME, _IDENTIFIER = 0, 1
_NAME_ELSE, _IDENTIFIER_ELSE = len(NAME_GRADES) - 1, len(IDENTIFIER_GRADES) - 1


@kernel
def _fill_graded(a, b, left, right, slots, tables, grading, out):  # type: ignore[no-untyped-def]
    """Grade pairs one by one, each text spelled out."""
    capacity = longest_text(a, left, slots, tables)
    left_codes, left_points = np.empty(capacity, np.uint32), np.empty(capacity, np.uint32)
    right_codes = np.empty(longest_text(b, right, slots, tables), np.uint32)
    masks = np.zeros(MASK_COUNT, np.uint64)
    current, left_length, left_overflow, left_seen = -1, int64(0), 0, uint64(0)
    for pair in range(left.size):
        row_a, row_b = left[pair], right[pair]
        if row_a != current:
            current = row_a
            clear_masks(masks, left_codes, left_length)
            left_length, left_overflow = decode_left(
                a, row_a, slots, tables, left_codes, left_points
            )
            set_masks(masks, left_codes, left_length)
            left_seen = seen_letters(left_codes, left_length)
        right_length = decode_right(
            *(b, row_b, slots, tables, left_codes, left_points, left_length, left_overflow),
            right_codes,
        )
        if left_length == 0 or right_length == 0:
            out[pair] = _NULL
            continue
        if is_same_text(a, row_a, b, row_b, slots):
            out[pair] = 0
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


def _fill(
    a: NDArray[np.uint64],
    b: NDArray[np.uint64],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    slots: NDArray[np.int64],
    tables: tuple[Any, ...],
    grading: int,
    out: NDArray[np.uint8],
) -> None:
    """Grade what a look tells, then the rest of the pairs one by one."""
    if len(left) < LOOK_PAIRS_MIN:
        _fill_graded(a, b, left, right, slots, tables, grading, out)
        return
    grade_else = _NAME_ELSE if grading == _NAME else _IDENTIFIER_ELSE
    if look_at_texts(a, b, left, right, slots, grading == _NAME, grade_else, out) == 0:
        return
    rest = np.flatnonzero(out == OPEN)
    grades = np.empty(len(rest), np.uint8)
    _fill_graded(a, b, left[rest], right[rest], slots, tables, grading, grades)
    out[rest] = grades


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
    _fill(a, b, left, right, slots, tables, _NAME, out)


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
    _fill(a, b, left, right, slots, tables, _IDENTIFIER, out)
