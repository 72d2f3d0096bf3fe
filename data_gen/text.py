"""Records and their truth as Arrow record batches."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_gen.causes import cause_names
from data_gen.records import RecordTables, Workspace, community_records, draw_community_records
from data_gen.text_kernels import COLUMN_BYTES, fill_texts
from data_gen.truth_kernels import fill_truth

__all__ = ["RECORD_SCHEMA", "TRUTH_SCHEMA", "draw_texts"]

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


class _Buffers:
    """Arrow buffers of one batch, filled community by community."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.data = tuple(np.empty(rows * width + 64, np.uint8) for width in COLUMN_BYTES)
        self.offsets = np.zeros((len(COLUMN_BYTES), rows + 1), np.int32)
        self.people = np.empty((4, rows), np.int64)
        self.causes = np.empty(rows, np.uint64)

    def add(
        self, tables: RecordTables, workspace: Workspace, first: int, count: int, row: int
    ) -> None:
        """Append `count` records of the workspace, the first of them number `first`."""
        block, records = workspace.block, workspace.ordered_records(count)
        fill_texts(
            *(records, count, block, workspace.pool, first, tables.key),
            *((tables.regions, tables.pieces, tables.county_code), self.data, self.offsets, row),
        )
        person = workspace.people.first_person_id
        fill_truth(records, count, block, person, row, self.people, self.causes)

    def batch(self) -> pa.RecordBatch:
        columns = [_string_array(self.offsets[place], data) for place, data in enumerate(self.data)]
        return pa.record_batch(columns, schema=RECORD_SCHEMA)

    def truth(self, records: pa.RecordBatch) -> pa.RecordBatch:
        person, household, mother, twin = self.people
        columns = [
            *(records.column("source"), records.column("record_id")),
            *(pa.array(person), pa.array(household)),
            *(pa.array(ids, mask=ids < 0) for ids in (mother, twin)),
            *(pa.array(self.causes), cause_names(self.causes)),
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
    buffers = _Buffers(stop - start)
    each = tables.parameters.records_per_community
    number = start
    while number < stop:
        position, first = divmod(number, each)
        last = min(community_records(tables.parameters, position), stop - position * each)
        draw_community_records(tables, position, first, last, workspace)
        buffers.add(tables, workspace, number, last - first, number - start)
        number += last - first
    records = buffers.batch()
    return records, buffers.truth(records)
