"""The identity index on disk: tables of packed runs in LMDB, the journal, what is derived of it."""

from index_store.bulk import BulkLoader
from index_store.check import Finding
from index_store.snapshot import Snapshot
from index_store.statistics import TableStatistics
from index_store.store import IndexStore, create_index, open_index
from index_store.turn import Turn
from index_store.write_batch import WriteBatch

__all__ = [
    "BulkLoader",
    "Finding",
    "IndexStore",
    "Snapshot",
    "TableStatistics",
    "Turn",
    "WriteBatch",
    "create_index",
    "open_index",
]
