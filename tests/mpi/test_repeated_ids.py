"""Repeated record ids are found on disk just as a table in memory finds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mpi.repeated_ids import LaterIds
from person.hashing import SeenHashes


@pytest.mark.parametrize("memory_bytes", [1 << 12, 1 << 30])
@pytest.mark.parametrize("different", [1, 700, 1 << 40])
def test_all_but_the_first_of_a_hash_are_found(
    tmp_path: Path, memory_bytes: int, different: int
) -> None:
    """Whatever the memory: few hashes many times, some twice, none."""
    random = np.random.default_rng(3)
    hashes = random.integers(1, 1 << 64, 5000, np.uint64)
    if different < 5000:
        hashes = hashes[:different][random.integers(0, different, 5000)]
    expected = np.flatnonzero(SeenHashes().mark(hashes))
    later = LaterIds(tmp_path)
    for start in range(0, 5000, 999):
        part = hashes[start : start + 999]
        assert not later.mark(part).any()
        later.note("file", np.arange(start + 1, start + 1 + len(part)))
    assert expected.tolist() == later.rows(memory_bytes).tolist()
    assert [] == list(tmp_path.iterdir())
