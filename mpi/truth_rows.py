"""Known truth laid beside records: an entity number for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpi.ingest import Ingested
from mpi.truth import TRUTH_DETAILS, read_truth
from person.errors import InputError

__all__ = ["TruthDetails", "TruthIndex", "entity_of_rows", "labelled_pairs"]

_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthDetails:
    """What truth knows of records beside who they are; None where it does not say.

    Attributes
    ----------
    cause_names : string[n], what was done to each record
    household : int64[n], -1 = unknown
    mother, twin : int64[n], entity number as `TruthIndex.entities` gives it; -1 = none known
    """

    cause_names: pa.Array | None
    household: NDArray[np.int64] | None
    mother: NDArray[np.int64] | None
    twin: NDArray[np.int64] | None


class TruthIndex:
    """Truth, ready to be asked for the entity of (source, record id).

    Parameters
    ----------
    truth : path or table, see `mpi.truth.read_truth`
    """

    def __init__(self, truth: Any) -> None:
        table = read_truth(truth)
        self._with_source = table.column("source").null_count == 0 and table.num_rows > 0
        self._keys = self._key(table.column("source"), table.column("record_id"))
        entity = pc.dictionary_encode(table.column("entity_id")).combine_chunks()
        if isinstance(entity, pa.ChunkedArray):
            entity = (
                entity.chunk(0)
                if entity.num_chunks
                else pa.array([], pa.string()).dictionary_encode()
            )
        self._entity = entity.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        self._names = entity.dictionary
        self._details = table.select([name for name in TRUTH_DETAILS if name in table.column_names])

    def _key(self, source: Any, record_id: Any) -> Any:
        if not self._with_source:
            return _flat(record_id)
        return pc.binary_join_element_wise(_flat(source), _flat(record_id), _SEPARATOR)

    def entities(self, source: Any, record_id: Any) -> NDArray[np.int64]:
        """Entity number of each record, -1 where truth does not know it: int64[n]."""
        places = self._places(source, record_id)
        known = places >= 0
        result = np.full(len(places), -1, np.int64)
        result[known] = self._entity[places[known]]
        return result

    def details(self, source: Any, record_id: Any) -> TruthDetails:
        """What truth knows beside the entity of records, all of which it knows."""
        places = pa.array(self._places(source, record_id))
        found = {name: _flat(self._details[name]) for name in self._details.column_names}
        found = {name: column.take(places) for name, column in found.items()}
        causes, home = found.get("cause_names"), found.get("household_id")
        return TruthDetails(
            cause_names=causes,
            household=None if home is None else _codes(home, pc.unique(home.drop_null())),
            mother=self._person(found.get("mother_id")),
            twin=self._person(found.get("twin_id")),
        )

    def _person(self, column: pa.Array | None) -> NDArray[np.int64] | None:
        return None if column is None else _codes(column, self._names)

    def _places(self, source: Any, record_id: Any) -> NDArray[np.int64]:
        return _codes(self._key(source, record_id), self._keys)


def _codes(column: pa.Array, values: pa.Array) -> NDArray[np.int64]:
    """Place of each value among `values`, -1 where it is none of them: int64[n]."""
    places = pc.fill_null(pc.index_in(column, value_set=values, skip_nulls=True), -1)
    return places.to_numpy(zero_copy_only=False).astype(np.int64)


def _flat(column: Any) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    return pc.cast(column, pa.string())


def entity_of_rows(ingested: Ingested, truth: Any) -> NDArray[np.int64]:
    """Entity number of each encoded record, -1 where truth does not know it: int64[n_records].

    Raises
    ------
    InputError : truth knows none of the records
    """
    index = TruthIndex(truth)
    names = pa.array(ingested.sources, pa.string())
    parts = [
        index.entities(names.take(pa.array(source)), record_id)
        for _, source, record_id in ingested.store.record_ids()
    ]
    entities = np.concatenate(parts)
    if (entities < 0).all():
        raise InputError("the truth knows none of these records; do the record ids agree?")
    return entities


def labelled_pairs(ingested: Ingested, labels: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers of all pairs that truth says match: two int64[n_pairs]."""
    entities = entity_of_rows(ingested, labels)
    rows = np.flatnonzero(entities >= 0)
    rows = rows[np.argsort(entities[rows], kind="stable")]
    left, right = [], []
    groups = np.split(rows, np.flatnonzero(np.diff(entities[rows])) + 1)
    for group in groups:
        if len(group) > 1:
            one, other = np.triu_indices(len(group), 1)
            left.append(group[one])
            right.append(group[other])
    if not left:
        raise InputError("the labels hold no two records of one person to learn from")
    return np.concatenate(left), np.concatenate(right)
