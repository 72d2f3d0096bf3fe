"""The state of an identity index as its store holds it, and how each change is written there.

Plain tables (keys big-endian, so that their order is number order):

    redirect  identity                 live identity (4 bytes)
    heir      live identity, identity  empty; the redirects read backwards
    retired   identity                 empty
    decision  low record, high record  JSON
    decided   high record, low record  empty; the decisions read backwards
    task      task number (8 bytes)    JSON
    open, asks, queue, queuecount      how tasks are found, see `mpi.identity_queue`
    tasked    task number, event       empty; the events that changed it
    touched   identity, event number   empty; what `history` reads
    value     record                   JSON of the texts as the source sent them
    load      first record             the record after the last one of a bulk load
    source    code of a source         its number (2 bytes)
    overflow  hash of a long name      its codes (4 bytes each)
    named     event number             hashes of the long names that came with it; what readers
                                       that were open before read
"""

from __future__ import annotations

import base64
import json
from binascii import b2a_base64
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from index_store import Snapshot, WriteBatch
from mpi.identity_events import Change
from mpi.identity_queue import write_task
from person.errors import IdentityError, InputError
from person.field import OverflowTable

__all__ = [
    "StoreState",
    "number_key",
    "pack_row_value",
    "put_value",
    "put_values",
    "read_named",
    "read_overflow",
    "read_sources",
    "row_text",
    "tasked_events",
    "touched_events",
    "unpack_row_value",
    "write_all_touched",
    "write_change",
    "write_named",
    "write_overflow",
    "write_source",
    "write_tasked",
    "write_touched",
]

_AS_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
SOURCES_MAX: Final = 65_000
SOURCE_BYTES_MAX: Final = 500
RESERVED_SOURCE: Final = 65_535
"""Source of records that exist only to give their number to an identity."""


def number_key(*numbers: int) -> bytes:
    """Record or identity numbers as a key: 4 bytes each."""
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def _pair_keys(key: bytes) -> tuple[int, int]:
    return int.from_bytes(key[:4], "big"), int.from_bytes(key[4:], "big")


class StoreState:
    """The present state, read from a snapshot or a write batch; a `StateView` of plans."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def identity_of(self, record: int) -> int | None:
        identity = self.snapshot.identity(record)
        return None if identity < 0 else identity

    def members(self, identity: int) -> list[int]:
        return self.snapshot.members_of(identity)

    def redirect(self, identity: int) -> int | None:
        value = self.snapshot.get("redirect", number_key(identity))
        return None if value is None else int.from_bytes(value, "big")

    def redirects_to(self, identity: int) -> list[int]:
        low, high = number_key(identity), number_key(identity + 1)
        return [_pair_keys(key)[1] for key, _ in self.snapshot.range("heir", low, high)]

    def is_retired(self, identity: int) -> bool:
        return self.snapshot.get("retired", number_key(identity)) is not None

    def decisions_of(self, record: int) -> dict[int, dict[str, Any]]:
        low, high = number_key(record), number_key(record + 1)
        found = {}
        for key, value in self.snapshot.range("decision", low, high):
            found[_pair_keys(key)[1]] = json.loads(value)
        for key, _ in self.snapshot.range("decided", low, high):
            other = _pair_keys(key)[1]
            found[other] = self.get("decision", (other, record))
        return found

    def task(self, number: int) -> dict[str, Any] | None:
        if not 0 <= number < 1 << 64:
            return None  # a number that no key holds, as somebody typed it
        value = self.snapshot.get("task", number.to_bytes(8, "big"))
        return None if value is None else json.loads(value)

    def tasks(self, *, only_open: bool = True) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number, task), oldest first."""
        if not only_open:
            for key, value in self.snapshot.range("task"):
                yield int.from_bytes(key, "big"), json.loads(value)
            return
        for key, _ in self.snapshot.range("open"):
            number = int.from_bytes(key, "big")
            task = self.task(number)
            assert task is not None, "an open task is a task"
            yield number, task

    def bulk_ranges(self) -> list[tuple[int, int]]:
        """(first, stop) record numbers of each bulk load."""
        return [
            (int.from_bytes(key, "big"), int.from_bytes(value, "big"))
            for key, value in self.snapshot.range("load")
        ]

    def open_tasks_about(self, record: int) -> dict[int, dict[str, Any]]:
        """Open tasks that ask about a record."""
        low, high = number_key(record), number_key(record + 1)
        numbers = [
            int.from_bytes(key[4:], "big") for key, _ in self.snapshot.range("asks", low, high)
        ]
        return {number: task for number in numbers if (task := self.task(number)) is not None}

    def open_tasks_of(self, identity: int) -> dict[int, dict[str, Any]]:
        """Open tasks that ask about records of an identity."""
        found: dict[int, dict[str, Any]] = {}
        for record in self.members(identity):
            found |= self.open_tasks_about(record)
        return found

    def version_of(self, number: int, identities: Iterable[int]) -> int:
        """Number of the last event that changed a task (0 for none) or one of some identities."""
        last = _last_number(self.snapshot, "tasked", number.to_bytes(8, "big")) if number else 0
        touched = (_last_number(self.snapshot, "touched", number_key(i)) for i in identities)
        return max(last, *touched, 0)

    def was_used(self, identity: int) -> bool:
        """Whether an identity of that number is or was alive."""
        return (
            bool(self.members(identity))
            or self.redirect(identity) is not None
            or self.is_retired(identity)
        )

    def get(self, table: str, key: Any) -> Any:
        if table == "member":
            return self.identity_of(key)
        if table == "redirect":
            return self.redirect(key)
        if table == "retired":
            return True if self.is_retired(key) else None
        if table == "task":
            return self.task(key)
        if table == "decision":
            value = self.snapshot.get("decision", number_key(*key))
            return None if value is None else json.loads(value)
        if table == "row":
            return self.row_value(key)
        raise AssertionError(f"no view of {table}")

    def row_value(self, record: int) -> list[Any] | None:
        """What a record says, as events write it; None where it is not in the index."""
        if self.identity_of(record) is None:
            return None
        numbers = np.array([record], np.int64)
        row = self.snapshot.rows(numbers)[0]
        updated_at = int(self.snapshot.updated_at(numbers)[0])
        value = self.snapshot.get("value", number_key(record))
        return pack_row_value(row, updated_at, None if value is None else json.loads(value))


