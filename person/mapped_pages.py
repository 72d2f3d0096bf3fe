"""Letting go of the pages of a mapped file once they have been read.

They count as memory of the process until it ends or the system needs them, so a table read once
from front to back would seem to be held whole.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from functools import lru_cache
from typing import Any, Final

from numpy.typing import NDArray

__all__ = ["forget_pages"]

PAGE_BYTES: Final = mmap.PAGESIZE
_DONT_NEED: Final = 4


@lru_cache(maxsize=1)
def _madvise() -> Any:
    function = ctypes.CDLL(None, use_errno=True).madvise
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return function


def forget_pages(mapped: NDArray[Any]) -> None:
    """Take the whole pages of an array out of the process's memory; reading brings them back.

    Does nothing where the system cannot.

    Parameters
    ----------
    mapped : C-contiguous view of a file mapped for reading, never of memory of our own: what was
        written there would be lost
    """
    if not sys.platform.startswith("linux"):
        return
    assert mapped.flags.c_contiguous
    begin = -(-mapped.ctypes.data // PAGE_BYTES) * PAGE_BYTES
    end = (mapped.ctypes.data + mapped.nbytes) // PAGE_BYTES * PAGE_BYTES
    if end > begin:
        _madvise()(begin, end - begin, _DONT_NEED)
