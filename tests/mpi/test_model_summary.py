"""What a model has learnt, in short."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

import mpi
from matching.model import Comparison, Model, Part
from mpi.model_summary import learnt_levels, model_summary


def _part(name: str, *levels: str) -> Part:
    return Part(name=name, fields=(name,), comparator="exact", levels=tuple((x,) for x in levels))


@pytest.fixture
def model() -> Model:
    """One comparison of one part, and one of two."""
    alone = Comparison(
        name="name",
        parts=(_part("name", "exact", "else"),),
        m_probability=np.array([0.75, 0.25]),
        u_probability=np.array([0.125, 0.875]),
    )
    both = Comparison(
        name="address",
        parts=(_part("street", "exact", "else"), _part("city", "exact", "close", "else")),
        m_probability=np.array([0.4, 0.1, 0.1, 0.1, 0.1, 0.2]),
        u_probability=np.array([0.01, 0.01, 0.03, 0.15, 0.2, 0.6]),
    )
    return Model(
        schema=mpi.load_schema(None),
        comparisons=(alone, both),
        blocking_rules=(),
        probability_two_random_records_match=1 / 1025,
        training={"method": "expectation-maximisation"},
    )


def test_a_part_alone_has_its_comparisons_own_probabilities(model: Model) -> None:
    """m, u and their log ratio, as the file has them."""
    first = next(learnt_levels(model))
    assert ("name", "name", "exact") == (first.comparison, first.part, first.level)
    assert (0.75, 0.125) == (first.m_probability, first.u_probability)
    assert pytest.approx(log2(6)) == first.match_weight


def test_parts_of_one_comparison_are_summed_over_the_others(model: Model) -> None:
    """What is said of the street does not depend on the city."""
    found = {(each.part, each.level): each for each in learnt_levels(model)}
    assert pytest.approx(0.6) == found["street", "exact"].m_probability
    assert pytest.approx(0.05) == found["street", "exact"].u_probability
    assert pytest.approx(0.21) == found["city", "close"].u_probability
    assert pytest.approx(log2(0.3 / 0.63)) == found["city", "else"].match_weight


def test_the_summary_has_prior_lines_and_training(model: Model) -> None:
    """A model without lines of its own says so by nulls."""
    summary = model_summary(model)
    assert pytest.approx(-10.0) == summary["prior_match_weight"]
    assert summary["match_weight_link_min"] is None
    assert "expectation-maximisation" == summary["training"]["method"]
    assert 7 == len(summary["levels"])
