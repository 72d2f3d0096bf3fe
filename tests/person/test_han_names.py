"""Names in characters: folding, surnames, masks, placeholders; against 480 hand-checked cases."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from person.field import OVERFLOW_BIT, EncodedField, FieldStatus
from person.han import MARK, UNKNOWN_BASE, han_tables
from person.han_names import (
    encode_han_name,
    hash_name_word,
    pack_units,
    unpack_units,
    word_text,
)
from person.han_text import word_surname, word_syllables
from person.text import Utf8Column

SHARED = Path(__file__).parents[3] / "shared" / "data"
HAN_TEXT = st.text(st.sampled_from("王李張张單单欧阳司馬马伟芳小明之子口〇𠮷龘卐·　 ?"), max_size=9)


def encode(*names: str | None) -> EncodedField:
    return encode_han_name(Utf8Column.from_strings(names), {})


def word_of(name: str) -> int:
    return int(encode(name).components["units"][0])


def described(name: str) -> tuple[str, str, str, str]:
    """Folded text, syllables, surname and status of one name."""
    encoded = encode(name)
    word = int(encoded.components["units"][0])
    syllables = " ".join(s or "-" for s in word_syllables(word, encoded.overflow))
    status = FieldStatus(int(encoded.status[0])).name
    return word_text(word, encoded.overflow), syllables, word_surname(word), status


def read_cases() -> list[tuple[str, ...]]:
    path = Path(__file__).with_name("name_cases.tsv")
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    return [tuple(line.split("\t")) for line in lines]


def unescape(text: str) -> str:
    """Invisible characters are written \\u3000, \\t, \\0 in the table of cases."""
    simple = {"t": "\t", "0": "\0"}
    pattern = r"\\(?:u([0-9a-f]{4})|U([0-9a-f]{8})|([t0]))"
    return re.sub(pattern, lambda m: simple.get(m[3]) or chr(int(m[1] or m[2], 16)), text)


@pytest.mark.parametrize("case", read_cases(), ids=lambda case: ascii(case[0]))
def test_hand_checked_names_give_the_expected_keys(case):
    """Each of the documented cases folds, reads and splits as written beside it."""
    assert case[1:] == described(unescape(case[0]))


def test_table_of_cases_is_large_enough():
    """At least 300 cases document what names become."""
    assert len(read_cases()) >= 300


def test_null_and_empty_are_missing():
    """A null, an empty and a blank name are missing, encoded as 0."""
    encoded = encode(None, "", "  ", "\u3000")
    assert [0, 0, 0, 0] == encoded.components["units"].tolist()
    assert [FieldStatus.MISSING] * 4 == encoded.status.tolist()


def test_empty_column_encodes_to_nothing():
    """A column of no rows is no special case."""
    assert 0 == len(encode().components["units"])


@pytest.mark.parametrize(
    "one, other",
    [("張偉", "张伟"), ("峯", "峰"), ("王　伟", "王伟"), ("阿布都•热合曼", "阿布都热合曼"),
     ("\u2f08明", "人明"), ("\uf9e1明", "李明"), ("Ｗａｎｇ Wei", "WANG WEI")],
)  # fmt: skip
def test_spellings_of_one_name_are_one_word(one, other):
    """Traditional, variant, compatibility, full-width, dotted and spaced forms are equal."""
    assert word_of(other) == word_of(one)


@pytest.mark.parametrize("one, other", [("于明", "於明"), ("陈升", "陈昇"), ("干隆", "乾隆")])
def test_names_that_only_look_foldable_stay_apart(one, other):
    """Characters a general converter merges, though both are names today, keep their units."""
    assert word_of(other) != word_of(one)


def test_digits_tell_names_apart():
    """A digit is a character of a name: 张1 is not 张2, nor 张; full width makes no difference."""
    words = [word_of(name) for name in ("张1", "张2", "张", "张12")]
    assert len(set(words)) == 4
    assert words[0] == word_of("张１")


def test_unknown_characters_are_kept_and_told_apart():
    """A character without a unit overflows with its code point; two such are never equal."""
    encoded = encode("王\U0003106c", "王\U0003106d")
    first, second = encoded.components["units"].tolist()
    assert first != second
    assert first & second & int(OVERFLOW_BIT)
    assert UNKNOWN_BASE + 0x3106C == unpack_units(first, encoded.overflow)[1]


def test_long_names_are_never_truncated():
    """Every unit of a very long name is in the overflow table."""
    name = "古丽" * 300
    encoded = encode(name)
    assert 600 == len(unpack_units(int(encoded.components["units"][0]), encoded.overflow))


def test_hashed_former_name_sees_equality_only():
    """The hash option gives equal hashes to equal names, 0 to none, within its bits."""
    column = Utf8Column.from_strings(["張三", "张 三", "李四", None])
    hashes = encode_han_name(column, {"hashed": 20}).components["hash"].tolist()
    assert hashes[0] == hashes[1] != hashes[2]
    assert 0 == hashes[3]
    assert all(h < 1 << 20 for h in hashes)
    assert hashes[0] == hash_name_word(np.uint64(word_of("张三")), 20)


def test_units_pack_and_unpack():
    """Packing lists of up to four units and unpacking them returns the list."""
    for units in ([5], [2048, 3000], [1, 2, 3], [32767, 2048, 27, 32]):
        assert units == unpack_units(pack_units(units, surname=1))


def naive_word(name: str) -> int | None:
    """The obvious encoder of plain characters; None where a rule beyond folding applies."""
    tables, units, is_dotted = han_tables(), [], False
    compounds = {tuple(u for u in row if u) for row in tables.compound_units.tolist()}
    for index, character in enumerate(name):
        value = int(tables.code_units[ord(character)]) if ord(character) < 0x34000 else 0
        if character in " \u3000":
            continue
        if character == "·":
            is_dotted |= 0 < index < len(name) - 1
        elif value & (MARK - 1) < 2048 or character in "之口":
            return None
        else:
            units.append(value & (MARK - 1))
    if not units or len(units) > 4:
        return None
    if is_dotted:
        surname = 0
    elif len(units) > 2 and tuple(units[:2]) in compounds:
        surname = 2
    elif len(units) in (2, 3):
        surname = 1
    else:
        surname = int(tables.surname_flags[units[0]]) & 1
    lanes = sum(unit << 45 - 15 * i for i, unit in enumerate(units))
    return lanes | surname << 60


@given(HAN_TEXT.filter(lambda name: not re.search(r"^[ 　]*·|·[ 　]*$", name)))
@example("欧阳·明")
def test_kernel_equals_naive_twin(name):
    """The compiled encoder packs plain names as the obvious one does."""
    expected = naive_word(name)
    if expected is not None:
        assert expected == word_of(name)


@given(st.lists(st.one_of(st.none(), st.text(max_size=20), HAN_TEXT), max_size=8))
@example(["\0", "王\0", "\ud7ff", "(", "((王", "x" * 60, "wang" * 40])
def test_any_text_encodes_alone_as_in_a_batch(names):
    """No text raises, and a record's word does not depend on its neighbours."""
    batch = encode(*names)
    for row, name in enumerate(names):
        alone = encode(name)
        word = int(alone.components["units"][0])
        assert int(batch.components["units"][row]) == word
        assert int(batch.status[row]) == int(alone.status[0])
        assert unpack_units(word, batch.overflow) == unpack_units(word, alone.overflow)


