"""Which question is worth asking first: what an answer is expected to bring.

    priority = probability * (log2(1 + records) + log2(1 + systems)) + safety + days / 30

A merge that is likely brings the more, the more records and systems it joins. What could harm a
patient (two sexes, two valid numbers under one question) is worth a look whatever it weighs. Each
month of waiting adds one point, so that nothing waits for ever.

Age is folded into the moment of raising: ordering by `rank`, which does not change as time goes
by, is ordering by priority, so that the queue in the index is never written anew.
"""

from __future__ import annotations

from collections.abc import Collection
from math import log2
from typing import Final

__all__ = ["SAFETY", "blind_rank", "priority_now", "rank"]

SAFETY: Final = {
    "sex_differs": "the sexes differ",
    "two_valid_id_numbers": "two different valid id numbers",
    "blood_type_differs": "the blood types differ",
    "one_number_unlike_people": "one id number under unlike people",
}
"""What could do harm if the answer is wrong, or if nobody answers: key -> in words."""

SAFETY_POINTS: Final = 1.5
DAYS_PER_POINT: Final = 30.0
_POINTS_PER_MS: Final = 1.0 / (DAYS_PER_POINT * 86_400_000.0)


def rank(
    probability: float, records: int, systems: int, safety: Collection[str], created_ms: int
) -> float:
    """Place in the queue, higher first; the same for ever.

    Parameters
    ----------
    probability : that the heaviest pair is a match
    records : of all identities that the question is about
    systems : sources that these come from
    safety : keys of SAFETY
    created_ms : when the question was raised, milliseconds of UTC
    """
    gain = probability * (log2(1 + records) + log2(1 + systems))
    points = gain + SAFETY_POINTS * len(safety) - created_ms * _POINTS_PER_MS
    return round(points, 6)


def blind_rank(created_ms: int) -> float:
    """Place in the queue of a task that is judged blindly: it tells nothing but its age.

    Parameters
    ----------
    created_ms : when the question was raised, milliseconds of UTC
    """
    return rank(0.5, 2, 2, (), created_ms)


def priority_now(ranked: float, now_ms: int) -> float:
    """The priority of today behind a rank.

    Parameters
    ----------
    ranked : see `rank`
    now_ms : milliseconds of UTC
    """
    return round(ranked + now_ms * _POINTS_PER_MS, 3)
