"""The check passes on what the generator wrote and fails on what it did not."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import mpi
from data_gen.check import PopulationCheck
from data_gen.check_people import check_people
from data_gen.check_records import _check_digit_holds
from data_gen.findings import compare, must_be, note
from data_gen.manifest import read_manifest
from data_gen.parameters import GeneratorParameters
from data_gen.population import Population
from data_gen.reference_facts import (
    AGE_GROUPS,
    CENSUS_POPULATION,
    PYRAMID_FEMALE,
    PYRAMID_MALE,
    SURNAME_CURVE,
    Fact,
)
from mpi.report_population import render_population_check

PEOPLE = 20_480


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty communities in parts of 20,000 records."""
    out = tmp_path_factory.mktemp("made") / "people"
    mpi.generate(out, people=PEOPLE, rows_per_file=20_000)
    return out


@pytest.fixture(scope="module")
def checked(made: Path) -> PopulationCheck:
    return mpi.check_population(made)


@pytest.fixture(scope="module")
def people() -> pa.Table:
    """The people of that population."""
    drawn = Population(GeneratorParameters(people=PEOPLE))
    return pa.Table.from_batches(list(drawn.people(0, PEOPLE)))


def failures(found: Any) -> list[str]:
    return [finding.name for finding in found.findings if not finding.passed]


def test_a_generated_population_passes(checked: PopulationCheck) -> None:
    """Every figure of a small population lies within its bounds."""
    assert [] == [*checked.problems, *failures(checked)]
    assert checked.passed
    assert (PEOPLE, round(PEOPLE * 2.5)) == (checked.people, checked.records)


@pytest.mark.slow
def test_a_million_people_pass(tmp_path: Path) -> None:
    """At a million people chance leaves little room, and every figure still holds."""
    mpi.generate(tmp_path / "people", quick="1m")
    assert [] == failures(mpi.check_population(tmp_path / "people"))


def test_every_chapter_is_there(checked: PopulationCheck) -> None:
    """Pyramid, households, migration, names, ids, missing values, duplicates, causes."""
    names = " ".join(f"{each.chapter}: {each.name}" for each in checked.findings)
    for word in (
        "male 30-34", "people in a household", "twins", "outside the county", "100 commonest",
        "sum of squared shares", "born 1990-1999", "one name, sex and birth date", "check digit",
        "further records of a person", "id_number:missing", "minorities", "drawn again",
    ):  # fmt: skip
        assert word in names
    charts = ("pyramid", "surnames", "one_character", "households", "missing", "causes")
    assert all(checked.charts[name] for name in charts)


