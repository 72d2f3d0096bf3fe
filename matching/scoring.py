"""Comparing and weighing a chunk of pairs.

First the comparisons that one kernel does by itself (`matching.kernels.fused`), pair by pair and
with an exact bound; then the term frequencies of what is left; then names and text, each
comparison over all pairs that can still reach the least weight.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.comparator import overflow_arrays
from matching.compiled_parts import CompiledComparison, CompiledPart, PairScores
from matching.kernels.fused import (
    GROUPS,
    LANE_LEVELS,
    LANES,
    PairProgram,
    lane_levels,
    score_pairs,
)
from matching.kernels.han_units import NO_ADDRESSES
from matching.kernels.later_bounds import LaterBounds, list_possible
from matching.kernels.pair_blocks import WORDS_AT_ONCE
from matching.kernels.weights import (
    REMEMBERED,
    accumulate_cells,
    add_cell_weights,
    add_frequency_weights,
    add_to_patterns,
    keep_reaching,
    take_off_relatives,
)
from person.field import OverflowTable

__all__ = ["ScoringPlan", "plan_scoring", "score"]

ROUNDING: Final = 1e-6
"""A bound is not believed beyond this."""

SINGLES_MAX: Final = 32
NAME_GROUP: Final = GROUPS.index((LANES.index("han_name"),))

LOOKS_MAX: Final = 7
"""Parts of a comparison that are looked at: the tables of bounds grow by three with each."""

SAMPLE: Final = 256
LITTLE: Final = 8
"""Pairs are looked at where at least one in so many of a sample can be given up for it."""

_NULL_WHERE_MISSING: Final = (
    *("exact", "latin_name", "text", "identifier_text", "jaro_winkler", "levenshtein"),
    *("jaro", "damerau_levenshtein"),
)
"""Comparators that say null wherever the first component of a value is 0."""

NAME_MASK: Final = (1 << 60) - 1
"""Of a Chinese name what makes it equal: its characters, not the length of its surname."""

_NO_FREQUENCY: Final = np.zeros(0, np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringPlan:
    """How a model's comparisons are made.

    Attributes
    ----------
    comparisons : as the model orders them
    fused : numbers of those the one kernel does, in its order; `program` says how
    others : numbers of those done one by one after it, in order; `later` says what they can add
    frequencies : (comparison, part, lane of the kernel) of fused parts with term frequencies
    strides : what a step of each comparison's cell adds to the agreement pattern
    prior, relative_prior : where the sums start; no relatives: -inf
    """

    comparisons: tuple[CompiledComparison, ...]
    fused: tuple[int, ...]
    others: tuple[int, ...]
    program: PairProgram
    later: LaterBounds
    frequencies: tuple[tuple[int, CompiledPart, int], ...]
    strides: tuple[int, ...]
    prior: float
    relative_prior: float


@dataclass(slots=True)
class _Lanes:
    """Comparisons as they are given to the kernel's groups and lanes."""

    part_of_lane: list[CompiledPart | None]
    comparison_of_group: list[int | None]

    @property
    def fused(self) -> list[int]:
        return [number for number in self.comparison_of_group if number is not None]

    def take(self, number: int, comparison: CompiledComparison) -> bool:
        """Give a comparison its lanes, if they are free; False where the kernel cannot do it."""
        if _is_single(comparison) and len(self.part_of_lane) < len(LANES) + SINGLES_MAX:
            self.part_of_lane.append(comparison.parts[0])
            self.comparison_of_group.append(number)
            return True
        lanes = [_lane_of(part) for part in comparison.parts]
        for group, members in enumerate(GROUPS):
            is_free = self.comparison_of_group[group] is None
            if is_free and set(lanes) <= set(members) and len(set(lanes)) == len(lanes):
                self.comparison_of_group[group] = number
                for lane, part in zip(lanes, comparison.parts, strict=True):
                    self.part_of_lane[lane] = part
                return True
        return False


def _has_frequencies(part: CompiledPart) -> bool:
    """Whether any term frequency of a part is not 0: of numbers that nobody shares none is."""
    return part.frequency is not None and (
        part.frequency[2] != 0.0 or bool(np.any(part.frequency[0]))
    )


