"""Phones: ways of writing, several in a field, what makes two numbers one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from person.field import FieldStatus
from person.phones import count_phones, encode_phone, format_phone, phone_tag
from person.text import Utf8Column

MOBILE = 0x3912345679
OTHER_MOBILE = 0x3812345670

any_text = st.text(st.characters(codec="utf-8"), max_size=40)
phone_like_text = st.text(st.sampled_from("0123456789-+() ;,/、转x*父\0😀０"), max_size=40)
mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)


def one(text: str) -> tuple[int, int, FieldStatus]:
    """(first, second, status) of one field."""
    encoded = encode_phone(Utf8Column.from_strings([text]), {})
    first, second = encoded.components["first"][0], encoded.components["second"][0]
    return int(first), int(second), FieldStatus(encoded.status[0])


def is_filler(digits: str) -> bool:
    steps = [int(b) - int(a) for a, b in pairwise(digits)]
    return {step % 10 for step in steps} in ({0}, {1}) or set(steps) == {-1}


@given(mobiles)
def test_a_mobile_is_its_ten_digits(number: str) -> None:
    """The ten digits after the leading 1, four bits each."""
    assume(not is_filler(number[3:]) and not is_filler(number) and number != "13800138000")
    first, second, status = one(number)
    assert (int(number[1:], 16), 0, FieldStatus.VALID) == (first, second, status)
    assert number == format_phone(first)


@pytest.mark.parametrize(
    "text",
    (
        "13912345679", "139 1234 5679", "139-1234-5679", "139.1234.5679", "+86 139 1234 5679",
        "+8613912345679", "86-13912345679", "8613912345679", "0086 139-1234-5679",
        "(+86)13912345679", "013912345679", "１３９１２３４５６７９", "tel:13912345679",
        "手机13912345679", "13912345679(李)", "13912345679转8", "13912345679-1",
        "17951 13912345679", "\u200b13912345679", "13912345679;", "无;13912345679",
    ),
)  # fmt: skip
def test_ways_of_writing_one_mobile(text: str) -> None:
    """Prefixes, separators, width, words and extensions do not change a number."""
    assert (MOBILE, 0, FieldStatus.VALID) == one(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    (
        ("010-62345678", 0x1062345678),
        ("(010)62345678", 0x1062345678),
        ("+86 10 6234 5678", 0x1062345678),
        ("01062345678-801", 0x1062345678),
        ("010 6234 5678 转 12", 0x1062345678),
        ("021-62345678 ext. 5", 0x2162345678),
        ("020 7946 0958", 0x2079460958),
        ("62345678", 0xE062345678),
        ("62345678-801", 0xE062345678),
        ("07 81212208", 0xE781212208),
        ("0781212208", 0xE781212208),
        ("781212208", 0xE781212208),  # the zero lost in a column of numbers
        ("712 300633", 0xE712300633),
        ("(02) 9876 5432", 0xE298765432),
        ("555-0123", 0xE005550123),
    ),
)
def test_landlines_and_western_numbers_keep_their_digits(text: str, expected: int) -> None:
    """Numbers of up to nine digits, and those of ten that begin 1 or 2, are kept as digits."""
    assert (expected, FieldStatus.VALID) == one(text)[::2]


@pytest.mark.parametrize(
    ("text", "same"),
    (
        ("0755-12345671", "+86 755 1234 5671"),
        ("(0755) 12345671", "075512345671"),
        ("0311-1234561", "03111234561"),
        ("+44 7911 123456", "0044 (7911) 123456"),
        ("+1 347 555 1234", "001-347-555-1234"),
    ),
)
def test_longer_numbers_are_hashed_alike(text: str, same: str) -> None:
    """What ten digits cannot hold is a hash of all digits, whatever the writing."""
    assert one(text) == one(same)
    assert one(text)[0] >> 36 == 0xF


def test_foreign_numbers_are_not_chinese_ones() -> None:
    """+1 347... is American although 1347... would be a mobile; 0311 1234561 is no mobile."""
    assert one("+1 347 555 1234")[0] != one("13475551234")[0]
    assert one("0311-1234561")[0] != one("13111234561")[0]


@pytest.mark.parametrize(
    "text",
    (
        "13912345679;13812345670", "13912345679,13812345670", "13912345679、13812345670",
        "13912345679/13812345670", "13912345679|13812345670", "13912345679；13812345670",
        "13912345679 13812345670", "13912345679\n13812345670", "13912345679-13812345670",
        "13912345679(13812345670)", "139 1234 5679 138 1234 5670",
        "母亲13912345679 父亲13812345670", "+86 13912345679, +86 13812345670",
        "13912345679;13912345679;13812345670", "13912345679;13812345670;13712345671",
    ),
)  # fmt: skip
def test_two_phones_in_one_field(text: str) -> None:
    """The first is kept as digits, the second different one as its tag; more are left out."""
    assert (MOBILE, int(phone_tag(np.uint64(OTHER_MOBILE))), FieldStatus.VALID) == one(text)


def test_counting_phones() -> None:
    """The count shows what was left out."""
    fields = ["13912345679;13812345670;13712345671", "无", None, "13912345679", "1;2;3"]
    assert [3, 0, 0, 1, 0] == count_phones(Utf8Column.from_strings(fields)).tolist()


@pytest.mark.parametrize(
    ("text", "status"),
    (
        ("", FieldStatus.MISSING),
        ("  ", FieldStatus.MISSING),
        ("无", FieldStatus.PLACEHOLDER),
        ("-", FieldStatus.PLACEHOLDER),
        ("N/A", FieldStatus.PLACEHOLDER),
        ("不详", FieldStatus.PLACEHOLDER),
        ("11111111111", FieldStatus.PLACEHOLDER),
        ("00000000", FieldStatus.PLACEHOLDER),
        ("12345678", FieldStatus.PLACEHOLDER),
        ("87654321", FieldStatus.PLACEHOLDER),
        ("13800138000", FieldStatus.PLACEHOLDER),
        ("13800000000", FieldStatus.PLACEHOLDER),
        ("13812345678", FieldStatus.PLACEHOLDER),
        ("12345", FieldStatus.PLACEHOLDER),
        ("95588", FieldStatus.BAD_LENGTH),
        ("1" * 9 + "2" * 12, FieldStatus.BAD_LENGTH),
        ("139****5679", FieldStatus.BAD_CHARACTER),
        ("ask mother", FieldStatus.BAD_CHARACTER),
        ("😀", FieldStatus.BAD_CHARACTER),
        ("1391234\0", FieldStatus.NUL_BYTE),
    ),
)
def test_unusable_fields_are_missing_with_a_reason(text: str, status: FieldStatus) -> None:
    """Placeholders, masks and scraps identify nobody."""
    assert (0, 0, status) == one(text)


@given(st.lists(st.one_of(st.none(), any_text, phone_like_text), max_size=12))
@example([])
@example(["1" * 300, "1 " * 200, ";" * 300])
def test_a_batch_is_its_records_one_by_one(values: list[str | None]) -> None:
    """Any text encodes, the same alone as among others, within its bits."""
    batch = encode_phone(Utf8Column.from_strings(values), {})
    first, second = batch.components["first"], batch.components["second"]
    for row, value in enumerate(values):
        alone = encode_phone(Utf8Column.from_strings([value]), {})
        assert alone.components["first"][0] == first[row]
        assert alone.components["second"][0] == second[row]
        assert alone.status[0] == batch.status[row]
    assert (first < 1 << 40).all()
    assert (second < 1 << 20).all()
    assert ((first != 0) == (batch.status == FieldStatus.VALID)).all()
    assert (first[second != 0] != 0).all()


@given(st.integers(1, (1 << 40) - 1))
def test_tags_are_never_zero(value: int) -> None:
    """A second phone is never mistaken for none."""
    assert 0 < phone_tag(np.uint64(value)) < 1 << 20


def test_printing_phones() -> None:
    """Digits are shown as digits, hashes as hashes."""
    shown = [format_phone(one(text)[0]) for text in ("010-62345678", "62345678", "")]
    assert ["01062345678", "62345678", ""] == shown
    assert format_phone(one("0755-12345671")[0]).startswith("#")
