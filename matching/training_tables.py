"""One comparison during estimation: its tables, and how each is estimated from counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.compiled import CompiledModel, from_null_cells, with_null_cells
from matching.frequencies import ExactAgreement, countable_parts
from matching.model import Comparison

__all__ = ["TINY", "ComparisonTable", "alike_pairs", "marginal", "start_relative", "start_table"]

TINY: Final = 1e-12
U_PRIOR_PAIRS: Final = 20_000.0
"""Weight of a shipped u, in random pairs: a table of 200 records still leans on it as much as on
itself, one of 2,000 hardly."""

_TWIN_GRADES: Final = frozenset({"sequence_differs", "same_birth_date", "else"})
_HAN_RELATIVES: Final = {
    "exact": 1e-4,
    "same_syllables": 3e-4,
    "one_given_character": 0.12,
    "surname_only": 0.45,
    "else": 0.42,
}
"""Names of two people of a household: siblings share a surname and sometimes a generation
character, spouses share nothing."""


@dataclass(slots=True)
class ComparisonTable:
    """A comparison's probabilities while they are estimated.

    Attributes
    ----------
    m, u, relative : float64[cells]; `relative` is None where relatives are not modelled
    m_start, relative_start : what m and relative are drawn towards
    sets : the sets of countable parts, smallest first, the empty one included
    has_all : bool[n_sets, null_cells], cells in which all parts of a set agree exactly
    agreements : counted agreement of each set but the empty one, in the order of `sets`
    set_of_cell : int64[cells], the largest set of countable parts that agree exactly
    levels : int64[n_parts, cells]
    u_prior : what u is drawn towards in a table of few pairs; None to trust the table alone
    """

    comparison: Comparison
    m: NDArray[np.float64]
    u: NDArray[np.float64]
    relative: NDArray[np.float64] | None
    m_start: NDArray[np.float64]
    relative_start: NDArray[np.float64]
    sets: tuple[frozenset[int], ...]
    has_all: NDArray[np.float64]
    agreements: tuple[ExactAgreement, ...]
    set_of_cell: NDArray[np.int64]
    levels: NDArray[np.int64]
    u_prior: NDArray[np.float64] | None

    @property
    def null_cell_count(self) -> int:
        return self.has_all.shape[1]

    def log_ratio(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """ln(probability / u) of every null cell."""
        shape = self.comparison.shape
        ratio: NDArray[np.float64] = np.log(
            with_null_cells(probability, shape) / with_null_cells(self.u, shape)
        )
        ratio[-1] = 0.0
        return ratio

    def estimate_m(self, shown: NDArray[np.float64], prior_pairs: float) -> float:
        """Estimate m from expected matches by null cell; returns how far it moved."""
        m = self._estimate_cells(shown, self.m, self.m_start, prior_pairs)
        moved = float(np.abs(m - self.m).max())
        self.m = m
        return moved

    def estimate_relative(self, shown: NDArray[np.float64], prior_pairs: float) -> None:
        """Estimate the household class from expected pairs of relatives by null cell."""
        assert self.relative is not None
        self.relative = self._pinned(
            self._estimate_cells(shown, self.relative, self.relative_start, prior_pairs)
        )

    def estimate_u(
        self,
        strangers: NDArray[np.float64],
        others: NDArray[np.float64] | None,
        floor_pairs: float,
    ) -> float:
        """Estimate u; returns how far it moved.

        The counted chance of agreeing exactly on just these parts, times the sampled chance of
        each fuzzy level among values that differ; never below what the sample itself shows.

        Parameters
        ----------
        strangers : float64[null_cells], random pairs by cell, matches and relatives taken out
        others : float64[null_cells], expected matches and relatives, to be taken out of the
            counted agreements; None where these hold none
        floor_pairs : the least number of agreeing pairs behind any counted chance
        """
        shape = self.comparison.shape
        sampled = self._spread(strangers, np.maximum(self.u, TINY))
        sample_size = max(float(strangers[:-1].sum()), 1.0)
        countable = sorted(frozenset().union(*self.sets))
        u = self._exact_set_chances(others, floor_pairs)[self.set_of_cell]
        for axis in range(len(shape)):
            is_counted = axis in countable
            chances = _level_chances(sampled.reshape(shape), axis, is_counted)
            level = self.levels[axis]
            u = u * np.where(is_counted & (level == 0), 1.0, chances[level])
        u = np.maximum(u, TINY)
        well_sampled = sampled >= 5.0
        u[well_sampled] = np.maximum(u[well_sampled], sampled[well_sampled] / sample_size)
        u /= u.sum()
        if self.u_prior is not None:
            u = (sample_size * u + U_PRIOR_PAIRS * self.u_prior) / (sample_size + U_PRIOR_PAIRS)
        moved = float(np.abs(np.log(u) - np.log(self.u)).max())
        self.u = u
        return moved

    def mend_order(self, axis: int) -> bool:
        """Pool the exact level with fuzzier ones that outweigh it; True if there were any.

        Pooled levels share one ratio m/u (pool adjacent violators), so the evidence they carry
        together stays what was estimated.
        """
        shape = self.comparison.shape
        m, u = marginal(self.m, shape, axis), marginal(self.u, shape, axis)
        pooled = 1
        while pooled < len(m):
            together = m[:pooled].sum() / u[:pooled].sum()
            if m[pooled] / u[pooled] <= together * 1.001:
                break
            pooled += 1
        if pooled == 1:
            return False
        ratio = m[:pooled].sum() / u[:pooled].sum()
        scale = np.ones(len(m))
        scale[:pooled] = ratio * u[:pooled] / m[:pooled]
        m_cells = self.m * scale[self.levels[axis]]
        self.m = m_cells / m_cells.sum()
        return True

    def _spread(self, shown: NDArray[np.float64], over: NDArray[np.float64]) -> NDArray[np.float64]:
        """Counts of null cells spread over the full cells they may stand for, as `over` is.

        The cell in which every part is null says nothing and is left out.
        """
        shape = self.comparison.shape
        share = shown / np.maximum(with_null_cells(over, shape), TINY)
        share[-1] = 0.0
        spread: NDArray[np.float64] = over * from_null_cells(share, shape)
        return spread

    def _estimate_cells(
        self,
        shown: NDArray[np.float64],
        current: NDArray[np.float64],
        start: NDArray[np.float64],
        prior_pairs: float,
    ) -> NDArray[np.float64]:
        """Chance of each cell in a class: expected pairs, drawn a little towards the start and
        towards independence of the parts."""
        counts = self._spread(shown, current)
        independent = _independent(self.comparison.shape, counts + prior_pairs * start)
        cells = counts + prior_pairs * (0.5 * independent + 0.5 * start) + TINY
        result: NDArray[np.float64] = cells / cells.sum()
        return result

    def _pinned(self, relative: NDArray[np.float64]) -> NDArray[np.float64]:
        """Hold what two relatives never share by more than chance: given name, number, sex.

        Without it the class would drift to whatever agrees, and swallow the matches.
        """
        cube = relative.reshape(self.comparison.shape)
        for axis, part in enumerate(self.comparison.parts):
            if part.shared or part.comparator == "date":
                continue
            now = marginal(relative, self.comparison.shape, axis)
            # A full name shares its surname; everything else agrees no more than strangers' do.
            like = self.relative_start if part.comparator == "han_name" else self.u
            target = marginal(like, self.comparison.shape, axis)
            if part.comparator == "national_id":  # twins' numbers differ in the sequence alone
                free = np.array(["/".join(level) in _TWIN_GRADES for level in part.levels])
                target[free] = now[free] * (1 - target[~free].sum()) / now[free].sum()
                cube = cube * _along(target / np.maximum(now, TINY), axis, cube.ndim)
            else:
                cube = cube.sum(axis=axis, keepdims=True) * _along(target, axis, cube.ndim)
        result: NDArray[np.float64] = np.maximum(cube.reshape(-1), TINY)
        return result / result.sum()

    def _exact_set_chances(
        self, others: NDArray[np.float64] | None, floor_pairs: float
    ) -> NDArray[np.float64]:
        """Chance that two strangers agree exactly on just each set of parts: float64[n_sets]."""
        taken = np.zeros(len(self.sets)) if others is None else self.has_all @ others
        at_least = {frozenset[int](): 1.0}
        for place, parts in enumerate(self.sets):
            if not parts:
                continue
            counted = self.agreements[place - 1]
            agreeing = max(counted.agreeing_pairs - taken[place], floor_pairs)
            chance = agreeing / max(counted.present_pairs, 1.0)
            at_least[parts] = min(chance, *(at_least[parts - {part}] for part in parts), 0.999)
        exact = np.empty(len(self.sets))
        for place, parts in enumerate(self.sets):
            signed = (
                (-1) ** len(larger - parts) * chance
                for larger, chance in at_least.items()
                if larger >= parts
            )
            exact[place] = max(sum(signed), at_least[parts] * 1e-3, TINY)
        return exact


def start_table(
    comparison: Comparison,
    agreements: Mapping[frozenset[int], ExactAgreement],
    prior: Comparison | None = None,
) -> ComparisonTable:
    """A comparison ready for estimation, at its own probabilities or the usual start.

    Parameters
    ----------
    comparison : what to estimate
    agreements : counted exact agreement of its sets of parts
    prior : the comparison before it was ever fitted; m is drawn towards its probabilities, or
        towards the usual start where it has none. Were m drawn towards an earlier fit, levels
        that matches seldom show would sink lower with every fit.
    """
    countable = [part for part in countable_parts(comparison) if frozenset([part]) in agreements]
    sets = tuple(
        frozenset(parts)
        for size in range(len(countable) + 1)
        for parts in combinations(countable, size)
    )
    shape = comparison.shape
    levels = np.array(np.unravel_index(np.arange(comparison.cell_count), shape), np.int64)
    null_cells = prod(count + 1 for count in shape)
    null_levels = np.array(
        np.unravel_index(np.arange(null_cells), tuple(count + 1 for count in shape))
    )
    has_all = np.array([(null_levels[sorted(parts)] == 0).all(axis=0) for parts in sets], float)
    place_of_set = {parts: place for place, parts in enumerate(sets)}
    agreeing = [
        place_of_set[frozenset(part for part in countable if cell[part] == 0)] for cell in levels.T
    ]
    before = comparison if prior is None else prior
    start = _start_m(comparison) if before.m_probability is None else before.m_probability
    return ComparisonTable(
        comparison=comparison,
        m=start if comparison.m_probability is None else comparison.m_probability,
        u=start if comparison.u_probability is None else comparison.u_probability,
        relative=None,
        m_start=start,
        relative_start=start,
        sets=sets,
        has_all=has_all,
        agreements=tuple(agreements[parts] for parts in sets if parts),
        set_of_cell=np.array(agreeing, np.int64),
        levels=levels,
        u_prior=before.u_probability,
    )


def alike_pairs(compiled: CompiledModel, cells: NDArray[np.int32]) -> NDArray[np.float64]:
    """1.0 where a pair agrees exactly in all that both records have, an id number among it.

    Parameters
    ----------
    compiled : the model that compared the pairs
    cells : int32[n_comparisons, n_pairs]

    Returns
    -------
    float64[n_pairs] of 0.0 and 1.0
    """
    alike, has_number = np.ones(cells.shape[1], np.bool_), np.zeros(cells.shape[1], np.bool_)
    for number, comparison in enumerate(compiled.comparisons):
        for each in comparison.parts:
            levels = len(each.part.levels)
            level = cells[number] // each.stride % (levels + 1)
            alike &= (level == 0) | (level == levels)
            if each.part.comparator == "national_id":
                has_number |= level == 0
    return (alike & has_number).astype(np.float64)


def _start_m(comparison: Comparison) -> NDArray[np.float64]:
    """Initial m: matches mostly agree exactly, sometimes nearly, seldom not at all."""
    start = np.ones(1)
    for part in comparison.parts:
        count = len(part.levels)
        levels = np.full(count, 0.2 / max(count - 2, 1))
        levels[0], levels[-1] = 0.75, 0.05
        if count == 2:
            levels[:] = (0.9, 0.1)
        if part.levels[0] != ("exact",):  # 'reversed' and the like: rare among matches too
            levels = np.full(count, 0.02 / (count - 1))
            levels[-1] = 0.98
        start = np.kron(start, levels / levels.sum())
    return start


def start_relative(comparison: Comparison, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Initial chances for two people of one household: they share what households share, and
    are as unlike as strangers in the rest."""
    start = np.ones(1)
    for axis, part in enumerate(comparison.parts):
        count = len(part.levels)
        levels = marginal(u, comparison.shape, axis)
        if part.shared:
            levels = np.full(count, 0.15 / max(count - 2, 1))
            levels[0], levels[-1] = 0.7, 0.15
        elif part.comparator == "han_name":
            levels = np.array([_HAN_RELATIVES.get(label, 1e-3) for label in part.level_labels])
        start = np.kron(start, levels / levels.sum())
    return start


