"""One durable transaction: all of it happens, or nothing does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any

import lmdb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from index_store.delta import ADDED, REMOVED
from index_store.environment import Environment, WriterLock
from index_store.format import RECORDS_MAX, pack_checked, pack_state
from index_store.snapshot import Snapshot, _plain_key
from index_store.text_kernels import check_texts, hash_references, join_texts
from index_store.touched import (
    TOUCH_IDENTITY,
    TOUCH_MEMBERSHIP,
    TOUCH_RECORD,
    TOUCH_REFERENCE,
    TOUCH_ROW,
    touch_hashes,
    touch_hashes_of_rules,
)
from index_store.translation import translated
from person.errors import IndexFullError, IndexLockedError

__all__ = ["WriteBatch"]


class WriteBatch(Snapshot):
    """Writes become durable together when the `with` block ends; an exception undoes them all.

    Every read of `Snapshot` works here too and sees what the batch has written.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        is_loader: bool = False,
        lock: WriterLock | None = None,
    ) -> None:
        self._is_loader = is_loader
        self._lock = lock
        super().__init__(environment)

    def _begin(self) -> Any:
        self._touches: list[NDArray[np.uint64]] = []
        with translated(self._environment.directory):
            transaction = self._environment.begin_write()
        if self._environment.is_loading and not self._is_loader:
            transaction.abort()
            raise IndexLockedError(
                f"{self._path}: a bulk load is running; write again when it has finished",
                path=self._path,
            )
        return transaction

    def _read_shared(self) -> None:
        self._delta.written = self._environment.written
        super()._read_shared()

    def __enter__(self) -> WriteBatch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._transaction is not None:
            self.commit()
        else:
            self.close()
            self._note_full_map(error)

    def commit(self) -> None:
        """Make the batch durable; afterwards nothing can be read from or written to it."""
        transaction: Any = self._transaction
        try:
            with translated(self._environment.directory):
                self._log_touched()
                self._delta.put(b"meta", b"state", pack_state(self.state))
                self._delta.close()
                transaction.commit()
                self._transaction = None
        except IndexFullError as error:
            self._note_full_map(error)
            raise
        finally:
            self.close()

    def _note_full_map(self, error: BaseException | None) -> None:
        """A full map grows before the next batch."""
        if isinstance(error, IndexFullError) and isinstance(error.__cause__, lmdb.MapFullError):
            self._environment.must_grow = True

    def close(self) -> None:
        """Drop the batch; what it wrote never happened."""
        transaction: Any = self._transaction
        if transaction is not None:
            self._delta.close()
            transaction.abort()
            self._transaction = None
        if self._lock is not None:  # taken for this batch alone
            self._lock.release()
            self._lock = None

    def _touch(self, tag: int, values: ArrayLike) -> None:
        """Note that the delta holds these; this batch and later snapshots look there."""
        self._touch_hashed(touch_hashes(tag, np.asarray(values).astype(np.uint64)))

    def _touch_hashed(self, hashes: NDArray[np.uint64]) -> None:
        if len(hashes):
            self._touches.append(hashes)
            with self._filter.guard:
                self._filter.insert(hashes)

    def _log_touched(self) -> None:
        if self._touches:
            number = self.state.touched_count + 1
            hashes = np.concatenate(self._touches)
            self._delta.put(b"touched", number.to_bytes(8, "big"), hashes.tobytes())
            self.state = replace(self.state, touched_count=number)
            with self._filter.guard:
                self._filter.seen = max(self._filter.seen, number)

    # ------------------------------------------------------------------ records

    def append_records(
        self,
        rows: NDArray[np.uint64],
        source: ArrayLike,
        record_ids: Sequence[bytes],
        updated_at: ArrayLike,
        identities: ArrayLike,
    ) -> NDArray[np.int64]:
        """Give new records their numbers.

        Parameters
        ----------
        rows : uint64[n, n_words]
        source : uint16[n]
        record_ids : n byte strings; no live record has the same source and id
        updated_at : uint32[n]
        identities : int64[n], an identity number, or -1 for a record that founds its own

        Returns
        -------
        int64[n], the record numbers, dense and never used before
        """
        count = len(record_ids)
        first = self.state.record_count
        if first + count > RECORDS_MAX:
            raise IndexFullError(f"{self._path}: all record numbers are used", path=self._path)
        numbers = np.arange(first, first + count, dtype=np.int64)
        wanted = np.ascontiguousarray(identities, np.int64)
        given = np.where(wanted < 0, numbers, wanted)
        sources = np.ascontiguousarray(source, np.uint16)
        offsets, data = join_texts(record_ids)
        check_texts(offsets)
        hashes = hash_references(sources, offsets, data)
        self.state = replace(self.state, record_count=first + count)
        self._put_rows(numbers, rows)
        self._put_records(numbers, sources, record_ids, np.asarray(updated_at, np.uint32))
        self._touch(TOUCH_REFERENCE, hashes)
        self._touch(TOUCH_IDENTITY, given[given != numbers])
        assert not count or given.max() < first + count, "identities are numbers of records"
        listed = numbers.tolist()
        self._delta.put_identities(zip(listed, given.tolist(), strict=True))
        self._delta.put_references(
            (hashed, record, ADDED) for hashed, record in zip(hashes.tolist(), listed, strict=True)
        )
        for record, identity in zip(listed, given.tolist(), strict=True):
            if identity != record:
                self._delta.put_member(identity, record, ADDED)
        return numbers

    def replace_rows(
        self,
        records: NDArray[np.int64],
        rows: NDArray[np.uint64],
        updated_at: ArrayLike | None = None,
    ) -> None:
        """New rows, uint64[n, n_words], and times, uint32[n], for records that exist."""
        wanted = self._checked_records(records)
        self._put_rows(wanted, rows)
        if updated_at is not None:
            sources, record_ids = self.references(wanted)
            self._put_records(wanted, sources, record_ids, np.asarray(updated_at, np.uint32))

    def _put_rows(self, records: NDArray[np.int64], rows: NDArray[np.uint64]) -> None:
        words = np.ascontiguousarray(rows, "<u8")
        assert words.shape == (len(records), self.state.n_words), "rows have n_words words"
        self._touch(TOUCH_ROW, self._in_base(records))
        packed = (pack_checked(row.tobytes()) for row in words)
        self._delta.put_rows(zip(records.tolist(), packed, strict=True))

    def _put_records(
        self,
        records: NDArray[np.int64],
        sources: NDArray[np.uint16],
        record_ids: Sequence[bytes],
        updated_at: NDArray[np.uint32],
    ) -> None:
        self._touch(TOUCH_RECORD, self._in_base(records))
        listed = zip(sources.tolist(), updated_at.tolist(), record_ids, strict=True)
        packed = (pack_checked(self._delta.pack_record(*each)) for each in listed)
        self._delta.put_records(zip(records.tolist(), packed, strict=True))

    def _in_base(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the records whose place is in the base: later ones are always in the delta."""
        return records[records < self.state.base_record_count]

    # ------------------------------------------------------------------ membership

    def set_identity(self, records: NDArray[np.int64], identities: ArrayLike) -> None:
        """Move records to identities; -1 removes a record, a number brings a removed one back.

        Parameters
        ----------
        records : int64[n]
        identities : int64[n]
        """
        wanted = self._checked_records(records)
        new = np.ascontiguousarray(identities, np.int64)
        old = self.identities(wanted)
        assert not len(new) or new.max() < self.state.record_count, "identities are record numbers"
        turned = wanted[(old < 0) != (new < 0)]
        signs = np.where(new[(old < 0) != (new < 0)] < 0, REMOVED, ADDED)
        self._sign_references(turned, signs.tolist())
        self._touch(TOUCH_MEMBERSHIP, self._in_base(wanted))
        self._touch(TOUCH_IDENTITY, np.concatenate([old[old >= 0], new[new >= 0]]))
        for record, before, after in zip(wanted.tolist(), old.tolist(), new.tolist(), strict=True):
            if before == after:
                continue
            self._delta.put_first_identity(record, before)
            self._delta.put_identities([(record, after)])
            if before not in (-1, record):
                self._delta.put_member(before, record, REMOVED)
            if after not in (-1, record):
                self._delta.put_member(after, record, ADDED)

    def _sign_references(self, records: NDArray[np.int64], signs: Sequence[bytes]) -> None:
        sources, record_ids = self.references(records)
        hashes = hash_references(sources, *join_texts(record_ids))
        self._touch(TOUCH_REFERENCE, hashes)
        self._delta.put_references(zip(hashes.tolist(), records.tolist(), signs, strict=True))

    def remove_records(self, records: NDArray[np.int64]) -> None:
        """Take records out of their identities; their rows and ids stay for the history.

        Their postings go only with `remove_postings`: the keys are the caller's knowledge.
        """
        self.set_identity(records, np.full(len(records), -1, np.int64))

    # ------------------------------------------------------------------ postings

    def add_postings(self, rule: int, keys: NDArray[np.uint64], records: NDArray[np.int64]) -> None:
        """Make records findable under block keys, uint64[n]; a key of 0 is none."""
        self._sign_postings(np.asarray(keys, np.uint64)[None], records, ADDED, rule)

    def remove_postings(
        self, rule: int, keys: NDArray[np.uint64], records: NDArray[np.int64]
    ) -> None:
        """Make records unfindable under block keys, uint64[n]; a key of 0 is none."""
        self._sign_postings(np.asarray(keys, np.uint64)[None], records, REMOVED, rule)

    def add_all_postings(self, keys: NDArray[np.uint64], records: NDArray[np.int64]) -> None:
        """`add_postings` of every rule, uint64[n_rules, n]."""
        self._sign_postings(np.asarray(keys, np.uint64), records, ADDED)

    def remove_all_postings(self, keys: NDArray[np.uint64], records: NDArray[np.int64]) -> None:
        """`remove_postings` of every rule, uint64[n_rules, n]."""
        self._sign_postings(np.asarray(keys, np.uint64), records, REMOVED)

    def _sign_postings(
        self, keys: NDArray[np.uint64], records: NDArray[np.int64], sign: bytes, first: int = 0
    ) -> None:
        """Postings of the rules from `first` on, uint64[rules, n]."""
        numbers = self._checked_records(records)
        rule, place = keys.nonzero()
        wanted, rule = keys[rule, place], rule + first
        if len(wanted):
            self._touch_hashed(touch_hashes_of_rules(rule, wanted))
            self._delta.put_postings(rule, wanted, numbers[place], sign)

    # ------------------------------------------------------------------ for the next base

    def take_delta(
        self, databases: Sequence[bytes], wanted: set[tuple[bytes, bytes]]
    ) -> list[tuple[tuple[bytes, bytes], bytes]]:
        """Empty some databases of the delta; returns what they held under the wanted keys."""
        keys = sorted(item for item in wanted if item[0] in databases)
        found = [(item, self._delta.get(*item)) for item in keys]
        for database in databases:
            self._delta.clear(database)
        return [(item, value) for item, value in found if value is not None]

    def put_delta(self, database: bytes, key: bytes, value: bytes) -> None:
        """Put back what `take_delta` returned."""
        self._delta.put(database, key, value)

    def touch_records(self, tag: int, records: NDArray[np.int64]) -> None:
        """Note that the delta holds something of records of the base."""
        self._touch(tag, self._in_base(records))

    # ------------------------------------------------------------------ plain tables, journal

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Set a value of a plain table; any table name of letters will do."""
        self._delta.put(b"plain", _plain_key(table, key), pack_checked(value))

    def put_all(self, table: str, items: Iterable[tuple[bytes, bytes]]) -> None:
        """`put` of many (key, value)."""
        packed = [(_plain_key(table, key), pack_checked(value)) for key, value in items]
        self._delta.put_all(b"plain", packed)

    def delete(self, table: str, key: bytes) -> bool:
        """Take a value out of a plain table; False where there was none."""
        return self._delta.delete(b"plain", _plain_key(table, key))

    def set_fact(self, name: str, value: bytes) -> None:
        """Set or replace a fact."""
        self._delta.put(b"meta", b"fact/" + name.encode(), pack_checked(value))

    def append_event(self, event: bytes) -> int:
        """Append to the journal; returns the event's number, 1 for the first."""
        return self.append_events([event])

    def append_events(self, events: Sequence[bytes]) -> int:
        """`append_event` of several; returns the number of the first."""
        first = self.state.event_count + 1
        packed = [
            (number.to_bytes(8, "big"), pack_checked(event))
            for number, event in enumerate(events, first)
        ]
        self._delta.put_all(b"journal", packed)
        self.state = replace(self.state, event_count=first + len(packed) - 1)
        return first
