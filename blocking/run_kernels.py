"""Kernels inside one bucket: group rows into runs of equal keys, list the pairs of each run.

`order` holds, for each entry of a bucket, the top bits of its key with the entry's number in
the low `index_bits` bits; sorted, entries of one key are neighbours in their first order. At
least 64 - index_bits + prefix bits of a key take part, so a clash may add a pair to a run, and
no pair is lost.

Bytes touched a pair: the right row's earlier-rule columns (8 each, sequential, cached) and 8
written. Measured with an empty consumer: 430 million pairs/s a core without earlier rules, 60 with
one (delivered pairs; each pair of a run is tested).
"""

from __future__ import annotations

from typing import Final

from numba import int32, int64, uint64

from person.hashing import mix64
from person.jit import kernel, prefetch
from person.records import ORIGIN_SOURCE_SHIFT

__all__ = [
    "append_entries",
    "copy_members",
    "count_reached",
    "cut_runs",
    "descend_oversized",
    "drop_known_runs",
    "fill_child_entries",
    "find_in_set",
    "gather_rows",
    "holds_any",
    "insert_in_set",
    "list_pairs",
    "list_window_pairs",
    "mask_own_keys",
    "split_identical",
    "thin_runs",
]

AHEAD: Final = 12
"""Rows of a bucket that are asked for before they are needed: they come in the order of keys."""


@kernel
def append_entries(  # type: ignore[no-untyped-def]
    keys, count, base, prefix, prefix_bits, index_bits, order, used
):
    """Append entries for the rows whose key lies in this bucket; returns entries used.

    keys uint64[>= count] of rows base.., order uint64[capacity].
    """
    low = (uint64(1) << uint64(index_bits)) - uint64(1)
    for place in range(count):
        key = keys[place]
        # Two shifts: see stream_kernels.
        if key == 0 or (key >> uint64(1)) >> uint64(63 - prefix_bits) != prefix:
            continue
        order[used] = ((key << uint64(prefix_bits)) & ~low) | uint64(base + place)
        used += 1
    return used


@kernel
def cut_runs(  # type: ignore[no-untyped-def]
    order, count, index_bits, position, size_max, index, out_index, out_bits, out_starts, out_state
):
    """Pack the next runs of 2 to `size_max` entries until the piece is full or a larger run comes.

    index int32[*]: row of each entry, empty where entry numbers are rows. Writes the rows of the
    packed runs to out_index int32[piece], their key bits to out_bits, run starts to out_starts
    int32[piece + 1]. out_state int64[4] = next position, end of the oversized run standing there
    or 0, size of the largest packed run, rows packed. Returns runs packed.
    """
    low = (uint64(1) << uint64(index_bits)) - uint64(1)
    runs = 0
    used = 0
    largest = 0
    out_state[1] = 0
    out_starts[0] = 0
    while position < count:
        bits = order[position] & ~low
        end = position + 1
        while end < count and order[end] & ~low == bits:
            end += 1
        size = end - position
        if size > size_max:
            out_state[1] = end
            break
        if size > 1:
            if used + size > out_index.shape[0]:
                break
            for place in range(position, end):
                entry = int64(order[place] & low)
                out_index[used] = index[entry] if index.shape[0] > 0 else entry
                out_bits[used] = bits
                used += 1
            runs += 1
            out_starts[runs] = used
            largest = max(largest, size)
        position = end
    out_state[0] = position
    out_state[2] = largest
    out_state[3] = used
    return runs


@kernel
def drop_known_runs(rows, values, rule_starts, index, bits, starts, runs):  # type: ignore[no-untyped-def]
    """Drop runs all of whose rows hold the same values of an earlier rule; compacts in place.

    values uint64[v, 4]: word, shift, mask of each component and the mask of what must not be 0;
    rule_starts int64[k + 1] cuts them into rules. index, bits and starts as `cut_runs` wrote
    them. Returns the runs left. Most duplicates agree on the first rule, so most runs of later
    ones end here, for one look at one word a row and before a row is moved.
    """
    kept_runs = 0
    used = 0
    first = int64(starts[0])
    flat = rows.reshape(rows.size)
    width = rows.shape[1]
    total = starts[runs]
    for place in range(min(AHEAD, total)):
        prefetch(flat, int64(index[place]) * width)
    for run in range(runs):
        end = int64(starts[run + 1])
        for place in range(first + AHEAD, min(end + AHEAD, total)):
            prefetch(flat, int64(index[place]) * width)
        is_known = False
        for rule in range(rule_starts.shape[0] - 1):
            is_same = True
            for value in range(rule_starts[rule], rule_starts[rule + 1]):
                word, shift, mask = int64(values[value, 0]), values[value, 1], values[value, 2]
                own = (rows[index[first], word] >> shift) & mask
                is_same = is_same and own & values[value, 3] != 0
                place = first + 1
                while is_same and place < end:
                    is_same = (rows[index[place], word] >> shift) & mask == own
                    place += 1
            is_known = is_known or is_same
        if not is_known:
            for place in range(first, end):
                index[used] = index[place]
                bits[used] = bits[place]
                used += 1
            kept_runs += 1
            starts[kept_runs] = used
        first = end
    return kept_runs


