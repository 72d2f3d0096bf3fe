"""Decided pairs in training: taken as they were decided, and no more than they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from matching.compiled import CompiledModel
from matching.patterns import PatternCounts
from matching.training import TrainingOptions, estimate
from tests.matching.test_training import Floats, Plan, m_of, usual_plan

NONE = PatternCounts(np.zeros(0, np.int64), np.zeros(0))


def of_class(
    plan: Plan, compiled: CompiledModel, *, is_match: bool
) -> tuple[PatternCounts, Floats]:
    """Expected counts of all patterns, and how many of each are matches (or are not)."""
    whole = plan.counts(compiled)
    prior = plan.prior if is_match else 1.0 - plan.prior
    only = plan.m if is_match else plan.u
    share = replace(plan, prior=1.0, m=only).counts(compiled)
    return whole, share.count * prior


def labels(
    plan: Plan, compiled: CompiledModel, share: float, between: tuple[float, float]
) -> tuple[PatternCounts, PatternCounts]:
    """A share of the pairs between two lines, decided rightly."""
    whole, matches = of_class(plan, compiled, is_match=True)
    _, others = of_class(plan, compiled, is_match=False)
    weight = np.log2(matches / others)
    seen = np.where((weight >= between[0]) & (weight < between[1]), share, 0.0)
    return (
        PatternCounts(whole.pattern, matches * seen),
        PatternCounts(whole.pattern, others * seen),
    )


def test_right_labels_between_the_lines_change_nothing_that_is_right() -> None:
    """Only hard pairs are labelled; m does not become that of hard pairs."""
    plan = usual_plan()
    compiled = plan.compiled()
    same, different = labels(plan, compiled, 1.0, (-4.0, 8.0))
    assert same.pair_count > 100
    found = estimate(
        compiled,
        plan.observed(compiled, judged_same=same, judged_different=different),
        TrainingOptions(),
    )
    assert plan.prior == pytest.approx(found.probability_two_random_records_match, rel=0.01)
    for number in range(4):
        assert plan.m[number] == pytest.approx(m_of(found, number), abs=0.01)
    assert round(same.pair_count) == found.facts["judged_same"]
    assert round(different.pair_count) == found.facts["judged_different"]


def test_labels_mend_what_estimation_alone_gets_wrong() -> None:
    """Strangers who agree on two fields at once look like matches until somebody says otherwise."""
    plan = usual_plan(prior=1e-6)
    compiled = plan.compiled()
    counts = plan.counts(compiled)
    cells = compiled.unpack_patterns(counts.pattern)
    # A common error of the table: 400 pairs of strangers with name and address equal.
    false = (cells[0] == 0) & (cells[1] == 0) & (cells[2] == 2) & (cells[3] == 0)
    extra = counts.count.copy()
    extra[false] += 400.0
    observed = plan.observed(compiled, candidates=PatternCounts(counts.pattern, extra))
    misled = estimate(compiled, observed, TrainingOptions())
    decided = PatternCounts(counts.pattern[false], np.array([400.0]))
    mended = estimate(
        compiled,
        replace(observed, judged_same=NONE, judged_different=decided),
        TrainingOptions(),
    )
    assert misled.probability_two_random_records_match > 4 * plan.prior
    assert plan.prior == pytest.approx(mended.probability_two_random_records_match, rel=0.3)
    assert abs(m_of(mended, 2)[0] - 0.88) < 0.1 < abs(m_of(misled, 2)[0] - 0.88)


def test_labels_of_pairs_that_no_rule_found_count_too() -> None:
    """Decided pairs outside the candidates are added to them."""
    plan = usual_plan()
    compiled = plan.compiled()
    counts = plan.counts(compiled)
    cells = compiled.unpack_patterns(counts.pattern)
    seen = cells[2] == 0
    candidates = PatternCounts(counts.pattern[seen], counts.count[seen])
    hidden = np.flatnonzero((cells[0] == 1) & (cells[1] == 1) & (cells[2] == 1))[:1]
    same = PatternCounts(counts.pattern[hidden], np.array([2000.0]))
    plain = estimate(compiled, plan.observed(compiled, candidates=candidates), TrainingOptions())
    told = estimate(
        compiled,
        plan.observed(compiled, candidates=candidates, judged_same=same, judged_different=NONE),
        TrainingOptions(),
    )
    assert m_of(told, 0)[1] > m_of(plain, 0)[1] + 0.05
    assert {"judged_same", "judged_different"} == set(told.facts) - set(plain.facts)


def test_no_labels_are_no_change() -> None:
    """Empty labels give the very same fit."""
    plan = usual_plan()
    compiled = plan.compiled()
    plain = estimate(compiled, plan.observed(compiled), TrainingOptions())
    empty = plan.observed(compiled, judged_same=NONE, judged_different=NONE)
    told = estimate(compiled, empty, TrainingOptions())
    for number in range(4):
        assert m_of(plain, number).tolist() == pytest.approx(m_of(told, number).tolist(), rel=1e-9)
