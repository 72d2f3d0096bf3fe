"""Which keys the delta may hold: a filter that spares most lookups the walk through LMDB.

Every write batch leaves the hashes of what it touched in the `touched` database; a reader adds
the ones it has not seen to its filter when it begins a snapshot. The filter may say yes wrongly,
never no wrongly, and only grows: one that knows later batches serves an older snapshot as well.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from index_store.memory import address_of
from person.hashing import mix64
from person.jit import kernel

__all__ = [
    "TOUCH_IDENTITY",
    "TOUCH_MEMBERSHIP",
    "TOUCH_POSTING",
    "TOUCH_RECORD",
    "TOUCH_REFERENCE",
    "TOUCH_ROW",
    "TouchFilter",
    "touch_hashes",
    "touch_hashes_of_rules",
]

TOUCH_ROW: Final = 1
TOUCH_RECORD: Final = 2
TOUCH_MEMBERSHIP: Final = 3
TOUCH_IDENTITY: Final = 4
TOUCH_REFERENCE: Final = 5
TOUCH_POSTING: Final = 16
"""Plus the number of the rule."""

_BITS_A_HASH: Final = 16
_FIRST_WORDS: Final = 1 << 14


@kernel
def _hash_touches(values, tag, out):  # type: ignore[no-untyped-def]
    seed = mix64(uint64(tag) + uint64(0x9E3779B97F4A7C15))
    for position in range(values.shape[0]):
        out[position] = mix64(values[position] ^ seed)


@kernel
def _hash_rules(rules, keys, tag, out):  # type: ignore[no-untyped-def]
    for position in range(keys.shape[0]):
        seed = mix64(uint64(tag + rules[position]) + uint64(0x9E3779B97F4A7C15))
        out[position] = mix64(keys[position] ^ seed)


@kernel
def _insert(hashes, words):  # type: ignore[no-untyped-def]
    mask = uint64(words.shape[0] - 1)
    for position in range(hashes.shape[0]):
        value = hashes[position]
        word = (value >> uint64(16)) & mask
        words[word] |= (uint64(1) << (value & uint64(63))) | (
            uint64(1) << ((value >> uint64(6)) & uint64(63))
        )


@kernel
def _test(values, tag, words, out):  # type: ignore[no-untyped-def]
    """Set `out` where the filter may hold a value; returns how many are set."""
    seed = mix64(uint64(tag) + uint64(0x9E3779B97F4A7C15))
    mask = uint64(words.shape[0] - 1)
    found = 0
    for position in range(values.shape[0]):
        value = mix64(uint64(values[position]) ^ seed)
        bits = (uint64(1) << (value & uint64(63))) | (
            uint64(1) << ((value >> uint64(6)) & uint64(63))
        )
        if words[(value >> uint64(16)) & mask] & bits == bits:
            out[position] = True
        found += out[position]
    return found


@kernel
def _test_rules(rules, keys, tag, words, out):  # type: ignore[no-untyped-def]
    """`_test` of lines of keys, each of its rule; a rule's tag is `tag` and its number."""
    found = 0
    for line in range(keys.shape[0]):
        found += _test(keys[line], tag + rules[line], words, out[line])
    return found


@kernel
def _holds(value, tag, words):  # type: ignore[no-untyped-def]
    """`_test` of one value."""
    hashed = mix64(value ^ mix64(uint64(tag) + uint64(0x9E3779B97F4A7C15)))
    bits = (uint64(1) << (hashed & uint64(63))) | (
        uint64(1) << ((hashed >> uint64(6)) & uint64(63))
    )
    return words[(hashed >> uint64(16)) & uint64(words.shape[0] - 1)] & bits == bits


def touch_hashes(tag: int, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hashes, uint64[n], of the values of one kind, for the log and the filter."""
    out = np.empty(len(values), np.uint64)
    _hash_touches(values, tag, out)
    return out


def touch_hashes_of_rules(rules: NDArray[np.int64], keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """`touch_hashes` of block keys, each with the number of its rule."""
    out = np.empty(len(keys), np.uint64)
    _hash_rules(rules, keys, TOUCH_POSTING, out)
    return out


class TouchFilter:
    """Layers of one-word Bloom filters, each twice the one before; two bits a hash.

    Attributes
    ----------
    generation : the base that the delta lies over; a new base means a new filter
    seen : number of the last batch that is in it
    block : uint64, address and number of words of each layer, for `person_kernels`
    """

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.seen = 0
        self.guard = threading.Lock()
        self._layers: list[NDArray[np.uint64]] = []
        self.block = np.zeros(0, np.uint64)
        self._room = 0

    def insert(self, hashes: NDArray[np.uint64]) -> None:
        """Add hashes made by `touch_hashes`; call it with the guard held."""
        while len(hashes):
            if self._room == 0:
                self._add_layer(len(hashes))
            part, hashes = hashes[: self._room], hashes[self._room :]
            _insert(part, self._layers[-1])
            self._room -= len(part)

    def _add_layer(self, at_least: int) -> None:
        words = 2 * len(self._layers[-1]) if self._layers else _FIRST_WORDS
        while words * 64 // _BITS_A_HASH < at_least:
            words *= 2
        layer = np.zeros(words, np.uint64)
        self._room = words * 64 // _BITS_A_HASH
        self._layers.append(layer)
        places = [(address_of(each), len(each)) for each in self._layers]
        self.block = np.array(places, np.uint64).ravel()

    def read(self, batches: Iterable[tuple[int, NDArray[np.uint64]]]) -> None:
        """Add logged batches, (number, hashes) in order; call it with the guard held."""
        for number, hashes in batches:
            self.insert(hashes)
            self.seen = number

    def test(self, tag: int, values: NDArray[np.uint64], out: NDArray[np.bool_]) -> int:
        """Set `out` where the delta may hold one of the values; returns how many are set."""
        found = 0
        for layer in self._layers:
            found = _test(values, tag, layer, out)
        return found if self._layers else int(np.count_nonzero(out))

    def test_rules(
        self, rules: NDArray[np.int64], keys: NDArray[np.uint64], out: NDArray[np.bool_]
    ) -> int:
        """`test` of block keys, uint64[m, n], of several rules, int64[m]."""
        found = 0
        for layer in self._layers:
            found = _test_rules(rules, keys, TOUCH_POSTING, layer, out)
        return found

    def holds(self, tag: int, value: int) -> bool:
        """Whether the delta may hold one value."""
        if not self._layers:
            return False
        wanted = np.uint64(value)
        return any(_holds(wanted, tag, layer) for layer in self._layers)

    def holds_any(self, tag: int, values: Sequence[int]) -> bool:
        """Whether the delta may hold one of a few values."""
        return bool(self._layers) and any(self.holds(tag, each) for each in values)