def marginal(values: NDArray[np.float64], shape: tuple[int, ...], axis: int) -> NDArray[np.float64]:
    """Values of the cells summed over all parts but one: float64[levels of that part]."""
    cube = values.reshape(shape)
    result: NDArray[np.float64] = cube.sum(axis=tuple(a for a in range(cube.ndim) if a != axis))
    return result


def _along(values: NDArray[np.float64], axis: int, dimensions: int) -> NDArray[np.float64]:
    """Values laid along one axis of a cube, to be broadcast over the others."""
    shape = [1] * dimensions
    shape[axis] = len(values)
    return values.reshape(shape)


def _independent(shape: tuple[int, ...], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chance of each cell if the parts were independent, from counts of the cells."""
    total = max(float(counts.sum()), TINY)
    result: NDArray[np.float64] = np.ones(1)
    for axis in range(len(shape)):
        result = np.asarray(np.kron(result, marginal(counts, shape, axis) / total), np.float64)
    return result


def _level_chances(
    sampled: NDArray[np.float64], axis: int, is_counted: bool
) -> NDArray[np.float64]:
    """Chance of each level of one part, given that it is not exact where exact is counted."""
    others = tuple(a for a in range(sampled.ndim) if a != axis)
    counts = sampled.sum(axis=others) + 0.5
    if is_counted:
        counts = counts.copy()
        counts[0] = 0.0
    chances: NDArray[np.float64] = counts / counts.sum()
    return chances
