"""The tables by which a question is found: by its place in the queue and by its records.

All of them follow from the `task` table; nothing here is in the journal.

    open        task number                        empty; the tasks nobody has closed
    asks        record, task number                empty; the open tasks that ask about it
    queue       status, place, task number         what filters look at, see `pack_entry`
    queuecount  status                             how many tasks have it (8 bytes)

The place of a task that waits is its rank turned round (8 bytes), so that the most urgent comes
first; of a deferred one the time it comes back; of a closed one the time it was closed, latest
first.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from index_store import Snapshot, WriteBatch

__all__ = [
    "STATUS_NUMBERS",
    "Entry",
    "asked_records",
    "due_keys",
    "is_live",
    "pack_entry",
    "queue_key",
    "queue_tables",
    "status_counts",
    "unpack_entry",
    "waiting_place",
    "write_task",
]

STATUS_NUMBERS: Final = {"open": 1, "escalated": 2, "approval": 3, "deferred": 4, "closed": 5}
"""Status -> the first byte of its keys in the queue."""

_RANK_SCALE: Final = 1_000_000.0
_PLACE_MAX: Final = (1 << 63) - 1
_WAITING_PLACE: Final = 1 << 62
_DEFERRED_PLACE: Final = 3 << 61
_UNWEIGHED: Final = float("-inf")
_AS_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
SEPARATOR: Final = "\x1f"


@dataclass(frozen=True, slots=True)
class Entry:
    """What filters look at.

    Attributes
    ----------
    weight : of the heaviest pair, -inf without one
    kind, assignee : of the task, '' for nobody
    sources : that its records come from
    reason : why no machine decided
    names : of its records, folded to small letters
    """

    weight: float
    kind: str
    assignee: str
    sources: tuple[str, ...]
    reason: str
    names: str


def is_live(task: dict[str, Any] | None) -> bool:
    """Whether somebody still has to answer a task."""
    return task is not None and task["status"] != "closed"


def asked_records(task: dict[str, Any]) -> list[int]:
    """Records that a task asks about, rising."""
    return sorted({record for pair in task["pairs"] for record in pair[:2]})


def queue_key(number: int, task: dict[str, Any]) -> bytes:
    """Where a task stands in the queue: 17 bytes, in the order in which it is read.

    Parameters
    ----------
    number, task : of the task table
    """
    status = task["status"]
    if status == "closed":
        place = _PLACE_MAX - int(task.get("closed_ms", 0))
    elif status == "deferred":
        place = _DEFERRED_PLACE + int(task.get("due_ms") or 0)
    else:
        return bytes([STATUS_NUMBERS[status]]) + waiting_place(number, task)
    return bytes([STATUS_NUMBERS[status]]) + place.to_bytes(8, "big") + number.to_bytes(8, "big")


def waiting_place(number: int, task: dict[str, Any]) -> bytes:
    """Where a task stands among those that wait: 16 bytes.

    Parameters
    ----------
    number, task : of the task table
    """
    place = _WAITING_PLACE - round(task["rank"] * _RANK_SCALE)
    return place.to_bytes(8, "big") + number.to_bytes(8, "big")


def due_keys(now_ms: int) -> tuple[bytes, bytes]:
    """Bounds of the keys of deferred tasks that are due.

    Parameters
    ----------
    now_ms : milliseconds of UTC
    """
    status = bytes([STATUS_NUMBERS["deferred"]])
    return status, status + (_DEFERRED_PLACE + now_ms + 1).to_bytes(8, "big")


def pack_entry(task: dict[str, Any]) -> bytes:
    """What the queue keeps of a task: its weight (8 bytes), then texts.

    Parameters
    ----------
    task : of the task table
    """
    weight = task["pairs"][0][2] if task["pairs"] else None
    texts = (
        task["kind"],
        _clear(task.get("assignee") or ""),
        SEPARATOR.join(["", *map(_clear, task["sources"]), ""]),
        _clear("; ".join(task["reasons"])),
        SEPARATOR.join(map(_clear, task["names"])).casefold(),
    )
    return struct.pack("<d", _UNWEIGHED if weight is None else weight) + "\x1e".join(texts).encode()


def _clear(text: str) -> str:
    """A text without the characters that part texts."""
    return text.replace("\x1e", " ").replace(SEPARATOR, " ")


def unpack_entry(value: bytes) -> Entry:
    """Undo `pack_entry`."""
    (weight,) = struct.unpack_from("<d", value)
    kind, assignee, sources, reason, names = value[8:].decode().split("\x1e", 4)
    return Entry(weight, kind, assignee, tuple(sources.split(SEPARATOR)[1:-1]), reason, names)


def write_task(
    batch: WriteBatch, number: int, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    """Write one task and all that it is found by.

    Parameters
    ----------
    batch : of the write
    number : of the task
    before, after : its entry of the task table, None for none
    """
    key = number.to_bytes(8, "big")
    for task, is_added in ((before, False), (after, True)):
        if task is None:
            continue
        _count(batch, task["status"], 1 if is_added else -1)
        if is_added:
            batch.put("queue", queue_key(number, task), pack_entry(task))
        else:
            batch.delete("queue", queue_key(number, task))
        for record in asked_records(task) if is_live(task) else ():
            _set(batch, "asks", record.to_bytes(4, "big") + key, is_added)
    _set(batch, "open", key, is_live(after))
    if after is None:
        batch.delete("task", key)
    else:
        batch.put("task", key, _AS_JSON(after).encode())


def _set(batch: WriteBatch, table: str, key: bytes, is_there: bool) -> None:
    if is_there:
        batch.put(table, key, b"")
    else:
        batch.delete(table, key)


def _count(batch: WriteBatch, status: str, change: int) -> None:
    key = bytes([STATUS_NUMBERS[status]])
    held = int.from_bytes(batch.get("queuecount", key) or b"", "big")
    batch.put("queuecount", key, (held + change).to_bytes(8, "big"))


def status_counts(snapshot: Snapshot) -> dict[str, int]:
    """How many tasks have each status."""
    held = dict(snapshot.range("queuecount"))
    return {
        status: int.from_bytes(held.get(bytes([number]), b""), "big")
        for status, number in STATUS_NUMBERS.items()
    }


def queue_tables(tasks: Iterator[tuple[int, dict[str, Any]]]) -> dict[str, dict[bytes, bytes]]:
    """What the tables must hold for some tasks, for checking.

    Parameters
    ----------
    tasks : (number, entry of the task table), all of them

    Returns
    -------
    table -> key -> value
    """
    tables: dict[str, dict[bytes, bytes]] = {
        name: {} for name in ("open", "asks", "queue", "queuecount")
    }
    counts = dict.fromkeys(STATUS_NUMBERS, 0)
    for number, task in tasks:
        key = number.to_bytes(8, "big")
        counts[task["status"]] += 1
        tables["queue"][queue_key(number, task)] = pack_entry(task)
        if is_live(task):
            tables["open"][key] = b""
            for record in asked_records(task):
                tables["asks"][record.to_bytes(4, "big") + key] = b""
    for status, count in counts.items():
        if count:
            tables["queuecount"][bytes([STATUS_NUMBERS[status]])] = count.to_bytes(8, "big")
    return tables
