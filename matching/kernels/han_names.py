"""Comparing Chinese names: graded, symmetric, on words of four units and on longer names.

What may happen to one name between two records, best first:

    exact                the same folded characters
    same_syllables       the same sounds: 张玮/张伟, 单雄/Shan Xiong; surname readings in surnames
    fuzzy_syllables      the same sounds to an ear that merges zh/z, n/l, an/ang, in/ing ...
    similar_character    one character replaced by one of its shape, or masked (王?明)
    one_character        one character missing or too many; one or two of a long name different
    swapped              surname last, or the two given characters in the other order
    one_given_character  same surname, one of two given characters is another: siblings share a
                         generation character (王建国/王建军), so this may weigh against
    given_only           the same given name of two characters or more, another surname
    surname_only         the same surname only; 王伟/王芳 is here, as 伟/芳 is all of a given name
    else

A masked character in a name of two tells only the surname. Two masks never agree.

The sketch: a pair reads two words of 8 bytes. Names whose sounds have nothing in common, three
pairs in four of a block of strangers, end after four loads from a table of 256 KB and one AND
(no lane is decoded); the others compare lane by lane. No allocation but two buffers a call for
names of more than four units. 55 million pairs a second and core (all pairs in runs of 100 random
names, rows of 32 bytes, best of 7, thread time).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import int64, uint64

from matching.comparator import NULL_GRADE, Comparator, overflow_arrays
from matching.kernels.han_units import (
    DIFFERENT,
    EQUAL,
    FUZZY,
    LANE,
    SHAPE,
    SIGNATURES,
    SOUND,
    UNIT_COUNT,
    WILD,
    han_addresses,
    relation,
    signature,
)
from person.field import OverflowTable
from person.han import CHARACTER_BASE, WILDCARD_UNIT
from person.han_names import hash_name_word
from person.jit import inlined_kernel, kernel, load_uint64
from person.romanised import find_key
from person.slots import read_slot

__all__ = ["COMPARATORS", "GRADES", "GRADES_ANY", "fill_han_name", "fill_han_name_any"]

GRADES: Final = (
    "exact",
    "same_syllables",
    "fuzzy_syllables",
    "similar_character",
    "one_character",
    "swapped",
    "one_given_character",
    "given_only",
    "surname_only",
    "else",
)
(
    EXACT,
    SAME_SYLLABLES,
    FUZZY_SYLLABLES,
    SIMILAR_CHARACTER,
    ONE_CHARACTER,
    SWAPPED,
    ONE_GIVEN,
    GIVEN_ONLY,
    SURNAME_ONLY,
    ELSE,
) = range(10)
GRADES_ANY: Final = (*GRADES[:3], "former_name", *GRADES[3:])
FORMER_NAME: Final = 3

NAME_LANES: Final = uint64((1 << 60) - 1)
ROMANISED: Final = uint64(1 << 62)
OVERFLOW: Final = uint64(1 << 63)
UNITS_MAX: Final = 64  # of a long name, what the alignment looks at


# ---------------------------------------------------------------- names of up to four units


@kernel
def lane(word, position):  # type: ignore[no-untyped-def]
    return int64((word >> uint64(45 - 15 * position)) & LANE)


@kernel
def lane_count(word):  # type: ignore[no-untyped-def]
    """Units in a word; lanes fill from the highest."""
    if word & LANE:
        return int64(4)
    if word & (LANE << uint64(15)):
        return int64(3)
    return int64(2) if word & (LANE << uint64(30)) else int64(1)


@kernel
def surname_lanes(a, b):  # type: ignore[no-untyped-def]
    """Lanes the surname takes, by whichever side knows more; 1 where neither does."""
    return max(int64(1), int64((a >> uint64(60)) & uint64(3)), int64((b >> uint64(60)) & uint64(3)))


@kernel
def is_rotation(a, b, length, is_romanised, han):  # type: ignore[no-untyped-def]
    """Whether b is a with its surname moved behind the given name, or the other way round.

    Characters must be the same; romanised names need only sound the same.
    """
    for turn in range(1, length):
        matches = 0
        for i in range(length):
            unit, other = lane(a, (i + turn) % length), lane(b, i)
            if unit == other or (is_romanised and relation(unit, other, int64(1), han) >= SOUND):
                matches += 1
            else:
                break
        if matches == length:
            return True
    return False


@kernel
def compare_same_length(a, b, length, han):  # type: ignore[no-untyped-def]
    """Grade of two different words of as many units."""
    surname = surname_lanes(a, b)
    different, wild, shape, fuzzy, position = 0, 0, 0, 0, 0
    surname_alike = True
    for i in range(length):
        found = relation(lane(a, i), lane(b, i), int64(i < surname), han)
        if i < surname:
            surname_alike &= found >= SOUND
        different += found == DIFFERENT
        wild += found == WILD
        shape += found == SHAPE
        fuzzy += found == FUZZY
        if found < FUZZY:
            position = i
    if different + wild + shape == 0:
        return int64(FUZZY_SYLLABLES) if fuzzy else int64(SAME_SYLLABLES)
    if different + wild + shape + fuzzy == 1 and length > 1:
        if shape or (wild and length > 2):
            return int64(SIMILAR_CHARACTER)
        if different and length > 2:
            if position >= surname:
                return int64(ONE_GIVEN)
            return int64(GIVEN_ONLY) if surname == 1 else int64(ONE_CHARACTER)
    if wild == 0 and length > 1:
        is_romanised = ((a | b) & ROMANISED) != uint64(0)
        if is_rotation(a, b, length, is_romanised, han):
            return int64(SWAPPED)
        if length == 3 and surname_alike and lane(a, 1) == lane(b, 2) and lane(a, 2) == lane(b, 1):
            return int64(SWAPPED)
    return int64(SURNAME_ONLY) if surname_alike else int64(ELSE)


@kernel
def compare_one_longer(long, short, length, han):  # type: ignore[no-untyped-def]
    """Grade where `long` has one unit more than `short`, which has `length`."""
    surname = surname_lanes(long, short)
    missing = 0
    while missing < length:
        found = relation(lane(long, missing), lane(short, missing), int64(missing < surname), han)
        if found < SOUND:
            break
        missing += 1
    surname_alike = missing > 0
    for i in range(missing, length):
        if relation(lane(long, i + 1), lane(short, i), int64(0), han) < SOUND:
            return int64(SURNAME_ONLY) if surname_alike else int64(ELSE)
    if length == 1:
        return int64(SURNAME_ONLY) if surname_alike else int64(ELSE)
    return int64(ONE_CHARACTER) if surname_alike else int64(GIVEN_ONLY)


@kernel
def surname_grade(a, b, han):  # type: ignore[no-untyped-def]
    """SURNAME_ONLY or ELSE, of two words of which no more can be said."""
    for i in range(surname_lanes(a, b)):
        unit, other = lane(a, i), lane(b, i)
        if unit != other and relation(unit, other, int64(1), han) < SOUND:
            return int64(ELSE)
    return int64(SURNAME_ONLY)


@kernel
def _sounds(word, shift, han):  # type: ignore[no-untyped-def]
    return load_uint64(han[SIGNATURES], (word >> uint64(shift)) & LANE)


@kernel
def lanes_alike(a, b, han):  # type: ignore[no-untyped-def]
    """Bit i set where the units of lane i may sound alike; clear where they surely do not."""
    first = _sounds(a, 45, han) & _sounds(b, 45, han)
    second = _sounds(a, 30, han) & _sounds(b, 30, han)
    third = _sounds(a, 15, han) & _sounds(b, 15, han)
    fourth = _sounds(a, 0, han) & _sounds(b, 0, han)
    alike = int64(first != uint64(0)) | int64(second != uint64(0)) << 1
    return alike | int64(third != uint64(0)) << 2 | int64(fourth != uint64(0)) << 3


@kernel
def ends_alike(a, length_a, b, length_b, han):  # type: ignore[no-untyped-def]
    """Whether the last units may sound alike."""
    one = load_uint64(han[SIGNATURES], lane(a, length_a - 1))
    return one & load_uint64(han[SIGNATURES], lane(b, length_b - 1)) != uint64(0)


@kernel
def compare_words(a, b, han):  # type: ignore[no-untyped-def]
    """Grade of two different words that are no overflow and have a sound in common.

    Most such pairs share one sound by chance; counting the lanes that may be alike settles them.
    """
    length_a, length_b = lane_count(a), lane_count(b)
    alike = lanes_alike(a, b, han)
    if length_a == length_b:
        enough = (alike & 1) + (alike >> 1 & 1) + (alike >> 2 & 1) + (alike >> 3) >= length_a - 1
        turned = signature(a, han) == signature(b, han)
        if (length_a > 1 and enough) or turned or (a | b) & ROMANISED:
            return compare_same_length(a, b, length_a, han)
    elif length_a == length_b + 1:
        if alike & 1 == 0 or ends_alike(a, length_a, b, length_b, han):
            return compare_one_longer(a, b, length_b, han)
        if alike >> (length_b - 1) & 1:
            return compare_one_longer(a, b, length_b, han)
    elif length_b == length_a + 1:
        if alike & 1 == 0 or ends_alike(a, length_a, b, length_b, han):
            return compare_one_longer(b, a, length_a, han)
        if alike >> (length_a - 1) & 1:
            return compare_one_longer(b, a, length_a, han)
    return surname_grade(a, b, han) if alike & 1 else int64(ELSE)


@kernel
def has_wildcard(word):  # type: ignore[no-untyped-def]
    for i in range(4):
        if lane(word, i) == WILDCARD_UNIT:
            return True
    return False


# ---------------------------------------------------------------- longer names


@kernel
def load_units(word, overflow, units):  # type: ignore[no-untyped-def]
    """Units of a word into int64[UNITS_MAX]; returns how many."""
    if word & OVERFLOW:
        row = find_key(overflow[0], word)
        if row < 0:
            return int64(0)
        start = overflow[1][row]
        count = min(int64(UNITS_MAX), overflow[1][row + 1] - start)
        for i in range(count):
            units[i] = overflow[2][start + i]
        return count
    count = lane_count(word)
    for i in range(count):
        units[i] = lane(word, i)
    return count


@kernel
def align_units(a, count_a, b, count_b, row, han):  # type: ignore[no-untyped-def]
    """Cheapest alignment; returns its cost: edits << 36 | shapes << 24 | fuzzy << 12 | sounds."""
    for j in range(count_b + 1):
        row[j] = j << 36
    for i in range(1, count_a + 1):
        diagonal = row[0]
        row[0] = i << 36
        for j in range(1, count_b + 1):
            found = relation(a[i - 1], b[j - 1], int64(0), han)
            step = int64(1) << 36
            if found == EQUAL:
                step = int64(0)
            elif found == SOUND:
                step = int64(1)
            elif found == FUZZY:
                step = int64(1) << 12
            elif found == SHAPE or found == WILD:
                step = int64(1) << 24
            best = min(diagonal + step, min(row[j], row[j - 1]) + (int64(1) << 36))
            diagonal = row[j]
            row[j] = best
    return row[count_b]


@inlined_kernel
def _unit_sounds(unit, han):  # type: ignore[no-untyped-def]
    """Bits for the sounds of a unit; of one that has none, a bit of its own."""
    if uint64(unit) >= han[UNIT_COUNT]:
        return uint64(1) << (uint64(unit) & uint64(63))
    return load_uint64(han[SIGNATURES], unit)


@kernel
def _unheard_units(units, count, others, other_count, han):  # type: ignore[no-untyped-def]
    """Units that have no sound in common with any of the others."""
    heard = uint64(0)
    for i in range(other_count):
        heard |= _unit_sounds(others[i], han)
    unheard = int64(0)
    for i in range(count):
        unheard += int64(_unit_sounds(units[i], han) & heard == uint64(0))
    return unheard


@kernel
def unlike_units_min(a, count_a, b, count_b, han):  # type: ignore[no-untyped-def]
    """A number of edits and shapes that no alignment goes under, without aligning."""
    least = abs(count_a - count_b)
    if least > 1 + max(count_a, count_b) // 4:
        return least
    least = max(least, _unheard_units(a, count_a, b, count_b, han))
    return max(least, _unheard_units(b, count_b, a, count_a, han))


@kernel
def rotates(a, b, count):  # type: ignore[no-untyped-def]
    """Whether b is a, cut once and its halves exchanged: 'John Smith', 'Smith John'."""
    for turn in range(1, count):
        i = 0
        while i < count and a[(i + turn) % count] == b[i]:
            i += 1
        if i == count:
            return True
    return False


@kernel
def common_prefix(a, b, count, han):  # type: ignore[no-untyped-def]
    i = int64(0)
    while i < count and relation(a[i], b[i], int64(0), han) >= SOUND:
        i += 1
    return i


@kernel
def compare_long(a, b, overflow, han, buffers):  # type: ignore[no-untyped-def]
    """Grade of two different words of which at least one overflows; buffers : int64[3, 65]."""
    left, right = buffers[0], buffers[1]
    count_a, count_b = load_units(a, overflow, left), load_units(b, overflow, right)
    if count_a == 0 or count_b == 0:
        return int64(ELSE)
    longest, shortest = max(count_a, count_b), min(count_a, count_b)
    allowed = max(int64(1), longest // 4)
    if unlike_units_min(left, count_a, right, count_b, han) <= allowed:
        cost = align_units(left, count_a, right, count_b, buffers[2], han)
        edits, shapes = cost >> 36, (cost >> 24) & 0xFFF
        fuzzy = (cost >> 12) & 0xFFF
        if edits == 0 and shapes == 0 and 2 * fuzzy <= longest:
            return int64(FUZZY_SYLLABLES) if fuzzy else int64(SAME_SYLLABLES)
        if edits == 0 and shapes == 1 and 4 * fuzzy <= longest:
            return int64(SIMILAR_CHARACTER)
        if edits + shapes <= allowed and 4 * fuzzy <= longest:
            return int64(ONE_CHARACTER)
    prefix = common_prefix(left, right, shortest, han)
    if prefix == shortest and (prefix >= 6 or (prefix >= 4 and left[0] >= CHARACTER_BASE)):
        return int64(ONE_CHARACTER)  # cut off by a system with a short name column
    if count_a == count_b and rotates(left, right, count_a):
        return int64(SWAPPED)
    if prefix >= 2 and left[0] >= WILDCARD_UNIT:
        return int64(SURNAME_ONLY)
    return int64(ELSE)


# ---------------------------------------------------------------- batches


@kernel
def same_units_grade(word, han):  # type: ignore[no-untyped-def]
    """EXACT, but for a masked name, which never agrees with itself for certain."""
    if has_wildcard(word):
        return compare_same_length(word, word, lane_count(word), han)
    return int64(EXACT)


@kernel
def name_grade(a, b, overflow, han, buffers):  # type: ignore[no-untyped-def]
    """Grade of two present name words: what `fill_han_name` does, for one pair."""
    if (a | b) & OVERFLOW:
        return int64(EXACT) if a == b else compare_long(a, b, overflow, han, buffers)
    if (a ^ b) & NAME_LANES == uint64(0):
        return same_units_grade(a, han)
    if signature(a, han) & signature(b, han):
        return compare_words(a, b, han)
    return int64(ELSE)


@kernel
def fill_han_name(a, b, left, right, slots, tables, cutoffs, out):  # type: ignore[no-untyped-def]
    """Grade pairs of names; see `matching.comparator` for the face all comparators share."""
    overflow, han = tables
    buffers = np.zeros((3, UNITS_MAX + 1), np.int64)
    last, word, word_signature = int64(-1), uint64(0), uint64(0)
    for p in range(len(left)):
        if left[p] != last:
            last = int64(left[p])
            word = read_slot(a, last, slots, int64(0))
            word_signature = signature(word & NAME_LANES, han)
        other = read_slot(b, int64(right[p]), slots, int64(0))
        # What most pairs come to is settled here: a call counts references to all the tables.
        if word == uint64(0) or other == uint64(0):
            out[p] = NULL_GRADE
        elif (word | other) & OVERFLOW:
            out[p] = EXACT if word == other else compare_long(word, other, overflow, han, buffers)
        elif (word ^ other) & NAME_LANES == uint64(0):
            out[p] = EXACT
            if has_wildcard(word):
                out[p] = same_units_grade(word, han)
        elif word_signature & signature(other, han):
            out[p] = compare_words(word, other, han)
        else:
            out[p] = ELSE


@kernel
def former_agrees(name, former, bits, overflow, han, buffers):  # type: ignore[no-untyped-def]
    """Whether a name and a former name are the same; a hashed former name knows equality only."""
    if name == uint64(0) or former == uint64(0):
        return False
    if bits < 64:
        return hash_name_word(name, bits) == former
    return name_grade(name, former, overflow, han, buffers) <= 1


@kernel
def fill_han_name_any(a, b, left, right, slots, tables, cutoffs, out):  # type: ignore[no-untyped-def]
    """Grade names, with former names as a second chance; slots: the name's, the former name's."""
    overflow, han = tables
    bits = slots[1, 2]
    buffers = np.zeros((3, UNITS_MAX + 1), np.int64)
    last, word, former = int64(-1), uint64(0), uint64(0)
    for p in range(len(left)):
        if left[p] != last:
            last = int64(left[p])
            word = read_slot(a, last, slots, int64(0))
            former = read_slot(a, last, slots, int64(1))
        other = read_slot(b, int64(right[p]), slots, int64(0))
        other_former = read_slot(b, int64(right[p]), slots, int64(1))
        grade = int64(NULL_GRADE)
        if word and other:
            grade = name_grade(word, other, overflow, han, buffers)
        if grade > FUZZY_SYLLABLES and (former | other_former):
            if former_agrees(word, other_former, bits, overflow, han, buffers):
                grade = int64(-1)
            elif former_agrees(other, former, bits, overflow, han, buffers):
                grade = int64(-1)
        if grade < 0:
            out[p] = FORMER_NAME
        elif grade == NULL_GRADE or grade < FORMER_NAME:
            out[p] = grade
        else:
            out[p] = grade + 1


# ---------------------------------------------------------------- registration


def _tables(overflow: OverflowTable) -> tuple[Any, ...]:
    return overflow_arrays(overflow), han_addresses()


COMPARATORS: Final = (
    Comparator(
        name="han_name", kinds=(("han_name",),), kernel=fill_han_name, grades=GRADES, tables=_tables
    ),
    Comparator(
        name="han_name_any",
        kinds=(("han_name",), ("han_name",)),
        kernel=fill_han_name_any,
        grades=GRADES_ANY,
        tables=_tables,
    ),
)
