"""Compiled reading of the encoded store's file: any records, by number, in any order."""

from __future__ import annotations

import numpy as np

from person.jit import kernel

__all__ = ["gather_offsets", "gather_rows", "gather_sources", "gather_texts", "number_runs"]


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
def gather_rows(words, n_words, first_rows, starts, wanted, row, out):  # type: ignore[no-untyped-def]
    """Copy the row of each stretch of equal record numbers; 20 to 30 M rows/s at random.

    words uint64[*] is the whole file; chunk k's rows start at word starts[k].
    """
    chunk = 0
    for place in range(wanted.shape[0]):
        if place > 0 and row[place] == row[place - 1]:
            continue
        record = np.int64(wanted[place])
        chunk = _chunk_of(record, first_rows, chunk)
        at = starts[chunk] + (record - first_rows[chunk]) * n_words
        for word in range(n_words):
            out[row[place], word] = words[at + word]


@kernel
def _chunk_of(record, first_rows, chunk):  # type: ignore[no-untyped-def]
    """The chunk that holds a record; `chunk` is a guess."""
    if first_rows[chunk] <= record < first_rows[chunk + 1]:
        return chunk
    low, high = 0, first_rows.shape[0] - 2
    while low < high:
        middle = (low + high + 1) // 2
        if first_rows[middle] <= record:
            low = middle
        else:
            high = middle - 1
    return low


@kernel
def gather_sources(halves, first_rows, starts, wanted, out):  # type: ignore[no-untyped-def]
    """Source numbers of records; chunk k's begin at place starts[k] of the file's uint16."""
    chunk = 0
    for place in range(wanted.shape[0]):
        record = np.int64(wanted[place])
        chunk = _chunk_of(record, first_rows, chunk)
        out[place] = halves[starts[chunk] + record - first_rows[chunk]]


@kernel
def gather_offsets(numbers, first_rows, starts, wanted, out):  # type: ignore[no-untyped-def]
    """Where each wanted text will begin and end, one after the other."""
    chunk = 0
    out[0] = 0
    for place in range(wanted.shape[0]):
        record = np.int64(wanted[place])
        chunk = _chunk_of(record, first_rows, chunk)
        at = starts[chunk] + record - first_rows[chunk]
        out[place + 1] = out[place] + numbers[at + 1] - numbers[at]


@kernel
def gather_texts(texts, numbers, first_rows, starts, text_starts, wanted, out):  # type: ignore[no-untyped-def]
    """Characters of the wanted record ids, one after the other, where `gather_offsets` said."""
    chunk = 0
    used = 0
    for place in range(wanted.shape[0]):
        record = np.int64(wanted[place])
        chunk = _chunk_of(record, first_rows, chunk)
        at = starts[chunk] + record - first_rows[chunk]
        base = text_starts[chunk]
        for character in range(numbers[at], numbers[at + 1]):
            out[used] = texts[base + character]
            used += 1
