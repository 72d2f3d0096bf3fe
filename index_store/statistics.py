"""Entries and bytes of every table."""

from __future__ import annotations

from dataclasses import dataclass

from index_store.format import DATABASES
from index_store.leaf_kernels import LEAF_BYTES
from index_store.segments import SEGMENT_HEADER_BYTES
from index_store.snapshot import Snapshot

__all__ = ["TableStatistics", "table_statistics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStatistics:
    """One table: how many entries it holds in how many bytes of the file."""

    entries: int
    size_bytes: int


def table_statistics(snapshot: Snapshot) -> dict[str, TableStatistics]:
    """Size of each table of the base (`base/...`) and of each database of the delta.

    Parameters
    ----------
    snapshot : the moment to look at
    """
    found = {}
    if snapshot.base is not None:
        for name, table in snapshot.base.file.tables.items():
            size = len(table.first_keys) * (LEAF_BYTES + 8)
            size += len(table.segments) * (SEGMENT_HEADER_BYTES + 16 + 8)
            found[f"base/{name}"] = TableStatistics(entries=table.entries, size_bytes=size)
    for database in DATABASES:
        status = snapshot.database_status(database)
        pages = status["branch_pages"] + status["leaf_pages"] + status["overflow_pages"]
        found[database.decode()] = TableStatistics(
            entries=status["entries"], size_bytes=pages * status["psize"]
        )
    return found
