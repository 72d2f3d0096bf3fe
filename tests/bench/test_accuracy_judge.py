"""What the accuracy bench says of an engine's clusters and links."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.accuracy_judge import Judge, best_cut
from bench.accuracy_sets import LabelledSet
from bench.accuracy_splink_plans import FLAVOURS
from bench.accuracy_table import ENGINE_NAMES, details_table, readme_table
from mpi.metrics import pairwise_scores

Edge = tuple[int, int, int]
COUNT = 12


@given(
    st.lists(
        st.tuples(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1), st.integers(-3, 3)),
        max_size=30,
    ),
    st.lists(st.integers(0, 4), min_size=COUNT, max_size=COUNT),
    st.lists(st.integers(0, 1), min_size=COUNT, max_size=COUNT),
    st.booleans(),
)
def test_best_cut_equals_trying_every_threshold(
    edges: list[Edge], entities: list[int], sources: list[int], across: bool
) -> None:
    """Growing the clusters once gives the best of the clusters made afresh at each cut."""
    table = np.array(edges, dtype=np.int64).reshape(-1, 3)
    truth = np.array(entities)
    sides = np.array(sources) if across else None
    cuts = [*table[:, 2].tolist(), 99]
    tried = [
        pairwise_scores(_components([e for e in edges if e[2] >= cut]), truth, sides).f1
        for cut in cuts
    ]
    found = best_cut(table[:, 0], table[:, 1], table[:, 2].astype(float), truth, sides)
    assert pytest.approx(max(tried)) == found.f1


@pytest.fixture
def small_set() -> LabelledSet:
    """Records a, b of one person and c of another, in one source."""
    return LabelledSet(
        name="small",
        mode="dedupe",
        tables={"people": pa.table({"record_id": ["a", "b", "c"]})},
        entities={"people": np.array([7, 7, 8])},
        schema=Path("none.toml"),
    )


def test_clusters_are_matched_to_records_by_source_and_id(
    small_set: LabelledSet, tmp_path: Path
) -> None:
    """The order of an engine's rows does not matter, and a wrong merge is counted."""
    path = tmp_path / "clusters.parquet"
    clusters = {"source": ["people"] * 3, "record_id": ["c", "a", "b"], "cluster": ["x", "y", "x"]}
    pq.write_table(pa.table(clusters), path)
    scores = Judge(small_set).score_clusters(path, "cluster")
    assert (scores["f1"], scores["false_merges"], scores["largest_cluster"]) == (0.0, 1, 2)


def test_a_record_an_engine_left_out_stands_alone(small_set: LabelledSet, tmp_path: Path) -> None:
    """Rejected rows cost recall; they are not quietly dropped from the count."""
    path = tmp_path / "clusters.parquet"
    pq.write_table(pa.table({"source": ["people"], "record_id": ["a"], "cluster": ["x"]}), path)
    scores = Judge(small_set).score_clusters(path, "cluster")
    assert (scores["precision"], scores["recall"]) == (1.0, 0.0)


def test_tables_show_every_set_also_where_an_engine_is_missing() -> None:
    """Without Splink the README's table has empty cells, not missing rows."""
    record = {
        "set": "febrl1", "records": 1000, "engine": "ours", "threshold": "default",
        "precision": 1.0, "recall": 0.5, "f1": 0.6667, "b_cubed_f1": 0.75,
        "false_merges_per_10_000_entities": 0.0, "largest_cluster": 2, "best_cut_f1": 0.7,
        "seconds": 1.25, "peak_bytes": 2**20,
    }  # fmt: skip
    assert "| febrl1 | 1,000 | 1.0000 | 0.5000 | 0.6667 | 0.7000 |  |" in readme_table([record])
    assert "ours, default" in details_table([record])
    assert {"ours", *FLAVOURS} == {engine for engine, _ in ENGINE_NAMES}


def _components(edges: list[Edge]) -> list[int]:
    labels = list(range(COUNT))
    for one, other, _weight in edges:
        old, new = labels[one], labels[other]
        labels = [new if label == old else label for label in labels]
    return list(_renumbered(labels))


def _renumbered(labels: list[int]) -> Iterator[int]:
    numbers: dict[int, int] = {}
    for label in labels:
        yield numbers.setdefault(label, len(numbers))
