"""Bounds of shares and agreement of people, held against sums written out."""

from __future__ import annotations

from math import comb
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mpi.review.intervals import (
    Stratum,
    clopper_pearson,
    cohen_kappa,
    fleiss_kappa,
    incomplete_beta,
    stratified_share,
    wilson,
)


def at_most(count: int, of: int, share: float) -> float:
    """Chance of `count` or fewer, term by term."""
    return sum(comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(count + 1))


counts = st.integers(1, 120).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


# ------------------------------------------------------------------------------ one share


@given(counts, st.floats(0.001, 0.999))
@example((0, 1), 0.5)
@example((120, 120), 0.999)
def test_the_incomplete_beta_is_a_sum_of_binomials(counted: tuple[int, int], share: float) -> None:
    """The chance of so many or fewer equals the sum of its terms."""
    count, of = counted
    expected = at_most(count, of, share)
    found = 1.0 if count == of else incomplete_beta(of - count, count + 1, 1 - share)
    assert expected == pytest.approx(found, abs=1e-11)


@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_exact_bounds_leave_half_of_the_rest_on_each_side(
    counted: tuple[int, int], confidence: float
) -> None:
    """At the upper bound so few, at the lower so many, would come about with chance alpha / 2."""
    count, of = counted
    found = clopper_pearson(count, of, confidence)
    tail = (1 - confidence) / 2
    if count < of:
        assert tail == pytest.approx(at_most(count, of, found.high), abs=1e-9)
    else:
        assert 1.0 == found.high
    if count:
        assert tail == pytest.approx(1 - at_most(count - 1, of, found.low), abs=1e-9)
    else:
        assert 0.0 == found.low


@given(counts)
def test_wilson_bounds_solve_the_score_equation(counted: tuple[int, int]) -> None:
    """At each bound the share is z standard errors away, as the bound itself has them."""
    count, of = counted
    found = wilson(count, of)
    z = NormalDist().inv_cdf(0.975)
    for bound in (found.low, found.high):
        if 0.0 < bound < 1.0:
            error = (bound * (1 - bound) / of) ** 0.5
            assert abs(count / of - bound) == pytest.approx(z * error, rel=1e-6)
    assert found.low <= count / of <= found.high


def test_nothing_counted_says_nothing() -> None:
    """Without a case every share is possible."""
    for interval in (wilson(0, 0), clopper_pearson(0, 0), stratified_share([])):
        assert (None, 0.0, 1.0) == (interval.estimate, interval.low, interval.high)


def test_known_bounds() -> None:
    """412 cases with one mistake, as tables have it."""
    found = clopper_pearson(1, 412)
    assert (0.0000614, 0.01345) == pytest.approx((found.low, found.high), rel=2e-3)
    found = clopper_pearson(5, 10)
    assert (0.18709, 0.81291) == pytest.approx((found.low, found.high), abs=1e-5)


# ------------------------------------------------------------------------------ strata


def test_a_stratified_share_weighs_by_size() -> None:
    """A small part full of errors counts as the small part that it is."""
    found = stratified_share(
        [Stratum(size=900, judged=10, right=10), Stratum(size=100, judged=10, right=5)]
    )
    assert 0.95 == found.estimate
    assert found.low < 0.95 < found.high
    assert (15, 20) == (found.count, found.of)


def test_a_population_judged_whole_has_no_doubt_left() -> None:
    """What was judged counts as it is: nothing remains to be guessed."""
    found = stratified_share(
        [Stratum(size=40, judged=40, right=39), Stratum(size=10, judged=10, right=10)]
    )
    assert (0.98, 0.98, 0.98) == (found.estimate, found.low, found.high)


def test_a_part_that_nobody_judged_widens_the_bounds() -> None:
    """The estimate is of the judged parts, the bounds allow for anything in the others."""
    seen = Stratum(size=500, judged=100, right=100)
    whole = stratified_share([seen])
    with_unseen = stratified_share([seen, Stratum(size=500, judged=0, right=0)])
    assert 1.0 == with_unseen.estimate
    assert whole.low > 0.95
    assert with_unseen.low < 0.5
    assert with_unseen.high == 1.0
    all_wrong = Stratum(size=500, judged=100, right=0)
    found = stratified_share([all_wrong, Stratum(size=500, judged=0, right=0)])
    assert found.low == 0.0
    assert found.high > 0.5


def test_equal_samples_give_equal_bounds() -> None:
    """The draws behind the bounds are seeded."""
    strata = [Stratum(size=1000, judged=30, right=29), Stratum(size=50, judged=20, right=18)]
    assert stratified_share(strata) == stratified_share(strata)
    assert stratified_share(strata, population=99) == stratified_share(strata, population=99)


@pytest.mark.parametrize("is_two_phase", [False, True])
def test_bounds_hold_the_true_share_as_often_as_they_say(is_two_phase: bool) -> None:
    """Over many samples of a population whose truth is known, 95 % of the intervals hold it."""
    random = np.random.default_rng(7)
    sizes, rates = np.array([30_000, 5_000, 600]), np.array([0.999, 0.98, 0.85])
    right = np.round(sizes * rates).astype(int)
    truth = right.sum() / sizes.sum()
    held, trials = 0, 150
    for trial in range(trials):
        seen = sizes
        if is_two_phase:
            seen = random.multivariate_hypergeometric(sizes, 4_000)
        judged = np.minimum(seen, [60, 60, 60])
        found = random.hypergeometric(right, sizes - right, judged)
        strata = [
            Stratum(size=int(n), judged=int(m), right=int(k))
            for n, m, k in zip(seen, judged, found, strict=True)
        ]
        population = int(sizes.sum()) if is_two_phase else None
        interval = stratified_share(strata, population=population, seed=trial)
        held += interval.low <= truth <= interval.high
    assert held / trials > 0.91


# ------------------------------------------------------------------------------ people


def naive_fleiss(cases: list[list[int]], kinds: int) -> float:
    """Pairs of people who agree, against pairs of answers drawn from all of them."""
    people = len(cases[0])
    pairs = people * (people - 1)
    agreed = sum(
        sum(a == b for i, a in enumerate(case) for j, b in enumerate(case) if i != j) / pairs
        for case in cases
    ) / len(cases)
    said = [answer for case in cases for answer in case]
    chance = sum((said.count(kind) / len(said)) ** 2 for kind in range(kinds))
    return (agreed - chance) / (1 - chance)


@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=2, max_size=20))
@settings(max_examples=50)
def test_fleiss_kappa_equals_its_definition(cases: list[list[int]]) -> None:
    """Three people, three answers."""
    counted = np.array([[case.count(kind) for kind in range(3)] for case in cases])
    found = fleiss_kappa(counted)
    if len({answer for case in cases for answer in case}) == 1:
        assert found is None
    else:
        assert naive_fleiss(cases, 3) == pytest.approx(found)


def test_cohen_kappa_of_the_textbook() -> None:
    """Cohen's example: 20 and 15 agreements, 5 and 10 disagreements: 0.4."""
    assert 0.4 == pytest.approx(cohen_kappa(np.array([[20, 5], [10, 15]])))
    assert 1.0 == cohen_kappa(np.array([[3, 0], [0, 4]]))
    assert cohen_kappa(np.array([[9, 0], [0, 0]])) is None
    assert cohen_kappa(np.zeros((3, 3), np.int64)) is None
