"""Random draws without a state: each is a hash of what it is for.

    key = mix(seed, purpose)  ->  draw_bits(key, index)  ->  uniform, below, alias table ...

A draw depends on nothing that was drawn before it, so any slice of a population can be made alone.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from person.hashing import mix64
from person.jit import count_leading_zeros, inlined_kernel, kernel

__all__ = [
    "alias_draw",
    "alias_table",
    "bits_below",
    "draw_bits",
    "high_half",
    "is_below",
    "key_of",
    "low_half",
    "permute",
    "permute_back",
    "rate_bits",
]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


@kernel
def draw_bits(key, index):  # type: ignore[no-untyped-def]
    """64 random bits, the draw number `index` under `key`."""
    return mix64(uint64(key) + uint64(index) * _GOLDEN)


@kernel
def key_of(key, purpose):  # type: ignore[no-untyped-def]
    """A key for a narrower purpose."""
    return mix64(uint64(key) ^ (uint64(purpose) + uint64(1)) * uint64(0xD6E8FEB86659FD93))


@kernel
def low_half(bits):  # type: ignore[no-untyped-def]
    """The lower 32 of 64 random bits."""
    return bits & uint64(0xFFFFFFFF)


@kernel
def high_half(bits):  # type: ignore[no-untyped-def]
    """The upper 32 of 64 random bits."""
    return bits >> uint64(32)


@kernel
def bits_below(bits32, limit):  # type: ignore[no-untyped-def]
    """A whole number below `limit` (at most 2**31) from 32 random bits."""
    return int64((uint64(bits32) * uint64(limit)) >> uint64(32))


@kernel
def is_below(bits32, rate32):  # type: ignore[no-untyped-def]
    """True with probability rate32 / 2**32 (see `rate_bits`)."""
    return uint64(bits32) < uint64(rate32)


def rate_bits(rate: float) -> np.uint64:
    """A probability as the limit that `is_below` compares with.

    Parameters
    ----------
    rate : 0 to 1
    """
    return np.uint64(min(max(round(rate * 2.0**32), 0), 2**32))


@inlined_kernel
def alias_draw(table, first, size, bits):  # type: ignore[no-untyped-def]
    """Number below `size` from the alias table at table[first : first + size], 64 random bits."""
    place = (low_half(bits) * uint64(size)) >> uint64(32)
    entry = table[first + int64(place)]
    if high_half(bits) < high_half(entry):
        return int64(place)
    return int64(low_half(entry))


def alias_table(weights: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Walker's table: threshold in the upper, alias in the lower 32 bits of each entry.

    Parameters
    ----------
    weights : float64[n], not negative, with a positive sum

    Returns
    -------
    uint64[n]
    """
    weights = np.ascontiguousarray(weights, np.float64)
    out = np.empty(len(weights), np.uint64)
    _fill_alias_table(weights / weights.sum() * len(weights), out)
    return out


@kernel
def _fill_alias_table(share, out):  # type: ignore[no-untyped-def]
    """Vose's method; `share` float64[n] with mean 1 is used up."""
    count = share.size
    small, large = np.empty(count, np.int64), np.empty(count, np.int64)
    small_count, large_count = 0, 0
    for place in range(count):
        out[place] = uint64(0xFFFFFFFF) << uint64(32) | uint64(place)
        if share[place] < 1.0:
            small[small_count] = place
            small_count += 1
        else:
            large[large_count] = place
            large_count += 1
    while small_count > 0 and large_count > 0:
        small_count -= 1
        place, donor = small[small_count], large[large_count - 1]
        threshold = uint64(min(share[place] * 4294967296.0, 4294967295.0))
        out[place] = threshold << uint64(32) | uint64(donor)
        share[donor] -= 1.0 - share[place]
        if share[donor] < 1.0:
            large_count -= 1
            small[small_count] = donor
            small_count += 1


@kernel
def _bit_width(size):  # type: ignore[no-untyped-def]
    return max(uint64(64) - count_leading_zeros(uint64(size) - uint64(1) | uint64(1)), uint64(1))


@inlined_kernel
def permute(value, size, key):  # type: ignore[no-untyped-def]
    """Place of `value` in a permutation of range(size) that `key` names.

    Rounds of one-to-one steps on the next power of two; walks on while the result is outside,
    less than twice on average.
    """
    width = uint64(_bit_width(size))
    mask = (uint64(1) << width) - uint64(1)
    shift = (width + uint64(1)) >> uint64(1)
    factor_1 = (key | uint64(1)) & mask
    factor_2 = (mix64(key) | uint64(1)) & mask
    place = uint64(value)
    while True:
        place = (place + key) & mask
        place ^= place >> shift
        place = (place * factor_1) & mask
        place ^= place >> shift
        place = (place * factor_2) & mask
        place ^= place >> shift
        place = (place * uint64(0x9E3779B1)) & mask
        place ^= place >> shift
        if place < uint64(size):
            return int64(place)


@kernel
def _inverse_factor(factor, mask):  # type: ignore[no-untyped-def]
    inverse = factor
    for _ in range(6):
        inverse = (inverse * (uint64(2) - factor * inverse)) & mask
    return inverse


@kernel
def permute_back(place, size, key):  # type: ignore[no-untyped-def]
    """The value that `permute` takes to `place`."""
    width = uint64(_bit_width(size))
    mask = (uint64(1) << width) - uint64(1)
    shift = (width + uint64(1)) >> uint64(1)
    back_1 = _inverse_factor((key | uint64(1)) & mask, mask)
    back_2 = _inverse_factor((mix64(key) | uint64(1)) & mask, mask)
    back_3 = _inverse_factor(uint64(0x9E3779B1) & mask, mask)
    value = uint64(place)
    while True:
        value ^= value >> shift
        value = (value * back_3) & mask
        value ^= value >> shift
        value = (value * back_2) & mask
        value ^= value >> shift
        value = (value * back_1) & mask
        value ^= value >> shift
        value = (value - key) & mask
        if value < uint64(size):
            return int64(value)
