"""The texts of records that a batch run left in doubt, read again from the run's inputs.

A bulk load keeps no texts; but of a doubtful record a steward wants to see the address, the card
and the name as they were written. Those records are few, so the inputs are read once more and
only their rows are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpi.identity_engine import Engine
from mpi.identity_events import Change
from mpi.identity_people import stated_texts
from mpi.identity_view import StoreState, number_key
from mpi.ingest import Ingested
from mpi.source_names import source_names
from mpi.tables import InputSet
from person.errors import InputError
from person.text import string_array

__all__ = ["read_texts_again", "text_changes"]

Reference = tuple[str, str]


def read_texts_again(
    inputs: Sequence[InputSet], ingested: Ingested, engine: Engine, places: NDArray[np.int64]
) -> dict[int, dict[str, str]]:
    """Texts of some records of a run, by their place in it.

    Parameters
    ----------
    inputs : of the run
    ingested : its records
    engine : of the index, whose schema says which columns are kept
    places : int64[k], places of the records in the run

    Returns
    -------
    place -> field -> text; records whose input cannot be read any more are left out
    """
    wanted = _references(ingested, np.unique(places))
    found: dict[int, dict[str, str]] = {}
    files = [file for each in inputs for file in each.files]
    names = dict(zip(map(id, files), source_names(files), strict=True))
    ids = pa.array(sorted({record_id for _, record_id in wanted}), pa.string())
    try:
        for each in inputs:
            for reference, texts in _stated(each, ingested, engine, ids, names):
                if reference in wanted:
                    found.setdefault(wanted[reference], texts)
    except InputError:  # gone or changed since the run began: the rows tell what they can
        return found
    return found


def _references(ingested: Ingested, places: NDArray[np.int64]) -> dict[Reference, int]:
    """(source, record id) -> place of records of a run."""
    wanted: dict[Reference, int] = {}
    for first, source, record_id in ingested.store.record_ids():
        low, high = np.searchsorted(places, (first, first + len(source)))
        inside = places[low:high] - first
        texts = record_id.take(pa.array(inside)).to_pylist()
        for at, text in zip(inside.tolist(), texts, strict=True):
            wanted[ingested.sources[int(source[at])], text] = first + at
    return wanted


def _stated(
    inputs: InputSet,
    ingested: Ingested,
    engine: Engine,
    ids: pa.Array,
    names: Mapping[int, str],
) -> Iterator[tuple[Reference, dict[str, str]]]:
    """(source, record id) and texts of every row with one of the ids."""
    schema = ingested.schema
    for index, first_row, batch in inputs:
        file = inputs.files[index]
        column = schema.find_column(schema.record_id, file.columns)
        if column is None:
            numbers = file.row_number(np.arange(first_row, first_row + batch.num_rows))
            own = pc.cast(pa.array(numbers), pa.string())
        else:
            own = pc.utf8_trim_whitespace(string_array(batch.column(column)))
        places = pc.indices_nonzero(pc.is_in(own, ids))
        if not len(places):
            continue
        part, part_ids = batch.take(places), own.take(places).to_pylist()
        source_column = schema.find_column(schema.source, file.columns)
        sources: list[Any] = [None] * len(part_ids)
        if source_column is not None:
            sources = string_array(part.column(source_column)).to_pylist()
        texts = stated_texts(part, engine)
        for source, record_id, each in zip(sources, part_ids, texts, strict=True):
            yield ((source or "").strip() or names[id(file)], record_id), each or {}


def text_changes(
    state: StoreState, records: Iterable[int], texts: Mapping[int, dict[str, str]]
) -> list[Change]:
    """Changes that keep the texts of records of which none are kept yet.

    Parameters
    ----------
    state : the present
    records : of the index
    texts : record -> field -> text
    """
    changes = []
    for record in sorted(set(records)):
        said = texts.get(record)
        if not said or state.snapshot.get("value", number_key(record)) is not None:
            continue
        held = state.row_value(record)
        if held is not None:
            changes.append(Change("row", record, held, [held[0], held[1], said]))
    return changes
