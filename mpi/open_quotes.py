"""Where a quote opens that does not close: the line, found by reading the file a second time."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from mpi.encoding import is_gzip

__all__ = ["LINE_BREAKS_IN_VALUE_MAX", "QuoteCheck", "find_first_runaway", "find_opening_lines"]

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


class QuoteCheck:
    """Tells whether the quotes of some records fit, in one walk through the file.

    A parser that forgives takes `"a` on one line and `b"c` on the next for one value; the records
    in between are lost. The same lines, read strictly, are refused.

    Parameters
    ----------
    path, encoding, delimiter : as for `find_opening_lines`
    """

    def __init__(self, path: Path, encoding: str, delimiter: str) -> None:
        self._delimiter = delimiter
        self._records = self._walk(path, encoding)
        self._at = -1

    def find_broken(self, records: Iterable[int]) -> list[int]:
        """Those of these records whose quotes do not fit.

        Parameters
        ----------
        records : 1-based record numbers in rising order, the header not counted, all beyond
            those asked for before
        """
        broken: list[int] = []
        for wanted in records:
            lines: list[str] = []
            while self._at < wanted:
                found = next(self._records, None)
                if found is None:
                    return broken
                self._at, lines = self._at + 1, found
            if not self._fits(lines):
                broken.append(wanted)
        return broken

    def _walk(self, path: Path, encoding: str) -> Iterator[list[str]]:
        """The lines of each record, of the header first, as the parser that forgives cuts them."""
        taken: list[str] = []
        opened = gzip.open if is_gzip(path) else open
        with opened(path, "rt", encoding=encoding, errors="replace", newline="") as file:

            def lines() -> Iterator[str]:
                for line in file:
                    taken.append(line)
                    yield line

            try:
                for row in csv.reader(lines(), delimiter=self._delimiter):
                    if row:
                        yield taken.copy()
                    taken.clear()
            except csv.Error:  # a value too long for this reader, set aside as it is
                return

    def _fits(self, lines: list[str]) -> bool:
        try:
            return bool(list(csv.reader(lines, delimiter=self._delimiter, strict=True)))
        except csv.Error:
            return False


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
    """Line breaks in the values before the one that runs on, which has the most."""
    breaks = [value.count("\n") for value in row]
    return sum(breaks[: breaks.index(max(breaks))])
