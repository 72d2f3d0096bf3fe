"""Keys of several rules of a run, made in one reading of the records.

Rules share parts, and a part costs as much as reading a row: the keys of thirteen rules over
residents' records take 150 ns a record made one by one, and 85 made together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final

import numpy as np
from numpy.typing import NDArray

from blocking import entry_kernels
from blocking.held_rows import HeldRows
from blocking.kernels import combine_keys
from blocking.keys import ResolvedRule, ResolvedRules
from blocking.scan import SLICE_ROWS
from person.threads import map_slices, slices, thread_count

__all__ = ["PARTS_ROWS", "RuleKeys", "make_keys"]

PARTS_ROWS: Final = 8192
"""Rows whose parts are computed together: those of a few rules fit the second-level cache."""


@dataclass(frozen=True, slots=True)
class RuleKeys:
    """A rule's keys.

    Attributes
    ----------
    keys : uint64[variants, n], 0 = none
    entries : keys among them
    keyed_records : records with one, of the whole source where these are a sample
    is_sample : the records are those with a key in the first parts of all possible keys
    """

    keys: NDArray[np.uint64]
    entries: int
    keyed_records: int
    is_sample: bool = False


def make_keys(
    held: HeldRows,
    resolved: ResolvedRules,
    rules: Sequence[ResolvedRule],
    out: NDArray[np.uint64],
) -> list[RuleKeys]:
    """Compute the keys of some rules for all records.

    Parameters
    ----------
    held : the records
    resolved : the parts of the rules
    rules : those wanted, of `resolved`
    out : uint64[>= keys that all these rules give a record, n], where they go
    """
    stops = np.cumsum([len(rule.variants) for rule in rules]).tolist()
    keys = [out[stop - len(rule.variants) : stop] for rule, stop in zip(rules, stops, strict=True)]
    wanted = sorted(frozenset[int]().union(*(rule.key_parts for rule in rules)))
    buffers: SimpleQueue[NDArray[np.uint64]] = SimpleQueue()
    for _ in range(thread_count()):
        buffers.put(np.empty((max(len(resolved.parts), 1), PARTS_ROWS), np.uint64))

    def work(piece: slice) -> NDArray[np.int64]:
        parts = buffers.get()
        counted = np.zeros((len(rules), 2), np.int64)
        try:
            for start in range(piece.start, piece.stop, PARTS_ROWS):
                at = slice(start, min(start + PARTS_ROWS, piece.stop))
                rows = held.rows[at]
                resolved.fill_parts(wanted, rows, parts)
                for number, rule in enumerate(rules):
                    mine = keys[number]
                    entries = records = 0
                    for variant, part_index in enumerate(rule.variants):
                        entries += combine_keys(parts, part_index, len(rows), mine[variant, at])
                        records = entries
                    if len(mine) > 1:
                        records = entry_kernels.count_keyed(mine, start, at.stop)
                    counted[number] += (entries, records)
        finally:
            buffers.put(parts)
        return counted

    totals = np.zeros((len(rules), 2), np.int64)
    for counted in map_slices(work, slices(len(held), SLICE_ROWS)):
        totals += counted
    return [
        RuleKeys(each, int(entries), int(records))
        for each, (entries, records) in zip(keys, totals, strict=True)
    ]
