"""A model made ready to run: arrays and kernels only. Training, batch scoring, lookups and
explanations all go through `CompiledModel`, so they cannot disagree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.comparator import NULL_GRADE, Comparator
from matching.frequencies import TermFrequencies, frequency_table
from matching.kernels.weights import (
    accumulate_cells,
    add_cell_weights,
    add_frequency_weights,
    append_to_patterns,
)
from matching.model import Comparison, Model, Part
from matching.registry import comparator
from person.errors import ConfigError, ModelNotTrainedError
from person.field import OverflowTable
from person.layout import Layout

__all__ = [
    "CompiledModel",
    "PairScores",
    "compile_model",
    "null_cell_weights",
    "null_expansion",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPart:
    """A part as the kernels see it; `stride` counts cells with null as a level of its own."""

    part: Part
    kernel: Callable[..., None]
    slots: NDArray[np.int64]
    tables: tuple[Any, ...]
    cutoffs: NDArray[np.float64]
    level_of_grade: NDArray[np.int32]
    stride: int
    value_slots: NDArray[np.int64]
    frequency: tuple[NDArray[np.uint64], NDArray[np.float64], float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledComparison:
    """`cell_weight` is float64[null_cell_count], log2(m/u) of each cell, null parts summed out."""

    comparison: Comparison
    parts: tuple[CompiledPart, ...]
    null_cell_count: int
    cell_weight: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PairScores:
    """What scoring a chunk of pairs yields.

    Attributes
    ----------
    weight : float64[n_pairs], match weight in bits, prior included
    cells : int32[n_comparisons, n_pairs], cell of each comparison, null levels included
    frequency_weight : float64[n_comparisons, n_pairs], term-frequency part of the weight; None
        unless asked for
    """

    weight: NDArray[np.float64]
    cells: NDArray[np.int32]
    frequency_weight: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledModel:
    """The machine's form of a model for one layout. Immutable and thread-safe."""

    model: Model
    layout: Layout
    comparisons: tuple[CompiledComparison, ...]
    prior_match_weight: float

    @property
    def pattern_count(self) -> int:
        total = 1
        for each in self.comparisons:
            total *= each.null_cell_count
        return total

    def cells(
        self,
        a: NDArray[np.uint64],
        b: NDArray[np.uint64],
        left: NDArray[np.int32],
        right: NDArray[np.int32],
    ) -> NDArray[np.int32]:
        """Compare pairs: int32[n_comparisons, n_pairs] cells, weighing nothing."""
        cells = np.zeros((len(self.comparisons), len(left)), np.int32)
        grades = np.empty(len(left), np.uint8)
        for number, each in enumerate(self.comparisons):
            for part in each.parts:
                part.kernel(a, b, left, right, part.slots, part.tables, part.cutoffs, grades)
                accumulate_cells(grades, part.level_of_grade, part.stride, cells[number])
        return cells

    def patterns(self, cells: NDArray[np.int32]) -> NDArray[np.int64]:
        """Pack the cells of each pair into one integer, int64[n_pairs]."""
        patterns = np.zeros(cells.shape[1], np.int64)
        for number, each in enumerate(self.comparisons):
            append_to_patterns(cells[number], each.null_cell_count, patterns)
        return patterns

    def unpack_patterns(self, patterns: NDArray[np.int64]) -> NDArray[np.int32]:
        """Undo `patterns`: int32[n_comparisons, n_patterns]."""
        cells = np.empty((len(self.comparisons), len(patterns)), np.int32)
        rest = patterns.copy()
        for number in range(len(self.comparisons) - 1, -1, -1):
            count = self.comparisons[number].null_cell_count
            cells[number] = rest % count
            rest //= count
        return cells

    def score(
        self,
        a: NDArray[np.uint64],
        b: NDArray[np.uint64],
        left: NDArray[np.int32],
        right: NDArray[np.int32],
        *,
        with_frequency_weights: bool = False,
    ) -> PairScores:
        """Add up match weights for pairs (a[left], b[right]).

        Parameters
        ----------
        a, b : uint64[*, at least n_words], encoded rows; may be the same array
        left, right : int32[n_pairs], rows of `a` and of `b`; fastest when equal lefts stand
            together

        Returns
        -------
        PairScores

        Notes
        -----
        O(n_pairs * n_comparisons), thread-safe. Reference: Fellegi & Sunter 1969; the
        term-frequency adjustment after Splink (log2 u_exact - log2 frequency of the value).
        """
        pair_count = len(left)
        weight = np.full(pair_count, self.prior_match_weight)
        cells = np.zeros((len(self.comparisons), pair_count), np.int32)
        extra = np.zeros((len(self.comparisons), pair_count)) if with_frequency_weights else None
        grades = np.empty(pair_count, np.uint8)
        for number, each in enumerate(self.comparisons):
            for part in each.parts:
                part.kernel(a, b, left, right, part.slots, part.tables, part.cutoffs, grades)
                accumulate_cells(grades, part.level_of_grade, part.stride, cells[number])
                if part.frequency is not None:
                    hashes, adjustments, absent = part.frequency
                    arguments = (a, left, part.value_slots, grades, hashes, adjustments, absent)
                    add_frequency_weights(*arguments, weight)
                    if extra is not None:
                        add_frequency_weights(*arguments, extra[number])
            add_cell_weights(cells[number], each.cell_weight, weight)
        return PairScores(weight, cells, extra)


