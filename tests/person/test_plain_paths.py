"""The short ways of the usual forms: each gives what the long way gives, for any text near them."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from person.address import encode_address
from person.dates import encode_date
from person.fold import fold_table
from person.han_names import encode_han_name
from person.hashing import mix64
from person.jit import kernel
from person.lane_hashes import LANES, ROUNDS, least_hashes
from person.national_id import encode_national_id
from person.packed_text import encode_identifier, encode_latin_name, encode_text
from person.phones import encode_phone
from person.plain_addresses import plain_marks
from person.tables.build_fold import folded_characters
from person.text import Utf8Column

INVISIBLE = "\u200b"
"""Dropped by every kind, and in no form that has a short way; of an empty name it is junk."""


@st.composite
def nearly(draw: st.DrawFn, texts: st.SearchStrategy[str], alphabet: str) -> str:
    """A text, as it is or with one character put in, taken out or replaced."""
    text = draw(texts)
    place = draw(st.integers(0, len(text)))
    change = draw(st.integers(0, 5))
    if change == 0:
        return text[:place] + draw(st.sampled_from(alphabet)) + text[place:]
    if change == 1:
        return text[:place] + draw(st.sampled_from(alphabet)) + text[place + 1 :]
    return text[:place] + text[place + 1 :] if change == 2 else text


def checked_number(region: int, date: datetime.date, sequence: int) -> str:
    body = f"{region:06d}{date:%Y%m%d}{sequence:03d}"
    total = sum(int(digit) << (17 - place) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


dates = st.dates(datetime.date(1840, 1, 1), datetime.date(2110, 12, 31))
regions = st.sampled_from((110105, 440305, 652922, 810000, 820000, 911100, 123456, 999999))
numbers = st.builds(checked_number, regions, dates, st.integers(0, 999))
date_forms = ("{0:%Y-%m-%d}", "{0:%Y%m%d}", "{0.year}/{0.month}/{0.day}", "{0:%Y.%m.%d}")
date_forms += (
    "{0.year}年{0.month}月{0.day}日",
    "{0:%Y}年{0:%m}月{0:%d}日",
    "{0.day}/{0.month}/{0.year}",
)
written_dates = st.builds(str.format, st.sampled_from(date_forms), dates)
mobiles = st.from_regex(r"1[2-9][0-9]{9}|1[39]([0-9])\1{8}|13[0-9]12345678", fullmatch=True)
phone_forms = ("{0}", "+86{0}", "{1} {2} {3}", "{1}-{2}-{3}", "{1} {2}-{3}", "86{0}", "{1}.{2}.{3}")
phones = st.builds(
    lambda form, text: form.format(text, text[:3], text[3:7], text[7:]),
    st.sampled_from(phone_forms),
    mobiles,
)
addresses = st.text("北京市朝阳区建国路号楼室一二三十百零〇两五四不详0123456789-、,# ", max_size=24)
names = st.text("王李欧阳司马东方夏侯万俟伟新生之某婴口先士女", max_size=5)
words = st.text("abcxyzABCXYZ0129", max_size=24) | st.sampled_from(
    ["xxx", "0000", "999999", "NULL"]
)
words |= st.sampled_from(
    ["unknown", "na", "Newborn", "TBD", "a" * 20, "a1" * 10, "a1" * 15, "1" * 21]
)

KINDS: dict[str, tuple[Callable[..., Any], st.SearchStrategy[str], dict[str, Any]]] = {
    "phone": (encode_phone, nearly(phones, "0123456789+- x转"), {}),
    "id": (encode_national_id, nearly(numbers, "0123456789xX*O "), {}),
    "date": (encode_date, nearly(written_dates, "0123456789-/.年月日 "), {}),
    "date dmy": (encode_date, nearly(written_dates, "0123456789-/.年月日 "), {"order": "dmy"}),
    "date past": (encode_date, written_dates, {"latest": "1990", "placeholders": ("1980-01-01",)}),
    "address": (encode_address, nearly(addresses, "a'\"*é３　\0\x1f"), {}),
    "name": (encode_han_name, nearly(names, "a 1張𠮷(?"), {}),
    "identifier": (encode_identifier, nearly(words, " -é_\0"), {}),
    "latin name": (encode_latin_name, nearly(words, " -é_\0"), {}),
    "text": (encode_text, nearly(words, " -é_\0"), {"placeholders": ("abc",)}),
}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_short_ways_equal_the_long_way(kind: str, data: st.DataObject) -> None:
    """What nobody sees in front leads past the short way, and changes nothing."""
    encode, texts, options = KINDS[kind]
    values = data.draw(st.lists(texts | st.none(), min_size=1, max_size=12))
    values = [value or None for value in values]
    front = " " if kind == "name" else INVISIBLE
    led_past = [None if value is None else front + value for value in values]
    plain = encode(Utf8Column.from_strings(values), options)
    slow = encode(Utf8Column.from_strings(led_past), options)
    assert slow.status.tolist() == plain.status.tolist()
    for name, component in slow.components.items():
        assert component.tolist() == plain.components[name].tolist()
    assert slow.overflow.hashes.tolist() == plain.overflow.hashes.tolist()
    assert slow.overflow.codes.tolist() == plain.overflow.codes.tolist()


@kernel
def call_least_hashes(words, groups, out):  # type: ignore[no-untyped-def]
    least_hashes(np.uint64(words.ctypes.data), np.uint64(groups), np.uint64(out.ctypes.data))


@given(st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=40))
@example([0])
def test_lanes_hash_like_one_word_after_the_other(values: list[int]) -> None:
    """The least hash of each round, whatever the number of words; a group is filled up."""
    groups = -(-len(values) // LANES)
    filled = [*values, *[values[0]] * (groups * LANES - len(values))]
    out = np.zeros(ROUNDS, np.uint64)
    call_least_hashes(np.array(filled, np.uint64), groups, out)
    expected = []
    for _ in range(ROUNDS):
        mixed = (np.uint64((value + 0x9E3779B97F4A7C15) % (1 << 64)) for value in values)
        values = [int(mix64(value)) for value in mixed]
        expected.append(min(values))
    assert expected == out.tolist()


def test_marks_of_addresses_are_what_folding_leaves_alone() -> None:
    """A byte with a short way is a digit, or folds to a mark and joins nothing."""
    marks, folded = plain_marks(), fold_table()
    assert list(range(0x30, 0x3A)) == np.flatnonzero(marks == 2).tolist()
    for byte in np.flatnonzero(marks == 1).tolist():
        assert 0x20 <= folded[byte] < 0x7F
        assert not chr(folded[byte]).isalnum()
    assert not marks[0x80:].any()


def test_the_table_of_folding_is_the_rules() -> None:
    """The committed table is what the rules give, where this Python knows as many characters."""
    import unicodedata

    expected, found = folded_characters(), fold_table()
    known = [point for point in range(1 << 16) if unicodedata.category(chr(point)) != "Cn"]
    if unicodedata.unidata_version == "14.0.0":
        assert np.array_equal(expected, found)
    assert np.count_nonzero(expected[known] != found[known]) < 0.01 * len(known)
