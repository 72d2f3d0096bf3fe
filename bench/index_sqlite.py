"""The tables of the identity index in SQLite: what a careful user of SQLite would build.

One file in WAL mode, every commit synced; rows as blobs, references and postings as tables
without row numbers, so that each is one B-tree. Rows and postings come from an identity index
that holds the same records, so both answer from the same keys.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpi import IdentityIndex

__all__ = ["SqliteIndex", "copy_index", "posting_rows"]

_CHUNK: Final = 1 << 15
_ROWS: Final = 1 << 18
_TABLES: Final = """
create table record (
  record integer primary key, source integer, record_id text, identity integer, row blob);
create table reference (
  source integer, record_id text, record integer, primary key (source, record_id)
) without rowid;
create table posting (
  rule integer, key integer, record integer, primary key (rule, key, record)
) without rowid;
create table event (event integer primary key, body blob);
"""


def _signed(keys: NDArray[np.uint64]) -> list[int]:
    signed: list[int] = keys.view(np.int64).tolist()
    return signed


class SqliteIndex:
    """The same tables, open.

    Parameters
    ----------
    path : of the file
    """

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        for pragma in (
            "journal_mode=wal",
            "synchronous=full",
            "mmap_size=137438953472",
            "cache_size=-1048576",
            "temp_store=memory",
        ):
            self.connection.execute(f"pragma {pragma}")

    def by_reference(self, source: int, record_id: str) -> int | None:
        """Identity of a source's record."""
        found = self.connection.execute(
            "select r.identity from reference x join record r using (record) "
            "where x.source = ? and x.record_id = ?",
            (source, record_id),
        ).fetchone()
        return None if found is None else int(found[0])

    def by_key(self, rule: int, key: int) -> list[tuple[int, bytes]]:
        """(identity, row) of the records under a key."""
        return self.connection.execute(
            "select r.identity, r.row from posting p join record r using (record) "
            "where p.rule = ? and p.key = ?",
            (rule, key),
        ).fetchall()

    def add(
        self,
        first: int,
        sources: Sequence[int],
        record_ids: Sequence[str],
        rows: NDArray[np.uint64],
        postings: Sequence[tuple[int, int, int]],
    ) -> None:
        """Append records that found their own identities, with an event; one durable commit."""
        run = self.connection
        numbers = range(first, first + len(rows))
        run.execute("begin immediate")
        run.executemany(
            "insert into record values (?, ?, ?, ?, ?)",
            [
                (number, source, record_id, number, row.tobytes())
                for number, source, record_id, row in zip(
                    numbers, sources, record_ids, rows, strict=True
                )
            ],
        )
        run.executemany(
            "insert into reference values (?, ?, ?)",
            list(zip(sources, record_ids, numbers, strict=True)),
        )
        run.executemany("insert or ignore into posting values (?, ?, ?)", postings)
        run.execute("insert into event (body) values (?)", (b"x" * 200,))
        run.execute("commit")

    def close(self) -> None:
        self.connection.close()


def posting_rows(
    index: IdentityIndex, rows: NDArray[np.uint64], numbers: NDArray[np.int64]
) -> list[tuple[int, int, int]]:
    """(rule, key, record) of rows, as the identity index keys them."""
    found: list[tuple[int, int, int]] = []
    for rule, keys in enumerate(index.engine.keys(rows)):
        for table, variant in zip(index.engine.posting_tables(rule), keys, strict=True):
            held = np.flatnonzero(variant)
            found += [
                (table, key, record)
                for key, record in zip(_signed(variant[held]), numbers[held].tolist(), strict=True)
            ]
    return found


def copy_index(index: IdentityIndex, path: Path) -> dict[str, Any]:
    """Write the records of an identity index into a new SQLite file; its size and the seconds.

    Every table is written in the order of its keys, as a careful loader does: SQLite then appends
    to its B-trees. What is sorted are arrays: 1.1 GB for ten million records.

    Parameters
    ----------
    index : open
    path : of the file; what is there is replaced
    """
    begin = time.perf_counter()
    for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        each.unlink(missing_ok=True)
    copy = SqliteIndex(path)
    run = copy.connection
    for pragma in ("journal_mode=off", "synchronous=off", "cache_size=-65536"):
        run.execute(f"pragma {pragma}")  # nothing to fall back to, and no second copy of it all
    run.executescript(_TABLES)
    tables = len(index.engine.posting_names)
    keys: list[list[NDArray[np.int64]]] = [[] for _ in range(tables)]
    holders: list[list[NDArray[np.uint32]]] = [[] for _ in range(tables)]
    references: list[pa.Table] = []
    with index.store.read() as snapshot:
        count = snapshot.record_count
        run.execute("begin")
        for first in range(0, count, _CHUNK):
            numbers = np.arange(first, min(first + _CHUNK, count), dtype=np.int64)
            rows, identities = snapshot.rows(numbers), snapshot.identities(numbers).tolist()
            sources, ids = snapshot.references(numbers)
            texts = [each.decode() for each in ids]
            blobs, width = rows.tobytes(), rows.shape[1] * 8
            parts = [blobs[at : at + width] for at in range(0, len(blobs), width)]
            run.executemany(
                "insert into record values (?, ?, ?, ?, ?)",
                zip(numbers.tolist(), sources.tolist(), texts, identities, parts, strict=True),
            )
            references.append(pa.table({"source": sources, "id": texts, "record": numbers}))
            lines = [line for rule in index.engine.keys(rows) for line in rule]
            for table, line in enumerate(lines):
                held = np.flatnonzero(line)
                keys[table].append(line[held].view(np.int64))
                holders[table].append((first + held).astype(np.uint32))
        _write_references(run, references)
        for table in range(tables):
            _write_postings(run, table, np.concatenate(keys[table]), np.concatenate(holders[table]))
            keys[table], holders[table] = [], []
        run.execute("commit")
    run.execute("pragma journal_mode=wal")
    copy.close()
    size = path.stat().st_size
    return {
        "size_bytes": size,
        "bytes_a_record": round(size / count, 1),
        "copied_in_seconds": round(time.perf_counter() - begin, 1),
    }


def _write_references(run: sqlite3.Connection, references: list[pa.Table]) -> None:
    whole = pa.concat_tables(references)
    references.clear()
    order = pc.sort_indices(whole, [("source", "ascending"), ("id", "ascending")])
    for first in range(0, len(order), _ROWS):
        part = whole.take(order[first : first + _ROWS])
        columns = [part[name].to_pylist() for name in ("source", "id", "record")]
        run.executemany("insert into reference values (?, ?, ?)", zip(*columns, strict=True))


def _write_postings(
    run: sqlite3.Connection, table: int, keys: NDArray[np.int64], records: NDArray[np.uint32]
) -> None:
    order = np.argsort(keys, kind="stable")  # records ascend already
    for first in range(0, len(order), _ROWS):
        part = order[first : first + _ROWS]
        held = zip(repeat(table), keys[part].tolist(), records[part].tolist(), strict=False)
        run.executemany("insert into posting values (?, ?, ?)", held)
