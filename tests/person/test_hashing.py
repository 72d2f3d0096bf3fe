"""Hashes of values and texts, and the set of hashes met before."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from person.hashing import SeenHashes, hash_columns, hash_field_values, hash_texts, mix64
from person.layout import layout_for
from person.schema import load_schema
from person.text import Utf8Column
from tests import reference

WORDS = st.one_of(st.integers(0, (1 << 64) - 1), st.integers(0, 3))
KEYS = st.integers(1, 40) | st.integers(1, (1 << 64) - 1)


@given(WORDS)
def test_the_mixer_is_the_published_one(value: int) -> None:
    """Stored hashes must mean the same in every version: the finaliser of splitmix64."""
    assert reference.mix64(value) == int(mix64(np.uint64(value)))


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=20), st.integers(8, 64))
@example([(0, 5), (1, 0)], 8)
def test_hashed_columns_equal_their_twin(rows: list[tuple[int, int]], bits: int) -> None:
    """A hash fits its bits, is 0 only for a missing value, and depends on every part."""
    columns = [np.array([row[part] for row in rows], np.uint64) for part in range(2)]
    hashes = hash_columns(columns, bits).tolist()
    assert [reference.combined_hash(row, bits) for row in rows] == hashes
    assert all(value < 1 << bits for value in hashes)
    assert [row[0] != 0 for row in rows] == [value != 0 for value in hashes]


def test_hashes_of_no_rows_are_none() -> None:
    """An empty batch is ordinary input."""
    assert [] == hash_columns([np.zeros(0, np.uint64)], 20).tolist()


@given(st.lists(st.lists(WORDS, min_size=6, max_size=6), max_size=10))
def test_field_hashes_equal_their_twin(rows: list[list[int]]) -> None:
    """A field's value hashes the same wherever its slots lie."""
    layout = layout_for(load_schema().fields)
    array = np.array(rows, np.uint64).reshape(-1, 6)
    for name in layout.positions:
        values = reference.field_values(array, layout, name)
        values = [row[: len(layout.value_slots(name))] for row in values]
        hashes = hash_field_values(array, layout.value_slots(name)).tolist()
        assert [reference.combined_hash(row) for row in values] == hashes


@given(st.lists(st.tuples(st.text(max_size=6), st.integers(0, 3)), min_size=2, max_size=20))
@example([("", 0), ("", 1)])
@example([("ab", 0), ("ba", 0)])
def test_texts_of_one_source_hash_apart(rows: list[tuple[str, int]]) -> None:
    """Record ids hash alike exactly when text and source are equal, and never to 0."""
    column = Utf8Column.from_strings([text for text, _ in rows])
    hashes = hash_texts(column, np.array([source for _, source in rows], np.uint64)).tolist()
    assert len(set(rows)) == len(set(hashes))
    assert len(set(zip(rows, hashes))) == len(set(rows))
    assert all(hashes)


def test_a_missing_text_hashes_like_an_empty_one() -> None:
    """A null and an empty record id are both no id."""
    column = Utf8Column.from_strings([None, ""])
    first, second = hash_texts(column, np.zeros(2, np.uint64)).tolist()
    assert first == second


@given(st.lists(st.lists(KEYS, max_size=30), max_size=8))
def test_seen_hashes_equal_a_set(batches: list[list[int]]) -> None:
    """Each hash is new once, in its batch or an earlier one, as with a set."""
    seen, met = SeenHashes(), set()
    for batch in batches:
        expected = []
        for key in batch:
            expected.append(key in met)
            met.add(key)
        assert expected == seen.mark(np.array(batch, np.uint64)).tolist()


def test_seen_hashes_grow_and_forget_nothing() -> None:
    """Half a million record ids outgrow the first table several times."""
    keys = np.random.default_rng(3).permutation(1 << 19).astype(np.uint64) + np.uint64(1)
    seen = SeenHashes()
    for part in np.array_split(keys, 7):
        assert not seen.mark(part).any()
    assert seen.mark(keys[::-1]).all()
    assert not seen.mark(np.array([1 << 40], np.uint64)).any()
