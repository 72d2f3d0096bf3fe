"""Estimation on simulated tables whose m, u and prior are known exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, pairwise, product
from math import log2, prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.compiled import CompiledModel, compile_model
from matching.frequencies import ExactAgreement, countable_parts
from matching.model import Comparison, Model, Part
from matching.patterns import PatternCounts
from matching.training import TrainedParameters, TrainingInput, TrainingOptions, estimate
from person.field import OverflowTable
from person.layout import layout_for
from person.schema import Field, Schema

Floats = NDArray[np.float64]
TWO = (("exact",), ("else",))
THREE = (("exact",), ("<=1",), ("else",))
PURE = TrainingOptions(m_prior_pairs=0.0, convergence=1e-9, iterations_max=2000)


def part(name: str, *, levels: tuple[tuple[str, ...], ...] = THREE, shared: bool = False) -> Part:
    cutoffs = (0.0, 1.0) if len(levels) == 3 else (0.0,)
    return Part(
        name=name,
        fields=(name,),
        comparator="levenshtein" if len(levels) == 3 else "exact",
        levels=levels,
        cutoffs=cutoffs,
        shared=shared,
    )


@dataclass(frozen=True)
class Plan:
    """A planted truth: for each comparison its parts and the chances of its cells."""

    parts: tuple[tuple[Part, ...], ...]
    m: tuple[Floats, ...]
    u: tuple[Floats, ...]
    relative: tuple[Floats, ...] = ()
    prior: float = 2e-4
    relatives: float = 0.0
    total_pairs: float = 5e7
    null_share: float = 0.0

    def comparisons(self) -> tuple[Comparison, ...]:
        return tuple(Comparison(name=parts[0].name, parts=parts) for parts in self.parts)

    def compiled(self, comparisons: tuple[Comparison, ...] | None = None) -> CompiledModel:
        names = [p.name for parts in self.parts for p in parts]
        schema = Schema(
            name="plan",
            fields=tuple(Field(name=n, kind="identifier", columns=(n,)) for n in names),
        )
        model = Model(
            schema=schema, comparisons=comparisons or self.comparisons(), blocking_rules=()
        )
        return compile_model(model, layout_for(schema.fields), OverflowTable())

    def chances(self, tables: tuple[Floats, ...]) -> dict[tuple[int, ...], float]:
        """Chance of every tuple of null cells, a comparison being all null at `null_share`."""
        by_comparison = []
        for parts, chance in zip(self.parts, tables):
            shape = tuple(len(p.levels) for p in parts)
            with_null = tuple(n + 1 for n in shape)
            cells = {
                int(np.ravel_multi_index(np.unravel_index(cell, shape), with_null)): float(
                    chance[cell] * (1.0 - self.null_share)
                )
                for cell in range(prod(shape))
            }
            if self.null_share:
                cells[prod(with_null) - 1] = self.null_share
            by_comparison.append(cells)
        return {
            cell: prod(chances[one] for chances, one in zip(by_comparison, cell))
            for cell in product(*by_comparison)
        }

    def counts(self, compiled: CompiledModel, share: float = 1.0) -> PatternCounts:
        """Expected pattern counts of a share of all pairs."""
        total = self.total_pairs * share
        match, stranger = self.chances(self.m), self.chances(self.u)
        related = self.chances(self.relative) if self.relative else dict.fromkeys(match, 0.0)
        strangers = 1.0 - self.prior - self.relatives
        cells = np.array(list(match), np.int32).T
        counts = [
            total * (self.prior * match[c] + self.relatives * related[c] + strangers * stranger[c])
            for c in match
        ]
        pattern = compiled.patterns(np.ascontiguousarray(cells))
        order = np.argsort(pattern)
        return PatternCounts(pattern[order], np.array(counts)[order])

    def agreements(self) -> dict[str, dict[frozenset[int], ExactAgreement]]:
        """What counting the whole table would give."""
        found: dict[str, dict[frozenset[int], ExactAgreement]] = {}
        for number, comparison in enumerate(self.comparisons()):
            cubes = [
                table[number].reshape(comparison.shape) if table else None
                for table in (self.m, self.relative, self.u)
            ]
            shares = (self.prior, self.relatives, 1.0 - self.prior - self.relatives)
            present = self.total_pairs * (1.0 - self.null_share)
            found[comparison.name] = {}
            countable = countable_parts(comparison)
            for size in range(1, len(countable) + 1):
                for numbers in combinations(countable, size):
                    place = tuple(
                        0 if axis in numbers else slice(None)
                        for axis in range(len(comparison.parts))
                    )
                    chance = sum(
                        share * float(cube[place].sum())
                        for share, cube in zip(shares, cubes)
                        if cube is not None
                    )
                    agreement = ExactAgreement(present * chance, present)
                    found[comparison.name][frozenset(numbers)] = agreement
        return found

    def observed(self, compiled: CompiledModel, **more: Any) -> TrainingInput:
        entries: dict[str, Any] = {
            "candidates": self.counts(compiled),
            "random": self.counts(compiled, 1e5 / self.total_pairs),
            "agreements": self.agreements(),
            "total_pairs": self.total_pairs,
        }
        return TrainingInput(**(entries | more))

    def fit(self, options: TrainingOptions | None = None, **more: Any) -> TrainedParameters:
        compiled = self.compiled()
        return estimate(compiled, self.observed(compiled, **more), options or TrainingOptions())


def usual_plan(**changes: Any) -> Plan:
    """Four comparisons: names, a card number rarer than any sample sees, and an address of two."""
    plan = Plan(
        parts=(
            (part("given"),),
            (part("surname"),),
            (part("card"),),
            (part("street", levels=TWO), part("town", levels=TWO)),
        ),
        m=(
            np.array([0.82, 0.13, 0.05]),
            np.array([0.9, 0.07, 0.03]),
            np.array([0.88, 0.09, 0.03]),
            np.array([0.7, 0.08, 0.12, 0.1]),
        ),
        u=(
            np.array([0.01, 0.02, 0.97]),
            np.array([0.004, 0.006, 0.99]),
            np.array([2e-7, 3e-5, 1.0 - 2e-7 - 3e-5]),
            np.array([0.002, 0.003, 0.045, 0.95]),
        ),
    )
    return replace(plan, **changes)


def m_of(found: TrainedParameters, number: int) -> Floats:
    m = found.comparisons[number].m_probability
    assert m is not None
    return m


def u_of(found: TrainedParameters, number: int) -> Floats:
    u = found.comparisons[number].u_probability
    assert u is not None
    return u


def assert_near(planted: Floats, found: Floats, *, exact_bits: float = 0.1) -> None:
    """Counted and well-sampled levels are near; those a sample hardly sees are not far."""
    bits = np.abs(np.log2(found / planted))
    assert bits[0] < exact_bits
    assert (bits[planted > 1e-3] < 0.1).all()
    assert (bits < 0.7).all()


# ------------------------------------------------------------------------------ what is planted


def test_planted_parameters_are_recovered() -> None:
    """m, u and the prior come out as they were put in."""
    plan = usual_plan()
    found = plan.fit()
    assert plan.prior == pytest.approx(found.probability_two_random_records_match, rel=0.01)
    for number in range(4):
        assert plan.m[number] == pytest.approx(m_of(found, number), abs=0.01)
        assert_near(plan.u[number], u_of(found, number))
        assert 1.0 == pytest.approx(m_of(found, number).sum())
        assert 1.0 == pytest.approx(u_of(found, number).sum())
    assert () == found.notes


@settings(max_examples=25)
@given(
    errors=st.lists(st.floats(0.02, 0.3), min_size=4, max_size=4),
    prior=st.floats(5e-5, 2e-3),
)
def test_any_rate_of_errors_is_recovered(errors: list[float], prior: float) -> None:
    """Whatever the quality of each field, m is found without labels."""
    m = tuple(
        np.array([1 - error, error * 0.6, error * 0.4])
        if number < 3
        else np.array([1 - error, error * 0.4, error * 0.3, error * 0.3])
        for number, error in enumerate(errors)
    )
    plan = usual_plan(m=m, prior=prior)
    found = plan.fit()
    assert prior == pytest.approx(found.probability_two_random_records_match, rel=0.05)
    for number in range(4):
        assert m[number] == pytest.approx(m_of(found, number), abs=0.02)


def test_candidates_of_blocking_rules_are_enough() -> None:
    """Only pairs that share a surname or a card are seen; m of the other fields stays right."""
    plan = usual_plan()
    compiled = plan.compiled()
    counts = plan.counts(compiled)
    cells = compiled.unpack_patterns(counts.pattern)
    seen = (cells[1] == 0) | (cells[2] == 0)
    candidates = PatternCounts(counts.pattern[seen], counts.count[seen])
    found = estimate(compiled, plan.observed(compiled, candidates=candidates), TrainingOptions())
    reached = 1 - 0.1 * 0.12
    expected = plan.prior * reached
    assert expected == pytest.approx(found.probability_two_random_records_match, rel=0.02)
    assert plan.m[0] == pytest.approx(m_of(found, 0), abs=0.01)
    assert plan.m[3] == pytest.approx(m_of(found, 3), abs=0.01)


def test_rare_agreement_is_counted_not_sampled() -> None:
    """A card that two strangers share once in five million pairs keeps its 22 bits of evidence.

    A sample of a hundred thousand random pairs never meets it.
    """
    plan = usual_plan()
    found = plan.fit()
    weight = log2(m_of(found, 2)[0] / u_of(found, 2)[0])
    assert log2(0.88 / 2e-7) == pytest.approx(weight, abs=0.1)


def test_duplicates_do_not_make_their_own_numbers_common() -> None:
    """In a table full of duplicates equal cards are mostly one person's; u stays small."""
    plan = usual_plan(prior=0.01, total_pairs=1e6)
    agreeing = plan.agreements()["card"][frozenset([0])]
    assert agreeing.agreeing_pairs / agreeing.present_pairs > 8e-3
    found = plan.fit()
    assert u_of(found, 2)[0] < 2e-5


