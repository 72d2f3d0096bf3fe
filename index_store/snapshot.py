"""A consistent view of the index: one read transaction over the delta and the packed base."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from index_store.base import Base
from index_store.delta import Delta
from index_store.environment import Environment, Latest
from index_store.format import State, unpack_checked, unpack_state
from index_store.joint_reads import JointReads, merged_runs, no_runs
from index_store.page_check import damaged_page
from index_store.text_kernels import hash_references, join_texts, posting_keys
from index_store.touched import (
    TOUCH_IDENTITY,
    TOUCH_MEMBERSHIP,
    TOUCH_POSTING,
    TOUCH_RECORD,
    TOUCH_REFERENCE,
    TOUCH_ROW,
    TouchFilter,
)
from person.errors import IndexCorruptError

__all__ = ["Snapshot"]

_ATTEMPTS: Final = 20
_MANY: Final = 1000


class Snapshot(JointReads):
    """Reads see one moment of the index, however long they take; close it soon.

    It belongs to one thread; another thread takes a snapshot of its own.

    Attributes
    ----------
    state : the counters of that moment
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._path = environment.path
        for attempt in range(_ATTEMPTS):
            self._transaction: Any = self._begin()
            try:
                self._delta = Delta(self._transaction, environment.databases, self._path)
                self._read_shared()
                return
            except BaseException as error:
                self.close()
                if not isinstance(error, FileNotFoundError) or attempt == _ATTEMPTS - 1:
                    raise self._without_base(error) from error

    def _begin(self) -> Any:
        return self._environment.begin_read()

    def _without_base(self, error: BaseException) -> BaseException:
        if isinstance(error, FileNotFoundError):
            return IndexCorruptError(
                f"{self._path}: the packed base of the index is missing; restore a backup",
                path=self._path,
            )
        return error

    def _read_shared(self) -> None:
        """State, base and filter: those of the snapshot before if nothing was written since."""
        stored = self._delta.get(b"meta", b"state") or b""
        latest = self._environment.latest
        if latest is not None and latest.stored == stored:
            self.state, self._filter = latest.state, latest.filter
            self._base = latest.base
            return
        self.state = self._state_of(stored)
        self._base = self._environment.base(self.state.generation)
        self._filter = self._read_filter()
        self._environment.latest = Latest(stored, self.state, self._base, self._filter)

    def _state_of(self, stored: bytes) -> State:
        state = unpack_state(stored)
        if state is None:
            raise IndexCorruptError(f"{self._path}: the index has no state", path=self._path)
        return state

    def _read_filter(self) -> TouchFilter:
        """The filter, with every batch in it that this snapshot can see."""
        found = self._environment.filter(self.state.generation)
        with found.guard:
            if found.seen < self.state.touched_count:
                found.read(self._delta.touched_batches(found.seen))
                found.seen = max(found.seen, self.state.touched_count)
        return found

    def close(self) -> None:
        """End the view; nothing can be read from it afterwards."""
        if self._transaction is not None:
            self._delta.close()
            self._environment.end_read(self._transaction)
            self._transaction = self._base = None

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ counters and facts

    @property
    def record_count(self) -> int:
        """Records ever given a number; removed ones count."""
        return self.state.record_count

    @property
    def event_count(self) -> int:
        """Events in the journal; their numbers are 1 to this."""
        return self.state.event_count

    @property
    def generation(self) -> int:
        """Number of the packed base; 0 before the first bulk load or fold."""
        return self.state.generation

    def fact(self, name: str) -> bytes | None:
        """A fact given when the index was made, or set since."""
        return self._delta.get_checked(b"meta", b"fact/" + name.encode())

    # ------------------------------------------------------------------ references

    def find_references(
        self, source_numbers: ArrayLike, record_ids: Sequence[bytes]
    ) -> NDArray[np.int64]:
        """Records by the source system and the id it gave them.

        Parameters
        ----------
        source_numbers : uint16[n]
        record_ids : n byte strings, compared byte by byte

        Returns
        -------
        int64[n], -1 where there is none or it was removed
        """
        sources = np.ascontiguousarray(source_numbers, np.uint16)
        assert len(sources) == len(record_ids), "one source for each record id"
        offsets, data = join_texts(record_ids)
        hashes = hash_references(sources, offsets, data)
        if self._base is None:
            out = np.full(len(sources), -1, np.int64)
        else:
            out = self._base.find_records(hashes, sources, offsets, data)
        for place in self._touched(TOUCH_REFERENCE, hashes):
            added, removed = self._delta.references(int(hashes[place]))
            if int(out[place]) in removed:
                out[place] = -1
            for record in added:
                if self._is_reference(record, int(sources[place]), record_ids[place]):
                    out[place] = record
        return out

    def _is_reference(self, record: int, source: int, record_id: bytes) -> bool:
        sources, _, record_ids = self._stored(np.array([record], np.int64))
        return int(sources[0]) == source and record_ids[0] == record_id

    def _touched(
        self, tag: int, values: NDArray[np.uint64], also: NDArray[np.bool_] | None = None
    ) -> list[int]:
        """Places of the values that the delta may hold, and of those marked in `also`."""
        marks = np.zeros(len(values), np.bool_) if also is None else also
        found = self._filter.test(tag, values, marks)
        return np.flatnonzero(marks).tolist() if found else []

    # ------------------------------------------------------------------ postings and members

    def postings(
        self, rule: int, keys: NDArray[np.uint64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Records that may have each block key; callers verify on the rows.

        Parameters
        ----------
        rule : number of the rule, in the order given at creation
        keys : uint64[n], 0 where there is no key

        Returns
        -------
        int64[n + 1] offsets and int64[m] record numbers, ascending within a key; a record with
        another key may be among them, none with the key is missing
        """
        wanted = np.ascontiguousarray(keys, np.uint64)
        if self._base is None:
            found = no_runs(len(wanted))
        else:
            stored = posting_keys(wanted)
            found = self._base.matches(self._base.posting(rule), stored, wanted == 0)
        changes = [
            (place, self._delta.postings(rule, int(wanted[place])))
            for place in self._touched(TOUCH_POSTING + rule, wanted)
            if wanted[place]
        ]
        return merged_runs(*found, changes)

    def members(self, identities: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Records of each identity, its founder among them while it belongs to it.

        Parameters
        ----------
        identities : int64[n]

        Returns
        -------
        int64[n + 1] offsets and int64[m] record numbers, ascending within an identity
        """
        wanted = np.ascontiguousarray(identities, np.int64)
        stored = wanted.astype(np.uint64)
        if self._base is None:
            found = no_runs(len(wanted))
        else:
            found = self._base.matches(self._base.members, stored, wanted < 0)
        own = self.identities(wanted) == wanted
        changes = [
            (place, self._delta.members(int(wanted[place])))
            for place in self._touched(TOUCH_IDENTITY, stored)
            if wanted[place] >= 0
        ]
        return merged_runs(*found, changes, (np.flatnonzero(own) << 32) | wanted[own])

    # ------------------------------------------------------------------ by record number

    def rows(self, records: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Encoded rows, uint64[n, n_words], of records that exist (removed ones too)."""
        wanted = self._checked_records(records)
        out = np.empty((len(wanted), self.state.n_words), np.uint64)
        late = wanted >= self.state.base_record_count
        if self._base is not None:
            self._base.fill_rows(wanted, late, out)
        for place in self._touched(TOUCH_ROW, wanted.astype(np.uint64), late):
            record = int(wanted[place])
            row = self._delta.row(record)
            if row is not None:
                out[place] = np.frombuffer(row, np.uint64)
            elif record >= self.state.base_record_count:
                raise self._lost(record)
        return out

    def references(self, records: NDArray[np.int64]) -> tuple[NDArray[np.uint16], list[bytes]]:
        """Sources, uint16[n], and record ids of records that exist (removed ones too)."""
        source, _, record_ids = self._stored(records)
        return source, record_ids

    def updated_at(self, records: NDArray[np.int64]) -> NDArray[np.uint32]:
        """When each record was last written, uint32[n], in the unit the writer used."""
        return self._stored(records)[1]

    def _stored(
        self, records: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint16], NDArray[np.uint32], list[bytes]]:
        wanted = self._checked_records(records)
        source, times = np.zeros(len(wanted), np.uint16), np.zeros(len(wanted), np.uint32)
        record_ids = [b""] * len(wanted)
        late = wanted >= self.state.base_record_count
        if self._base is not None and not late.all():
            places = np.flatnonzero(~late)
            source[places], times[places], offsets, data = self._base.stored(wanted[places])
            text, edges = data.tobytes(), offsets.tolist()
            for place, start, end in zip(places.tolist(), edges, edges[1:], strict=False):
                record_ids[place] = text[start:end]
        for place in self._touched(TOUCH_RECORD, wanted.astype(np.uint64), late):
            record = int(wanted[place])
            entry = self._delta.record(record)
            if entry is not None:
                source[place], times[place], record_ids[place] = entry
            elif record >= self.state.base_record_count:
                raise self._lost(record)
        return source, times, record_ids

    def identities(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """The identity each record belongs to, int64[n]; -1 for a removed or unknown record."""
        wanted = np.ascontiguousarray(records, np.int64)
        out = np.full(len(wanted), -1, np.int64)
        known = (wanted >= 0) & (wanted < self.state.record_count)
        late = known & (wanted >= self.state.base_record_count)
        if self._base is not None:
            places = np.flatnonzero(known & ~late)
            out[places] = self._base.identities(wanted[places])
        for place in self._touched(TOUCH_MEMBERSHIP, wanted.astype(np.uint64), late):
            identity = self._delta.identity(int(wanted[place])) if known[place] else None
            if identity is not None:
                out[place] = identity
        return out

    def first_identities(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """The identity each record was given when it was added, int64[n]: where replay begins."""
        wanted = np.ascontiguousarray(records, np.int64)
        out = self.identities(wanted)
        if len(wanted) > _MANY:  # one walk through the table beats as many lookups
            moved, first = self._delta.first_identities()
            place = np.searchsorted(moved, wanted)
            known = np.flatnonzero(place < len(moved))
            known = known[moved[place[known]] == wanted[known]]
            out[known] = first[place[known]]
            return out
        for place_of, record in enumerate(wanted.tolist()):
            identity = self._delta.first_identity(record) if record >= 0 else None
            if identity is not None:
                out[place_of] = identity
        return out

    def _checked_records(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        wanted = np.ascontiguousarray(records, np.int64)
        most = wanted.view(np.uint64).max(initial=0)  # a negative number is a huge one here
        assert not len(wanted) or most < self.state.record_count, (
            "record numbers are below record_count"
        )
        return wanted

    def _lost(self, record: int) -> IndexCorruptError:
        return IndexCorruptError(
            f"{self._path}: record {record} is missing from the index; restore a backup",
            path=self._path,
        )

    # ------------------------------------------------------------------ for the next base

    @property
    def base(self) -> Base | None:
        """The packed base under this snapshot."""
        return self._base

    def row_slots(self) -> list[int]:
        """How rows are packed, see `whole_slots`."""
        found: list[int] = json.loads(self.fact("slots") or b"[]")
        return found

    def stored_columns(
        self, records: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint16], NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint8]]:
        """Sources, times, and record ids as int64[n + 1] offsets into bytes."""
        late = records >= self.state.base_record_count
        touched = self._touched(TOUCH_RECORD, records.astype(np.uint64), late)
        if self._base is not None and not any(
            self._delta.record(record) for record in records[touched].tolist()
        ):
            return self._base.stored(records)  # a whole block as it was: no Python object each
        source, times, record_ids = self._stored(records)
        return source, times, *join_texts(record_ids)

    def delta_entries(self, database: bytes) -> Iterator[tuple[bytes, Any]]:
        """All (key, value) of one database of the delta."""
        return self._delta.entries(database, b"", None)

    def database_status(self, database: bytes) -> dict[str, int]:
        """LMDB's figures of one database."""
        return self._delta.status(database)

    def damaged_page(self) -> str | None:
        """What is wrong with a page of data.mdb that this snapshot could come to, if any is."""
        path = self._environment.directory / "data.mdb"
        return damaged_page(path, is_whole=True, transaction=self._transaction.id())

    def damaged_values(self, database: bytes) -> Iterator[bytes]:
        """Keys of the values of one database that do not fit their checksum."""
        for key, value in self._delta.entries(database, b"", None):
            if unpack_checked(bytes(value)) is None:
                yield key

    # ------------------------------------------------------------------ plain tables, journal

    def get(self, table: str, key: bytes) -> bytes | None:
        """A value of a plain table; None where there is none."""
        return self._delta.get_checked(b"plain", _plain_key(table, key))

    def range(
        self, table: str, low: bytes = b"", high: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """(key, value) of a plain table with low <= key < high, in order of keys."""
        prefix = _plain_key(table, b"")
        end = _plain_key(table, high) if high is not None else prefix[:-1] + b"\x01"
        for key, value in self._delta.checked_entries(b"plain", prefix + low, end):
            yield key[len(prefix) :], value

    def range_down(self, table: str, low: bytes, high: bytes) -> Iterator[tuple[bytes, bytes]]:
        """(key, value) of a plain table with low <= key < high, from the last key to the first."""
        prefix = _plain_key(table, b"")
        found = self._delta.entries_down(b"plain", prefix + low, prefix + high)
        for key, value in found:
            yield key[len(prefix) :], value

    def journal(self, first: int = 1, last: int | None = None) -> Iterator[tuple[int, bytes]]:
        """(event number, event) from `first` to `last`, both included, oldest first."""
        end = self.state.event_count if last is None else min(last, self.state.event_count)
        if max(first, 1) > end:
            return
        low, high = max(first, 1).to_bytes(8, "big"), (end + 1).to_bytes(8, "big")
        for key, value in self._delta.checked_entries(b"journal", low, high):
            yield int.from_bytes(key, "big"), value

    def event(self, number: int) -> bytes | None:
        """One event of the journal by its number; None where there is none."""
        if not 1 <= number <= self.state.event_count:
            return None
        return self._delta.get_checked(b"journal", number.to_bytes(8, "big"))


def _plain_key(table: str, key: bytes) -> bytes:
    return table.encode() + b"\x00" + key
