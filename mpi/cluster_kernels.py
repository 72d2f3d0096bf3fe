"""Compiled loops of constrained clustering: the judging of merges.

State of a lane (a batch of components, rows renumbered so that a component's rows are adjacent)
is one int32 matrix, a line a row, so that a component's state is copied by copying lines:

    PARENT SIZE                       union-find; a root is its cluster's smallest row
    IDENTITY_HEAD, _TAIL, _NEXT       list of members, one for each identity the cluster holds
    MARK_HEAD, _TAIL, _NEXT, _COUNT   list of members a steward declared different from someone
    MEMO_PARTNER, _OWN, _OTHER,       the last refused partner, both sizes then, and the reason:
        _REASON                       the same question gets the same answer until one grows
    REPRESENTATIVES ...               members of smallest priority, rising, as many as fit

What is known of pairs (`table`) lies in two places. Match weights inside a small component lie in
its triangle, a few numbers side by side. All else lies in an open-addressing hash table, key =
kind << 63 | lower row << 32 | higher row, kind 0 a match weight and kind 1 whether two identities
are dissimilar (0 or 1).
"""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from mpi.edge_kernels import slot_of
from person.jit import kernel

__all__ = [
    "ACCEPTED",
    "DIFFERENT",
    "DISSIMILAR_IDENTITY",
    "DUPLICATE_FREE_SOURCE",
    "INCOHERENT",
    "PENDING",
    "STATE_COLUMNS",
    "UNASKED",
    "advance_components",
    "copy_table",
    "fill_cluster_confidence",
    "fill_known_weights",
    "start_state",
]

PARENT, SIZE = 0, 1
IDENTITY_HEAD, IDENTITY_TAIL, IDENTITY_NEXT = 2, 3, 4
MARK_HEAD, MARK_TAIL, MARK_NEXT, MARK_COUNT = 5, 6, 7, 8
MEMO_PARTNER, MEMO_OWN, MEMO_OTHER, MEMO_REASON = 9, 10, 11, 12
STATE_COLUMNS = 13

ACCEPTED, DIFFERENT, DISSIMILAR_IDENTITY, DUPLICATE_FREE_SOURCE, INCOHERENT = 0, 1, 2, 3, 4
UNKNOWN = 255

PENDING = 1e300
"""Value of a pair that has been asked for."""

UNASKED = 1e301
"""Value in a triangle of a pair that has not."""

_DEPTH_MIN = 32


@kernel
def _pair_key(low, high, kind):
    return (uint64(kind) << uint64(63)) | (uint64(low) << uint64(32)) | uint64(high)


@kernel
def copy_table(keys, values, out_keys, out_values):
    """Move every entry to a larger table."""
    mask = uint64(out_keys.shape[0] - 1)
    for slot in range(keys.shape[0]):
        if keys[slot] != uint64(0):
            to = slot_of(out_keys, mask, keys[slot])
            out_keys[to] = keys[slot]
            out_values[to] = values[slot]


@kernel
def fill_known_weights(edge_left, edge_right, weight, table):
    """Note the edges' own weights (falling weight: the first of a pair stays).

    Returns
    -------
    number of entries made in the hashed table
    """
    keys, values, triangles, dense_start, first_row = table
    mask = uint64(keys.shape[0] - 1)
    added = 0
    for edge in range(edge_left.shape[0]):
        one, other = int64(edge_left[edge]), int64(edge_right[edge])
        low, high = min(one, other), max(one, other)
        if low == high:
            continue
        if dense_start[high] >= 0:
            place = _dense_place(low, high, first_row, dense_start)
            if triangles[place] == UNASKED:
                triangles[place] = weight[edge]
            continue
        key = _pair_key(low, high, 0)
        slot = slot_of(keys, mask, key)
        if keys[slot] == uint64(0):
            keys[slot] = key
            values[slot] = weight[edge]
            added += 1
    return added


