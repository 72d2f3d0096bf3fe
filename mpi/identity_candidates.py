"""Whom a record could be: postings of its keys, rows of what they name, weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index_store import Snapshot
from mpi.identity_engine import Engine, Weighed

__all__ = ["BLOCK_RECORDS_MAX", "Candidates", "find_candidates"]

BLOCK_RECORDS_MAX: Final = 1000
"""More records than this under one key are narrowed down by the rule's refining keys first."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidate records of several queries, by query, then by record number.

    Attributes
    ----------
    query : int32[m], which query
    record : int64[m], record number
    identity : int64[m], identity of that record
    weighed : weights, cells and patterns of the m pairs
    refusal : object[m], why a pair may not be linked by weight alone, else None
    cut : (query, rule number, records before, records compared) of keys so common that only
        part of their records were compared
    """

    query: NDArray[np.int32]
    record: NDArray[np.int64]
    identity: NDArray[np.int64]
    weighed: Weighed
    refusal: NDArray[np.object_]
    cut: tuple[tuple[int, int, int, int], ...]


def find_candidates(
    snapshot: Snapshot,
    engine: Engine,
    rows: NDArray[np.uint64],
    itself: NDArray[np.int64] | None = None,
    keys: Sequence[NDArray[np.uint64]] | None = None,
) -> Candidates:
    """Find and weigh the candidates of each row.

    Parameters
    ----------
    snapshot : of the index
    engine : its compiled facts
    rows : uint64[k, n_words], the queries
    itself : int64[k], a record that is no candidate of the query (it is the query), -1 for none
    keys : of the rows, where the engine was asked for them before

    Returns
    -------
    Candidates
    """
    if keys is None:
        keys = engine.keys(rows)
    query, record, cut = _pairs(snapshot, engine, rows, keys)
    if itself is not None:
        kept = record != itself[query]
        query, record = query[kept], record[kept]
    identity = snapshot.identities(record)
    if (identity < 0).any():
        kept = identity >= 0
        query, record, identity = query[kept], record[kept], identity[kept]
    if len(rows) == 1:
        found, place = record, np.arange(len(record), dtype=np.int32)
    else:
        found, inverse = np.unique(record, return_inverse=True)
        place = inverse.astype(np.int32)
    weighed = engine.weigh(rows, snapshot.rows(found), query, place)
    refusal = engine.refusals(weighed.pattern)
    return Candidates(query, record, identity, weighed, refusal, tuple(cut))


def _pairs(
    snapshot: Snapshot,
    engine: Engine,
    rows: NDArray[np.uint64],
    keys: Sequence[NDArray[np.uint64]],
) -> tuple[NDArray[np.int32], NDArray[np.int64], list[tuple[int, int, int, int]]]:
    """(query, record) pairs that share a key, each once."""
    tables, lines = engine.posting_lines(keys)
    offsets, records = snapshot.all_postings(tables, lines)
    counts = offsets[1:] - offsets[:-1]
    query = np.tile(np.arange(len(rows), dtype=np.int64) << 32, len(tables))
    cut: list[tuple[int, int, int, int]] = []
    pairs = np.repeat(query, counts) | records
    crowded = (counts > BLOCK_RECORDS_MAX).nonzero()[0]
    if len(crowded):
        parts = []
        for run in crowded.tolist():
            rule = engine.rule_of_table(int(tables[run // len(rows)]))
            place = run % len(rows)
            held = records[offsets[run] : offsets[run + 1]]
            kept = _refined(snapshot, engine, rule, rows[place : place + 1], held)
            cut.append((place, rule, len(held), len(kept)))
            parts.append(np.int64(place) << 32 | kept)
        is_plain = np.repeat(counts <= BLOCK_RECORDS_MAX, counts)
        pairs = np.concatenate([pairs[is_plain], *parts])
    merged = _distinct(pairs)
    return (merged >> 32).astype(np.int32), merged & np.int64(0xFFFFFFFF), cut


def _distinct(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The different ones, rising."""
    numbers.sort()
    if len(numbers) < 2:
        return numbers
    is_first = np.empty(len(numbers), np.bool_)
    is_first[0] = True
    np.not_equal(numbers[1:], numbers[:-1], out=is_first[1:])
    return numbers[is_first]


def _refined(
    snapshot: Snapshot,
    engine: Engine,
    rule: int,
    row: NDArray[np.uint64],
    records: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Records that agree on as many refining keys as it takes, the first ones first."""
    own = engine.refining_parts(rule, row)[:, 0]
    theirs = engine.refining_parts(rule, snapshot.rows(records))
    for number, value in enumerate(own.tolist()):
        if len(records) <= BLOCK_RECORDS_MAX:
            break
        agrees = theirs[number] == value
        if value and agrees.any():
            records, theirs = records[agrees], theirs[:, agrees]
    return records[: 10 * BLOCK_RECORDS_MAX]
