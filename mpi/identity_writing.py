"""Adding, updating and removing records: what a machine may decide, and what it asks instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mpi.identity_candidates import Candidates
from mpi.identity_decide import CandidateIdentity, Outcome, Queries, Verdict, decide_queries
from mpi.identity_engine import Engine
from mpi.identity_events import Addition, Change, EventKind, as_json
from mpi.identity_people import People
from mpi.identity_plan import membership_changes
from mpi.identity_queue import is_live
from mpi.identity_results import Receipt
from mpi.identity_session import Session
from mpi.identity_tasks import (
    Question,
    are_declared_different,
    closed_task,
    open_questions_between,
)
from mpi.identity_view import pack_row_value, row_text
from person.enterprise_id import printed_enterprise_id, printed_enterprise_ids

__all__ = ["place_again", "printed_id", "remove_record", "write_people"]

PINNED: Final = "a steward placed this record"
LEFT_ALONE: Final = "the record now says nothing that could be compared"
_EVIDENCE_CANDIDATES_MAX: Final = 5
_NOBODY: Final = as_json({"outcome": Outcome.NEW.value})


def printed_id(session: Session, identity: int | None) -> str | None:
    """An identity number as its enterprise id."""
    if identity is None:
        return None
    return printed_enterprise_id(identity, session.engine.facts.namespace)


def write_people(session: Session, people: People, *, may_update: bool) -> list[Receipt]:
    """Add records, and update those that the index has already.

    Parameters
    ----------
    session : of the write
    people : each record once
    may_update : False leaves records that are there as they are ('unchanged')

    Returns
    -------
    one Receipt a record, in their order; new records are taken first, then updates, each
    seeing what the ones before it did
    """
    sources = session.source_numbers(people.sources)
    encoded = [each.encode() for each in people.record_ids]
    known = session.batch.find_references(sources.astype(np.uint16), encoded)
    receipts: dict[int, Receipt] = {}
    _add_in_waves(session, people, sources, np.flatnonzero(known < 0).tolist(), receipts)
    for place in np.flatnonzero(known >= 0).tolist():
        record = int(known[place])
        if people.voices and people.voices[place] != session.voice:
            session.speak(*people.voices[place])
        if may_update:
            receipts[place] = _update(session, people, place, record, int(sources[place]))
        else:
            receipts[place] = _unchanged(session, people, place, record)
    return [receipts[place] for place in range(len(people))]


# ---------------------------------------------------------------------- adding


def _add_in_waves(
    session: Session,
    people: People,
    sources: NDArray[np.int64],
    places: list[int],
    receipts: dict[int, Receipt],
) -> None:
    """Add new records, together where none of them can matter to another.

    Two records matter to each other if they share a key or a candidate; the later one then waits
    for the next wave, so that the outcome is that of adding them one by one.
    """
    if not places:
        return
    keys = session.engine.key_table(people.rows)
    keys_of = _key_sets(session.engine, keys, places)
    queries = Queries(
        rows=people.rows, source=sources, itself=np.full(len(people), -1, np.int64), keys=keys
    )
    waiting = places
    while waiting:
        verdicts, candidates = decide_queries(session.batch, session.engine, queries.take(waiting))
        wave: list[tuple[int, int]] = []
        later: list[int] = []
        taken: set[Any] = set()
        for query, place in enumerate(waiting):
            concerns = keys_of[place] | {each.identity for each in verdicts[query].candidates}
            if taken.isdisjoint(concerns):
                wave.append((query, place))
            else:
                later.append(place)
            taken |= concerns
        _write_wave(session, people, queries, keys, wave, verdicts, candidates, receipts)
        waiting = later


def _key_sets(
    engine: Engine, keys: NDArray[np.uint64], places: Sequence[int]
) -> dict[int, set[Any]]:
    """(rule, key) of rows; identities, which are plain numbers, never look like them."""
    sets: dict[int, set[Any]] = {place: set() for place in places}
    if len(sets) == 1:  # one record cannot matter to another
        return sets
    for table, listed in enumerate(keys.tolist()):
        rule = engine.rule_of_table(table)
        for place, known in sets.items():
            if listed[place]:
                known.add((rule, listed[place]))
    return sets


def _write_wave(
    session: Session,
    people: People,
    queries: Queries,
    keys: NDArray[np.uint64],
    wave: Sequence[tuple[int, int]],
    verdicts: Sequence[Verdict],
    candidates: Candidates,
    receipts: dict[int, Receipt],
) -> None:
    places = [place for _, place in wave]
    targets = [verdicts[query].identity for query, _ in wave]
    texts = [None if v is None else as_json(v) for v in map(people.values.__getitem__, places)]
    records = session.append(
        people.rows[places],
        queries.source[places],
        [people.record_ids[place] for place in places],
        people.updated_at[places],
        targets,
        texts,
        keys[:, places],
    )
    identities = [r if t is None else t for r, t in zip(records, targets, strict=True)]
    printed = printed_enterprise_ids(identities, session.engine.facts.namespace)
    plain: list[tuple[int, Addition]] = []
    events: dict[int, tuple[int, int | None]] = {}
    for at, (query, place) in enumerate(wave):
        verdict = verdicts[query]
        if people.voices and people.voices[place] != session.voice:
            _write_plain(session, plain, events)
            session.speak(*people.voices[place])
        if verdict.outcome is Outcome.REVIEW or verdict.also:
            _write_plain(session, plain, events)
            if tasks := _tasks(session, verdict, records[at], identities[at]):
                changes = [*_new_record(people, place, records[at], identities[at]), *tasks]
                number = session.write(
                    EventKind.ADD,
                    changes,
                    evidence=_evidence(verdict, candidates),
                    is_automatic=True,
                    batch=session.first_event,
                )
                events[place] = number, tasks[0].key  # type: ignore[assignment]
                continue
        evidence = _evidence_text(verdict, candidates)
        plain.append(
            (place, _addition(people, place, records[at], identities[at], texts[at], evidence))
        )
    _write_plain(session, plain, events)
    for (query, place), enterprise_id in zip(wave, printed, strict=True):
        verdict, (event, task) = verdicts[query], events[place]
        receipts[place] = Receipt(
            action="added",
            source=people.sources[place],
            record_id=people.record_ids[place],
            enterprise_id=enterprise_id,
            outcome=verdict.outcome,
            match_weight=verdict.weight,
            reasons=verdict.reasons,
            event=event,
            task=task,
        )


def _write_plain(
    session: Session,
    plain: list[tuple[int, Addition]],
    events: dict[int, tuple[int, int | None]],
) -> None:
    """Write the events of records that raise no question, and forget them."""
    if plain:
        first = session.write_additions([each for _, each in plain])
        events.update({place: (first + at, None) for at, (place, _) in enumerate(plain)})
        plain.clear()


def _new_record(people: People, place: int, record: int, identity: int) -> list[Change]:
    """The changes by which a record comes."""
    said = pack_row_value(people.rows[place], int(people.updated_at[place]), people.values[place])
    reference = [people.sources[place], people.record_ids[place]]
    return [
        Change("member", record, None, identity),
        Change("reference", record, None, reference),
        Change("row", record, None, said),
    ]


def _addition(
    people: People, place: int, record: int, identity: int, text: str | None, evidence: str
) -> Addition:
    """The same as JSON.

    text : of the values that came, None where they are not kept
    """
    row = row_text(people.rows[place])
    values = "null" if text is None else text
    return Addition(
        record,
        identity,
        evidence,
        f"[{as_json(people.sources[place])},{as_json(people.record_ids[place])}]",
        f'["{row}",{int(people.updated_at[place])},{values}]',
    )


def _evidence(verdict: Verdict, candidates: Candidates) -> dict[str, Any]:
    """Why: outcome, and of the best candidates identity, record, weight, pattern and refusal."""
    if not verdict.candidates:
        return {"outcome": verdict.outcome.value}
    return {
        "outcome": verdict.outcome.value,
        "candidates": [
            [
                each.identity,
                each.record,
                round(each.weight, 4),
                int(candidates.weighed.pattern[each.place]),
                each.refusal,
            ]
            for each in verdict.candidates[:_EVIDENCE_CANDIDATES_MAX]
        ],
        "reasons": list(verdict.reasons),
    }


def _evidence_text(verdict: Verdict, candidates: Candidates) -> str:
    """The same as JSON."""
    return as_json(_evidence(verdict, candidates)) if verdict.candidates else _NOBODY


def _tasks(session: Session, verdict: Verdict, record: int, identity: int) -> list[Change]:
    """Tasks that a verdict raises, not yet written."""
    question = _question(session, verdict, record, identity)
    return [] if question is None else session.ask([question])


def _question(session: Session, verdict: Verdict, record: int, identity: int) -> Question | None:
    """What a verdict asks, None where it is sure."""
    if verdict.outcome is Outcome.REVIEW:
        others = [each for each in verdict.candidates if each.identity != identity]
        return _asked("REVIEW", record, others, verdict.reasons)
    known = {each for each in verdict.also if _is_known(session, identity, each)}
    wanted = set(verdict.also) - known
    others = [each for each in verdict.candidates if each.identity in wanted]
    if not others:
        return None
    return _asked("POSSIBLE_DUPLICATE", record, others, ("one record fits both identities",))


def _asked(
    kind: str, record: int, others: Sequence[CandidateIdentity], reasons: Sequence[str]
) -> Question:
    pairs = [(record, each.record, each.weight, each.refusal) for each in others]
    return Question(kind=kind, pairs=pairs, reasons=tuple(reasons))


def _is_known(session: Session, one: int, other: int) -> bool:
    """Whether it was asked already, or decided, if two identities are one person."""
    if open_questions_between(session.state, one, other):
        return True
    return are_declared_different(session.state, one, other)


# ---------------------------------------------------------------------- updating


def _unchanged(session: Session, people: People, place: int, record: int) -> Receipt:
    return Receipt(
        action="unchanged",
        source=people.sources[place],
        record_id=people.record_ids[place],
        enterprise_id=printed_id(session, session.state.identity_of(record)),
    )


def _update(session: Session, people: People, place: int, record: int, source: int) -> Receipt:
    """Take a record's new content; it may move, or raise a task."""
    held = session.state.row_value(record)
    assert held is not None, "a reference names a record of the index"
    new = pack_row_value(people.rows[place], int(people.updated_at[place]), people.values[place])
    if new[0] == held[0] and (held[2] is None or new[2] is None or new[2] == held[2]):
        return _unchanged(session, people, place, record)
    changes = [Change("row", record, held, new)]
    return place_again(
        session, record, people.rows[place : place + 1], source, changes, EventKind.UPDATE
    )


