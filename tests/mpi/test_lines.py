"""The link and the review line: what strangers do by chance, and lines that keep their bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.compiled import CompiledModel, compile_model
from matching.frequencies import TermFrequencies, frequency_adjustments
from matching.model import Comparison, Model, Part, Thresholds
from matching.patterns import PatternCounts
from mpi.calibration import REVIEW_PAIRS_MIN, match_probability, match_weight
from mpi.decide import prior_shift
from mpi.lines import FALSE_LINK_RATE_MAX, FalseAlarms, draw_lines, lowest_safe_weight
from mpi.stranger_weights import BINS_PER_BIT, stranger_tail
from person.field import OverflowTable
from person.layout import layout_for
from person.schema import Field, Schema

Floats = NDArray[np.float64]
TWO = (("exact",), ("else",))
THREE = (("exact",), ("<=1",), ("else",))
PRIOR = 1e-3
NULL_SHARE = 0.2

# ------------------------------------------------------------------------------ a small model


def part(name: str, levels: tuple[tuple[str, ...], ...], *, rare: bool = False) -> Part:
    return Part(
        name=name,
        fields=(name,),
        comparator="levenshtein" if len(levels) == 3 else "exact",
        levels=levels,
        cutoffs=(0.0, 1.0) if len(levels) == 3 else (0.0,),
        term_frequency=rare,
    )


def names() -> TermFrequencies:
    """One very common, some middling and many rare values, as people hold them."""
    counts = np.array([40, 9, 9, 4, 3, 2, 2, 1, 1, 1], np.int64)
    hashes = np.sort(np.random.default_rng(1).integers(1, 1 << 63, len(counts)).astype(np.uint64))
    return TermFrequencies(hashes, counts[[3, 0, 5, 8, 1, 6, 2, 9, 4, 7]], 72, True, of_people=True)


def small_model() -> tuple[CompiledModel, dict[str, TermFrequencies]]:
    """A name with term frequencies, and a street and town that are compared together."""
    comparisons = (
        Comparison(
            name="name",
            parts=(part("name", THREE, rare=True),),
            m_probability=np.array([0.8, 0.15, 0.05]),
            u_probability=np.array([0.3, 0.1, 0.6]),
        ),
        Comparison(
            name="address",
            parts=(part("street", TWO), part("town", TWO)),
            m_probability=np.array([0.7, 0.1, 0.15, 0.05]),
            u_probability=np.array([0.02, 0.08, 0.1, 0.8]),
        ),
    )
    schema = Schema(
        name="small",
        fields=tuple(
            Field(name=name, kind="identifier", columns=(name,))
            for name in ("name", "street", "town")
        ),
    )
    model = Model(
        schema=schema,
        comparisons=comparisons,
        blocking_rules=(),
        probability_two_random_records_match=PRIOR,
    )
    frequencies = {"name": names()}
    compiled = compile_model(model, layout_for(schema.fields), OverflowTable(), frequencies)
    return compiled, frequencies


def random_counts(compiled: CompiledModel) -> PatternCounts:
    """Random pairs in which each comparison, and the town alone, is at times null."""
    null = {(name, address) for name in (0, 3) for address in (0, 2, 8)}
    share = {0: 1 - NULL_SHARE, 3: NULL_SHARE}
    town = {0: 0.7, 2: 0.2, 8: 0.1}  # both present, only the street, neither
    cells = np.array(sorted(null), np.int32).T
    counts = np.array([1e4 * share[a] * town[b] for a, b in sorted(null)])
    pattern = compiled.patterns(np.ascontiguousarray(cells))
    order = np.argsort(pattern)
    return PatternCounts(pattern[order], counts[order])


def outcomes() -> list[tuple[float, float]]:
    """(chance, weight without prior) of everything two strangers can do, by enumeration."""
    found = names()
    adjustments, _ = frequency_adjustments(found, 0.3)
    adjustment = dict(zip(found.hashes.tolist(), adjustments.tolist()))
    pairs = {h: c * (c - 1) for h, c in zip(found.hashes.tolist(), found.counts.tolist())}
    all_pairs = sum(pairs.values())
    m, u = (0.8, 0.15, 0.05), (0.3, 0.1, 0.6)
    name = [(NULL_SHARE, 0.0)]
    for hashed, count in pairs.items():
        chance = (1 - NULL_SHARE) * u[0] * count / all_pairs
        name.append((chance, math.log2(m[0] / u[0]) + adjustment[hashed]))
    name += [((1 - NULL_SHARE) * u[i], math.log2(m[i] / u[i])) for i in (1, 2)]
    m, u = (0.7, 0.1, 0.15, 0.05), (0.02, 0.08, 0.1, 0.8)
    address = [(0.1, 0.0)]
    address += [(0.7 * b, math.log2(a / b)) for a, b in zip(m, u)]
    for one, other in ((0, 1), (2, 3)):  # the street alone speaks
        a, b = m[one] + m[other], u[one] + u[other]
        address.append((0.2 * b, math.log2(a / b)))
    return [(p * q, v + w) for (p, v), (q, w) in product(name, address)]


PRIOR_WEIGHT = math.log2(PRIOR / (1 - PRIOR))


def tail_at(weights: Floats, shift: float = 0.0) -> Floats:
    compiled, frequencies = small_model()
    return stranger_tail(compiled, frequencies, random_counts(compiled), weights, shift=shift)


@pytest.mark.parametrize("shift", [0.0, 3.3])
def test_stranger_tail_equals_enumeration(shift: float) -> None:
    """The chance to reach a weight is that of all outcomes there, up to the rounding of weights.

    Each of three weights (a cell and its frequency adjustment, another cell) is rounded up to
    1/8 bit and the asked weight down, so the tail is never below the truth.
    """
    rounding = 4.0 / BINS_PER_BIT
    all_outcomes = [(chance, weight + PRIOR_WEIGHT + shift) for chance, weight in outcomes()]
    assert 1.0 == pytest.approx(sum(chance for chance, _ in all_outcomes))
    asked = np.linspace(-22.0, 8.0, 121)
    for weight, found in zip(asked.tolist(), tail_at(asked, shift).tolist()):
        truth = sum(chance for chance, value in all_outcomes if value >= weight)
        loose = sum(chance for chance, value in all_outcomes if value >= weight - rounding)
        assert truth - 1e-12 <= found <= loose + 1e-12


def test_stranger_tail_falls_from_one_to_nothing() -> None:
    """The lower the weight the likelier; at the ends all strangers and none."""
    tail = tail_at(np.linspace(-200.0, 200.0, 2001))
    assert (np.diff(tail) <= 0.0).all()
    assert 1.0 == pytest.approx(tail[0])
    assert 0.0 == tail[-1]


def test_stranger_tail_equals_simulation() -> None:
    """Strangers drawn at random reach each weight as often as the tail says."""
    table = outcomes()
    chance = np.array([each for each, _ in table])
    weights = np.array([weight for _, weight in table]) + PRIOR_WEIGHT
    drawn = np.random.default_rng(5).choice(weights, 200_000, p=chance / chance.sum())
    for weight in (-12.0, -10.0, -8.0, -6.0):
        tail = tail_at(np.array([weight, weight + 0.5]))
        assert tail[1] - 0.005 <= float((drawn >= weight).mean()) <= tail[0] + 0.005


def test_a_value_that_one_person_holds_is_never_shared_by_strangers() -> None:
    """Rare values weigh most, yet strangers agree on them as seldom as they are held twice."""
    _, frequencies = small_model()
    heaviest = max(weight for _, weight in outcomes())
    chance = sum(chance for chance, weight in outcomes() if weight == heaviest)
    pairs = (frequencies["name"].counts * (frequencies["name"].counts - 1)).sum()
    rarest_shared = 2 * 2 / pairs  # two values of two holders
    assert (1 - NULL_SHARE) * 0.3 * rarest_shared * 0.7 * 0.02 >= chance > 0.0


# --------------------------------------------------------------------------- the lowest safe line


@dataclass(frozen=True, slots=True)
class MadeUpAlarms:
    """Strangers above a weight, halving with every bit, instead of a model's."""

    at_zero: float

    def strangers_above(self, weights: Floats) -> Floats:
        return self.at_zero * np.exp2(-weights)


