"""Whose records hold a value: of many records under a key, as few rows are decoded as can be."""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from index_store.leaf_kernels import leaf_address, locate, take_bits
from index_store.memory import load_word
from index_store.record_kernels import _payload_bit
from person.jit import kernel

__all__ = ["find_holders"]

_FEW = 64  # owners under one key that are told apart by looking through them


@kernel
def _part_of_row(first_keys, segments, slots, record, part, codes, widths):  # type: ignore[no-untyped-def]
    """The value at (word, shift, bits) of one row; slots behind its word are not decoded."""
    address = leaf_address(segments, locate(first_keys, uint64(record + 1)))
    header = load_word(address)
    place = record - int64(header & uint64(0xFFFFFFFF))
    count = int64((header >> uint64(32)) & uint64(0xFFFF))
    flag, bit = _payload_bit(address, place, count, slots.shape[0], codes, widths)
    word = uint64(0)
    for slot in range(slots.shape[0]):
        if slots[slot, 0] > part[0]:
            break
        width = codes[slot] & 127
        if codes[slot] & 128:
            flag += 1
            if not take_bits(address, flag - 1, int64(1)):
                continue
        if slots[slot, 0] == part[0]:
            word |= take_bits(address, bit, width) << uint64(slots[slot, 1])
        bit += width
    word >>= uint64(part[1])
    if part[2] < 64:
        word &= (uint64(1) << uint64(part[2])) - uint64(1)
    return word


@kernel
def find_holders(  # type: ignore[no-untyped-def]
    first_keys, segments, slots, offsets, records, owners, held, is_held, part, values, out, counts
):
    """The smallest owner of a record that holds each value, -1 for none, and how many there are.

    Parameters
    ----------
    first_keys, segments, slots : of the rows; slots in order of their words
    offsets, records, owners : records under each key and the identity of each, -1 for none
    held, is_held : the value of a record that is not to be read here, and which those are
    part : int64[3], (word, shift, bits) of the value
    values : uint64[n]
    out, counts : int64[n], int32[n]
    """
    codes, widths = np.zeros(slots.shape[0], np.int64), np.zeros(slots.shape[0], np.int64)
    found = np.empty(_FEW, np.int64)
    for query in range(values.shape[0]):
        count = int64(0)
        if offsets[query + 1] - offsets[query] > found.shape[0]:
            found = np.empty(2 * (offsets[query + 1] - offsets[query]), np.int64)
        for place in range(offsets[query], offsets[query + 1]):
            owner = owners[place]
            known = owner < 0
            for other in range(min(count, int64(_FEW))):  # one of its records is enough
                known |= found[other] == owner
            if known:
                continue
            if is_held[place]:
                value = held[place]
            else:
                value = _part_of_row(
                    first_keys, segments, slots, records[place], part, codes, widths
                )
            if value == values[query]:
                found[count] = owner
                count += 1
        out[query] = -1
        if count > _FEW:
            ordered = np.sort(found[:count])
            out[query] = ordered[0]
            counts[query] = 1 + np.sum(ordered[1:] != ordered[:-1])
        else:
            counts[query] = count
            for place in range(count):
                if out[query] < 0 or found[place] < out[query]:
                    out[query] = found[place]
