"""Counting agreement patterns, against a Counter."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from matching.patterns import PatternCounter, PatternCounts

CHUNKS = st.lists(
    st.lists(st.integers(0, 50) | st.integers(0, (1 << 62) - 1), max_size=40), max_size=5
)


def as_dict(counts: PatternCounts) -> dict[int, float]:
    return dict(zip(counts.pattern.tolist(), counts.count.tolist()))


@given(CHUNKS)
@example([])
@example([[0], [0, (1 << 62) - 1]])
def test_counts_are_those_of_a_counter(chunks: list[list[int]]) -> None:
    """Patterns come sorted, each once, with the number of pairs that showed it."""
    counter = PatternCounter()
    for chunk in chunks:
        counter.add(np.array(chunk, np.int64))
    result = counter.result()
    expected = Counter(pattern for chunk in chunks for pattern in chunk)
    assert dict(expected) == as_dict(result)
    assert sorted(expected) == result.pattern.tolist()
    assert expected.total() == result.pair_count


def test_many_patterns_grow_the_table() -> None:
    """A table that fills grows in the middle of a chunk and drops nothing."""
    patterns = np.random.default_rng(1).integers(0, 150_000, 600_000)
    counter = PatternCounter()
    for part in np.array_split(patterns, 3):
        counter.add(part)
    assert dict(Counter(patterns.tolist())) == as_dict(counter.result())


def test_threads_may_count_together() -> None:
    """Chunks from several threads are all counted."""
    counter = PatternCounter()
    chunks = [np.random.default_rng(n).integers(0, 40_000, 20_000) for n in range(16)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(counter.add, chunks))
    assert dict(Counter(np.concatenate(chunks).tolist())) == as_dict(counter.result())


def test_sampled_counts_are_scaled() -> None:
    """Counts of a sample stand for more pairs than were seen."""
    counter = PatternCounter()
    counter.add(np.array([1, 1, 2], np.int64))
    scaled = counter.result().scaled(2.5)
    assert {1: 5.0, 2: 2.5} == as_dict(scaled)
    assert 7.5 == scaled.pair_count
