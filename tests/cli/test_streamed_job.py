"""`mpi dedupe --stream` as a process: what it writes, prints and refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .interrupted import interrupt
from .made_up_people import write_residents

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = {"clusters.parquet", "review.parquet", "rejects.parquet", "model.json", "run.json"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "cli", "dedupe", *map(str, arguments), "--stream"]


def test_a_streamed_run_writes_its_tables_and_says_what_it_gave_up(tmp_path: Path) -> None:
    """Clusters, doubts, model and account, no links, no scratch; other commands read it."""
    people, truth = write_residents(tmp_path, 400)
    scratch, out = tmp_path / "scratch", tmp_path / "out"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch)}
    asked = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True}
    done = subprocess.run([*command(people, "--out", out), "--json"], check=False, **asked)
    assert 0 == done.returncode, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert (600, 5) == (said["counts"]["records"], len(said["streamed"]["given_up"]))
    written = {path.name for path in out.iterdir()}
    assert CONTRACT == {name for name in written if not name.startswith("tf_")}
    assert [] == list(scratch.iterdir())
    evaluate = [sys.executable, "-m", "cli", "evaluate", str(out), "--truth", str(truth), "--json"]
    judged = subprocess.run(evaluate, check=False, **asked)
    assert 0 == judged.returncode, judged.stderr[-2000:]
    explain = [sys.executable, "-m", "cli", "explain", "r00000", "r00001", "--run", str(out)]
    explained = subprocess.run(explain, check=False, **asked)
    assert 0 == explained.returncode, explained.stderr[-2000:]
    refused = subprocess.run(
        [*command(people, "--out", tmp_path / "other"), "--index", str(tmp_path / "index")],
        check=False,
        **asked,
    )
    assert (2, 1) == (refused.returncode, refused.stderr.count("\n"))
    assert "streamed" in refused.stderr


@pytest.mark.parametrize("stage", ["encode+", "score candidate pairs", "label clusters+"])
def test_a_terminated_streamed_run_leaves_nothing(tmp_path: Path, stage: str) -> None:
    """SIGTERM while it works: rows on disk are removed with all else."""
    people, _ = write_residents(tmp_path, 400)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    words = ("dedupe", people, "--out", tmp_path / "out", "--stream")
    done = interrupt(stage, signal.SIGTERM, *words, scratch=scratch)
    assert 143 == done.returncode, done.stderr
    assert done.stderr.splitlines()[-1].startswith("mpi: error: ")
    assert ["residents.csv", "scratch", "truth.csv"] == sorted(p.name for p in tmp_path.iterdir())
    assert [] == list(scratch.iterdir())
