"""One case: everything that a steward needs to answer one question, read at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, Final

import numpy as np

from mpi.identity_events import decode_event
from mpi.identity_golden import GoldenRecord, golden_of_records
from mpi.identity_queue import asked_records
from mpi.identity_reading import Reader
from mpi.identity_results import time_text
from mpi.identity_view import number_key, touched_events
from mpi.review.decisions import read_approval_rules
from mpi.review.differences import name_syllables
from mpi.review.history import task_history
from mpi.review.neighbours import find_look_alikes
from mpi.review.pairs import PairInput, pair_views, value_spans
from mpi.review.rows import identities_of, task_row
from mpi.review.types import (
    Case,
    FieldView,
    PairView,
    RecordView,
    StandingDecision,
    TaskRow,
    TaskStatus,
)
from mpi.review.values import StatedRecord, fields_in_order, printed_facts, stated_records
from person.errors import UnknownIdError

__all__ = ["build_bare_case", "build_case", "build_identity_case"]

RECORDS_MAX: Final = 24
PAIRS_MAX: Final = 40
EDGES_MAX: Final = 200
_EVENTS_SEARCHED: Final = 200


def build_case(reader: Reader, number: int, now_ms: int) -> Case:
    """The case of a task: its records side by side, how they differ, and what led here.

    Parameters
    ----------
    reader : of the index, and so of one moment: all of the case is read from it
    number : of the task, closed ones too
    now_ms : milliseconds of UTC; a deferred task that is due by then is open

    Returns
    -------
    Case: those of its identities' records that are asked about, then as many as make about
    `RECORDS_MAX` in all, at least two of an identity; the rest is counted in `records_left_out`.
    At most `PAIRS_MAX` pairs, those in doubt first, then the heaviest. Of a task of the audit two
    records and nothing that would give away what was made of them

    Raises
    ------
    UnknownIdError : there is no such task

    Notes
    -----
    Every pair shown is compared and explained again; `build_bare_case` does without, in a tenth of
    the time.
    """
    task = reader.state.task(number)
    if task is None:
        raise UnknownIdError(f"there is no task {number}")
    row = task_row(reader, number, task, now_ms)
    if task["kind"] == "AUDIT":
        return _blind_case(reader, row, task)
    return _case(reader, row, task, identities_of(reader.state, task), number)


def build_bare_case(reader: Reader, number: int, now_ms: int) -> Case:
    """The records of a task's case in the same order, with what they say and nothing about it.

    Parameters
    ----------
    reader, number, now_ms : see `build_case`

    Returns
    -------
    Case: the task, the same records with their values, `records_left_out` and `values_kept`; no
    pairs, edges, golden records or history, and of a task of the audit no enterprise ids either

    Raises
    ------
    UnknownIdError : there is no such task

    Notes
    -----
    For sheets of many tasks: a tenth of the time of `build_case`.
    """
    task = reader.state.task(number)
    if task is None:
        raise UnknownIdError(f"there is no task {number}")
    row = task_row(reader, number, task, now_ms)
    is_blind = task["kind"] == "AUDIT"
    identities = identities_of(reader.state, task)
    members = {each: reader.state.members(each) for each in identities}
    records = list(task["pairs"][0][:2]) if is_blind else _shown(members, asked_records(task))
    printed = {record: reader.print_id(i) for i, held in members.items() for record in held}
    stated = stated_records(reader, records, with_flags=False)
    references = reader.references(records)
    views = tuple(
        RecordView(
            source=source,
            record_id=record_id,
            enterprise_id="" if is_blind else printed[each.record],
            updated_at=None,
            added_at=None,
            fields=_bare_fields(reader, each),
            compared_with=None,
        )
        for each, (source, record_id) in zip(stated, references, strict=True)
    )
    total = sum(map(len, members.values()))
    return Case(
        task=row,
        records=views,
        pairs=(),
        records_left_out=0 if is_blind else total - len(records),
        values_kept=_kept(reader, stated),
    )


def build_identity_case(reader: Reader, enterprise_id: str, now_ms: int) -> Case:
    """The case of one identity that no task asks about.

    Parameters
    ----------
    reader : of the index
    enterprise_id : redirects are followed
    now_ms : milliseconds of UTC

    Raises
    ------
    UnknownIdError : no such identity, or a retired one
    """
    identity = reader.live_number_of(enterprise_id)
    members = reader.state.members(identity)
    row = TaskRow(
        number=0,
        version=reader.state.version_of(0, (identity,)),
        kind="IDENTITY",
        status=TaskStatus.OPEN,
        enterprise_ids=(reader.print_id(identity),),
        title_names=(printed_facts(reader, members[:1])[0]["name"],),
        records=len(members),
        sources=tuple(sorted({source for source, _ in reader.references(members)})),
        match_weight=None,
        match_probability=None,
        priority=0.0,
        safety=(),
        reason="",
        created_at=time_text(now_ms),
    )
    return _case(reader, row, {"pairs": [], "safety": []}, [identity], 0)


def _case(
    reader: Reader, row: TaskRow, task: dict[str, Any], identities: Sequence[int], number: int
) -> Case:
    members = {each: reader.state.members(each) for each in identities}
    shown = _shown(members, asked_records(task))
    stated = stated_records(reader, shown)
    owner = {record: i for i, held in members.items() for record in held}
    views, edges = _pairs(reader, stated, owner, task)
    total = sum(map(len, members.values()))
    return Case(
        task=row,
        records=_record_views(reader, stated, owner, views),
        pairs=tuple(views),
        edges=edges,
        decisions=_decisions(reader, [record for held in members.values() for record in held]),
        look_alikes=find_look_alikes(reader, stated, set(identities)),
        golden_now=tuple(_golden(reader, members[i], reader.print_id(i)) for i in identities),
        golden_after=_golden_after(reader, members),
        history=task_history(reader, number) if number else (),
        second_approval_needed=_needs_approval(reader, task, total, len(identities)),
        records_left_out=total - len(shown),
        values_kept=_kept(reader, stated),
    )


def _shown(members: dict[int, list[int]], asked: Sequence[int]) -> list[int]:
    """The records that are shown, by identity: those asked about, then as many as fit."""
    wanted = set(asked)
    room = max(RECORDS_MAX // max(len(members), 1), 2)
    shown = []
    for held in members.values():
        first = [record for record in held if record in wanted]
        rest = [record for record in held if record not in wanted]
        shown += first + rest[: max(room - len(first), 0)]
    return shown


def _kept(reader: Reader, stated: Sequence[StatedRecord]) -> str:
    if reader.engine.sealer is not None:
        return "digests"
    return "texts" if any(each.has_texts for each in stated) else "rows"


def _golden(reader: Reader, records: Sequence[int], enterprise_id: str) -> GoldenRecord:
    return golden_of_records(reader, records, enterprise_id, reader.engine.facts.survivorship)


def _golden_after(reader: Reader, members: dict[int, list[int]]) -> GoldenRecord | None:
    if len(members) < 2:
        return None
    records = sorted(record for held in members.values() for record in held)
    return _golden(reader, records, reader.print_id(next(iter(members))))


def _needs_approval(reader: Reader, task: dict[str, Any], total: int, count: int) -> bool:
    rules = read_approval_rules(reader.snapshot)
    return count > 1 and (total > rules.records_max or len(task["safety"]) >= rules.safety_flags)


# ---------------------------------------------------------------------- pairs and edges


def _pairs(
    reader: Reader,
    stated: Sequence[StatedRecord],
    owner: dict[int, int],
    task: dict[str, Any],
) -> tuple[list[PairView], tuple[tuple[int, int, float], ...]]:
    """The pairs to show, and the edges inside the identities."""
    refused = {frozenset(pair[:2]): pair[3] for pair in task["pairs"]}
    across, inside = [], []
    for left, right in combinations(range(len(stated)), 2):
        one, other = stated[left].record, stated[right].record
        if owner[one] == owner[other]:
            inside.append((left, right))
        else:
            across.append((left, right))
    chosen = across if across else inside
    weights = _weights(reader, stated, chosen)
    order = sorted(
        range(len(chosen)),
        key=lambda at: (_names(stated, chosen[at]) not in refused, -weights[at]),
    )
    inputs = []
    for at in order[:PAIRS_MAX]:
        name = _names(stated, chosen[at])
        inputs.append(PairInput(*chosen[at], name in refused, refused.get(name)))
    edges = zip(inside, _weights(reader, stated, inside), strict=True)
    kept = sorted(((*pair, round(weight, 4)) for pair, weight in edges), key=lambda e: -e[2])
    return pair_views(reader, stated, inputs), tuple(kept[:EDGES_MAX])


def _names(stated: Sequence[StatedRecord], pair: tuple[int, int]) -> frozenset[int]:
    return frozenset(stated[place].record for place in pair)


def _weights(
    reader: Reader, stated: Sequence[StatedRecord], pairs: Sequence[tuple[int, int]]
) -> list[float]:
    if not pairs:
        return []
    rows = np.stack([each.row for each in stated])
    left = np.array([pair[0] for pair in pairs], np.int32)
    right = np.array([pair[1] for pair in pairs], np.int32)
    order = np.lexsort((right, left))
    weighed = np.empty(len(pairs))
    weighed[order] = reader.engine.weigh(rows, rows, left[order], right[order]).weight
    found: list[float] = weighed.tolist()
    return found


# ---------------------------------------------------------------------- records


def _record_views(
    reader: Reader,
    stated: Sequence[StatedRecord],
    owner: dict[int, int],
    pairs: Sequence[PairView],
) -> tuple[RecordView, ...]:
    references = reader.references([each.record for each in stated])
    updated = reader.snapshot.updated_at(np.array([each.record for each in stated], np.int64))
    views = []
    for place, each in enumerate(stated):
        compared = _compared_with(place, pairs)
        identity = owner[each.record]
        seconds = int(updated[place])
        views.append(
            RecordView(
                source=references[place][0],
                record_id=references[place][1],
                enterprise_id=reader.print_id(identity),
                updated_at=time_text(seconds * 1000) if seconds else None,
                added_at=_added_at(reader, each.record, identity),
                fields=_field_views(reader, stated, place, compared, pairs),
                compared_with=compared,
                flags=each.flags,
            )
        )
    return tuple(views)


def _compared_with(place: int, pairs: Sequence[PairView]) -> int | None:
    """The other record of the first pair that a record is in."""
    for pair in pairs:
        if place in (pair.left, pair.right):
            return pair.right if place == pair.left else pair.left
    return None


def _field_views(
    reader: Reader,
    stated: Sequence[StatedRecord],
    place: int,
    compared: int | None,
    pairs: Sequence[PairView],
) -> tuple[FieldView, ...]:
    levels: dict[str, str] = {}
    for pair in pairs:
        if compared is not None and {pair.left, pair.right} == {place, compared}:
            levels = pair.levels
            break
    views = []
    for each in fields_in_order(reader.engine.schema):
        value = stated[place].values[each.name]
        spans = ()
        if compared is not None:
            spans, _ = value_spans(each.kind, each.name, stated[place], stated[compared])  # type: ignore[assignment]
        is_name = each.kind == "han_name" and value.text
        views.append(
            FieldView(
                name=each.name,
                role=each.role or None,
                kind=each.kind,
                value=value.text,
                origin=value.origin,
                pinyin=name_syllables(value.text or "") if is_name else None,
                spans=spans,
                level=levels.get(each.name, ""),
            )
        )
    return tuple(views)


def _bare_fields(reader: Reader, stated: StatedRecord) -> tuple[FieldView, ...]:
    return tuple(
        FieldView(
            name=each.name,
            role=each.role or None,
            kind=each.kind,
            value=stated.values[each.name].text,
            origin=stated.values[each.name].origin,
        )
        for each in fields_in_order(reader.engine.schema)
    )


def _added_at(reader: Reader, record: int, identity: int) -> str | None:
    """When the index got to know a record, as far as its identity's events tell."""
    for first, stop in reader.state.bulk_ranges():
        if first <= record < stop:
            value = reader.snapshot.get("loaded", number_key(first))
            if value is None:
                return None
            return time_text(reader.event(int.from_bytes(value, "big")).at_ms)
    for number in touched_events(reader.snapshot, identity)[:_EVENTS_SEARCHED]:
        data = reader.snapshot.event(number)
        event = decode_event(data or b"")
        for change in event.changes:
            if change.table == "member" and change.key == record and change.before is None:
                return time_text(event.at_ms)
    return None


