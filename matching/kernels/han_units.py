"""How alike two units of a name are: by sound, by shape, or not; the base of name grades."""

from __future__ import annotations

from typing import Final

from numba import int64, uint64

from person.han import CHARACTER_BASE, WILDCARD_UNIT
from person.jit import kernel

__all__ = ["DIFFERENT", "EQUAL", "FUZZY", "SHAPE", "SOUND", "WILD", "relation"]

DIFFERENT, WILD, SHAPE, FUZZY, SOUND, EQUAL = range(6)
SURNAME_FIELD: Final = uint64(511 << 9)


@kernel
def readings_in_place(packed, unit, other, in_surname):  # type: ignore[no-untyped-def]
    """Readings of a unit that count where it stands.

    A character in a surname is read as the surname; against Latin letters, whose writer may not
    have known better (Dan for 单), every reading counts.
    """
    if unit < CHARACTER_BASE:
        return packed
    if in_surname == 0:
        return packed & ~SURNAME_FIELD
    if other < CHARACTER_BASE:
        return packed
    return (packed & SURNAME_FIELD) >> uint64(9)


@kernel
def sound_relation(unit, other, in_surname, readings, fuzzy_class):  # type: ignore[no-untyped-def]
    """SOUND, FUZZY or DIFFERENT: whether any two readings of the units are alike."""
    left = readings_in_place(readings[unit], unit, other, in_surname)
    right = readings_in_place(readings[other], other, unit, in_surname)
    best = int64(DIFFERENT)
    while left:
        syllable = left & uint64(511)
        left >>= uint64(9)
        if syllable == 0:
            continue
        rest = right
        while rest:
            other_syllable = rest & uint64(511)
            rest >>= uint64(9)
            if other_syllable == syllable:
                return int64(SOUND)
            if other_syllable and fuzzy_class[syllable] == fuzzy_class[other_syllable]:
                best = int64(FUZZY)
    return best


@kernel
def relation(unit, other, in_surname, han):  # type: ignore[no-untyped-def]
    """How alike two units are: EQUAL, SOUND, FUZZY, SHAPE, WILD or DIFFERENT."""
    readings, fuzzy_class, similar_offsets, similar_units = han[0], han[1], han[2], han[3]
    if unit == WILDCARD_UNIT or other == WILDCARD_UNIT:
        return int64(WILD)
    if unit == other:
        return int64(EQUAL)
    if unit >= len(readings) or other >= len(readings):
        return int64(DIFFERENT)
    sound = sound_relation(unit, other, in_surname, readings, fuzzy_class)
    if sound != DIFFERENT:
        return sound
    if unit >= CHARACTER_BASE and other >= CHARACTER_BASE:
        for k in range(similar_offsets[unit], similar_offsets[unit + 1]):
            if similar_units[k] == other:
                return int64(SHAPE)
    return int64(DIFFERENT)
