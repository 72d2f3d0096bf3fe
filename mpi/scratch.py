"""Where a run keeps its encoded records while it works."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from person.errors import OutputError

__all__ = ["disk_full_errors", "require_room", "scratch_directory"]


@contextmanager
def scratch_directory(needed_bytes: int = 0) -> Iterator[Path]:
    """A private directory (under TMPDIR), removed whatever happens.

    Parameters
    ----------
    needed_bytes : refuse at the start if the disk has less free

    Raises
    ------
    OutputError : the disk has too little room, or fills up inside the block
    """
    path = Path(tempfile.mkdtemp(prefix="mpi-"))
    try:
        require_room(path, needed_bytes)
        with disk_full_errors(path):  # what is written elsewhere raises an OutputError
            yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def require_room(path: Path, needed_bytes: int) -> None:
    """Refuse with an OutputError if the disk that holds `path` has less free."""
    if shutil.disk_usage(path).free < needed_bytes:
        raise _full(path, f"too small, about {needed_bytes / 2**20:,.0f} MiB are needed")


@contextmanager
def disk_full_errors(path: Path) -> Iterator[None]:
    """Say of a disk that fills up inside the block which one it is and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _full(path, "full") from error


def _full(path: Path, what: str) -> OutputError:
    return OutputError(
        f"{path.parent}: the disk for temporary files is {what}; make room there, or set TMPDIR "
        "to a directory on a larger disk",
        path=str(path.parent),
    )
