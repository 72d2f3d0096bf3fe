"""Delimited text (CSV, TSV, TXT) as Arrow record batches of strings, streamed block by block.

Every value stays text: a parser that guesses types loses leading zeros of codes and phones.
Rows with the wrong number of columns, and rows swallowed by a quote that does not close, are set
aside by number; pyarrow's reader runs on one thread because only so does it know row numbers
(and it is no slower: text columns need no conversion).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from mpi.encoding import find_undecodable_line, is_gzip, read_sample
from mpi.open_quotes import (
    LINE_BREAKS_IN_VALUE_MAX,
    QuoteCheck,
    find_first_runaway,
    find_opening_lines,
)
from person.errors import EncodingNotRecognisedError, InputError

__all__ = ["Dialect", "detect_dialect", "read_batches", "row_numbers"]

DELIMITERS: Final = (",", "\t", ";", "|")
OPENING_LINES_NAMED_MAX: Final = 20
"""Of so many unclosed quotes of a file the line is looked for, which reads the file again."""
BLOCK_BYTES_MIN: Final = 1 << 20
BLOCK_BYTES_MAX: Final = 1 << 25

RejectRows = Callable[[list[int], list[str], int], None]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to cut a text file into values.

    Attributes
    ----------
    delimiter : one of comma, tab, semicolon, bar
    header : column names exactly as they stand in the file
    has_records : something other than blank lines follows the header
    row_bytes : mean size of a record in the first MiB
    """

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    has_records: bool
    row_bytes: float


def detect_dialect(path: Path, encoding: str) -> Dialect:
    """Find delimiter and header from the first MiB of a file."""
    sample = read_sample(path).decode(encoding, errors="ignore").removeprefix("\ufeff")
    lines = [line for line in sample.splitlines()[:200] if line.strip()]
    delimiter = _detect_delimiter(lines, path)
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    header: tuple[str, ...] = ()
    has_records = False
    try:
        for row in reader:
            if not row:
                continue
            if header:
                has_records = True
                break
            header = tuple(row)
    except csv.Error as error:
        # Past the header any oddity (a value of 128 KiB) is the business of the real reader.
        if not header:
            raise InputError(
                f"{path}: the header line cannot be read as delimited text", path=str(path)
            ) from error
        has_records = True
    line_count = max(1, sample.count("\n") or sample.count("\r"))
    return Dialect(encoding, delimiter, header, has_records, len(sample) / line_count)


def _detect_delimiter(lines: list[str], path: Path) -> str:
    """Choose the delimiter that cuts most lines into as many values as the header has."""
    if not lines:
        return ","

    def score(delimiter: str) -> tuple[float, int]:
        counts = [len(row) for row in _rows_of(lines, delimiter)]
        width = counts[0]
        return (sum(count == width for count in counts) / len(counts), width)

    usable = {d: score(d) for d in DELIMITERS if len(_rows_of(lines[:1], d)[0]) > 1}
    if not usable:
        return "\t" if ".tsv" in path.suffixes else ","
    return max(usable, key=lambda d: (round(usable[d][0], 1), usable[d][1]))


