"""Big buffers: allocated once, on huge pages, touched by all threads before they are used.

Memory touched for the first time is slower than any kernel (0.3 to 1.6 GB a second on a virtual
machine), and random access to small pages misses the processor's page table cache.
"""

from __future__ import annotations

import mmap
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from person.threads import map_slices, slices

__all__ = ["allocate"]

PAGE_BYTES: Final = 4096
HUGE_BYTES: Final = 1 << 21
TOUCH_BYTES: Final = 1 << 26


def allocate(count: int, dtype: DTypeLike) -> NDArray[Any]:
    """An array of zeros, of one dimension, whose pages are there; it begins with a page.

    Parameters
    ----------
    count : elements
    dtype : of the elements
    """
    kind = np.dtype(dtype)
    if count == 0:
        return np.zeros(0, kind)
    memory = mmap.mmap(-1, count * kind.itemsize)
    if len(memory) >= HUGE_BYTES and hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    raw = np.frombuffer(memory, np.uint8)  # keeps the mapping alive, and is writable

    def touch(part: slice) -> None:
        raw[part][::PAGE_BYTES] = 0

    map_slices(touch, slices(len(raw), TOUCH_BYTES))
    return raw.view(kind)
