"""Counting the keys of all rules in one reading, where keys are too many to hold.

Reading is then what costs: a store larger than memory, or a generator. So one reading serves all
rules, and no counting filter is kept: it would save less than the room it takes from the pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from blocking import stream_kernels
from blocking.kernels import combine_keys
from blocking.keys import ResolvedRule, ResolvedRules
from blocking.memory import PREFIX_BITS_MAX
from blocking.scan import KEY_ROWS, iterate_batches
from person.records import RecordChunk, RecordSource
from person.threads import map_slices, slices, thread_count

__all__ = ["PrefixCounts", "count_all_rules"]


@dataclass(frozen=True, slots=True)
class PrefixCounts:
    """One rule's keys.

    Attributes
    ----------
    keyed_records : records with a key
    histogram : int64[2 ** PREFIX_BITS_MAX], records by the top bits of their keys
    """

    keyed_records: int
    histogram: NDArray[np.int64]


class _Counter:
    """What one thread counts, and its buffers."""

    def __init__(self, resolved: ResolvedRules) -> None:
        self._resolved = resolved
        self._wanted = sorted(frozenset[int]().union(*(r.key_parts for r in resolved.rules)))
        self._parts = np.empty((max(len(resolved.parts), 1), KEY_ROWS), np.uint64)
        variants = max((len(rule.variants) for rule in resolved.rules), default=1)
        self._keys = np.empty((variants, KEY_ROWS), np.uint64)
        self.keyed = np.zeros(len(resolved.rules), np.int64)
        self.histograms = np.zeros((len(resolved.rules), 1 << PREFIX_BITS_MAX), np.int64)

    def count(self, chunk: RecordChunk) -> None:
        for part in slices(len(chunk), KEY_ROWS):
            rows = chunk.rows[part]
            self._resolved.fill_parts(self._wanted, rows, self._parts)
            for number, rule in enumerate(self._resolved.rules):
                self._count_rule(number, rule, len(rows))

    def _count_rule(self, number: int, rule: ResolvedRule, count: int) -> None:
        keys = self._keys[: len(rule.variants)]
        for variant, part_index in enumerate(rule.variants):
            combine_keys(self._parts, part_index, count, keys[variant])
        is_keyed = keys[0, :count] if len(keys) == 1 else keys[:, :count].any(axis=0)
        self.keyed[number] += np.count_nonzero(is_keyed)
        shift = 64 - PREFIX_BITS_MAX
        stream_kernels.count_prefixes(keys, 0, count, shift, self.histograms[number])


def count_all_rules(
    source: RecordSource, resolved: ResolvedRules, batch_rows: int
) -> tuple[PrefixCounts, ...]:
    """Count the keys of each rule by their prefix, in one reading of the records.

    Parameters
    ----------
    source : records
    resolved : rules over their layout
    batch_rows : records read at a time
    """
    counters: SimpleQueue[_Counter] = SimpleQueue()
    everyone = [_Counter(resolved) for _ in range(thread_count())]
    for each in everyone:
        counters.put(each)

    def work(piece: tuple[int, RecordChunk]) -> None:
        counter = counters.get()
        try:
            counter.count(piece[1])
        finally:
            counters.put(counter)

    for batch in iterate_batches(source, batch_rows):
        map_slices(work, batch.pieces)
    keyed = np.sum([each.keyed for each in everyone], axis=0)
    histograms = np.sum([each.histograms for each in everyone], axis=0)
    return tuple(
        PrefixCounts(int(count), histogram)
        for count, histogram in zip(keyed, histograms, strict=True)
    )
