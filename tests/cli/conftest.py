"""Commands run in this process, stand-ins for the library, and a finished run to look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mpi as library_module
from cli.main import run

from .made_up_people import write_residents
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


@pytest.fixture(scope="session")
def residents(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_residents(tmp_path_factory.mktemp("residents"))


@pytest.fixture(scope="session")
def resident_run(
    residents: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A finished run on residents, and its truth."""
    out = tmp_path_factory.mktemp("run") / "result"
    assert 0 == run(["dedupe", str(residents[0]), "--out", str(out), "--quiet"])
    return out, residents[1]
