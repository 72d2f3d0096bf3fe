"""Where a quote opens that never closes: the line, found by reading the file a second time."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Collection
from pathlib import Path
from typing import Final

from mpi.encoding import is_gzip

__all__ = ["LINE_BREAKS_IN_VALUE_MAX", "find_first_runaway", "find_opening_lines"]

LINE_BREAKS_IN_VALUE_MAX: Final = 10
"""A value of more line breaks began with a quote that was never closed."""


def find_opening_lines(
    path: Path, encoding: str, delimiter: str, records: Collection[int]
) -> dict[int, int]:
    """Line on which the value of many lines begins, for each of these records.

    Parameters
    ----------
    path : text file, plain or gzip
    encoding, delimiter : as detected
    records : 1-based record numbers, the header not counted

    Returns
    -------
    record number -> 1-based line; records that cannot be found again are left out
    """
    found: dict[int, int] = {}
    record, line, wanted = -1, 0, set(records)
    opened = gzip.open if is_gzip(path) else open
    with opened(path, "rt", encoding=encoding, errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        try:
            for row in reader:
                record += bool(row)
                if row and record in wanted:
                    found[record] = line + 1 + _breaks_before(row)
                    if len(found) == len(wanted):
                        break
                line = reader.line_num
        except csv.Error:  # a value too long for this reader: the one looked for
            if record + 1 in wanted:
                found[record + 1] = line + 1
    return found


def find_first_runaway(path: Path, encoding: str, delimiter: str) -> int | None:
    """Line on which the first value of too many lines begins, None where there is none.

    Parameters
    ----------
    path, encoding, delimiter : as for `find_opening_lines`
    """
    line = 0
    opened = gzip.open if is_gzip(path) else open
    with opened(path, "rt", encoding=encoding, errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        try:
            for row in reader:
                if any(value.count("\n") > LINE_BREAKS_IN_VALUE_MAX for value in row):
                    return line + 1 + _breaks_before(row)
                line = reader.line_num
        except csv.Error:
            return line + 1
    return None


def _breaks_before(row: list[str]) -> int:
    """Line breaks in the values before the one that runs on."""
    breaks = 0
    for value in row:
        here = value.count("\n")
        if here > LINE_BREAKS_IN_VALUE_MAX:
            break
        breaks += here
    return breaks
