"""The events of an identity index's journal: what changed, by whom, why, on what evidence.

The journal is the truth. An event lists every entry that it changed, with the value before and
the value after, so that it can be applied again, checked, and taken back:

    table      key                     value
    member     record number           identity number; null = not in the index
    reference  record number           [source, record id]
    row        record number           encoded row (base64), time of update, original values
    redirect   identity number         the live identity that took it over
    retired    identity number         true: its last record was removed
    decision   [low, high record]      {"verdict": "SAME" | "DIFFERENT", "by", "reason", "event"}
    task       task number             what a steward is asked, and what became of it

Bytes of an event: one version byte (1 plain, 2 zstd after 4 bytes of length, little-endian), then
JSON in UTF-8 with single-letter keys, see `encode_event`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

import pyarrow as pa

from person.errors import IdentityError

__all__ = [
    "TABLES",
    "Addition",
    "Change",
    "Event",
    "EventKind",
    "addition_start",
    "as_json",
    "decode_event",
    "encode_addition",
    "encode_event",
    "inverse_changes",
]

TABLES: Final = ("member", "reference", "row", "redirect", "retired", "decision", "task")
"""Tables that events change, in the order in which their numbers are written."""

_TABLE_NUMBER: Final = {name: number for number, name in enumerate(TABLES)}
as_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""A value as the journal writes it."""

_PLAIN: Final = b"\x01"
_PACKED: Final = b"\x02"
_PACKED_BYTES_MIN: Final = 1024


class EventKind(StrEnum):
    """What somebody did."""

    CREATE = "CREATE"
    ADD = "ADD"
    UPDATE = "UPDATE"
    REMOVE = "REMOVE"
    MERGE = "MERGE"
    SPLIT = "SPLIT"
    DECIDE = "DECIDE"
    UNDO = "UNDO"
    BULK = "BULK"
    MODEL = "MODEL"
    TASK = "TASK"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of one table, before and after; None where there is no entry.

    Keys are numbers, or (low, high) record numbers of a decision; values are what JSON holds.
    """

    table: str
    key: int | tuple[int, int]
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the journal.

    Attributes
    ----------
    kind : what was done
    at_ms : when, milliseconds of UTC since 1970
    by : who did it; 'auto' for automatic work
    reason : in that person's words
    model : digest of the model that decided, '' where none did
    evidence : weight, candidates and reasons behind an automatic decision
    changes : what it did
    undoes : numbers of the events that it takes back
    batch : number of the first event of the same batch, None for an event of its own
    bulk : where the packed changes of a bulk load are kept, see `mpi.identity_load`
    """

    kind: EventKind
    at_ms: int
    by: str = "auto"
    reason: str = ""
    model: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    undoes: tuple[int, ...] = ()
    batch: int | None = None
    bulk: Mapping[str, Any] | None = None

    @property
    def is_manual(self) -> bool:
        """Whether a person decided this, not a machine."""
        return self.by != "auto"

    def affected(self) -> list[int]:
        """Identities whose records, redirect or end the event changed, rising."""
        found: set[int] = set()
        for change in self.changes:
            if change.table == "member":
                found.update(value for value in (change.before, change.after) if value is not None)
            elif change.table == "redirect":
                assert isinstance(change.key, int)
                found.add(change.key)
                found.update(value for value in (change.before, change.after) if value is not None)
            elif change.table == "retired":
                assert isinstance(change.key, int)
                found.add(change.key)
        return sorted(found)


class Addition(NamedTuple):
    """A record that was added and raised no question.

    Attributes
    ----------
    record, identity : numbers
    evidence, reference, row : JSON of the event's evidence and of what the tables `reference`
        and `row` have after it
    """

    record: int
    identity: int
    evidence: str
    reference: str
    row: str


def inverse_changes(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes that take others back, last first."""
    reversed_changes = (Change(c.table, c.key, c.after, c.before) for c in changes)
    return tuple(reversed_changes)[::-1]


def encode_event(event: Event) -> bytes:
    """An event as bytes of the journal.

    Parameters
    ----------
    event : its number is its place in the journal and is not written

    Returns
    -------
    bytes; what is empty is left out
    """
    raw: dict[str, Any] = {"k": event.kind.value, "t": event.at_ms}
    for key, value in (
        ("b", event.by if event.by != "auto" else ""),
        ("w", event.reason),
        ("m", event.model),
        ("e", dict(event.evidence)),
        ("u", list(event.undoes)),
        ("l", dict(event.bulk) if event.bulk is not None else None),
    ):
        if value:
            raw[key] = value
    if event.batch is not None:
        raw["s"] = event.batch
    if event.changes:
        raw["c"] = [
            [_TABLE_NUMBER[change.table], change.key, change.before, change.after]
            for change in event.changes
        ]
    return _packed(as_json(raw).encode())


def _packed(text: bytes) -> bytes:
    if len(text) < _PACKED_BYTES_MIN:
        return _PLAIN + text
    packed = pa.compress(text, codec="zstd", asbytes=True)
    return _PACKED + len(text).to_bytes(4, "little") + packed


def addition_start(at_ms: int, by: str, reason: str, model: str) -> str:
    """How the text of an event begins by which a record is added: the same for all of a session.

    Parameters
    ----------
    at_ms, by, reason, model : see `Event`
    """
    raw: dict[str, Any] = {"k": EventKind.ADD.value, "t": at_ms}
    named = {"b": by if by != "auto" else "", "w": reason, "m": model}
    raw |= {key: value for key, value in named.items() if value}
    return as_json(raw)[:-1]


def encode_addition(start: str, addition: Addition, batch: int | None) -> bytes:
    """`encode_event` of one added record whose parts are JSON already.

    Parameters
    ----------
    start : by `addition_start`
    addition : the record
    batch : see `Event`
    """
    series = "" if batch is None else f',"s":{batch}'
    record = addition.record
    changes = (
        f"[0,{record},null,{addition.identity}],[1,{record},null,{addition.reference}],"
        f"[2,{record},null,{addition.row}]"
    )
    return _packed(f'{start},"e":{addition.evidence}{series},"c":[{changes}]}}'.encode())


def decode_event(data: bytes) -> Event:
    """Read what `encode_event` wrote.

    Parameters
    ----------
    data : one entry of the journal

    Raises
    ------
    IdentityError : bytes of another version, or damaged
    """
    try:
        version, body = bytes(data[:1]), bytes(data[1:])
        if version == _PACKED:
            size = int.from_bytes(body[:4], "little")
            body = pa.decompress(body[4:], decompressed_size=size, codec="zstd", asbytes=True)
        elif version != _PLAIN:
            raise IdentityError(
                f"a journal entry has version {version.hex() or 'none'}, which this program "
                f"does not know; open the index with the program that wrote it"
            )
        return _from_raw(json.loads(body))
    except (ValueError, KeyError, IndexError, TypeError, OSError) as error:
        raise IdentityError(
            "a journal entry is damaged; run verify, then restore a backup"
        ) from error


def _from_raw(raw: Mapping[str, Any]) -> Event:
    return Event(
        kind=EventKind(raw["k"]),
        at_ms=int(raw["t"]),
        by=raw.get("b", "auto"),
        reason=raw.get("w", ""),
        model=raw.get("m", ""),
        evidence=raw.get("e", {}),
        undoes=tuple(raw.get("u", ())),
        batch=raw.get("s"),
        bulk=raw.get("l"),
        changes=tuple(
            Change(TABLES[table], tuple(key) if isinstance(key, list) else key, before, after)
            for table, key, before, after in raw.get("c", ())
        ),
    )
