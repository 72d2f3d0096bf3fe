"""What the programs that run one size of `bench.scale` share: options, clocks, a cold file."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

__all__ = ["RESERVE_BYTES", "push_out", "run_one_size", "timed"]

RESERVE_BYTES: Final = 3 << 28
"""Interpreter, libraries, kernels and batches in flight, beside what a run is told it may use."""

Facts = dict[str, Any]


def run_one_size(purpose: str | None, run: Callable[[int, int, Path], Facts]) -> None:
    """Read the options, run one size, and leave bench.json in its directory.

    Parameters
    ----------
    purpose : of the program, for --help
    run : takes the records, the bytes of memory the process may use, and the directory
    """
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--memory", default="8GiB")
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    from mpi.units import parse_bytes

    arguments.out.mkdir(parents=True, exist_ok=True)
    facts = run(arguments.records, parse_bytes(arguments.memory), arguments.out)
    (arguments.out / "bench.json").write_text(json.dumps(facts))


def timed(work: Callable[[], Any]) -> tuple[Any, Facts]:
    """Run something; its result, and the wall and processor seconds that it took.

    Parameters
    ----------
    work : what to run
    """
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - processor,
    }


def push_out(path: Path) -> None:
    """Have a file on disk and not in the page cache.

    Parameters
    ----------
    path : of the file
    """
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)
