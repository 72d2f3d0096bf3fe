from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from person.dates import date_to_text, encode_date, guess_date_order, pack_date
from person.errors import ConfigError
from person.field import FieldStatus
from person.text import Utf8Column

DATES = st.dates(datetime.date(1901, 1, 2), datetime.date(2098, 12, 31))


def read(text: str | None, **options: object) -> tuple[str, FieldStatus]:
    encoded = encode_date(Utf8Column.from_strings([text]), options)
    return date_to_text(int(encoded.components["day"][0])), FieldStatus(encoded.status[0])


@pytest.mark.parametrize(
    "text",
    [
        *("1971-06-24", "19710624", "1971/6/24", "1971.6.24", "24/6/1971", "24.06.1971"),
        *("6/24/1971", "24 June 1971", "Jun 24, 1971", "24th jun 1971", "1971 Jun 24"),
        *("1971年6月24日", "1971年06月24日", "一九七一年六月二十四日", "１９７１－６－２４"),
        *("1971-06-24 00:00:00", "1971-06-24T01:02:03Z", "19710624T010203", "19710624010203"),
        *("1971/6/24 1:02 PM", "  1971-06-24  ", "24-06-1971"),
    ],
)
def test_whole_dates_in_every_form(text: str) -> None:
    """Order, separators, script and time of day do not matter where the reading is unique."""
    assert ("1971-06-24", FieldStatus.VALID) == read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1971", "1971"),
        ("1971年", "1971"),
        ("197106", "1971-06"),
        ("1971-06", "1971-06"),
        ("06/1971", "1971-06"),
        ("June 1971", "1971-06"),
        ("1971年6月", "1971-06"),
        ("二〇〇一年十月", "2001-10"),
        ("1971-00-00", "1971"),
        ("19710600", "1971-06"),
    ],
)
def test_partial_dates_keep_what_is_known(text: str, expected: str) -> None:
    """An unknown day or month is 0, not 1."""
    assert (expected, FieldStatus.VALID) == read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("19061399", "1906"),
        ("19371233", "1937-12"),
        ("1980-13-02", "1980-??-02"),
        ("19800230", "1980-02-30"),
    ],
)
def test_impossible_dates_keep_their_possible_parts(text: str, expected: str) -> None:
    """A slip in one digit does not wipe out the rest of the date."""
    assert (expected, FieldStatus.BAD_DATE) == read(text)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (None, FieldStatus.MISSING),
        (" ", FieldStatus.MISSING),
        ("1971\0", FieldStatus.NUL_BYTE),
        ("unknown", FieldStatus.PLACEHOLDER),
        ("-", FieldStatus.PLACEHOLDER),
        ("1900-01-01", FieldStatus.PLACEHOLDER),
        ("0000-00-00", FieldStatus.PLACEHOLDER),
        ("00000000", FieldStatus.PLACEHOLDER),
        ("9999-12-31", FieldStatus.PLACEHOLDER),
        ("30000", FieldStatus.BAD_DATE),
        ("850612", FieldStatus.BAD_DATE),
        ("12-03-85", FieldStatus.BAD_DATE),
        ("hello", FieldStatus.BAD_DATE),
        ("1006-01-01", FieldStatus.OUT_OF_RANGE),
        ("2361-01-01", FieldStatus.OUT_OF_RANGE),
    ],
)
def test_what_is_no_date_is_missing_with_its_reason(text: str | None, status: FieldStatus) -> None:
    """Placeholders, serial numbers and two-digit years are never read as dates."""
    assert ("", status) == read(text)


@pytest.mark.parametrize(
    ("text", "expected", "written"),
    [
        ("1971-06-24", "1971-06-24", "19710624"),
        ("1971-06", "1971-06", "197106aa"),
        ("19371233", "1937-12", "19371233"),
        ("2901-95-01", "", "29019501"),
        ("3006-907-28", "", "30060728"),
        ("197l-O6-24", "1971-06-24", "19710624"),
        ("1987i102", "1987-11-02", "19871102"),
        ("1974o302", "1974-03-02", "19740302"),
        ("1968 822", "1968-08-22", "19680822"),
        ("1968 122", "1968-??-22", "1968a122"),
        ("1968 0822", "1968-08-22", "19680822"),
        ("19770 116", "1977-01-16", "19770116"),
        ("|9371023", "1937-10-23", "19371023"),
        ("196 0822", "", "196a0822"),
        ("1971-06-124", "1971-06", "197106aa"),
        ("unknown", "", "0"),
        ("1900-01-01", "", "0"),
        ("hello", "", "0"),
        ("12-03-85", "", "0"),
    ],
)
def test_digits_are_kept_as_written(text: str, expected: str, written: str) -> None:
    """What cannot be a date, or had to be mended, keeps all the digits there were."""
    encoded = encode_date(Utf8Column.from_strings([text]), {})
    assert expected == date_to_text(int(encoded.components["day"][0]))
    assert written == f"{int(encoded.components['written'][0]):x}"


