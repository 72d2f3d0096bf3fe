"""The encoded store: one Arrow IPC file of encoded rows, written once, read memory-mapped.

Columns: `row` fixed_size_list<uint64>[n_words], `source` uint16, `record_id` string. Any Arrow
tool opens it. A record's number is its position in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from person.errors import InputError
from person.records import RecordChunk

__all__ = ["EncodedStore", "EncodedStoreWriter"]


class EncodedStoreWriter:
    """Appends encoded batches to a store file; a context manager."""

    def __init__(self, path: Path, n_words: int) -> None:
        self._n_words = n_words
        self._schema = pa.schema(
            [
                pa.field("row", pa.list_(pa.uint64(), n_words), nullable=False),
                pa.field("source", pa.uint16(), nullable=False),
                pa.field("record_id", pa.string(), nullable=False),
            ]
        )
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, self._schema)
        self.record_count = 0

    def append(
        self, rows: NDArray[np.uint64], source: NDArray[np.uint16], record_id: pa.Array
    ) -> None:
        """Append records: uint64[n, n_words], uint16[n], string[n]."""
        values = pa.array(np.ascontiguousarray(rows).reshape(-1))
        lists = pa.FixedSizeListArray.from_arrays(values, self._n_words)
        batch = pa.record_batch([lists, pa.array(source), record_id], schema=self._schema)
        self._writer.write_batch(batch)
        self.record_count += len(rows)

    def close(self) -> None:
        try:
            self._writer.close()
        finally:
            self._sink.close()  # also when the disk is full, or the file could not be removed

    def __enter__(self) -> EncodedStoreWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class EncodedStore:
    """A finished store as a `RecordSource`; pages are mapped, not read into memory."""

    def __init__(self, path: Path) -> None:
        self._map = pa.memory_map(str(path), "r")
        try:
            self._reader = pa.ipc.open_file(self._map)
        except pa.ArrowInvalid as error:
            raise InputError(f"{path}: not an encoded store: {error}", path=str(path)) from error
        self._n_words = self._reader.schema.field("row").type.list_size
        counts = [self._batch(i).num_rows for i in range(self._reader.num_record_batches)]
        self._first_rows = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def _batch(self, number: int) -> pa.RecordBatch:
        return self._reader.get_batch(number)

    @property
    def record_count(self) -> int:
        return int(self._first_rows[-1])

    @property
    def n_words(self) -> int:
        return int(self._n_words)

    def chunks(self) -> Iterator[RecordChunk]:
        for number in range(self._reader.num_record_batches):
            batch = self._batch(number)
            yield RecordChunk(
                int(self._first_rows[number]), self._rows(batch), batch.column(1).to_numpy()
            )

    def _rows(self, batch: pa.RecordBatch) -> NDArray[np.uint64]:
        rows: NDArray[np.uint64] = batch.column(0).values.to_numpy().reshape(-1, self.n_words)
        return rows

    def record_ids(self) -> Iterator[tuple[int, NDArray[np.uint16], pa.Array]]:
        """(first row, source numbers, record ids) of each chunk, in order."""
        for number in range(self._reader.num_record_batches):
            batch = self._batch(number)
            yield int(self._first_rows[number]), batch.column(1).to_numpy(), batch.column(2)

    def gather_rows(self, wanted: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Encoded rows by number, uint64[len(wanted), n_words], in the order asked for."""
        out = np.empty((len(wanted), self.n_words), np.uint64)
        for number, places in self._by_chunk(wanted):
            rows = self._rows(self._batch(number))
            out[places] = rows[wanted[places] - self._first_rows[number]]
        return out

    def gather_pairs(
        self, left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int32]]:
        """Encoded rows of pairs given by record numbers, each record once.

        Returns
        -------
        uint64[n_rows, n_words] rows, int32[n_pairs] left and int32[n_pairs] right places in them
        """
        wanted, place = np.unique(np.concatenate([left, right]), return_inverse=True)
        places = place.astype(np.int32)
        rows = self.gather_rows(wanted.astype(np.int64, copy=False))
        return rows, places[: len(left)], places[len(left) :]

    def gather_sources(self, wanted: NDArray[np.int64]) -> NDArray[np.uint16]:
        """Source numbers of records, uint16[len(wanted)]."""
        out = np.empty(len(wanted), np.uint16)
        for number, places in self._by_chunk(wanted):
            sources = self._batch(number).column(1).to_numpy()
            out[places] = sources[wanted[places] - self._first_rows[number]]
        return out

    def gather_record_ids(self, wanted: NDArray[np.int64]) -> pa.Array:
        """Record ids by number, string[len(wanted)], in the order asked for."""
        if len(wanted) == 0:
            return pa.array([], pa.string())
        parts, order = [], []
        for number, places in self._by_chunk(wanted):
            local = pa.array(wanted[places] - self._first_rows[number])
            parts.append(self._batch(number).column(2).take(local))
            order.append(places)
        back = np.empty(len(wanted), np.int64)
        back[np.concatenate(order)] = np.arange(len(wanted))
        return pa.concat_arrays(parts).take(pa.array(back))

    def _by_chunk(self, wanted: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
        chunk_of = np.searchsorted(self._first_rows, wanted, side="right") - 1
        order = np.argsort(chunk_of, kind="stable")
        edges = np.flatnonzero(np.diff(chunk_of[order], prepend=-1))
        for places in np.split(order, edges[1:]) if len(order) else ():
            yield int(chunk_of[places[0]]), places

    def close(self) -> None:
        self._map.close()
