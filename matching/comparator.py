"""The face every comparator shows: one kernel, its grades, the kinds it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from person.field import OverflowTable

__all__ = ["NULL_GRADE", "Comparator", "overflow_arrays"]

NULL_GRADE = 255
"""Grade of a pair where either side is missing; it never counts for or against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparator:
    """A registered comparator.

    Attributes
    ----------
    name : how models name it
    kinds : the kind of each field it reads, in order; each a tuple of accepted kinds
    kernel : fill_*(a, b, left, right, slots, tables, cutoffs, out), see `matching.kernels`
    grades : names of its grades, best first, for a graded comparator; empty for a measured one,
        whose grades are 'exact', then one per cutoff, then 'else'
    measure : 'grade', 'similarity' (0 to 1) or 'distance' (edits)
    tables : builds the constant arrays the kernel needs, from the batch's overflow table
    is_symmetric : swapping left and right changes nothing
    """

    name: str
    kinds: tuple[tuple[str, ...], ...]
    kernel: Callable[..., None]
    grades: tuple[str, ...] = ()
    measure: str = "grade"
    tables: Callable[[OverflowTable], tuple[Any, ...]]
    is_symmetric: bool = True


def overflow_arrays(
    overflow: OverflowTable,
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.uint32]]:
    """The tables of a comparator that needs nothing but the overflow text."""
    return overflow.hashes, overflow.offsets, overflow.codes
