"""`mpi generate` and `mpi generate check`: what they write, print and refuse."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import run

from .shell import Shell


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "people"
    assert 0 == run(["generate", "--people", "4096", "--out", str(out), "--quiet"])
    return out


def test_generate_prints_a_summary(mpi: Shell, tmp_path: Path) -> None:
    """Counts on stdout, progress on stderr."""
    answer = mpi("generate", "--people", 1000, "--seed", 5, "--out", tmp_path / "out")
    assert 0 == answer.code, answer.err
    printed = dict(line.rsplit(maxsplit=1) for line in answer.out.splitlines())
    assert ("1,000", "2,500") == (printed["people"], printed["records"])
    assert "population_register" in answer.out
    assert "\ngenerate" in "\n" + answer.err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (1000, 5) == (manifest["people"], manifest["parameters"]["seed"])


def test_generate_as_json(mpi: Shell, tmp_path: Path) -> None:
    """--json prints the counts as one document."""
    answer = mpi("generate", "--people", 600, "--out", tmp_path / "out", "--json", "--quiet")
    printed = json.loads(answer.out)
    assert (600, 1500) == (printed["people"], printed["records"])
    assert sum(printed["records_by_system"].values()) == printed["records"]


def test_options_reach_the_population(mpi: Shell, tmp_path: Path) -> None:
    """Format, rows, rate of records and errors are those that were asked for."""
    words = ["--records-per-person", 1.5, "--error-scale", 0, "--format", "csv"]
    words += ["--rows-per-file", 500, "--start", 500, "--stop", 1000]
    answer = mpi("generate", "--people", 1024, "--out", tmp_path / "out", *words)
    assert 0 == answer.code, answer.err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (500, 1000, 1536, "csv") == tuple(
        manifest[name] for name in ("start", "stop", "records", "file_format")
    )
    assert 0.0 == manifest["parameters"]["error_scale"]
    assert {"part-00001.csv"} == {path.name for path in (tmp_path / "out").rglob("part-*")}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--people", "5"], 2, "Missing option '--out'"),
        (["--out", "x"], 2, "--people or --quick"),
        (["--out", "x", "--people", "5", "--quick", "10k"], 2, "--people or --quick"),
        (["--out", "x", "--quick", "7k"], 2, "--quick"),
        (["--out", "x", "--people", "0"], 2, "--people"),
        (["--out", "x", "--people", "9999999999999"], 2, "people"),
        (["--out", "x", "--people", "5", "--records-per-person", "9"], 2, "records_per_person"),
        (["--out", "x", "--people", "5", "--start", "3"], 2, "start"),
        (["check", "nowhere"], 3, "no manifest.json"),
    ],
)
def test_bad_words_are_refused(
    mpi: Shell,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    message: str,
) -> None:
    """One line that names the parameter, its exit code, and nothing written."""
    monkeypatch.chdir(tmp_path)
    answer = mpi("generate", *words, *(["--quiet"] if words[0] != "check" else []))
    assert code == answer.code
    assert message in answer.err
    assert [] == list(tmp_path.iterdir())


def test_an_existing_directory_is_kept(mpi: Shell, made: Path) -> None:
    """Without --overwrite nothing is replaced, exit code 4."""
    answer = mpi("generate", "--people", 5, "--out", made)
    assert 4 == answer.code
    assert "--overwrite" in answer.err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_small_disk_is_refused_at_once(mpi: Shell, small_disk: Path) -> None:
    """The room is asked for before anything is drawn."""
    answer = mpi("generate", "--people", 1_000_000, "--out", small_disk / "out", "--quiet")
    assert 4 == answer.code
    assert "are needed" in answer.err
    assert [] == list(small_disk.iterdir())


def test_a_disk_that_fills_is_4_and_leaves_nothing(
    mpi: Shell, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the estimate was wrong: one line, exit code 4, nothing left."""
    monkeypatch.setattr("data_gen.write.estimate_size", lambda records, file_format: 0)
    words = ["--people", 40_000, "--rows-per-file", 20_000, "--out", small_disk / "out"]
    answer = mpi("generate", *words, "--quiet")
    assert 4 == answer.code
    assert "disk is full" in answer.err
    assert ".partial" not in answer.err
    assert 1 == answer.err.count("\n")
    assert [] == list(small_disk.iterdir())


def test_check_passes_and_writes_a_page(mpi: Shell, made: Path, tmp_path: Path) -> None:
    """Figures beside facts on stdout, a page on request, exit code 0."""
    answer = mpi("generate", "check", made, "--out", tmp_path / "check.html")
    assert 0 == answer.code, answer.out
    assert "passed" in answer.out.splitlines()[-1]
    assert "census 2020" in answer.out
    assert "Generated population" in (tmp_path / "check.html").read_text("utf-8")


def test_check_fails_on_a_changed_file(mpi: Shell, tmp_path: Path) -> None:
    """Exit code 1, the file named, FAILED at the end; JSON says the same."""
    out = tmp_path / "people"
    mpi("generate", "--people", 500, "--out", out, "--quiet")
    next((out / "truth").iterdir()).write_bytes(b"PAR1")
    answer = mpi("generate", "check", out)
    assert 1 == answer.code
    assert "truth/part-00000.parquet" in answer.err
    assert answer.out.splitlines()[-1].endswith("FAILED")
    printed = json.loads(mpi("generate", "check", out, "--json").out)
    assert (False, 1) == (printed["passed"], len(printed["problems"]))


def test_generate_dedupe_evaluate(mpi: Shell, made: Path, tmp_path: Path) -> None:
    """The directory is the input and the truth; recall is reported for each cause."""
    assert 0 == mpi("dedupe", made, "--out", tmp_path / "run", "--quiet").code
    answer = mpi("evaluate", tmp_path / "run", "--truth", made, "--json")
    assert 0 == answer.code, answer.err
    printed = json.loads(answer.out)
    causes = {row["cause"]: row for row in printed["causes"]}
    assert causes["id_number:missing"]["true_pairs"] > 100
    assert printed["measures"]["precision"] > 0.99
    merged = {row["relation"]: row["merged"] for row in printed["confusions"]}
    assert merged["twins"] <= 1
