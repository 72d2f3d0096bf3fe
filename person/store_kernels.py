"""Compiled reading of the encoded store's file: any records, by number, in any order.

A record's chunk is found through `hints`, the chunk of every BLOCK_RECORDS-th record; what lies at
random places of the file is asked for AHEAD records before it is needed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import uint64

from person.jit import kernel, load_uint64, prefetch, store_uint64

__all__ = [
    "BLOCK_RECORDS",
    "find_texts",
    "gather_rows",
    "gather_sources",
    "gather_texts",
    "number_runs",
]

BLOCK_BITS: Final = 14
BLOCK_RECORDS: Final = 1 << BLOCK_BITS
AHEAD: Final = 32


@kernel
def number_runs(wanted, out_row):  # type: ignore[no-untyped-def]
    """Number stretches of equal record numbers; returns how many there are."""
    runs = 0
    for place in range(wanted.shape[0]):
        if place == 0 or wanted[place] != wanted[place - 1]:
            runs += 1
        out_row[place] = runs - 1
    return runs


@kernel
def _chunk_of(record, first_rows, hints):  # type: ignore[no-untyped-def]
    """The chunk that holds a record: nearly always the one that its block begins in."""
    low = np.int64(hints[record >> BLOCK_BITS])
    if record < first_rows[low + 1]:
        return low
    high = np.int64(hints[(record >> BLOCK_BITS) + 1])
    while low < high:
        middle = (low + high + 1) >> 1
        if first_rows[middle] <= record:
            low = middle
        else:
            high = middle - 1
    return low


@kernel
def gather_rows(words, n_words, first_rows, hints, starts, wanted, row, out):  # type: ignore[no-untyped-def]
    """Copy the row of each stretch of equal record numbers; 20 to 30 M rows/s at random.

    words uint64[*] is the whole file; chunk k's rows start at word starts[k].
    """
    last = wanted.shape[0] - 1
    for place in range(wanted.shape[0]):
        coming = np.int64(wanted[min(place + AHEAD, last)])
        chunk = _chunk_of(coming, first_rows, hints)
        prefetch(words, starts[chunk] + (coming - first_rows[chunk]) * n_words)
        if place > 0 and row[place] == row[place - 1]:
            continue
        record = np.int64(wanted[place])
        chunk = _chunk_of(record, first_rows, hints)
        at = starts[chunk] + (record - first_rows[chunk]) * n_words
        for word in range(n_words):
            out[row[place], word] = words[at + word]


@kernel
def gather_sources(halves, first_rows, hints, starts, wanted, out):  # type: ignore[no-untyped-def]
    """Source numbers of records; chunk k's begin at place starts[k] of the file's uint16."""
    last = wanted.shape[0] - 1
    for place in range(wanted.shape[0]):
        coming = np.int64(wanted[min(place + AHEAD, last)])
        chunk = _chunk_of(coming, first_rows, hints)
        prefetch(halves, starts[chunk] + coming - first_rows[chunk])
        record = np.int64(wanted[place])
        chunk = _chunk_of(record, first_rows, hints)
        out[place] = halves[starts[chunk] + record - first_rows[chunk]]


@kernel
def find_texts(numbers, first_rows, hints, starts, text_starts, wanted, out_begin, out_offsets):  # type: ignore[no-untyped-def]
    """Where each wanted record id begins in the file, and where it will end beside the others.

    numbers int32[*] is the whole file; chunk k's ends of ids start at starts[k], its characters at
    byte text_starts[k]; out_begin int64[n], out_offsets int64[n + 1].
    """
    last = wanted.shape[0] - 1
    out_offsets[0] = 0
    for place in range(wanted.shape[0]):
        coming = np.int64(wanted[min(place + AHEAD, last)])
        chunk = _chunk_of(coming, first_rows, hints)
        prefetch(numbers, starts[chunk] + coming - first_rows[chunk])
        record = np.int64(wanted[place])
        chunk = _chunk_of(record, first_rows, hints)
        at = starts[chunk] + record - first_rows[chunk]
        out_begin[place] = text_starts[chunk] + numbers[at]
        out_offsets[place + 1] = out_offsets[place] + numbers[at + 1] - numbers[at]


@kernel
def gather_texts(texts, address, begin, offsets, out, out_address):  # type: ignore[no-untyped-def]
    """Characters of the wanted record ids, one after the other, eight at a time.

    texts uint8[*] is the whole file, at `address`; begin, offsets : from `find_texts`
    out : uint8[offsets[-1] + 8], at `out_address`; its end is written over
    """
    last = begin.shape[0] - 1
    for place in range(begin.shape[0]):
        prefetch(texts, begin[min(place + AHEAD, last)])
        length = offsets[place + 1] - offsets[place]
        if begin[place] + length + 8 > texts.shape[0]:  # nothing beyond the file is read
            for character in range(length):
                out[offsets[place] + character] = texts[begin[place] + character]
            continue
        source = address + uint64(begin[place])
        target = out_address + uint64(offsets[place])
        for character in range(0, length, 8):
            store_uint64(target + uint64(character), load_uint64(source + uint64(character), 0))
