"""Compiled packing and searching of leaves: sorted (key, value) pairs and runs of numbers.

A leaf is 4,096 bytes. Leaves lie in segments of 512; `segments` holds the address of each
segment's first leaf. Keys are uint64 and ascend; several pairs may share a key.

    pair leaf    first_key u64 | count u16 | key_bits u8 | value_bits u8 | 4 zero bytes |
                 count x (key - first_key) in key_bits | count x value in value_bits
    number leaf  numbers of one width, record by record, from the first bit on

Bits fill bytes from the lowest up; the last eight bytes of a leaf stay zero, so that any field
can be read by one eight-byte load. A field is at most 57 bits wide.
"""

from __future__ import annotations

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from index_store.memory import load_word, prefetch
from person.jit import count_leading_zeros, kernel

__all__ = [
    "CRC_TABLES",
    "LEAF_BITS",
    "LEAF_BYTES",
    "LEAF_WORDS",
    "PAIR_HEADER_BITS",
    "SEGMENT_LEAVES",
    "SEGMENT_SHIFT",
    "decode_pairs",
    "fill_matches",
    "find_first_values",
    "find_matches",
    "gather_numbers",
    "leaf_address",
    "locate",
    "pack_numbers",
    "pack_pairs",
    "put_bits",
    "sum_leaves",
    "take_bits",
]

LEAF_BYTES = 4096
LEAF_WORDS = 512
LEAF_BITS = (4096 - 8) * 8
PAIR_HEADER_BITS = 128
SEGMENT_SHIFT = 9
SEGMENT_LEAVES = 1 << SEGMENT_SHIFT

_GROUP = 16  # lookups whose cache misses are waited for together


def _crc_tables() -> NDArray[np.uint32]:
    """zlib's crc32 by eight bytes at once: table k is for a byte with k bytes after it."""
    tables = np.zeros((8, 256), np.uint32)
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
        tables[0, byte] = value
    for k in range(1, 8):
        tables[k] = (tables[k - 1] >> 8) ^ tables[0][tables[k - 1] & 0xFF]
    return tables


CRC_TABLES = _crc_tables()


@kernel
def sum_leaves(leaves, tables, out):  # type: ignore[no-untyped-def]
    """crc32 of each leaf, uint64[n, 512], as zlib computes it; 2 GB/s, without the GIL."""
    for leaf in range(leaves.shape[0]):
        crc = uint64(0xFFFFFFFF)
        for word in range(leaves.shape[1]):
            value = leaves[leaf, word] ^ crc
            crc = uint64(0)
            for byte in range(8):
                crc ^= uint64(tables[7 - byte, (value >> uint64(8 * byte)) & uint64(0xFF)])
        out[leaf] = np.uint32(crc ^ uint64(0xFFFFFFFF))


@kernel
def put_bits(words, bit, value, width):  # type: ignore[no-untyped-def]
    """Set `width` bits (at most 64) of zeroed words, from bit number `bit` on."""
    word = bit >> 6
    shift = uint64(bit & 63)
    words[word] |= value << shift
    if (bit & 63) + width > 64:
        words[word + 1] |= value >> (uint64(64) - shift)


@kernel
def take_bits(address, bit, width):  # type: ignore[no-untyped-def]
    """`width` bits (at most 57) of the leaf at an address, from bit number `bit` on."""
    word = load_word(address + uint64(bit >> 3)) >> uint64(bit & 7)
    return word & ((uint64(1) << uint64(width)) - uint64(1))


@kernel
def _width(value):  # type: ignore[no-untyped-def]
    return int64(64) - int64(count_leading_zeros(uint64(value))) if value != 0 else int64(0)


@kernel
def leaf_address(segments, leaf):  # type: ignore[no-untyped-def]
    """Address of a leaf by its number."""
    return segments[leaf >> 9] + (uint64(leaf & 511) << uint64(12))


@kernel
def locate(first_keys, key):  # type: ignore[no-untyped-def]
    """The last leaf whose first key is below `key`, 0 where none is: guess, then gallop."""
    last = first_keys.shape[0] - 1
    if last <= 0 or first_keys[0] >= key:
        return int64(0)
    if first_keys[last] < key:
        return int64(last)
    span = np.float64(first_keys[last] - first_keys[0])
    guess = int64(np.float64(key - first_keys[0]) / span * np.float64(last))
    guess = min(max(guess, int64(0)), int64(last))
    step = int64(1)
    if first_keys[guess] < key:
        low = guess
        high = min(low + step, int64(last))
        while first_keys[high] < key:
            low = high
            step *= 2
            high = min(low + step, int64(last))
    else:
        high = guess
        low = max(high - step, int64(0))
        while first_keys[low] >= key:
            high = low
            step *= 2
            low = max(high - step, int64(0))
    while high - low > 1:
        middle = (low + high) >> 1
        if first_keys[middle] < key:
            low = middle
        else:
            high = middle
    return low


