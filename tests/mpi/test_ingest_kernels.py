"""Loops of the ingest against their obvious twins."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from mpi.ingest_kernels import count_statuses, mark_used, note_texts, take_numbers
from person.fold import column_arrays
from person.text import Utf8Column

record_ids = st.none() | st.text(st.sampled_from("a1 \t\u3000王é~\x7f"), max_size=4)


@given(st.lists(record_ids, max_size=8), st.integers(0, 2))
@example(["a b", "王a"], 0)
def test_ids_that_may_need_a_trim_are_noticed(values: list[str | None], first: int) -> None:
    """Every text with a blank at an end is noticed, and which are there at all."""
    array = pa.array(values, pa.string()).slice(min(first, len(values)))
    kept = array.to_pylist()
    has_text = np.empty(len(kept), np.bool_)
    noticed = note_texts(*column_arrays(Utf8Column.from_arrow(array)), has_text)
    assert [bool(value) for value in kept] == has_text.tolist()
    assert noticed or all(value == value.strip() for value in kept if value)
    assert noticed == any(
        not (0x20 < ord(end) < 0x7F) for value in kept if value for end in (value[0], value[-1])
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 11), st.booleans()), max_size=20))
def test_places_and_counts(rows: list[tuple[int, int, bool]]) -> None:
    """Which places are used, the number of each, and how many records fall in each cell."""
    place = np.array([row[0] for row in rows], np.int32)
    status = np.array([row[1] for row in rows], np.uint8)
    kept = np.array([row[2] for row in rows], np.bool_)
    used, numbers = np.zeros(5, np.bool_), np.array([7, 5, 3, 1, 0], np.uint16)
    source, counts = np.empty(len(rows), np.uint16), np.zeros((8, 12), np.int64)
    mark_used(place, used)
    take_numbers(numbers, place, source)
    count_statuses(source, status, kept, counts)
    assert sorted({row[0] for row in rows}) == np.flatnonzero(used).tolist()
    assert [numbers[row[0]] for row in rows] == source.tolist()
    expected = np.zeros((8, 12), np.int64)
    for row, number in zip(rows, source.tolist(), strict=True):
        expected[number, row[1]] += row[2]
    assert expected.tolist() == counts.tolist()
