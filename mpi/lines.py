"""Where the link and the review line lie, from what strangers and relatives would do by chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

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
from mpi.stranger_weights import BINS_PER_BIT, HALF_RANGE_BITS, stranger_distribution
from mpi.weight_levels import WeightLevels, count_at_least, weight_levels

__all__ = ["FALSE_LINK_RATE_MAX", "FalseAlarms", "draw_lines", "lowest_safe_weight"]

FALSE_LINK_RATE_MAX: Final = 1e-4
PAIR_SHARE: Final = 0.5
"""Of the false links allowed, the share that single pairs may spend; clusters spend the rest."""
LOCAL_FALSE_SHARE_MAX: Final = 0.05
"""Of the pairs just above the line no more than this share may be false: an average kept by
thousands of certain links must not pay for links that are mostly wrong."""
LOCAL_BITS: Final = 2.0


@dataclass(frozen=True)
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
        relative = weights - self.compiled.prior_match_weight - self.shift
        place = np.floor((relative + HALF_RANGE_BITS) * BINS_PER_BIT)
        tail = self._distribution[np.clip(place, 0, len(self._distribution) - 1).astype(np.int64)]
        expected: NDArray[np.float64] = tail * self.total_pairs
        return expected

    @cached_property
    def _distribution(self) -> NDArray[np.float64]:
        return stranger_distribution(self.compiled, self.frequencies, self.random)


def lowest_safe_weight(
    weight: NDArray[np.float64],
    relative_chance: NDArray[Any],
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
    return _lowest_safe_level(
        weight_levels(weight, relative_chance),
        alarms,
        allowed_rate=allowed_rate,
        links_before=links_before,
        false_before=false_before,
    )


def _lowest_safe_level(
    levels: WeightLevels,
    alarms: FalseAlarms,
    *,
    allowed_rate: float,
    links_before: float = 0.0,
    false_before: float = 0.0,
) -> float:
    line = levels.weight
    if not len(line):
        return float("inf")
    links = np.cumsum(levels.count).astype(np.float64)
    false = alarms.strangers_above(line) + np.cumsum(levels.relative)
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
    relative_chance: NDArray[Any],
    alarms: FalseAlarms,
    given: Lines | None = None,
    *,
    shift: float = 0.0,
) -> Thresholds:
    """Draw the link and the review line for scored pairs.

    Parameters
    ----------
    weight : float64[k], match weights of the kept pairs, prior included
    relative_chance : float64[k], chance of each to be two relatives
    alarms : what strangers do
    given : lines that somebody set; they are kept, and only what is expected of them is told
    shift : bits still to be added to the prior odds of a match

    Returns
    -------
    Thresholds; expected figures count strangers and relatives above the link line as false
    """
    levels = weight_levels(weight, relative_chance, shift)
    floor = match_weight(REVIEW_PROBABILITY_MIN)
    if given is not None:
        link, review = given.match_weight_link_min, given.match_weight_review_min
        limits = ("given", "given")
    else:
        allowed = FALSE_LINK_RATE_MAX * PAIR_SHARE
        # Pairs that each keep the bound by their own probability keep it together.
        safe = match_weight(1.0 - FALSE_LINK_RATE_MAX)
        link = min(_lowest_safe_level(levels, alarms, allowed_rate=allowed), safe)
        review = _review_line(levels, link)
        limits = ("false_link_rate", "volume" if review > min(floor, link) else "probability")
    links, down_to_review, down_to_floor = count_at_least(weight, shift, (link, review, floor))
    above, below = levels.weight >= link, levels.weight < review
    false = _expected_false(levels, above, link, alarms)
    probability = match_probability(levels.mean) * levels.count
    review_matches = float(probability[~above & ~below].sum())
    missed = float(probability[below].sum())
    matches = links - false + review_matches + missed
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
        review_pairs=down_to_review - links,
        review_expected_matches=review_matches,
        review_pairs_cut=max(0, down_to_floor - down_to_review),
        link_limited_by=limits[0],
        review_limited_by=limits[1],
    )


def _expected_false(
    levels: WeightLevels, above: NDArray[np.bool_], link: float, alarms: FalseAlarms
) -> float:
    """Links expected to be false: by what strangers do or by the pairs' own probabilities,
    whichever is less; each is an upper bound of its own kind."""
    if not above.any():
        return 0.0
    unlikely = (1.0 - match_probability(levels.mean[above])) * levels.count[above]
    by_chance = float(alarms.strangers_above(np.array([link]))[0])
    return min(float(unlikely.sum()), by_chance + float(levels.relative[above].sum()))


def _review_line(levels: WeightLevels, link: float) -> float:
    """Pairs worth a person's look, the most probable first, no more than can be looked at; equal
    weights are taken or left together."""
    floor = min(match_weight(REVIEW_PROBABILITY_MIN), link)
    links = int(levels.count[levels.weight >= link].sum())
    chosen = (levels.weight >= floor) & (levels.weight < link)
    counts = np.cumsum(levels.count[chosen])
    most = max(REVIEW_PAIRS_MIN, int(REVIEW_SHARE_MAX * links))
    if not len(counts) or counts[-1] <= most:
        return floor
    fits = levels.weight[chosen][counts <= most]
    return float(fits[-1]) if len(fits) else link
