"""The LMDB environment of one index: opened once a process, locked by one writer, grown in time."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import lmdb

from index_store.base import Base, base_path
from index_store.format import DATABASES, State
from index_store.page_check import damaged_page
from index_store.touched import TouchFilter
from index_store.translation import translated
from index_store.turn import Turn
from person.errors import (
    IndexCorruptError,
    IndexLockedError,
    IndexMissingError,
    IndexStoreError,
)

__all__ = ["MAP_SIZE_MAX", "MAP_SIZE_MIN", "Environment", "Latest", "WriterLock"]

MAP_SIZE_MIN: Final = 1 << 34
"""Bytes of address space mapped at first; costs neither memory nor disk."""

MAP_SIZE_MAX: Final = 1 << 40

_READERS_MAX: Final = 1024
_DRAIN_SECONDS: Final = 2.0
_LOCK_POLL_SECONDS: Final = 0.01


class WriterLock:
    """The one writer's lock; the system drops it when the process ends, however it ends.

    Parameters
    ----------
    directory : of the index
    wait_seconds : how long to wait for another writer; writers come in no particular order

    Raises
    ------
    IndexLockedError : another writer holds it still
    """

    def __init__(self, directory: Path, wait_seconds: float = 0.0) -> None:
        path = directory / "writer.lock"
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if time.monotonic() < deadline:
                    time.sleep(_LOCK_POLL_SECONDS)
                    continue
                os.close(self._file)
                waited = f" after {wait_seconds:g} seconds of waiting" if wait_seconds else ""
                raise IndexLockedError(
                    f"{directory}: another process is writing to this index{waited}; wait until "
                    "it has finished, or open the index for reading only",
                    path=str(directory),
                ) from error
            else:
                return

    def release(self) -> None:
        """Give the lock up; a second time does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


@dataclass(frozen=True, slots=True)
class Latest:
    """What the last snapshot read; the next one takes it over if nothing was written since.

    Attributes
    ----------
    stored : bytes of the state
    state, base, filter : what they stand for
    """

    stored: bytes
    state: State
    base: Base | None
    filter: TouchFilter