def _rows_of(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        return [row or [""] for row in csv.reader(lines, delimiter=delimiter)] or [[""]]
    except csv.Error:
        return [line.split(delimiter) for line in lines]


def read_batches(
    path: Path, dialect: Dialect, *, batch_rows: int, reject: RejectRows
) -> Iterator[pa.RecordBatch]:
    """Yield the usable records of a file as string columns named as in its header.

    Parameters
    ----------
    path : text file, plain or gzip
    dialect : as detected
    batch_rows : rows a batch, about; a block of the file decides
    reject : called with 1-based record numbers, their reasons and how many further lines these
        records swallowed, always before the batch that holds later records is yielded

    Raises
    ------
    EncodingNotRecognisedError : bytes that do not decode, with their line
    InputError : a value longer than a block, damaged gzip, a failing disk
    """
    block_bytes = int(min(max(batch_rows * dialect.row_bytes, BLOCK_BYTES_MIN), BLOCK_BYTES_MAX))
    position = 0
    aside = _RowsAside(path, dialect, reject)
    with _NamedErrors(path, dialect, block_bytes):
        for batch in _open(path, dialect, block_bytes, aside):
            runaway, doubtful = _rows_of_many_lines(batch, dialect.delimiter)
            if len(runaway) or len(doubtful):
                batch = _set_runaways_aside(batch, runaway, doubtful, position, aside)
            position += batch.num_rows
            aside.report()
            if batch.num_rows:
                yield batch
        aside.report()


class _RowsAside:
    """The rows of one pass that cannot be used; told to the caller in batches, not one by one."""

    def __init__(self, path: Path, dialect: Dialect, reject: RejectRows) -> None:
        self.numbers: list[int] = []
        self._path, self._dialect = path, dialect
        self._reasons: list[str] = []
        self._breaks: dict[int, int] = {}
        self._told = self._named = 0
        self._reject = reject
        self._check: QuoteCheck | None = None

    def broken_quotes(self, numbers: list[int]) -> np.ndarray[Any, Any]:
        """Which of these records have quotes that do not fit, bool[n]; asked in rising order."""
        if not numbers:
            return np.zeros(0, np.bool_)
        if self._check is None:
            self._check = QuoteCheck(self._path, self._dialect.encoding, self._dialect.delimiter)
        return np.isin(numbers, self._check.find_broken(numbers))

    def add(self, number: int, reason: str) -> None:
        self.numbers.append(number)
        self._reasons.append(reason)

    def add_swallowed(self, number: int, line_breaks: int) -> None:
        """Take a record whose quote never closes; its reason is worded when it is told."""
        self._breaks[number] = line_breaks
        self.add(number, "")

    def skip_row(self, row: pacsv.InvalidRow) -> str:
        """Take a row that the parser refuses; its numbers count the header as row 1."""
        line_breaks = row.text.count("\n")
        if line_breaks > LINE_BREAKS_IN_VALUE_MAX:
            self.add_swallowed(row.number - 1, line_breaks)
        else:
            reason = _wrong_width(row.actual_columns, row.expected_columns)
            if line_breaks:
                reason += f", over {line_breaks + 1} lines: is a quote not closed?"
            self.add(row.number - 1, reason)
        return "skip"

    def report(self) -> None:
        if not self._reasons:
            return
        numbers = self.numbers[self._told :]
        lines = self._opening_lines() if self._breaks else {}
        for place, number in enumerate(numbers):
            if number in self._breaks:
                self._reasons[place] = _swallowed(self._breaks[number], lines.get(number))
        self._reject(numbers, self._reasons, sum(self._breaks.values()))
        self._told, self._reasons, self._breaks = len(self.numbers), [], {}

    def _opening_lines(self) -> dict[int, int]:
        asked = sorted(self._breaks)[: max(OPENING_LINES_NAMED_MAX - self._named, 0)]
        self._named += len(asked)
        if not asked:
            return {}
        dialect = self._dialect
        return find_opening_lines(self._path, dialect.encoding, dialect.delimiter, asked)

    def restart(self) -> None:
        self.numbers, self._reasons, self._breaks = [], [], {}
        self._check = None


def _wrong_width(actual: int, expected: int) -> str:
    return f"wrong number of columns: {actual} instead of {expected}"


def _swallowed(line_breaks: int, line: int | None) -> str:
    where = "" if line is None else f" that opens on line {line}"
    return f"a quote{where} is not closed: {line_breaks + 1} lines became one record"


def _open(
    path: Path, dialect: Dialect, block_bytes: int, aside: _RowsAside
) -> Iterator[pa.RecordBatch]:
    names = dialect.header
    for _ in range(2):
        file = pa.input_stream(str(path), compression="gzip" if is_gzip(path) else None)
        reader = pacsv.open_csv(
            file,
            read_options=pacsv.ReadOptions(
                use_threads=False,
                block_size=block_bytes,
                encoding="gb18030" if dialect.encoding == "gb18030" else "utf8",
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=dialect.delimiter,
                newlines_in_values=True,
                invalid_row_handler=aside.skip_row,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        if all(pa.types.is_string(kind) for kind in reader.schema.types):
            yield from reader
            return
        # The two header parsers disagreed: the types were guessed. Ask again with its names.
        names = tuple(reader.schema.names)
        aside.restart()
    raise InputError(f"{path}: the header line cannot be read", path=str(path))


_Rows = np.ndarray[Any, Any]


def _rows_of_many_lines(batch: pa.RecordBatch, delimiter: str) -> tuple[_Rows, _Rows]:
    """Positions of records with a value of implausibly many lines, and of doubtful ones.

    A value into which whole records fell has, for every line break, as many delimiters as a
    record; so may an address of several lines, which is why its quotes are looked at again.
    """
    over, doubtful = np.zeros((2, batch.num_rows), np.bool_)
    for column in batch.columns:
        buffer = column.buffers()[2]
        if buffer is None or not (np.frombuffer(buffer, np.uint8) == 10).any():
            continue
        breaks = _count(column, "\n")
        over |= breaks > LINE_BREAKS_IN_VALUE_MAX
        inner = breaks - pc.fill_null(pc.ends_with(column, "\n"), False).to_numpy(
            zero_copy_only=False
        )
        doubtful |= (inner > 0) & (_count(column, delimiter) >= inner * (batch.num_columns - 1))
    return np.flatnonzero(over), np.flatnonzero(doubtful & ~over)


def _count(column: pa.Array, text: str) -> _Rows:
    return pc.fill_null(pc.count_substring(column, text), 0).to_numpy(zero_copy_only=False)


def _set_runaways_aside(
    batch: pa.RecordBatch, runaway: _Rows, doubtful: _Rows, position: int, aside: _RowsAside
) -> pa.RecordBatch:
    refused = np.asarray(sorted(aside.numbers), np.int64)
    broken = aside.broken_quotes(row_numbers(position + doubtful, refused).tolist())
    runaway = np.union1d(runaway, doubtful[broken])
    numbers = row_numbers(position + runaway, refused)
    for row, number in zip(runaway.tolist(), numbers.tolist(), strict=True):
        values = [column[row].as_py() or "" for column in batch.columns]
        aside.add_swallowed(number, sum(value.rstrip("\n").count("\n") for value in values))
    keep = np.ones(batch.num_rows, np.bool_)
    keep[runaway] = False
    return batch.filter(pa.array(keep))


def row_numbers(
    positions: np.ndarray[Any, Any], rejected: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Turn 0-based positions among usable records into 1-based record numbers of the file.

    Parameters
    ----------
    positions : int64[n]
    rejected : int64[k], sorted record numbers that were set aside
    """
    usable_before = rejected - 1 - np.arange(len(rejected))
    return positions + 1 + np.searchsorted(usable_before, positions, side="right")


class _NamedErrors:
    """Say which file, where and what to do when pyarrow gives up in the middle of one."""

    def __init__(self, path: Path, dialect: Dialect, block_bytes: int) -> None:
        self.path = path
        self.dialect = dialect
        self.block_bytes = block_bytes

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or isinstance(error, InputError):
            return
        path = str(self.path)
        if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in str(error):
            line = find_undecodable_line(self.path, self.dialect.encoding)
            name = "GB18030" if self.dialect.encoding == "gb18030" else "UTF-8"
            raise EncodingNotRecognisedError(
                f"{path}: bytes on line {line or 'unknown'} are not {name}, as the text before "
                "them is; correct that line, or convert the file to UTF-8",
                path=path,
            ) from error
        if isinstance(error, pa.ArrowInvalid) and "straddling" in str(error):
            dialect = self.dialect
            line = find_first_runaway(self.path, dialect.encoding, dialect.delimiter)
            where = (
                "somewhere before it" if line is None else f"for the one that opens on line {line}"
            )
            raise InputError(
                f"{path}: a quoted value runs on for more than {self.block_bytes >> 20} MiB; "
                f"a closing quote is missing {where}",
                path=path,
            ) from error
        if isinstance(error, pa.ArrowInvalid | OSError | EOFError):
            raise InputError(
                f"{path}: cannot be read to its end ({_reason(error)})", path=path
            ) from error


def _reason(error: BaseException) -> str:
    """Keep the kind of a pyarrow error but none of the values it may quote."""
    text = str(error).split("\n")[0]
    if isinstance(error, pa.ArrowInvalid) and ":" in text:
        text = text.split(":")[0]
    return text[:120]
