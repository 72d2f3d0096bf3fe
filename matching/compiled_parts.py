"""What a compiled model is made of, and what scoring yields; plain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.model import Comparison, Part

__all__ = ["CompiledComparison", "CompiledPart", "PairScores", "unpack_patterns"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPart:
    """A part as the kernels see it.

    `stride` counts cells with null as a level of its own; `adjustments`, float64[n_values], are
    what its term frequencies add, value by value, and `frequency` the table to look them up in.
    """

    part: Part
    kernel: Callable[..., None]
    slots: NDArray[np.int64]
    tables: tuple[Any, ...]
    cutoffs: NDArray[np.float64]
    level_of_grade: NDArray[np.int32]
    stride: int
    value_slots: NDArray[np.int64]
    adjustments: NDArray[np.float64] | None
    frequency: tuple[NDArray[np.uint64], NDArray[np.float64], float] | None

    @property
    def frequency_weight_max(self) -> float:
        """The most that agreeing on a rare value can add."""
        if self.frequency is None:
            return 0.0
        _, adjustments, absent = self.frequency
        return max(float(adjustments.max()), absent, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledComparison:
    """`cell_weight` is float64[null_cell_count], log2(m/u) of each cell, null parts summed out;
    `weight_max` the most the comparison can add, term frequencies included; `relative_weight` is
    log2(relative/u), None where the model knows of no relatives."""

    comparison: Comparison
    parts: tuple[CompiledPart, ...]
    null_cell_count: int
    cell_weight: NDArray[np.float64]
    weight_max: float
    relative_weight: NDArray[np.float64] | None


@dataclass(frozen=True)
class PairScores:
    """What scoring a chunk of pairs yields.

    Attributes
    ----------
    weight : float64[n_kept], match weight in bits, prior included
    pattern : int64[n_kept], agreement pattern: the cells of all comparisons in one integer
    cell_counts : cells of each comparison, null levels included
    pair : int32[n_kept], which of the given pairs these are, rising; all of them unless a least
        weight was asked for
    relative_weight : float64[n_kept], log2 odds of two relatives against two strangers; None
        where the model knows of no relatives. log2(1 + 2 ** relative_weight) is already taken off
    frequency_weight : float64[n_comparisons, n_kept], term-frequency part of the weight; None
        unless asked for
    """

    weight: NDArray[np.float64]
    pattern: NDArray[np.int64]
    cell_counts: tuple[int, ...]
    pair: NDArray[np.int32]
    relative_weight: NDArray[np.float64] | None = None
    frequency_weight: NDArray[np.float64] | None = None

    @cached_property
    def cells(self) -> NDArray[np.int32]:
        """int32[n_comparisons, n_kept], cell of each comparison."""
        return unpack_patterns(self.pattern, self.cell_counts)


def unpack_patterns(patterns: NDArray[np.int64], cell_counts: Sequence[int]) -> NDArray[np.int32]:
    """Cells of agreement patterns: int32[n_comparisons, n_patterns]."""
    cells = np.empty((len(cell_counts), len(patterns)), np.int32)
    rest = patterns.copy()
    for number in range(len(cell_counts) - 1, -1, -1):
        rest, cells[number] = np.divmod(rest, cell_counts[number])
    return cells