def rewrite(folder: Path, path: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change a file and its line in the manifest, as a careful forger would."""
    file = folder / path
    pq.write_table(change(pq.read_table(file, partitioning=None)), file)
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in manifest["files"]:
        if entry["path"] == path:
            entry["size_bytes"] = file.stat().st_size
            entry["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def with_column(
    name: str, change: Callable[[pa.ChunkedArray], Any]
) -> Callable[[pa.Table], pa.Table]:
    def changed(table: pa.Table) -> pa.Table:
        place = table.column_names.index(name)
        return table.set_column(place, name, change(table[name]))

    return changed


def wrong_check_digits(values: pa.ChunkedArray) -> pa.Array:
    return pa.array(
        [text and text[:-1] + ("1" if text[-1] == "0" else "0") for text in values.to_pylist()]
    )


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize("people", [1, 3])
def test_a_handful_of_people_is_shown_not_judged(tmp_path: Path, people: int) -> None:
    """Shares of one person are 0 or 100 %: only what holds by construction can fail."""
    mpi.generate(tmp_path / "few", people=people)
    found = mpi.check_population(tmp_path / "few")
    assert found.passed
    assert any(each.low == each.high for each in found.findings)


def test_a_changed_byte_is_found(copy: Path) -> None:
    """A file that is not as written ends the check."""
    path = copy / read_manifest(copy).files[0].path
    data = bytearray(path.read_bytes())
    data[100] ^= 255
    path.write_bytes(bytes(data))
    found = mpi.check_population(copy)
    assert not found.passed
    assert "has changed" in found.problems[0]


@pytest.mark.parametrize(
    ("column", "change", "finding"),
    [
        (
            "birth_date",
            lambda values: pa.array(["1970-01-01"] * len(values)),
            "untouched birth_date that is not the person's",
        ),
        (
            "id_number",
            wrong_check_digits,
            "untouched 18-digit numbers, wrong check digit",
        ),
        ("record_id", lambda values: values.take(np.arange(len(values))[::-1]), "in another order"),
        ("phone", lambda values: pa.nulls(len(values), pa.string()), "drawn again"),
    ],
)
def test_forged_records_are_found(
    copy: Path, column: str, change: Callable[[Any], Any], finding: str
) -> None:
    """Rows that were changed together with their checksums do not pass either."""
    rewrite(copy, "records/population_register/part-00000.parquet", with_column(column, change))
    found = mpi.check_population(copy)
    assert [] == list(found.problems)
    assert any(finding in name for name in failures(found)), failures(found)


def test_forged_truth_is_found(copy: Path) -> None:
    """Persons given to other records are not what the seed draws."""
    swap = with_column("person_id", lambda values: values.take(np.arange(len(values))[::-1]))
    rewrite(copy, "truth/part-00001.parquet", swap)
    assert not mpi.check_population(copy).passed


def distorted(people: pa.Table, column: str, change: Callable[[pa.ChunkedArray], Any]) -> list[str]:
    return failures(check_people(with_column(column, change)(people).to_batches()))


def test_other_ages_fail(people: pa.Table) -> None:
    """A population ten years younger has another pyramid."""

    def younger(dates: pa.ChunkedArray) -> pa.ChunkedArray:
        days = pc.add(pc.cast(dates, pa.int32()), pa.scalar(3652, pa.int32()))
        return pc.cast(pc.min_element_wise(days, pa.scalar(18_567, pa.int32())), pa.date32())

    assert "male 0-4" in distorted(people, "birth_date", younger)


def test_other_surnames_fail(people: pa.Table) -> None:
    """With a tenth of all people called Zhang instead, the curve is too steep."""

    def renamed(names: pa.ChunkedArray) -> pa.Array:
        return pa.array(
            [
                "张" + name[1:] if place % 4 == 0 else name
                for place, name in enumerate(names.to_pylist())
            ]
        )

    found = distorted(people, "name", renamed)
    assert "share of the commonest" in found
    assert "sum of squared shares" in found


def test_broken_households_fail(people: pa.Table) -> None:
    """Everybody alone is no population."""
    found = distorted(people, "household_id", lambda values: people["person_id"])
    assert {"people in a household", "of one person"} <= set(found)


def test_the_facts_agree_with_themselves() -> None:
    """The pyramid adds up to the census, shares grow with the rank."""
    assert CENSUS_POPULATION == sum(PYRAMID_MALE) + sum(PYRAMID_FEMALE)
    assert len(AGE_GROUPS) == len(PYRAMID_MALE) == len(PYRAMID_FEMALE)
    shares = [fact.value for fact in SURNAME_CURVE.values()]
    assert sorted(shares) == shares


def test_bounds_widen_with_chance() -> None:
    """A figure passes within its margin and four deviations; a note always does."""
    fact = Fact(value=0.5, margin=0.1, grade="A", source="none")
    inside = compare("a", "b", 0.69, fact, deviation=0.025)
    outside = compare("a", "b", 0.71, fact, deviation=0.025)
    assert (True, False) == (inside.passed, outside.passed)
    assert (True, False) == tuple(must_be("a", "b", n, 0, why="").passed for n in (0, 1))
    assert note("a", "b", 7).passed


def test_check_digits_follow_the_standard() -> None:
    """The example of GB 11643 holds, and any one digit changed does not."""
    right = "11010519491231002X"
    rows = [right, *(right[:k] + str((int(right[k]) + 1) % 10) + right[k + 1 :] for k in range(17))]
    characters = np.frombuffer("".join(rows).encode(), np.uint8).reshape(-1, 18)
    assert [True] + [False] * 17 == _check_digit_holds(characters).tolist()


def test_the_page_shows_figures_and_pictures(checked: PopulationCheck) -> None:
    """Verdict, every finding, and the charts with their tables."""
    page = render_population_check(checked)
    assert "All " in page
    for text in ("census 2020", "share of the 100 commonest", "Causes of error", "passed"):
        assert text in page
    charts = re.findall(r'data-chart="chart-([a-z-]+)"', page)
    expected = ["pyramid", "households", "surnames", "one-character", "missing", "cause-map"]
    assert sorted(expected) == sorted(charts)
