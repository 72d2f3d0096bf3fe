"""What match weights promise: probabilities, the two lines, and curves over every threshold.

A match weight w is the log2 odds that a pair is one person, so its probability is
p = 1 / (1 + 2**-w). Summed over the scored pairs this gives, without any truth, how many links
above a line are expected to be false and how many matches below it are expected to be missed.

Everything here works on pattern-level counts: unique weights (or fine histogram bins) with the
number of pairs that have them. Weights need no order; equal weights are merged, so that the
order of the input never matters.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = [
    "PrecisionRecallCurve",
    "Thresholds",
    "expected_curve",
    "match_probability",
    "match_weight",
    "precision_recall_curve",
    "reliability_table",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Beyond this many bits a float64 power of two overflows; the probability is 0 or 1 long before.
WEIGHT_LIMIT = 1000.0

LINK_PROBABILITY_MIN = 0.9
REVIEW_PROBABILITY_MIN = 0.05
REVIEW_SHARE_MAX = 0.1
REVIEW_PAIRS_MIN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Two lines and what the model expects of them.

    A pair with weight >= `link_weight` is linked, one with `review_weight` <= weight <
    `link_weight` goes to a steward, any other is left separate.

    Attributes
    ----------
    link_weight, review_weight : bits; review_weight <= link_weight
    links : pairs at or above `link_weight`
    expected_precision : share of links expected to be true; 1.0 when there are none
    expected_recall : share of expected matches that are links; 1.0 when none are expected
    expected_recall_with_review : the same, links and review together
    expected_matches : expected matches in all, the denominator of both recalls
    expected_false_links, expected_missed_matches : pairs; missed = below the review line
    review_pairs : pairs between the lines
    review_expected_matches : how many of them are expected to be matches
    review_pairs_cut : pairs likely enough for review that the volume cap left out
    link_limited_by : 'false_link_rate', or 'given' where somebody set the lines
    review_limited_by : 'volume', 'probability' or 'given'
    """

    link_weight: float
    review_weight: float
    links: int
    expected_precision: float
    expected_recall: float
    expected_recall_with_review: float
    expected_matches: float
    expected_false_links: float
    expected_missed_matches: float
    review_pairs: int
    review_expected_matches: float
    review_pairs_cut: int
    link_limited_by: str
    review_limited_by: str

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, for run.json."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionRecallCurve:
    """Precision and recall of "link everything at or above this weight", against truth.

    Attributes
    ----------
    weight : float64[k], distinct weights, falling
    links, true_links : int64[k], pairs at or above the weight, and the matches among them
    precision, recall, f1 : float64[k]
    matches : int, denominator of recall
    """

    weight: FloatArray
    links: IntArray
    true_links: IntArray
    precision: FloatArray
    recall: FloatArray
    f1: FloatArray
    matches: int

    def to_table(self) -> pa.Table:
        """One row a threshold: weight, links, true_links, precision, recall, f1."""
        names = ("weight", "links", "true_links", "precision", "recall", "f1")
        return pa.table({name: getattr(self, name) for name in names})


@dataclass(frozen=True, slots=True)
class _Levels:
    """Distinct weights, falling, with running totals from the top."""

    weight: FloatArray
    pairs: IntArray  # at or above
    matches: FloatArray  # expected, at or above
    false: FloatArray  # expected, at or above


def match_probability(weights: FloatArray) -> FloatArray:
    """Probability that a pair of this match weight is one person.

    Parameters
    ----------
    weights : float64[k], log2 odds, infinities allowed

    Returns
    -------
    float64[k]
    """
    return 1.0 / (1.0 + np.exp2(-np.clip(weights, -WEIGHT_LIMIT, WEIGHT_LIMIT)))


def match_weight(probability: float) -> float:
    """Log2 odds of a probability strictly between 0 and 1."""
    return math.log2(probability) - math.log2(1.0 - probability)


def expected_curve(
    weights: FloatArray,
    counts: IntArray,
    *,
    expected_matches_total: float | None = None,
    point_count_max: int | None = None,
) -> pa.Table:
    """Expected precision and recall of every threshold, by the model's own probabilities.

    Parameters
    ----------
    weights : float64[k], match weights, prior included
    counts : int64[k], candidate pairs of each
    expected_matches_total : matches expected in the whole population (prior times all possible
        pairs); None counts only those among the candidates, so that recall leaves out what
        blocking lost
    point_count_max : thin to at most this many rows, evenly over the range of weights

    Returns
    -------
    table(weight, links, expected_precision, expected_recall, expected_false_links), falling
    """
    levels = _levels(weights, counts)
    total = float(levels.matches[-1]) if levels.weight.size else 0.0
    total = max(total, expected_matches_total or 0.0)
    keep = _thinned(levels.weight, point_count_max)
    pairs = levels.pairs[keep]
    return pa.table(
        {
            "weight": levels.weight[keep],
            "links": pairs,
            "expected_precision": 1.0 - levels.false[keep] / pairs,
            "expected_recall": (
                levels.matches[keep] / total if total > 0 else np.ones(len(keep), np.float64)
            ),
            "expected_false_links": levels.false[keep],
        }
    )


