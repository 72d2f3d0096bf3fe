"""What comparisons still to be made can add to a pair, told from a look at its values.

A look tells of each part whether a value is missing, different or perhaps equal. For each
combination of these a table has the most that the comparison can come to, so that pairs which
cannot reach the least weight are given up before any text is compared. Nine looks a pair, about
20 ns, instead of the comparators.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import int64
from numpy.typing import NDArray

from person.jit import kernel

__all__ = ["LOOKS", "LaterBounds", "list_possible"]

LOOKS: Final = 3
"""Missing, different, perhaps equal: what a look can come to."""


class LaterBounds(NamedTuple):
    """Looks at parts of later comparisons, in the order in which those are made.

    Attributes
    ----------
    looks : uint64[n_looks, 4], word and shift of a part's first component, its mask, and the mask
        of what makes values equal
    starts : int64[n_later + 1], cuts the looks into comparisons
    bounds : float64[*], the most a comparison can add, term frequencies included; of each
        comparison LOOKS ** looks of them, the last look's outcome varying fastest
    bound_starts : int64[n_later]
    """

    looks: NDArray[np.uint64]
    starts: NDArray[np.int64]
    bounds: NDArray[np.float64]
    bound_starts: NDArray[np.int64]


@kernel
def list_possible(a, b, left, right, pair, weight, later, first, weight_min, out):  # type: ignore[no-untyped-def]
    """List the pairs that comparisons from `first` on can still bring over `weight_min`.

    pair int32[n] numbers pairs (left, right); weight float64[n] so far. Writes places in `pair`
    to out int64[n + 1], rising; returns how many.
    """
    looks, starts, bounds, bound_starts = later
    used = 0
    for place in range(pair.shape[0]):
        i, j = left[pair[place]], right[pair[place]]
        total = weight[place]
        for comparison in range(first, starts.shape[0] - 1):
            code = int64(0)
            for look in range(starts[comparison], starts[comparison + 1]):
                word, shift, mask = looks[look, 0], looks[look, 1], looks[look, 2]
                one, other = a[i, word] >> shift & mask, b[j, word] >> shift & mask
                is_there = int64(one != 0) & int64(other != 0)
                may_be_equal = int64((one ^ other) & looks[look, 3] == 0)
                code = code * LOOKS + is_there + (is_there & may_be_equal)
            total += bounds[bound_starts[comparison] + code]
        out[used] = place
        used += not total < weight_min
    return used
