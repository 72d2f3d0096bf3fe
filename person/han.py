"""The Han table: characters to units, units to readings; loaded once, shared by all kernels.

A *unit* is what one position of an encoded name holds, 15 bits:

    0            missing
    1-26         letters a-z                      28  letter ü
    27           wildcard: a character someone could not type ('?', '*', '口' for a rare character)
    32-511       syllables, 32 + syllable number: names written in pinyin
    512-2047     other romanised spellings (Cantonese, Wade-Giles) that can mean several syllables
    2048-32767   Han characters, folded: traditional, simplified and variant forms share a unit

A character outside the table has the unit UNKNOWN_BASE + code point, which only overflow text can
hold: never dropped, never equal to another. `tables/build_han.py` generated the table and tells
where its facts come from.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CHARACTER_BASE",
    "DIGIT_BASE",
    "SPELLING_BASE",
    "SYLLABLE_BASE",
    "UNKNOWN_BASE",
    "WILDCARD_UNIT",
    "HanTables",
    "han_tables",
    "unit_text",
]

LETTER_U_DIAERESIS: Final = 28
WILDCARD_UNIT: Final = 27
SYLLABLE_BASE: Final = 32
SPELLING_BASE: Final = 512
DIGIT_BASE: Final = 2038
"""Units of the digits 0 to 9; spellings end well below."""
CHARACTER_BASE: Final = 2048
UNKNOWN_BASE: Final = 1 << 16
"""A unit from here on is a code point without one: unit - UNKNOWN_BASE."""

# What `code_units` says of a code point that is no plain letter or character: MARK | one of these.
MARK: Final = 1 << 15
SPACE, DOT, JUNK, HYPHEN, COMMA, APOSTROPHE, OPEN, CLOSE, DIGIT, NUL, DIAERESIS, TONE, WILD = range(
    1, 14
)
UPPER: Final = 32
"""MARK | UPPER + letter: a capital."""

_MARKS: Final = {
    SPACE: " \t\n\r_|;\u00a0\u3000\u2000-\u200a\u2028\u202f\u205f\u1680",
    DOT: "/\\…·•・．.‧／＼。∙●﹒⋅･․・｡⸱●◦",
    HYPHEN: "-\u2010-\u2015\u2212\uff0d\ufe58\ufe63—",
    COMMA: ",，、﹐､",
    APOSTROPHE: "'`´\u2018\u2019\u02bb-\u02bf\uff07\u2032",
    OPEN: "([{<（［｛【〔〈《「『＜",
    CLOSE: ")]}>）］｝】〕〉》」』＞",
    WILD: "?*？＊□■〓�○◯×※",
    NUL: "\0",
    DIAERESIS: "\u0308",
    DIGIT: "0-9０-９",
    TONE: "\u0300-\u0307\u0309-\u036f",
    JUNK: '!"#$%&+:=@^~\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00a1-\u00a9\u00ab-\u00b3\u00b5\u00b6'
    "\u00b8\u00b9\u00bb-\u00bf\u200b-\u200f\u2020\u2021\u2025\u2030\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufe00-\ufe0f！＂＃＄％＆＋：；＝＠＾＿｀｜～“”„↑-⇿①-⓿◆◇★☆♀♂",
}
_LETTER_BASE: Final = dict(zip("æœøßłđðþıħ", "aooslddtih", strict=True))
_CARE: Final = "口囗某之婴儿无不未测空暂没保匿待姓名患病佚新宝字本同外加旁默缺男女弃士生姐"
"""Characters after which a name may be a mask, a placeholder or a temporary name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HanTables:
    """Constant arrays; kernels take those they need.

    Attributes
    ----------
    code_units : uint16[0x34000], code point -> unit; MARK set: a mark, or a character to look
        at twice; 0: no unit
    unit_code_points : uint32[32768], folded character of a unit, 0 where the unit is none
    syllable : uint16[32768], toneless syllable number of a unit, 0 = no reading
    surname_syllable : uint16[32768], the same where the unit is a surname (单 shan)
    tone : uint8[32768], 1 to 4, 5 neutral, 0 = no reading
    alternatives : uint16[32768, 3], further toneless readings in use today, 0 = none
    readings : uint64[32768], the above in one load: syllable in bits 0-8, surname syllable in
        9-17, alternatives in 18-26, 27-35, 36-44
    fuzzy_class : uint16[512], syllable number -> class of syllables that accents merge
    surname_flags : uint8[32768], bit 0: common single surname, bit 1: may open a compound surname
    compound_units : uint16[k, 3], sorted; compound_syllables : uint16[k, 3], their readings
    similar_offsets : int32[32769], similar_units : uint16[m], neighbours in shape, sorted
    roman_keys : uint64[r], sorted: system << 40 | letters of 5 bits; roman_units : uint16[r];
        roman_surname_cost, roman_given_cost : uint8[r], surprise in quarter bits
    syllables : names of the syllable numbers, syllables[0] = ''
    spelling_names : names of units from SPELLING_BASE on
    """

    code_units: NDArray[np.uint16]
    unit_code_points: NDArray[np.uint32]
    syllable: NDArray[np.uint16]
    surname_syllable: NDArray[np.uint16]
    tone: NDArray[np.uint8]
    alternatives: NDArray[np.uint16]
    readings: NDArray[np.uint64]
    fuzzy_class: NDArray[np.uint16]
    surname_flags: NDArray[np.uint8]
    compound_units: NDArray[np.uint16]
    compound_syllables: NDArray[np.uint16]
    similar_offsets: NDArray[np.int32]
    similar_units: NDArray[np.uint16]
    roman_keys: NDArray[np.uint64]
    roman_units: NDArray[np.uint16]
    roman_surname_cost: NDArray[np.uint8]
    roman_given_cost: NDArray[np.uint8]
    syllables: tuple[str, ...]
    spelling_names: tuple[str, ...]


