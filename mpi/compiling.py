"""Knowing when kernels are compiled, so that a slow first run can say why."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

__all__ = ["watch_compiling"]

SECONDS_UNSAID: Final = 0.5


@lru_cache(maxsize=1)  # one watcher a process
def watch_compiling(announce: Callable[[], None]) -> None:
    """Call `announce` once, as soon as compiling has taken noticeable time.

    Kernels that an earlier run left in the cache are loaded, not compiled, and announce nothing.

    Parameters
    ----------
    announce : called from the thread that compiles
    """
    from numba.core import event

    class Watcher(event.Listener):
        def __init__(self) -> None:
            self.starts: list[float] = []  # a kernel is compiled while its caller is
            self.seconds = 0.0
            self.is_said = False

        def on_start(self, _: Any) -> None:
            if self.seconds > SECONDS_UNSAID and not self.is_said:
                self.is_said = True
                announce()
            self.starts.append(time.perf_counter())

        def on_end(self, _: Any) -> None:
            seconds = time.perf_counter() - self.starts.pop()
            self.seconds += 0.0 if self.starts else seconds

    event.register("numba:compile", Watcher())