@kernel
def copy_members(order, start, stop, index_bits, index, out):  # type: ignore[no-untyped-def]
    """Rows of the entries order[start:stop] to out int32[stop - start]; `index` as `cut_runs`."""
    low = (uint64(1) << uint64(index_bits)) - uint64(1)
    for place in range(start, stop):
        entry = int64(order[place] & low)
        out[place - start] = index[entry] if index.shape[0] > 0 else entry


@kernel
def gather_rows(rows, index, start, count, out):  # type: ignore[no-untyped-def]
    """out[i] = rows[index[start + i]] for i < count."""
    flat = rows.reshape(rows.size)
    for place in range(count):
        ahead = index[start + min(place + AHEAD, count - 1)]
        prefetch(flat, int64(ahead) * rows.shape[1])
        row = index[start + place]
        for word in range(rows.shape[1]):
            out[place, word] = rows[row, word]


@kernel
def find_in_set(table, key):  # type: ignore[no-untyped-def]
    """Whether `key` is in an open-addressed set, uint64[power of two], 0 = free (scalar)."""
    mask = uint64(table.shape[0] - 1)
    place = key & mask
    while table[place] != 0:
        if table[place] == key:
            return True
        place = (place + uint64(1)) & mask
    return False


@kernel
def insert_in_set(table, keys):  # type: ignore[no-untyped-def]
    """Add keys, uint64[n] without 0; the table must have room. Returns how many were new."""
    mask = uint64(table.shape[0] - 1)
    added = 0
    for at in range(keys.shape[0]):
        place = keys[at] & mask
        while table[place] != 0 and table[place] != keys[at]:
            place = (place + uint64(1)) & mask
        if table[place] == 0:
            table[place] = keys[at]
            added += 1
    return added


@kernel
def holds_any(table, keys, count):  # type: ignore[no-untyped-def]
    """Whether any of keys, uint64[>= count], is in the set (scalar)."""
    for row in range(count):
        if keys[row] != 0 and find_in_set(table, keys[row]):
            return True
    return False


@kernel
def descend_oversized(keys, count, table, part, has_part):  # type: ignore[no-untyped-def]
    """Replace keys of blocks in `table` by the key of their sub-block; 0 where there is none.

    keys uint64[>= count] changed in place; part uint64[>= count] the refining key. Without one
    (`has_part` False) every key in the table becomes 0. Returns how many keys were in the table.
    """
    found = 0
    for row in range(count):
        key = keys[row]
        if key != 0 and find_in_set(table, key):
            found += 1
            if has_part and part[row] != 0:
                keys[row] = mix64(key ^ part[row])
            else:
                keys[row] = 0
    return found


@kernel
def fill_child_entries(part, count, parent, base, index_bits, order, used):  # type: ignore[no-untyped-def]
    """Entries for the sub-blocks of one oversized block with key `parent`; returns entries used."""
    low = (uint64(1) << uint64(index_bits)) - uint64(1)
    for place in range(count):
        if part[place] != 0:
            order[used] = (mix64(parent ^ part[place]) & ~low) | uint64(base + place)
            used += 1
    return used


@kernel
def mask_own_keys(  # type: ignore[no-untyped-def]
    keys, effective, count, bits, prefix_bits, index_bits, columns, first_column
):
    """For rules that give a record several keys: leave a pair to the smallest key it shares.

    keys and effective uint64[variants, >= count]: block keys and where they lead after refining;
    bits uint64[count] the key bits of the run each row stands in. columns[:, first_column + v] =
    effective key v where its block key is smaller than the run's, else 0; the column after the
    last variant = effective key of the run itself.
    """
    low = (uint64(1) << uint64(index_bits)) - uint64(1)
    variants = keys.shape[0]
    for row in range(count):
        own = uint64(0)
        own_effective = uint64(0)
        for variant in range(variants):
            key = keys[variant, row]
            if key != 0 and (key << uint64(prefix_bits)) & ~low == bits[row]:
                own = key
                own_effective = effective[variant, row]
        for variant in range(variants):
            key = keys[variant, row]
            is_smaller = key != 0 and key < own
            columns[row, first_column + variant] = (
                effective[variant, row] if is_smaller else uint64(0)
            )
        columns[row, first_column + variants] = own_effective


@kernel
def _is_elsewhere(columns, left, right, tests):  # type: ignore[no-untyped-def]
    for test in range(tests.shape[0]):
        value = columns[left, tests[test, 0]]
        if value != 0 and value == columns[right, tests[test, 1]]:
            return True
    return False


