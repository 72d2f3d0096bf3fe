"""The one place that decides how kernels are compiled.

Every kernel is a plain function over arrays, compiled without the GIL and cached on disk, and
runs on one thread; `person.threads` runs several slices of the work side by side. numba's own
parallel loops are not used: they may not be entered from two Python threads at once, take far
longer to compile, and gain nothing over slices.

Compiled kernels are kept in the user's cache directory, in a folder named after the sum of all
our sources: numba itself does not notice that a kernel called from another file has changed.
NUMBA_CACHE_DIR, where set, is used as it is.

No fast-math anywhere: weights must repeat bit for bit.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

import numba
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["count_leading_zeros", "count_ones", "count_trailing_zeros", "kernel"]

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGES: Final = ("person", "blocking", "matching", "data_gen", "index_store", "mpi")
_CACHES_KEPT: Final = 3


def kernel(function: F) -> F:
    """Compile a scalar or batch kernel: no GIL, cached, C division rules."""
    numbas_own = numba.config.CACHE_DIR
    # Read when a function is decorated; set no longer than that, for it is a global of numba.
    numba.config.CACHE_DIR = numbas_own or _cache_directory()
    try:
        compiled: F = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # nowhere to write: compile anew in every process
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
    finally:
        numba.config.CACHE_DIR = numbas_own
    return compiled


@lru_cache(maxsize=1)
def _cache_directory() -> str:
    """Where this version's kernels are kept; '' (numba decides) where that cannot be written."""
    with contextlib.suppress(OSError, RuntimeError):
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mpi-index"
        directory = caches / f"kernels-{_source_digest()}"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.touch()  # used now: the last to be removed
        _remove_old(caches)
        if os.access(directory, os.W_OK):
            return str(directory)
    return ""


def _source_digest() -> str:
    """Sum of every source that a kernel may be made of, and of what compiles them."""
    digest = hashlib.blake2b(f"{numba.__version__} {sys.version}".encode(), digest_size=8)
    root = Path(__file__).resolve().parents[1]
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _remove_old(caches: Path) -> None:
    """Remove the kernels of all but the versions used last."""
    by_use = sorted(caches.glob("kernels-*"), key=lambda path: -path.stat().st_mtime)
    for path in by_use[_CACHES_KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


def _bit_intrinsic(name: str, has_zero_flag: bool) -> Any:
    @intrinsic  # type: ignore[misc]
    def bit_function(_typing_context: Any, value: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            width = args[0].type
            argument_types = [width] + ([ir.IntType(1)] if has_zero_flag else [])
            function = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(width, argument_types),
                f"llvm.{name}.i{width.width}",
            )
            return builder.call(function, [args[0]] + ([ir.IntType(1)(0)] if has_zero_flag else []))

        return value(value), generate

    return bit_function


count_ones = _bit_intrinsic("ctpop", has_zero_flag=False)
count_trailing_zeros = _bit_intrinsic("cttz", has_zero_flag=True)
count_leading_zeros = _bit_intrinsic("ctlz", has_zero_flag=True)
