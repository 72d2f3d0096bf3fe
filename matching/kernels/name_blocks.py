"""The lane of Chinese names, for the pairs of a block that are still in question.

Three steps, each over what the one before has left: equal and missing names, from the two words;
names without a common sound, and of one length with too few sounds in common, from the sounds of
their units; the rest one by one (`han_names.name_grade`).
"""

from __future__ import annotations

from typing import Final

from numba import int64, uint64

from matching.kernels.han_names import (
    ELSE,
    NAME_LANES,
    OVERFLOW,
    ROMANISED,
    SAME_SYLLABLES,
    SURNAME_ONLY,
    name_grade,
)
from matching.kernels.han_units import LANE, SIGNATURES, usual_sounds
from matching.kernels.pair_blocks import COLUMN, NULL_PLACE
from person.han import WILDCARD_UNIT
from person.jit import inlined_kernel, kernel, load_uint64

__all__ = ["grade_names", "look_at_names"]

_OPEN: Final = 14
"""Place of a pair whose names have to be compared; no grade of names is so high."""

_LANES: Final = sum(1 << (15 * lane) for lane in range(4))
_WILD: Final = WILDCARD_UNIT * _LANES
_LOW: Final = 0x3FFF * _LANES
_HIGH: Final = 0x4000 * _LANES


@inlined_kernel
def _is_wild(word):  # type: ignore[no-untyped-def]
    """Whether a unit of a word of up to four is masked."""
    other = (word & NAME_LANES) ^ uint64(_WILD)
    return (((other & uint64(_LOW)) + uint64(_LOW)) | other) & uint64(_HIGH) != uint64(_HIGH)


@kernel
def look_at_names(cols, side, lane, count, at, places):  # type: ignore[no-untyped-def]
    """Places of equal and missing names to places[at:], uint8; the others are left open."""
    start, shift, mask = lane[0] * uint64(COLUMN), lane[1], lane[2]
    for place in range(count):
        here = start + uint64(place)
        one, other = cols[here] >> shift & mask, cols[here + side] >> shift & mask
        is_missing = int64(one == 0) | int64(other == 0)
        is_equal = int64((one ^ other) & NAME_LANES == 0) & int64((one | other) & OVERFLOW == 0)
        is_exact = is_equal & (1 - int64(_is_wild(one)))
        told = is_missing * NULL_PLACE + (1 - is_missing) * (1 - is_exact) * _OPEN
        places[at + uint64(place)] = told


@inlined_kernel
def _unit_count(word):  # type: ignore[no-untyped-def]
    two = int64(word & (LANE << uint64(30)) != 0)
    three, four = int64(word & (LANE << uint64(15)) != 0), int64(word & LANE != 0)
    three |= four
    return 1 + (two | three) + three + four


@inlined_kernel
def _last_of(first, second, third, fourth):  # type: ignore[no-untyped-def]
    """The last that is not 0; only units that are there have sounds."""
    last = second if second != 0 else first
    last = third if third != 0 else last
    return fourth if fourth != 0 else last


@inlined_kernel
def _usual_place(a, b, a0, a1, a2, a3, b0, b1, b2, b3):  # type: ignore[no-untyped-def]
    """ELSE or SURNAME_ONLY where that is certain of two different names, _OPEN where not.

    As `han_names.name_grade`, without a branch; `a0` to `b3` are the sounds of their units.
    """
    all_a, all_b = a0 | a1 | a2 | a3, b0 | b1 | b2 | b3
    first, second = int64(a0 & b0 != 0), int64(a1 & b1 != 0)
    third, fourth = int64(a2 & b2 != 0), int64(a3 & b3 != 0)
    length_a, length_b = _unit_count(a), _unit_count(b)
    enough = int64(first + second + third + fourth >= length_a - 1) & int64(length_a > 1)
    enough |= int64(all_a == all_b) | int64((a | b) & ROMANISED != 0)
    longer = length_a - length_b
    alike = first | second << 1 | third << 2 | fourth << 3
    ends = int64(_last_of(a0, a1, a2, a3) & _last_of(b0, b1, b2, b3) != 0)
    ends |= alike >> (min(length_a, length_b) - 1) & 1
    is_open = int64(longer == 0) & enough | int64(longer * longer == 1) & (1 - first | ends)
    surname_differs = int64((a ^ b) & (LANE << uint64(45)) != 0)
    is_open |= first & (surname_differs | int64((a | b) >> uint64(61) & uint64(1) != 0))
    is_open = is_open & int64(all_a & all_b != 0) | int64((a | b) & OVERFLOW != 0)
    return is_open * _OPEN + (1 - is_open) * (first * SURNAME_ONLY + (1 - first) * ELSE)


