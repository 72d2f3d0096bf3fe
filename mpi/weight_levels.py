"""Match weights counted: the distinct weights of many pairs, falling, and what each holds.

A line is drawn, and a table's prior found, from how many pairs weigh how much. Up to
EXACT_PAIRS_MAX pairs are sorted and equal weights put together. More are counted in bins of
1 / BINS_PER_BIT bit, which no line needs to be finer than, in one pass without a sort.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from person.jit import kernel
from person.threads import map_slices, slices

__all__ = ["WeightLevels", "count_at_least", "shifted_chance", "weight_levels"]

EXACT_PAIRS_MAX: Final = 1 << 17
BINS_PER_BIT: Final = 1024
LOWEST_BITS: Final = -64
HIGHEST_BITS: Final = 192
_BINS: Final = (HIGHEST_BITS - LOWEST_BITS) * BINS_PER_BIT
_SLICE_PAIRS: Final = 1 << 20
_SLICES_MAX: Final = 8
"""Bins of every slice are held: 8 MB each. How pairs are cut depends on nothing but their number,
so that sums are rounded alike on every machine."""


@dataclass(frozen=True, slots=True)
class WeightLevels:
    """Pairs by weight, heaviest first.

    Attributes
    ----------
    weight : float64[k], falling; the least weight of each level
    mean : float64[k], mean weight of each level's pairs
    count : int64[k], pairs
    relative : float64[k], of each level's pairs, the sum of their chances to be two relatives
    """

    weight: NDArray[np.float64]
    mean: NDArray[np.float64]
    count: NDArray[np.int64]
    relative: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.weight)


@kernel
def shifted_chance(before, bits, chance):  # type: ignore[no-untyped-def]
    """Chance to be two relatives once `bits` are added to a match weight (scalar kernel).

    Odds of "no match", (1 + 2^w) / (1 + 2^(w + bits)), scale it: a pair that is no match is as
    likely one of two relatives as before.
    """
    if chance == 0.0 or bits == 0.0:
        return chance
    after = before + bits
    if max(before, after) > 500.0:
        return np.float32(chance * 2.0**-bits)
    return np.float32(chance * ((1.0 + 2.0**before) / (1.0 + 2.0**after)))


@kernel
def _count_weights(weight, relative, bits, lowest, per_bit, counts, sums, least, relatives):  # type: ignore[no-untyped-def]
    """One pass over pairs; some 5 ns a pair, the bins in use staying in the cache."""
    last = counts.shape[0] - 1
    for pair in range(weight.shape[0]):
        value = weight[pair] + bits
        place = min(max(int((value - lowest) * per_bit), 0), last)
        counts[place] += 1
        sums[place] += value
        least[place] = min(least[place], value)
        relatives[place] += shifted_chance(weight[pair], bits, relative[pair])


@kernel
def _shift_chances(weight, relative, bits, out):  # type: ignore[no-untyped-def]
    for pair in range(weight.shape[0]):
        out[pair] = shifted_chance(weight[pair], bits, relative[pair])


@kernel
def _count_at_least(weight, bits, line):  # type: ignore[no-untyped-def]
    found = 0
    for pair in range(weight.shape[0]):
        found += weight[pair] + bits >= line
    return found


def count_at_least(
    weight: NDArray[np.float64], shift: float, lines: Sequence[float]
) -> tuple[int, ...]:
    """Count the pairs at or above each line.

    Parameters
    ----------
    weight : float64[n], match weights
    shift : bits to add to them first
    lines : weights
    """

    def count(part: slice) -> list[int]:
        return [int(_count_at_least(weight[part], shift, line)) for line in lines]

    parts = map_slices(count, slices(len(weight), _SLICE_PAIRS))
    return tuple(sum(each) for each in zip(*parts, strict=True)) if parts else (0,) * len(lines)


def weight_levels(
    weight: NDArray[np.float64], relative: NDArray[Any], shift: float = 0.0
) -> WeightLevels:
    """Count pairs by weight.

    Parameters
    ----------
    weight : float64[n], match weights in any order
    relative : float32[n] or float64[n], chance of each pair to be two relatives
    shift : bits to add to the prior odds of a match first

    Returns
    -------
    WeightLevels, the same whatever the order of the pairs up to rounding of sums
    """
    if len(weight) <= EXACT_PAIRS_MAX:
        chances = np.empty_like(relative)
        _shift_chances(weight, relative, shift, chances)
        return _sorted_levels(weight + shift, chances)

    def count(part: slice) -> tuple[NDArray[Any], ...]:
        bins = (
            np.zeros(_BINS, np.int64),
            np.zeros(_BINS),
            np.full(_BINS, np.inf),
            np.zeros(_BINS),
        )
        _count_weights(weight[part], relative[part], shift, LOWEST_BITS, BINS_PER_BIT, *bins)
        return bins

    size = max(_SLICE_PAIRS, -(-len(weight) // _SLICES_MAX))
    parts = map_slices(count, slices(len(weight), size))
    counts, sums, least, relatives = parts[0]
    for more in parts[1:]:
        counts += more[0]
        sums += more[1]
        np.minimum(least, more[2], out=least)
        relatives += more[3]
    held = np.flatnonzero(counts)[::-1]
    return WeightLevels(least[held], sums[held] / counts[held], counts[held], relatives[held])


def _sorted_levels(weight: NDArray[np.float64], relative: NDArray[Any]) -> WeightLevels:
    order = np.argsort(-weight, kind="stable")
    ordered = weight[order]
    first = np.flatnonzero(np.diff(ordered, prepend=np.inf))
    if not len(first):
        none = np.zeros(0)
        return WeightLevels(none, none, np.zeros(0, np.int64), none)
    counts = np.diff(first, append=len(ordered)).astype(np.int64)
    relatives = np.add.reduceat(relative[order].astype(np.float64), first)
    return WeightLevels(ordered[first], ordered[first], counts, relatives)
