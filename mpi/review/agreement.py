"""The figures of a review: what waits, who decides, how well people and the machine agree.

    figures = Figures(index)
    figures.dashboard().to_dict()

Keep one `Figures` as long as the index is open: the first look walks through all tasks, each later
one only through the events since.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from index_store import Snapshot
from mpi.identity_events import decode_event
from mpi.identity_index import IdentityIndex
from mpi.identity_queries import system_clock
from mpi.identity_results import time_text
from mpi.review.audit_sample import Precision, estimate_precision
from mpi.review.intervals import Interval, cohen_kappa, fleiss_kappa, wilson
from mpi.review.tallies import (
    BAND_BITS,
    BANDS,
    OUTCOMES,
    Tallies,
    day_of,
    judgements_of,
    said_of,
)

__all__ = [
    "AgeBand",
    "Agreement",
    "Dashboard",
    "DayCount",
    "Figures",
    "PairAgreement",
    "StewardCount",
    "WeightBand",
]

DAYS_SHOWN: Final = 30
AGE_BANDS: Final = (("<1d", 0, 1), ("1-7d", 1, 8), ("8-30d", 8, 31), (">30d", 31, None))
_DAY_MS: Final = 86_400_000


class _Figures:
    """What all figures share."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON holds them."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeBand(_Figures):
    """Tasks that have waited for so many days.

    Attributes
    ----------
    label : such as '1-7d'
    days_min, days_max : whole days since they were raised, the last not included; None = no end
    tasks : kind -> number
    """

    label: str
    days_min: int
    days_max: int | None
    tasks: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount(_Figures):
    """What one steward said on one day (UTC).

    Attributes
    ----------
    day, by : when and who
    same, different, other : judgements
    """

    day: str
    by: str
    same: int
    different: int
    other: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StewardCount(_Figures):
    """What one steward said so far.

    Attributes
    ----------
    by : who
    decided, same, different, other : judgements
    overruled : of these, those that somebody else decided otherwise later
    twice, agreed : questions that another steward judged too, and said the same on
    """

    by: str
    decided: int
    same: int
    different: int
    other: int
    overruled: int
    twice: int
    agreed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAgreement(_Figures):
    """Two stewards on the questions that both judged.

    Attributes
    ----------
    one, other : who
    tasks, agreed : questions, and those on which they said the same
    kappa : Cohen's; None where chance alone would agree always
    """

    one: str
    other: str
    tasks: int
    agreed: int
    kappa: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement(_Figures):
    """How far stewards agree on the questions that two of them judged.

    Attributes
    ----------
    tasks, agreed : pairs of judgements, and those that say the same
    share : of these
    kappa, method : agreement beyond chance; 'cohen' of two stewards, 'fleiss' of more, '' of none
    pairs : of each two stewards
    """

    tasks: int
    agreed: int
    share: Interval
    kappa: float | None
    method: str
    pairs: tuple[PairAgreement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightBand(_Figures):
    """How stewards decided questions whose heaviest pair weighs so much.

    Attributes
    ----------
    weight_min, weight_max : bits; None = no bound
    decided, same, different : questions
    overruled : decided against the sign of the weight
    rate : of these
    """

    weight_min: float | None
    weight_max: float | None
    decided: int
    same: int
    different: int
    overruled: int
    rate: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard(_Figures):
    """All figures of one moment.

    Attributes
    ----------
    at : the moment
    open_tasks : that somebody has to answer, whatever their status
    by_status, by_kind : status -> tasks; kind -> open tasks
    ages : of open tasks
    oldest_at : day on which the oldest open task was raised
    days : judgements of the last DAYS_SHOWN days, latest first
    stewards : by number of judgements
    agreement : between stewards
    bands : by weight, only those in which something was decided
    decided_precision : of decided questions that the machine leaned to link (weight of 0 or more),
        the share that is one person; these are the doubtful ones
    precision : of automatic links, from the latest sampled audit; None without any
    """

    at: str
    open_tasks: int
    by_status: Mapping[str, int]
    by_kind: Mapping[str, int]
    ages: tuple[AgeBand, ...]
    oldest_at: str | None
    days: tuple[DayCount, ...]
    stewards: tuple[StewardCount, ...]
    agreement: Agreement
    bands: tuple[WeightBand, ...]
    decided_precision: Interval
    precision: Precision | None


class Figures:
    """The figures of an open index; for any number of threads.

    Parameters
    ----------
    index : open as long as this is used
    """

    def __init__(self, index: IdentityIndex) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._tallies = Tallies()
        self._plans: dict[int, Mapping[str, Any]] = {}

    def dashboard(self, now_ms: int | None = None) -> Dashboard:
        """All figures, as of now.

        Parameters
        ----------
        now_ms : for ages, milliseconds of UTC; None for now
        """
        at_ms = system_clock() if now_ms is None else now_ms
        with self._lock:
            with self._index.store.read() as snapshot:
                self._tallies.catch_up(snapshot)
                precision = self._precision(snapshot)
            return _dashboard(self._tallies, at_ms, precision)

    def _precision(self, snapshot: Snapshot) -> Precision | None:
        """Of the latest sample of which anything was decided, else of the latest."""
        tasks: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for task in self._tallies.audits.values():
            tasks[task["audit"]["sample"]].append(task)
        found = None
        for sample in sorted(tasks, reverse=True):
            estimate = estimate_precision(sample, self._plan(snapshot, sample), tasks[sample])
            if estimate.judged:
                return estimate
            found = found or estimate
        return found

    def _plan(self, snapshot: Snapshot, sample: int) -> Mapping[str, Any]:
        if sample not in self._plans:
            data = snapshot.event(sample)
            assert data is not None, "a task names its sample's event"
            self._plans[sample] = decode_event(data).evidence["audit"]
        return self._plans[sample]


# ---------------------------------------------------------------------- from counters to figures


def _dashboard(tallies: Tallies, now_ms: int, precision: Precision | None) -> Dashboard:
    status = {str(key[0]): count for key, count in sorted(tallies.of("status"))}
    kinds: Counter[str] = Counter()
    raised = sorted(tallies.of("open"))
    for (kind, _), count in raised:
        kinds[kind] += count
    days = [day for (_, day), _ in raised]
    twice = _judged_twice(tallies)
    bands = _bands(tallies)
    leaned = [each for each in bands if each.weight_min is not None and each.weight_min >= 0]
    return Dashboard(
        at=time_text(now_ms),
        open_tasks=sum(kinds.values()),
        by_status=status,
        by_kind=dict(sorted(kinds.items())),
        ages=_ages(tallies, now_ms // _DAY_MS),
        oldest_at=day_of(min(days) * _DAY_MS) if days else None,
        days=_days(tallies, day_of(now_ms - (DAYS_SHOWN - 1) * _DAY_MS)),
        stewards=_stewards(tallies, twice),
        agreement=_agreement(twice),
        bands=tuple(bands),
        decided_precision=wilson(
            sum(each.same for each in leaned), sum(each.decided for each in leaned)
        ),
        precision=precision,
    )


def _ages(tallies: Tallies, today: int) -> tuple[AgeBand, ...]:
    tasks: list[Counter[str]] = [Counter() for _ in AGE_BANDS]
    for (kind, day), count in tallies.of("open"):
        age = max(today - day, 0)
        place = max(n for n, (_, least, _) in enumerate(AGE_BANDS) if age >= least)
        tasks[place][kind] += count
    return tuple(
        AgeBand(label=label, days_min=least, days_max=most, tasks=dict(sorted(held.items())))
        for (label, least, most), held in zip(AGE_BANDS, tasks, strict=True)
    )


def _days(tallies: Tallies, since: str) -> tuple[DayCount, ...]:
    said: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (day, by, outcome), count in tallies.of("day"):
        if day >= since:
            said[day, by][outcome] += count
    return tuple(
        DayCount(day=day, by=by, **_outcomes(said[day, by]))
        for day, by in sorted(said, key=lambda each: (_reversed(each[0]), each[1]))
    )


def _reversed(day: str) -> int:
    return -int(day.replace("-", ""))


def _outcomes(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts.get(name, 0) for name in OUTCOMES}


Twice = dict[tuple[str, str], Counter[tuple[str, str]]]


def _judged_twice(tallies: Tallies) -> Twice:
    """(one, other) -> what both said -> how often; repeats of the audit included."""
    found: Twice = defaultdict(Counter)
    for (one, other, first, second), count in tallies.of("pair"):
        found[one, other][first, second] += count
    for task in tallies.audits.values():
        twin = tallies.audits.get(task["audit"]["repeat_of"] or 0)
        mine, others = judgements_of(task), judgements_of(twin) if twin else []
        if not mine or not others or mine[0]["by"] == others[0]["by"]:
            continue
        one, other = sorted((mine[0], others[0]), key=lambda each: str(each["by"]))
        said = said_of(one), said_of(other)
        found[one["by"], other["by"]][said] += 1
    return found


def _stewards(tallies: Tallies, twice: Twice) -> tuple[StewardCount, ...]:
    said: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, by, outcome), count in tallies.of("day"):
        said[by][outcome] += count
    both: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    for people, verdicts in twice.items():
        for (first, second), count in verdicts.items():
            for by in people:
                both[by] += count
                agreed[by] += count if first == second else 0
    overruled = {str(by): count for (by,), count in tallies.of("overruled")}
    return tuple(
        StewardCount(
            by=by,
            decided=sum(said[by].values()),
            **_outcomes(said[by]),
            overruled=overruled.get(by, 0),
            twice=both[by],
            agreed=agreed[by],
        )
        for by in sorted(said, key=lambda each: (-sum(said[each].values()), each))
    )


def _matrix(verdicts: Mapping[tuple[str, str], int]) -> NDArray[np.int64]:
    """int64[k, k], by what the one and what the other said."""
    matrix = np.zeros((len(OUTCOMES), len(OUTCOMES)), np.int64)
    for (first, second), count in verdicts.items():
        matrix[OUTCOMES.index(first), OUTCOMES.index(second)] += count
    return matrix


def _agreement(twice: Twice) -> Agreement:
    matrices = {people: _matrix(verdicts) for people, verdicts in twice.items()}
    pairs = tuple(
        PairAgreement(
            one=people[0],
            other=people[1],
            tasks=int(matrix.sum()),
            agreed=int(np.trace(matrix)),
            kappa=cohen_kappa(matrix),
        )
        for people, matrix in sorted(matrices.items())
    )
    tasks, agreed = sum(each.tasks for each in pairs), sum(each.agreed for each in pairs)
    kappa = pairs[0].kappa if len(pairs) == 1 else _kappa_of_many(list(matrices.values()))
    return Agreement(
        tasks=tasks,
        agreed=agreed,
        share=wilson(agreed, tasks),
        kappa=kappa,
        method={0: "", 1: "cohen"}.get(len(pairs), "fleiss"),
        pairs=pairs,
    )


def _kappa_of_many(matrices: Sequence[NDArray[np.int64]]) -> float | None:
    """Fleiss' kappa of cases that two people judged, whoever they were."""
    if not matrices:
        return None
    total = sum(matrices[1:], start=matrices[0])
    first, second = np.nonzero(total)
    cases = np.repeat(np.stack([first, second], axis=1), total[first, second], axis=0)
    said = np.zeros((len(cases), len(OUTCOMES)), np.int64)
    for column in range(2):
        said[np.arange(len(cases)), cases[:, column]] += 1
    return fleiss_kappa(said)


def _bands(tallies: Tallies) -> list[WeightBand]:
    decided: dict[int, Counter[str]] = defaultdict(Counter)
    for (band, outcome), count in tallies.of("band"):
        decided[band][outcome] += count
    found = []
    for band in sorted(decided):
        counts = decided[band]
        leaned, against = ("same", "different") if band >= 0 else ("different", "same")
        told = counts[leaned] + counts[against]
        found.append(
            WeightBand(
                weight_min=None if band == BANDS[0] else float(band * BAND_BITS),
                weight_max=None if band == BANDS[1] else float((band + 1) * BAND_BITS),
                decided=told,
                same=counts["same"],
                different=counts["different"],
                overruled=counts[against],
                rate=wilson(counts[against], told),
            )
        )
    return found
