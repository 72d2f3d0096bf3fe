"""People as they come to the index: encoded, with what names each record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mpi.identity_digest import check_record_ids
from mpi.identity_door import plain_person, without_numbers
from mpi.identity_engine import Engine, PersonColumns
from mpi.record_times import seconds_of_column, seconds_of_value
from person.errors import InputError
from person.text import string_array

__all__ = ["People", "read_people", "stated_texts"]


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
    voices : (by, reason) of each record for the journal; empty where all share one
    """

    rows: NDArray[np.uint64]
    sources: list[str]
    record_ids: list[str]
    updated_at: NDArray[np.uint32]
    values: list[dict[str, str] | None]
    voices: list[tuple[str, str]] = field(default_factory=list)

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
            voices=self.voices[place],
        )

    def taken(self, places: Sequence[int]) -> People:
        """Those at some places."""
        return People(
            rows=self.rows[list(places)],
            sources=[self.sources[place] for place in places],
            record_ids=[self.record_ids[place] for place in places],
            updated_at=self.updated_at[list(places)],
            values=[self.values[place] for place in places],
            voices=[self.voices[place] for place in places] if self.voices else [],
        )


def joined_people(parts: Sequence[People]) -> People:
    """Several lots of people as one.

    Parameters
    ----------
    parts : encoded by the same engine
    """
    none = np.zeros(0, np.uint32)
    return People(
        rows=np.concatenate([each.rows for each in parts])
        if parts
        else np.zeros((0, 1), np.uint64),
        sources=[name for each in parts for name in each.sources],
        record_ids=[name for each in parts for name in each.record_ids],
        updated_at=np.concatenate([none, *(each.updated_at for each in parts)]),
        values=[values for each in parts for values in each.values],
        voices=[voice for each in parts for voice in each.voices],
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
    if not isinstance(people, (pa.Table, pa.RecordBatch)):
        return _read_mappings(engine, people, needs_references=needs_references)
    table = people
    batch = engine.encode(table)
    columns = engine.columns(table.schema.names)
    sources = _texts(table, columns.source)
    record_ids = _texts(table, columns.record_id)
    if needs_references:
        _check_references(sources, record_ids, engine)
        if engine.sealer is not None:
            check_record_ids(record_ids)
            _check_sources(sources)
    values: list[dict[str, str] | None] = [None] * len(batch)
    if needs_references and engine.facts.keeps_values:
        values = stated_texts(table, engine)
        if engine.sealer is not None:
            values = [engine.sealer.without_identifiers(each) for each in values]
    return People(
        rows=batch.rows,
        sources=sources,
        record_ids=record_ids,
        updated_at=_times(table, columns.updated_at),
        values=values,
    )


def _read_mappings(
    engine: Engine,
    people: Mapping[str, Any] | Iterable[Mapping[str, Any]],
    *,
    needs_references: bool,
) -> People:
    """A few people, encoded together; each has columns of its own."""
    given: list[Mapping[str, Any]] = []
    if isinstance(people, Mapping):
        given = [people]
    elif isinstance(people, Iterable):
        given = list(people)
    if not given or not all(isinstance(each, Mapping) for each in given):
        raise InputError("give a person as a mapping of column names to values, or an Arrow table")
    plain = [plain_person(each) for each in given]
    rows = engine.encode_people(plain)
    shapes = [engine.columns(tuple(each)) for each in plain]
    sources = [_text_of(p, s.source) for p, s in zip(plain, shapes, strict=True)]
    record_ids = [_text_of(p, s.record_id) for p, s in zip(plain, shapes, strict=True)]
    values: list[dict[str, str] | None] = [None] * len(plain)
    if needs_references:
        _check_references(sources, record_ids, engine)
        if engine.sealer is not None:
            check_record_ids(record_ids)
            _check_sources(sources)
        if engine.facts.keeps_values:
            values = [_stated(p, s) for p, s in zip(plain, shapes, strict=True)]
            if engine.sealer is not None:
                values = [engine.sealer.without_identifiers(each) for each in values]
    times = [
        seconds_of_value(p[s.updated_at]) if s.updated_at else 0
        for p, s in zip(plain, shapes, strict=True)
    ]
    return People(
        rows=rows,
        sources=sources,
        record_ids=record_ids,
        updated_at=np.array(times, np.uint32),
        values=values,
    )


def _text_of(person: Mapping[str, str | None], name: str | None) -> str:
    return "" if name is None else (person[name] or "").strip()


def _stated(person: Mapping[str, str | None], columns: PersonColumns) -> dict[str, str]:
    """Field -> text of one person, as it was sent; empty ones left out."""
    values = {}
    for each in columns.bound:
        if len(each.columns) == 1:
            text = _text_of(person, each.columns[0])
        else:
            text = ";".join(filter(None, (_text_of(person, name) for name in each.columns)))
        if text:
            values[each.field.name] = text
    return values


def _check_sources(sources: list[str]) -> None:
    """Refuse sources that are called by an id number: their names are kept as they are."""
    for name in set(sources):
        if without_numbers(name) != name:
            raise InputError("the name of a source is or holds an id number; name it otherwise")


def _check_references(sources: list[str], record_ids: list[str], engine: Engine) -> None:
    for row, (source, record_id) in enumerate(zip(sources, record_ids, strict=True)):
        if not source or not record_id:
            what, names = "source", engine.schema.source
            if not record_id:
                what, names = "record id", engine.schema.record_id
            raise InputError(
                f"row {row} names no {what}; give it in a column called {' or '.join(names[:2])}"
            )
        try:
            (source + record_id).encode()
        except UnicodeEncodeError:
            raise InputError(
                f"source or record id of row {row} holds bytes that are no text; give it in UTF-8"
            ) from None


def _texts(table: pa.Table | pa.RecordBatch, column: str | None) -> list[str]:
    if column is None:
        return [""] * table.num_rows
    return [(text or "").strip() for text in string_array(table.column(column)).to_pylist()]


def stated_texts(table: pa.Table | pa.RecordBatch, engine: Engine) -> list[dict[str, str] | None]:
    """Field -> text for each record, as it was sent; empty ones left out.

    Parameters
    ----------
    table : records
    engine : of the index
    """
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


def _times(table: pa.Table | pa.RecordBatch, column: str | None) -> NDArray[np.uint32]:
    if column is None:
        return np.zeros(table.num_rows, np.uint32)
    return seconds_of_column(table.column(column))
