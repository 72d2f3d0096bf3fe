"""Estimate m, u and the prior from the records themselves.

Expectation-maximisation over all pairs of the table, in three observations:

* the agreement patterns of the candidate pairs, which hold nearly every match;
* the patterns of random pairs, which are nearly all non-matches and give u of fuzzy levels;
* the counted number of pairs that agree exactly on each set of fields, which gives u of exact
  levels however rare (a sample of ten million pairs never meets two equal id numbers).

Whether a pair is a match depends on its pattern alone, so candidates weigh as they are, without
correction for how they were found; pairs that no rule found count as non-matches. Matches are
taken out of the random pairs and out of the counted agreements by their probability, so a table
full of duplicates does not make its own id numbers look common.

Reference: Fellegi & Sunter 1969; Winkler 1988 (EM); counted u follows from value frequencies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from matching.compiled import CompiledModel, null_expansion
from matching.frequencies import ExactAgreement, countable_parts
from matching.model import Comparison
from matching.patterns import PatternCounts
from person.errors import TrainingError

__all__ = ["TrainedParameters", "TrainingInput", "TrainingOptions", "estimate"]

_TINY: Final = 1e-12
RELATIVE_PAIRS_MIN: Final = 20.0
"""Fewer pairs of relatives than this teach nothing about relatives."""

RELATIVE_CERTAINTY_MIN: Final = 0.25
"""Least share of a household class's pairs that must belong to it beyond doubt. Where errors are
many the class would otherwise feed on damaged matches."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """How to estimate.

    Attributes
    ----------
    iterations_max, convergence : stop when no probability moves by more than `convergence`
    m_prior_pairs : weight of the initial m, in pairs, so that few matches cannot bend it far
    fixed_m, fixed_u : keep the model's own probabilities and estimate only the rest
    u_floor_pairs : the least number of agreeing pairs behind any counted u
    """

    iterations_max: int = 200
    convergence: float = 1e-4
    m_prior_pairs: float = 10.0
    fixed_m: bool = False
    fixed_u: bool = False
    u_floor_pairs: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingInput:
    """What is known about the table.

    Attributes
    ----------
    candidates, random : pattern counts of candidate pairs and of random pairs
    agreements : comparison -> set of part numbers -> counted exact agreement
    total_pairs : all pairs of the table that could be asked about
    counts_people : the agreements count people found so far, not records; no match is in them
    matches : pattern counts of pairs known to match, or None to find them by EM
    """

    candidates: PatternCounts
    random: PatternCounts
    agreements: Mapping[str, Mapping[frozenset[int], ExactAgreement]]
    total_pairs: float
    counts_people: bool = False
    matches: PatternCounts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedParameters:
    """Estimated comparisons and prior; `notes` says what was odd, `facts` what was counted."""

    comparisons: tuple[Comparison, ...]
    probability_two_random_records_match: float
    probability_two_random_records_relatives: float
    notes: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Table:
    """One comparison during estimation; `relative` is None where relatives are not modelled."""

    comparison: Comparison
    expansion: NDArray[np.float64]
    m: NDArray[np.float64]
    u: NDArray[np.float64]
    relative: NDArray[np.float64] | None
    m_start: NDArray[np.float64]
    relative_start: NDArray[np.float64]
    candidate_cell: NDArray[np.int32]
    random_cell: NDArray[np.int32]
    match_cell: NDArray[np.int32] | None
    agreements: Mapping[frozenset[int], ExactAgreement]

    def log_ratio(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """ln(probability / u) of every null cell."""
        ratio: NDArray[np.float64] = np.log(self.expansion @ probability) - np.log(
            self.expansion @ self.u
        )
        ratio[-1] = 0.0
        return ratio


@dataclass(frozen=True, slots=True)
class _Classes:
    """Chance of each pattern to be a match, and to be two relatives: float64[n_patterns]."""

    match: NDArray[np.float64]
    relative: NDArray[np.float64]


def estimate(
    compiled: CompiledModel, observed: TrainingInput, options: TrainingOptions
) -> TrainedParameters:
    """Estimate the parameters of a model.

    Parameters
    ----------
    compiled : the model made ready for the records; may be untrained
    observed : counts from `matching.patterns` and `matching.frequencies`
    options : TrainingOptions

    Returns
    -------
    TrainedParameters

    Raises
    ------
    TrainingError : there is nothing to learn from (no candidate pairs)

    Notes
    -----
    O(iterations * patterns * comparisons); deterministic.
    """
    if observed.candidates.pair_count == 0 and observed.matches is None:
        raise TrainingError(
            "no two records share a blocking key, so there is nothing to learn from; "
            "give a trained model (--model) or wider blocking rules"
        )
    fit = _fit(compiled, observed, options, with_relatives=True)
    if fit.relatives > 0.0 and fit.relative_certainty < RELATIVE_CERTAINTY_MIN:
        fit = _fit(compiled, observed, options, with_relatives=False)
    tables, prior, relatives, iterations = fit.tables, fit.prior, fit.relatives, fit.iterations
    notes = _check(tables, observed, prior, iterations, options)
    comparisons = tuple(
        Comparison(
            name=each.comparison.name,
            parts=each.comparison.parts,
            m_probability=each.m,
            u_probability=each.u,
            relative_probability=each.relative,
        )
        for each in tables
    )
    facts = {
        "iterations": iterations,
        "candidate_pairs": observed.candidates.pair_count,
        "candidate_patterns": len(observed.candidates.pattern),
        "random_pairs": observed.random.pair_count,
        "expected_matches": prior * observed.total_pairs,
        "expected_relatives": relatives * observed.total_pairs,
        "match_certainty": fit.match_certainty,
        "total_pairs": observed.total_pairs,
    }
    return TrainedParameters(
        comparisons=comparisons,
        probability_two_random_records_match=prior,
        probability_two_random_records_relatives=relatives,
        notes=tuple(notes),
        facts=facts,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """Where expectation-maximisation ended."""

    tables: list[_Table]
    prior: float
    relatives: float
    iterations: int
    match_certainty: float
    relative_certainty: float


def _fit(
    compiled: CompiledModel,
    observed: TrainingInput,
    options: TrainingOptions,
    *,
    with_relatives: bool,
) -> _Fit:
    tables = [
        _start(number, each, compiled, observed, options)
        for number, each in enumerate(compiled.comparisons)
    ]
    prior = _start_prior(observed)
    relatives = _start_relatives(tables, compiled, observed) if with_relatives else 0.0
    counts = observed.candidates.count
    nobody = np.zeros(len(counts))
    candidates = _Classes(nobody, nobody)
    iterations = 0
    for iterations in range(1, options.iterations_max + 1):
        candidates = _classify(tables, prior, relatives, "candidate_cell")
        random = _classify(tables, prior, relatives, "random_cell")
        fitted_prior = _new_prior(counts * candidates.match, observed)
        moved = abs(_logit(prior) - _logit(fitted_prior))
        prior = fitted_prior
        for each in tables:
            moved = max(moved, _update(each, observed, candidates, random, options))
        relatives = _new_relatives(tables, relatives, candidates, observed)
        if moved < options.convergence:
            break
    return _Fit(
        tables=tables,
        prior=prior,
        relatives=relatives,
        iterations=iterations,
        match_certainty=_certainty(counts, candidates.match),
        relative_certainty=_certainty(counts, candidates.relative),
    )


def _start(
    number: int,
    compiled_comparison: Any,
    compiled: CompiledModel,
    observed: TrainingInput,
    options: TrainingOptions,
) -> _Table:
    comparison: Comparison = compiled_comparison.comparison
    start = _start_m(comparison)
    table = _Table(
        comparison=comparison,
        expansion=null_expansion(comparison.shape),
        m=comparison.m_probability if comparison.m_probability is not None else start,
        u=comparison.u_probability if comparison.u_probability is not None else start,
        relative=None,
        m_start=comparison.m_probability if comparison.m_probability is not None else start,
        relative_start=start,
        candidate_cell=compiled.unpack_patterns(observed.candidates.pattern)[number],
        random_cell=compiled.unpack_patterns(observed.random.pattern)[number],
        match_cell=(
            compiled.unpack_patterns(observed.matches.pattern)[number]
            if observed.matches is not None
            else None
        ),
        agreements=observed.agreements.get(comparison.name, {}),
    )
    if not (options.fixed_u and comparison.u_probability is not None):
        nobody = np.zeros(len(observed.random.pattern))
        table.u = _estimate_u(table, observed, None, nobody, options)
    table.relative_start = _start_relative(comparison, table.u)
    return table


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


def _start_prior(observed: TrainingInput) -> float:
    """A third of the records having one duplicate: n = sqrt(2 * pairs), so 0.33 n / pairs."""
    return float(np.clip(0.33 * np.sqrt(2.0 / max(observed.total_pairs, 1.0)), 1e-12, 0.2))


def _start_relative(comparison: Comparison, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Initial chances for two people of one household: they share what households share, and
    are as unlike as strangers in the rest."""
    start = np.ones(1)
    cube = u.reshape(comparison.shape)
    for axis, part in enumerate(comparison.parts):
        count = len(part.levels)
        others = tuple(a for a in range(cube.ndim) if a != axis)
        levels = cube.sum(axis=others)
        if part.shared:
            levels = np.full(count, 0.15 / max(count - 2, 1))
            levels[0], levels[-1] = 0.7, 0.15
        elif part.comparator == "han_name":
            levels = np.array([_HAN_RELATIVES.get(label, 1e-3) for label in part.level_labels])
        start = np.kron(start, levels / levels.sum())
    return start