def place_again(
    session: Session,
    record: int,
    row: NDArray[np.uint64],
    source: int,
    changes: Sequence[Change],
    kind: EventKind,
) -> Receipt:
    """Decide on a record that is in the index anew, and move it where it belongs now.

    Parameters
    ----------
    session : of the write
    record : its number
    row : uint64[1, n_words], what it says now
    source : number of its source
    changes : further changes of the same event
    kind : of the event
    """
    queries = Queries(
        rows=row,
        source=np.array([source], np.int64),
        itself=np.array([record], np.int64),
        different={0: session.different_from(record)},
    )
    verdicts, candidates = decide_queries(session.batch, session.engine, queries)
    verdict = verdicts[0]
    before = session.state.identity_of(record)
    assert before is not None
    target, doubt = _placement(session, record, row, before, verdict)
    moves = membership_changes(session.state, {record: target})
    tasks = _tasks_again(session, verdict, record, target, doubt)
    source_name, record_id = session.reference(record)
    event = None
    if changes or moves or tasks:
        event = session.write(
            kind,
            [*changes, *moves, *tasks],
            evidence=_evidence(verdict, candidates),
            is_automatic=True,
            batch=session.first_event,
        )
    return Receipt(
        action="updated" if target == before else "moved",
        source=source_name,
        record_id=record_id,
        enterprise_id=printed_id(session, target),
        outcome=verdict.outcome,
        match_weight=verdict.weight,
        reasons=doubt,
        event=event,
        task=next((t.key for t in tasks if is_live(t.after)), None),  # type: ignore[arg-type]
        moved_from=None if target == before else printed_id(session, before),
    )


