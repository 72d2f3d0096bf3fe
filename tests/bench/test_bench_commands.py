"""`mpi bench` at tiny scales: results on disk, in the promised form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPI_BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("MPI_DEBUG", raising=False)


def test_run_writes_a_result_that_names_machine_command_and_load(tmp_path: Path) -> None:
    """As a process, as `make bench` starts it."""
    pytest.importorskip("pytest_benchmark")
    out = tmp_path / "result.json"
    command = [
        sys.executable, "-m", "cli", "bench", "run", "--suite", "clustering", "--only",
        "union_find", "--scale", "300", "--out", str(out), "--quiet",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr[-2000:]
    result = json.loads(out.read_text())
    assert {"date", "command", "machine", "versions", "load_average"} <= set(result["run"])
    (measured,) = result["benchmarks"]
    assert "clustering/union_find" == measured["name"]
    assert measured["per_second"]["edges"] > 0
    assert measured["calibration_seconds"] > 0
    assert 300 == result["records"]


def test_bench_alone_runs_the_suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mpi bench` is `mpi bench run` with its defaults."""
    asked = []

    def run_suites(suites: object, scale: str, out: Path, **_: object) -> dict[str, object]:
        asked.append((suites, scale, out))
        return {"records": 10_000, "benchmarks": []}

    monkeypatch.setattr("bench.suites.run_suites", run_suites)
    assert 0 == run(["bench"])
    assert [((), "quick", Path("build/bench/result.json"))] == asked


def test_the_index_suite_measures_single_and_batched(tmp_path: Path) -> None:
    """Look-ups by cross-reference, with p50 and p99 of single ones, and an addition."""
    pytest.importorskip("pytest_benchmark")
    out = tmp_path / "result.json"
    command = [
        sys.executable, "-m", "cli", "bench", "run", "--suite", "index", "--only",
        "cross_reference or add_single", "--scale", "600", "--out", str(out), "--quiet",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr[-2000:]
    measured = {each["name"]: each for each in json.loads(out.read_text())["benchmarks"]}
    assert {"index/lookup_batched[cross_reference]", "index/lookup_single[cross_reference]",
            "index/add_single"} == set(measured)  # fmt: skip
    single = measured["index/lookup_single[cross_reference]"]
    assert single["us_p99"] >= single["us_p50"] > 0


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--suite", "nonsense"],
        ["run", "--scale", "enormous"],
        ["peers", "--engines", "nobody"],
        ["nation", "--records", "1b", "--memory", "1GiB"],
    ],
)
def test_senseless_requests_are_refused_at_once(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and one line, before anything is generated."""
    assert 2 == run(["bench", *words, "--out", str(tmp_path / "out"), "--quiet"])
    assert "mpi: error: " in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_scale_writes_numbers_page_and_charts(tmp_path: Path) -> None:
    """One size is enough to see it work; a slope needs two."""
    pytest.importorskip("altair")
    out = tmp_path / "scale"
    assert 0 == run(["bench", "scale", "--sizes", "300", "--out", str(out), "--quiet"])
    found = json.loads((out / "scale.json").read_text())
    (series,) = found["series"]
    assert [300] == [point["records"] for point in series["points"]]
    assert series["points"][0]["peak_bytes"] > 1 << 20
    assert series["points"][0]["profile"]
    assert {"scale.md", "scale.png", "scale.svg", "scale-stages.png"} <= {
        path.name for path in out.iterdir()
    }


def test_peers_says_who_was_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours runs; an engine that is not there has a line of its own in the table's page."""
    pytest.importorskip("altair")
    monkeypatch.setenv("MPI_GOLDENMATCH_PYTHON", str(tmp_path / "no-such-python"))
    out = tmp_path / "peers"
    words = ["--engines", "ours,goldenmatch", "--rules", "tight", "--scale", "1000"]
    assert 0 == run(["bench", "peers", *words, "--out", str(out), "--quiet"])
    found = json.loads((out / "peers.json").read_text())
    (ours,) = found["results"]
    assert "ours" == ours["engine"]
    assert ours["at_default"]["f1"] > 0.8
    assert "GoldenMatch, tight rules: not installed" in (out / "peers.md").read_text()
    assert (out / "peers-cost.png").exists()


def test_nation_draws_matches_numbers_and_judges(tmp_path: Path) -> None:
    """The whole of it at 3,000 records; what is written on the way is removed."""
    out = tmp_path / "nation"
    words = ["--records", "3000", "--sample", "3000", "--memory", "2GiB", "--out", str(out)]
    assert 0 == run(["bench", "nation", *words, "--quiet"])
    found = json.loads((out / "nation.json").read_text())
    assert 3000 == found["records"]
    assert 8 * 3000 == found["id_bytes"]
    assert 32 == found["model"]["row_bytes"]
    assert set(found["steps"]) >= {"read and partition", "label clusters"}
    assert found["accuracy"]["precision"] > 0.97
    assert found["accuracy"]["recall"] > 0.7
    assert len(found["rules"]) >= 4
    assert {"nation.json", "nation.md"} == {path.name for path in out.iterdir()}