@kernel
def start_state(identity_class, mark_offsets, state):
    """Every row a cluster of its own."""
    for row in range(state.shape[0]):
        for column in range(state.shape[1]):
            state[row, column] = -1
        state[row, PARENT] = row
        state[row, SIZE] = 1
        state[row, MARK_COUNT] = 0
        if identity_class[row] >= 0:
            state[row, IDENTITY_HEAD] = state[row, IDENTITY_TAIL] = row
        if mark_offsets[row + 1] > mark_offsets[row]:
            state[row, MARK_HEAD] = state[row, MARK_TAIL] = row
            state[row, MARK_COUNT] = mark_offsets[row + 1] - mark_offsets[row]
        state[row, STATE_COLUMNS] = row


@kernel
def _cluster_of(state, row):
    while state[row, PARENT] != row:
        state[row, PARENT] = state[state[row, PARENT], PARENT]
        row = int64(state[row, PARENT])
    return row


@kernel
def _dense_place(low, high, first_row, dense_start):
    """Where a pair of a small component lies in its triangle."""
    across = high - first_row[high]
    return dense_start[high] + across * (across - 1) // 2 + low - first_row[high]


@kernel
def _known_value(one, other, kind, table, requests, counters):
    """The pair's value, else PENDING; with room in `requests` it is asked for.

    requests : int64[capacity, 4]: slot (-1 - place in a triangle), left, right, kind
    counters : requests made, table entries
    """
    keys, values, triangles, dense_start, first_row = table
    low, high = min(one, other), max(one, other)
    count = counters[0]
    if kind == 0 and dense_start[high] >= 0:
        place = _dense_place(low, high, first_row, dense_start)
        if triangles[place] != UNASKED:
            return triangles[place]
        slot = -1 - place
        if count < requests.shape[0]:
            triangles[place] = PENDING
    else:
        key = _pair_key(low, high, kind)
        slot = int64(slot_of(keys, uint64(keys.shape[0] - 1), key))
        if keys[slot] == key:
            return values[slot]
        if count < requests.shape[0]:
            keys[slot] = key
            values[slot] = PENDING
            counters[1] += 1
    if count < requests.shape[0]:
        requests[count, 0] = slot
        requests[count, 1] = low
        requests[count, 2] = high
        requests[count, 3] = kind
        counters[0] = count + 1
    return PENDING


@kernel
def _are_declared_different(state, mark_offsets, marks, one, other):
    if state[one, MARK_COUNT] > state[other, MARK_COUNT]:
        one, other = other, one
    member = int64(state[one, MARK_HEAD])
    while member >= 0:
        for place in range(mark_offsets[member], mark_offsets[member + 1]):
            if _cluster_of(state, int64(marks[place])) == other:
                return True
        member = int64(state[member, MARK_NEXT])
    return False


@kernel
def _judge_identities(state, identity_class, one, other, table, requests, counters):
    """ACCEPTED, DISSIMILAR_IDENTITY, or UNKNOWN where a pair has yet to be looked at."""
    verdict = ACCEPTED
    member = int64(state[one, IDENTITY_HEAD])
    while member >= 0:
        stranger = int64(state[other, IDENTITY_HEAD])
        while stranger >= 0:
            if identity_class[member] != identity_class[stranger]:
                value = _known_value(member, stranger, 1, table, requests, counters)
                if value == PENDING:
                    verdict = UNKNOWN
                elif value != 0.0:
                    return DISSIMILAR_IDENTITY
            stranger = int64(state[stranger, IDENTITY_NEXT])
        member = int64(state[member, IDENTITY_NEXT])
    return verdict


@kernel
def _judge_coherence(state, one, other, weight, rules, table, requests, counters):
    """Mean clipped weight of the representatives' cross pairs, and whether all were known.

    rules : float64[4]: coherence_min, clip low, clip high, weight of no evidence
    """
    width = state.shape[1] - STATE_COLUMNS
    total, known, is_complete = 0.0, 0, True
    for i in range(min(width, state[one, SIZE])):
        member = int64(state[one, STATE_COLUMNS + i])
        for j in range(min(width, state[other, SIZE])):
            stranger = int64(state[other, STATE_COLUMNS + j])
            value = _known_value(member, stranger, 0, table, requests, counters)
            if value == PENDING:
                is_complete = False
            elif value == value:  # a NaN says that the pair cannot be compared
                total += min(max(value - rules[3], rules[1]), rules[2])
                known += 1
    if known == 0:
        total, known = min(max(weight - rules[3], rules[1]), rules[2]), 1
    return total / known, is_complete


