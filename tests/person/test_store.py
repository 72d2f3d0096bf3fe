"""The encoded store: what is written is read, in order and by number."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from person.errors import InputError
from person.records import ArrayRecordSource, RecordSource, origin_rows, origin_sources
from person.store import EncodedStore, EncodedStoreWriter

Batch = tuple[NDArray[np.uint64], NDArray[np.uint16], list[str]]


def random_batch(random: np.random.Generator, count: int, n_words: int) -> Batch:
    rows = random.integers(0, 1 << 63, (count, n_words), np.uint64) * np.uint64(2)
    source = random.integers(0, 1 << 16, count).astype(np.uint16)
    ids = [f"病案{number}" for number in random.integers(0, 1000, count)]
    return rows, source, ids


def write(path: Path, n_words: int, batches: list[Batch]) -> EncodedStore:
    with EncodedStoreWriter(path, n_words) as writer:
        for rows, source, ids in batches:
            writer.append(rows, source, pa.array(ids, pa.string()))
        assert sum(len(rows) for rows, _, _ in batches) == writer.record_count
    return EncodedStore(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 5), max_size=6), st.integers(1, 7), st.integers(0, 99), st.data())
@example([], 1, 0, None)
@example([0, 3, 0, 0, 2, 0], 6, 0, None)
def test_records_survive_the_store(
    tmp_path: Path, counts: list[int], n_words: int, seed: int, data: st.DataObject | None
) -> None:
    """Rows, sources and ids come back in order and by number, whatever the batches."""
    random = np.random.default_rng(seed)
    batches = [random_batch(random, count, n_words) for count in counts]
    store = write(tmp_path / "store.arrow", n_words, batches)
    rows = np.concatenate([np.zeros((0, n_words), np.uint64), *(each[0] for each in batches)])
    source = np.concatenate([np.zeros(0, np.uint16), *(each[1] for each in batches)])
    ids = [name for each in batches for name in each[2]]
    assert isinstance(store, RecordSource)
    assert (len(ids), n_words) == (store.record_count, store.n_words)
    for _ in range(2):  # re-readable
        chunks = list(store.chunks())
        assert [0, *np.cumsum(counts)[:-1]][: len(counts)] == [c.first_row for c in chunks]
        assert counts == [len(chunk) for chunk in chunks]
        assert rows.tolist() == [row for chunk in chunks for row in chunk.rows.tolist()]
        assert source.tolist() == [code for chunk in chunks for code in chunk.source.tolist()]
    listed = list(store.record_ids())
    assert ids == [name for _, _, part in listed for name in part.to_pylist()]
    wanted = list(range(len(ids)))[::-1] * 2
    if data is not None and ids:
        wanted = data.draw(st.lists(st.integers(0, len(ids) - 1), max_size=20))
    numbers = np.array(wanted, np.int64)
    assert rows[numbers].tolist() == store.gather_rows(numbers).tolist()
    assert source[numbers].tolist() == store.gather_sources(numbers).tolist()
    assert [ids[number] for number in wanted] == store.gather_record_ids(numbers).to_pylist()
    store.close()


def test_rows_are_mapped_not_copied(tmp_path: Path) -> None:
    """A chunk is the file's own pages: a store of any size costs no memory to open."""
    store = write(tmp_path / "s", 2, [random_batch(np.random.default_rng(1), 100, 2)])
    chunk = next(iter(store.chunks()))
    assert not chunk.rows.flags.owndata
    assert not chunk.rows.flags.writeable
    assert chunk.rows.flags.c_contiguous


def test_any_arrow_tool_opens_the_store(tmp_path: Path) -> None:
    """The file is plain Arrow IPC with the documented columns."""
    rows, source, ids = random_batch(np.random.default_rng(2), 3, 2)
    write(tmp_path / "s", 2, [(rows, source, ids)])
    with pa.OSFile(str(tmp_path / "s")) as file:
        table = pa.ipc.open_file(file).read_all()
    assert ["row", "source", "record_id"] == table.column_names
    assert rows.tolist() == table["row"].to_pylist()
    assert pa.uint16() == table["source"].type


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"ARROW1\0\0"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that is no store, or one cut short, is an InputError with its path."""
    path = tmp_path / "s"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not an encoded store"):
        EncodedStore(path)


def test_records_in_memory_stream_like_the_store() -> None:
    """Small jobs and tests use arrays under the same protocol."""
    rows = np.arange(10, dtype=np.uint64).reshape(5, 2)
    source = ArrayRecordSource(rows, chunk_rows=2)
    assert isinstance(source, RecordSource)
    assert (5, 2) == (source.record_count, source.n_words)
    assert [(0, 2), (2, 2), (4, 1)] == [(c.first_row, len(c)) for c in source.chunks()]
    assert rows.tolist() == [row for chunk in source.chunks() for row in chunk.rows.tolist()]


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, (1 << 40) - 1)), max_size=5))
def test_travelling_rows_carry_their_origin(origins: list[tuple[int, int]]) -> None:
    """Source and row number survive in the last word of a travelling row."""
    rows = np.zeros((len(origins), 3), np.uint64)
    rows[:, 2] = [source << 40 | row for source, row in origins]
    assert [row for _, row in origins] == origin_rows(rows).tolist()
    assert [source for source, _ in origins] == origin_sources(rows).tolist()


@given(seed=st.integers(0, 99), count=st.integers(0, 30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_of_pairs_are_gathered_once(tmp_path: Path, seed: int, count: int) -> None:
    """Places of pairs lead to the records asked for; equal neighbours are read once."""
    random = np.random.default_rng(seed)
    batches = [random_batch(random, 4, 3), random_batch(random, 5, 3)]
    store = write(tmp_path / "store.arrow", 3, batches)
    rows = np.concatenate([each[0] for each in batches])
    left, right = random.integers(0, 9, (2, count))
    gathered, a, b = store.gather_pairs(left, right)
    assert rows[left].tolist() == gathered[a].tolist()
    assert rows[right].tolist() == gathered[b].tolist()
    runs = sum(1 for side in (left, right) for _ in groupby(side.tolist()))
    assert runs == len(gathered)
    assert (np.int32, np.int32) == (a.dtype, b.dtype)
