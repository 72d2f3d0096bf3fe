"""Reads that ask of several rules, or of rows and owners, in one go."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index_store.single_reads import SingleReads
from index_store.touched import TOUCH_ROW

__all__ = ["JointReads", "merged_runs", "no_runs"]


class JointReads(SingleReads):
    """The part of a `Snapshot` that joins what others would ask one after another."""

    @abstractmethod
    def identities(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """See `Snapshot`."""

    def all_postings(
        self, rules: NDArray[np.int64], keys: NDArray[np.uint64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`postings` of several rules in one go.

        Parameters
        ----------
        rules : int64[m], number of each line's rule
        keys : uint64[m, n], 0 where there is no key

        Returns
        -------
        int64[m * n + 1] offsets and record numbers, line by line
        """
        wanted = np.ascontiguousarray(keys, np.uint64)
        if self._base is None:
            found = no_runs(wanted.size)
        else:
            found = self._base.all_postings(rules, wanted)
        marks = np.zeros(wanted.shape, np.bool_)
        changes = []
        if self._filter.test_rules(rules, wanted, marks):
            marks &= wanted != 0
            for line, place in np.argwhere(marks).tolist():
                changed = self._delta.postings(int(rules[line]), int(wanted[line, place]))
                changes.append((line * wanted.shape[1] + place, changed))
        return merged_runs(*found, changes)

    def holders(
        self, rule: int, keys: NDArray[np.uint64], part: NDArray[np.int64],
        values: NDArray[np.uint64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:  # fmt: skip
        """Identities whose records hold a value, found by its block key.

        Parameters
        ----------
        rule : number of the rule
        keys : uint64[n], 0 where there is no key
        part : int64[3], (word, shift, bits) of the value in a row
        values : uint64[n]

        Returns
        -------
        int64[n] the smallest identity, -1 for none, and int32[n] how many there are
        """
        offsets, records = self.postings(rule, keys)
        owners = self.identities(records)
        is_held = records >= self.state.base_record_count
        self._filter.test(TOUCH_ROW, records.astype(np.uint64), is_held)
        held = np.zeros(len(records), np.uint64)
        word, shift, bits = part.tolist()
        late = np.flatnonzero(is_held)
        if len(late):
            words = self.rows(records[late])[:, word] >> np.uint64(shift)
            held[late] = words & np.uint64((1 << bits) - 1)
        if self._base is not None:
            runs = offsets, records, owners
            return self._base.holders(runs, held, is_held, part, values)
        first, counts = np.full(len(values), -1, np.int64), np.zeros(len(values), np.int32)
        for place, value in enumerate(values.tolist()):
            run = slice(offsets[place], offsets[place + 1])
            found = set(owners[run][held[run] == np.uint64(value)].tolist()) - {-1}
            if found:
                first[place], counts[place] = min(found), len(found)
        return first, counts


def no_runs(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Offsets and records of so many empty runs."""
    return np.zeros(count + 1, np.int64), np.zeros(0, np.int64)


def merged_runs(
    offsets: NDArray[np.int64],
    records: NDArray[np.int64],
    changes: Sequence[tuple[int, tuple[list[int], list[int]]]],
    founders: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Runs of the base with what the delta adds to and takes from some of them.

    Parameters
    ----------
    offsets, records : of the base
    changes : (place of a run, records added and removed)
    founders : further (run << 32 | record) to add
    """
    if not changes and founders is None:
        return offsets, records
    count = len(offsets) - 1
    pairs = (np.repeat(np.arange(count), np.diff(offsets)) << 32) | records
    removed = [place << 32 | record for place, (_, gone) in changes for record in gone]
    added = [place << 32 | record for place, (new, _) in changes for record in new]
    if removed:
        pairs = pairs[~np.isin(pairs, np.array(removed, np.int64))]
    parts = [pairs, np.array(added, np.int64)]
    pairs = np.sort(np.concatenate(parts if founders is None else [*parts, founders]))
    if len(pairs):
        pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])]
    edges = np.searchsorted(pairs, np.arange(count + 1, dtype=np.int64) << 32)
    return edges, pairs & 0xFFFFFFFF
