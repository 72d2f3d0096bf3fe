"""Compiled packing and reading of leaves by record number: encoded rows, and record ids.

    row leaf  first_record u32 | count u16 | 2 zero bytes | per slot a byte: width, with bit 7
              where the slot is optional | anchors (u16 each 16 rows: payload bits before) |
              flags, row by row: one bit for each optional slot that is not 0 | payload, row by
              row: slots of their widths, optional ones only where their flag is set
    id leaf   first_record u32 | count u16 | source_bits u8 | time_bits u8 | source_base u16 |
              length_bits u8 | character_bits u8 | time_base u32 | length_base u16 |
              prefix_length u16 | alphabet_length u16 | 2 zero bytes | prefix | alphabet |
              anchors (u16 each 16 records: characters before) | sources | times | lengths |
              characters

A slot (word, shift, bits) is a part of a row that is often 0 as a whole; it gets the width of its
largest value in the leaf. An id leaf keeps what its ids begin with once, and their other
characters as places in the alphabet of the leaf (as bytes where more than 128 of them occur).
"""

from __future__ import annotations

import numpy as np
from numba import int64, uint8, uint64

from index_store.leaf_kernels import (
    _first_match,
    _width,
    leaf_address,
    locate,
    put_bits,
    take_bits,
)
from index_store.memory import load_word
from person.jit import kernel

__all__ = [
    "fill_record_ids",
    "find_records",
    "gather_rows",
    "measure_record_ids",
    "pack_record_ids",
    "pack_rows",
]

_FLAGS_AT_ONCE = 48


@kernel
def _slot(row, slots, slot):  # type: ignore[no-untyped-def]
    ones = (uint64(1) << uint64(slots[slot, 2])) - uint64(1)
    return (row[slots[slot, 0]] >> uint64(slots[slot, 1])) & ones


@kernel
def _take_in(rows, first, last, words, masks, held, filled):  # type: ignore[no-untyped-def]
    """Add rows first .. last - 1 to the bits held by any and to the counts of slots not 0."""
    for row in range(first, last):
        values = rows[row]
        for word in range(rows.shape[1]):
            held[word] |= values[word]
        for slot in range(words.shape[0]):
            filled[slot] += (values[words[slot]] & masks[slot]) != 0


