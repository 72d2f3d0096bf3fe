"""How sure a share is, and how well people agree: plain statistics without a library.

Shares near one with few errors are what a registry has, so no normal approximation is used:
Clopper-Pearson never claims more than it may, Wilson is the better guess, and shares put together
from strata get the interval of their posterior distribution under Jeffreys' prior, drawn with a
seed. References: Clopper & Pearson 1934; Wilson 1927; Brown, Cai & DasGupta 2001; Cohen 1960;
Fleiss 1971; Neyman 1938 (two-phase sampling).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Interval",
    "Stratum",
    "clopper_pearson",
    "cohen_kappa",
    "fleiss_kappa",
    "incomplete_beta",
    "stratified_share",
    "wilson",
]

CONFIDENCE: Final = 0.95
DRAWS: Final = 20_000
_ROUNDS_MAX: Final = 300
_TINY: Final = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A share and how sure it is.

    Attributes
    ----------
    estimate, low, high : the share and its bounds; (None, 0, 1) where nothing was counted
    count, of : what was counted, of how many
    confidence : of the bounds
    """

    estimate: float | None
    low: float
    high: float
    count: int
    of: int
    confidence: float = CONFIDENCE

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """A part of a population, and what was judged of it.

    Attributes
    ----------
    size : how many the part has, counted; or found in the first phase, see `stratified_share`
    judged, right : how many of a random sample were judged, and how many of those were right
    """

    size: int
    judged: int
    right: int


def wilson(count: int, of: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a share.

    Parameters
    ----------
    count, of : what was counted, of how many
    confidence : of the two bounds together
    """
    if of == 0:
        return Interval(estimate=None, low=0.0, high=1.0, count=0, of=0, confidence=confidence)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = count / of
    scale = 1.0 + z * z / of
    middle = (share + z * z / (2 * of)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return Interval(
        estimate=share,
        low=0.0 if count == 0 else max(0.0, middle - half),
        high=1.0 if count == of else min(1.0, middle + half),
        count=count,
        of=of,
        confidence=confidence,
    )


def clopper_pearson(count: int, of: int, confidence: float = CONFIDENCE) -> Interval:
    """The exact interval of a share: it holds the true one at least as often as it says.

    Parameters
    ----------
    count, of : what was counted, of how many
    confidence : of the two bounds together
    """
    if of == 0:
        return Interval(estimate=None, low=0.0, high=1.0, count=0, of=0, confidence=confidence)
    tail = (1.0 - confidence) / 2
    return Interval(
        estimate=count / of,
        low=0.0 if count == 0 else _beta_quantile(count, of - count + 1, tail),
        high=1.0 if count == of else _beta_quantile(count + 1, of - count, 1 - tail),
        count=count,
        of=of,
        confidence=confidence,
    )


def _beta_quantile(a: float, b: float, share: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(64):
        middle = (low + high) / 2
        if incomplete_beta(a, b, middle) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function: the chance that Beta(a, b) is below x.

    Parameters
    ----------
    a, b : above 0
    x : 0 to 1
    """
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1.0) / (a + b + 2.0):  # the fraction settles fast on the other side only
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    log_front += a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) / a * _continued_fraction(a, b, x)


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Lentz's evaluation of the fraction behind the incomplete beta function."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    total = d
    for m in range(1, _ROUNDS_MAX * 10):
        step = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 + step * d
        c = 1.0 + step / c
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = c if abs(c) > _TINY else _TINY
        total *= d * c
        step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1.0 + step * d
        c = 1.0 + step / c
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = c if abs(c) > _TINY else _TINY
        factor = d * c
        total *= factor
        if abs(factor - 1.0) < 1e-14:
            break
    return total


