"""What changes a task and nobody's identity: assign, defer, escalate, comment, reopen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mpi.identity_events import Change, EventKind, decode_event
from mpi.identity_queue import is_live
from mpi.identity_results import time_text
from mpi.identity_session import Session
from mpi.identity_tasks import pair_states
from mpi.review.rows import identities_of
from mpi.review.types import Reason
from person.errors import ConfigError, IdentityError, StaleTaskError, UnknownIdError

__all__ = [
    "TEXT_CHARACTERS_MAX",
    "change_task",
    "check_text",
    "check_version",
    "live_task",
    "reopened",
    "task_of",
]

TEXT_CHARACTERS_MAX: Final = 4000


def check_text(text: str) -> None:
    """ConfigError where a reason or comment is too long.

    Parameters
    ----------
    text : what a person wrote
    """
    if len(text) > TEXT_CHARACTERS_MAX:
        raise ConfigError(f"the text is longer than {TEXT_CHARACTERS_MAX:,} characters")


def task_of(session: Session, number: int) -> dict[str, Any]:
    """A task of the task table.

    Parameters
    ----------
    session : of the write
    number : of the task

    Raises
    ------
    UnknownIdError : there is none
    """
    task = session.state.task(number)
    if task is None:
        raise UnknownIdError(f"there is no task {number}")
    return task


def live_task(
    session: Session, number: int, version: int | None, asked: Mapping[str, Any]
) -> dict[str, Any]:
    """A task as it was looked at, and not closed.

    Parameters
    ----------
    session : of the write
    number : of the task
    version : that was looked at, None where nothing was
    asked : what was to be done

    Raises
    ------
    StaleTaskError : the task has changed since, such as by who closed it first
    UnknownIdError : it was closed when it was looked at, or never raised
    """
    task = task_of(session, number)
    check_version(session, number, task, version, asked)
    if not is_live(task):
        raise UnknownIdError(f"task {number} is closed; reopen it, or undo what closed it")
    return task


def check_version(
    session: Session,
    number: int,
    task: dict[str, Any],
    version: int | None,
    asked: Mapping[str, Any],
) -> None:
    """Refuse what was asked on the ground of an older view.

    Parameters
    ----------
    session : of the write
    number, task : of the task table
    version : that was looked at, None where nothing was
    asked : what was to be done

    Raises
    ------
    StaleTaskError : the task or one of its identities has changed since
    """
    now = session.state.version_of(number, identities_of(session.state, task))
    if version is None or version == now:
        return
    data = session.batch.event(now)
    by = at = ""
    if data is not None:
        event = decode_event(data)
        by, at = event.by, time_text(event.at_ms)
    raise StaleTaskError(
        f"task {number} was changed by {by or 'somebody'} at {at} (version {now}, you saw "
        f"{version}); look at it again, nothing was written",
        task=number,
        version=version,
        version_now=now,
        changed_by=by,
        changed_at=at,
        status=task["status"],
        asked=dict(asked),
    )


def change_task(
    session: Session,
    number: int,
    action: str,
    updates: Mapping[str, Any],
    *,
    version: int | None,
    reason: Reason | None = None,
    details: Mapping[str, Any] | None = None,
    may_be_closed: bool = False,
) -> int:
    """Write one change of a task: the event's number.

    Parameters
    ----------
    session : of the write; its reason is the free text
    number : of the task
    action : in a word, see `TaskEvent`
    updates : entries of the task; None takes one out
    version : that was looked at, None where nothing was
    reason : from the list
    details : for the history
    may_be_closed : a closed task may be changed so
    """
    check_text(session.reason)
    asked = {"action": action, "text": session.reason, **(details or {})}
    if reason is not None:
        asked["reason"] = reason.value
    if may_be_closed:
        task = task_of(session, number)
        check_version(session, number, task, version, asked)
    else:
        task = live_task(session, number, version, asked)
    new = {name: value for name, value in (task | dict(updates)).items() if value is not None}
    evidence: dict[str, Any] = {"task": number, "action": action, **(details or {})}
    if reason is not None:
        evidence["reason_code"] = reason.value
    return session.write(EventKind.TASK, [Change("task", number, task, new)], evidence=evidence)


def reopened(session: Session, number: int) -> dict[str, Any]:
    """What makes a task open again.

    Parameters
    ----------
    session : of the write
    number : of the task

    Raises
    ------
    IdentityError : its records are one person or gone: there is nothing left to ask
    """
    task = task_of(session, number)
    if task["kind"] != "AUDIT" and not {"open", "different"} & set(
        pair_states(session.state, task)
    ):
        raise IdentityError(
            f"task {number} asks nothing any more: its records are one person now, or gone; undo "
            "the decision that closed it instead"
        )
    gone = ("closed_by", "closed_ms", "verdict", "due_ms", "proposal")
    return {"status": "open", **dict.fromkeys(gone)}
