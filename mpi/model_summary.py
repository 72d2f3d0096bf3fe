"""What a model has learnt, in short: m, u and weight of each level of each part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import log2
from typing import Any

from matching.model import Comparison, Model, Part

__all__ = ["LearntLevel", "learnt_levels", "model_summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntLevel:
    """One level of one part.

    Attributes
    ----------
    comparison, part, level : names, as in the model file
    m_probability : chance that two records of one person are at this level
    u_probability : chance that two records of strangers are
    match_weight : log2(m / u), bits
    """

    comparison: str
    part: str
    level: str
    m_probability: float
    u_probability: float
    match_weight: float


def learnt_levels(model: Model) -> Iterator[LearntLevel]:
    """Every level of every part, best first, of a fitted model.

    Parameters
    ----------
    model : with m and u

    Notes
    -----
    In a comparison of several parts m and u belong to combinations of levels. Here they are
    summed over the other parts, so that the weights of its parts do not add up to its own.
    """
    for comparison in model.comparisons:
        for place, part in enumerate(comparison.parts):
            yield from _levels_of(comparison, place, part)


def model_summary(model: Model) -> dict[str, Any]:
    """What `mpi train` says of a model.

    Parameters
    ----------
    model : fitted

    Returns
    -------
    prior (chance and bits), the two lines where the model has some, how it was trained, and each
    level of `learnt_levels`
    """
    lines = model.thresholds
    return {
        "probability_two_random_records_match": model.probability_two_random_records_match,
        "prior_match_weight": model.prior_match_weight,
        "probability_two_random_records_relatives": (
            model.probability_two_random_records_relatives
        ),
        "match_weight_link_min": None if lines is None else lines.match_weight_link_min,
        "match_weight_review_min": None if lines is None else lines.match_weight_review_min,
        "training": dict(model.training),
        "levels": list(learnt_levels(model)),
    }


def _levels_of(comparison: Comparison, place: int, part: Part) -> Iterator[LearntLevel]:
    assert comparison.m_probability is not None, "the model is fitted"
    assert comparison.u_probability is not None, "the model is fitted"
    others = tuple(axis for axis in range(len(comparison.parts)) if axis != place)
    sums = [
        values.reshape(comparison.shape).sum(axis=others)
        for values in (comparison.m_probability, comparison.u_probability)
    ]
    for label, m, u in zip(part.level_labels, *(each.tolist() for each in sums), strict=True):
        yield LearntLevel(
            comparison=comparison.name,
            part=part.name,
            level=label,
            m_probability=m,
            u_probability=u,
            match_weight=log2(m / u),
        )
