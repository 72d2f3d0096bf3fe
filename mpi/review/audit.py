"""The audit log: who looked at whom, and who did what. It only grows.

JSON lines in `DIR/review/audit-000001.jsonl`, readable by their owner only. A line holds time,
account, action, address, and the ids of records and identities; never a person's value. Each line
carries the SHA-256 of the line before it, so a line that was changed or taken out shows
(`AuditLog.check`). A file that has grown to `size_max` is left alone and the next one begun.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mpi.review.accounts import review_directory
from person.errors import AccessError

__all__ = ["AuditEntry", "AuditLog"]

SIZE_MAX: Final = 16 << 20
IDS_MAX: Final = 10_000
_NAME: Final = re.compile(r"audit-(\d{6})\.jsonl")
_FIRST: Final = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the log.

    Attributes
    ----------
    at : ISO 8601, UTC
    by : account, '' before anybody signed in
    action : what was done, such as 'page:task', 'reveal', 'sign_in'
    address : network address it came from, 'local' for a command
    identities : enterprise ids that were seen or changed
    records : 'source/record id' of records that were
    facts : further ids and counts, such as task and event numbers
    """

    at: str
    by: str
    action: str
    address: str
    identities: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "by": self.by,
            "action": self.action,
            "address": self.address,
            "identities": list(self.identities),
            "records": list(self.records),
            "facts": dict(self.facts),
        }

    def concerns(self, person: str) -> bool:
        """Whether an enterprise id or 'source/record id' stands in it."""
        return person in self.identities or person in self.records


