from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from person.field import EncodedField, FieldStatus
from person.packed_text import (
    encode_category,
    encode_identifier,
    encode_latin_name,
    encode_text,
    normalise_text,
    words_to_text,
)
from person.text import Utf8Column
from tests.reference_strings import fold_latin, packed_words

ENCODERS = {
    "latin_name": encode_latin_name,
    "text": encode_text,
    "identifier": encode_identifier,
    "category": encode_category,
}
ANY_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
VALUES = st.lists(st.none() | ANY_TEXT, max_size=8)


def encode(kind: str, *values: str | None, **options: object) -> EncodedField:
    return ENCODERS[kind](Utf8Column.from_strings(list(values)), options)


def words(field: EncodedField, row: int) -> list[int]:
    return [int(component[row]) for component in field.components.values()]


def read(field: EncodedField, row: int = 0) -> str:
    return words_to_text(words(field, row), field.overflow)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("  Zoë  O’Brien ", "zoe o'brien"),
        ("STRAẞE", "strasse"),
        ("Æsop Øre Łódź Đorđe Þór", "aesop ore lodz dorde thor"),
        ("Nguyễn", "nguyen"),
        ("Ｓｍｉｔｈ　Ｊｒ．", "smith jr"),
        ("Smith–Jones", "smith-jones"),
        ("e\u0301mile", "emile"),
        ("J.", "j"),
        ("王\u3000伟", "王 伟"),
        ("Jean·Luc", "jean luc"),
        ("\ufeffanna\u200b", "anna"),
        ("İpek", "ipek"),
        ("ﬁona", "fiona"),
        ("Жанна", "жанна"),
    ],
)
def test_names_are_folded_to_one_form(raw: str, expected: str) -> None:
    """Case, accents, width, blanks and kinds of dash or apostrophe never tell names apart."""
    assert expected == read(encode("latin_name", raw))


def test_words_hold_characters_in_alphabetical_order() -> None:
    """The first character is the highest, so words sort as the names do."""
    names = ["ann", "anna", "annabelle smith", "bob", "o'brien", "zoe", "zoe9"]
    encoded = encode("latin_name", *names)
    assert sorted(names, key=lambda name: packed_words(name, 2)) == names
    assert [packed_words(name, 2) for name in names] == [
        words(encoded, row) for row in range(len(names))
    ]


@pytest.mark.parametrize("text", ["unknown", "N/A", "none", "NULL", "-", "...", "?", "xxx", "不详"])
def test_placeholders_are_missing(text: str) -> None:
    """A way to say nothing is no value."""
    for kind in ENCODERS:
        encoded = encode(kind, text)
        assert [0] == list(encoded.components["text0"])
        assert FieldStatus.PLACEHOLDER == encoded.status[0]


def test_na_is_a_name_and_nothing_else() -> None:
    """Na and Nan are people's names; elsewhere they say that there is no value."""
    assert ["na", "nan"] == [read(encode("latin_name", name)) for name in ("Na", "Nan")]
    for kind in ("text", "identifier", "category"):
        assert FieldStatus.PLACEHOLDER == encode(kind, "NA").status[0]


def test_each_way_to_have_no_value_has_its_status() -> None:
    """Null and blank are missing, NUL characters are refused, temporary names are no names."""
    encoded = encode("latin_name", None, "", "  \t", "a\0b", "Baby of Smith", "Baby Girl", "baby")
    expected = [
        *[FieldStatus.MISSING] * 3,
        FieldStatus.NUL_BYTE,
        *[FieldStatus.TEMPORARY_NAME] * 2,
        FieldStatus.VALID,
    ]
    assert expected == list(encoded.status)
    assert not encoded.components["text0"][:6].any()


def test_identifiers_ignore_case_and_punctuation_but_not_zeros() -> None:
    """Leading zeros belong to a number; blanks, dashes and case do not."""
    encoded = encode("identifier", "ab 12-34", "AB1234", "00123", "123", "ＡＢ１２３４")
    assert ["ab1234", "ab1234", "00123", "123", "ab1234"] == [read(encoded, r) for r in range(5)]
    assert "12-34/5" == read(encode("identifier", "12-34/5.", keep="-/"))


@pytest.mark.parametrize("text", ["0000", "0-0-0", "999999", "999-99-9999"])
def test_filler_numbers_are_placeholders(text: str) -> None:
    """Numbers of zeros or of nines were made to get past a form."""
    assert FieldStatus.PLACEHOLDER == encode("identifier", text).status[0]


def test_options_add_placeholders() -> None:
    """A table's own way to say nothing can be declared."""
    encoded = encode("text", "Not Stated (legacy)", "x", placeholders=["not stated (legacy)"])
    assert [FieldStatus.PLACEHOLDER, FieldStatus.VALID] == list(encoded.status)


def test_text_that_does_not_fit_goes_to_the_overflow_table() -> None:
    """Nothing is cut: long text and other scripts are kept whole, once each."""
    long = "jose maria de la cruz fernandez"
    encoded = encode("latin_name", long, "王伟", long.upper(), "ann", "𠀀王")
    assert [long, "王伟", long, "ann", "𠀀王"] == [read(encoded, row) for row in range(5)]
    assert 3 == len(encoded.overflow)
    assert words(encoded, 0) == words(encoded, 2)
    assert np.all(np.diff(encoded.overflow.hashes) > 0)
    assert [1, 1, 1, 0, 1] == [int(word) >> 63 for word in encoded.components["text0"]]


def test_characters_option_sets_the_words() -> None:
    """Ten characters make a word; the default suits the kind."""
    counts = {kind: len(encode(kind, "a").components) for kind in ENCODERS}
    assert {"latin_name": 2, "text": 3, "identifier": 2, "category": 1} == counts
    assert ["text0", "text1", "text2", "text3"] == list(
        encode("text", "a", characters=31).components
    )


@given(ANY_TEXT)
def test_normalising_twice_changes_nothing(text: str) -> None:
    """What the encoder writes, it would read the same way again."""
    for kind in ENCODERS:
        once = normalise_text(text, kind)
        assert once == normalise_text(once, kind)


@given(VALUES)
def test_a_batch_equals_its_values_one_by_one(values: list[str | None]) -> None:
    """No value sees its neighbours, and no text makes an encoder fail."""
    for kind in ENCODERS:
        together = encode(kind, *values)
        for row, value in enumerate(values):
            alone = encode(kind, value)
            assert words(together, row) == words(alone, 0)
            assert together.status[row] == alone.status[0]
            assert read(together, row) == read(alone)
            if alone.status[0] == FieldStatus.VALID:
                assert read(alone) == normalise_text(value or "", kind)


@given(st.text("abcXYZ éüñÅ09", max_size=25))
def test_simple_names_equal_the_reference(text: str) -> None:
    """Folding and packing agree with unicodedata and a plain loop."""
    expected = fold_latin(text)
    encoded = encode("text", text)
    if encoded.status[0] == FieldStatus.VALID:
        assert packed_words(expected, 3) == words(encoded, 0)
    else:
        assert not expected or len(set(expected)) == 1


@given(ANY_TEXT)
def test_words_fit_their_slot(text: str) -> None:
    """Bits 60 to 63 are free but for the overflow mark."""
    for kind in ENCODERS:
        first, *rest = words(encode(kind, text), 0)
        assert first >> 60 == 0 or first >> 63 == 1
        assert all(word >> 60 == 0 for word in rest)