@kernel
def _judge(state, masks, identity_class, mark_offsets, marks, one, other, weight, rules,
           table, requests, counters):  # fmt: skip
    """Verdict on a merge, and whether it is certain; an uncertain one is the likelier."""
    if _are_declared_different(state, mark_offsets, marks, one, other):
        return DIFFERENT, True
    for word in range(masks.shape[1]):
        if masks[one, word] & masks[other, word]:
            return DUPLICATE_FREE_SOURCE, True
    verdict = _judge_identities(state, identity_class, one, other, table, requests, counters)
    if verdict == DISSIMILAR_IDENTITY:
        return verdict, True
    mean, is_complete = _judge_coherence(
        state, one, other, weight, rules, table, requests, counters
    )
    if mean < rules[0]:
        return INCOHERENT, is_complete and verdict == ACCEPTED
    return ACCEPTED, is_complete and verdict == ACCEPTED


@kernel
def _append_lists(state, identity_class, one, other):
    """Hand the second cluster's marked members and new identities to the first.

    Identities of one list are distinct, so a stranger is held against the first's own only.
    """
    if state[other, MARK_HEAD] >= 0:
        if state[one, MARK_HEAD] < 0:
            state[one, MARK_HEAD] = state[other, MARK_HEAD]
        else:
            state[state[one, MARK_TAIL], MARK_NEXT] = state[other, MARK_HEAD]
        state[one, MARK_TAIL] = state[other, MARK_TAIL]
        state[one, MARK_COUNT] += state[other, MARK_COUNT]
    own_tail = state[one, IDENTITY_TAIL]
    stranger = int64(state[other, IDENTITY_HEAD])
    while stranger >= 0:
        following = int64(state[stranger, IDENTITY_NEXT])
        state[stranger, IDENTITY_NEXT] = -1
        is_new = True
        member = int64(state[one, IDENTITY_HEAD])
        while member >= 0:
            if identity_class[member] == identity_class[stranger]:
                is_new = False
            if member == own_tail:
                break
            member = int64(state[member, IDENTITY_NEXT])
        if is_new:
            if state[one, IDENTITY_HEAD] < 0:
                state[one, IDENTITY_HEAD] = stranger
            else:
                state[state[one, IDENTITY_TAIL], IDENTITY_NEXT] = stranger
            state[one, IDENTITY_TAIL] = stranger
        stranger = following


@kernel
def _merge(state, masks, identity_class, priority, merged, one, other):
    """Make `other` part of `one`, which has the smaller row."""
    width = state.shape[1] - STATE_COLUMNS
    own, others = min(width, state[one, SIZE]), min(width, state[other, SIZE])
    i, j, filled = 0, 0, 0
    while filled < width and (i < own or j < others):
        mine = state[one, STATE_COLUMNS + i] if i < own else -1
        theirs = state[other, STATE_COLUMNS + j] if j < others else -1
        if theirs < 0 or (mine >= 0 and priority[mine] < priority[theirs]):
            merged[filled] = mine
            i += 1
        else:
            merged[filled] = theirs
            j += 1
        filled += 1
    for place in range(filled):
        state[one, STATE_COLUMNS + place] = merged[place]
    _append_lists(state, identity_class, one, other)
    for word in range(masks.shape[1]):
        masks[one, word] |= masks[other, word]
    state[other, PARENT] = one
    state[one, SIZE] += state[other, SIZE]


