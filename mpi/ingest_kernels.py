"""Loops of the ingest over a batch: its record ids, its sources, what its fields hold."""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from person.jit import kernel, load_uint8

__all__ = ["count_statuses", "mark_used", "note_texts", "take_numbers"]


@kernel
def note_texts(offsets, data, valid, out_has_text):  # type: ignore[no-untyped-def]
    """Note which texts hold something, bool[n]; returns whether one may have a blank to trim.

    A text that begins and ends with a visible ASCII character has none.
    """
    text = uint64(data.ctypes.data)
    may_have_blank = False
    for row in range(valid.shape[0]):
        start, stop = int64(offsets[row]), int64(offsets[row + 1])
        has_text = valid[row] and stop > start
        out_has_text[row] = has_text
        if has_text:
            first, last = load_uint8(text, start), load_uint8(text, stop - 1)
            is_plain = (0x20 < first < 0x7F) & (0x20 < last < 0x7F)
            may_have_blank |= not is_plain
    return may_have_blank


@kernel
def mark_used(places, out_used):  # type: ignore[no-untyped-def]
    """Set bool out_used[place] for each of `places`."""
    for row in range(places.shape[0]):
        out_used[places[row]] = True


@kernel
def take_numbers(numbers, places, out):  # type: ignore[no-untyped-def]
    """out[row] = numbers[places[row]]."""
    for row in range(places.shape[0]):
        out[row] = numbers[places[row]]


@kernel
def count_statuses(source, status, kept, out_counts):  # type: ignore[no-untyped-def]
    """Count the kept records by source and status; out_counts int64[n_sources, n_statuses]."""
    for row in range(status.shape[0]):
        out_counts[source[row], status[row]] += np.int64(kept[row])
