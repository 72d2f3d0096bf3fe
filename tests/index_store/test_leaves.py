"""Packed leaves give back what was put in, and find it."""

from __future__ import annotations

import itertools
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from index_store.leaf_kernels import (
    CRC_TABLES,
    LEAF_BITS,
    LEAF_BYTES,
    LEAF_WORDS,
    SEGMENT_LEAVES,
    decode_pairs,
    fill_matches,
    find_first_values,
    find_matches,
    gather_numbers,
    pack_numbers,
    pack_pairs,
    sum_leaves,
)
from index_store.memory import address_of
from index_store.record_kernels import (
    fill_record_ids,
    gather_rows,
    measure_record_ids,
    pack_record_ids,
    pack_rows,
)
from index_store.row_slots import slots_from, whole_slots
from index_store.text_kernels import join_texts

NONE = np.uint64((1 << 64) - 1)
U64 = st.integers(0, (1 << 57) - 1)


def addresses(leaves: NDArray[np.uint64]) -> NDArray[np.uint64]:
    first = address_of(leaves)
    step = SEGMENT_LEAVES * LEAF_BYTES
    return np.array([first + at for at in range(0, leaves.nbytes, step)], np.uint64)


def packed(pack: Any, count: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    leaves = np.zeros((count + 1, LEAF_WORDS), np.uint64)
    first_keys = np.zeros(len(leaves), np.uint64)
    filled, _ = pack(leaves, first_keys)
    return leaves, first_keys[:filled].copy()


@example(pairs=[])
@example(pairs=[(0, 0)] * 3)
@example(pairs=[(0, 1), ((1 << 57) - 1, 2)])
@given(pairs=st.lists(st.tuples(U64, st.integers(0, (1 << 32) - 1)), max_size=200))
def test_pairs_are_found_wherever_they_lie(pairs: list[tuple[int, int]]) -> None:
    """Every value of a key is found, in order, and a key that is absent is not."""
    pairs = sorted(pairs * 9 if len(pairs) < 20 else pairs)
    keys = np.array([key for key, _ in pairs], np.uint64)
    values = np.array([value for _, value in pairs], np.uint64)
    bits = np.int64(32)
    leaves, first_keys = packed(lambda *out: pack_pairs(keys, values, bits, True, *out), len(pairs))
    segments = addresses(leaves)
    wanted = np.unique(np.concatenate([keys, keys + np.uint64(1), np.array([0], np.uint64)]))
    starts, counts = np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
    find_matches(first_keys, segments, wanted, np.zeros(len(wanted), np.bool_), starts, counts)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    found = np.empty(offsets[-1], np.int64)
    fill_matches(segments, starts, offsets, found)
    expected = [[v for k, v in pairs if k == key] for key in wanted.tolist()]
    assert expected == [found[a:b].tolist() for a, b in itertools.pairwise(offsets)]
    if pairs:
        first = np.empty(len(wanted), np.uint64)
        find_first_values(first_keys, segments, wanted, NONE, first)
        assert [own[0] if own else int(NONE) for own in expected] == first.tolist()
    none = np.zeros(0, np.uint64)
    count = decode_pairs(segments, 0, len(first_keys), none, none)
    assert len(pairs) == count


def test_one_key_may_fill_many_leaves() -> None:
    """A key with thousands of records spans leaves; none is lost at their edges."""
    keys = np.sort(np.concatenate([np.full(5000, 7), np.arange(3000)])).astype(np.uint64)
    values = np.arange(len(keys), dtype=np.uint64)
    leaves, first_keys = packed(
        lambda *out: pack_pairs(keys, values, np.int64(20), True, *out), len(keys)
    )
    assert len(first_keys) > 3
    wanted = np.array([6, 7, 8, 2999, 3000], np.uint64)
    starts, counts = np.zeros(5, np.int64), np.zeros(5, np.int64)
    skip = np.zeros(5, np.bool_)
    find_matches(first_keys, addresses(leaves), wanted, skip, starts, counts)
    assert [1, 5001, 1, 1, 0] == counts.tolist()


@given(data=st.data(), count=st.integers(1, 300))
def test_rows_come_back_bit_for_bit(data: st.DataObject, count: int) -> None:
    """Slots that are 0, wide or absent from the list of slots all come back."""
    mask = np.array(
        data.draw(st.lists(st.integers(0, int(NONE)), min_size=3, max_size=3)), np.uint64
    )
    random = np.random.default_rng(count)
    rows = random.integers(0, 1 << 63, (count, 3), dtype=np.uint64) & mask
    rows[random.random(count) < 0.5, data.draw(st.integers(0, 2))] = 0
    given_slots = data.draw(st.sampled_from([None, [(0, 0, 64), (1, 3, 50)], []]))
    chosen = np.array(given_slots, np.int64).reshape(-1, 3) if given_slots is not None else None
    slots = slots_from(whole_slots(3, chosen))
    leaves, first_keys = packed(lambda *out: pack_rows(rows, slots, np.int64(0), True, *out), count)
    wanted = random.permutation(count)
    out = np.full((count, 3), NONE)
    skip = np.zeros(count, np.bool_)
    gather_rows(first_keys, addresses(leaves), slots, wanted, skip, out)
    assert np.array_equal(rows[wanted], out)


@example(texts=[b"", b"", b"P1"])
@example(texts=[bytes(range(256)), b"a" * 1024, b"a" * 1023])
@example(texts=[b"a" * (1 + place % 40) for place in range(4000)])
@given(texts=st.lists(st.binary(max_size=30), min_size=1, max_size=150))
def test_record_ids_come_back_byte_for_byte(texts: list[bytes]) -> None:
    """Any bytes, any lengths, any sources and times."""
    count = len(texts)
    random = np.random.default_rng(count)
    source = random.integers(0, 1 << 16, count).astype(np.uint16)
    times = random.integers(0, 1 << 32, count).astype(np.uint32)
    offsets, data = join_texts(texts)
    leaves, first_keys = packed(
        lambda *out: pack_record_ids(source, times, offsets, data, np.int64(0), True, *out), count
    )
    wanted = random.permutation(count)
    skip = np.zeros(count, np.bool_)
    got_source, got_times = np.empty(count, np.uint16), np.empty(count, np.uint32)
    lengths = np.empty(count, np.int64)
    segments = addresses(leaves)
    measure_record_ids(first_keys, segments, wanted, skip, got_source, got_times, lengths)
    assert np.array_equal(source[wanted], got_source)
    assert np.array_equal(times[wanted], got_times)
    edges = np.concatenate([[0], np.cumsum(lengths)])
    out = np.empty(edges[-1], np.uint8)
    fill_record_ids(first_keys, segments, wanted, skip, edges, out)
    found = out.tobytes()
    assert [texts[w] for w in wanted] == [found[a:b] for a, b in itertools.pairwise(edges)]


def assert_full(pack: Any, first_keys: NDArray[np.uint64], count: int) -> None:
    """Each leaf holds what alone fits one leaf, and with the next entry would not."""
    edges = [*first_keys.astype(np.int64).tolist(), count]
    assert len(edges) > 2
    for start, end in itertools.pairwise(edges):
        assert 1 == len(packed(lambda *out, a=start, b=end: pack(a, b, *out), 3)[1])
        if end < count:
            assert 2 == len(packed(lambda *out, a=start, b=end: pack(a, b + 1, *out), 3)[1])


@pytest.mark.parametrize("seed", range(4))
def test_row_leaves_are_as_full_as_can_be(seed: int) -> None:
    """Rows are tried many at a time; none is left out that would fit."""
    random = np.random.default_rng(seed)
    bits = random.integers(0, 64, (1500, 3)).astype(np.uint64)
    rows = random.integers(0, 1 << 63, (1500, 3), dtype=np.uint64) >> bits
    rows[random.random((1500, 3)) < 0.2 * seed] = 0
    slots = slots_from(whole_slots(3, None))

    def pack(start: int, end: int, *out: Any) -> Any:
        return pack_rows(rows[start:end], slots, np.int64(start), True, *out)

    assert_full(pack, packed(lambda *out: pack(0, 1500, *out), 1500)[1], 1500)


@pytest.mark.parametrize("seed", range(4))
def test_id_leaves_are_as_full_as_can_be(seed: int) -> None:
    """Whatever prefixes, alphabets and lengths turn up on the way."""
    random = np.random.default_rng(seed)
    numbers = random.integers(0, 10 ** (3 + 3 * seed), 3000).tolist()
    texts = [f"{'ABCD'[each % seed] if seed else ''}H{each}".encode() for each in numbers]
    source = random.integers(0, 1 + 500 * seed, 3000).astype(np.uint16)
    times = random.integers(0, 1 + 10**9 * (seed % 2), 3000).astype(np.uint32)
    offsets, data = join_texts(texts)

    def pack(start: int, end: int, *out: Any) -> Any:
        part = slice(start, end)
        edges = offsets[start : end + 1]
        return pack_record_ids(source[part], times[part], edges, data, np.int64(start), True, *out)

    assert_full(pack, packed(lambda *out: pack(0, 3000, *out), 3000)[1], 3000)


@pytest.mark.parametrize("width", [1, 7, 27, 32, 33])
def test_numbers_of_any_width_come_back(width: int) -> None:
    """All ones stands for none."""
    numbers = np.random.default_rng(width).integers(0, 1 << width, 5000).astype(np.uint64)
    per_leaf = np.int64(LEAF_BITS // width)
    leaves = np.zeros((len(numbers) // per_leaf + 1, LEAF_WORDS), np.uint64)
    pack_numbers(numbers, np.int64(width), per_leaf, leaves)
    out = np.empty(len(numbers), np.int64)
    wanted = np.arange(len(numbers))
    gather_numbers(addresses(leaves), np.int64(width), per_leaf, wanted, out)
    expected = [-1 if n == (1 << width) - 1 else n for n in numbers.tolist()]
    assert expected == out.tolist()


def test_leaf_sums_are_zlibs_crc32() -> None:
    """Checksums can be verified with any tool that knows crc32."""
    leaves = np.random.default_rng(0).integers(0, 1 << 63, (5, LEAF_WORDS), dtype=np.uint64)
    out = np.zeros(5, np.uint32)
    sum_leaves(leaves, CRC_TABLES, out)
    assert [zlib.crc32(leaf.tobytes()) for leaf in leaves] == out.tolist()


def test_slots_cover_every_bit_once() -> None:
    """Bits that no slot names get slots of their own; wide ones are cut."""
    slots = slots_from(whole_slots(2, np.array([[1, 4, 8], [0, 0, 64]])))
    covered = sorted((word, at + bit) for word, at, bits in slots.tolist() for bit in range(bits))
    assert [(word, bit) for word in range(2) for bit in range(64)] == covered
    assert slots[:, 2].max() <= 48
