"""Encoded records as a stream that can be read any number of times.

Blocking and training see records only through `RecordSource`: chunks of rows, each with the
source it came from. What stands behind it, memory or a memory-mapped file, makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ORIGIN_ROW_MASK",
    "ORIGIN_SOURCE_SHIFT",
    "ArrayRecordSource",
    "RecordChunk",
    "RecordLayout",
    "RecordSource",
    "origin_rows",
    "origin_sources",
]

ORIGIN_SOURCE_SHIFT: Final = 40
"""A travelling row's last word, its origin, is source << 40 | row number."""

ORIGIN_ROW_MASK: Final = (1 << ORIGIN_SOURCE_SHIFT) - 1

DEFAULT_CHUNK_ROWS: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class RecordChunk:
    """A stretch of consecutive records.

    Attributes
    ----------
    first_row : number of the first record, counted over the whole source
    rows : uint64[k, n_words], C-contiguous; may be read-only and memory-mapped
    source : uint16[k], which input each record came from
    """

    first_row: int
    rows: NDArray[np.uint64]
    source: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.rows)


@runtime_checkable
class RecordSource(Protocol):
    """Encoded records, re-readable.

    Attributes
    ----------
    record_count : number of records
    n_words : 64-bit words in a row
    """

    @property
    def record_count(self) -> int: ...

    @property
    def n_words(self) -> int: ...

    def chunks(self) -> Iterator[RecordChunk]:
        """All records in order, from the start at every call."""
        ...


class RecordLayout(Protocol):
    """What a reader of rows needs to know of where the fields lie."""

    def slots(self, field_name: str) -> NDArray[np.int64]:
        """int64[n_components, 3]: word, shift and bits; ConfigError for a field it lacks."""
        ...

    def kind(self, field_name: str) -> str:
        """Kind of a field the layout has."""
        ...


class ArrayRecordSource:
    """Records held in memory, for tests and small jobs.

    Parameters
    ----------
    rows : uint64[n_records, n_words]
    source : uint16[n_records]; all 0 where not given
    chunk_rows : rows in a chunk
    """

    def __init__(
        self,
        rows: NDArray[np.uint64],
        source: NDArray[np.uint16] | None = None,
        chunk_rows: int = DEFAULT_CHUNK_ROWS,
    ) -> None:
        assert rows.ndim == 2
        assert chunk_rows > 0
        self._rows = np.ascontiguousarray(rows, np.uint64)
        if source is None:
            source = np.zeros(len(rows), np.uint16)
        assert len(source) == len(rows)
        self._source = np.ascontiguousarray(source, np.uint16)
        self._chunk_rows = chunk_rows

    @property
    def record_count(self) -> int:
        return len(self._rows)

    @property
    def n_words(self) -> int:
        return self._rows.shape[1]

    def chunks(self) -> Iterator[RecordChunk]:
        for start in range(0, len(self._rows), self._chunk_rows):
            part = slice(start, start + self._chunk_rows)
            yield RecordChunk(start, self._rows[part], self._source[part])


def origin_rows(rows: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Record numbers of travelling rows, uint64[n, n_words + 1] -> int64[n]."""
    return (rows[:, -1] & np.uint64(ORIGIN_ROW_MASK)).astype(np.int64)


def origin_sources(rows: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Sources of travelling rows, uint64[n, n_words + 1] -> uint16[n]."""
    return (rows[:, -1] >> np.uint64(ORIGIN_SOURCE_SHIFT)).astype(np.uint16)
