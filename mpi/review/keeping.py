"""Accounts and audit log in a backup: they lie beside the index and go with it.

Both can be copied while a server goes on. Accounts are replaced whole, so a copy is the old file or
the new one; of the audit log whole lines are taken, so the copy is the log of that moment.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from person.errors import IndexCorruptError, OutputError

__all__ = ["check_review", "copy_review", "review_files"]


def check_review(index_path: str | Path) -> None:
    """Refuse accounts or a log that nobody could read any more.

    Parameters
    ----------
    index_path : directory of the index or of its backup

    Raises
    ------
    IndexCorruptError : a file is not what was written
    """
    for path in review_files(index_path):
        try:
            content = path.read_text("utf-8")
            for part in content.split("\n")[:-1] if path.suffix == ".jsonl" else [content]:
                json.loads(part)
        except ValueError as error:
            raise IndexCorruptError(
                f"{path}: damaged; restore an earlier backup, or move this file away to go on "
                "without it",
                path=str(path),
            ) from error


def review_files(index_path: str | Path) -> list[Path]:
    """Accounts and audit log that lie beside an index or its backup.

    Parameters
    ----------
    index_path : directory of the index or of its backup
    """
    directory = Path(index_path) / "review"
    return [*directory.glob("accounts.json"), *sorted(directory.glob("audit-*.jsonl"))]


def copy_review(index_path: str | Path, destination: str | Path) -> int:
    """Copy what lies beside an index to beside its copy, readable by its owner only.

    Parameters
    ----------
    index_path : directory of the index
    destination : directory of the copy; what it has of the kind is replaced

    Returns
    -------
    int, files copied; 0 where nobody has reviewed anything

    Raises
    ------
    OutputError : a file cannot be copied; the index itself was
    """
    found = review_files(index_path)
    if not found:
        return 0
    try:
        directory = Path(destination) / "review"
        directory.mkdir(mode=0o700, exist_ok=True)
        for path in found:
            _copy(path, directory / path.name)
        folder = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise OutputError(
            f"{destination}: the index was copied, its accounts and audit log were not "
            f"({os.strerror(error.errno or 0)}); make room there, remove it and begin anew",
            path=str(destination),
        ) from error
    return len(found)


def _copy(path: Path, copy: Path) -> None:
    content = path.read_bytes()
    if path.suffix == ".jsonl":
        content = content[: content.rfind(b"\n") + 1]  # a line that is being written is left out
    partial = copy.with_name(f".{copy.name}.partial")
    partial.unlink(missing_ok=True)
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    partial.replace(copy)