def test_counts_by_person_are_taken_as_they_are() -> None:
    """Agreement counted by person holds no match, so nothing is taken out of it."""
    plan = usual_plan(prior=0.01, total_pairs=1e6)
    strangers = replace(plan, prior=0.0)
    found = plan.fit(agreements=strangers.agreements(), counts_people=True)
    for number in range(2):
        assert plan.u[number][0] == pytest.approx(u_of(found, number)[0], rel=0.1)


def test_correlated_fields_are_weighed_as_one() -> None:
    """Street and town that move together: the joint chance of each combination is found."""
    m = np.array([0.85, 0.001, 0.049, 0.1])  # a street without its town hardly exists
    plan = usual_plan(m=(*usual_plan().m[:3], m))
    assert m == pytest.approx(m_of(plan.fit(), 3), abs=0.01)


# -------------------------------------------------------------------------------------- null


@pytest.mark.parametrize("null_share", [0.2, 0.6])
def test_null_never_counts_as_disagreement(null_share: float) -> None:
    """Fields missing at random change neither m nor u."""
    plan = usual_plan(null_share=null_share)
    found = plan.fit()
    for number in range(4):
        assert plan.m[number] == pytest.approx(m_of(found, number), abs=0.02)
        assert_near(plan.u[number], u_of(found, number), exact_bits=0.6)


