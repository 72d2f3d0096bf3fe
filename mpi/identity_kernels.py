"""What deciding does with arrays, compiled: of a few people the calls of numpy cost the most.

The same steps serve batches; see `mpi.identity_candidates` and `mpi.identity_decide`.
"""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from blocking.kernels import combine_keys
from person.jit import kernel

__all__ = [
    "combine_all_keys",
    "fill_groups",
    "fill_pairs",
    "judge_members",
    "list_flagged_words",
    "mark_incoherent",
    "split_distinct",
]


@kernel
def combine_all_keys(parts, part_of_key, first_of_rule, count, keys):  # type: ignore[no-untyped-def]
    """Block keys of all rules; of equal keys that a rule gives a row only the first is kept.

    Parameters
    ----------
    parts : uint64[p, >= count]
    part_of_key : int64[m, k], parts of each key, -1 behind the last
    first_of_rule : int64[m], first key of the rule that the key belongs to
    count : rows
    keys : uint64[m, count], filled; 0 = no key
    """
    for line in range(part_of_key.shape[0]):
        used = 0
        while used < part_of_key.shape[1] and part_of_key[line, used] >= 0:
            used += 1
        combine_keys(parts, part_of_key[line, :used], count, keys[line])
        for earlier in range(first_of_rule[line], line):
            for row in range(count):
                if keys[line, row] == keys[earlier, row]:
                    keys[line, row] = 0


@kernel
def list_flagged_words(rows, out):  # type: ignore[no-untyped-def]
    """Words of rows that may be hashes of long names, for which `out` has room: how many."""
    found = 0
    for row in range(rows.shape[0]):
        for word in range(rows.shape[1]):
            if rows[row, word] >> uint64(63):
                out[found] = rows[row, word]
                found += 1
    return found


@kernel
def fill_pairs(offsets, records, count, block_max, itself, pairs):  # type: ignore[no-untyped-def]
    """(query << 32 | record) of every posting found; returns how many, -1 where a key is crowded.

    Parameters
    ----------
    offsets, records : of `Snapshot.all_postings`, lines of `count` keys
    count : queries
    block_max : more records than this under one key are crowded
    itself : int64[count], a record that is left out, -1 for none
    pairs : int64[len(records)], filled
    """
    filled = 0
    for run in range(offsets.shape[0] - 1):
        if offsets[run + 1] - offsets[run] > block_max:
            return -1
        query = run % count
        for place in range(offsets[run], offsets[run + 1]):
            if records[place] != itself[query]:
                pairs[filled] = int64(query) << 32 | records[place]
                filled += 1
    return filled


@kernel
def split_distinct(pairs, query, record):  # type: ignore[no-untyped-def]
    """Queries and records of the different pairs, which come sorted; returns how many."""
    filled = 0
    for place in range(pairs.shape[0]):
        if place == 0 or pairs[place] != pairs[place - 1]:
            query[filled] = pairs[place] >> 32
            record[filled] = pairs[place] & 0xFFFFFFFF
            filled += 1
    return filled


@kernel
def fill_groups(  # type: ignore[no-untyped-def]
    query, identity, weight, refusal, holds_apart, weight_min, out_query, out_identity, out_best
):
    """Candidates worth a look, by query and identity.

    Parameters
    ----------
    query, identity, weight, refusal : of the pairs, by query, then by record
    holds_apart : bool[256], numbers of refusals that no third record can answer
    weight_min : lighter pairs are no candidates, unless they are held apart
    out_query, out_identity : filled
    out_best : int64[3, n], filled: place of the heaviest pair, of the heaviest that is not refused
        and of the heaviest that is held apart, -1 for none

    Returns
    -------
    how many groups there are; by query, then by identity
    """
    count, first = 0, 0
    for place in range(query.shape[0]):
        is_apart = holds_apart[refusal[place]]
        if weight[place] < weight_min and not is_apart:
            continue
        if count == 0 or out_query[count - 1] != query[place]:
            first = count
        at = count
        while at > first and out_identity[at - 1] >= identity[place]:
            at -= 1
        if at == count or out_identity[at] != identity[place]:
            for behind in range(count, at, -1):
                out_query[behind] = out_query[behind - 1]
                out_identity[behind] = out_identity[behind - 1]
                for kind in range(3):
                    out_best[kind, behind] = out_best[kind, behind - 1]
            out_query[at], out_identity[at] = query[place], identity[place]
            for kind in range(3):
                out_best[kind, at] = -1
            count += 1
        for kind in range(3):
            if (kind == 1 and refusal[place] != 0) or (kind == 2 and not is_apart):
                continue
            known = out_best[kind, at]
            if known < 0 or weight[place] > weight[known]:
                out_best[kind, at] = place
    return count


@kernel
def judge_members(  # type: ignore[no-untyped-def]
    group, record, query_of_group, keys, member_keys, speakers_max, pairs, out
):
    """What is known of each member of the identities that queries could belong to.

    Parameters
    ----------
    group, record : int64[m], which identity a member belongs to, rising, and its number
    query_of_group : int64[g]
    keys, member_keys : uint64, valid id numbers of queries and members, 0 = none
    speakers_max : so many members of an identity are heard
    pairs : (query, record, weight, is_silent) of the candidates, by query, then by record
    out : (differs bool[m], speaks bool[m], weight float64[m], is_silent bool[m]), filled:
        two valid id numbers differ; the member is heard; its weight, NaN where nobody weighed it

    Returns
    -------
    how many members are heard whom nobody weighed
    """
    query, candidate, weight, is_silent = pairs
    out_differs, out_speaks, out_weight, out_silent = out
    lacking, first = 0, 0
    for place in range(group.shape[0]):
        if group[place] != group[first]:
            first = place
        own = query_of_group[group[place]]
        one, other = keys[own], member_keys[place]
        out_differs[place] = one != 0 and other != 0 and one != other
        is_alone = place == first and (
            place + 1 == group.shape[0] or group[place + 1] != group[place]
        )
        # An identity of one record agrees with the pair that is to link it.
        out_speaks[place] = place - first < speakers_max and not is_alone
        out_weight[place], out_silent[place] = np.nan, False
        if not out_speaks[place]:
            continue
        low, high = 0, query.shape[0]
        while low < high:
            middle = (low + high) >> 1
            if query[middle] < own or (query[middle] == own and candidate[middle] < record[place]):
                low = middle + 1
            else:
                high = middle
        if low < query.shape[0] and query[low] == own and candidate[low] == record[place]:
            out_weight[place], out_silent[place] = weight[low], is_silent[low]
        else:
            lacking += 1
    return lacking


@kernel
def mark_incoherent(  # type: ignore[no-untyped-def]
    group, speaks, weight, is_silent, clip_low, clip_high, coherence_min, out
):
    """Identities whose members as a whole do not agree with the record, bool[g].

    group, speaks, weight, is_silent : of the members, see `judge_members`, every weight known
    """
    first = 0
    while first < group.shape[0]:
        total, voices, place = 0.0, 0, first
        while place < group.shape[0] and group[place] == group[first]:
            if speaks[place] and not is_silent[place]:
                total += min(max(weight[place], clip_low), clip_high)
                voices += 1
            place += 1
        out[group[first]] = voices > 0 and total / voices < coherence_min
        first = place