# ---------------------------------------------------------------------- decisions


def _decisions(reader: Reader, records: Sequence[int]) -> tuple[StandingDecision, ...]:
    """What stewards decided on records of the case and what still holds."""
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for record in records:
        for other, decision in reader.state.decisions_of(record).items():
            found[min(record, other), max(record, other)] = decision
    result = []
    for (low, high), decision in sorted(found.items(), key=lambda item: item[1]["event"]):
        left, right = reader.references([low, high])
        result.append(
            StandingDecision(
                left=left,
                right=right,
                verdict=decision["verdict"],
                by=decision["by"],
                at=time_text(reader.event(decision["event"]).at_ms),
                event=decision["event"],
                reason=decision["reason"],
            )
        )
    return tuple(result)


# ---------------------------------------------------------------------- audits


def _blind_case(reader: Reader, row: TaskRow, task: dict[str, Any]) -> Case:
    """Two records and nothing of what the machine thinks of them."""
    records = list(task["pairs"][0][:2])
    stated = stated_records(reader, records)
    one, other = stated
    spans = {
        each.name: value_spans(each.kind, each.name, one, other)
        for each in reader.engine.schema.fields
    }
    pair = PairView(
        left=0,
        right=1,
        match_weight=0.0,
        match_probability=0.0,
        steps=(),
        rules=(),
        decision="",
        why_not_automatic=(),
        asked=True,
        spans_left={name: each[0] for name, each in spans.items()},
        spans_right={name: each[1] for name, each in spans.items()},
    )
    owner = {record: reader.state.identity_of(record) or 0 for record in records}
    views = _record_views(reader, stated, owner, [pair])
    return Case(
        task=row,
        records=tuple(_without_identity(each) for each in views),
        pairs=(pair,),
        history=(),
        values_kept=_kept(reader, stated),
    )


def _without_identity(view: RecordView) -> RecordView:
    return replace(view, enterprise_id="")
