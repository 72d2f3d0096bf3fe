"""From doubtful pairs to questions: what belongs together is asked once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mpi.identity_questions import IDENTITIES_MAX, DoubtfulPairs, questions_of
from mpi.identity_tasks import PAIRS_MAX, Question


def doubtful(pairs: list[tuple[int, int]]) -> DoubtfulPairs:
    """Pairs of identities, the heaviest first; a record has the number of its identity."""
    one = np.array([pair[0] for pair in pairs], np.int64)
    other = np.array([pair[1] for pair in pairs], np.int64)
    weight = np.arange(len(pairs), 0, -1).astype(np.float64)
    return DoubtfulPairs(one, other, one, other, weight, np.zeros(len(pairs), np.uint8))


def identities(question: Question) -> set[int]:
    return {record for pair in question.pairs for record in pair[:2]}


numbers = st.integers(0, 30)
pairs = st.lists(st.tuples(numbers, numbers).filter(lambda p: p[0] != p[1]), max_size=120)


@given(pairs)
def test_every_pair_is_asked_once_and_questions_stay_small(asked: list[tuple[int, int]]) -> None:
    """No question is about more identities than a person can look at, or two full groups."""
    questions = list(questions_of(doubtful(asked)))
    found = [pair[:2] for each in questions for pair in each.pairs]
    if all(len(each.pairs) < PAIRS_MAX for each in questions):
        assert sorted(found) == sorted(asked)
    for each in questions:
        assert len(identities(each)) <= IDENTITIES_MAX
        weights = [pair[2] for pair in each.pairs]
        assert sorted(weights, reverse=True) == weights  # type: ignore[type-var]
    firsts = [each.pairs[0][2] for each in questions]
    assert sorted(firsts, reverse=True) == firsts  # type: ignore[type-var]


def test_a_long_chain_is_parted() -> None:
    """Ten identities in a row are two questions, and one about the pair between them."""
    chain = [(number, number + 1) for number in range(11)]
    sizes = [len(identities(each)) for each in questions_of(doubtful(chain))]
    assert [6, 2, 6] == sizes
