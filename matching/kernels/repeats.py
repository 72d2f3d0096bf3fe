"""Values that a person has in several records: which of them count."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint32, uint64

from person.hashing import mix64
from person.jit import kernel

__all__ = ["mark_repeats"]

COMPARED_MAX: Final = 64
"""Of a cluster up to this large each two records are compared; of a larger one, sorted hashes."""


@kernel
def _equal_fields(rows, one, other, words, masks, field_of):  # type: ignore[no-untyped-def]
    """One bit a field in which two rows hold the same value, and hold one."""
    equal = uint64(0)
    differs = uint64(0)
    for component in range(words.shape[0]):
        bit = uint64(1) << uint64(field_of[component])
        value = rows[one, words[component]] & masks[component]
        if value != rows[other, words[component]] & masks[component]:
            differs |= bit
        # The first component of a field is 0 where the field is missing.
        if component == 0 or field_of[component] != field_of[component - 1]:
            if value == 0:
                differs |= bit
            equal |= bit
    return equal & ~differs


@kernel
def _hash_of(rows, row, words, masks, field_of, fields):  # type: ignore[no-untyped-def]
    """One number for the values of some fields of a row; 0 where one is missing."""
    value = uint64(0)
    for component in range(words.shape[0]):
        if (fields >> uint64(field_of[component])) & uint64(1) == 0:
            continue
        own = rows[row, words[component]] & masks[component]
        is_first = component == 0 or field_of[component] != field_of[component - 1]
        if is_first and own == 0:
            return uint64(0)
        value = mix64(value ^ own)
    return max(value, uint64(1))


@kernel
def mark_repeats(rows, members, starts, words, masks, field_of, sets, out):  # type: ignore[no-untyped-def]
    """Mark the records whose values an earlier member of their cluster has too.

    rows : uint64[k, n_words], the members' rows, cluster by cluster
    members : int32[k] record numbers; int64[n_clusters + 1] `starts`, where each cluster begins
    words, masks, field_of : of each component of the fields, those of a field side by side: the
        word it lies in, its bits there, the number of its field
    sets : uint64[<= 32], sets of fields, one bit each
    out : uint32[n_records], gets a bit for each set whose values all repeat those of one record
    """
    for cluster in range(starts.shape[0] - 1):
        begin, end = int64(starts[cluster]), int64(starts[cluster + 1])
        if end - begin > COMPARED_MAX:
            for number in range(sets.shape[0]):
                values = np.empty(end - begin, np.uint64)
                for k in range(end - begin):
                    values[k] = _hash_of(rows, begin + k, words, masks, field_of, sets[number])
                places = np.argsort(values, kind="mergesort")  # stable: the first one stays
                for k in range(1, end - begin):
                    if values[places[k]] != 0 and values[places[k]] == values[places[k - 1]]:
                        out[members[begin + places[k]]] |= uint32(1) << uint32(number)
            continue
        for row in range(begin + 1, end):
            repeated = uint32(0)
            for earlier in range(begin, row):
                equal = _equal_fields(rows, row, earlier, words, masks, field_of)
                for number in range(sets.shape[0]):
                    if sets[number] & ~equal == 0:
                        repeated |= uint32(1) << uint32(number)
            out[members[row]] = repeated
    return 0
