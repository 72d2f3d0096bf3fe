"""A killed run leaves its finished stages, and `resume` goes on from them to the same result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

import mpi
from mpi.run_stages import RunStages, run_directory
from person.errors import ConfigError, OutputError
from tests.cli.made_up_people import write_residents

ROOT = Path(__file__).parents[2]
TABLES = ("clusters", "links", "review")

KILLED_AFTER = """
import os, signal, sys
import mpi.run_stages as run_stages
name, out, files = sys.argv[1], sys.argv[2], sys.argv[3:]
run_stages.WORTH_KEEPING_SECONDS = 0
saved = run_stages.RunStages._save
def save_and_die(self, stage, kept):
    if name != "before " + stage:
        saved(self, stage, kept)
    if name in (stage, "before " + stage):
        os.kill(os.getpid(), signal.SIGKILL)
run_stages.RunStages._save = save_and_die
import mpi
import mpi.job
mpi.job.source_digest = lambda: "these sources"  # whoever edits them meanwhile
mpi.dedupe(files, out=out)
"""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, _ = write_residents(tmp_path_factory.mktemp("people"), 600)
    return path


@pytest.fixture(scope="module")
def whole(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of a run that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "out"
    mpi.dedupe(people, out=out)
    return out


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for temporary files of the test's own, for its children too."""
    path = tmp_path / "scratch"
    path.mkdir()
    monkeypatch.setenv("TMPDIR", str(path))
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    monkeypatch.setattr("mpi.job.source_digest", lambda: "these sources")
    return path


def same_results(one: Path, other: Path) -> bool:
    return all(
        pq.read_table(one / f"{name}.parquet").equals(pq.read_table(other / f"{name}.parquet"))
        for name in TABLES
    )


