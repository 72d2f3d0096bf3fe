"""Accounts and audit log in a backup: they lie beside the index and go with it.

Both can be copied while a server goes on. Accounts are replaced whole, so a copy is the old file or
the new one; of the audit log whole lines are taken, so the copy is the log of that moment.
"""

from __future__ import annotations

import os
from pathlib import Path

from person.errors import OutputError

__all__ = ["copy_review"]


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
    source = Path(index_path) / "review"
    found = [*source.glob("accounts.json"), *sorted(source.glob("audit-*.jsonl"))]
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
