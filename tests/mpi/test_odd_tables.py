"""Tables at the edges: identical rows, one row, repeated ids, several sources, strict reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mpi
from mpi.result import Result
from person.errors import BadRecordsError, InputError, MpiError

from .made_people import FEBRL_SCHEMA, made_people, partition

PERSON = ["emily", "brown", "12", "mill lane", "2001", "19800307", "1234567"]
COLUMNS = [
    *("rec_id", "given_name", "surname", "street_number", "address_1", "postcode"),
    *("date_of_birth", "soc_sec_id"),
]


def table(rows: list[list[str | None]]) -> pa.Table:
    return pa.table(
        {name: pa.array([row[n] for row in rows], pa.string()) for n, name in enumerate(COLUMNS)}
    )


def identical(count: int) -> pa.Table:
    return table([[str(row), *PERSON] for row in range(count)])


def dedupe(data: Any, **options: Any) -> Result:
    return mpi.dedupe(data, schema=FEBRL_SCHEMA, **options)


def assert_whole(result: Result, count: int) -> None:
    """Every record once, sizes that add up, and links among the records."""
    clusters = result.clusters
    assert count == clusters.num_rows
    assert count == len(set(zip(clusters["source"].to_pylist(), clusters["record_id"].to_pylist())))
    sizes = [len(each) for each in partition(clusters)]
    assert count == sum(sizes)
    assert max(sizes) == max(clusters["cluster_size"].to_pylist())


# ------------------------------------------------------------------------------ identical rows


@pytest.mark.parametrize("count", [2, 20])
def test_a_few_identical_rows_end_in_a_result(count: int) -> None:
    """A table of nothing but one person's record runs; it is one person, or says why not."""
    result = dedupe(identical(count))
    assert_whole(result, count)
    if len(partition(result.clusters)) > 1:
        assert result.run["warnings"]


def test_thousands_of_identical_rows_stay_cheap() -> None:
    """3,000 equal rows are 4.5 million pairs: the run ends soon and keeps no pair table of them."""
    result = dedupe(identical(3000))
    assert_whole(result, 3000)
    assert result.run["seconds"]["total"] < 60
    assert len(partition(result.clusters)) in (1, 3000)
    assert result.links.num_rows < 3_000_000


def test_many_identical_residents_are_one_person() -> None:
    """Rows equal on a valid number, name and birth date are linked, 20 of them or 300."""
    columns = ["record_id", "name", "id_number", "birth_date", "gender"]
    person = ["王小明", "11010519491231002X", "1949-12-31", "女"]
    rows = [[str(row), *person] for row in range(300)]
    data = pa.table({name: [row[n] for row in rows] for n, name in enumerate(columns)})
    assert [300] == [len(each) for each in partition(mpi.dedupe(data).clusters)]


def test_identical_rows_among_others_are_one_person() -> None:
    """Twenty copies of one record in an ordinary table are one cluster of twenty."""
    ordinary, _ = made_people(150)
    copies = table([[f"copy{row}", *PERSON] for row in range(20)])
    result = dedupe(pa.concat_tables([ordinary.cast(copies.schema), copies]))
    assert_whole(result, ordinary.num_rows + 20)
    together = [each for each in partition(result.clusters) if ("table", "copy0") in each]
    assert {("table", f"copy{row}") for row in range(20)} == set(together[0])


# ------------------------------------------------------------------------------------ few rows


def test_one_row_is_one_person() -> None:
    """A table of one record is one person, with the tables of every run."""
    result = dedupe(identical(1))
    assert [1] == result.clusters["cluster_size"].to_pylist()
    assert [1.0] == result.clusters["confidence"].to_pylist()
    assert 0 == result.links.num_rows == result.review.num_rows
    assert "level_name" in result.links.column_names


def test_two_strangers_are_two_people() -> None:
    """A table too small to learn from links nobody and says so."""
    rows = [
        ["1", *PERSON],
        ["2", "noah", "ivanov", "7", "high street", "2050", "19511224", "7654321"],
    ]
    result = dedupe(table(rows))
    assert 2 == len(partition(result.clusters))
    assert result.run["warnings"]


