"""What the identity index answers, as plain values; `to_dict` of each is what commands print."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mpi.identity_decide import Outcome

__all__ = [
    "Grade",
    "HistoryEntry",
    "Identity",
    "IdentityChange",
    "Receipt",
    "Resolution",
    "ScoredCandidate",
    "Task",
    "VerifyReport",
    "time_text",
]

Grade = str
"""How likely a candidate is: certain, probable, possible, certainly-not (the words of FHIR)."""


def time_text(at_ms: int) -> str:
    """A time of the journal as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One person as the index knows them.

    Attributes
    ----------
    enterprise_id : the person's lasting id, printed
    records : (source, record id) of the records that belong to it
    status : 'live', 'retired' (all records removed) or 'redirected'
    asked_for : the id that was asked for, where it redirects here
    """

    enterprise_id: str
    records: tuple[tuple[str, str], ...]
    status: str = "live"
    asked_for: str | None = None

    def to_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = {
            "enterprise_id": self.enterprise_id,
            "status": self.status,
            "records": [{"source": s, "record_id": r} for s, r in self.records],
        }
        if self.asked_for is not None:
            result["asked_for"] = self.asked_for
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredCandidate:
    """An identity that a person could be.

    Attributes
    ----------
    enterprise_id : of the candidate
    source, record_id : the member that resembles the person most
    match_weight, match_probability : of that pair
    grade : 'certain', 'probable', 'possible' or 'certainly-not'
    refused : why it may not be linked by weight alone, None where it may
    levels : comparison -> how well it agrees
    """

    enterprise_id: str
    source: str
    record_id: str
    match_weight: float
    match_probability: float
    grade: Grade
    refused: str | None
    levels: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Who a person is: linked, for review, or new.

    Attributes
    ----------
    outcome : LINK, REVIEW or NEW
    enterprise_id : of the identity, None unless linked
    match_weight, match_probability : of the best candidate, None without one
    reasons : why it was not linked
    candidates : heaviest first
    """

    outcome: Outcome
    enterprise_id: str | None
    match_weight: float | None
    match_probability: float | None
    reasons: tuple[str, ...]
    candidates: tuple[ScoredCandidate, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome.value,
            "enterprise_id": self.enterprise_id,
            "match_weight": self.match_weight,
            "match_probability": self.match_probability,
            "reasons": list(self.reasons),
            "candidates": [each.to_dict() for each in self.candidates],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a write did to one record.

    Attributes
    ----------
    action : 'added', 'updated', 'moved', 'unchanged', 'removed' or 'restored'
    source, record_id : of the record
    enterprise_id : the identity it belongs to now, None once removed
    outcome : of its resolution, None where nothing was resolved
    match_weight : of the best candidate
    reasons : why it was not linked, or not moved
    event : number of the event, None where nothing changed
    task : number of the review task, None without one
    moved_from : the identity it belonged to before, None where that is the same
    """

    action: str
    source: str
    record_id: str
    enterprise_id: str | None
    outcome: Outcome | None = None
    match_weight: float | None = None
    reasons: tuple[str, ...] = ()
    event: int | None = None
    task: int | None = None
    moved_from: str | None = None

    def to_dict(self) -> dict[str, Any]:
        result = {name: getattr(self, name) for name in self.__slots__}
        result["outcome"] = None if self.outcome is None else self.outcome.value
        result["reasons"] = list(self.reasons)
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityChange:
    """One event as downstream systems see it.

    Attributes
    ----------
    event, at, kind, by, reason : of the event
    affected : enterprise ids whose records or fate it changed
    undoes : events it takes back
    is_bulk : a bulk load: `affected` then names only identities that lived before and changed
    """

    event: int
    at: str
    kind: str
    by: str
    reason: str
    affected: tuple[str, ...]
    undoes: tuple[int, ...] = ()
    is_bulk: bool = False

    def to_dict(self) -> dict[str, Any]:
        result = {name: getattr(self, name) for name in self.__slots__}
        return result | {"affected": list(self.affected), "undoes": list(self.undoes)}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """What one event did to one identity.

    Attributes
    ----------
    event, at, kind, by, reason, undoes : of the event
    joined, left : (source, record id) of records that came and went
    changed : records of it whose content changed
    note : 'founded', 'retired', 'redirected to ...', 'alive again' or ''
    evidence : weight, candidates and reasons of an automatic decision
    """

    event: int
    at: str
    kind: str
    by: str
    reason: str
    undoes: tuple[int, ...]
    joined: tuple[tuple[str, str], ...]
    left: tuple[tuple[str, str], ...]
    changed: tuple[tuple[str, str], ...]
    note: str
    evidence: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        result = {name: getattr(self, name) for name in self.__slots__}
        for name in ("joined", "left", "changed"):
            result[name] = [{"source": s, "record_id": r} for s, r in result[name]]
        return result | {"undoes": list(self.undoes)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A question for a steward.

    Attributes
    ----------
    number, kind, status : 'REVIEW' (whose record is it?) or 'POSSIBLE_DUPLICATE' (one person?);
        'open' or 'closed'
    source, record_id, enterprise_id : the record in question and where it is now
    candidates : (enterprise id, match weight, why refused) of the identities it could be
    reasons : why no machine decided
    event : that raised it
    closed_by, verdict : of a closed one
    """

    number: int
    kind: str
    status: str
    source: str
    record_id: str
    enterprise_id: str | None
    candidates: tuple[tuple[str, float, str | None], ...]
    reasons: tuple[str, ...]
    event: int
    closed_by: str | None = None
    verdict: str | None = None

    def to_dict(self) -> dict[str, Any]:
        result = {name: getattr(self, name) for name in self.__slots__}
        result["candidates"] = [
            {"enterprise_id": e, "match_weight": w, "refused": r} for e, w, r in self.candidates
        ]
        return result | {"reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What `verify` found.

    Attributes
    ----------
    records, identities, events : counted
    findings : what is wrong, as sentences; empty for a sound index
    """

    records: int
    identities: int
    events: int
    findings: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        return {
            "records": self.records,
            "identities": self.identities,
            "events": self.events,
            "is_sound": self.is_sound,
            "findings": list(self.findings),
        }