@kernel
def list_pairs(  # type: ignore[no-untyped-def]
    rows, starts, runs, columns, tests, between_sources, state, out_left, out_right
):
    """Fill the pair buffers with all pairs of the runs, from where `state` left off.

    tests int64[t, 2]: a pair equal and not 0 in any pair of columns was delivered elsewhere.
    state int64[3] = run, left, right to begin with; moved on. Returns pairs written; fewer than
    the buffer holds once all are listed.
    """
    origin = rows.shape[1] - 1
    used = 0
    capacity = out_left.shape[0]
    run = state[0]
    left = state[1]
    right = state[2]
    while run < runs:
        end = starts[run + 1]
        while left < end - 1:
            while right < end:
                if used == capacity:
                    state[0], state[1], state[2] = run, left, right
                    return used
                keep = not between_sources or (
                    (rows[left, origin] ^ rows[right, origin]) >> uint64(ORIGIN_SOURCE_SHIFT) != 0
                )
                if keep and not _is_elsewhere(columns, left, right, tests):
                    out_left[used] = int32(left)
                    out_right[used] = int32(right)
                    used += 1
                right += 1
            left += 1
            right = left + 1
        run += 1
        left = end
        right = left + 1
    state[0], state[1], state[2] = run, left, right
    return used


@kernel
def count_reached(  # type: ignore[no-untyped-def]
    columns, left, right, tests, rule_of_test, hits, first_hits, out_is_reached
):
    """Count pairs by the rules that reach them.

    tests int64[t, 2] pairs of columns, rule_of_test int64[t] ascending; hits and first_hits
    int64[rules]: pairs each rule reaches, and reaches first; out_is_reached bool[n_pairs].
    """
    for pair in range(left.shape[0]):
        last = int64(-1)
        for test in range(tests.shape[0]):
            rule = rule_of_test[test]
            if rule == last:
                continue
            value = columns[left[pair], tests[test, 0]]
            if value != 0 and value == columns[right[pair], tests[test, 1]]:
                hits[rule] += 1
                if last < 0:
                    first_hits[rule] += 1
                last = rule
        out_is_reached[pair] = last >= 0


@kernel
def thin_runs(  # type: ignore[no-untyped-def]
    rows, starts, runs, columns, column_count, tests, between_sources, size_max, bits, is_alive
):
    """Drop rows none of whose pairs is still wanted; everything is compacted in place.

    As `list_pairs`, with the first `column_count` columns filled; runs larger than `size_max` are
    left whole. bits uint64[n] moves with the rows; is_alive bool[n] is scratch. Returns the runs
    left; starts[runs left] is the number of rows left.
    """
    origin = rows.shape[1] - 1
    kept_runs = 0
    used = 0
    first = starts[0]
    for run in range(runs):
        end = starts[run + 1]
        is_large = end - first > size_max
        for row in range(first, end):
            is_alive[row] = is_large
        if not is_large:
            for left in range(first, end - 1):
                for right in range(left + 1, end):
                    if is_alive[left] and is_alive[right]:
                        continue
                    if between_sources and (
                        (rows[left, origin] ^ rows[right, origin]) >> uint64(ORIGIN_SOURCE_SHIFT)
                        == 0
                    ):
                        continue
                    if not _is_elsewhere(columns, left, right, tests):
                        is_alive[left] = True
                        is_alive[right] = True
        before = used
        for row in range(first, end):
            if is_alive[row]:
                for word in range(rows.shape[1]):
                    rows[used, word] = rows[row, word]
                for column in range(column_count):
                    columns[used, column] = columns[row, column]
                bits[used] = bits[row]
                used += 1
        first = end
        if used > before:
            kept_runs += 1
            starts[kept_runs] = used
    return kept_runs


@kernel
def _is_identical(rows, left, right, n_words):  # type: ignore[no-untyped-def]
    for word in range(n_words):
        if rows[left, word] != rows[right, word]:
            return False
    return True


@kernel
def list_window_pairs(  # type: ignore[no-untyped-def]
    rows,
    count,
    left_stop,
    window,
    columns,
    tests,
    between_sources,
    only_identical,
    state,
    out_left,
    out_right,
):
    """Fill the pair buffers with pairs at most `window` places apart, left below `left_stop`.

    rows uint64[>= count, w + 1] in sorted order; state int64[2] = left, right, moved on. With
    `only_identical`, pairs that differ in a word are left out. Returns pairs written.
    """
    origin = rows.shape[1] - 1
    used = 0
    left = state[0]
    right = state[1]
    while left < left_stop:
        end = min(count, left + 1 + window)
        while right < end:
            if used == out_left.shape[0]:
                state[0], state[1] = left, right
                return used
            keep = not between_sources or (
                (rows[left, origin] ^ rows[right, origin]) >> uint64(ORIGIN_SOURCE_SHIFT) != 0
            )
            keep = keep and (not only_identical or _is_identical(rows, left, right, origin))
            if keep and not _is_elsewhere(columns, left, right, tests):
                out_left[used] = int32(left)
                out_right[used] = int32(right)
                used += 1
            right += 1
        left += 1
        right = left + 1
    state[0], state[1] = left, right
    return used


@kernel
def split_identical(rows, index, out):  # type: ignore[no-untyped-def]
    """Rows of `index`, int32[n] in sorted order, that differ from the one before; returns count."""
    n_words = rows.shape[1] - 1
    used = 0
    for place in range(index.shape[0]):
        if place == 0 or not _is_identical(rows, index[place - 1], index[place], n_words):
            out[used] = index[place]
            used += 1
    return used
