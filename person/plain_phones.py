"""Mobile numbers as nearly all tables write them, read straight from the bytes.

    13912345678    139 1234 5678    139-1234-5678    +8613912345678

Any other text, and any number that may be a filler, is left to `person.phone_kernels`.
"""

from __future__ import annotations

from typing import Final

from numba import int64, uint64

from person.jit import inlined_kernel, load_uint8, load_uint64
from person.plain_digits import eight_are_digits, pack_eight

__all__ = ["plain_mobile"]

_FOUR_BYTES: Final = 0xFFFFFFFF
_HIDDEN_NUMBER: Final = 0x3800138000
"""13800138000, the operator's own, which people give in place of theirs."""


@inlined_kernel
def _is_gap(code):  # type: ignore[no-untyped-def]
    return (code == 0x20) | (code == 0x2D)


@inlined_kernel
def plain_mobile(start, length):  # type: ignore[no-untyped-def]
    """The 40-bit value of a mobile at an address, 0 for any other text (scalar kernel)."""
    head = uint64(start)
    if length == 11:
        tail = load_uint64(start + uint64(3), 0)
    elif length == 13:
        if not (_is_gap(load_uint8(start, 3)) & _is_gap(load_uint8(start, 8))):
            return uint64(0)
        tail = load_uint64(start + uint64(4), 0) & uint64(_FOUR_BYTES)
        tail |= load_uint64(start + uint64(5), 0) & ~uint64(_FOUR_BYTES)
    elif length == 14:
        if load_uint64(start, 0) & uint64(0xFFFFFF) != uint64(0x36382B):  # +86
            return uint64(0)
        head = uint64(start) + uint64(3)
        tail = load_uint64(start + uint64(6), 0)
    else:
        return uint64(0)
    second = uint64(load_uint8(head, 1)) - uint64(0x30)
    third = uint64(load_uint8(head, 2)) - uint64(0x30)
    is_mobile = (load_uint8(head, 0) == 0x31) & (second >= uint64(3)) & (second <= uint64(9))
    if not (is_mobile & (third <= uint64(9)) & eight_are_digits(tail)):
        return uint64(0)
    packed = pack_eight(tail)
    value = second << uint64(36) | third << uint64(32) | packed
    if _may_be_filler(packed) or value == uint64(_HIDDEN_NUMBER):
        return uint64(0)
    return value


@inlined_kernel
def _may_be_filler(packed):  # type: ignore[no-untyped-def]
    """Whether eight digits may all be alike or count up or down: their first two steps agree."""
    first = int64(packed >> uint64(28))
    second = int64(packed >> uint64(24)) & 15
    third = int64(packed >> uint64(20)) & 15
    change = third - second - (second - first)
    return (change == 0) | (change == 10) | (change == -10)
