"""Full maps, full disks, second writers, other formats, damaged pages, dead readers."""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest

from index_store import IndexStore, create_index, open_index
from person.errors import (
    IndexCorruptError,
    IndexFormatError,
    IndexFullError,
    IndexLockedError,
    IndexMissingError,
    IndexStoreError,
    InputError,
)
from tests.index_store.naive_index import N_WORDS, RULES, NaiveIndex, append, made_records

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # fork beside threads


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index"


def new_index(path: Path, map_size: int = 1 << 30) -> IndexStore:
    return create_index(
        path, n_words=N_WORDS, rules=RULES, facts={"model": b"m"}, map_size=map_size
    )


def add(store: IndexStore, model: NaiveIndex, count: int) -> None:
    made = made_records(len(model.events), len(model.rows), count)
    with store.write() as batch:
        append(batch, made)
        batch.append_event(b"add")
    model.append(made)
    model.events.append(b"add")


def load(store: IndexStore, made: dict[str, Any]) -> None:
    with store.bulk_loader() as loader:
        loader.add(**made)
        loader.finish(b"load")


def assert_holds(store: IndexStore, model: NaiveIndex) -> None:
    with store.read() as snapshot:
        model.assert_equals(snapshot)


def test_files_are_private_to_the_owner(path: Path) -> None:
    """Nobody but the owner can list or read an index or its backup."""
    model = NaiveIndex()
    with new_index(path) as store:
        add(store, model, 5)
        store.fold()
        store.backup(path.with_name("backup"))
    for directory in (path, path.with_name("backup")):
        assert 0o700 == directory.stat().st_mode & 0o777
        for file in directory.iterdir():
            assert 0o600 == file.stat().st_mode & 0o777, file.name


def test_a_missing_index_and_an_occupied_place_are_named(path: Path) -> None:
    """Opening nothing and creating over something are refused."""
    with pytest.raises(IndexMissingError, match="no index here"):
        open_index(path)
    path.mkdir()
    (path / "letter.txt").write_text("x")
    with pytest.raises(IndexMissingError, match="not empty"):
        new_index(path)


def test_two_writers_are_refused(path: Path) -> None:
    """The second writer, in this process or another, is told what to do; readers are not."""
    with new_index(path) as store:
        with pytest.raises(IndexLockedError, match="reading only"):
            open_index(path, writable=True)
        child = os.fork()
        if child == 0:
            try:
                open_index(path, writable=True)
            except IndexLockedError:
                os._exit(7)
            finally:
                os._exit(1)
        assert 7 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with open_index(path) as reader:
            with pytest.raises(IndexStoreError, match="reading only"):
                reader.write()
            assert_holds(reader, NaiveIndex())
        add(store, NaiveIndex(), 1)
    open_index(path, writable=True).close()


def test_another_format_version_is_refused_by_name(path: Path) -> None:
    """An index of the future says so, rather than being read wrongly."""
    new_index(path).close()
    with lmdb.open(str(path), max_dbs=16, map_size=1 << 30) as environment:
        meta = environment.open_db(b"meta")
        with environment.begin(write=True) as transaction:
            state = bytearray(transaction.get(b"state", db=meta))
            state[8:12] = (2).to_bytes(4, "little")
            transaction.put(b"state", bytes(state), db=meta)
    with pytest.raises(IndexFormatError, match="index format 2; this version reads and writes"):
        open_index(path)


def test_another_lmdb_environment_is_not_taken_for_an_index(path: Path) -> None:
    """A directory with someone else's data.mdb is refused."""
    path.mkdir()
    lmdb.open(str(path)).close()
    with pytest.raises(IndexFormatError, match="not an index"):
        open_index(path)


def test_the_map_grows_by_itself(path: Path) -> None:
    """An index outgrows the map it began with, and a batch too large for it fits when repeated."""
    model = NaiveIndex()
    with new_index(path, map_size=1 << 19) as store:
        refused = 0
        for count in (10, 20, 2000, 50):
            for _ in range(8):
                try:
                    add(store, model, count)
                    break
                except IndexFullError:
                    refused += 1
                    assert_holds(store, model)
        assert refused > 0
        assert 2080 == len(model.rows)
        assert_holds(store, model)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Files cannot grow beyond `size`: what a full disk looks like to a writer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_refuses_writes_and_keeps_reads(path: Path) -> None:
    """Adds, loads and folds fail whole; reads go on; writing goes on when there is room."""
    model = NaiveIndex()
    with new_index(path) as store:
        add(store, model, 50)
        store.fold()
        add(store, model, 50)
        made = made_records(9, len(model.rows), 2000)
        with file_size_limit((path / "data.mdb").stat().st_size + 8192):
            with pytest.raises(IndexFullError, match="disk is full"):
                add(store, model, 5000)
            with pytest.raises(IndexFullError, match="disk is full"):
                load(store, made)
            assert_holds(store, model)
        with file_size_limit(4096), pytest.raises(IndexFullError, match="disk is full"):
            store.fold()
        assert_holds(store, model)
        add(store, model, 50)
        store.fold()
        assert_holds(store, model)
        assert [] == store.check()


