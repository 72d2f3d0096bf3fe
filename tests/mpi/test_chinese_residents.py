"""Made-up Chinese residents with the errors of real systems, found again by the main job."""

from __future__ import annotations

from functools import lru_cache

import pyarrow as pa
import pytest

import mpi
from mpi.result import Result
from tests.chinese_residents import resident_records

PEOPLE = 2_000


@lru_cache(maxsize=1)
def _run() -> tuple[Result, pa.Table]:
    records, truth = resident_records(PEOPLE)
    return mpi.dedupe(records), truth


def test_residents_are_found_again_in_spite_of_their_errors() -> None:
    """At default thresholds nearly every pair of records is put together, hardly one wrongly."""
    result, truth = _run()
    measures = mpi.evaluate(result, truth.select(["source", "record_id", "entity_id"])).measures
    assert measures["precision"] >= 0.999
    assert measures["recall"] >= 0.97


def test_twins_stay_two_people() -> None:
    """Twins share surname, birth date, home, phone and mother, and are never one person."""
    result, truth = _run()
    cluster = {
        (row["source"], row["record_id"]): row["enterprise_id"]
        for row in result.clusters.to_pylist()
    }
    clusters_of: dict[int, set[str]] = {}
    twin_of: dict[int, int] = {}
    for row in truth.to_pylist():
        person = int(row["entity_id"][1:])
        clusters_of.setdefault(person, set()).add(cluster[row["source"], row["record_id"]])
        if row["twin_of"] >= 0:
            twin_of[person] = row["twin_of"]
    merged = [
        (one, other)
        for one, other in twin_of.items()
        if clusters_of[one] & clusters_of.get(other, set())
    ]
    assert twin_of
    assert [] == merged


def test_the_same_people_are_made_every_time() -> None:
    """Records and truth depend on the number of people and the seed alone."""
    assert resident_records(50, seed=7) == resident_records(50, seed=7)


@pytest.mark.parametrize("count", [1, 2, 5, 50])
def test_a_handful_of_records_is_a_table_too(count: int) -> None:
    """Tables too small to learn from are answered; equal records are one person."""
    records, _ = resident_records(60, seed=5)
    some = records.slice(0, count)
    again = some.set_column(0, "record_id", pa.array([f"again {n}" for n in range(count)]))
    result = mpi.dedupe(pa.concat_tables([some, again]))
    person = dict(
        zip(
            result.clusters["record_id"].to_pylist(),
            result.clusters["enterprise_id"].to_pylist(),
            strict=True,
        )
    )
    names = some["record_id"].to_pylist()
    assert [person[name] for name in names] == [person[f"again {n}"] for n in range(count)]