def test_a_table_without_duplicates_stays_apart() -> None:
    """Sixty strangers are sixty people: nothing is linked for want of something to link."""
    people, truth = made_people(180, seed=9)
    first = [truth["entity_id"].to_pylist().index(f"p{person}") for person in range(180)]
    result = dedupe(people.take(first))
    assert 180 == len(partition(result.clusters))


def test_records_that_hold_nothing_stay_alone() -> None:
    """A row with an id and no value is a person of its own, counted as unlinkable."""
    people, _ = made_people(60)
    empty = table([[f"empty{row}", *[None] * 7] for row in range(5)])
    result = dedupe(pa.concat_tables([people.cast(empty.schema), empty]))
    assert 5 == result.run["counts"]["unlinkable_records"]
    alone = {frozenset([("table", f"empty{row}")]) for row in range(5)}
    assert alone <= partition(result.clusters)


# ---------------------------------------------------------------------------- ids and sources


def test_sources_may_reuse_record_ids(tmp_path: Path) -> None:
    """Two files with equal record ids are different records; explanations ask for the source."""
    people, truth = made_people(80)
    for name in ("a", "b"):
        pq.write_table(people, tmp_path / f"{name}.parquet")
    result = dedupe([tmp_path / "a.parquet", tmp_path / "b.parquet"], out=tmp_path / "run")
    assert_whole(result, 2 * people.num_rows)
    entity = dict(zip(truth["record_id"].to_pylist(), truth["entity_id"].to_pylist()))
    for cluster in partition(result.clusters):
        assert 1 == len({entity[record_id] for _, record_id in cluster})
    with pytest.raises(MpiError, match=r"several sources \(a, b\); write SOURCE/RECORD_ID"):
        mpi.explain("00000", "00001", run=tmp_path / "run")
    shown = mpi.explain("a/00000", "b/00000", run=tmp_path / "run")
    assert "MATCH" == shown.decision


def test_a_source_column_names_the_sources() -> None:
    """Rows of one file may come from several sources; a blank source is the file's own name."""
    people, _ = made_people(40)
    names = ["north", "south ", None, ""] * people.num_rows
    result = dedupe(people.append_column("source", pa.array(names[: people.num_rows])))
    assert {"north", "south", "table"} == set(result.clusters["source"].to_pylist())
    assert 3 == result.run["counts"]["sources"]


def test_repeated_record_ids_are_rejected() -> None:
    """The first row of a record id counts; later ones are set aside with row and reason."""
    people, _ = made_people(40)
    again = people.slice(3, 2)
    result = dedupe(pa.concat_tables([people, again]))
    assert_whole(result, people.num_rows)
    rejects = result.rejects.to_pylist()
    assert [people.num_rows + 1, people.num_rows + 2] == [row["row"] for row in rejects]
    assert again["rec_id"].to_pylist() == [row["record_id"] for row in rejects]
    assert {"an earlier row of this source has the same record id"} == {
        row["reason"] for row in rejects
    }
    assert 2 == result.run["counts"]["rejects"]


def test_missing_record_ids_are_rejected() -> None:
    """A row without a record id, or with a blank one, cannot be named and is set aside."""
    people, _ = made_people(40)
    ids = people["rec_id"].to_pylist()
    ids[4], ids[7] = None, "  "
    result = dedupe(people.set_column(0, "rec_id", pa.array(ids)))
    assert_whole(result, people.num_rows - 2)
    assert [5, 8] == result.rejects["row"].to_pylist()
    assert {"the record id is missing"} == set(result.rejects["reason"].to_pylist())


def test_strict_refuses_what_would_be_set_aside(tmp_path: Path) -> None:
    """--strict ends before any work with the counts and first rows, and writes nothing."""
    people, _ = made_people(40)
    doubled = pa.concat_tables([people, people.slice(3, 2)])
    with pytest.raises(BadRecordsError, match="2 rows cannot be used") as caught:
        dedupe(doubled, strict=True, out=tmp_path / "run")
    assert {"an earlier row of this source has the same record id": 2} == caught.value.reasons
    assert not (tmp_path / "run").exists()
    assert_whole(dedupe(people, strict=True), people.num_rows)


