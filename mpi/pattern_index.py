"""Agreement patterns of many pairs as places in the short list of different ones.

Millions of pairs show a few thousand patterns, so whatever depends on the pattern alone (cell
weights, guards, level names, the estimate itself) is worked out once a pattern.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from matching.patterns import PatternCounts
from person.jit import kernel

__all__ = ["PatternIndex", "index_patterns"]

_GOLDEN: Final = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class PatternIndex:
    """Different patterns, and which of them each pair shows.

    Attributes
    ----------
    pattern : int64[n_patterns], sorted
    place : int32[n_pairs], places in `pattern`
    count : int64[n_patterns], pairs that show each
    """

    pattern: NDArray[np.int64]
    place: NDArray[np.int32]
    count: NDArray[np.int64]

    def counts(self) -> PatternCounts:
        """What the estimate wants."""
        return PatternCounts(self.pattern, self.count.astype(np.float64))


@kernel
def _number_patterns(patterns, start, keys, numbers, counts, used, out):  # type: ignore[no-untyped-def]
    """Number patterns in order of first appearance; returns where it stopped for want of room."""
    mask = uint64(keys.shape[0] - 1)
    for pair in range(start, patterns.shape[0]):
        pattern = patterns[pair]
        slot = (uint64(pattern) * uint64(_GOLDEN)) >> uint64(20) & mask
        while keys[slot] != -1 and keys[slot] != pattern:
            slot = (slot + uint64(1)) & mask
        if keys[slot] == -1:
            if used[0] * 2 >= keys.shape[0]:
                return pair
            keys[slot] = pattern
            numbers[slot] = used[0]
            used[0] += 1
        out[pair] = numbers[slot]
        counts[numbers[slot]] += 1
    return patterns.shape[0]


def index_patterns(patterns: NDArray[np.int64]) -> PatternIndex:
    """List the different patterns, about 10 ns a pair.

    Parameters
    ----------
    patterns : int64[n_pairs], never negative
    """
    size = 1 << 14
    place = np.empty(len(patterns), np.int32)
    keys = np.full(size, -1, np.int64)
    numbers = np.zeros(size, np.int32)
    counts = np.zeros(size, np.int64)
    used = np.zeros(1, np.int64)
    done = _number_patterns(patterns, 0, keys, numbers, counts, used, place)
    while done < len(patterns):
        size *= 4
        order = np.argsort(numbers[keys >= 0])
        held = keys[keys >= 0][order]
        before = counts[: len(held)].copy()
        keys, numbers = np.full(size, -1, np.int64), np.zeros(size, np.int32)
        counts = np.zeros(size, np.int64)
        used[0] = 0
        _number_patterns(held, 0, keys, numbers, counts, used, np.empty(len(held), np.int32))
        counts[: len(held)] = before
        done = _number_patterns(patterns, done, keys, numbers, counts, used, place)
    return _sorted(keys, numbers, counts, place)


def _sorted(
    keys: NDArray[np.int64],
    numbers: NDArray[np.int32],
    counts: NDArray[np.int64],
    place: NDArray[np.int32],
) -> PatternIndex:
    held = keys >= 0
    pattern, number = keys[held], numbers[held]
    order = np.argsort(pattern)
    rank = np.empty(len(pattern), np.int32)
    rank[number[order]] = np.arange(len(pattern), dtype=np.int32)
    np.take(rank, place, out=place)
    return PatternIndex(pattern[order], place, counts[number[order]])
