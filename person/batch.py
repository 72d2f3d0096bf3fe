"""The encoded batch: the only form in which records travel past the door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from person.errors import InputError
from person.field import EncodedField, FieldStatus, OverflowTable
from person.hashing import hash_columns
from person.id_types import DISTINCT_MAX, encode_id_types
from person.identity import complete_from_id
from person.jit import kernel
from person.kinds import HASH_BITS, KINDS
from person.layout import Layout
from person.schema import BoundField, Field, Schema
from person.slots import pack_slot
from person.text import Utf8Column, string_array

__all__ = ["PersonBatch", "encode_batch", "encode_columns", "encode_field", "pack_fields"]

_MISSING: Final = np.uint8(FieldStatus.MISSING)  # numpy asks an enum many questions


@dataclass(frozen=True, slots=True)
class PersonBatch:
    """Records, encoded.

    Attributes
    ----------
    rows : uint64[n_records, n_words], C-contiguous, slots as the layout says
    status : field name -> uint8[n_records], a `FieldStatus` each
    overflow : text that did not fit its slot, by content hash
    flags : uint8[n_records], contradictions between an id number and the record's own fields
    """

    rows: NDArray[np.uint64]
    status: dict[str, NDArray[np.uint8]]
    overflow: OverflowTable
    flags: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_unlinkable(self) -> NDArray[np.bool_]:
        """True where no field holds anything: such a record can never be linked."""
        empty = np.empty(len(self.rows), np.bool_)
        _mark_empty(self.rows, empty)
        return empty


@kernel
def _mark_empty(rows, out):  # type: ignore[no-untyped-def]
    for row in range(rows.shape[0]):
        anything = np.uint64(0)
        for word in range(rows.shape[1]):
            anything |= rows[row, word]
        out[row] = anything == 0


def encode_batch(
    table: pa.RecordBatch | pa.Table,
    schema: Schema,
    layout: Layout,
    bound: Sequence[BoundField],
) -> PersonBatch:
    """Encode the columns of one batch of records.

    Parameters
    ----------
    table : Arrow batch with the columns that `bound` names
    schema : gives the id type column
    layout : may hold more fields than `bound`; those stay missing
    bound : from `Schema.bind` on the table's column names

    Returns
    -------
    PersonBatch of len(table) records

    Notes
    -----
    Compiled over Arrow buffers; single-threaded, so that several batches encode side by side.
    """
    count = table.num_rows
    id_type_column = schema.find_column(schema.id_type, table.schema.names)
    id_type = _id_types(table, id_type_column) if id_type_column else None
    columns, places = [], {}
    for each in bound:
        listed = None if KINDS[each.field.kind].uses_id_type else _listed(table, each.columns)
        if listed is None:
            columns.append((each.field, _text_column(table, each.columns)))
        else:
            columns.append((each.field, listed[0]))
            places[each.field.name] = listed[1]
    return encode_columns(columns, id_type, count, schema, layout, places=places)


def encode_columns(
    columns: Sequence[tuple[Field, Utf8Column]],
    id_type: Utf8Column | NDArray[np.uint8] | None,
    count: int,
    schema: Schema,
    layout: Layout,
    *,
    places: Mapping[str, NDArray[np.integer[Any]]] | None = None,
) -> PersonBatch:
    """Encode columns of text; `encode_batch` and lookups of one person both end here.

    Parameters
    ----------
    columns : each field that is there, with its text, `count` values
    id_type : type of the id numbers, where the source gives it, or its class: uint8[count]
    count : records
    schema, layout : see `encode_batch`
    places : of fields whose column lists each value once: int[count], which one a record has
    """
    status: dict[str, NDArray[np.uint8]] = {}
    overflow = OverflowTable()
    encoded: dict[str, EncodedField] = {}
    for field, column in columns:
        result = encode_field(field, column, id_type)
        if places and field.name in places:
            result = _taken(result, places[field.name])
        encoded[field.name] = result
        status[field.name] = result.status
        overflow = overflow.merged_with(result.overflow)
    rows, flags = pack_fields(encoded, schema, layout, count)
    for name in layout.positions:
        if name not in status:
            status[name] = np.full(count, _MISSING, np.uint8)
    return PersonBatch(rows, status, overflow, flags)


def encode_field(
    field: Field, column: Utf8Column, id_type: Utf8Column | NDArray[np.uint8] | None
) -> EncodedField:
    """Encode one column as its field's kind does.

    Parameters
    ----------
    field : of the schema
    column : its text
    id_type : type of the id numbers, or its class, for the field that holds them
    """
    kind = KINDS[field.kind]
    extra: dict[str, Any] = {}
    if kind.uses_id_type and field.role == "national_id" and id_type is not None:
        extra["id_type"] = id_type
    return kind.encode(column, _encoder_options(field.options), **extra)


def pack_fields(
    encoded: dict[str, EncodedField], schema: Schema, layout: Layout, count: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Rows of encoded fields, completed from the id number, and contradictions with it.

    Parameters
    ----------
    encoded : field name -> values; birth date and sex are filled in place, or added
    schema, layout : see `encode_batch`
    count : records

    Returns
    -------
    (uint64[count, n_words], uint8[count])
    """
    flags = complete_from_id(schema, layout, encoded, count)
    rows = np.zeros((count, layout.n_words), np.uint64)
    for name, result in encoded.items():
        _pack(layout, name, result, rows)
    return rows, flags