def test_rows_without_an_id_column_are_numbered(tmp_path: Path) -> None:
    """A table without record ids uses row numbers of the file, rejected rows counted."""
    people, _ = made_people(40)
    lines = [",".join(COLUMNS[1:])]
    lines += [",".join(row.values()) for row in people.drop_columns(["rec_id"]).to_pylist()]
    lines.insert(3, "too,few")
    (tmp_path / "people.csv").write_text("\n".join(lines) + "\n")
    result = dedupe(tmp_path / "people.csv", out=tmp_path / "run")
    numbers = [*range(1, 3), *range(4, people.num_rows + 2)]
    assert [str(number) for number in numbers] == result.clusters["record_id"].to_pylist()
    assert [3] == result.rejects["row"].to_pylist()
    assert any("row numbers serve as ids" in note for note in result.run["warnings"])
    link = result.links.to_pylist()[0]
    shown = mpi.explain(link["record_id_l"], link["record_id_r"], run=tmp_path / "run")
    assert link["match_weight"] == pytest.approx(shown.match_weight, abs=1e-6)


def test_ids_and_sources_may_be_numbers() -> None:
    """Record ids that arrive as integers, or as floats, are their plain digits."""
    people, _ = made_people(40)
    for kind in (pa.int64(), pa.float64()):
        ids = pa.array(range(13_900_000_000, 13_900_000_000 + people.num_rows)).cast(kind)
        result = dedupe(people.set_column(0, "rec_id", ids))
        assert "13900000000" == result.clusters["record_id"][0].as_py()


def test_a_duplicate_free_source_keeps_its_records_apart() -> None:
    """Two records of a source that declares itself duplicate-free never share a cluster."""
    people, _ = made_people(80)
    sources = pa.array(["register" if row % 2 else "clinic" for row in range(people.num_rows)])
    people = people.append_column("source", sources)
    copies = people.slice(1, 1).set_column(0, "rec_id", pa.array(["copy"]))
    schema = mpi.load_schema(FEBRL_SCHEMA)
    from dataclasses import replace

    declared = replace(schema, duplicate_free_sources=("register",))
    data = pa.concat_tables([people, copies])
    usual, guarded = mpi.dedupe(data, schema=schema), mpi.dedupe(data, schema=declared)
    original = people["rec_id"][1].as_py()

    def together(result: Result) -> bool:
        return any(
            {("register", original), ("register", "copy")} <= each
            for each in partition(result.clusters)
        )

    assert together(usual)
    assert not together(guarded)
    for cluster in partition(guarded.clusters):
        assert sum(source == "register" for source, _ in cluster) <= 1
    refused = [row for row in guarded.links.to_pylist() if row["refused"]]
    assert any("duplicate-free" in row["refused"] for row in refused)


def test_an_input_without_a_usable_row_is_refused() -> None:
    """Nothing to read is an InputError that says why, never an empty result."""
    rows = [[None, *PERSON], ["", *PERSON]]
    with pytest.raises(InputError, match=r"no usable row in the input .2 the record id is missing"):
        dedupe(table(rows))


def test_components_follow_every_link() -> None:
    """clustering='components': linked records are one person whatever the others say."""
    people, truth = made_people(120)
    result = dedupe(people, clustering="components")
    assert_whole(result, people.num_rows)
    person = {
        (row["source"], row["record_id"]): row["enterprise_id"]
        for row in result.clusters.to_pylist()
    }
    for row in result.links.to_pylist():
        if row["decision"] == "MATCH":
            left, right = ((row[f"source_{s}"], row[f"record_id_{s}"]) for s in "lr")
            assert person[left] == person[right]
    assert mpi.evaluate(result, truth).measures["precision"] >= 0.98