def alarms(at_zero: float) -> FalseAlarms:
    return MadeUpAlarms(at_zero)  # type: ignore[return-value]


questions = st.lists(
    st.tuples(
        st.one_of(st.floats(-20.0, 60.0), st.integers(0, 12).map(float)),
        st.floats(0.0, 0.2),
    ),
    max_size=40,
)


def naive_safe_weight(
    rows: list[tuple[float, float]], at_zero: float, rate: float, before: float
) -> float:
    """From the top down, one weight at a time, until a line breaks one of the three bounds."""
    best = math.inf
    for line in sorted({weight for weight, _ in rows}, reverse=True):
        above = [each for each in rows if each[0] >= line]
        far = [each for each in rows if each[0] > line + 2.0]
        false = at_zero * 2.0**-line + sum(chance for _, chance in above)
        far_false = 0.0
        if far:
            far_false = at_zero * 2.0 ** -min(w for w, _ in far) + sum(c for _, c in far)
        local = (false - far_false) / (len(above) - len(far))
        if false > rate * (len(above) + before) or local > 0.05 or line < math.log2(9.0):
            break
        best = line
    return best


@given(
    rows=questions,
    at_zero=st.sampled_from([0.0, 0.5, 100.0, 1e6]),
    rate=st.sampled_from([5e-5, 1e-2, 0.2]),
    before=st.sampled_from([0.0, 1000.0]),
)
def test_safe_weight_equals_the_naive_search(
    rows: list[tuple[float, float]], at_zero: float, rate: float, before: float
) -> None:
    """The line keeps the rate, the share of false links near it, and the least probability."""
    weight = np.array([each[0] for each in rows])
    relative = np.array([each[1] for each in rows])
    found = lowest_safe_weight(
        weight, relative, alarms(at_zero), allowed_rate=rate, links_before=before
    )
    assert naive_safe_weight(rows, at_zero, rate, before) == found
    assert found >= match_weight(0.9) - 1e-12


