"""Records and their truth as Arrow record batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_gen.causes import cause_names
from data_gen.records import RecordTables, Workspace, draw_stretches
from data_gen.text_kernels import COLUMN_BYTES, fill_references, fill_texts
from data_gen.truth_kernels import fill_truth

__all__ = ["RECORD_SCHEMA", "TRUTH_SCHEMA", "RecordColumns", "TruthColumns", "draw_texts"]

RECORD_SCHEMA: Final = pa.schema(
    [
        pa.field(name, pa.string())
        for name in (
            "record_id",
            "source",
            "name",
            "id_number",
            "id_type",
            "birth_date",
            "gender",
            "phone",
            "region_code",
            "address",
            "former_name",
            "health_card",
            "mother_id_number",
            "birth_certificate",
            "updated_at",
        )
    ]
)
"""Columns of records, named as the built-in resident schema reads them."""

TRUTH_SCHEMA: Final = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("record_id", pa.string()),
        pa.field("person_id", pa.int64()),
        pa.field("household_id", pa.int64()),
        pa.field("mother_id", pa.int64()),
        pa.field("twin_id", pa.int64()),
        pa.field("causes", pa.uint64()),
        pa.field("cause_names", pa.string()),
    ]
)
"""Columns of the truth beside them; causes are bits, see `data_gen.causes`."""


class TextBuffers:
    """The bytes of text columns, filled from the first row on and used again.

    Parameters
    ----------
    rows : most rows
    widths : most bytes of a value of each column
    """

    def __init__(self, rows: int, widths: Sequence[int]) -> None:
        self.data = tuple(np.empty(rows * width + 64, np.uint8) for width in widths)
        self.starts = np.array([data.ctypes.data for data in self.data], np.int64)
        self.offsets = np.zeros((len(widths), rows + 1), np.int32)

    def columns(self, rows: int) -> list[pa.Array]:
        """The first `rows` rows, on the same memory."""
        return [
            _string_array(self.offsets[place, : rows + 1], data)
            for place, data in enumerate(self.data)
        ]


class RecordColumns:
    """Records as text, row after row.

    Parameters
    ----------
    rows : most rows
    """

    def __init__(self, rows: int) -> None:
        self.rows, self.texts = 0, TextBuffers(rows, COLUMN_BYTES)

    def add(
        self,
        tables: RecordTables,
        workspace: Workspace,
        order: NDArray[np.int64],
        numbers: NDArray[np.int64],
    ) -> None:
        """Append entries `order` of the workspace's records, `numbers` of the population."""
        fill_texts(
            *(workspace.records, order, numbers, workspace.block, workspace.pool, tables.key),
            (tables.regions, tables.pieces, tables.county_code),
            *(self.texts.starts, self.texts.offsets, self.rows),
        )
        self.rows += len(order)

    def take(self) -> pa.RecordBatch:
        """What was added since the last call, valid until more is added."""
        rows, self.rows = self.rows, 0
        return pa.record_batch(self.texts.columns(rows), schema=RECORD_SCHEMA)


class TruthColumns:
    """The truth of records, row after row; `add` and `take` are those of `RecordColumns`.

    Parameters
    ----------
    rows : most rows
    """

    def __init__(self, rows: int) -> None:
        self.rows, self.texts = 0, TextBuffers(rows, (COLUMN_BYTES[1], COLUMN_BYTES[0]))
        self.people = np.empty((4, rows), np.int64)
        self.causes = np.empty(rows, np.uint64)

    def add(
        self,
        tables: RecordTables,
        workspace: Workspace,
        order: NDArray[np.int64],
        numbers: NDArray[np.int64],
    ) -> None:
        fill_references(
            *(workspace.records, order, numbers, tables.key, tables.county_code),
            *(self.texts.starts, self.texts.offsets, self.rows),
        )
        person = workspace.people.first_person_id
        fill_truth(
            *(workspace.records, order, workspace.block, person),
            *(self.rows, self.people, self.causes),
        )
        self.rows += len(order)

    def take(self) -> pa.RecordBatch:
        rows, self.rows = self.rows, 0
        person, household, mother, twin = self.people[:, :rows]
        columns = [
            *self.texts.columns(rows),
            *(pa.array(person), pa.array(household)),
            *(pa.array(ids, mask=ids < 0) for ids in (mother, twin)),
            *(pa.array(self.causes[:rows]), cause_names(self.causes[:rows])),
        ]
        return pa.record_batch(columns, schema=TRUTH_SCHEMA)


def _string_array(offsets: NDArray[np.int32], data: NDArray[np.uint8]) -> pa.Array:
    """Text of one column; a value of no bytes is null."""
    count = len(offsets) - 1
    empty = offsets[1:] == offsets[:-1]
    validity: Any = None
    if empty.any():
        validity = pa.py_buffer(np.packbits(~empty, bitorder="little"))
    buffers = [validity, pa.py_buffer(offsets), pa.py_buffer(data[: int(offsets[-1])])]
    return pa.Array.from_buffers(pa.string(), count, buffers, int(empty.sum()))


def draw_texts(
    tables: RecordTables, start: int, stop: int, workspace: Workspace
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Records start to stop of a population, and their truth.

    Parameters
    ----------
    tables : RecordTables
    start, stop : record numbers, start < stop
    workspace : buffers of the calling thread

    Returns
    -------
    (batch of RECORD_SCHEMA, batch of TRUTH_SCHEMA)

    Notes
    -----
    Single-threaded; numbers, dates and names are written straight into Arrow's buffers.
    """
    records, truth = RecordColumns(stop - start), TruthColumns(stop - start)
    for numbers in draw_stretches(tables, start, stop, workspace):
        order = workspace.turn(len(numbers))
        records.add(tables, workspace, order, numbers)
        truth.add(tables, workspace, order, numbers)
    return records.take(), truth.take()
