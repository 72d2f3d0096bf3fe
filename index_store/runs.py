"""Sorting more (key, record) entries than fit in memory: sorted runs, merged slice by slice.

An entry is one uint64: 32 bits of key above 32 bits of record number. Most come in order of their
records, and runs do in order of theirs, so that sorting by the key alone is enough
(`sort_kernels`); what came in another order is noticed and sorted whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from index_store.leaf_file import LeafTable
from index_store.leaf_kernels import decode_pairs
from index_store.sort_kernels import sorted_entries
from index_store.translation import translated
from person.threads import slices

__all__ = ["BaseRun", "EntrySorter", "SortedRun"]

Entries = NDArray[np.uint64]

_SAMPLES_A_SLICE: Final = 16
_SLICE_MIN: Final = 1 << 14
_SLICE_MAX: Final = 1 << 17
"""Of entries merged at once: with their copy, two megabytes, which a processor's cache holds."""

_END: Final = (1 << 64) - 1


class Run(Protocol):
    """Sorted entries that can be cut by value."""

    def __len__(self) -> int: ...

    def sample(self, stride: int) -> Entries: ...

    def cut(self, low: int, high: int) -> Entries: ...


class SortedRun:
    """A run that is an array, in memory or mapped from a file."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def sample(self, stride: int) -> Entries:
        """Every `stride`-th entry."""
        return self._entries[::stride]

    def cut(self, low: int, high: int) -> Entries:
        """Entries from `low` to `high`, both included."""
        start = np.searchsorted(self._entries, np.uint64(low), "left")
        end = np.searchsorted(self._entries, np.uint64(high), "right")
        return self._entries[start:end]


class BaseRun:
    """The entries of a packed table but those in `removed` (sorted)."""

    def __init__(self, table: LeafTable, removed: Entries) -> None:
        self._table = table
        self._removed = removed

    def __len__(self) -> int:
        return self._table.entries

    def sample(self, stride: int) -> Entries:
        """The first key of every so many leaves."""
        leaves = len(self._table.first_keys)
        step = max(1, stride * leaves // max(1, len(self)))
        return self._table.first_keys[::step] << np.uint64(32)

    def cut(self, low: int, high: int) -> Entries:
        """Entries from `low` to `high`, both included."""
        keys = self._table.first_keys
        first = max(0, int(np.searchsorted(keys, np.uint64(low >> 32), "left")) - 1)
        last = int(np.searchsorted(keys, np.uint64(high >> 32), "right"))
        none = np.zeros(0, np.uint64)
        count = decode_pairs(self._table.segments, first, last, none, none)
        found, records = np.empty(count, np.uint64), np.empty(count, np.uint64)
        if count:
            decode_pairs(self._table.segments, first, last, found, records)
        found = (found << np.uint64(32)) | records
        found = found[(found >= np.uint64(low)) & (found <= np.uint64(high))]
        gone = SortedRun(self._removed).cut(low, high)
        return found[~np.isin(found, gone)] if len(gone) else found


class EntrySorter:
    """Takes entries in any order, gives them back sorted, each once.

    Holds at most `memory_entries` of them; more go to a file without a name in `workspace`,
    which the system removes with the process. What it holds lies in one array that is filled
    again and again: memory touched first costs as much as sorting it.

    Parameters
    ----------
    memory_entries : how many it may hold
    workspace : directory for the rest
    spares : arrays of that length which sorters that work in turn may share
    """

    def __init__(self, memory_entries: int, workspace: Path, spares: SimpleQueue[Entries]) -> None:
        self._room = max(_SLICE_MIN, memory_entries)
        self._workspace = workspace
        self._spares = spares
        self._entries: Entries | None = None
        self._held = 0
        self._file: Any = None
        self._runs: list[tuple[int, int]] = []
        self._spilled = 0

    def __len__(self) -> int:
        return self._spilled + self._held

    def add(self, entries: Entries) -> None:
        """Take entries, uint64[n]."""
        for start in range(0, len(entries), _SLICE_MIN):
            part = entries[start : start + _SLICE_MIN]
            self._room_for(len(part))[:] = part
            self._held += len(part)

    def add_made(self, count: int, make: Callable[[slice, Entries], int]) -> None:
        """Take at most `count` entries that `make(part, out)` writes, part by part of them all."""
        for part in slices(count, _SLICE_MIN):
            made = make(part, self._room_for(part.stop - part.start))  # which may spill
            self._held += made

    def _room_for(self, count: int) -> Entries:
        """Where the next entries go, at most _SLICE_MIN of them."""
        if self._entries is None:
            self._entries = np.empty(self._room, np.uint64)
        if self._held + count > self._room:
            self._spill()
        return self._entries[self._held : self._held + count]

    def _spare(self) -> Entries:
        try:
            return self._spares.get_nowait()
        except Empty:
            return np.empty(self._room, np.uint64)

    def _spill(self) -> None:
        assert self._entries is not None, "there is something to spill"
        spare = self._spare()
        run = sorted_entries(self._entries[: self._held], spare)
        with translated(self._workspace):
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._workspace)  # noqa: SIM115
            run.tofile(self._file)
        self._spares.put(spare)
        self._runs.append((self._spilled, len(run)))
        self._spilled += len(run)
        self._held = 0

    def sorted_slices(self, others: Sequence[Run] = ()) -> Iterator[Entries]:
        """All entries, those of `others` among them, ascending, each once, slice by slice.

        Call it once; a slice lasts until the next is asked for.
        """
        spare = self._spare()
        held = np.zeros(0, np.uint64) if self._entries is None else self._entries[: self._held]
        runs: list[Run] = [*others]
        if self._file is not None:
            self._file.flush()
            mapped = np.memmap(self._file, np.uint64, mode="r")
            runs += [SortedRun(mapped[start : start + count]) for start, count in self._runs]
        runs = [run for run in [*runs, SortedRun(sorted_entries(held, spare))] if len(run)]
        if len(runs) == 1 and isinstance(runs[0], SortedRun):
            yield runs[0].cut(0, _END)
        elif runs:
            yield from _merged(runs, min(max(_SLICE_MIN, self._room // 4), _SLICE_MAX))
        self._spares.put(spare)

    def close(self) -> None:
        """Give back the memory and the disk space."""
        self._entries = None
        if self._file is not None:
            self._file.close()


def _edges(runs: Sequence[Run], size: int) -> Iterator[tuple[int, int]]:
    """(low, high), both included, of slices of about `size` entries."""
    stride = max(1, size // _SAMPLES_A_SLICE)
    none = np.zeros(0, np.uint64)
    samples = np.sort(np.concatenate([none, *(run.sample(stride) for run in runs)]))
    chosen = np.unique(samples[_SAMPLES_A_SLICE::_SAMPLES_A_SLICE]).astype(np.uint64).tolist()
    low = 0
    for edge in chosen:
        if edge > low:
            yield low, edge - 1
            low = edge
    yield low, _END


def _merged(runs: Sequence[Run], size: int) -> Iterator[Entries]:
    """The entries of several runs, each once, in slices of about `size`."""
    entries = spare = np.empty(0, np.uint64)
    for low, high in _edges(runs, size):
        parts = [run.cut(low, high) for run in runs]
        count = sum(map(len, parts))
        if count > len(entries):
            entries, spare = np.empty(count + size, np.uint64), np.empty(count + size, np.uint64)
        np.concatenate(parts, out=entries[:count])
        yield sorted_entries(entries[:count], spare)
