"""Lookups of many people at once: columns in, enterprise ids out, everything compiled between."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from index_store import Snapshot
from mpi.identity_engine import Engine, as_table
from mpi.identity_index import IdentityIndex
from mpi.identity_view import read_sources
from person.enterprise_id import (
    enterprise_ids_for,
    format_enterprise_ids,
    identity_numbers_of,
    parse_enterprise_ids,
)
from person.errors import ConfigError, InputError
from person.text import Utf8Column, string_array

__all__ = ["LOOKUPS", "lookup_table"]

LOOKUPS: Final = pa.schema(
    [pa.field("enterprise_id", pa.string()), pa.field("identity_count", pa.int32())]
)
"""enterprise_id is null where nobody was found and where several identities hold the number."""

_NOBODY: Final = -1


def lookup_table(index: IdentityIndex, table: pa.Table | pa.RecordBatch) -> pa.Table:
    """Look up every row of a table by the columns it has.

    Parameters
    ----------
    index : open
    table : with enterprise_id, else source and record_id, else the schema's id number (and type)

    Returns
    -------
    Arrow table of LOOKUPS, a row a row of `table`, in its order

    Raises
    ------
    InputError : none of these columns
    """
    names = set(table.schema.names)
    engine = index.engine
    schema = engine.schema
    source = schema.find_column(schema.source, table.schema.names)
    record_id = schema.find_column(schema.record_id, table.schema.names)
    with index.store.read() as snapshot:
        if "enterprise_id" in names:
            found = _by_enterprise_id(snapshot, engine, table["enterprise_id"])
            counts = (found >= 0).astype(np.int32)
        elif source is not None and record_id is not None:
            found = _by_reference(snapshot, table[source], table[record_id])
            counts = (found >= 0).astype(np.int32)
        else:
            found, counts = _by_number(snapshot, engine, table)
    ids = np.zeros(len(found), np.uint64)
    known = (found >= 0) & (counts == 1)
    ids[known] = enterprise_ids_for(found[known], engine.facts.namespace)
    columns = [format_enterprise_ids(ids), pa.array(counts)]
    return pa.Table.from_arrays(columns, schema=LOOKUPS)


def _by_reference(
    snapshot: Snapshot, source: pa.Array | pa.ChunkedArray, record_id: pa.Array | pa.ChunkedArray
) -> NDArray[np.int64]:
    """Identity of each (source, record id), -1 for none."""
    numbers = read_sources(snapshot)
    texts = pc.dictionary_encode(_trimmed(source))
    codes = np.array([numbers.get(name, -1) for name in texts.dictionary.to_pylist()], np.int64)
    place = pc.fill_null(texts.indices, len(codes)).to_numpy(zero_copy_only=False)
    number = np.append(codes, -1)[place]
    asked = np.flatnonzero(number >= 0)
    found = np.full(len(number), _NOBODY, np.int64)
    ids = pc.fill_null(_trimmed(record_id), "").take(pa.array(asked))
    encoded = ids.cast(pa.binary()).to_pylist()
    records = snapshot.find_references(number[asked].astype(np.uint16), encoded)
    known = records >= 0
    found[asked[known]] = snapshot.identities(records[known])
    return found


def _by_enterprise_id(
    snapshot: Snapshot, engine: Engine, column: pa.Array | pa.ChunkedArray
) -> NDArray[np.int64]:
    """Live identity of each enterprise id, redirects followed, -1 for none."""
    ids = parse_enterprise_ids(Utf8Column.from_arrow(string_array(column)))
    found = np.full(len(ids), _NOBODY, np.int64)
    asked = np.flatnonzero(ids)
    numbers = identity_numbers_of(ids[asked], engine.facts.namespace)
    is_possible = (numbers >= 0) & (numbers < snapshot.record_count)
    asked, numbers = asked[is_possible], numbers[is_possible]
    offsets, _ = snapshot.members(numbers)
    is_live = np.diff(offsets) > 0
    found[asked[is_live]] = numbers[is_live]
    for place in np.flatnonzero(~is_live).tolist():
        value = snapshot.get("redirect", int(numbers[place]).to_bytes(4, "big"))
        if value is not None:
            found[asked[place]] = int.from_bytes(value, "big")
    return found


def _by_number(
    snapshot: Snapshot, engine: Engine, table: pa.Table | pa.RecordBatch
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """(smallest identity, how many) whose records hold each id number."""
    place = engine.number_place
    if place is None:
        raise ConfigError("this index keeps no postings of id numbers; look up by record")
    names = (*place.field.columns, *engine.schema.id_type)
    wanted = [name for name in names if name in table.schema.names]
    if not set(wanted) & set(place.field.columns):
        raise InputError(
            "the table has none of the columns to look up by: enterprise_id, source and "
            f"record_id, or {place.field.columns[0]}"
        )
    rows = engine.encode(as_table(table.select(wanted))).rows
    numbers = place.values_of(rows)
    return snapshot.holders(place.table, engine.first_keys(place.rule, rows), place.slot, numbers)


def _trimmed(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return pc.utf8_trim_whitespace(string_array(column))
