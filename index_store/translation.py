"""LMDB's and the system's errors as ours: `lmdb.Error` never leaves this package."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import lmdb

from person.errors import IndexCorruptError, IndexFullError, IndexStoreError

__all__ = ["our_error", "translated"]

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""LMDB calls a write that a full disk cut short an input/output error."""


def our_error(path: Path | str, error: BaseException) -> BaseException:
    """The error to raise for one of LMDB's or the system's; others come back as they are.

    Parameters
    ----------
    path : the index's directory or file
    error : what was raised
    """
    name = str(path)
    if isinstance(error, lmdb.MapFullError):
        return IndexFullError(
            f"{name}: the map of the index is full and nothing was written; close open snapshots "
            "so that the map can grow, and repeat",
            path=name,
        )
    if isinstance(error, (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError)):
        return IndexCorruptError(
            f"{name}: a page of the index is damaged ({error}); restore a backup", path=name
        )
    is_full = (
        any(os.strerror(code) in str(error) for code in _FULL)
        if isinstance(error, lmdb.Error)
        else isinstance(error, OSError) and error.errno in _FULL
    )
    if is_full:
        return IndexFullError(
            f"{name}: the disk is full (or fails) and nothing was written; reads go on; free some "
            "space and repeat",
            path=name,
        )
    if isinstance(error, lmdb.Error):
        return IndexStoreError(f"{name}: {error}", path=name)
    return error


@contextlib.contextmanager
def translated(path: Path | str) -> Iterator[None]:
    """Raise our errors for what LMDB and the disk raise inside."""
    try:
        yield
    except (lmdb.Error, OSError) as error:
        ours = our_error(path, error)
        if ours is error:
            raise
        raise ours from error
