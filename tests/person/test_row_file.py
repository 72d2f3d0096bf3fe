"""A flat file of rows gives back what a run needs of the records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from person.errors import InputError
from person.layout import layout_for
from person.records import ArrayRecordSource
from person.row_file import CHUNK_ROWS, RowFile, repack_rows, write_row_file
from person.schema import load_schema
from person.slots import read_slot

FIELDS = {"name", "id_number", "birth_date", "gender", "phone", "region_code"}
WHOLE = layout_for(load_schema().fields)
NARROW = layout_for(load_schema().with_fields(FIELDS).fields)


def some_rows(count: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 1 << 63, (count, WHOLE.n_words), np.uint64)


def test_the_usual_fields_of_residents_take_32_bytes() -> None:
    """A nation's records must fit a small disk."""
    assert 4 == NARROW.n_words


def test_fields_keep_their_values_when_repacked() -> None:
    """Every component of every field that stays, and nothing else."""
    rows = some_rows(50)
    narrow = repack_rows(rows, WHOLE, NARROW)
    for name in FIELDS:
        one, other = WHOLE.slots(name), NARROW.slots(name)
        for component in range(len(one)):
            expected = [int(read_slot(rows, row, one, component)) for row in range(50)]
            assert expected == [int(read_slot(narrow, row, other, component)) for row in range(50)]


@pytest.mark.parametrize("count", [0, 1, CHUNK_ROWS + 3])
def test_a_file_is_read_again_and_again(tmp_path: Path, count: int) -> None:
    """Chunks follow one another from record 0 at every reading."""
    rows = some_rows(count)
    source = ArrayRecordSource(rows, chunk_rows=100_000)
    written = write_row_file(tmp_path / "rows", source, WHOLE, NARROW)
    assert count == written.record_count
    expected = repack_rows(rows, WHOLE, NARROW)
    for _ in range(2):
        place = 0
        for chunk in written.chunks():
            assert place == chunk.first_row
            assert np.array_equal(expected[place : place + len(chunk)], chunk.rows)
            assert not chunk.source.any()
            place += len(chunk)
        assert count == place


def test_a_file_of_other_rows_is_refused(tmp_path: Path) -> None:
    """A size that is no whole number of rows is not this file."""
    (tmp_path / "rows").write_bytes(b"12345")
    with pytest.raises(InputError):
        RowFile(tmp_path / "rows", 4)
