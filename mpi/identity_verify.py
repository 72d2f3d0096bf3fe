"""Proof that an index is what its journal says, and that everything in it finds its way back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index_store import IndexStore
from mpi.identity_events import Event
from mpi.identity_queue import queue_tables
from mpi.identity_reading import Reader
from mpi.identity_results import VerifyReport
from mpi.identity_state import ABSENT, BulkChanges, IdentityState
from person.enterprise_id import enterprise_ids_for, format_enterprise_ids
from person.errors import MpiError

__all__ = ["replayed_state", "state_at", "verify_index"]

CHUNK_RECORDS: Final = 1 << 16
FINDINGS_MAX: Final = 1000


def replayed_state(reader: Reader, until_ms: int | None = None) -> IdentityState:
    """The state that the journal makes, up to some time or now.

    Parameters
    ----------
    reader : of the index
    until_ms : leave out what happened after this time
    """
    state = IdentityState()
    for _, event in reader.events():
        if until_ms is not None and event.at_ms > until_ms:
            break
        state.apply(event, _bulk_changes(reader, event))
    return state


def _bulk_changes(reader: Reader, event: Event) -> BulkChanges | None:
    """What a bulk load put where: the identity each record was given first."""
    if event.bulk is None or not event.bulk.get("count"):
        return None
    first, count = int(event.bulk["first"]), int(event.bulk["count"])
    numbers = np.arange(first, first + count, dtype=np.int64)
    return BulkChanges(first, reader.snapshot.first_identities(numbers))


def state_at(reader: Reader, until_ms: int | None) -> pa.Table:
    """Records and their enterprise ids: source, record_id, enterprise_id.

    Parameters
    ----------
    reader : of the index
    until_ms : at that time; None for now
    """
    if until_ms is None:
        numbers = np.arange(reader.snapshot.record_count, dtype=np.int64)
        membership = reader.snapshot.identities(numbers)
    else:
        membership = replayed_state(reader, until_ms).membership
    records = np.flatnonzero(membership != ABSENT)
    references = reader.references(records.tolist()) if len(records) else ()
    ids = enterprise_ids_for(membership[records], reader.engine.facts.namespace)
    return pa.table(
        {
            "source": pa.array([each[0] for each in references], pa.string()),
            "record_id": pa.array([each[1] for each in references], pa.string()),
            "enterprise_id": format_enterprise_ids(ids),
        }
    )


def verify_index(store: IndexStore, reader: Reader) -> VerifyReport:
    """Check an index against its journal.

    Parameters
    ----------
    store : of the index, which checks its own pages
    reader : of the same moment

    Returns
    -------
    VerifyReport
    """
    findings: list[str] = []
    check = getattr(store, "check", None)
    if check is not None:
        findings += [f"{each.table}: {each.message}" for each in check()]
    state = IdentityState()
    try:
        state = replayed_state(reader)
    except MpiError as error:
        findings.append(str(error))
    else:
        findings += state.problems()
        findings += _membership_findings(reader, state)
        findings += _table_findings(reader, state)
    findings += _record_findings(reader)
    return VerifyReport(
        records=int((state.membership != ABSENT).sum()),
        identities=len(state.live_identities()),
        events=reader.snapshot.event_count,
        findings=tuple(findings[:FINDINGS_MAX]),
    )


def _chunks(reader: Reader) -> Iterator[NDArray[np.int64]]:
    count = reader.snapshot.record_count
    for first in range(0, count, CHUNK_RECORDS):
        yield np.arange(first, min(first + CHUNK_RECORDS, count), dtype=np.int64)


def _membership_findings(reader: Reader, state: IdentityState) -> list[str]:
    findings = []
    replayed = np.full(max(reader.snapshot.record_count, state.record_count), ABSENT, np.int64)
    replayed[: state.record_count] = state.membership
    for records in _chunks(reader):
        held = reader.snapshot.identities(records)
        for place in np.flatnonzero(held != replayed[records]).tolist():
            findings.append(f"record {records[place]} is not where the journal puts it")
    live = state.live_identities()
    sizes = np.bincount(state.membership[state.membership != ABSENT])[live]
    for first in range(0, len(live), CHUNK_RECORDS):
        identities = live[first : first + CHUNK_RECORDS]
        offsets, members = reader.snapshot.members(identities)
        owner = np.repeat(identities, np.diff(offsets))
        wrong = replayed[members] != owner
        findings += [f"record {r} is listed under a wrong identity" for r in members[wrong]]
        short = identities[np.diff(offsets) != sizes[first : first + len(identities)]]
        findings += [f"the list of records of identity {i} is not complete" for i in short]
    return findings


def _table_findings(reader: Reader, state: IdentityState) -> list[str]:
    """Redirects, retirements, decisions, tasks and rows against the journal."""
    snapshot, findings = reader.snapshot, []
    held: dict[str, dict[object, object]] = {
        "redirect": {
            int.from_bytes(k, "big"): int.from_bytes(v, "big")
            for k, v in snapshot.range("redirect")
        },
        "retired": {int.from_bytes(k, "big"): True for k, _ in snapshot.range("retired")},
        "decision": {
            key: reader.state.get("decision", key)
            for key in (
                (int.from_bytes(k[:4], "big"), int.from_bytes(k[4:], "big"))
                for k, _ in snapshot.range("decision")
            )
        },
        "task": dict(reader.state.tasks(only_open=False)),
    }
    for table, entries in held.items():
        if entries != state.entries[table]:
            findings.append(f"the {table} table is not what the journal says")
    for table, wanted in queue_tables(reader.state.tasks(only_open=False)).items():
        held_there = snapshot.range(table)
        found = {key: value for key, value in held_there if table != "queuecount" or any(value)}
        if found != wanted:
            findings.append(f"the {table} table does not follow from the tasks")
    heirs = {
        int.from_bytes(k[4:], "big"): int.from_bytes(k[:4], "big")
        for k, _ in snapshot.range("heir")
    }
    if heirs != held["redirect"]:
        findings.append("the redirects do not read backwards as they read forwards")
    for record, value in state.entries["row"].items():
        if reader.state.row_value(record) != value:
            findings.append(f"record {record} does not say what the journal says it does")
    for record, reference in state.entries["reference"].items():
        if list(reader.references([record])[0]) != reference:
            findings.append(f"record {record} is not named as the journal names it")
    return findings


def _record_findings(reader: Reader) -> list[str]:
    """Every live record is found by each of its keys; the store checks that by its reference."""
    snapshot, engine, findings = reader.snapshot, reader.engine, []
    for chunk in _chunks(reader):
        records = chunk[snapshot.identities(chunk) >= 0]
        if not len(records):
            continue
        for rule, keys in enumerate(engine.keys(snapshot.rows(records))):
            for table, variant in zip(engine.posting_tables(rule), keys, strict=True):
                keyed = np.flatnonzero(variant)
                offsets, held = snapshot.postings(table, variant[keyed])
                place = np.repeat(np.arange(len(keyed)), np.diff(offsets))
                is_there = np.zeros(len(keyed), np.bool_)
                is_there[place[held == records[keyed][place]]] = True
                name = engine.rules[rule].rule.name
                findings += [
                    f"record {r} is not found by its key of the rule '{name}'"
                    for r in records[keyed][~is_there]
                ]
    return findings
