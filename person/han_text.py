"""An encoded name as a person reads it: its syllables and its surname; not for hot paths."""

from __future__ import annotations

from person.field import OverflowTable
from person.han import CHARACTER_BASE, UNKNOWN_BASE, han_tables, unit_text
from person.han_names import unpack_units

__all__ = ["word_surname", "word_syllables"]


def word_surname(word: int) -> str:
    """The surname in a name word, '' where its length is unknown or the name overflows."""
    length = 0 if word >> 63 else word >> 60 & 3
    units = unpack_units(word)[:length]
    is_syllabic = any(unit < CHARACTER_BASE for unit in units)
    return (" " if is_syllabic else "").join(unit_text(unit) for unit in units)


def word_syllables(word: int, overflow: OverflowTable | None = None) -> list[str]:
    """Toneless syllables of a name, the surname's as a surname reads (单 shan, 尉迟 yu chi).

    Parameters
    ----------
    word : a name word; overflow : where the units of a long name lie

    Returns
    -------
    one syllable a unit, ü written v; '' for a unit without a reading
    """
    tables, units = han_tables(), unpack_units(word, overflow)
    surname = 0 if word >> 63 else word >> 60 & 3
    if surname > 1:
        opening = units[:surname] + [0] * (3 - surname)
        for row, syllables in zip(
            tables.compound_units.tolist(), tables.compound_syllables.tolist(), strict=True
        ):
            if row == opening:
                rest = [_syllable(unit, is_surname=False) for unit in units[surname:]]
                return [tables.syllables[number] for number in syllables[:surname]] + rest
    return [_syllable(unit, is_surname=place < surname) for place, unit in enumerate(units)]


def _syllable(unit: int, *, is_surname: bool) -> str:
    tables = han_tables()
    if unit >= UNKNOWN_BASE:
        return ""
    column = tables.surname_syllable if is_surname else tables.syllable
    return tables.syllables[int(column[unit])]
