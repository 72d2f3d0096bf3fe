"""Text to rows: a field, a whole batch and a file on one core, and a file on all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.data import Dataset
from bench.workload import encode_file
from person.batch import encode_batch
from person.layout import layout_for
from person.schema import load_schema

Measure = Callable[..., Any]
RECORDS_MAX: Final = 200_000
BATCH_RECORDS: Final = 131_072
FIELDS: Final = ("name", "id_number", "birth_date", "phone", "region_code", "address", "gender")


@pytest.fixture(scope="module")
def table(data: Dataset) -> pa.Table:
    """The first records as text in memory."""
    return pq.read_table(data.records).slice(0, RECORDS_MAX).combine_chunks()


def _encode(table: pa.Table, columns: list[str]) -> int:
    schema = load_schema(None)
    bound = schema.bind(columns, path="bench")
    layout = layout_for(schema.with_fields({each.field.name for each in bound}).fields)
    filled = 0
    for batch in table.to_batches(max_chunksize=BATCH_RECORDS):
        encoded = encode_batch(batch, schema, layout, bound)
        filled += int(encoded.rows.any(axis=1).sum())
    return filled


def bench_encode_batch(table: pa.Table, measure: Measure) -> None:
    """Every column of the resident schema."""
    units = {"records": table.num_rows}
    filled = measure(lambda: _encode(table, table.column_names), units=units, threads=1)
    assert filled > 0.99 * table.num_rows


@pytest.mark.parametrize("field", FIELDS)
def bench_encode_field(table: pa.Table, measure: Measure, field: str) -> None:
    """One column alone."""
    if field not in table.column_names:
        pytest.skip("the table has no such column")
    one = table.select([field])
    present = table.num_rows - table[field].null_count
    filled = measure(lambda: _encode(one, [field]), units={"records": table.num_rows}, threads=1)
    assert 0 < filled <= present


def bench_encode_parquet(data: Dataset, scratch: Path, measure: Measure) -> None:
    """A Parquet file to an encoded store on disk, all cores."""
    _measure_parquet(data, scratch, measure, threads=None)


def bench_encode_parquet_one_core(
    data: Dataset, scratch: Path, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same, everything of it on one core: what a core makes of Parquet text."""
    monkeypatch.setenv("MPI_THREADS", "1")
    threads = pa.cpu_count()
    pa.set_cpu_count(1)
    try:
        _measure_parquet(data, scratch, measure, threads=1)
    finally:
        pa.set_cpu_count(threads)


def _measure_parquet(
    data: Dataset, scratch: Path, measure: Measure, *, threads: int | None
) -> None:
    def encode() -> int:
        ingested = encode_file(data.records, scratch)
        try:
            return ingested.record_count
        finally:
            ingested.store.close()

    units = {"records": data.record_count, "bytes_read": data.records.stat().st_size}
    assert data.record_count == measure(encode, units=units, rounds=3, threads=threads)
