"""Looking through all records for those that say what a steward typed.

An index finds people by keys made of several fields; a birth date, a name or an address alone is
none. Then every row is looked at: 0.2 to 0.4 microseconds each, so 250,000 records take no longer
than a page, and ten million some seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mpi.identity_engine import as_table
from mpi.identity_reading import Reader

__all__ = ["QUICK_RECORDS_MAX", "scan_records"]

QUICK_RECORDS_MAX: Final = 250_000
"""Records that are looked through without being asked to: as long as a page takes."""

CHUNK_ROWS: Final = 1 << 16
WEIGHED_MAX: Final = 1 << 18
"""Records that fit and are weighed; of a sex alone half the country fits."""

_SKETCHED: Final = frozenset({"address"})
"""Kinds without equality: how much two of them have in common is weighed."""

_BITS_MIN: Final = 2.0
"""What a sketch has to say for a person, to be shown."""


def scan_records(reader: Reader, fields: Mapping[str, Any], limit: int) -> list[tuple[int, float]]:
    """Records that say the same in every field, the heaviest first.

    Parameters
    ----------
    reader : of the index
    fields : columns of the schema
    limit : most records

    Returns
    -------
    list of (record, match weight)
    """
    query = reader.engine.encode(as_table(dict(fields))).rows
    slots, is_sketched = _stated(reader, query[0])
    if not slots and not is_sketched:
        return []
    silent = _weights(reader, query, np.zeros_like(query))[0]
    found: list[tuple[int, float]] = []
    left = WEIGHED_MAX
    for first, rows in _chunks(reader):
        fits = np.ones(len(rows), np.bool_)
        for word, shift, mask in slots:
            fits &= (rows[:, word] >> shift & mask) == (query[0, word] >> shift & mask)
        places = np.flatnonzero(fits)[:left]
        if not len(places):
            continue
        weight = _weights(reader, query, rows[places])
        if slots:
            left -= len(places)
        else:
            kept = np.flatnonzero(weight >= silent + _BITS_MIN)
            places, weight = places[kept], weight[kept]
        best = np.argsort(-weight, kind="stable")[: 4 * limit]
        found += zip((first + places[best]).tolist(), weight[best].tolist(), strict=True)
        found = sorted(found, key=lambda each: (-each[1], each[0]))[: 4 * limit]
        if left <= 0:
            break
    return found


def _stated(
    reader: Reader, row: NDArray[np.uint64]
) -> tuple[list[tuple[int, np.uint64, np.uint64]], bool]:
    """(word, shift, mask) of what a row states and must be equal; whether it has a sketch too."""
    slots, is_sketched = [], False
    for each in reader.engine.schema.fields:
        word, shift, bits = reader.engine.layout.slots(each.name)[0].tolist()
        mask = np.uint64((1 << bits) - 1)
        if not int(row[word] >> np.uint64(shift) & mask):
            continue
        if each.kind in _SKETCHED:
            is_sketched = True
        else:
            slots.append((word, np.uint64(shift), mask))
    return slots, is_sketched


def _chunks(reader: Reader) -> Iterator[tuple[int, NDArray[np.uint64]]]:
    count = reader.snapshot.record_count
    for first in range(0, count, CHUNK_ROWS):
        yield first, reader.snapshot.rows(np.arange(first, min(first + CHUNK_ROWS, count)))


def _weights(
    reader: Reader, query: NDArray[np.uint64], rows: NDArray[np.uint64]
) -> NDArray[np.float64]:
    count = len(rows)
    return reader.engine.weigh(
        query,
        np.ascontiguousarray(rows),
        np.zeros(count, np.int32),
        np.arange(count, dtype=np.int32),
    ).weight
