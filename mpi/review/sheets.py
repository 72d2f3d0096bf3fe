"""Tables for spreadsheets: CSV that Excel opens rightly and that can do no harm there, or Parquet.

A cell that begins like a formula (= + - @, a tab or a line break, also in full width) is text
with an apostrophe before it, and so is a number too long for a spreadsheet or with a nought in
front: these would come back rounded or cut. `plain_cell` takes the apostrophe away again.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from mpi.outputs import check_output_file, output_errors
from person.errors import ConfigError, InputError

__all__ = [
    "FORMATS",
    "csv_lines",
    "in_utf8",
    "plain_cell",
    "safe_cell",
    "sheet_format",
    "write_sheet",
]

FORMATS: Final = ("csv", "parquet")
BYTE_ORDER_MARK: Final = "\ufeff"
_FORMULA: Final = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_QUOTE: Final = "'"
_SHEET_BYTES_MAX: Final = 1 << 28
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY: Final = (b"PAR1", b"ARROW1", b"PK")
_DIGITS_MAX: Final = 11
"""Longer numbers are shown rounded by spreadsheets, and come back so."""


def safe_cell(value: Any) -> str:
    """A value as a cell that no spreadsheet takes for a formula or rounds.

    Parameters
    ----------
    value : None, a text or a number; numbers stay numbers
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    trimmed = text.lstrip(" ")
    is_formula = trimmed[:1] in tuple(_FORMULA)
    is_number = text.isdecimal() and (len(text) > _DIGITS_MAX or text[0] == "0" != text)
    return _QUOTE + text if is_formula or is_number or text[:1] == _QUOTE else text


def plain_cell(cell: str | None) -> str:
    """Undo `safe_cell` for a text.

    Parameters
    ----------
    cell : as it was read
    """
    text = cell or ""
    return text[1:] if text[:1] == _QUOTE else text


def csv_lines(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Lines of a CSV file in the dialect of Excel, a byte order mark before the first.

    Parameters
    ----------
    names : of the columns
    rows : column -> value, what is absent is empty
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")

    def line(cells: Iterable[str]) -> str:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(list(cells))
        return buffer.getvalue()

    yield BYTE_ORDER_MARK + line(safe_cell(name) for name in names)
    for row in rows:
        yield line(safe_cell(row.get(name)) for name in names)


def sheet_format(out: str | os.PathLike[str], wanted: str | None = None) -> str:
    """The format of a file: as wanted, else by its name.

    Parameters
    ----------
    out : the file
    wanted : 'csv', 'parquet' or None

    Raises
    ------
    ConfigError : neither is known
    """
    found = wanted or Path(out).suffix.lower().lstrip(".")
    if found not in FORMATS:
        raise ConfigError(f"{out}: name the file .csv or .parquet, or say which it is to be")
    return found


def write_sheet(
    out: str | os.PathLike[str],
    schema: pa.Schema,
    rows: Iterable[Mapping[str, Any]],
    *,
    wanted: str | None = None,
    overwrite: bool = False,
) -> int:
    """Write rows to a file that appears when it is complete, readable by its owner only.

    Parameters
    ----------
    out : the file
    schema : columns
    rows : column -> value
    wanted : 'csv' or 'parquet'; None goes by the name
    overwrite : replace a file that is there

    Returns
    -------
    int, rows written
    """
    kind = sheet_format(out, wanted)
    check_output_file(out, overwrite=overwrite)
    final = Path(out)
    partial = final.with_name(f".{final.name}.partial")
    try:
        with output_errors(final):
            partial.unlink(missing_ok=True)
            os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            count = (_write_csv if kind == "csv" else _write_parquet)(partial, schema, rows)
            partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)
    return count


def _write_csv(path: Path, schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> int:
    lines = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for line in csv_lines(schema.names, rows):
            file.write(line)
            lines += 1
    return lines - 1


def _write_parquet(path: Path, schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> int:
    held = list(rows)
    columns = {name: [row.get(name) for row in held] for name in schema.names}
    pq.write_table(pa.table(columns, schema=schema), path, compression="zstd")
    return len(held)


def in_utf8(path: str | os.PathLike[str], scratch: Path) -> Path:
    """A sheet whose text is UTF-8: itself, or a copy.

    Spreadsheets save CSV in the encoding of the desk and "Unicode text" in UTF-16. A sheet of ours
    is one of a few encodings, so there is nothing to guess: marks tell, then what can be decoded.

    Parameters
    ----------
    path : as it came back; a file that is no text is returned as it is
    scratch : directory for the copy

    Raises
    ------
    InputError : it cannot be read, is far too large, or is text in another encoding
    """
    source = Path(path)
    try:
        if source.is_dir():
            raise InputError(f"{path}: a directory; name the sheet itself", path=str(path))
        if not source.is_file():
            return source  # whoever opens it says what is wrong
        if source.stat().st_size > _SHEET_BYTES_MAX:
            raise InputError(f"{path}: larger than any sheet of tasks", path=str(path))
        data = source.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})", path=str(path)) from error
    if data.startswith(_BINARY):
        return source
    marked = [name for mark, name in _MARKS if data.startswith(mark)]
    for encoding in marked or ["utf-8", "gb18030"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        copy = scratch / source.name
        copy.write_text(text, "utf-8", newline="")
        return copy
    raise InputError(
        f"{path}: neither UTF-8, UTF-16 nor GB18030 text; save the sheet as CSV UTF-8",
        path=str(path),
    )
