"""Ctrl-C and SIGTERM, remembered: a library may catch the exception that a signal raises."""

from __future__ import annotations

import signal
from typing import Final

__all__ = ["Terminated", "raise_if_received", "received"]

received: Final[list[int]] = []
"""Signals that came in, in order."""


class Terminated(BaseException):
    """SIGTERM; unwinds like Ctrl-C, so that partial output is removed."""


def raise_if_received() -> None:
    """Raise what a signal raised, once more, if it was swallowed on its way."""
    if received:
        raise KeyboardInterrupt if received[-1] == signal.SIGINT else Terminated
