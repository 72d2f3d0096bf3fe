"""The sampled audit: automatic links looked at blind, so that their true precision can be told.

Stewards see what the machine would not decide; whether it decided rightly, nobody sees. So links
that it made are drawn at random, by bands of weight, and put to stewards as two records without
weight, identity or history. Their verdicts give the share of links that are right, with bounds,
for each band and for all (stratified; the bands' sizes are known). Some are put twice, to two
people, to tell how well stewards agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mpi.identity_events import EventKind
from mpi.identity_index import IdentityIndex
from mpi.identity_session import TASKS_PER_EVENT, Session
from mpi.identity_tasks import Question
from mpi.review.automatic_links import AutomaticLinks, sample_links
from mpi.review.intervals import Stratum, clopper_pearson, stratified_share
from mpi.review.types import Verdict
from person.errors import ConfigError, InputError

__all__ = [
    "BAND_BITS",
    "AuditBand",
    "AuditSample",
    "Precision",
    "PrecisionBand",
    "allocate",
    "audit_verdict",
    "draw_audit",
    "estimate_precision",
]

BAND_BITS: Final = (0.0, 5.0, 10.0, 20.0, 40.0)
"""Where bands of weight begin, in bits above the link line; a link below it was made by all
evidence of two clusters together."""

REPEATS: Final = 0.1
SAMPLE_MAX: Final = 20_000
COVERED_MIN: Final = 0.95
"""Share of the links that lie in bands with judgements, below which no figure is told for all."""
_UNTOLD: Final = "links are right or wrong by the stewards' word; who could not tell is left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditBand:
    """Links of a stretch of weights.

    Attributes
    ----------
    weight_min, weight_max : bits; None = no bound
    links : how many were found there, all or in the first phase
    drawn : how many of these are to be judged
    """

    weight_min: float | None
    weight_max: float | None
    links: int
    drawn: int

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSample:
    """A sample that was drawn and put to stewards.

    Attributes
    ----------
    sample : its name, the number of the first event
    links : automatic links of the index, an estimate unless `is_complete`
    looked_at : links that were weighed to know the bands' sizes
    is_complete : these were all of them
    bands : from low to high
    tasks, repeats : tasks raised, and those of them that put a link a second time
    seed : of the draw
    """

    sample: int
    links: int
    looked_at: int
    is_complete: bool
    bands: tuple[AuditBand, ...]
    tasks: int
    repeats: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        result = {name: getattr(self, name) for name in self.__slots__}
        return result | {"bands": [each.to_dict() for each in self.bands]}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionBand:
    """What the audit says of one band.

    Attributes
    ----------
    weight_min, weight_max : bits; None = no bound
    links : how many the index has there
    sampled, judged, same : drawn, decided, and of these one person
    estimate, low, high : share of right links, exact interval
    """

    weight_min: float | None
    weight_max: float | None
    links: int
    sampled: int
    judged: int
    same: int
    estimate: float | None
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """The share of automatic links that are right, as far as the audit knows.

    Attributes
    ----------
    sample : that it rests on
    links : automatic links of the index when the sample was drawn
    sampled, judged, same, untold : links drawn, decided, one person of those, and those that
        stewards could not tell
    estimate, low, high : over all bands; None, 0, 1 while nothing has been decided, and no
        estimate while the bands with judgements hold too few of the links. The bounds allow for
        anything in the other bands
    covered : share of the links that lie in bands with judgements
    bands_held, bands_judged : bands that hold links, and those of them with judgements
    confidence : of the bounds
    bands : from low to high
    note : what the figure does not say
    """

    sample: int
    links: int
    sampled: int
    judged: int
    same: int
    untold: int
    estimate: float | None
    low: float
    high: float
    covered: float
    bands_held: int
    bands_judged: int
    confidence: float
    bands: tuple[PrecisionBand, ...]
    note: str

    def to_dict(self) -> dict[str, Any]:
        result = {name: getattr(self, name) for name in self.__slots__}
        return result | {"bands": [each.to_dict() for each in self.bands]}


# ---------------------------------------------------------------------- drawing


def draw_audit(
    index: IdentityIndex,
    *,
    size: int,
    by: str,
    seed: int = 0,
    band_bits: Sequence[float] = BAND_BITS,
    repeats: float = REPEATS,
    reason: str = "sampled audit",
) -> AuditSample:
    """Draw automatic links and put them to stewards, blind.

    Parameters
    ----------
    index : open for writing
    size : links to draw; fewer where the index has fewer
    by, reason : for the journal
    seed : the same seed on the same index draws the same links
    band_bits : where bands of weight begin, bits above the link line, rising
    repeats : share of the links that are put a second time, to somebody else

    Returns
    -------
    AuditSample

    Raises
    ------
    ConfigError : sizes, shares or bands that are none
    InputError : the index has no automatic link
    """
    _check_plan(size, band_bits, repeats)
    links = sample_links(index, seed=seed)
    if not len(links):
        raise InputError("the index has no automatic link to audit: no machine has linked anything")
    edges = index.facts.link_weight + np.asarray(band_bits, np.float64)
    band = np.searchsorted(edges, links.weight, side="right")
    found = np.bincount(band, minlength=len(edges) + 1)
    drawn = allocate(found.tolist(), size)
    random = np.random.default_rng([seed, 1])
    chosen = np.concatenate(
        [
            random.choice(np.flatnonzero(band == each), count, replace=False)
            for each, count in enumerate(drawn)
            if count
        ]
    )
    twice = random.choice(chosen, round(repeats * len(chosen)), replace=False)
    # Repeats come after all others, so that nobody meets a link twice in a row.
    order = np.concatenate([random.permutation(chosen), random.permutation(twice)])
    bands = _bands(edges.tolist(), found.tolist(), drawn)
    plan = {
        "seed": seed,
        "links": links.population,
        "looked_at": len(links),
        "is_complete": links.is_complete,
        "bands": [[e.weight_min, e.weight_max, e.links, e.drawn] for e in bands],
    }
    with index.writing(by=by, reason=reason) as session:
        sample = _raise_tasks(session, links, band, order, len(chosen), plan)
    return AuditSample(
        sample=sample,
        links=links.population,
        looked_at=len(links),
        is_complete=links.is_complete,
        bands=bands,
        tasks=len(order),
        repeats=len(twice),
        seed=seed,
    )


def _bands(
    edges: Sequence[float], found: Sequence[int], drawn: Sequence[int]
) -> tuple[AuditBand, ...]:
    bounds = [None, *(round(each, 4) for each in edges), None]
    return tuple(
        AuditBand(weight_min=low, weight_max=high, links=links, drawn=count)
        for low, high, links, count in zip(bounds, bounds[1:], found, drawn, strict=False)
    )


def _check_plan(size: int, band_bits: Sequence[float], repeats: float) -> None:
    if not 1 <= size <= SAMPLE_MAX:
        raise ConfigError(f"draw from 1 to {SAMPLE_MAX:,} links")
    if not 0.0 <= repeats <= 1.0:
        raise ConfigError("the share of repeats lies between 0 and 1")
    if not all(low < high for low, high in pairwise(band_bits)) or not np.isfinite(band_bits).all():
        raise ConfigError("give the bounds of the bands rising, such as 0,5,10,20")


def allocate(sizes: Sequence[int], total: int) -> list[int]:
    """How many to draw of each stratum: in proportion to the square root of its size.

    The heavy bands hold nearly all links, the light ones nearly all doubts; the square root looks
    at both. A stratum is never asked for more than it has, and one that has any for at least one
    if the total allows.

    Parameters
    ----------
    sizes : of the strata
    total : to be drawn

    Returns
    -------
    list of the same length; its sum is `total`, or the sum of the sizes where that is less
    """
    left = min(total, sum(sizes))
    given = [0] * len(sizes)
    by_need = sorted(range(len(sizes)), key=lambda each: sizes[each])
    weights = [float(np.sqrt(each)) for each in sizes]
    for place, each in enumerate(by_need):  # the smallest first: what they lack goes to the others
        rest = sum(weights[other] for other in by_need[place:])
        wanted = 0 if rest == 0.0 else round(left * weights[each] / rest)
        least = 1 if sizes[each] and left else 0
        given[each] = min(sizes[each], max(wanted, least), left)
        left -= given[each]
    return given


def _raise_tasks(
    session: Session,
    links: AutomaticLinks,
    band: NDArray[np.int64],
    order: NDArray[np.int64],
    once: int,
    plan: Mapping[str, Any],
) -> int:
    """Write the tasks, some hundred an event; the number of the first event."""
    sample = session.next_event
    first_task: dict[int, int] = {}
    for start in range(0, len(order), TASKS_PER_EVENT):
        event = session.next_event
        questions = []
        for place, link in enumerate(order[start : start + TASKS_PER_EVENT].tolist()):
            audit = {
                "sample": sample,
                "band": int(band[link]),
                "weight": round(float(links.weight[link]), 4),
                "repeat_of": first_task.get(link) if start + place >= once else None,
            }
            first_task.setdefault(link, event * TASKS_PER_EVENT + place)
            pair = (int(links.record[link]), int(links.other[link]), None, None)
            questions.append(
                Question(kind="AUDIT", pairs=(pair,), reasons=("audit",), more={"audit": audit})
            )
        session.write(
            EventKind.TASK,
            session.ask(questions),
            evidence={"audit": dict(plan)} if event == sample else {},
            batch=None if event == sample else sample,
        )
    return sample


# ---------------------------------------------------------------------- what they say


def audit_verdict(task: Mapping[str, Any]) -> bool | None:
    """Whether the link of an audit task is right; None while nobody said so.

    Parameters
    ----------
    task : of the task table
    """
    if task["status"] != "closed":
        return None
    return {
        Verdict.MERGE.value: True,
        Verdict.DIFFERENT.value: False,
        Verdict.SPLIT.value: False,
    }.get(task.get("verdict") or "")


def estimate_precision(
    sample: int, plan: Mapping[str, Any], tasks: Iterable[Mapping[str, Any]], *, seed: int = 0
) -> Precision:
    """The share of right links from the verdicts on a sample.

    Parameters
    ----------
    sample, plan : its name, and what its first event says of it
    tasks : its tasks; repeats are left out
    seed : of the draws behind the bounds
    """
    count = len(plan["bands"])
    judged, same, untold = [0] * count, [0] * count, 0
    for task in tasks:
        audit = task["audit"]
        if audit["repeat_of"] is not None or audit["sample"] != sample:
            continue
        verdict = audit_verdict(task)
        if verdict is not None:
            judged[audit["band"]] += 1
            same[audit["band"]] += verdict
        elif task["status"] == "closed":
            untold += 1
    return _precision(sample, plan, judged, same, untold, seed)


def _precision(
    sample: int,
    plan: Mapping[str, Any],
    judged: Sequence[int],
    same: Sequence[int],
    untold: int,
    seed: int,
) -> Precision:
    found = [each[2] for each in plan["bands"]]
    scale = plan["links"] / max(sum(found), 1)
    strata = [
        Stratum(size=size, judged=n, right=k)
        for size, n, k in zip(found, judged, same, strict=True)
        if size
    ]
    covered = sum(each.size for each in strata if each.judged) / max(sum(found), 1)
    population = None if plan["is_complete"] else plan["links"]
    whole = stratified_share(strata, population=population, seed=seed)
    bands = []
    for (low, high, links, drawn), n, k in zip(plan["bands"], judged, same, strict=True):
        share = clopper_pearson(k, n)
        bands.append(
            PrecisionBand(
                weight_min=low,
                weight_max=high,
                links=round(links * scale),
                sampled=drawn,
                judged=n,
                same=k,
                estimate=share.estimate,
                low=share.low,
                high=share.high,
            )
        )
    return Precision(
        sample=sample,
        links=plan["links"],
        sampled=sum(each[3] for each in plan["bands"]),
        judged=sum(judged),
        same=sum(same),
        untold=untold,
        estimate=whole.estimate if covered >= COVERED_MIN else None,
        low=whole.low,
        high=whole.high,
        covered=covered,
        bands_held=len(strata),
        bands_judged=sum(each.judged > 0 for each in strata),
        confidence=whole.confidence,
        bands=tuple(bands),
        note=_UNTOLD,
    )
