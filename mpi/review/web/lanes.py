"""Three threads that read and write the index, each with an index of its own.

A snapshot belongs to one thread, and an open `IdentityIndex` keeps compiled facts that two threads
must not renew at once. So handlers run on threads, not in the event loop (a case takes
milliseconds of computing, and a page must not wait for another's), and each thread opens the index
for itself; all share one LMDB environment. Three are enough on purpose: Python runs one of them at
a time, and what they must not do is wait in one queue. `quick` answers pages, `write` waits
for the writer's lock and for disks, `long` makes exports.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from mpi.review.queue import ReviewQueue

__all__ = ["Lane", "Lanes"]

T = TypeVar("T")


class Lane(StrEnum):
    """Which thread does it."""

    QUICK = "quick"
    WRITE = "write"
    LONG = "long"
    PASSWORD = "password"  # noqa: S105 - the name of a thread
    """Hashes passwords, one at a time: each takes 64 MiB; it opens no index."""


class Lanes:
    """The threads of a server.

    Parameters
    ----------
    open_queue : opens the index; called once on each thread, when it is first needed
    """

    def __init__(self, open_queue: Callable[[Lane], ReviewQueue]) -> None:
        self._open_queue = open_queue
        self._own = threading.local()
        self._opened: list[ReviewQueue] = []
        self._threads = {
            lane: ThreadPoolExecutor(1, thread_name_prefix=f"review-{lane}") for lane in Lane
        }

    async def run(self, lane: Lane, work: Callable[[ReviewQueue], T]) -> T:
        """Do something with the index on a lane's thread.

        Parameters
        ----------
        lane : which
        work : called with the lane's queue
        """
        return await self.call(lane, lambda: work(self._queue(lane)))

    async def call(self, lane: Lane, work: Callable[[], T]) -> T:
        """Do something on a lane's thread without the index.

        Parameters
        ----------
        lane : which
        work : what
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads[lane], work)

    def _queue(self, lane: Lane) -> ReviewQueue:
        queue: ReviewQueue | None = getattr(self._own, "queue", None)
        if queue is None:
            queue = self._own.queue = self._open_queue(lane)
            self._opened.append(queue)
        return queue

    def close(self) -> None:
        """Wait for what is under way and close the index."""
        for threads in self._threads.values():
            threads.shutdown(wait=True, cancel_futures=True)
        while self._opened:
            self._opened.pop().index.close()
