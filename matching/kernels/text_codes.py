"""Encoded text as arrays of small codes, ready for the measures.

The left text of a run of pairs is decoded once. Packed characters keep their 6-bit codes;
characters that only overflow text can hold get codes from 64 on, in order of appearance in the
left text, and a right-hand character that the left lacks gets one code that matches nothing.
"""

from __future__ import annotations

from typing import Final

from numba import int64, uint32, uint64

from matching.kernels.edit_measures import ABSENT_CODE, WORD_CHARACTERS
from person.jit import count_leading_zeros, count_trailing_zeros, kernel
from person.packed_text import (
    CHARACTERS_PER_WORD,
    decode_packed,
    find_overflow,
    packed_code_table,
)

__all__ = [
    "code_capacity",
    "common_prefix",
    "decode_left",
    "decode_right",
    "is_same_text",
    "longest_text",
    "packed_sketch",
    "seen_letters",
]

_CODE_TABLE: Final = packed_code_table()
_FIRST_LOCAL_CODE: Final = 64
_ABSENT_LONG: Final = 0xFFFFFFFF


@kernel
def is_same_text(a, row_a, b, row_b, slots):  # type: ignore[no-untyped-def]
    """Whether all words of a text field are equal."""
    for component in range(slots.shape[0]):
        word = slots[component, 0]
        if a[row_a, word] != b[row_b, word]:
            return False
    return True


@kernel
def common_prefix(word_a, word_b):  # type: ignore[no-untyped-def]
    """Leading characters that two first words share, at most 10; both must be packed."""
    different = (word_a ^ word_b) << uint64(4)
    if different == 0:
        return CHARACTERS_PER_WORD
    return int64(count_leading_zeros(different) // uint64(6))


@kernel
def packed_sketch(rows, row, slots):  # type: ignore[no-untyped-def]
    """(letters seen, length) of a packed value without decoding it; length -1 for overflow.

    The letters are a bit mask of 6-bit codes, as `seen_letters` gives.
    """
    one = uint64(1)
    seen, length = uint64(0), 0
    for component in range(slots.shape[0]):
        word = rows[row, slots[component, 0]]
        if word == 0:
            break
        if word >> uint64(63) != 0:
            return uint64(0), -1
        for shift in range(0, 60, 6):
            seen |= one << ((word >> uint64(shift)) & uint64(63))
        length += CHARACTERS_PER_WORD - int64(count_trailing_zeros(word) // uint64(6))
    return seen & ~one, length


@kernel
def code_capacity(rows, row, slots, tables):  # type: ignore[no-untyped-def]
    """Codes that decoding this value may write."""
    hashes, offsets, _ = tables
    packed = CHARACTERS_PER_WORD * slots.shape[0]
    first = rows[row, slots[0, 0]]
    if first >> uint64(63) == 0:
        return packed
    entry = find_overflow(hashes, first)
    return packed if entry < 0 else max(packed, offsets[entry + 1] - offsets[entry])


@kernel
def longest_text(rows, which, slots, tables):  # type: ignore[no-untyped-def]
    """Codes that decoding any of the rows `which`, int32[p], may write.

    Buffers of that size never grow inside the loop over pairs: an array that a loop replaces
    costs numba a reference count at every call.
    """
    longest = CHARACTERS_PER_WORD * slots.shape[0]
    word = slots[0, 0]
    for place in range(which.size):
        if rows[which[place], word] >> uint64(63) != 0:
            longest = max(longest, code_capacity(rows, which[place], slots, tables))
    return longest


@kernel
def _small_code(point):  # type: ignore[no-untyped-def]
    return uint32(_CODE_TABLE[point]) if point < 128 else uint32(0)


@kernel
def decode_left(rows, row, slots, tables, codes, points):  # type: ignore[no-untyped-def]
    """Decode a value to `codes`; returns (length, overflow length), length 0 = missing.

    For overflow text `points` receives its code points, which `decode_right` needs.
    """
    length = decode_packed(rows, row, slots, codes)
    if length >= 0:
        return length, 0
    hashes, offsets, stored = tables
    entry = find_overflow(hashes, rows[row, slots[0, 0]])
    if entry < 0:
        return 0, 0
    start = offsets[entry]
    length = offsets[entry + 1] - start
    fresh = uint32(_FIRST_LOCAL_CODE)
    for at in range(length):
        point = stored[start + at]
        points[at] = point
        code = _small_code(point)
        if code == 0:
            code = fresh
            for earlier in range(at):
                if points[earlier] == point:
                    code = codes[earlier]
                    break
            if code == fresh:
                fresh += uint32(1)
        codes[at] = code
    return length, length


@kernel
def decode_right(  # type: ignore[no-untyped-def]
    rows, row, slots, tables, left_codes, left_points, left_length, left_overflow, codes
):
    """Decode a value in the codes of the left text; returns its length, 0 = missing."""
    length = decode_packed(rows, row, slots, codes)
    if length >= 0:
        return length
    hashes, offsets, stored = tables
    entry = find_overflow(hashes, rows[row, slots[0, 0]])
    if entry < 0:
        return 0
    absent = uint32(ABSENT_CODE) if left_length <= WORD_CHARACTERS else uint32(_ABSENT_LONG)
    start = offsets[entry]
    length = offsets[entry + 1] - start
    for at in range(length):
        point = stored[start + at]
        code = _small_code(point)
        if code == 0:
            code = absent
            for other in range(left_overflow):
                if left_points[other] == point:
                    code = left_codes[other]
                    break
        codes[at] = code
    return length


@kernel
def seen_letters(codes, length):  # type: ignore[no-untyped-def]
    """Bit mask of the packed codes in a text, uint64; other characters are left out."""
    seen = uint64(0)
    for at in range(length):
        if codes[at] < 64:
            seen |= uint64(1) << uint64(codes[at])
    return seen
