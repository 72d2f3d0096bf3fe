"""How fast this machine is right now, by two kernels that no change of ours can move.

Copying memory and sorting integers are what the engine's passes are made of, so a figure divided
by theirs says how the code fares and not how the machine does. They are run next to every
measurement, on as many threads as it uses.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from person.threads import map_slices, thread_count

__all__ = ["calibrate"]

COPY_BYTES: Final = 1 << 25
SORT_KEYS: Final = 1 << 18
REPEATS: Final = 7


@lru_cache(maxsize=8)
def _arrays(thread: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint64]]:
    random = np.random.default_rng(thread)
    source = random.integers(0, 256, COPY_BYTES, np.uint8)
    return source, source.copy(), random.integers(0, 1 << 63, SORT_KEYS).astype(np.uint64)


def _copy(thread: int) -> None:
    source, target, _ = _arrays(thread)
    np.copyto(target, source)


def _sort(thread: int) -> None:
    np.sort(_arrays(thread)[2])


def _best(function: Callable[[int], Any], threads: int) -> tuple[float, float]:
    wall, processor = [], []
    for _ in range(REPEATS):
        started, began = time.perf_counter(), time.process_time()
        map_slices(function, range(threads)) if threads > 1 else function(0)
        wall.append(time.perf_counter() - started)
        processor.append(time.process_time() - began)
    return min(wall), min(processor)


def calibrate(threads: int | None = None) -> tuple[float, float]:
    """Wall and processor seconds that copying and sorting take now, best of a few repeats.

    Parameters
    ----------
    threads : 1, or None for as many as the engine uses

    Returns
    -------
    geometric means of the two kernels' seconds; processor seconds are those of all threads
    """
    count = threads or thread_count()
    for thread in range(count):
        _arrays(thread)
    copy, sort = _best(_copy, count), _best(_sort, count)
    return float(np.sqrt(copy[0] * sort[0])), float(np.sqrt(copy[1] * sort[1]))
