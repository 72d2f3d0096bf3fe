"""Grades of one pair of different names or identifiers, as scalar kernels on local codes.

Every function here takes `masks` set from the left text, both texts with their lengths and the
letters seen in each, and returns an index into its tuple of grades. Nothing here is reached by
equal texts: those are exact already.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint64

from matching.kernels.edit_measures import WORD_CHARACTERS, jaro_winkler_of, osa_of
from person.jit import count_ones, kernel
from person.packed_text import PACKED_CHARACTERS

__all__ = [
    "IDENTIFIER_GRADES",
    "MARKS",
    "NAME_GRADES",
    "PREFIX_MAX",
    "SIMILAR",
    "SIMILAR_NEED",
    "grade_identifier",
    "grade_name",
    "is_compact_equal",
    "is_mark",
    "one_edit",
    "shared_ends",
    "sound_code",
]

NAME_GRADES: Final = (
    *("exact", "one_edit", "near", "same_sound", "initial", "contained", "similar", "else"),
)
_NAME_ONE_EDIT, _NAME_NEAR, _NAME_SOUND, _NAME_INITIAL = 1, 2, 3, 4
_NAME_CONTAINED, _NAME_SIMILAR, _NAME_ELSE = 5, 6, 7

IDENTIFIER_GRADES: Final = ("exact", "one_edit", "transposed", "two_edits", "else")
_ID_ONE_EDIT, _ID_TRANSPOSED, _ID_TWO_EDITS, _ID_ELSE = 1, 2, 3, 4

_FIRST_MARK: Final = PACKED_CHARACTERS.index(" ")
_LAST_MARK: Final = len(PACKED_CHARACTERS) - 1
MARKS: Final = np.uint64(sum(1 << code for code in range(_FIRST_MARK, _LAST_MARK + 1)))

SIMILAR: Final = 0.8
PREFIX_MAX: Final = 4
SIMILAR_NEED: Final = np.array(
    [
        3.0 * max((SIMILAR - 0.1 * prefix) / (1.0 - 0.1 * prefix), 0.7) - 1.0 - 1e-9
        for prefix in range(PREFIX_MAX + 1)
    ]
)
"""By length of common prefix: 3 * the Jaro similarity that Jaro-Winkler 0.8 takes, less 1."""

# The sound of each letter: 0 vowel, 1 labial, 2 sibilant or guttural, 3 dental, 4 l, 5 nasal, 6 r,
# 7 not heard (h, w).
_SOUNDS: Final = np.array(
    [9] + [int(c) for c in "01230127022455012623017202"] + [9] * 104, np.uint8
)
_FIRST_SOUNDS: Final = np.array(
    [0] + [ord(c) - 96 for c in "abkdafghajklmnapkrstavwzaz"] + [0] * 104, np.uint8
)


@kernel
def is_mark(code):  # type: ignore[no-untyped-def]
    """Whether a packed code is punctuation (scalar kernel)."""
    return _FIRST_MARK <= code <= _LAST_MARK


@kernel
def shared_ends(left, left_length, right, right_length):  # type: ignore[no-untyped-def]
    """Lengths of the common prefix, and of the common suffix of what the prefix leaves."""
    shorter = min(left_length, right_length)
    prefix = 0
    while prefix < shorter and left[prefix] == right[prefix]:
        prefix += 1
    suffix, rest = 0, shorter - prefix
    while suffix < rest and left[left_length - 1 - suffix] == right[right_length - 1 - suffix]:
        suffix += 1
    return prefix, suffix


@kernel
def one_edit(left, left_length, right, right_length, prefix, suffix):  # type: ignore[no-untyped-def]
    """0 = OSA distance above 1; 1 = one insertion, deletion or substitution; 2 = one swap."""
    shared = prefix + suffix
    if left_length != right_length:
        shorter = min(left_length, right_length)
        return 1 if abs(left_length - right_length) == 1 and shared == shorter else 0
    if shared >= left_length - 1:
        return 1
    if shared == left_length - 2 and left[prefix] == right[prefix + 1]:
        return 2 if left[prefix + 1] == right[prefix] else 0
    return 0


@kernel
def is_compact_equal(left, left_length, right, right_length):  # type: ignore[no-untyped-def]
    """Equal but for blanks, hyphens, apostrophes and other marks."""
    i, j = 0, 0
    while True:
        while i < left_length and is_mark(left[i]):
            i += 1
        while j < right_length and is_mark(right[j]):
            j += 1
        if i == left_length or j == right_length:
            return i == left_length and j == right_length
        if left[i] != right[j]:
            return False
        i += 1
        j += 1


@kernel
def _jaro_winkler_at_least_similar(  # type: ignore[no-untyped-def]
    masks, left, left_length, left_seen, right, right_length, right_seen, prefix
):
    """Jaro-Winkler similarity where it can reach 0.8, else 0."""
    if left_length <= WORD_CHARACTERS:
        matched = 0
        for at in range(right_length):
            matched += int64(masks[right[at]] != 0)
        matched = min(matched, left_length - int64(count_ones(left_seen & ~right_seen)))
        need = SIMILAR_NEED[min(prefix, PREFIX_MAX)] * left_length * right_length
        if matched * (left_length + right_length) < need:
            return 0.0
    return jaro_winkler_of(masks, left, left_length, right, right_length)


@kernel
def sound_code(codes, length):  # type: ignore[no-untyped-def]
    """How a Latin name sounds, uint64, after Soundex; 0 for text without letters.

    Unlike Soundex, first letters that sound alike are one (c/k/q, f/ph, i/y, s/z), silent ones
    go (kn, gn, wr, ps), and the code is as long as the name.
    """
    start = 0
    while start < length and not 1 <= codes[start] <= 26:
        start += 1
    if start == length:
        return uint64(0)
    first = codes[start]
    if start + 1 < length:
        second = codes[start + 1]
        if second == 14 and first in (7, 11, 16):  # gn, kn, pn
            first = second
        elif (first == 23 and second == 18) or (first == 16 and second == 19):  # wr, ps
            first = second
        elif first == 16 and second == 8:  # ph
            first = 6
    value = uint64(_FIRST_SOUNDS[first])
    last = _SOUNDS[first]
    for at in range(start + 1, length):
        code = codes[at]
        sound = _SOUNDS[code] if code <= 26 else 9
        if sound == 0:
            last = 0
        elif sound < 7 and sound != last:
            value = (value << uint64(3)) | uint64(sound)
            last = sound
    return value


@kernel
def _holds_word(longer, longer_length, word, word_length):  # type: ignore[no-untyped-def]
    """Whether `word` is one whole word of `longer`."""
    at = 0
    while at + word_length <= longer_length:
        same = 0
        while same < word_length and longer[at + same] == word[same]:
            same += 1
        end = at + word_length
        if same == word_length and (end == longer_length or is_mark(longer[end])):
            return True
        while at < longer_length and not is_mark(longer[at]):
            at += 1
        at += 1
    return False


@kernel
def grade_name(  # type: ignore[no-untyped-def]
    masks, left, left_length, left_seen, right, right_length, right_seen
):
    """Index into NAME_GRADES of two different names."""
    shorter, longer = min(left_length, right_length), max(left_length, right_length)
    if shorter == 1:
        return _NAME_INITIAL if left[0] == right[0] else _NAME_ELSE
    prefix, suffix = shared_ends(left, left_length, right, right_length)
    if longer >= 4 and one_edit(left, left_length, right, right_length, prefix, suffix) != 0:
        return _NAME_ONE_EDIT
    has_marks = (left_seen | right_seen) & MARKS != 0
    if has_marks and is_compact_equal(left, left_length, right, right_length):
        return _NAME_ONE_EDIT
    similarity = _jaro_winkler_at_least_similar(
        masks, left, left_length, left_seen, right, right_length, right_seen, prefix
    )
    if similarity >= 0.92:
        return _NAME_NEAR
    if similarity >= SIMILAR:
        sound = sound_code(left, left_length)
        if sound != 0 and sound == sound_code(right, right_length):
            return _NAME_SOUND
    if prefix == shorter and shorter >= 3:
        return _NAME_CONTAINED
    if has_marks and left_length != right_length:
        if left_length < right_length:
            if _holds_word(right, right_length, left, left_length):
                return _NAME_CONTAINED
        elif _holds_word(left, left_length, right, right_length):
            return _NAME_CONTAINED
    return _NAME_SIMILAR if similarity >= SIMILAR else _NAME_ELSE


@kernel
def grade_identifier(  # type: ignore[no-untyped-def]
    masks, left, left_length, left_seen, right, right_length, right_seen
):
    """Index into IDENTIFIER_GRADES of two different numbers."""
    shorter, longer = min(left_length, right_length), max(left_length, right_length)
    prefix, suffix = shared_ends(left, left_length, right, right_length)
    if longer >= 3:
        edit = one_edit(left, left_length, right, right_length, prefix, suffix)
        if edit != 0:
            return _ID_ONE_EDIT if edit == 1 else _ID_TRANSPOSED
    if shorter >= 6 and (prefix == shorter or prefix + suffix == shorter == suffix):
        return _ID_TWO_EDITS
    if longer < 5 or longer - shorter > 2:
        return _ID_ELSE
    if count_ones(left_seen & ~right_seen) > 2 or count_ones(right_seen & ~left_seen) > 2:
        return _ID_ELSE
    distance = osa_of(masks, left, left_length, right, right_length)
    return _ID_TWO_EDITS if distance <= 2 else _ID_ELSE
