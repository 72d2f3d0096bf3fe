"""What filters look at, of all live tasks, as columns in memory that follow the journal.

Each task has a slot, kept as long as the task is live. A filter is a handful of comparisons of
whole columns (a few milliseconds for 100,000 tasks), and a change writes the slots of its tasks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from index_store import Snapshot
from mpi.identity_events import decode_event
from mpi.identity_queue import (
    STATUS_NUMBERS,
    Entry,
    pack_entry,
    unpack_entry,
    waiting_place,
)
from mpi.identity_view import StoreState
from mpi.review.types import Filter

__all__ = ["Place", "Places", "QueueColumns", "entry_fits"]

EVENTS_READ_MAX: Final = 2000
_DEFERRED: Final = STATUS_NUMBERS["deferred"]
_OPEN: Final = STATUS_NUMBERS["open"]
_GROWTH: Final = 1024
Place = tuple[bytes, int]
"""(where a task stands, its number)."""


@dataclass(frozen=True, slots=True)
class Places:
    """Chosen tasks in their order: by rank, then by number.

    Attributes
    ----------
    ranks : uint64[n], the first half of where they stand
    numbers : int64[n], of the tasks, the second half
    """

    ranks: NDArray[np.uint64]
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    def before(self, place: bytes, *, itself: bool) -> int:
        """How many of them stand before a place, with whatever stands there if `itself`."""
        rank, number = np.uint64(int.from_bytes(place[:8], "big")), int.from_bytes(place[8:], "big")
        low = int(np.searchsorted(self.ranks, rank, "left"))
        high = int(np.searchsorted(self.ranks, rank, "right"))
        inside = self.numbers[low:high]
        return low + int((inside <= number).sum() if itself else (inside < number).sum())

    def between(self, start: int, stop: int) -> list[Place]:
        """Some of them."""
        ranks, numbers = self.ranks[start:stop].tolist(), self.numbers[start:stop].tolist()
        return [
            (rank.to_bytes(8, "big") + number.to_bytes(8, "big"), number)
            for rank, number in zip(ranks, numbers, strict=True)
        ]


class _Codes:
    """Texts, or sets of texts, numbered as they come."""

    def __init__(self) -> None:
        self._code: dict[Any, int] = {}
        self.values: list[Any] = []

    def of(self, value: Any) -> int:
        found = self._code.get(value)
        if found is None:
            found = self._code[value] = len(self.values)
            self.values.append(value)
        return found


class QueueColumns:
    """Columns of the live tasks of one index; see the module."""

    def __init__(self) -> None:
        self._event = -1
        self._clear()

    def _clear(self) -> None:
        self._slot: dict[int, int] = {}
        self._free: list[int] = []
        self._names: list[str] = []
        self._kinds, self._people = _Codes(), _Codes()
        self._sources, self._reasons = _Codes(), _Codes()
        self._rows = np.zeros(
            0,
            [
                ("place", "S16"),
                ("number", "i8"),
                ("due_ms", "i8"),
                ("weight", "f8"),
                ("status", "u1"),
                ("kind", "i4"),
                ("assignee", "i4"),
                ("sources", "i4"),
                ("reason", "i4"),
            ],
        )

    # ------------------------------------------------------------------ keeping up

    def catch_up(self, snapshot: Snapshot) -> None:
        """Take over what happened since the last call.

        Parameters
        ----------
        snapshot : of the index
        """
        now = snapshot.event_count
        if self._event < 0 or not 0 <= now - self._event <= EVENTS_READ_MAX:
            self._read_all(snapshot)
        elif now > self._event:
            self._read_events(snapshot)
        self._event = now

    def _read_all(self, snapshot: Snapshot) -> None:
        self._clear()
        deferred = []
        for key, value in snapshot.range("queue", b"", bytes([STATUS_NUMBERS["closed"]])):
            number = int.from_bytes(key[9:], "big")
            if key[0] == _DEFERRED:
                deferred.append(number)
            else:
                self._put(number, key[1:], key[0], 0, unpack_entry(value))
        state = StoreState(snapshot)
        for number in deferred:
            self._set(number, state.task(number))

    def _read_events(self, snapshot: Snapshot) -> None:
        changed = {
            change.key
            for _, data in snapshot.journal(self._event + 1)
            for change in decode_event(data).changes
            if change.table == "task"
        }
        state = StoreState(snapshot)
        for number in changed:
            assert isinstance(number, int)
            self._set(number, state.task(number))

    def _set(self, number: int, task: dict[str, Any] | None) -> None:
        if task is None or task["status"] == "closed":
            slot = self._slot.pop(number, None)
            if slot is not None:
                self._rows["status"][slot] = 0
                self._free.append(slot)
            return
        status = STATUS_NUMBERS[task["status"]]
        entry = unpack_entry(pack_entry(task))
        self._put(number, waiting_place(number, task), status, int(task.get("due_ms") or 0), entry)

    def _put(self, number: int, place: bytes, status: int, due_ms: int, entry: Entry) -> None:
        slot = self._slot.get(number)
        if slot is None:
            slot = self._slot[number] = self._free.pop() if self._free else len(self._names)
        if slot == len(self._names):
            self._names.append("")
            if slot == len(self._rows):
                grown = np.zeros(max(_GROWTH, 2 * slot), self._rows.dtype)
                grown[:slot] = self._rows
                self._rows = grown
        self._names[slot] = entry.names
        self._rows[slot] = (
            place,
            number,
            due_ms,
            entry.weight,
            status,
            self._kinds.of(entry.kind),
            self._people.of(entry.assignee),
            self._sources.of(entry.sources),
            self._reasons.of(entry.reason),
        )

    # ------------------------------------------------------------------ choosing

    def named(self, text: str) -> Iterator[int]:
        """Live tasks about a record whose name holds a text, as far as they were caught up with.

        Parameters
        ----------
        text : a part of a name, in whatever case
        """
        wanted = text.strip().casefold()
        for slot, names in enumerate(self._names):
            if wanted in names and self._rows["status"][slot]:
                yield int(self._rows["number"][slot])

    def select(self, wanted: Filter, found: Collection[int], now_ms: int) -> Places:
        """Tasks that a filter lets through, in order.

        Parameters
        ----------
        wanted : the filter
        found : tasks that its text names in another way than by a name
        now_ms : milliseconds of UTC
        """
        rows = self._rows[: len(self._names)]
        status = rows["status"].copy()
        status[(status == _DEFERRED) & (rows["due_ms"] <= now_ms)] = _OPEN
        keep = np.isin(status, [STATUS_NUMBERS[each.value] for each in wanted.status])
        keep &= status > 0
        if wanted.weight_min is not None:
            keep &= rows["weight"] >= wanted.weight_min
        if wanted.weight_max is not None:
            keep &= rows["weight"] <= wanted.weight_max
        if wanted.kind is not None:
            keep &= _has(rows["kind"], self._kinds, lambda kind: kind == wanted.kind)
        if wanted.assignee is not None:
            keep &= _has(rows["assignee"], self._people, lambda name: name == wanted.assignee)
        if wanted.source is not None:
            keep &= _has(rows["sources"], self._sources, lambda names: wanted.source in names)
        if wanted.reason:
            reason = wanted.reason
            keep &= _has(rows["reason"], self._reasons, lambda said: reason in said)
        if wanted.text and wanted.text.strip():
            keep &= self._named(wanted.text.strip().casefold(), found)
        chosen = rows[keep]
        places = _ranks(chosen)
        order = np.lexsort((chosen["number"], places))
        return Places(places[order], chosen["number"][order])

    def _named(self, text: str, found: Collection[int]) -> NDArray[np.bool_]:
        """Slots whose names hold a text, or whose tasks were found otherwise."""
        named = np.array([text in names for names in self._names], np.bool_)
        for number in found:
            slot = self._slot.get(number)
            if slot is not None:
                named[slot] = True
        return named


def _ranks(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Where tasks stand, as numbers."""
    raw = np.ascontiguousarray(rows["place"]).view(np.uint8).reshape(-1, 16)
    return np.ascontiguousarray(raw[:, :8]).view(">u8")[:, 0].astype(np.uint64)


def _has(codes: NDArray[np.int32], known: _Codes, test: Any) -> NDArray[np.bool_]:
    """Rows whose coded value passes a test; the test looks at each value once."""
    fits = np.array([bool(test(value)) for value in known.values], np.bool_)
    return fits[codes] if len(fits) else np.zeros(len(codes), np.bool_)


def entry_fits(wanted: Filter, found: Collection[int], number: int, entry: Entry) -> bool:
    """Whether a filter lets one task through; its status is not looked at.

    Parameters
    ----------
    wanted, found : see `QueueColumns.select`
    number : of the task
    entry : what the queue keeps of it
    """
    text = (wanted.text or "").strip().casefold()
    return (
        (wanted.assignee is None or entry.assignee == wanted.assignee)
        and (wanted.kind is None or entry.kind == wanted.kind)
        and (wanted.weight_min is None or entry.weight >= wanted.weight_min)
        and (wanted.weight_max is None or entry.weight <= wanted.weight_max)
        and (wanted.source is None or wanted.source in entry.sources)
        and (not wanted.reason or wanted.reason in entry.reason)
        and (not text or text in entry.names or number in found)
    )
