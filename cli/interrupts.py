"""Ctrl-C and SIGTERM, remembered: a library may catch the exception that a signal raises."""

from __future__ import annotations

import contextlib
import os
import signal
from types import FrameType
from typing import Final, NoReturn

__all__ = [
    "Terminated",
    "leave_at_once",
    "leave_on_interrupt",
    "raise_if_received",
    "received",
]

received: Final[list[int]] = []
"""Signals that came in, in order."""


class Terminated(BaseException):
    """SIGTERM; unwinds like Ctrl-C, so that partial output is removed."""


def raise_if_received() -> None:
    """Raise what a signal raised, once more, if it was swallowed on its way."""
    if received:
        raise KeyboardInterrupt if received[-1] == signal.SIGINT else Terminated


def leave_at_once(_: int, __: FrameType | None) -> NoReturn:
    """Handle Ctrl-C while the program is still being imported: nothing is open yet."""
    os.write(2, b"mpi: error: interrupted\n")
    os._exit(130)


def leave_on_interrupt() -> None:
    """Put `leave_at_once` in the place of Python's own handler, which prints a traceback."""
    with contextlib.suppress(ValueError):  # not the main thread of an embedding program
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not under nohup or `&`
            signal.signal(signal.SIGINT, leave_at_once)
