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

from person import store_kernels as kernels
from person.errors import InputError
from person.mapped_pages import forget_pages
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
        self._hints = _chunk_hints(self._first_rows)
        # One view of the whole file: compiled code reaches any record by its place in it.
        whole = self._map.read_buffer(self._map.size())
        self._bytes = np.frombuffer(whole, np.uint8)
        self._words = self._bytes[: len(self._bytes) // 8 * 8].view(np.uint64)
        places = [self._places(number, whole.address) for number in range(len(counts))]
        rows, sources, offsets, texts = np.array(places, np.int64).reshape(-1, 4).T
        self._starts = rows // 8
        self._source_starts = sources // 2
        self._offset_starts, self._text_starts = offsets // 4, np.ascontiguousarray(texts)

    def _places(self, number: int, base: int) -> tuple[int, int, int, int]:
        """Bytes before a batch's rows, sources, ends of record ids and their characters.

        Arrow lays every buffer of a file at a multiple of 8 bytes.
        """
        row, source, record_id = self._batch(number).columns
        values = row.values
        _, offsets, texts = record_id.buffers()
        buffers = (values.buffers()[1], source.buffers()[1], offsets, texts)
        row_at, source_at, ends_at, text_at = (
            base if each is None else each.address
            for each in buffers  # None: nothing in it
        )
        found = (
            row_at - base + 8 * values.offset,
            source_at - base + 2 * source.offset,
            ends_at - base + 4 * record_id.offset,
            text_at - base,
        )
        assert found[0] % 8 == found[1] % 2 == found[2] % 4 == 0
        return found

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

    def gather_rows(self, wanted: NDArray[np.integer[Any]]) -> NDArray[np.uint64]:
        """Encoded rows by number, uint64[len(wanted), n_words], in the order asked for."""
        out = np.empty((len(wanted), self.n_words), np.uint64)
        self._gather(wanted, np.arange(len(wanted), dtype=np.int32), out)
        return out

    def gather_runs(
        self, wanted: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        """Encoded rows by number, those of neighbours that are equal once.

        Returns
        -------
        uint64[n_rows, n_words] rows, int32[len(wanted)] places in them
        """
        row = np.empty(len(wanted), np.int32)
        out = np.empty((kernels.number_runs(wanted, row), self.n_words), np.uint64)
        self._gather(wanted, row, out)
        return out, row

    def gather_pairs(
        self, left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int32]]:
        """Encoded rows of pairs given by record numbers, equal neighbours once.

        Returns
        -------
        uint64[n_rows, n_words] rows, int32[n_pairs] left and int32[n_pairs] right places in them
        """
        one, other = np.empty(len(left), np.int32), np.empty(len(right), np.int32)
        lefts = kernels.number_runs(left, one)
        out = np.empty((lefts + kernels.number_runs(right, other), self.n_words), np.uint64)
        self._gather(left, one, out[:lefts])
        self._gather(right, other, out[lefts:])
        other += np.int32(lefts)
        return out, one, other

    def _gather(
        self, wanted: NDArray[np.integer[Any]], row: NDArray[np.int32], out: NDArray[np.uint64]
    ) -> None:
        if len(wanted):
            starts = (self._first_rows, self._hints, self._starts)
            kernels.gather_rows(
                self._words, self.n_words, *starts, np.ascontiguousarray(wanted), row, out
            )

    def all_sources(self) -> NDArray[np.uint16]:
        """Source number of every record, uint16[n_records]."""
        parts = [source for _, source, _ in self.record_ids()]
        return np.concatenate([np.zeros(0, np.uint16), *parts])

    def gather_sources(self, wanted: NDArray[np.integer[Any]]) -> NDArray[np.uint16]:
        """Source numbers of records, uint16[len(wanted)]."""
        out = np.empty(len(wanted), np.uint16)
        if len(wanted):
            halves = self._words.view(np.uint16)
            starts = (self._first_rows, self._hints, self._source_starts)
            kernels.gather_sources(halves, *starts, np.ascontiguousarray(wanted), out)
        return out

    def gather_record_ids(self, wanted: NDArray[np.integer[Any]]) -> pa.Array:
        """Record ids by number, string[len(wanted)], in the order asked for.

        Of one call no more than 2 GiB of text.
        """
        if len(wanted) == 0:
            return pa.array([], pa.string())
        wanted = np.ascontiguousarray(wanted)
        begin = np.empty(len(wanted), np.int64)
        offsets = np.empty(len(wanted) + 1, np.int64)
        kernels.find_texts(
            self._words.view(np.int32),
            *(self._first_rows, self._hints, self._offset_starts, self._text_starts),
            *(wanted, begin, offsets),
        )
        assert offsets[-1] < 1 << 31, "gather record ids in parts"
        out = np.empty(int(offsets[-1]) + 8, np.uint8)
        addresses = (np.uint64(each.ctypes.data) for each in (self._bytes, out))
        address, out_address = addresses
        kernels.gather_texts(self._bytes, address, begin, offsets, out, out_address)
        ends = pa.py_buffer(offsets.astype(np.int32))
        return pa.StringArray.from_buffers(len(wanted), ends, pa.py_buffer(out))

    def forget_pages(self) -> None:
        """Let go of what has been read: it is mapped, and comes back when it is asked for."""
        forget_pages(self._bytes)

    def close(self) -> None:
        self._map.close()


def _chunk_hints(first_rows: NDArray[np.int64]) -> NDArray[np.int32]:
    """The chunk of the first record of each block of kernels.BLOCK_RECORDS, and of the last one:
    int32[n_blocks + 1]."""
    count = int(first_rows[-1])
    blocks = np.arange(0, count, kernels.BLOCK_RECORDS)
    known = np.concatenate([blocks, [max(count - 1, 0)]])
    return (np.searchsorted(first_rows, known, side="right") - 1).astype(np.int32)
