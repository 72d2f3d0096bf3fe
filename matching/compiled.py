"""A model made ready to run: arrays and kernels only. Training, batch scoring, lookups and
explanations all go through `CompiledModel`, so they cannot disagree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

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
    "from_null_cells",
    "null_cell_weights",
    "relative_chance",
    "with_null_cells",
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
    """`cell_weight` is float64[null_cell_count], log2(m/u) of each cell, null parts summed out;
    `weight_max` the most the comparison can add, term frequencies included; `relative_weight` is
    log2(relative/u), None where the model knows of no relatives."""

    comparison: Comparison
    parts: tuple[CompiledPart, ...]
    null_cell_count: int
    cell_weight: NDArray[np.float64]
    weight_max: float
    relative_weight: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class PairScores:
    """What scoring a chunk of pairs yields.

    Attributes
    ----------
    weight : float64[n_kept], match weight in bits, prior included
    cells : int32[n_comparisons, n_kept], cell of each comparison, null levels included
    pair : int32[n_kept], which of the given pairs these are, rising; all of them unless a least
        weight was asked for
    relative_weight : float64[n_kept], log2 odds of two relatives against two strangers; None
        where the model knows of no relatives. log2(1 + 2 ** relative_weight) is already taken off
    frequency_weight : float64[n_comparisons, n_kept], term-frequency part of the weight; None
        unless asked for
    """

    weight: NDArray[np.float64]
    cells: NDArray[np.int32]
    pair: NDArray[np.int32]
    relative_weight: NDArray[np.float64] | None = None
    frequency_weight: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledModel:
    """The machine's form of a model for one layout. Immutable and thread-safe.

    `order` is the order in which comparisons are made and their weights added, always the same.
    """

    model: Model
    layout: Layout
    comparisons: tuple[CompiledComparison, ...]
    order: tuple[int, ...]
    prior_match_weight: float
    prior_relative_weight: float | None

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
        weight_min: float = -np.inf,
        with_frequency_weights: bool = False,
    ) -> PairScores:
        """Add up match weights for pairs (a[left], b[right]).

        Parameters
        ----------
        a, b : uint64[*, at least n_words], encoded rows; may be the same array
        left, right : int32[n_pairs], rows of `a` and of `b`; fastest when equal lefts stand
            together
        weight_min : pairs that cannot reach this weight are given up as soon as that is certain

        Returns
        -------
        PairScores of the pairs that were not given up; all of them by default

        Notes
        -----
        O(n_pairs * n_comparisons), thread-safe. Cheap comparisons come first, so most pairs of
        strangers are given up before any string is compared; the bound is exact.
        Reference: Fellegi & Sunter 1969; the term-frequency adjustment after Splink (log2
        u_exact - log2 frequency of the value).
        """
        state = _Scoring(self, a, b, left, right, with_frequency_weights)
        rest = sum(each.weight_max for each in self.comparisons)
        for number in self.order:
            if not len(state.left):
                break
            state.compare(number)
            rest -= self.comparisons[number].weight_max
            if weight_min > -np.inf:
                state.give_up(weight_min - max(rest, 0.0) - 1e-6)
        weight = state.weight
        if state.relative is not None:
            weight = weight - np.logaddexp2(0.0, state.relative)
        return PairScores(weight, state.cells, state.pair, state.relative, state.frequency_weight)


class _Scoring:
    """Pairs under comparison; those given up leave every array."""

    def __init__(
        self,
        compiled: CompiledModel,
        a: NDArray[np.uint64],
        b: NDArray[np.uint64],
        left: NDArray[np.int32],
        right: NDArray[np.int32],
        with_frequency_weights: bool,
    ) -> None:
        count, comparisons = len(left), len(compiled.comparisons)
        self.compiled, self.a, self.b = compiled, a, b
        self.left, self.right = left, right
        self.pair = np.arange(count, dtype=np.int32)
        self.weight = np.full(count, compiled.prior_match_weight)
        self.relative: NDArray[np.float64] | None = None
        if compiled.prior_relative_weight is not None:
            self.relative = np.full(count, compiled.prior_relative_weight)
        self.cells = np.zeros((comparisons, count), np.int32)
        self.frequency_weight = np.zeros((comparisons, count)) if with_frequency_weights else None

    def compare(self, number: int) -> None:
        each = self.compiled.comparisons[number]
        grades = np.empty(len(self.left), np.uint8)
        cells = self.cells[number]
        for part in each.parts:
            part.kernel(
                self.a, self.b, self.left, self.right, part.slots, part.tables, part.cutoffs, grades
            )
            accumulate_cells(grades, part.level_of_grade, part.stride, cells)
            if part.frequency is not None:
                hashes, adjustments, absent = part.frequency
                arguments = (
                    self.a,
                    self.left,
                    part.value_slots,
                    grades,
                    hashes,
                    adjustments,
                    absent,
                )
                add_frequency_weights(*arguments, self.weight)
                if self.relative is not None:
                    add_frequency_weights(*arguments, self.relative)
                if self.frequency_weight is not None:
                    add_frequency_weights(*arguments, self.frequency_weight[number])
        add_cell_weights(cells, each.cell_weight, self.weight)
        if self.relative is not None:
            add_cell_weights(cells, each.relative_weight, self.relative)

    def give_up(self, weight_min: float) -> None:
        """Drop pairs under `weight_min`, if they are many enough to be worth the copying."""
        kept = self.weight >= weight_min
        if 4 * np.count_nonzero(kept) > 3 * len(kept):
            return
        self.left, self.right, self.pair = self.left[kept], self.right[kept], self.pair[kept]
        self.weight = self.weight[kept]
        if self.relative is not None:
            self.relative = self.relative[kept]
        self.cells = np.ascontiguousarray(self.cells[:, kept])
        if self.frequency_weight is not None:
            self.frequency_weight = np.ascontiguousarray(self.frequency_weight[:, kept])


_CHEAP: Final = ("exact", "date", "gender", "national_id", "phone", "region", "address", "han_name")
"""Comparators of a few instructions, beside those that align strings."""


def with_null_cells(values: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Extend cells by those with null parts: each is the sum over what its null parts may be.

    Parameters
    ----------
    values : float64[cells], over the combinations of `shape` levels

    Returns
    -------
    float64[null_cells], over the combinations of one level more for each part, null last
    """
    cube = values.reshape(shape)
    for axis in range(len(shape)):
        cube = np.concatenate([cube, cube.sum(axis=axis, keepdims=True)], axis=axis)
    return cube.reshape(-1)


