"""Binary signatures: records that resemble each other differ in few bits.

Every kernel has one face and sets the bits of one field:

    set_<kind>_bits(rows, slots, salt, tables, out)
      rows : uint64[n, *] encoded or travelling rows, read-only view, C-contiguous
      slots : int64[c, 3], the field's components
      salt : uint64, sets the bits of one field apart from those of another
      tables : tuple of constant arrays
      out : uint64[n, signature_words], bits are added

A feature (a syllable at a place, the month, a part of an address) is hashed to one bit, or two
where it should weigh more; a missing field sets none. Two records' distance is then about the
number of features that only one of them has. 60 features among 256 bits leave one bit in five
set, so few features fall together.
"""

from __future__ import annotations

from numba import int64, uint64

from person.hashing import mix64
from person.jit import kernel
from person.slots import read_slot

__all__ = [
    "set_address_bits",
    "set_date_bits",
    "set_gender_bits",
    "set_han_name_bits",
    "set_id_bits",
    "set_phone_bits",
    "set_region_bits",
    "set_text_bits",
    "set_value_bits",
]

CHARACTERS_PER_WORD = 10
UNITS_MAX = 4


@kernel
def _set_bit(out, row, salt, feature):  # type: ignore[no-untyped-def]
    bit = mix64(salt ^ mix64(uint64(feature))) % uint64(64 * out.shape[1])
    out[row, bit >> uint64(6)] |= uint64(1) << (bit & uint64(63))


@kernel
def _feature(kind, value):  # type: ignore[no-untyped-def]
    """A value of some kind as one number; kinds under 64."""
    return uint64(value) << uint64(6) | uint64(kind)


@kernel
def set_han_name_bits(rows, slots, salt, tables, out):  # type: ignore[no-untyped-def]
    """Each unit by its sound (at its place and anywhere), its accent class, letters and shape.

    tables = (syllable uint16[32768], surname syllable uint16[32768], fuzzy class uint16[512],
    letter pairs of each syllable uint16[512, k], shape class uint16[32768]).

    A homophone keeps all bits but its shape's, an accent most, a similar character its shape's,
    swapped parts half. Of a name that overflowed only the whole counts.
    """
    syllable, surname_syllable, fuzzy, letters, shape = tables
    for row in range(rows.shape[0]):
        word = read_slot(rows, row, slots, 0)
        if word == 0:
            continue
        if word >> uint64(63) != 0:
            for copy in range(4):
                _set_bit(out, row, salt, _feature(copy, word >> uint64(6)))
            continue
        for at in range(UNITS_MAX):
            unit = int64((word >> uint64(45 - 15 * at)) & uint64(0x7FFF))
            if unit == 0:
                break
            table = surname_syllable if at == 0 else syllable
            sound = int64(table[unit])
            if sound == 0:
                sound = int64(syllable[unit])
            _set_bit(out, row, salt, _feature(8 + at, shape[unit]))
            if sound == 0:
                _set_bit(out, row, salt, _feature(12 + at, unit))
                continue
            place = min(at, 2)
            _set_bit(out, row, salt, _feature(16 + place, sound))
            _set_bit(out, row, salt, _feature(20 + place, fuzzy[sound]))
            _set_bit(out, row, salt, _feature(24, sound))
            for pair in range(letters.shape[1]):
                if letters[sound, pair] != 0:
                    _set_bit(out, row, salt, _feature(28 + place, letters[sound, pair]))