def test_nothing_asked_has_no_safe_weight() -> None:
    """Without questions no line is safe."""
    none = np.zeros(0)
    assert math.inf == lowest_safe_weight(none, none, alarms(1.0), allowed_rate=1e-4)


def test_order_never_moves_the_safe_weight() -> None:
    """Equal weights of unequal relatives are taken or left together, in whatever order."""
    weight = np.array([30.0] * 50 + [6.0] * 10)
    relative = np.array([0.0] * 50 + [0.0] * 5 + [0.3] * 5)
    for order in (slice(None), slice(None, None, -1)):
        found = lowest_safe_weight(weight[order], relative[order], alarms(0.0), allowed_rate=0.1)
        assert 30.0 == found


def test_many_equal_links_pay_together() -> None:
    """A stranger expected among a thousand links of one weight is one in a thousand."""
    weight = np.full(1000, 10.0)
    found = lowest_safe_weight(weight, np.zeros(1000), alarms(2.0**9), allowed_rate=1e-3)
    assert 10.0 == found


def test_certain_links_do_not_pay_for_doubtful_ones() -> None:
    """A million certain links leave room in the average, yet mostly wrong pairs are not linked."""
    weight = np.concatenate([np.full(1_000_000, 40.0), np.full(60, 5.0)])
    relative = np.concatenate([np.zeros(1_000_000), np.full(60, 0.5)])
    found = lowest_safe_weight(weight, relative, alarms(0.0), allowed_rate=1e-4)
    assert 40.0 == found


# ------------------------------------------------------------------------------------ both lines


def test_given_lines_are_kept() -> None:
    """Lines that somebody set stand, whatever is expected of them."""
    given_lines = Thresholds(match_weight_link_min=2.0, match_weight_review_min=-3.0)
    weight = np.array([-5.0, -2.0, 1.0, 2.0, 30.0])
    found = draw_lines(weight, np.zeros(5), alarms(100.0), given_lines)
    assert (2.0, -3.0) == (found.link_weight, found.review_weight)
    assert (2, 2) == (found.links, found.review_pairs)
    assert ("given", "given") == (found.link_limited_by, found.review_limited_by)