@inlined_kernel
def _lay_out_sounds(word, table, at, sounds):  # type: ignore[no-untyped-def]
    """Sounds of the units of a name to four columns of `sounds`; an overflow has none."""
    step = uint64(COLUMN)
    word = uint64(0) if word & OVERFLOW != 0 else word
    sounds[at] = load_uint64(table, word >> uint64(45) & LANE)
    sounds[at + step] = load_uint64(table, word >> uint64(30) & LANE)
    sounds[at + step + step] = load_uint64(table, word >> uint64(15) & LANE)
    sounds[at + step + step + step] = load_uint64(table, word & LANE)


@kernel
def _tell_from_sounds(words, sounds, count, out):  # type: ignore[no-untyped-def]
    """`_usual_place` of pairs laid out in columns."""
    step = uint64(COLUMN)
    two, four = step + step, step + step + step + step
    for number in range(count):
        at = uint64(number)
        out[at] = _usual_place(
            *(words[at], words[at + step]),
            *(sounds[at], sounds[at + step], sounds[at + two], sounds[at + two + step]),
            *(sounds[at + four], sounds[at + four + step]),
            *(sounds[at + four + two], sounds[at + four + two + step]),
        )


@kernel
def grade_names(  # type: ignore[no-untyped-def]
    cols, side, lane, live, at, places, overflow, han, scratch, words, buffers
):
    """Grade the names that `look_at_names` left open, of the pairs `live`, int64[k].

    scratch int64[BLOCK + 1], words uint64[10 COLUMN], buffers int64[3, UNITS_MAX + 1].
    """
    start, shift, mask = lane[0] * uint64(COLUMN), lane[1], lane[2]
    sounds, told = words[2 * COLUMN :], places[(len(places) // COLUMN - 1) * COLUMN :]
    used = 0
    for number in range(live.shape[0]):
        place = live[number]
        scratch[used] = place
        used += places[at + uint64(place)] == _OPEN
    table = han[SIGNATURES]
    for number in range(used):
        place, to = uint64(scratch[number]), uint64(number)
        one = cols[start + place] >> shift & mask
        other = cols[start + side + place] >> shift & mask
        words[to], words[to + uint64(COLUMN)] = one, other
        _lay_out_sounds(one, table, to, sounds)
        _lay_out_sounds(other, table, to + uint64(4 * COLUMN), sounds)
    _tell_from_sounds(words, sounds, min((used + 31) // 32 * 32, COLUMN), told)
    hard = 0
    for number in range(used):
        place = scratch[number]
        grade = told[uint64(number)]
        places[at + uint64(place)] = grade
        scratch[hard] = place
        hard += grade == _OPEN
    for number in range(hard):
        place = uint64(scratch[number])
        one = cols[start + place] >> shift & mask
        other = cols[start + side + place] >> shift & mask
        sounds_of = usual_sounds(one, han)
        if sounds_of != 0 and sounds_of == usual_sounds(other, han) and not _is_wild(one):
            places[at + place] = SAME_SYLLABLES
        else:
            places[at + place] = name_grade(one, other, overflow, han, buffers)
