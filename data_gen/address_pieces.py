"""The names that addresses are put together from, each with its text and its own sketch.

An encoded address is six minima of hashes over pairs of characters. The minimum over a whole
address is the minimum over its pieces and over the pairs where two pieces meet, so a piece is
hashed once and an address is encoded without being written. Tests hold that to the encoding of
the text.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from data_gen.facts import Facts, facts
from data_gen.record_kernels import RegionNumbers
from person.address import GRAM_COUNT, address_tables, sketch_address
from person.fold import fold_text
from person.jit import kernel
from person.region_names import official_names

__all__ = ["AddressPieces", "address_pieces", "region_numbers"]

REGION_BLOCKS: Final = 3
"""Forms of a region's name: whole, the county alone, all tiers without what they are."""

_SUFFIXES: Final = ("特别行政区", "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "省", "市")


class AddressPieces(NamedTuple):
    """One table of pieces; a piece's number is its block's start and its place in the block.

    Attributes
    ----------
    offsets : int32[p + 1] into data, uint8, UTF-8
    minima : uint64[p, 6] over the pairs of characters inside the piece
    first, last : uint32[p] the characters that meet its neighbours, 0 = it has none that count
    is_plain : bool[p] no number inside it
    starts : int64[8] of the blocks: regions in three forms, townships, roads, villages, estates,
        dormitories
    """

    offsets: NDArray[np.int32]
    data: NDArray[np.uint8]
    minima: NDArray[np.uint64]
    first: NDArray[np.uint32]
    last: NDArray[np.uint32]
    is_plain: NDArray[np.bool_]
    starts: NDArray[np.int64]


@lru_cache(maxsize=1)
def region_numbers() -> RegionNumbers:
    """Places of the counties in `facts`, one more than there so that 0 is unknown."""
    codes, cities = facts().county_code, facts().county_city
    prefixes, row = np.unique(codes // 100, return_inverse=True)
    prefix_row = np.zeros(10_000, np.int16)
    prefix_row[prefixes] = np.arange(1, len(prefixes) + 1)
    county = np.zeros((len(prefixes) + 1, 100), np.int32)
    county[row + 1, codes % 100] = np.arange(1, len(codes) + 1)
    _, first = np.unique(cities, return_index=True)
    city = np.zeros(len(codes) + 1, np.int32)
    city[1:] = first[np.searchsorted(np.unique(cities), cities)] + 1
    return RegionNumbers(prefix_row, county, city)


def _short(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and len(name) - len(suffix) >= 2:
            return name[: -len(suffix)]
    return name


def _region_texts(table: Facts) -> list[str]:
    names = official_names()
    whole, county_only, short = [], [], []
    for code in table.county_code.tolist():
        province = names.get(code // 10_000 * 10_000, "")
        city = names.get(code // 100 * 100, "")
        if (
            city in ("市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划")
            or city == province
        ):
            city = ""
        county = names.get(code, "")
        whole.append(province + city + county)
        county_only.append(county)
        shorter = county[:-1] if county.endswith(("县", "市")) and len(county) > 2 else county
        short.append(_short(province) + _short(city) + shorter)
    return whole + county_only + short


def _padded_texts(table: NDArray[np.uint16]) -> list[str]:
    return ["".join(chr(code) for code in row if code) for row in table.tolist()]


def _township_texts(table: Facts) -> list[str]:
    ends = table.town_offsets.tolist()
    text = "".join(map(chr, table.town_text.tolist()))
    return [text[start:end] for start, end in itertools.pairwise(ends)]


@kernel
def _fill_pieces(offsets, data, tables, codes, out_minima, out_first, out_last, out_plain):  # type: ignore[no-untyped-def]
    run = np.empty_like(codes)
    for piece in range(out_first.shape[0]):
        start, stop = int64(offsets[piece]), int64(offsets[piece + 1])
        length = fold_text(data, start, stop, tables[0], codes)
        out_minima[piece, :] = ~uint64(0)
        run[:] = 0
        _, _, numbers = sketch_address(codes, length, tables, run, out_minima[piece])
        length = 0
        while run[length] != 0:
            length += 1
        if length == 1:  # pairs only: a lone character counts as a word of its own elsewhere
            out_minima[piece, :] = ~uint64(0)
        out_plain[piece] = numbers == 0
        out_first[piece] = run[0] if length > 0 else 0
        out_last[piece] = run[length - 1] if length > 0 else 0


@lru_cache(maxsize=1)
def address_pieces() -> AddressPieces:
    """Every piece, hashed once a process (about 0.2 s)."""
    table = facts()
    regions = _region_texts(table)
    count = len(regions) // REGION_BLOCKS
    blocks = [
        *(regions[block * count : (block + 1) * count] for block in range(REGION_BLOCKS)),
        _township_texts(table),
        *(_padded_texts(names) for names in (table.roads, table.villages)),
        *(_padded_texts(names) for names in (table.estates, table.dormitories)),
    ]
    texts = [text.encode() for block in blocks for text in block]
    offsets = np.zeros(len(texts) + 1, np.int32)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    data = np.frombuffer(b"".join(texts), np.uint8)
    minima = np.empty((len(texts), GRAM_COUNT), np.uint64)
    first, last = np.empty(len(texts), np.uint32), np.empty(len(texts), np.uint32)
    plain = np.empty(len(texts), np.bool_)
    codes = np.empty(2 * int(np.diff(offsets).max()) + 8, np.uint32)
    _fill_pieces(offsets, data, address_tables(), codes, minima, first, last, plain)
    starts = np.concatenate([[0], np.cumsum([len(block) for block in blocks[:-1]])])
    return AddressPieces(offsets, data, minima, first, last, plain, starts.astype(np.int64))
