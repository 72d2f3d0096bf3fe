"""Inputs: find the files, recognise their formats, stream them as Arrow record batches.

    inputs = open_inputs(["people/*.csv", "hospital.parquet"])
    for file_index, first_row, batch in inputs:
        ...
    inputs.rejects.to_table()

Everything that can be wrong with a file before its rows are read is said by `open_inputs`, in
one line that names the file. Text files yield strings only; Parquet and Arrow yield their
columns as they are. Column names come trimmed, without byte order marks, and unique.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from mpi.delimited import detect_dialect
from mpi.encoding import detect_encoding
from mpi.input_file import BINARY_SUFFIXES, SUFFIXES, InputFile, damaged, unreadable
from mpi.rejects import Rejects
from person.errors import InputError

__all__ = ["InputFile", "InputSet", "Rejects", "open_inputs"]

BATCH_ROWS: Final = 131_072
_RESULT_FILES: Final = frozenset(("clusters.parquet", "run.json"))
_GENERATED_FOLDERS: Final = frozenset(("records", "truth"))
_REFUSED_MAGIC: Final = {
    b"PK\x03\x04": "a zip archive or an Excel workbook; save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
    b"BZh": "bzip2 data; unpack it, or pack it with gzip",
    b"\x28\xb5\x2f\xfd": "zstd data; unpack it, or pack it with gzip",
    b"\xfd7zX": "xz data; unpack it, or pack it with gzip",
    b"SQLite": "an SQLite database; export the table as CSV",
    b"%PDF": "a PDF document; export the table as CSV",
}


class InputSet:
    """All inputs of a run, in a fixed order; iterate as often as needed.

    Iterating yields (file_index, first_row, RecordBatch): `first_row` is the 0-based position
    of the batch's first row among the usable rows of its file; `files[file_index].row_number`
    turns positions into row numbers for people. One iteration at a time.

    Attributes
    ----------
    files : one `InputFile` each
    rejects : rows the readers could not use; filled once, by the first pass over each file
    notes : things a user may want to know, such as files skipped
    """

    def __init__(
        self, files: Sequence[InputFile], *, batch_rows: int, notes: Sequence[str]
    ) -> None:
        self.files = tuple(files)
        self.batch_rows = batch_rows
        self.notes = tuple(notes)
        self.rejects = Rejects()
        self._rejects_recorded: set[int] = set()

    def __iter__(self) -> Iterator[tuple[int, int, pa.RecordBatch]]:
        for index, file in enumerate(self.files):
            first_pass = index not in self._rejects_recorded
            self._rejects_recorded.add(index)
            first_row = 0
            for batch in file.batches(self.batch_rows, self.rejects if first_pass else None):
                yield index, first_row, batch
                first_row += batch.num_rows
        if not self.rows_read:
            self._raise_no_usable_row()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of any file, in order of first appearance."""
        return tuple(dict.fromkeys(name for file in self.files for name in file.columns))

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def rows_estimate(self) -> int:
        return sum(file.rows_estimate for file in self.files)

    @property
    def rows_read(self) -> int:
        return sum(file.rows_read for file in self.files)

    def head(self, rows: int = 1000) -> list[pa.RecordBatch]:
        """Return the first rows of every file, one batch each, for looking at values."""
        firsts = []
        for file in self.files:
            batches = file.batches(rows, None)
            firsts.extend([batch] if (batch := next(batches, None)) is not None else [])
            batches.close()  # type: ignore[attr-defined]
        return firsts

    def describe(self) -> list[dict[str, Any]]:
        """Describe every input with its checksum, for run.json."""
        return [file.describe() for file in self.files]

    def swallowed_notes(self) -> list[str]:
        """Say which files lost lines to a quote that never closes."""
        return [
            f"{file.path}: {file.lines_swallowed} lines were swallowed by quotes that are not "
            "closed; rejects.parquet says where they open"
            for file in self.files
            if file.lines_swallowed
        ]

    def _raise_no_usable_row(self) -> None:
        counts = "; ".join(f"{count} {reason}" for reason, count in self.rejects.counts.items())
        path = self.files[0].path
        what = f"no usable row ({counts})" if counts else "no rows"
        hint = "is the delimiter or the header right?" if counts else "nothing to do"
        raise InputError(f"{path}: {what}; {hint}", path=path)


def open_inputs(inputs: Any, *, batch_rows: int = BATCH_ROWS) -> InputSet:
    """Find and check the inputs of a run without reading their rows.

    Parameters
    ----------
    inputs : a path, glob or directory, an Arrow table (or anything with the Arrow stream
        protocol, such as a pandas or polars data frame), or a sequence of these
    batch_rows : most rows in a batch

    Returns
    -------
    InputSet, at least one file

    Raises
    ------
    InputError : missing, unreadable, empty, damaged or unknown files, one line naming the file
    SchemaMismatchError : two columns of a file share a name
    EncodingNotRecognisedError : text that is neither UTF-8 nor GB18030
    """
    if batch_rows < 1:
        raise ValueError("batch_rows must be at least 1")
    items = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    if not items:
        raise InputError("no input given; name a file, a directory or a pattern")
    files: list[InputFile] = []
    notes: list[str] = []
    seen: set[str] = set()
    for item in items:
        if not isinstance(item, str | os.PathLike):
            files.append(_open_table(item, sum(file.table is not None for file in files) + 1))
            continue
        explicit, paths = _expand(os.fspath(item))
        for path in paths:
            if (real := os.path.realpath(path)) in seen:
                notes.append(f"{path}: named twice, read once")
                continue
            seen.add(real)
            file = _open_file(path)
            if isinstance(file, InputFile):
                files.append(file)
            elif explicit and len(paths) == 1:
                raise InputError(file, path=path)
            else:
                notes.append(file)
    if not files:
        raise InputError(f"nothing to read: {'; '.join(notes)}")
    return InputSet(files, batch_rows=batch_rows, notes=notes)


