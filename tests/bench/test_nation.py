"""Clusters of a population against its truth, counted by community and by listing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from bench.nation_store import STORE_FIELDS, NarrowPopulation, store_layout
from bench.nation_truth import judge_clusters
from data_gen.encoded import resident_layout
from data_gen.parameters import GeneratorParameters
from data_gen.population import Population
from mpi.metrics import codes_of, false_merges, pairwise_scores
from person.slots import read_slot_column


@pytest.fixture(scope="module")
def population() -> Population:
    return Population(GeneratorParameters(people=1500, seed=3, records_per_person=2.5))


def _smallest(labels: np.ndarray) -> np.ndarray:
    """Clusters named by their smallest row."""
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    return first[place].astype(np.uint32)


@pytest.mark.parametrize("kind", ["right", "alone", "random", "one"])
def test_counts_equal_those_of_the_metrics(population: Population, kind: str) -> None:
    """Whatever the clusters: right, none, at random, all in one."""
    truth = pa.Table.from_batches(population.truth())["person_id"].to_numpy()
    random = np.random.default_rng(1)
    labels = {
        "right": truth,
        "alone": np.arange(len(truth)),
        "random": np.where(random.random(len(truth)) < 0.3, truth // 3, truth),
        "one": np.zeros(len(truth), np.int64),
    }[kind]
    cluster = _smallest(labels)
    found = judge_clusters(population, cluster)
    expected = pairwise_scores(cluster.astype(np.int64), codes_of(truth))
    assert expected.true_pairs == found.true_pairs
    assert expected.predicted_pairs == found.found_pairs
    assert expected.correct_pairs == found.correct_pairs
    assert false_merges(cluster.astype(np.int64), truth).clusters == found.mixed_clusters
    assert len(np.unique(truth)) == found.people
    assert int(np.bincount(cluster).max()) == found.largest_cluster


def test_narrow_rows_hold_the_fields_of_the_drawn_ones(population: Population) -> None:
    """32 bytes a record; every component of every kept field is that of the wide row."""
    wide = np.concatenate([chunk.rows for chunk in population.encoded()])
    narrow = np.concatenate([chunk.rows for chunk in NarrowPopulation(population).chunks()])
    assert (population.record_count, 4) == narrow.shape
    for name in STORE_FIELDS:
        for component in range(len(store_layout().slots(name))):
            expected, found = np.empty(len(wide), np.uint64), np.empty(len(wide), np.uint64)
            read_slot_column(wide, resident_layout().slots(name), component, expected)
            read_slot_column(narrow, store_layout().slots(name), component, found)
            assert (expected == found).all()
