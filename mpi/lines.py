"""Where the link and the review line lie, from what strangers and relatives would do by chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.compiled import CompiledModel
from matching.frequencies import TermFrequencies
from matching.model import Thresholds as Lines
from matching.patterns import PatternCounts
from mpi.calibration import (
    LINK_PROBABILITY_MIN,
    REVIEW_PAIRS_MIN,
    REVIEW_PROBABILITY_MIN,
    REVIEW_SHARE_MAX,
    Thresholds,
    match_probability,
    match_weight,
)
from mpi.stranger_weights import stranger_tail

__all__ = ["FALSE_LINK_RATE_MAX", "FalseAlarms", "draw_lines", "lowest_safe_weight"]

FALSE_LINK_RATE_MAX: Final = 1e-4
PAIR_SHARE: Final = 0.5
"""Of the false links allowed, the share that single pairs may spend; clusters spend the rest."""
LOCAL_FALSE_SHARE_MAX: Final = 0.05
"""Of the pairs just above the line no more than this share may be false: an average kept by
thousands of certain links must not pay for links that are mostly wrong."""
LOCAL_BITS: Final = 2.0


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """What it takes to tell how many false links lie above a weight.

    Attributes
    ----------
    compiled, frequencies, random : see `mpi.stranger_weights.stranger_tail`
    total_pairs : pairs that could be asked about
    shift : bits added to the prior
    """

    compiled: CompiledModel
    frequencies: Mapping[str, TermFrequencies]
    random: PatternCounts
    total_pairs: float
    shift: float

    def strangers_above(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected pairs of strangers at or above each weight, float64[k]."""
        tail = stranger_tail(
            self.compiled, dict(self.frequencies), self.random, weights, shift=self.shift
        )
        expected: NDArray[np.float64] = tail * self.total_pairs
        return expected


def lowest_safe_weight(
    weight: NDArray[np.float64],
    relative_chance: NDArray[np.float64],
    alarms: FalseAlarms,
    *,
    allowed_rate: float,
    links_before: float = 0.0,
    false_before: float = 0.0,
) -> float:
    """The smallest weight above which few enough links are expected to be false.

    Parameters
    ----------
    weight : float64[k], weights of the questions (pairs, or pairs of clusters)
    relative_chance : float64[k], chance of each to be two relatives
    alarms : what strangers do
    allowed_rate : expected false links, as a share of all links
    links_before, false_before : links made already, and how many of them are expected to be
        false, which the rate counts too

    Returns
    -------
    float, infinite where no weight is safe
    """
    order = np.argsort(-weight, kind="stable")
    weight = weight[order]
    # Equal weights are taken or left together, so they are judged at the last of them.
    last = np.flatnonzero(np.diff(weight, append=-np.inf))
    if not len(last):
        return float("inf")
    line = weight[last]
    links = (last + 1).astype(np.float64)
    false = alarms.strangers_above(line) + np.cumsum(relative_chance[order])[last]
    accepted = (false + false_before <= allowed_rate * (links + links_before)) & (
        line >= match_weight(LINK_PROBABILITY_MIN)
    )
    # The share of false pairs among those between a line and LOCAL_BITS above it.
    above = np.searchsorted(-line, -(line + LOCAL_BITS), side="left") - 1
    links_above = np.where(above >= 0, links[np.maximum(above, 0)], 0.0)
    false_above = np.where(above >= 0, false[np.maximum(above, 0)], 0.0)
    local = (false - false_above) / np.maximum(links - links_above, 1.0)
    accepted &= local <= LOCAL_FALSE_SHARE_MAX
    refused = np.flatnonzero(~accepted)
    kept = int(refused[0]) if len(refused) else len(line)
    return float(line[kept - 1]) if kept else float("inf")


def draw_lines(
    weight: NDArray[np.float64],
    relative_chance: NDArray[np.float64],
    alarms: FalseAlarms,
    given: Lines | None = None,
) -> Thresholds:
    """Draw the link and the review line for scored pairs.

    Parameters
    ----------
    weight : float64[k], match weights of the kept pairs, prior included
    relative_chance : float64[k], chance of each to be two relatives
    alarms : what strangers do
    given : lines that somebody set; they are kept, and only what is expected of them is told

    Returns
    -------
    Thresholds; expected figures count strangers and relatives above the link line as false
    """
    if given is not None:
        link, review = given.match_weight_link_min, given.match_weight_review_min
        limits = ("given", "given")
    else:
        allowed = FALSE_LINK_RATE_MAX * PAIR_SHARE
        # Pairs that each keep the bound by their own probability keep it together.
        safe = match_weight(1.0 - FALSE_LINK_RATE_MAX)
        link = min(lowest_safe_weight(weight, relative_chance, alarms, allowed_rate=allowed), safe)
        review = _review_line(weight, link, int((weight >= link).sum()))
        is_cut = review > min(match_weight(REVIEW_PROBABILITY_MIN), link)
        limits = ("false_link_rate", "volume" if is_cut else "probability")
    linked = weight >= link
    links = int(linked.sum())
    false = _expected_false(weight[linked], relative_chance[linked], link, alarms)
    probability = match_probability(weight)
    shown = (weight >= review) & ~linked
    review_matches = float(probability[shown].sum())
    missed = float(probability[weight < review].sum())
    matches = links - false + review_matches + missed
    worth_a_look = weight >= match_weight(REVIEW_PROBABILITY_MIN)
    return Thresholds(
        link_weight=link,
        review_weight=review,
        links=links,
        expected_precision=1.0 - false / links if links else 1.0,
        expected_recall=(links - false) / matches if matches > 0.0 else 1.0,
        expected_recall_with_review=(
            (links - false + review_matches) / matches if matches > 0.0 else 1.0
        ),
        expected_matches=matches,
        expected_false_links=false,
        expected_missed_matches=missed,
        review_pairs=int(shown.sum()),
        review_expected_matches=review_matches,
        review_pairs_cut=int((worth_a_look & (weight < review)).sum()),
        link_limited_by=limits[0],
        review_limited_by=limits[1],
    )


def _expected_false(
    linked: NDArray[np.float64],
    relative_chance: NDArray[np.float64],
    link: float,
    alarms: FalseAlarms,
) -> float:
    """Links expected to be false: by what strangers do or by the pairs' own probabilities,
    whichever is less; each is an upper bound of its own kind."""
    if not len(linked):
        return 0.0
    by_model = float((1.0 - match_probability(linked)).sum())
    by_chance = float(alarms.strangers_above(np.array([link]))[0]) + float(relative_chance.sum())
    return min(by_model, by_chance)


def _review_line(weight: NDArray[np.float64], link: float, links: int) -> float:
    """Pairs worth a person's look, the most probable first, no more than can be looked at; equal
    weights are taken or left together."""
    floor = min(match_weight(REVIEW_PROBABILITY_MIN), link)
    below = np.sort(weight[(weight >= floor) & (weight < link)])[::-1]
    most = max(REVIEW_PAIRS_MIN, int(REVIEW_SHARE_MAX * links))
    if len(below) <= most:
        return floor
    fits = below[:most][below[:most] > below[most]]
    return float(fits[-1]) if len(fits) else link
