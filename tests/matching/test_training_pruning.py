"""Estimation leaves out patterns of sure strangers; that is for speed and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from matching import training
from tests.matching.test_training import Plan, household_plan, m_of, u_of, usual_plan


@pytest.mark.parametrize("plan", [usual_plan(), household_plan(4e-4)], ids=["plain", "household"])
def test_leaving_out_sure_strangers_changes_nothing(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """m, u and the prior are those of a fit that keeps every pattern to the end."""
    pruned = plan.fit()
    monkeypatch.setattr(training, "PRUNE_AFTER", 10**6)
    whole = plan.fit()
    for number in range(len(plan.parts)):
        np.testing.assert_allclose(m_of(pruned, number), m_of(whole, number), atol=1e-6)
        np.testing.assert_allclose(u_of(pruned, number), u_of(whole, number), atol=1e-6)
    assert whole.probability_two_random_records_match == pytest.approx(
        pruned.probability_two_random_records_match, rel=1e-4
    )
    assert whole.probability_two_random_records_relatives == pytest.approx(
        pruned.probability_two_random_records_relatives, rel=1e-4
    )
