"""What happened to a task: the journal's events of it, in words a page can print."""

from __future__ import annotations

from typing import Any, Final

from mpi.identity_events import Event, EventKind
from mpi.identity_queue import is_live
from mpi.identity_reading import Reader
from mpi.identity_results import time_text
from mpi.identity_view import tasked_events
from mpi.review.types import TaskEvent
from person.errors import UnknownIdError

__all__ = ["task_history"]

_SHOWN: Final = ("to", "until", "verdict", "proposed_by")


def task_history(reader: Reader, number: int) -> tuple[TaskEvent, ...]:
    """Events of one task, oldest first.

    Parameters
    ----------
    reader : of the index
    number : of the task

    Raises
    ------
    UnknownIdError : there is no such task
    """
    if reader.state.task(number) is None:
        raise UnknownIdError(f"there is no task {number}")
    return tuple(
        _entry(event, reader.event(event), number)
        for event in tasked_events(reader.snapshot, number)
    )


def _entry(place: int, event: Event, number: int) -> TaskEvent:
    change = next(c for c in event.changes if c.table == "task" and c.key == number)
    is_own = event.evidence.get("task") == number
    details: dict[str, Any] = {
        name: event.evidence[name] for name in _SHOWN if is_own and name in event.evidence
    }
    details["kind"] = event.kind.value
    if event.undoes:
        details["undoes"] = list(event.undoes)
    if change.after is not None and "verdict" in change.after:
        details.setdefault("verdict", change.after["verdict"])
    return TaskEvent(
        event=place,
        at=time_text(event.at_ms),
        by=event.by,
        action=_action(event, change.before, change.after, is_own=is_own),
        reason=str(event.evidence.get("reason_code", "")) if is_own else "",
        text=event.reason,
        details=details,
    )


def _action(
    event: Event, before: dict[str, Any] | None, after: dict[str, Any] | None, *, is_own: bool
) -> str:
    if event.kind is EventKind.UNDO:
        return "UNDONE"
    if before is None:
        return "RAISED"
    if is_own and "action" in event.evidence:
        return str(event.evidence["action"])
    return "CLOSED" if is_live(before) and not is_live(after) else "CHANGED"
