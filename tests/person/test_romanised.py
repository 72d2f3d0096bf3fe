"""Romanised names: systems, segmentation, order of surname and given name."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from person.han import CHARACTER_BASE, han_tables
from person.han_names import encode_han_name
from person.han_text import word_syllables
from person.romanised import romanise
from person.text import Utf8Column

SHARED = Path(__file__).parents[3] / "shared" / "data"


def syllables(text: str) -> str:
    column = Utf8Column.from_strings([text])
    return " ".join(word_syllables(int(encode_han_name(column, {}).components["units"][0])))


@pytest.mark.parametrize(
    "text",
    ["WANG Xiaoming", "Xiaoming Wang", "Wang Xiao-Ming", "wangxiaoming", "Wang, Xiaoming",
     "Wáng Xiǎomíng", "wang2 xiao3ming2", "WangXiaoMing", "Xiao Ming WANG"],
)  # fmt: skip
def test_ways_to_write_one_name_reach_the_same_syllables(text):
    """Order, capitals, hyphens, tones and spaces do not change who is meant."""
    assert "wang xiao ming" == syllables(text)


@pytest.mark.parametrize(
    "text, expected",
    [("Chan Tai Man", "chen da wen"), ("Hsieh Ming-te", "xie ming de"),
     ("Ch'en Shui-pien", "chen shui bian"), ("Lau Tak Wah", "liu de hua"),
     ("Chang Hsüeh-liang", "zhang xue liang"), ("Tsai Ing-wen", "cai ying wen"),
     ("Au Yeung Wai", "ou yang wei"), ("LYU Bu", "lv bu"), ("Lü Bu", "lv bu"),
     ("Nan Ouyang", "ou yang nan")],
)  # fmt: skip
def test_other_systems_reach_mandarin_syllables(text, expected):
    """Cantonese, Wade-Giles and passport spellings read as the Mandarin of the likeliest name."""
    assert expected == syllables(text)


@pytest.mark.parametrize("text", ["John Smith", "Maria Lee", "Peter", "Mary Chan", "O'Brien"])
def test_other_names_stay_letters(text):
    """A name that is likelier foreign than Chinese keeps its letters."""
    units, surname, is_chinese = romanise(text)
    letters = [ord(c) - 96 for c in text.lower() if c.isalpha()]
    assert (letters, 0, False) == (units, surname, is_chinese)


def test_order_that_cannot_be_told_stays_as_written():
    """Two surnames that are both likely given names leave the surname unknown."""
    units, surname, is_chinese = romanise("Li Wang")
    assert (0, True) == (surname, is_chinese)
    assert units == romanise("LI Wang")[0]


def test_capitals_and_comma_decide_the_order():
    """A part in capitals, or before a comma, is the surname."""
    assert romanise("Li WANG")[0] == romanise("Wang, Li")[0]
    assert romanise("LI Wang")[1] == 1


@given(st.text(max_size=40))
def test_no_text_breaks_the_parser(text):
    """Any text parses to units of letters, syllables or characters, none lost in the loop."""
    encoded = encode_han_name(Utf8Column.from_strings([text]), {})
    assert 1 == len(encoded.status)


OTHER_SYSTEMS = """
    an ang beng ceng chua dan dong fa feng geng guan ha juan jun ju ka ke ken ku kuo lang
    lao lin lo long lou mang meng min miu nei nun o pao pen peng sa sang sheng sou ta teng
    tun tuo wang wo ya yong
"""
"""Spelled so in names of Hong Kong or in Wade-Giles too, beside some other syllable."""

_OTHERS = frozenset(OTHER_SYSTEMS.split())
PINYIN_ALONE = [each for each in han_tables().syllables[1:] if each not in _OTHERS]
NAMES = st.lists(st.sampled_from(PINYIN_ALONE), min_size=2, max_size=3)


@given(NAMES)
def test_syllables_with_spaces_are_found_again(parts):
    """A name written syllable by syllable in pinyin keeps them, whatever the order read."""
    units, _, is_chinese = romanise(" ".join(parts))
    if is_chinese and all(unit < 512 for unit in units):
        found = sorted(han_tables().syllables[unit - 32] for unit in units)
        assert sorted(parts) == found or len(found) != len(parts)
    assert all(unit < CHARACTER_BASE for unit in units)


@pytest.mark.skipif(not SHARED.exists(), reason="reference data not present")
def test_common_surname_spellings_are_known():
    """Spellings of Hong Kong and Taiwan surnames reach their Mandarin syllable."""
    tables = han_tables()
    known = total = 0
    path = SHARED / "phonetic" / "surname_romanisation_variants.csv"
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["system"] not in ("cantonese/hk", "wade-giles/tw") or "'" in row["spelling"]:
                continue
            total += 1
            known += any(
                row["pinyin"] in readings_of(unit, tables) for unit in units_of(row["spelling"])
            )
    assert known > 0.85 * total


def units_of(spelling: str) -> list[int]:
    tables, found = han_tables(), []
    for system in range(3):
        key = 0
        for letter in spelling:
            key = key << 5 | ord(letter) - 96
        rows = (tables.roman_keys == (system << 40 | key)).nonzero()[0]
        found += [int(tables.roman_units[row]) for row in rows]
    return found


def readings_of(unit: int, tables) -> set[str]:
    numbers = [tables.syllable[unit], tables.surname_syllable[unit], *tables.alternatives[unit]]
    return {tables.syllables[int(number)] for number in numbers}
