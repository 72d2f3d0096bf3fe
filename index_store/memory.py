"""Reading mapped pages from compiled code: a load, a prefetch or an array at an address.

An address is a uint64 taken from a buffer that the caller keeps alive; little-endian machines only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from person.jit import kernel

__all__ = ["address_of", "load_word", "prefetch", "words_at"]


@intrinsic  # type: ignore[misc]
def load_word(_typing_context: Any, _address: Any) -> Any:
    """The eight bytes at any address, aligned or not, as a number."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load(pointer, align=1)

    return types.uint64(types.uint64), generate


@intrinsic  # type: ignore[misc]
def prefetch(_typing_context: Any, _address: Any) -> Any:
    """Ask for the cache line at an address; never faults."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), number, number, number]),
            "llvm.prefetch.p0",
        )
        builder.call(function, [pointer, number(0), number(3), number(1)])
        return _context.get_dummy_value()

    return types.void(types.uint64), generate


@intrinsic  # type: ignore[misc]
def _pointer(_typing_context: Any, _address: Any) -> Any:
    """The address as one of numbers of eight bytes."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())

    return types.CPointer(types.uint64)(types.uint64), generate


@kernel
def words_at(address, count):  # type: ignore[no-untyped-def]
    """The uint64[count] at an address, which whoever has them keeps in memory."""
    return carray(_pointer(address), (count,))


def address_of(buffer: Any) -> int:
    """Address of the first byte of a buffer; it must outlive every use of the address."""
    view: NDArray[np.uint8] = np.frombuffer(buffer, np.uint8)
    return int(view.__array_interface__["data"][0])
