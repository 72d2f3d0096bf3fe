"""Writers that take the lock for each transaction take turns."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from index_store import create_index, open_index
from person.errors import IndexLockedError, IndexStoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create_index(tmp_path / "index", n_words=1, rules=["r"], facts={}).close()
    return tmp_path / "index"


def test_processes_take_turns(path: Path) -> None:
    """Two processes write, and neither loses what the other wrote."""
    child = os.fork()
    if child == 0:
        with open_index(path, writable="on_demand") as store:
            for number in range(20):
                with store.write() as batch:
                    batch.put("child", bytes([number]), b"1")
        os._exit(0)
    with open_index(path, writable="on_demand") as store:
        for number in range(20):
            with store.write() as batch:
                batch.put("parent", bytes([number]), b"1")
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with store.read() as snapshot:
            assert [20, 20] == [len(list(snapshot.range(name))) for name in ("child", "parent")]


def test_threads_take_turns(path: Path) -> None:
    """Stores of one process on one directory wait for each other too."""

    def add() -> None:
        with open_index(path, writable="on_demand") as store:
            for _ in range(10):
                with store.write() as batch:
                    held = int.from_bytes(batch.get("count", b"n") or b"", "big")
                    batch.put("count", b"n", (held + 1).to_bytes(4, "big"))

    threads = [threading.Thread(target=add) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with open_index(path) as store, store.read() as snapshot:
        assert 30 == int.from_bytes(snapshot.get("count", b"n") or b"", "big")


def test_a_writer_that_stays_is_waited_for_and_named(path: Path) -> None:
    """After the wait there is a clear error; nothing is kept from the writer that has it."""
    with (
        open_index(path, writable=True),
        open_index(path, writable="on_demand", wait_seconds=0.05) as other,
        pytest.raises(IndexLockedError, match=r"after 0\.05 seconds"),
    ):
        other.write()
    with open_index(path, writable="on_demand", wait_seconds=0.05) as other:
        other.write().close()
        open_index(path, writable=True).close()


def test_the_lock_is_given_up_however_a_batch_ends(path: Path) -> None:
    """An exception inside a batch leaves the index free for the next."""
    with open_index(path, writable="on_demand", wait_seconds=0.0) as store:
        with pytest.raises(KeyError), store.write():
            raise KeyError
        with store.write() as batch:
            batch.put("a", b"k", b"v")
        assert store.is_on_demand


def test_whole_stores_are_written_by_one_who_stays(path: Path) -> None:
    """A bulk load takes long: it wants the lock for good."""
    with open_index(path, writable="on_demand") as store:
        with pytest.raises(IndexStoreError, match="writable=True"):
            store.bulk_loader()
        with pytest.raises(IndexStoreError, match="writable=True"):
            store.fold()


def test_ranges_are_read_from_the_end(path: Path) -> None:
    """Downwards as upwards, between the same bounds."""
    with open_index(path, writable="on_demand") as store:
        with store.write() as batch:
            for number in range(9):
                batch.put("t", bytes([number]), b"")
            batch.put("u", b"x", b"")
        with store.read() as snapshot:
            for low, high in ((0, 9), (2, 5), (0, 200), (5, 5)):
                up = list(snapshot.range("t", bytes([low]), bytes([high])))
                assert up[::-1] == list(snapshot.range_down("t", bytes([low]), bytes([high])))
