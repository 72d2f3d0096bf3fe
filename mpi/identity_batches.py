"""Many people at once: Arrow in, Arrow out, through the functions that serve one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mpi.calibration import match_probability
from mpi.identity_decide import Queries, decide_queries
from mpi.identity_people import People, read_people
from mpi.identity_reading import Reader
from mpi.identity_results import Receipt
from person.enterprise_id import enterprise_ids_for, format_enterprise_ids

__all__ = ["RECEIPTS", "RESOLUTIONS", "add_rows", "known_records", "resolve_rows"]

RESOLVE_ROWS: Final = 2048
ENCODE_ROWS: Final = 1 << 14
RESOLUTIONS: Final = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("record_id", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("enterprise_id", pa.string()),
        pa.field("best_enterprise_id", pa.string()),
        pa.field("match_weight", pa.float64()),
        pa.field("match_probability", pa.float64()),
        pa.field("reasons", pa.list_(pa.string())),
    ]
)
"""`best_enterprise_id` is the heaviest candidate, linked or not."""

RECEIPTS: Final = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("record_id", pa.string()),
        pa.field("action", pa.string()),
        pa.field("enterprise_id", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("match_weight", pa.float64()),
        pa.field("reasons", pa.list_(pa.string())),
        pa.field("event", pa.int64()),
        pa.field("task", pa.int64()),
        pa.field("moved_from", pa.string()),
    ]
)


def known_records(
    reader: Reader, people: People, sources: Mapping[str, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(source numbers, record numbers) of people, -1 where the index has none: int64[k] each."""
    numbers = np.array([sources.get(name, -1) for name in people.sources], np.int64)
    itself = np.full(len(people), -1, np.int64)
    asked = np.flatnonzero((numbers >= 0) & np.array([bool(i) for i in people.record_ids]))
    if len(asked):
        ids = [people.record_ids[place].encode() for place in asked.tolist()]
        itself[asked] = reader.snapshot.find_references(numbers[asked].astype(np.uint16), ids)
    return numbers, itself


def resolve_rows(
    reader: Reader, table: pa.Table | pa.RecordBatch, sources: Mapping[str, int]
) -> pa.Table:
    """Resolve a table of people; see `IdentityIndex.resolve_table`.

    Parameters
    ----------
    reader : of the index
    table : of people
    sources : number of each source
    """
    parts = [
        _resolve_part(reader, table.slice(start, RESOLVE_ROWS), sources)
        for start in range(0, table.num_rows, RESOLVE_ROWS)
    ]
    return pa.Table.from_batches(parts, RESOLUTIONS)


def _resolve_part(
    reader: Reader, table: pa.Table | pa.RecordBatch, sources: Mapping[str, int]
) -> pa.RecordBatch:
    people = read_people(reader.engine, table, needs_references=False)
    numbers, itself = known_records(reader, people, sources)
    queries = Queries(rows=people.rows, source=numbers, itself=itself)
    verdicts, _ = decide_queries(reader.snapshot, reader.engine, queries)
    linked = np.array([-1 if v.identity is None else v.identity for v in verdicts], np.int64)
    best = np.array([v.candidates[0].identity if v.candidates else -1 for v in verdicts], np.int64)
    weights = [v.weight for v in verdicts]
    known = np.array([np.nan if w is None else w for w in weights])
    probability = match_probability(known)
    return pa.record_batch(
        [
            pa.array(people.sources, pa.string()),
            pa.array(people.record_ids, pa.string()),
            pa.array([v.outcome.value for v in verdicts], pa.string()),
            _printed(reader, linked),
            _printed(reader, best),
            pa.array(weights, pa.float64()),
            pa.array(probability, mask=np.isnan(known)),
            pa.array([list(v.reasons) for v in verdicts], pa.list_(pa.string())),
        ],
        schema=RESOLUTIONS,
    )


def _printed(reader: Reader, identities: NDArray[np.int64]) -> pa.Array:
    """Enterprise ids, null for -1."""
    ids = np.zeros(len(identities), np.uint64)
    known = identities >= 0
    ids[known] = enterprise_ids_for(identities[known], reader.engine.facts.namespace)
    return format_enterprise_ids(ids)


def add_rows(
    table: pa.Table | pa.RecordBatch,
    batch_size: int,
    read: Callable[[pa.Table | pa.RecordBatch], People],
    write: Callable[[People], list[Receipt]],
) -> pa.Table:
    """Write a table batch by batch.

    Parameters
    ----------
    table : of people
    batch_size : records a transaction
    read : encodes a part of the table
    write : one batch; no record stands in it twice
    """
    receipts: list[Receipt] = []
    for start in range(0, table.num_rows, ENCODE_ROWS):
        people = read(table.slice(start, ENCODE_ROWS))
        for first, stop in _batches(people, batch_size):
            receipts += write(people.part(first, stop))
    return pa.Table.from_pylist([each.to_dict() for each in receipts], RECEIPTS)


def _batches(people: People, batch_size: int) -> Iterator[tuple[int, int]]:
    """Stretches of at most `batch_size` people in which no record comes twice."""
    first = 0
    seen: set[tuple[str, str]] = set()
    for place, reference in enumerate(zip(people.sources, people.record_ids, strict=True)):
        if place - first == batch_size or reference in seen:
            yield first, place
            first = place
            seen.clear()
        seen.add(reference)
    if len(people):
        yield first, len(people)
