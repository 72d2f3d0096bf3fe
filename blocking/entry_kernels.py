"""Kernels of a pass whose rows stay where they are: keys and record numbers travel instead.

An entry is 16 bytes: a block key, then group << 32 | record number. Records of one group have been
compared with each other by an earlier rule. Entries are partitioned by the top bits of their key
into buckets that fit the second-level cache, and a bucket's runs are found by hashing its keys:
only the rows of runs that hold two groups are ever looked at.

Bytes touched a record and rule: keys 8 read twice, group 4 read, entry 16 written and read, some 12
random ones in the cache; then, for a row of a run that is wanted, two or three lines of the store.
Measured on one core: 3 ns to count and partition a key, 8 to find its run, 25 to gather a row.
"""

from __future__ import annotations

from numba import int32, int64, uint32, uint64

from person.jit import kernel, prefetch
from person.records import ORIGIN_SOURCE_SHIFT

__all__ = [
    "copy_places",
    "count_entries",
    "count_keyed",
    "drop_known_runs",
    "find_runs",
    "gather_held_rows",
    "scatter_entries",
    "set_groups",
    "take_low_places",
]

AHEAD = 12
KNOWN_AHEAD = 24
"""Rows, and groups, asked for before they are needed."""


@kernel
def count_keyed(keys, start, stop):  # type: ignore[no-untyped-def]
    """Records with a key in columns [start, stop) of keys uint64[variants, n]."""
    records = 0
    for place in range(start, stop):
        value = uint64(0)
        for variant in range(keys.shape[0]):
            value |= keys[variant, place]
        records += value != 0
    return records


@kernel
def count_entries(keys, start, stop, below, shift, first, counts):  # type: ignore[no-untyped-def]
    """Keys of each bucket among columns [start, stop) of keys: counts int64[buckets], set anew.

    Keys under `below` alone, where that is not 0; bucket b holds those with key >> shift ==
    first + b, shift < 64.
    """
    counts[:] = 0
    buckets = uint64(counts.shape[0])
    for variant in range(keys.shape[0]):
        for place in range(start, stop):
            key = keys[variant, place]
            bucket = (key >> uint64(shift)) - uint64(first)
            if key - uint64(1) < below - uint64(1) and bucket < buckets:
                counts[bucket] += 1


@kernel
def scatter_entries(  # type: ignore[no-untyped-def]
    keys, groups, start, stop, below, shift, first, positions, entries
):
    """Write the entries of columns [start, stop) to their buckets' next places.

    As `count_entries`; groups uint32[n], or empty where each record is a group of its own;
    positions int64[buckets], moved on; entries uint64[*, 2]. The line that each bucket is at stays
    in the second-level cache by itself: gathering four entries first takes three times as long.
    """
    buckets = uint64(positions.shape[0])
    has_groups = groups.shape[0] > 0
    for place in range(start, stop):
        for variant in range(keys.shape[0]):
            key = keys[variant, place]
            bucket = (key >> uint64(shift)) - uint64(first)
            if key - uint64(1) >= below - uint64(1) or bucket >= buckets:
                continue
            group = uint64(groups[place]) if has_groups else uint64(place)
            at = positions[bucket]
            positions[bucket] = at + 1
            entries[at, 0] = key
            entries[at, 1] = group << uint64(32) | uint64(place)


@kernel
def _chain_runs(entries, table, run_keys, run_lasts, run_sizes, before):  # type: ignore[no-untyped-def]
    """Number the keys of a bucket in their first order; returns how many there are.

    entries uint64[m, 2]; table int32[power of two >= 2m] holds no key yet; run_keys uint64: key of
    each run, run_lasts int32 its last entry, run_sizes int32: 2 * entries + whether two groups met;
    before int32[m]: the entry of the same run before each, -1 for none.
    """
    mask = uint64(table.shape[0] - 1)
    found = 0
    for place in range(entries.shape[0]):
        key = entries[place, 0]
        at = key & mask
        run = int64(table[at]) - 1
        while run >= 0 and run_keys[run] != key:
            at = (at + uint64(1)) & mask
            run = int64(table[at]) - 1
        if run < 0:
            run = found
            found += 1
            table[at] = int32(found)
            run_keys[run] = key
            run_sizes[run] = 2
            before[place] = -1
        else:
            last = run_lasts[run]
            differs = (entries[place, 1] ^ entries[last, 1]) >> uint64(32) != 0
            run_sizes[run] = (run_sizes[run] + 2) | int32(differs)
            before[place] = last
        run_lasts[run] = int32(place)
    return found


