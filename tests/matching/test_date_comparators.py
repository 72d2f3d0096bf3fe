from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.kernels.dates import COMPARATORS
from person.dates import pack_date
from person.field import OverflowTable
from tests import reference_strings as reference

BY_NAME = {comparator.name: comparator for comparator in COMPARATORS}
Date = tuple[int, int, int]

YEARS = st.integers(1850, 2360) | st.sampled_from([1970, 1971, 1907, 1917, 1980])
WHOLE = st.tuples(YEARS, st.integers(1, 12), st.integers(1, 28) | st.sampled_from([1, 11, 12, 21]))
ANY_DATE = st.tuples(YEARS, st.integers(0, 12), st.integers(0, 31))


def compare(name: str, dates: list[Date | None], cutoffs: tuple[float, ...] = ()) -> np.ndarray:
    """Grades of all pairs, uint8[n, n]; the dates lie in the middle of a word."""
    packed = np.array([pack_date(*date) if date else 0 for date in dates], np.uint64)
    neighbours = np.uint64(1 << 30 | 5)
    rows = np.ascontiguousarray((packed << np.uint64(7) | neighbours)[:, None])
    slots = np.array([(0, 7, 18)], np.int64)
    left, right = (grid.ravel().astype(np.int32) for grid in np.indices([len(dates)] * 2))
    out = np.empty(len(left), np.uint8)
    comparator = BY_NAME[name]
    comparator.kernel(
        *(rows, rows.copy(), left, right, slots, comparator.tables(OverflowTable())),
        *(np.array(cutoffs), out),
    )
    return out.reshape(len(dates), len(dates))


def grade(a: Date, b: Date) -> str:
    return BY_NAME["date"].grades[compare("date", [a, b])[0, 1]]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((1971, 6, 24), (1971, 6, 24), "exact"),
        ((1971, 6, 12), (1971, 12, 6), "day_month_swapped"),
        ((1971, 6, 24), (1971, 5, 24), "one_digit"),
        ((1971, 6, 24), (1917, 6, 24), "transposed_digits"),
        ((1971, 6, 12), (1971, 6, 21), "transposed_digits"),
        ((1971, 6, 24), (1971, 6, 13), "year_and_month"),
        ((1971, 6, 24), (1971, 6, 0), "compatible_partial"),
        ((1971, 6, 24), (1971, 0, 0), "compatible_partial"),
        ((1971, 0, 0), (1971, 0, 0), "compatible_partial"),
        ((1971, 6, 24), (1971, 1, 1), "compatible_partial"),
        ((1937, 0, 23), (1937, 12, 23), "compatible_partial"),
        ((1971, 6, 24), (1985, 6, 24), "month_and_day"),
        ((1971, 6, 24), (1971, 11, 24), "year_and_day"),
        ((1971, 6, 24), (1971, 11, 30), "year_only"),
        ((1971, 6, 0), (1971, 7, 0), "year_only"),
        ((1971, 6, 24), (1950, 11, 30), "else"),
        ((1971, 0, 0), (1972, 0, 0), "else"),
    ],
)
def test_date_grades_by_example(a: Date, b: Date, expected: str) -> None:
    """Slips first, then what agrees; equal partial dates are only compatible."""
    assert expected == grade(a, b) == grade(b, a)


@given(st.lists(st.none() | WHOLE | ANY_DATE, min_size=1, max_size=6))
def test_date_grades_equal_the_reference(dates: list[Date | None]) -> None:
    """All pairs, whole and partial, and null where a side is missing."""
    grades = BY_NAME["date"].grades
    grid = compare("date", dates)
    assert (grid == grid.T).all()
    for row, a in enumerate(dates):
        for column, b in enumerate(dates):
            if a is None or b is None:
                assert 255 == grid[row, column]
            else:
                assert reference.grade_dates(a, b) == grades[grid[row, column]]


@given(st.lists(WHOLE, min_size=2, max_size=5))
def test_distances_are_calendar_days(dates: list[Date]) -> None:
    """Days apart agree with the calendar, leap years included."""
    cutoffs = (0.0, 1.0, 31.0, 366.0, 5000.0)
    grid = compare("date_distance_days", list(dates), cutoffs)
    for row, a in enumerate(dates):
        for column, b in enumerate(dates):
            days = reference.days_apart(a, b)
            expected = sum(days > cutoff for cutoff in cutoffs)
            assert expected == grid[row, column]


def test_partial_dates_count_only_against() -> None:
    """What could be near is null; what is far whatever the day was is 'else'."""
    dates: list[Date | None] = [(1971, 0, 0), (1971, 6, 24), (1990, 1, 0), None]
    grid = compare("date_distance_days", dates, (0.0, 31.0))
    assert [255, 255, 2, 255] == grid[0].tolist()
    assert [255, 0, 2, 255] == grid[1].tolist()
