"""Questions for stewards: how one is put, what it is about, and when it has been answered.

A question holds pairs of records, so it follows its records wherever they are moved; the
identities that it asks about are those that hold these records now. An entry of the task table:

    kind, status          'REVIEW', 'POSSIBLE_DUPLICATE', 'AUDIT'; see `mpi.review.types.TaskStatus`
    pairs                 [[record, record, match weight, why refused or null], ...], heaviest first
    reasons               why no machine decided
    names, sources        of the records that the pairs name; records of all their identities
    records               counted
    safety, rank          see `mpi.review.priority`
    event, created_ms     that raised it
    assignee, due_ms, comments, judgements, proposal, closed_by, closed_ms, verdict: where given
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mpi.identity_engine import Engine
from mpi.identity_events import Change
from mpi.identity_plan import DIFFERENT
from mpi.identity_queue import asked_records, is_live
from mpi.identity_view import StoreState
from mpi.pair_guards import HELD_APART
from mpi.review.priority import blind_rank, rank
from person.han_names import word_text

__all__ = [
    "PAIRS_MAX",
    "Question",
    "are_declared_different",
    "closed_task",
    "follow_up",
    "new_tasks",
    "open_questions_between",
    "pair_states",
    "reweighed",
]

PAIRS_MAX: Final = 64
"""Pairs that a question keeps; of more, the heaviest."""

_MEMBERS_LOOKED_AT: Final = 64
_BLOOD: Final = ("blood", "血型")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be asked.

    Attributes
    ----------
    kind : of the task
    pairs : (record, record, match weight, why it may not be linked) in doubt; the first record is
        the one in question
    reasons : why no machine decided
    more : further entries of the task
    """

    kind: str
    pairs: Sequence[tuple[int, int, float | None, str | None]]
    reasons: tuple[str, ...]
    more: Mapping[str, Any] = field(default_factory=dict)


def new_tasks(
    state: StoreState,
    engine: Engine,
    source_names: Mapping[int, str],
    questions: Sequence[Question],
    *,
    event: int,
    at_ms: int,
) -> list[dict[str, Any]]:
    """Entries of the task table for new questions.

    Parameters
    ----------
    state : the present, the records included
    engine : of the index
    source_names : number of a source -> its code
    questions : what is asked
    event, at_ms : that raises them, and when
    """
    tasks = [_entry(question, event, at_ms) for question in questions]
    _describe(state, engine, source_names, tasks)
    return tasks


def _entry(question: Question, event: int, at_ms: int) -> dict[str, Any]:
    pairs: list[list[Any]] = [
        [int(one), int(other), None if weight is None else round(float(weight), 4), why]
        for one, other, weight, why in question.pairs
    ]
    pairs.sort(key=lambda pair: -(pair[2] if pair[2] is not None else -1e9))
    return {
        "kind": question.kind,
        "status": "open",
        "pairs": pairs[:PAIRS_MAX],
        "reasons": list(question.reasons),
        "event": event,
        "created_ms": at_ms,
        **question.more,
    }


def reweighed(
    state: StoreState,
    engine: Engine,
    source_names: Mapping[int, str],
    task: dict[str, Any],
    question: Question,
) -> dict[str, Any]:
    """A task that asks something else from now on; who has it and what was said stay.

    Parameters
    ----------
    state, engine, source_names : see `new_tasks`
    task : as it was
    question : what it is to ask
    """
    entry = _entry(question, task["event"], task["created_ms"])
    new = task | {"pairs": entry["pairs"], "reasons": entry["reasons"]}
    _describe(state, engine, source_names, [new])
    return new


def _describe(
    state: StoreState,
    engine: Engine,
    source_names: Mapping[int, str],
    tasks: Sequence[dict[str, Any]],
) -> None:
    """Write into tasks what the queue shows of them: names, sources, sizes, safety, rank."""
    asked = [asked_records(task) for task in tasks]
    records = sorted({record for each in asked for record in each})
    place = {record: at for at, record in enumerate(records)}
    numbers = np.array(records, np.int64)
    snapshot = state.snapshot
    rows, identities = snapshot.rows(numbers), snapshot.identities(numbers)
    found = np.unique(identities[identities >= 0])
    bounds, members = snapshot.members(found)
    offsets: list[int] = bounds.tolist()
    member_source = snapshot.references(members)[0]
    record_source = snapshot.references(numbers)[0]
    names, ids = _names(engine, rows), engine.identity_keys(rows)
    for task, of_task in zip(tasks, asked, strict=True):
        at = [place[record] for record in of_task]
        held = np.searchsorted(found, np.unique(identities[at][identities[at] >= 0]))
        spans = [slice(offsets[each], offsets[each + 1]) for each in held.tolist()]
        codes = {int(code) for span in spans for code in member_source[span]}
        task["names"] = [names[each] for each in at]
        task["sources"] = sorted(source_names.get(code, "") for code in codes)
        task["records"] = sum(span.stop - span.start for span in spans)
        if task["kind"] == "AUDIT":  # the two records alone: the identity would tell its links
            own = {int(code) for code in record_source[at]}
            task["sources"] = sorted(source_names.get(code, "") for code in own)
            task["records"] = len(at)
        task["safety"] = _safety(engine, task, rows[at], ids[at])
        weight = task["pairs"][0][2]
        probability = engine.probability(weight) if weight is not None else 0.5
        task["rank"] = (
            blind_rank(task["created_ms"])
            if task["kind"] == "AUDIT"
            else rank(probability, task["records"], len(codes), task["safety"], task["created_ms"])
        )


