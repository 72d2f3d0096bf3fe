"""Record ids as flat bytes, hashed with their source; block keys as the base stores them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from person.errors import InputError
from person.hashing import mix64
from person.jit import kernel

__all__ = [
    "RECORD_ID_BYTES_MAX",
    "check_texts",
    "compose_postings",
    "hash_references",
    "join_texts",
    "posting_keys",
]


RECORD_ID_BYTES_MAX: Final = 1024
"""A longer record id is refused: one leaf must hold any id."""


@kernel
def _hash_references(source, offsets, data, out):  # type: ignore[no-untyped-def]
    for position in range(out.shape[0]):
        value = mix64(uint64(source[position]) + uint64(0x9E3779B97F4A7C15))
        word, filled = uint64(0), 0
        for place in range(offsets[position], offsets[position + 1]):
            word |= uint64(data[place]) << uint64(8 * filled)
            filled += 1
            if filled == 8:
                value = mix64(value ^ word)
                word, filled = uint64(0), 0
        value = mix64(value ^ word ^ (uint64(filled + 1) << uint64(60)))
        out[position] = value if value != 0 else uint64(1)


@kernel
def _posting_keys(keys, out):  # type: ignore[no-untyped-def]
    for position in range(keys.shape[0]):
        out[position] = mix64(keys[position]) >> uint64(32)


@kernel
def _compose_postings(keys, first_record, out):  # type: ignore[no-untyped-def]
    filled = 0
    for position in range(keys.shape[0]):
        high = (mix64(keys[position]) >> uint64(32)) << uint64(32)
        out[filled] = high | (first_record + uint64(position))
        filled += keys[position] != 0
    return filled


def posting_keys(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The 32 bits of each block key that the base keeps, uint64[n]: scrambled, then cut."""
    out = np.empty(len(keys), np.uint64)
    _posting_keys(keys, out)
    return out


def compose_postings(keys: NDArray[np.uint64], first_record: int, out: NDArray[np.uint64]) -> int:
    """Fill `out` with (stored key << 32 | record) of the records that have a key.

    Parameters
    ----------
    keys : uint64[n], of records in turn; 0 = none
    first_record : number of the first
    out : uint64[n]

    Returns
    -------
    how many have one
    """
    filled: int = _compose_postings(keys, np.uint64(first_record), out)
    return filled


def check_texts(offsets: NDArray[np.int64]) -> None:
    """Refuse record ids, given by their int64[n + 1] offsets, that no leaf could hold."""
    lengths = np.diff(offsets)
    if len(lengths) and lengths.max() > RECORD_ID_BYTES_MAX:
        raise InputError(
            f"record {int(lengths.argmax())} of the batch has an id of {int(lengths.max())} "
            f"bytes; at most {RECORD_ID_BYTES_MAX} are kept"
        )


def join_texts(texts: Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Many byte strings as one: int64[n + 1] offsets and uint8[n_bytes]."""
    offsets = np.fromiter(accumulate(map(len, texts), initial=0), np.int64, len(texts) + 1)
    return offsets, np.frombuffer(bytearray(b"".join(texts)), np.uint8)


def hash_references(
    source: NDArray[np.uint16], offsets: NDArray[np.int64], data: NDArray[np.uint8]
) -> NDArray[np.uint64]:
    """64-bit hash, never 0, of each (source, record id).

    Parameters
    ----------
    source : uint16[n]
    offsets : int64[n + 1], byte positions into `data`
    data : uint8[n_bytes]

    Returns
    -------
    uint64[n]
    """
    out = np.empty(len(source), np.uint64)
    _hash_references(source, offsets, data, out)
    return out
