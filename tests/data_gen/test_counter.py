"""Stateless draws: uniform bits, alias tables, permutations and their inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_gen.counter import (
    alias_draw,
    alias_table,
    draw_bits,
    is_below,
    key_of,
    low_half,
    permute,
    permute_back,
    rate_bits,
)


def bits(count: int, key: int = 3) -> list[np.uint64]:
    return [np.uint64(draw_bits(np.uint64(key), index)) for index in range(count)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 248, 1000, 4097])
def test_permutations_are_one_to_one(size: int) -> None:
    """Every number below the size comes out once, whatever the key."""
    for key in (0, 1, 2**63, 0x1234567890ABCDEF):
        places = [permute(value, size, np.uint64(key)) for value in range(size)]
        assert list(range(size)) == sorted(places)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 2**40), st.integers(0, 2**40), st.integers(0, 2**64 - 1))
def test_permutations_are_undone(size: int, value: int, key: int) -> None:
    """permute_back finds the value that permute took away."""
    value %= size
    place = permute(value, size, np.uint64(key))
    assert 0 <= place < size
    assert value == permute_back(place, size, np.uint64(key))


def test_permutations_leave_no_order() -> None:
    """Neighbours are taken apart: the mean distance is that of random places."""
    size = 90_520
    places = np.array([permute(value, size, np.uint64(77)) for value in range(4_000)])
    assert abs(np.abs(np.diff(places)).mean() / (size / 3) - 1) < 0.05


def test_alias_draws_follow_the_weights() -> None:
    """Frequencies of 40,000 draws lie within four standard errors of the weights."""
    weights = np.array([0.0, 1, 5, 2, 0.5, 11.5])
    table = alias_table(weights)
    drawn = np.bincount([alias_draw(table, 0, 6, draw) for draw in bits(40_000)], minlength=6)
    share = weights / weights.sum()
    assert drawn[0] == 0
    assert np.all(np.abs(drawn / 40_000 - share) < 4 * np.sqrt(share / 40_000) + 1e-12)


def test_rates_are_kept() -> None:
    """A chance of 0 never and of 1 always holds; one of 30 % about that often."""
    halves = [np.uint64(low_half(draw)) for draw in bits(20_000, 9)]
    for rate in (0.0, 0.3, 1.0):
        share = np.mean([is_below(half, rate_bits(rate)) for half in halves])
        assert abs(share - rate) < (0.015 if 0 < rate < 1 else 1e-12)


def test_keys_of_purposes_differ() -> None:
    """No two of a thousand purposes share a key."""
    assert 1000 == len({int(key_of(np.uint64(5), purpose)) for purpose in range(1000)})
