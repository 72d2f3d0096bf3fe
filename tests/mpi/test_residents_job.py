"""A table of Chinese residents through the built-in schema: who is found, who stays apart."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pytest

import mpi
from mpi.result import Result

from .made_people import partition
from .made_residents import SLIPS, made_residents


@pytest.fixture(scope="module")
def residents() -> tuple[pa.Table, pa.Table]:
    return made_residents()


@pytest.fixture(scope="module")
def result(residents: tuple[pa.Table, pa.Table]) -> Result:
    return mpi.dedupe(residents[0])


@pytest.fixture(scope="module")
def found(result: Result, residents: tuple[pa.Table, pa.Table]) -> dict[str, list[bool]]:
    """Slip -> whether each record with it came to its person."""
    person = {
        record_id: number
        for number, cluster in enumerate(partition(result.clusters))
        for _, record_id in cluster
    }
    rows = residents[1].to_pylist()
    first = {row["entity_id"]: row["record_id"] for row in rows if row["scenario"] == "first"}
    outcome: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        if row["scenario"] in SLIPS:
            together = person[row["record_id"]] == person[first[row["entity_id"]]]
            outcome[row["scenario"]].append(together)
    return outcome


def test_nobody_is_merged_with_another(
    result: Result, residents: tuple[pa.Table, pa.Table]
) -> None:
    """No cluster holds two people: not twins of adjacent numbers, not siblings, not spouses."""
    scenario = {row["record_id"]: row for row in residents[1].to_pylist()}
    for cluster in partition(result.clusters):
        people = {scenario[record_id]["entity_id"] for _, record_id in cluster}
        kinds = {scenario[record_id]["scenario"] for _, record_id in cluster}
        assert 1 == len(people), f"{sorted(kinds)} of {sorted(people)} are one cluster"


def test_hardly_anybody_is_missed(result: Result, residents: tuple[pa.Table, pa.Table]) -> None:
    """At the default thresholds nearly every second record comes to its person."""
    measures = mpi.evaluate(result, residents[1].drop_columns(["scenario"])).measures
    assert 1.0 == measures["precision"]
    assert measures["recall"] >= 0.95


@pytest.mark.parametrize("slip", SLIPS)
def test_every_slip_is_seen_through(found: dict[str, list[bool]], slip: str) -> None:
    """Each kind of slip is recognised for what it is, nearly always."""
    assert len(found[slip]) >= 20
    assert sum(found[slip]) >= 0.9 * len(found[slip])


def test_levels_say_what_happened(result: Result, residents: tuple[pa.Table, pa.Table]) -> None:
    """The links name the reason: same syllables, exact although traditional, digits swapped."""
    scenario = {row["record_id"]: row["scenario"] for row in residents[1].to_pylist()}
    entity = {row["record_id"]: row["entity_id"] for row in residents[1].to_pylist()}
    levels: dict[str, set[str]] = defaultdict(set)
    dates: dict[str, set[str]] = defaultdict(set)
    for row in result.links.to_pylist():
        if entity[row["record_id_l"]] == entity[row["record_id_r"]]:
            slip = scenario[max(row["record_id_l"], row["record_id_r"])]
            levels[slip].add(row["level_name"])
            dates[slip].add(row["level_identity"])
    assert {"exact"} == levels["traditional"]
    assert {"same syllables"} == levels["pinyin only"]
    assert "same syllables" in levels["homophone"]
    assert {"exact"} == levels["15 digits"]
    assert any(
        "id number: exact" in text or "id_number: exact" in text for text in dates["15 digits"]
    )
    assert any("swapped" in text for text in dates["day and month swapped"])


def test_twins_are_left_to_nobody(result: Result, residents: tuple[pa.Table, pa.Table]) -> None:
    """Two people of adjacent valid numbers are not even put before a steward as a likely match."""
    rows = {row["record_id"]: row for row in residents[1].to_pylist()}
    for link in result.links.to_pylist():
        scenarios = [rows[link[f"record_id_{side}"]] for side in "lr"]
        if {"twin", "first"} == {row["scenario"] for row in scenarios}:
            assert "POSSIBLE_MATCH" == link["decision"]


def test_few_records_say_so_rather_than_guess() -> None:
    """Twenty residents are too few to learn much from: nobody is merged wrongly all the same."""
    table, truth = made_residents(20, seed=5)
    small = mpi.dedupe(table)
    measures = mpi.evaluate(small, truth.drop_columns(["scenario"])).measures
    assert 1.0 == measures["precision"]


def _merged_with(residents: tuple[pa.Table, pa.Table], kin: set[str]) -> int:
    """Clusters of a table without id numbers that hold somebody together with such kin."""
    table, truth = residents
    result = mpi.dedupe(table.drop_columns(["身份证号"]))
    rows = {row["record_id"]: row for row in truth.to_pylist()}
    return sum(
        len({rows[record_id]["entity_id"] for _, record_id in cluster}) > 1
        and bool(kin & {rows[record_id]["scenario"] for _, record_id in cluster})
        for cluster in partition(result.clusters)
    )


def test_siblings_stay_apart_without_id_numbers() -> None:
    """Surname, home, phone and a generation character shared: another birth date is enough."""
    assert 0 == _merged_with(made_residents(seed=4), {"sibling", "spouse"})


def test_twins_stay_apart_without_id_numbers() -> None:
    """All shared but one character of the given name: another name must weigh against."""
    assert _merged_with(made_residents(seed=4), {"twin"}) <= 1
