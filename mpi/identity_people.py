"""People as they come to the index: encoded, with what names each record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mpi.identity_digest import check_record_ids
from mpi.identity_engine import Engine, as_table
from person.errors import InputError
from person.text import string_array

__all__ = ["People", "read_people"]

SECONDS_MAX: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Records at the door.

    Attributes
    ----------
    rows : uint64[k, n_words]
    sources : codes of the sources, '' where none is given
    record_ids : ids within them, '' where none is given
    updated_at : uint32[k], seconds of UTC; 0 where the source does not say
    values : field -> text as the source sent it, for each record; None where not kept
    """

    rows: NDArray[np.uint64]
    sources: list[str]
    record_ids: list[str]
    updated_at: NDArray[np.uint32]
    values: list[dict[str, str] | None]

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, first: int, stop: int) -> People:
        """Some of them, in their order."""
        place = slice(first, stop)
        return People(
            rows=self.rows[place],
            sources=self.sources[place],
            record_ids=self.record_ids[place],
            updated_at=self.updated_at[place],
            values=self.values[place],
        )


def read_people(
    engine: Engine,
    people: Mapping[str, Any] | Iterable[Mapping[str, Any]] | pa.Table | pa.RecordBatch,
    *,
    needs_references: bool,
) -> People:
    """Encode people given as mappings or as a table.

    Parameters
    ----------
    engine : of the index
    people : one or several, see `as_table`
    needs_references : refuse records without a source and a record id

    Raises
    ------
    InputError : a record that does not say who sent it under which id
    SchemaMismatchError : no column belongs to the schema
    """
    if isinstance(people, Mapping) and _is_plain(people):
        return _read_person(engine, people, needs_references=needs_references)
    table = as_table(people)
    batch = engine.encode(table)
    columns = engine.columns(table.schema.names)
    sources = _texts(table, columns.source)
    record_ids = _texts(table, columns.record_id)
    if needs_references:
        _check_references(sources, record_ids, engine)
        if engine.sealer is not None:
            check_record_ids(record_ids)
    values: list[dict[str, str] | None] = [None] * len(batch)
    if needs_references and engine.facts.keeps_values:
        values = _values(table, engine)
        if engine.sealer is not None:
            values = [engine.sealer.without_identifiers(each) for each in values]
    return People(
        rows=batch.rows,
        sources=sources,
        record_ids=record_ids,
        updated_at=_updated_at(table, columns.updated_at),
        values=values,
    )


def _is_plain(person: Mapping[str, Any]) -> bool:
    return bool(person) and all(v is None or isinstance(v, str) for v in person.values())


def _read_person(
    engine: Engine, person: Mapping[str, str | None], *, needs_references: bool
) -> People:
    """One person, whose values are texts."""
    batch = engine.encode_person(person)
    columns = engine.columns(tuple(person))

    def text_of(name: str | None) -> str:
        return "" if name is None else (person[name] or "").strip()

    sources, record_ids = [text_of(columns.source)], [text_of(columns.record_id)]
    values: dict[str, str] | None = None
    if needs_references:
        _check_references(sources, record_ids, engine)
        if engine.sealer is not None:
            check_record_ids(record_ids)
        if engine.facts.keeps_values:
            values = {}
            for each in columns.bound:
                text = ";".join(filter(None, map(text_of, each.columns)))
                if text:
                    values[each.field.name] = text
            if engine.sealer is not None:
                values = engine.sealer.without_identifiers(values)
    time = _seconds(person[columns.updated_at]) if columns.updated_at else 0
    return People(
        rows=batch.rows,
        sources=sources,
        record_ids=record_ids,
        updated_at=np.array([time], np.uint32),
        values=[values],
    )


def _check_references(sources: list[str], record_ids: list[str], engine: Engine) -> None:
    for row, (source, record_id) in enumerate(zip(sources, record_ids, strict=True)):
        if not source or not record_id:
            what, names = "source", engine.schema.source
            if not record_id:
                what, names = "record id", engine.schema.record_id
            raise InputError(
                f"row {row} names no {what}; give it in a column called {' or '.join(names[:2])}"
            )


def _texts(table: pa.Table | pa.RecordBatch, column: str | None) -> list[str]:
    if column is None:
        return [""] * table.num_rows
    return [(text or "").strip() for text in string_array(table.column(column)).to_pylist()]


def _values(table: pa.Table | pa.RecordBatch, engine: Engine) -> list[dict[str, str] | None]:
    """Field -> text for each record; empty ones left out."""
    names, columns = [], []
    for each in engine.columns(table.schema.names).bound:
        texts = [_texts(table, column) for column in each.columns]
        joined = texts[0]
        if len(texts) > 1:
            joined = [";".join(filter(None, row)) for row in zip(*texts, strict=True)]
        names.append(each.field.name)
        columns.append(joined)
    return [
        {name: text for name, text in zip(names, row, strict=True) if text}
        for row in zip(*columns, strict=True)
    ]


def _updated_at(table: pa.Table | pa.RecordBatch, column: str | None) -> NDArray[np.uint32]:
    if column is None:
        return np.zeros(table.num_rows, np.uint32)
    return np.array([_seconds(value) for value in _python(table, column)], np.uint32)


def _python(table: pa.Table | pa.RecordBatch, column: str) -> Sequence[Any]:
    values: list[Any] = table.column(column).to_pylist()
    return values


def _seconds(value: Any) -> int:
    """Seconds of UTC from a time, a date or ISO text; 0 where it is none of these."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return 0
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, datetime):
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value
        value = value.timestamp()
    if isinstance(value, (int, float)) and 0 <= value <= SECONDS_MAX:
        return int(value)
    return 0
