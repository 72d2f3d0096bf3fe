"""How well clusters, or links, agree with the truth: counted, never by listing pairs.

Two labels a record are enough: the cluster it was put in and the entity it belongs to. Pairs in
common follow from the contingency table of the two, so the cost is that of one sort whatever the
number of pairs. A negative entity means "truth unknown"; such records are left out everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "BCubedScores",
    "FalseMerges",
    "MissedPairs",
    "PairwiseScores",
    "b_cubed_scores",
    "codes_of",
    "false_merges",
    "link_scores",
    "missed_pairs_by_size",
    "pairwise_scores",
]

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PairwiseScores:
    """Pairs of records that are of one entity, were put together, and both.

    An empty denominator gives 1.0: nothing said is nothing wrong, nothing to find is all found.
    """

    true_pairs: int
    predicted_pairs: int
    correct_pairs: int

    @property
    def precision(self) -> float:
        return self.correct_pairs / self.predicted_pairs if self.predicted_pairs else 1.0

    @property
    def recall(self) -> float:
        return self.correct_pairs / self.true_pairs if self.true_pairs else 1.0

    @property
    def f1(self) -> float:
        pairs = self.true_pairs + self.predicted_pairs
        return 2 * self.correct_pairs / pairs if pairs else 1.0


@dataclass(frozen=True, slots=True)
class BCubedScores:
    """Mean over records of the share of its cluster that is right, of its entity that is there."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True, slots=True)
class FalseMerges:
    """Clusters that hold records of more than one entity."""

    clusters: int
    entities: int

    @property
    def per_10_000_entities(self) -> float:
        return 10_000 * self.clusters / self.entities if self.entities else 0.0


@dataclass(frozen=True, slots=True)
class MissedPairs:
    """Pairs missed, by the number of records an entity has.

    Attributes
    ----------
    entity_size : int64[n_sizes], ascending, at least 2
    entities : int64[n_sizes], entities of that size
    true_pairs : int64[n_sizes], pairs those entities hold
    missed_pairs : int64[n_sizes], how many of them lie in different clusters
    """

    entity_size: Labels
    entities: Labels
    true_pairs: Labels
    missed_pairs: Labels


def codes_of(*labels: npt.ArrayLike) -> Labels:
    """Number the distinct combinations of labels from 0.

    Parameters
    ----------
    *labels : one or more arrays of n labels each, of any sortable dtype

    Returns
    -------
    int64[n], equal exactly where all labels are equal
    """
    first, *others = (np.unique(np.asarray(each), return_inverse=True)[1] for each in labels)
    codes = first.astype(np.int64).reshape(-1)
    for other in others:
        # both factors stay below the number of records, so the product fits in 64 bits
        combined = codes * (np.int64(other.max(initial=0)) + 1) + other.reshape(-1)
        codes = np.unique(combined, return_inverse=True)[1].astype(np.int64).reshape(-1)
    return codes


def pairwise_scores(
    clusters: npt.ArrayLike, truth: npt.ArrayLike, sources: npt.ArrayLike | None = None
) -> PairwiseScores:
    """Compare all pairs inside clusters with all pairs inside entities.

    Parameters
    ----------
    clusters : int64[n_records], cluster of each record
    truth : int64[n_records], entity of each record; negative = unknown, the record is left out
    sources : int64[n_records], source of each record; when given, only pairs of records from
        different sources count, as a link-only job has it

    Returns
    -------
    PairwiseScores, exact
    """
    cluster, entity, source = _known(clusters, truth, sources)
    both = codes_of(cluster, entity)
    return PairwiseScores(
        true_pairs=_pairs_within(entity, source),
        predicted_pairs=_pairs_within(cluster, source),
        correct_pairs=_pairs_within(both, source),
    )


def link_scores(
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    truth: npt.ArrayLike,
    sources: npt.ArrayLike | None = None,
) -> PairwiseScores:
    """Compare links as they are, without following chains, with all pairs inside entities.

    Parameters
    ----------
    left, right : int64[n_links], record rows; order and repetition do not matter
    truth : int64[n_records], entity of each record; negative = unknown
    sources : int64[n_records]; when given, only pairs of different sources count

    Returns
    -------
    PairwiseScores, exact
    """
    entities = np.asarray(truth, dtype=np.int64)
    low, high = _distinct_pairs(left, right, len(entities))
    counted = (entities[low] >= 0) & (entities[high] >= 0) & (low != high)
    _, known_entity, known_source = _known(entities, entities, sources)
    if sources is not None:
        source = codes_of(sources)
        counted &= source[low] != source[high]
    return PairwiseScores(
        true_pairs=_pairs_within(known_entity, known_source),
        predicted_pairs=int(counted.sum()),
        correct_pairs=int((counted & (entities[low] == entities[high])).sum()),
    )