def test_one_null_part_leaves_the_other_to_speak() -> None:
    """Pairs in which only one part of a comparison is present teach about that part alone."""
    plan = usual_plan()
    compiled = plan.compiled()
    counts = plan.counts(compiled)
    cells = compiled.unpack_patterns(counts.pattern)
    street, town = np.divmod(cells[3], 3)
    half = cells.copy()
    half[3] = street * 3 + 2  # the town is missing in half of all pairs
    patterns = np.concatenate([counts.pattern, compiled.patterns(half)])
    unique, place = np.unique(patterns, return_inverse=True)
    count = np.bincount(place, np.concatenate([counts.count, counts.count]) / 2)
    candidates = PatternCounts(unique, count)
    assert town.max() == 1
    found = estimate(compiled, plan.observed(compiled, candidates=candidates), TrainingOptions())
    assert plan.m[3] == pytest.approx(m_of(found, 3), abs=0.02)


# -------------------------------------------------------------------------------- how it is done


def test_estimation_is_deterministic() -> None:
    """The same counts give the same model to the last bit."""
    one, other = usual_plan().fit(), usual_plan().fit()
    for number in range(4):
        assert m_of(one, number).tolist() == m_of(other, number).tolist()
        assert u_of(one, number).tolist() == u_of(other, number).tolist()
    assert one.facts == other.facts


