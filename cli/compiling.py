"""Say why a first run takes longer: its kernels are being compiled."""

from __future__ import annotations

import sys
import time
from functools import lru_cache
from typing import Any, Final

__all__ = ["announce_compiling"]

MESSAGE: Final = "compiling kernels for first use (about a minute, once)"
SECONDS_UNSAID: Final = 0.5


@lru_cache(maxsize=1)  # one announcer a process
def announce_compiling() -> None:
    """Print one line on stderr as soon as compiling has taken noticeable time.

    Kernels that an earlier run left in the cache are loaded, not compiled, and cause no line.
    """
    from numba.core import event

    class Announcer(event.Listener):
        def __init__(self) -> None:
            self.starts: list[float] = []  # a kernel is compiled while its caller is
            self.seconds = 0.0
            self.is_said = False

        def on_start(self, _: Any) -> None:
            if self.seconds > SECONDS_UNSAID and not self.is_said:
                self.is_said = True
                print(MESSAGE, file=sys.stderr, flush=True)
            self.starts.append(time.perf_counter())

        def on_end(self, _: Any) -> None:
            seconds = time.perf_counter() - self.starts.pop()
            self.seconds += 0.0 if self.starts else seconds

    event.register("numba:compile", Announcer())
