"""How often two strangers would reach a match weight by chance: the model's own false alarms.

A match probability adds up evidence as if the fields of matching records erred independently.
In real tables some records are worse than others, so more matches lie at low weights than the
model expects, and its probabilities there are too cautious. What strangers do is known better:
their agreement on each comparison is counted or sampled, so the distribution of their weights is
the convolution of the comparisons' own. Set against the pairs actually seen, it tells how many
links above a line are false, whatever the matches look like (the target-decoy idea of
mass-spectrometry searches; Efron's local false discovery rate).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from matching.compiled import CompiledComparison, CompiledModel, CompiledPart, with_null_cells
from matching.frequencies import TermFrequencies
from matching.patterns import PatternCounts

__all__ = ["stranger_distribution", "stranger_tail"]

BINS_PER_BIT: Final = 8
HALF_RANGE_BITS: Final = 160
_BINS: Final = 2 * HALF_RANGE_BITS * BINS_PER_BIT + 1
_ZERO: Final = HALF_RANGE_BITS * BINS_PER_BIT


def stranger_tail(
    compiled: CompiledModel,
    frequencies: Mapping[str, TermFrequencies],
    random: PatternCounts,
    weights: NDArray[np.float64],
    *,
    shift: float,
) -> NDArray[np.float64]:
    """Chance that two random strangers weigh at least as much as each given weight.

    Parameters
    ----------
    compiled : trained model
    frequencies : part name -> value frequencies, for the parts with term_frequency
    random : patterns of random pairs; says how often each comparison lacks its values
    weights : float64[k], match weights, prior included
    shift : bits added to the prior

    Returns
    -------
    float64[k]

    Notes
    -----
    Comparisons are taken as independent among strangers; members of one household are not, and
    are counted apart by the model's class for them. Weights are rounded up to 1/8 bit.
    """
    distribution = stranger_distribution(compiled, frequencies, random)
    place = (weights - compiled.prior_match_weight - shift) * BINS_PER_BIT + _ZERO
    bins = np.clip(np.floor(place), 0, _BINS - 1).astype(np.int64)
    result: NDArray[np.float64] = distribution[bins]
    return result


def stranger_distribution(
    compiled: CompiledModel, frequencies: Mapping[str, TermFrequencies], random: PatternCounts
) -> NDArray[np.float64]:
    """Chance that two strangers weigh at least as much as each bin of weights, prior aside.

    Parameters
    ----------
    compiled, frequencies, random : as for `stranger_tail`

    Returns
    -------
    float64[2 * HALF_RANGE_BITS * BINS_PER_BIT + 1]
    """
    cells = compiled.unpack_patterns(random.pattern)
    total = np.zeros(_BINS)
    total[_ZERO] = 1.0
    for number, comparison in enumerate(compiled.comparisons):
        seen = np.bincount(cells[number], random.count, comparison.null_cell_count).astype(float)
        one = _comparison_histogram(comparison, frequencies, seen)
        total = _convolved(total, one)
    tail: NDArray[np.float64] = np.cumsum(total[::-1])[::-1]
    return tail


def _comparison_histogram(
    comparison: CompiledComparison,
    frequencies: Mapping[str, TermFrequencies],
    seen: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Distribution of one comparison's weight among strangers: float64[_BINS]."""
    authored = comparison.comparison
    assert authored.u_probability is not None
    chance = with_null_cells(authored.u_probability, authored.shape)
    with_null = tuple(count + 1 for count in authored.shape)
    levels = np.array(np.unravel_index(np.arange(len(chance)), with_null))
    is_null = levels == np.array(authored.shape)[:, None]
    mask = (is_null * (1 << np.arange(len(with_null)))[:, None]).sum(axis=0)
    by_mask = np.bincount(mask, seen, 1 << len(with_null)) / max(seen.sum(), 1.0)
    chance = chance * by_mask[mask]
    histogram = np.zeros(_BINS)
    exact = {
        axis: _frequency_histogram(part, frequencies)
        for axis, part in enumerate(comparison.parts)
        if part.frequency is not None and part.part.name in frequencies
    }
    agreeing = np.zeros(len(chance), np.int64)
    for axis in exact:
        agreeing |= (levels[axis] == 0).astype(np.int64) << axis
    for agreed in np.unique(agreeing):
        chosen = agreeing == agreed
        part_histogram = np.zeros(_BINS)
        np.add.at(part_histogram, _bins(comparison.cell_weight[chosen]), chance[chosen])
        for axis, adjustment in exact.items():
            if agreed >> axis & 1:
                part_histogram = _convolved(part_histogram, adjustment)
        histogram += part_histogram
    return histogram


def _frequency_histogram(
    part: CompiledPart, frequencies: Mapping[str, TermFrequencies]
) -> NDArray[np.float64]:
    """Distribution of the term-frequency adjustment among strangers who agree on the field."""
    assert part.adjustments is not None
    values = frequencies[part.part.name]
    counts = values.counts.astype(np.float64)
    pairs = counts * np.maximum(counts - 1.0, 0.0)
    if pairs.sum() == 0.0:
        histogram = np.zeros(_BINS)
        histogram[_ZERO] = 1.0
        return histogram
    held = pairs > 0.0  # values of one record alone have no pair
    shares = pairs[held] / pairs.sum()
    return np.bincount(_bins(part.adjustments[held]), shares, _BINS).astype(np.float64)


def _bins(weights: NDArray[np.float64]) -> NDArray[np.int64]:
    place = np.ceil(weights * BINS_PER_BIT) + _ZERO
    return np.clip(place, 0, _BINS - 1).astype(np.int64)


def _convolved(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of two independent weights; what leaves the range stays at its end."""
    used = np.flatnonzero(other)
    result = np.zeros(_BINS)
    for place in used:
        move = place - _ZERO
        if move >= 0:
            result[move:] += one[: _BINS - move] * other[place]
            result[-1] += one[_BINS - move :].sum() * other[place]
        else:
            result[:move] += one[-move:] * other[place]
            result[0] += one[:-move].sum() * other[place]
    return result
