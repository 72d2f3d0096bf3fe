"""Kept pairs ready to be decided on: their weights under the model at hand, 28 bytes a pair.

Weights follow from the pattern, and from the left record where it agrees with the right one on a
value whose rarity counts, so a refitted model weighs all pairs again without comparing any.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from matching.compiled import CompiledModel
from matching.compiled_parts import CompiledPart
from matching.kernels.weights import LOOK_UPS, NOTHING, log2_with_one, value_hash
from mpi.pattern_index import PatternIndex, index_patterns
from mpi.score_run import Edges
from person.jit import kernel, prefetch
from person.records import RecordChunk
from person.store import EncodedStore
from person.threads import map_slices, slices

__all__ = ["WeighedPairs", "reweigh", "weighed_pairs"]

SLICE_PAIRS: Final = 1 << 16
MEMORY_SUMS: Final = 1 << 12
"""Pairs of sums whose outcome is remembered: 128 KiB."""

_LOG_2: Final = math.log(2.0)
_GOLDEN: Final = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class WeighedPairs:
    """Scored pairs, each once, sorted by (left, right).

    Attributes
    ----------
    left, right : int32[n_pairs], record numbers, left < right
    patterns : which agreement pattern each shows
    weight : float64[n_pairs], match weight
    relative : float32[n_pairs], chance of being two people of one household
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    patterns: PatternIndex
    weight: NDArray[np.float64]
    relative: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.left)


def weighed_pairs(edges: Edges) -> WeighedPairs:
    """Scored pairs in their packed form; the arrays of `edges` are not kept."""
    return WeighedPairs(
        edges.left.astype(np.int32, copy=False),
        edges.right.astype(np.int32, copy=False),
        index_patterns(edges.pattern),
        edges.weight,
        edges.relative.astype(np.float32, copy=False),
    )


def reweigh(store: EncodedStore, compiled: CompiledModel, pairs: WeighedPairs) -> WeighedPairs:
    """Weigh pairs by another model of the same comparisons.

    Parameters
    ----------
    store : the encoded records
    compiled : the model, its term frequencies included
    pairs : as another model weighed them

    Returns
    -------
    WeighedPairs with the very weights that comparing their records again would give

    Notes
    -----
    About 30 ns a pair: rows are read in order, since pairs are sorted by their left record.
    """
    tables = _PatternTables(compiled, pairs.patterns.pattern)
    weight = np.empty(len(pairs))
    relative = np.empty(len(pairs), np.float32)
    chunks = list(store.chunks())
    first_rows = np.array([chunk.first_row for chunk in chunks] + [store.record_count])
    begins = np.searchsorted(pairs.left, first_rows, side="left")
    parts = [
        (chunk, slice(begin + part.start, begin + part.stop))
        for chunk, begin, end in zip(chunks, begins, begins[1:], strict=False)
        for part in slices(int(end - begin), SLICE_PAIRS)
    ]

    def weigh(item: tuple[RecordChunk, slice]) -> None:
        chunk, part = item
        left, place = pairs.left[part], pairs.patterns.place[part]
        tables.weigh(chunk, left, place, weight[part], relative[part])

    map_slices(weigh, parts)
    return replace(pairs, weight=weight, relative=relative)


@kernel
def _start(place, base, relative_base, out_weight, out_relative):  # type: ignore[no-untyped-def]
    for pair in range(place.shape[0]):
        out_weight[pair] = base[place[pair]]
        out_relative[pair] = relative_base[place[pair]]


@kernel
def _add_by_pattern(place, first, weights, relatives, weight, relative):  # type: ignore[no-untyped-def]
    """Add what stands in each pattern's own list, first[k] to first[k + 1], one after the other."""
    for pair in range(place.shape[0]):
        pattern = place[pair]
        for step in range(first[pattern], first[pattern + 1]):
            weight[pair] += weights[step]
            relative[pair] += relatives[step]


