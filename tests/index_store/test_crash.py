"""A writer killed at any moment: what it acknowledged is there, nothing is there by half."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from index_store import IndexStore, create_index, open_index
from tests.index_store.naive_index import N_WORDS, RULES, NaiveIndex, append, made_records

KILLS = int(os.environ.get("MPI_INDEX_KILLS", "8"))
"""Kills of each kind of work; `scripts/kill_index_writers.sh` asks for hundreds."""

ADDED = 7
LOADED = 400


def add_for_ever(store: IndexStore, acknowledge: Callable[[], None]) -> None:
    while True:
        with store.write() as batch:
            append(batch, made_records(batch.event_count, batch.record_count, ADDED))
            batch.append_event(b"add")
        acknowledge()


def load_for_ever(store: IndexStore, acknowledge: Callable[[], None]) -> None:
    while True:
        with store.bulk_loader(memory_bytes=0) as loader:
            with store.read() as snapshot:
                made = made_records(snapshot.event_count, snapshot.record_count, LOADED)
            loader.add(**made)
            loader.finish(b"load")
        acknowledge()


def add_and_fold_for_ever(store: IndexStore, acknowledge: Callable[[], None]) -> None:
    while True:
        with store.write() as batch:
            append(batch, made_records(batch.event_count, batch.record_count, ADDED))
            batch.append_event(b"add")
        acknowledge()
        store.fold()


def kill_writer(path: Path, work: Callable[..., None], delay: float) -> int:
    """Run `work` in a child, kill it after a while; how many steps it acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.environ["MPI_THREADS"] = "1"  # the parent's threads are not in the child
        try:
            with open_index(path, writable=True) as store:
                os.write(writing, b"!")
                work(store, lambda: os.write(writing, b"."))
        finally:
            os._exit(1)
    os.close(writing)
    assert os.read(reading, 1) == b"!", "the child could not open the index"
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    acknowledged = 0
    while part := os.read(reading, 1 << 16):
        acknowledged += len(part)
    os.close(reading)
    return acknowledged


@pytest.mark.parametrize(
    "work, event, size",
    [
        (add_for_ever, b"add", ADDED),
        (load_for_ever, b"load", LOADED),
        (add_and_fold_for_ever, b"add", ADDED),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # fork beside threads: see the child
def test_nothing_acknowledged_is_lost(
    tmp_path: Path, work: Callable[..., None], event: bytes, size: int
) -> None:
    """After kill -9 the index opens, checks clean and holds each acknowledged step whole."""
    path = tmp_path / "index"
    model = NaiveIndex()
    create_index(path, n_words=N_WORDS, rules=RULES, facts={}).close()
    delays = random.Random(work.__name__)
    for _ in range(KILLS):
        acknowledged = kill_writer(path, work, delays.uniform(0, 0.12))
        known = len(model.events)
        with open_index(path, writable=True) as store, store.read() as snapshot:
            steps = snapshot.event_count
            assert steps - known - acknowledged in (0, 1), "one step may have been on its way"
            for number in range(known, steps):
                model.append(made_records(number, len(model.rows), size))
                model.events.append(event)
            model.assert_equals(snapshot)
            assert [] == store.check()
            leftovers = [item.name for item in path.glob("*.partial")]
            assert [] == leftovers
            assert len(list(path.glob("base-*.mdb"))) <= 1
