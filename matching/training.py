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

from matching.compiled import CompiledModel
from matching.frequencies import ExactAgreement
from matching.model import Comparison
from matching.patterns import PatternCounts
from matching.training_tables import (
    TINY,
    ComparisonTable,
    alike_pairs,
    start_relative,
    start_table,
)

__all__ = ["TrainedParameters", "TrainingInput", "TrainingOptions", "estimate"]

RELATIVE_PAIRS_MIN: Final = 20.0
"""Fewer pairs of relatives than this teach nothing about relatives."""

PRUNE_AFTER: Final = 4
PRUNE_BELOW: Final = 1e-7
"""After PRUNE_AFTER rounds, patterns with less than this chance to be anything but strangers are
counted as strangers for good; nearly all patterns are, and a round then costs next to nothing."""

COLLAPSE_PRIOR_MIN: Final = 0.2
COLLAPSE_PAIRS_MIN: Final = 28.0
"""Where a fifth of all pairs of eight records or more would match, everybody has the same values
and no person stands out."""

RELATIVE_CERTAINTY_MIN: Final = 0.25
"""Least share of a household class's pairs that must belong to it beyond doubt. Where errors are
many the class would otherwise feed on damaged matches."""


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

    iterations_max: int = 300
    convergence: float = 3e-4
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
    judged_same, judged_different : pattern counts of pairs that somebody decided on; EM takes them
        as they were decided and finds out about the others
    prior : the comparisons before any fit; None where the model has not been fitted yet
    """

    candidates: PatternCounts
    random: PatternCounts
    agreements: Mapping[str, Mapping[frozenset[int], ExactAgreement]]
    total_pairs: float
    counts_people: bool = False
    matches: PatternCounts | None = None
    judged_same: PatternCounts | None = None
    judged_different: PatternCounts | None = None
    prior: Mapping[str, Comparison] = field(default_factory=dict)

    @property
    def knows_relatives(self) -> bool:
        """The prior says how relatives agree, so a table need not show it by itself."""
        return bool(self.prior) and all(
            each.relative_probability is not None for each in self.prior.values()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedParameters:
    """Estimated comparisons and prior; `notes` says what was odd, `facts` what was counted."""

    comparisons: tuple[Comparison, ...]
    probability_two_random_records_match: float
    probability_two_random_records_relatives: float
    notes: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


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

    Notes
    -----
    O(iterations * patterns * comparisons), most patterns leaving after a few rounds;
    deterministic.
    """
    fit = _fit(compiled, observed, options, with_relatives=True)
    is_doubtful = fit.relative_certainty < RELATIVE_CERTAINTY_MIN
    if fit.relatives > 0.0 and is_doubtful and not observed.knows_relatives:
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
        "is_collapsed": _is_collapsed(prior, observed),
        "total_pairs": observed.total_pairs,
        **_judged_counts(observed),
    }
    return TrainedParameters(
        comparisons=comparisons,
        probability_two_random_records_match=prior,
        probability_two_random_records_relatives=relatives,
        notes=tuple(notes),
        facts=facts,
    )


def _judged_counts(observed: TrainingInput) -> dict[str, int]:
    judged = {"judged_same": observed.judged_same, "judged_different": observed.judged_different}
    return {name: round(each.pair_count) for name, each in judged.items() if each is not None}


@dataclass(frozen=True, slots=True)
class _Sample:
    """Patterns of pairs.

    Attributes
    ----------
    count : float64[n_patterns]
    cells : int32[n_comparisons, n_patterns]
    same, different : float64[n_patterns], how many of `count` somebody decided; None for none
    """

    count: NDArray[np.float64]
    cells: NDArray[np.int32]
    same: NDArray[np.float64] | None = None
    different: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, compiled: CompiledModel, patterns: PatternCounts) -> _Sample:
        return cls(patterns.count, compiled.unpack_patterns(patterns.pattern))

    @classmethod
    def candidates(cls, compiled: CompiledModel, observed: TrainingInput) -> _Sample:
        """The candidate pairs; decided ones that no rule brought together are among them."""
        judged = [observed.judged_same, observed.judged_different]
        if all(each is None for each in judged):
            return cls.of(compiled, observed.candidates)
        known = [observed.candidates, *(each for each in judged if each is not None)]
        patterns = np.unique(np.concatenate([each.pattern for each in known]))
        counts = [np.zeros(len(patterns)) for _ in range(3)]
        for count, each in zip(counts, [observed.candidates, *judged], strict=True):
            if each is not None:
                count[np.searchsorted(patterns, each.pattern)] = each.count
        count, same, different = counts
        count = np.maximum(count, same + different)
        return cls(count, compiled.unpack_patterns(patterns), same, different)

    def narrowed(self, kept: NDArray[np.bool_]) -> _Sample:
        return _Sample(
            self.count[kept],
            np.ascontiguousarray(self.cells[:, kept]),
            None if self.same is None else self.same[kept],
            None if self.different is None else self.different[kept],
        )

    def decided(self, classes: _Classes) -> _Classes:
        """The chances, with the decided pairs of each pattern as they were decided.

        Whom stewards were asked about depends on the weight, so on the pattern alone; within a
        pattern the decided pairs are like the others, and counting them apart is unbiased.
        """
        if self.same is None or self.different is None:
            return classes
        count = np.maximum(self.count, TINY)
        open_share = (self.count - self.same - self.different) / count
        match = open_share * classes.match + self.same / count
        of_others = classes.relative / np.maximum(1.0 - classes.match, TINY)
        relative = open_share * classes.relative + self.different / count * of_others
        return _Classes(match, np.minimum(relative, 1.0 - match))

    def by_cell(
        self, number: int, chance: NDArray[np.float64] | None, cells: int
    ) -> NDArray[np.float64]:
        """Expected pairs of each null cell of a comparison."""
        weight = self.count if chance is None else self.count * chance
        return np.bincount(self.cells[number], weight, cells).astype(np.float64)