@kernel
def _step(state, masks, lane, rules, table, requests, counters, merged, edge, is_guess):
    """Decide one edge: a verdict, UNKNOWN (nothing done), or -1 where both ends are one already."""
    edge_left, edge_right, weight, identity_class, mark_offsets, marks, priority = lane
    one = _cluster_of(state, int64(edge_left[edge]))
    other = _cluster_of(state, int64(edge_right[edge]))
    if one == other:
        return -1
    if one > other:
        one, other = other, one
    if (
        state[one, MEMO_PARTNER] == other
        and state[one, MEMO_OWN] == state[one, SIZE]
        and state[one, MEMO_OTHER] == state[other, SIZE]
    ):
        return int64(state[one, MEMO_REASON])
    verdict, is_certain = _judge(
        state, masks, identity_class, mark_offsets, marks, one, other, weight[edge], rules,
        table, requests, counters,
    )  # fmt: skip
    if not is_certain and not is_guess:
        return UNKNOWN
    if verdict == ACCEPTED:
        _merge(state, masks, identity_class, priority, merged, one, other)
    else:
        state[one, MEMO_PARTNER] = other
        state[one, MEMO_OWN] = state[one, SIZE]
        state[one, MEMO_OTHER] = state[other, SIZE]
        state[one, MEMO_REASON] = verdict
    return verdict


@kernel
def _copy_rows(state, masks, first, last, out_state, out_masks):
    for row in range(first, last):
        for column in range(state.shape[1]):
            out_state[row, column] = state[row, column]
        for word in range(masks.shape[1]):
            out_masks[row, word] = masks[row, word]


@kernel
def advance_components(
    row_offsets, edge_offsets, lane, rules, table, state, masks, shadow, shadow_masks,
    positions, depths, requests, counters, out_reasons,
):  # fmt: skip
    """Carry every component as far as known weights allow, then ask for what comes next.

    What comes next is found by going on in a copy of the component's state with the likelier
    answer in place of each unknown one. Guesses decide only what is fetched, never an outcome.

    Returns
    -------
    number of components with undecided edges
    """
    merged = np.empty(state.shape[1], np.int32)
    nothing = np.empty((0, 4), np.int64)
    open_count = 0
    for component in range(edge_offsets.shape[0] - 1):
        position, end = positions[component], edge_offsets[component + 1]
        begin, limit, is_guess = position, end, False
        now, now_masks, now_requests = state, masks, nothing
        while position < limit:
            verdict = _step(
                now, now_masks, lane, rules, table, now_requests, counters, merged, position,
                is_guess,
            )  # fmt: skip
            if verdict == UNKNOWN:  # from here on in the copy
                open_count += 1
                positions[component] = position
                if counters[0] == requests.shape[0]:
                    break
                if position - begin >= depths[component]:
                    depths[component] *= 4
                elif depths[component] > _DEPTH_MIN:
                    depths[component] //= 2
                first, last = row_offsets[component], row_offsets[component + 1]
                _copy_rows(state, masks, first, last, shadow, shadow_masks)
                limit, is_guess = min(end, position + depths[component]), True
                now, now_masks, now_requests = shadow, shadow_masks, requests
                continue
            if not is_guess:
                if verdict > 0:
                    out_reasons[position] = verdict
            elif counters[0] == requests.shape[0]:
                break
            position += 1
        if not is_guess and position == end:
            positions[component] = end
    return open_count


@kernel
def fill_cluster_confidence(state, first_row, rules, table, requests, counters, out_mean):
    """Mean clipped weight of each row to its cluster's other representatives; inf when alone.

    Returns
    -------
    the first row for which a weight had yet to be asked for, the row count when there is none
    """
    width = state.shape[1] - STATE_COLUMNS
    first_open = state.shape[0]
    for row in range(first_row, state.shape[0]):
        root = _cluster_of(state, row)
        if state[root, SIZE] == 1:
            out_mean[row] = np.inf
            continue
        total, known = 0.0, 0
        for place in range(min(width, state[root, SIZE])):
            member = int64(state[root, STATE_COLUMNS + place])
            if member == row:
                continue
            value = _known_value(row, member, 0, table, requests, counters)
            if value == PENDING:
                first_open = min(first_open, row)
            elif value == value:
                total += min(max(value, rules[1]), rules[2])
                known += 1
        out_mean[row] = total / known if known else 0.0
        if first_open < state.shape[0] and counters[0] == requests.shape[0]:
            break
    return first_open
