"""The one place that decides how kernels are compiled.

Every kernel is a plain function over arrays, compiled without the GIL and cached on disk, and
runs on one thread; `person.threads` runs several slices of the work side by side. numba's own
parallel loops are not used: they may not be entered from two Python threads at once, take far
longer to compile, and gain nothing over slices.

No fast-math anywhere: weights must repeat bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["count_leading_zeros", "count_ones", "count_trailing_zeros", "kernel"]

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a scalar or batch kernel: no GIL, cached, C division rules."""
    compiled: F = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    return compiled


def _bit_intrinsic(name: str, has_zero_flag: bool) -> Any:
    @intrinsic  # type: ignore[misc]
    def bit_function(typing_context: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
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
