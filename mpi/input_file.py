"""One table of the input: what it is, its checksum, its rows as Arrow record batches."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mpi.delimited import Dialect, read_batches, row_numbers
from mpi.rejects import Rejects
from person.errors import EncodingNotRecognisedError, InputError, SchemaMismatchError
from person.utf8_check import text_is_sound

__all__ = ["BINARY_SUFFIXES", "SUFFIXES", "InputFile", "check_batch", "damaged", "unreadable"]

TEXT_SUFFIXES: Final = (".csv", ".tsv", ".txt")
BINARY_SUFFIXES: Final = (".parquet", ".pq", ".arrow", ".arrows", ".feather", ".ipc")
SUFFIXES: Final = (
    *TEXT_SUFFIXES,
    *BINARY_SUFFIXES,
    *(f"{suffix}.gz" for suffix in TEXT_SUFFIXES),
)

READ_BYTES: Final = 1 << 20
LOOK_ROWS: Final = 4096
CODED_BYTES_MAX: Final = 4
"""A value that a file keeps as a number in a list takes less, its share of the list included."""


class InputFile:
    """One table of the input: a file, or an Arrow table in memory.

    Attributes
    ----------
    path : file path, or '<table>' ('<table 2>' ...) for tables in memory
    stem : file name without its suffixes; the default name of the source
    format : 'csv', 'parquet', 'arrow', 'arrow-stream' or 'table'
    encoding : 'utf-8', 'utf-8-sig', 'gb18030', or None for binary formats
    columns : column names, trimmed
    size_bytes : on disk, or in memory
    rows_known : number of rows where the format states it, else None
    rows_read, rows_rejected : by the latest pass over the file
    lines_swallowed : further lines of rejected rows whose quote never closes, by that pass
    coded_columns : columns that a pass may hand out as dictionary arrays, where the file keeps
        them so: fewer bytes to read, and each value to encode once
    is_checked_by_reader : whoever reads the batches calls `check_batch`, on a thread of theirs
    """

    def __init__(self, path: str, kind: str, size_bytes: int, columns: Sequence[str]) -> None:
        self.path = path
        self.format = kind
        self.size_bytes = size_bytes
        self.columns = _clean_columns(path, columns)
        self.encoding: str | None = None
        self.rows_known: int | None = None
        self.rows_read = 0
        self.lines_swallowed = 0
        self.dialect: Dialect | None = None
        self.table: pa.Table | None = None
        self.coded_columns: frozenset[str] = frozenset()
        self.is_checked_by_reader = False
        self._rejected: list[int] = []
        self._only: tuple[str, ...] | None = None

    @property
    def stem(self) -> str:
        name = Path(self.path).name
        for suffix in sorted(SUFFIXES, key=len, reverse=True):
            if name.lower().endswith(suffix):
                return name[: -len(suffix)]
        return name.strip("<>") if self.format == "table" else name

    @property
    def rows_rejected(self) -> int:
        return len(self._rejected)

    @property
    def rows_estimate(self) -> int:
        """Number of rows: known, or guessed from the size of the first MiB's rows."""
        if self.rows_known is not None:
            return self.rows_known
        packed = 5 if self.path.lower().endswith(".gz") else 1
        row_bytes = self.dialect.row_bytes if self.dialect else 100.0
        return int(self.size_bytes * packed / max(row_bytes, 1.0))

    @cached_property
    def sha256(self) -> str:
        """Hexadecimal digest of the file's bytes (of the Arrow stream, for a table)."""
        digest = hashlib.sha256()
        if self.table is not None:
            with pa.ipc.new_stream(
                pa.PythonFile(_HashSink(digest), "w"), self.table.schema
            ) as sink:
                sink.write_table(self.table)
            return digest.hexdigest()
        try:
            with Path(self.path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise unreadable(self.path, error) from error

    def row_number(self, positions: int | NDArray[Any]) -> NDArray[np.int64]:
        """Turn positions among usable rows into 1-based row numbers of the file.

        Parameters
        ----------
        positions : int64[n] or one int, `first_row` + index in the batch

        Returns
        -------
        int64[n], the header not counted, rejected rows counted
        """
        rejected = np.asarray(sorted(self._rejected), np.int64)
        return row_numbers(np.atleast_1d(np.asarray(positions, np.int64)), rejected)

    def read_only_columns(self, names: Collection[str]) -> None:
        """Leave out other columns from now on, where the format allows to read a few.

        Parameters
        ----------
        names : of columns, trimmed
        """
        if self.format != "parquet":
            return
        with pq.ParquetFile(self.path, memory_map=True) as parquet:
            written = parquet.schema_arrow.names
        if any("." in name for name in written):  # would be read as a path into a nested column
            return
        pairs = zip(written, self.columns, strict=True)
        chosen = [(raw, name) for raw, name in pairs if name in names]
        if chosen:
            self._only = tuple(raw for raw, _ in chosen)
            self.columns = tuple(name for _, name in chosen)

    def fingerprint(self) -> list[Any]:
        """What tells, without reading it, whether a file is still the one it was."""
        if self.table is not None:
            return [self.path, self.sha256]
        try:
            status = Path(self.path).stat()
        except OSError as error:
            raise unreadable(self.path, error) from error
        return [os.path.realpath(self.path), status.st_size, status.st_mtime_ns]

    def describe(self) -> dict[str, Any]:
        """What run.json says of this input."""
        return {
            "path": self.path,
            "format": self.format,
            "encoding": self.encoding,
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "rows": self.rows_read,
            "rows_rejected": self.rows_rejected,
            "lines_swallowed": self.lines_swallowed,
        }

    def batches(self, batch_rows: int, rejects: Rejects | None) -> Iterator[pa.RecordBatch]:
        """Yield the usable rows in batches of at most `batch_rows`, columns renamed."""
        self.rows_read, self._rejected, self.lines_swallowed = 0, [], 0
        for batch in self._raw_batches(batch_rows, rejects):
            batch = batch.rename_columns(list(self.columns))
            for start in range(0, batch.num_rows, batch_rows):
                part = batch.slice(start, batch_rows)
                yield part
                self.rows_read += part.num_rows

    def _raw_batches(self, batch_rows: int, rejects: Rejects | None) -> Iterator[pa.RecordBatch]:
        if self.table is not None:
            for batch in self.table.to_batches(max_chunksize=batch_rows):
                yield self._checked(batch)
        elif self.dialect is not None:

            def reject(numbers: list[int], reasons: list[str], swallowed: int) -> None:
                self._rejected.extend(numbers)
                self.lines_swallowed += swallowed
                if rejects is not None:
                    rejects.append(self.path, numbers, source=self.stem, reason=reasons)

            yield from read_batches(
                Path(self.path), self.dialect, batch_rows=batch_rows, reject=reject
            )
        else:
            coded = [n for n, name in enumerate(self.columns) if name in self.coded_columns]
            arrow = _arrow_batches(self.path, self.format, batch_rows, self._only, coded)
            yield from map(self._checked, arrow)

    def _checked(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if not self.is_checked_by_reader:
            check_batch(self.path, batch)
        return batch


def _arrow_batches(
    path: str, kind: str, batch_rows: int, only: Sequence[str] | None, coded: Sequence[int]
) -> Iterator[pa.RecordBatch]:
    readers: dict[str, Callable[[], Iterator[pa.RecordBatch]]] = {
        "parquet": lambda: _parquet_batches(path, batch_rows, only, coded),
        "arrow": lambda: _ipc_file_batches(path),
        "arrow-stream": lambda: _ipc_stream_batches(path),
    }
    try:
        yield from readers[kind]()
    except (pa.ArrowException, OSError) as error:
        raise damaged(path) from error


def check_batch(path: str, batch: pa.RecordBatch) -> None:
    """Refuse text that is not UTF-8, and offsets that point outside: kernels trust both."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            column.validate()
            if pa.types.is_string(column.type) and text_is_sound(column):
                continue
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                raise damaged(path) from error
            raise EncodingNotRecognisedError(
                f"{path}: the column {name} holds bytes that are not UTF-8 text; write it again "
                "as text, or leave the column out",
                path=path,
            ) from error


def _parquet_batches(
    path: str, batch_rows: int, only: Sequence[str] | None, coded: Sequence[int]
) -> Iterator[pa.RecordBatch]:
    listed = _listed_columns(path, only, coded) if coded else []
    if only is None:
        with pq.ParquetFile(path, memory_map=True, read_dictionary=listed) as parquet:
            # A look at a few rows does not set threads to work on the columns of a whole group.
            is_look = batch_rows <= LOOK_ROWS
            yield from parquet.iter_batches(batch_size=batch_rows, use_threads=not is_look)
        return
    # Read, not mapped: the pages of a mapped file count as the process's own until it ends.
    with pq.ParquetFile(path, buffer_size=READ_BYTES, read_dictionary=listed) as parquet:
        yield from parquet.iter_batches(batch_size=batch_rows, columns=list(only))


def _listed_columns(path: str, only: Sequence[str] | None, coded: Sequence[int]) -> list[str]:
    """Which of the columns of text are kept as a list of values and their numbers."""
    with pq.ParquetFile(path, memory_map=True) as parquet:
        metadata, schema = parquet.metadata, parquet.schema_arrow
    names = list(only or schema.names)
    if not metadata.num_row_groups or metadata.num_columns != len(schema.names):
        return []  # nested columns: their numbers are not ours
    group, listed = metadata.row_group(0), []
    for number in coded:
        place = schema.names.index(names[number])
        held = group.column(place)
        is_small = held.total_uncompressed_size < CODED_BYTES_MAX * held.num_values
        if is_small and pa.types.is_string(schema.types[place]):
            listed.append(names[number])
    return listed


def _ipc_file_batches(path: str) -> Iterator[pa.RecordBatch]:
    with pa.memory_map(path) as source:
        reader = pa.ipc.open_file(source)
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)


def _ipc_stream_batches(path: str) -> Iterator[pa.RecordBatch]:
    with pa.memory_map(path) as source:
        yield from pa.ipc.open_stream(source)


def _clean_columns(path: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Trim names, name the nameless by position, refuse duplicates."""
    names = [str(name).replace("\ufeff", "").strip() for name in columns]
    names = [name or f"column_{position}" for position, name in enumerate(names, 1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SchemaMismatchError(
            f"{path}: more than one column is named {', '.join(twice)}; rename or remove one",
            path=path,
            columns=twice,
        )
    return tuple(names)


def damaged(path: str) -> InputError:
    """Say that a binary file is not whole."""
    return InputError(f"{path}: damaged or cut short; write or copy the file again", path=path)


def unreadable(path: str, error: OSError) -> InputError:
    """Say in one line what the operating system objects to."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such file or directory; check the path", path=path)
    if isinstance(error, PermissionError):
        where = error.filename or path
        return InputError(f"{where}: no permission to read it; ask its owner", path=path)
    return InputError(f"{path}: cannot be read ({error.strerror or 'I/O error'})", path=path)


class _HashSink:
    """A file that only hashes what is written to it."""

    closed = False

    def __init__(self, digest: Any) -> None:
        self._digest = digest

    def write(self, content: Any) -> int:
        self._digest.update(content)
        return len(content)

    def flush(self) -> None:
        return None

    def close(self) -> None:
        self.closed = True
