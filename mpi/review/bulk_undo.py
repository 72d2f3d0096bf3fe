"""Taking back many decisions: all of one steward's, or all of some hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mpi.identity_events import Event, EventKind, decode_event
from mpi.identity_session import Session
from mpi.identity_steward import undo_events
from person.errors import ConfigError, LinkConflictError

__all__ = ["UndoReport", "decision_events", "undo_many"]

_KINDS: Final = frozenset({EventKind.MERGE, EventKind.SPLIT, EventKind.DECIDE})
_ACTIONS: Final = frozenset({"DECIDED", "APPROVED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoReport:
    """What was taken back.

    Attributes
    ----------
    undone : events, the last one first; of a dry run, those that would be
    kept : events that could not be: (event, why)
    placed_again : records that came in between and were decided on again
    is_dry_run : nothing was written
    """

    undone: tuple[int, ...]
    kept: tuple[tuple[int, str], ...] = ()
    placed_again: int = 0
    is_dry_run: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {
            "would_undo" if self.is_dry_run else "undone": list(self.undone),
            "kept": [{"event": event, "why": why} for event, why in self.kept],
            "placed_again": self.placed_again,
        }


def decision_events(
    session: Session, by_steward: str | None, since: datetime | None, until: datetime | None
) -> list[int]:
    """Decisions of people that stand, the last one first.

    Parameters
    ----------
    session : of the write
    by_steward : whose; None for everybody's
    since, until : when, with their zone; None is open
    """
    low = None if since is None else _milliseconds(since)
    high = None if until is None else _milliseconds(until)
    first = 1 if low is None else _first_since(session, low)
    found: set[int] = set()
    for number, data in session.batch.journal(first):
        event = decode_event(data)
        if event.kind is EventKind.UNDO:
            found.difference_update(event.undoes)
        is_in_time = (low is None or event.at_ms >= low) and (high is None or event.at_ms <= high)
        if is_in_time and _is_decision(event) and by_steward in (None, event.by):
            found.add(number)
    return sorted(found, reverse=True)


def _is_decision(event: Event) -> bool:
    if not event.is_manual:
        return False
    return event.kind in _KINDS or event.evidence.get("action") in _ACTIONS


def _milliseconds(at: datetime) -> int:
    if at.tzinfo is None:
        raise ConfigError("give the time with its zone")
    return int(at.timestamp() * 1000)


def _first_since(session: Session, at_ms: int) -> int:
    """The first event at or after a time, as far as the journal is in the order of time."""
    low, high = 1, session.batch.event_count + 1
    while low < high:
        middle = (low + high) // 2
        data = session.batch.event(middle)
        assert data is not None
        if decode_event(data).at_ms < at_ms:
            low = middle + 1
        else:
            high = middle
    return low


def undo_many(
    session: Session,
    by_steward: str | None,
    since: datetime | None,
    until: datetime | None,
) -> UndoReport:
    """Take decisions back, the last one first; what later events stand on is kept and named.

    Parameters
    ----------
    session : of the write
    by_steward, since, until : see `decision_events`
    """
    events = decision_events(session, by_steward, since, until)
    undone: list[int] = []
    kept: list[tuple[int, str]] = []
    placed = 0
    for number in events:
        try:
            placed += len(undo_events(session, [number])[1])
        except LinkConflictError as error:
            kept.append((number, str(error)))
        else:
            undone.append(number)
    return UndoReport(undone=tuple(undone), kept=tuple(kept), placed_again=placed)
