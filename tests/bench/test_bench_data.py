"""Scales by name and number, and tables that are made once."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bench.data import SCALES, dataset, scale_name, scale_records
from person.errors import ConfigError
from person.schema import load_schema


@pytest.mark.parametrize(
    ("text", "records"),
    [("quick", 10_000), ("large", 5_000_000), ("250k", 250_000), ("2.5m", 2_500_000),
     ("1.3b", 1_300_000_000), ("12_000", 12_000), (100, 100)],
)  # fmt: skip
def test_scales_are_names_or_numbers(text: str | int, records: int) -> None:
    """Either way of saying it."""
    assert records == scale_records(text)


@pytest.mark.parametrize("text", ["huge", "", "-5", "99", "1e6", "k"])
def test_what_is_no_scale_is_refused(text: str) -> None:
    """The message names the scales there are."""
    with pytest.raises(ConfigError, match="quick, small"):
        scale_records(text)


def test_names_and_numbers_go_both_ways() -> None:
    """A named scale is called by its name, any other by its number."""
    assert list(SCALES) == [scale_name(records) for records in SCALES.values()]
    assert "1,234" == scale_name(1234)


def test_a_table_is_made_once_and_is_the_same_every_time(tmp_path: Path) -> None:
    """Records in the resident schema's columns, and the truth beside them, row by row."""
    first = dataset(300, folder=tmp_path / "one")
    made = first.records.stat().st_mtime_ns
    assert made == dataset(300, folder=tmp_path / "one").records.stat().st_mtime_ns
    again = dataset(300, folder=tmp_path / "two")
    assert first.records.read_bytes() == again.records.read_bytes()
    records, truth = pq.read_table(first.records), pq.read_table(first.truth)
    assert 300 == records.num_rows == truth.num_rows
    assert records["record_id"] == truth["record_id"]
    assert len(load_schema(None).bind(records.column_names, path="made")) > 8
    other = dataset(300, seed=7, folder=tmp_path / "one")
    assert first.records.read_bytes() != other.records.read_bytes()
