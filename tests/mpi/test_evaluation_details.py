"""Recall by cause of error, and who was taken for whom, against pairs listed one by one."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mpi
from mpi.evaluation_details import ANY_CAUSE, NO_CAUSE, confusions, marks_of, recall_by_cause
from mpi.report import render_report
from mpi.report_data import ReportData

CAUSES = ["", "name:homophone", "id_number:missing", "name:homophone|id_number:missing", None]

records = st.lists(
    st.tuples(
        st.integers(0, 3), st.integers(0, 5), st.sampled_from(CAUSES), st.sampled_from([0, 1])
    ),
    min_size=1,
    max_size=25,
)


def naive_recall(
    rows: list[tuple[int, int, str | None, int]], *, across: bool
) -> dict[str, tuple[int, int]]:
    found: dict[str, list[int]] = {}
    for one, other in combinations(rows, 2):
        if one[1] != other[1] or (across and one[3] == other[3]):
            continue
        causes = {c for row in (one, other) for c in (row[2] or "").split("|") if c}
        for name in causes | {ANY_CAUSE} if causes else {NO_CAUSE}:
            counts = found.setdefault(name, [0, 0])
            counts[0] += 1
            counts[1] += one[0] == other[0]
    return {name: (counts[0], counts[1]) for name, counts in found.items()}


@given(records, st.booleans())
def test_recall_by_cause_equals_counting_pairs(
    rows: list[tuple[int, int, str | None, int]], across: bool
) -> None:
    """A pair counts under every cause that either of its records has."""
    cluster, entity = (np.array([row[i] for row in rows], np.int64) for i in (0, 1))
    sources = np.array([row[3] for row in rows], np.int64) if across else None
    marks = marks_of(pa.array([row[2] for row in rows], pa.string()))
    table = recall_by_cause(cluster, entity, marks, sources)
    found = {
        row["cause"]: (row["true_pairs"], row["found_pairs"])
        for row in table.to_pylist()
        if row["true_pairs"]
    }
    assert naive_recall(rows, across=across) == found


def naive_relation(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> str:
    """Relation of two people (number, household, mother, twin)."""
    if one[3] == other[0]:
        return "twins"
    if one[2] >= 0 and one[2] == other[2]:
        return "siblings"
    if one[2] == other[0] or other[2] == one[0]:
        return "mother and child"
    if one[1] >= 0 and one[1] == other[1]:
        return "others of a household"
    return "strangers"


@st.composite
def families(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    """People with sensible relations: twins share mother and come in twos."""
    people: list[tuple[int, int, int, int]] = []
    for household in range(draw(st.integers(1, 3))):
        mother = len(people)
        home = household if draw(st.booleans()) else -1
        people.append((mother, home, -1, -1))
        for _ in range(draw(st.integers(0, 2))):
            known = mother if draw(st.booleans()) else -1
            people.append((len(people), draw(st.sampled_from([home, 9])), known, -1))
        if draw(st.booleans()):
            known = mother if draw(st.booleans()) else -1
            first = len(people)
            people.append((first, home, known, first + 1))
            people.append((first + 1, home, known, first))
    return people


@given(families(), st.data())
def test_confusions_equal_listing_the_people_of_each_cluster(
    people: list[tuple[int, int, int, int]], data: st.DataObject
) -> None:
    """Every pair of people in a cluster has one relation, the closest that holds."""
    rows = data.draw(
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(0, len(people) - 1)), min_size=1, max_size=20
        )
    )
    expected = dict.fromkeys(
        ["twins", "siblings", "mother and child", "others of a household", "strangers"], 0
    )
    for cluster in {row[0] for row in rows}:
        inside = sorted({row[1] for row in rows if row[0] == cluster})
        for one, other in combinations(inside, 2):
            expected[naive_relation(people[one], people[other])] += 1
    entity = np.array([row[1] for row in rows], np.int64)
    facts = np.array(people, np.int64)[entity]
    table = confusions(
        np.array([row[0] for row in rows], np.int64),
        entity,
        household=facts[:, 1],
        mother=facts[:, 2],
        twin=facts[:, 3],
    )
    assert expected == dict(zip(table["relation"].to_pylist(), table["merged"].to_pylist()))


def rich_truth() -> tuple[pa.Table, pa.Table]:
    """Clusters and truth: a pair found, one missed for a missing id, twins put together."""
    clusters = pa.table(
        {
            "source": ["a"] * 6,
            "record_id": list("123456"),
            "enterprise_id": ["x", "x", "y", "z", "t", "t"],
        }
    )
    truth = pa.table(
        {
            "source": ["a"] * 6,
            "record_id": list("123456"),
            "person_id": pa.array([10, 10, 11, 11, 20, 21], pa.int64()),
            "household_id": pa.array([10, 10, 10, 10, 20, 20], pa.int64()),
            "mother_id": pa.array([None, None, 10, 10, 77, 77], pa.int64()),
            "twin_id": pa.array([None] * 4 + [21, 20], pa.int64()),
            "cause_names": ["", "", "", "id_number:missing", "", ""],
        }
    )
    return clusters, truth


def test_evaluate_says_what_the_truth_can_say() -> None:
    """Causes and relations come from the columns that generated truth has."""
    clusters, truth = rich_truth()
    evaluation = mpi.evaluate(clusters, truth)
    causes = {row["cause"]: row["recall"] for row in evaluation.causes.to_pylist()}
    assert {NO_CAUSE: 1.0, ANY_CAUSE: 0.0, "id_number:missing": 0.0} == causes
    merged = {row["relation"]: row["merged"] for row in evaluation.confusions.to_pylist()}
    assert 1 == merged["twins"]
    assert 1 == sum(merged.values())


def test_plain_truth_has_no_details() -> None:
    """Without those columns the tables are empty and nothing else changes."""
    clusters, truth = rich_truth()
    evaluation = mpi.evaluate(clusters, truth.select(["source", "record_id", "person_id"]))
    assert (0, 0) == (evaluation.causes.num_rows, evaluation.confusions.num_rows)


@pytest.mark.parametrize("inside", ["", "truth"])
def test_truth_of_a_generated_directory_is_found(tmp_path: Path, inside: str) -> None:
    """The directory of mpi generate and its truth folder are both a truth."""
    clusters, truth = rich_truth()
    for folder in ("truth", "records"):
        (tmp_path / folder).mkdir()
    (tmp_path / "manifest.json").write_text("{}")
    pq.write_table(truth, tmp_path / "truth" / "part-00000.parquet")
    assert 3 == mpi.evaluate(clusters, str(tmp_path / inside)).causes.num_rows


def test_the_report_shows_causes_and_relations() -> None:
    """The page names each cause and each relation."""
    clusters, truth = rich_truth()
    evaluated = mpi.evaluate(clusters, truth).for_report()
    page = render_report(ReportData(run={}, evaluation=evaluated))
    for text in ("id_number:missing", "Which errors hid people", "twins", "mother and child"):
        assert text in page
