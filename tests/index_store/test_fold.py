"""Folding goes on beside writing, and what a base takes over is exactly what was there."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from index_store import IndexStore, create_index
from index_store.base_builder import BaseBuilder
from person.errors import IndexLockedError
from tests.index_store.naive_index import N_WORDS, RULES, NaiveIndex, append, made_records


def change(store: IndexStore, model: NaiveIndex, seed: int) -> None:
    """Add a few records; move, remove, revive and rewrite a few others."""
    random = np.random.default_rng(seed)
    made = made_records(seed, len(model.rows), 6)
    count = len(model.rows) + 6
    moved = np.unique(random.integers(0, count, 6))
    targets = random.integers(-1, count, len(moved))
    records = np.unique(random.integers(0, count, 6))
    rows = random.integers(0, 1 << 63, (len(records), N_WORDS), dtype=np.uint64)
    with store.write() as batch:
        append(batch, made)
        batch.set_identity(moved, targets)
        batch.replace_rows(records, rows, np.full(len(records), seed))
        model.append(made)
        for rule, pairs in enumerate(model.postings):
            gone = sorted(pairs)[seed % 5 :: 11]
            keys = np.array([key for key, _ in gone], np.uint64)
            batch.remove_postings(rule, keys, np.array([record for _, record in gone], np.int64))
            pairs -= set(gone)
    for record, target in zip(moved.tolist(), targets.tolist(), strict=True):
        model.identities[record] = target
    for record, row in zip(records.tolist(), rows.tolist(), strict=True):
        model.rows[record], model.times[record] = tuple(row), seed


def test_what_is_written_during_a_fold_is_kept(tmp_path: Path) -> None:
    """Every kind of write, made while folds run in another thread, is there afterwards."""
    model = NaiveIndex()
    with create_index(tmp_path / "index", n_words=N_WORDS, rules=RULES, facts={}) as store:
        stop = threading.Event()
        folds = [0]

        def fold() -> None:
            while not stop.is_set():
                store.fold(memory_bytes=0)
                folds[0] += 1

        folder = threading.Thread(target=fold)
        folder.start()
        try:
            for seed in range(60):
                change(store, model, seed)
                if seed % 10 == 9:
                    with store.read() as snapshot:
                        model.assert_equals(snapshot)
        finally:
            stop.set()
            folder.join()
        assert folds[0] >= 2
        for _ in range(2):
            with store.read() as snapshot:
                model.assert_equals(snapshot)
            assert [] == store.check()
            store.fold()


def test_a_write_right_before_the_switch_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that commits when the new base is already written is not lost with the old delta."""
    model = NaiveIndex()
    finish = BaseBuilder.finish
    with create_index(tmp_path / "index", n_words=N_WORDS, rules=RULES, facts={}) as store:
        for seed in range(3):
            change(store, model, seed)

        def finish_late(builder: BaseBuilder, old: dict[str, object]) -> None:
            finish(builder, old)  # type: ignore[arg-type]
            change(store, model, 100 + builder.generation)
            with pytest.raises(IndexLockedError, match="bulk load is running"):
                store.fold()

        monkeypatch.setattr(BaseBuilder, "finish", finish_late)
        for _ in range(4):
            store.fold()
            with store.read() as snapshot:
                model.assert_equals(snapshot)
        assert [] == store.check()


def test_a_fold_leaves_the_delta_empty_and_one_base(tmp_path: Path) -> None:
    """Nothing written twice: the delta's tables are empty and the old base is gone."""
    path = tmp_path / "index"
    with create_index(path, n_words=N_WORDS, rules=RULES, facts={}) as store:
        model = NaiveIndex()
        for seed in range(2):
            change(store, model, seed)
        store.fold()
        store.fold()
        sizes = store.stats()
        for name in ("rows", "records", "references", "membership", "members", "postings"):
            assert 0 == sizes[name].entries, name
        assert 12 == sizes["base/rows"].entries
        assert ["base-00000002.mdb"] == [item.name for item in path.glob("base-*")]


def test_first_identities_of_many_equal_those_of_few(tmp_path: Path) -> None:
    """Replay starts from them: asking for all at once gives what asking one by one does."""
    model = NaiveIndex()
    with create_index(tmp_path / "index", n_words=N_WORDS, rules=RULES, facts={}) as store:
        made = made_records(1, 0, 1500)
        with store.bulk_loader() as loader:
            loader.add(**made)
            loader.finish()
        model.append(made)
        for seed in range(5):
            change(store, model, seed)
        with store.read() as snapshot:
            model.assert_equals(snapshot)
            few = [snapshot.first_identities(np.array([n]))[0] for n in range(1530)]
            assert model.first_identities == few
