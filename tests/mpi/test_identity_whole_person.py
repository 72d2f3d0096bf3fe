"""A record that agrees with a person as a whole and with none of their records alone.

Only a batch run weighs all records of a person together (`mpi.entity_merge`). Online it is asked
or new, never linked elsewhere, and the next batch run brings it home.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import mpi
from data_gen.parameters import GeneratorParameters
from data_gen.population import Population
from mpi.identity_decide import Outcome
from mpi.identity_index import IdentityIndex
from mpi.result import Result

PEOPLE, ERROR_SCALE, SEEDS = 800, 6.0, range(1, 9)
Key = tuple[str, str]


@dataclass(frozen=True)
class Registry:
    """A table deduplicated into an index, and a record that only all records together place."""

    table: pa.Table
    result: Result
    record: Key
    index: Path

    def person(self) -> dict[str, Any]:
        """What the record says."""
        (row,) = (
            row
            for row in self.table.to_pylist()
            if (row["source"], row["record_id"]) == self.record
        )
        return {name: value for name, value in row.items() if value is not None}

    def home(self, index: IdentityIndex) -> str:
        """Enterprise id of the records that the batch run put it with."""
        people = {key_of(row): row["enterprise_id"] for row in self.result.clusters.to_pylist()}
        others = [k for k, person in people.items() if person == people[self.record]]
        others.remove(self.record)
        found = [index.lookup(source=source, record_id=name) for source, name in others]
        (person,) = {each.enterprise_id for each in found if each is not None}
        return person


def key_of(row: dict[str, Any], side: str = "") -> Key:
    return row[f"source{side}"], row[f"record_id{side}"]


def placed_by_all_together(result: Result) -> list[Key]:
    """Records of a person of three or more, none of whose pairs with them reaches the line."""
    people = {key_of(row): row["enterprise_id"] for row in result.clusters.to_pylist()}
    sizes = {key_of(row): row["cluster_size"] for row in result.clusters.to_pylist()}
    heaviest: dict[Key, float] = defaultdict(lambda: float("-inf"))
    for link in result.links.to_pylist():
        ends = key_of(link, "_l"), key_of(link, "_r")
        if people[ends[0]] == people[ends[1]]:
            for each in ends:
                heaviest[each] = max(heaviest[each], link["match_weight"])
    line = result.run["thresholds"]["link_weight"]
    return [each for each, size in sizes.items() if size > 2 and heaviest[each] < line]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """The first table that has such a record: nearly every one has, by whatever lines."""
    for seed in SEEDS:
        parameters = GeneratorParameters(people=PEOPLE, seed=seed, error_scale=ERROR_SCALE)
        table = pa.Table.from_batches(list(Population(parameters).batches()))
        index = tmp_path_factory.mktemp("registry") / "index"
        result = mpi.dedupe(table, index=index)
        found = placed_by_all_together(result)
        if found:
            return Registry(table, result, found[0], index)
    raise AssertionError("no table has such a record")


def test_online_such_a_record_is_not_linked_and_a_batch_run_brings_it_home(
    registry: Registry,
) -> None:
    """The weights are those of the batch run; what its records say together is not asked online."""
    person = registry.person()
    links = [
        link["match_weight"]
        for link in registry.result.links.to_pylist()
        if registry.record in (key_of(link, "_l"), key_of(link, "_r"))
    ]
    with IdentityIndex.open(registry.index, writable=True) as index:
        home = registry.home(index)
        loaded = index.lookup(source=registry.record[0], record_id=registry.record[1])
        assert loaded is not None
        assert home == loaded.enterprise_id, "the batch run put it there"
        index.remove(*registry.record)
        resolved = index.resolve(person)
        added = index.add(person)
        assert resolved.outcome is added.outcome is not Outcome.LINK
        assert home != added.enterprise_id
        if links and added.outcome is Outcome.REVIEW:
            assert max(links) == pytest.approx(added.match_weight, abs=1e-9)
        assert (added.task is not None) == (added.outcome is Outcome.REVIEW)
        assert index.verify().is_sound
    mpi.dedupe(registry.table, index=registry.index)
    with IdentityIndex.open(registry.index) as index:
        again = index.lookup(source=registry.record[0], record_id=registry.record[1])
        assert again is not None
        assert home == again.enterprise_id == registry.home(index)
        assert index.verify().is_sound
