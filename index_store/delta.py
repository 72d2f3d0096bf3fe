"""What was written since the last fold: small LMDB databases, read one key at a time.

Every read overrides or adds to what the packed base says. Keys are big-endian numbers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any, Final

import lmdb
import numpy as np
from numpy.typing import NDArray

from index_store.format import NO_RECORD, unpack_checked
from index_store.translation import our_error
from person.errors import IndexCorruptError

__all__ = ["ADDED", "REMOVED", "Delta"]

ADDED: Final = b"+"
REMOVED: Final = b"-"

_U32: Final = struct.Struct(">I")
_U64: Final = struct.Struct(">Q")
_REFERENCE: Final = struct.Struct(">QI")
_MEMBER: Final = struct.Struct(">II")
_POSTING: Final = struct.Struct(">BQI")
_POSTINGS: Final = np.dtype([("rule", "u1"), ("key", ">u8"), ("record", ">u4")])
_RECORD: Final = struct.Struct("<HI")
_NUMBER: Final = struct.Struct("<I")


class Delta:
    """The delta as one transaction sees it; writes need a write transaction.

    Attributes
    ----------
    written : where not None, takes (database, key) of every write
    """

    def __init__(self, transaction: Any, databases: dict[bytes, Any], path: str) -> None:
        self._transaction = transaction
        self._databases = databases
        self._path = path
        self.written: set[tuple[bytes, bytes]] | None = None
        self._cursors: dict[bytes, Any] = {}

    # ------------------------------------------------------------------ plumbing

    def get(self, database: bytes, key: bytes) -> bytes | None:
        value = self._transaction.get(key, db=self._databases[database])
        return None if value is None else bytes(value)

    def get_checked(self, database: bytes, key: bytes) -> bytes | None:
        """A value kept with its checksum."""
        stored = self.get(database, key)
        return None if stored is None else self._checked(stored, database)

    def _checked(self, stored: bytes, database: bytes) -> bytes:
        value = unpack_checked(stored)
        if value is None:
            raise IndexCorruptError(
                f"{self._path}: a value in '{database.decode()}' does not fit its checksum; "
                "restore a backup",
                path=self._path,
            )
        return value

    def put(self, database: bytes, key: bytes, value: bytes) -> None:
        try:
            self._transaction.put(key, value, db=self._databases[database])
        except lmdb.Error as error:
            raise our_error(self._path, error) from error
        if self.written is not None:
            self.written.add((database, key))

    def put_all(self, database: bytes, items: list[tuple[bytes, bytes]]) -> None:
        """Many (key, value) in one call, in order of their keys: neighbours share pages."""
        items.sort()
        try:
            with self._transaction.cursor(db=self._databases[database]) as cursor:
                cursor.putmulti(items)
        except lmdb.Error as error:
            raise our_error(self._path, error) from error
        if self.written is not None:
            self.written.update((database, key) for key, _ in items)

    def delete(self, database: bytes, key: bytes) -> bool:
        try:
            return bool(self._transaction.delete(key, db=self._databases[database]))
        except lmdb.Error as error:
            raise our_error(self._path, error) from error

    def clear(self, database: bytes) -> None:
        """Take everything out of a database."""
        try:
            self._transaction.drop(self._databases[database], delete=False)
        except lmdb.Error as error:
            raise our_error(self._path, error) from error

    def entries(self, database: bytes, low: bytes, high: bytes | None) -> Iterator[Any]:
        """(key, value) with low <= key < high, as buffers valid until the next step."""
        try:
            with self._transaction.cursor(db=self._databases[database]) as cursor:
                if not (cursor.set_range(low) if low else cursor.first()):
                    return
                for key, value in cursor:
                    key = bytes(key)
                    if high is not None and key >= high:
                        return
                    yield key, value
        except lmdb.Error as error:
            raise our_error(self._path, error) from error

    def checked_entries(
        self, database: bytes, low: bytes, high: bytes | None
    ) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self.entries(database, low, high):
            yield key, self._checked(bytes(value), database)

    def entries_down(
        self, database: bytes, low: bytes, high: bytes
    ) -> Iterator[tuple[bytes, bytes]]:
        """(key, checked value) with low <= key < high, from the last key to the first."""
        try:
            with self._transaction.cursor(db=self._databases[database]) as cursor:
                is_there = cursor.prev() if cursor.set_range(high) else cursor.last()
                while is_there and (key := bytes(cursor.key())) >= low:
                    yield key, self._checked(bytes(cursor.value()), database)
                    is_there = cursor.prev()
        except lmdb.Error as error:
            raise our_error(self._path, error) from error

    def touched_batches(self, seen: int) -> Iterator[tuple[int, NDArray[np.uint64]]]:
        """(number, hashes) of the batches after number `seen`."""
        for key, value in self.entries(b"touched", (seen + 1).to_bytes(8, "big"), None):
            yield int.from_bytes(key, "big"), np.frombuffer(bytes(value), "<u8")

    def status(self, database: bytes) -> dict[str, int]:
        """LMDB's figures of one database."""
        return dict(self._transaction.stat(self._databases[database]))

    def _cursor(self, database: bytes) -> Any:
        """A cursor kept for point lookups: opening one costs more than moving it."""
        found = self._cursors.get(database)
        if found is None:
            found = self._cursors[database] = self._transaction.cursor(db=self._databases[database])
        return found

    def _signed(self, database: bytes, prefix: bytes) -> tuple[list[int], list[int]]:
        """Record numbers added and removed under a prefix; the number ends the key."""
        cursor = self._cursor(database)
        added: list[int] = []
        removed: list[int] = []
        width = len(prefix)
        found = cursor.set_range(prefix)
        while found:
            key = cursor.key()
            if key[:width] != prefix:
                break
            number = int.from_bytes(key[width:], "big")
            (added if cursor.value() == ADDED else removed).append(number)
            found = cursor.next()
        return added, removed

    def close(self) -> None:
        for cursor in self._cursors.values():
            cursor.close()
        self._cursors.clear()

    # ------------------------------------------------------------------ by record number

    def row(self, record: int) -> bytes | None:
        return self.get_checked(b"rows", _U32.pack(record))

    def put_rows(self, items: Iterable[tuple[int, bytes]]) -> None:
        """Rows with their checksums, by record number."""
        self.put_all(b"rows", [(_U32.pack(record), checked) for record, checked in items])

    def record(self, record: int) -> tuple[int, int, bytes] | None:
        """(source, updated_at, record id)."""
        value = self.get_checked(b"records", _U32.pack(record))
        if value is None:
            return None
        source, updated_at = _RECORD.unpack_from(value)
        return source, updated_at, value[_RECORD.size :]

    @staticmethod
    def pack_record(source: int, updated_at: int, record_id: bytes) -> bytes:
        return _RECORD.pack(source, updated_at) + record_id

    def put_records(self, items: Iterable[tuple[int, bytes]]) -> None:
        """Packed records with their checksums, by record number."""
        self.put_all(b"records", [(_U32.pack(record), checked) for record, checked in items])

    def identity(self, record: int) -> int | None:
        """Identity number, -1 for a removed record, None where the delta does not say."""
        value = self._transaction.get(_U32.pack(record), db=self._databases[b"membership"])
        if value is None:
            return None
        identity: int = _NUMBER.unpack(value)[0]
        return -1 if identity == NO_RECORD else identity

    def put_identities(self, items: Iterable[tuple[int, int]]) -> None:
        """(record, its identity or -1)."""
        self.put_all(
            b"membership",
            [
                (_U32.pack(record), _NUMBER.pack(NO_RECORD if identity < 0 else identity))
                for record, identity in items
            ],
        )

    def first_identity(self, record: int) -> int | None:
        """The identity a record was given first, where it has left it since."""
        value = self._transaction.get(_U32.pack(record), db=self._databases[b"origins"])
        if value is None:
            return None
        identity: int = _NUMBER.unpack(value)[0]
        return -1 if identity == NO_RECORD else identity

    def first_identities(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All records that have left their first identity, ascending, and that identity."""
        found = [(bytes(key), bytes(value)) for key, value in self.entries(b"origins", b"", None)]
        records = np.frombuffer(b"".join(key for key, _ in found), ">u4").astype(np.int64)
        first = np.frombuffer(b"".join(value for _, value in found), "<u4").astype(np.int64)
        return records, np.where(first == NO_RECORD, -1, first)

    def put_first_identity(self, record: int, identity: int) -> None:
        """Keep the first identity of a record, once."""
        number = NO_RECORD if identity < 0 else identity
        if self.get(b"origins", _U32.pack(record)) is None:
            self.put(b"origins", _U32.pack(record), _NUMBER.pack(number))

    # ------------------------------------------------------------------ by hash or identity

    def references(self, hashed: int) -> tuple[list[int], list[int]]:
        return self._signed(b"references", _U64.pack(hashed))

    def put_references(self, items: Iterable[tuple[int, int, bytes]]) -> None:
        """(hash, record, sign)."""
        self.put_all(
            b"references", [(_REFERENCE.pack(h, record), sign) for h, record, sign in items]
        )

    def members(self, identity: int) -> tuple[list[int], list[int]]:
        return self._signed(b"members", _U32.pack(identity))

    def put_member(self, identity: int, record: int, sign: bytes) -> None:
        self.put(b"members", _MEMBER.pack(identity, record), sign)

    def postings(self, rule: int, key: int) -> tuple[list[int], list[int]]:
        return self._signed(b"postings", _POSTING.pack(rule, key, 0)[:9])

    def put_postings(
        self, rules: NDArray[np.int64], keys: NDArray[np.uint64], records: NDArray[np.int64],
        sign: bytes,
    ) -> None:  # fmt: skip
        """The keys of some records, each with the number of its rule."""
        packed = np.empty(len(keys), _POSTINGS)
        packed["rule"], packed["key"], packed["record"] = rules, keys, records
        text, size = packed.tobytes(), _POSTINGS.itemsize
        starts = range(0, len(text), size)
        self.put_all(b"postings", [(text[start : start + size], sign) for start in starts])
