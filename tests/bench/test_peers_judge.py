"""The judge of many pairs equals the slow one."""

from __future__ import annotations

import numpy as np
import pytest

from bench.accuracy_judge import best_cut
from bench.peers_judge import best_cut_of_many, cluster_figures
from mpi.metrics import pairwise_scores


@pytest.mark.parametrize("seed", range(12))
def test_the_best_cut_equals_that_of_the_slow_judge(seed: int) -> None:
    """Over random pairs, with ties in weight and clusters that grow over one another."""
    random = np.random.default_rng(seed)
    records = int(random.integers(2, 120))
    pairs = int(random.integers(0, 4 * records))
    truth = random.integers(0, max(records // 3, 1), records).astype(np.int64) * 1_000_003
    left = random.integers(0, records, pairs).astype(np.int64)
    right = random.integers(0, records, pairs).astype(np.int64)
    is_true = truth[left] == truth[right]
    weight = np.round(random.normal(0, 2, pairs) + 3 * is_true)
    expected = best_cut(left, right, weight, truth)
    found = best_cut_of_many(left, right, weight, truth)
    assert pytest.approx(expected.f1) == found.f1
    assert expected.match_weight == found.match_weight


def test_figures_are_those_of_the_metrics() -> None:
    """Precision, recall and F1 over pairs of records put together."""
    clusters, truth = np.array([0, 0, 2, 3, 3]), np.array([7, 7, 7, 8, 9])
    figures = cluster_figures(clusters, truth)
    scores = pairwise_scores(clusters, truth)
    assert (scores.precision, scores.recall, scores.f1) == (
        figures["precision"],
        figures["recall"],
        figures["f1"],
    )
