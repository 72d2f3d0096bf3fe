"""Stand-ins for the library, so that the command line is tested without its engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import mpi


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], None]:
    """Replace one function of `mpi`; setattr would first load the engine to save the old one."""

    def replace(name: str, function: Any) -> None:
        monkeypatch.setitem(vars(mpi), name, function)

    return replace