def _named_text(table: pa.RecordBatch | pa.Table, name: str) -> pa.Array:
    """One column as strings, whatever its type; InputError names a column that has no text."""
    try:
        return string_array(table.column(name))
    except InputError as error:
        raise InputError(f"the column {name}: {error}") from error


def _id_types(table: pa.RecordBatch | pa.Table, column: str) -> Utf8Column | NDArray[np.uint8]:
    """Types of the id numbers; their classes where the column lists the types."""
    listed = _listed(table, [column])
    if listed is None or len(listed[0]) > DISTINCT_MAX:
        return _text_column(table, [column])
    values, places = listed
    return encode_id_types(values)[places]


def _listed(
    table: pa.RecordBatch | pa.Table, columns: Sequence[str]
) -> tuple[Utf8Column, NDArray[np.integer[Any]]] | None:
    """Values of a column that lists them, a null behind them, and where each record's is.

    None where encoding the list is not less work.
    """
    column = table.column(columns[0])
    if isinstance(column, pa.ChunkedArray) or not pa.types.is_dictionary(column.type):
        return None
    is_text = pa.types.is_string(column.type.value_type)
    if len(columns) > 1 or not is_text or 2 * len(column.dictionary) > len(column):
        return None
    values = pa.concat_arrays([column.dictionary, pa.nulls(1, pa.string())])
    places = pc.fill_null(column.indices, len(column.dictionary))
    return Utf8Column.from_arrow(values), places.to_numpy(zero_copy_only=False)


def _taken(result: EncodedField, places: NDArray[np.integer[Any]]) -> EncodedField:
    components = {name: values[places] for name, values in result.components.items()}
    return replace(result, components=components, status=result.status[places])


def _encoder_options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != HASH_BITS}


def _text_column(table: pa.RecordBatch | pa.Table, columns: Sequence[str]) -> Utf8Column:
    """One column, or several joined by ';'."""
    parts = [_named_text(table, name) for name in columns]
    if len(parts) == 1:
        return Utf8Column.from_arrow(parts[0])
    # Not null_handling="skip": there a row of nothing but nulls gives no result row at all.
    joined = pc.binary_join_element_wise(*parts, ";", null_handling="replace", null_replacement="")
    return Utf8Column.from_arrow(pc.utf8_trim(joined, ";"))


def _pack(layout: Layout, name: str, result: EncodedField, rows: NDArray[np.uint64]) -> None:
    for component, word, shift, bits in layout.positions[name]:
        if component == "hash":
            values = hash_columns(list(result.components.values())[: _main_count(result)], bits)
        else:
            values = result.components[component]
        pack_slot(values, word, shift, rows)


def _main_count(result: EncodedField) -> int:
    """Components that make up the value itself: all text words, else only the first."""
    texts = sum(1 for name in result.components if name.startswith("text"))
    return texts or 1
