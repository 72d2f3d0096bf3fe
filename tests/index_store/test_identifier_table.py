"""The stand-alone table of identifiers: exact, packed, whole or not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.index_identifier_table import bodies
from index_store.identifier_table import IdentifierTable, IdentifierTableWriter

KEYS = st.lists(st.integers(0, (1 << 64) - 1), max_size=300, unique=True)


def write(path: Path, keys: list[int], values: list[int], value_bits: int, step: int) -> None:
    with IdentifierTableWriter(path, value_bits=value_bits) as writer:
        for start in range(0, len(keys), step):
            part = slice(start, start + step)
            writer.add(np.array(keys[part], np.uint64), np.array(values[part], np.uint64))
        writer.finish()


@example(keys=[], value_bits=32, step=1)
@example(keys=[0, (1 << 64) - 1], value_bits=40, step=1)
@example(keys=list(range(5000)), value_bits=40, step=999)
@given(keys=KEYS, value_bits=st.integers(1, 40), step=st.integers(1, 400))
def test_every_key_has_its_value_and_no_other_has_one(
    tmp_path_factory: pytest.TempPathFactory, keys: list[int], value_bits: int, step: int
) -> None:
    """Lookups equal a dictionary's, for keys that are there and for their neighbours."""
    path = tmp_path_factory.mktemp("table") / "identifiers.mdb"
    keys = sorted(keys)
    random = np.random.default_rng(len(keys))
    values = random.integers(0, 1 << value_bits, len(keys)).tolist()
    write(path, keys, values, value_bits, step)
    table = IdentifierTable(path)
    assert len(keys) == len(table)
    known = dict(zip(keys, values))
    near = {key + 1 for key in keys} | {key - 1 for key in keys} | {0}
    wanted = sorted(known) + sorted(key for key in near if 0 <= key < 1 << 64)
    found = table.lookup(np.array(wanted, np.uint64)).tolist()
    assert [known.get(key, -1) for key in wanted] == found
    assert [] == table.damaged_leaves()


def test_made_up_id_numbers_are_found_and_small(tmp_path: Path) -> None:
    """A table of id numbers takes under 12 bytes an entry and finds every one."""
    path = tmp_path / "identifiers.mdb"
    keys, values = bodies(0, 300_000, 7_000, 32)
    assert np.all(np.diff(keys.astype(np.int64)) > 0)
    with IdentifierTableWriter(path) as writer:
        writer.add(keys, values)
        writer.finish()
    assert path.stat().st_size / len(keys) < 12
    order = np.random.default_rng(0).permutation(len(keys))
    found = IdentifierTable(path).lookup(keys[order])
    assert np.array_equal(values[order].astype(np.int64), found)


def test_many_keys_in_any_order_have_their_values(tmp_path: Path) -> None:
    """Many are looked up in the order of the leaves: keys before, between and behind all too."""
    path = tmp_path / "identifiers.mdb"
    random = np.random.default_rng(5)
    keys = np.unique(random.integers(1 << 40, 1 << 63, 50_000, dtype=np.uint64))
    with IdentifierTableWriter(path, value_bits=40) as writer:
        writer.add(keys, keys & np.uint64((1 << 40) - 1))
        writer.finish()
    ends = np.array([0, 1, (1 << 64) - 1], np.uint64)
    wanted = random.permutation(np.concatenate([keys, keys + np.uint64(1), ends]))
    known = {key: key & (1 << 40) - 1 for key in keys.tolist()}
    expected = [known.get(key, -1) for key in wanted.tolist()]
    assert expected == IdentifierTable(path).lookup(wanted).tolist()


def test_a_table_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    """Leaving the writer without `finish` leaves no file of either name."""
    path = tmp_path / "identifiers.mdb"
    with IdentifierTableWriter(path) as writer:
        writer.add(np.arange(5000, dtype=np.uint64), np.arange(5000, dtype=np.uint64))
    assert [] == list(tmp_path.iterdir())


def test_a_changed_bit_is_found(tmp_path: Path) -> None:
    """Checksums name the leaf that was damaged."""
    path = tmp_path / "identifiers.mdb"
    write(path, list(range(0, 100_000, 7)), list(range(14286)), 32, 5000)
    content = bytearray(path.read_bytes())
    content[content.index(b"MPIS\x01\x00") + 4080 + 3 * 4096 + 77] ^= 2
    path.write_bytes(content)
    assert [3] == IdentifierTable(path).damaged_leaves()
