from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.kernels.addresses import COMPARATORS
from person.address import encode_address
from person.field import OverflowTable
from person.text import Utf8Column
from tests import reference_strings as reference

(ADDRESS,) = COMPARATORS
Sketch = tuple[tuple[int, ...], int]


def compare(sketches: list[Sketch]) -> list[list[str | None]]:
    """Grades of all pairs; grams and numbers share one word."""
    words = [
        sum(gram << (8 * place) for place, gram in enumerate(grams)) | numbers << 48
        for grams, numbers in sketches
    ]
    rows = np.array(words, np.uint64)[:, None]
    slots = np.array([(0, 0, 48), (0, 48, 16)], np.int64)
    left, right = (grid.ravel().astype(np.int32) for grid in np.indices([len(words)] * 2))
    out = np.empty(len(left), np.uint8)
    ADDRESS.kernel(
        *(rows, rows.copy(), left, right, slots, ADDRESS.tables(OverflowTable())),
        *(np.zeros(0), out),
    )
    grades = [None if grade == 255 else ADDRESS.grades[grade] for grade in out]
    return [grades[start : start + len(words)] for start in range(0, len(out), len(words))]


def sketch(text: str) -> Sketch:
    encoded = encode_address(Utf8Column.from_strings([text]), {})
    grams = int(encoded.components["grams"][0])
    return tuple(grams >> shift & 255 for shift in range(0, 48, 8)), int(
        encoded.components["numbers"][0]
    )


SKETCHES = st.tuples(st.tuples(*[st.integers(1, 3)] * 6) | st.just((0,) * 6), st.integers(0, 2))


@given(st.lists(SKETCHES, min_size=1, max_size=6))
def test_grades_equal_the_reference(sketches: list[Sketch]) -> None:
    """Every mix of words and numbers, missing ones included, both ways round."""
    grid = compare(sketches)
    for row, a in enumerate(sketches):
        for column, b in enumerate(sketches):
            assert reference.grade_addresses(a, b) == grid[row][column] == grid[column][row]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("北京市朝阳区建国路88号", "北京朝阳建国路八十八号", "same"),
        ("12 Main Street", "Main St", "same"),
        ("12 Main Street", "14 Main St", "most_grams_other_numbers"),
        ("北京市朝阳区建国路88号", "广州市天河区体育西路", "else"),
        ("12", "12", "same_numbers_some_grams"),
        ("12", "Main St", None),
        ("unknown", "12 Main St", None),
    ],
)
def test_addresses_by_example(a: str, b: str, expected: str | None) -> None:
    """What two written addresses come to."""
    assert expected == compare([sketch(a), sketch(b)])[0][1]
