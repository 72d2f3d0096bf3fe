"""The packed base: one immutable LMDB file a generation, read through its mapped pages.

The file is written once, in order, then only mapped. Where its segments lie is kept as distances
from one of them, so that opening a base of any size reads a few pages: asking LMDB for a segment
would touch every page of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue, SimpleQueue
from typing import Any, Final
from weakref import WeakValueDictionary

import lmdb
import numpy as np
from numpy.typing import NDArray

from index_store.format import FORMAT_VERSION
from index_store.leaf_kernels import LEAF_BYTES, SEGMENT_LEAVES
from index_store.memory import address_of
from index_store.page_check import damaged_page
from index_store.segments import (
    SEGMENT_HEADER_BYTES,
    LeafWriter,
    damaged_leaves,
    seal_segment,
    segment_key,
)
from index_store.translation import our_error, translated
from person.errors import IndexCorruptError, IndexFormatError

__all__ = ["LeafFile", "LeafFileWriter", "LeafTable", "open_leaf_file", "sync_directory"]

_MAP_SIZE: Final = 1 << 38
_PENDING_BYTES: Final = 32 << 20
_SEGMENTS_WAITING: Final = 8
_MAX_DATABASES: Final = 3
_READ_BYTES: Final = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafTable:
    """One table of a leaf file, as kernels want it.

    Attributes
    ----------
    first_keys : uint64[leaf_count], the first key or record number of each leaf
    segments : uint64[segment_count], the address of each segment's first leaf
    entries : pairs, rows or numbers in it
    """

    number: int
    first_keys: NDArray[np.uint64]
    segments: NDArray[np.uint64]
    entries: int


class LeafFileWriter:
    """Writes a leaf file beside its final name and gives it that name once it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_suffix(".partial")
        self._partial.unlink(missing_ok=True)
        with translated(path):
            self._environment = lmdb.open(
                str(self._partial),
                map_size=_MAP_SIZE,
                subdir=False,
                lock=False,
                sync=False,
                metasync=False,
                max_dbs=_MAX_DATABASES,
                mode=0o600,
            )
            self._leaves = self._environment.open_db(b"leaves")
            self._directory = self._environment.open_db(b"directory")
        self._free: SimpleQueue[bytearray] = SimpleQueue()
        self._filled: Queue[tuple[int, int, int, bytearray] | None] = Queue(_SEGMENTS_WAITING)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._write_segments, daemon=True)
        self._thread.start()

    def buffer(self) -> bytearray:
        """Room for a segment; its leaves are not zeroed."""
        try:
            return self._free.get_nowait()
        except Empty:
            return bytearray(SEGMENT_HEADER_BYTES + SEGMENT_LEAVES * LEAF_BYTES)

    def put(self, table: int, segment: int, count: int, filled: bytearray) -> None:
        """Write a segment of `count` leaves, some time soon; the buffer is the file's now."""
        if self._failure is not None:
            raise self._failure
        self._filled.put((table, segment, count, filled))

    def _write_segments(self) -> None:
        """The file's own thread: checksums and the disk beside the packing."""
        transaction, pending = None, 0
        while (item := self._filled.get()) is not None:
            if self._failure is not None:
                continue  # nobody may wait for room in vain
            try:
                table, segment, count, filled = item
                if transaction is None:
                    transaction = self._environment.begin(write=True)
                value = seal_segment(table, segment, count, filled)
                transaction.put(segment_key(table, segment), value, db=self._leaves)
                pending += len(value)
                value.release()
                self._free.put(filled)
                if pending >= _PENDING_BYTES:
                    transaction.commit()
                    transaction, pending = None, 0
            except BaseException as error:
                self._failure = our_error(self._path, error)
                if transaction is not None:
                    transaction.abort()
        if transaction is not None and self._failure is None:
            try:
                transaction.commit()
            except BaseException as error:
                self._failure = our_error(self._path, error)

    def _stop(self) -> None:
        if self._thread.is_alive():
            self._filled.put(None)
            self._thread.join()

    def finish(self, tables: Mapping[str, LeafWriter], facts: Mapping[str, Any]) -> None:
        """Write directories and facts, make the file durable and give it its name.

        Parameters
        ----------
        tables : the writer of each table, by name
        facts : numbers and lists of numbers to read back with `LeafFile.facts`
        """
        described, directories = {}, {}
        for name, writer in tables.items():
            first_keys = writer.finish()
            directories[writer.table] = first_keys.tobytes()
            described[name] = {
                "number": writer.table,
                "entries": writer.entries,
                "leaves": writer.leaf_count,
                "crc": zlib.crc32(directories[writer.table]),
            }
        self._stop()
        if self._failure is not None:
            raise self._failure
        with translated(self._path):
            with self._environment.begin(write=True) as transaction:
                # An anchor of a page and more: LMDB never moves such a value.
                transaction.put(b"anchor", bytes(SEGMENT_HEADER_BYTES), db=self._directory)
                for number, keys in directories.items():
                    transaction.put(segment_key(number, 0), keys, db=self._directory)
            distances = self._distances()
            document = {
                "format": FORMAT_VERSION,
                "facts": dict(facts),
                "tables": described,
                "distances_crc": zlib.crc32(distances),
            }
            with self._environment.begin(write=True) as transaction:
                transaction.put(b"distances", distances, db=self._directory)
                text = json.dumps(document, sort_keys=True).encode()
                transaction.put(b"document", text, db=self._directory)
            self._environment.sync(True)
        self._environment.close()
        self._partial.replace(self._path)
        sync_directory(self._path.parent)

    def _distances(self) -> bytes:
        """int64 distance of each segment from the anchor, in order of (table, segment)."""
        with self._environment.begin(buffers=True) as transaction:
            anchor = address_of(transaction.get(b"anchor", db=self._directory))
            with transaction.cursor(db=self._leaves) as cursor:
                found = [address_of(value) - anchor for value in cursor.iternext(keys=False)]
        return np.array(found, np.int64).tobytes()

    def abandon(self) -> None:
        """Drop the file; nothing was named."""
        if self._failure is None:  # whoever packs still, beside whoever failed, is not to wait
            self._failure = RuntimeError("the file was abandoned")
        self._stop()
        with contextlib.suppress(lmdb.Error):
            self._environment.close()
        self._partial.unlink(missing_ok=True)


