"""Making and opening an index."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Literal

import lmdb
from numpy.typing import ArrayLike

from index_store.backup import backup
from index_store.base_builder import MEMORY_BYTES
from index_store.bulk import BulkLoader, fold
from index_store.check import Finding, check_snapshot
from index_store.environment import MAP_SIZE_MIN, Environment, WriterLock
from index_store.format import FORMAT_VERSION, State, pack_checked, pack_state, unpack_state
from index_store.rebuild import remove_other_bases
from index_store.row_slots import whole_slots
from index_store.snapshot import Snapshot
from index_store.statistics import TableStatistics, table_statistics
from index_store.translation import our_error, translated
from index_store.turn import Turn
from index_store.write_batch import WriteBatch
from person.errors import (
    IndexFormatError,
    IndexMissingError,
    IndexStoreError,
)

__all__ = ["IndexStore", "create_index", "open_index"]

RULES_MAX: Final = 64
WAIT_SECONDS: Final = 10.0
"""How long a write on demand waits for another process's."""


class IndexStore:
    """An open index; reads and writes happen in `read()` and `write()`.

    Attributes
    ----------
    path : the directory
    rules : names of the posting rules, in order
    n_words : words of an encoded row
    """

    def __init__(
        self,
        environment: Environment,
        lock: WriterLock | None,
        *,
        wait_seconds: float | None = None,
    ) -> None:
        self._environment = environment
        self._lock = lock
        self._wait_seconds = wait_seconds
        self.path = environment.directory
        state = self._checked_state()
        self.n_words = state.n_words
        if lock is not None and environment.users == 1:
            remove_other_bases(environment, state.generation)
        with self.read() as snapshot:
            self.rules: tuple[str, ...] = tuple(json.loads(snapshot.fact("rules") or b"[]"))

    def _checked_state(self) -> State:
        """The state, once it is sure that we know this format."""
        name = str(self.path)
        database = self._environment.databases.get(b"meta")
        value = None
        if database is not None:
            transaction = self._environment.begin_read()
            value = transaction.get(b"state", db=database)
            state = unpack_state(bytes(value or b""))
            del value
            self._environment.end_read(transaction)
            if state is not None and state.version == FORMAT_VERSION:
                return state
            if state is not None:
                raise IndexFormatError(
                    f"{name}: index format {state.version}; this version reads and writes format "
                    f"{FORMAT_VERSION}: open it with the version that made it, or load it anew",
                    path=name,
                )
        raise IndexFormatError(f"{name}: an LMDB environment, but not an index", path=name)

    @property
    def is_writable(self) -> bool:
        return self._lock is not None or self._wait_seconds is not None

    @property
    def turn(self) -> Turn:
        """Whose turn it is to compute on this index, for threads that work without a pause.

        Compiled steps give the interpreter up; threads that take it from one another at every
        step spend more on that than on the work. Shared by all stores of a process on a directory;
        the store itself never takes it.
        """
        return self._environment.turn

    @property
    def is_on_demand(self) -> bool:
        """Whether each write takes the writer's lock for itself, and gives it up again."""
        return self._wait_seconds is not None

    def read(self) -> Snapshot:
        """A consistent view; close it, or use it in `with`."""
        try:
            return Snapshot(self._environment)
        except (lmdb.Error, OSError) as error:
            raise our_error(self.path, error) from error

    def write(self) -> WriteBatch:
        """One durable transaction; use it in `with`.

        Raises
        ------
        IndexLockedError : opened on demand, and another process went on writing too long
        """
        if self._wait_seconds is not None:
            lock = WriterLock(self.path, self._wait_seconds)
            try:
                return WriteBatch(self._environment, lock=lock)
            except BaseException:
                lock.release()
                raise
        if self._lock is None:
            raise IndexStoreError(
                f"{self.path}: the index is open for reading only; open it with writable=True",
                path=str(self.path),
            )
        return WriteBatch(self._environment)

    def _check_is_writer(self) -> None:
        """Whole stores are written by a writer that holds the lock all the time."""
        if self._lock is None:
            raise IndexStoreError(
                f"{self.path}: open the index with writable=True to load or fold it",
                path=str(self.path),
            )
        self.write().close()

    def bulk_loader(self, *, memory_bytes: int = MEMORY_BYTES) -> BulkLoader:
        """Load many records at once; nothing else can be written until it has finished.

        Parameters
        ----------
        memory_bytes : what the load may hold; more goes to files beside the index
        """
        self._check_is_writer()
        return BulkLoader(self._environment, len(self.rules), memory_bytes)

    def fold(self, *, memory_bytes: int = MEMORY_BYTES) -> None:
        """Write base and delta anew as one base; reads and writes go on meanwhile.

        Parameters
        ----------
        memory_bytes : what the fold may hold; more goes to files beside the index
        """
        self._check_is_writer()
        fold(self._environment, len(self.rules), memory_bytes)

    def backup(self, destination: Path) -> None:
        """Copy the index, as of one moment, while writing goes on.

        Parameters
        ----------
        destination : a directory that does not exist yet; open it like any index
        """
        backup(self._environment, Path(destination))

    def check(self) -> list[Finding]:
        """Everything wrong with the index's bytes: checksums, order, counts; [] where nothing."""
        with self.read() as snapshot:
            fault = snapshot.damaged_page()
            if fault is not None:  # to read on could end the process
                return [Finding(table="data.mdb", message=fault)]
            return check_snapshot(snapshot, len(self.rules))

    def warm(self) -> None:
        """Read the packed base into memory, so that no lookup waits for the disk, and check it.

        Raises
        ------
        IndexCorruptError : a page of it is damaged
        """
        with self.read() as snapshot:
            if snapshot.base is not None:
                snapshot.base.file.warm()

    def stats(self) -> dict[str, TableStatistics]:
        """Entries and bytes of every table, base and delta apart."""
        with self.read() as snapshot:
            return table_statistics(snapshot)

    def close(self) -> None:
        """Close the index and, for the writer, give up the lock."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        self._environment.release()

    def __enter__(self) -> IndexStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def create_index(
    path: Path,
    *,
    n_words: int,
    rules: Sequence[str],
    facts: Mapping[str, bytes],
    slots: ArrayLike | None = None,
    map_size: int = MAP_SIZE_MIN,
) -> IndexStore:
    """Make an empty index, readable by its owner alone, and open it for writing.

    Parameters
    ----------
    path : a directory that does not exist yet or is empty
    n_words : words of an encoded row, 1 to 64
    rules : names of the posting rules; their order is their number
    facts : what belongs to the index (model, schema, key); read back with `Snapshot.fact`
    slots : int64[n, 3] (word, shift, bits) of the parts of a row that are often 0 as a whole,
        such as fields and characters of names; rows are packed smaller for it
    map_size : bytes of address space to map at first; it doubles as the index grows

    Raises
    ------
    IndexMissingError : there is something at `path` already
    """
    assert 1 <= n_words <= 64, "rows of 1 to 64 words"
    assert len(rules) <= RULES_MAX, "rules are numbered in one byte"
    directory = Path(path)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise IndexMissingError(
            f"{directory}: not empty; an index is made in a new directory", path=str(directory)
        )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    lock = WriterLock(directory)
    environment = Environment.acquire(directory, create=True, map_size=map_size)
    with translated(directory), environment.begin_write() as transaction:
        meta = environment.databases[b"meta"]
        own = {
            "rules": json.dumps(list(rules)).encode(),
            "slots": json.dumps(whole_slots(n_words, slots)).encode(),
        }
        for name, value in {**facts, **own}.items():
            transaction.put(b"fact/" + name.encode(), pack_checked(value), db=meta)
        state = State(
            version=FORMAT_VERSION,
            n_words=n_words,
            record_count=0,
            event_count=0,
            generation=0,
            touched_count=0,
            base_record_count=0,
        )
        transaction.put(b"state", pack_state(state), db=meta)
    return IndexStore(environment, lock)


def open_index(
    path: Path,
    *,
    writable: bool | Literal["on_demand"] = False,
    wait_seconds: float | None = None,
    map_size: int = MAP_SIZE_MIN,
) -> IndexStore:
    """Open an index that exists.

    Parameters
    ----------
    path : its directory
    writable : True takes the writer's lock until the index is closed; 'on_demand' takes it for
        each write, so that processes take turns
    wait_seconds : how long to wait for another writer; None is not at all, on demand 10 seconds
    map_size : bytes of address space to map at least

    Raises
    ------
    IndexMissingError : no index there
    IndexFormatError : another format version, or no index of ours
    IndexLockedError : another writer has it open
    """
    directory = Path(path)
    if not (directory / "data.mdb").exists():
        raise IndexMissingError(
            f"{directory}: no index here; check the path, or make one with mpi index create",
            path=str(directory),
        )
    is_on_demand = writable == "on_demand"
    lock = WriterLock(directory, wait_seconds or 0.0) if writable is True else None
    waits = None
    if is_on_demand:
        waits = WAIT_SECONDS if wait_seconds is None else wait_seconds
    try:
        environment = Environment.acquire(directory, create=False, map_size=map_size)
        try:
            return IndexStore(environment, lock, wait_seconds=waits)
        except BaseException:
            environment.release()
            raise
    except BaseException:
        if lock is not None:
            lock.release()
        raise
