"""Results on disk: a directory appears whole under its final name, or not at all.

    with OutputDirectory("out", needed_bytes=10_000_000) as output:
        output.write_table("clusters.parquet", clusters)
        with output.open_parquet("links.parquet", schema) as writer: ...
        output.write_json("run.json", run)

Files are written into a hidden sibling `.out.partial-xxxxxx` (a rename is atomic only inside
one file system), synced, and renamed into place at the end of the block. An error, Ctrl-C or
SIGTERM removes the sibling. After a power cut or `kill -9` it stays behind, and the next run
with the same output removes it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from person.errors import OutputError

__all__ = [
    "OutputDirectory",
    "ParquetStream",
    "check_output_file",
    "check_output_path",
    "estimate_bytes",
    "file_checksum",
    "output_errors",
    "write_file",
]

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_RENAME_EXCHANGE: Final = 2
_RUN_FILE: Final = "run.json"
_PARTIAL: Final = re.compile(r"\.(.+)\.partial-[0-9a-f]{8}")
_BYTES_A_RECORD: Final = 160


class OutputDirectory:
    """A directory that is written aside and swapped into place when all went well.

    Parameters
    ----------
    path : the directory to be
    overwrite : replace an existing non-empty directory, if it holds an earlier run of ours
    private : readable by the owner only (directory 0700, files 0600)
    needed_bytes : refuse at the start if the disk has less free
    proof : file that an earlier output of this kind has; a directory without it is not replaced

    Attributes
    ----------
    path : final path; exists only after the block
    partial : where files are written meanwhile
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        overwrite: bool = False,
        *,
        private: bool = False,
        needed_bytes: int = 0,
        proof: str = _RUN_FILE,
    ) -> None:
        self.path = Path(os.path.realpath(path))
        self.overwrite = overwrite
        self.private = private
        self.needed_bytes = needed_bytes
        self.proof = proof
        self.partial = self.path.parent / f".{self.path.name}.partial-{secrets.token_hex(4)}"
        self._lock: int | None = None

    def __enter__(self) -> OutputDirectory:
        check_output_path(
            self.path,
            overwrite=self.overwrite,
            needed_bytes=self.needed_bytes,
            proof=self.proof,
        )
        with output_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(self.path)
            self.partial.mkdir(mode=0o700)
            # Holding a lock tells a later run that this directory is not abandoned.
            self._lock = os.open(self.partial, os.O_RDONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        full = None
        if isinstance(error, OSError) and error.errno in _FULL:
            full = _disk_full(self.path, error)  # says what is free, so before the clearing
        try:
            if error is None:
                with output_errors(self.path):
                    self._publish()
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None
            shutil.rmtree(self.partial, ignore_errors=True)
        if full is not None:
            raise full from error

    def file(self, name: str) -> Path:
        """Return where to write the file that will be `name` in the output."""
        if Path(name).name != name or name in ("", ".", ".."):
            raise ValueError(f"{name!r} is not a plain file name")
        return self.partial / name

    def write_table(self, name: str, table: pa.Table | Iterable[pa.RecordBatch]) -> int:
        """Write an Arrow table, or a stream of batches, as Parquet (zstd); return its rows."""
        if isinstance(table, pa.Table):
            with self.open_parquet(name, table.schema) as writer:
                writer.write(table)
            return int(table.num_rows)
        batches = iter(table)
        first = next(batches, None)
        if first is None:
            raise ValueError("a stream without batches has no schema; write an empty table")
        with self.open_parquet(name, first.schema) as writer:
            writer.write(first)
            for batch in batches:
                writer.write(batch)
        return writer.rows

    @contextlib.contextmanager
    def open_parquet(self, name: str, schema: pa.Schema) -> Iterator[ParquetStream]:
        """Open a Parquet file that takes tables or batches one after another."""
        path = self.file(name)
        with output_errors(path, self.path):
            stream = ParquetStream(path, schema)
            try:
                yield stream
            except BaseException:
                stream.abandon()
                raise
            stream.close()

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON document (UTF-8, indented, keys in the order given)."""
        self.write_text(name, json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Write a UTF-8 text file."""
        path = self.file(name)
        with output_errors(path, self.path):
            path.write_text(text, encoding="utf-8")

    def checksums(self) -> dict[str, str]:
        """Return file name -> SHA-256 of everything written so far."""
        return {
            path.name: file_checksum(path)
            for path in sorted(self.partial.iterdir())
            if path.is_file()
        }

    def _publish(self) -> None:
        for path in sorted(self.partial.rglob("*")):
            if path.is_file():
                path.chmod(0o600 if self.private else 0o666 & ~_umask())
                _sync(path)
        self.partial.chmod(0o700 if self.private else 0o777 & ~_umask())
        _sync(self.partial)
        _move_into_place(self.partial, self.path)
        _sync(self.path.parent)


class ParquetStream:
    """A Parquet file being written; `rows` counts what it holds.

    Readers see the columns of `schema`; what is written may hold its texts as dictionaries.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._schema = schema
        self._file = path.open("wb")
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Append a table or batch with the schema of the file."""
        writer = self._open(rows.schema)
        if isinstance(rows, pa.Table):
            writer.write_table(rows)
        else:
            writer.write_batch(rows)
        self.rows += rows.num_rows

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        """Open the file for rows of this schema; only what repeats gets a Parquet dictionary.

        Only numbers get statistics: least and greatest texts of a group of rows tell no reader
        which group to leave out, and take a quarter of the time of writing.
        """
        if self._writer is None:
            words = [each.name for each in schema if pa.types.is_dictionary(each.type)]
            numbers = [each.name for each in schema if pa.types.is_primitive(each.type)]
            self._writer = pq.ParquetWriter(
                self._file,
                schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=words or True,
                store_schema=not words,
                write_statistics=numbers or False,
            )
        return self._writer

    def close(self) -> None:
        """Finish the file; it is on disk then, while others are still being written."""
        try:
            self._open(self._schema).close()
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Let go of a file that will be deleted; a second error would hide the first."""
        with contextlib.suppress(OSError, pa.ArrowException):
            self._open(self._schema).close()
        with contextlib.suppress(OSError):
            self._file.close()


def check_output_path(
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    needed_bytes: int = 0,
    proof: str = _RUN_FILE,
) -> None:
    """Check before a long run that its output directory can be written.

    Parameters
    ----------
    path, overwrite, needed_bytes, proof : as for OutputDirectory

    Raises
    ------
    OutputError : exists and is not empty, is a file, no permission, too little free space
    """
    path = Path(os.path.realpath(path))
    with output_errors(path):
        if path.exists() and not path.is_dir():
            raise OutputError(
                f"{path}: exists and is not a directory; choose another", path=str(path)
            )
        if os.path.ismount(path):
            raise OutputError(
                f"{path}: a mount point cannot be swapped into place; name a directory inside it",
                path=str(path),
            )
        names = [each.name for each in path.iterdir()] if path.exists() else []
        if names and not overwrite:
            raise OutputError(
                f"{path}: the directory exists and is not empty; choose another, or --overwrite it",
                path=str(path),
            )
        if names and proof not in names:
            raise OutputError(
                f"{path}: will not be overwritten: it is not the output of an earlier run "
                f"(it has no {proof}); choose another directory",
                path=str(path),
            )
        parent = _existing_ancestor(path)
        if not os.access(parent, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "no permission", str(parent))
        free_bytes = shutil.disk_usage(parent).free
    if free_bytes < needed_bytes:
        raise OutputError(
            f"{path}: about {_amount(needed_bytes)} are needed and {_amount(free_bytes)} are free; "
            "make room or choose another disk",
            path=str(path),
        )


def check_output_file(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Check before long work that its one output file can be written; OutputError if not."""
    path = Path(os.path.realpath(path))
    with output_errors(path):
        if path.is_dir():
            raise OutputError(f"{path}: is a directory; name a file", path=str(path))
        if path.exists() and not overwrite:
            raise OutputError(
                f"{path}: exists already; choose another, or --overwrite it", path=str(path)
            )
        if not path.parent.is_dir():
            raise OutputError(f"{path.parent}: no such directory; make it first", path=str(path))
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "no permission", str(path.parent))


