"""Accounts and audit log go into a backup and come back with it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from mpi.identity_index import IdentityIndex
from mpi.index_jobs import restore_index
from mpi.review.accounts import Accounts
from mpi.review.audit import AuditLog
from mpi.review.keeping import copy_review
from mpi.review.permissions import Role
from person.errors import IndexCorruptError, OutputError

CHEAP = PasswordHasher(1, 64, 1)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    path = tmp_path / "index"
    IdentityIndex.create(path, population=1000).close()
    return path


def backup(index: Path, to: Path) -> Path:
    with IdentityIndex.open(index) as opened:
        opened.backup(to)
    return to


def test_accounts_and_log_go_with_the_index(index: Path, tmp_path: Path) -> None:
    """Private as they were, the log's chain whole, a line that is being written left out."""
    Accounts(index, hasher=CHEAP).add("li", Role.STEWARD, "correct horse battery")
    log = AuditLog(index, size_max=200)
    for number in range(5):
        log.write("page:task", by="li", task=number)
    last = sorted((index / "review").glob("audit-*.jsonl"))[-1]
    with last.open("ab") as file:
        file.write(b'{"half a li')
    copy = backup(index, tmp_path / "backup")
    files = copy_review(index, copy)
    assert len(list((index / "review").glob("a*.json*"))) == files
    assert 0o700 == stat.S_IMODE((copy / "review").stat().st_mode)
    assert {0o600} == {stat.S_IMODE(each.stat().st_mode) for each in (copy / "review").iterdir()}
    assert not list((copy / "review").glob(".*"))
    restore_index(copy, tmp_path / "again")
    assert Accounts(tmp_path / "again", hasher=CHEAP).check("li", "correct horse battery")
    again = AuditLog(tmp_path / "again")
    assert [] == again.check()
    assert list(range(5)) == [each.facts["task"] for each in again.entries()]


def test_an_index_that_nobody_reviews_has_nothing_to_copy(index: Path, tmp_path: Path) -> None:
    """No empty directory is left behind."""
    copy = backup(index, tmp_path / "backup")
    assert 0 == copy_review(index, copy)
    assert not (copy / "review").exists()


def test_what_cannot_be_copied_is_said(index: Path, tmp_path: Path) -> None:
    """The index was copied, its accounts were not: no half backup goes unnoticed."""
    Accounts(index, hasher=CHEAP).add("li", Role.STEWARD, "correct horse battery")
    copy = backup(index, tmp_path / "backup")
    (copy / "review").write_text("in the way")
    with pytest.raises(OutputError, match="accounts and audit log were not"):
        copy_review(index, copy)


@pytest.mark.parametrize("name", ["accounts.json", "audit-000001.jsonl"])
def test_a_backup_with_damaged_accounts_or_log_is_refused(
    index: Path, tmp_path: Path, name: str
) -> None:
    """Nothing is restored, and the message names the file."""
    Accounts(index, hasher=CHEAP).add("li", Role.STEWARD, "correct horse battery")
    AuditLog(index).write("page:task", by="li", task=1)
    copy = backup(index, tmp_path / "backup")
    copy_review(index, copy)
    damaged = next(iter((copy / "review").glob(name.replace("000001", "*"))))
    damaged.write_bytes(b"{\x00" + damaged.read_bytes()[3:])
    with pytest.raises(IndexCorruptError, match=damaged.name):
        restore_index(copy, tmp_path / "again")
    assert not (tmp_path / "again").exists()