class AuditLog:
    """The log of one index; several processes may write to it.

    Parameters
    ----------
    index_path : directory of the index
    size_max : bytes after which a file is left and the next begun
    now : the time, for tests
    """

    def __init__(
        self,
        index_path: str | Path,
        *,
        size_max: int = SIZE_MAX,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._directory = review_directory(index_path)
        self._size_max = size_max
        self._now = now
        self._guard = threading.Lock()
        self._last: tuple[Path, int, str] | None = None

    # ------------------------------------------------------------------ writing

    def write(
        self,
        action: str,
        *,
        by: str,
        address: str = "local",
        identities: Iterable[str] = (),
        records: Iterable[str] = (),
        is_grave: bool = False,
        **facts: Any,
    ) -> None:
        """Append one line.

        Parameters
        ----------
        action, by, address, identities, records, facts : see `AuditEntry`
        is_grave : wait until the line is on the disk (writes, reveals, exports, sign-in)

        Raises
        ------
        AccessError : the line cannot be written; do not show what it would have recorded
        """
        line: dict[str, Any] = {
            "at": self._now().isoformat(timespec="milliseconds"),
            "by": by,
            "action": action,
        }
        line |= {"address": address, **_ids("identities", identities), **_ids("records", records)}
        if facts:
            line["facts"] = facts
        try:
            with self._guard:
                self._append(line, is_grave)
        except OSError as error:
            raise AccessError(
                f"{self._directory}: the audit log cannot be written "
                f"({os.strerror(error.errno or 0)}); nothing is shown without it"
            ) from error

    def _append(self, line: dict[str, Any], is_grave: bool) -> None:
        lock = os.open(self._directory / "audit.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path, before = self._end()
            text = _AS_JSON({**line, "before": before}).encode()
            file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                _write_whole(file, text + b"\n")
                if is_grave:
                    os.fsync(file)
                self._last = (path, os.fstat(file).st_size, hashlib.sha256(text).hexdigest())
            finally:
                os.close(file)
        finally:
            os.close(lock)

    def _end(self) -> tuple[Path, str]:
        """The file to append to, and the digest of the log's last line."""
        files = self._files()
        if not files:
            return self._directory / "audit-000001.jsonl", _FIRST
        path, size = files[-1], files[-1].stat().st_size
        if self._last is not None and self._last[:2] == (path, size):
            before = self._last[2]
        else:
            before = _digest_of_last_line(path) or self._digest_before(files)
        if size >= self._size_max:
            number = int(_NAME.fullmatch(path.name)[1]) + 1  # type: ignore[index]
            path = self._directory / f"audit-{number:06d}.jsonl"
        return path, before

    def _digest_before(self, files: list[Path]) -> str:
        """The digest that stands before an empty last file."""
        return (_digest_of_last_line(files[-2]) if len(files) > 1 else None) or _FIRST

    # ------------------------------------------------------------------ reading

    def _files(self) -> list[Path]:
        return sorted(path for path in self._directory.iterdir() if _NAME.fullmatch(path.name))

    def entries(
        self,
        *,
        by: str | None = None,
        person: str | None = None,
        action: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Iterator[AuditEntry]:
        """Lines, oldest first; what is no line of the log is left out, `check` names it.

        Parameters
        ----------
        by : only of that account
        person : only those with that enterprise id or 'source/record id'
        action : only those whose action begins so
        since, until : ISO 8601, UTC; `until` is not included
        """
        wanted = _Wanted(by, person, action, since, until)
        for path in self._files():
            with path.open("rb") as file:
                for line in file:
                    entry = _parsed(line)
                    if entry is not None and wanted.has(entry):
                        yield entry

    def latest(
        self,
        limit: int,
        *,
        by: str | None = None,
        person: str | None = None,
        action: str | None = None,
    ) -> list[AuditEntry]:
        """The last lines that fit, the newest first.

        Parameters
        ----------
        limit : most lines
        by, person, action : see `entries`
        """
        wanted, found = _Wanted(by, person, action, None, None), list[AuditEntry]()
        for path in reversed(self._files()):
            for line in reversed(path.read_bytes().split(b"\n")):
                if len(found) == limit:
                    return found
                entry = _parsed(line)
                if entry is not None and wanted.has(entry):
                    found.append(entry)
        return found

    def check(self) -> list[str]:
        """What is wrong with the log, as sentences; [] where every line follows the one before."""
        findings: list[str] = []
        before = None
        for path in self._files():
            with path.open("rb") as file:
                for number, ended in enumerate(file, 1):
                    line = ended.removesuffix(b"\n")
                    said = _digest_said(line)
                    if said is None:
                        findings.append(f"{path.name} line {number}: no line of this log")
                    elif before not in (None, said):
                        findings.append(
                            f"{path.name} line {number}: the line before it was changed or is gone"
                        )
                    before = hashlib.sha256(line).hexdigest()
        return findings


def _digest_said(line: bytes) -> str | None:
    """What a line says of the one before it; None of what is no line."""
    try:
        said = json.loads(line)["before"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(said)


@dataclass(frozen=True, slots=True)
class _Wanted:
    by: str | None
    person: str | None
    action: str | None
    since: str | None
    until: str | None

    def has(self, entry: AuditEntry) -> bool:
        return (
            (self.by is None or entry.by == self.by)
            and (self.person is None or entry.concerns(self.person))
            and (self.action is None or entry.action.startswith(self.action))
            and (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at < self.until)
        )


_AS_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _ids(name: str, ids: Iterable[str]) -> dict[str, list[str]]:
    """Ids for a line, each once, in their order."""
    kept = list(dict.fromkeys(ids))[:IDS_MAX]
    return {name: kept} if kept else {}


def _write_whole(file: int, text: bytes) -> None:
    """Write a line or nothing: half a line would make the next one unreadable."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":  # what a power cut left
        text = b"\n" + text
    try:
        written = os.write(file, text)
        if written != len(text):
            raise OSError(28, "no space")
    except OSError:
        os.ftruncate(file, size)
        raise


def _digest_of_last_line(path: Path) -> str | None:
    """SHA-256 of a file's last line, None of an empty file."""
    size = path.stat().st_size
    reach = 1 << 16
    with path.open("rb") as file:
        while size:
            file.seek(max(0, size - reach))
            tail = file.read(reach).removesuffix(b"\n")
            start = tail.rfind(b"\n")
            if start >= 0 or reach >= size:
                return hashlib.sha256(tail[start + 1 :]).hexdigest()
            reach *= 2
    return None


def _parsed(line: bytes) -> AuditEntry | None:
    try:
        read = json.loads(line)
        return AuditEntry(
            at=read["at"],
            by=read["by"],
            action=read["action"],
            address=read["address"],
            identities=tuple(read.get("identities", ())),
            records=tuple(read.get("records", ())),
            facts=read.get("facts", {}),
        )
    except (ValueError, KeyError, TypeError):
        return None