class LeafFile:
    """An open leaf file; keep it while any address of it is in use: it is unmapped with it.

    Attributes
    ----------
    facts : numbers given when it was written
    tables : by name
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        name = str(path)
        if (fault := damaged_page(path, is_whole=True)) is not None:
            raise IndexCorruptError(f"{name}: {fault}; restore a backup", path=name)
        with translated(path):
            self._environment = lmdb.open(
                name,
                map_size=max(1 << 20, path.stat().st_size),
                subdir=False,
                lock=False,
                readonly=True,
                readahead=False,
                max_dbs=_MAX_DATABASES,
            )
            self._leaves = self._environment.open_db(b"leaves", create=False)
            self._directory = self._environment.open_db(b"directory", create=False)
            self._transaction = self._environment.begin(buffers=True)
            document = self._document()
        if document["format"] != FORMAT_VERSION:
            raise IndexFormatError(
                f"{name}: leaf format {document['format']}; this version reads {FORMAT_VERSION}",
                path=name,
            )
        self.facts: dict[str, Any] = document["facts"]
        self.tables = self._open_tables(document)

    def _document(self) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads(bytes(self._stored(b"document")))
        except ValueError as error:
            raise self._damaged_directory() from error
        return document

    def _damaged_directory(self) -> IndexCorruptError:
        return IndexCorruptError(
            f"{self.path}: the directory of the index is damaged; restore a backup",
            path=str(self.path),
        )

    def _stored(self, key: bytes, crc: int | None = None) -> Any:
        value = self._transaction.get(key, db=self._directory)
        if value is None or (crc is not None and zlib.crc32(value) != crc):
            raise self._damaged_directory()
        return value

    def _open_tables(self, document: dict[str, Any]) -> dict[str, LeafTable]:
        distances = np.frombuffer(
            self._stored(b"distances", document["distances_crc"]), np.int64
        ) + address_of(self._stored(b"anchor"))
        addresses = distances.astype(np.uint64) + np.uint64(SEGMENT_HEADER_BYTES)
        tables, start = {}, 0
        described = sorted(document["tables"].items(), key=lambda item: item[1]["number"])
        for name, entry in described:
            count = -(-entry["leaves"] // SEGMENT_LEAVES)
            keys = self._stored(segment_key(entry["number"], 0), entry["crc"])
            tables[name] = LeafTable(
                number=entry["number"],
                first_keys=np.frombuffer(keys, np.uint64).copy(),
                segments=addresses[start : start + count].copy(),
                entries=entry["entries"],
            )
            start += count
        return tables

    def warm(self) -> None:
        """Bring all pages into memory and into this process's map, and check every leaf.

        Raises
        ------
        IndexCorruptError : a leaf does not fit its checksum
        """
        with self.path.open("rb", buffering=0) as file:  # in order: the map reads page by page
            room = bytearray(_READ_BYTES)
            while file.readinto(room):
                pass
        for name, leaf in self.damaged():
            raise IndexCorruptError(
                f"{self.path}: leaf {leaf} of {name} does not fit its checksum; restore a backup",
                path=str(self.path),
            )

    def damaged(self) -> Iterator[tuple[str, int]]:
        """(table, first leaf of the segment or leaf) of everything that fails its checksum."""
        for name, table in self.tables.items():
            for segment in range(len(table.segments)):
                key = segment_key(table.number, segment)
                value = self._transaction.get(key, db=self._leaves)
                bad = None if value is None else damaged_leaves(table.number, segment, value)
                first = segment * SEGMENT_LEAVES
                yield from (
                    [(name, first)] if bad is None else [(name, first + place) for place in bad]
                )


_shared: WeakValueDictionary[tuple[int, int], LeafFile] = WeakValueDictionary()
_shared_guard = threading.Lock()


def open_leaf_file(path: Path) -> LeafFile:
    """The process's view of a leaf file: LMDB must not map one twice; unmapped with its last user.

    Parameters
    ----------
    path : the file

    Raises
    ------
    FileNotFoundError : there is none
    """
    status = path.stat()
    key = (status.st_dev, status.st_ino)
    with _shared_guard:
        found = _shared.get(key)
        if found is None:
            found = _shared[key] = LeafFile(path)
        return found


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