@given(
    rows=st.lists(st.tuples(st.floats(-60.0, 60.0), st.floats(0.0, 0.2)), max_size=40),
    at_zero=st.sampled_from([0.0, 0.5, 1e6]),
    lines=st.sampled_from([None, (3.0, 0.0), (20.0, 20.0)]),
)
def test_expectations_add_up(
    rows: list[tuple[float, float]], at_zero: float, lines: tuple[float, float] | None
) -> None:
    """Counts are those of the lines; links, review and missed matches make up all of them."""
    weight = np.array([each[0] for each in rows])
    relative = np.array([each[1] for each in rows])
    set_lines = (
        None
        if lines is None
        else Thresholds(match_weight_link_min=lines[0], match_weight_review_min=lines[1])
    )
    found = draw_lines(weight, relative, alarms(at_zero), set_lines)
    linked = weight >= found.link_weight
    shown = (weight >= found.review_weight) & ~linked
    assert found.review_weight <= found.link_weight
    assert (linked.sum(), shown.sum()) == (found.links, found.review_pairs)
    assert 0.0 <= found.expected_false_links <= (1 - match_probability(weight[linked])).sum() + 1e-9
    true_links = found.links - found.expected_false_links
    total = true_links + found.review_expected_matches + found.expected_missed_matches
    assert total == pytest.approx(found.expected_matches)
    assert 0.0 <= found.expected_recall <= found.expected_recall_with_review <= 1.0 + 1e-9
    if total > 0:
        assert true_links / total == pytest.approx(found.expected_recall)
    if set_lines is None:
        assert match_weight(0.9) <= found.link_weight
        assert found.link_weight <= match_weight(1.0 - FALSE_LINK_RATE_MAX)
        assert match_weight(0.05) <= found.review_weight
    assert {float, int, str} == {type(value) for value in found.as_dict().values()}


def test_no_pairs_give_the_line_that_needs_no_data() -> None:
    """Without candidates every single link must keep the bound by itself."""
    found = draw_lines(np.zeros(0), np.zeros(0), alarms(1.0))
    assert match_weight(1.0 - FALSE_LINK_RATE_MAX) == found.link_weight
    assert match_weight(0.05) == found.review_weight
    assert (0, 0, 1.0, 1.0) == (
        found.links,
        found.review_pairs,
        found.expected_precision,
        found.expected_recall,
    )


def test_weak_fields_give_review_instead_of_wrong_links() -> None:
    """If no pair exceeds even odds, nothing is linked, all is looked at, and recall says so."""
    weight = np.repeat([0.0, -3.0, -10.0], [300, 500, 10_000])
    found = draw_lines(weight, np.zeros(len(weight)), alarms(1e5))
    assert (0, 800, 0.0) == (found.links, found.review_pairs, found.expected_recall)
    assert found.review_expected_matches == pytest.approx(150 + 500 / 9)


def test_review_beyond_the_cap_keeps_the_most_probable_pairs_and_says_so() -> None:
    """The queue is cut from below, at whole weights, and the rest is counted."""
    weight = np.repeat([20.0, 1.0, 0.0, -1.0], [20_000, 1200, 700, 900])
    found = draw_lines(weight, np.zeros(len(weight)), alarms(0.0))
    assert (20_000, 0.0) == (found.links, found.review_weight)
    assert (1900, 900, "volume") == (
        found.review_pairs,
        found.review_pairs_cut,
        found.review_limited_by,
    )


def test_equal_pairs_never_burst_the_review_queue() -> None:
    """Ten thousand pairs of one weight are left out together where a thousand may be looked at."""
    weight = np.repeat([20.0, 1.0, 0.0], [50, 600, 10_000])
    found = draw_lines(weight, np.zeros(len(weight)), alarms(0.0))
    assert 600 == found.review_pairs <= REVIEW_PAIRS_MIN
    assert 10_000 == found.review_pairs_cut


# ------------------------------------------------------------------------------ the table's prior


@given(
    weights=st.lists(st.floats(-16.0, 40.0), max_size=60),
    prior=st.sampled_from([1e-8, 1e-4, 0.01]),
    total_pairs=st.sampled_from([1e4, 1e8]),
)
def test_prior_shift_is_a_fixpoint(weights: list[float], prior: float, total_pairs: float) -> None:
    """After the shift, the prior is the share of matches that the shifted weights expect."""
    weight = np.array(weights)
    shift = prior_shift(weight, prior, total_pairs)
    expected = float(match_probability(weight + shift).sum())
    share = (expected + 0.5) / (total_pairs + 1.0)
    assert match_weight(prior) + shift == pytest.approx(match_weight(share), abs=1e-3)
