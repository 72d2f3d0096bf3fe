"""Clusters and links against the truth, checked against definitions that list every pair."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mpi.metrics import (
    PairwiseScores,
    b_cubed_scores,
    codes_of,
    false_merges,
    link_scores,
    missed_pairs_by_size,
    pairwise_scores,
)

Record = tuple[int, int, int]
records = st.lists(st.tuples(st.integers(0, 6), st.integers(-1, 6), st.integers(0, 2)), max_size=30)


def _columns(rows: list[Record]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _naive_pairwise(rows: list[Record], *, across_sources: bool) -> PairwiseScores:
    true = predicted = correct = 0
    for one, other in combinations([row for row in rows if row[1] >= 0], 2):
        if across_sources and one[2] == other[2]:
            continue
        same_cluster, same_entity = one[0] == other[0], one[1] == other[1]
        true += same_entity
        predicted += same_cluster
        correct += same_entity and same_cluster
    return PairwiseScores(true, predicted, correct)


@given(records)
@example([])
@example([(0, 0, 0)])
def test_pairwise_counts_equal_the_listing_of_all_pairs(rows: list[Record]) -> None:
    """Counting from the contingency table gives what listing every pair gives."""
    clusters, truth, sources = _columns(rows)
    assert _naive_pairwise(rows, across_sources=False) == pairwise_scores(clusters, truth)
    assert _naive_pairwise(rows, across_sources=True) == pairwise_scores(
        clusters, truth, sources=sources
    )


@given(records)
@example([])
def test_b_cubed_equals_its_definition_record_by_record(rows: list[Record]) -> None:
    """Each record contributes the share of its cluster, and of its entity, that it shares."""
    clusters, truth, _ = _columns(rows)
    known = [row for row in rows if row[1] >= 0]
    precision, recall = [], []
    for cluster, entity, _source in known:
        together = sum(row[0] == cluster and row[1] == entity for row in known)
        precision.append(together / sum(row[0] == cluster for row in known))
        recall.append(together / sum(row[1] == entity for row in known))
    scores = b_cubed_scores(clusters, truth)
    assert pytest.approx(np.mean(precision) if known else 1.0) == scores.precision
    assert pytest.approx(np.mean(recall) if known else 1.0) == scores.recall


@given(records)
def test_false_merges_are_the_clusters_with_two_entities(rows: list[Record]) -> None:
    """A cluster counts once however many entities it mixes."""
    clusters, truth, _ = _columns(rows)
    entities: dict[int, set[int]] = {}
    for cluster, entity, _source in rows:
        if entity >= 0:
            entities.setdefault(cluster, set()).add(entity)
    merges = false_merges(clusters, truth)
    assert sum(len(each) > 1 for each in entities.values()) == merges.clusters
    assert len({entity for _, entity, _ in rows if entity >= 0}) == merges.entities


@given(records, st.booleans())
def test_missed_pairs_by_size_add_up_to_the_pairs_missed(
    rows: list[Record], across_sources: bool
) -> None:
    """The breakdown by entity size loses and invents no pair."""
    clusters, truth, sources = _columns(rows)
    scores = _naive_pairwise(rows, across_sources=across_sources)
    missed = missed_pairs_by_size(clusters, truth, sources=sources if across_sources else None)
    assert scores.true_pairs == missed.true_pairs.sum()
    assert scores.true_pairs - scores.correct_pairs == missed.missed_pairs.sum()


@given(records, st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40))
def test_links_are_counted_once_and_chains_are_not_followed(
    rows: list[Record], links: list[tuple[int, int]]
) -> None:
    """A link given twice or reversed is one pair; a record linked to itself is none."""
    _, truth, sources = _columns(rows)
    inside = [(one, other) for one, other in links if max(one, other) < len(rows)]
    left = np.array([one for one, _ in inside], dtype=np.int64)
    right = np.array([other for _, other in inside], dtype=np.int64)
    pairs = {
        (min(pair), max(pair))
        for pair in inside
        if pair[0] != pair[1] and truth[pair[0]] >= 0 and truth[pair[1]] >= 0
    }
    everywhere = link_scores(left, right, truth)
    assert len(pairs) == everywhere.predicted_pairs
    assert sum(truth[a] == truth[b] for a, b in pairs) == everywhere.correct_pairs
    across = {pair for pair in pairs if sources[pair[0]] != sources[pair[1]]}
    assert len(across) == link_scores(left, right, truth, sources=sources).predicted_pairs


@given(records)
def test_truth_scored_against_itself_is_perfect(rows: list[Record]) -> None:
    """The right answer gets full marks and no false merge."""
    _, truth, _ = _columns(rows)
    assert pairwise_scores(truth, truth).f1 == 1.0
    assert b_cubed_scores(truth, truth).f1 == 1.0
    assert false_merges(truth, truth).clusters == 0


@given(records, st.permutations(range(7)))
def test_names_of_clusters_do_not_matter(rows: list[Record], names: list[int]) -> None:
    """Renaming clusters changes no score."""
    clusters, truth, _ = _columns(rows)
    renamed = np.array(names, dtype=np.int64)[clusters]
    assert pairwise_scores(clusters, truth) == pairwise_scores(renamed, truth)
    assert false_merges(clusters, truth) == false_merges(renamed, truth)


def test_false_merges_are_given_per_ten_thousand_entities() -> None:
    """Two mixed clusters among four entities are 5,000 in 10,000."""
    merges = false_merges([0, 0, 1, 1], [1, 2, 3, 4])
    assert merges.per_10_000_entities == 5_000.0


def test_codes_tell_combinations_apart() -> None:
    """Records get one code exactly when all their labels are equal, text included."""
    codes = codes_of(["a", "a", "b", "b"], [1, 2, 1, 1])
    assert codes.tolist() == [0, 1, 2, 2]
