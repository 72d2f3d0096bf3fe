"""Encoded rows in a flat file, with only the fields that a run reads.

For populations too large for a store of everything: the fields that usual rules and models need
take 32 bytes a record. The file holds nothing but the rows, as 64-bit words in the machine's own
order, and is scratch: whoever writes it removes it. Records are of one source, 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from person.errors import InputError
from person.layout import Layout
from person.records import RecordChunk, RecordSource
from person.slots import copy_slot
from person.threads import map_slices, slices

__all__ = ["RowFile", "repack_rows", "write_row_file"]

CHUNK_ROWS: Final = 1 << 18
SLICE_ROWS: Final = 1 << 15


def repack_rows(rows: NDArray[np.uint64], layout: Layout, narrow: Layout) -> NDArray[np.uint64]:
    """Rows of a layout with some of the fields.

    Parameters
    ----------
    rows : uint64[n, layout.n_words]
    layout, narrow : of these rows, and of those wanted; fields of `narrow` are fields of `layout`

    Returns
    -------
    uint64[n, narrow.n_words]
    """
    out = np.zeros((len(rows), narrow.n_words), np.uint64)
    moves = [
        (layout.slots(name)[component], narrow.slots(name)[component])
        for name in narrow.positions
        for component in range(len(narrow.slots(name)))
    ]

    def work(part: slice) -> None:
        for one, other in moves:
            copy_slot(rows[part], one, other, out[part])

    map_slices(work, slices(len(rows), SLICE_ROWS))
    return out


def write_row_file(path: Path, source: RecordSource, layout: Layout, narrow: Layout) -> RowFile:
    """Read a source once and write its rows, repacked; 0.5 to 1.5 GB a second by the disk.

    Parameters
    ----------
    path : of the file to write
    source : records, of `layout`
    layout, narrow : see `repack_rows`
    """
    with path.open("wb", buffering=0) as file:
        for chunk in source.chunks():
            file.write(repack_rows(chunk.rows, layout, narrow).data)
    return RowFile(path, narrow.n_words)


class RowFile:
    """A written file as a `RecordSource`; its pages are mapped, not read into memory.

    Parameters
    ----------
    path : of the file
    n_words : 64-bit words in a row
    """

    def __init__(self, path: Path, n_words: int) -> None:
        size = path.stat().st_size
        if size % (8 * n_words):
            raise InputError(f"{path}: not a file of rows of {n_words} words", path=str(path))
        self._n_words = n_words
        self._count = size // (8 * n_words)
        self._path = path

    @property
    def record_count(self) -> int:
        return self._count

    @property
    def n_words(self) -> int:
        return self._n_words

    def chunks(self) -> Iterator[RecordChunk]:
        """All records in order; a chunk's pages may leave the cache when the next is asked for."""
        source = np.zeros(CHUNK_ROWS, np.uint16)
        for part in slices(self._count, CHUNK_ROWS):
            count = part.stop - part.start
            start = 8 * self._n_words * part.start
            rows = np.memmap(self._path, np.uint64, "r", start, (count, self._n_words))
            yield RecordChunk(part.start, rows.view(np.ndarray), source[:count])
