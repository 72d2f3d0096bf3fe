"""Partitions of travelling rows on disk: written once, read once, gone when they are read.

Files are written and read around the page cache where the system can (O_DIRECT): rows that are
used once would only push useful pages out, and copying them through the cache costs a core. So
buffers begin with a page and files are written in whole blocks; the last one is filled up.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking import spill_kernels
from person.memory import allocate
from person.threads import map_slices, slices

__all__ = ["BLOCK_ROWS", "PartitionReader", "PartitionWriter", "Partitions", "SpillBuffers"]

BLOCK_ROWS: Final = 512
"""Rows in a block: 4,096 bytes for each word of a row, so that files stay aligned."""

SLICE_ROWS: Final = 1 << 17
TRANSFER_BYTES: Final = 1 << 22
TRANSFERS: Final = 2
"""Reads, and writes, under way at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partitions:
    """Files of one rule's partitions, in order of their keys, and the rows of each."""

    paths: tuple[Path, ...]
    rows: tuple[int, ...]

    def remove(self) -> None:
        for path in self.paths:
            path.unlink(missing_ok=True)


class SpillBuffers:
    """Two buffers to read into and two to write from, of page-aligned rows.

    Parameters
    ----------
    words : 64-bit words of a travelling row
    rows : of a partition, about
    parts : partitions
    """

    def __init__(self, words: int, rows: int, parts: int) -> None:
        self.words = words
        self.batch_rows = _blocks(rows) * BLOCK_ROWS
        staged = self.batch_rows + 2 * parts * BLOCK_ROWS
        self._read = [self._rows(self.batch_rows) for _ in range(2)]
        self.staging = [self._rows(staged) for _ in range(2)]
        self.reading = ThreadPoolExecutor(TRANSFERS, thread_name_prefix="mpi-read")
        self.writing = ThreadPoolExecutor(TRANSFERS, thread_name_prefix="mpi-write")

    def _rows(self, rows: int) -> NDArray[np.uint64]:
        return allocate(rows * self.words, np.uint64).reshape(rows, self.words)

    def read_buffer(self, number: int, rows: int) -> NDArray[np.uint64]:
        """Buffer 0 or 1, uint64[>= rows, words], larger than planned where one block asks."""
        if rows > len(self._read[number]):
            self._read[number] = self._rows(_blocks(rows) * BLOCK_ROWS)
        return self._read[number]

    def close(self) -> None:
        self.reading.shutdown(cancel_futures=True)
        self.writing.shutdown(cancel_futures=True)


