"""How often the values of some fields occur, counted over a whole table in one reading.

Values are counted as hashes: where the count of every value is wanted, all of them, part by part
of the range of hashes; where only pairs of equal values are, the frequent ones one by one and
of the rare ones a share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from matching.kernels.counting import (
    FILTER_WORDS,
    count_parts,
    count_places,
    hash_sets,
    scatter_values,
    split_values,
)
from matching.kernels.repeats import mark_repeats
from person.clusters import ClusterMembers
from person.layout import Layout
from person.records import RecordSource
from person.store import EncodedStore
from person.threads import map_slices, slices, thread_count

__all__ = ["CountedValues", "FieldSet", "count_values"]

FREQUENT_VALUES: Final = 1 << 14
"""Values counted one by one, in a table that stays in the second-level cache."""

SLICE_RECORDS: Final = 1 << 13
"""Records whose values are hashed at once: their rows stay in the second-level cache."""

PART_VALUES: Final = 1 << 12
PARTS_MAX: Final = 1 << 11
"""Rare values are counted in parts of this many, in no more parts than a scatter goes well to."""

SETS_A_WORD: Final = 32
MEMBERS_AT_ONCE: Final = 1 << 14
"""Records whose rows are gathered to be held against those of their cluster."""

_NOTHING_DROPPED: Final = np.zeros((0, 0), np.uint32)


@dataclass(frozen=True, slots=True)
class FieldSet:
    """Some fields whose values are counted together.

    Attributes
    ----------
    fields : their names
    share : of the values that are rare, one of so many is counted
    is_listed : the values are listed; share is 1 then
    """

    fields: tuple[str, ...]
    share: int
    is_listed: bool

    def __post_init__(self) -> None:
        assert self.share == 1 or not self.is_listed, "a list is of all values"


@dataclass(frozen=True, slots=True)
class CountedValues:
    """What was counted of one set of fields.

    Attributes
    ----------
    present : records, or people, that lack none of the fields
    agreeing_pairs : pairs of them that agree on all
    hashes, counts : uint64[n_values], sorted, and int64[n_values] of a set that is listed, else
        empty
    """

    present: int
    agreeing_pairs: float
    hashes: NDArray[np.uint64]
    counts: NDArray[np.int64]


def count_values(
    source: RecordSource,
    layout: Layout,
    sets: Sequence[FieldSet],
    *,
    memory_bytes: int = 1 << 30,
    people: ClusterMembers | None = None,
) -> list[CountedValues]:
    """Count the values of sets of fields.

    Parameters
    ----------
    source, layout : the encoded records
    sets : what to count
    memory_bytes : for the hashes held at once; more records mean more readings of the source
    people : clusters; a value then counts once for each person that has it

    Returns
    -------
    list of CountedValues, one a set

    Notes
    -----
    Some 3 ns a record and field, 4 to 10 a record and set, 15 for each value that is counted
    apart. The same on any number of threads.
    """
    dropped = _NOTHING_DROPPED
    if people is not None and source.record_count:
        dropped = _repeats(source, people, layout, sets)
    a_set = 8 * max(source.record_count, 1)
    rounds = max(1, -(-3 * a_set // max(memory_bytes, 1)))
    threads = thread_count()
    at_once = max(threads, memory_bytes // a_set - 2 * threads)
    counted: list[CountedValues] = []
    for some in slices(len(sets), at_once):
        counters = [_ValueCounter(each, rounds) for each in sets[some]]
        groups = [
            _Group.of(layout, sets, counters, some.start, part) for part in _parts(sets, some)
        ]
        for turn in range(rounds):
            map_slices(partial(_Group.read, source=source, dropped=dropped, turn=turn), groups)
            map_slices(partial(_ValueCounter.count_rare, turn=turn), counters)
        counted += map_slices(_ValueCounter.result, counters)
    return counted


def _parts(sets: Sequence[FieldSet], some: slice) -> list[slice]:
    """Neighbouring sets for each thread, with about as much to do; to look for what is frequent
    costs as much again as to read."""
    costs = np.cumsum([1 if each.is_listed else 2 for each in sets[some]])
    wanted = costs[-1] * np.arange(1, thread_count()) / thread_count()
    cuts = [0, *np.searchsorted(costs, wanted, side="left").tolist(), len(costs)]
    return [slice(a, b) for a, b in pairwise(cuts) if a < b]


class _ValueCounter:
    """Counts the values of one set, given as hashes in several rounds: each round gives the same
    and takes its part of the range of hashes.

    What is frequent is met early and counted wholly, in a table. Of the rest a share may do: those
    in one part of the range, chosen as if at random.
    """

    def __init__(self, asked: FieldSet, rounds: int) -> None:
        self.present = 0
        self._asked, self._last = asked, rounds - 1
        self._width = (1 << 64) // (asked.share * rounds)
        self._room = 0 if asked.is_listed else FREQUENT_VALUES
        self._keys = np.zeros(max(2 * self._room, 2), np.uint64)
        self._counts = np.zeros(len(self._keys), np.int64)
        self._met = np.zeros(FILTER_WORDS, np.uint64)
        self._used = np.zeros(1, np.int64)
        self._rare: list[NDArray[np.uint64]] = []
        self._pairs = 0.0
        self._listed: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []

    def _range(self, turn: int) -> tuple[int, int]:
        low, high = turn * self._width, (turn + 1) * self._width - 1
        is_end = self._asked.share == 1 and turn == self._last
        return low, (1 << 64) - 1 if is_end else high

    def take(self, hashes: NDArray[np.uint64], turn: int, out: NDArray[np.uint64]) -> int:
        """Count what is frequent, write the rest to `out`; returns how much that is."""
        low, high = (np.uint64(each) for each in self._range(turn))
        table = (self._keys, self._counts, self._used, self._room if turn == 0 else 0, turn == 0)
        return int(split_values(hashes, *table, low, high, self._met, out))

    def keep(self, rare: NDArray[np.uint64]) -> None:
        """Rare values, to be counted in the end."""
        self._rare.append(rare)

    def count_rare(self, turn: int) -> None:
        """Count what was kept in a round."""
        hashes, counts, pairs = _counted(self._rare, *self._range(turn))
        self._rare.clear()
        self._pairs += pairs
        if self._asked.is_listed:
            self._listed.append((hashes, counts))

    def result(self) -> CountedValues:
        """All rounds together."""
        agreeing = self._asked.share * self._pairs
        agreeing += float((self._counts * (self._counts - 1.0)).sum()) / 2
        hashes, counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        if len(self._listed) == 1:
            hashes, counts = self._listed[0]
        elif self._listed:
            hashes = np.concatenate([each for each, _ in self._listed])
            counts = np.concatenate([each for _, each in self._listed])
        return CountedValues(self.present, agreeing, hashes, counts)


@dataclass(frozen=True, slots=True)
class _Group:
    """Sets that one thread reads the records for, with their counters; arrays are for
    `hash_sets`."""

    counters: Sequence[_ValueCounter]
    slots: NDArray[np.int64]
    first: NDArray[np.int64]
    fields: NDArray[np.int64]
    begins: NDArray[np.int64]
    bits: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        layout: Layout,
        sets: Sequence[FieldSet],
        counters: Sequence[_ValueCounter],
        start: int,
        part: slice,
    ) -> _Group:
        """The sets of a slice, counted from `start`; so are the counters."""
        numbers = range(start + part.start, start + part.stop)
        names = list(dict.fromkeys(name for number in numbers for name in sets[number].fields))
        slots = [layout.value_slots(name) for name in names]
        fields = [[names.index(name) for name in sets[number].fields] for number in numbers]
        return cls(
            counters[part],
            np.ascontiguousarray(np.concatenate(slots)),
            _begins([len(each) for each in slots]),
            np.concatenate(fields).astype(np.int64),
            _begins([len(each) for each in fields]),
            np.array([divmod(number, SETS_A_WORD) for number in numbers], np.int64),
        )

    def read(self, source: RecordSource, dropped: NDArray[np.uint32], turn: int) -> None:
        """Hash and split the values of all records."""
        count = len(self.counters)
        present = np.zeros(count, np.int64)
        hashes = np.empty((count, SLICE_RECORDS), np.uint64)
        where = (self.slots, self.first, self.fields, self.begins, dropped)
        for chunk in source.chunks():
            rare = [np.empty(len(chunk) + 1, np.uint64) for _ in self.counters]
            used = [0] * count
            for part in slices(len(chunk), SLICE_RECORDS):
                given = (chunk.first_row + part.start, self.bits, present, hashes)
                hash_sets(chunk.rows[part], *where, *given)
                for number, counter in enumerate(self.counters):
                    some = hashes[number, : part.stop - part.start]
                    used[number] += counter.take(some, turn, rare[number][used[number] :])
            for number, counter in enumerate(self.counters):
                # What fills most of its array may keep it: of many values a copy costs more.
                fits = rare[number][: used[number]]
                counter.keep(fits if 2 * used[number] > len(chunk) else fits.copy())
        if turn == 0:
            for number, counter in enumerate(self.counters):
                counter.present = int(present[number])


def _begins(lengths: Sequence[int] | NDArray[Any]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _counted(
    parts: Sequence[NDArray[np.uint64]], low: int, high: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64], float]:
    """Different values of a range of hashes in rising order, their counts, pairs of equal ones."""
    total = sum(len(each) for each in parts)
    cuts = max(1, min(total // PART_VALUES, PARTS_MAX))
    shift = max((high - low).bit_length() - cuts.bit_length(), 0)
    starts = np.zeros(((high - low) >> shift) + 2, np.int64)
    first = np.uint64(low)
    for each in parts:
        count_places(each, first, shift, starts[1:])
    np.cumsum(starts, out=starts)
    begins = starts[:-1].copy()
    values = np.empty(total, np.uint64)
    for each in parts:
        scatter_values(each, first, shift, begins, values)
    counts = np.empty(total, np.int64)
    done = np.zeros(2, np.int64)
    size = 1 << max(total // (len(starts) - 1), 64).bit_length()
    pairs = 0.0
    while done[0] < len(starts) - 1:
        table = np.zeros(size * 3 // 2, np.uint64), np.empty(size * 3 // 2, np.int64)
        pairs += count_parts(values, starts, first, shift, *table, counts, done)
        size *= 2
    return values[: done[1]], counts[: done[1]], pairs


def _repeats(
    source: RecordSource, people: ClusterMembers, layout: Layout, sets: Sequence[FieldSet]
) -> NDArray[np.uint32]:
    """Which records say nothing new of their person: uint32[n_words, n_records], a bit a set."""
    names = list(dict.fromkeys(name for each in sets for name in each.fields))
    slots = [layout.value_slots(name) for name in names]
    words, shifts, bits = np.concatenate([*slots, np.zeros((0, 3), np.int64)]).T
    every_bit = np.uint64((1 << 64) - 1) >> (64 - bits).astype(np.uint64)
    where = (
        np.ascontiguousarray(words),
        every_bit << shifts.astype(np.uint64),
        np.repeat(np.arange(len(names)), [len(each) for each in slots]),
    )
    fields = [sum(1 << names.index(name) for name in set(each.fields)) for each in sets]
    parts = slices(len(sets), SETS_A_WORD)
    dropped = np.zeros((len(parts), source.record_count), np.uint32)
    gather = _gatherer(source)
    for marks, part in zip(dropped, parts, strict=True):
        given = (*where, np.array(fields[part], np.uint64), marks)
        map_slices(partial(_mark_some, gather, people, given), _cuts(people))
    return dropped


def _gatherer(source: RecordSource) -> Callable[[NDArray[Any]], NDArray[np.uint64]]:
    """How rows are reached by record number."""
    if isinstance(source, EncodedStore):
        return source.gather_rows
    rows = np.concatenate([chunk.rows for chunk in source.chunks()])
    return lambda wanted: rows[wanted]


def _cuts(people: ClusterMembers) -> list[slice]:
    """Slices of the clusters, of some MEMBERS_AT_ONCE records each."""
    count = len(people.order)
    wanted = np.arange(0, count, MEMBERS_AT_ONCE)
    begins = np.unique(np.searchsorted(people.start[:-1], wanted, side="left"))
    return [slice(a, b) for a, b in zip(begins, [*begins[1:], count], strict=True)]


def _mark_some(
    gather: Callable[[NDArray[Any]], NDArray[np.uint64]],
    people: ClusterMembers,
    given: tuple[NDArray[Any], ...],
    clusters: slice,
) -> None:
    """`mark_repeats` of the clusters of a slice, those of one record aside."""
    starts = people.start[clusters.start : clusters.stop + 1]
    sizes = np.diff(starts)
    is_some = sizes > 1
    members = people.order[starts[0] : starts[-1]][np.repeat(is_some, sizes)]
    mark_repeats(gather(members), members, _begins(sizes[is_some]), *given)
