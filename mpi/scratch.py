"""Where a run keeps its encoded records while it works."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["scratch_directory"]


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A private directory (under TMPDIR), removed whatever happens."""
    path = Path(tempfile.mkdtemp(prefix="mpi-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
