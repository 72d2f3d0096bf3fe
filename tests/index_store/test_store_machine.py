"""The store equals plain dictionaries, whatever is done to it in whatever order."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from index_store import create_index, open_index
from tests.index_store.naive_index import N_WORDS, RULES, NaiveIndex, append, made_records

SEEDS = st.integers(0, 1 << 16)


class StoreMachine(RuleBasedStateMachine):
    """Drives a store and a model; a crash loses exactly what was not committed."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.path = self.directory / "index"
        self.model = NaiveIndex()
        self.store = create_index(self.path, n_words=N_WORDS, rules=RULES, facts={})

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.directory)

    @rule(seed=SEEDS, count=st.integers(0, 40))
    def add(self, seed: int, count: int) -> None:
        made = made_records(seed, len(self.model.rows), count)
        with self.store.write() as batch:
            append(batch, made)
            assert batch.append_event(b"add") == len(self.model.events) + 1
        self.model.append(made)
        self.model.events.append(b"add")

    @rule(seed=SEEDS, count=st.integers(0, 300), is_spilling=st.booleans())
    def load(self, seed: int, count: int, is_spilling: bool) -> None:
        made = made_records(seed, len(self.model.rows), count)
        with self.store.bulk_loader(memory_bytes=0 if is_spilling else 1 << 28) as loader:
            loader.add(**made)
            loader.finish(b"load")
        self.model.append(made)
        self.model.events.append(b"load")

    @rule()
    def fold(self) -> None:
        self.store.fold()

    @precondition(lambda self: self.model.rows)
    @rule(seed=SEEDS)
    def change(self, seed: int) -> None:
        """New rows, moved, removed and revived records, postings removed and added."""
        random = np.random.default_rng(seed)
        count = len(self.model.rows)
        records = np.unique(random.integers(0, count, 12))
        rows = random.integers(0, 1 << 63, (len(records), N_WORDS), dtype=np.uint64)
        moved = np.unique(random.integers(0, count, 12))
        targets = random.integers(-1, count, len(moved))
        with self.store.write() as batch:
            batch.replace_rows(records, rows, np.full(len(records), seed))
            batch.set_identity(moved, targets)
            self._change_postings(batch, random)
        for record, row in zip(records.tolist(), rows.tolist()):
            self.model.rows[record], self.model.times[record] = tuple(row), seed
        for record, target in zip(moved.tolist(), targets.tolist()):
            self.model.identities[record] = target

    def _change_postings(self, batch: Any, random: np.random.Generator) -> None:
        for rule_number, pairs in enumerate(self.model.postings):
            gone = sorted(pairs)[:: int(random.integers(2, 9))][:20]
            keys = np.array([key for key, _ in gone], np.uint64)
            records = np.array([record for _, record in gone], np.int64)
            batch.remove_postings(rule_number, keys, records)
            batch.add_postings(rule_number, keys[::3] + np.uint64(1), records[::3])
            pairs -= set(gone)
            pairs |= {(key + 1, record) for key, record in gone[::3]}

    @rule(key=st.binary(min_size=1, max_size=5), value=st.none() | st.binary(max_size=9))
    def plain(self, key: bytes, value: bytes | None) -> None:
        with self.store.write() as batch:
            if value is None:
                expected = ("table", key) in self.model.plain
                assert expected == batch.delete("table", key)
                self.model.plain.pop(("table", key), None)
            else:
                batch.put("table", key, value)
                batch.put("tables", key, value)  # a table whose name begins like the other's
                self.model.plain["table", key] = value
                self.model.plain["tables", key] = value

    @rule(seed=SEEDS)
    def fail_midway(self, seed: int) -> None:
        """An exception inside a batch undoes all of it."""
        try:
            with self.store.write() as batch:
                append(batch, made_records(seed, len(self.model.rows), 5))
                batch.append_event(b"never")
                raise KeyError
        except KeyError:
            pass

    @rule(seed=SEEDS, is_load=st.booleans())
    def crash(self, seed: int, is_load: bool) -> None:
        """The files of an index whose writer stopped dead open as of its last commit."""
        made = made_records(seed, len(self.model.rows), 30)
        copy = self.directory / "copy"
        if is_load:
            with self.store.bulk_loader() as loader:
                loader.add(**made)
                shutil.copytree(self.path, copy)
        else:
            with self.store.write() as batch:
                append(batch, made)
                shutil.copytree(self.path, copy)
                batch.close()
        self.store.close()
        shutil.rmtree(self.path)
        copy.rename(self.path)
        self.store = open_index(self.path, writable=True)
        assert not list(self.path.glob("*.partial"))

    @rule(is_writable=st.booleans())
    def reopen(self, is_writable: bool) -> None:
        self.store.close()
        with open_index(self.path, writable=is_writable) as store, store.read() as snapshot:
            self.model.assert_equals(snapshot)
        self.store = open_index(self.path, writable=True)

    @rule()
    def back_up(self) -> None:
        destination = self.directory / "backup"
        self.store.backup(destination)
        with open_index(destination) as store, store.read() as snapshot:
            self.model.assert_equals(snapshot)
        shutil.rmtree(destination)

    @rule()
    def check(self) -> None:
        assert [] == self.store.check()

    @invariant()
    def equals_the_model(self) -> None:
        with self.store.read() as snapshot:
            self.model.assert_equals(snapshot)


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=12, stateful_step_count=14)