@dataclass(frozen=True, slots=True)
class _Classes:
    """Chance of each pattern to be a match, and to be two relatives: float64[n_patterns]."""

    match: NDArray[np.float64]
    relative: NDArray[np.float64]

    @property
    def not_strangers(self) -> NDArray[np.float64]:
        chance: NDArray[np.float64] = self.match + self.relative
        return chance


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """Where expectation-maximisation ended."""

    tables: list[ComparisonTable]
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
    candidates = _Sample.candidates(compiled, observed)
    random = _Sample.of(compiled, observed.random)
    matches = None if observed.matches is None else _Sample.of(compiled, observed.matches)
    tables = [
        start_table(
            each.comparison,
            observed.agreements.get(each.comparison.name, {}),
            observed.prior.get(each.comparison.name),
        )
        for each in compiled.comparisons
    ]
    sampled = [random.by_cell(n, None, t.null_cell_count) for n, t in enumerate(tables)]
    alike = _alike_tables(compiled, candidates, random, tables)
    for number, (table, shown) in enumerate(zip(tables, sampled, strict=True)):
        if not (options.fixed_u and table.comparison.u_probability is not None):
            strangers, others = (shown, None) if alike is None else alike[number]
            table.estimate_u(strangers, others, options.u_floor_pairs)
        before = observed.prior.get(table.comparison.name, table.comparison)
        table.relative_start = (
            start_relative(table.comparison, table.u)
            if before.relative_probability is None
            else before.relative_probability
        )
    prior = _start_prior(observed)
    relatives = _start_relatives(tables, compiled, observed) if with_relatives else 0.0
    iterations, classes = 0, _classify(tables, prior, relatives, candidates)
    for iterations in range(1, options.iterations_max + 1):
        classes = candidates.decided(_classify(tables, prior, relatives, candidates))
        by_chance = _classify(tables, prior, relatives, random)
        if iterations == PRUNE_AFTER:
            kept = classes.not_strangers >= PRUNE_BELOW
            candidates = candidates.narrowed(kept)
            classes = _Classes(classes.match[kept], classes.relative[kept])
            kept = by_chance.not_strangers >= PRUNE_BELOW
            random = random.narrowed(kept)
            by_chance = _Classes(by_chance.match[kept], by_chance.relative[kept])
        fitted_prior = _new_prior(candidates.count * classes.match, observed)
        moved = abs(_logit(prior) - _logit(fitted_prior))
        prior = fitted_prior
        for number, table in enumerate(tables):
            cells = table.null_cell_count
            shown = (
                candidates.by_cell(number, classes.match, cells)
                if matches is None
                else matches.by_cell(number, None, cells)
            )
            related = candidates.by_cell(number, classes.relative, cells)
            strangers = sampled[number] - random.by_cell(number, by_chance.not_strangers, cells)
            moved = max(moved, _update(table, observed, options, shown, related, strangers))
        relatives = _new_relatives(
            tables, relatives, float((candidates.count * classes.relative).sum()), observed
        )
        if moved < options.convergence:
            break
    return _Fit(
        tables=tables,
        prior=prior,
        relatives=relatives,
        iterations=iterations,
        match_certainty=_certainty(candidates.count, classes.match),
        relative_certainty=_certainty(candidates.count, classes.relative),
    )


