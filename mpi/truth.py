"""Known truth, as people keep it: an entity for each record, or pairs that are the same person."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mpi.tables import open_inputs
from person.errors import SchemaMismatchError

__all__ = ["TRUTH_DETAILS", "TRUTH_SCHEMA", "read_truth"]

TRUTH_SCHEMA = pa.schema(
    [("source", pa.string()), ("record_id", pa.string()), ("entity_id", pa.string())]
)
TRUTH_DETAILS: Final = ("cause_names", "household_id", "mother_id", "twin_id")
"""Columns that a truth may have beside who is who; `mpi generate` writes them."""

_RECORD_ID: Final = ("record_id", "rec_id", "id")
_ENTITY_ID: Final = ("entity_id", "cluster", "cluster_id", "person_id", "entity")
_LEFT_ID: Final = ("record_id_l", "id_l", "left_id", "record_id_left", "record_id_a")
_RIGHT_ID: Final = ("record_id_r", "id_r", "right_id", "record_id_right", "record_id_b")
_LEFT_SOURCE: Final = ("source_l", "left_source", "source_left", "source_a")
_RIGHT_SOURCE: Final = ("source_r", "right_source", "source_right", "source_b")


def read_truth(truth: Any) -> pa.Table:
    """Read truth from a file or table of entities or of pairs.

    Parameters
    ----------
    truth : path (a directory of `mpi generate` too) or Arrow table with columns (record_id,
        entity_id) or (record_id_l, record_id_r), usual other names allowed, and source columns
        where ids repeat. A table of exactly two columns of other names is read as pairs; of pairs
        with a `verdict`, as stewards decide them, only SAME ones count

    Returns
    -------
    table (source, record_id, entity_id), strings; source is null where none is given. Of pairs,
    the connected records are one entity; a record in no pair is not in the table. Of entities,
    those of TRUTH_DETAILS follow that there are, strings too.

    Raises
    ------
    SchemaMismatchError : the columns are neither
    """
    inputs = open_inputs(_truth_folder(truth))
    columns = inputs.columns
    table = pa.concat_tables(
        [pa.Table.from_batches([batch]) for _, _, batch in inputs], promote_options="permissive"
    )
    record_id, entity_id = _find(columns, _RECORD_ID), _find(columns, _ENTITY_ID)
    if record_id and entity_id:
        return _as_truth(table, _find(columns, ("source",)), record_id, entity_id)
    left, right = _find(columns, _LEFT_ID), _find(columns, _RIGHT_ID)
    if not (left and right) and len(columns) == 2:
        left, right = columns
    if not (left and right):
        raise SchemaMismatchError(
            f"{inputs.files[0].path}: truth needs the columns record_id and entity_id, or pairs "
            f"in record_id_l and record_id_r; it has {', '.join(columns)}",
            path=inputs.files[0].path,
            columns=("record_id", "entity_id"),
        )
    if verdict := _find(columns, ("verdict",)):
        said = pc.utf8_upper(pc.cast(table[verdict], pa.string()))
        table = table.filter(pc.fill_null(pc.is_in(said, pa.array(["SAME", "MERGE"])), False))
    sides = [
        _keys(table, _find(columns, _LEFT_SOURCE), left),
        _keys(table, _find(columns, _RIGHT_SOURCE), right),
    ]
    return _join_pairs(*sides)


def _truth_folder(truth: Any) -> Any:
    """The truth inside a directory that `mpi generate` wrote; anything else as it is."""
    if isinstance(truth, str | os.PathLike):
        folder = Path(truth)
        if (folder / "manifest.json").is_file() and (folder / "truth").is_dir():
            return folder / "truth"
    return truth


def _find(columns: Sequence[str], names: Sequence[str]) -> str | None:
    by_key = {name.casefold(): name for name in columns}
    return next((by_key[name] for name in names if name in by_key), None)


def _text(table: pa.Table, name: str | None) -> pa.ChunkedArray | pa.Array:
    if name is None:
        return pa.nulls(table.num_rows, pa.string())
    return pc.cast(table[name], pa.string())


def _as_truth(table: pa.Table, source: str | None, record_id: str, entity_id: str) -> pa.Table:
    columns = [_text(table, source), _text(table, record_id), _text(table, entity_id)]
    result = pa.Table.from_arrays(columns, schema=TRUTH_SCHEMA)
    for name in TRUTH_DETAILS:
        if name in table.column_names:
            result = result.append_column(name, _text(table, name))
    return result.filter(
        pc.and_(pc.is_valid(result["record_id"]), pc.is_valid(result["entity_id"]))
    )


def _keys(table: pa.Table, source: str | None, record_id: str) -> list[tuple[Any, Any]]:
    sources, ids = _text(table, source).to_pylist(), _text(table, record_id).to_pylist()
    return list(zip(sources, ids, strict=True))


def _join_pairs(left: list[tuple[Any, Any]], right: list[tuple[Any, Any]]) -> pa.Table:
    """Union-find over (source, record id)."""
    parent: dict[tuple[Any, Any], tuple[Any, Any]] = {}

    def root(key: tuple[Any, Any]) -> tuple[Any, Any]:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for a, b in zip(left, right, strict=True):
        if a[1] is not None and b[1] is not None:
            parent[root(a)] = root(b)
    entity: dict[tuple[Any, Any], str] = {}
    rows = [(*key, entity.setdefault(root(key), str(len(entity) + 1))) for key in list(parent)]
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(3)]
    return pa.Table.from_arrays(columns, schema=TRUTH_SCHEMA)