def _is_single(comparison: CompiledComparison) -> bool:
    part = comparison.parts[0]
    is_exact = part.part.comparator == "exact" and len(part.value_slots) == 1
    return len(comparison.parts) == 1 and is_exact


def _lane_of(part: CompiledPart) -> int:
    """The lane that does a part, -1 for none: only some lanes say that values are equal."""
    name = part.part.comparator
    if name not in LANES or (
        part.frequency is not None and name in ("gender", "region", "address")
    ):
        return -1
    return LANES.index(name)


def plan_scoring(
    comparisons: Sequence[CompiledComparison],
    order: Sequence[int],
    prior: float,
    relative_prior: float | None,
) -> ScoringPlan:
    """Lay out a model for the kernels.

    Parameters
    ----------
    comparisons : compiled, as the model orders them
    order : in which they are made; those of the kernel come first, whatever it says
    prior, relative_prior : log2 odds before anything is compared
    """
    lanes = _Lanes([None] * len(LANES), [None] * len(GROUPS))
    others = tuple(n for n in order if not lanes.take(n, comparisons[n]))
    counts = [each.null_cell_count for each in comparisons]
    strides = tuple(
        int(np.prod(counts[number + 1 :], dtype=object)) for number in range(len(counts))
    )
    number_of = {id(part): number for number, each in enumerate(comparisons) for part in each.parts}
    return ScoringPlan(
        comparisons=tuple(comparisons),
        fused=tuple(lanes.fused),
        others=others,
        program=_program(comparisons, lanes, others, strides),
        later=_later_bounds([comparisons[number] for number in others]),
        frequencies=tuple(
            (number_of[id(part)], part, lane)
            for lane, part in enumerate(lanes.part_of_lane)
            if part is not None and _has_frequencies(part)
        ),
        strides=strides,
        prior=prior,
        relative_prior=-np.inf if relative_prior is None else relative_prior,
    )


def _program(
    comparisons: Sequence[CompiledComparison],
    lanes: _Lanes,
    others: Sequence[int],
    strides: Sequence[int],
) -> PairProgram:
    groups = lanes.comparison_of_group
    places = np.zeros((len(lanes.part_of_lane), 6), np.uint64)
    words: dict[int, int] = {}
    levels, frequency_max = [], np.zeros(len(lanes.part_of_lane))
    for lane, part in enumerate(lanes.part_of_lane):
        if part is None:
            levels.append(np.zeros(LANE_LEVELS, np.int64))
            continue
        slots = part.value_slots if part.part.comparator == "exact" else part.slots
        for component, (word, shift, bits) in enumerate(slots.tolist()):
            column = words.setdefault(word, len(words))
            places[lane, 3 * component : 3 * component + 3] = (column, shift, (1 << bits) - 1)
        levels.append(lane_levels(lane, part.part.comparator, part.level_of_grade, part.stride))
        frequency_max[lane] = part.frequency_weight_max
    # Where a group does without a comparison: one cell that says nothing.
    tables, used = [np.zeros((1, 2))], 1
    starts, group_strides = [], []
    for number in groups:
        starts.append(0 if number is None else used)
        group_strides.append(0 if number is None else strides[number])
        if number is not None:
            tables.append(_weights(comparisons[number]))
            used += len(tables[-1])
    later = sum(comparisons[number].weight_max for number in others) + ROUNDING
    behind = [comparisons[n].weight_max for n in groups[NAME_GROUP:] if n is not None]
    names = [comparisons[n] for n in groups[NAME_GROUP : NAME_GROUP + 1] if n is not None]
    overflow, han = overflow_arrays(OverflowTable()), NO_ADDRESSES
    if names:
        overflow, han = names[0].parts[0].tables
    gathered = list(words) or [0]
    gathered += gathered[-1:] * (-len(gathered) % WORDS_AT_ONCE)
    return PairProgram(
        words=np.array(gathered, np.uint64),
        places=places,
        levels=np.concatenate(levels),
        starts=np.array(starts, np.int64),
        strides=np.array(group_strides, np.int64),
        cell_weight=np.concatenate(tables),
        rest_max=np.array([sum(behind) + later, later]),
        name_gain=sum(each.weight_max - float(_looked_at(each)[0][:2].max()) for each in names),
        frequency_max=frequency_max,
        overflow=overflow,
        han=han,
    )


