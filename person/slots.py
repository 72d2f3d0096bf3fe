"""Reading one bit slot of an encoded row; the only place that knows how slots are cut."""

from __future__ import annotations

import numpy as np
from numba import uint64

from person.jit import kernel

__all__ = ["copy_slot", "pack_slot", "read_slot", "read_slot_column"]


@kernel
def read_slot(rows, row, slots, component):  # type: ignore[no-untyped-def]
    """Value of one component of one record, 0 where missing (scalar kernel)."""
    value = rows[row, slots[component, 0]] >> uint64(slots[component, 1])
    bits = slots[component, 2]
    if bits < 64:
        value &= (uint64(1) << uint64(bits)) - uint64(1)
    return value


@kernel
def read_slot_column(rows, slots, component, out):  # type: ignore[no-untyped-def]
    """Copy one component of every row to `out`, uint64[n_records]."""
    for row in range(rows.shape[0]):
        out[row] = read_slot(rows, row, slots, component)


@kernel
def pack_slot(values, word, shift, rows):  # type: ignore[no-untyped-def]
    """OR `values`, uint64[n_records], each within its slot's bits, into `rows` at (word, shift)."""
    for row in range(values.shape[0]):
        rows[row, word] |= values[row] << np.uint64(shift)


@kernel
def copy_slot(rows, one, other, out):  # type: ignore[no-untyped-def]
    """Copy a component from its place in `rows` to its place in `out`, which holds 0 there.

    one, other : int64[3], word, shift and bits of the component in either
    """
    word, shift = one[0], uint64(one[1])
    to_word, to_shift = other[0], uint64(other[1])
    mask = ~uint64(0)
    if one[2] < 64:
        mask = (uint64(1) << uint64(one[2])) - uint64(1)
    for row in range(rows.shape[0]):
        out[row, to_word] |= ((rows[row, word] >> shift) & mask) << to_shift