def pack_row_value(
    row: NDArray[np.uint64], updated_at: int, values: dict[str, str] | None
) -> list[Any]:
    """[row in base64, time of update, texts as the source sent them or None]."""
    return [row_text(row), updated_at, values]


def row_text(row: NDArray[np.uint64]) -> str:
    """An encoded row as events write it, in base64.

    Parameters
    ----------
    row : uint64[n_words]
    """
    return b2a_base64(row.astype("<u8", copy=False).tobytes(), newline=False).decode()


def unpack_row_value(value: list[Any]) -> tuple[NDArray[np.uint64], int, dict[str, str] | None]:
    """Undo `pack_row_value`."""
    row = np.frombuffer(base64.b64decode(value[0]), "<u8").astype(np.uint64)
    return row, int(value[1]), value[2]


def write_change(batch: WriteBatch, change: Change) -> None:
    """Write a change of a plain table; records and their identities are the store's own."""
    key, before, after = change.key, change.before, change.after
    if change.table == "redirect":
        assert isinstance(key, int)
        if before is not None:
            batch.delete("heir", number_key(before, key))
        if after is None:
            batch.delete("redirect", number_key(key))
        else:
            batch.put("redirect", number_key(key), number_key(after))
            batch.put("heir", number_key(after, key), b"")
    elif change.table == "retired":
        assert isinstance(key, int)
        _set(batch, "retired", number_key(key), None if after is None else b"")
    elif change.table == "decision":
        assert isinstance(key, tuple)
        low, high = key
        _set(batch, "decision", number_key(low, high), _json(after))
        _set(batch, "decided", number_key(high, low), None if after is None else b"")
    elif change.table == "task":
        assert isinstance(key, int)
        write_task(batch, key, before, after)
    else:
        raise AssertionError(f"{change.table} is not a plain table")


def _set(batch: WriteBatch, table: str, key: bytes, value: bytes | None) -> None:
    if value is None:
        batch.delete(table, key)
    else:
        batch.put(table, key, value)


def _json(value: Any) -> bytes | None:
    if value is None:
        return None
    return _AS_JSON(value).encode()


def put_value(batch: WriteBatch, record: int, values: dict[str, str] | None) -> None:
    """Keep a record's texts, or forget them."""
    _set(batch, "value", number_key(record), _json(values))


def put_values(batch: WriteBatch, items: Iterable[tuple[int, str | None]]) -> None:
    """Keep the texts of records that have just come, given as JSON."""
    known = [(number_key(record), text.encode()) for record, text in items if text is not None]
    if known:
        batch.put_all("value", known)