def stratified_share(
    strata: Sequence[Stratum],
    *,
    population: int | None = None,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Interval:
    """The share that is right of a whole population, from samples of its parts.

    Parameters
    ----------
    strata : the parts; where some are not judged yet, the estimate is of the others and the
        bounds allow for anything in the rest
    population : how many there are in all, where the sizes of `strata` are those of a random
        sample of it (two-phase sampling); None where they are the parts themselves
    confidence : of the two bounds together
    seed : of the draws

    Returns
    -------
    Interval; `of` is what was judged

    Notes
    -----
    What was judged counts as it is (finite population): only the rest is drawn, each part's share
    from Beta(right + 1/2, wrong + 1/2) and its number from a binomial. A part without any judgement
    is all wrong for the lower bound and all right for the upper one: nothing is assumed of it.
    """
    judged = sum(each.judged for each in strata)
    right = sum(each.right for each in strata)
    total = sum(each.size for each in strata)
    if judged == 0 or total == 0:
        return Interval(estimate=None, low=0.0, high=1.0, count=0, of=0, confidence=confidence)
    seen = [each for each in strata if each.judged]
    estimate = sum(e.size * e.right / e.judged for e in seen) / sum(e.size for e in seen)
    least, most = _drawn_shares(strata, population, np.random.default_rng(seed))
    low = np.quantile(least, (1 - confidence) / 2)
    high = np.quantile(most, (1 + confidence) / 2)
    return Interval(
        estimate=estimate,
        low=min(float(low), estimate),
        high=max(float(high), estimate),
        count=right,
        of=judged,
        confidence=confidence,
    )


def _drawn_shares(
    strata: Sequence[Stratum], population: int | None, random: np.random.Generator
) -> NDArray[np.float64]:
    """Shares that are right, drawn from what is possible: float64[2, DRAWS].

    Parts that nobody judged are all wrong in the first row, all right in the second.
    """
    size = np.array([each.size for each in strata], np.float64)
    judged = np.array([each.judged for each in strata])
    right = np.array([each.right for each in strata])
    share = random.beta(right + 0.5, judged - right + 0.5, (DRAWS, len(strata)))
    if population is None:
        sizes = np.broadcast_to(size, share.shape)
    else:
        sizes = random.dirichlet(size + 0.5, DRAWS) * max(population, size.sum())
    rest = np.maximum(sizes - judged, 0.0).astype(np.int64)
    found = (right + random.binomial(rest, share))[:, judged > 0].sum(axis=1)
    unknown = rest[:, judged == 0].sum(axis=1)
    total = (judged + rest).sum(axis=1)
    shares: NDArray[np.float64] = np.stack([found, found + unknown]) / total
    return shares


def cohen_kappa(verdicts: NDArray[np.integer[Any]]) -> float | None:
    """Agreement of two people beyond chance.

    Parameters
    ----------
    verdicts : int[k, k], cases by what the one (row) and the other (column) said

    Returns
    -------
    1 for full agreement, 0 for that of chance; None where both always said the same one thing, or
    nothing was judged
    """
    total = float(verdicts.sum())
    if total == 0:
        return None
    agreed = float(np.trace(verdicts)) / total
    by_chance = float(verdicts.sum(axis=0) @ verdicts.sum(axis=1)) / (total * total)
    return None if by_chance >= 1.0 else (agreed - by_chance) / (1.0 - by_chance)


def fleiss_kappa(verdicts: NDArray[np.integer[Any]]) -> float | None:
    """Agreement of any number of people beyond chance, whoever judged which case.

    Parameters
    ----------
    verdicts : int[n_cases, k], how many people said which of k things; each case was judged by
        two people or more, the same number for all

    Returns
    -------
    as `cohen_kappa`
    """
    if not len(verdicts):
        return None
    people = float(verdicts[0].sum())
    agreed = ((verdicts * verdicts).sum(axis=1) - people) / (people * (people - 1))
    share = verdicts.sum(axis=0) / (len(verdicts) * people)
    by_chance = float((share * share).sum())
    return None if by_chance >= 1.0 else (float(agreed.mean()) - by_chance) / (1.0 - by_chance)
