"""Whom a record could be: postings of its keys, rows of what they name, weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index_store import Snapshot
from mpi.identity_engine import Engine, Weighed
from mpi.identity_kernels import fill_pairs, split_distinct

__all__ = ["BLOCK_RECORDS_MAX", "Candidates", "find_candidates"]

BLOCK_RECORDS_MAX: Final = 1000
"""More records than this under one key are narrowed down by the rule's refining keys first."""

_FEW: Final = 64
_RECORD: Final = np.int64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidate records of several queries, by query, then by record number.

    Attributes
    ----------
    query : int32[m], which query
    record : int64[m], record number
    identity : int64[m], identity of that record
    weighed : weights, cells and patterns of the m pairs
    refusal : uint8[m], why a pair may not be linked by weight alone, a place in REFUSAL_WORDS
    cut : (query, rule number, records before, records compared) of keys so common that only
        part of their records were compared
    """

    query: NDArray[np.int32]
    record: NDArray[np.int64]
    identity: NDArray[np.int64]
    weighed: Weighed
    refusal: NDArray[np.uint8]
    cut: tuple[tuple[int, int, int, int], ...]


def find_candidates(
    snapshot: Snapshot,
    engine: Engine,
    rows: NDArray[np.uint64],
    itself: NDArray[np.int64] | None = None,
    keys: NDArray[np.uint64] | None = None,
) -> Candidates:
    """Find and weigh the candidates of each row.

    Parameters
    ----------
    snapshot : of the index
    engine : its compiled facts
    rows : uint64[k, n_words], the queries
    itself : int64[k], a record that is no candidate of the query (it is the query), -1 for none
    keys : uint64[m, k], `Engine.key_table` of the rows, where it was asked before

    Returns
    -------
    Candidates
    """
    if keys is None:
        keys = engine.key_table(rows)
    if itself is None:
        itself = np.full(len(rows), -1, np.int64)
    query, record, cut = _pairs(snapshot, engine, rows, keys, itself)
    identity = snapshot.identities(record)
    if np.count_nonzero(identity < 0):
        kept = identity >= 0
        query, record, identity = query[kept], record[kept], identity[kept]
    if len(rows) <= _FEW:  # hardly a record is met twice
        found, place = record, np.arange(len(record), dtype=np.int32)
    else:
        found, inverse = np.unique(record, return_inverse=True)
        place = inverse.astype(np.int32)
    weighed = engine.weigh(rows, snapshot.rows(found), query, place)
    refusal = engine.refusal_numbers(weighed.pattern)
    return Candidates(query, record, identity, weighed, refusal, tuple(cut))


def _pairs(
    snapshot: Snapshot,
    engine: Engine,
    rows: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    itself: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.int64], list[tuple[int, int, int, int]]]:
    """(query, record) pairs that share a key, each once, by query, then by record."""
    tables, lines = engine.posting_lines(keys)
    offsets, records = snapshot.all_postings(tables, lines)
    pairs = np.empty(len(records), np.int64)
    cut: list[tuple[int, int, int, int]] = []
    filled = fill_pairs(offsets, records, len(rows), BLOCK_RECORDS_MAX, itself, pairs)
    pairs = pairs[:filled]
    if filled < 0:
        pairs, cut = _narrowed(snapshot, engine, rows, tables, (offsets, records))
        pairs = pairs[itself[pairs >> 32] != pairs & _RECORD]
    pairs.sort()
    query, record = np.empty(len(pairs), np.int32), np.empty(len(pairs), np.int64)
    count = split_distinct(pairs, query, record)
    return query[:count], record[:count], cut


def _narrowed(
    snapshot: Snapshot,
    engine: Engine,
    rows: NDArray[np.uint64],
    tables: NDArray[np.int64],
    runs: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> tuple[NDArray[np.int64], list[tuple[int, int, int, int]]]:
    """(query << 32 | record) pairs where some key is crowded; what was cut."""
    offsets, records = runs
    counts = np.diff(offsets)
    query = np.tile(np.arange(len(rows), dtype=np.int64) << 32, len(tables))
    is_plain = np.repeat(counts <= BLOCK_RECORDS_MAX, counts)
    parts, cut = [(np.repeat(query, counts) | records)[is_plain]], []
    for run in np.flatnonzero(counts > BLOCK_RECORDS_MAX).tolist():
        rule = engine.rule_of_table(int(tables[run // len(rows)]))
        place = run % len(rows)
        held = records[offsets[run] : offsets[run + 1]]
        kept = _refined(snapshot, engine, rule, rows[place : place + 1], held)
        cut.append((place, rule, len(held), len(kept)))
        parts.append(np.int64(place) << 32 | kept)
    return np.concatenate(parts), cut


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
