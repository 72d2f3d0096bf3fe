"""The audit log: only grows, keeps every line, shows what was changed."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mpi.review.audit import AuditLog
from person.errors import AccessError


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def index_path(tmp_path: Path) -> Path:
    """The log needs an index's directory, not its contents."""
    (tmp_path / "data.mdb").touch()
    return tmp_path


def files(index_path: Path) -> list[Path]:
    return sorted((index_path / "review").glob("audit-*.jsonl"))


def test_lines_come_back_in_order(index_path: Path) -> None:
    """With who, when, what, where from, and whom."""
    log = AuditLog(index_path, now=Clock())
    log.write("page:task", by="li", address="10.0.0.7", identities=["E1", "E2", "E1"], task=7)
    log.write("do:merge", by="wang", records=["h/1"], is_grave=True, events=[9])
    first, second = log.entries()
    assert ("2026-03-01T08:00:01.000+00:00", "li", "10.0.0.7") == (
        first.at,
        first.by,
        first.address,
    )
    assert (("E1", "E2"), {"task": 7}) == (first.identities, first.facts)
    assert (("h/1",), {"events": [9]}) == (second.records, second.facts)


def test_the_log_answers_who_looked_at_whom(index_path: Path) -> None:
    """By person, account, action and time; the newest first where asked."""
    log = AuditLog(index_path, now=Clock())
    for place, by in enumerate(("li", "wang", "li")):
        log.write(f"page:{place}", by=by, identities=[f"E{place}"], records=[f"h/{place}"])
    assert ["page:1"] == [each.action for each in log.entries(person="E1")]
    assert ["page:2"] == [each.action for each in log.entries(person="h/2")]
    assert ["page:0", "page:2"] == [each.action for each in log.entries(by="li")]
    assert ["page:1"] == [each.action for each in log.entries(action="page:1")]
    since, until = "2026-03-01T08:00:02", "2026-03-01T08:00:03"
    assert ["page:1"] == [each.action for each in log.entries(since=since, until=until)]
    assert ["page:2", "page:1"] == [each.action for each in log.latest(2)]
    assert ["page:0"] == [each.action for each in log.latest(5, person="E0")]


def test_a_full_file_is_left_and_the_next_begun(index_path: Path) -> None:
    """Nothing is lost at the turn, and the chain goes on over it."""
    log = AuditLog(index_path, size_max=400, now=Clock())
    for place in range(12):
        log.write("page:task", by="li", task=place)
    assert 3 < len(files(index_path))
    assert list(range(12)) == [each.facts["task"] for each in log.entries()]
    assert [] == log.check()
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in files(index_path)}


@pytest.mark.parametrize("is_turned", [False, True])
def test_a_changed_or_missing_line_shows(index_path: Path, is_turned: bool) -> None:
    """Also where it is the last line of a file."""
    log = AuditLog(index_path, size_max=300 if is_turned else 1 << 20, now=Clock())
    for place in range(6):
        log.write("page:task", by="li", task=place)
    path = files(index_path)[0]
    lines = path.read_bytes().splitlines(keepends=True)
    kept = lines[-1:] if is_turned else lines[3:4]
    path.write_bytes(path.read_bytes().replace(kept[0], kept[0].replace(b'"li"', b'"wu"')))
    assert 1 == len(log.check())
    path.write_bytes(b"".join(line for line in lines if line != kept[0]))
    assert 1 == len(AuditLog(index_path).check())


def test_two_processes_write_one_chain(index_path: Path) -> None:
    """Each reads the other's last line under the lock."""
    logs = [AuditLog(index_path, size_max=2000, now=Clock()) for _ in range(2)]
    with ThreadPoolExecutor(4) as threads:
        for place in range(60):
            threads.submit(logs[place % 2].write, "page:task", by="li", task=place)
    assert list(range(60)) == sorted(each.facts["task"] for each in logs[0].entries())
    assert [] == logs[0].check()


def test_half_a_line_is_found_and_the_log_goes_on(index_path: Path) -> None:
    """After a power cut the broken line is named, and what follows it can be written."""
    log = AuditLog(index_path, now=Clock())
    log.write("page:task", by="li")
    with files(index_path)[0].open("ab") as file:
        file.write(b'{"at": "2026')
    AuditLog(index_path).write("page:task", by="li")
    findings = AuditLog(index_path).check()
    assert 1 == len(findings)
    assert 2 == len(list(AuditLog(index_path).entries()))


def test_a_log_that_cannot_be_written_is_an_error(
    index_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wanted to show something must not; and nothing half-written stays."""
    log = AuditLog(index_path, now=Clock())
    log.write("page:task", by="li")
    before = files(index_path)[0].read_bytes()

    def full(_file: int, text: bytes) -> int:
        return len(text) // 2

    monkeypatch.setattr("mpi.review.audit.os.write", full)
    with pytest.raises(AccessError):
        log.write("page:task", by="li")
    assert before == files(index_path)[0].read_bytes()
