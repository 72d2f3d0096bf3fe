"""From one base to the next: the old base and the delta over it, read once and in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from index_store.base import base_path, posting_table
from index_store.base_builder import BaseBuilder
from index_store.delta import ADDED
from index_store.environment import Environment
from index_store.runs import BaseRun, Run
from index_store.snapshot import Snapshot
from index_store.text_kernels import posting_keys
from index_store.touched import TOUCH_MEMBERSHIP, TOUCH_RECORD, TOUCH_ROW
from index_store.write_batch import WriteBatch

__all__ = ["FOLDED", "feed_records", "old_runs", "remove_other_bases", "switch_base"]

FOLDED: Final = (
    b"rows",
    b"records",
    b"references",
    b"membership",
    b"members",
    b"postings",
    b"touched",
)
"""Databases whose content a new base takes over."""

_BLOCK: Final = 1 << 16
_TAGS: Final = {b"rows": TOUCH_ROW, b"records": TOUCH_RECORD, b"membership": TOUCH_MEMBERSHIP}
_HIGH: Final = np.uint64(32)

_REFERENCE: Final = np.dtype([("key", ">u8"), ("record", ">u4")])
_MEMBER: Final = np.dtype([("key", ">u4"), ("record", ">u4")])
_POSTING: Final = np.dtype([("rule", "u1"), ("key", ">u8"), ("record", ">u4")])


def feed_records(snapshot: Snapshot, builder: BaseBuilder) -> None:
    """Give the builder every record of a snapshot, as it stands.

    Parameters
    ----------
    snapshot : what to copy
    builder : an empty one
    """
    for start in range(0, snapshot.record_count, _BLOCK):
        records = np.arange(start, min(start + _BLOCK, snapshot.record_count), dtype=np.int64)
        source, times, offsets, data = snapshot.stored_columns(records)
        builder.add_records(
            snapshot.rows(records), source, times, offsets, data, snapshot.identities(records)
        )


def old_runs(snapshot: Snapshot, builder: BaseBuilder) -> dict[str, Run]:
    """Give the builder the delta's entries; returns what the old base holds besides.

    Parameters
    ----------
    snapshot : what to copy
    builder : takes the entries that the delta adds
    """
    removed: dict[str, list[NDArray[np.uint64]]] = {}
    for name, entries, is_added in _delta_entries(snapshot):
        builder.add_entries(name, entries[is_added])
        removed.setdefault(name, []).append(entries[~is_added])
    base = snapshot.base
    if base is None:
        return {}
    none = np.zeros(0, np.uint64)
    return {
        name: BaseRun(table, np.unique(np.concatenate([none, *removed.get(name, [])])))
        for name, table in base.file.tables.items()
        if name not in ("rows", "records", "membership")
    }


def _delta_entries(
    snapshot: Snapshot,
) -> Iterator[tuple[str, NDArray[np.uint64], NDArray[np.bool_]]]:
    """(table, entries, which of them are added rather than removed), in parts."""
    for keys, is_added in _decoded(snapshot.delta_entries(b"references"), _REFERENCE):
        high = keys["key"].astype(np.uint64) >> _HIGH << _HIGH
        yield "references", high | keys["record"].astype(np.uint64), is_added
    for keys, is_added in _decoded(snapshot.delta_entries(b"members"), _MEMBER):
        high = keys["key"].astype(np.uint64) << _HIGH
        yield "members", high | keys["record"].astype(np.uint64), is_added
    for keys, is_added in _decoded(snapshot.delta_entries(b"postings"), _POSTING):
        high = posting_keys(keys["key"].astype(np.uint64)) << _HIGH
        entries = high | keys["record"].astype(np.uint64)
        for rule in np.unique(keys["rule"]).tolist():
            own = keys["rule"] == rule
            yield posting_table(rule), entries[own], is_added[own]


def _decoded(
    entries: Iterable[tuple[bytes, Any]], key_type: np.dtype[Any]
) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
    iterator = iter(entries)
    while part := list(islice(iterator, _BLOCK)):
        keys = np.frombuffer(b"".join(key for key, _ in part), key_type)
        signs = np.frombuffer(b"".join(bytes(value) for _, value in part), np.uint8)
        yield keys, signs == ADDED[0]


def switch_base(batch: WriteBatch, builder: BaseBuilder, written: set[tuple[bytes, bytes]]) -> None:
    """Make a finished base the one in use, within a write batch.

    Parameters
    ----------
    batch : the transaction; its commit is the switch
    builder : finished
    written : (database, key) of what was written since the snapshot that the base was made of
    """
    kept = batch.take_delta(FOLDED, written)
    batch.state = replace(
        batch.state, generation=builder.generation, base_record_count=builder.record_count
    )
    for (database, key), value in kept:
        batch.put_delta(database, key, value)
    for database, tag in _TAGS.items():
        records = [int.from_bytes(key, "big") for (name, key), _ in kept if name == database]
        batch.touch_records(tag, np.array(records, np.int64))


def remove_other_bases(environment: Environment, generation: int) -> None:
    """Remove the files of other generations, and of builds that did not end."""
    keep = base_path(environment.directory, generation)
    for pattern in ("base-*.mdb", "base-*.partial"):
        for path in environment.directory.glob(pattern):
            if path != keep:
                path.unlink(missing_ok=True)
