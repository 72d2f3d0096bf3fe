"""Names of inputs as sources: short, and never the same for two of them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mpi
from mpi.input_file import InputFile
from mpi.source_names import source_names

from .made_people import FEBRL_SCHEMA, made_people, partition


def files(*paths: str) -> list[InputFile]:
    kinds = ["table" if path.startswith("<") else "csv" for path in paths]
    return [InputFile(path, kind, 0, ["a"]) for path, kind in zip(paths, kinds)]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["people.csv"], ["people"]),
        (["/x/a.csv", "/x/b.parquet"], ["a", "b"]),
        (["/north/people.csv", "/south/people.csv"], ["north/people", "south/people"]),
        (["/x/people.csv", "/x/people.parquet"], ["x/people", "x/people 2"]),
        (
            ["/a/x/people.csv", "/b/x/people.csv", "/c/people.csv", "other.csv"],
            ["a/x/people", "b/x/people", "c/people", "other"],
        ),
        (["/x/people.csv", "/x/people.csv"], ["x/people", "x/people 2"]),
        (["<table>", "<table>"], ["table", "table 2"]),
        (["<table>", "/x/table.csv"], ["table", "x/table"]),
        ([], []),
    ],
)
def test_as_many_folders_as_tell_files_apart(paths: list[str], names: list[str]) -> None:
    """A file is called by its name; folders come before it only where two files share one."""
    assert names == source_names(files(*paths))


@given(st.lists(st.sampled_from(["/a/p.csv", "/b/p.csv", "/b/c/p.csv", "q.csv", "<table>"])))
def test_no_two_inputs_share_a_name(paths: list[str]) -> None:
    """Whatever is given, however often, names are all different."""
    found = source_names(files(*paths))
    assert len(paths) == len(set(found))


@pytest.fixture
def twice(tmp_path: Path) -> tuple[Path, Path]:
    """Two systems whose extracts have the same file name and the same record ids."""
    people, _ = made_people(60)
    paths = tmp_path / "north" / "people.csv", tmp_path / "south" / "people.csv"
    for path in paths:
        path.parent.mkdir()
        pyarrow.csv.write_csv(people, path)
    return paths


@pytest.mark.parametrize("job", ["dedupe", "link"])
def test_files_of_one_name_in_two_folders_are_two_sources(
    twice: tuple[Path, Path], tmp_path: Path, job: str
) -> None:
    """No row is taken for a repetition, every record has its own key, and explanations find it."""
    options = {"schema": FEBRL_SCHEMA, "out": tmp_path / "run"}
    result = mpi.link(*twice, **options) if job == "link" else mpi.dedupe(list(twice), **options)
    assert {"north/people", "south/people"} == set(result.clusters["source"].to_pylist())
    keys = {key for cluster in partition(result.clusters) for key in cluster}
    assert 0 == result.rejects.num_rows
    assert 2 * 100 == result.clusters.num_rows == len(keys)
    shown = mpi.explain("north/people/00000", "south/people/00000", run=tmp_path / "run")
    assert "MATCH" == shown.decision
    step = next(step for step in shown.steps if step.comparison == "name")
    assert step.value_left == step.value_right


def test_two_tables_in_memory_are_two_sources() -> None:
    """Tables without a name are numbered."""
    people, _ = made_people(60)
    result = mpi.link(people, people, schema=FEBRL_SCHEMA)
    assert {"table", "table 2"} == set(result.clusters["source"].to_pylist())
    keys = set(zip(result.clusters["source"].to_pylist(), result.clusters["record_id"].to_pylist()))
    assert len(keys) == result.clusters.num_rows


def test_values_shown_come_from_the_right_file(twice: tuple[Path, Path]) -> None:
    """A profile of files of one name reads values back from the file it counted."""
    found = mpi.profile(list(twice), schema=FEBRL_SCHEMA, show_values=True)
    assert all(found.top_values["value"].to_pylist())
    assert {"north/people", "south/people"} == set(found.fields["source"].to_pylist())
    assert isinstance(found.fields, pa.Table)
