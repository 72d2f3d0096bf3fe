"""Sorting more (key, record) entries than fit in memory: sorted runs, merged slice by slice.

An entry is one uint64: 32 bits of key above 32 bits of record number, so that plain `np.sort`
orders it (an order found by `argsort` would cost ten times as much).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from index_store.leaf_file import LeafTable
from index_store.leaf_kernels import decode_pairs
from index_store.translation import translated
from person.threads import ordered_map, thread_count

__all__ = ["BaseRun", "EntrySorter", "SortedRun"]

Entries = NDArray[np.uint64]

_SAMPLES_A_SLICE: Final = 16
_SLICE_MIN: Final = 1 << 14
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
    which the system removes with the process.
    """

    def __init__(self, memory_entries: int, workspace: Path) -> None:
        self._room = max(_SLICE_MIN, memory_entries // 2)
        self._workspace = workspace
        self._parts: list[Entries] = []
        self._held = 0
        self._file: Any = None
        self._runs: list[tuple[int, int]] = []
        self._spilled = 0

    def add(self, entries: Entries) -> None:
        """Take entries, uint64[n]."""
        while len(entries):
            part = entries[: self._room - self._held]
            self._parts.append(part)
            self._held += len(part)
            entries = entries[len(part) :]
            if self._held == self._room:
                self._spill()

    def _sorted_parts(self) -> Entries:
        held = np.concatenate([*self._parts, np.zeros(0, np.uint64)])
        self._parts, self._held = [], 0
        held.sort()
        return held

    def _spill(self) -> None:
        run = self._sorted_parts()
        with translated(self._workspace):
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._workspace)  # noqa: SIM115
            run.tofile(self._file)
        self._runs.append((self._spilled, len(run)))
        self._spilled += len(run)

    def prepare(self) -> None:
        """Sort what is in memory; several sorters may do so side by side."""
        self._parts = [self._sorted_parts()]

    def sorted_slices(self, others: Sequence[Run] = ()) -> Iterator[Entries]:
        """All entries, those of `others` among them, ascending, each once, slice by slice.

        Call it once, after `prepare`.
        """
        (held,) = self._parts
        runs: list[Run] = [SortedRun(held), *others]
        if self._file is not None:
            self._file.flush()
            mapped = np.memmap(self._file, np.uint64, mode="r")
            runs += [SortedRun(mapped[start : start + count]) for start, count in self._runs]
        runs = [run for run in runs if len(run)]
        if len(runs) == 1 and isinstance(runs[0], SortedRun):
            slices: Iterator[Entries] = iter([_distinct(runs[0].cut(0, _END))])
        else:
            size = max(_SLICE_MIN, self._room // (2 * thread_count()))
            slices = ordered_map(lambda edges: _merged(runs, *edges), _edges(runs, size), ahead=1)
        yield from slices

    def close(self) -> None:
        """Give back the disk space."""
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


def _merged(runs: Sequence[Run], low: int, high: int) -> Entries:
    parts = [part for part in (run.cut(low, high) for run in runs) if len(part)]
    if len(parts) == 1:
        return _distinct(np.asarray(parts[0]))
    merged = np.concatenate([*parts, np.zeros(0, np.uint64)])
    merged.sort()
    return _distinct(merged)


def _distinct(entries: Entries) -> Entries:
    """Sorted entries without doubles."""
    fresh = np.ones(len(entries), np.bool_)
    np.not_equal(entries[1:], entries[:-1], out=fresh[1:])
    return np.ascontiguousarray(entries) if fresh.all() else entries[fresh]
