"""Grades of one pair of different streets, places or other text of several words.

As `name_grades`: scalar kernels on local codes, never reached by equal texts.
"""

from __future__ import annotations

from typing import Final

from numba import int64, uint64

from matching.kernels.edit_measures import (
    WORD_CHARACTERS,
    jaro_winkler_of,
    jaro_winkler_of_matched,
    match_characters,
    osa_of,
)
from matching.kernels.name_grades import (
    PREFIX_MAX,
    SIMILAR,
    SIMILAR_NEED,
    is_compact_equal,
    is_mark,
    one_edit,
    shared_ends,
)
from person.fold import contains_hash, hash_codes, hash_set
from person.jit import count_ones, kernel
from person.packed_text import PACKED_CHARACTERS

__all__ = ["STREET_WORDS", "TEXT_GRADES", "find_words", "grade_text"]

TEXT_GRADES: Final = (
    *("exact", "same_tokens", "one_edit", "contained", "near", "similar", "else"),
)
_TEXT_TOKENS, _TEXT_ONE_EDIT, _TEXT_CONTAINED, _TEXT_NEAR = 1, 2, 3, 4
_TEXT_SIMILAR, _TEXT_ELSE = 5, 6

STREET_WORDS: Final = (
    *"street st road rd avenue ave lane ln drive dr court ct place pl close cl way".split(),
    *"crescent cres circuit cct circle terrace tce parade pde highway hwy boulevard blvd".split(),
    *"square sq grove gardens north south east west upper lower the of and saint".split(),
    *"unit flat apartment apt floor level house building city town county".split(),
)


def _packed(word: str) -> str:
    """A word spelled in packed codes, as the kernels see it."""
    return "".join(chr(PACKED_CHARACTERS.index(character)) for character in word)


_COMMON_TOKENS: Final = hash_set(tuple(map(_packed, STREET_WORDS)))
"""Words that two addresses share by chance."""

_APOSTROPHE: Final = PACKED_CHARACTERS.index("'")


@kernel
def find_words(codes, length, words):  # type: ignore[no-untyped-def]
    """Write start, stop and hash of each word to words, int64[>= words, 3].

    Returns their number, and one bit of 64 for each word that tells something: uint64, where two
    texts have no bit in common they share no such word. An apostrophe belongs to its word.
    """
    count, start, telling = 0, int64(-1), uint64(0)
    for at in range(length + 1):
        if at < length and (not is_mark(codes[at]) or codes[at] == _APOSTROPHE):
            if start < 0:
                start = at
        elif start >= 0:
            key = hash_codes(codes, start, at)
            if not contains_hash(_COMMON_TOKENS, key):
                telling |= uint64(1) << (key >> uint64(58))
            words[count, 0], words[count, 1], words[count, 2] = start, at, int64(key)
            count += 1
            start = int64(-1)
    return count, telling


@kernel
def _is_same_word(left, left_words, i, right, right_words, j):  # type: ignore[no-untyped-def]
    start, size = right_words[j, 0], right_words[j, 1] - right_words[j, 0]
    place = left_words[i, 0]
    if left_words[i, 1] - place != size:
        return False
    for at in range(size):
        if left[place + at] != right[start + at]:
            return False
    return True


@kernel
def _count_shared_words(  # type: ignore[no-untyped-def]
    left, left_words, left_count, right, right_words, right_count
):
    """(words of the right text that the left has too, those of them that tell something).

    A word written twice counts twice only where the other text has it twice.
    """
    shared, telling = 0, 0
    for j in range(right_count):
        for i in range(left_count):
            if left_words[i, 2] != right_words[j, 2]:
                continue
            if not _is_same_word(left, left_words, i, right, right_words, j):
                continue
            before_left, before_right = 0, 0
            for other in range(i):
                before_left += int64(left_words[other, 2] == left_words[i, 2])
            for other in range(j):
                before_right += int64(right_words[other, 2] == right_words[j, 2])
            if before_left != before_right:
                continue
            shared += 1
            telling += 0 if contains_hash(_COMMON_TOKENS, uint64(right_words[j, 2])) else 1
            break
    return shared, telling


@kernel
def _edits_and_similarity(  # type: ignore[no-untyped-def]
    masks, left, left_length, right, right_length, prefix
):
    """(OSA distance, Jaro-Winkler similarity) where they can matter, else (length, 0).

    A distance of up to a fifth of the length leaves that many characters unmatched at most, all
    within Jaro's window, so the matches of Jaro rule out both measures at once.
    """
    longer = max(left_length, right_length)
    allowed = max(longer // 5, 2 if longer >= 10 else 0)
    if longer > WORD_CHARACTERS:
        edits = osa_of(masks, left, left_length, right, right_length)
        return edits, jaro_winkler_of(masks, left, left_length, right, right_length)
    left_used, right_used = match_characters(masks, left_length, right, right_length)
    matches = int64(count_ones(left_used))
    edits, similarity = longer, 0.0
    if allowed > 0 and matches >= longer - allowed:
        edits = int64(osa_of(masks, left, left_length, right, right_length))
    need = SIMILAR_NEED[min(prefix, PREFIX_MAX)] * left_length * right_length
    if matches * (left_length + right_length) >= need:
        similarity = jaro_winkler_of_matched(
            left, left_length, left_used, right, right_length, right_used
        )
    return edits, similarity


@kernel
def grade_text(  # type: ignore[no-untyped-def]
    masks,
    left,
    left_length,
    left_words,
    left_count,
    right,
    right_length,
    right_words,
    may_share_words,
):
    """Index into TEXT_GRADES of two different texts.

    `left_words` from `find_words` on the left text, of `left_count` words; `right_words` is
    scratch. `may_share_words` is False where it is known that they share no telling word and are
    not the same words or letters in another order.
    """
    shorter, longer = min(left_length, right_length), max(left_length, right_length)
    shared, telling, most, least = 0, 0, 1, 1
    if may_share_words:
        if is_compact_equal(left, left_length, right, right_length):
            return _TEXT_TOKENS
        right_count, _ = find_words(right, right_length, right_words)
        shared, telling = _count_shared_words(
            left, left_words, left_count, right, right_words, right_count
        )
        most, least = max(left_count, right_count), min(left_count, right_count)
        if shared == most:
            return _TEXT_TOKENS
    prefix, suffix = shared_ends(left, left_length, right, right_length)
    if longer >= 4 and one_edit(left, left_length, right, right_length, prefix, suffix) != 0:
        return _TEXT_ONE_EDIT
    edits, similarity = _edits_and_similarity(masks, left, left_length, right, right_length, prefix)
    if longer >= 10 and edits <= 2:
        return _TEXT_ONE_EDIT
    if (shared == least and telling > 0) or (prefix == shorter and shorter >= 3):
        return _TEXT_CONTAINED
    if similarity >= 0.9 or edits * 5 <= longer:
        return _TEXT_NEAR
    if similarity >= SIMILAR or (telling > 0 and 2 * shared >= most):
        return _TEXT_SIMILAR
    return _TEXT_ELSE
