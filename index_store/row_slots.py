"""The parts of a row that a leaf packs one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["slots_from", "whole_slots"]

_BITS_MAX: Final = 48
_GUESS: Final = 16


def whole_slots(n_words: int, slots: ArrayLike | None) -> list[int]:
    """Slots that cover every bit of a row once, as word, shift, bits, word, shift ...

    Parameters
    ----------
    n_words : words of a row
    slots : int64[n, 3] (word, shift, bits) of parts that are often 0 as a whole, in any order,
        none twice; None takes 16 bits each

    Returns
    -------
    list of 3 * m numbers; wide slots are cut, bits that no slot names get slots of their own
    """
    if slots is None:
        given = [(word, at, _GUESS) for word in range(n_words) for at in range(0, 64, _GUESS)]
    else:
        given = [(int(word), int(at), int(bits)) for word, at, bits in np.asarray(slots)]
    found = []
    for word in range(n_words):
        end = 0
        for at, bits in sorted((at, bits) for its_word, at, bits in given if its_word == word):
            assert at >= end, "slots do not overlap"
            assert at + bits <= 64, "slots stay within their word"
            found += [*_cut(word, end, at), *_cut(word, at, at + bits)]
            end = at + bits
        found += _cut(word, end, 64)
    return [number for slot in found for number in slot]


def _cut(word: int, start: int, end: int) -> Iterable[tuple[int, int, int]]:
    if end - start > _BITS_MAX:
        middle = (start + end) // 2
        return [*_cut(word, start, middle), *_cut(word, middle, end)]
    return [(word, start, end - start)] if end > start else []


def slots_from(numbers: Sequence[int]) -> NDArray[np.int64]:
    """int64[m, 3] from what `whole_slots` returned."""
    return np.array(numbers, np.int64).reshape(-1, 3)
