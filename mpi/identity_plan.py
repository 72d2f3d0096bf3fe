"""From what somebody wants to what has to change: pure functions over a view of the state.

A plan moves records between identities; everything else follows. An identity that loses its last
record to another leaves a redirect there, one whose last record is removed retires, one that gets
a record again is alive again, and every redirect ends, in one step, at an identity that is alive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from mpi.identity_events import Change, Event

__all__ = [
    "DIFFERENT",
    "SAME",
    "StateView",
    "decision_changes",
    "membership_changes",
    "merge_survivor",
    "split_decisions",
    "undo_moves",
]

SAME: Final = "SAME"
DIFFERENT: Final = "DIFFERENT"
DECISION_PAIRS_MAX: Final = 64
"""A split declares at most so many pairs of records different; of larger ones, some of each."""


class StateView(Protocol):
    """What plans read of the present state; `IdentityState` is one."""

    def identity_of(self, record: int) -> int | None: ...
    def members(self, identity: int) -> list[int]: ...
    def redirect(self, identity: int) -> int | None: ...
    def redirects_to(self, identity: int) -> list[int]: ...
    def is_retired(self, identity: int) -> bool: ...
    def decisions_of(self, record: int) -> dict[int, dict[str, Any]]: ...
    def get(self, table: str, key: Any) -> Any: ...


def membership_changes(view: StateView, moves: Mapping[int, int | None]) -> list[Change]:
    """All changes that follow from giving records new identities.

    Parameters
    ----------
    view : the present state
    moves : record -> its identity from now on, None to remove it; new records included

    Returns
    -------
    list of Change: members first, then redirects and retirements
    """
    before = {record: view.identity_of(record) for record in moves}
    moved = {record: after for record, after in moves.items() if before[record] != after}
    gained: dict[int, set[int]] = {}
    lost: dict[int, set[int]] = {}
    for record, after in moved.items():
        if after is not None:
            gained.setdefault(after, set()).add(record)
        left = before[record]
        if left is not None:
            lost.setdefault(left, set()).add(record)
    status: dict[tuple[str, int], Any] = {}
    for identity in sorted(lost):
        if gained.get(identity) or set(view.members(identity)) - lost[identity]:
            continue
        _end(view, identity, _heir(identity, lost[identity], moved), status)
    for identity in sorted(gained):
        status["redirect", identity] = None
        status["retired", identity] = None
    changes = [Change("member", record, before[record], moved[record]) for record in sorted(moved)]
    for (table, identity), value in sorted(status.items()):
        held = view.get(table, identity)
        if held != value:
            changes.append(Change(table, identity, held, value))
    return changes


def _heir(identity: int, lost: set[int], moved: Mapping[int, int | None]) -> int | None:
    """Who takes over: where its founder went, else where most of its records went."""
    if moved.get(identity) is not None and identity in lost:
        return moved[identity]
    counts = Counter(target for record in lost if (target := moved[record]) is not None)
    if not counts:
        return None
    most = max(counts.values())
    return min(target for target, count in counts.items() if count == most)


def _end(
    view: StateView, identity: int, heir: int | None, status: dict[tuple[str, int], Any]
) -> None:
    """Redirect or retire an identity without records, and what redirects to it."""
    for each in (identity, *view.redirects_to(identity)):
        status["redirect", each] = heir
        status["retired", each] = True if heir is None else None


def merge_survivor(identities: Iterable[tuple[int, int, int]]) -> int:
    """The identity whose id lives on.

    Parameters
    ----------
    identities : (founding order, records, identity number) of each

    Returns
    -------
    the oldest; of equally old ones the largest, then the smallest number
    """
    return min(identities, key=lambda each: (each[0], -each[1], each[2]))[2]


def decision_changes(
    view: StateView,
    pairs: Iterable[tuple[int, int]],
    verdict: str | None,
    *,
    by: str,
    reason: str,
    event: int,
) -> list[Change]:
    """Changes that write down a steward's verdict on pairs of records.

    Parameters
    ----------
    view : the present state
    pairs : of record numbers
    verdict : SAME, DIFFERENT, or None to take decisions back
    by, reason, event : who decided, why, and in which event
    """
    changes = []
    for low, high in sorted({(min(pair), max(pair)) for pair in pairs}):
        held = view.get("decision", (low, high))
        value = None
        if verdict is not None:
            value = {"verdict": verdict, "by": by, "reason": reason, "event": event}
        if held != value:
            changes.append(Change("decision", (low, high), held, value))
    return changes


def split_decisions(
    parted: Sequence[int], remaining: Sequence[int]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Pairs that a split declares the same, and those that it declares different.

    Parameters
    ----------
    parted : records taken out together
    remaining : records that stay

    Returns
    -------
    (same, different): every parted record differs from remaining ones, all of them where they
    are few
    """
    same = [(parted[0], other) for other in parted[1:]]
    each = max(1, DECISION_PAIRS_MAX // max(len(parted), 1))
    different = [(one, other) for one in parted for other in list(remaining)[:each]]
    return same, different


def undo_moves(view: StateView, event: Event) -> tuple[dict[int, int | None], list[int], list[int]]:
    """Where the records that an event touched go when it is taken back.

    Parameters
    ----------
    view : the present state
    event : to take back

    Returns
    -------
    (moves, added: records that come back after the event removed them, conflicts: records that
    later events moved on)
    """
    moves: dict[int, int | None] = {}
    added: list[int] = []
    conflicts: list[int] = []
    for change in event.changes:
        if change.table != "member":
            continue
        assert isinstance(change.key, int)
        present = view.identity_of(change.key)
        if change.after is None:
            if present is None:
                added.append(change.key)
        elif present is None:
            continue  # removed since: nothing to put back
        elif present != change.after:
            conflicts.append(change.key)
        else:
            moves[change.key] = change.before
    return moves, added, conflicts
