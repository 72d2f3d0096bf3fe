"""Estimation leaves out patterns of sure strangers; that is for speed and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from matching import training
from matching.patterns import PatternCounts
from tests.matching.test_training import Plan, household_plan, m_of, u_of, usual_plan


@pytest.mark.parametrize("plan", [usual_plan(), household_plan(4e-4)], ids=["plain", "household"])
def test_leaving_out_sure_strangers_changes_nothing(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the pairs of blocking rules m, u and the prior are those of a fit that keeps them all."""
    compiled = plan.compiled()
    counts = plan.counts(compiled)
    cells = compiled.unpack_patterns(counts.pattern)
    seen = (cells[:3] == 0).sum(axis=0) > 1
    candidates = PatternCounts(counts.pattern[seen], counts.count[seen])
    pruned = plan.fit(candidates=candidates)
    monkeypatch.setattr(training, "PRUNE_AFTER", 10**6)
    whole = plan.fit(candidates=candidates)
    for number in range(len(plan.parts)):
        np.testing.assert_allclose(m_of(pruned, number), m_of(whole, number), atol=1e-6)
        np.testing.assert_allclose(u_of(pruned, number), u_of(whole, number), atol=1e-6)
    assert whole.probability_two_random_records_match == pytest.approx(
        pruned.probability_two_random_records_match, rel=1e-5
    )
    assert whole.probability_two_random_records_relatives == pytest.approx(
        pruned.probability_two_random_records_relatives, rel=1e-5
    )


def test_leaving_out_costs_less_than_a_round_on_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where all pairs of a table are candidates, m moves by less than its convergence."""
    plan = usual_plan()
    pruned = plan.fit()
    monkeypatch.setattr(training, "PRUNE_AFTER", 10**6)
    whole = plan.fit()
    for number in range(len(plan.parts)):
        np.testing.assert_allclose(m_of(pruned, number), m_of(whole, number), atol=3e-5)