@given(HAN_TEXT)
def test_encoding_the_folded_text_changes_nothing(name):
    """Folding is idempotent: a printed name encodes to the units it was printed from."""
    encoded = encode(name)
    word = int(encoded.components["units"][0])
    text = word_text(word, encoded.overflow)
    again = encode(text)
    units = unpack_units(int(again.components["units"][0]), again.overflow)
    if int(encoded.status[0]) == FieldStatus.VALID and "口" not in text:
        assert unpack_units(word, encoded.overflow) == units


def test_slice_of_a_column_encodes_like_its_rows():
    """A column whose offsets do not start at 0, as a slice has them, encodes the same."""
    import pyarrow as pa

    names = pa.array(["王伟", "阿布都·热合曼", "李娜", "John Smith"])
    part = encode_han_name(Utf8Column.from_arrow(names[1:4]), {})
    whole = encode_han_name(Utf8Column.from_arrow(names), {})
    assert whole.components["units"][1:].tolist() == part.components["units"].tolist()
    assert len(whole.overflow) == len(part.overflow)


def unit_of(character: str) -> int:
    return int(han_tables().code_units[ord(character)]) & (MARK - 1)


@pytest.mark.skipif(not SHARED.exists(), reason="reference data not present")
def test_surname_readings_agree_with_the_reference():
    """All surnames whose reading a dictionary gets wrong read as the reference says."""
    wrong = []
    path = SHARED / "names" / "surname_special_readings.csv"
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            word = word_of(row["surname"] + "伟")
            syllables = word_syllables(word)[: len(row["surname"])]
            if syllables != row["pinyin_plain"].split():
                wrong.append(row["surname"])
    assert [] == wrong


@pytest.mark.skipif(not SHARED.exists(), reason="reference data not present")
def test_traditional_characters_share_the_unit_of_their_simplified_form():
    """Every one-to-one traditional form folds, but for those that are names in their own right."""
    apart = []
    path = SHARED / "phonetic" / "opencc_TSCharacters.csv"
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            targets = {unit_of(target) for target in row["to"].split("|")}
            if ord(row["char"]) < 0x34000 and unit_of(row["char"]) not in targets:
                apart.append(row["char"])
    assert set(apart) <= set("昇陞甯甦氾釐迺𰻞")
