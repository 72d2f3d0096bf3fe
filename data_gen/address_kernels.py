"""Addresses: written out, or encoded from their pieces without being written."""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from data_gen.people import AddressKind
from data_gen.record_kernels import region_place
from data_gen.record_layout import (
    ADDRESS_MEMO,
    DASHED_NUMBERS,
    SHORT_NAMES,
    WITHOUT_CITY,
    WITHOUT_COUNTY,
    WITHOUT_TOWNSHIP,
)
from person.address import add_token
from person.fold import hash_codes
from person.hashing import mix64
from person.jit import inlined_kernel, kernel, load_uint64, store_uint8, store_uint16, store_uint64

__all__ = [
    "ADDRESS_BYTES_MAX",
    "encode_pieces",
    "hash_numbers",
    "put_address",
    "put_bytes",
    "put_code",
    "put_number",
]

ADDRESS_BYTES_MAX = 320
REGION, KIND, TOWNSHIP, ROAD, NUMBER, PLACE, BUILDING, UNIT, ROOM = range(9)
VILLAGE, ESTATE = int(AddressKind.VILLAGE), int(AddressKind.ESTATE)
ROAD_HOUSE, DORMITORY = int(AddressKind.ROAD), int(AddressKind.DORMITORY)
TOWN_BLOCK, ROAD_BLOCK, VILLAGE_BLOCK, ESTATE_BLOCK, DORMITORY_BLOCK = 3, 4, 5, 6, 7
HAO, LOU, ZHUANG, DAN, YUAN, SHI, ZU = (ord(character) for character in "号楼幢单元室组")
DASH = ord("-")
_POWERS = 10 ** np.arange(19, dtype=np.uint64)
_PAIRS = np.array([48 + n // 10 | (48 + n % 10) << 8 for n in range(100)], np.uint16)
"""The two digits of a number below 100 as bytes in the order written."""


# Text is written by address: a kernel that is handed an array counts a reference to it, which
# costs more than the few bytes that most of these write.


@kernel
def put_code(at, code):  # type: ignore[no-untyped-def]
    """Write a code point as UTF-8 at an address; returns the address after it."""
    if code < 0x80:
        store_uint8(at, code)
        return at + 1
    if code < 0x800:
        store_uint8(at, 0xC0 | code >> 6)
        store_uint8(at + 1, 0x80 | code & 0x3F)
        return at + 2
    if code < 0x10000:
        store_uint16(at, (0xE0 | code >> 12) | (0x80 | code >> 6 & 0x3F) << 8)
        store_uint8(at + 2, 0x80 | code & 0x3F)
        return at + 3
    store_uint16(at, (0xF0 | code >> 18) | (0x80 | code >> 12 & 0x3F) << 8)
    store_uint16(at + 2, (0x80 | code >> 6 & 0x3F) | (0x80 | code & 0x3F) << 8)
    return at + 4


@kernel
def put_number(at, number, width):  # type: ignore[no-untyped-def]
    """Write a number in decimal, at least `width` digits; returns the address after it."""
    digits, rest = width, uint64(number)
    while digits < 19 and rest >= _POWERS[digits]:
        digits += 1
    place = at + digits - 2
    while place >= at:
        upper = rest // uint64(100)
        store_uint16(place, _PAIRS[int64(rest - upper * uint64(100))])
        rest = upper
        place -= 2
    if place + 1 == at:
        store_uint8(at, int64(48) + int64(rest % uint64(10)))
    return at + digits


@kernel
def place_block(kind):  # type: ignore[no-untyped-def]
    """Block of pieces that an address of a kind names its place from, -1 for none."""
    if kind == VILLAGE:
        return VILLAGE_BLOCK
    if kind == ESTATE:
        return ESTATE_BLOCK
    return DORMITORY_BLOCK if kind == DORMITORY else -1


@inlined_kernel
def find_pieces(address, form, regions, starts):  # type: ignore[no-untyped-def]
    """Numbers of the pieces of an address in the order written, -1 where it has none.

    (region, township, road, place)
    """
    whole, township, road, place = int64(-1), int64(-1), int64(-1), int64(-1)
    county, _ = region_place(int64(address[REGION]), regions)
    if county > 0 and not form & WITHOUT_COUNTY:
        block = 2 if form & SHORT_NAMES else 1 if form & WITHOUT_CITY else 0
        whole = int64(starts[block]) + county - 1
    if address[TOWNSHIP] >= 0 and not form & WITHOUT_TOWNSHIP:
        township = int64(starts[TOWN_BLOCK]) + address[TOWNSHIP]
    kind = int64(address[KIND])
    if kind != VILLAGE and address[ROAD] >= 0:
        road = int64(starts[ROAD_BLOCK]) + address[ROAD]
    block = place_block(kind)
    if block >= 0 and address[PLACE] >= 0:
        place = int64(starts[block]) + address[PLACE]
    return whole, township, road, place


@inlined_kernel
def put_bytes(at, start, length):  # type: ignore[no-untyped-def]
    """Copy `length` bytes from an address, up to seven more than that."""
    for place in range(0, length, 8):
        store_uint64(at + place, load_uint64(uint64(start + place), 0))
    return at + length


@inlined_kernel
def put_piece(at, piece, pieces):  # type: ignore[no-untyped-def]
    """Write a piece's text, nothing for -1; returns the address after it."""
    if piece < 0:
        return at
    start = int64(pieces.offsets[piece])
    length = int64(pieces.offsets[piece + 1]) - start
    return put_bytes(at, int64(pieces.data.ctypes.data) + start, length)


@inlined_kernel
def put_counted(at, number, word, dashed, is_first):  # type: ignore[no-untyped-def]
    """Write '3幢', or '-3' ('3' where it is the first); nothing for 0."""
    if number <= 0:
        return at
    if dashed:
        if not is_first:
            at = put_code(at, DASH)
        return put_number(at, int64(number), 1)
    return put_code(put_number(at, int64(number), 1), word)


@inlined_kernel
def put_address(at, address, form, regions, pieces):  # type: ignore[no-untyped-def]
    """Write an address as UTF-8 at an address and return the one after it."""
    found = find_pieces(address, form, regions, pieces.starts)
    dashed, kind = form & DASHED_NUMBERS != 0, int64(address[KIND])
    at = put_piece(put_piece(at, found[0], pieces), found[1], pieces)
    if kind == VILLAGE:
        at = put_piece(at, found[3], pieces)
        at = put_counted(at, address[BUILDING], ZU, dashed, True)
        return put_counted(at, address[NUMBER], HAO, dashed, address[BUILDING] <= 0)
    at = put_piece(at, found[2], pieces)
    is_last = kind == ROAD_HOUSE
    at = put_counted(at, address[NUMBER], HAO, dashed and is_last, True)
    at = put_piece(at, found[3], pieces)
    if address[BUILDING] > 0:
        word = ZHUANG if kind == ESTATE and address[PLACE] & 1 else HAO
        at = put_counted(at, address[BUILDING], word, dashed, True)
        if word == HAO and not dashed:
            at = put_code(at, LOU)
    if address[UNIT] > 0:
        at = put_counted(at, address[UNIT], DAN, dashed, address[BUILDING] <= 0)
        if not dashed:
            at = put_code(at, YUAN)
    is_first = address[BUILDING] <= 0 and address[UNIT] <= 0 and not is_last
    return put_counted(at, address[ROOM], SHI, dashed, is_first)


@inlined_kernel
def add_number(value, number):  # type: ignore[no-untyped-def]
    """The hash of an address's numbers after one more, 0 = absent."""
    return mix64(value ^ uint64(int64(number) + 1)) if number > 0 else value


@inlined_kernel
def hash_numbers(address):  # type: ignore[no-untyped-def]
    """The component `numbers` of an address, as `person.address` computes it from text."""
    value = uint64(0)
    if address[KIND] == VILLAGE:
        value = add_number(add_number(value, address[BUILDING]), address[NUMBER])
    else:
        value = add_number(add_number(value, address[NUMBER]), address[BUILDING])
        value = add_number(add_number(value, address[UNIT]), address[ROOM])
    return uint64(1) + value % uint64(0xFFFF) if value != 0 else uint64(0)


@kernel
def sketch_pieces(found, pieces, known):  # type: ignore[no-untyped-def]
    """Grams of an address of these pieces, 0 where its text must be read.

    found : four piece numbers. About 8 hashes where two pieces meet, 24 comparisons.
    """
    minima, pair = known.minima, known.pair
    minima[:] = ~uint64(0)
    last, pairs = int64(0), 0
    for piece in found:
        if piece < 0 or pieces.first[piece] == 0:
            continue
        if not pieces.is_plain[piece]:
            return uint64(0)
        if last != 0:
            pair[0], pair[1] = last, pieces.first[piece]
            add_token(minima, hash_codes(pair, 0, 2))
            pairs += 1
        for gram in range(minima.shape[0]):
            minima[gram] = min(minima[gram], pieces.minima[piece, gram])
        last = int64(pieces.last[piece])
    if pairs == 0:
        return uint64(0)
    grams = uint64(0)
    for gram in range(minima.shape[0]):
        grams = grams << uint64(8) | (uint64(1) + minima[gram] % uint64(255))
    return grams


@inlined_kernel
def encode_pieces(address, form, regions, pieces, known):  # type: ignore[no-untyped-def]
    """Grams of an address, 0 where its text must be read.

    known.memo : two words of piece numbers, their grams, 1 where filled
    """
    memo = known.memo
    found = find_pieces(address, form, regions, pieces.starts)
    first = uint64(found[0] + 1) << uint64(32) | uint64(found[1] + 1)
    second = uint64(found[2] + 1) << uint64(32) | uint64(found[3] + 1)
    place = int64(mix64(first ^ second * uint64(0x9E3779B97F4A7C15)) & uint64(ADDRESS_MEMO - 1))
    if memo[place, 0] != first or memo[place, 1] != second or memo[place, 3] == uint64(0):
        memo[place, 0], memo[place, 1], memo[place, 3] = first, second, uint64(1)
        memo[place, 2] = sketch_pieces(found, pieces, known)
    return memo[place, 2]
