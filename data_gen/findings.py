"""A figure beside what it should be, with the room that chance has at this size."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from data_gen.reference_facts import Fact

__all__ = ["Finding", "compare", "must_be", "note", "unjudged"]

DEVIATIONS: Final = 4.0
"""Standard deviations of chance allowed: of a hundred right figures none should fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One row of the check.

    Attributes
    ----------
    chapter, name : what was measured
    value : measured
    reference : what it should be; None = shown only
    low, high : where the check holds
    grade, source : of the reference, see data_gen.reference_facts
    form : 'share', 'count' or 'number', how to print it
    """

    chapter: str
    name: str
    value: float
    reference: float | None = None
    low: float = -math.inf
    high: float = math.inf
    grade: str = ""
    source: str = ""
    form: str = "share"

    @property
    def passed(self) -> bool:
        return self.low <= self.value <= self.high


def compare(
    chapter: str,
    name: str,
    value: float,
    fact: Fact,
    *,
    deviation: float,
    form: str = "share",
) -> Finding:
    """Set a measured figure beside a fact.

    Parameters
    ----------
    chapter, name, value, form : as in Finding
    fact : what it should be
    deviation : standard deviation that chance gives the figure at this size
    """
    room = fact.margin + DEVIATIONS * deviation
    return Finding(
        chapter=chapter,
        name=name,
        value=value,
        reference=fact.value,
        low=fact.value - room,
        high=fact.value + room,
        grade=fact.grade,
        source=fact.source,
        form=form,
    )


def must_be(chapter: str, name: str, value: float, expected: float, *, why: str) -> Finding:
    """A figure that has no room: it is so by construction.

    Parameters
    ----------
    chapter, name, value : as in Finding
    expected : what it must be exactly
    why : stands as the source
    """
    return Finding(
        chapter=chapter,
        name=name,
        value=value,
        reference=expected,
        low=expected,
        high=expected,
        grade="P",
        source=why,
        form="number",
    )


def note(chapter: str, name: str, value: float, *, form: str = "share") -> Finding:
    """A figure that is shown and not judged.

    Parameters
    ----------
    chapter, name, value, form : as in Finding
    """
    return Finding(chapter=chapter, name=name, value=value, form=form)


def unjudged(finding: Finding) -> Finding:
    """The same figure beside its reference, without bounds.

    Parameters
    ----------
    finding : of too few people to be judged
    """
    return replace(finding, low=-math.inf, high=math.inf)
