"""Agreement patterns and how often each occurs: what training sees instead of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from matching.kernels.weights import count_patterns

__all__ = ["PatternCounter", "PatternCounts"]


@dataclass(frozen=True, slots=True)
class PatternCounts:
    """Unique agreement patterns, sorted, and the pairs that show each.

    `pattern`: int64[n_patterns]; `count`: float64[n_patterns] (fractional when sampled).
    """

    pattern: NDArray[np.int64]
    count: NDArray[np.float64]

    @property
    def pair_count(self) -> float:
        return float(self.count.sum())

    def scaled(self, factor: float) -> PatternCounts:
        return PatternCounts(self.pattern, self.count * factor)


class PatternCounter:
    """Counts patterns from several threads; each chunk is counted apart, then merged."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._keys = np.full(1 << 14, -1, np.int64)
        self._counts = np.zeros(1 << 14, np.int64)
        self._used = np.zeros(1, np.int64)

    def add(self, patterns: NDArray[np.int64]) -> None:
        with self._lock:
            done = 0
            while done < len(patterns):
                done += count_patterns(patterns[done:], self._keys, self._counts, self._used)
                if done < len(patterns):
                    self._grow()

    def _grow(self) -> None:
        keys, counts = self._keys, self._counts
        self._keys = np.full(len(keys) * 4, -1, np.int64)
        self._counts = np.zeros(len(keys) * 4, np.int64)
        self._used[:] = 0
        held = keys >= 0
        order = keys[held]
        count_patterns(order, self._keys, self._counts, self._used)
        # Every key now counts 1; put the real counts in its place.
        filled = np.flatnonzero(self._keys >= 0)
        by_key = dict(zip(order.tolist(), counts[held].tolist(), strict=True))
        self._counts[filled] = [by_key[key] for key in self._keys[filled].tolist()]

    def result(self) -> PatternCounts:
        held = self._keys >= 0
        order = np.argsort(self._keys[held])
        return PatternCounts(self._keys[held][order], self._counts[held][order].astype(np.float64))
