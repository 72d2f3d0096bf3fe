"""Rows of a source in one array, as they travel: reached by record number."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from blocking import entry_kernels
from blocking.keys import read_only
from blocking.spill_kernels import fill_travelling_rows
from person.records import RecordChunk, RecordSource
from person.threads import map_slices

__all__ = ["HeldRows"]

CHUNKS_TOGETHER: Final = 16
"""Chunks copied side by side: they may be made as they are read, and are let go of."""


class HeldRows:
    """Encoded rows, each with its origin as last word.

    Parameters
    ----------
    rows : uint64[n, n_words + 1]
    """

    def __init__(self, rows: NDArray[np.uint64]) -> None:
        self.rows = rows
        self._flat = rows.reshape(-1)

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def read(cls, source: RecordSource) -> HeldRows:
        """Copy the rows of a source, read once."""
        rows = np.empty((source.record_count, source.n_words + 1), np.uint64)

        def copy(chunk: RecordChunk) -> None:
            out = rows[chunk.first_row : chunk.first_row + len(chunk)]
            fill_travelling_rows(
                *(read_only(chunk.rows), read_only(chunk.source), chunk.first_row, out)
            )

        waiting: list[RecordChunk] = []
        for chunk in source.chunks():
            waiting.append(chunk)
            if len(waiting) == CHUNKS_TOGETHER:
                map_slices(copy, waiting)
                waiting = []
        map_slices(copy, waiting)
        return cls(rows)

    def gather(self, numbers: NDArray[np.uint32], out: NDArray[np.uint64]) -> None:
        """Rows by their place: out uint64[>= len(numbers), n_words + 1]."""
        entry_kernels.gather_held_rows(self._flat, numbers, out)