def b_cubed_scores(clusters: npt.ArrayLike, truth: npt.ArrayLike) -> BCubedScores:
    """B-cubed precision and recall (Bagga & Baldwin 1998), each record weighing the same.

    Parameters
    ----------
    clusters : int64[n_records]
    truth : int64[n_records]; negative = unknown, the record is left out
    """
    cluster, entity, _ = _known(clusters, truth, None)
    if not len(cluster):
        return BCubedScores(1.0, 1.0)
    both = codes_of(cluster, entity)
    together = np.bincount(both)[both]
    return BCubedScores(
        precision=float(np.mean(together / np.bincount(cluster)[cluster])),
        recall=float(np.mean(together / np.bincount(entity)[entity])),
    )


def false_merges(clusters: npt.ArrayLike, truth: npt.ArrayLike) -> FalseMerges:
    """Count clusters that hold records of more than one entity.

    Parameters
    ----------
    clusters : int64[n_records]
    truth : int64[n_records]; negative = unknown, the record is left out
    """
    cluster, entity, _ = _known(clusters, truth, None)
    both = codes_of(cluster, entity)
    _, first = np.unique(both, return_index=True)
    entities_in_cluster = np.bincount(cluster[first])
    return FalseMerges(
        clusters=int((entities_in_cluster > 1).sum()), entities=len(np.unique(entity))
    )


def missed_pairs_by_size(
    clusters: npt.ArrayLike, truth: npt.ArrayLike, sources: npt.ArrayLike | None = None
) -> MissedPairs:
    """Say at which entity sizes the missed pairs are.

    Parameters
    ----------
    clusters : int64[n_records]
    truth : int64[n_records]; negative = unknown, the record is left out
    sources : int64[n_records]; when given, only pairs of different sources count
    """
    cluster, entity, source = _known(clusters, truth, sources)
    size = np.bincount(entity)
    true_pairs = _pairs_per_group(entity, entity, source, len(size))
    found_pairs = _pairs_per_group(codes_of(cluster, entity), entity, source, len(size))
    sizes = np.unique(size[size > 1]).astype(np.int64)
    of_size = np.searchsorted(sizes, size)
    several = size > 1

    def total(values: Labels) -> Labels:
        out = np.zeros(len(sizes), np.int64)
        np.add.at(out, of_size[several], values[several])
        return out

    return MissedPairs(
        entity_size=sizes,
        entities=total(np.ones(len(size), np.int64)),
        true_pairs=total(true_pairs),
        missed_pairs=total(true_pairs - found_pairs),
    )


def _known(
    clusters: npt.ArrayLike, truth: npt.ArrayLike, sources: npt.ArrayLike | None
) -> tuple[Labels, Labels, Labels | None]:
    """Drop records of unknown truth and number what is left from 0."""
    entity = np.asarray(truth, dtype=np.int64)
    known = entity >= 0
    cluster = codes_of(np.asarray(clusters)[known])
    source = None if sources is None else codes_of(np.asarray(sources)[known])
    return cluster, codes_of(entity[known]), source


def _pairs_within(groups: Labels, sources: Labels | None) -> int:
    """Number of pairs inside groups, without those of one source where sources count."""
    pairs = _choose_two(np.bincount(groups))
    total = int(pairs.sum())
    if sources is not None:
        total -= int(_choose_two(np.bincount(codes_of(groups, sources))).sum())
    return total


def _pairs_per_group(
    cells: Labels, groups: Labels, sources: Labels | None, group_count: int
) -> Labels:
    """Pairs inside cells, added up by the group each cell lies in: int64[group_count]."""
    out = np.zeros(group_count, np.int64)
    _, first, count = np.unique(cells, return_index=True, return_counts=True)
    np.add.at(out, groups[first], _choose_two(count))
    if sources is not None:
        _, first, count = np.unique(codes_of(cells, sources), return_index=True, return_counts=True)
        np.subtract.at(out, groups[first], _choose_two(count))
    return out


def _choose_two(counts: npt.NDArray[np.int64]) -> Labels:
    sizes = counts.astype(np.int64)
    pairs: Labels = sizes * (sizes - 1) // 2
    return pairs


def _distinct_pairs(
    left: npt.ArrayLike, right: npt.ArrayLike, record_count: int
) -> tuple[Labels, Labels]:
    """Each unordered pair once, as (lower row, higher row)."""
    one, other = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
    factor = max(record_count, 1)
    keys = np.unique(np.minimum(one, other) * factor + np.maximum(one, other))
    return keys // factor, keys % factor