@kernel
def _row_bits(count, slots, held, filled, widths):  # type: ignore[no-untyped-def]
    """Bits of a leaf of `count` rows; fills the widths of their slots."""
    bits = 64 + 8 * slots.shape[0] + 16 * ((count + 15) // 16)
    for slot in range(slots.shape[0]):
        widths[slot] = _width(_slot(held, slots, slot))
        bits += min(count * widths[slot], count + filled[slot] * widths[slot])
    return bits


@kernel
def _fitting_rows(rows, start, slots, masks, widths, filled):  # type: ignore[no-untyped-def]
    """Most rows from `start` on that fit one leaf; widths and non-zero counts of their slots.

    Another row never makes a leaf smaller, so that many are tried at once, then fewer.
    """
    most, count, step = min(rows.shape[0] - start, 65535), int64(0), int64(16)
    words = slots[:, 0].astype(np.uint64)
    held = np.zeros(rows.shape[1], np.uint64)
    old_held, old_filled = np.empty_like(held), np.empty_like(filled)
    filled[:] = 0
    while count < most:
        size = min(count + step, most)
        old_held[:], old_filled[:] = held, filled
        _take_in(rows, start + count, start + size, words, masks, held, filled)
        if _row_bits(size, slots, held, filled, widths) <= 32704:
            count = size
            continue
        held[:], filled[:] = old_held, old_filled
        if step == 1:
            break
        step >>= 2
    _row_bits(count, slots, held, filled, widths)
    return count


@kernel
def _write_rows(rows, start, count, slots, masks, widths, optional, words):  # type: ignore[no-untyped-def]
    """Anchors, flags and payload of one leaf; each of these two is collected in a word."""
    used = np.flatnonzero(widths)
    plan = np.empty((used.shape[0], 5), np.uint64)  # word, mask, shift, width, 1 where optional
    for each in range(used.shape[0]):
        slot = used[each]
        plan[each, 0], plan[each, 1] = uint64(slots[slot, 0]), masks[slot]
        plan[each, 2], plan[each, 3] = uint64(slots[slot, 1]), uint64(widths[slot])
        plan[each, 4] = uint64(optional[slot])
    anchor = 64 + 8 * slots.shape[0]
    flag = anchor + 16 * ((count + 15) // 16)
    first = flag + count * int64(np.sum(optional))
    flags, flag_word, flag_bit = uint64(0), flag >> 6, uint64(flag & 63)
    payload, word, bit = uint64(0), first >> 6, uint64(first & 63)
    for place in range(count):
        if place % 16 == 0:
            put_bits(words, anchor, uint64((word << 6) + int64(bit) - first), int64(16))
            anchor += 16
        row = rows[start + place]
        for each in range(plan.shape[0]):
            value = (row[plan[each, 0]] & plan[each, 1]) >> plan[each, 2]
            width, is_optional = plan[each, 3], plan[each, 4]
            is_set = uint64(value != 0)
            flags |= (is_set & is_optional) << flag_bit
            flag_bit += is_optional
            if flag_bit == 64:
                words[flag_word] |= flags
                flags, flag_word, flag_bit = uint64(0), flag_word + 1, uint64(0)
            width &= uint64(0) - (is_set | (is_optional ^ uint64(1)))  # no branches
            payload |= value << bit
            bit += width
            if bit >= 64:
                words[word] |= payload
                bit -= uint64(64)
                payload, word = value >> (width - bit), word + 1
    words[flag_word] |= flags
    words[word] |= payload


@kernel
def pack_rows(rows, slots, first_record, is_last, leaves, first_keys):  # type: ignore[no-untyped-def]
    """Fill zeroed leaves, uint64[n, 512]; returns leaves filled and rows used."""
    widths, filled = np.zeros(slots.shape[0], np.int64), np.zeros(slots.shape[0], np.int64)
    optional = np.zeros(slots.shape[0], np.bool_)
    masks = np.empty(slots.shape[0], np.uint64)
    for slot in range(slots.shape[0]):
        ones = (uint64(1) << uint64(slots[slot, 2])) - uint64(1)
        masks[slot] = ones << uint64(slots[slot, 1])
    start, leaf = int64(0), int64(0)
    while start < rows.shape[0] and leaf < leaves.shape[0]:
        count = _fitting_rows(rows, start, slots, masks, widths, filled)
        if start + count == rows.shape[0] and not is_last:
            break
        words = leaves[leaf]
        words[0] = uint64(first_record + start) | (uint64(count) << uint64(32))
        for slot in range(slots.shape[0]):
            optional[slot] = count + filled[slot] * widths[slot] < count * widths[slot]
            code = uint64(widths[slot]) | (uint64(optional[slot]) << uint64(7))
            put_bits(words, 64 + 8 * slot, code, int64(8))
        _write_rows(rows, start, count, slots, masks, widths, optional, words)
        first_keys[leaf] = uint64(first_record + start)
        start += count
        leaf += 1
    return leaf, start


@kernel
def _payload_bit(address, place, count, total, codes, optional_widths):  # type: ignore[no-untyped-def]
    """(bit of a row's flags, bit of its payload); fills the slots' bytes and optional widths."""
    fixed, options = int64(0), int64(0)
    for slot in range(total):
        code = int64(load_word(address + uint64(8 + slot)) & uint64(0xFF))
        codes[slot] = code
        if code & 128:
            optional_widths[options] = code & 127
            options += 1
        else:
            fixed += code
    anchor = 64 + 8 * total
    flag = anchor + 16 * ((count + 15) // 16)
    near = place & ~15
    bit = flag + count * options + int64(take_bits(address, anchor + near, int64(16)))
    bit += (place - near) * fixed
    for other in range(near, place):
        for start in range(0, options, _FLAGS_AT_ONCE):
            part = min(options - start, int64(_FLAGS_AT_ONCE))
            flags = take_bits(address, flag + other * options + start, part)
            for option in range(part):  # no branches: half of the flags are set, at random
                is_set = int64((flags >> uint64(option)) & uint64(1))
                bit += optional_widths[start + option] & -is_set
    return flag + place * options, bit


@kernel
def gather_rows(first_keys, segments, slots, wanted, skip, out):  # type: ignore[no-untyped-def]
    """Rows by record number."""
    total = slots.shape[0]
    codes, optional_widths = np.zeros(total, np.int64), np.zeros(total, np.int64)
    for position in range(wanted.shape[0]):
        if skip[position]:
            continue
        address = leaf_address(segments, locate(first_keys, uint64(wanted[position] + 1)))
        header = load_word(address)
        place = wanted[position] - int64(header & uint64(0xFFFFFFFF))
        count = int64((header >> uint64(32)) & uint64(0xFFFF))
        flag, bit = _payload_bit(address, place, count, total, codes, optional_widths)
        row = out[position]
        row[:] = 0
        for slot in range(total):
            width = codes[slot] & 127
            if codes[slot] & 128:
                flag += 1
                if not take_bits(address, flag - 1, int64(1)):
                    continue
            row[slots[slot, 0]] |= take_bits(address, bit, width) << uint64(slots[slot, 1])
            bit += width


@kernel
def _plan(source, times, offsets, data, start, end, plan):  # type: ignore[no-untyped-def]
    """What a leaf of records start .. end - 1 needs; returns its bits, fills `plan`.

    plan: source_base, source_bits, time_base, time_bits, length_base, length_bits,
    prefix_length, alphabet_length (0: bytes as they are), character_bits; then the alphabet's
    place of each byte, or -1, from 16 on
    """
    low_source, high_source = int64(source[start]), int64(source[start])
    low_time, high_time = int64(times[start]), int64(times[start])
    head = offsets[start]
    prefix = offsets[start + 1] - head
    low_length, high_length = prefix, prefix
    for row in range(start, end):
        low_source = min(low_source, int64(source[row]))
        high_source = max(high_source, int64(source[row]))
        low_time = min(low_time, int64(times[row]))
        high_time = max(high_time, int64(times[row]))
        length = offsets[row + 1] - offsets[row]
        low_length, high_length = min(low_length, length), max(high_length, length)
        prefix = min(prefix, length)
        for place in range(prefix):
            if data[offsets[row] + place] != data[head + place]:
                prefix = place
                break
    plan[16:272] = -1
    characters = int64(0)
    for row in range(start, end):
        for place in range(offsets[row] + prefix, offsets[row + 1]):
            plan[16 + int64(data[place])] = 0
        characters += offsets[row + 1] - offsets[row] - prefix
    letters = int64(0)
    for byte in range(256):
        if plan[16 + byte] == 0:
            plan[16 + byte] = letters
            letters += 1
    plan[0], plan[1] = low_source, _width(high_source - low_source)
    plan[2], plan[3] = low_time, _width(high_time - low_time)
    plan[4], plan[5] = low_length, _width(high_length - low_length)
    plan[6] = prefix
    plan[7] = letters if letters <= 128 else 0
    plan[8] = max(_width(max(letters - 1, int64(0))), int64(letters > 0)) if letters <= 128 else 8
    count = end - start
    anchors = (count + 15) // 16
    fixed = 8 * (24 + prefix + plan[7]) + 16 * anchors
    return fixed + count * (plan[1] + plan[3] + plan[5]) + characters * plan[8]


@kernel
def _fitting(source, times, offsets, data, start, seen):  # type: ignore[no-untyped-def]
    """Most records from `start` on that fit one leaf, at least one: `_plan` record by record."""
    low_source, high_source = int64(source[start]), int64(source[start])
    low_time, high_time = int64(times[start]), int64(times[start])
    head = offsets[start]
    prefix = offsets[start + 1] - head
    low_length, high_length = prefix, prefix
    seen[:] = 0
    letters, characters = int64(0), int64(0)
    most = min(source.shape[0] - start, 65535)
    for count in range(most):
        row = start + count
        first, length = offsets[row], offsets[row + 1] - offsets[row]
        low_source = min(low_source, int64(source[row]))
        high_source = max(high_source, int64(source[row]))
        low_time = min(low_time, int64(times[row]))
        high_time = max(high_time, int64(times[row]))
        low_length, high_length = min(low_length, length), max(high_length, length)
        shared = int64(0)
        while shared < min(prefix, length) and data[first + shared] == data[head + shared]:
            shared += 1
        for place in range(head + shared, head + prefix):  # no longer shared, by those before
            letters += 1 - seen[data[place]]
            seen[data[place]] = 1
        prefix = shared
        for place in range(first + prefix, first + length):
            letters += 1 - seen[data[place]]
            seen[data[place]] = 1
        characters += length
        bits = _width(high_source - low_source) + _width(high_time - low_time)
        bits = (count + 1) * (bits + _width(high_length - low_length)) + 16 * ((count + 16) // 16)
        width = max(_width(max(letters - 1, int64(0))), int64(letters > 0))
        alphabet = letters
        if letters > 128:
            alphabet, width = int64(0), int64(8)
        bits += (characters - (count + 1) * prefix) * width
        if bits + 8 * (24 + prefix + alphabet) > 32704 and count > 0:
            return count
    return most


@kernel
def _put_bytes(words, byte, value):  # type: ignore[no-untyped-def]
    words[byte >> 3] |= uint64(value) << uint64(8 * (byte & 7))


@kernel
def _write_record_ids(source, times, offsets, data, start, end, plan, words):  # type: ignore[no-untyped-def]
    """Everything of an id leaf but its header."""
    prefix, letters = plan[6], plan[7]
    for place in range(prefix):
        _put_bytes(words, 24 + place, data[offsets[start] + place])
    if letters:
        for byte in range(256):
            if plan[16 + byte] >= 0:
                _put_bytes(words, 24 + prefix + plan[16 + byte], byte)
    count = end - start
    anchor = 8 * (24 + prefix + letters)
    source_bit = anchor + 16 * ((count + 15) // 16)
    time_bit = source_bit + count * plan[1]
    length_bit = time_bit + count * plan[3]
    first = length_bit + count * plan[5]
    text, word, bit, width = uint64(0), first >> 6, uint64(first & 63), uint64(plan[8])
    characters = int64(0)
    for row in range(start, end):
        if (row - start) % 16 == 0:
            put_bits(words, anchor, uint64(characters), int64(16))
            anchor += 16
        put_bits(words, source_bit, uint64(int64(source[row]) - plan[0]), plan[1])
        put_bits(words, time_bit, uint64(int64(times[row]) - plan[2]), plan[3])
        length = offsets[row + 1] - offsets[row]
        put_bits(words, length_bit, uint64(length - plan[4]), plan[5])
        source_bit += plan[1]
        time_bit += plan[3]
        length_bit += plan[5]
        for place in range(offsets[row] + prefix, offsets[row + 1]):
            code = uint64(plan[16 + int64(data[place])] if letters else int64(data[place]))
            text |= code << bit
            bit += width
            if bit >= 64:
                words[word] |= text
                bit -= uint64(64)
                text, word = code >> (width - bit), word + 1
        characters += length - prefix
    words[word] |= text


@kernel
def pack_record_ids(source, times, offsets, data, first_record, is_last, leaves, first_keys):  # type: ignore[no-untyped-def]
    """Fill zeroed leaves, uint64[n, 512]; returns leaves filled and records used."""
    total = source.shape[0]
    plan = np.zeros(272, np.int64)
    seen = np.zeros(256, np.int64)
    start, leaf = int64(0), int64(0)
    while start < total and leaf < leaves.shape[0]:
        count = _fitting(source, times, offsets, data, start, seen)
        end = start + count
        if end == total and not is_last:
            break
        _plan(source, times, offsets, data, start, end, plan)
        words = leaves[leaf]
        words[0] = (
            uint64(first_record + start)
            | (uint64(count) << uint64(32))
            | (uint64(plan[1]) << uint64(48))
            | (uint64(plan[3]) << uint64(56))
        )
        words[1] = (
            uint64(plan[0])
            | (uint64(plan[5]) << uint64(16))
            | (uint64(plan[8]) << uint64(24))
            | (uint64(plan[2]) << uint64(32))
        )
        sizes = uint64(plan[6]) | (uint64(plan[7]) << uint64(16))
        words[2] = uint64(plan[4]) | (sizes << uint64(16))
        _write_record_ids(source, times, offsets, data, start, end, plan, words)
        first_keys[leaf] = uint64(first_record + start)
        start = end
        leaf += 1
    return leaf, start


@kernel
def _entry(first_keys, segments, record):  # type: ignore[no-untyped-def]
    """(leaf address, source, time, length, first character's bit) of a record."""
    address = leaf_address(segments, locate(first_keys, uint64(record + 1)))
    head, bases = load_word(address), load_word(address + uint64(8))
    sizes = load_word(address + uint64(16))
    place = record - int64(head & uint64(0xFFFFFFFF))
    count = int64((head >> uint64(32)) & uint64(0xFFFF))
    source_bits = int64((head >> uint64(48)) & uint64(0xFF))
    time_bits = int64(head >> uint64(56))
    length_bits = int64((bases >> uint64(16)) & uint64(0xFF))
    character_bits = int64((bases >> uint64(24)) & uint64(0xFF))
    length_base = int64(sizes & uint64(0xFFFF))
    prefix = int64((sizes >> uint64(16)) & uint64(0xFFFF))
    anchor = 8 * (24 + prefix + int64((sizes >> uint64(32)) & uint64(0xFFFF)))
    source_bit = anchor + 16 * ((count + 15) // 16)
    time_bit = source_bit + count * source_bits
    length_bit = time_bit + count * time_bits
    source = int64(bases & uint64(0xFFFF)) + int64(
        take_bits(address, source_bit + place * source_bits, source_bits)
    )
    time = int64(bases >> uint64(32)) + int64(
        take_bits(address, time_bit + place * time_bits, time_bits)
    )
    before = int64(take_bits(address, anchor + 16 * (place >> 4), int64(16)))
    near = (place >> 4) << 4
    before += (place - near) * (length_base - prefix)
    if length_bits:
        for other in range(near, place):
            before += int64(take_bits(address, length_bit + other * length_bits, length_bits))
    length = length_base + int64(take_bits(address, length_bit + place * length_bits, length_bits))
    bit = length_bit + count * length_bits + before * character_bits
    return address, source, time, length, bit


@kernel
def _character(address, place, bit):  # type: ignore[no-untyped-def]
    """One byte of the record id that `_entry` found; `bit` is its first character's."""
    sizes = load_word(address + uint64(16))
    prefix = int64((sizes >> uint64(16)) & uint64(0xFFFF))
    if place < prefix:
        return uint8(load_word(address + uint64(24 + place)) & uint64(0xFF))
    character_bits = int64((load_word(address + uint64(8)) >> uint64(24)) & uint64(0xFF))
    code = take_bits(address, bit + (place - prefix) * character_bits, character_bits)
    if (sizes >> uint64(32)) & uint64(0xFFFF):
        code = load_word(address + uint64(24 + prefix) + code)
    return uint8(code & uint64(0xFF))


@kernel
def measure_record_ids(first_keys, segments, wanted, skip, source, times, lengths):  # type: ignore[no-untyped-def]
    """Source, time and length of the id of each record."""
    for position in range(wanted.shape[0]):
        if not skip[position]:
            _, source[position], times[position], lengths[position], _ = _entry(
                first_keys, segments, wanted[position]
            )


@kernel
def fill_record_ids(first_keys, segments, wanted, skip, offsets, out):  # type: ignore[no-untyped-def]
    """Bytes of the id of each record, at `offsets`."""
    for position in range(wanted.shape[0]):
        if not skip[position]:
            address, _, _, length, bit = _entry(first_keys, segments, wanted[position])
            for place in range(length):
                out[offsets[position] + place] = _character(address, place, bit)


@kernel
def _is_reference(first_keys, segments, record, source, offsets, data, position):  # type: ignore[no-untyped-def]
    address, found, _, length, bit = _entry(first_keys, segments, record)
    if found != int64(source[position]) or length != offsets[position + 1] - offsets[position]:
        return False
    for place in range(length):
        if _character(address, place, bit) != data[offsets[position] + place]:
            return False
    return True


@kernel
def find_records(  # type: ignore[no-untyped-def]
    hash_keys, hash_segments, id_keys, id_segments, hashes, source, offsets, data, out
):
    """The record with each (source, id): by hash, verified on the id itself; -1 where none."""
    for position in range(hashes.shape[0]):
        out[position] = -1
        key = hashes[position] >> uint64(32)
        leaf, place = _first_match(hash_keys, hash_segments, locate(hash_keys, key), key)
        while 0 <= leaf < hash_keys.shape[0] and hash_keys[leaf] <= key:
            address = leaf_address(hash_segments, leaf)
            header = load_word(address + uint64(8))
            count = int64(header & uint64(0xFFFF))
            width = int64((header >> uint64(16)) & uint64(0xFF))
            value_width = int64((header >> uint64(24)) & uint64(0xFF))
            offset = key - hash_keys[leaf]
            while place < count and take_bits(address, 128 + place * width, width) == offset:
                bit = 128 + count * width + place * value_width
                record = int64(take_bits(address, bit, value_width))
                if _is_reference(id_keys, id_segments, record, source, offsets, data, position):
                    out[position] = record
                place += 1
            if place < count:
                break
            leaf, place = leaf + 1, int64(0)
