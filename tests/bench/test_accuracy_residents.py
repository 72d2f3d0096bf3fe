"""Generated residents as a labelled set: nothing of the truth is handed to an engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.accuracy_judge import Judge
from bench.accuracy_residents import ResidentSet, load_residents
from bench.accuracy_splink_plans import has_plan
from bench.accuracy_tables_residents import residents_table


@pytest.fixture(scope="module")
def small() -> ResidentSet:
    return load_residents("residents_100k", people=1500)


def test_engines_get_values_only(small: ResidentSet) -> None:
    """New record ids, no source, no column of the truth; every value is text."""
    table = small.tables["residents"]
    assert [str(n) for n in range(3750)] == table["record_id"].to_pylist()
    assert not {"source", "person_id", "causes", "cause_names"} & set(table.column_names)
    assert {pa.string()} == set(table.schema.types)


def test_records_are_in_random_order(small: ResidentSet) -> None:
    """Neighbours in the table are rarely one person or household."""
    homes = small.details["household_id"].to_numpy()
    assert np.mean(homes[1:] == homes[:-1]) < 0.02


def test_the_judge_knows_causes_and_relations(small: ResidentSet, tmp_path: Path) -> None:
    """Everybody in one cluster: all pairs found, all relatives confused."""
    table = small.tables["residents"]
    clusters = {
        "source": ["residents"] * table.num_rows,
        "record_id": table["record_id"],
        "cluster": ["x"] * table.num_rows,
    }
    pq.write_table(pa.table(clusters), tmp_path / "clusters.parquet")
    found = Judge(small).score_clusters(tmp_path / "clusters.parquet", "cluster")["details"]
    assert len(np.unique(small.entities["residents"])) == found["people"]
    assert all(pairs == merged for pairs, merged in found["causes"].values())
    pairs, merged = found["confusions"]["mother and child"]
    assert pairs == merged > 0


def test_the_tables_name_engines_relations_and_causes() -> None:
    """A row a run, one a relation, one a cause of enough pairs."""
    relations = ("twins", "siblings", "mother and child", "others of a household")
    record = {
        "set": "residents_100k", "records": 250_000, "engine": "ours", "threshold": "default",
        "precision": 0.99999, "recall": 0.5, "f1": 0.6667, "best_cut_f1": None,
        "false_merges_per_10_000_entities": 0.3, "largest_cluster": 9, "seconds": 20.0,
        "peak_bytes": 2**30,
        "details": {
            "people": 100_000,
            "confusions": {**{name: [100, 1] for name in relations}, "strangers": [None, 2]},
            "causes": {"name:homophone": [1000, 900], "name:pinyin": [10, 9]},
        },
    }  # fmt: skip
    text = residents_table([record])
    assert "| 100,000 | 250,000 | ours, default | 0.99999 | 0.5000 | 0.6667 |  | 3.0 |" in text
    assert "| twins | 1 of 100 |" in text
    assert "| name:homophone | 1,000 | 0.900 |" in text
    assert "name:pinyin" not in text


def test_only_careful_settings_are_compared() -> None:
    """No notebook of Splink treats Chinese residents."""
    assert (False, True) == tuple(
        has_plan("residents_1m", flavour) for flavour in ("documented", "best_effort")
    )
