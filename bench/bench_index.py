"""The identity index through the library: look-ups, resolutions and durable additions.

The index holds the scale's first records; the last ones arrive. Everything is asked warm, from one
process, batched and singly. Beside other stores and at ten million records: `bench.index_lookup`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final

import pyarrow as pa
import pytest

from bench.data import Dataset
from bench.index_data import load_residents, percentiles, sample_people
from bench.workload import MEMORY_BYTES
from mpi import IdentityIndex
from mpi.index_lookup import lookup_table

Measure = Callable[..., Any]
PEOPLE_MAX: Final = 50_000
RESOLVED: Final = 2_000
SINGLE_LOOKUPS: Final = 1_000
SINGLE_RESOLUTIONS: Final = 100
SINGLE_ADDS: Final = 10
ARRIVING_SHARE: Final = 10
SEED: Final = 1


@pytest.fixture(scope="module")
def people_index(
    data: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[IdentityIndex]:
    """An index of all but the last tenth of the records, warm."""
    path = tmp_path_factory.mktemp("index") / "people.index"
    load_residents(data, _held(data), path, MEMORY_BYTES)
    with IdentityIndex.open(path, writable=True) as index:
        index.warm()
        yield index


@pytest.fixture(scope="module")
def people(data: Dataset) -> pa.Table:
    """People whom the index holds, in random order."""
    held = _held(data)
    return sample_people(data, 0, held, min(PEOPLE_MAX, held), SEED)


@pytest.fixture(scope="module")
def arrive(data: Dataset) -> Callable[[int], pa.Table]:
    """Records that the index does not hold, under record ids that it has never seen."""
    held = _held(data)
    people = sample_people(data, held, data.record_count, data.record_count - held, SEED)
    numbers, at = count(), count()

    def next_people(size: int) -> pa.Table:
        rows = [next(at) % people.num_rows for _ in range(size)]
        ids = pa.array([f"arriving-{next(numbers)}" for _ in range(size)])
        batch = people.take(pa.array(rows))
        return batch.set_column(batch.column_names.index("record_id"), "record_id", ids)

    return next_people


def _held(data: Dataset) -> int:
    return data.record_count - data.record_count // ARRIVING_SHARE


def _as_dicts(table: pa.Table) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if value is not None}
        for row in table.to_pylist()
    ]


def _references(people: pa.Table) -> pa.Table:
    return people.select(["source", "record_id"])


def _measure_singly(measure: Measure, ask: Callable[[int], Any], unit: str, calls: int) -> None:
    """Time single calls in a row; p50 and p99 of the last round stand beside."""
    measure(
        lambda: percentiles(ask, calls, warm=0),
        units={unit: calls},
        threads=1,
        tell=lambda times: {name: times[name] for name in ("us_p50", "us_p99")},
    )


@pytest.mark.parametrize("by", ["id_number", "cross_reference", "enterprise_id"])
def bench_lookup_batched(
    people_index: IdentityIndex, people: pa.Table, measure: Measure, by: str
) -> None:
    """Many at once."""
    asked = _references(people)
    if by == "id_number":
        asked = people.select(["id_number", "id_type"]).filter(people["id_number"].is_valid())
    elif by == "enterprise_id":
        found = lookup_table(people_index, asked)["enterprise_id"]
        asked = pa.table({"enterprise_id": found})
    units = {"lookups": asked.num_rows}
    answers = measure(lambda: lookup_table(people_index, asked), units=units)
    assert answers.num_rows == asked.num_rows
    # Of id numbers some cannot be right, and those are nobody's.
    assert answers["enterprise_id"].null_count <= (0.1 * len(answers) if by == "id_number" else 0)


@pytest.mark.parametrize("by", ["id_number", "cross_reference"])
def bench_lookup_single(
    people_index: IdentityIndex, people: pa.Table, measure: Measure, by: str
) -> None:
    """One at a time."""
    rows = _as_dicts(people)
    if by == "id_number":
        numbers = [row["id_number"] for row in rows if "id_number" in row]
        _measure_singly(
            measure,
            lambda i: people_index.lookup_all(id_number=numbers[i % len(numbers)]),
            "lookups",
            SINGLE_LOOKUPS,
        )
        return
    keys = [{name: row[name] for name in ("source", "record_id")} for row in rows]

    def ask(place: int) -> None:
        assert people_index.lookup(**keys[place % len(keys)]) is not None

    _measure_singly(measure, ask, "lookups", SINGLE_LOOKUPS)


def bench_resolve_batched(people_index: IdentityIndex, people: pa.Table, measure: Measure) -> None:
    """Who is this, by all that a record says: many at once."""
    asked = people.slice(0, RESOLVED).drop_columns(["source", "record_id"])
    answers = measure(lambda: people_index.resolve_table(asked), units={"people": asked.num_rows})
    assert asked.num_rows == answers.num_rows


def bench_resolve_single(people_index: IdentityIndex, people: pa.Table, measure: Measure) -> None:
    """Who is this: one at a time."""
    asked = _as_dicts(people.slice(0, RESOLVED).drop_columns(["source", "record_id"]))
    _measure_singly(
        measure, lambda i: people_index.resolve(asked[i % len(asked)]), "people", SINGLE_RESOLUTIONS
    )


def bench_add_hundred(
    people_index: IdentityIndex, arrive: Callable[[int], pa.Table], measure: Measure
) -> None:
    """A hundred new records, resolved, decided, written and synced."""
    added: list[pa.Table] = []

    def add() -> int:
        added.append(arrive(100))
        return people_index.add_table(added[-1], batch_size=100).num_rows

    assert measure(add, units={"records": 100}, threads=1) == 100
    found = lookup_table(people_index, _references(added[-1]))
    assert found["enterprise_id"].null_count == 0


def bench_add_single(
    people_index: IdentityIndex, arrive: Callable[[int], pa.Table], measure: Measure
) -> None:
    """One new record after the other, each synced."""
    added: list[dict[str, Any]] = []

    def add(_: int) -> None:
        added.extend(_as_dicts(arrive(1)))
        people_index.add(added[-1])

    _measure_singly(measure, add, "records", SINGLE_ADDS)
    last = {name: added[-1][name] for name in ("source", "record_id")}
    assert people_index.lookup(**last) is not None