def test_likelihood_never_falls() -> None:
    """With u held and nothing drawn towards a start, each round explains the pairs better."""
    plan = usual_plan()
    held = tuple(
        replace(each, u_probability=u, m_probability=None)
        for each, u in zip(plan.comparisons(), plan.u)
    )
    compiled = plan.compiled(held)
    observed = plan.observed(compiled)
    cells = compiled.unpack_patterns(observed.candidates.pattern)
    shapes = [(each.shape, tuple(n + 1 for n in each.shape)) for each in held]

    def likelihood(rounds: int) -> float:
        options = replace(PURE, fixed_u=True, iterations_max=rounds, convergence=0.0)
        found = estimate(compiled, observed, options)
        prior = found.probability_two_random_records_match
        match, stranger = np.full(cells.shape[1], prior), np.full(cells.shape[1], 1 - prior)
        for number, (shape, with_null) in enumerate(shapes):
            full = np.ravel_multi_index(np.unravel_index(cells[number], with_null), shape)
            match *= m_of(found, number)[full]
            stranger *= plan.u[number][full]
        return float((observed.candidates.count * np.log(match + stranger)).sum())

    reached = [likelihood(rounds) for rounds in range(1, 25)]
    for before, after in pairwise(reached):
        assert after >= before - 1e-10 * abs(before)
    assert reached[-1] > reached[0]


@pytest.mark.parametrize("held", ["m", "u"])
def test_held_parameters_stay(held: str) -> None:
    """fixed_m and fixed_u keep the model's own probabilities and fit the rest."""
    plan = usual_plan()
    own = tuple(
        replace(each, m_probability=m, u_probability=u)
        for each, m, u in zip(plan.comparisons(), plan.m, plan.u)
    )
    compiled = plan.compiled(own)
    options = TrainingOptions(fixed_m=held == "m", fixed_u=held == "u")
    found = estimate(compiled, plan.observed(compiled), options)
    for number in range(4):
        kept, expected = (m_of, plan.m) if held == "m" else (u_of, plan.u)
        assert expected[number].tolist() == kept(found, number).tolist()
    assert plan.prior == pytest.approx(found.probability_two_random_records_match, rel=0.02)


def test_few_matches_cannot_bend_the_start_far() -> None:
    """With a handful of pairs m stays near the usual start instead of following chance."""
    plan = usual_plan(total_pairs=5e3, m=(np.array([0.0, 0.0, 1.0]), *usual_plan().m[1:]))
    found = plan.fit()
    assert 0.05 < m_of(found, 0)[0]


def test_labels_give_m() -> None:
    """Known matches alone teach m, whatever the candidate pairs look like."""
    m = (*[np.array([0.5, 0.2, 0.3])] * 3, np.array([0.4, 0.1, 0.2, 0.3]))
    plan = usual_plan()
    compiled = plan.compiled()
    matches = usual_plan(m=m, prior=1.0, total_pairs=1e4).counts(compiled)
    found = estimate(compiled, plan.observed(compiled, matches=matches), TrainingOptions())
    for number in range(4):
        assert m[number] == pytest.approx(m_of(found, number), abs=0.01)
    prior = found.probability_two_random_records_match
    assert 1e4 / plan.total_pairs == pytest.approx(prior, rel=0.01)


