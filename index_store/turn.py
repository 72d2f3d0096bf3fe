"""Threads that compute one after another, first come, first served."""

from __future__ import annotations

import threading
from types import TracebackType

__all__ = ["Turn"]


class Turn:
    """A lock that goes to whoever has waited; whoever gives it up and wants it again is behind.

    The thread that has it may take it again, and gives it up as often.
    """

    def __init__(self) -> None:
        self._next = threading.Lock()  # held by the one that is to have it next
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._depth = 0

    def acquire(self) -> None:
        """Wait for it."""
        me = threading.get_ident()
        if self._owner != me:
            with self._next:
                self._lock.acquire()
            self._owner = me
        self._depth += 1

    def release(self) -> None:
        """Give it up."""
        assert self._owner == threading.get_ident(), "only the thread that has it"
        self._depth -= 1
        if not self._depth:
            self._owner = None
            self._lock.release()

    @property
    def is_taken(self) -> bool:
        """Whether some thread has it."""
        return self._owner is not None

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
