"""Probabilities and curves from match weights: expectations that hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpi.calibration import (
    expected_curve,
    match_probability,
    match_weight,
    precision_recall_curve,
    reliability_table,
)

patterns = st.lists(
    st.tuples(st.floats(-60.0, 60.0), st.integers(0, 1_000_000)), min_size=0, max_size=40
)


def as_arrays(rows: list[tuple[float, int]]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.array([row[0] for row in rows], np.float64),
        np.array([row[1] for row in rows], np.int64),
    )


def planted_pairs(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patterns whose true match share is exactly what their weight says."""
    random = np.random.default_rng(seed)
    weights = random.uniform(-25.0, 25.0, 3000)
    counts = random.integers(1, 2000, 3000)
    matches = random.binomial(counts, match_probability(weights))
    pattern = np.concatenate([weights, weights])
    count = np.concatenate([matches, counts - matches])
    truth = np.repeat([True, False], 3000)
    return pattern, count, truth


def test_weight_and_probability_round_trip() -> None:
    """A probability survives the way to a weight and back."""
    for probability in (1e-9, 0.05, 0.5, 0.9, 0.9999):
        back = match_probability(np.array([match_weight(probability)]))[0]
        assert probability == pytest.approx(back, rel=1e-12)


def test_extreme_weights_neither_overflow_nor_warn() -> None:
    """Certain and impossible pairs have the probabilities 1 and 0."""
    weights = np.array([np.inf, 5000.0, 0.0, -5000.0, -np.inf])
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(match_probability(weights), [1, 1, 0.5, 0, 0], atol=1e-200)


@given(rows=patterns, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_order_and_splitting_of_patterns_change_nothing(
    rows: list[tuple[float, int]], seed: int
) -> None:
    """The same pairs in any order, in one pattern or two, give the same curve bit for bit."""
    weights, counts = as_arrays(rows)
    order = np.random.default_rng(seed).permutation(len(rows))
    half = counts // 2
    split = expected_curve(
        np.concatenate([weights[order], weights[order]]),
        np.concatenate([half[order], (counts - half)[order]]),
    )
    assert expected_curve(weights, counts).equals(split)


@given(rows=patterns)
@settings(max_examples=50)
def test_expected_curve_equals_the_naive_sums(rows: list[tuple[float, int]]) -> None:
    """Every point says what all pairs at or above its weight promise together."""
    curve = expected_curve(*as_arrays(rows), expected_matches_total=1e9)
    for point in curve.to_pylist():
        above = [(weight, count) for weight, count in rows if weight >= point["weight"]]
        false = math.fsum(count / (1 + 2.0**weight) for weight, count in above)
        links = sum(count for _, count in above)
        assert links == point["links"]
        assert false == pytest.approx(point["expected_false_links"])
        assert (links - false) / 1e9 == pytest.approx(point["expected_recall"], abs=1e-12)
    assert len({weight for weight, count in rows if count}) == curve.num_rows


def test_expectations_hold_on_planted_probabilities() -> None:
    """Where the model is right, expected precision and recall are what truth then shows."""
    weights, counts, truth = planted_pairs(7)
    curve = precision_recall_curve(weights, truth, counts)
    expected = expected_curve(weights, counts)
    np.testing.assert_array_equal(curve.weight, expected["weight"].to_numpy())
    np.testing.assert_array_equal(curve.links, expected["links"].to_numpy())
    enough = curve.links > 10_000
    np.testing.assert_allclose(
        curve.precision[enough], expected["expected_precision"].to_numpy()[enough], atol=2e-3
    )
    np.testing.assert_allclose(
        curve.recall[enough], expected["expected_recall"].to_numpy()[enough], atol=2e-3
    )


def test_reliability_shows_an_overconfident_model() -> None:
    """Weights twice too large expect more matches than there are, band by band."""
    weights, counts, truth = planted_pairs(3)
    honest = reliability_table(weights, truth, counts)
    boastful = reliability_table(weights * 2.0, truth, counts)
    np.testing.assert_allclose(
        honest["actual_matches"].to_numpy(),
        honest["expected_matches"].to_numpy(),
        atol=4 * np.sqrt(honest["pairs"].to_numpy()).max(),
    )
    upper = boastful["lower"].to_numpy() >= 2
    share = boastful["actual_matches"].to_numpy() / boastful["expected_matches"].to_numpy()
    assert share[upper][0] < 0.9
    assert sum(honest["pairs"].to_pylist()) == counts.sum()


def test_precision_recall_curve_by_hand() -> None:
    """Ties share a point, recall counts matches that were never scored."""
    weights = np.array([1.0, 3.0, 3.0, 2.0])
    truth = np.array([False, True, False, True])
    curve = precision_recall_curve(weights, truth, matches_total=4)
    assert [3.0, 2.0, 1.0] == curve.weight.tolist()
    assert [2, 3, 4] == curve.links.tolist()
    assert [1, 2, 2] == curve.true_links.tolist()
    assert [0.25, 0.5, 0.5] == curve.recall.tolist()
    assert [0.5, 2 / 3, 0.5] == curve.precision.tolist()
    assert [2 / 6, 4 / 7, 4 / 8] == pytest.approx(curve.f1.tolist())
    assert curve.to_table().num_rows == 3


def test_curves_of_nothing_are_empty() -> None:
    """No pairs give empty curves, not errors."""
    empty = precision_recall_curve(np.zeros(0), np.zeros(0, np.bool_))
    assert (0, 0) == (empty.weight.size, empty.matches)
    assert 0 == expected_curve(np.zeros(0), np.zeros(0, np.int64)).num_rows
    assert 0 == reliability_table(np.zeros(0), np.zeros(0, np.bool_)).num_rows


def test_thinned_curve_keeps_its_ends_and_its_size() -> None:
    """A curve for a picture has few points and still spans every weight."""
    weights = np.linspace(-30, 30, 5000)
    curve = expected_curve(weights, np.ones(5000, np.int64), point_count_max=200)
    assert curve.num_rows <= 200
    assert (30.0, -30.0) == (curve["weight"][0].as_py(), curve["weight"][-1].as_py())
