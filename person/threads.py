"""Run slices of one job side by side; kernels release the GIL, so threads are enough."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

__all__ = ["map_slices", "ordered_map", "slices", "thread_count"]

THREADS_PER_PROCESSOR_MAX = 4
"""More threads than this only cost memory: each has buffers of its own."""

T = TypeVar("T")
U = TypeVar("U")


def thread_count() -> int:
    """Number of worker threads: MPI_THREADS, else the processors this process may use."""
    asked = os.environ.get("MPI_THREADS", "")
    processors = os.cpu_count() or 1
    if asked.isdigit() and int(asked) > 0:
        return min(int(asked), THREADS_PER_PROCESSOR_MAX * processors)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def slices(count: int, size: int) -> list[slice]:
    """Cut range(count) into slices of at most `size`."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


@lru_cache(maxsize=1)
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="mpi")


def map_slices(function: Callable[[T], U], items: Iterable[T]) -> list[U]:
    """Apply `function` to each item on the shared pool; results keep the order of the items."""
    work = list(items)
    if len(work) < 2 or (workers := thread_count()) == 1:
        return [function(item) for item in work]
    return list(_pool(workers).map(function, work))


def ordered_map(function: Callable[[T], U], items: Iterable[T], *, ahead: int = 2) -> Iterator[U]:
    """Apply `function` on the shared pool while reading `items`; results come in order.

    At most `ahead` items a worker wait, so memory stays flat however long the input.
    """
    workers = thread_count()
    if workers == 1:
        yield from map(function, items)
        return
    waiting: deque[Future[U]] = deque()
    try:
        for item in items:
            waiting.append(_pool(workers).submit(function, item))
            if len(waiting) >= workers * ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
