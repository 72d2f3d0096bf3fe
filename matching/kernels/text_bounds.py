"""Cheap proofs that two packed texts are unlike, so that no measure need run.

A sketch says what a text is made of, whatever the order:

    seen[k]   bit c set where the character of code c occurs more than k times, k = 0, 1, 2
    length    characters
    telling   one bit of 64 for each word that is not a street type

The characters that two texts can have in common follow from two sketches by three ANDs, and
they bound Jaro's matches from above and every edit distance from below.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint64

from matching.kernels.name_grades import IDENTIFIER_GRADES, MARKS, PREFIX_MAX, SIMILAR_NEED
from person.jit import count_leading_zeros, count_ones, count_trailing_zeros, inlined_kernel, kernel
from person.packed_text import CHARACTERS_PER_WORD

__all__ = [
    "UNDECIDED",
    "is_clearly_other_number",
    "is_clearly_other_text",
    "letter_counts",
    "may_be_one_edit",
    "packed_number_grade",
    "same_letters",
]

UNDECIDED: Final = -1
_ONE_EDIT, _TRANSPOSED, _TWO_EDITS, _ELSE = range(1, len(IDENTIFIER_GRADES))
_ONE: Final = np.uint64(1)
_CHARACTER: Final = np.uint64(6)
_LOWEST_BITS: Final = np.uint64(sum(1 << (6 * place) for place in range(CHARACTERS_PER_WORD)))
_NOT_MARKS: Final = np.uint64(~int(MARKS) & (1 << 64) - 1)


@kernel
def letter_counts(codes, length):  # type: ignore[no-untyped-def]
    """Characters that occur at all, twice, three times: three bit masks of packed codes."""
    once, twice, thrice = uint64(0), uint64(0), uint64(0)
    for at in range(length):
        bit = _ONE << uint64(codes[at])
        thrice |= twice & bit
        twice |= once & bit
        once |= bit
    return once, twice, thrice


@kernel
def same_letters(once_a, twice_a, thrice_a, once_b, twice_b, thrice_b):  # type: ignore[no-untyped-def]
    """False where two texts differ in their characters other than marks, whatever the order."""
    different = (once_a ^ once_b) | (twice_a ^ twice_b) | (thrice_a ^ thrice_b)
    return different & _NOT_MARKS == 0


@kernel
def _common_letters_max(  # type: ignore[no-untyped-def]
    once_a, twice_a, thrice_a, length_a, once_b, twice_b, thrice_b, length_b
):
    """Most characters that the two texts can have in common."""
    counted_a = count_ones(once_a) + count_ones(twice_a) + count_ones(thrice_a)
    counted_b = count_ones(once_b) + count_ones(twice_b) + count_ones(thrice_b)
    common = count_ones(once_a & once_b) + count_ones(twice_a & twice_b)
    common += count_ones(thrice_a & thrice_b)
    return int64(common) + min(length_a - int64(counted_a), length_b - int64(counted_b))


@kernel
def is_clearly_other_text(  # type: ignore[no-untyped-def]
    once_a, twice_a, thrice_a, length_a, once_b, twice_b, thrice_b, length_b, prefix
):
    """Whether `grade_text` must say 'else' of texts that share no telling word.

    `prefix` is the common prefix, exact up to 10. Never wrong when it says so.
    """
    if same_letters(once_a, twice_a, thrice_a, once_b, twice_b, thrice_b):
        return False
    shorter, longer = min(length_a, length_b), max(length_a, length_b)
    if shorter >= 3 and prefix >= min(shorter, CHARACTERS_PER_WORD):
        return False
    common = _common_letters_max(
        once_a, twice_a, thrice_a, length_a, once_b, twice_b, thrice_b, length_b
    )
    allowed = max(longer // 5, 2 if longer >= 10 else 1)
    need = SIMILAR_NEED[min(prefix, PREFIX_MAX)] * length_a * length_b
    return longer - common > allowed and common * (length_a + length_b) < need


@inlined_kernel
def _different_characters(a, b):  # type: ignore[no-untyped-def]
    """Lowest bit of each of the ten characters that differ between two packed words."""
    different = a ^ b
    different |= different >> uint64(3)
    return (different | different >> _ONE | different >> uint64(2)) & _LOWEST_BITS


@inlined_kernel
def _unmatched_beside(a, b):  # type: ignore[no-untyped-def]
    """The lowest bit of each character of b that a does not have there or right beside."""
    unmatched = _different_characters(a, b) & _different_characters(uint64(0), b)
    unmatched &= _different_characters(a << _CHARACTER, b)
    return unmatched & _different_characters(a >> _CHARACTER, b)


@kernel
def may_be_one_edit(a, b):  # type: ignore[no-untyped-def]
    """False where two texts cannot be equal or one edit (OSA) apart, from their first words.

    One edit leaves at most one character of a first word without an equal one beside it.
    """
    if count_ones(_unmatched_beside(a, b)) > 1:
        return False
    return count_ones(_unmatched_beside(b, a)) <= 1


@inlined_kernel
def _unmatched_characters(a, b):  # type: ignore[no-untyped-def]
    """How many characters of b do not occur in a within two places of where they stand."""
    two = _CHARACTER + _CHARACTER
    unmatched = _unmatched_beside(a, b) & _different_characters(a << two, b)
    return count_ones(unmatched & _different_characters(a >> two, b))


@inlined_kernel
def is_clearly_other_number(a, length_a, b, length_b):  # type: ignore[no-untyped-def]
    """Whether `grade_identifier` must say 'else' of two different texts, from their first words.

    Each of at most two edits leaves at most one character of a first word without an equal one
    within two places in the other. Else one text must be the start or the end of the other.
    """
    if _unmatched_characters(a, b) <= 2 and _unmatched_characters(b, a) <= 2:
        return False
    shorter = min(length_a, length_b)
    if shorter < 6 or abs(length_a - length_b) <= 2:
        return True
    if max(length_a, length_b) > CHARACTERS_PER_WORD:
        return False
    starts = (a ^ b) >> uint64(6 * (CHARACTERS_PER_WORD - shorter))
    ends = a >> uint64(6 * (CHARACTERS_PER_WORD - length_a))
    ends ^= b >> uint64(6 * (CHARACTERS_PER_WORD - length_b))
    ends <<= uint64(64 - 6 * shorter)
    return starts != 0 and ends != 0


@inlined_kernel
def _character(word, place):  # type: ignore[no-untyped-def]
    return word >> uint64(6 * (CHARACTERS_PER_WORD - 1 - place)) & uint64(63)


@inlined_kernel
def packed_number_grade(a, length_a, b, length_b):  # type: ignore[no-untyped-def]
    """What `grade_identifier` says of two different texts of one word each, 10 characters at most.

    UNDECIDED where only their distance tells: texts of 5 characters or more that are not clearly
    other (`is_clearly_other_number`). Straight from the words, nothing is spelled out.
    """
    shorter, longer = min(length_a, length_b), max(length_a, length_b)
    different = a ^ b
    prefix = (int64(count_leading_zeros(different)) - 4) // 6
    ends = a >> uint64(6 * (CHARACTERS_PER_WORD - length_a))
    ends ^= b >> uint64(6 * (CHARACTERS_PER_WORD - length_b))
    suffix = CHARACTERS_PER_WORD if ends == 0 else int64(count_trailing_zeros(ends)) // 6
    prefix = min(prefix, shorter)
    suffix = min(suffix, shorter - prefix)
    if longer >= 3:
        if longer - shorter == 1 and prefix + suffix == shorter:
            return _ONE_EDIT
        if longer == shorter and prefix + suffix >= longer - 1:
            return _ONE_EDIT
        if longer == shorter and prefix + suffix == longer - 2:
            first_a, second_a = _character(a, prefix), _character(a, prefix + 1)
            if first_a == _character(b, prefix + 1) and second_a == _character(b, prefix):
                return _TRANSPOSED
    if shorter >= 6 and (prefix == shorter or (prefix == 0 and suffix == shorter)):
        return _TWO_EDITS
    return _ELSE if longer < 5 or longer - shorter > 2 else UNDECIDED
