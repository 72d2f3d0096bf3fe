"""A task as one line of the queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mpi.identity_queue import asked_records
from mpi.identity_reading import Reader
from mpi.identity_results import time_text
from mpi.identity_view import StoreState
from mpi.review.priority import blind_rank, priority_now
from mpi.review.types import TaskRow, TaskStatus

__all__ = ["identities_of", "status_at", "task_row"]


def identities_of(state: StoreState, task: dict[str, Any]) -> list[int]:
    """The live identities that a task asks about, those of its heaviest pair first.

    Parameters
    ----------
    state : the present
    task : of the task table
    """
    records = [record for pair in task["pairs"] for record in pair[:2]]
    found = (state.identity_of(record) for record in dict.fromkeys(records))
    return list(dict.fromkeys(each for each in found if each is not None))


def status_at(task: dict[str, Any], now_ms: int) -> TaskStatus:
    """The status of a task now: what was put off is open again once it is due.

    Parameters
    ----------
    task : of the task table
    now_ms : milliseconds of UTC
    """
    status = TaskStatus(task["status"])
    is_due = status is TaskStatus.DEFERRED and int(task.get("due_ms") or 0) <= now_ms
    return TaskStatus.OPEN if is_due else status


def task_row(reader: Reader, number: int, task: dict[str, Any], now_ms: int) -> TaskRow:
    """One line of the queue.

    Parameters
    ----------
    reader : of the index
    number, task : of the task table
    now_ms : milliseconds of UTC
    """
    identities = identities_of(reader.state, task)
    is_audit = task["kind"] == "AUDIT"
    status = status_at(task, now_ms)
    if is_audit:  # the two records alone: how large their identity is tells what joined it
        records = asked_records(task)
    else:
        records = [record for each in identities for record in reader.state.members(each)]
    weight = task["pairs"][0][2]
    proposal = task.get("proposal") or {}
    closed_ms = task.get("closed_ms")
    if is_audit:  # judged blindly: nothing tells what the machine thinks
        weight = None
    is_blind = is_audit and status is not TaskStatus.CLOSED
    ranked = blind_rank(task["created_ms"]) if is_blind else task["rank"]
    return TaskRow(
        number=number,
        version=reader.state.version_of(number, identities),
        kind=task["kind"],
        status=status,
        enterprise_ids=() if is_audit else tuple(reader.print_ids(identities)),
        title_names=_titles(reader.state, task, identities),
        records=len(records),
        sources=_sources(reader, records),
        match_weight=weight,
        match_probability=None if weight is None else reader.engine.probability(weight),
        priority=priority_now(ranked, now_ms),
        safety=() if is_audit else tuple(task["safety"]),
        reason="" if is_audit else "; ".join(task["reasons"]),
        assignee=task.get("assignee"),
        created_at=time_text(task["created_ms"]),
        due_at=time_text(task["due_ms"]) if task.get("due_ms") else None,
        comments=task.get("comments", 0),
        verdict=task.get("verdict") or proposal.get("verdict"),
        closed_by=task.get("closed_by") or proposal.get("by"),
        closed_at=None if closed_ms is None else time_text(closed_ms),
    )


def _titles(state: StoreState, task: dict[str, Any], identities: Sequence[int]) -> tuple[str, ...]:
    names: dict[int, str] = {}
    for record, name in zip(asked_records(task), task["names"], strict=True):
        identity = state.identity_of(record)
        if identity is not None and name:
            names.setdefault(identity, name)
    return tuple(names.get(each, "") for each in identities)


def _sources(reader: Reader, records: Sequence[int]) -> tuple[str, ...]:
    if not records:
        return ()
    codes = np.unique(reader.snapshot.references(np.array(records, np.int64))[0])
    return tuple(sorted(reader.source_name(int(code)) for code in codes))