@kernel
def pack_pairs(keys, values, value_bits, is_last, leaves, first_keys):  # type: ignore[no-untyped-def]
    """Fill zeroed leaves, uint64[n, 512]; returns leaves filled and pairs used.

    The pairs after the last full leaf are left for the next call unless `is_last`.
    """
    total = keys.shape[0]
    start, leaf = int64(0), int64(0)
    while start < total and leaf < leaves.shape[0]:
        first = keys[start]
        width = int64(0)
        end = start
        while end < total:
            wider = max(width, _width(keys[end] - first))
            if wider > 57 or 128 + (end - start + 1) * (wider + value_bits) > 32704:
                break
            width = wider
            end += 1
        if end == total and not is_last:
            break
        words = leaves[leaf]
        count = end - start
        words[0] = first
        widths = uint64(width) | (uint64(value_bits) << uint64(8))
        words[1] = uint64(count) | (widths << uint64(16))
        bit = int64(128)
        for place in range(start, end):
            put_bits(words, bit, keys[place] - first, width)
            bit += width
        for place in range(start, end):
            put_bits(words, bit, values[place], value_bits)
            bit += value_bits
        first_keys[leaf] = first
        start = end
        leaf += 1
    return leaf, start


@kernel
def _lower_bound(address, count, width, wanted, guess):  # type: ignore[no-untyped-def]
    """First place in a leaf whose key offset is not below `wanted`."""
    low, high = int64(0), count  # everything below `low` is below `wanted`, from `high` on is not
    guess = min(max(guess, int64(0)), count - 1)
    step = int64(8)
    if take_bits(address, 128 + guess * width, width) < wanted:
        low = guess + 1
        while low + step < count and take_bits(address, 128 + (low + step) * width, width) < wanted:
            low += step + 1
            step *= 2
        high = min(low + step, count)
    else:
        high = guess
        while high - step > 0 and take_bits(address, 128 + (high - step) * width, width) >= wanted:
            high -= step
            step *= 2
        low = max(high - step, int64(0))
    while low < high:
        middle = (low + high) >> 1
        if take_bits(address, 128 + middle * width, width) < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _place_in_leaf(first_keys, address, leaf, key):  # type: ignore[no-untyped-def]
    """(place of the first pair not below `key`, count, key width, value width) of one leaf."""
    header = load_word(address + uint64(8))
    count = int64(header & uint64(0xFFFF))
    width = int64((header >> uint64(16)) & uint64(0xFF))
    value_width = int64((header >> uint64(24)) & uint64(0xFF))
    first = first_keys[leaf]
    if key <= first:
        return int64(0), count, width, value_width
    offset = key - first
    if offset >> uint64(width):
        return count, count, width, value_width
    guess = count >> 1
    if leaf + 1 < first_keys.shape[0] and first_keys[leaf + 1] > first:
        span = np.float64(first_keys[leaf + 1] - first)
        guess = int64(np.float64(offset) / span * np.float64(count))
    return _lower_bound(address, count, width, offset, guess), count, width, value_width


@kernel
def _first_match(first_keys, segments, leaf, key):  # type: ignore[no-untyped-def]
    """(leaf, place) of the first pair with exactly this key; leaf -1 where there is none."""
    while leaf < first_keys.shape[0]:
        address = leaf_address(segments, leaf)
        place, count, width, _ = _place_in_leaf(first_keys, address, leaf, key)
        if place < count:
            found = first_keys[leaf] + take_bits(address, 128 + place * width, width)
            if found == key:
                return leaf, place
            return int64(-1), int64(0)
        leaf += 1
        if leaf < first_keys.shape[0] and first_keys[leaf] > key:
            break
    return int64(-1), int64(0)