@kernel
def set_text_bits(rows, slots, salt, tables, out):  # type: ignore[no-untyped-def]
    """Pairs of neighbouring characters of packed text; a text that overflowed as a whole."""
    for row in range(rows.shape[0]):
        first = read_slot(rows, row, slots, 0)
        if first == 0:
            continue
        if first >> uint64(63) != 0:
            for copy in range(4):
                _set_bit(out, row, salt, _feature(copy, first >> uint64(6)))
            continue
        last = uint64(63)
        for at in range(CHARACTERS_PER_WORD * slots.shape[0] + 1):
            code = uint64(0)
            if at < CHARACTERS_PER_WORD * slots.shape[0]:
                word = read_slot(rows, row, slots, at // CHARACTERS_PER_WORD)
                code = (word >> uint64(54 - 6 * (at % CHARACTERS_PER_WORD))) & uint64(63)
            _set_bit(out, row, salt, _feature(8, last << uint64(6) | code))
            if code == 0:
                break
            last = code


@kernel
def set_date_bits(rows, slots, salt, tables, out):  # type: ignore[no-untyped-def]
    """Year, month and day, two bits each, and one for the two numbers in any order."""
    for row in range(rows.shape[0]):
        value = read_slot(rows, row, slots, 0)
        if value == 0:
            continue
        year, month, day = value >> uint64(9), (value >> uint64(5)) & uint64(15), value & uint64(31)
        for copy in range(2):
            _set_bit(out, row, salt, _feature(copy, year))
            if month != 0:
                _set_bit(out, row, salt, _feature(2 + copy, month))
            if day != 0:
                _set_bit(out, row, salt, _feature(4 + copy, day))
        if month != 0 and day != 0:
            low, high = min(month, day), max(month, day)
            _set_bit(out, row, salt, _feature(6, low << uint64(5) | high))


@kernel
def set_gender_bits(rows, slots, salt, tables, out):  # type: ignore[no-untyped-def]
    """One bit."""
    for row in range(rows.shape[0]):
        value = read_slot(rows, row, slots, 0)
        if value != 0:
            _set_bit(out, row, salt, value)


@kernel
def set_region_bits(rows, slots, salt, tables, out):  # type: ignore[no-untyped-def]
    """The prefecture and the county, two bits each."""
    for row in range(rows.shape[0]):
        value = read_slot(rows, row, slots, 0)
        if value == 0:
            continue
        for copy in range(2):
            _set_bit(out, row, salt, _feature(copy, value))
            _set_bit(out, row, salt, _feature(2 + copy, value // uint64(100)))


@kernel
def set_phone_bits(rows, slots, salt, tables, out):  # type: ignore[no-untyped-def]
    """The last four digits and those before, two bits each, so that a slip leaves half."""
    for row in range(rows.shape[0]):
        value = read_slot(rows, row, slots, 0)
        if value == 0:
            continue
        for copy in range(2):
            _set_bit(out, row, salt, _feature(copy, value & uint64(0xFFFF)))
            _set_bit(out, row, salt, _feature(2 + copy, value >> uint64(16)))


@kernel
def set_address_bits(rows, slots, salt, tables, out):  # type: ignore[no-untyped-def]
    """Each minimum of the address's sketch, and its numbers twice."""
    for row in range(rows.shape[0]):
        grams = read_slot(rows, row, slots, 0)
        if grams != 0:
            for at in range(6):
                minimum = (grams >> uint64(8 * at)) & uint64(255)
                _set_bit(out, row, salt, _feature(at, minimum))
        numbers = read_slot(rows, row, slots, 1)
        if numbers != 0:
            for copy in range(2):
                _set_bit(out, row, salt, _feature(8 + copy, numbers))


@kernel
def set_id_bits(rows, slots, salt, tables, out):  # type: ignore[no-untyped-def]
    """Region, birth date and sequence of a national id, or the hash of another document."""
    for row in range(rows.shape[0]):
        body = read_slot(rows, row, slots, 0)
        if body == 0:
            continue
        if body >> uint64(60) == uint64(15):
            for copy in range(4):
                _set_bit(out, row, salt, _feature(copy, body >> uint64(6)))
            continue
        _set_bit(out, row, salt, _feature(8, body >> uint64(40)))
        _set_bit(out, row, salt, _feature(9, (body >> uint64(12)) & uint64(0xFFFFFFF)))
        for copy in range(2):
            _set_bit(out, row, salt, _feature(10 + copy, body & uint64(0xFFF)))


@kernel
def set_value_bits(rows, slots, salt, tables, out):  # type: ignore[no-untyped-def]
    """Any other field: two bits for the whole value."""
    for row in range(rows.shape[0]):
        value = read_slot(rows, row, slots, 0)
        if value == 0:
            continue
        for component in range(1, slots.shape[0]):
            value = mix64(value) ^ read_slot(rows, row, slots, component)
        for copy in range(2):
            _set_bit(out, row, salt, _feature(copy, mix64(value) >> uint64(6)))
