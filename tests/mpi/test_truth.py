"""Truth as entities or as pairs becomes one form."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mpi.truth import read_truth
from person.errors import SchemaMismatchError


def test_entities_are_read_as_they_are() -> None:
    """record_id and entity_id columns, numbers allowed, nulls left out."""
    table = pa.table({"Record_ID": ["a", "b", None], "cluster": [1, 1, 2]})
    expected = [
        {"source": None, "record_id": "a", "entity_id": "1"},
        {"source": None, "record_id": "b", "entity_id": "1"},
    ]
    assert expected == read_truth(table).to_pylist()


@pytest.mark.parametrize("names", [("record_id_l", "record_id_r"), ("first", "second")])
def test_pairs_become_entities(names: tuple[str, str]) -> None:
    """Connected records are one entity."""
    pairs = pa.table({names[0]: ["a", "b", "x"], names[1]: ["b", "c", "y"]})
    rows = read_truth(pairs).to_pylist()
    groups: dict[str, set[str]] = {}
    for row in rows:
        groups.setdefault(row["entity_id"], set()).add(row["record_id"])
    assert [{"a", "b", "c"}, {"x", "y"}] == sorted(groups.values(), key=min)


def test_sources_keep_equal_ids_apart() -> None:
    """The same id in two sources is two records."""
    pairs = pa.table(
        {"source_l": ["A"], "record_id_l": ["1"], "source_r": ["B"], "record_id_r": ["1"]}
    )
    assert [("A", "1", "1"), ("B", "1", "1")] == sorted(
        tuple(row.values()) for row in read_truth(pairs).to_pylist()
    )


def test_other_columns_are_refused() -> None:
    """A table that is neither says what is needed."""
    with pytest.raises(SchemaMismatchError, match="record_id and entity_id"):
        read_truth(pa.table({"a": [1], "b": [2], "c": [3]}))