@kernel
def find_first_values(first_keys, segments, keys, missing, out):  # type: ignore[no-untyped-def]
    """Value of the first pair with each key; groups of lookups share their cache misses."""
    near = np.empty(16, np.int64)
    for start in range(0, keys.shape[0], 16):
        end = min(start + 16, keys.shape[0])
        for place in range(start, end):
            leaf = locate(first_keys, keys[place])
            near[place - start] = leaf
            address = leaf_address(segments, leaf)
            prefetch(address)
            if leaf + 1 < first_keys.shape[0] and keys[place] >= first_keys[leaf]:
                span = np.float64(first_keys[leaf + 1] - first_keys[leaf]) + 1.0
                share = np.float64(keys[place] - first_keys[leaf]) / span
                prefetch(address + uint64(16) + uint64(share * 1900.0))
        for place in range(start, end):
            leaf, where = _first_match(first_keys, segments, near[place - start], keys[place])
            out[place] = missing
            if leaf >= 0:
                address = leaf_address(segments, leaf)
                header = load_word(address + uint64(8))
                count = int64(header & uint64(0xFFFF))
                width = int64((header >> uint64(16)) & uint64(0xFF))
                value_width = int64((header >> uint64(24)) & uint64(0xFF))
                bit = 128 + count * width + where * value_width
                out[place] = take_bits(address, bit, value_width)


@kernel
def find_matches(first_keys, segments, keys, skip, starts, counts):  # type: ignore[no-untyped-def]
    """Where the pairs of each key begin (leaf << 16 | place) and how many there are."""
    for position in range(keys.shape[0]):
        counts[position] = 0
        if skip[position]:
            continue
        key = keys[position]
        leaf, place = _first_match(first_keys, segments, locate(first_keys, key), key)
        starts[position] = (leaf << 16) | place
        found = int64(0)
        while 0 <= leaf < first_keys.shape[0] and first_keys[leaf] <= key:
            address = leaf_address(segments, leaf)
            header = load_word(address + uint64(8))
            count = int64(header & uint64(0xFFFF))
            width = int64((header >> uint64(16)) & uint64(0xFF))
            offset = key - first_keys[leaf]
            while place < count and take_bits(address, 128 + place * width, width) == offset:
                place += 1
                found += 1
            if place < count:
                break
            leaf, place = leaf + 1, int64(0)
        counts[position] = found


@kernel
def fill_matches(segments, starts, offsets, out):  # type: ignore[no-untyped-def]
    """Values found by `find_matches`, ascending within each key."""
    for position in range(starts.shape[0]):
        begin, end = offsets[position], offsets[position + 1]
        leaf, place = starts[position] >> 16, starts[position] & 0xFFFF
        filled = begin
        while filled < end:
            address = leaf_address(segments, leaf)
            header = load_word(address + uint64(8))
            count = int64(header & uint64(0xFFFF))
            width = int64((header >> uint64(16)) & uint64(0xFF))
            value_width = int64((header >> uint64(24)) & uint64(0xFF))
            bit = 128 + count * width + place * value_width
            while place < count and filled < end:
                out[filled] = int64(take_bits(address, bit, value_width))
                bit += value_width
                place += 1
                filled += 1
            leaf, place = leaf + 1, int64(0)


@kernel
def decode_pairs(segments, first_leaf, last_leaf, out_keys, out_values):  # type: ignore[no-untyped-def]
    """All pairs of leaves first_leaf .. last_leaf - 1, in order; returns their count.

    With empty outputs it only counts.
    """
    filled = int64(0)
    for leaf in range(first_leaf, last_leaf):
        address = leaf_address(segments, leaf)
        header = load_word(address + uint64(8))
        count = int64(header & uint64(0xFFFF))
        if out_keys.shape[0] == 0:
            filled += count
            continue
        width = int64((header >> uint64(16)) & uint64(0xFF))
        value_width = int64((header >> uint64(24)) & uint64(0xFF))
        first = load_word(address)
        bit = int64(128) + count * width
        for place in range(count):
            out_keys[filled] = first + take_bits(address, 128 + place * width, width)
            out_values[filled] = take_bits(address, bit, value_width)
            bit += value_width
            filled += 1
    return filled


@kernel
def pack_numbers(numbers, width, per_leaf, leaves):  # type: ignore[no-untyped-def]
    """Fill zeroed leaves with numbers of one width, `per_leaf` in each."""
    for position in range(numbers.shape[0]):
        leaf = position // per_leaf
        put_bits(leaves[leaf], (position - leaf * per_leaf) * width, numbers[position], width)


@kernel
def gather_numbers(segments, width, per_leaf, wanted, out):  # type: ignore[no-untyped-def]
    """Numbers by position; all ones stands for none and comes out as -1."""
    none = (uint64(1) << uint64(width)) - uint64(1)
    for position in range(wanted.shape[0]):
        leaf = wanted[position] // per_leaf
        address = leaf_address(segments, leaf)
        value = take_bits(address, (wanted[position] - leaf * per_leaf) * width, width)
        out[position] = int64(-1) if value == none else int64(value)
