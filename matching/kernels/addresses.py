"""Comparator of address sketches (`person.address`).

`grams` holds six minima of 8 bits, none of them 0; the share of equal ones estimates how much of
their words two addresses have in common. Two unrelated addresses agree in one by chance in 42,
in two in 4,000. About 150 million pairs a second on one core.
"""

from __future__ import annotations

from typing import Final

from numba import int64, uint64

from matching.comparator import Comparator, overflow_arrays
from person.jit import count_ones, inlined_kernel, kernel
from person.slots import read_slot

__all__ = [
    "ADDRESS_GRADES",
    "COMPARATORS",
    "LANES_OF_GRAMS",
    "MOST_GRAMS",
    "SOME_GRAMS",
    "count_equal_grams",
    "fill_addresses",
    "grade_addresses",
]

ADDRESS_GRADES: Final = (
    "same",
    "most_grams",
    "same_numbers_some_grams",
    "most_grams_other_numbers",
    "some_grams",
    "else",
)
_SAME, _MOST, _NUMBERS_SOME, _MOST_OTHER, _SOME, _ELSE = 0, 1, 2, 3, 4, 5
_NULL: Final = 255
LANES_OF_GRAMS: Final = 6
MOST_GRAMS: Final = 4
SOME_GRAMS: Final = 2
_LOW_BITS: Final = 0x7F7F7F7F7F7F
_HIGH_BITS: Final = 0x808080808080


@inlined_kernel
def count_equal_grams(grams_a, grams_b):  # type: ignore[no-untyped-def]
    """Lanes of 8 bits that are equal, of six."""
    low, high = uint64(_LOW_BITS), uint64(_HIGH_BITS)
    different = grams_a ^ grams_b
    nonzero = ((different & low) + low) | different
    return LANES_OF_GRAMS - int64(count_ones(nonzero & high))


@kernel
def grade_addresses(grams_a, numbers_a, grams_b, numbers_b):  # type: ignore[no-untyped-def]
    """Index into ADDRESS_GRADES, or 255 where there is nothing to compare (scalar kernel).

    A side without words but with a number is compared only with another such side.
    """
    has_numbers = numbers_a != 0 and numbers_b != 0
    same_numbers = has_numbers and numbers_a == numbers_b
    if grams_a == 0 or grams_b == 0:
        if grams_a != grams_b or not has_numbers:
            return _NULL
        return _NUMBERS_SOME if same_numbers else _ELSE
    if grams_a == grams_b:
        return _SAME if same_numbers or not has_numbers else _MOST_OTHER
    equal = count_equal_grams(grams_a, grams_b)
    if equal >= MOST_GRAMS:
        return _MOST if same_numbers else _MOST_OTHER
    if equal >= SOME_GRAMS:
        return _NUMBERS_SOME if same_numbers else _SOME
    return _ELSE


@kernel
def fill_addresses(a, b, left, right, slots, tables, cutoffs, out):  # type: ignore[no-untyped-def]
    """Grade pairs of addresses by ADDRESS_GRADES; slots are grams, then numbers.

    same: all words agree, and the numbers agree or one is missing. most_grams: four of six
    minima and the numbers. same_numbers_some_grams: two or three and the numbers.
    most_grams_other_numbers: four, numbers missing or different (or six, different).
    """
    for pair in range(left.size):
        row_a, row_b = left[pair], right[pair]
        out[pair] = grade_addresses(
            read_slot(a, row_a, slots, 0),
            read_slot(a, row_a, slots, 1),
            read_slot(b, row_b, slots, 0),
            read_slot(b, row_b, slots, 1),
        )


COMPARATORS: Final = (
    Comparator(
        name="address",
        kinds=(("address",),),
        kernel=fill_addresses,
        grades=ADDRESS_GRADES,
        tables=overflow_arrays,
    ),
)
