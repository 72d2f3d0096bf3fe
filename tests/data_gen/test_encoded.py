"""The fast path: encoded rows equal the encoding of the text."""

from __future__ import annotations

import numpy as np
import pytest

from data_gen.encoded import draw_rows, resident_layout
from data_gen.parameters import GeneratorParameters
from data_gen.records import Workspace, record_tables
from data_gen.text import draw_texts
from person.batch import encode_batch
from person.schema import load_schema


@pytest.mark.parametrize("seed, scale", [(1, 1.0), (2, 1.0), (3, 4.0), (4, 0.0)])
def test_rows_equal_the_encoding_of_the_text(seed: int, scale: float) -> None:
    """Rows and overflow of 30,000 records are those of `encode_batch`, every bit."""
    parameters = GeneratorParameters(people=20_000, seed=seed, error_scale=scale, foreign_rate=0.02)
    tables, space = record_tables(parameters), Workspace(parameters.records_per_community)
    schema, layout = load_schema("resident"), resident_layout()
    encoded = draw_rows(tables, 1000, 31_000, space)
    records, _ = draw_texts(tables, 1000, 31_000, space)
    batch = encode_batch(records, schema, layout, schema.bind(records.schema.names))
    np.testing.assert_array_equal(batch.rows, encoded.rows)
    np.testing.assert_array_equal(batch.overflow.hashes, encoded.overflow.hashes)
    np.testing.assert_array_equal(batch.overflow.offsets, encoded.overflow.offsets)
    np.testing.assert_array_equal(batch.overflow.codes, encoded.overflow.codes)
    assert len(encoded.overflow) > 50


def test_sources_are_numbered_alike() -> None:
    """Two records have the same source number exactly when they name the same source."""
    parameters = GeneratorParameters(people=5000, seed=9)
    tables, space = record_tables(parameters), Workspace(parameters.records_per_community)
    encoded = draw_rows(tables, 0, 12_000, space)
    records, _ = draw_texts(tables, 0, 12_000, space)
    pairs = set(zip(encoded.source.tolist(), records.column("source").to_pylist(), strict=True))
    assert len(pairs) == len({number for number, _ in pairs}) == len({name for _, name in pairs})
