"""What each stage of a run took: wall seconds, processor seconds, peak memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mpi.progress import Progress, Stage

__all__ = ["StageProfile", "peak_memory_bytes"]


@dataclass(slots=True)
class StageProfile:
    """Passes progress on and keeps what each stage took.

    Attributes
    ----------
    progress : told as well
    stages : name -> seconds, cpu_seconds (both cores busy: twice the seconds), peak_memory_bytes
    """

    progress: Progress
    stages: dict[str, dict[str, float]] = field(default_factory=dict)
    _peaks: list[int] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Stage]:
        """Run a stage; a stage inside another counts for both."""
        self._peaks.append(0)
        _forget_peak()
        wall, processor = time.perf_counter(), time.process_time()
        try:
            with self.progress.stage(name, total) as stage:
                yield stage
        finally:
            peak = max(self._peaks.pop(), peak_memory_bytes())
            if self._peaks:
                self._peaks[-1] = max(self._peaks[-1], peak)
            taken = self.stages.setdefault(
                name, {"seconds": 0.0, "cpu_seconds": 0.0, "peak_memory_bytes": 0}
            )
            taken["seconds"] += time.perf_counter() - wall
            taken["cpu_seconds"] += time.process_time() - processor
            taken["peak_memory_bytes"] = max(taken["peak_memory_bytes"], peak)

    def seconds(self) -> dict[str, float]:
        """Wall seconds of each stage."""
        return {name: round(taken["seconds"], 4) for name, taken in self.stages.items()}

    def as_list(self) -> list[dict[str, Any]]:
        """One row a stage, in the order they began, for run.json."""
        return [
            {"stage": name, **{key: round(value, 4) for key, value in taken.items()}}
            for name, taken in self.stages.items()
        ]

    def peak_memory_bytes(self) -> int:
        """The most memory that any stage held."""
        peaks = [int(taken["peak_memory_bytes"]) for taken in self.stages.values()]
        return max([*peaks, peak_memory_bytes()])


def _forget_peak() -> None:
    """Let the system's high-water mark start anew, where that can be asked for (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_bytes() -> int:
    """Most memory held since the mark was last reset, else in the life of the process."""
    with suppress(OSError, StopIteration, ValueError, IndexError):
        status = Path("/proc/self/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
