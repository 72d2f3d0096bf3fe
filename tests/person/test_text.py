"""Columns of any Arrow type as text."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from person.errors import InputError
from person.text import Utf8Column
from tests import strategies


def texts(column: Utf8Column) -> list[str | None]:
    return [
        bytes(column.data[column.offsets[row] : column.offsets[row + 1]]).decode()
        if valid
        else None
        for row, valid in enumerate(column.valid.tolist())
    ]


@given(strategies.text_arrays())
def test_text_arrives_as_it_is(array: pa.Array | pa.ChunkedArray) -> None:
    """Slices, chunks, dictionaries and large strings give the same text, nulls stay null."""
    column = Utf8Column.from_arrow(array)
    assert array.to_pylist() == texts(column)
    assert (len(array) + 1, np.int32) == (len(column.offsets), column.offsets.dtype)
    assert (np.uint8, np.bool_) == (column.data.dtype, column.valid.dtype)


def test_text_is_not_copied() -> None:
    """A string column is viewed where it lies: encoding reads the buffers of the input."""
    array = pa.array(["王伟", "李娜", None])
    column = Utf8Column.from_arrow(array.slice(1))
    assert array.buffers()[2].address == column.data.__array_interface__["data"][0]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([], pa.string()), []),
        (pa.nulls(2), [None, None]),
        (pa.chunked_array([], pa.string()), []),
        (pa.array(["a", None], pa.string_view()), ["a", None]),
        (pa.array([b"ab", None]), ["ab", None]),
        (pa.array([13912345678, None]), ["13912345678", None]),
        (pa.array([13912345678.0, None, 2.5, float("nan")]), ["13912345678", None, "2.5", None]),
        (pa.array([7.0], pa.float32()), ["7"]),
        (pa.array([110101199001011232.0]), ["110101199001011232"]),
        (pa.array([float("inf"), 1e300]), ["inf", "1e+300"]),
        (pa.array([date(1980, 3, 4), None]), ["1980-03-04", None]),
        (pa.array([datetime(1980, 3, 4, 5, 6), None]), ["1980-03-04", None]),
        (pa.array([datetime(1980, 3, 4)], pa.timestamp("ns", "UTC")), ["1980-03-04"]),
        (pa.array([True, None]), ["true", None]),
        (pa.array([Decimal("12.50")]), ["12.50"]),
        (pa.array([["1", "2"], None, [], ["3"]]), ["1;2", None, "", "3"]),
        (pa.array([["1", None, "2"], [None]]), ["1;;2", ""]),
        (pa.array([[13912345678.0, None]]), ["13912345678;"]),
        (pa.array([["9"], ["1", "2"], ["3"]]).slice(1, 1), ["1;2"]),
        (pa.array([[1, 2], None], pa.list_(pa.int64(), 2)), ["1;2", None]),
        (pa.array([["1"]], pa.large_list(pa.string())), ["1"]),
        (pa.array([1.0, 1.0]).dictionary_encode(), ["1", "1"]),
    ],
)
def test_other_types_get_their_usual_text(array: Any, expected: list[str | None]) -> None:
    """Numbers, dates, lists and nulls read as a person would write them; gaps stay gaps."""
    assert expected == texts(Utf8Column.from_arrow(array))


@pytest.mark.parametrize(
    "array", [pa.array([{"a": "王伟"}]), pa.array([b"\xff\xfe"]), pa.array([[{"a": "王伟"}]])]
)
def test_what_has_no_text_is_refused_by_its_type(array: pa.Array) -> None:
    """A struct, a map or bytes that are no text end in an InputError without a value in it."""
    with pytest.raises(InputError, match="cannot be read as text") as caught:
        Utf8Column.from_arrow(array)
    assert "王伟" not in str(caught.value)


def test_a_column_that_is_not_there_is_all_missing() -> None:
    """A kind encodes an absent column as a column of nulls."""
    assert [None, None, None] == texts(Utf8Column.all_missing(3))
    assert 0 == len(Utf8Column.all_missing(0))
