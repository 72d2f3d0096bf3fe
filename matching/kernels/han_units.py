"""How alike two units of a name are: by sound, by shape, or not; the base of name grades."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from person.han import CHARACTER_BASE, WILDCARD_UNIT, han_tables
from person.jit import inlined_kernel, kernel, load_int32, load_uint16, load_uint64

__all__ = [
    "DIFFERENT",
    "EQUAL",
    "FUZZY",
    "LANE",
    "NO_ADDRESSES",
    "SHAPE",
    "SIGNATURES",
    "SOUND",
    "SOUNDS",
    "UNIT_COUNT",
    "WILD",
    "han_addresses",
    "relation",
    "signature",
    "usual_sounds",
]

DIFFERENT, WILD, SHAPE, FUZZY, SOUND, EQUAL = range(6)
SURNAME_FIELD: Final = uint64(511 << 9)
LANE: Final = uint64(0x7FFF)

READINGS, FUZZY_CLASS, OFFSETS, SIMILAR, SIGNATURES, SOUNDS, UNIT_COUNT = range(7)
"""Places in `han`: addresses of six tables, and how many units there are."""


NO_ADDRESSES: Final = (np.uint64(0),) * 7
"""What stands for them where no name is read."""


@kernel
def fuzzy_class(syllable, han):  # type: ignore[no-untyped-def]
    return load_uint16(han[FUZZY_CLASS], syllable)


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
def sound_relation(unit, other, in_surname, han):  # type: ignore[no-untyped-def]
    """SOUND, FUZZY or DIFFERENT: whether any two readings of the units are alike."""
    left = readings_in_place(load_uint64(han[READINGS], unit), unit, other, in_surname)
    right = readings_in_place(load_uint64(han[READINGS], other), other, unit, in_surname)
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
            if other_syllable and fuzzy_class(syllable, han) == fuzzy_class(other_syllable, han):
                best = int64(FUZZY)
    return best


@kernel
def relation(unit, other, in_surname, han):  # type: ignore[no-untyped-def]
    """How alike two units are: EQUAL, SOUND, FUZZY, SHAPE, WILD or DIFFERENT."""
    if unit == WILDCARD_UNIT or other == WILDCARD_UNIT:
        return int64(WILD)
    if unit == other:
        return int64(EQUAL)
    if uint64(unit) >= han[UNIT_COUNT] or uint64(other) >= han[UNIT_COUNT]:
        return int64(DIFFERENT)
    sound = sound_relation(unit, other, in_surname, han)
    if sound != DIFFERENT:
        return sound
    if unit >= CHARACTER_BASE and other >= CHARACTER_BASE:
        for k in range(load_int32(han[OFFSETS], unit), load_int32(han[OFFSETS], unit + 1)):
            if load_uint16(han[SIMILAR], k) == other:
                return int64(SHAPE)
    return int64(DIFFERENT)


@kernel
def signature(word, han):  # type: ignore[no-untyped-def]
    """Bits for all the sounds of a name; names alike in any unit share a bit."""
    return (
        load_uint64(han[SIGNATURES], (word >> uint64(45)) & LANE)
        | load_uint64(han[SIGNATURES], (word >> uint64(30)) & LANE)
        | load_uint64(han[SIGNATURES], (word >> uint64(15)) & LANE)
        | load_uint64(han[SIGNATURES], word & LANE)
    )


@inlined_kernel
def usual_sounds(word, han):  # type: ignore[no-untyped-def]
    """How a name is usually read, 16 bits a lane, the first as a surname.

    Of two names without a wildcard: where these are equal and not 0, every lane is EQUAL or of
    the same SOUND. 0 for an overflow, where the second lane is empty and where the surname has
    more than one character; then nothing is said.
    """
    if word & (LANE << uint64(30)) == 0 or (word >> uint64(61)) & uint64(5) != 0:
        return uint64(0)
    low = uint64(0xFFFF)
    first = uint64(load_int32(han[SOUNDS], (word >> uint64(45)) & LANE)) >> uint64(16) & low
    second = uint64(load_int32(han[SOUNDS], (word >> uint64(30)) & LANE)) & low
    third = uint64(load_int32(han[SOUNDS], (word >> uint64(15)) & LANE)) & low
    fourth = uint64(load_int32(han[SOUNDS], word & LANE)) & low
    return first << uint64(48) | second << uint64(32) | third << uint64(16) | fourth


def _usual_sounds(readings: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Usual reading in a given name, and as a surname in the upper half, of each unit.

    What has none, and what is no character, sounds like itself alone.
    """
    unit = np.arange(len(readings), dtype=np.uint32)
    sounds = np.zeros(len(unit), np.uint32)
    for reading, place in ((readings & 511, 0), (readings >> 9 & 511, 16)):
        own = unit | np.uint32(0x8000)
        is_read = (unit >= CHARACTER_BASE) & (reading > 0)
        sounds |= np.where(is_read, reading.astype(np.uint32), own) << np.uint32(place)
    sounds[0] = 0
    return sounds.view(np.int32)


@lru_cache(maxsize=1)
def _han_arrays() -> tuple[NDArray[Any], ...]:
    """Readings, fuzzy classes, shape neighbours (offsets, units), signatures, usual sounds."""
    tables = han_tables()
    unit_count = len(tables.readings)
    signatures = np.zeros(unit_count, np.uint64)
    for position in range(5):
        number = (tables.readings >> np.uint64(9 * position)) & np.uint64(511)
        bit = np.uint64(1) << (tables.fuzzy_class[number].astype(np.uint64) % np.uint64(64))
        signatures |= np.where(number > 0, bit, np.uint64(0))
    own_bit = np.uint64(1) << (np.arange(unit_count).astype(np.uint64) % np.uint64(64))
    signatures = np.where(signatures == 0, own_bit, signatures)
    signatures[0] = 0
    signatures[WILDCARD_UNIT] = ~np.uint64(0)
    arrays = (
        tables.readings.astype(np.uint64, copy=False),
        tables.fuzzy_class.astype(np.uint16, copy=False),
        tables.similar_offsets.astype(np.int32, copy=False),
        tables.similar_units.astype(np.uint16, copy=False),
        signatures,
        _usual_sounds(tables.readings),
    )
    return tuple(np.ascontiguousarray(each) for each in arrays)


def han_addresses() -> tuple[np.uint64, ...]:
    """What kernels take as `han`: addresses of tables that live as long as the process."""
    arrays = _han_arrays()
    return (*(np.uint64(each.ctypes.data) for each in arrays), np.uint64(len(arrays[0])))