# --------------------------------------------------------------------------------- what is odd


def test_a_weaker_exact_level_is_mended_and_reported() -> None:
    """An exact level fitted below a fuzzy one never stands: both get one weight, and a note."""
    m = np.array([0.05, 0.9, 0.05])
    u = np.array([0.2, 0.05, 0.75])
    plan = usual_plan(m=(m, *usual_plan().m[1:]), u=(u, *usual_plan().u[1:]))
    found = plan.fit()
    ratio = m_of(found, 0) / u_of(found, 0)
    assert ratio[0] == pytest.approx(ratio[1])
    assert any("exact agreement on given came out weaker" in note for note in found.notes)
    assert not any("surname" in note for note in found.notes)


def test_estimation_that_does_not_settle_is_reported() -> None:
    """Rounds that ran out are said."""
    found = usual_plan().fit(TrainingOptions(iterations_max=2))
    assert any("stopped after 2 rounds without settling" in note for note in found.notes)
    assert 2 == found.facts["iterations"]


def test_a_table_without_matches_says_so() -> None:
    """Strangers only: the prior falls below one pair and the run is told."""
    found = usual_plan(prior=1e-12).fit()
    assert found.probability_two_random_records_match * 5e7 < 2.0
    assert any("hardly any pair looks like a match" in note for note in found.notes)


def test_nothing_to_learn_from_is_not_silent() -> None:
    """Without a candidate pair there is a note, never a plain model."""
    empty = PatternCounts(np.zeros(0, np.int64), np.zeros(0))
    found = usual_plan().fit(candidates=empty)
    assert any("hardly any pair looks like a match" in note for note in found.notes)


def test_facts_say_what_was_counted() -> None:
    """run.json can tell pairs, patterns, rounds and expected matches of a fit."""
    facts = usual_plan().fit().facts
    assert 5e7 == pytest.approx(facts["candidate_pairs"])
    assert 1e5 == pytest.approx(facts["random_pairs"])
    assert 3 * 3 * 3 * 4 == facts["candidate_patterns"]
    assert 1e4 == pytest.approx(facts["expected_matches"], rel=0.02)


# -------------------------------------------------------------------------------- households


def household_plan(relatives: float) -> Plan:
    """Given name, card and birth day of a person; surname and address of a household."""
    shared = (part("surname", shared=True),), (part("address", levels=TWO, shared=True),)
    own = (part("given"),), (part("card"),)
    return Plan(
        parts=(*own, *shared),
        m=(
            np.array([0.85, 0.1, 0.05]),
            np.array([0.9, 0.07, 0.03]),
            np.array([0.9, 0.07, 0.03]),
            np.array([0.8, 0.2]),
        ),
        u=(
            np.array([0.01, 0.02, 0.97]),
            np.array([2e-7, 3e-5, 1.0 - 2e-7 - 3e-5]),
            np.array([0.004, 0.006, 0.99]),
            np.array([1e-4, 1.0 - 1e-4]),
        ),
        relative=(
            np.array([0.01, 0.02, 0.97]),
            np.array([2e-7, 3e-5, 1.0 - 2e-7 - 3e-5]),
            np.array([0.75, 0.05, 0.2]),
            np.array([0.9, 0.1]),
        ),
        relatives=relatives,
    )


@pytest.mark.parametrize("relatives", [2e-4, 6e-4])
def test_households_do_not_pass_for_matches(relatives: float) -> None:
    """Many pairs share surname and address only: the prior and m stay those of the matches."""
    plan = household_plan(relatives)
    found = plan.fit()
    assert plan.prior == pytest.approx(found.probability_two_random_records_match, rel=0.05)
    for number in range(4):
        assert plan.m[number] == pytest.approx(m_of(found, number), abs=0.04)


def test_a_household_class_is_kept_only_where_it_stands() -> None:
    """Without relatives in the table the model knows of none."""
    found = household_plan(0.0).fit()
    assert 0.0 == found.probability_two_random_records_relatives
    assert all(each.relative_probability is None for each in found.comparisons)
