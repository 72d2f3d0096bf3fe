"""A whole lookup in one compiled call: from a key to people with their records.

A call costs more with each array that it is given, and what one call has brought into the cache
the next one finds there. So the tables come as one block of addresses, and the people that are
found go out as one run of numbers beside the bytes of their ids.

    block   four words a table: address and number of its first keys, of its segments; in order
            rows, records, membership, members, references, then width and numbers a leaf of
            membership and two words of nothing, then the postings of each rule
    layers  two words a layer of the filter of the delta: address, number of words
    out     people, then for each: identity, number of its records, and for each of these source
            and end of its id in the text
"""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from index_store.leaf_kernels import leaf_address, locate
from index_store.memory import prefetch, words_at
from index_store.owner_kernels import _part_of_row
from index_store.record_kernels import find_records
from index_store.single_kernels import FEW, describe_identity, identity_of, match_key
from index_store.text_kernels import _hash_references
from index_store.touched import (
    TOUCH_IDENTITY,
    TOUCH_MEMBERSHIP,
    TOUCH_POSTING,
    TOUCH_RECORD,
    TOUCH_REFERENCE,
    _holds,
)
from person.jit import kernel

__all__ = [
    "BLOCK_POSTINGS",
    "BLOCK_WIDTH",
    "find_people_of_value",
    "find_person",
    "find_person_of_reference",
]

_ROWS, _RECORDS, _MEMBERSHIP, _MEMBERS, _REFERENCES = 0, 4, 8, 12, 16
BLOCK_WIDTH = 20
BLOCK_POSTINGS = 24


@kernel
def _keys_of(block, table):  # type: ignore[no-untyped-def]
    return words_at(block[table], int64(block[table + 1]))


@kernel
def _segments_of(block, table):  # type: ignore[no-untyped-def]
    return words_at(block[table + 2], int64(block[table + 3]))


@kernel
def _is_touched(tag, value, layers):  # type: ignore[no-untyped-def]
    """Whether the delta may hold a value."""
    for layer in range(0, layers.shape[0], 2):
        if _holds(uint64(value), tag, words_at(layers[layer], int64(layers[layer + 1]))):
            return True
    return False


@kernel
def _add_person(block, layers, identity, out, text):  # type: ignore[no-untyped-def]
    """Append a person to `out`; False where the delta may know better or there is no room."""
    if _is_touched(TOUCH_IDENTITY, identity, layers):
        return False
    if _is_touched(TOUCH_MEMBERSHIP, identity, layers):
        return False
    found = np.empty(3 * FEW + 1, np.int64)
    used = out[0]
    start = int64(0) if out[1] == 0 else out[used - 1]
    count = describe_identity(
        _keys_of(block, _MEMBERS),
        _segments_of(block, _MEMBERS),
        _segments_of(block, _MEMBERSHIP),
        int64(block[BLOCK_WIDTH]),
        int64(block[BLOCK_WIDTH + 1]),
        _keys_of(block, _RECORDS),
        _segments_of(block, _RECORDS),
        identity,
        found,
        text[start:],
    )
    if count <= 0 or used + 2 + 2 * count > out.shape[0]:
        return False
    out[used], out[used + 1] = identity, count
    used += 2
    for position in range(count):
        if _is_touched(TOUCH_RECORD, found[position], layers):
            return False
        out[used] = found[FEW + position]
        out[used + 1] = start + found[2 * FEW + position + 1]
        used += 2
    out[0] = used
    out[1] += 1
    return True


@kernel
def find_person(block, layers, identity, out, text):  # type: ignore[no-untyped-def]
    """One identity with its records.

    out[0] becomes the numbers used, out[1] the people found, who follow; False where the delta
    may know better, there are no records, or too many: one key at a time then.
    """
    out[0], out[1] = 2, 0
    return _add_person(block, layers, identity, out, text)


@kernel
def find_person_of_reference(block, layers, source, data, out, text):  # type: ignore[no-untyped-def]
    """`find_person` of the record with a source and an id; nobody where there is none."""
    out[0], out[1] = 2, 0
    sources, offsets = np.full(1, source, np.uint16), np.zeros(2, np.int64)
    offsets[1] = data.shape[0]
    hashed, record = np.empty(1, np.uint64), np.empty(1, np.int64)
    _hash_references(sources, offsets, data, hashed)
    if _is_touched(TOUCH_REFERENCE, hashed[0], layers):
        return False
    find_records(
        _keys_of(block, _REFERENCES),
        _segments_of(block, _REFERENCES),
        _keys_of(block, _RECORDS),
        _segments_of(block, _RECORDS),
        hashed,
        sources,
        offsets,
        data,
        record,
    )
    if record[0] < 0:
        return True
    if _is_touched(TOUCH_MEMBERSHIP, record[0], layers):
        return False
    width, per_leaf = int64(block[BLOCK_WIDTH]), int64(block[BLOCK_WIDTH + 1])
    identity = identity_of(_segments_of(block, _MEMBERSHIP), width, per_leaf, record[0])
    return identity < 0 or _add_person(block, layers, identity, out, text)


@kernel
def _keep_owners(block, layers, slots, place, value, records, owners):  # type: ignore[no-untyped-def]
    """Identities of the records whose row holds a value; how many, -1 if the delta may differ."""
    row_keys, row_segments = _keys_of(block, _ROWS), _segments_of(block, _ROWS)
    numbers = _segments_of(block, _MEMBERSHIP)
    width, per_leaf = int64(block[BLOCK_WIDTH]), int64(block[BLOCK_WIDTH + 1])
    for record in records:  # each lies somewhere else: they are fetched side by side
        prefetch(leaf_address(row_segments, locate(row_keys, uint64(record + 1))))
        leaf = record // per_leaf
        bit = (record - leaf * per_leaf) * width
        prefetch(leaf_address(numbers, leaf) + uint64(bit >> 3))
    codes, widths = np.zeros(slots.shape[0], np.int64), np.zeros(slots.shape[0], np.int64)
    kept = int64(0)
    for record in records:
        if value != _part_of_row(row_keys, row_segments, slots, record, place, codes, widths):
            continue
        if _is_touched(TOUCH_MEMBERSHIP, record, layers):
            return int64(-1)
        owners[kept] = identity_of(numbers, width, per_leaf, record)
        kept += 1
    return kept


@kernel
def find_people_of_value(block, layers, slots, asked, place, out, text):  # type: ignore[no-untyped-def]
    """`find_person` of everyone with a record under a posting key whose row holds a value.

    asked uint64[3]: rule, key, value; place int64[3]: word, shift, bits of the value
    """
    out[0], out[1] = 2, 0
    rule = int64(asked[0])
    if _is_touched(TOUCH_POSTING + rule, asked[1], layers):
        return False
    table = BLOCK_POSTINGS + 4 * rule
    found = np.empty(2 * FEW, np.int64)
    records, owners = found[:FEW], found[FEW:]
    count = match_key(_keys_of(block, table), _segments_of(block, table), asked[1], True, records)
    if count > FEW:
        return False
    count = _keep_owners(block, layers, slots, place, asked[2], records[:count], owners)
    if count < 0:
        return False
    last = int64(-1)
    while True:  # the next identity in order of their numbers
        following = int64(-1)
        for position in range(count):
            each = owners[position]
            if each > last and (following < 0 or each < following):
                following = each
        if following < 0:
            return True
        if not _add_person(block, layers, following, out, text):
            return False
        last = following
