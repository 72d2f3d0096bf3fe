"""A model made ready to run: arrays and kernels only. Training, batch scoring, lookups and
explanations all go through `CompiledModel`, so they cannot disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.comparator import NULL_GRADE, Comparator
from matching.compiled_parts import CompiledComparison, CompiledPart, PairScores, unpack_patterns
from matching.frequencies import TermFrequencies, frequency_adjustments, frequency_table
from matching.kernels.fused import LANES
from matching.kernels.weights import add_to_patterns
from matching.model import Comparison, Model, Part
from matching.registry import comparator
from matching.scoring import ScoringPlan, plan_scoring, score
from person.errors import ConfigError, ModelNotTrainedError
from person.field import OverflowTable
from person.layout import Layout

__all__ = [
    "CompiledComparison",
    "CompiledModel",
    "CompiledPart",
    "PairScores",
    "compile_model",
    "from_null_cells",
    "null_cell_weights",
    "relative_chance",
    "with_null_cells",
]


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
    plan: ScoringPlan

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
        """Compare pairs: int32[n_comparisons, n_pairs] cells of all of them."""
        return self.score(a, b, left, right).cells

    def patterns(self, cells: NDArray[np.int32]) -> NDArray[np.int64]:
        """Pack the cells of each pair into one integer, int64[n_pairs]."""
        patterns = np.zeros(cells.shape[1], np.int64)
        for number, stride in enumerate(self.plan.strides):
            add_to_patterns(np.ascontiguousarray(cells[number]), stride, patterns)
        return patterns

    def unpack_patterns(self, patterns: NDArray[np.int64]) -> NDArray[np.int32]:
        """Undo `patterns`: int32[n_comparisons, n_patterns]."""
        return unpack_patterns(patterns, [each.null_cell_count for each in self.comparisons])

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
        return score(
            *(self.plan, a, b, left, right, weight_min),
            with_frequency_weights=with_frequency_weights,
        )


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
                weight_max=float(weights.max()) + sum(part.frequency_weight_max for part in parts),
                relative_weight=(
                    _ratio_weights(comparison, comparison.relative_probability)
                    if knows_relatives and comparison.relative_probability is not None
                    else None
                ),
            )
        )
    order = sorted(range(len(compiled)), key=lambda number: _cost(compiled[number]))
    prior = model.prior_match_weight if model.is_trained else 0.0
    relative_prior = float(np.log2(relatives)) if knows_relatives else None
    plan = plan_scoring(compiled, order, prior, relative_prior)
    result = CompiledModel(
        model=model,
        layout=layout,
        comparisons=tuple(compiled),
        order=(*plan.fused, *plan.others),
        prior_match_weight=prior,
        prior_relative_weight=relative_prior,
        plan=plan,
    )
    if result.pattern_count >= 1 << 62:
        raise ConfigError("the model has too many comparison levels; merge some")
    return result


def _cost(comparison: CompiledComparison) -> tuple[int, int, float]:
    """Cheap comparisons first; among equals those that can speak most strongly against."""
    names = sum(part.part.comparator.startswith("han_name") for part in comparison.parts)
    quick = ("exact", *LANES)
    texts = sum(part.part.comparator not in quick for part in comparison.parts) - names
    return texts, names, float(comparison.cell_weight.min())


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
    adjustments = frequency = None
    if part.term_frequency and part.name in frequencies:
        values = frequencies[part.name]
        u_exact = _exact_u(comparison, part)
        adjustments, absent = frequency_adjustments(values, u_exact, tf_minimum_u)
        frequency = frequency_table(values.hashes, adjustments, absent)
    return CompiledPart(
        part=part,
        kernel=source.kernel,
        slots=slots,
        tables=source.tables(overflow),
        cutoffs=np.array(part.cutoffs or (0.0,), np.float64),
        level_of_grade=_level_of_grade(part, source),
        stride=stride,
        value_slots=layout.value_slots(part.fields[0]),
        adjustments=adjustments,
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
