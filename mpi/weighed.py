"""Kept pairs ready to be decided on: their weights under the model at hand, 28 bytes a pair.

Weights follow from the pattern, and from the left record where it agrees with the right one on a
value whose rarity counts, so a refitted model weighs all pairs again without comparing any.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.compiled import CompiledModel
from matching.compiled_parts import CompiledPart
from matching.kernels.weights import NOTHING, add_frequency_weights, log2_with_one
from mpi.pattern_index import PatternIndex, index_patterns
from mpi.score_run import Edges
from person.jit import kernel
from person.store import EncodedStore
from person.threads import map_slices, slices

__all__ = ["WeighedPairs", "reweigh", "weighed_pairs"]

SLICE_PAIRS: Final = 1 << 16
_NOTHING: Final = np.zeros(0, np.float64)
_LOG_2: Final = math.log(2.0)


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
    About 60 ns a pair: rows are read in order, since pairs are sorted by their left record.
    """
    tables = _PatternTables(compiled, pairs.patterns.pattern)
    weight = np.empty(len(pairs))
    relative = np.empty(len(pairs), np.float32)

    def weigh(part: slice) -> None:
        left, place = pairs.left[part], pairs.patterns.place[part]
        tables.weigh(store, left, place, weight[part], relative[part])

    map_slices(weigh, slices(len(pairs), SLICE_PAIRS))
    return replace(pairs, weight=weight, relative=relative)


@kernel
def _start(place, base, relative_base, exact_bits, out_weight, out_relative, out_exact):  # type: ignore[no-untyped-def]
    for pair in range(place.shape[0]):
        out_weight[pair] = base[place[pair]]
        out_relative[pair] = relative_base[place[pair]]
        out_exact[pair] = exact_bits[place[pair]]


@kernel
def _add_cells(place, cell_weight, relative_weight, weight, relative):  # type: ignore[no-untyped-def]
    for pair in range(place.shape[0]):
        weight[pair] += cell_weight[place[pair]]
        relative[pair] += relative_weight[place[pair]]


@kernel
def _take_off_relatives(weight, relative, knows_relatives, out_chance):  # type: ignore[no-untyped-def]
    """What `take_off_relatives` and `fill_relative_chances` do, in one pass."""
    for pair in range(weight.shape[0]):
        of_relatives = log2_with_one(relative[pair])
        weight[pair] -= of_relatives
        chance = 0.0
        if knows_relatives and relative[pair] >= NOTHING:
            everything = of_relatives + log2_with_one(weight[pair])
            chance = math.exp((relative[pair] - everything) * _LOG_2)
        out_chance[pair] = chance


class _PatternTables:
    """What each pattern weighs, and which values it says are equal."""

    def __init__(self, compiled: CompiledModel, pattern: NDArray[np.int64]) -> None:
        self._compiled = compiled
        self._cells = compiled.unpack_patterns(pattern)
        plan = compiled.plan
        self._base = np.full(len(pattern), plan.prior)
        self._relative_base = np.full(len(pattern), plan.relative_prior)
        self._exact_bits = np.zeros(len(pattern), np.uint64)
        self._steps: list[CompiledPart | tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        self._bits: dict[str, int] = {}
        for number in plan.fused:
            self._base += self._cell_weights(number)
            self._relative_base += self._relative_weights(number)
        for number in plan.fused:
            self._add_frequencies(number)
        for number in plan.others:
            self._add_frequencies(number)
            self._steps.append((self._cell_weights(number), self._relative_weights(number)))

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
                is_exact = (level == part.level_of_grade[0]).astype(np.uint64)
                bit = self._bits[part.part.name] = len(self._bits)
                assert bit < 64, "one bit a part"
                self._exact_bits |= is_exact << np.uint64(bit)
                self._steps.append(part)

    def weigh(
        self,
        store: EncodedStore,
        left: NDArray[np.int32],
        place: NDArray[np.int32],
        out_weight: NDArray[np.float64],
        out_chance: NDArray[np.float32],
    ) -> None:
        """Weights of some pairs, and their chances to be relatives."""
        relative, exact = np.empty(len(left)), np.empty(len(left), np.uint64)
        tables = (self._base, self._relative_base, self._exact_bits)
        _start(place, *tables, out_weight, relative, exact)
        rows, row = store.gather_runs(left)
        pair = np.arange(len(left), dtype=np.int32)
        for step in self._steps:
            if isinstance(step, tuple):
                _add_cells(place, *step, out_weight, relative)
                continue
            assert step.frequency is not None
            bit = self._bits[step.part.name]
            given = (rows, row, pair, exact, bit, step.value_slots, *step.frequency)
            add_frequency_weights(*given, out_weight, relative, _NOTHING)
        knows_relatives = self._compiled.prior_relative_weight is not None
        _take_off_relatives(out_weight, relative, knows_relatives, out_chance)
