"""What is asked of several rules, or of many values, at once is what each would answer alone."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from index_store import Snapshot, Turn, create_index
from tests.index_store.naive_index import N_WORDS, RULES, NaiveIndex
from tests.index_store.test_fold import change

WORD = np.array([2, 0, 64], np.int64)


def check_all_postings(snapshot: Snapshot, model: NaiveIndex) -> None:
    """Compare lines of keys of several rules with each rule's own answer; a rule may come twice."""
    rules = np.array([0, 1, 0], np.int64)
    known = [sorted({key for key, _ in pairs}) for pairs in model.postings]
    lines = np.zeros((3, 20), np.uint64)
    for line, rule in enumerate(rules.tolist()):
        wanted = [*known[rule][line : line + 17], 12345678901]
        lines[line, : len(wanted)] = wanted
    offsets, records = snapshot.all_postings(rules, lines)
    found = [part.tolist() for part in np.split(records, offsets[1:-1])]
    expected = []
    for rule, line in zip(rules.tolist(), lines, strict=True):
        edges, held = snapshot.postings(rule, line)
        expected += [part.tolist() for part in np.split(held, edges[1:-1])]
    assert expected == found


def check_holders(snapshot: Snapshot, model: NaiveIndex) -> None:
    """Compare holders of values with a look at every record under the key."""
    for rule, pairs in enumerate(model.postings):
        keys = [*sorted({key for key, _ in pairs}), 0]
        values = [next((model.rows[r][2] for k, r in sorted(pairs) if k == key), 7) for key in keys]
        first, counts = snapshot.holders(
            rule, np.array(keys, np.uint64), WORD, np.array(values, np.uint64)
        )
        for place, (key, value) in enumerate(zip(keys, values, strict=True)):
            owners = {
                model.identities[r] for k, r in pairs if k == key and model.rows[r][2] == value
            } - {-1}
            assert len(owners) == counts[place]
            assert min(owners, default=-1) == first[place]


def test_many_are_answered_as_each_alone(tmp_path: Path) -> None:
    """In a delta alone, in a base alone, and in a delta over a base."""
    model = NaiveIndex()
    with create_index(tmp_path / "index", n_words=N_WORDS, rules=RULES, facts={}) as store:
        for seed in range(10):
            change(store, model, seed)
            if seed == 4:
                store.fold()
            with store.read() as snapshot:
                check_all_postings(snapshot, model)
                check_holders(snapshot, model)


def test_a_value_that_hundreds_hold_counts_each_identity_once(tmp_path: Path) -> None:
    """More owners under one key than are told apart by looking through them."""
    rows = np.full((300, N_WORDS), 9, np.uint64)
    identities = np.where(np.arange(300) % 2 == 1, np.arange(300) - 1, -1)
    with create_index(tmp_path / "index", n_words=N_WORDS, rules=RULES, facts={}) as store:
        with store.write() as batch:
            ids = [str(each).encode() for each in range(300)]
            numbers = batch.append_records(rows, np.zeros(300), ids, np.zeros(300), identities)
            batch.add_all_postings(np.full((2, 300), 7, np.uint64), numbers)
        store.fold()
        with store.read() as snapshot:
            key = np.array([7, 7], np.uint64)
            first, counts = snapshot.holders(1, key, WORD, np.array([9, 8], np.uint64))
            assert [0, -1] == first.tolist()
            assert [150, 0] == counts.tolist()


def test_postings_of_all_rules_are_written_and_taken_back(tmp_path: Path) -> None:
    """As rule by rule; a key of 0 is none."""
    keys = np.array([[5, 0, 6], [0, 8, 8]], np.uint64)
    with create_index(tmp_path / "index", n_words=N_WORDS, rules=RULES, facts={}) as store:
        with store.write() as batch:
            rows = np.ones((3, N_WORDS), np.uint64)
            ids = [b"a", b"b", b"c"]
            numbers = batch.append_records(rows, np.zeros(3), ids, np.zeros(3), np.full(3, -1))
            batch.add_all_postings(keys, numbers)
            batch.put_all("some", [(b"2", b"two"), (b"1", b"one")])
        with store.read() as snapshot:
            asked = np.array([5, 6, 8], np.uint64)
            assert [0, 2] == snapshot.postings(0, asked)[1].tolist()
            assert [1, 2] == snapshot.postings(1, asked)[1].tolist()
            assert [(b"1", b"one"), (b"2", b"two")] == list(snapshot.range("some"))
        with store.write() as batch:
            batch.remove_all_postings(keys[:, 1:], numbers[1:])
        with store.read() as snapshot:
            assert [0] == snapshot.postings(0, asked)[1].tolist()
            assert [] == snapshot.postings(1, asked)[1].tolist()


def test_a_turn_goes_to_whoever_has_waited() -> None:
    """One thread has it at a time; who has it may take it again, and gives it up as often."""
    turn, order, started = Turn(), [], threading.Event()

    def other() -> None:
        started.set()
        with turn:
            order.append("other")

    with turn:
        with turn:
            thread = threading.Thread(target=other)
            thread.start()
            started.wait()
        assert turn.is_taken
        order.append("first")
    thread.join()
    assert ["first", "other"] == order
    assert not turn.is_taken
