"""Compiled loops over questions: are these two clusters one person?"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import uint64

from person.hashing import mix64
from person.jit import kernel, prefetch

__all__ = [
    "choose_merges",
    "fill_places",
    "fold_comparison",
    "join_clusters",
    "list_questions",
    "mark_apart",
]

AHEAD: Final = 16
"""Pairs whose right record is asked for before it is needed."""


@kernel
def list_questions(left, right, weight, blocked, cluster, start, weight_min, out):  # type: ignore[no-untyped-def]
    """List pairs of clusters that a pair of records resembling each other lies across.

    Two clusters of three records or more in all, as left * n_records + right, once a pair of
    records; returns how many. 5 to 10 ns a pair.

    out : int64[>= n_pairs]
    """
    asked = 0
    records = np.int64(cluster.shape[0])
    for pair in range(left.shape[0]):
        prefetch(cluster, np.int64(right[min(pair + AHEAD, left.shape[0] - 1)]))
        if blocked[pair] or weight[pair] < weight_min:
            continue
        one, other = np.int64(cluster[left[pair]]), np.int64(cluster[right[pair]])
        if one == other:
            continue
        low, high = min(one, other), max(one, other)
        if start[low + 1] - start[low] + start[high + 1] - start[high] >= 3:
            out[asked] = low * records + high
            asked += 1
    return asked


@kernel
def fill_places(keys, table):  # type: ignore[no-untyped-def]
    """Open-addressed table of places in `keys`, each different: int32[power of two], -1 = free."""
    mask = uint64(table.shape[0] - 1)
    for place in range(keys.shape[0]):
        slot = mix64(uint64(keys[place])) & mask
        while table[slot] != -1:
            slot = (slot + uint64(1)) & mask
        table[slot] = place


@kernel
def mark_apart(left, right, blocked, cluster, keys, table, is_apart):  # type: ignore[no-untyped-def]
    """Set is_apart, bool[n_keys], of every question that a blocked pair lies across.

    keys, table : from `fill_places`. Some 10 ns a blocked pair.
    """
    mask = uint64(table.shape[0] - 1)
    records = np.int64(cluster.shape[0])
    for pair in range(left.shape[0]):
        prefetch(cluster, np.int64(right[min(pair + AHEAD, left.shape[0] - 1)]))
        if not blocked[pair]:
            continue
        one, other = np.int64(cluster[left[pair]]), np.int64(cluster[right[pair]])
        if one == other:
            continue
        key = min(one, other) * records + max(one, other)
        slot = mix64(uint64(key)) & mask
        while table[slot] != -1:
            if keys[table[slot]] == key:
                is_apart[table[slot]] = True
                break
            slot = (slot + uint64(1)) & mask


@kernel
def fold_comparison(  # type: ignore[no-untyped-def]
    first, cells, frequency, cell_weight, relative_weight, left_hash, right_hash, total, relative
):
    """Add one comparison's best pair of each question, less log2 of the value pairs tried.

    first : int64[n_questions + 1], where each question's pairs begin; few each
    cells, frequency : int32[n_pairs], float64[n_pairs], the comparison's; its last cell is null
    relative_weight : as cell_weight, or empty
    left_hash, right_hash : uint64[n_pairs], the values compared
    total, relative : float64[n_questions], added to
    """
    null_cell = cell_weight.shape[0] - 1
    for question in range(first.shape[0] - 1):
        best, chosen = -np.inf, -1
        lefts, rights = 0, 0
        begin, end = first[question], first[question + 1]
        for pair in range(begin, end):
            if cells[pair] == null_cell:
                continue
            value = cell_weight[cells[pair]] + frequency[pair]
            if chosen < 0 or value >= best:
                best, chosen = value, pair
            is_new_left, is_new_right = 1, 1
            for earlier in range(begin, pair):
                if cells[earlier] != null_cell:
                    if left_hash[earlier] == left_hash[pair]:
                        is_new_left = 0
                    if right_hash[earlier] == right_hash[pair]:
                        is_new_right = 0
            lefts += is_new_left
            rights += is_new_right
        if chosen >= 0:
            penalty = math.log2(float(lefts * rights))
            total[question] += best - penalty
            if relative_weight.shape[0]:
                relative[question] += relative_weight[cells[chosen]] + frequency[chosen] - penalty


@kernel
def _holds_two_identities(order, start, identity, left, right):  # type: ignore[no-untyped-def]
    held = np.uint64(0)
    for cluster in (left, right):
        for place in range(start[cluster], start[cluster + 1]):
            value = identity[order[place]]
            if value != 0:
                if held != 0 and value != held:
                    return True
                held = value
    return False


@kernel
def _repeats_a_source(order, start, source, is_free, left, right, seen):  # type: ignore[no-untyped-def]
    repeats = False
    for turn in range(2):  # count, then wipe
        for cluster in (left, right):
            for place in range(start[cluster], start[cluster + 1]):
                number = source[order[place]]
                if is_free[number]:
                    seen[number] = seen[number] + 1 if turn == 0 else 0
                    repeats |= seen[number] > 1
    return repeats


@kernel
def choose_merges(asked, left, right, order, start, identity, source, is_free, taken):  # type: ignore[no-untyped-def]
    """Take questions in the order given, each cluster once, none that a guard forbids.

    asked : int64[k], places in left and right; order, start : members of each cluster
    identity, source : of each record, or empty; is_free : bool[n_sources]
    taken : bool[n_records], falses

    Returns
    -------
    bool[k], taken
    """
    kept = np.zeros(asked.shape[0], np.bool_)
    seen = np.zeros(is_free.shape[0], np.int64)
    for place in range(asked.shape[0]):
        a, b = left[asked[place]], right[asked[place]]
        if taken[a] or taken[b]:
            continue
        if identity.shape[0] and _holds_two_identities(order, start, identity, a, b):
            continue
        if source.shape[0] and _repeats_a_source(order, start, source, is_free, a, b, seen):
            continue
        taken[a] = taken[b] = True
        kept[place] = True
    return kept


@kernel
def join_clusters(left, right, weight, order, start, cluster, weakest):  # type: ignore[no-untyped-def]
    """Make each right cluster part of its left one; no cluster stands in two merges.

    cluster : int32[n_records]; weakest : float64[n_records], least weight of a record's merges
    """
    for merge in range(left.shape[0]):
        for place in range(start[right[merge]], start[right[merge] + 1]):
            cluster[order[place]] = left[merge]
        for part in (left[merge], right[merge]):
            for place in range(start[part], start[part + 1]):
                row = order[place]
                weakest[row] = min(weakest[row], weight[merge])
