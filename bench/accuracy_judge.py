"""Hold what an engine wrote against the truth of a labelled set."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.accuracy_residents import ResidentJudge, ResidentSet
from bench.accuracy_sets import LabelledSet
from mpi.metrics import (
    PairwiseScores,
    b_cubed_scores,
    codes_of,
    false_merges,
    link_scores,
    pairwise_scores,
)

__all__ = ["BestCut", "Judge", "best_cut"]

Rows = npt.NDArray[np.int64]

BEST_CUT_RECORDS_MAX = 400_000
"""A larger set's cut is not sought: trying every cut takes a Python step a pair."""


@dataclass(frozen=True, slots=True)
class BestCut:
    """The match weight that would have been best, had the truth been known."""

    f1: float
    match_weight: float


class Judge:
    """Scores clusters and links of one labelled set; knows which row each record id is."""

    def __init__(self, labelled: LabelledSet) -> None:
        truth = labelled.truth()
        self.truth: Rows = truth["entity"].to_numpy()
        sources = truth["source"].to_numpy() if labelled.mode == "link_only" else None
        self.sources = None if sources is None else codes_of(sources.astype(str))
        self._keys = _keys(truth["source"], truth["record_id"])
        self._details = ResidentJudge(labelled) if isinstance(labelled, ResidentSet) else None

    def score_clusters(self, path: Path, cluster_column: str) -> dict[str, Any]:
        """Pairwise, B-cubed and false-merge figures of a table source, record_id, cluster.

        A record that the table lacks (a rejected row) is a cluster of its own.
        """
        table = pq.read_table(path, columns=["source", "record_id", cluster_column])
        labels = pc.dictionary_encode(pc.cast(table[cluster_column], pa.string()))
        labels = labels.unify_dictionaries().combine_chunks()
        clusters = np.arange(len(self.truth), dtype=np.int64) + table.num_rows
        clusters[self._rows(table, "")] = labels.indices.to_numpy()
        merges = false_merges(clusters, self.truth)
        b_cubed = b_cubed_scores(clusters, self.truth)
        return _figures(pairwise_scores(clusters, self.truth, self.sources)) | {
            "b_cubed_precision": b_cubed.precision,
            "b_cubed_recall": b_cubed.recall,
            "b_cubed_f1": b_cubed.f1,
            "false_merges": merges.clusters,
            "false_merges_per_10_000_entities": merges.per_10_000_entities,
            "largest_cluster": int(np.unique(clusters, return_counts=True)[1].max()),
            "details": None if self._details is None else self._details.score(clusters),
        }

    def score_links(self, path: Path, match_weight_min: float) -> dict[str, Any]:
        """Figures of the links themselves, chains not followed, from `match_weight_min` up."""
        left, right, weight = self._links(path)
        kept = weight >= match_weight_min
        return _figures(link_scores(left[kept], right[kept], self.truth, self.sources))

    def best_cut(self, path: Path) -> BestCut | None:
        """The best F1 that connected components reach at any cut; None for very large sets."""
        if len(self.truth) > BEST_CUT_RECORDS_MAX:
            return None
        return best_cut(*self._links(path), self.truth, self.sources)

    def _links(self, path: Path) -> tuple[Rows, Rows, npt.NDArray[np.float64]]:
        table = pq.read_table(path)
        return self._rows(table, "_l"), self._rows(table, "_r"), table["match_weight"].to_numpy()

    def _rows(self, table: pa.Table, side: str) -> Rows:
        keys = _keys(table[f"source{side}"], table[f"record_id{side}"])
        rows = pc.index_in(keys, value_set=self._keys)
        assert rows.null_count == 0, "an engine made up a record id"
        return rows.to_numpy().astype(np.int64)


def _keys(source: pa.ChunkedArray, record_id: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(source, record_id.cast(pa.string()), "/").combine_chunks()


def best_cut(
    left: Rows,
    right: Rows,
    match_weight: npt.NDArray[np.float64],
    truth: Rows,
    sources: Rows | None = None,
) -> BestCut:
    """Try every cut: join pairs in falling weight and keep the F1 of the clusters as they grow.

    Parameters
    ----------
    left, right : int64[n_pairs], rows
    match_weight : float64[n_pairs]; pairs of equal weight are joined together
    truth : int64[n_records], entity of each record
    sources : int64[n_records]; when given, only pairs of different sources count

    Notes
    -----
    The smaller cluster's counts go into the larger one's, so n records cost O(n log n) steps.
    """
    source = np.zeros(len(truth), np.int64) if sources is None else sources
    true_pairs = pairwise_scores(truth, truth, sources).true_pairs
    parent = list(range(len(truth)))
    holds = [Counter({(int(e), int(s)): 1}) for e, s in zip(truth, source, strict=True)]
    by_source = [Counter({int(s): 1}) for s in source]
    predicted = correct = 0
    best = BestCut(PairwiseScores(true_pairs, 0, 0).f1, float("inf"))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    order = np.argsort(-match_weight, kind="stable")
    weights = match_weight[order]
    last_of_weight = np.append(weights[1:] != weights[:-1], True)[: len(weights)]
    for pair, is_last in zip(order.tolist(), last_of_weight.tolist(), strict=True):
        one, other = root(int(left[pair])), root(int(right[pair]))
        if one != other:
            if len(holds[one]) < len(holds[other]):
                one, other = other, one
            predicted += _new_pairs(by_source[one], by_source[other], across=sources is not None)
            correct += _new_correct(holds[one], holds[other], across=sources is not None)
            holds[one].update(holds[other])
            by_source[one].update(by_source[other])
            holds[other], by_source[other] = Counter(), Counter()
            parent[other] = one
        if is_last:
            f1 = PairwiseScores(true_pairs, predicted, correct).f1
            if f1 > best.f1:
                best = BestCut(f1, float(match_weight[pair]))
    return best


def _new_pairs(one: Counter[int], other: Counter[int], *, across: bool) -> int:
    pairs = one.total() * other.total()
    return pairs - sum(one[s] * n for s, n in other.items()) if across else pairs


def _new_correct(
    one: Counter[tuple[int, int]], other: Counter[tuple[int, int]], *, across: bool
) -> int:
    """Pairs of one entity between two clusters; `one` is the larger."""
    if not across:
        return sum(one[key] * count for key, count in other.items())
    sources = {source for _, source in one}
    return sum(
        count * one[entity, source]
        for (entity, own), count in other.items()
        for source in sources - {own}
    )


def _figures(scores: PairwiseScores) -> dict[str, Any]:
    return {
        "precision": scores.precision,
        "recall": scores.recall,
        "f1": scores.f1,
        "true_pairs": scores.true_pairs,
        "predicted_pairs": scores.predicted_pairs,
    }
