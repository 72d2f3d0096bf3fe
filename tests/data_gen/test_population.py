"""The facade: any slice, any batch size, any number of threads gives the same bytes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from data_gen.parameters import GeneratorParameters
from data_gen.people_table import PEOPLE_SCHEMA
from data_gen.population import Population
from person.records import RecordSource

PARAMETERS = GeneratorParameters(people=5000, seed=77)


def table(batches: object) -> pa.Table:
    return pa.Table.from_batches(list(batches)).combine_chunks()  # type: ignore[call-overload]


@pytest.mark.parametrize("threads", ["1", "3"])
def test_text_does_not_depend_on_batches_or_threads(
    threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of 997 by any number of threads are those of one batch."""
    population = Population(PARAMETERS)
    whole = table(population.batches(batch_size=100_000))
    monkeypatch.setenv("MPI_THREADS", threads)
    assert population.record_count == len(whole)
    assert whole.equals(table(population.batches(batch_size=997)))
    assert whole.slice(4000, 3000).equals(table(population.batches(4000, 7000, 512)))


def test_truth_and_encoded_follow_the_records() -> None:
    """Truth, encoded rows and record source give the same records in the same order."""
    population = Population(PARAMETERS)
    pairs = list(population.batches_with_truth(batch_size=2000))
    truth = table(second for _, second in pairs)
    assert truth.equals(table(population.truth(batch_size=999)))
    rows = np.concatenate([chunk.rows for chunk in population.encoded(batch_size=777)])
    source = population.record_source()
    assert isinstance(source, RecordSource)
    for _ in range(2):  # it can be read again
        chunks = list(source.chunks())
        assert [0] == [chunk.first_row for chunk in chunks][:1]
        np.testing.assert_array_equal(rows, np.concatenate([chunk.rows for chunk in chunks]))
    assert source.record_count == len(rows) == len(truth)


def test_populations_of_a_seed_nest() -> None:
    """A larger population begins with the records of a smaller one's whole communities."""
    small = table(Population(PARAMETERS).batches(0, 4 * 2560))
    larger = GeneratorParameters(people=9000, seed=77)
    assert small.equals(table(Population(larger).batches(0, 4 * 2560)))


def test_seeds_differ() -> None:
    """Another seed is another population."""
    other = GeneratorParameters(people=5000, seed=78)
    names = table(Population(PARAMETERS).batches(0, 1000)).column("name")
    assert names != table(Population(other).batches(0, 1000)).column("name")


def test_people_are_those_of_the_truth() -> None:
    """Every person of the truth is among the people, households and mothers as well."""
    population = Population(PARAMETERS)
    people = table(population.people(batch_size=700))
    assert PEOPLE_SCHEMA == people.schema
    assert len(people) == PARAMETERS.people
    by_id = {row["person_id"]: row for row in people.to_pylist()}
    assert len(by_id) == len(people)
    for row in table(population.truth()).to_pylist():
        for name in ("household_id", "mother_id", "twin_id"):
            assert by_id[row["person_id"]][name] == row[name]
    assert people.slice(1500, 900).equals(table(population.people(1500, 2400, 400)))


def test_overflow_holds_every_long_name() -> None:
    """Each row whose name did not fit finds its units."""
    population = Population(PARAMETERS)
    overflow = population.overflow()
    words = np.concatenate([chunk.rows[:, 0] for chunk in population.encoded()])
    long_words = np.unique(words[words >> np.uint64(63) == 1])
    assert len(long_words)
    assert np.isin(long_words, overflow.hashes).all()


@pytest.mark.parametrize("people, rate", [(1, 1.0), (1, 6.0), (1025, 6.0)])
def test_the_smallest_populations_work(people: int, rate: float) -> None:
    """One person, or one beyond a community, has the records asked for."""
    parameters = GeneratorParameters(
        people=people, seed=3, records_per_person=rate, error_scale=10.0
    )
    population = Population(parameters)
    assert people * rate == population.record_count
    assert population.record_count == len(table(population.batches()))
    assert people == len(table(population.people()))