def null_expansion(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Which full cells a cell with nulls may stand for: float64[null_cells, full_cells] of 0/1."""
    expansion = np.ones((1, 1))
    for levels in shape:
        one = np.vstack([np.eye(levels), np.ones((1, levels))])
        expansion = np.kron(expansion, one)
    return expansion


def null_cell_weights(comparison: Comparison) -> NDArray[np.float64]:
    """log2(m/u) of every cell, null parts summed out; all parts null weighs exactly 0."""
    if comparison.m_probability is None or comparison.u_probability is None:
        raise ModelNotTrainedError(
            f"the comparison {comparison.name} has no m and u probabilities; train the model first "
            f"(mpi train)"
        )
    expansion = null_expansion(comparison.shape)
    weights: NDArray[np.float64] = np.log2(
        (expansion @ comparison.m_probability) / (expansion @ comparison.u_probability)
    )
    weights[-1] = 0.0
    return weights


def compile_model(
    model: Model,
    layout: Layout,
    overflow: OverflowTable,
    frequencies: Mapping[str, TermFrequencies] | None = None,
) -> CompiledModel:
    """Resolve names to kernels and slots, probabilities to weight tables.

    Parameters
    ----------
    model : may be untrained, then all weights are 0 (training compares before it can weigh)
    layout : of the rows that will be compared
    overflow : their overflow text
    frequencies : part name -> value frequencies, for parts with term_frequency

    Raises
    ------
    ConfigError : a comparison names a field, comparator or grade that does not exist
    """
    compiled = []
    for comparison in model.comparisons:
        stride = 1
        parts: list[CompiledPart] = []
        for part in reversed(comparison.parts):
            parts.append(_compile_part(part, comparison, layout, overflow, frequencies or {}, stride))
            stride *= len(part.levels) + 1
        weights = null_cell_weights(comparison) if model.is_trained else np.zeros(stride)
        compiled.append(
            CompiledComparison(
                comparison=comparison,
                parts=tuple(reversed(parts)),
                null_cell_count=stride,
                cell_weight=weights,
            )
        )
    result = CompiledModel(
        model=model,
        layout=layout,
        comparisons=tuple(compiled),
        prior_match_weight=model.prior_match_weight if model.is_trained else 0.0,
    )
    if result.pattern_count >= 1 << 62:
        raise ConfigError("the model has too many comparison levels; merge some")
    return result


def _compile_part(
    part: Part,
    comparison: Comparison,
    layout: Layout,
    overflow: OverflowTable,
    frequencies: Mapping[str, TermFrequencies],
    stride: int,
) -> CompiledPart:
    source = comparator(part.comparator)
    slots = np.ascontiguousarray(np.vstack([layout.slots(name) for name in part.fields]))
    frequency = None
    if part.term_frequency and part.name in frequencies:
        u_exact = _exact_u(comparison, part)
        frequency = frequency_table(frequencies[part.name], u_exact)
    return CompiledPart(
        part=part,
        kernel=source.kernel,
        slots=slots,
        tables=source.tables(overflow),
        cutoffs=np.array(part.cutoffs or (0.0,), np.float64),
        level_of_grade=_level_of_grade(part, source),
        stride=stride,
        value_slots=layout.value_slots(part.fields[0]),
        frequency=frequency,
    )


def grade_names(part: Part, source: Comparator) -> Sequence[str]:
    """Names of a comparator's grades in this part: its own, or 'exact', cutoffs, 'else'."""
    if source.grades:
        return source.grades
    sign = "<=" if source.measure == "distance" else ">="
    return ("exact", *(f"{sign}{cutoff:g}" for cutoff in part.cutoffs[1:]), "else")


def _level_of_grade(part: Part, source: Comparator) -> NDArray[np.int32]:
    names = grade_names(part, source)
    level_of_grade = np.full(256, -1, np.int32)
    level_of_grade[NULL_GRADE] = len(part.levels)
    for level, grades in enumerate(part.levels):
        for grade in grades:
            if grade not in names:
                raise ConfigError(
                    f"{part.name}: {part.comparator} has no grade {grade!r}; it has {', '.join(names)}"
                )
            level_of_grade[names.index(grade)] = level
    unplaced = [name for number, name in enumerate(names) if level_of_grade[number] < 0]
    if unplaced:
        raise ConfigError(f"{part.name}: no level takes in the grades {', '.join(unplaced)}")
    level_of_grade[level_of_grade < 0] = len(part.levels)
    return level_of_grade


def _exact_u(comparison: Comparison, part: Part) -> float:
    """u probability that this part agrees exactly, whatever the comparison's other parts do."""
    assert comparison.u_probability is not None
    axis = comparison.parts.index(part)
    table = comparison.u_probability.reshape(comparison.shape)
    return float(np.moveaxis(table, axis, 0)[0].sum())
