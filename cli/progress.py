"""Progress of a run on stderr: bars on a terminal, one line a stage elsewhere, or nothing.

The library sees one face, `mpi.progress.Progress`; `advance` may be called from any thread.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import IO

from cli.compiling import announce_compiling
from cli.interrupts import raise_if_received
from mpi.progress import NO_PROGRESS, Progress, Stage

__all__ = ["open_progress"]


class _Counter:
    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def advance(self, count: int) -> None:
        with self._lock:
            self.count += count


class _Lines:
    """`stage name   12,345   0.8 s`, printed when the stage has ended."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @contextlib.contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Stage]:
        raise_if_received()
        counter, start = _Counter(), time.perf_counter()
        yield counter
        raise_if_received()
        count = counter.count or total or 0
        amount = f"{count:,}" if count else ""
        seconds = time.perf_counter() - start
        print(f"{name:<32} {amount:>15} {seconds:>9.1f} s", file=self._file, flush=True)


@contextlib.contextmanager
def open_progress(*, quiet: bool, file: IO[str] | None = None) -> Iterator[Progress]:
    """Choose the progress display for this stderr and keep it up during a run."""
    target = file or sys.stderr
    if quiet:
        yield NO_PROGRESS
        return
    announce_compiling()
    if target.isatty():
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
            raise_if_received()
            task = display.add_task(name, total=total)
            counter = _Bar(display, task)
            yield counter
            raise_if_received()
            units = counter.count or total or 1
            display.update(task, total=units, completed=units)

    class _Bar(_Counter):
        def __init__(self, owner: RichProgress, task: object) -> None:
            super().__init__()
            self._owner, self._task = owner, task

        def advance(self, count: int) -> None:
            super().advance(count)
            self._owner.update(self._task, completed=self.count)  # type: ignore[arg-type]

    with display:
        yield Bars()
