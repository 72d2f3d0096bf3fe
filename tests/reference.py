"""Slow, obvious twins of the encoded batch: slots, layouts, hashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from person.layout import Layout

__all__ = ["combined_hash", "field_values", "mix64", "read_slot", "stranger_chance", "used_bits"]

_WORD = (1 << 64) - 1


def mix64(value: int) -> int:
    """The finaliser of splitmix64, as published."""
    value ^= value >> 30
    value = value * 0xBF58476D1CE4E5B9 & _WORD
    value ^= value >> 27
    value = value * 0x94D049BB133111EB & _WORD
    return value ^ value >> 31


def combined_hash(values: Sequence[int], bits: int = 64) -> int:
    """Hash of a value's parts: 0 where the first is missing, else never 0."""
    if not values[0]:
        return 0
    result = 0
    for value in values:
        result = mix64(result ^ value)
    return result >> (64 - bits) or 1


def read_slot(row: Iterable[int], word: int, shift: int, bits: int) -> int:
    """Bits of a row, by plain integers."""
    return int(list(row)[word]) >> shift & (1 << bits) - 1


def field_values(rows: NDArray[np.uint64], layout: Layout, name: str) -> list[tuple[int, ...]]:
    """Every component of one field of each row."""
    slots = layout.slots(name).tolist()
    return [tuple(read_slot(row, *slot) for slot in slots) for row in rows.tolist()]


def used_bits(layout: Layout) -> list[set[int]]:
    """Bit numbers taken in each word; asserts that no two slots share one and none straddles."""
    used: list[set[int]] = [set() for _ in range(layout.n_words)]
    for places in layout.positions.values():
        for _, word, shift, bits in places:
            assert 0 <= shift
            assert shift + bits <= 64
            wanted = set(range(shift, shift + bits))
            assert not used[word] & wanted
            used[word] |= wanted
    return used


def stranger_chance(holders: int, total: int, u_exact: float, of_people: bool) -> float:
    """Chance that a stranger holds a value on which two agree, those two not counted."""
    if u_exact * max(total, 1) < 5 and not of_people:
        return u_exact
    return max(holders - 2, 0) / max(total, 1) + min(u_exact, 1 / max(total, 1))
