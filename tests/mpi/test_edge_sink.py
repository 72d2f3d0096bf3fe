"""Pairs kept by several threads come out sorted, each once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocking.context import CandidateChunk
from matching.compiled_parts import PairScores
from mpi.edge_sink import BUCKET_PAIRS, RECORDS_MAX, EdgeSink
from person.errors import ConfigError

PAIRS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(-30, 30)))


def filled(sink: EdgeSink, chunks: list[list[tuple[int, int, int]]]) -> EdgeSink:
    """Give each chunk of (record, record, weight) to the sink; the pattern is weight + 100."""
    for chunk in chunks:
        pairs = [pair for pair in chunk if pair[0] != pair[1]]
        records = np.array([record for pair in pairs for record in pair[:2]], np.uint64)
        rows = np.zeros((len(records), 3), np.uint64)
        rows[:, 2] = records | np.uint64(7 << 40)  # a source stands above the record's number
        left = np.arange(0, len(records), 2, dtype=np.int32)
        weight = np.array([float(pair[2]) for pair in pairs])
        scores = PairScores(
            weight,
            weight.astype(np.int64) + 100,
            (1,),
            np.arange(len(left), dtype=np.int32),
            np.zeros(len(left)),
        )
        sink.take(CandidateChunk(0, rows, left, left + np.int32(1)), left, left + 1, scores)
    return sink


@settings(deadline=None)
@given(st.lists(PAIRS, max_size=4), st.sampled_from([0, 200, 1 << 20]))
def test_pairs_come_out_sorted_and_once(
    chunks: list[list[tuple[int, int, int]]], memory_bytes: int
) -> None:
    """As a dictionary keeps them: smaller record first, nothing under the least weight; the same
    where they went through a file."""
    sink = filled(EdgeSink(41, -16.0, memory_bytes), chunks)
    expected: dict[tuple[int, int], int] = {}
    for one, other, weight in (pair for chunk in chunks for pair in chunk):
        if one != other and weight >= -16:
            expected.setdefault((min(one, other), max(one, other)), weight)
    pairs = sink.sorted_pairs()
    assert sorted(expected) == list(zip(pairs.left.tolist(), pairs.right.tolist()))
    assert [float(expected[each]) for each in sorted(expected)] == pairs.weight.tolist()
    assert [expected[each] + 100 for each in sorted(expected)] == pairs.pattern.tolist()
    assert len(pairs.left) == len(pairs.relative)
    kept = [pair for chunk in chunks for pair in chunk if pair[0] != pair[1]]
    assert len(kept) == sink.pair_count
    assert 0 == len(sink.sorted_pairs().left)


def test_many_pairs_are_sorted_in_buckets() -> None:
    """More pairs than one bucket takes, in records far apart, equal numpy's sort."""
    random = np.random.default_rng(3)
    count = 3 * BUCKET_PAIRS + 17
    one = random.integers(0, 1 << 20, count)
    other = one + random.integers(1, 1 << 18, count)
    rows = np.zeros((2 * count, 1), np.uint64)
    rows[0::2, 0], rows[1::2, 0] = other, one
    left = np.arange(0, 2 * count, 2, dtype=np.int32)
    sink = EdgeSink(1 << 21, 0.0)
    scores = PairScores(
        other.astype(float), one, (1,), np.arange(count, dtype=np.int32), np.full(count, -3.0)
    )
    sink.take(CandidateChunk(0, rows, left, left + 1), left, left + np.int32(1), scores)
    pairs = sink.sorted_pairs()
    expected = np.unique(one.astype(np.uint64) << np.uint64(32) | other.astype(np.uint64))
    assert (expected >> np.uint64(32)).tolist() == pairs.left.tolist() == pairs.pattern.tolist()
    assert (expected & np.uint64(0xFFFFFFFF)).tolist() == pairs.right.tolist()
    assert (expected & np.uint64(0xFFFFFFFF)).tolist() == pairs.weight.tolist()


def test_one_record_with_many_partners_is_sorted() -> None:
    """A record that is the left one of thousands of pairs, met in any order, some met twice."""
    random = np.random.default_rng(5)
    other = np.concatenate([random.permutation(5000), random.integers(0, 5000, 700)]) + 1
    rows = np.zeros((len(other) + 1, 1), np.uint64)
    rows[1:, 0] = other
    right = np.arange(1, len(rows), dtype=np.int32)
    scores = PairScores(other.astype(float), other, (1,), right - np.int32(1), other * -1.0)
    sink = EdgeSink(6000, 0.0)
    sink.take(CandidateChunk(0, rows, right * 0, right), right * 0, right, scores)
    pairs = sink.sorted_pairs()
    assert list(range(1, 5001)) == pairs.right.tolist() == pairs.weight.tolist()
    assert not pairs.left.any()


@pytest.mark.parametrize("memory_bytes", [0, 1 << 20])
def test_what_was_kept_can_be_put_back(memory_bytes: int) -> None:
    """Pieces given after each rule, and put into another sink, make the same pairs."""
    rules = [[(0, 1, 3), (2, 5, 4)], [(1, 4, 5), (0, 3, -2)], [(3, 4, 1)]]
    first, second = EdgeSink(9, -16.0, memory_bytes), EdgeSink(9, -16.0, memory_bytes)
    for rule in rules:
        before = first.pair_count
        filled(first, [rule])
        second.put_back(first.new_pieces(), first.pair_count - before)
    assert [] == second.new_pieces() == first.new_pieces()
    assert 5 == first.pair_count == second.pair_count
    one, other = first.sorted_pairs(), second.sorted_pairs()
    assert [0, 0, 1, 2, 3] == one.left.tolist()
    assert all(a.tolist() == b.tolist() for a, b in zip(one, other, strict=True))


def test_no_pairs_are_no_edges() -> None:
    """A run without candidate pairs has empty arrays, not none."""
    assert 0 == len(EdgeSink(10, 0.0).sorted_pairs().left)


def test_more_records_than_keys_hold_are_refused() -> None:
    """Record numbers must fit 31 bits; larger tables stream."""
    with pytest.raises(ConfigError):
        EdgeSink(RECORDS_MAX, 0.0)
