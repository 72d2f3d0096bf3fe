"""Key transforms of Han names: syllables, surnames, given names; see `blocking.kernels`.

Two spellings of a name meet where their readings do: 張三, 张三 and Zhang San share a syllable
key. Each unit costs one random read in a table of 64 KiB, which stays in the second-level cache:
80 million names/s a core.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from numba import int64, uint64

from person.field import OverflowTable
from person.han import han_tables
from person.hashing import mix64
from person.jit import kernel
from person.slots import read_slot

__all__ = [
    "ALL_OF_NAME",
    "FUZZY",
    "GIVEN_ONLY",
    "JOINT_ARGUMENTS",
    "SORTED",
    "SURNAME_ONLY",
    "UNITS",
    "fill_han_key",
    "fill_han_keys",
    "find_overflow",
    "han_arrays",
]

ALL_OF_NAME: Final = 0
FUZZY: Final = 1
SORTED: Final = 2
SURNAME_ONLY: Final = 4
GIVEN_ONLY: Final = 8
UNITS: Final = 16
"""What `fill_han_key` reads, as bits: fuzzy classes, any order, part of the name, characters."""

JOINT_ARGUMENTS: Final = (ALL_OF_NAME, GIVEN_ONLY, SURNAME_ONLY, SORTED | FUZZY)
"""What `fill_han_keys` makes together: what the shipped rules ask for."""

NO_READING_BASE: Final = 1024


@kernel
def find_overflow(hashes, value):  # type: ignore[no-untyped-def]
    """Entry of an overflow table whose hash is `value`, -1 for none (scalar)."""
    low, high = 0, hashes.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if hashes[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low if low < hashes.shape[0] and hashes[low] == value else -1


@kernel
def _unit(word, at, first_code, codes):  # type: ignore[no-untyped-def]
    """Unit `at` of a name: from its word, or from overflow codes where it has any."""
    if first_code >= 0:
        return uint64(codes[first_code + at])
    return (word >> uint64(45 - 15 * at)) & uint64(0x7FFF)


@kernel
def _compound_entry(compound_units, first, second):  # type: ignore[no-untyped-def]
    for entry in range(compound_units.shape[0]):
        if compound_units[entry, 0] == first and compound_units[entry, 1] == second:
            return entry
    return -1


@kernel
def _reading(unit, table):  # type: ignore[no-untyped-def]
    """Syllable of a unit; a unit without one stands for itself."""
    if unit < uint64(table.shape[0]) and table[unit] != 0:
        return uint64(table[unit])
    return unit + uint64(NO_READING_BASE)


@kernel
def fill_han_key(rows, slots, argument, tables, out):  # type: ignore[no-untyped-def]
    """Key part of each name; `argument` says of what. Overflowing names read their own units.

    tables = (syllable, surname syllable, fuzzy class, compound surnames' units, their syllables,
    overflow hashes, offsets, codes). A name without the asked part, or with no surname known
    where one is asked for beyond its first unit, has what it has.
    """
    syllable, surname_syllable, fuzzy = tables[0], tables[1], tables[2]
    compounds, compound_syllables = tables[3], tables[4]
    hashes, offsets, codes = tables[5], tables[6], tables[7]
    for row in range(rows.shape[0]):
        word = read_slot(rows, row, slots, 0)
        out[row] = 0
        if word == 0:
            continue
        first_code = int64(-1)
        length = int64(4)
        surname = int64((word >> uint64(60)) & uint64(3))
        if word >> uint64(63) != 0:
            entry = find_overflow(hashes, word)
            if entry < 0:
                # Its units are not at hand: as a whole it still equals itself.
                out[row] = word if argument & (SURNAME_ONLY | GIVEN_ONLY) == 0 else uint64(0)
                continue
            first_code = offsets[entry]
            length = offsets[entry + 1] - first_code
            surname = 0
        surname = max(surname, 1)
        start = surname if argument & GIVEN_ONLY != 0 else int64(0)
        stop = min(surname, length) if argument & SURNAME_ONLY != 0 else length
        compound = int64(-1)
        if surname >= 2 and start == 0:
            compound = _compound_entry(
                compounds, _unit(word, 0, first_code, codes), _unit(word, 1, first_code, codes)
            )
        value = uint64(0)
        for at in range(start, stop):
            unit = _unit(word, at, first_code, codes)
            if unit == 0:
                break
            if argument & UNITS != 0:
                code = unit
            elif compound >= 0 and at < surname and compound_syllables[compound, at] != 0:
                code = uint64(compound_syllables[compound, at])
            elif at < surname:
                code = _reading(unit, surname_syllable)
            else:
                code = _reading(unit, syllable)
            if argument & FUZZY != 0 and code < uint64(fuzzy.shape[0]):
                code = uint64(fuzzy[code]) + uint64(1)
            if argument & SORTED != 0:
                value += mix64(code)
            else:
                value = mix64(value ^ code)
        out[row] = value


@kernel
def fill_han_keys(rows, slots, tables, lines, out):  # type: ignore[no-untyped-def]
    """The parts that JOINT_ARGUMENTS name, for one look at each unit: as `fill_han_key`.

    lines int64[len(JOINT_ARGUMENTS)]: the line of out uint64[*, >= n_rows] that each goes to, -1
    where it is not wanted. Names of a single-unit surname that fit their word, nearly all, are read
    here; others one part after another.
    """
    syllable, surname_syllable, fuzzy = tables[0], tables[1], tables[2]
    known = uint64(fuzzy.shape[0])
    for row in range(rows.shape[0]):
        word = read_slot(rows, row, slots, 0)
        if word >> uint64(61) != 0:  # overflow, or a surname of two units or three
            for number in range(lines.shape[0]):
                if lines[number] >= 0:
                    argument = int64(JOINT_ARGUMENTS[number])
                    mine = out[lines[number], row : row + 1]
                    fill_han_key(rows[row : row + 1], slots, argument, tables, mine)
            continue
        whole = uint64(0)
        given = uint64(0)
        surname = uint64(0)
        in_any_order = uint64(0)
        for at in range(4):
            unit = (word >> uint64(45 - 15 * at)) & uint64(0x7FFF)
            if unit == 0:
                break
            code = _reading(unit, surname_syllable if at == 0 else syllable)
            whole = mix64(whole ^ code)
            if at == 0:
                surname = whole
            else:
                given = mix64(given ^ code)
            if lines[3] >= 0:
                if code < known:
                    code = uint64(fuzzy[code]) + uint64(1)
                in_any_order += mix64(code)
        if lines[0] >= 0:
            out[lines[0], row] = whole
        if lines[1] >= 0:
            out[lines[1], row] = given
        if lines[2] >= 0:
            out[lines[2], row] = surname
        if lines[3] >= 0:
            out[lines[3], row] = in_any_order


@lru_cache(maxsize=1)
def _han_constants() -> tuple[Any, ...]:
    tables = han_tables()
    arrays = (
        tables.syllable,
        tables.surname_syllable,
        tables.fuzzy_class,
        tables.compound_units,
        tables.compound_syllables,
    )
    return tuple(_frozen(array) for array in arrays)


def _frozen(array: Any) -> Any:
    view = array.view()
    view.flags.writeable = False
    return view


def han_arrays(overflow: OverflowTable) -> tuple[Any, ...]:
    """Tables of `fill_han_key`; the Han table is loaded at the first call, not at import."""
    text = (overflow.hashes, overflow.offsets, overflow.codes)
    return (*_han_constants(), *(_frozen(array) for array in text))
