"""Stand-ins for the library, so that the command line is tested without its engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import mpi as library_module

from .shell import Shell


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], None]:
    """Replace one function of `mpi`; setattr would first load the engine to save the old one."""

    def replace(name: str, function: Any) -> None:
        monkeypatch.setitem(vars(library_module), name, function)

    return replace


@pytest.fixture
def mpi(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Run a command line as a user would, whatever the environment says."""
    for name in ("MPI_DEBUG", "MPI_INDEX", "MPI_ACTOR", "MPI_DIGEST_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Shell(capsys)
