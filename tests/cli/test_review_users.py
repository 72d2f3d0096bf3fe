"""`mpi review user` and `mpi review audit-log` as command lines."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from mpi.review.audit import AuditLog

from .shell import Shell

GOOD = "correct horse battery"


@pytest.fixture
def index_path(tmp_path: Path) -> Path:
    """Accounts need an index's directory, not its contents."""
    (tmp_path / "data.mdb").touch()
    return tmp_path


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What stands on stdin: a password and a line that is not read."""
    text = io.StringIO(f"{GOOD}\nsecond line\n")
    monkeypatch.setattr(sys, "stdin", text)
    return text


def test_an_account_is_made_changed_and_listed(
    mpi: Shell, index_path: Path, typed: io.StringIO
) -> None:
    """The password comes from stdin and goes nowhere."""
    (made,) = mpi("review", "user", "add", "--index", index_path, "li", "--role", "steward").lines
    assert ("li", "steward", False) == (made["name"], made["role"], made["is_disabled"])
    mpi("review", "user", "role", "--index", index_path, "li", "--role", "supervisor")
    mpi("review", "user", "disable", "--index", index_path, "li")
    (listed,) = mpi("review", "user", "list", "--index", index_path).lines
    assert ("supervisor", True) == (listed["role"], listed["is_disabled"])
    mpi("review", "user", "disable", "--index", index_path, "li", "--undo")
    typed.seek(0)
    typed.truncate()
    typed.write("another good one 7\n")
    typed.seek(0)
    (changed,) = mpi("review", "user", "password", "--index", index_path, "li").lines
    assert not changed["is_disabled"]
    stored = "".join(path.read_text("utf-8") for path in (index_path / "review").iterdir())
    assert GOOD not in stored
    assert "another good" not in stored


def test_changes_of_accounts_are_in_the_log(
    mpi: Shell, index_path: Path, typed: io.StringIO
) -> None:
    """With who did it on this machine."""
    mpi("review", "user", "add", "--index", index_path, "li", "--role", "steward")
    (line,) = mpi("review", "audit-log", "--index", index_path).lines
    assert "command:user add" == line["action"]
    assert line["by"].endswith("(command)")
    assert {"account": "li", "role": "steward", "is_disabled": False} == line["facts"]


@pytest.mark.parametrize(
    "words",
    [
        ("add", "li", "--role", "king"),
        ("add", "auto", "--role", "steward"),
        ("role", "nobody", "--role", "steward"),
        ("disable", "nobody"),
        ("password", "nobody"),
    ],
)
def test_mistakes_are_said_in_one_line(
    mpi: Shell, index_path: Path, typed: io.StringIO, words: tuple[str, ...]
) -> None:
    """Exit code 2, no account made, no password repeated."""
    output = mpi("review", "user", words[0], "--index", index_path, *words[1:])
    assert (2, 1) == (output.code, len(output.err.splitlines()))
    assert GOOD not in output.err
    assert [] == mpi("review", "user", "list", "--index", index_path).lines


def test_an_empty_stdin_makes_no_account(
    mpi: Shell, index_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no default password."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    output = mpi("review", "user", "add", "--index", index_path, "li", "--role", "steward")
    assert (2, True) == (output.code, "at least 12 characters" in output.err)


def test_the_log_is_asked_by_person_account_and_time(mpi: Shell, index_path: Path) -> None:
    """And says whether it is whole."""
    log = AuditLog(index_path)
    log.write("page:task", by="li", identities=["E1"], records=["h/1"])
    log.write("do:reveal", by="wang", identities=["E2"])
    asked = ("review", "audit-log", "--index", index_path)
    assert ["li"] == [line["by"] for line in mpi(*asked, "--person", "h/1").lines]
    assert ["wang"] == [line["by"] for line in mpi(*asked, "--action", "do:").lines]
    assert ["li"] == [line["by"] for line in mpi(*asked, "--by", "li").lines]
    assert [] == mpi(*asked, "--until", "2020-01-01").lines
    assert [{"is_sound": True, "findings": []}] == mpi(*asked, "--check").lines
    path = index_path / "review" / "audit-000001.jsonl"
    path.write_text(path.read_text("utf-8").replace("E1", "E9"), "utf-8")
    assert 1 == mpi(*asked, "--check").code


def test_a_directory_without_an_index_is_said(mpi: Shell, tmp_path: Path) -> None:
    """Nothing is made there."""
    assert 7 == mpi("review", "user", "list", "--index", tmp_path).code
    assert [] == list(tmp_path.iterdir())