def write_file(
    path: str | os.PathLike[str], content: str | bytes, *, overwrite: bool = True
) -> None:
    """Write one file whole or not at all (a drafted schema, a trained model)."""
    check_output_file(path, overwrite=overwrite)
    path = Path(os.path.realpath(path))
    aside = path.parent / f".{path.name}.partial-{secrets.token_hex(4)}"
    try:
        with output_errors(path):
            aside.write_bytes(content.encode() if isinstance(content, str) else content)
            _sync(aside)
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def estimate_bytes(records: int) -> int:
    """Roughly what a run on so many records writes: as scratch, and again as results."""
    return records * _BYTES_A_RECORD


def file_checksum(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _move_into_place(partial: Path, final: Path) -> None:
    """Rename; where something is in the way, exchange the two in one step, then remove the old."""
    if final.exists() and any(final.iterdir()):
        if not _exchange(partial, final):
            old = final.parent / f".{final.name}.old-{secrets.token_hex(4)}"
            final.rename(old)
            try:
                partial.rename(final)
            except BaseException:
                old.rename(final)
                raise
            shutil.rmtree(old, ignore_errors=True)
        return
    partial.rename(final)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two directories atomically where the system can (Linux); False where it cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    at_cwd = -100
    return bool(rename(at_cwd, bytes(first), at_cwd, bytes(second), _RENAME_EXCHANGE) == 0)


def _remove_abandoned(final: Path) -> None:
    """Remove what a killed run left: partial directories that no living process has locked."""
    for path in final.parent.glob(f".{_glob_escape(final.name)}.partial-*"):
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(handle)


def _glob_escape(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


@contextlib.contextmanager
def output_errors(path: Path, final: Path | None = None) -> Iterator[None]:
    """Turn errors of the operating system into one line that says what to do.

    Parameters
    ----------
    path : what is being written
    final : directory under whose name messages speak of it, if it is written aside
    """
    shown = final / path.name if final else _final_name(path)
    try:
        yield
    except PermissionError as error:
        where = error.filename or shown
        raise OutputError(f"{where}: no permission to write there", path=str(shown)) from error
    except OSError as error:
        if error.errno in _FULL:
            raise _disk_full(shown, error) from error
        raise OutputError(
            f"{shown}: cannot be written ({error.strerror or 'I/O error'})", path=str(shown)
        ) from error


def _final_name(path: Path) -> Path:
    """Under which name a file that is being written aside will appear."""
    aside = _PARTIAL.fullmatch(path.parent.name)
    return path.parent.with_name(aside[1]) / path.name if aside else path


def _disk_full(path: Path, error: OSError) -> OutputError:
    free = _amount(shutil.disk_usage(_existing_ancestor(path)).free)
    if error.errno == errno.EFBIG:
        what = "the file would exceed the size limit of this process or file system"
    elif error.errno == errno.EDQUOT:
        what = "the disk quota is used up"
    else:
        what = f"the disk is full ({free} free)"
    return OutputError(
        f"{path}: {what}; make room or choose another disk. Nothing was left behind",
        path=str(path),
    )


def _existing_ancestor(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _amount(size_bytes: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if size_bytes >= size:
            return f"{size_bytes / size:.1f} {unit}"
    return f"{size_bytes / 1024:.0f} KiB"