@kernel
def find_runs(  # type: ignore[no-untyped-def]
    entries, starts, bucket, size_max, table, run_keys, run_lasts, run_sizes, before,
    out_numbers, out_keys, out_starts, state
):  # fmt: skip
    """Find the runs of the next buckets until the room is full; returns the bucket to go on with.

    entries uint64[*, 2], bucket b at starts[b] to starts[b + 1]; table int32[power of two at least
    twice the largest bucket], zeros, and left so; run_keys uint64, run_lasts, run_sizes and before
    int32, as long as the largest bucket.

    Written are runs of two records or more that hold two groups, or more than `size_max`: record
    numbers to out_numbers uint32[room], in record order inside each run, keys to out_keys, starts
    to out_starts int64[room + 1]. state int64[5], to begin with 0: runs and records written,
    blocks of 2 to `size_max` met, size of the largest of them and of the largest of all written.
    """
    room = out_numbers.shape[0]
    runs = 0
    used = 0
    out_starts[0] = 0
    blocks = state[2]
    largest = state[3]
    largest_written = int64(0)
    while bucket < starts.shape[0] - 1:
        first = starts[bucket]
        count = starts[bucket + 1] - first
        if used + count > room:
            break
        bucket += 1
        if count < 2:
            continue
        size = 4
        while size < 2 * count:
            size *= 2
        mine = entries[first : first + count]
        hashed = table[:size]
        found = _chain_runs(mine, hashed, run_keys, run_lasts, run_sizes, before)
        hashed[:] = 0
        for run in range(found):
            members = int64(run_sizes[run] >> 1)
            if members == 1:
                continue
            is_large = members > size_max
            if not is_large:
                blocks += 1
                largest = max(largest, members)
                if run_sizes[run] & 1 == 0:
                    continue
            largest_written = max(largest_written, members)
            used += members
            runs += 1
            out_starts[runs] = used
            place = int64(run_lasts[run])
            at = used
            while place >= 0:
                at -= 1
                out_numbers[at] = uint32(mine[place, 1])
                out_keys[at] = mine[place, 0]
                place = int64(before[place])
    state[0], state[1], state[2], state[3], state[4] = runs, used, blocks, largest, largest_written
    return bucket


@kernel
def drop_known_runs(numbers, keys, starts, runs, size_max, groups):  # type: ignore[no-untyped-def]
    """Drop runs all of whose records are of one group, in any line of groups uint32[k, n].

    numbers, keys and starts as `find_runs` wrote them, compacted in place; runs larger than
    `size_max` stay. Returns the runs left.
    """
    flat = groups.reshape(groups.size)
    count = groups.shape[1]
    kept = 0
    used = 0
    first = starts[0]
    total = starts[runs]
    asked = first
    for run in range(runs):
        end = starts[run + 1]
        while asked < min(end + KNOWN_AHEAD, total):
            for line in range(groups.shape[0]):
                prefetch(flat, line * count + int64(numbers[asked]))
            asked += 1
        is_known = False
        if end - first <= size_max:
            for line in range(groups.shape[0]):
                own = groups[line, numbers[first]]
                place = first + 1
                while place < end and groups[line, numbers[place]] == own:
                    place += 1
                is_known = place == end
                if is_known:
                    break
        if not is_known:
            for place in range(first, end):
                numbers[used] = numbers[place]
                keys[used] = keys[place]
                used += 1
            kept += 1
            starts[kept] = used
        first = end
    return kept


@kernel
def set_groups(numbers, starts, runs, size_max, groups):  # type: ignore[no-untyped-def]
    """Make each run of up to `size_max` records a group: groups uint32[n], by its first record."""
    for run in range(runs):
        first = starts[run]
        if starts[run + 1] - first <= size_max:
            for place in range(first, starts[run + 1]):
                groups[numbers[place]] = numbers[first]


@kernel
def gather_held_rows(flat, numbers, out):  # type: ignore[no-untyped-def]
    """out[i] = the row numbers[i], uint32, of the rows of `flat`, uint64, as wide as those of out.

    Rows are far apart, and each lies on two lines or three: the first and last are asked for early.
    """
    width = out.shape[1]
    last = numbers.shape[0] - 1
    for place in range(min(AHEAD, last + 1)):
        prefetch(flat, int64(numbers[place]) * width)
        prefetch(flat, int64(numbers[place]) * width + width - 1)
    for place in range(last + 1):
        ahead = int64(numbers[min(place + AHEAD, last)]) * width
        prefetch(flat, ahead)
        prefetch(flat, ahead + width - 1)
        first = int64(numbers[place]) * width
        for word in range(width):
            out[place, word] = flat[first + word]


@kernel
def take_low_places(keys, count, below, base, used, out_places, out_keys):  # type: ignore[no-untyped-def]
    """Append base + place of each record with a key under `below`, and its keys.

    keys uint64[variants, >= count], 0 = none; out_places int32[*] and out_keys uint64[variants, *]
    are used up to `used` and have room for all. Returns what is used now, and how many records
    have a key at all.
    """
    keyed = 0
    if keys.shape[0] == 1:
        for place in range(count):
            key = keys[0, place]
            out_places[used] = base + place
            out_keys[0, used] = key
            keyed += key != 0
            used += key - uint64(1) < below - uint64(1)
        return used, keyed
    for place in range(count):
        is_keyed = keys[0, place] != 0
        is_taken = keys[0, place] - uint64(1) < below - uint64(1)
        for variant in range(1, keys.shape[0]):
            is_keyed |= keys[variant, place] != 0
            is_taken |= keys[variant, place] - uint64(1) < below - uint64(1)
        keyed += is_keyed
        out_places[used] = base + place
        for variant in range(keys.shape[0]):
            out_keys[variant, used] = keys[variant, place]
        used += is_taken
    return used, keyed


@kernel
def copy_places(rows, source, first_row, places, out):  # type: ignore[no-untyped-def]
    """Rows at places int32[k] of rows uint64[n, w], with their origin: out uint64[k, w + 1].

    source uint16[n]; rows are numbered from `first_row` on.
    """
    n_words = rows.shape[1]
    for number in range(places.shape[0]):
        place = int64(places[number])
        for word in range(n_words):
            out[number, word] = rows[place, word]
        origin = uint64(source[place]) << uint64(ORIGIN_SOURCE_SHIFT)
        out[number, n_words] = origin | uint64(first_row + place)
