"""Results that cannot be written, or are not wanted any more: one line, and nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .interrupted import interrupt
from .made_up_people import write_residents
from .shell import RUN_FILES, Shell


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_existing_result_is_kept(mpi: Shell, resident_run: tuple[Path, Path]) -> None:
    """Without --overwrite the run does not begin, exit code 4."""
    answer = mpi("dedupe", "any.csv", "--out", resident_run[0])
    assert answer.code in (3, 4)
    assert set(names(resident_run[0])) >= RUN_FILES


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_4_and_leaves_nothing(
    mpi: Shell, residents: tuple[Path, Path], small_disk: Path
) -> None:
    """A disk that fills while results are written: one line, exit code 4, nothing left."""
    answer = mpi("dedupe", residents[0], "--out", small_disk / "out", "--quiet")
    assert 4 == answer.code
    assert "disk" in answer.err
    assert ".partial" not in answer.err
    assert 1 == answer.err.count("\n")
    assert [] == names(small_disk)


def test_a_full_scratch_disk_is_4_and_names_tmpdir(
    mpi: Shell,
    residents: tuple[Path, Path],
    small_disk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Temporary files that do not fit end the run in a line that says where they went."""
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    answer = mpi("dedupe", residents[0], "--out", tmp_path / "out", "--quiet")
    assert 4 == answer.code
    assert "TMPDIR" in answer.err
    assert 1 == answer.err.count("\n")
    assert ([], False) == (names(small_disk), (tmp_path / "out").exists())


@pytest.mark.parametrize(
    ("stage", "signal_number", "code"),
    [
        ("encode+", signal.SIGINT, 130),
        ("learn from candidate pairs", signal.SIGTERM, 143),
        ("score candidate pairs", signal.SIGINT, 130),
        ("write results", signal.SIGTERM, 143),
    ],
)
def test_an_interrupted_run_leaves_nothing(
    tmp_path: Path, stage: str, signal_number: int, code: int
) -> None:
    """Ctrl-C and SIGTERM in the middle of a run: one line, its exit code, no output, no scratch."""
    people, _ = write_residents(tmp_path, 400)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    words = ("dedupe", people, "--out", tmp_path / "out")
    done = interrupt(stage, signal_number, *words, scratch=scratch)
    assert (code, "") == (done.returncode, done.stdout), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("mpi: error: ")
    assert ["residents.csv", "scratch", "truth.csv"] == names(tmp_path)
    assert [] == names(scratch)
