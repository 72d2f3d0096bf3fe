"""What comes in by mistake is named; what may not be read in a sealed index is masked."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mpi import IdentityIndex
from mpi.identity_door import plain_person, without_numbers
from mpi.record_times import seconds_of_column, seconds_of_value
from person.errors import InputError, SchemaMismatchError

NUMBER = "11010519491231002X"


@pytest.fixture
def index(tmp_path: Path) -> Any:
    with IdentityIndex.create(tmp_path / "index") as made:
        yield made


def person(**more: Any) -> dict[str, Any]:
    return {"source": "H1", "record_id": "1", "name": "王小明"} | more


@pytest.mark.parametrize("name", ["bith_date", "birthdatte", "id_nmuber", "phon"])
def test_a_misspelt_column_is_named(index: IdentityIndex, name: str) -> None:
    """A column one slip from a missing one is refused for one person and for a table."""
    for ask in (index.add, index.resolve, lambda p: index.add_table([p])):
        with pytest.raises(SchemaMismatchError, match=name):
            ask(person(**{name: "1990-03-07"}))


def test_other_columns_are_left_alone(index: IdentityIndex) -> None:
    """Columns that mean nothing to the schema, and second ones, are no mistake."""
    index.add(person(phone="13671093358", phone2="1", ward="3", note="x", 备注="y"))


@pytest.mark.parametrize("value", [True, {"a": 1}, b"x", 1.5, [1]])
def test_a_value_that_is_no_text_is_refused_by_its_column(index: IdentityIndex, value: Any) -> None:
    """The message names column and type, never the value."""
    with pytest.raises(InputError, match=f"'name'.*{type(value).__name__}"):
        index.add(person(name=value))
    with pytest.raises(InputError, match="'name'"):
        index.add_table([person(name=value)])


def test_numbers_and_dates_are_read_as_texts() -> None:
    """Whole numbers, dates, lists of texts and what numpy makes of them say what they mean."""
    given = {"a": 12, "b": 12.0, "c": date(1990, 3, 7), "d": ["1", "2"], "e": np.int64(5)}
    expected = {"a": "12", "b": "12", "c": "1990-03-07", "d": "1;2", "e": "5", "f": None}
    assert expected == plain_person(given | {"f": float("nan")})


@pytest.mark.parametrize("text", [f"card {NUMBER} lent", f"{NUMBER}"])
def test_an_id_number_in_a_text_is_masked(text: str) -> None:
    """Only numbers that prove themselves go."""
    assert NUMBER not in without_numbers(text)
    kept = "ticket 110105194912310021 of 2026"
    assert kept == without_numbers(kept)


def test_a_sealed_index_shows_no_number_that_people_write(tmp_path: Path) -> None:
    """Reasons, names of stewards and kept texts are masked; a source called by one is refused."""
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef")
    path = tmp_path / "index"
    with IdentityIndex.create(path, digest_key=key) as index:
        index.add(person(address=f"某路1号 {NUMBER}"), by=f"Li {NUMBER}", reason=f"card {NUMBER}")
        with pytest.raises(InputError, match="source"):
            index.add(person(source=NUMBER))
    assert NUMBER.encode() not in (path / "data.mdb").read_bytes()


def test_times_of_a_column_are_those_of_its_values() -> None:
    """Texts, dates, times with and without a zone, numbers and nothing: seconds of UTC."""
    texts = ["2026-03-01", "2026-03-01T09:30:00+08:00", " 2026-03-01 09:30:00", "x", "", None]
    expected = [seconds_of_value(each) for each in texts]
    assert expected == seconds_of_column(pa.array(texts)).tolist()
    assert [1772323200, 1772328600, 1772357400, 0, 0, 0] == expected
    days = [date(2026, 3, 1), None, date(1960, 1, 1)]
    assert [1772323200, 0, 0] == seconds_of_column(pa.array(days)).tolist()
    assert [5, 0] == seconds_of_column(pa.array([5, -1])).tolist()
    assert [5, 0] == seconds_of_column(pa.array([5, None], pa.timestamp("s"))).tolist()
    assert [5] == seconds_of_column(pa.array([5], pa.timestamp("s", "UTC"))).tolist()


@pytest.mark.parametrize("given", [None, 5, [], [None]])
def test_what_is_no_person_is_refused(index: IdentityIndex, given: Any) -> None:
    """Whatever is given in a person's place, the answer says what to give."""
    with pytest.raises(InputError, match="mapping"):
        index.add(given)


@pytest.mark.parametrize("given", [{"source": "H\ud800"}, {"record_id": "\ud800"}])
def test_a_reference_that_is_no_text_is_refused(index: IdentityIndex, given: Any) -> None:
    """Undecoded bytes in a source or record id are an error of the input, without its values."""
    with pytest.raises(InputError, match=r"row 0 holds bytes that are no text"):
        index.add({"source": "H1", "record_id": "1", "name": "王小明"} | given)


def test_a_source_that_is_too_long_is_refused(index: IdentityIndex) -> None:
    """The name of a source is a key of the store; one that cannot be is refused by its length."""
    index.add({"source": "H" * 500, "record_id": "1", "name": "王小明"})
    with pytest.raises(InputError, match="501 bytes"):
        index.add({"source": "H" * 501, "record_id": "1", "name": "王小明"})
    assert index.lookup(source="H" * 500, record_id="1") is not None