def _expand(text: str) -> tuple[bool, list[str]]:
    """Return (named directly, paths in order) for one path, directory or pattern."""
    try:
        if Path(text).is_dir():
            return False, _files_of_directory(text)
        if os.path.lexists(text) or not glob.has_magic(text):
            Path(text).stat()
            return True, [text]
    except OSError as error:
        raise unreadable(text, error) from error
    found = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - pathlib's drops './' and '~'
    paths = [path for path in found if Path(path).is_file()]
    if not paths:
        raise InputError(f"{text}: no file fits this pattern; check it, and quote it", path=text)
    return False, paths


def _files_of_directory(directory: str) -> list[str]:
    paths: list[str] = []

    def refuse(error: OSError) -> None:
        raise error

    for folder, subfolders, names in os.walk(directory, onerror=refuse):
        subfolders[:] = sorted(name for name in subfolders if name[0] not in "._")
        if set(names) >= _RESULT_FILES:  # what an earlier run wrote is no input of the next
            names = []
        if "manifest.json" in names and set(subfolders) >= _GENERATED_FOLDERS:
            subfolders[:] = ["records"]  # of a generated population, the truth is no input
        paths += [
            str(Path(folder) / name)
            for name in sorted(names)
            if name[0] not in "._" and name.lower().endswith(SUFFIXES)
        ]
    if not paths and {path.name for path in Path(directory).iterdir()} >= _RESULT_FILES:
        raise InputError(f"{directory}: this is the result of a run, not an input", path=directory)
    if not paths:
        raise InputError(
            f"{directory}: no table in this directory; files end in {', '.join(SUFFIXES)}",
            path=directory,
        )
    return paths


def _open_table(item: Any, number: int) -> InputFile:
    name = "<table>" if number == 1 else f"<table {number}>"
    if isinstance(item, pa.RecordBatch):
        item = pa.Table.from_batches([item])
    elif isinstance(item, pa.RecordBatchReader):
        item = item.read_all()
    elif not isinstance(item, pa.Table) and hasattr(item, "__arrow_c_stream__"):
        item = pa.table(item)
    if not isinstance(item, pa.Table):
        raise InputError(
            f"{name}: a {type(item).__name__} is not an input; give a path or an Arrow table"
        )
    file = InputFile(name, "table", item.nbytes, item.column_names)
    file.table, file.rows_known = item, item.num_rows
    if not item.num_rows:
        raise InputError(f"{name}: the table has no rows", path=name)
    return file


def _open_file(path: str) -> InputFile | str:
    """Open one file; a file without rows gives the sentence that says so."""
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its writer
            raise InputError(
                f"{path}: not a file but a pipe or device; inputs are read more than once, so "
                "write it to a file first",
                path=path,
            )
        with Path(path).open("rb") as file:
            magic = file.read(6)
        size_bytes = status.st_size
        if not size_bytes:
            return f"{path}: the file is empty"
        for prefix, what in _REFUSED_MAGIC.items():
            if magic.startswith(prefix):
                raise InputError(f"{path}: this is {what}", path=path)
        if magic.startswith((b"ARROW1", b"PAR1", b"\xff\xff\xff\xff")):
            return _open_arrow(path, magic, size_bytes)
        return _open_text(path, size_bytes)
    except OSError as error:
        raise unreadable(path, error) from error


def _open_text(path: str, size_bytes: int) -> InputFile | str:
    if path.lower().endswith(BINARY_SUFFIXES):
        raise InputError(
            f"{path}: not the format its name says, or damaged; write the file again", path=path
        )
    encoding = detect_encoding(Path(path))
    dialect = detect_dialect(Path(path), encoding)
    if not dialect.header:
        return f"{path}: the file is empty"
    if not dialect.has_records and not any(name.strip() for name in dialect.header):
        return f"{path}: the file holds only blank lines"
    file = InputFile(path, "csv", size_bytes, dialect.header)
    if not dialect.has_records:
        return f"{path}: only a header line, no records"
    file.encoding, file.dialect = encoding, dialect
    return file


def _open_arrow(path: str, magic: bytes, size_bytes: int) -> InputFile | str:
    rows: int | None = None
    try:
        if magic.startswith(b"PAR1"):
            kind = "parquet"
            with pq.ParquetFile(path) as parquet:
                names, rows = parquet.schema_arrow.names, parquet.metadata.num_rows
        elif magic.startswith(b"ARROW1"):
            kind = "arrow"
            with pa.OSFile(path) as source:
                names = pa.ipc.open_file(source).schema.names
        else:
            kind = "arrow-stream"
            with pa.OSFile(path) as source:
                names = pa.ipc.open_stream(source).schema.names
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged(path) from error
    file = InputFile(path, kind, size_bytes, names)
    file.rows_known = rows
    return f"{path}: the table has no rows" if rows == 0 else file
