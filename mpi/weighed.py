"""Kept pairs ready to be decided on: their weights under the model at hand, 28 bytes a pair.

Weights follow from the pattern, and from the left record where it agrees with the right one on a
value whose rarity counts, so a refitted model weighs all pairs again without comparing any.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from matching.compiled import CompiledModel
from matching.kernels.weights import (
    add_frequency_weights,
    fill_relative_chances,
    take_off_relatives,
)
from mpi.pattern_index import PatternIndex, index_patterns
from mpi.score_run import Edges
from person.jit import kernel
from person.store import EncodedStore
from person.threads import map_slices, slices

__all__ = ["WeighedPairs", "reweigh", "weighed_pairs"]

SLICE_PAIRS: Final = 1 << 16
_NOTHING: Final = np.zeros(0, np.float64)


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

    def take(self, chosen: NDArray[Any]) -> Edges:
        """Some of the pairs, with their patterns."""
        return Edges(
            self.left[chosen],
            self.right[chosen],
            self.weight[chosen],
            self.patterns.pattern[self.patterns.place[chosen]],
            self.relative[chosen],
        )

    def shifted(self, bits: float) -> WeighedPairs:
        """The same pairs with `bits` added to the prior odds of a match.

        A pair that is no match is as likely one of two relatives as before.
        """
        weight, relative = np.empty_like(self.weight), np.empty_like(self.relative)

        def shift(part: slice) -> None:
            _shift(self.weight[part], self.relative[part], bits, weight[part], relative[part])

        map_slices(shift, slices(len(self), 1 << 18))
        return replace(self, weight=weight, relative=relative)


@kernel
def _shift(weight, relative, bits, out_weight, out_relative):  # type: ignore[no-untyped-def]
    """Odds of "no match", (1 + 2^w) / (1 + 2^(w + bits)), scale the chance of relatives."""
    for pair in range(weight.shape[0]):
        before = weight[pair]
        after = before + bits
        out_weight[pair] = after
        chance = relative[pair]
        if chance != 0.0:
            if max(before, after) > 500.0:
                chance *= 2.0**-bits
            else:
                chance *= (1.0 + 2.0**before) / (1.0 + 2.0**after)
        out_relative[pair] = chance


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
    relative = np.zeros(len(pairs), np.float32)

    def weigh(part: slice) -> None:
        weight[part], chance = tables.weigh(store, pairs.left[part], pairs.patterns.place[part])
        if chance is not None:
            relative[part] = chance

    map_slices(weigh, slices(len(pairs), SLICE_PAIRS))
    return replace(pairs, weight=weight, relative=relative)


class _PatternTables:
    """What each pattern weighs, and which values it says are equal."""

    def __init__(self, compiled: CompiledModel, pattern: NDArray[np.int64]) -> None:
        self._compiled = compiled
        self._cells = compiled.unpack_patterns(pattern)
        plan = compiled.plan
        self._base = np.full(len(pattern), plan.prior)
        self._relative_base = np.full(len(pattern), plan.relative_prior)
        self._steps: list[tuple[Any, NDArray[np.uint64] | None, int]] = []
        for number in plan.fused:
            self._base += self._cell_weights(number)
            self._relative_base += self._relative_weights(number)
        for number in plan.fused:
            self._add_frequencies(number)
        for number in plan.others:
            self._add_frequencies(number)
            self._steps.append((number, None, 0))

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
                self._steps.append((part, is_exact, 0))

    def weigh(
        self, store: EncodedStore, left: NDArray[np.int32], place: NDArray[np.int32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Weights of some pairs, and their chances to be relatives."""
        weight, relative = self._base[place], self._relative_base[place]
        rows, row = store.gather_runs(left)
        pair = np.arange(len(left), dtype=np.int32)
        for step, is_exact, bit in self._steps:
            if is_exact is None:
                weight += self._cell_weights(step)[place]
                relative += self._relative_weights(step)[place]
                continue
            hashes, adjustments, absent = step.frequency
            add_frequency_weights(
                rows,
                row,
                pair,
                is_exact[place],
                bit,
                step.value_slots,
                hashes,
                adjustments,
                absent,
                weight,
                relative,
                _NOTHING,
            )
        take_off_relatives(weight, relative)
        if self._compiled.prior_relative_weight is None:
            return weight, None
        chance = np.empty(len(weight))
        fill_relative_chances(weight, relative, chance)
        return weight, chance
