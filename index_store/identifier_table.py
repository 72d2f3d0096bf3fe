"""A table of one fact about every identifier of a nation: uint64 key -> number, exact, packed.

It stands alone: one leaf file, written once from keys in ascending order, then only read. A
national id number's 17-digit body is its own key; the number is an identity number, from which
its enterprise id follows.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index_store.leaf_file import LeafFileWriter, open_leaf_file
from index_store.leaf_kernels import find_first_values
from index_store.segments import PairLeaves
from index_store.sort_kernels import sorted_entries
from person.threads import map_slices, slices, thread_count

__all__ = ["IdentifierTable", "IdentifierTableWriter"]

VALUE_BITS_MAX: Final = 40

_NAME: Final = "identifiers"
_SLICE_MIN: Final = 1 << 16
_SLICE_MAX: Final = 1 << 21
_SORTED_MIN: Final = 1 << 12
_LOW: Final = np.uint64(0xFFFFFFFF)
_HIGH: Final = np.uint64(32)
_MISSING: Final = np.uint64((1 << 64) - 1)


class IdentifierTableWriter:
    """Writes a table from ascending keys; nothing has the file's name before `finish`.

    Parameters
    ----------
    path : the file, `.mdb` by custom
    value_bits : width of every value, 1 to 40
    """

    def __init__(self, path: Path, *, value_bits: int = 32) -> None:
        assert 1 <= value_bits <= VALUE_BITS_MAX, "values have 1 to 40 bits"
        self._file = LeafFileWriter(Path(path))
        self._leaves = PairLeaves(0, self._file, value_bits)
        self._value_bits = value_bits
        self._last = -1
        self._is_open = True

    def add(self, keys: NDArray[np.uint64], values: NDArray[np.uint64]) -> None:
        """Append entries, uint64[n] each; keys ascend, also from one call to the next."""
        if len(keys) == 0:
            return
        assert int(keys[0]) > self._last, "keys ascend"
        assert bool((keys[1:] > keys[:-1]).all()), "keys ascend"
        assert int(values.max()) < 1 << self._value_bits, "values fit value_bits"
        self._leaves.add(keys, values)
        self._last = int(keys[-1])

    def finish(self) -> None:
        """Make the table durable under its name."""
        self._file.finish({_NAME: self._leaves}, {"value_bits": self._value_bits})
        self._is_open = False

    def __enter__(self) -> IdentifierTableWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_open:
            self._file.abandon()


class IdentifierTable:
    """An open table; any number of threads and processes may read it."""

    def __init__(self, path: Path) -> None:
        self._file = open_leaf_file(Path(path))
        self._table = self._file.tables[_NAME]

    def __len__(self) -> int:
        return self._table.entries

    def lookup(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Values by key.

        Parameters
        ----------
        keys : uint64[n], in any order; sorted ones are found twice as fast

        Returns
        -------
        int64[n], -1 where the table has no such key
        """
        wanted = np.ascontiguousarray(keys, np.uint64)
        out = np.full(len(wanted), _MISSING, np.uint64)
        if len(self):
            size = min(max(_SLICE_MIN, -(-len(out) // thread_count())), _SLICE_MAX)
            map_slices(lambda part: self._find(wanted[part], out[part]), slices(len(out), size))
        return out.view(np.int64)

    def _find(self, keys: NDArray[np.uint64], out: NDArray[np.uint64]) -> None:
        """Values of some keys; many are asked for in the order in which the leaves lie.

        Each leaf is then near the one before: its address is translated from tables that the
        processor holds still, which at random takes as long as everything else.
        """
        table = self._table
        if len(keys) < _SORTED_MIN:
            find_first_values(table.first_keys, table.segments, keys, _MISSING, out)
            return
        low, high = table.first_keys[0], table.first_keys[-1]
        shift = np.uint64(max(0, int(high - low).bit_length() - 32))
        order = (np.clip(keys, low, high) - low) >> shift << _HIGH
        order |= np.arange(len(keys), dtype=np.uint64)
        place = sorted_entries(order, np.empty_like(order)) & _LOW
        found = np.empty_like(out)
        find_first_values(table.first_keys, table.segments, keys[place], _MISSING, found)
        out[place] = found

    def warm(self) -> None:
        """Read the whole table into memory and check it.

        Raises
        ------
        IndexCorruptError : a leaf does not fit its checksum
        """
        self._file.warm()

    def damaged_leaves(self) -> list[int]:
        """Numbers of the leaves that do not fit their checksums; reads the whole file."""
        return [leaf for _, leaf in self._file.damaged()]