def _later_bounds(others: Sequence[CompiledComparison]) -> LaterBounds:
    """What the comparisons made after the kernel can add, by a look at their values."""
    looks: list[tuple[int, int, int, int]] = []
    starts, tables = [0], [np.zeros(0)]
    for each in others:
        table, looked_at = _looked_at(each)
        for part in looked_at:
            word, shift, bits = part.slots[0].tolist()
            full = (1 << bits) - 1
            equal = NAME_MASK if part.part.comparator.startswith("han_name") else full
            looks.append((word, shift, full, equal))
        starts.append(len(looks))
        tables.append(table)
    return LaterBounds(
        looks=np.array(looks, np.uint64).reshape(len(looks), 4),
        starts=np.array(starts, np.int64),
        bounds=np.concatenate(tables),
        bound_starts=np.cumsum([len(each) for each in tables])[:-1].astype(np.int64),
    )


def _looked_at(each: CompiledComparison) -> tuple[NDArray[np.float64], list[CompiledPart]]:
    """The most a comparison can add by what looks at its parts come to, and those parts.

    Where values differ, no part is at a level that only equal values reach, and no term frequency
    is added; where text is missing, its part is null. One component of a value is enough to look
    at: if it differs, the values do.
    """
    shape = tuple(len(part.part.levels) + 1 for part in each.parts)
    table: NDArray[np.float64] = each.cell_weight.reshape(shape)
    looked_at: list[CompiledPart] = []
    for axis, part in enumerate(each.parts):
        most = part.frequency_weight_max
        everything = table.max(axis=axis, keepdims=True) + most
        if len(part.part.fields) > 1 or len(looked_at) == LOOKS_MAX:
            table = everything
            continue
        null = np.take(table, [len(part.part.levels)], axis=axis)
        is_text = part.part.comparator in _NULL_WHERE_MISSING
        levels = np.unique(part.level_of_grade[1:255]) if _says_equal(part) else range(shape[axis])
        different = np.take(table, levels, axis=axis).max(axis=axis, keepdims=True)
        missing = null if is_text else np.maximum(different, null)
        table = np.concatenate([missing, np.maximum(different, missing), everything], axis=axis)
        looked_at.append(part)
    return table.reshape(-1), looked_at


def _says_equal(part: CompiledPart) -> bool:
    """Whether only equal values can reach a part's first level, so that a look can rule it out."""
    return (
        int(np.count_nonzero(part.level_of_grade[:255] == 0)) == 1
        and part.part.levels[0] == ("exact",)
        and part.level_of_grade[0] == 0
    )


def _weights(comparison: CompiledComparison) -> NDArray[np.float64]:
    """Match and relative weight of each cell, float64[cells, 2]."""
    relative = comparison.relative_weight
    if relative is None:
        relative = np.zeros(comparison.null_cell_count)
    return np.stack([comparison.cell_weight, relative], axis=1)


def score(
    plan: ScoringPlan,
    a: NDArray[np.uint64],
    b: NDArray[np.uint64],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    weight_min: float,
    *,
    with_frequency_weights: bool,
) -> PairScores:
    """Score pairs; see `CompiledModel.score`."""
    state = _State(plan, a, b, left, right, weight_min, with_frequency_weights)
    for number, part, lane in plan.frequencies:
        state.add_frequency(number, part, lane, state.exact)
    for place, number in enumerate(plan.others):
        state.give_up(place, weight_min - ROUNDING)
        if not len(state.pair):
            break
        state.compare(number)
    state.finish(weight_min)
    return PairScores(
        state.weight,
        state.pattern,
        tuple(each.null_cell_count for each in plan.comparisons),
        state.pair,
        None if plan.relative_prior == -np.inf else state.relative,
        state.frequency_weight,
    )


_OF_THREAD: Final = threading.local()


def _memory() -> NDArray[np.float64]:
    """What this thread remembers of relative weights: a pure function's values, of any model."""
    memory: NDArray[np.float64] | None = getattr(_OF_THREAD, "memory", None)
    if memory is None:
        memory = _OF_THREAD.memory = np.full((REMEMBERED, 2), np.nan)
    return memory


