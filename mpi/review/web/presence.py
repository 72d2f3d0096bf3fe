"""Who has which task on the screen; in memory, forgotten after a while.

A page load says so for five minutes, which works without JavaScript; the page's poll says so for
45 seconds at a time, and tells within seconds who came and who went.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

__all__ = ["LOADED_SECONDS", "POLLED_SECONDS", "Presence"]

LOADED_SECONDS: Final = 300.0
POLLED_SECONDS: Final = 45.0
_ENTRIES_MAX: Final = 10_000


class Presence:
    """Who looks at which task.

    Parameters
    ----------
    clock : seconds
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._until: dict[tuple[int, str], float] = {}

    def note(self, task: int, name: str, seconds: float = LOADED_SECONDS) -> None:
        """Somebody has a task on the screen.

        Parameters
        ----------
        task : its number
        name : of the account
        seconds : how long that holds unless it is said again
        """
        with self._guard:
            if len(self._until) >= _ENTRIES_MAX:
                self._forget()
            self._until[task, name] = self._clock() + seconds

    def leave(self, name: str, task: int | None = None) -> None:
        """Somebody has gone from a task, or from all.

        Parameters
        ----------
        name : of the account
        task : its number; None for all
        """
        with self._guard:
            for key in [key for key in self._until if key[1] == name and task in (None, key[0])]:
                del self._until[key]

    def viewers(self, tasks: list[int], besides: str) -> dict[int, tuple[str, ...]]:
        """Who else looks at some tasks; tasks that nobody looks at are left out.

        Parameters
        ----------
        tasks : their numbers
        besides : account that asks; it is left out
        """
        wanted, found = set(tasks), dict[int, list[str]]()
        with self._guard:
            self._forget()
            for task, name in self._until:
                if task in wanted and name != besides:
                    found.setdefault(task, []).append(name)
        return {task: tuple(sorted(names)) for task, names in found.items()}

    def _forget(self) -> None:
        now = self._clock()
        for key in [key for key, until in self._until.items() if until <= now]:
            del self._until[key]
        while len(self._until) >= _ENTRIES_MAX:  # the oldest go
            del self._until[next(iter(self._until))]
