"""Pages of the queue: read in order where nothing is filtered, else from columns held in memory.

The queue table holds the tasks of each status in the order in which they are shown, so a page
without a filter reads its own lines and nothing else. A filter looks at all tasks: the first time
they are read whole (half a second for 100,000), afterwards only what later events changed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator
from contextlib import suppress
from heapq import merge
from itertools import islice
from typing import Final

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
from mpi.review.columns import Place, QueueColumns, entry_fits
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
        bounds = [place for place, _ in chosen]
        if is_back:
            stop = bisect_left(bounds, after)
            page = chosen[max(stop - limit - 1, 0) : stop][::-1]
        else:
            start = bisect_right(bounds, after) if cursor else 0
            page = chosen[start : start + limit + 1]
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
) -> list[Place]:
    columns.catch_up(reader.snapshot)
    chosen = columns.select(wanted, found, now_ms)
    if TaskStatus.CLOSED in wanted.status:
        closed = _range(reader.snapshot, "closed", b"", False)
        for place, number in closed:
            value = reader.snapshot.get("queue", bytes([STATUS_NUMBERS["closed"]]) + place)
            if value is not None and entry_fits(wanted, found, number, unpack_entry(value)):
                chosen.append((place, number))
    return chosen


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