@pytest.mark.parametrize(
    ("killed", "kept"),
    [
        ("before encode", []),
        ("encode", ["encode"]),
        ("train", ["encode", "train"]),
        ("before score 1", ["encode", "train"]),
        ("score 1", ["encode", "train", "score 1"]),
        ("score 4", ["encode", "train", "score 1", "score 2", "score 3", "score 4"]),
    ],
)
def test_a_killed_run_goes_on_from_its_last_stage(
    people: Path, whole: Path, tmp_path: Path, scratch: Path, killed: str, kept: list[str]
) -> None:
    """After `kill -9` in any stage, resuming gives the very tables of an undisturbed run."""
    out = tmp_path / "out"
    command = [sys.executable, "-c", KILLED_AFTER, killed, str(out), str(people)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert -signal.SIGKILL == process.returncode
    assert (True, False) == (run_directory(out).is_dir(), out.exists())
    result = mpi.dedupe(people, out=out, resume=True)
    assert kept == result.run["resumed"]
    assert same_results(whole, out)
    assert [] == list(scratch.iterdir())
    assert ["out", "scratch"] == sorted(path.name for path in tmp_path.iterdir())


def test_a_run_killed_at_any_time_is_resumed(people: Path, whole: Path, tmp_path: Path) -> None:
    """Killed again and again, each time a little later, a run comes to the same end."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "cli", "dedupe", str(people), "--out", str(out), "--resume"]
    for attempt in range(3):
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not run_directory(out).exists() and process.poll() is None:
            assert time.monotonic() < deadline, "the run never began"
            time.sleep(0.01)
        time.sleep(0.3 * attempt)
        process.kill()
        process.wait()
    subprocess.run([*command, "--overwrite"], cwd=ROOT, capture_output=True, check=True)
    assert same_results(whole, out)


def test_a_run_that_asks_something_else_is_not_resumed(
    people: Path, tmp_path: Path, scratch: Path
) -> None:
    """Stages of other options, or of files that have changed, are refused by name."""
    out = tmp_path / "out"
    command = [sys.executable, "-c", KILLED_AFTER, "encode", str(out), str(people)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    with pytest.raises(ConfigError, match="other options"):
        mpi.dedupe(people, out=out, seed=7, resume=True)
    assert 1 == len(list(scratch.iterdir()))
    mpi.dedupe(people, out=out)  # without resume it begins anew, and clears what was left
    assert [] == list(scratch.iterdir())


def test_nothing_to_resume_is_no_error(people: Path, whole: Path, tmp_path: Path) -> None:
    """`resume` may always be given: where nothing was left, the run begins at the beginning."""
    result = mpi.dedupe(people, out=tmp_path / "out", resume=True)
    assert [] == result.run["resumed"]
    assert same_results(whole, tmp_path / "out")


def test_a_finished_run_cannot_be_resumed(people: Path, whole: Path, tmp_path: Path) -> None:
    """Whoever asks for it is told that the run has ended, and how to run it again."""
    out = tmp_path / "out"
    mpi.dedupe(people, out=out)
    with pytest.raises(OutputError, match="nothing to resume"):
        mpi.dedupe(people, out=out, resume=True)
    assert [] == mpi.dedupe(people, out=out, resume=True, overwrite=True).run["resumed"]


def test_resuming_needs_an_output(people: Path) -> None:
    """Without an output directory there is no name under which stages could be found."""
    with pytest.raises(ConfigError, match="output directory"):
        mpi.dedupe(people, resume=True)


def test_a_stage_that_was_cut_short_is_made_again(tmp_path: Path) -> None:
    """A stage counts as finished only when its file is whole."""
    asked = {"options": 1}
    first = RunStages(tmp_path / "out", asked, resume=False)
    first._open()
    for number, name in enumerate(("one", "two")):
        first.run(name, lambda number=number: [number] * 1000)
    first.settle()
    os.close(first._lock or 0)  # as a kill would
    path = run_directory(tmp_path / "out")
    with (path / "two.stage").open("r+b") as file:
        file.truncate(100)
    with RunStages(tmp_path / "out", asked, resume=True) as second:
        assert [0] * 1000 == second.run("one", list)
        assert [5] == second.run("two", lambda: [5])
        assert ["one"] == second.resumed
    assert not path.exists()


def test_pieces_are_kept_once_they_are_worth_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quick pieces are made again; those after seconds of work are kept, in whatever order."""
    clock = iter([0.0, 4.0, 4.0, 9.0, 9.0, 11.0, 11.0, 12.0])
    first = RunStages(tmp_path / "out", {}, resume=False)
    first._open()
    with monkeypatch.context() as patch:
        patch.setattr("mpi.run_stages.time", SimpleNamespace(monotonic=lambda: next(clock)))
        for number in range(4):
            first.run_piece(f"score {number}", lambda number=number: number)
    first.settle()
    os.close(first._lock or 0)  # as a kill would
    with RunStages(tmp_path / "out", {}, resume=True) as second:
        made = [second.run_piece(f"score {number}", lambda: "anew") for number in range(4)]
    assert ["anew", "anew", 2, "anew"] == made
    assert ["score 2"] == second.resumed


@pytest.mark.parametrize("place", [3, 4000, -3])
def test_a_stage_that_was_damaged_is_made_again(tmp_path: Path, place: int) -> None:
    """A changed byte anywhere in a stage's file is noticed before it is read."""
    asked = {"options": 1}
    first = RunStages(tmp_path / "out", asked, resume=False)
    first._open()
    (first.path / "store.arrow").write_bytes(b"records")
    for name in ("one", "two"):
        first.run(name, lambda: np.arange(1000))
    first.settle()
    os.close(first._lock or 0)  # as a kill would
    damaged = bytearray((first.path / "two.stage").read_bytes())
    damaged[place] ^= 0xFF
    (first.path / "two.stage").write_bytes(damaged)
    with RunStages(tmp_path / "out", asked, resume=True) as second:
        assert 1000 == len(second.run("one", lambda: np.arange(0)))
        assert [5] == second.run("two", lambda: [5])
        assert ["one"] == second.resumed


@pytest.mark.parametrize("manifest", ["[]", "{}", '{"stages": {"one": 5}, "fingerprint": null}'])
def test_a_manifest_that_says_nothing_is_nothing_to_go_on_from(
    tmp_path: Path, manifest: str
) -> None:
    """Whatever was left under the run's name, a run begins anew and does not fail on it."""
    path = run_directory(tmp_path / "out")
    path.mkdir()
    (path / "manifest.json").write_text(manifest)
    with RunStages(tmp_path / "out", {"options": 1}, resume=True) as run:
        assert not run.can_go_on


@pytest.mark.parametrize("left", [None, b"record", b"recOrds"])
def test_records_that_are_not_what_they_were_are_encoded_again(
    tmp_path: Path, left: bytes | None
) -> None:
    """A stage is finished only while the file that it wrote beside its own is there, unchanged."""
    first = RunStages(tmp_path / "out", {}, resume=False)
    first._open()
    records = first.path / "store.arrow"
    records.write_bytes(b"records")
    for name in ("encode", "train"):
        first.run(name, lambda: 1)
    first.settle()
    os.close(first._lock or 0)  # as a kill would
    manifest = json.loads((first.path / "manifest.json").read_text("utf-8"))
    summed = [name for name, files in manifest["stages"].items() if "store.arrow" in files]
    assert ["encode"] == summed, "once, by the stage that wrote it"
    if left is None:
        records.unlink()
    else:
        records.write_bytes(left)
    with RunStages(tmp_path / "out", {}, resume=True) as second:
        assert not second.can_go_on


def test_two_runs_with_one_output_do_not_meet(tmp_path: Path) -> None:
    """A second run on the same output waits for nobody: it is refused, and disturbs nothing."""
    with RunStages(tmp_path / "out", {}, resume=False) as first:
        first.run("one", lambda: 1)
        first.settle()
        with (
            pytest.raises(OutputError, match="another run"),
            RunStages(tmp_path / "out", {}, resume=False),
        ):
            pass
        manifest = json.loads((first.path / "manifest.json").read_text("utf-8"))
        assert ["one"] == list(manifest["stages"])


def test_a_place_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """A link planted under the run's name is not followed."""
    run_directory(tmp_path / "out").symlink_to(tmp_path)
    with (
        pytest.raises(OutputError, match="not a directory of ours"),
        RunStages(tmp_path / "out", {}, resume=False),
    ):
        pass
