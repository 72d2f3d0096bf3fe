"""Thresholds and curves from match weights: expectations that hold, lines that never surprise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpi.calibration import (
    Thresholds,
    choose_thresholds,
    expected_curve,
    match_probability,
    match_weight,
    precision_recall_curve,
    reliability_table,
)
from person.errors import ConfigError

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


def naive_link_weight(
    rows: list[tuple[float, int]], rate_max: float, probability_min: float
) -> float:
    """The smallest observed weight that keeps both bounds; the data-free line above it."""
    safe = math.log2(1 - rate_max) - math.log2(rate_max)
    floor = math.log2(probability_min) - math.log2(1 - probability_min)
    best = safe
    for weight in {weight for weight, count in rows if count}:
        above = [(w, c) for w, c in rows if w >= weight]
        pairs = sum(c for _, c in above)
        false = math.fsum(c / (1 + 2.0**w) for w, c in above)
        if weight >= min(floor, safe) and false <= rate_max * pairs:
            best = min(best, weight)
    return best


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


@given(rows=patterns)
@settings(max_examples=150, deadline=None)
def test_link_line_equals_the_naive_search(rows: list[tuple[float, int]]) -> None:
    """The link line is the smallest weight that keeps the rate and the floor of a single link."""
    weights, counts = as_arrays(rows)
    chosen = choose_thresholds(weights, counts)
    assert naive_link_weight(rows, 1e-4, 0.9) == pytest.approx(chosen.link_weight, abs=1e-9)


@given(rows=patterns, share=st.floats(0.0, 1.0), queue=st.integers(0, 10_000))
@settings(max_examples=150, deadline=None)
def test_both_lines_keep_their_promises(
    rows: list[tuple[float, int]], share: float, queue: int
) -> None:
    """Links keep rate and floor, review keeps its probability and its volume cap."""
    weights, counts = as_arrays(rows)
    chosen = choose_thresholds(weights, counts, review_share_max=share, review_pairs_min=queue)
    assert chosen.review_weight <= chosen.link_weight
    linked = weights >= chosen.link_weight
    assert chosen.links == counts[linked].sum()
    false = (counts * match_probability(-weights))[linked].sum()
    assert false <= 1e-4 * chosen.links * (1 + 1e-9)
    assert chosen.expected_false_links == pytest.approx(false, rel=1e-9, abs=1e-12)
    assert chosen.link_weight >= match_weight(0.9) - 1e-12
    review = (weights >= chosen.review_weight) & ~linked
    assert chosen.review_pairs == counts[review].sum()
    assert chosen.review_pairs <= max(queue, share * chosen.links)
    assert chosen.review_weight >= match_weight(0.05)
    assert 0.0 <= chosen.expected_recall <= chosen.expected_recall_with_review <= 1.0 + 1e-12


@given(rows=patterns, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_order_and_splitting_of_patterns_change_nothing(
    rows: list[tuple[float, int]], seed: int
) -> None:
    """The same pairs in any order, in one pattern or two, give the same answer bit for bit."""
    weights, counts = as_arrays(rows)
    order = np.random.default_rng(seed).permutation(len(rows))
    half = counts // 2
    split = choose_thresholds(
        np.concatenate([weights[order], weights[order]]),
        np.concatenate([half[order], (counts - half)[order]]),
    )
    assert choose_thresholds(weights, counts) == split


@given(rows=patterns)
@settings(max_examples=50, deadline=None)
def test_a_stricter_bound_never_links_more(rows: list[tuple[float, int]]) -> None:
    """Lowering the allowed false link rate never lowers the link line."""
    weights, counts = as_arrays(rows)
    lines = [
        choose_thresholds(weights, counts, false_link_rate_max=rate).link_weight
        for rate in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    ]
    assert sorted(lines) == lines


def test_expectations_hold_on_planted_probabilities() -> None:
    """Where the model is right, expected precision and recall are what truth then shows."""
    weights, counts, truth = planted_pairs(7)
    chosen = choose_thresholds(weights, counts, false_link_rate_max=1e-3)
    linked = weights >= chosen.link_weight
    false = counts[linked & ~truth].sum()
    assert chosen.expected_false_links == pytest.approx(false, rel=0.15)
    recall = counts[linked & truth].sum() / counts[truth].sum()
    assert chosen.expected_recall == pytest.approx(recall, abs=2e-3)
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
    assert choose_thresholds(weights, counts).expected_precision >= 0.9999


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


def test_certain_links_do_not_pay_for_doubtful_ones() -> None:
    """A million certain links leave room in the average, yet a pair at 0.85 is not linked."""
    weights = np.array([40.0, match_weight(0.85), match_weight(0.92)])
    chosen = choose_thresholds(weights, np.array([1_000_000, 50, 20]))
    assert match_weight(0.92) == chosen.link_weight
    assert "probability" == chosen.link_limited_by
    assert 50 == chosen.review_pairs


def test_no_pairs_give_the_line_that_needs_no_data() -> None:
    """Without candidates every single link must keep the bound by itself."""
    chosen = choose_thresholds(np.zeros(0), np.zeros(0, np.int64))
    assert -match_weight(1e-4) == chosen.link_weight
    assert match_weight(0.05) == chosen.review_weight
    assert (0, 0, 1.0, 1.0) == (
        chosen.links,
        chosen.review_pairs,
        chosen.expected_precision,
        chosen.expected_recall,
    )


def test_all_non_matches_link_nothing() -> None:
    """A table without a single likely pair gives no links and an empty queue."""
    chosen = choose_thresholds(np.array([-20.0, -8.0]), np.array([10**9, 10**6]))
    assert (0, 0, 1.0) == (chosen.links, chosen.review_pairs, chosen.expected_precision)
    assert chosen.expected_recall == 0.0
    assert chosen.link_weight > 3.0


def test_all_matches_are_all_links() -> None:
    """When every pair is certain the line is not dragged up to the least of them."""
    chosen = choose_thresholds(np.array([25.0, 40.0]), np.array([1000, 500]))
    assert (1500, 0, "nothing") == (chosen.links, chosen.review_pairs, chosen.link_limited_by)
    assert -match_weight(1e-4) == chosen.link_weight
    assert chosen.expected_recall == 1.0


def test_weak_fields_give_review_instead_of_wrong_links() -> None:
    """If no pair exceeds even odds, nothing is linked and the best pairs are looked at."""
    chosen = choose_thresholds(np.array([0.0, -3.0, -10.0]), np.array([300, 500, 10_000]))
    assert (0, 800) == (chosen.links, chosen.review_pairs)
    assert chosen.review_expected_matches == pytest.approx(150 + 500 / 9)


def test_review_beyond_the_cap_keeps_the_most_probable_pairs_and_says_so() -> None:
    """The queue is cut from below, at whole weights, and the rest is counted."""
    weights = np.array([20.0, 1.0, 0.0, -1.0])
    counts = np.array([20_000, 1200, 700, 900])
    chosen = choose_thresholds(weights, counts)
    assert 0.0 == chosen.review_weight
    assert (1900, 900, "volume") == (
        chosen.review_pairs,
        chosen.review_pairs_cut,
        chosen.review_limited_by,
    )


def test_recall_counts_what_blocking_lost_when_told() -> None:
    """With the population's expected matches the recall is of all of them."""
    weights, counts = np.array([30.0]), np.array([80])
    assert 1.0 == choose_thresholds(weights, counts).expected_recall
    chosen = choose_thresholds(weights, counts, expected_matches_total=100.0)
    assert chosen.expected_recall == pytest.approx(0.8)
    assert chosen.expected_missed_matches == pytest.approx(20.0)


@pytest.mark.parametrize(
    "bounds",
    [
        {"false_link_rate_max": 0.0},
        {"link_probability_min": 1.0},
        {"review_probability_min": -0.1},
        {"review_probability_min": 0.95},
        {"review_share_max": -1.0},
    ],
)
def test_impossible_bounds_are_refused_by_name(bounds: dict[str, float]) -> None:
    """A bound that cannot be meant is a ConfigError naming it."""
    with pytest.raises(ConfigError, match=next(iter(bounds))):
        choose_thresholds(np.zeros(1), np.ones(1, np.int64), **bounds)


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


def test_thresholds_are_plain_numbers_for_run_json() -> None:
    """What goes to run.json holds no numpy types."""
    chosen = choose_thresholds(np.array([30.0]), np.array([5]))
    assert {float, int, str} == {type(value) for value in chosen.as_dict().values()}
    assert Thresholds(**chosen.as_dict()) == chosen