def from_null_cells(values: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The transpose of `with_null_cells`: give each cell the values of all null cells over it."""
    cube = values.reshape(tuple(count + 1 for count in shape))
    for axis in range(len(shape)):
        known, null = np.split(cube, [shape[axis]], axis=axis)
        cube = known + null
    return cube.reshape(-1)


def null_cell_weights(comparison: Comparison) -> NDArray[np.float64]:
    """log2(m/u) of every cell, null parts summed out; all parts null weighs exactly 0."""
    if comparison.m_probability is None:
        raise ModelNotTrainedError(
            f"the comparison {comparison.name} has no m and u probabilities; train the model first "
            f"(mpi train)"
        )
    return _ratio_weights(comparison, comparison.m_probability)


def _ratio_weights(comparison: Comparison, probability: NDArray[np.float64]) -> NDArray[np.float64]:
    assert comparison.u_probability is not None
    shape = comparison.shape
    weights: NDArray[np.float64] = np.log2(
        with_null_cells(probability, shape) / with_null_cells(comparison.u_probability, shape)
    )
    weights[-1] = 0.0
    return weights


def relative_chance(
    match: NDArray[np.float64], relative: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Chance of two relatives, from log2 odds against strangers of a match and of relatives."""
    everything = np.logaddexp2(np.logaddexp2(match, relative), 0.0)
    chance: NDArray[np.float64] = np.exp2(relative - everything)
    return chance


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
    relatives = model.probability_two_random_records_relatives
    knows_relatives = (
        model.is_trained
        and relatives > 0
        and all(each.relative_probability is not None for each in model.comparisons)
    )
    compiled = []
    for comparison in model.comparisons:
        stride = 1
        parts: list[CompiledPart] = []
        for part in reversed(comparison.parts):
            parts.append(
                _compile_part(
                    part,
                    comparison,
                    layout,
                    overflow,
                    frequencies or {},
                    stride,
                    model.tf_minimum_u,
                )
            )
            stride *= len(part.levels) + 1
        weights = null_cell_weights(comparison) if model.is_trained else np.zeros(stride)
        compiled.append(
            CompiledComparison(
                comparison=comparison,
                parts=tuple(reversed(parts)),
                null_cell_count=stride,
                cell_weight=weights,
                weight_max=float(weights.max()) + sum(map(_frequency_weight_max, parts)),
                relative_weight=(
                    _ratio_weights(comparison, comparison.relative_probability)
                    if knows_relatives and comparison.relative_probability is not None
                    else None
                ),
            )
        )
    order = sorted(range(len(compiled)), key=lambda number: _cost(compiled[number]))
    result = CompiledModel(
        model=model,
        layout=layout,
        comparisons=tuple(compiled),
        order=tuple(order),
        prior_match_weight=model.prior_match_weight if model.is_trained else 0.0,
        prior_relative_weight=float(np.log2(relatives)) if knows_relatives else None,
    )
    if result.pattern_count >= 1 << 62:
        raise ConfigError("the model has too many comparison levels; merge some")
    return result


def _cost(comparison: CompiledComparison) -> tuple[int, float]:
    """Cheap comparisons first; among equals those that can speak most strongly against."""
    fuzzy_texts = sum(not part.part.comparator.startswith(_CHEAP) for part in comparison.parts)
    return fuzzy_texts, float(comparison.cell_weight.min())


def _frequency_weight_max(part: CompiledPart) -> float:
    if part.frequency is None:
        return 0.0
    _, adjustments, absent = part.frequency
    return max(float(adjustments.max()), absent, 0.0)


def _compile_part(
    part: Part,
    comparison: Comparison,
    layout: Layout,
    overflow: OverflowTable,
    frequencies: Mapping[str, TermFrequencies],
    stride: int,
    tf_minimum_u: float,
) -> CompiledPart:
    source = comparator(part.comparator)
    # 'exact' asks whether the values are equal, not how they came to be written.
    slots_of = layout.value_slots if part.comparator == "exact" else layout.slots
    slots = _stacked([slots_of(name) for name in part.fields])
    _check_kinds(part, source, layout)
    frequency = None
    if part.term_frequency and part.name in frequencies:
        u_exact = _exact_u(comparison, part)
        frequency = frequency_table(frequencies[part.name], u_exact, tf_minimum_u)
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


def _stacked(slots: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Slots of several fields, one under the other, each padded to the longest with slots of no
    bits, so that a kernel finds the fields at equal distances."""
    most = max(len(each) for each in slots)
    padded = [np.pad(each, ((0, most - len(each)), (0, 0))) for each in slots]
    return np.ascontiguousarray(np.vstack(padded))


def _check_kinds(part: Part, source: Comparator, layout: Layout) -> None:
    if len(part.fields) != len(source.kinds):
        raise ConfigError(
            f"{part.name}: {part.comparator} compares {len(source.kinds)} fields, "
            f"not {len(part.fields)}"
        )
    for name, kinds in zip(part.fields, source.kinds, strict=True):
        if layout.is_hashed(name):
            if part.comparator != "exact":
                raise ConfigError(f"{part.name}: {name} is kept as a hash; compare it with exact")
        elif layout.kind(name) not in kinds:
            raise ConfigError(
                f"{part.name}: {part.comparator} does not compare fields of kind "
                f"{layout.kind(name)}"
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
                    f"{part.name}: {part.comparator} has no grade {grade!r}; "
                    f"it has {', '.join(names)}"
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