@kernel
def _add_rarity(  # type: ignore[no-untyped-def]
    rows,
    first_row,
    left,
    place,
    is_exact,
    slots,
    table_hash,
    table_weight,
    absent,
    weight,
    relative,
):
    """`add_frequency_weights` of pairs whose pattern says they agree, the left rows being rows of
    a chunk that begins with record `first_row`."""
    mask = uint64(table_hash.shape[0] - 1)
    wanted = np.empty(LOOK_UPS, np.uint64)
    agreeing = np.empty(LOOK_UPS, np.int64)
    last_left, last_wanted, added = int64(-1), uint64(0), 0.0
    found_for = uint64(0)
    start = 0
    while start < place.shape[0]:
        used = 0
        while start < place.shape[0] and used < LOOK_UPS:
            if is_exact[place[start]]:
                row = int64(left[start]) - first_row
                if row != last_left:
                    last_left = row
                    last_wanted = value_hash(rows, row, slots)
                    prefetch(table_hash, int64(last_wanted & mask))
                    prefetch(table_weight, int64(last_wanted & mask))
                wanted[used] = last_wanted
                agreeing[used] = start
                used += 1
            start += 1
        for at in range(used):
            if wanted[at] != found_for:  # a hash is never 0
                found_for = wanted[at]
                slot = found_for & mask
                while table_hash[slot] != 0 and table_hash[slot] != found_for:
                    slot = (slot + uint64(1)) & mask
                added = table_weight[slot] if table_hash[slot] == found_for else absent
            weight[agreeing[at]] += added
            relative[agreeing[at]] += added


@kernel
def _take_off_relatives(weight, relative, knows_relatives, met, results, out_chance):  # type: ignore[no-untyped-def]
    """What `take_off_relatives` and `fill_relative_chances` do, in one pass.

    The same two sums come again and again: what came of those met last is kept.

    met : int64[2^k, 2], bits of the sums; results : float64[2^k, 2], weight and chance of each
    """
    weight_bits, relative_bits = weight.view(np.int64), relative.view(np.int64)
    mask = uint64(met.shape[0] - 1)
    for pair in range(weight.shape[0]):
        one, other = weight_bits[pair], relative_bits[pair]
        mixed = (uint64(one) ^ (uint64(other) * uint64(_GOLDEN))) * uint64(_GOLDEN)
        slot = (mixed >> uint64(32)) & mask
        if met[slot, 0] != one or met[slot, 1] != other:
            of_relatives = log2_with_one(relative[pair])
            value = weight[pair] - of_relatives
            chance = 0.0
            if knows_relatives and relative[pair] >= NOTHING:
                everything = of_relatives + log2_with_one(value)
                chance = math.exp((relative[pair] - everything) * _LOG_2)
            met[slot, 0], met[slot, 1] = one, other
            results[slot, 0], results[slot, 1] = value, chance
        weight[pair] = results[slot, 0]
        out_chance[pair] = results[slot, 1]


@dataclass(slots=True)
class _PatternSums:
    """Steps that add the same to every pair of a pattern: per step, float64[n_patterns] to the
    weight and to the relatives, and bool[n_patterns], where it adds anything."""

    weights: list[NDArray[np.float64]] = field(default_factory=list)
    relatives: list[NDArray[np.float64]] = field(default_factory=list)
    adds: list[NDArray[np.bool_]] = field(default_factory=list)

    def add_to(self, weight: NDArray[np.float64], relative: NDArray[np.float64]) -> None:
        """Add all steps to sums of each pattern."""
        for more, of_relatives, adds in zip(self.weights, self.relatives, self.adds, strict=True):
            weight[adds] += more[adds]
            relative[adds] += of_relatives[adds]

    def lists(self) -> tuple[NDArray[Any], ...]:
        """As `_add_by_pattern` wants them."""
        adds = np.array(self.adds).T
        first = np.concatenate([[0], np.cumsum(adds.sum(axis=1))]).astype(np.int64)
        return first, np.array(self.weights).T[adds], np.array(self.relatives).T[adds]


