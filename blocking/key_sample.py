"""The records of a share of the keys, of all rules in one reading.

What is learnt or estimated looks at a few of the keys, whole blocks each. Every record's keys must
be computed to know which those are, and that is nearly all there is to do: so it is done once for
all rules, whose parts are shared, and each rule is then run over the records of its own sample.
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
from blocking.key_table import PARTS_ROWS, RuleKeys
from blocking.keys import ResolvedRules
from blocking.scan import KEY_SHARES, SLICE_ROWS, Batch, iterate_batches
from person.records import RecordChunk, RecordSource
from person.threads import map_slices, slices, thread_count

__all__ = ["RuleSample", "sample_all_rules", "sample_bytes"]

ORIGIN_BYTES: Final = 16
"""Origin and key of a record."""

_Taken = tuple[NDArray[np.int32], NDArray[np.uint64]]
"""Places of records in their stretch, int32[k], and their keys, uint64[variants, k]."""


@dataclass(frozen=True, slots=True)
class RuleSample:
    """The records with a key of one rule in the sample, in their order, and all their keys."""

    held: HeldRows
    keys: RuleKeys


class _Taker:
    """One thread's buffers, and what it takes from a stretch of records."""

    def __init__(self, resolved: ResolvedRules, prefixes: int) -> None:
        self._resolved = resolved
        self._wanted = sorted(frozenset[int]().union(*(r.key_parts for r in resolved.rules)))
        self._parts = np.empty((max(len(resolved.parts), 1), PARTS_ROWS), np.uint64)
        variants = [len(rule.variants) for rule in resolved.rules]
        self._keys = [np.empty((count, PARTS_ROWS), np.uint64) for count in variants]
        self._places = np.empty((len(variants), SLICE_ROWS), np.int32)
        self._taken_keys = [np.empty((count, SLICE_ROWS), np.uint64) for count in variants]
        self._below = np.uint64(min(prefixes << 48, (1 << 64) - 1))

    def take(self, chunk: RecordChunk) -> tuple[list[_Taken], NDArray[np.int64]]:
        """The records of each rule's sample, and how many have a key at all."""
        rules = self._resolved.rules
        keyed = np.zeros(len(rules), np.int64)
        used = [0] * len(rules)
        for part in slices(len(chunk), PARTS_ROWS):
            rows = chunk.rows[part]
            self._resolved.fill_parts(self._wanted, rows, self._parts)
            for number, rule in enumerate(rules):
                keys = self._keys[number]
                for variant, part_index in enumerate(rule.variants):
                    combine_keys(self._parts, part_index, len(rows), keys[variant])
                used[number], counted = entry_kernels.take_low_places(
                    *(keys, len(rows), self._below, part.start, used[number]),
                    *(self._places[number], self._taken_keys[number]),
                )
                keyed[number] += counted
        return [self._copied(number, count) for number, count in enumerate(used)], keyed

    def _copied(self, number: int, count: int) -> _Taken:
        return self._places[number, :count].copy(), self._taken_keys[number][:, :count].copy()


def sample_bytes(record_count: int, n_words: int, rules: int, prefixes: int) -> int:
    """What the samples of all rules take, about."""
    return record_count * rules * (8 * n_words + ORIGIN_BYTES) * prefixes // KEY_SHARES


def sample_all_rules(
    source: RecordSource, resolved: ResolvedRules, prefixes: int, batch_rows: int
) -> list[RuleSample]:
    """Take the records of a share of the keys of each rule, in one reading of the records.

    Parameters
    ----------
    source : records
    resolved : rules over their layout
    prefixes : of KEY_SHARES equal parts of the keys, how many
    batch_rows : records read at a time
    """
    takers: SimpleQueue[_Taker] = SimpleQueue()
    for _ in range(thread_count()):
        takers.put(_Taker(resolved, prefixes))

    def work(piece: tuple[int, RecordChunk]) -> tuple[list[_Taken], NDArray[np.int64]]:
        taker = takers.get()
        try:
            return taker.take(piece[1])
        finally:
            takers.put(taker)

    rows: list[list[NDArray[np.uint64]]] = [[] for _ in resolved.rules]
    keys: list[list[NDArray[np.uint64]]] = [[] for _ in resolved.rules]
    keyed = np.zeros(len(resolved.rules), np.int64)
    for batch in iterate_batches(source, max(batch_rows, SLICE_ROWS)):
        taken = map_slices(work, batch.pieces)
        keyed += sum(counted for _, counted in taken)
        for number in range(len(resolved.rules)):
            mine = [each[number] for each, _ in taken]
            rows[number].append(_copied_rows(batch, [places for places, _ in mine]))
            keys[number].append(np.concatenate([found for _, found in mine], axis=1))
        del taken

    def joined(number: int) -> RuleSample:
        found = _joined(keys[number], 1, (len(resolved.rules[number].variants), 0))
        held = HeldRows(_joined(rows[number], 0, (0, source.n_words + 1)))
        rows[number], keys[number] = [], []
        rule_keys = RuleKeys(found, found.size, int(keyed[number]), is_sample=True)
        return RuleSample(held, rule_keys)

    return [joined(number) for number in range(len(resolved.rules))]


def _copied_rows(batch: Batch, places: Sequence[NDArray[np.int32]]) -> NDArray[np.uint64]:
    """Travelling rows at some places of each piece of a batch, one piece after another."""
    ends = np.cumsum([len(each) for each in places])
    out = np.empty((int(ends[-1]), batch.pieces[0][1].rows.shape[1] + 1), np.uint64)

    def copy(number: int) -> None:
        chunk, mine = batch.pieces[number][1], places[number]
        to = out[ends[number] - len(mine) : ends[number]]
        entry_kernels.copy_places(chunk.rows, chunk.source, chunk.first_row, mine, to)

    map_slices(copy, range(len(places)))
    return out


def _joined(
    arrays: list[NDArray[np.uint64]], axis: int, empty: tuple[int, int]
) -> NDArray[np.uint64]:
    """One array of several; mostly there is one."""
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate([np.empty(empty, np.uint64), *arrays], axis=axis)