def _tasks_again(
    session: Session,
    verdict: Verdict,
    record: int,
    target: int,
    doubt: tuple[str, ...],
) -> list[Change]:
    """What deciding again on a record makes of the questions about it.

    A question about other records too goes on without this one. The first question takes what is
    now in doubt, so that whoever has it keeps it; without one a new question is raised.
    """
    question = None
    if doubt:
        others = [each for each in verdict.candidates if each.identity != target]
        question = _asked("REVIEW", record, others, doubt)
        if not others:
            question = None
    elif verdict.outcome is Outcome.LINK:
        question = _question(session, verdict, record, target)
    changes = []
    for number, task in sorted(session.state.open_tasks_about(record).items()):
        if task["kind"] == "AUDIT":
            continue
        rest = [tuple(pair) for pair in task["pairs"] if record not in pair[:2]]
        new = [] if question is None else list(question.pairs)
        if rest or new:
            reasons = question.reasons if question is not None and not rest else task["reasons"]
            wanted = Question(kind=task["kind"], pairs=[*rest, *new], reasons=tuple(reasons))
            changes.append(session.ask_instead(number, task, wanted))
        else:
            closed = closed_task(task, "auto", "SUPERSEDED", session.at_ms)
            changes.append(Change("task", number, task, closed))
        question = None if new else question
    return changes if question is None else changes + session.ask([question])


