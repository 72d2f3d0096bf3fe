"""The whole scorer once more: plain Python, one pair at a time, dictionaries and log2.

Grades come from the comparators' own kernels, asked about one pair; everything after them, from
levels to nulls, frequencies and relatives, is done again the slow way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.comparator import NULL_GRADE
from matching.compiled import grade_names
from matching.frequencies import TermFrequencies
from matching.model import Comparison, Model, Part
from matching.registry import comparator
from person.field import OverflowTable
from person.layout import Layout
from tests import reference

__all__ = ["NaivePair", "NaiveScorer"]

Levels = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class NaivePair:
    """Weight of one pair and what it is made of."""

    weight: float
    levels: tuple[Levels, ...]
    relative_weight: float | None


@dataclass(frozen=True, slots=True)
class NaiveScorer:
    """Scores pairs by the model's definition."""

    model: Model
    layout: Layout
    overflow: OverflowTable
    frequencies: Mapping[str, TermFrequencies]

    def score(
        self, a: NDArray[np.uint64], b: NDArray[np.uint64], left: int, right: int
    ) -> NaivePair:
        prior = self.model.probability_two_random_records_match
        assert prior is not None
        weight = log2(prior / (1.0 - prior))
        relatives = self.model.probability_two_random_records_relatives
        has_relatives = relatives > 0 and all(
            each.relative_probability is not None for each in self.model.comparisons
        )
        relative_weight = log2(relatives) if has_relatives else None
        all_levels = []
        for each in self.model.comparisons:
            levels, adjustment = self._levels(each, a, b, left, right)
            all_levels.append(levels)
            assert each.m_probability is not None
            weight += adjustment + _log_ratio(each, each.m_probability, levels)
            if relative_weight is not None:
                assert each.relative_probability is not None
                relative_weight += adjustment
                relative_weight += _log_ratio(each, each.relative_probability, levels)
        if relative_weight is not None:
            weight -= log2(1.0 + 2.0**relative_weight)
        return NaivePair(weight, tuple(all_levels), relative_weight)

    def _levels(
        self,
        comparison: Comparison,
        a: NDArray[np.uint64],
        b: NDArray[np.uint64],
        left: int,
        right: int,
    ) -> tuple[Levels, float]:
        """Level of each part, None for null, and the term-frequency adjustments added up."""
        levels: list[int | None] = []
        adjustment = 0.0
        for part in comparison.parts:
            grade = self._grade(part, a, b, left, right)
            if grade == NULL_GRADE:
                levels.append(None)
                continue
            name = grade_names(part, comparator(part.comparator))[grade]
            levels.append(next(i for i, level in enumerate(part.levels) if name in level))
            if grade == 0 and part.term_frequency and part.name in self.frequencies:
                adjustment += self._adjustment(comparison, part, a[left])
        return tuple(levels), adjustment

    def _grade(self, part: Part, a: Any, b: Any, left: int, right: int) -> int:
        source = comparator(part.comparator)
        out = np.zeros(1, np.uint8)
        source.kernel(
            a,
            b,
            np.array([left], np.int32),
            np.array([right], np.int32),
            np.ascontiguousarray(np.vstack([self.layout.slots(name) for name in part.fields])),
            source.tables(self.overflow),
            np.array(part.cutoffs or (0.0,), np.float64),
            out,
        )
        return int(out[0])

    def _adjustment(self, comparison: Comparison, part: Part, row: NDArray[np.uint64]) -> float:
        found = self.frequencies[part.name]
        counts = dict(zip(found.hashes.tolist(), found.counts.tolist()))
        slots = self.layout.value_slots(part.fields[0]).tolist()
        value = reference.combined_hash([reference.read_slot(row, *slot) for slot in slots])
        place = comparison.parts.index(part)
        assert comparison.u_probability is not None
        u_exact = sum(
            u
            for cell, u in zip(_cells(comparison), comparison.u_probability.tolist())
            if cell[place] == 0
        )
        rarest = 0 if found.is_complete else min(counts.values())
        chance = reference.stranger_chance(
            counts.get(value, rarest), found.record_count, u_exact, found.of_people
        )
        return log2(u_exact) - log2(max(chance, self.model.tf_minimum_u))


def _cells(comparison: Comparison) -> Iterator[tuple[int, ...]]:
    """Levels of every cell, in the order of the probabilities."""
    return product(*(range(len(part.levels)) for part in comparison.parts))


def _log_ratio(comparison: Comparison, over: Sequence[float] | Any, levels: Levels) -> float:
    """log2 of the ratio of the chances to see these levels, whatever the null parts might be."""
    if all(level is None for level in levels):
        return 0.0
    chances = [0.0, 0.0]
    assert comparison.u_probability is not None
    for place, cell in enumerate(_cells(comparison)):
        if all(level is None or level == other for level, other in zip(levels, cell)):
            chances[0] += float(over[place])
            chances[1] += float(comparison.u_probability[place])
    return log2(chances[0] / chances[1])
