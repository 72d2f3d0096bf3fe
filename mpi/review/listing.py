"""Pages of the queue: read in order where nothing is filtered, else from columns held in memory.

The queue table holds the tasks of each status in the order in which they are shown, so a page
without a filter reads its own lines and nothing else. A filter looks at all tasks: the first time
they are read whole (half a second for 100,000), afterwards only what later events changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from heapq import merge
from itertools import islice
from typing import Final

import numpy as np

from index_store import Snapshot
from mpi.identity_queue import (
    STATUS_NUMBERS,
    due_keys,
    queue_key,
    status_counts,
    unpack_entry,
    waiting_place,
)
from mpi.identity_reading import Reader
from mpi.review.columns import Place, Places, QueueColumns, entry_fits
from mpi.review.types import Filter, TaskStatus
from person.errors import ConfigError

__all__ = ["find_page"]

_PLACE_BYTES: Final = 16


def _is_plain(wanted: Filter) -> bool:
    """Whether only statuses are asked for."""
    return wanted == Filter(status=wanted.status)


def find_page(
    reader: Reader,
    columns: QueueColumns,
    wanted: Filter,
    *,
    found: Collection[int],
    limit: int,
    cursor: str | None,
    now_ms: int,
) -> tuple[list[int], int, str | None, str | None]:
    """The tasks of one page.

    Parameters
    ----------
    reader : of the index
    columns : kept from page to page
    wanted, found : see `QueueColumns.select`
    limit : tasks on the page
    cursor : of the page, None for the first
    now_ms : milliseconds of UTC

    Returns
    -------
    (numbers, tasks on all pages, cursor of the next page, cursor of the page before)
    """
    is_back, after = _read_cursor(cursor)
    if _is_plain(wanted):
        total = _count(reader.snapshot, wanted, now_ms)
        places = _walk(reader, wanted, after, is_back, now_ms)
        page = list(islice(places, limit + 1))
    else:
        chosen = _chosen(reader, columns, wanted, found, now_ms)
        total = len(chosen)
        if is_back:
            stop = chosen.before(after, itself=False)
            page = chosen.between(max(stop - limit - 1, 0), stop)[::-1]
        else:
            start = chosen.before(after, itself=True) if cursor else 0
            page = chosen.between(start, start + limit + 1)
    has_more, page = len(page) > limit, page[:limit]
    if is_back:
        page.reverse()
    if not page:
        return [], total, None, None
    is_next = has_more if not is_back else True
    is_before = has_more if is_back else cursor is not None
    following = f"n{page[-1][0].hex()}" if is_next else None
    before = f"b{page[0][0].hex()}" if is_before else None
    return [number for _, number in page], total, following, before


def _chosen(
    reader: Reader, columns: QueueColumns, wanted: Filter, found: Collection[int], now_ms: int
) -> Places:
    columns.catch_up(reader.snapshot)
    chosen = columns.select(wanted, found, now_ms)
    if TaskStatus.CLOSED not in wanted.status:
        return chosen
    first = bytes([STATUS_NUMBERS["closed"]])
    closed = [
        (int.from_bytes(key[1:9], "big"), int.from_bytes(key[9:], "big"))
        for key, value in reader.snapshot.range("queue", first, bytes([first[0] + 1]))
        if entry_fits(wanted, found, int.from_bytes(key[9:], "big"), unpack_entry(value))
    ]
    # Closed tasks stand behind all others, the latest first, as the queue has them.
    ranks = np.array([rank for rank, _ in closed], np.uint64)
    numbers = np.array([number for _, number in closed], np.int64)
    return Places(np.concatenate([chosen.ranks, ranks]), np.concatenate([chosen.numbers, numbers]))


def _read_cursor(cursor: str | None) -> tuple[bool, bytes]:
    if cursor is None:
        return False, b""
    with suppress(ValueError, IndexError):
        place = bytes.fromhex(cursor[1:])
        if cursor[0] in "nb" and len(place) == _PLACE_BYTES:
            return cursor[0] == "b", place
    raise ConfigError("that is no cursor of this list; begin with the first page")


def _range(snapshot: Snapshot, status: str, after: bytes, is_back: bool) -> Iterator[Place]:
    """Tasks of one status after a place, or before it from the last one on."""
    prefix = bytes([STATUS_NUMBERS[status]])
    stop = bytes([STATUS_NUMBERS[status] + 1])
    if is_back:
        entries = snapshot.range_down("queue", prefix, prefix + after if after else stop)
    else:
        entries = snapshot.range("queue", prefix + (after + b"\0" if after else b""), stop)
    for key, _ in entries:
        yield key[1:], int.from_bytes(key[9:], "big")


def _walk(
    reader: Reader, wanted: Filter, after: bytes, is_back: bool, now_ms: int
) -> Iterator[Place]:
    """Tasks of some statuses in order; those put off and due stand among the open ones."""
    due = _due(reader, now_ms)
    streams: list[Iterator[Place]] = []
    for status in wanted.status:
        stream = _range(reader.snapshot, status.value, after, is_back)
        if status is TaskStatus.DEFERRED:
            numbers = {number for _, number in due}
            stream = (each for each in stream if each[1] not in numbers)
        streams.append(stream)
    if TaskStatus.OPEN in wanted.status:
        passed = [e for e in due if not after or (e[0] < after if is_back else e[0] > after)]
        streams.append(iter(passed[::-1] if is_back else passed))
    return merge(*streams, reverse=is_back)


def _due(reader: Reader, now_ms: int) -> list[Place]:
    """Deferred tasks that are due, where they stand among the open ones."""
    found = []
    for key, _ in reader.snapshot.range("queue", *due_keys(now_ms)):
        number = int.from_bytes(key[9:], "big")
        task = reader.state.task(number)
        assert task is not None
        assert queue_key(number, task) == key
        found.append((waiting_place(number, task), number))
    return sorted(found)


def _count(snapshot: Snapshot, wanted: Filter, now_ms: int) -> int:
    counts = status_counts(snapshot)
    due = sum(1 for _ in snapshot.range("queue", *due_keys(now_ms)))
    counts["open"] += due
    counts["deferred"] -= due
    return sum(counts[status.value] for status in wanted.status)
