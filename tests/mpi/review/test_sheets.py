"""Cells and files of sheets: no formula, nothing rounded, nothing half written."""

from __future__ import annotations

import csv
import errno
import io
import stat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpi.review import sheets
from mpi.review.sheets import csv_lines, plain_cell, safe_cell, sheet_format, write_sheet
from person.errors import ConfigError, OutputError


@given(st.text(max_size=30))
def test_no_cell_is_a_formula_and_each_comes_back(text: str) -> None:
    """Whatever a source wrote, a spreadsheet sees text, and reading gives it back."""
    cell = safe_cell(text)
    assert not cell.lstrip(" ").startswith(
        ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
    )
    assert text == plain_cell(cell)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" +1+1", "' +1+1"),
        ("11010519491231002X", "11010519491231002X"),
        ("110105194912310025", "'110105194912310025"),
        ("00017", "'00017"),
        ("0", "0"),
        ("13671093358", "13671093358"),
        (-3.5, "-3.5"),
        (12, "12"),
        (None, ""),
        (True, "true"),
    ],
)
def test_cells_by_example(value: Any, cell: str) -> None:
    """Formulas and numbers that a spreadsheet would spoil are marked; our own numbers are not."""
    assert cell == safe_cell(value)


@given(st.lists(st.text(max_size=12), min_size=3, max_size=3))
@settings(max_examples=40)
def test_lines_are_read_back_by_any_csv_reader(texts: list[str]) -> None:
    """Quotes, commas and line breaks inside values keep their place."""
    names = ["a", "b", "c"]
    text = "".join(csv_lines(names, [dict(zip(names, texts, strict=True))]))
    assert text.startswith("\ufeffa,b,c\r\n")
    lines = list(csv.reader(io.StringIO(text[1:], newline="")))
    assert texts == [plain_cell(cell) for cell in lines[1]]


def test_a_file_appears_whole_and_private(tmp_path: Path) -> None:
    """Readable by its owner only, never replaced unasked, of a format that is known."""
    schema = pa.schema([("a", pa.string()), ("n", pa.int64())])
    for name in ("out.csv", "out.parquet"):
        out = tmp_path / name
        assert 2 == write_sheet(out, schema, [{"a": "王", "n": 1}, {"n": None}])
        assert 0o600 == stat.S_IMODE(out.stat().st_mode)
        with pytest.raises(OutputError):
            write_sheet(out, schema, [])
    assert [{"a": "王", "n": 1}, {"a": None, "n": None}] == pq.read_table(
        tmp_path / "out.parquet"
    ).to_pylist()
    assert ["out.csv", "out.parquet"] == sorted(each.name for each in tmp_path.iterdir())
    with pytest.raises(ConfigError):
        sheet_format("tasks.xlsx")


@pytest.mark.parametrize("name", ["tasks.csv", "tasks.parquet"])
def test_a_full_disk_is_said_of_the_file_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Not of the one beside it that is renamed when it is whole; and that one is gone."""

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    for each in ("_write_csv", "_write_parquet"):
        monkeypatch.setattr(sheets, each, full)
    with pytest.raises(OutputError, match="the disk is full") as caught:
        write_sheet(tmp_path / name, pa.schema([("a", pa.string())]), [])
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert [] == list(tmp_path.iterdir())
