"""Comparator of streets, places and other text of several words.

text    exact same_tokens one_edit contained near similar else

The sketch of a text (`text_bounds`) is kept for the rest of the batch, since pairs of a block
meet the same rows again and again; nine in ten pairs of strangers end at two sketches, and a left
text is spelled out only when one of its pairs does not.
Random pairs of FEBRL 4 streets on one core: 13 million pairs a second among 5,000 rows, 25 among
400, as in a block.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from matching.kernels.edit_measures import MASK_COUNT, clear_masks, set_masks
from matching.kernels.text_bounds import is_clearly_other_text, letter_counts, same_letters
from matching.kernels.text_codes import (
    common_prefix,
    decode_left,
    decode_right,
    is_same_text,
    longest_text,
)
from matching.kernels.text_grades import TEXT_GRADES, find_words, grade_text
from person.jit import kernel
from person.packed_text import decode_packed

__all__ = ["TEXT_GRADES", "fill_text"]

_NULL: Final = 255
_ELSE: Final = len(TEXT_GRADES) - 1
_SKETCHES_MAX: Final = 4096
_ROW, _ONCE, _TWICE, _THRICE, _TELLING, _LENGTH = 0, 1, 2, 3, 4, 5


@kernel
def _sketch_count(pair_count, row_count):  # type: ignore[no-untyped-def]
    """Sketches to keep: a power of two, enough for the rows that a batch can meet, if few."""
    wanted = min(pair_count, row_count, _SKETCHES_MAX)
    count = 1
    while count < wanted:
        count *= 2
    return count


@kernel
def _sketch(rows, row, slots, codes, words, at, out_sketches):  # type: ignore[no-untyped-def]
    """Sketch one packed text to out_sketches[at], uint64[:, 6]; `codes`, `words` are scratch."""
    length = decode_packed(rows, row, slots, codes)
    once, twice, thrice = letter_counts(codes, length)
    _, telling = find_words(codes, length, words)
    out_sketches[at, _ROW] = uint64(row + 1)
    out_sketches[at, _ONCE], out_sketches[at, _TWICE] = once, twice
    out_sketches[at, _THRICE], out_sketches[at, _TELLING] = thrice, telling
    out_sketches[at, _LENGTH] = uint64(length)


@kernel
def _fill_text(a, b, left, right, slots, tables, out):  # type: ignore[no-untyped-def]
    capacity = longest_text(a, left, slots, tables)
    left_codes, left_points = np.empty(capacity, np.uint32), np.empty(capacity, np.uint32)
    right_codes = np.empty(longest_text(b, right, slots, tables), np.uint32)
    left_words = np.empty((capacity, 3), np.int64)
    right_words = np.empty((right_codes.size, 3), np.int64)
    masks = np.zeros(MASK_COUNT, np.uint64)
    sketches = np.zeros((_sketch_count(left.size, b.shape[0]), 6), np.uint64)
    first_word = slots[0, 0]
    has_one_side = a.ctypes.data == b.ctypes.data  # its rows are sketched once for both sides
    current, length, overflow, word_count = -1, int64(0), 0, 0
    once, twice, thrice, telling = uint64(0), uint64(0), uint64(0), uint64(0)
    decoded = int64(0)  # characters of the left text in `left_codes`
    for pair in range(left.size):
        row_a, row_b = left[pair], right[pair]
        if row_a != current:
            current = row_a
            clear_masks(masks, left_codes, decoded)
            decoded, overflow = int64(0), 0
            if has_one_side and a[row_a, first_word] >> uint64(63) == 0:
                at = row_a & (sketches.shape[0] - 1)
                if sketches[at, _ROW] != uint64(row_a + 1):
                    _sketch(a, row_a, slots, left_codes, left_words, at, sketches)
                once, twice = sketches[at, _ONCE], sketches[at, _TWICE]
                thrice, telling = sketches[at, _THRICE], sketches[at, _TELLING]
                length = int64(sketches[at, _LENGTH])
            else:
                length, overflow = decode_left(a, row_a, slots, tables, left_codes, left_points)
                decoded = length
                set_masks(masks, left_codes, length)
                word_count, telling = find_words(left_codes, length, left_words)
                if overflow == 0:
                    once, twice, thrice = letter_counts(left_codes, length)
        right_first = b[row_b, first_word]
        if length == 0 or right_first == 0:
            out[pair] = _NULL
            continue
        if is_same_text(a, row_a, b, row_b, slots):
            out[pair] = 0
            continue
        may_share_words = True
        if overflow == 0 and right_first >> uint64(63) == 0:
            at = row_b & (sketches.shape[0] - 1)
            if sketches[at, _ROW] != uint64(row_b + 1):
                _sketch(b, row_b, slots, right_codes, right_words, at, sketches)
            counts = (sketches[at, _ONCE], sketches[at, _TWICE], sketches[at, _THRICE])
            if telling & sketches[at, _TELLING] == 0:
                prefix = common_prefix(a[row_a, first_word], right_first)
                right_length = int64(sketches[at, _LENGTH])
                if is_clearly_other_text(
                    once, twice, thrice, length, *counts, right_length, prefix
                ):
                    out[pair] = _ELSE
                    continue
                may_share_words = same_letters(once, twice, thrice, *counts)
        if decoded == 0:
            decoded, _ = decode_left(a, row_a, slots, tables, left_codes, left_points)
            set_masks(masks, left_codes, decoded)
            word_count, telling = find_words(left_codes, decoded, left_words)
        right_length = decode_right(
            b, row_b, slots, tables, left_codes, left_points, length, overflow, right_codes
        )
        if right_length == 0:
            out[pair] = _NULL
            continue
        out[pair] = grade_text(
            *(masks, left_codes, length, left_words, word_count),
            *(right_codes, right_length, right_words, may_share_words),
        )


def fill_text(
    a: NDArray[np.uint64],
    b: NDArray[np.uint64],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    slots: NDArray[np.int64],
    tables: tuple[Any, ...],
    cutoffs: NDArray[np.float64],
    out: NDArray[np.uint8],
) -> None:
    """Grade pairs of streets, places and other text by TEXT_GRADES.

    same_tokens: the same words in any order, or equal without marks. one_edit: OSA distance 1, 2
    from 10 characters on. contained: all words of one are in the other, not only street types;
    or one is the start of the other. near: Jaro-Winkler >= 0.9 or a fifth of the characters
    edited. similar: Jaro-Winkler >= 0.8, or half of the words shared, one of them telling.
    """
    _fill_text(a, b, left, right, slots, tables, out)
