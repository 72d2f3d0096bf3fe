"""What decided pairs say about the lines, held against counting by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpi.review.intervals import clopper_pearson
from mpi.review.learning import (
    SELECTION_NOTE,
    JudgedPairs,
    advise,
    pairs_needed,
    threshold_curve,
)
from person.errors import ConfigError

Pair = tuple[float, bool, bool]


def judged(pairs: list[Pair]) -> JudgedPairs:
    return JudgedPairs(
        weight=np.array([each[0] for each in pairs], np.float64),
        is_same=np.array([each[1] for each in pairs], np.bool_),
        is_refused=np.array([each[2] for each in pairs], np.bool_),
    )


some_pairs = st.lists(
    st.tuples(st.integers(-20, 60).map(lambda n: n / 4), st.booleans(), st.booleans()), max_size=60
)


@given(some_pairs)
def test_the_curve_counts_what_lies_above_each_weight(pairs: list[Pair]) -> None:
    """Linked and mistaken pairs at each weight are those that a walk through all of them finds."""
    curve = threshold_curve(judged(pairs), points_max=1000)
    weights = sorted({w for w, _, refused in pairs if not refused}, reverse=True)
    assert weights == [each.weight for each in curve]
    for point in curve:
        above = [same for w, same, refused in pairs if not refused and w >= point.weight]
        assert (len(above), above.count(False)) == (point.linked, point.mistakes)


@given(some_pairs, st.sampled_from([0.02, 0.1, 0.4]))
def test_the_link_line_is_the_lowest_that_is_sure_enough(
    pairs: list[Pair], mistakes_max: float
) -> None:
    """Of all weights the lowest whose exact upper bound is within the share that was allowed."""
    advice = advise(judged(pairs), link_weight=20.0, review_weight=-5.0, mistakes_max=mistakes_max)
    fitting = []
    for weight in sorted({w for w, _, refused in pairs if not refused}):
        above = [same for w, same, refused in pairs if not refused and w >= weight]
        if clopper_pearson(above.count(False), len(above)).high <= mistakes_max:
            fitting.append((weight, len(above), above.count(False)))
    if not fitting:
        assert advice.link.weight is None
    else:
        assert fitting[0] == (advice.link.weight, advice.link.pairs, advice.link.mistakes)


def test_advice_in_words() -> None:
    """The sentence names both lines, the pairs it would have linked and its mistakes."""
    pairs = [(14.2 + n / 100, True, False) for n in range(411)] + [(15.0, False, False)]
    pairs += [(5.0, False, False)] * 400
    advice = advise(judged(pairs), link_weight=18.5, review_weight=0.0, mistakes_max=0.02)
    assert re.search(
        r"from 18\.5 to 14\.20 bits would have linked 412 .* with 1 mistake;", advice.link.sentence
    )
    assert (412, 1) == (advice.link.pairs, advice.link.mistakes)
    assert 5.01 == advice.review.weight
    assert (400, 0) == (advice.review.pairs, advice.review.mistakes)


def test_too_few_pairs_are_told_how_many_it_takes() -> None:
    """No advice from a handful of decisions, however unanimous."""
    advice = advise(judged([(12.0, True, False)] * 40), link_weight=18.0, review_weight=0.0)
    assert advice.link.weight is None
    assert f"{pairs_needed(0.01):,} pairs" in advice.link.sentence
    needed = pairs_needed(0.01)
    assert clopper_pearson(0, needed).high <= 0.01 < clopper_pearson(0, needed - 1).high


def test_refused_pairs_never_move_a_line() -> None:
    """A guard keeps them apart wherever the line is; they are counted and left out."""
    pairs: list[Pair] = [(15.0, True, True)] * 900 + [(15.0, False, True)] * 100
    advice = advise(judged(pairs), link_weight=18.0, review_weight=0.0)
    assert (1000, 1000, 900) == (advice.pairs, advice.refused, advice.refused_same)
    assert advice.link.weight is None
    assert () == advice.curve


def test_verdicts_against_the_sign_are_overruled() -> None:
    """A pair of positive weight declared different, and a negative one declared the same."""
    pairs = [(3.0, False, False), (3.0, True, False), (-3.0, True, False), (-3.0, False, False)]
    advice = advise(judged(pairs), link_weight=18.0, review_weight=-5.0)
    assert (2, 4) == (advice.overruled.count, advice.overruled.of)


def test_selection_is_stated() -> None:
    """Every advice says of which pairs it speaks."""
    advice = advise(judged([]), link_weight=18.0, review_weight=0.0, notes=("and more",))
    assert (SELECTION_NOTE, "and more") == advice.notes
    assert 0 == advice.to_dict()["pairs"]


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    """A share of mistakes lies between 0 and 1."""
    with pytest.raises(ConfigError):
        advise(judged([]), link_weight=1.0, review_weight=0.0, mistakes_max=share)
