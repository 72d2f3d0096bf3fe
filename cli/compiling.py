"""Say why a first run takes longer: its kernels are being compiled."""

from __future__ import annotations

import sys
from typing import Final

__all__ = ["announce_compiling"]

MESSAGE: Final = "compiling kernels for first use (some minutes, once)"


def announce_compiling() -> None:
    """Print one line on stderr as soon as compiling has taken noticeable time."""
    from mpi.compiling import watch_compiling

    watch_compiling(_announce)


def _announce() -> None:
    print(MESSAGE, file=sys.stderr, flush=True)
