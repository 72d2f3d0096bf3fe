"""A lookup of one says what a batch says, whatever lies in the base, the delta or both."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from index_store import Snapshot, create_index
from index_store.base import People
from tests.index_store.naive_index import N_WORDS, RULES, NaiveIndex
from tests.index_store.test_fold import change


def listing(snapshot: Snapshot, records: list[int]) -> list[tuple[int, bytes]]:
    """Source and id of each record."""
    sources, record_ids = snapshot.references(np.array(records, np.int64))
    return list(zip(sources.tolist(), record_ids, strict=True))


def everyone(snapshot: Snapshot, identities: list[int]) -> People:
    """Identities with their records, read step by step."""
    return [(each, listing(snapshot, snapshot.members_of(each))) for each in identities]


def check_single_reads(snapshot: Snapshot, model: NaiveIndex) -> None:
    """Compare every read of one key with the batched read."""
    records = np.arange(snapshot.record_count, dtype=np.int64)
    sources, record_ids = snapshot.references(records)
    wanted = snapshot.find_references(sources, record_ids).tolist()
    asked = zip(sources.tolist(), record_ids, strict=True)
    assert [snapshot.find_reference(*each) for each in asked] == wanted
    assert [snapshot.identity(r) for r in records.tolist()] == snapshot.identities(records).tolist()
    offsets, members = snapshot.members(records)
    listed = [part.tolist() for part in np.split(members, offsets[1:-1])]
    assert [snapshot.members_of(r) for r in records.tolist()] == listed
    for record, each in enumerate(listed):
        sources_of, ids_of = snapshot.references(np.array(each, np.int64))
        assert snapshot.described(record) == (each, sources_of.tolist(), ids_of)
        assert snapshot.person(record) in (None, [(record, listing(snapshot, each))])
    for record, at in enumerate(zip(sources.tolist(), record_ids, strict=True)):
        person = snapshot.person_at(*at)
        if person is not None:
            owner = snapshot.identity(snapshot.find_reference(*at))
            assert person == (everyone(snapshot, [owner]) if owner >= 0 else []), record
    few = records[:: max(1, len(records) // 9)].tolist()
    names = snapshot.references(np.array(few, np.int64))
    assert snapshot.names(few) == (names[0].tolist(), names[1])
    for rule, pairs in enumerate(model.postings):
        for key in sorted({key for key, _ in pairs})[::3]:
            batched = snapshot.postings(rule, np.array([key], np.uint64))[1]
            assert snapshot.postings_of(rule, key).tolist() == batched.tolist()


def test_one_is_answered_as_many_are(tmp_path: Path) -> None:
    """Lookups of one equal batched ones in a delta alone, a base alone, and a delta over a base."""
    model = NaiveIndex()
    with create_index(tmp_path / "index", n_words=N_WORDS, rules=RULES, facts={}) as store:
        for seed in range(12):
            change(store, model, seed)
            if seed == 5:
                store.fold()
            with store.read() as snapshot:
                check_single_reads(snapshot, model)


def test_a_posting_is_verified_on_the_rows_value(tmp_path: Path) -> None:
    """Of the records under a key only those are returned whose row holds the value asked for."""
    rows = np.arange(40, dtype=np.uint64).repeat(N_WORDS).reshape(40, N_WORDS) >> np.uint64(1)
    keys = np.full(40, 7, np.uint64)
    place = np.array([1, 0, 64], np.int64)
    with create_index(tmp_path / "index", n_words=N_WORDS, rules=RULES, facts={}) as store:
        with store.write() as batch:
            ids = [str(each).encode() for each in range(40)]
            numbers = batch.append_records(rows, np.zeros(40), ids, np.zeros(40), np.full(40, -1))
            batch.add_postings(0, keys, numbers)
        for _ in range(2):  # in the delta, then in the base
            with store.read() as snapshot:
                assert snapshot.postings_with(0, 7, place, 3) == [6, 7]
                assert snapshot.owners_with(0, 7, place, 3) == [6, 7]
                found = snapshot.people_with(0, 7, place, 3)
                assert found in (None, everyone(snapshot, [6, 7]))
            store.fold()
        with store.read() as snapshot:
            assert snapshot.people_with(0, 7, place, 3) == everyone(snapshot, [6, 7])
            assert snapshot.people_with(0, 7, place, 77) == []
            assert snapshot.people_with(0, 8, place, 3) == []
            assert snapshot.person_at(0, b"") == []
            assert snapshot.person_at(0, b"6") == everyone(snapshot, [6])


def test_one_call_answers_only_what_the_delta_does_not_touch(tmp_path: Path) -> None:
    """What was written since the base is told by the other reads; nothing stale is answered."""
    rows = np.arange(9, dtype=np.uint64).repeat(N_WORDS).reshape(9, N_WORDS)
    place = np.array([0, 0, 64], np.int64)
    with create_index(tmp_path / "index", n_words=N_WORDS, rules=RULES, facts={}) as store:
        with store.write() as batch:
            ids = [str(each).encode() for each in range(9)]
            numbers = batch.append_records(rows, np.zeros(9), ids, np.zeros(9), np.full(9, -1))
            batch.add_postings(0, numbers.astype(np.uint64) + np.uint64(1), numbers)
        store.fold()
        with store.write() as batch:
            batch.set_identity(np.array([1, 2]), np.array([0, -1]))
            batch.remove_postings(0, np.array([4], np.uint64), np.array([3]))
        with store.read() as snapshot:
            assert [None] * 3 == [snapshot.person(each) for each in (0, 1, 2)]
            assert [None] * 2 == [snapshot.person_at(0, each) for each in (b"1", b"2")]
            assert [None] * 2 == [snapshot.people_with(0, each + 1, place, each) for each in (1, 3)]
            assert snapshot.people_with(0, 6, place, 5) == everyone(snapshot, [5])
