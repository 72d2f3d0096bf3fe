"""Start-up without packages that a job never uses.

numba looks for scipy only to multiply matrices, and pyarrow for pandas only to make data frames;
where they are installed, importing them takes most of a second. Both remember what they found, so
this is for processes of our own that do nothing else: never called by the library.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["import_lean"]


def import_lean() -> None:
    """Import numba and pyarrow as if neither scipy nor pandas were installed."""
    with _hidden("scipy", "pandas"):
        import numpy as np
        import pyarrow as pa
        from numba.np import arraymath  # noqa: F401 - asks for scipy now, not later

        pa.array(np.zeros(1)).to_numpy(zero_copy_only=False)  # asks for pandas


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Let imports of these packages fail inside the block, unless they have been imported."""
    modules: dict[str, Any] = sys.modules
    hidden = [name for name in names if name not in modules]
    for name in hidden:
        modules[name] = None
    try:
        yield
    finally:
        for name in hidden:
            del modules[name]
