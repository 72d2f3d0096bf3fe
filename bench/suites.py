"""Runs the pytest-benchmark suites in a process of their own and keeps what they say.

A suite is one file `bench_<name>.py`; its measurements are functions named `bench_*`. The result
file holds, for each, the best wall and processor seconds, the seconds that two calibration
kernels took beside it, what was worked through a second, and the peak of resident memory.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bench.data import data_folder, dataset, is_made, scale_name, scale_records
from bench.errors import BenchError
from bench.facts import run_facts
from person.errors import ConfigError

__all__ = [
    "FORMAT",
    "SUITES",
    "measure_again",
    "read_result",
    "result_rows",
    "run_suites",
]

FORMAT: Final = 1
SUITES: Final = ("kernels", "encode", "passes", "clustering", "index", "end_to_end")
ROOT: Final = Path(__file__).resolve().parent.parent

Say = Callable[[str], None]


def run_suites(
    suites: Sequence[str],
    scale: str,
    out: Path,
    *,
    only: str | None = None,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Run suites and write their result file.

    Parameters
    ----------
    suites : of SUITES; all of them if empty
    scale : see `bench.data.scale_records`
    out : result file to write
    only : measurements whose name holds this, as pytest's -k
    say : told what is going on

    Returns
    -------
    The result, as written

    Raises
    ------
    ConfigError : an unknown suite, or pytest-benchmark is not installed
    BenchError : a suite failed; its own words have gone to stderr
    """
    chosen = tuple(suites) or SUITES
    unknown = sorted(set(chosen) - set(SUITES))
    if unknown:
        raise ConfigError(f"unknown suite {', '.join(unknown)}; choose from {', '.join(SUITES)}")
    if importlib.util.find_spec("pytest_benchmark") is None:
        raise ConfigError("the suites need pytest-benchmark; pip install 'mpi-index[bench]'")
    records = scale_records(scale)
    say(f"{records:,} records at hand" if is_made(records) else f"making {records:,} records")
    dataset(records)
    facts = run_facts()
    out.parent.mkdir(parents=True, exist_ok=True)
    files = [str(ROOT / "bench" / f"bench_{suite}.py") for suite in chosen]
    measured = _measured([*(["-k", only] if only else []), *files], scale, out)
    result = {
        "format": FORMAT,
        "scale": scale_name(records),
        "records": records,
        "suites": list(chosen),
        "run": {**facts, "load_average_after": [round(load, 2) for load in os.getloadavg()]},
        "benchmarks": measured,
    }
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def measure_again(out: Path, names: Sequence[str], *, say: Say = lambda _: None) -> dict[str, Any]:
    """Take some measurements of a result file a second time and keep the cheaper of the two.

    Parameters
    ----------
    out : result file, written anew
    names : of its measurements
    say : told what is going on

    Returns
    -------
    The result, as written

    Notes
    -----
    A neighbour on the machine may disturb one measurement and not its calibration; two times in a
    row that hardly happens.
    """
    result = read_result(out)
    say(f"measuring again: {', '.join(names)}")
    nodes = [f"{ROOT}/{each['node']}" for each in result["benchmarks"] if each["name"] in names]
    again = {each["name"]: each for each in _measured(nodes, str(result["records"]), out)}
    result["benchmarks"] = [
        min(each, again.get(each["name"], each), key=_cost) for each in result["benchmarks"]
    ]
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def _cost(measured: dict[str, Any]) -> float:
    return float(measured["seconds"] / measured["calibration_seconds"])


def read_result(path: Path) -> dict[str, Any]:
    """A result file; ConfigError where it is none, or of another format."""
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: no bench result can be read there: {error}") from error
    if not isinstance(result, dict) or result.get("format") != FORMAT or "benchmarks" not in result:
        raise ConfigError(f"{path}: not a result of `mpi bench run` of format {FORMAT}")
    return result


def result_rows(result: dict[str, Any]) -> list[list[Any]]:
    """Rows for people: benchmark, milliseconds, what a second, cores, peak memory in MiB."""
    rows = []
    for each in result["benchmarks"]:
        unit, rate = next(iter(each["per_second"].items()))
        peak = each["peak_bytes"]
        cores = "one" if each["threads"] == 1 else "all"
        memory = None if peak is None else round(peak / 2**20)
        milliseconds = f"{1e3 * each['seconds']:,.3f}"
        rows.append([each["name"], milliseconds, f"{rate:,.0f} {unit}", cores, memory])
    return rows


def _measured(targets: Sequence[str], scale: str, out: Path) -> list[dict[str, Any]]:
    """What pytest measures of these files or functions."""
    raw = out.with_suffix(".pytest.json")
    try:
        _run_pytest(targets, scale, raw)
        return [_benchmark(each) for each in json.loads(raw.read_text())["benchmarks"]]
    finally:
        raw.unlink(missing_ok=True)


def _run_pytest(targets: Sequence[str], scale: str, raw: Path) -> None:
    command = [
        sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider",
        "-p", "no:xdist", "-o", "python_functions=bench_*", "-o", "addopts=",
        "-o", "filterwarnings=default", "--import-mode=importlib", "--benchmark-disable-gc",
        "--benchmark-quiet", f"--benchmark-json={raw.resolve()}", *targets,
    ]  # fmt: skip
    # Started by a test that xdist runs, pytest-benchmark would refuse to measure.
    mine = {name: value for name, value in os.environ.items() if "PYTEST_XDIST" not in name}
    environment = {
        **mine,
        "MPI_BENCH_SCALE": scale,
        "MPI_BENCH_DATA": str(data_folder().resolve()),
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr, check=False)
    if done.returncode or not raw.exists():
        raise BenchError(
            f"the suites ended with exit code {done.returncode}; what failed is said above"
        )


def _benchmark(raw: dict[str, Any]) -> dict[str, Any]:
    extra = dict(raw["extra_info"])
    name = raw["name"].removeprefix("bench_")
    suite = Path(raw["fullname"].split("::")[0]).stem.removeprefix("bench_")
    return {
        "name": f"{suite}/{name}",
        "node": raw["fullname"],
        "seconds": raw["stats"]["min"],
        "seconds_median": raw["stats"]["median"],
        "rounds": raw["stats"]["rounds"],
        **extra,
    }
