"""From files to the encoded store: bind columns, encode batches side by side, count what they hold.

Data flow: Arrow batch (131,072 records) -> `person.encode` on a worker thread -> rows appended
to one Arrow IPC file in the order of the input. Nothing but the current batches and one hash a
record (to find repeated record ids) is held in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpi.ingest_kernels import count_statuses, mark_used, note_texts, take_numbers
from mpi.input_file import InputFile, check_batch
from mpi.progress import Progress
from mpi.record_times import seconds_of_column
from mpi.repeated_ids import REPEATED_REASON, LaterIds
from mpi.report_data import FIELD_QUALITY
from mpi.source_names import source_names
from mpi.tables import InputSet, Rejects
from person.batch import PersonBatch, encode_batch
from person.errors import InputError
from person.field import FieldStatus, OverflowTable
from person.fold import column_arrays
from person.hashing import SeenHashes, hash_texts
from person.identity import BIRTH_DATE_CONTRADICTS, SEX_CONTRADICTS
from person.layout import Layout, layout_for
from person.schema import BoundField, Schema
from person.store import EncodedStore, EncodedStoreWriter
from person.text import Utf8Column, string_array
from person.threads import ordered_map

__all__ = ["STORE_NAME", "Ingested", "effective_schema", "ingest"]

SOURCES_MAX: Final = 65_535
STORE_NAME: Final = "encoded.arrow"
"""The encoded records, in the directory that `ingest` is given."""
CODED_KINDS: Final = ("category", "date", "gender", "region")
_STATUSES: Final = len(FieldStatus)
_NO_TIMES: Final = np.zeros(0, np.uint32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """An input, encoded.

    Attributes
    ----------
    schema : reduced to the fields that the input has columns for
    layout, store, overflow : the encoded records
    sources : source names by number
    side_of_source : int8[n_sources], which input set of a link job each source belongs to
    quality : records by source, field and status (`mpi.report_data.FIELD_QUALITY`)
    unlinkable_count : records in which no field holds anything
    rejects : rows that were set aside
    notes : what a user should know about the input
    updated_at : uint32[n_records], when a source last touched each record, seconds of UTC, 0 =
        unknown; None where no input says
    """

    schema: Schema
    layout: Layout
    store: EncodedStore
    overflow: OverflowTable
    sources: tuple[str, ...]
    side_of_source: NDArray[np.int8]
    quality: pa.Table
    unlinkable_count: int
    rejects: Rejects
    notes: tuple[str, ...]
    updated_at: NDArray[np.uint32] | None = None

    @property
    def record_count(self) -> int:
        return self.store.record_count


@dataclass(frozen=True, slots=True)
class _Task:
    side: int
    path: str
    stem: str
    row_number: NDArray[np.int64]
    batch: pa.RecordBatch
    bound: tuple[BoundField, ...]
    id_column: str | None
    source_column: str | None


@dataclass(frozen=True, slots=True)
class _Encoded:
    task: _Task
    batch: PersonBatch
    record_id: pa.Array
    has_id: NDArray[np.bool_]
    source_names: list[str]
    source_place: NDArray[np.int32]
    updated_at: NDArray[np.uint32] | None


def effective_schema(schema: Schema, inputs: Sequence[InputSet]) -> Schema:
    """The schema reduced to what the inputs hold, with the order of written dates settled.

    A national id brings birth date and sex with it, columns or not, because it states them.
    """
    present: set[str] = set()
    for file in (file for each in inputs for file in each.files):
        present |= {bound.field.name for bound in schema.bind(file.columns, path=file.path)}
    roles = {each.role for each in schema.fields if each.name in present}
    if "national_id" in roles:
        present |= {each.name for each in schema.fields if each.role in ("birth_date", "sex")}
    return _with_date_order(schema.with_fields(present), inputs)


def _with_date_order(schema: Schema, inputs: Sequence[InputSet]) -> Schema:
    """Decide once, from the first rows, whether 03/04/1980 is in March or in April."""
    undecided = [f for f in schema.fields if f.kind == "date" and "order" not in f.options]
    if not undecided:
        return schema
    from person.dates import guess_date_order

    heads = [batch for each in inputs for batch in each.head()]
    fields = []
    for each in schema.fields:
        if each in undecided:
            texts = [_text_column(batch, schema, each.name) for batch in heads]
            joined = pa.concat_arrays(
                [text for text in texts if text is not None] or [pa.array([], pa.string())]
            )
            order = guess_date_order(Utf8Column.from_arrow(joined))
            each = replace(each, options={**each.options, "order": order})
        fields.append(each)
    return replace(schema, fields=tuple(fields))


def _text_column(batch: pa.RecordBatch, schema: Schema, name: str) -> pa.Array | None:
    column = schema.find_column(schema.field(name).columns, batch.schema.names)
    if column is None:
        return None
    array = batch.column(column)
    if not pa.types.is_string(array.type):
        return None  # a typed date needs no guess
    return array


def ingest(
    inputs: Sequence[InputSet],
    schema: Schema,
    scratch: Path,
    progress: Progress,
    *,
    later: LaterIds | None = None,
) -> Ingested:
    """Encode every usable row of the inputs.

    Parameters
    ----------
    inputs : one set for dedupe, two for link
    schema : as `effective_schema` returned it
    scratch : directory for the encoded store; the caller removes it
    progress : told of the records read
    later : takes the record ids: repeated ones are found when all records are encoded, and times
        of records are not kept, so that nothing held grows with them

    Returns
    -------
    Ingested

    Raises
    ------
    InputError : the inputs cannot be read, hold no usable row, or have too many sources
    """
    layout = layout_for(schema.fields)
    rejects = inputs[0].rejects
    expected = sum(each.rows_estimate for each in inputs)
    gatherer = _Gatherer(schema, rejects, SeenHashes(expected) if later is None else later)
    path = scratch / STORE_NAME
    with (
        progress.stage("encode", expected) as stage,
        EncodedStoreWriter(path, layout.n_words) as writer,
    ):

        def encode(task: _Task) -> _Encoded:
            return _encode(task, schema, layout)

        for encoded in ordered_map(encode, _tasks(inputs, schema, gatherer.notes)):
            gatherer.take(encoded, writer)
            stage.advance(encoded.task.batch.num_rows)
    gatherer.notes += [note for each in inputs for note in each.swallowed_notes()]
    store = EncodedStore(path)
    if store.record_count == 0:
        reasons = "; ".join(f"{count} {reason}" for reason, count in rejects.counts.items())
        raise InputError(f"no usable row in the input ({reasons or 'it is empty'})")
    for other in inputs[1:]:
        rejects.extend(other.rejects)
    return Ingested(
        schema=schema,
        layout=layout,
        store=store,
        overflow=gatherer.overflow,
        sources=tuple(name for _, name in gatherer.sources),
        side_of_source=np.array([side for side, _ in gatherer.sources], np.int8),
        quality=gatherer.quality_table(),
        unlinkable_count=gatherer.unlinkable_count,
        rejects=rejects,
        notes=tuple(gatherer.all_notes()),
        updated_at=gatherer.updated_at(),
    )


def _tasks(inputs: Sequence[InputSet], schema: Schema, notes: list[str]) -> Iterator[_Task]:
    files = [file for each in inputs for file in each.files]
    names = dict(zip(map(id, files), source_names(files), strict=True))
    for file in files:
        file.coded_columns = _coded_columns(schema, file)
        file.is_checked_by_reader = True
    for side, each in enumerate(inputs):
        notes += each.notes
        bound_of: dict[int, tuple[Any, ...]] = {}
        for index, first_row, batch in each:
            file = each.files[index]
            if index not in bound_of:
                id_column = schema.find_column(schema.record_id, file.columns)
                source_column = schema.find_column(schema.source, file.columns)
                bound_of[index] = (
                    schema.bind(file.columns, path=file.path),
                    id_column,
                    source_column,
                )
                if id_column is None:
                    notes.append(f"{file.path}: no record id column; row numbers serve as ids")
            bound, id_column, source_column = bound_of[index]
            numbers = file.row_number(np.arange(first_row, first_row + batch.num_rows))
            name = names[id(file)]
            yield _Task(side, file.path, name, numbers, batch, bound, id_column, source_column)
    for file in files:
        file.coded_columns = frozenset()
        file.is_checked_by_reader = False


def _coded_columns(schema: Schema, file: InputFile) -> frozenset[str]:
    """Columns whose values are few as a rule."""
    bound = schema.bind(file.columns, path=file.path)
    few = {each.columns[0] for each in bound if each.field.kind in CODED_KINDS}
    others = (schema.find_column(names, file.columns) for names in (schema.source, schema.id_type))
    return frozenset(few.union(name for name in others if name))


def _encode(task: _Task, schema: Schema, layout: Layout) -> _Encoded:
    check_batch(task.path, task.batch)
    batch = encode_batch(task.batch, schema, layout, task.bound)
    if task.id_column is None:
        record_id = pc.cast(pa.array(task.row_number), pa.string())
        has_id = np.ones(len(batch), np.bool_)
    else:
        record_id, has_id = _record_ids(task, task.id_column)
    if task.source_column is None:
        names, place = [task.stem], np.zeros(len(batch), np.int32)
    else:
        names, place = _sources_of(task, task.source_column)
    time_column = schema.find_column(schema.updated_at, task.batch.schema.names)
    times = None if time_column is None else seconds_of_column(task.batch.column(time_column))
    return _Encoded(task, batch, record_id, has_id, names, place, times)


def _sources_of(task: _Task, column: str) -> tuple[list[str], NDArray[np.int32]]:
    """Names of the sources in a batch, '' for those of no record, and which one each record has."""
    listed = task.batch.column(column)
    if not pa.types.is_dictionary(listed.type) or not pa.types.is_string(listed.type.value_type):
        listed = _raw_text_of(task, column).dictionary_encode()
    trimmed = pc.utf8_trim_whitespace(listed.dictionary).to_pylist()
    names = [name or task.stem for name in trimmed]
    places = pc.fill_null(listed.indices, len(names)).to_numpy(zero_copy_only=False)
    places = places.astype(np.int32, copy=False)
    used = np.zeros(len(names) + 1, np.bool_)
    mark_used(places, used)  # a list may hold more
    return [
        name if is_used else ""
        for name, is_used in zip([*names, task.stem], used.tolist(), strict=True)
    ], places


def _record_ids(task: _Task, column: str) -> tuple[pa.Array, NDArray[np.bool_]]:
    """The record ids as trimmed text, and which records have one; 12.0 (a float for its gaps) is
    12."""
    texts = _raw_text_of(task, column)
    has_id = np.empty(len(texts), np.bool_)
    may_have_blank = note_texts(*column_arrays(Utf8Column.from_arrow(texts)), has_id)
    if may_have_blank or not _is_tight(texts):
        texts = pc.utf8_trim_whitespace(texts)
        has_id = pc.fill_null(pc.not_equal(texts, ""), False).to_numpy(zero_copy_only=False)
    return (pc.fill_null(texts, "") if texts.null_count else texts), has_id


def _is_tight(texts: pa.Array) -> bool:
    """Whether an array's buffers hold its own texts and nothing else: the store keeps what it is
    given."""
    if texts.offset or not len(texts):
        return False
    offsets = np.frombuffer(texts.buffers()[1], np.int32)
    data = texts.buffers()[2]
    return bool(offsets[0] == 0 and data is not None and data.size == offsets[len(texts)])


def _raw_text_of(task: _Task, column: str) -> pa.Array:
    try:
        return string_array(task.batch.column(column))
    except InputError as error:
        raise InputError(f"{task.path}: the column {column}: {error}", path=task.path) from error


def _none_for_blank(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


class _Gatherer:
    """Takes encoded batches in order: numbers sources, sets rows aside, counts, appends."""

    def __init__(self, schema: Schema, rejects: Rejects, seen: SeenHashes | LaterIds) -> None:
        self.schema = schema
        self.rejects = rejects
        self.sources: dict[tuple[int, str], int] = {}
        self._overflows: list[OverflowTable] = []
        self.unlinkable_count = 0
        self.notes: list[str] = []
        self._later = seen if isinstance(seen, LaterIds) else None
        self._seen = seen
        self._quality: dict[str, NDArray[np.int64]] = {}
        self._flag_counts = np.zeros(4, np.int64)
        self._times: list[NDArray[np.uint32]] = []
        self._records: list[int] = []
        self._has_times = False

    def updated_at(self) -> NDArray[np.uint32] | None:
        """Times of all records; None where no input has any."""
        if not self._has_times:
            return None
        parts = zip(self._times, self._records, strict=True)
        return np.concatenate([t if len(t) else np.zeros(n, np.uint32) for t, n in parts])

    def take(self, encoded: _Encoded, writer: EncodedStoreWriter) -> None:
        source = self._number_sources(encoded)
        repeated = self._repeated(encoded, source)
        self._set_aside(encoded, ~encoded.has_id, "the record id is missing", source)
        self._set_aside(encoded, repeated, REPEATED_REASON, source)
        self._set_aside(
            encoded,
            encoded.has_id & ~repeated & encoded.batch.is_unlinkable,
            "",
            source,
        )
        kept = encoded.has_id & ~repeated
        self._count(encoded, source, kept)
        rows, record_id = encoded.batch.rows, encoded.record_id
        if not kept.all():
            rows, source = rows[kept], source[kept]
            record_id = record_id.filter(pa.array(kept))
        self._add_overflow(encoded.batch.overflow)
        writer.append(rows, source, record_id)
        if self._later is not None:
            self._later.note(encoded.task.path, encoded.task.row_number[kept])
            return
        times = encoded.updated_at
        self._has_times |= times is not None
        self._times.append(_NO_TIMES if times is None else times[kept])
        self._records.append(len(rows))

    def _add_overflow(self, table: OverflowTable) -> None:
        """Tables of like size are put together, so each entry is sorted a few times, not once a
        batch."""
        self._overflows.append(table)
        tables = self._overflows
        while len(tables) > 1 and len(tables[-2]) < 2 * len(tables[-1]):
            last = tables.pop()
            tables[-1] = tables[-1].merged_with(last)

    @property
    def overflow(self) -> OverflowTable:
        """Text of all batches that did not fit its slot."""
        return reduce(OverflowTable.merged_with, reversed(self._overflows), OverflowTable())

    def _number_sources(self, encoded: _Encoded) -> NDArray[np.uint16]:
        numbers = np.zeros(len(encoded.source_names), np.uint32)
        for place, name in enumerate(encoded.source_names):
            if name:
                key = (encoded.task.side, name)
                numbers[place] = self.sources.setdefault(key, len(self.sources))
        if len(self.sources) > SOURCES_MAX:
            raise InputError(
                f"{encoded.task.path}: more than {SOURCES_MAX} different sources; is the source "
                f"column ({encoded.task.source_column}) the right one?",
                path=encoded.task.path,
            )
        source = np.empty(len(encoded.source_place), np.uint16)
        take_numbers(numbers.astype(np.uint16), encoded.source_place, source)
        return source

    def _repeated(self, encoded: _Encoded, source: NDArray[np.uint16]) -> NDArray[np.bool_]:
        hashes = hash_texts(Utf8Column.from_arrow(encoded.record_id), source)
        if encoded.has_id.all():
            return self._seen.mark(hashes)
        repeated = np.zeros(len(hashes), np.bool_)
        repeated[encoded.has_id] = self._seen.mark(hashes[encoded.has_id])
        return repeated

    def _set_aside(
        self,
        encoded: _Encoded,
        chosen: NDArray[np.bool_],
        reason: str,
        source: NDArray[np.uint16],
    ) -> None:
        if not chosen.any():
            return
        if not reason:  # kept, as a person of its own, but worth knowing
            self.unlinkable_count += int(chosen.sum())
            return
        places = np.flatnonzero(chosen)
        names = np.array([name for _, name in self.sources], object)
        self.rejects.append(
            encoded.task.path,
            encoded.task.row_number[places],
            reason=reason,
            source=names[source[places]].tolist(),
            record_id=_none_for_blank(encoded.record_id.take(pa.array(places))),
        )

    def _count(
        self, encoded: _Encoded, source: NDArray[np.uint16], kept: NDArray[np.bool_]
    ) -> None:
        for name, status in encoded.batch.status.items():
            counts = np.zeros((len(self.sources), _STATUSES), np.int64)
            before = self._quality.get(name)
            if before is not None:
                counts[: len(before)] = before
            count_statuses(source, status, kept, counts)
            self._quality[name] = counts
        self._flag_counts += np.bincount(encoded.batch.flags[kept], minlength=4)[:4]

    def quality_table(self) -> pa.Table:
        """Values of each source, field and status: a row where there are any."""
        fields = sorted(self._quality)
        counts = np.zeros((len(self.sources), len(fields), _STATUSES), np.int64)
        for place, field in enumerate(fields):
            held = self._quality[field]
            counts[: len(held), place] = held
        source, field_place, status = np.nonzero(counts)
        kinds = {FieldStatus.VALID: "valid", FieldStatus.MISSING: "missing"}
        status_names = [kinds.get(each, "invalid") for each in FieldStatus]
        reasons = [None if each in kinds else each.name.lower() for each in FieldStatus]
        names = [name for _, name in self.sources]
        texts = ((names, source), (fields, field_place), (status_names, status), (reasons, status))
        columns = [pa.array(words, pa.string()).take(pa.array(at)) for words, at in texts]
        records = pa.array(counts[source, field_place, status])
        return pa.table([*columns, records], schema=FIELD_QUALITY)

    def all_notes(self) -> Iterator[str]:
        yield from self.notes
        both = self._flag_counts[BIRTH_DATE_CONTRADICTS | SEX_CONTRADICTS]
        for flag, what in ((BIRTH_DATE_CONTRADICTS, "birth date"), (SEX_CONTRADICTS, "sex")):
            count = int(self._flag_counts[flag] + both)
            if count:
                yield f"{count} records whose id number states another {what} than the record"
        if self.unlinkable_count:
            yield f"{self.unlinkable_count} records hold nothing to link them by"
