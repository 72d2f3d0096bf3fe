"""The records of a share of the keys, of all rules in one reading.

What is learnt or estimated looks at a few of the keys, whole blocks each. Every record's keys must
be computed to know which those are, and that is nearly all there is to do: so it is done once for
all rules, whose parts are shared, and each rule is then run over the records of its own sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from typing import Final

import numpy as np
from numpy.typing import NDArray

from blocking import stream_kernels
from blocking.kernels import combine_keys
from blocking.keys import ResolvedRules
from blocking.scan import KEY_ROWS, KEY_SHARES, SLICE_ROWS, iterate_batches
from person.records import RecordChunk, RecordSource
from person.threads import map_slices, slices, thread_count

__all__ = ["RuleSample", "sample_all_rules", "sample_bytes"]

_Rows = tuple[NDArray[np.uint64], NDArray[np.uint16], NDArray[np.int64]]

ORIGIN_BYTES: Final = 10


class RuleSample:
    """A `RecordSource` of the records with a key of one rule in the sample, in their order.

    Parameters
    ----------
    pieces : rows uint64[k, n_words], sources uint16[k] and record numbers int64[k]
    n_words : 64-bit words in a row
    keyed_records : records of the whole source that have a key of the rule
    """

    def __init__(self, pieces: Sequence[_Rows], n_words: int, keyed_records: int) -> None:
        self._pieces = [piece for piece in pieces if len(piece[0])]
        self._n_words = n_words
        self.keyed_records = keyed_records

    @property
    def record_count(self) -> int:
        return sum(len(rows) for rows, _, _ in self._pieces)

    @property
    def n_words(self) -> int:
        return self._n_words

    def chunks(self) -> Iterator[RecordChunk]:
        first_row = 0
        for rows, source, numbers in self._pieces:
            yield RecordChunk(first_row, rows, source, numbers)
            first_row += len(rows)


class _Taker:
    """One thread's buffers, and what it takes from a stretch of records."""

    def __init__(self, resolved: ResolvedRules, prefixes: int) -> None:
        self._resolved = resolved
        self._wanted = sorted(frozenset[int]().union(*(r.key_parts for r in resolved.rules)))
        self._parts = np.empty((max(len(resolved.parts), 1), KEY_ROWS), np.uint64)
        variants = max((len(rule.variants) for rule in resolved.rules), default=1)
        self._keys = np.empty((variants, KEY_ROWS), np.uint64)
        self._prefixes = prefixes

    def take(self, chunk: RecordChunk) -> tuple[list[_Rows], NDArray[np.int64]]:
        """The records of each rule's sample, and how many have a key at all."""
        below = np.uint64(min(self._prefixes << 48, (1 << 64) - 1))
        keyed = np.zeros(len(self._resolved.rules), np.int64)
        room = len(chunk) * 2 * self._prefixes // KEY_SHARES + KEY_ROWS
        taken = [_empty_rows(room, chunk) for _ in self._resolved.rules]
        used = [0] * len(taken)
        for part in slices(len(chunk), KEY_ROWS):
            rows, source = chunk.rows[part], chunk.source[part]
            self._resolved.fill_parts(self._wanted, rows, self._parts)
            for number, rule in enumerate(self._resolved.rules):
                keys = self._keys[: len(rule.variants)]
                for variant, part_index in enumerate(rule.variants):
                    combine_keys(self._parts, part_index, len(rows), keys[variant])
                if used[number] + len(rows) > len(taken[number][0]):
                    taken[number] = _grown(taken[number], used[number], chunk)
                counted = stream_kernels.take_sampled_rows(
                    *(rows, source, chunk.first_row + part.start, keys, below, used[number]),
                    *taken[number],
                )
                used[number], keyed[number] = counted[0], keyed[number] + counted[1]
        return [_first(each, n) for each, n in zip(taken, used, strict=True)], keyed


def _empty_rows(count: int, like: RecordChunk) -> _Rows:
    words = np.empty((count, like.rows.shape[1]), np.uint64)
    return words, np.empty(count, np.uint16), np.empty(count, np.int64)


def _first(rows: _Rows, count: int) -> _Rows:
    words, source, numbers = rows
    return words[:count].copy(), source[:count].copy(), numbers[:count].copy()


def _grown(taken: _Rows, used: int, chunk: RecordChunk) -> _Rows:
    """The same with room for a whole stretch of records."""
    larger = _empty_rows(len(chunk), chunk)
    for place in range(len(taken)):
        larger[place][:used] = taken[place][:used]
    return larger


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

    def work(piece: tuple[int, RecordChunk]) -> tuple[list[_Rows], NDArray[np.int64]]:
        taker = takers.get()
        try:
            return taker.take(piece[1])
        finally:
            takers.put(taker)

    pieces: list[list[_Rows]] = [[] for _ in resolved.rules]
    keyed = np.zeros(len(resolved.rules), np.int64)
    for batch in iterate_batches(source, max(batch_rows, SLICE_ROWS)):
        for taken, counted in map_slices(work, batch.pieces):
            keyed += counted
            for number, each in enumerate(taken):
                pieces[number].append(each)
    return [
        RuleSample(each, source.n_words, int(count))
        for each, count in zip(pieces, keyed, strict=True)
    ]