class PartitionWriter:
    """Rows of any order to the files of their partitions; disk work goes on behind.

    Parameters
    ----------
    directory, name : of the files, `name-0.rows` and so on
    parts : partitions, a power of two: the top bits of a key
    buffers : staging buffers, used by one writer at a time
    """

    def __init__(self, directory: Path, name: str, parts: int, buffers: SpillBuffers) -> None:
        self._paths = tuple(directory / f"{name}-{part}.rows" for part in range(parts))
        self._shift = 65 - parts.bit_length()
        self._buffers = buffers
        self._files = [_open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for path in self._paths]
        self._rows = np.zeros(parts, np.int64)
        self._written = np.zeros(parts, np.int64)
        # What did not fill a block waits here for the next batch.
        self._tails = np.zeros((parts, BLOCK_ROWS, buffers.words), np.uint64)
        self._pending: list[list[Future[Any]]] = [[], []]
        self._turn = 0
        self.waited = 0.0

    def append(self, rows: NDArray[np.uint64], keys: NDArray[np.uint64]) -> None:
        """Stage rows, uint64[n, words], by their keys, uint64[n], and have them written.

        `rows` and `keys` may be used again on return.
        """
        for part in slices(len(rows), self._buffers.batch_rows):
            self._append(rows[part], keys[part])

    def _append(self, rows: NDArray[np.uint64], keys: NDArray[np.uint64]) -> None:
        staging = self._next_staging()
        parts = slices(len(rows), SLICE_ROWS)
        counts = np.empty((len(parts), len(self._paths)), np.int64)
        map_slices(
            lambda each: spill_kernels.count_parts(
                rows[each], keys[each], self._shift, counts[each.start // SLICE_ROWS]
            ),
            parts,
        )
        tails = self._rows - self._written
        filled = tails + counts.sum(axis=0)
        starts = np.zeros(len(filled), np.int64)
        np.cumsum(_blocks(filled)[:-1] * BLOCK_ROWS, out=starts[1:])
        for number, count in enumerate(tails.tolist()):
            staging[starts[number] : starts[number] + count] = self._tails[number, :count]
        places = np.cumsum(counts, axis=0) - counts + (starts + tails)
        map_slices(
            lambda each: spill_kernels.scatter_to_parts(
                *(rows[each], keys[each], self._shift),
                *(places[each.start // SLICE_ROWS], staging),
            ),
            parts,
        )
        whole = filled // BLOCK_ROWS * BLOCK_ROWS
        for number in range(len(filled)):
            left = staging[starts[number] + whole[number] : starts[number] + filled[number]]
            self._tails[number, : len(left)] = left
            if whole[number]:
                chosen = staging[starts[number] : starts[number] + whole[number]]
                self._write(number, chosen)
        self._rows += counts.sum(axis=0)

    def _next_staging(self) -> NDArray[np.uint64]:
        """The staging buffer whose rows are on disk already."""
        self._turn = 1 - self._turn
        self._wait(self._turn)
        return self._buffers.staging[self._turn]

    def _wait(self, turn: int) -> None:
        began = time.perf_counter()
        for each in self._pending[turn]:
            each.result()
        self._pending[turn] = []
        self.waited += time.perf_counter() - began

    def _write(self, number: int, rows: NDArray[np.uint64]) -> None:
        offset = int(self._written[number]) * 8 * self._buffers.words
        self._pending[self._turn].append(
            self._buffers.writing.submit(_write_all, self._files[number], rows, offset)
        )
        self._written[number] += len(rows)

    def finish(self) -> Partitions:
        """Write what waits and close the files."""
        staging = self._next_staging()
        for number, count in enumerate((self._rows - self._written).tolist()):
            if count:
                place = number * BLOCK_ROWS
                block = staging[place : place + BLOCK_ROWS]
                block[:count] = self._tails[number, :count]
                self._write(number, block)
        for turn in range(2):
            self._wait(turn)
        self._close()
        return Partitions(paths=self._paths, rows=tuple(self._rows.tolist()))

    def abandon(self) -> None:
        """Close and remove the files of a run that failed."""
        for turn in range(2):
            with contextlib.suppress(OSError):
                self._wait(turn)
        self._close()
        for path in self._paths:
            path.unlink(missing_ok=True)

    def _close(self) -> None:
        for file in self._files:
            os.close(file)
        self._files = []


class PartitionReader:
    """The rows of each partition, the next one read while one is in use.

    Parameters
    ----------
    partitions : files, removed as they are read
    buffers : read buffers, used by one reader at a time
    """

    def __init__(self, partitions: Partitions, buffers: SpillBuffers) -> None:
        self._partitions = partitions
        self._buffers = buffers
        self.waited = 0.0

    def __iter__(self) -> Iterator[NDArray[np.uint64]]:
        """Rows, uint64[n, words], of each partition; valid until the next is asked for."""
        count = len(self._partitions.rows)
        pending = self._begin(0)
        for number in range(count):
            began = time.perf_counter()
            for each in pending:
                each.result()
            self.waited += time.perf_counter() - began
            self._partitions.paths[number].unlink()
            pending = self._begin(number + 1) if number + 1 < count else []
            rows = self._partitions.rows[number]
            yield self._buffers.read_buffer(number % 2, rows)[:rows]

    def _begin(self, number: int) -> list[Future[Any]]:
        rows = _blocks(self._partitions.rows[number]) * BLOCK_ROWS
        buffer = self._buffers.read_buffer(number % 2, rows)[:rows]
        path = self._partitions.paths[number]
        share = max(-(-rows // (TRANSFERS * BLOCK_ROWS)), 1) * BLOCK_ROWS
        return [
            self._buffers.reading.submit(
                _read_all, path, buffer[part], 8 * part.start * buffer.shape[1]
            )
            for part in slices(rows, share)
        ]


def _blocks(rows: Any) -> Any:
    """Blocks that hold so many rows, an int or an array of them."""
    return -(-rows // BLOCK_ROWS)


def _open(path: Path, flags: int) -> int:
    """Open around the page cache where file system and platform allow."""
    direct = getattr(os, "O_DIRECT", 0)
    if direct:
        with contextlib.suppress(OSError):
            return os.open(path, flags | direct, 0o600)
    return os.open(path, flags, 0o600)


def _write_all(file: int, rows: NDArray[np.uint64], offset: int) -> None:
    view = rows.reshape(-1).data.cast("B")
    done = 0
    while done < len(view):
        done += os.pwrite(file, view[done : done + TRANSFER_BYTES], offset + done)


def _read_all(path: Path, rows: NDArray[np.uint64], offset: int) -> None:
    file = _open(path, os.O_RDONLY)
    try:
        view = rows.reshape(-1).data.cast("B")
        done = 0
        while done < len(view):
            got = os.preadv(file, [view[done : done + TRANSFER_BYTES]], offset + done)
            if got == 0:
                raise OSError(f"{path}: shorter than it was written")
            done += got
    finally:
        os.close(file)