def _placement(
    session: Session, record: int, row: NDArray[np.uint64], before: int, verdict: Verdict
) -> tuple[int, tuple[str, ...]]:
    """(identity that a record belongs to now, doubts for a steward)."""
    others = [each for each in session.state.members(before) if each != record]
    is_pinned = session.is_pinned(record, before)
    own = next((each for each in verdict.candidates if each.identity == before), None)
    if verdict.outcome is Outcome.LINK:
        assert verdict.identity is not None
        if verdict.identity != before and is_pinned:
            return before, (PINNED,)
        return verdict.identity, ()
    if not others or own is not None:
        return before, verdict.reasons
    if is_pinned:
        return before, (PINNED, *verdict.reasons)
    if _is_silent(session, row, others):
        return before, (LEFT_ALONE,)
    is_free = not session.state.was_used(record)
    return (record if is_free else session.reserve()), verdict.reasons


def _is_silent(session: Session, row: NDArray[np.uint64], others: Sequence[int]) -> bool:
    """Whether a row shares no field with any of some records."""
    rows = session.batch.rows(np.array(others[:64], np.int64))
    right = np.arange(len(rows), dtype=np.int32)
    weighed = session.engine.weigh(row, rows, np.zeros(len(rows), np.int32), right)
    return bool(weighed.is_silent.all())


# ---------------------------------------------------------------------- removing


def remove_record(session: Session, record: int) -> Receipt:
    """Take a record out of the index; the last one of an identity retires its id.

    Parameters
    ----------
    session : of the write
    record : its number
    """
    source, record_id = session.reference(record)
    before = session.state.identity_of(record)
    changes = membership_changes(session.state, {record: None})
    changes.append(Change("reference", record, [source, record_id], None))
    changes.append(Change("row", record, session.state.row_value(record), None))
    for other, decision in session.state.decisions_of(record).items():
        pair = (min(record, other), max(record, other))
        changes.append(Change("decision", pair, decision, None))
    event = session.write(EventKind.REMOVE, changes)
    return Receipt(
        action="removed",
        source=source,
        record_id=record_id,
        enterprise_id=None,
        event=event,
        moved_from=printed_id(session, before),
    )