class _PatternTables:
    """What each pattern weighs, and which values it says are equal.

    Steps are taken in the order in which scoring takes them. What depends on the pattern alone
    is added up beforehand, as far as the first step that asks for a value's rarity.
    """

    def __init__(self, compiled: CompiledModel, pattern: NDArray[np.int64]) -> None:
        self._compiled = compiled
        self._cells = compiled.unpack_patterns(pattern)
        plan = compiled.plan
        self._base = np.full(len(pattern), plan.prior)
        self._relative_base = np.full(len(pattern), plan.relative_prior)
        self._steps: list[tuple[CompiledPart, NDArray[np.bool_]] | _PatternSums] = []
        for number in plan.fused:
            self._base += self._cell_weights(number)
            self._relative_base += self._relative_weights(number)
        for number in plan.fused:
            self._add_frequencies(number)
        for number in plan.others:
            self._add_frequencies(number)
            given = (self._cell_weights(number), self._relative_weights(number))
            self._add_sums(*given, np.ones(len(pattern), np.bool_))
        if self._steps and isinstance(self._steps[0], _PatternSums):
            self._steps[0].add_to(self._base, self._relative_base)
            del self._steps[0]
        self._after: list[tuple[Any, ...]] = [
            each.lists() if isinstance(each, _PatternSums) else each for each in self._steps
        ]
        self._memories: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []

    def _cell_weights(self, number: int) -> NDArray[np.float64]:
        weights: NDArray[np.float64] = self._compiled.comparisons[number].cell_weight
        return weights[self._cells[number]]

    def _relative_weights(self, number: int) -> NDArray[np.float64]:
        weights = self._compiled.comparisons[number].relative_weight
        if weights is None:
            return np.zeros(self._cells.shape[1])
        return weights[self._cells[number]]

    def _add_frequencies(self, number: int) -> None:
        for part in self._compiled.comparisons[number].parts:
            if part.frequency is not None:
                level = self._cells[number] // part.stride % (len(part.part.levels) + 1)
                is_exact = level == part.level_of_grade[0]
                hashes, _, absent = part.frequency
                if hashes.any():
                    self._steps.append((part, is_exact))
                else:  # all values weigh the same
                    added = np.full(len(is_exact), absent)
                    self._add_sums(added, added, is_exact)

    def _add_sums(
        self, weight: NDArray[np.float64], relative: NDArray[np.float64], adds: NDArray[np.bool_]
    ) -> None:
        if not self._steps or not isinstance(self._steps[-1], _PatternSums):
            self._steps.append(_PatternSums())
        sums = self._steps[-1]
        assert isinstance(sums, _PatternSums)
        sums.weights.append(weight)
        sums.relatives.append(relative)
        sums.adds.append(adds)

    def weigh(
        self,
        chunk: RecordChunk,
        left: NDArray[np.int32],
        place: NDArray[np.int32],
        out_weight: NDArray[np.float64],
        out_chance: NDArray[np.float32],
    ) -> None:
        """Weights of some pairs whose left records lie in a chunk, and their chances to be
        relatives."""
        relative = np.empty(len(left))
        _start(place, self._base, self._relative_base, out_weight, relative)
        for step in self._after:
            if len(step) == 3:
                _add_by_pattern(place, *step, out_weight, relative)
                continue
            part, is_exact = step
            assert part.frequency is not None
            given = (chunk.rows, chunk.first_row, left, place, is_exact, part.value_slots)
            table_hash, table_weight, absent = part.frequency
            _add_rarity(*given, table_hash, table_weight, absent, out_weight, relative)
        knows_relatives = self._compiled.prior_relative_weight is not None
        try:
            memory = self._memories.pop()
        except IndexError:  # one a thread
            memory = (np.full((MEMORY_SUMS, 2), -1, np.int64), np.zeros((MEMORY_SUMS, 2)))
        _take_off_relatives(out_weight, relative, knows_relatives, *memory, out_chance)
        self._memories.append(memory)
