"""Progress of a run on stderr: bars on a terminal, one line a stage elsewhere, or nothing.

The library sees one face: `stage(name, total=None)`, a context manager that yields something
with `advance(n)`, which may be called from any thread.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import IO, Protocol

__all__ = ["Progress", "Stage", "open_progress"]


class Stage(Protocol):
    """One stage of a run."""

    def advance(self, n: int) -> None:
        """Count `n` more units (mostly records) done."""


class Progress(Protocol):
    """What the library reports its stages to."""

    def stage(
        self, name: str, total: int | None = None
    ) -> contextlib.AbstractContextManager[Stage]:
        """Enter a stage of `total` units, if known."""


class _Counter:
    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def advance(self, n: int) -> None:
        with self._lock:
            self.count += n


class _Silent:
    @contextlib.contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Stage]:  # noqa: ARG002
        yield _Counter()


class _Lines:
    """`stage name   12,345   0.8 s`, printed when the stage has ended."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @contextlib.contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Stage]:
        counter, start = _Counter(), time.perf_counter()
        yield counter
        count = counter.count or total or 0
        amount = f"{count:,}" if count else ""
        seconds = time.perf_counter() - start
        print(f"{name:<32} {amount:>15} {seconds:>9.1f} s", file=self._file, flush=True)


@contextlib.contextmanager
def open_progress(*, quiet: bool, file: IO[str] | None = None) -> Iterator[Progress]:
    """Choose the progress display for this stderr and keep it up during a run."""
    target = file or sys.stderr
    if quiet:
        yield _Silent()
    elif target.isatty():
        with _open_bars(target) as bars:
            yield bars
    else:
        yield _Lines(target)


@contextlib.contextmanager
def _open_bars(target: IO[str]) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as RichProgress

    display = RichProgress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(file=target),
    )

    class Bars:
        @contextlib.contextmanager
        def stage(self, name: str, total: int | None = None) -> Iterator[Stage]:
            task = display.add_task(name, total=total)
            counter = _Bar(display, task)
            yield counter
            units = counter.count or total or 1
            display.update(task, total=units, completed=units)

    class _Bar(_Counter):
        def __init__(self, owner: RichProgress, task: object) -> None:
            super().__init__()
            self._owner, self._task = owner, task

        def advance(self, n: int) -> None:
            super().advance(n)
            self._owner.update(self._task, completed=self.count)  # type: ignore[arg-type]

    with display:
        yield Bars()
