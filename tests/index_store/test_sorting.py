"""Entries come out sorted, each once, whatever their order and number."""

from __future__ import annotations

from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from index_store.runs import EntrySorter, SortedRun
from index_store.sort_kernels import sorted_entries
from index_store.text_kernels import compose_postings, posting_keys


def entries(count: int, keys: int, seed: int) -> NDArray[np.uint64]:
    """Entries of records in order, their keys below a number."""
    high = np.random.default_rng(seed).integers(0, keys, count, dtype=np.uint64)
    return high << np.uint64(32) | np.arange(count, dtype=np.uint64)


@example(given=[])
@example(given=[7])
@given(given=st.lists(st.integers(0, (1 << 64) - 1), max_size=300))
def test_any_numbers_are_sorted_and_kept_once(given: list[int]) -> None:
    """Also where records do not ascend: that is noticed."""
    twice = np.array(given + given[::2], np.uint64)
    found = sorted_entries(twice, np.empty(len(twice) + 3, np.uint64))
    assert sorted(set(given)) == found.tolist()


@pytest.mark.parametrize("count", [2, 1000, 40_000, 300_000])
@pytest.mark.parametrize("keys", [1, 2, 5000, 1 << 20, 1 << 32])
def test_entries_of_records_in_order_are_sorted(count: int, keys: int) -> None:
    """Few keys and many, parts that fit the cache and arrays that do not."""
    made = entries(count, keys, count)
    expected = np.sort(made)
    assert np.array_equal(expected, sorted_entries(made, np.empty(count, np.uint64)))


@pytest.mark.parametrize("is_ordered", [True, False])
@pytest.mark.parametrize("memory", [0, 50_000, 1_000_000])
def test_what_does_not_fit_is_merged_from_a_file(
    tmp_path: Path, memory: int, is_ordered: bool
) -> None:
    """Entries added in parts, doubles among them, beside a run that was sorted before."""
    other = np.sort(entries(20_000, 1 << 20, 1))
    made = entries(120_000, 1 << 20, 2) | np.uint64(1 << 25)
    if not is_ordered:
        made = np.random.default_rng(3).permutation(made)
    sorter = EntrySorter(memory, tmp_path, SimpleQueue())
    for start in range(0, len(made), 33_000):
        sorter.add(made[start : start + 33_000])
    sorter.add(made[:500])
    found = [part.copy() for part in sorter.sorted_slices([SortedRun(other)])]
    sorter.close()
    assert np.array_equal(np.unique(np.concatenate([made, other])), np.concatenate(found))


def test_postings_are_composed_where_they_are_kept(tmp_path: Path) -> None:
    """Records without a key have no entry; spilling loses none."""
    keys = np.random.default_rng(4).integers(1, 1 << 63, 100_000, dtype=np.uint64)
    keys[::3] = 0
    sorter = EntrySorter(0, tmp_path, SimpleQueue())
    for first in (0, 50_000):
        own = keys[first : first + 50_000]
        sorter.add_made(
            50_000,
            lambda part, out, own=own, first=first: compose_postings(
                own[part], first + part.start, out
            ),
        )
    records = np.flatnonzero(keys).astype(np.uint64)
    expected = np.sort(posting_keys(keys[records]) << np.uint64(32) | records)
    assert len(expected) == len(sorter)
    found = [part.copy() for part in sorter.sorted_slices()]
    sorter.close()
    assert np.array_equal(expected, np.concatenate(found))