class Environment:
    """One `lmdb.Environment` shared by every store of this process on the same directory."""

    _open: dict[tuple[int, int], Environment] = {}  # noqa: RUF012 - the registry itself
    _guard = threading.RLock()

    def __init__(self, directory: Path, *, create: bool, map_size: int) -> None:
        self.directory = directory
        self.path = str(directory)
        self.process = os.getpid()
        self.users = 0
        self.snapshots = 0
        self.lock = threading.Condition(threading.RLock())
        self.turn = Turn()
        self.written: set[tuple[bytes, bytes]] | None = None
        self.is_loading = False
        self.is_rebuilding = False
        self._is_draining = False
        self.must_grow = False
        self._used_bytes = 0  # of the map, before the last batch
        self._largest_batch = 0  # bytes that one batch took of the map, at most
        self._base: tuple[int, Base | None] = (0, None)
        self._filter = TouchFilter(0)
        self.latest: Latest | None = None
        self.is_read_only = not create and not os.access(directory, os.W_OK)
        data = directory / "data.mdb"
        size = data.stat().st_size if data.exists() else 0
        if not create:
            fault = damaged_page(data, is_whole=False) if size else "the file is empty"
            if fault is not None:
                raise IndexCorruptError(f"{data}: {fault}; restore a backup", path=str(directory))
        with translated(directory):
            self.lmdb = lmdb.open(
                str(directory),
                map_size=max(map_size, 2 * size),
                max_dbs=len(DATABASES),
                max_readers=_READERS_MAX,
                mode=0o600,
                readonly=self.is_read_only,
                readahead=False,
                create=create,
            )
            self.lmdb.reader_check()
            self.databases = self._databases(create)

    def _databases(self, create: bool) -> dict[bytes, Any]:
        """Handles of all named databases; none where this is no index of ours."""
        try:
            # py-lmdb opens names in a write transaction: this waits for a batch that is under way.
            return {name: self.lmdb.open_db(name, create=create) for name in DATABASES}
        except (lmdb.NotFoundError, lmdb.ReadonlyError):
            return {}

    @classmethod
    def acquire(cls, directory: Path, *, create: bool, map_size: int) -> Environment:
        """The process's environment of a directory, opened if it is not yet."""
        try:
            status = directory.stat()
        except OSError as error:
            raise IndexMissingError(
                f"{directory}: no index here; check the path, or make one with mpi index create",
                path=str(directory),
            ) from error
        key = (status.st_dev, status.st_ino)
        with cls._guard:
            found = cls._open.get(key)
            if found is not None and found.process != os.getpid():
                raise IndexStoreError(
                    f"{directory}: opened before this process was forked; open it afterwards",
                    path=str(directory),
                )
            if found is None:
                found = cls._open[key] = cls(directory, create=create, map_size=map_size)
            found.users += 1
            return found

    def release(self) -> None:
        with self._guard:
            self.users -= 1
            if self.users == 0:
                for key, value in list(self._open.items()):
                    if value is self:
                        del self._open[key]
                self._base = (0, None)
                self.latest = None
                self.lmdb.close()

    # ------------------------------------------------------------------ transactions

    def begin_read(self) -> Any:
        """A read transaction; takes over a map grown elsewhere, clears readers that died."""
        with self.lock:
            if self._is_draining:
                self.lock.wait_for(lambda: not self._is_draining, _DRAIN_SECONDS)
            for _ in range(3):
                try:
                    transaction = self.lmdb.begin(buffers=True)
                except lmdb.MapResizedError:
                    if not self._resize(0):
                        raise
                except lmdb.ReadersFullError:
                    if not self.lmdb.reader_check():
                        raise
                else:
                    self.snapshots += 1
                    return transaction
            raise IndexStoreError(
                f"{self.directory}: no read could begin; close some readers and repeat",
                path=str(self.directory),
            )

    def end_read(self, transaction: Any) -> None:
        transaction.abort()
        with self.lock:
            self.snapshots -= 1
            if self._is_draining:
                self.lock.notify_all()

    def begin_write(self) -> Any:
        with self.lock:
            self._grow_if_needed()
        try:
            return self.lmdb.begin(write=True, buffers=True)
        except lmdb.MapResizedError:  # another process was the last writer, and grew the map
            with self.lock:
                if not self._resize(0):
                    raise
            return self.lmdb.begin(write=True, buffers=True)

    def _grow_if_needed(self) -> None:
        """Double the map while less than half of it is free.

        LMDB allows that while no snapshot is open. It waits for that, and keeps new ones waiting,
        only once a quarter is left, or less than two batches like the largest so far may need.
        """
        information = self.lmdb.info()
        used = (information["last_pgno"] + 1) * self.lmdb.stat()["psize"]
        size = information["map_size"]
        if self._used_bytes:
            self._largest_batch = max(self._largest_batch, used - self._used_bytes)
        self._used_bytes = used
        while used * 2 > size and size < MAP_SIZE_MAX:
            size *= 2
        if self.must_grow:
            size = min(max(size, 2 * information["map_size"]), MAP_SIZE_MAX)
        free = information["map_size"] - used
        is_scarce = free * 4 < information["map_size"] or free < 2 * self._largest_batch
        is_urgent = self.must_grow or is_scarce
        if size != information["map_size"] and (is_urgent or not self.snapshots):
            self.must_grow = not self._resize(size) and self.must_grow

    def _resize(self, size: int) -> bool:
        """Set the map's size, 0 for that of the file, once no snapshot is open; False: too many."""
        self._is_draining = True
        try:
            if not self.lock.wait_for(lambda: self.snapshots == 0, _DRAIN_SECONDS):
                return False
            self.lmdb.set_mapsize(size)
            return True
        finally:
            self._is_draining = False
            self.lock.notify_all()

    # ------------------------------------------------------------------ what snapshots share

    def base(self, generation: int) -> Base | None:
        """The packed base of a generation; None for generation 0.

        Raises
        ------
        FileNotFoundError : a newer base has taken its place; begin the snapshot again
        """
        with self.lock:
            if self._base[0] == generation:
                return self._base[1]
            opened = Base(base_path(self.directory, generation)) if generation else None
            if generation > self._base[0]:
                self._base = (generation, opened)
            return opened

    def filter(self, generation: int) -> TouchFilter:
        """The filter of a generation's delta; a new one for a generation that has passed."""
        with self.lock:
            if generation > self._filter.generation:
                self._filter = TouchFilter(generation)
            elif generation < self._filter.generation:
                return TouchFilter(generation)
            return self._filter