def test_mended_dates_say_so() -> None:
    """A letter for a digit, or a stray character, is BAD_CHARACTER even if nothing is lost."""
    for text in ("197l-06-24", "19770 116", "1968 822", "196 0822", "1971-06-124"):
        assert FieldStatus.BAD_CHARACTER == read(text)[1]
    assert ("1980-02-03", FieldStatus.BAD_CHARACTER) == read("O3021980", order="dmy")
    assert ("1980-02-03", FieldStatus.BAD_CHARACTER) == read("0302 1980", order="dmy")


def test_order_decides_only_what_is_ambiguous() -> None:
    """3/2/1980 follows the order; 28/2/1980 and 1980-02-03 cannot be misread."""
    for order, expected in (("dmy", "1980-02-03"), ("mdy", "1980-03-02")):
        assert expected == read("3/2/1980", order=order)[0]
        assert expected == read("03021980", order=order)[0]
        assert "1980-02-28" == read("28/2/1980", order=order)[0]
        assert "1980-02-03" == read("19800203", order=order)[0]
    assert "1980-03-02" == read("3/2/1980", day_first=False)[0]


def test_two_digit_years_are_read_only_on_request() -> None:
    """With the option, years end at the latest one it names."""
    assert "1985-03-12" == read("12-03-85", order="dmy", two_digit_years=2020)[0]
    assert "2012-03-12" == read("12-03-12", order="dmy", two_digit_years=2020)[0]
    assert "1985-06-12" == read("850612", two_digit_years=True)[0]


def test_latest_refuses_the_future() -> None:
    """A birth date after the day of the extract is out of range."""
    assert FieldStatus.OUT_OF_RANGE == read("2024-01-01", latest="2023-12-31")[1]
    assert FieldStatus.VALID == read("2023-12-31", latest=2023)[1]


def test_unknown_options_are_refused() -> None:
    """A wrong option is a configuration error, before any data is read."""
    with pytest.raises(ConfigError, match="order"):
        read("1971", order="ydm")
    with pytest.raises(ConfigError, match="latest"):
        read("1971", latest="soon")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["19800203", "1980-02-03", None], "ymd"),
        (["3/2/1980", "28/2/1980"], "dmy"),
        (["3/2/1980", "2/28/1980"], "mdy"),
        (["3/2/1980"], "dmy"),
        (["02281980"], "mdy"),
        ([], "ymd"),
    ],
)
def test_the_order_of_a_column_is_guessed(values: list[str | None], expected: str) -> None:
    """Values that can be read in one way only show the order of all."""
    assert expected == guess_date_order(Utf8Column.from_strings(values))


@given(DATES, st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d %B %Y", "%Y年%m月%d日"]))
def test_every_written_date_is_read_back(date: datetime.date, form: str) -> None:
    """Writing a date and reading it gives the date."""
    assert (date.isoformat(), FieldStatus.VALID) == read(date.strftime(form))


@given(st.integers(0, 99_999_999) | DATES.map(lambda date: int(date.strftime("%Y%m%d"))))
def test_the_usual_forms_are_read_like_all_others(number: int) -> None:
    """A blank before the text leads past the short way of the usual forms, and changes nothing."""
    digits = f"{number:08d}"
    separated = [f"{digits[:4]}{mark}{digits[4:6]}{mark}{digits[6:]}" for mark in "-/.,"]
    texts = [digits, *separated, f"{digits[:4]}-{digits[4:6]}/{digits[6:]}"]
    for options in ({}, {"order": "dmy"}, {"latest": "1990", "placeholders": ("1980-01-01",)}):
        plain = encode_date(Utf8Column.from_strings(texts), options)
        slow = encode_date(Utf8Column.from_strings([f" {text}" for text in texts]), options)
        assert slow.status.tolist() == plain.status.tolist()
        for name, values in slow.components.items():
            assert values.tolist() == plain.components[name].tolist()


@given(DATES)
def test_packing_is_the_documented_one(date: datetime.date) -> None:
    """18 bits that sort like the dates."""
    packed = pack_date(date.year, date.month, date.day)
    assert (date.year - 1849) * 512 + date.month * 32 + date.day == packed < 1 << 18


ANY_TEXT = st.text(st.sampled_from("0129-/. 年月日十二T:janfeboliqs|\0x"), max_size=18)


@given(st.lists(st.none() | ANY_TEXT))
def test_a_batch_of_anything_equals_its_values_one_by_one(values: list[str | None]) -> None:
    """No text makes the encoder fail, and every result fits its slot."""
    for options in ({}, {"order": "mdy", "two_digit_years": True}):
        together = encode_date(Utf8Column.from_strings(values), options)
        for row, value in enumerate(values):
            alone = encode_date(Utf8Column.from_strings([value]), options)
            assert together.components["day"][row] == alone.components["day"][0] < 1 << 18
            assert together.components["written"][row] == alone.components["written"][0] < 1 << 32
            assert together.status[row] == alone.status[0]
