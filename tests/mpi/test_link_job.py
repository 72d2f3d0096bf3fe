"""Linking two tables: which pairs are asked about, one to one, and both tables' own duplicates."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import mpi
from mpi.result import Result
from person.errors import ConfigError

from .made_people import FEBRL_SCHEMA, made_people, partition


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, pa.Table]:
    """Two files with overlapping people, each with duplicates of its own, and the truth."""
    table, truth = made_people(240)
    folder = tmp_path_factory.mktemp("link")
    # Every third record to the right: people with two records are in both or twice in the left.
    right = [row % 3 == 2 for row in range(table.num_rows)]
    paths = folder / "clinic.parquet", folder / "register.parquet"
    pq.write_table(table.filter(pa.array([not each for each in right])), paths[0])
    pq.write_table(table.filter(pa.array(right)), paths[1])
    return *paths, truth


@pytest.fixture(scope="module")
def link_only(sides: tuple[Path, Path, pa.Table]) -> Result:
    return mpi.link(sides[0], sides[1], schema=FEBRL_SCHEMA)


def test_only_pairs_of_different_tables_are_linked(link_only: Result) -> None:
    """link_only asks about no two records of one table, in links and in clusters."""
    assert link_only.links.num_rows > 50
    links = link_only.links.to_pylist()
    assert all({"clinic", "register"} == {row["source_l"], row["source_r"]} for row in links)
    assert "link_only" == link_only.run["command"]


def test_link_only_finds_the_people_of_both(
    link_only: Result, sides: tuple[Path, Path, pa.Table]
) -> None:
    """Pairs across the tables are found without false links; other pairs do not count."""
    measures = mpi.evaluate(link_only, sides[2]).measures
    assert measures["precision"] >= 0.99
    assert measures["recall"] >= 0.9


def test_every_record_of_both_tables_is_in_the_clusters(
    link_only: Result, sides: tuple[Path, Path, pa.Table]
) -> None:
    """clusters holds the left table's records, then the right one's, each once."""
    expected = [
        (path.stem, record_id)
        for path in sides[:2]
        for record_id in pq.read_table(path)["rec_id"].to_pylist()
    ]
    columns = (link_only.clusters[name].to_pylist() for name in ("source", "record_id"))
    assert expected == list(zip(*columns))


def test_link_and_dedupe_finds_duplicates_inside_a_table_too(
    sides: tuple[Path, Path, pa.Table],
) -> None:
    """link_and_dedupe asks about all pairs: as good as deduplicating both tables as one."""
    result = mpi.link(sides[0], sides[1], mode="link_and_dedupe", schema=FEBRL_SCHEMA)
    same = pc.equal(result.links["source_l"], result.links["source_r"])
    assert 0 < pc.sum(same).as_py() < result.links.num_rows
    both = mpi.dedupe([sides[0], sides[1]], schema=FEBRL_SCHEMA)
    assert partition(both.clusters) == partition(result.clusters)
    measures = mpi.evaluate(result, sides[2]).measures
    assert measures["precision"] >= 0.99
    assert measures["recall"] >= 0.9


def test_one_to_one_links_each_record_once(sides: tuple[Path, Path, pa.Table]) -> None:
    """one_to_one: nobody has two partners; the lighter link is kept for review with a reason."""
    left = pq.read_table(sides[0])
    repeated = left.slice(0, 40)  # the same people again under other ids, so partners compete
    ids = pa.array([f"again-{value}" for value in repeated["rec_id"].to_pylist()])
    doubled = pa.concat_tables([left, repeated.set_column(0, "rec_id", ids)])
    result = mpi.link(doubled, sides[1], clustering="one_to_one", schema=FEBRL_SCHEMA)
    assert {1, 2} == set(result.clusters["cluster_size"].to_pylist())
    links = result.links.to_pylist()
    matched = [row for row in links if row["decision"] == "MATCH"]
    for side in "lr":
        partners = [(row[f"source_{side}"], row[f"record_id_{side}"]) for row in matched]
        assert len(partners) == len(set(partners))
    refused = [row for row in links if row["refused"]]
    assert refused
    assert {"POSSIBLE_MATCH"} == {row["decision"] for row in refused}
    weight = {
        (row[f"source_{side}"], row[f"record_id_{side}"]): row["match_weight"]
        for row in matched
        for side in "lr"
    }
    for row in refused:
        best = [weight.get((row[f"source_{side}"], row[f"record_id_{side}"]), -99) for side in "lr"]
        assert max(best) >= row["match_weight"] - 1e-9


def test_two_files_of_one_name_stay_two_sources(sides: tuple[Path, Path, pa.Table]) -> None:
    """Tables in memory have no names; sides are told apart all the same."""
    left, right = (pq.read_table(path) for path in sides[:2])
    result = mpi.link(left, right, schema=FEBRL_SCHEMA)
    assert left.num_rows + right.num_rows == result.clusters.num_rows
    keys = {(row["source"], row["record_id"]) for row in result.clusters.to_pylist()}
    assert len(keys) == result.clusters.num_rows


def test_swapping_the_tables_changes_nobody(
    link_only: Result, sides: tuple[Path, Path, pa.Table]
) -> None:
    """Left and right are names only."""
    turned = mpi.link(sides[1], sides[0], schema=FEBRL_SCHEMA)
    assert partition(link_only.clusters) == partition(turned.clusters)


def test_tables_without_a_common_person(tmp_path: Path) -> None:
    """Two tables of strangers give a result without links."""
    left, _ = made_people(60, seed=5, prefix="a")
    right, _ = made_people(60, seed=6, prefix="b")
    result = mpi.link(left, right, schema=FEBRL_SCHEMA)
    assert 0 == pc.sum(pc.equal(result.links["decision"], "MATCH")).as_py() or not (
        result.links.num_rows
    )
    assert {1} == set(result.clusters["cluster_size"].to_pylist())


def test_an_unknown_mode_is_refused(sides: tuple[Path, Path, pa.Table]) -> None:
    """The mode is link_only or link_and_dedupe."""
    with pytest.raises(ConfigError, match="unknown mode 'dedupe'; choose link_only or"):
        mpi.link(sides[0], sides[1], mode="dedupe", schema=FEBRL_SCHEMA)


def test_a_file_on_both_sides_is_refused(sides: tuple[Path, Path, pa.Table]) -> None:
    """Every record of it would be linked with itself, under another name of its source."""
    same = sides[0].parent / "." / sides[0].name
    with pytest.raises(ConfigError, match=r"both sides of a link; mpi dedupe"):
        mpi.link(sides[0], [sides[1], same], schema=FEBRL_SCHEMA)
