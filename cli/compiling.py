"""Say why the first run takes longer: its kernels are being compiled."""

from __future__ import annotations

import sys
from typing import Any, Final

__all__ = ["announce_compiling"]

MESSAGE: Final = "compiling kernels for first use (about a minute, once)"
SECONDS_UNSAID: Final = 0.5


def announce_compiling() -> None:
    """Print one line on stderr as soon as compiling takes noticeable time.

    Kernels that an earlier run left in the cache are loaded, not compiled, and cause no line.
    """
    from numba.core import event

    class Announcer(event.Listener):  # type: ignore[misc]
        seconds = 0.0
        said = False

        def on_start(self, _: Any) -> None:
            if self.seconds > SECONDS_UNSAID and not self.said:
                self.said = True
                print(MESSAGE, file=sys.stderr, flush=True)

        def on_end(self, happened: Any) -> None:
            self.seconds += happened.data.get("seconds", 0.0)

    event.register("numba:compile", Announcer())
