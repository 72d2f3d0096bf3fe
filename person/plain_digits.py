"""Runs of digits read eight bytes at a time, without a branch for each.

A word holds eight bytes of text as they lie in memory, the first one lowest.
"""

from __future__ import annotations

from typing import Final

from numba import int64, uint64

from person.jit import inlined_kernel

__all__ = ["eight_are_digits", "number_of_eight", "pack_eight"]

_HIGH_HALVES: Final = 0xF0F0F0F0F0F0F0F0
_LOW_HALVES: Final = 0x0F0F0F0F0F0F0F0F
_SIXES: Final = 0x0606060606060606
_THREES: Final = 0x3333333333333333
_PAIRS: Final = 0x00FF00FF00FF00FF
_FOURS: Final = 0x0000FFFF0000FFFF


@inlined_kernel
def eight_are_digits(word):  # type: ignore[no-untyped-def]
    """Whether all bytes of a word are ASCII digits (scalar kernel)."""
    word = uint64(word)
    high = word & uint64(_HIGH_HALVES)
    # Six more carries what is above 9 into the upper half of its byte.
    carried = ((word + uint64(_SIXES)) & uint64(_HIGH_HALVES)) >> uint64(4)
    return high | carried == uint64(_THREES)


@inlined_kernel
def pack_eight(word):  # type: ignore[no-untyped-def]
    """Eight digits as four bits each, the first one highest (scalar kernel)."""
    digits = uint64(word) & uint64(_LOW_HALVES)
    digits = (digits << uint64(4) | digits >> uint64(8)) & uint64(_PAIRS)
    digits = (digits << uint64(8) | digits >> uint64(16)) & uint64(_FOURS)
    return (digits << uint64(16) | digits >> uint64(32)) & uint64(0xFFFFFFFF)


@inlined_kernel
def number_of_eight(word):  # type: ignore[no-untyped-def]
    """The number that eight digits write, int64 (scalar kernel)."""
    digits = uint64(word) & uint64(_LOW_HALVES)
    digits = (digits * uint64(10) + (digits >> uint64(8))) & uint64(_PAIRS)
    digits = (digits * uint64(100) + (digits >> uint64(16))) & uint64(_FOURS)
    return int64((digits * uint64(10_000) + (digits >> uint64(32))) & uint64(0xFFFFFFFF))
