"""Many arrays as one: a record that kernels pass on by its address.

A named tuple of arrays is handed to a compiled function array by array, each counted in and out;
with forty arrays that costs more than most functions do. A record of nested arrays is one
pointer, and `people.sex[slot]` reads the same in the code.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_gen.facts import Facts, facts

__all__ = ["as_block", "facts_block"]


def as_block(arrays: Any) -> NDArray[np.void]:
    """Copy a named tuple of arrays into one record.

    Parameters
    ----------
    arrays : NamedTuple of numpy arrays

    Returns
    -------
    record array of one element, a field of the same name and shape for each array
    """
    fields = [
        # numba has no nested arrays of booleans
        (name, np.uint8 if array.dtype == np.bool_ else array.dtype, array.shape)
        for name, array in arrays._asdict().items()
    ]
    block = np.zeros(1, np.dtype(fields, align=True))
    for name, array in arrays._asdict().items():
        block[name][0] = array
    return block


@lru_cache(maxsize=1)
def _shipped_facts() -> NDArray[np.void]:
    return as_block(facts())


def facts_block(table: Facts) -> NDArray[np.void]:
    """The tables of facts as one record; of the shipped ones one copy a process.

    Parameters
    ----------
    table : Facts
    """
    return _shipped_facts() if table is facts() else as_block(table)
