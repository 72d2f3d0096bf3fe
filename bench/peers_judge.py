"""Hold links and clusters of millions of records against the truth, in compiled loops."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from bench.accuracy_judge import BestCut
from mpi.metrics import codes_of, false_merges, pairwise_scores
from person.hashing import mix64
from person.jit import kernel

__all__ = ["best_cut_of_many", "cluster_figures", "true_pair_count"]


@kernel
def _slot(keys, root, entity):  # type: ignore[no-untyped-def]
    """Place of (root, entity) in an open table, or of the free slot where it would stand."""
    mask = uint64(keys.shape[0] - 1)
    wanted = (int64(root) << int64(32)) | int64(entity)
    place = mix64(uint64(wanted)) & mask
    while keys[place] != -1 and keys[place] != wanted:
        place = (place + uint64(1)) & mask
    return place, wanted


@kernel
def _root(parent, row):  # type: ignore[no-untyped-def]
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row


@kernel
def _grow(keys, counts, used):  # type: ignore[no-untyped-def]
    """A larger table without the entries whose count is 0: those of roots that are no more."""
    larger_keys = np.full(keys.shape[0] * 2, -1, np.int64)
    larger_counts = np.zeros(keys.shape[0] * 2, np.int64)
    used[0] = 0
    for at in range(keys.shape[0]):
        if keys[at] != -1 and counts[at] != 0:
            place, wanted = _slot(larger_keys, keys[at] >> int64(32), keys[at] & int64(0xFFFFFFFF))
            larger_keys[place] = wanted
            larger_counts[place] = counts[at]
            used[0] += 1
    return larger_keys, larger_counts


@kernel
def _best_cut(left, right, weight, truth, true_pairs):  # type: ignore[no-untyped-def]
    """(best F1, its weight) over all cuts; pairs come by falling weight."""
    count = truth.shape[0]
    parent = np.arange(count)
    size = np.ones(count, np.int64)
    following = np.full(count, -1, np.int64)  # members of a root as a chain
    last = np.arange(count)
    capacity = int64(1024)
    while capacity < 4 * count:
        capacity *= int64(2)
    keys = np.full(capacity, -1, np.int64)
    counts = np.zeros(capacity, np.int64)
    used = np.zeros(1, np.int64)
    for row in range(count):
        place, wanted = _slot(keys, row, truth[row])
        keys[place] = wanted
        counts[place] = 1
        used[0] += 1
    predicted, correct = int64(0), int64(0)
    best, best_weight = 0.0, np.inf
    for pair in range(left.shape[0]):
        one, other = _root(parent, left[pair]), _root(parent, right[pair])
        if one != other:
            if size[one] < size[other]:
                one, other = other, one
            predicted += size[one] * size[other]
            row = other
            while row != -1:
                if used[0] * 2 > keys.shape[0]:
                    keys, counts = _grow(keys, counts, used)
                gone, _ = _slot(keys, other, truth[row])
                moved = counts[gone]
                if moved > 0:
                    counts[gone] = 0
                    place, wanted = _slot(keys, one, truth[row])
                    if keys[place] == -1:
                        keys[place] = wanted
                        used[0] += 1
                    correct += counts[place] * moved
                    counts[place] += moved
                row = following[row]
            following[last[one]] = other
            last[one] = last[other]
            size[one] += size[other]
            parent[other] = one
        if pair + 1 == left.shape[0] or weight[pair + 1] != weight[pair]:
            both = predicted + true_pairs
            f1 = 2.0 * correct / both if both else 1.0
            if f1 > best:
                best, best_weight = f1, weight[pair]
    return best, best_weight


def true_pair_count(person: NDArray[np.int64]) -> int:
    """Pairs of records of one person.

    Parameters
    ----------
    person : int64[n_records], of each record
    """
    sizes = np.unique(person, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


def best_cut_of_many(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    match_weight: NDArray[np.float64],
    truth: NDArray[np.int64],
) -> BestCut:
    """The best F1 that connected components reach at any cut through the links.

    Parameters
    ----------
    left, right : int64[n_pairs], rows
    match_weight : float64[n_pairs]; pairs of equal weight are joined together
    truth : int64[n_records], person of each record

    Notes
    -----
    As `bench.accuracy_judge.best_cut`, its slow twin, for millions of records: the smaller
    cluster's counts go into the larger one's, O(n log n) steps in all.
    """
    order = np.argsort(-match_weight, kind="stable")
    entity = codes_of(truth)
    assert len(entity) < 1 << 31
    true_pairs = pairwise_scores(entity, entity).true_pairs
    best, weight = _best_cut(left[order], right[order], match_weight[order], entity, true_pairs)
    return BestCut(float(best), float(weight))


def cluster_figures(clusters: NDArray[np.int64], truth: NDArray[np.int64]) -> dict[str, Any]:
    """Pairwise precision, recall and F1, and false merges per 10,000 people."""
    scores = pairwise_scores(clusters, truth)
    return {
        "precision": scores.precision,
        "recall": scores.recall,
        "f1": scores.f1,
        "true_pairs": scores.true_pairs,
        "false_merges_per_10_000_people": false_merges(clusters, truth).per_10_000_entities,
    }
