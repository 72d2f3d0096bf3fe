"""Threads that write together share a transaction and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from mpi import IdentityIndex
from mpi.identity_group import GroupReader, GroupWriter
from person.errors import ConfigError, IndexStoreError, InputError


def person(number: int, **more: str) -> dict[str, str]:
    return {
        "source": "H1", "record_id": str(number), "name": f"王{chr(0x4E00 + 7 * number)}",
        "birth_date": f"19{60 + number % 40}-03-07", "phone": f"136{number:08d}",
    } | more  # fmt: skip


def together(count: int, work: Callable[[int], object]) -> list[object]:
    """Call `work` in as many threads at once; what each returned, or raised."""
    answers: list[object] = [None] * count
    barrier = threading.Barrier(count)

    def run(place: int) -> None:
        barrier.wait()
        try:
            answers[place] = work(place)
        except Exception as error:
            answers[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def gather(monkeypatch: pytest.MonkeyPatch, writer: GroupWriter, count: int) -> None:
    """Have the first group of a writer wait for so many requests, and not for a time."""
    waits = iter([count])

    def sleep(_: float) -> None:
        wanted = next(waits, 0)
        while writer._waiting.qsize() < wanted - 1:
            threading.Event().wait(0.001)

    monkeypatch.setattr("mpi.identity_group.time", SimpleNamespace(sleep=sleep))


def test_those_who_wait_share_a_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every thread gets its own receipt, each of an event of its own; few transactions."""
    with IdentityIndex.create(tmp_path / "index") as index:
        with GroupWriter(index, gather_seconds=0.05) as writer:
            gather(monkeypatch, writer, 40)
            receipts = together(40, lambda i: writer.add(person(i)))
            assert writer.records == 40
            assert writer.transactions < 5
        assert {"added"} == {r.action for r in receipts}  # type: ignore[attr-defined]
        assert [str(i) for i in range(40)] == [r.record_id for r in receipts]  # type: ignore[attr-defined]
        events = [r.event for r in receipts]  # type: ignore[attr-defined]
        assert 40 == len(set(events))
        index.undo(events[3], by="Li", whole_batch=True)
        assert index.lookup(source="H1", record_id="3") is None
        assert index.lookup(source="H1", record_id="4") is not None
        assert index.verify().is_sound


def test_one_bad_request_spoils_no_other(tmp_path: Path) -> None:
    """A record without an id is refused alone; the same record twice is added, then updated."""
    with IdentityIndex.create(tmp_path / "index") as index:
        with GroupWriter(index, gather_seconds=0.05) as writer:
            people = [person(i) for i in range(12)]
            people[5] = person(5, record_id="")
            people[7] = person(6, phone="13900000000")
            answers = together(12, lambda i: writer.add(people[i], by=f"desk {i % 2}"))
        assert isinstance(answers[5], InputError)
        actions = sorted(a.action for a in answers if not isinstance(a, InputError))  # type: ignore[attr-defined]
        assert ["added"] * 10 + ["updated"] == actions
        assert {"desk 0", "desk 1"} == {c.by for c in index.changes(since=1)}
        assert index.verify().is_sound


def test_desks_of_many_names_share_a_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event has its own author and reason; one whose name is none is refused alone."""
    with IdentityIndex.create(tmp_path / "index") as index:
        with GroupWriter(index, gather_seconds=0.1) as writer:
            gather(monkeypatch, writer, 23)
            people = [person(i // 2 if i > 19 else i) for i in range(24)]  # some come twice
            names = ["" if i == 7 else f"desk {i}" for i in range(24)]
            answers = together(24, lambda i: writer.add(people[i], by=names[i], reason=f"r{i}"))
            assert writer.records == 23
            assert writer.transactions < 6
        assert isinstance(answers[7], ConfigError)
        made = {c.event: (c.by, c.reason) for c in index.changes(since=1)}
        for place, receipt in enumerate(answers):
            if place != 7 and receipt.event is not None:  # type: ignore[attr-defined]
                assert (names[place], f"r{place}") == made[receipt.event]  # type: ignore[attr-defined]
        assert 19 == sum(getattr(each, "action", "") == "added" for each in answers)
        assert index.verify().is_sound


def test_a_closed_writer_refuses(tmp_path: Path) -> None:
    """After it was closed nobody waits for ever."""
    with IdentityIndex.create(tmp_path / "index") as index:
        writer = GroupWriter(index)
        writer.add(person(1))
        writer.close()
        with pytest.raises(IndexStoreError, match="closed"):
            writer.add(person(2))


def test_many_who_ask_get_what_each_would_alone(tmp_path: Path) -> None:
    """Lookups and resolutions of many threads are answered as the index answers one."""
    with IdentityIndex.create(tmp_path / "index") as index:
        index.add_table([person(i) for i in range(30)])
        asked = [person(i) | {"record_id": "new"} for i in range(30)]
        expected = [index.resolve(each) for each in asked]
        with GroupReader(index) as reader:
            assert expected == together(30, lambda i: reader.resolve(asked[i]))
            found = together(30, lambda i: reader.lookup(source="H1", record_id=str(i)))
            assert [index.lookup(source="H1", record_id=str(i)) for i in range(30)] == found
            bad = together(6, lambda i: reader.resolve(asked[i] if i else {"name": {}}))
            assert isinstance(bad[0], InputError)
            assert expected[1:6] == bad[1:]