def _alike_tables(
    compiled: CompiledModel,
    candidates: _Sample,
    random: _Sample,
    tables: Sequence[ComparisonTable],
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]] | None:
    """Random pairs and candidates by cell, the first without, the second only those that are alike.

    None in all ordinary tables. Where a fifth of all pairs agree in everything, an id number
    among it, they would count as strangers at the start, and all evidence as what everybody has.
    """
    chance = alike_pairs(compiled, random.cells)
    if float((random.count * chance).sum()) < COLLAPSE_PRIOR_MIN * float(random.count.sum()):
        return None
    among_candidates = alike_pairs(compiled, candidates.cells)
    return [
        (
            random.by_cell(number, 1.0 - chance, each.null_cell_count),
            candidates.by_cell(number, among_candidates, each.null_cell_count),
        )
        for number, each in enumerate(tables)
    ]


def _update(
    table: ComparisonTable,
    observed: TrainingInput,
    options: TrainingOptions,
    shown: NDArray[np.float64],
    related: NDArray[np.float64],
    strangers: NDArray[np.float64],
) -> float:
    """Estimate one comparison anew; returns how far its probabilities moved."""
    moved = 0.0
    if not (options.fixed_m and table.comparison.m_probability is not None):
        moved = table.estimate_m(shown, options.m_prior_pairs)
    if table.relative is not None:
        table.estimate_relative(related, options.m_prior_pairs)
    if not (options.fixed_u and table.comparison.u_probability is not None):
        others = None if observed.counts_people else shown + related
        by_u = table.estimate_u(np.maximum(strangers, 0.0), others, options.u_floor_pairs)
        moved = max(moved, 0.01 * by_u)
    return moved


def _start_prior(observed: TrainingInput) -> float:
    """A third of the records having one duplicate: n = sqrt(2 * pairs), so 0.33 n / pairs."""
    return float(np.clip(0.33 * np.sqrt(2.0 / max(observed.total_pairs, 1.0)), 1e-12, 0.2))


def _start_relatives(
    tables: Sequence[ComparisonTable], compiled: CompiledModel, observed: TrainingInput
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
    return given or float(np.clip(np.sqrt(2.0 / max(observed.total_pairs, 1.0)), 1e-12, 0.1))


def _new_relatives(
    tables: Sequence[ComparisonTable], relatives: float, expected: float, observed: TrainingInput
) -> float:
    """The new chance of relatives; the class is given up when hardly a pair belongs to it."""
    if relatives == 0.0:
        return 0.0
    if observed.knows_relatives:
        return float(np.clip((expected + 0.5) / (observed.total_pairs + 1.0), 1e-13, 0.3))
    if expected < RELATIVE_PAIRS_MIN:
        for each in tables:
            each.relative = None
        return 0.0
    return float(np.clip(expected / observed.total_pairs, 1e-13, 0.3))


def _classify(
    tables: Sequence[ComparisonTable], prior: float, relatives: float, sample: _Sample
) -> _Classes:
    """Chances of each pattern to be a match, or two relatives, and not two strangers."""
    match = np.full(len(sample.count), _logit(prior))
    for number, each in enumerate(tables):
        match += each.log_ratio(each.m)[sample.cells[number]]
    if relatives == 0.0:
        return _Classes(1.0 / (1.0 + np.exp(-np.clip(match, -700, 700))), np.zeros(len(match)))
    relative = np.full(len(match), np.log(relatives))
    for number, each in enumerate(tables):
        assert each.relative is not None
        relative += each.log_ratio(each.relative)[sample.cells[number]]
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


def _certainty(counts: NDArray[np.float64], chance: NDArray[np.float64]) -> float:
    """Share of a class's pairs that belong to it beyond doubt (chance of 0.9 or more)."""
    mass = counts * chance
    return float(mass[chance >= 0.9].sum() / max(mass.sum(), TINY))


def _is_collapsed(prior: float, observed: TrainingInput) -> bool:
    """So many of the pairs 'match' that the class must be what the records have in common."""
    is_table = observed.total_pairs >= COLLAPSE_PAIRS_MIN and observed.matches is None
    return is_table and prior >= COLLAPSE_PRIOR_MIN


def _check(
    tables: Sequence[ComparisonTable],
    observed: TrainingInput,
    prior: float,
    iterations: int,
    options: TrainingOptions,
) -> list[str]:
    """Find estimates that cannot be right, mend them, and say so."""
    notes = []
    if iterations >= options.iterations_max:
        notes.append(f"estimation stopped after {iterations} rounds without settling")
    for each in tables:
        for axis, part in enumerate(each.comparison.parts):
            if part.levels[0] == ("exact",) and each.mend_order(axis):
                notes.append(
                    f"{each.comparison.name}: exact agreement on {part.name} came out weaker than "
                    f"a fuzzier level; the levels concerned are given one weight"
                )
    if _is_collapsed(prior, observed):
        notes.append(
            "nearly every pair of this table looks like a match, so nothing can be learnt from it; "
            "only pairs with one id number are linked, all others are left to review"
        )
    if prior * observed.total_pairs < 1.0:
        notes.append("hardly any pair looks like a match; few or no records will be linked")
    return notes