def _pinned(table: _Table, relative: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hold what two relatives never share by more than chance: given name, number, sex.

    Without it the class would drift to whatever agrees, and swallow the matches.
    """
    cube = relative.reshape(table.comparison.shape)
    start = table.relative_start.reshape(cube.shape)
    for axis, part in enumerate(table.comparison.parts):
        if part.shared or part.comparator == "date":
            continue
        others = tuple(a for a in range(cube.ndim) if a != axis)
        marginal, target = cube.sum(axis=others), start.sum(axis=others).copy()
        if part.comparator == "national_id":  # twins' numbers differ in the sequence alone
            free = np.array(["/".join(level) in _TWIN_GRADES for level in part.levels])
            target[free] = marginal[free] * (1 - target[~free].sum()) / marginal[free].sum()
        scale = np.ones(cube.ndim, np.int64)
        scale[axis] = len(target)
        cube = cube * (target / np.maximum(marginal, _TINY)).reshape(scale)
    result: NDArray[np.float64] = np.maximum(cube.reshape(-1), _TINY)
    return result / result.sum()


def _start_relatives(
    tables: Sequence[_Table], compiled: CompiledModel, observed: TrainingInput
) -> float:
    """Chance that two records are of two relatives, and tables made ready for that class.

    0 unless the model compares both what households share and what they do not: without either,
    relatives cannot be told from matches or from strangers.
    """
    parts = [part for each in tables for part in each.comparison.parts]
    shared = sum(part.shared or part.comparator == "han_name" for part in parts)
    if shared == 0 or shared == sum(part.comparator != "han_name" for part in parts):
        return 0.0
    given = compiled.model.probability_two_random_records_relatives
    for each in tables:
        known = each.comparison.relative_probability
        each.relative = known if known is not None else each.relative_start
        each.relative_start = each.relative
    return given or float(np.clip(np.sqrt(2.0 / max(observed.total_pairs, 1.0)), 1e-12, 0.1))


def _new_relatives(
    tables: Sequence[_Table], relatives: float, candidates: _Classes, observed: TrainingInput
) -> float:
    """The new chance of relatives; the class is given up when hardly a pair belongs to it."""
    if relatives == 0.0:
        return 0.0
    expected = float((observed.candidates.count * candidates.relative).sum())
    if expected < RELATIVE_PAIRS_MIN:
        for each in tables:
            each.relative = None
        return 0.0
    return float(np.clip(expected / observed.total_pairs, 1e-13, 0.3))


def _classify(
    tables: Sequence[_Table], prior: float, relatives: float, cells: str
) -> _Classes:
    """Chances of each pattern to be a match, or two relatives, and not two strangers."""
    match: NDArray[np.float64] | float = _logit(prior)
    for each in tables:
        match = match + each.log_ratio(each.m)[getattr(each, cells)]
    assert isinstance(match, np.ndarray)
    if relatives == 0.0:
        return _Classes(1.0 / (1.0 + np.exp(-np.clip(match, -700, 700))), np.zeros(len(match)))
    relative = np.full(len(match), np.log(relatives))
    for each in tables:
        assert each.relative is not None
        relative += each.log_ratio(each.relative)[getattr(each, cells)]
    total = np.logaddexp(np.logaddexp(match, relative), 0.0)
    return _Classes(np.exp(match - total), np.exp(relative - total))


def _logit(prior: float) -> float:
    return float(np.log(prior) - np.log1p(-prior))


def _new_prior(matches: NDArray[np.float64], observed: TrainingInput) -> float:
    if observed.matches is not None:
        expected = observed.matches.pair_count
    else:
        expected = float(matches.sum())
    return float(np.clip((expected + 0.5) / (observed.total_pairs + 1.0), 1e-13, 0.5))


def _update(
    table: _Table,
    observed: TrainingInput,
    candidates: _Classes,
    random: _Classes,
    options: TrainingOptions,
) -> float:
    """Estimate one comparison anew; returns how far its probabilities moved."""
    null_cells = table.expansion.shape[0]
    counts = observed.candidates.count
    if observed.matches is not None and table.match_cell is not None:
        shown = np.bincount(table.match_cell, observed.matches.count, null_cells)
    else:
        shown = np.bincount(table.candidate_cell, counts * candidates.match, null_cells)
    moved = 0.0
    if not (options.fixed_m and table.comparison.m_probability is not None):
        m = _estimate_cells(table, shown, table.m, table.m_start, options.m_prior_pairs)
        moved = float(np.abs(m - table.m).max())
        table.m = m
    related = np.zeros(null_cells)
    if table.relative is not None:
        related = np.bincount(table.candidate_cell, counts * candidates.relative, null_cells)
        table.relative = _pinned(
            table,
            _estimate_cells(
                table, related, table.relative, table.relative_start, options.m_prior_pairs
            ),
        )
    if not (options.fixed_u and table.comparison.u_probability is not None):
        apart = random.match + random.relative
        u = _estimate_u(table, observed, shown + related, apart, options)
        moved = max(moved, float(np.abs(np.log(u) - np.log(table.u)).max()) * 0.01)
        table.u = u
    return moved


def _certainty(counts: NDArray[np.float64], chance: NDArray[np.float64]) -> float:
    """Share of a class's pairs that belong to it beyond doubt (chance of 0.9 or more)."""
    mass = counts * chance
    return float(mass[chance >= 0.9].sum() / max(mass.sum(), _TINY))


def _spread(table: _Table, shown: NDArray[np.float64], over: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts of null cells spread over the full cells they may stand for, in proportion `over`.

    The cell in which every part is null says nothing and is left out.
    """
    informative = shown[:-1]
    chance = table.expansion[:-1] @ over
    spread: NDArray[np.float64] = over * (
        (informative / np.maximum(chance, _TINY)) @ table.expansion[:-1]
    )
    return spread


def _estimate_cells(
    table: _Table,
    shown: NDArray[np.float64],
    current: NDArray[np.float64],
    start: NDArray[np.float64],
    prior_pairs: float,
) -> NDArray[np.float64]:
    """Chance of each cell in a class: expected pairs, drawn a little towards the start and
    towards independence of the parts."""
    counts = _spread(table, shown, current)
    independent = _independent(table.comparison, counts + prior_pairs * start)
    cells = counts + prior_pairs * (0.5 * independent + 0.5 * start) + _TINY
    result: NDArray[np.float64] = cells / cells.sum()
    return result


def _independent(comparison: Comparison, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    cube = counts.reshape(comparison.shape)
    total = max(cube.sum(), _TINY)
    result = np.ones(1)
    for axis in range(len(comparison.shape)):
        others = tuple(a for a in range(len(comparison.shape)) if a != axis)
        result = np.kron(result, cube.sum(axis=others) / total)
    return result


def _estimate_u(
    table: _Table,
    observed: TrainingInput,
    shown_matches: NDArray[np.float64] | None,
    apart: NDArray[np.float64],
    options: TrainingOptions,
) -> NDArray[np.float64]:
    """u of each cell: counted chance of agreeing exactly on just these parts, times the sampled
    chance of each fuzzy level among values that differ; never below what the sample itself shows.
    """
    comparison = table.comparison
    shape = comparison.shape
    non_matches = np.bincount(
        table.random_cell,
        observed.random.count * (1.0 - apart),
        table.expansion.shape[0],
    )
    sampled = _spread(table, non_matches, np.maximum(table.u, _TINY))
    sample_size = max(float(non_matches[:-1].sum()), 1.0)
    countable = [p for p in countable_parts(comparison) if frozenset([p]) in table.agreements]
    in_agreements = None if observed.counts_people else shown_matches
    exact = _exact_set_chances(table, countable, in_agreements, options)
    level_chance = [
        _level_chances(sampled.reshape(shape), axis, axis in countable) for axis in range(len(shape))
    ]
    u = np.zeros(shape)
    for cell in np.ndindex(*shape):
        agreeing = frozenset(p for p in countable if cell[p] == 0)
        chance = exact[agreeing]
        for axis, level in enumerate(cell):
            if axis not in agreeing:
                chance *= level_chance[axis][level]
        u[cell] = chance
    u = np.maximum(u.reshape(-1), _TINY)
    well_sampled = sampled >= 5.0
    u[well_sampled] = np.maximum(u[well_sampled], sampled[well_sampled] / sample_size)
    result: NDArray[np.float64] = u / u.sum()
    return result


def _level_chances(sampled: NDArray[np.float64], axis: int, is_counted: bool) -> NDArray[np.float64]:
    """Chance of each level of one part, given that it is not exact where exact is counted."""
    others = tuple(a for a in range(sampled.ndim) if a != axis)
    counts = sampled.sum(axis=others) + 0.5
    if is_counted:
        counts = counts.copy()
        counts[0] = 0.0
    chances: NDArray[np.float64] = counts / counts.sum()
    return chances


def _exact_set_chances(
    table: _Table,
    countable: Sequence[int],
    shown_matches: NDArray[np.float64] | None,
    options: TrainingOptions,
) -> dict[frozenset[int], float]:
    """Chance that two non-matching records agree exactly on just this set of countable parts."""
    at_least: dict[frozenset[int], float] = {frozenset(): 1.0}
    null_levels = np.array(
        np.unravel_index(
            np.arange(table.expansion.shape[0]), tuple(n + 1 for n in table.comparison.shape)
        )
    )
    subsets = sorted(
        (s for s in table.agreements if s <= set(countable)), key=lambda s: (len(s), sorted(s))
    )
    for subset in subsets:
        counted = table.agreements[subset]
        agreeing = counted.agreeing_pairs
        if shown_matches is not None:
            has_all = (null_levels[sorted(subset)] == 0).all(axis=0)
            agreeing -= float(shown_matches[has_all].sum())
        floor = options.u_floor_pairs
        chance = max(agreeing, floor) / max(counted.present_pairs, 1.0)
        chance = min(chance, *(at_least[subset - {part}] for part in subset), 0.999)
        at_least[subset] = chance
    exact: dict[frozenset[int], float] = {}
    for subset in at_least:
        total = sum(
            (-1) ** len(larger - subset) * chance
            for larger, chance in at_least.items()
            if larger >= subset
        )
        exact[subset] = max(total, at_least[subset] * 1e-3, _TINY)
    return exact


def _check(
    tables: Sequence[_Table],
    observed: TrainingInput,
    prior: float,
    iterations: int,
    options: TrainingOptions,
) -> list[str]:
    """Find estimates that cannot be right, mend them towards the start, and say so."""
    notes = []
    if iterations >= options.iterations_max:
        notes.append(f"estimation stopped after {iterations} rounds without settling")
    for each in tables:
        for axis, part in enumerate(each.comparison.parts):
            if part.levels[0] != ("exact",):
                continue
            if _mend_order(each, axis):
                notes.append(
                    f"{each.comparison.name}: exact agreement on {part.name} came out weaker than "
                    f"a fuzzier level; the levels concerned are given one weight"
                )
    if prior * observed.total_pairs < 1.0:
        notes.append("hardly any pair looks like a match; few or no records will be linked")
    return notes


def _mend_order(table: _Table, axis: int) -> bool:
    """Pool the exact level with fuzzier ones that outweigh it; True if there were any.

    Pooled levels share one ratio m/u (pool adjacent violators), so the evidence they carry
    together stays what was estimated.
    """
    m, u = _marginal(table, table.m, axis), _marginal(table, table.u, axis)
    pooled = 1
    while pooled < len(m) and m[pooled] / u[pooled] > m[:pooled].sum() / u[:pooled].sum() * 1.001:
        pooled += 1
    if pooled == 1:
        return False
    ratio = m[:pooled].sum() / u[:pooled].sum()
    scale = np.ones(len(m))
    scale[:pooled] = ratio * u[:pooled] / m[:pooled]
    shape = [1] * len(table.comparison.shape)
    shape[axis] = len(m)
    cube = table.m.reshape(table.comparison.shape) * scale.reshape(shape)
    table.m = cube.reshape(-1) / cube.sum()
    return True


def _marginal(table: _Table, values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    cube = values.reshape(table.comparison.shape)
    marginal: NDArray[np.float64] = cube.sum(axis=tuple(a for a in range(cube.ndim) if a != axis))
    return marginal
