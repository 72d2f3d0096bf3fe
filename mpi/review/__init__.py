"""What people decide: the queue of doubtful cases, the cases, their decisions. No HTTP, no HTML."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mpi.review.queue import ReviewQueue
    from mpi.review.types import (
        UNASSIGNED,
        Case,
        Decision,
        Filter,
        Reason,
        TaskPage,
        TaskRow,
        TaskStatus,
        Verdict,
    )

__all__ = [
    "UNASSIGNED",
    "Case",
    "Decision",
    "Filter",
    "Reason",
    "ReviewQueue",
    "TaskPage",
    "TaskRow",
    "TaskStatus",
    "Verdict",
]

_HOMES: Final = dict.fromkeys(__all__, "mpi.review.types") | {"ReviewQueue": "mpi.review.queue"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
