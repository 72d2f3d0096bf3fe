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

__all__ = [
    "compare_and_swap",
    "count_leading_zeros",
    "count_ones",
    "count_trailing_zeros",
    "inlined_kernel",
    "kernel",
    "load_int32",
    "load_uint8",
    "load_uint16",
    "load_uint64",
    "prefetch",
    "store_uint8",
    "store_uint16",
    "store_uint64",
]

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGES: Final = ("person", "blocking", "matching", "data_gen", "index_store", "mpi")
_CACHES_KEPT: Final = 3


def kernel(function: F) -> F:
    """Compile a scalar or batch kernel: no GIL, cached, C division rules."""
    return _compiled(function)


def inlined_kernel(function: F) -> F:
    """A small scalar kernel that becomes part of whatever calls it.

    LLVM leaves a function of more than a few dozen instructions a call, and a call of ours, whose
    result goes through memory, costs as much as such a function itself.
    """
    return _compiled(function, forceinline=True)


def _compiled(function: F, **options: bool) -> F:
    numbas_own = numba.config.CACHE_DIR
    # Read when a function is decorated; set no longer than that, for it is a global of numba.
    numba.config.CACHE_DIR = numbas_own or _cache_directory()
    try:
        compiled: F = numba.njit(nogil=True, cache=True, error_model="numpy", **options)(function)
    except RuntimeError:  # nowhere to write: compile anew in every process
        compiled = numba.njit(nogil=True, error_model="numpy", **options)(function)
    finally:
        numba.config.CACHE_DIR = numbas_own
    return compiled


@lru_cache(maxsize=1)
def _cache_directory() -> str:
    """Where this version's kernels are kept; '' (numba decides) where that cannot be written."""
    with contextlib.suppress(OSError, RuntimeError):
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mpi-index"
        directory = caches / f"kernels-{source_digest()}"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.touch()  # used now: the last to be removed
        _remove_old(caches)
        if os.access(directory, os.W_OK):
            return str(directory)
    return ""


@lru_cache(maxsize=1)
def source_digest() -> str:
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


@intrinsic  # type: ignore[misc]
def prefetch(_typing_context: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of array[index], of one dimension, before it is needed."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = context.make_array(signature.args[0])(context, builder, args[0]).data
        pointer = builder.bitcast(builder.gep(place, [args[1]]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [pointer.type, word, word, word]),
            "llvm.prefetch.p0",
        )
        builder.call(function, [pointer, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return numba.types.void(array, index), generate


def _load_intrinsic(kind: Any, bits: int) -> Any:
    @intrinsic  # type: ignore[misc]
    def load(_typing_context: Any, address: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer = builder.inttoptr(args[0], ir.IntType(bits).as_pointer())
            place = context.cast(builder, args[1], signature.args[1], numba.types.int64)
            return builder.load(builder.gep(pointer, [place]), align=1)

        return kind(address, index), generate

    return load


load_uint64 = _load_intrinsic(numba.types.uint64, 64)
load_uint8 = _load_intrinsic(numba.types.uint8, 8)
load_uint16 = _load_intrinsic(numba.types.uint16, 16)
load_int32 = _load_intrinsic(numba.types.int32, 32)
"""load(address, index): an element of a constant table by its address, a uint64, aligned or not.

For tables that small functions read: a function that is handed an array counts a reference to
it, an atomic operation that costs more than the load. Whoever passes the address keeps the array.
"""


def _store_intrinsic(kind: Any, bits: int) -> Any:
    @intrinsic  # type: ignore[misc]
    def store(_typing_context: Any, address: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer = builder.inttoptr(args[0], ir.IntType(bits).as_pointer())
            bytes_kept = context.cast(builder, args[1], signature.args[1], kind)
            builder.store(bytes_kept, pointer, align=1)
            return context.get_dummy_value()

        return numba.types.void(address, value), generate

    return store


store_uint8 = _store_intrinsic(numba.types.uint8, 8)
store_uint16 = _store_intrinsic(numba.types.uint16, 16)
store_uint64 = _store_intrinsic(numba.types.uint64, 64)
"""store(address, value): the low bytes of an integer at an address, which need not be aligned.

For writers of text, for the reason given at `load_uint64`. Whoever passes the address keeps the
array, and its room.
"""


@intrinsic  # type: ignore[misc]
def compare_and_swap(_typing_context: Any, array: Any, index: Any, old: Any, new: Any) -> Any:
    """Set array[index], uint32 of one dimension, to `new` if it is `old`; whether it was."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = context.make_array(signature.args[0])(context, builder, args[0]).data
        pointer = builder.gep(place, [args[1]])
        pair = builder.cmpxchg(pointer, args[2], args[3], "monotonic", "monotonic")
        return builder.extract_value(pair, 1)

    return numba.types.boolean(array, index, old, new), generate
