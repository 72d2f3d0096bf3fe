"""Gender: codes, words, a table's own codes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from person.field import FieldStatus
from person.gender import FEMALE, MALE, encode_gender
from person.text import Utf8Column

any_text = st.text(st.characters(codec="utf-8"), max_size=8)
gender_text = st.sampled_from(["1", "2", "0", "9", "男", "女", "M", "f", "", "?", "x"])


def one(text: str, **options: Any) -> tuple[int, FieldStatus]:
    encoded = encode_gender(Utf8Column.from_strings([text]), options)
    return int(encoded.components["code"][0]), FieldStatus(encoded.status[0])


@pytest.mark.parametrize(
    "text",
    ("1", "01", "１", " 1 ", "男", "男性", "男 ", "1-男", "男(1)", "M", "m", "male", "Ｍ", "Male"),
)
def test_male(text: str) -> None:
    """GB/T 2261.1 code 1 and the words for it."""
    assert (MALE, FieldStatus.VALID) == one(text)


@pytest.mark.parametrize(
    "text", ("2", "02", "女", "女性", "女孩", "2女", "F", "f", "female", "FEMALE")
)
def test_female(text: str) -> None:
    """GB/T 2261.1 code 2 and the words for it."""
    assert (FEMALE, FieldStatus.VALID) == one(text)


@pytest.mark.parametrize(
    ("text", "status"),
    (
        ("", FieldStatus.MISSING),
        (" ", FieldStatus.MISSING),
        ("0", FieldStatus.PLACEHOLDER),
        ("9", FieldStatus.PLACEHOLDER),
        ("未知的性别", FieldStatus.PLACEHOLDER),
        ("未说明的性别", FieldStatus.PLACEHOLDER),
        ("unknown", FieldStatus.PLACEHOLDER),
        ("-", FieldStatus.PLACEHOLDER),
        ("3", FieldStatus.UNKNOWN_CODE),
        ("x", FieldStatus.UNKNOWN_CODE),
        ("男女", FieldStatus.UNKNOWN_CODE),
        ("女性改(变)为男性", FieldStatus.UNKNOWN_CODE),
        ("😀", FieldStatus.UNKNOWN_CODE),
        ("\0", FieldStatus.NUL_BYTE),
    ),
)
def test_what_states_no_gender_is_missing_with_a_reason(text: str, status: FieldStatus) -> None:
    """Codes 0 and 9 state nothing; anything else is an unknown code."""
    assert (0, status) == one(text)


def test_a_table_may_have_codes_of_its_own() -> None:
    """A schema's options name further values and win over the usual reading."""
    assert (FEMALE, FieldStatus.VALID) == one("0", female=["0"], male="1")
    assert (MALE, FieldStatus.VALID) == one("h", male=["H", "homme"])


def test_numbers_and_nulls() -> None:
    """A column of numbers with a gap in it reads like text."""
    column = Utf8Column.from_arrow(pa.array([1.0, None, 2.0]))
    encoded = encode_gender(column, {})
    assert [MALE, 0, FEMALE] == encoded.components["code"].tolist()
    assert [0, int(FieldStatus.MISSING), 0] == encoded.status.tolist()


@given(st.lists(st.one_of(st.none(), any_text, gender_text), max_size=12))
@example([])
def test_a_batch_is_its_records_one_by_one(values: list[str | None]) -> None:
    """Any text encodes, the same alone as among others, into 2 bits."""
    batch = encode_gender(Utf8Column.from_strings(values), {})
    for row, value in enumerate(values):
        alone = encode_gender(Utf8Column.from_strings([value]), {})
        assert alone.components["code"][0] == batch.components["code"][row]
        assert alone.status[0] == batch.status[row]
    assert (batch.components["code"] <= FEMALE).all()


def test_a_slice_of_a_column_is_read_where_it_begins() -> None:
    """Arrow slices share their parent's buffers."""
    column = Utf8Column.from_arrow(pa.array(["1", "2", "男", None, "F"]).slice(1, 4))
    assert [2, 1, 0, 2] == encode_gender(column, {}).components["code"].tolist()