def flip(file: Path, marker: bytes) -> None:
    """Change one bit right after the last occurrence of some bytes in a file."""
    content = bytearray(file.read_bytes())
    place = content.rindex(marker) + len(marker)
    content[place] ^= 1
    file.write_bytes(content)


def test_a_damaged_page_of_the_base_is_found(path: Path) -> None:
    """`check` names the table and leaf whose checksum is wrong."""
    with new_index(path) as store:
        add(store, NaiveIndex(), 500)
        store.fold()
        assert [] == store.check()
    base = next(path.glob("base-*.mdb"))
    content = bytearray(base.read_bytes())
    segment = content.index(b"MPIS\x01\x00\x00\x00")  # the first segment of table 0
    content[segment + 4080 + 4096 + 500] ^= 16
    base.write_bytes(content)
    with open_index(path) as store:
        expected = [("base/rows", "leaf 1 does not fit its checksum")]
        assert expected == [(finding.table, finding.message) for finding in store.check()]


def test_a_base_that_was_cut_short_is_refused(path: Path) -> None:
    """Reading a page that is gone would end the process."""
    with new_index(path) as store:
        add(store, NaiveIndex(), 500)
        store.fold()
    (base,) = path.glob("base-*.mdb")
    os.truncate(base, base.stat().st_size // 2)
    with pytest.raises(IndexCorruptError, match="cut short"), open_index(path) as store:
        store.read().__enter__()


def test_warming_checks_every_leaf(path: Path) -> None:
    """A base is brought into memory whole, and a leaf that does not fit its checksum is refused."""
    with new_index(path) as store:
        store.warm()  # nothing is packed yet
        add(store, NaiveIndex(), 500)
        store.fold()
        store.warm()
    base = next(path.glob("base-*.mdb"))
    content = bytearray(base.read_bytes())
    segment = content.index(b"MPIS\x01\x00\x00\x00")
    content[segment + 4080 + 4096 + 500] ^= 16
    base.write_bytes(content)
    with open_index(path) as store, pytest.raises(IndexCorruptError, match="leaf 1 of rows"):
        store.warm()


@pytest.mark.parametrize("length", [0, 100, 4096, 5000, 8192, 12288, 40_000])
def test_a_data_file_that_was_cut_short_is_refused(path: Path, length: int) -> None:
    """Whatever is left of data.mdb, opening it says so and does not end the process."""
    with new_index(path) as store:
        add(store, NaiveIndex(), 500)
    assert (path / "data.mdb").stat().st_size > 40_000
    os.truncate(path / "data.mdb", length)
    with pytest.raises(IndexCorruptError, match=r"data\.mdb: .*restore a backup"):
        open_index(path)


def test_noise_in_a_page_of_data_is_found(path: Path) -> None:
    """Pages that were overwritten are found by opening or by `check`, which outlives them."""
    with new_index(path) as store:
        add(store, NaiveIndex(), 500)
    file = path / "data.mdb"
    sound, noise = file.read_bytes(), np.random.default_rng(3).bytes(4096)
    pages = len(sound) // 4096
    found = 0
    for page in range(2, pages, 7):
        file.write_bytes(sound[: page * 4096] + noise + sound[(page + 1) * 4096 :])
        try:
            with open_index(path) as store:
                found += bool(store.check())
        except IndexCorruptError:
            found += 1
    free = 4  # pages that nothing leads to
    assert found >= len(range(2, pages, 7)) - free


def test_a_damaged_event_is_found_and_not_handed_out(path: Path) -> None:
    """A journal whose bytes changed is reported, and reading that event is refused."""
    with new_index(path) as store, store.write() as batch:
        batch.append_event(b"something happened")
    flip(path / "data.mdb", b"something happen")
    with open_index(path) as store:
        expected = [("journal", "value 1 does not fit its checksum")]
        assert expected == [(finding.table, finding.message) for finding in store.check()]
        with store.read() as snapshot, pytest.raises(IndexCorruptError, match="'journal'"):
            snapshot.event(1)


def test_a_missing_base_is_named(path: Path) -> None:
    """An index whose base file is gone is refused, not read as if it were empty."""
    with new_index(path) as store:
        add(store, NaiveIndex(), 5)
        store.fold()
    next(path.glob("base-*.mdb")).unlink()
    with pytest.raises(IndexCorruptError, match="packed base of the index is missing"):
        open_index(path)


def test_a_backup_is_consistent_while_writing_goes_on(path: Path) -> None:
    """Every backup holds whole batches, also when the base is folded under its hands."""
    model = NaiveIndex()
    with new_index(path) as store:
        add(store, model, 20)
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                add(store, model, 20)
                if len(model.events) % 3 == 0:
                    store.fold()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for number in range(4):
                store.backup(path.with_name(f"backup{number}"))
        finally:
            stop.set()
            writer.join()
    for number in range(4):
        with open_index(path.with_name(f"backup{number}"), writable=True) as copy:
            with copy.read() as snapshot:
                events = snapshot.event_count
                expected = NaiveIndex()
                for event in range(events):
                    expected.append(made_records(event, len(expected.rows), 20))
                    expected.events.append(b"add")
                expected.assert_equals(snapshot)
            assert [] == copy.check()


def test_readers_in_other_processes_see_whole_batches(path: Path) -> None:
    """Two readers beside a writer that adds and folds never see part of a batch."""
    model = NaiveIndex()
    new_index(path).close()
    reading, writing = os.pipe()
    children = []
    for _ in range(2):
        child = os.fork()  # an environment is opened after a fork, never before
        if child == 0:
            os.environ["MPI_THREADS"] = "1"
            code = 1
            try:
                os.close(writing)
                code = read_until_closed(path, reading)
            finally:
                os._exit(code)
        children.append(child)
    with open_index(path, writable=True) as store:
        for number in range(12):
            add(store, model, 20)
            if number % 4 == 3:
                store.fold()
    os.close(writing)
    os.close(reading)
    for child in children:
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_an_index_opened_before_a_fork_is_refused_after_it(path: Path) -> None:
    """LMDB does not survive a fork; the child is told to open the index itself."""
    with new_index(path):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                open_index(path)
            except IndexStoreError as error:
                code = 7 if "forked" in str(error) else 2
            finally:
                os._exit(code)
        assert 7 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def read_until_closed(path: Path, reading: int) -> int:
    """Read snapshots until the other end of the pipe closes; 0 where all were whole."""
    closed = False
    with open_index(path) as store:
        while not closed:
            os.set_blocking(reading, False)
            with suppress(BlockingIOError):
                closed = os.read(reading, 1) == b""
            with store.read() as snapshot:
                expected = NaiveIndex()
                for event in range(snapshot.event_count):
                    expected.append(made_records(event, len(expected.rows), 20))
                    expected.events.append(b"add")
                expected.assert_equals(snapshot)
    return 0


def test_a_reader_that_died_is_cleared(path: Path) -> None:
    """The place of a killed reader in the lock table is given back at the next opening."""
    new_index(path).close()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        open_index(path).read()
        os.write(writing, b"!")
        signal.pause()
    assert b"!" == os.read(reading, 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open_index(path, writable=True) as store:
        assert "(no active readers)" in store._environment.lmdb.readers()


def test_a_snapshot_keeps_its_moment(path: Path) -> None:
    """A snapshot answers from its moment after adds, removals and folds."""
    model, later = NaiveIndex(), NaiveIndex()
    with new_index(path) as store:
        for _ in range(2):
            add(store, model, 30)
            store.fold()
        with store.read() as snapshot:
            for number in range(2):
                later.append(made_records(number, len(later.rows), 30))
                later.events.append(b"add")
            with store.write() as batch:
                batch.remove_records(np.array([3, 4]))
            add(store, later, 30)
            store.fold()
            model.assert_equals(snapshot)


def test_no_write_during_a_bulk_load(path: Path) -> None:
    """Record numbers are dense: while a load gives them out, batches are refused."""
    with new_index(path) as store:
        with store.bulk_loader(), pytest.raises(IndexLockedError, match="bulk load"):
            store.write()
        with store.bulk_loader(), pytest.raises(IndexLockedError, match="bulk load"):
            store.fold()
        add(store, NaiveIndex(), 3)


def test_the_map_grows_under_readers_that_come_and_go(path: Path) -> None:
    """A snapshot that is open when the map must grow delays the writer, no more."""
    model = NaiveIndex()
    with new_index(path, map_size=1 << 20) as store:
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set():
                with store.read() as snapshot:
                    assert snapshot.record_count % 300 == 0

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for _ in range(8):
                add(store, model, 300)
        finally:
            stop.set()
            reader.join()
        assert_holds(store, model)


def test_an_endless_record_id_is_refused(path: Path) -> None:
    """An id that no leaf could hold is refused without being printed."""
    made = made_records(0, 0, 1)
    made["record_ids"] = [b"x" * 1025]
    with new_index(path) as store:
        with pytest.raises(InputError, match="1025 bytes; at most 1024"), store.write() as batch:
            append(batch, made)
        assert_holds(store, NaiveIndex())