def read_sources(snapshot: Snapshot) -> dict[str, int]:
    """Code of each source -> its number."""
    return {key.decode(): int.from_bytes(value, "big") for key, value in snapshot.range("source")}


def write_source(batch: WriteBatch, name: str, number: int) -> None:
    """Give a source its number.

    Raises
    ------
    IdentityError : too many sources
    InputError : a name that no key of the store could hold
    """
    key = name.encode()
    if len(key) > SOURCE_BYTES_MAX:
        raise InputError(
            f"the name of a source has {len(key)} bytes; at most {SOURCE_BYTES_MAX} are kept: "
            "is the source column the right one?"
        )
    if number >= SOURCES_MAX:
        raise IdentityError(
            f"the index has {SOURCES_MAX} sources already; is the source column the right one?"
        )
    batch.put("source", key, number.to_bytes(2, "big"))


def read_overflow(snapshot: Snapshot) -> OverflowTable:
    """The long names of the index."""
    hashes, lengths, codes = [], [], [np.zeros(0, np.uint32)]
    for key, value in snapshot.range("overflow"):
        hashes.append(int.from_bytes(key, "big"))
        codes.append(np.frombuffer(value, "<u4").astype(np.uint32))
        lengths.append(len(codes[-1]))
    offsets = np.zeros(len(hashes) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return OverflowTable(np.array(hashes, np.uint64), offsets, np.concatenate(codes))


def write_named(batch: WriteBatch, hashes: Iterable[int]) -> None:
    """Note which long names came with a transaction, under its last event."""
    value = b"".join(each.to_bytes(8, "big") for each in hashes)
    batch.put("named", batch.event_count.to_bytes(8, "big"), value)


def read_named(snapshot: Snapshot, after: int) -> Iterator[tuple[int, NDArray[np.uint32]]]:
    """(hash, codes) of the long names that came with events after one."""
    for _, value in snapshot.range("named", (after + 1).to_bytes(8, "big")):
        for start in range(0, len(value), 8):
            held = snapshot.get("overflow", value[start : start + 8])
            assert held is not None, "names are noted when they are written"
            hashed = int.from_bytes(value[start : start + 8], "big")
            yield hashed, np.frombuffer(held, "<u4").astype(np.uint32)


def write_overflow(
    batch: WriteBatch, overflow: OverflowTable, places: NDArray[np.int64] | None = None
) -> None:
    """Keep long names: all, or those at some places of the table."""
    chosen = range(len(overflow)) if places is None else places.tolist()
    for place in chosen:
        hashed = int(overflow.hashes[place])
        codes = overflow.codes[overflow.offsets[place] : overflow.offsets[place + 1]]
        batch.put("overflow", hashed.to_bytes(8, "big"), codes.astype("<u4").tobytes())


def write_all_touched(batch: WriteBatch, identities: Iterable[int], first: int) -> None:
    """Note the one identity that each of some events concerned, numbered from `first`."""
    keys = (number_key(i) + n.to_bytes(8, "big") for n, i in enumerate(identities, first))
    batch.put_all("touched", [(key, b"") for key in keys])


def write_touched(batch: WriteBatch, identities: Iterable[int], event: int) -> None:
    """Note which identities an event concerned."""
    number = event.to_bytes(8, "big")
    for identity in identities:
        batch.put("touched", number_key(identity) + number, b"")


def write_tasked(batch: WriteBatch, numbers: Iterable[int], event: int) -> None:
    """Note which tasks an event changed."""
    for number in numbers:
        batch.put("tasked", number.to_bytes(8, "big") + event.to_bytes(8, "big"), b"")


def tasked_events(snapshot: Snapshot, number: int) -> list[int]:
    """Numbers of the events that changed a task, rising."""
    low, high = number.to_bytes(8, "big"), (number + 1).to_bytes(8, "big")
    return [int.from_bytes(key[8:], "big") for key, _ in snapshot.range("tasked", low, high)]


def _last_number(snapshot: Snapshot, table: str, prefix: bytes) -> int:
    """The last event noted under a prefix, 0 for none."""
    high = (int.from_bytes(prefix, "big") + 1).to_bytes(len(prefix), "big")
    for key, _ in snapshot.range_down(table, prefix, high):
        return int.from_bytes(key[-8:], "big")
    return 0


def touched_events(snapshot: Snapshot, identity: int) -> list[int]:
    """Numbers of the events that concerned an identity, rising."""
    low, high = number_key(identity), number_key(identity + 1)
    return [int.from_bytes(key[4:], "big") for key, _ in snapshot.range("touched", low, high)]
