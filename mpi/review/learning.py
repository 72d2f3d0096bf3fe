"""What decided pairs teach: where the lines would have been better, and by how much that is sure.

Stewards see what lies between the lines, and what a guard or a second candidate kept from being
linked. So decided pairs say what another line would have done to *them*; of pairs nobody was
asked about they say nothing, however many they are. The sampled audit
(`mpi.review.audit_sample`) looks there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mpi.review.intervals import Interval, clopper_pearson, incomplete_beta, wilson
from person.errors import ConfigError

__all__ = [
    "SELECTION_NOTE",
    "Advice",
    "CurvePoint",
    "JudgedPairs",
    "LineAdvice",
    "advise",
    "pairs_needed",
    "threshold_curve",
]

MISTAKES_MAX: Final = 0.01
CURVE_POINTS_MAX: Final = 60
SELECTION_NOTE: Final = (
    "only pairs that stewards were asked about are counted: they lie between the lines, or a guard "
    "or a second candidate kept them from being linked; pairs below the review line were never "
    "looked at, so the line for review can only be advised upwards"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPairs:
    """Pairs that stewards decided, as arrays.

    Attributes
    ----------
    weight : float64[n], match weight by the index's present model and prior
    is_same : bool[n], one person
    is_refused : bool[n], a pair guard keeps it from being linked, wherever the line is
    """

    weight: NDArray[np.float64]
    is_same: NDArray[np.bool_]
    is_refused: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """What a link line at some weight would have done to the decided pairs.

    Attributes
    ----------
    weight : of the line, bits
    linked, mistakes : decided pairs at or above it, and those of them that are two people
    share : mistakes of the linked, exact interval
    """

    weight: float
    linked: int
    mistakes: int
    share: Interval

    def to_dict(self) -> dict[str, Any]:
        return {
            "weight": round(self.weight, 2),
            "linked": self.linked,
            "mistakes": self.mistakes,
            "mistake_share": self.share.estimate,
            "mistake_share_low": self.share.low,
            "mistake_share_high": self.share.high,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LineAdvice:
    """Where one line could stand.

    Attributes
    ----------
    line : 'link' or 'review'
    weight : where it could stand; None where nothing can be advised
    weight_now : where it stands, None where there is none yet
    pairs, mistakes : decided pairs that the move concerns, and those that it would get wrong
    mistake_share : of these, with its exact bounds
    sentence : all that in words
    """

    line: str
    weight: float | None
    weight_now: float | None
    pairs: int
    mistakes: int
    mistake_share: Interval
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        result = {name: getattr(self, name) for name in self.__slots__}
        return result | {"mistake_share": self.mistake_share.to_dict()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What the decided pairs say about the lines.

    Attributes
    ----------
    pairs, same, different : decided pairs
    refused, refused_same : of these, pairs that a guard refuses whatever they weigh, and how many
        of them are one person
    mistakes_max : largest share of mistakes that was asked for
    confidence : of every interval
    link, review : what could be done
    overruled : share of pairs whose verdict is against the sign of their weight
    curve : the link line from high to low
    notes : what the figures do not say
    """

    pairs: int
    same: int
    different: int
    refused: int
    refused_same: int
    mistakes_max: float
    confidence: float
    link: LineAdvice
    review: LineAdvice
    overruled: Interval
    curve: tuple[CurvePoint, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        result = {name: getattr(self, name) for name in self.__slots__}
        return result | {
            "link": self.link.to_dict(),
            "review": self.review.to_dict(),
            "overruled": self.overruled.to_dict(),
            "curve": [each.to_dict() for each in self.curve],
            "notes": list(self.notes),
        }


def threshold_curve(
    judged: JudgedPairs, *, confidence: float = 0.95, points_max: int = CURVE_POINTS_MAX
) -> list[CurvePoint]:
    """What link lines at falling weights would have done to the decided pairs.

    Parameters
    ----------
    judged : the pairs; those that a guard refuses are left out
    confidence : of the intervals
    points_max : most points; the weights are then evenly spaced among the pairs
    """
    weights, linked, mistakes = _steps(judged)
    chosen: Iterable[int] = range(len(weights))
    if len(weights) > points_max:
        spread = np.linspace(0, len(weights) - 1, points_max).round().astype(np.int64)
        chosen = np.unique(spread).tolist()
    return [
        CurvePoint(
            weight=float(weights[at]),
            linked=int(linked[at]),
            mistakes=int(mistakes[at]),
            share=clopper_pearson(int(mistakes[at]), int(linked[at]), confidence),
        )
        for at in chosen
    ]


def _steps(
    judged: JudgedPairs,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct weights, falling, with how many pairs and mistakes lie at or above each."""
    kept = ~judged.is_refused
    weight, is_same = judged.weight[kept], judged.is_same[kept]
    order = np.argsort(-weight, kind="stable")
    weight, wrong = weight[order], ~is_same[order]
    is_last = np.append(weight[1:] != weight[:-1], True)[: len(weight)]
    places = np.flatnonzero(is_last)
    return weight[places], places + 1, np.cumsum(wrong)[places].astype(np.int64)


def pairs_needed(mistakes_max: float, confidence: float = 0.95) -> int:
    """Decided pairs without a single mistake that it takes to show a share below `mistakes_max`.

    Parameters
    ----------
    mistakes_max : the share
    confidence : of the two bounds together
    """
    return math.ceil(math.log((1 - confidence) / 2) / math.log1p(-mistakes_max))


def advise(
    judged: JudgedPairs,
    *,
    link_weight: float | None,
    review_weight: float | None,
    mistakes_max: float = MISTAKES_MAX,
    confidence: float = 0.95,
    notes: Sequence[str] = (),
) -> Advice:
    """Say where the two lines would have been better for the decided pairs.

    Parameters
    ----------
    judged : the pairs
    link_weight, review_weight : the lines of the index; None where there are none yet
    mistakes_max : largest share of mistakes among what a moved line links, or gives up; the upper
        bound of the exact interval must not exceed it
    confidence : of the intervals
    notes : further sentences to hand on

    Returns
    -------
    Advice

    Raises
    ------
    ConfigError : a share that is none
    """
    if not 0.0 < mistakes_max < 1.0:
        raise ConfigError("the largest share of mistakes lies between 0 and 1, such as 0.01")
    same = int(judged.is_same.sum())
    refused = judged.is_refused
    against = judged.is_same != (judged.weight >= 0.0)
    link = _link_advice(judged, link_weight, mistakes_max, confidence)
    lines = [each for each in (link_weight, link.weight) if each is not None]
    below = min(lines, default=np.inf)
    return Advice(
        pairs=len(judged),
        same=same,
        different=len(judged) - same,
        refused=int(refused.sum()),
        refused_same=int((refused & judged.is_same).sum()),
        mistakes_max=mistakes_max,
        confidence=confidence,
        link=link,
        review=_review_advice(judged, below, review_weight, mistakes_max, confidence),
        overruled=wilson(int(against.sum()), len(judged), confidence),
        curve=tuple(threshold_curve(judged, confidence=confidence)),
        notes=(SELECTION_NOTE, *notes),
    )


def _is_within(count: int, of: int, share_max: float, confidence: float) -> bool:
    """Whether the exact upper bound of a share is at most `share_max`."""
    if count >= of:
        return False
    return incomplete_beta(count + 1, of - count, share_max) >= (1 + confidence) / 2


def _link_advice(
    judged: JudgedPairs, link_weight: float | None, mistakes_max: float, confidence: float
) -> LineAdvice:
    """The lowest weight whose pairs hold, for certain, no more mistakes than allowed."""
    weights, linked, mistakes = _steps(judged)
    for at in reversed(range(len(weights))):
        count, of = int(mistakes[at]), int(linked[at])
        if not _is_within(count, of, mistakes_max, confidence):
            continue
        share = clopper_pearson(count, of, confidence)
        # A line is stated with two decimals, and never above the pair that it stands for.
        weight = math.floor(float(weights[at]) * 100) / 100
        return LineAdvice(
            line="link",
            weight=weight,
            weight_now=link_weight,
            pairs=of,
            mistakes=count,
            mistake_share=share,
            sentence=f"{_moving('link', link_weight, weight)} would have linked {of:,} of the "
            f"decided pairs by itself, with {_mistakes(count)}; at most {share.high:.2%} of such "
            f"links are wrong",
        )
    best = clopper_pearson(0, int((~judged.is_refused).sum()), confidence)
    needed = pairs_needed(mistakes_max, confidence)
    return LineAdvice(
        line="link",
        weight=None,
        weight_now=link_weight,
        pairs=0,
        mistakes=0,
        mistake_share=clopper_pearson(0, 0, confidence),
        sentence=f"the decided pairs move no link line: {best.of:,} pairs cannot show a line with "
        f"at most {mistakes_max:.2%} mistakes (that takes {needed:,} pairs above it without one "
        f"mistake)",
    )


def _review_advice(
    judged: JudgedPairs,
    below: float,
    review_weight: float | None,
    mistakes_max: float,
    confidence: float,
) -> LineAdvice:
    """The highest weight up to the link line below which, for certain, hardly any pair matches."""
    between = (~judged.is_refused) & (judged.weight < below)
    flipped = JudgedPairs(
        weight=-judged.weight[between],
        is_same=~judged.is_same[between],
        is_refused=np.zeros(int(between.sum()), np.bool_),
    )
    weights, given_up, lost = _steps(flipped)
    for at in reversed(range(len(weights))):
        count, of = int(lost[at]), int(given_up[at])
        # Nothing is gained by giving up what lies below the line already.
        if review_weight is not None and -float(weights[at]) < review_weight:
            break
        if not _is_within(count, of, mistakes_max, confidence):
            continue
        share = clopper_pearson(count, of, confidence)
        weight = math.floor(-float(weights[at]) * 100 + 1) / 100
        return LineAdvice(
            line="review",
            weight=weight,
            weight_now=review_weight,
            pairs=of,
            mistakes=count,
            mistake_share=share,
            sentence=f"{_moving('review', review_weight, weight)} would have spared {of:,} of the "
            f"decided pairs and given up {count:,} that {'is' if count == 1 else 'are'} one person",
        )
    return LineAdvice(
        line="review",
        weight=None,
        weight_now=review_weight,
        pairs=0,
        mistakes=0,
        mistake_share=clopper_pearson(0, 0, confidence),
        sentence="the decided pairs move no review line: too many of the lightest ones are one "
        "person, or too few were decided to tell",
    )


def _moving(line: str, now: float | None, weight: float) -> str:
    if now is None:
        return f"a {line} line at {weight:.2f} bits"
    return f"moving the {line} line from {now:.1f} to {weight:.2f} bits"


def _mistakes(count: int) -> str:
    return {0: "no mistake", 1: "1 mistake"}.get(count, f"{count:,} mistakes")
