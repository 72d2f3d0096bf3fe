from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.kernels.dates import COMPARATORS
from person.dates import encode_date, pack_date
from person.field import OverflowTable
from person.text import Utf8Column
from tests import reference_strings as reference

BY_NAME = {comparator.name: comparator for comparator in COMPARATORS}
Date = tuple[int, int, int]

YEARS = st.integers(1850, 2360) | st.sampled_from([1970, 1971, 1907, 1917, 1980])
WHOLE = st.tuples(YEARS, st.integers(1, 12), st.integers(1, 28) | st.sampled_from([1, 11, 12, 21]))
ANY_DATE = st.tuples(YEARS, st.integers(0, 12), st.integers(0, 31))


def compare(name: str, dates: list[Date | None], cutoffs: tuple[float, ...] = ()) -> np.ndarray:
    """Grades of all pairs, uint8[n, n]; the dates lie in the middle of a word."""
    packed = np.array([pack_date(*date) if date else 0 for date in dates], np.uint64)
    return compare_packed(name, packed, None, cutoffs)


def compare_packed(
    name: str,
    packed: np.ndarray,
    written: np.ndarray | None,
    cutoffs: tuple[float, ...] = (),
) -> np.ndarray:
    neighbours = np.uint64(1 << 62 | 1 << 25 | 5)
    words = packed << np.uint64(7) | neighbours
    slots = [(0, 7, 18)]
    if written is not None:
        words |= written << np.uint64(27)
        slots.append((0, 27, 32))
    return compare_rows(name, words[:, None], np.array(slots, np.int64), cutoffs)


def compare_rows(
    name: str, rows: np.ndarray, slots: np.ndarray, cutoffs: tuple[float, ...]
) -> np.ndarray:
    rows = np.ascontiguousarray(rows)
    left, right = (grid.ravel().astype(np.int32) for grid in np.indices([len(rows)] * 2))
    out = np.empty(len(left), np.uint8)
    comparator = BY_NAME[name]
    comparator.kernel(
        *(rows, rows.copy(), left, right, slots, comparator.tables(OverflowTable())),
        *(np.array(cutoffs), out),
    )
    return out.reshape(len(rows), len(rows))


def compare_texts(*texts: str) -> list[list[str | None]]:
    """Grades of dates as an encoder writes both slots."""
    field = encode_date(Utf8Column.from_strings(texts), {})
    grid = compare_packed("date", field.components["day"], field.components["written"])
    grades = BY_NAME["date"].grades
    return [[None if cell == 255 else grades[cell] for cell in row] for row in grid]


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
        ((1970, 12, 1), (1971, 2, 1), "transposed_digits"),
        ((1971, 6, 24), (1971, 6, 13), "near"),
        ((1971, 12, 28), (1972, 1, 17), "near"),
        ((1971, 6, 14), (1971, 9, 17), "two_digits"),
        ((1971, 12, 3), (1971, 3, 12), "day_month_swapped"),
        ((1971, 11, 23), (1971, 12, 31), "two_digits"),
        ((1971, 6, 24), (1981, 6, 29), "two_digits_with_year"),
        ((1971, 6, 24), (1971, 6, 0), "compatible_partial"),
        ((1971, 6, 24), (1971, 0, 0), "compatible_partial"),
        ((1971, 0, 0), (1971, 0, 0), "compatible_partial"),
        ((1971, 6, 24), (1971, 1, 1), "compatible_partial"),
        ((1937, 0, 23), (1937, 12, 23), "compatible_partial"),
        ((1971, 6, 24), (1985, 6, 24), "month_and_day"),
        ((1971, 6, 24), (1971, 11, 24), "two_digits"),
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


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("1980-13-02", "1980-02-13", "day_month_swapped"),
        ("19371233", "19371223", "one_digit"),
        ("19062236", "19062236", "exact"),
        ("19571082", "19571028", "transposed_digits"),
        ("2901-95-01", "2001-05-01", "two_digits_with_year"),
        ("3006-08-28", "2006-08-28", "one_digit"),
        ("19371233", "19581104", "else"),
        ("1971", "19710624", "compatible_partial"),
        ("196 0822", "19640822", "compatible_partial"),
        ("196 0822", "19640823", "two_digits"),
        ("196 0822", "19551123", "else"),
        ("19371233", None, None),
        ("2901-95-01", "1971", "else"),
        ("19371290", "1937-12", "compatible_partial"),
    ],
)
def test_impossible_dates_are_compared_as_written(
    a: str, b: str | None, expected: str | None
) -> None:
    """Where a date cannot be, the digits that someone wrote decide."""
    grid = compare_texts(a, b)  # type: ignore[arg-type]
    assert expected == grid[0][1] == grid[1][0]


@given(st.lists(st.none() | WHOLE | ANY_DATE, min_size=1, max_size=6))
def test_valid_dates_grade_alike_with_and_without_the_written_slot(
    dates: list[Date | None],
) -> None:
    """The second slot speaks only where a date is impossible."""
    texts = ["" if date is None else "-".join(f"{part:02d}" for part in date) for date in dates]
    field = encode_date(Utf8Column.from_strings(texts), {})
    day, written = field.components["day"], field.components["written"]
    is_valid = field.status == 0
    alone, both = (compare_packed("date", day, second) for second in (None, written))
    assert (alone[is_valid][:, is_valid] == both[is_valid][:, is_valid]).all()


DIGITS = st.text("0129", min_size=8, max_size=8) | st.sampled_from(["19712299", "19719229"])


@given(st.lists(DIGITS, min_size=2, max_size=6))
def test_digit_grades_equal_the_reference(texts: list[str]) -> None:
    """Any eight digits, with no date to go by."""
    written = np.array([int(text, 16) for text in texts], np.uint64)
    grid = compare_packed("date", np.zeros(len(texts), np.uint64), written)
    for row, a in enumerate(texts):
        for column, b in enumerate(texts):
            if "00000000" in (a, b):
                assert 255 == grid[row, column]
            else:
                expected = reference.grade_digits(a, b)
                assert (a, b, expected) == (a, b, BY_NAME["date"].grades[grid[row, column]])


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
