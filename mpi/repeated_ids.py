"""Record ids that stand twice, found on disk instead of in a table in memory.

While records are encoded, the 64-bit hash of each (source, record id) is appended to a file. When
all are there, ranges of hashes are sorted, as many at a time as memory allows; a record whose hash
an earlier one has is set aside. A table of hashes in memory would take 16 to 32 bytes a record,
and a miss of the memory for each.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numba import int64, uint64
from numpy.typing import NDArray

from mpi.rejects import Rejects
from person.jit import kernel
from person.store import EncodedStore
from person.threads import map_slices, slices, thread_count

__all__ = ["REPEATED_REASON", "LaterIds"]

REPEATED_REASON: Final = "an earlier row of this source has the same record id"
READ_RECORDS: Final = 1 << 21
RANGES_MAX: Final = 1 << 12
RANGE_SLACK: Final = 1.1
"""How much fuller than the mean a range of hashes may be; more and its buffer grows."""


@kernel
def _take_range(hashes, shift, number, out, used):  # type: ignore[no-untyped-def]
    """Append the hashes whose top bits are `number`; returns the places used, or needed."""
    for place in range(hashes.shape[0]):
        if hashes[place] >> uint64(shift) == uint64(number):
            if used < out.shape[0]:
                out[used] = hashes[place]
            used += 1
    return used


@kernel
def _list_repeats(hashes, first_row, shift, number, twice, met, out, used):  # type: ignore[no-untyped-def]
    """Append the rows whose hash is in `twice`, uint64 sorted, and was met before."""
    for place in range(hashes.shape[0]):
        value = hashes[place]
        if value >> uint64(shift) != uint64(number):
            continue
        low, high = int64(0), int64(twice.shape[0])
        while low < high:
            middle = (low + high) >> 1
            if twice[middle] < value:
                low = middle + 1
            else:
                high = middle
        if low < twice.shape[0] and twice[low] == value:
            if met[low]:
                out[used] = first_row + place
                used += 1
            met[low] = True
    return used


class LaterIds:
    """Hashes of record ids on disk, and which row of which file each record was.

    Parameters
    ----------
    directory : for the file of hashes, 8 bytes a record, removed by `rows`
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "ids.hashes"
        self._file = self._path.open("wb", buffering=0)
        self._count = 0
        # (first record, path, first row or all row numbers) of each batch: rows usually run on.
        self._batches: list[tuple[int, str, int | NDArray[np.int64]]] = []

    def mark(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Take the hashes of the next records; none is said to be met before: it is told later.

        Parameters
        ----------
        hashes : uint64[n]
        """
        self._file.write(np.ascontiguousarray(hashes).data)
        return np.zeros(len(hashes), np.bool_)

    def note(self, path: str, rows: NDArray[np.int64]) -> None:
        """Remember where the next records come from.

        Parameters
        ----------
        path : of their file
        rows : int64[n], rising row numbers
        """
        if len(rows):
            runs_on = int(rows[-1]) - int(rows[0]) == len(rows) - 1
            self._batches.append((self._count, path, int(rows[0]) if runs_on else rows))
            self._count += len(rows)

    def rows(self, memory_bytes: int) -> NDArray[np.int64]:
        """Find the records with an id that an earlier one has: int64[n], rising.

        Parameters
        ----------
        memory_bytes : for the hashes sorted at once
        """
        self._file.close()
        bits = 1
        while (16 * self._count * thread_count()) >> bits > memory_bytes and 1 << bits < RANGES_MAX:
            bits += 1
        try:
            found = map_slices(lambda number: self._repeats(number, bits), range(1 << bits))
        finally:
            self._path.unlink()
        return np.sort(np.concatenate(found))

    def _repeats(self, number: int, bits: int) -> NDArray[np.int64]:
        shift = 64 - bits
        held = np.empty(int(RANGE_SLACK * self._count / (1 << bits)) + 1024, np.uint64)
        used = self._scan(lambda part, _, used: _take_range(part, shift, number, held, used))
        if used > len(held):
            held = np.empty(used, np.uint64)
            used = self._scan(lambda part, _, used: _take_range(part, shift, number, held, used))
        held = held[:used]
        held.sort()
        again = held[1:][held[1:] == held[:-1]]
        rows = np.empty(len(again), np.int64)
        if len(again):
            twice = np.unique(again)
            met = np.zeros(len(twice), np.bool_)
            self._scan(
                lambda part, first, used: _list_repeats(
                    part, first, shift, number, twice, met, rows, used
                )
            )
        return rows

    def _scan(self, step: Callable[[NDArray[np.uint64], int, int], int]) -> int:
        """Give the hashes to `step` a stretch at a time, with what the last one returned."""
        used = 0
        with self._path.open("rb", buffering=0) as file:
            for part in slices(self._count, READ_RECORDS):
                hashes = np.fromfile(file, np.uint64, part.stop - part.start)
                used = step(hashes, part.start, used)
        return used

    def reject(
        self,
        rows: NDArray[np.int64],
        store: EncodedStore,
        sources: tuple[str, ...],
        rejects: Rejects,
    ) -> None:
        """Name the records that were set aside.

        Parameters
        ----------
        rows : as `rows` found them
        store : the encoded records
        sources : names by number
        rejects : takes a row for each
        """
        starts = np.array([first for first, _, _ in self._batches], np.int64)
        batch_of = np.searchsorted(starts, rows, side="right") - 1
        for batch in np.unique(batch_of).tolist():
            chosen = rows[batch_of == batch]
            first, path, numbers = self._batches[batch]
            places = chosen - first
            given = numbers + places if isinstance(numbers, int) else numbers[places]
            names = pa.array(sources).take(pa.array(store.gather_sources(chosen)))
            rejects.append(
                path,
                given,
                reason=REPEATED_REASON,
                source=names,
                record_id=store.gather_record_ids(chosen),
            )
