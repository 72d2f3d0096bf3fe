"""A copy of the index as of one moment, made while writing goes on."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Final

import lmdb

from index_store.base import base_path
from index_store.environment import Environment
from index_store.format import DATABASES, State, unpack_state
from index_store.leaf_file import sync_directory
from index_store.translation import translated
from person.errors import IndexMissingError, IndexStoreError

__all__ = ["backup"]

_ATTEMPTS: Final = 5


def backup(environment: Environment, destination: Path) -> None:
    """Copy data.mdb as of one transaction, then the base that this copy names.

    Parameters
    ----------
    environment : of a reader or of the writer
    destination : a directory that does not exist yet
    """
    if destination.exists():
        raise IndexMissingError(
            f"{destination}: already there; a backup is made in a new directory",
            path=str(destination),
        )
    partial = destination.with_name(destination.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    with translated(destination):
        partial.mkdir(mode=0o700, parents=True)
        try:
            _copy(environment, partial)
            partial.rename(destination)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync_directory(destination.parent)


def _copy(environment: Environment, directory: Path) -> None:
    data = directory / "data.mdb"
    for _ in range(_ATTEMPTS):
        data.unlink(missing_ok=True)
        environment.lmdb.copy(str(directory), compact=True)
        data.chmod(0o600)
        generation = _state_of(directory).generation
        try:
            if generation:
                own = base_path(directory, generation)
                shutil.copyfile(base_path(environment.directory, generation), own)
                own.chmod(0o600)
                _sync_file(own)
        except FileNotFoundError:  # folded meanwhile: copy the newer state
            continue
        _sync_file(data)
        sync_directory(directory)
        return
    raise IndexStoreError(
        f"{environment.directory}: folded again and again while it was copied; repeat the backup",
        path=str(environment.directory),
    )


def _state_of(directory: Path) -> State:
    copied: Any = lmdb.open(
        str(directory), readonly=True, lock=False, create=False, max_dbs=len(DATABASES)
    )
    try:
        meta = copied.open_db(b"meta", create=False)
        with copied.begin() as transaction:
            state = unpack_state(transaction.get(b"state", db=meta))
    finally:
        copied.close()
    assert state is not None, "a copy of an index holds its state"
    return state


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
