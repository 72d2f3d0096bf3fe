"""One lookup at a time, compiled: what `leaf_kernels` and `record_kernels` do for many.

A call costs more than the work, so each of these does in one call what a batch does in several.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint64

from index_store.leaf_kernels import (
    _first_match,
    leaf_address,
    locate,
    take_bits,
)
from index_store.memory import load_word, prefetch
from index_store.record_kernels import _character, _entry, find_records, gather_rows
from index_store.text_kernels import _hash_references
from person.hashing import mix64
from person.jit import kernel

__all__ = [
    "FEW",
    "describe_identity",
    "describe_records",
    "find_owners",
    "find_reference",
    "identity_of",
    "match_key",
    "match_value",
]

FEW: Final = 64
"""Most records that answers of this module hold; of more, the batched reads tell."""


@kernel
def match_key(first_keys, segments, key, is_posting, out):  # type: ignore[no-untyped-def]
    """Values of all pairs with a key, ascending, as many as `out` holds; returns how many."""
    wanted = mix64(key) >> uint64(32) if is_posting else key
    leaf, place = _first_match(first_keys, segments, locate(first_keys, wanted), wanted)
    found = int64(0)
    while 0 <= leaf < first_keys.shape[0] and first_keys[leaf] <= wanted:
        address = leaf_address(segments, leaf)
        header = load_word(address + uint64(8))
        count = int64(header & uint64(0xFFFF))
        width = int64((header >> uint64(16)) & uint64(0xFF))
        value_width = int64((header >> uint64(24)) & uint64(0xFF))
        offset = wanted - first_keys[leaf]
        while place < count and take_bits(address, 128 + place * width, width) == offset:
            if found < out.shape[0]:
                bit = 128 + count * width + place * value_width
                out[found] = int64(take_bits(address, bit, value_width))
            place += 1
            found += 1
        if place < count:
            break
        leaf, place = leaf + 1, int64(0)
    return found


@kernel
def match_value(  # type: ignore[no-untyped-def]
    first_keys, segments, key, row_keys, row_segments, slots, n_words, place, value, out
):
    """Records under a posting key whose row holds a value at (word, shift, bits).

    Returns how many there are, -1 where `out` is too small for all records under the key.
    """
    count = match_key(first_keys, segments, key, True, out)
    if count > out.shape[0]:
        return int64(-1)
    rows = np.empty((count, n_words), np.uint64)
    gather_rows(row_keys, row_segments, slots, out[:count], np.zeros(count, np.bool_), rows)
    kept = int64(0)
    for position in range(count):
        held = rows[position, place[0]] >> uint64(place[1])
        if place[2] < 64:
            held &= (uint64(1) << uint64(place[2])) - uint64(1)
        if held == value:
            out[kept] = out[position]
            kept += 1
    return kept


@kernel
def identity_of(segments, width, per_leaf, record):  # type: ignore[no-untyped-def]
    """The identity of one record; -1 where it was removed."""
    leaf = record // per_leaf
    address = leaf_address(segments, leaf)
    value = take_bits(address, (record - leaf * per_leaf) * width, width)
    none = (uint64(1) << uint64(width)) - uint64(1)
    return int64(-1) if value == none else int64(value)


@kernel
def find_reference(  # type: ignore[no-untyped-def]
    hash_keys, hash_segments, id_keys, id_segments, source, offsets, data, out_hash, out
):
    """Hash and record of one (source, id); record -1 where there is none."""
    _hash_references(source, offsets, data, out_hash)
    find_records(
        hash_keys, hash_segments, id_keys, id_segments, out_hash, source, offsets, data, out
    )


@kernel
def describe_records(  # type: ignore[no-untyped-def]
    first_keys, segments, records, out_source, out_offsets, out
):
    """Sources and ids of a few records; False where `out` is too small for the ids."""
    out_offsets[0] = 0
    for position in range(records.shape[0]):
        address, source, _, length, bit = _entry(first_keys, segments, records[position])
        start = out_offsets[position]
        if start + length > out.shape[0]:
            return False
        out_source[position] = source
        out_offsets[position + 1] = start + length
        for place in range(length):
            out[start + place] = _character(address, place, bit)
    return True


@kernel
def find_owners(  # type: ignore[no-untyped-def]
    first_keys, segments, key, row_keys, row_segments, slots, n_words, place, value,
    owner_segments, width, per_leaf, out
):  # fmt: skip
    """Records under a posting key whose row holds a value, as `match_value`, and their identities.

    `out` int64[2 * FEW]: records, and from FEW on the identity of each, -1 for a removed record.
    Returns how many, -1 for too many under the key.
    """
    count = match_value(
        first_keys, segments, key, row_keys, row_segments, slots, n_words, place, value, out[:FEW]
    )
    for position in range(count):
        out[FEW + position] = identity_of(owner_segments, width, per_leaf, out[position])
    return count


@kernel
def describe_identity(  # type: ignore[no-untyped-def]
    first_keys, segments, owner_segments, width, per_leaf, id_keys, id_segments, identity,
    out, out_text
):  # fmt: skip
    """Records of one identity, ascending, its founder in its place, with their sources and ids.

    `out` int64[3 * FEW + 1]: records, from FEW on sources, from 2 * FEW on offsets into
    `out_text`, one more than records. Returns how many, -1 for more than `out` holds.
    """
    count = match_key(first_keys, segments, uint64(identity), False, out[: FEW - 1])
    if count >= FEW:
        return int64(-1)
    if identity_of(owner_segments, width, per_leaf, identity) == identity:
        place = count
        while place > 0 and out[place - 1] > identity:
            out[place] = out[place - 1]
            place -= 1
        out[place] = identity
        count += 1
    for position in range(count):  # each lies somewhere else: they are fetched side by side
        prefetch(leaf_address(id_segments, locate(id_keys, uint64(out[position] + 1))))
    end = int64(0)
    out[2 * FEW] = 0
    for position in range(count):
        address, source, _, length, bit = _entry(id_keys, id_segments, out[position])
        if end + length > out_text.shape[0]:
            return int64(-1)
        out[FEW + position] = source
        for place in range(length):
            out_text[end + place] = _character(address, place, bit)
        end += length
        out[2 * FEW + position + 1] = end
    return count