def _names(engine: Engine, rows: NDArray[np.uint64]) -> list[str]:
    """The printed name of each row, '' where it has none."""
    for each in engine.schema.fields:
        if each.kind == "han_name" and not engine.layout.is_hashed(each.name):
            word, shift, bits = engine.layout.slots(each.name)[0].tolist()
            values = rows[:, word] >> np.uint64(shift) & np.uint64((1 << bits) - 1)
            long_names = engine.names.of_rows(rows)
            return [word_text(v, long_names) if v else "" for v in values.tolist()]
    return [""] * len(rows)


def _safety(
    engine: Engine, task: dict[str, Any], rows: NDArray[np.uint64], ids: NDArray[np.uint64]
) -> list[str]:
    """Keys of `mpi.review.priority.SAFETY` that hold of a task's records."""
    found = []
    for each in engine.schema.fields:
        is_sex = each.kind == "gender"
        is_blood = each.kind == "category" and any(
            word in name.casefold() for name in (each.name, *each.columns) for word in _BLOOD
        )
        if (is_sex or is_blood) and not engine.layout.is_hashed(each.name):
            word, shift, bits = engine.layout.slots(each.name)[0].tolist()
            values = rows[:, word] >> np.uint64(shift) & np.uint64((1 << bits) - 1)
            if len(set(values[values != 0].tolist())) > 1:
                found.append("sex_differs" if is_sex else "blood_type_differs")
    if len(set(ids[ids != 0].tolist())) > 1:
        found.append("two_valid_id_numbers")
    if any(why in HELD_APART for *_, why in task["pairs"]):
        found.append("one_number_unlike_people")
    return sorted(found)


# ---------------------------------------------------------------------- is it answered


def are_declared_different(state: StoreState, one: int, other: int) -> bool:
    """Whether a steward declared records of two identities different.

    Parameters
    ----------
    state : the present
    one, other : identity numbers
    """
    first, second = sorted((state.members(one), state.members(other)), key=len)
    others = set(second)
    return any(
        decision["verdict"] == DIFFERENT and known in others
        for record in first[:_MEMBERS_LOOKED_AT]
        for known, decision in state.decisions_of(record).items()
    )


def open_questions_between(state: StoreState, one: int, other: int) -> list[int]:
    """Numbers of the live tasks that ask whether two identities are one person.

    Parameters
    ----------
    state : the present
    one, other : identity numbers
    """
    wanted = {one, other}
    return [
        number
        for number, task in state.open_tasks_of(one).items()
        if any({state.identity_of(r) for r in pair[:2]} == wanted for pair in task["pairs"])
    ]


def pair_states(state: StoreState, task: dict[str, Any]) -> list[str]:
    """What became of each pair of a task: 'open', 'same', 'different' or 'gone'.

    Parameters
    ----------
    state : the present
    task : of the task table
    """
    found = []
    for one, other, *_ in task["pairs"]:
        left, right = state.identity_of(one), state.identity_of(other)
        if left is None or right is None:
            found.append("gone")
        elif left == right:
            found.append("same")
        else:
            is_different = are_declared_different(state, left, right)
            found.append("different" if is_different else "open")
    return found


_VERDICTS: Final = {
    frozenset({"same"}): "MERGE",
    frozenset({"different"}): "DIFFERENT",
    frozenset({"gone"}): "REMOVED",
    frozenset({"same", "gone"}): "MERGE",
    frozenset({"different", "gone"}): "DIFFERENT",
}


def closed_task(task: dict[str, Any], by: str, verdict: str, at_ms: int) -> dict[str, Any]:
    """A task, closed.

    Parameters
    ----------
    task : live
    by, verdict, at_ms : who closed it, in a word, when
    """
    kept = {name: value for name, value in task.items() if name not in ("proposal", "due_ms")}
    return kept | {"status": "closed", "closed_by": by, "verdict": verdict, "closed_ms": at_ms}


def follow_up(state: StoreState, changes: Iterable[Change], *, by: str, at_ms: int) -> list[Change]:
    """Changes that close the tasks which other changes have answered.

    Parameters
    ----------
    state : the present, the changes already made
    changes : of members, decisions and tasks; a task that is among them is left alone
    by, at_ms : who made them, and when
    """
    records: set[int] = set()
    own: set[int] = set()
    for change in changes:
        if change.table == "member" and change.before is not None:
            records.add(change.key)  # type: ignore[arg-type]
        elif change.table == "decision" and change.after is not None:
            records.update(change.key)  # type: ignore[arg-type]
        elif change.table == "task":
            own.add(change.key)  # type: ignore[arg-type]
    asked: dict[int, dict[str, Any]] = {}
    for record in sorted(records):
        asked |= state.open_tasks_about(record)
    if any(change.table == "decision" for change in changes):
        for record in sorted(records):  # a verdict speaks for identities as wholes
            identity = state.identity_of(record)
            asked |= {} if identity is None else state.open_tasks_of(identity)
    found = []
    for number, task in sorted(asked.items()):
        if number in own or not is_live(task):
            continue
        states = set(pair_states(state, task))
        if task["kind"] == "AUDIT":
            states = {"gone"} if "gone" in states else {"open"}
        if "open" not in states:
            verdict = _VERDICTS.get(frozenset(states), "PARTLY")
            found.append(Change("task", number, task, closed_task(task, by, verdict, at_ms)))
    return found
