"""Many arrays as one: a record that kernels pass on by its address.

A named tuple of arrays is handed to a compiled function array by array, each counted in and out;
with forty arrays that costs more than most functions do. A record of nested arrays is one
pointer, and `people.sex[slot]` reads the same in the code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_gen.people import People, PeopleArrays

__all__ = ["as_block", "people_block"]


def _empty_block(arrays: Any) -> NDArray[np.void]:
    fields = [
        # numba has no nested arrays of booleans
        (name, np.uint8 if array.dtype == np.bool_ else array.dtype, array.shape)
        for name, array in arrays._asdict().items()
    ]
    return np.zeros(1, np.dtype(fields, align=True))


def as_block(arrays: Any) -> NDArray[np.void]:
    """Copy a named tuple of arrays into one record.

    Parameters
    ----------
    arrays : NamedTuple of numpy arrays

    Returns
    -------
    record array of one element, a field of the same name and shape for each array
    """
    block = _empty_block(arrays)
    for name, array in arrays._asdict().items():
        block[name][0] = array
    return block


def people_block() -> tuple[People, NDArray[np.void]]:
    """People of one community and the record that holds their arrays.

    Returns
    -------
    (People, record array of one element): filling the one fills the other
    """
    people = People()
    block = _empty_block(people.arrays)
    views = {
        name: block[name][0].view(array.dtype) for name, array in people.arrays._asdict().items()
    }
    people.arrays = PeopleArrays(**views)
    return people, block