class _State:
    """Pairs under comparison; those given up leave every array."""

    def __init__(
        self,
        plan: ScoringPlan,
        a: NDArray[np.uint64],
        b: NDArray[np.uint64],
        left: NDArray[np.int32],
        right: NDArray[np.int32],
        weight_min: float,
        with_frequency_weights: bool,
    ) -> None:
        count = len(left)
        self.plan, self.a, self.b = plan, a, b
        self.left, self.right = left, right
        pair, pattern = np.empty(count, np.int32), np.empty(count, np.int64)
        exact, weight, relative = np.empty(count, np.uint64), np.empty(count), np.empty(count)
        kept = score_pairs(
            *(a, b, left, right, plan.program, plan.prior, plan.relative_prior, weight_min),
            *(pair, pattern, exact, weight, relative),
        )
        self.pair, self.pattern, self.exact = pair[:kept], pattern[:kept], exact[:kept]
        self.weight, self.relative = weight[:kept], relative[:kept]
        self.frequency_weight: NDArray[np.float64] | None = None
        if with_frequency_weights:
            self.frequency_weight = np.zeros((len(plan.comparisons), kept))

    def add_frequency(
        self, number: int, part: CompiledPart, bit: int, exact: NDArray[np.uint64]
    ) -> None:
        """Add a part's term frequencies where its `bit` of `exact` is set."""
        assert part.frequency is not None
        out = _NO_FREQUENCY if self.frequency_weight is None else self.frequency_weight[number]
        add_frequency_weights(
            *(self.a, self.left, self.pair, exact, bit, part.value_slots, *part.frequency),
            *(self.weight, self.relative, out),
        )

    def compare(self, number: int) -> None:
        """Make one comparison over all pairs left."""
        each = self.plan.comparisons[number]
        grades = np.empty(len(self.pair), np.uint8)
        cells = np.zeros(len(self.pair), np.int32)
        left, right = self.left[self.pair], self.right[self.pair]
        for part in each.parts:
            part.kernel(self.a, self.b, left, right, part.slots, part.tables, part.cutoffs, grades)
            accumulate_cells(grades, part.level_of_grade, part.stride, cells)
            if part.frequency is not None:
                self.add_frequency(number, part, 0, (grades == 0).astype(np.uint64))
        add_to_patterns(cells, self.plan.strides[number], self.pattern)
        add_cell_weights(cells, each.cell_weight, self.weight)
        if each.relative_weight is not None:
            add_cell_weights(cells, each.relative_weight, self.relative)

    def finish(self, weight_min: float) -> None:
        """Count what may be relatives off, and drop what did not reach `weight_min`."""
        if weight_min == -np.inf or self.frequency_weight is not None:
            take_off_relatives(self.weight, self.relative, _memory())
            return
        kept = keep_reaching(
            weight_min, self.pair, self.pattern, self.weight, self.relative, _memory()
        )
        self.pair, self.pattern = self.pair[:kept], self.pattern[:kept]
        self.weight, self.relative = self.weight[:kept], self.relative[:kept]

    def give_up(self, first: int, weight_min: float) -> None:
        """Drop pairs that later comparisons, from the first so many on, cannot save."""
        if weight_min == -np.inf:
            return
        possible = np.empty(len(self.pair) + 1, np.int64)
        sample = min(SAMPLE, len(self.pair))
        if LITTLE * (sample - self._list_possible(first, weight_min, sample, possible)) < sample:
            return  # a look costs more than it saves
        used = self._list_possible(first, weight_min, len(self.pair), possible)
        if used == len(self.pair):
            return
        kept = possible[:used]
        self.pair, self.pattern, self.exact = self.pair[kept], self.pattern[kept], self.exact[kept]
        self.weight, self.relative = self.weight[kept], self.relative[kept]
        if self.frequency_weight is not None:
            self.frequency_weight = np.ascontiguousarray(self.frequency_weight[:, kept])

    def _list_possible(
        self, first: int, weight_min: float, count: int, out: NDArray[np.int64]
    ) -> int:
        """List those of the first `count` pairs that later comparisons can save; how many."""
        used: int = list_possible(
            *(self.a, self.b, self.left, self.right, self.pair[:count], self.weight),
            *(self.plan.later, first, weight_min, out),
        )
        return used
