"""Pairs sorted by falling weight, without the random walk of a general sort."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from person.jit import kernel

__all__ = ["heaviest_first"]

BINS_PER_BIT: Final = 1024
LOWEST_BITS: Final = -64
_BINS: Final = 256 * BINS_PER_BIT


@kernel
def _sort_bins(weight, lowest, per_bit, starts, out):  # type: ignore[no-untyped-def]
    """Counting sort to bins of weight, falling, then each bin by its weights; stable."""
    bins = starts.shape[0] - 1
    for pair in range(weight.shape[0]):
        place = min(max(np.int64((weight[pair] - lowest) * per_bit), 0), bins - 1)
        starts[bins - place] += 1
    for place in range(bins):
        starts[place + 1] += starts[place]
    for pair in range(weight.shape[0]):
        place = bins - 1 - min(max(np.int64((weight[pair] - lowest) * per_bit), 0), bins - 1)
        out[starts[place]] = pair
        starts[place] += 1
    begin = np.int64(0)
    for place in range(bins):
        end = starts[place]
        for at in range(begin + 1, end):
            if weight[out[at]] > weight[out[at - 1]]:
                members = out[begin:end].copy()
                order = np.argsort(-weight[members], kind="mergesort")
                for k in range(members.shape[0]):
                    out[begin + k] = members[order[k]]
                break
        begin = end


def heaviest_first(weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order of pairs by falling weight; of equal weights the earlier pair comes first.

    Parameters
    ----------
    weight : float64[n_pairs]

    Returns
    -------
    int64[n_pairs], some 30 ns a pair
    """
    order = np.empty(len(weight), np.int64)
    _sort_bins(weight, LOWEST_BITS, BINS_PER_BIT, np.zeros(_BINS + 1, np.int64), order)
    return order
