"""The keys of blocks that were too large to compare in full, for each rule."""

from __future__ import annotations

from threading import Lock

import numpy as np
from numpy.typing import NDArray

from blocking.run_kernels import insert_in_set

__all__ = ["KeySet"]


class KeySet:
    """A growing set of block keys; added to under a lock, read by kernels without one.

    A reader may miss keys that another thread adds meanwhile, never one its own thread added.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._count = 0
        self.table = np.zeros(16, np.uint64)

    def __len__(self) -> int:
        return self._count

    def add(self, key: int) -> None:
        with self._lock:
            if 4 * (self._count + 1) > len(self.table):
                grown = np.zeros(2 * len(self.table), np.uint64)
                insert_in_set(grown, self.table[self.table != 0])
                self.table = grown
            self._count += int(insert_in_set(self.table, np.array([key], np.uint64)))

    def keys(self) -> NDArray[np.uint64]:
        return np.sort(self.table[self.table != 0])