def precision_recall_curve(
    weights: FloatArray,
    is_match: NDArray[np.bool_],
    counts: IntArray | None = None,
    *,
    matches_total: int | None = None,
) -> PrecisionRecallCurve:
    """Precision and recall of every threshold, against truth.

    Parameters
    ----------
    weights : float64[k], match weights of the scored pairs or patterns
    is_match : bool[k], the truth
    counts : int64[k], pairs of each; None for one each
    matches_total : matches in the truth, those that blocking never proposed included; None
        counts only those scored

    Returns
    -------
    PrecisionRecallCurve, falling weights; empty for no pairs

    Notes
    -----
    Recall is 1.0 where there is nothing to find.
    """
    weights, counts = _checked(
        weights, np.ones(len(weights), np.int64) if counts is None else counts
    )
    assert len(is_match) == len(weights), "one truth a weight"
    unique, inverse = np.unique(-weights, return_inverse=True)
    links = np.cumsum(_sum_by(inverse, counts, unique.size))
    true_links = np.cumsum(_sum_by(inverse, counts * is_match, unique.size))
    found = int(true_links[-1]) if unique.size else 0
    matches = found if matches_total is None else max(matches_total, found)
    precision = true_links / np.maximum(links, 1)
    recall = true_links / matches if matches else np.ones(unique.size, np.float64)
    both = links + matches
    f1 = np.divide(2.0 * true_links, both, out=np.zeros(unique.size), where=both > 0)
    return PrecisionRecallCurve(
        weight=-unique,
        links=links,
        true_links=true_links,
        precision=precision,
        recall=recall,
        f1=f1,
        matches=matches,
    )


def reliability_table(
    weights: FloatArray,
    is_match: NDArray[np.bool_],
    counts: IntArray | None = None,
    *,
    bin_width: float = 2.0,
) -> pa.Table:
    """How well the model's probabilities held, against truth, by bands of match weight.

    Parameters
    ----------
    weights : float64[k]
    is_match : bool[k]
    counts : int64[k], pairs of each; None for one each
    bin_width : bits

    Returns
    -------
    table(lower, upper, pairs, expected_matches, actual_matches), rising, empty bands left out
    """
    weights, counts = _checked(
        weights, np.ones(len(weights), np.int64) if counts is None else counts
    )
    assert len(is_match) == len(weights), "one truth a weight"
    band = np.floor(np.clip(weights, -WEIGHT_LIMIT, WEIGHT_LIMIT) / bin_width)
    unique, inverse = np.unique(band, return_inverse=True)
    expected = np.bincount(inverse, match_probability(weights) * counts, unique.size)
    return pa.table(
        {
            "lower": unique * bin_width,
            "upper": (unique + 1.0) * bin_width,
            "pairs": _sum_by(inverse, counts, unique.size),
            "expected_matches": expected.astype(np.float64),
            "actual_matches": _sum_by(inverse, counts * is_match, unique.size),
        }
    )


def _levels(weights: FloatArray, counts: IntArray) -> _Levels:
    weights, counts = _checked(weights, counts)
    occupied = counts > 0
    unique, inverse = np.unique(-weights[occupied], return_inverse=True)
    pairs = _sum_by(inverse, counts[occupied], unique.size)
    weight = -unique
    # Summed from the most certain pair down: small terms first, so none is lost in rounding.
    return _Levels(
        weight=weight,
        pairs=np.cumsum(pairs),
        matches=np.cumsum(pairs * match_probability(weight)),
        false=np.cumsum(pairs * match_probability(-weight)),
    )


def _sum_by(group: NDArray[np.intp], values: NDArray[Any], group_count: int) -> IntArray:
    sums = np.zeros(group_count, np.int64)
    np.add.at(sums, group, values)
    return sums


def _thinned(weight: FloatArray, point_count_max: int | None) -> NDArray[np.intp]:
    if point_count_max is None or weight.size <= point_count_max:
        return np.arange(weight.size)
    assert point_count_max >= 2, "a curve has two ends"
    finite = np.clip(weight, -WEIGHT_LIMIT, WEIGHT_LIMIT)
    wanted = np.linspace(finite[0], finite[-1], point_count_max)
    nearest = np.searchsorted(-finite, -wanted, side="left")
    return np.unique(np.minimum(nearest, weight.size - 1))


def _checked(weights: FloatArray, counts: IntArray) -> tuple[FloatArray, IntArray]:
    weights = np.ascontiguousarray(weights, np.float64)
    counts = np.ascontiguousarray(counts, np.int64)
    assert weights.ndim == 1, "weights are one array"
    assert weights.shape == counts.shape, "one count a weight"
    assert not np.isnan(weights).any(), "a weight is never NaN"
    assert (counts >= 0).all(), "a count is never negative"
    return weights, counts