@lru_cache(maxsize=1)
def han_tables() -> HanTables:
    """Load the committed table (about 10 ms, once a process); every array is read-only."""
    with np.load(Path(__file__).with_name("tables") / "han.npz") as stored:
        raw = {name: stored[name] for name in stored.files}
    offsets, neighbours = _neighbours(raw["similar_left"], raw["similar_right"])
    flags = raw["common_surname"].astype(np.uint8)
    flags[raw["compound_units"][:, 0]] |= 2
    fuzzy_class = np.zeros(512, np.uint16)
    fuzzy_class[: len(raw["syllable_fuzzy_class"])] = raw["syllable_fuzzy_class"]
    return HanTables(
        code_units=_code_units(np.cumsum(raw["code_points"]), raw["code_point_units"]),
        unit_code_points=raw["unit_code_points"],
        syllable=raw["unit_syllable"],
        surname_syllable=raw["unit_surname_syllable"],
        tone=raw["unit_tone"],
        alternatives=raw["unit_alternatives"],
        readings=_packed_readings(raw),
        fuzzy_class=fuzzy_class,
        surname_flags=flags,
        compound_units=raw["compound_units"],
        compound_syllables=raw["compound_syllables"],
        similar_offsets=offsets,
        similar_units=neighbours,
        roman_keys=raw["roman_keys"],
        roman_units=raw["roman_units"],
        roman_surname_cost=raw["roman_surname_cost"],
        roman_given_cost=raw["roman_given_cost"],
        syllables=tuple(name.decode() for name in raw["syllables"].tolist()),
        spelling_names=tuple(name.decode() for name in raw["spelling_names"].tolist()),
    )


def unit_text(unit: int) -> str:
    """A unit as a person reads it: its character, its syllable, its letter, '?' for a wildcard."""
    tables = han_tables()
    if unit >= UNKNOWN_BASE:
        return chr(unit - UNKNOWN_BASE)
    if unit >= CHARACTER_BASE:
        return chr(int(tables.unit_code_points[unit]))
    if unit >= DIGIT_BASE:
        return str(unit - DIGIT_BASE)
    if unit >= SPELLING_BASE:
        return tables.spelling_names[unit - SPELLING_BASE]
    if unit >= SYLLABLE_BASE:
        return tables.syllables[unit - SYLLABLE_BASE].replace("v", "ü")
    if unit == LETTER_U_DIAERESIS:
        return "ü"
    return "?" if unit == WILDCARD_UNIT else chr(ord("a") + unit - 1)


def _packed_readings(raw: dict[str, NDArray[Any]]) -> NDArray[np.uint64]:
    columns = [raw["unit_syllable"], raw["unit_surname_syllable"], *raw["unit_alternatives"].T]
    packed = np.zeros(len(columns[0]), np.uint64)
    for position, column in enumerate(columns):
        packed |= column.astype(np.uint64) << np.uint64(9 * position)
    return packed


def _neighbours(
    left: NDArray[np.uint16], right: NDArray[np.uint16]
) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """Both directions of each pair, as rows of a compressed table."""
    rows, columns = np.concatenate([left, right]), np.concatenate([right, left])
    order = np.lexsort((columns, rows))
    offsets = np.zeros(32769, np.int32)
    np.cumsum(np.bincount(rows, minlength=32768), out=offsets[1:])
    return offsets, columns[order]


def _expand(spec: str) -> list[int]:
    """Code points of a string in which 'a-z' stands for a range."""
    points: list[int] = []
    index = 0
    while index < len(spec):
        if index + 2 < len(spec) and spec[index + 1] == "-":
            points += range(ord(spec[index]), ord(spec[index + 2]) + 1)
            index += 3
        else:
            points.append(ord(spec[index]))
            index += 1
    return points


def _code_units(code_points: NDArray[Any], units: NDArray[np.uint16]) -> NDArray[np.uint16]:
    table = np.zeros(0x34000, np.uint16)
    table[code_points] = units
    for mark, spec in _MARKS.items():
        table[_expand(spec)] = MARK | mark
    for code_point in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00), *range(0x41, 0x7B)):
        _set_letter(table, code_point)
    table[0xFF21:0xFF3B] = table[0x41:0x5B]
    table[0xFF41:0xFF5B] = table[0x61:0x7B]
    care = [ord(character) for character in _CARE]
    table[care] |= MARK
    return table


def _set_letter(table: NDArray[np.uint16], code_point: int) -> None:
    """A Latin letter, its accents dropped but for ü, which pinyin tells from u."""
    lower = chr(code_point).lower()
    decomposed = unicodedata.normalize("NFD", _LETTER_BASE.get(lower, lower))
    base = decomposed[0]
    if not "a" <= base <= "z":
        return
    letter = LETTER_U_DIAERESIS if base == "u" and "\u0308" in decomposed else ord(base) - 96
    is_upper = chr(code_point) != lower
    table[code_point] = MARK | UPPER + letter if is_upper else letter
