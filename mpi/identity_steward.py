"""What stewards do: merge, split, declare different, close tasks, take events back.

Their verdicts are kept as decisions on pairs of records, and no automatic work goes against them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mpi.identity_events import Change, Event, EventKind, decode_event
from mpi.identity_plan import (
    DIFFERENT,
    SAME,
    decision_changes,
    membership_changes,
    merge_survivor,
    split_decisions,
    undo_moves,
)
from mpi.identity_queue import asked_records, is_live
from mpi.identity_results import Receipt
from mpi.identity_session import Session
from mpi.identity_tasks import closed_task
from mpi.identity_view import StoreState, touched_events
from mpi.identity_writing import place_again
from person.errors import IdentityError, LinkConflictError, UnknownIdError

__all__ = [
    "batch_events",
    "close_task",
    "declare_different",
    "founding_order",
    "identity_for",
    "merge_identities",
    "split_identity",
    "undo_events",
]


def founding_order(session: Session, identity: int) -> int:
    """When an identity was founded; those of one bulk load are equally old.

    Parameters
    ----------
    session : of the write
    identity : its number
    """
    for first, stop in session.state.bulk_ranges():
        if first <= identity < stop:
            return first
    return identity


def _stated(session: Session) -> dict[str, Any]:
    """Who decides, why, and in which event."""
    return {"by": session.by, "reason": session.reason, "event": session.next_event}


def merge_identities(session: Session, one: int, other: int) -> tuple[int, int]:
    """Declare two live identities one person.

    Parameters
    ----------
    session : of the write
    one, other : identity numbers

    Returns
    -------
    (the identity that lives on, event number)

    Raises
    ------
    IdentityError : they are the same already
    """
    state = session.state
    if one == other:
        raise IdentityError("both ids name the same identity already; there is nothing to merge")
    members = {each: state.members(each) for each in (one, other)}
    survivor = merge_survivor(
        (founding_order(session, each), len(members[each]), each) for each in (one, other)
    )
    loser = other if survivor == one else one
    changes = membership_changes(state, dict.fromkeys(members[loser], survivor))
    declared = [
        (record, known)
        for record in members[loser]
        for known, decision in state.decisions_of(record).items()
        if decision["verdict"] == DIFFERENT and known in members[survivor]
    ]
    stated = _stated(session)
    changes += decision_changes(state, declared, None, **stated)
    pair = (members[survivor][0], members[loser][0])
    changes = [each for each in changes if each.key != (min(pair), max(pair))]
    changes += decision_changes(state, [pair], SAME, **stated)
    return survivor, session.write(EventKind.MERGE, changes)


def split_identity(session: Session, identity: int, parted: Sequence[int]) -> tuple[int, int]:
    """Declare that some records of an identity are another person.

    Parameters
    ----------
    session : of the write
    identity : live
    parted : the records to take out, together one person

    Returns
    -------
    (identity of the parted records, event number)

    Raises
    ------
    IdentityError : records of another identity, or all of them
    """
    state = session.state
    members = state.members(identity)
    remaining = [record for record in members if record not in set(parted)]
    if not parted or not remaining or set(parted) - set(members):
        raise IdentityError(
            "name some, but not all, of the records of the identity; they become a person of "
            "their own"
        )
    target = identity_for(session, identity, sorted(parted))
    changes = membership_changes(state, dict.fromkeys(parted, target))
    same, different = split_decisions(sorted(parted), remaining)
    stated: dict[str, Any] = {
        "by": session.by,
        "reason": session.reason,
        "event": session.next_event,
    }
    changes += decision_changes(state, same, SAME, **stated)
    changes += decision_changes(state, different, DIFFERENT, **stated)
    crossing = _sames_across(session, parted, remaining) - {tuple(sorted(p)) for p in different}
    changes += decision_changes(state, crossing, None, **stated)
    return target, session.write(EventKind.SPLIT, changes)


def identity_for(session: Session, identity: int, parted: Sequence[int]) -> int:
    """The identity of parted records: the one they had before a merge, or one never used.

    Parameters
    ----------
    session : of the write
    identity : that they leave
    parted : the records
    """
    state = session.state
    for record in parted:
        if record != identity and state.redirect(record) == identity:
            return record
    for record in parted:
        if not state.was_used(record):
            return record
    return session.reserve()


def _sames_across(
    session: Session, parted: Sequence[int], remaining: Sequence[int]
) -> set[tuple[int, int]]:
    rest = set(remaining)
    return {
        (min(record, other), max(record, other))
        for record in parted
        for other, decision in session.state.decisions_of(record).items()
        if other in rest and decision["verdict"] == SAME
    }


def declare_different(session: Session, one: int, other: int) -> int:
    """Declare two live identities two people; nobody asks again.

    Parameters
    ----------
    session : of the write
    one, other : identity numbers

    Returns
    -------
    event number
    """
    if one == other:
        raise IdentityError("both ids name the same identity; to part its records, split it")
    _, pairs = split_decisions(session.state.members(one), session.state.members(other))
    stated: dict[str, Any] = {
        "by": session.by,
        "reason": session.reason,
        "event": session.next_event,
    }
    changes = decision_changes(session.state, pairs, DIFFERENT, **stated)
    return session.write(EventKind.DECIDE, changes)


def _alive(session: Session, identity: int) -> int:
    target = session.state.redirect(identity)
    return identity if target is None else target


def close_task(session: Session, number: int, verdict: str) -> int:
    """Close a task without changing anybody's identity.

    Parameters
    ----------
    session : of the write
    number : of the task
    verdict : in a word

    Returns
    -------
    event number
    """
    task = session.state.task(number)
    if task is None or not is_live(task):
        raise UnknownIdError(f"there is no open task {number}")
    closed = closed_task(task, session.by, verdict, session.at_ms)
    return session.write(EventKind.TASK, [Change("task", number, task, closed)])


# ---------------------------------------------------------------------- undo


def undo_events(session: Session, numbers: Sequence[int]) -> tuple[int, list[Receipt]]:
    """Take events back, the last one first, and place anew what came in between.

    Parameters
    ----------
    session : of the write
    numbers : of the events

    Returns
    -------
    (number of the last event written, receipts of records that arrived since and were looked at
    again)

    Raises
    ------
    LinkConflictError : later events stand on them; take those back first
    UnknownIdError : no such event
    """
    undone = -1
    newcomers: set[int] = set()
    for number in sorted(set(numbers), reverse=True):
        event = _event(session, number)
        newcomers |= _arrived_since(session, event, number)
        undone = session.write(EventKind.UNDO, _undoing(session, event, number), undoes=(number,))
        moved = {change.key for change in event.changes if change.table == "member"}
        newcomers -= moved
    receipts = []
    for record in sorted(newcomers):
        if session.state.identity_of(record) is None:
            continue
        known = np.array([record], np.int64)
        source = int(session.batch.references(known)[0][0])
        receipt = place_again(
            session, record, session.batch.rows(known), source, (), EventKind.UPDATE
        )
        if receipt.event is not None:
            receipts.append(receipt)
    return undone, receipts


def batch_events(session: Session, number: int) -> list[int]:
    """Numbers of all events of the batch (one call of the library) that an event belongs to.

    Parameters
    ----------
    session : of the write
    number : of any of them
    """
    event = _event(session, number)
    first = number if event.batch is None else event.batch
    last = first
    for later, data in session.batch.journal(first + 1):
        if decode_event(data).batch != first:
            break
        last = later
    return list(range(first, last + 1))


def _event(session: Session, number: int) -> Event:
    data = session.batch.event(number)
    if data is None:
        raise UnknownIdError(f"the journal has no event {number}")
    event = decode_event(data)
    if event.bulk is not None or event.kind in (EventKind.CREATE, EventKind.MODEL):
        raise IdentityError(
            f"event {number} ({event.kind.value}) cannot be taken back; restore the backup made "
            f"before it"
        )
    return event


def _arrived_since(session: Session, event: Event, number: int) -> set[int]:
    """Records that later events put into identities which an event made larger, or asked about."""
    grown = {
        change.after
        for change in event.changes
        if change.table == "member" and change.before is not None and change.after is not None
    }
    arrived: set[int] = set()
    for identity in grown:
        for later in touched_events(session.batch, identity):
            if later <= number:
                continue
            data = session.batch.event(later)
            assert data is not None
            arrived |= {
                change.key  # type: ignore[misc]
                for change in decode_event(data).changes
                if change.table == "member" and change.after == identity
            }
        asked = session.state.open_tasks_of(identity).values()
        for task in asked:
            arrived |= set(asked_records(task)) if task["event"] > number else set()
    return arrived


def _undoing(session: Session, event: Event, number: int) -> list[Change]:
    """Changes that take an event back from the present state."""
    state = session.state
    moves, returning, conflicts = undo_moves(state, event)
    _check_conflicts(session, event, number, conflicts)
    restored = {c.key: c.before for c in event.changes if c.table == "member" and c.after is None}
    for record in returning:
        moves[record] = _return_to(session, record, restored[record])
    changes = membership_changes(state, moves)
    done = {(change.table, change.key) for change in changes}
    gone = {record for record, target in moves.items() if target is None}
    decided = {c.key: c for c in event.changes if c.table == "decision"}
    _check_decisions(session, number, moves, set(decided))
    for change in reversed(event.changes):
        if change.table in ("reference", "row"):
            changes += _undo_record(session, change, moves, gone)
        elif change.table == "decision":
            if state.get("decision", change.key) == change.after and _holds(state, change, moves):
                changes.append(Change("decision", change.key, change.after, change.before))
        elif change.table == "task":
            changes += _undo_task(session, change)
        elif change.table == "redirect" and ("redirect", change.key) not in done:
            assert isinstance(change.key, int)
            is_alive = change.before is not None and _lives(state, change.before, moves)
            is_alive &= not _lives(state, change.key, moves)
            if is_alive and state.redirect(change.key) == change.after:
                changes.append(Change("redirect", change.key, change.after, change.before))
                if state.is_retired(change.key):
                    changes.append(Change("retired", change.key, True, None))
    return changes


def _check_conflicts(session: Session, event: Event, number: int, conflicts: Sequence[int]) -> None:
    if not conflicts:
        return
    later: set[int] = set()
    for identity in event.affected():
        later |= {n for n in touched_events(session.batch, identity) if n > number}
    raise LinkConflictError(
        f"event {number} cannot be taken back alone: later events moved {len(conflicts)} of its "
        f"records on; take back {', '.join(map(str, sorted(later)[-5:]))} first",
        events=sorted(later),
    )


def _lives(state: StoreState, identity: int, moves: Mapping[int, int | None]) -> bool:
    """Whether an identity has records once some have moved."""
    return identity in moves.values() or any(
        moves.get(record, identity) == identity for record in state.members(identity)
    )


def _holds(state: StoreState, change: Change, moves: Mapping[int, int | None]) -> bool:
    """Whether a decision that comes back is true of where its records are then."""
    if change.before is None:
        return True
    assert isinstance(change.key, tuple)
    one, other = (moves.get(r, state.identity_of(r)) for r in change.key)
    if one is None or other is None:
        return False
    return bool((one == other) == (change.before["verdict"] == SAME))


def _check_decisions(
    session: Session, number: int, moves: Mapping[int, int | None], taken_back: set[Any]
) -> None:
    """Refuse to move records against decisions that stand."""
    events = set()
    for record, target in moves.items():
        if target is None:
            continue
        for other, decision in session.state.decisions_of(record).items():
            pair = (min(record, other), max(record, other))
            there = moves.get(other, session.state.identity_of(other))
            if pair in taken_back or there is None:
                continue
            if (there == target) != (decision["verdict"] == SAME):
                events.add(int(decision["event"]))
    if events:
        raise LinkConflictError(
            f"event {number} cannot be taken back: what a steward decided in event "
            f"{', '.join(map(str, sorted(events)))} stands against it; take that back first",
            events=sorted(events),
        )


def _return_to(session: Session, record: int, identity: int) -> int:
    """The identity that a removed record comes back to."""
    sources, record_ids = session.batch.references(np.array([record], np.int64))
    if session.batch.find_references(sources, record_ids)[0] >= 0:
        raise LinkConflictError(
            "a record with the same source and record id has been added since; remove it first"
        )
    return _alive(session, identity)


def _undo_record(
    session: Session, change: Change, moves: dict[int, int | None], gone: set[int]
) -> list[Change]:
    assert isinstance(change.key, int)
    held = session.state.identity_of(change.key)
    if change.before is None:  # it was added
        if change.key not in gone or held is None:
            return []
        now = change.after
        if change.table == "row":
            now = session.state.row_value(change.key)
        return [Change(change.table, change.key, now, None)]
    if change.after is None:  # it was removed
        is_back = change.key in moves and held is None
        return [Change(change.table, change.key, None, change.before)] if is_back else []
    now = session.state.row_value(change.key)
    if held is None or now != change.after:
        return []
    return [Change("row", change.key, now, change.before)]


def _undo_task(session: Session, change: Change) -> list[Change]:
    """What a change of a task comes to when it is taken back; what came later stays."""
    assert isinstance(change.key, int)
    held = session.state.task(change.key)
    if held is None or change.after is None:
        return []
    if change.before is None:
        closed = closed_task(held, session.by, "UNDONE", session.at_ms)
        return [Change("task", change.key, held, closed if is_live(held) else held)]
    new = dict(held)
    for name in {*change.before, *change.after}:
        was, became = change.before.get(name), change.after.get(name)
        if was != became and held.get(name) == became:
            new[name] = was
    judged = _judged(held, change)
    if judged is not None:
        new["judgements"] = judged
    kept = {name: value for name, value in new.items() if value is not None}
    return [Change("task", change.key, held, kept)]


def _judged(held: dict[str, Any], change: Change) -> list[dict[str, Any]] | None:
    """Judgements stay on a task after they were taken back, and say so; None without any."""
    known = len(change.before.get("judgements", ()))
    given = change.after.get("judgements", [])[known:]
    if not given:
        return None
    judgements = held.get("judgements", [])
    return [each | {"role": "undone"} if each in given else each for each in judgements]
