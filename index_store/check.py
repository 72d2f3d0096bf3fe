"""What is wrong with the bytes of an index, if anything is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index_store.base import Base, posting_table
from index_store.leaf_file import LeafTable
from index_store.leaf_kernels import decode_pairs
from index_store.snapshot import Snapshot
from person.errors import IndexCorruptError

__all__ = ["Finding", "check_snapshot"]

_BLOCK: Final = 1 << 16
_LEAVES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong; the message names numbers and tables, never a person's value."""

    table: str
    message: str


def check_snapshot(snapshot: Snapshot, rules: int) -> list[Finding]:
    """Checksums first; where they hold, order, counts and that tables agree.

    Parameters
    ----------
    snapshot : the moment to check
    rules : number of posting rules
    """
    findings = list(_damaged(snapshot.base)) + list(_damaged_values(snapshot))
    if findings:  # what damaged bytes say of each other means nothing
        return findings
    if snapshot.base is not None:
        findings += _base_entries(snapshot.base, rules)
    findings += _journal(snapshot)
    findings += _records(snapshot)
    return findings


def _damaged(base: Base | None) -> Iterator[Finding]:
    for name, leaf in base.file.damaged() if base is not None else ():
        yield Finding(table=f"base/{name}", message=f"leaf {leaf} does not fit its checksum")


def _damaged_values(snapshot: Snapshot) -> Iterator[Finding]:
    for database in (b"rows", b"records", b"plain", b"journal"):
        for key in snapshot.damaged_values(database):
            yield Finding(
                table=database.decode(),
                message=f"the value at key {len(key)} bytes long does not fit its checksum"
                if database == b"plain"
                else f"value {int.from_bytes(key, 'big')} does not fit its checksum",
            )


def _base_entries(base: Base, rules: int) -> Iterator[Finding]:
    names = ["members", "references", *(posting_table(rule) for rule in range(rules))]
    for name in names:
        table = base.file.tables[name]
        entries = 0
        before = np.uint64(0)
        for first in range(0, len(table.first_keys), _LEAVES):
            found = _decoded(table, first, min(first + _LEAVES, len(table.first_keys)))
            entries += len(found)
            if np.any(found[1:] <= found[:-1]) or (first and found[0] <= before):
                message = f"entries of leaves {first} and after are out of order"
                yield Finding(table=f"base/{name}", message=message)
            if np.any((found & np.uint64(0xFFFFFFFF)) >= np.uint64(base.record_count)):
                message = f"leaves {first} and after name records that do not exist"
                yield Finding(table=f"base/{name}", message=message)
            before = found[-1]
        if entries != table.entries:
            message = f"{entries} entries, but {table.entries} were written"
            yield Finding(table=f"base/{name}", message=message)


def _decoded(table: LeafTable, first: int, last: int) -> NDArray[np.uint64]:
    none = np.zeros(0, np.uint64)
    count = decode_pairs(table.segments, first, last, none, none)
    keys, values = np.empty(count, np.uint64), np.empty(count, np.uint64)
    decode_pairs(table.segments, first, last, keys, values)
    return (keys << np.uint64(32)) | values


def _journal(snapshot: Snapshot) -> Iterator[Finding]:
    expected = 1
    for number, _ in snapshot.journal():
        if number != expected:
            yield Finding(table="journal", message=f"event {expected} is missing")
            expected = number
        expected += 1
    if expected != snapshot.event_count + 1:
        message = f"the last event is {expected - 1}, but {snapshot.event_count} were written"
        yield Finding(table="journal", message=message)


def _records(snapshot: Snapshot) -> Iterator[Finding]:
    """Every record has a row, is found by its reference and listed by its identity."""
    for start in range(0, snapshot.record_count, _BLOCK):
        records = np.arange(start, min(start + _BLOCK, snapshot.record_count), dtype=np.int64)
        try:
            snapshot.rows(records)
            source, record_ids = snapshot.references(records)
        except IndexCorruptError as error:
            yield Finding(table="records", message=str(error))
            continue
        identities = snapshot.identities(records)
        live = identities >= 0
        found = snapshot.find_references(source, record_ids)
        for record in records[live & (found != records)].tolist():
            yield Finding(table="references", message=f"record {record} is not found by its id")
        yield from _orphans(snapshot, records[live], identities[live])


def _orphans(
    snapshot: Snapshot, records: NDArray[np.int64], identities: NDArray[np.int64]
) -> Iterator[Finding]:
    """Membership and members are two views of one relation."""
    distinct = np.sort(identities)  # np.unique takes ten times as long
    distinct = distinct[np.diff(distinct, prepend=-1) != 0]
    offsets, members = snapshot.members(distinct)
    listed = np.sort((np.repeat(distinct, np.diff(offsets)) << 32) | members)
    wanted = (identities << 32) | records
    place = np.minimum(np.searchsorted(listed, wanted), max(len(listed) - 1, 0))
    missing = listed[place] != wanted if len(listed) else np.ones(len(wanted), np.bool_)
    for record in records[missing].tolist():
        yield Finding(table="members", message=f"record {record} is not listed by its identity")
    its_identity = snapshot.identities(members)
    wrong = its_identity != np.repeat(distinct, np.diff(offsets))
    for record in members[wrong].tolist():
        yield Finding(table="members", message=f"record {record} is listed by another identity")
