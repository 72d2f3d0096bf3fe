"""Start-up without packages that a job never uses.

numba looks for scipy only to multiply matrices, and pyarrow for pandas only to make data frames;
where they are installed, importing them takes most of a second. Both remember what they found, so
this is for processes of our own that do nothing else: never called by the library.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["import_lean"]


def import_lean() -> None:
    """Import numba and pyarrow as if neither scipy nor pandas were installed."""
    with _hidden("scipy", "pandas"):
        import numpy as np
        import pyarrow as pa
        from numba.np import arraymath  # noqa: F401 - asks for scipy now, not later

        pa.array(np.zeros(1)).to_numpy(zero_copy_only=False)  # asks for pandas


class _Refuser(MetaPathFinder):
    """A finder that says of some packages that they are not there."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"{fullname} is not needed here", name=fullname)
        return None


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Let imports of these packages fail inside the block, unless they have been imported."""
    refuser = _Refuser(names)
    sys.meta_path.insert(0, refuser)
    try:
        yield
    finally:
        sys.meta_path.remove(refuser)
