"""`python -m tests.cli.interrupted STAGE SIGNAL WORDS...`: a command interrupted in a stage.

The signal comes as the stage begins, or, of `STAGE+`, when it first tells how far it is: at the
same point every time, however fast the machine is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.progress import _Lines

__all__ = ["interrupt"]

ROOT = Path(__file__).resolve().parents[2]


def interrupt(
    stage: str, signal_number: int, *words: object, scratch: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command that gets a signal in one of its stages, when there is something in `scratch`.

    `scratch` is its TMPDIR.
    """
    command = [sys.executable, "-m", "tests.cli.interrupted", stage, int(signal_number), *words]
    return subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch), "MPI_DEBUG": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _signal_in(wanted: str, signal_number: int) -> None:
    begin = _Lines.stage

    def strike() -> None:
        assert any(Path(os.environ["TMPDIR"]).iterdir()), "there is something to remove"
        os.kill(os.getpid(), signal_number)

    class Struck:
        """A stage whose first word of how far it is brings the signal."""

        def advance(self, count: int) -> None:
            strike()

    @contextmanager
    def stage(self: _Lines, name: str, total: int | None = None) -> Iterator[Any]:
        with begin(self, name, total) as under_way:
            if name == wanted:
                strike()
            yield Struck() if f"{name}+" == wanted else under_way

    _Lines.stage = stage  # type: ignore[method-assign]


def _main() -> None:
    from cli.start import main

    wanted, signal_number, *words = sys.argv[1:]
    # A test run in the background of a shell ignores Ctrl-C, and its children would too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _signal_in(wanted, int(signal_number))
    sys.argv[1:] = words
    main()


if __name__ == "__main__":
    _main()
