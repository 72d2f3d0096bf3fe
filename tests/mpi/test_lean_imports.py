"""Start-up without packages that a job never uses."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

SCRIPT = """
import sys
from mpi.lean_imports import import_lean
import_lean()
assert "scipy" not in sys.modules and "pandas" not in sys.modules
import numba, numpy, pyarrow
assert pyarrow.array(numpy.arange(3)).to_numpy().tolist() == [0, 1, 2]
assert numba.njit(lambda x: x + 1)(1) == 2
"""


def test_neither_scipy_nor_pandas_is_imported() -> None:
    """numba and pyarrow do their work without them, and they can be imported later."""
    later = "".join(f"import {name}\n" for name in ("scipy", "pandas") if find_spec(name))
    subprocess.run([sys.executable, "-c", SCRIPT + later], check=True)
