"""Random pairs: all pairs of a small table, enough of a large one, of different sides in a link."""

from __future__ import annotations

import numpy as np
import pytest

from mpi import train_run


def drawn(one: int, other: int | None) -> list[tuple[int, int]]:
    random = np.random.default_rng(0)
    if other is None:
        left, right = train_run._pairs_within(one, random)
    else:
        rows = np.random.default_rng(1).permutation(one + other)
        left, right = train_run._pairs_across(rows[:one], rows[one:], random)
        assert set(left.tolist()) <= set(rows[:one].tolist())
        assert set(right.tolist()) <= set(rows[one:].tolist())
    return list(zip(left.tolist(), right.tolist()))


@pytest.mark.parametrize(("one", "other"), [(0, None), (1, None), (40, None), (7, 30), (0, 5)])
def test_small_tables_give_every_pair_once(one: int, other: int | None) -> None:
    """Nothing is left to chance where all pairs can be looked at."""
    pairs = drawn(one, other)
    expected = one * (one - 1) // 2 if other is None else one * other
    assert expected == len(pairs) == len(set(pairs))
    assert all(a != b for a, b in pairs)


@pytest.mark.parametrize(("one", "other"), [(2000, None), (100_000, 20), (20, 100_000)])
def test_large_tables_give_a_full_sample(one: int, other: int | None) -> None:
    """However unequal two sides are, strangers are seen as often as in one table."""
    pairs = drawn(one, other)
    assert train_run.RANDOM_PAIRS == len(pairs)
    assert all(a != b for a, b in pairs)
