"""Time and memory of the job against the number of records, each size in a process of its own.

Three ways: the whole job from text in Parquet to results on disk (`bench.peers_ours`); streamed,
from encoded rows to enterprise ids (`bench.scale_stream`); streamed, from text in Parquet to
results (`bench.scale_stream_job`). The slope is that of a straight line through log seconds over
log records: 1 is linear, 2 quadratic. Below the size where the fixed cost of a run is small, time
hardly grows, so the slope is fitted from `slope_from` on.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.data import SCALES, data_folder, dataset, dataset_folder, is_made, scale_records
from bench.errors import BenchError, EngineFailedError
from bench.facts import run_facts
from bench.scale_report import write_report
from person.errors import ConfigError

__all__ = ["DEFAULT_SIZES", "WAYS", "fitted_slope", "run_scale"]

ROOT: Final = Path(__file__).resolve().parent.parent
DEFAULT_SIZES: Final = ("10k", "30k", "100k", "300k", "1m", "3m", "5m")
KEPT_RECORDS_MAX: Final = SCALES["large"]
"""Tables that a bench made for itself and that are larger are removed when it has used them."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way from records to clusters.

    Attributes
    ----------
    title : for people
    module : the program that runs one size
    reads_table : whether it reads the generated Parquet file
    disk_bytes : a record, while it runs, beside that file
    """

    title: str
    module: str
    reads_table: bool
    disk_bytes: int


TABLE_BYTES: Final = 60
"""A record of the generated table and its truth, with some room."""

WAYS: Final = {
    "job": Way(
        title="the whole job, from Parquet", module="bench.peers_ours", reads_table=True,
        disk_bytes=120,
    ),
    "rows": Way(
        title="streamed, from encoded rows to ids", module="bench.scale_stream",
        reads_table=False, disk_bytes=90,
    ),
    "parquet": Way(
        title="streamed, from Parquet to results", module="bench.scale_stream_job",
        reads_table=True, disk_bytes=160,
    ),
}  # fmt: skip


def run_scale(
    sizes: Sequence[str],
    out: Path,
    *,
    ways: Sequence[str] = ("job",),
    memory: str = "8GiB",
    slope_from: str = "1m",
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Run the job at several sizes and write scale.json, scale.md and the charts.

    Parameters
    ----------
    sizes : see `bench.data.scale_records`; DEFAULT_SIZES if empty
    out : directory of the results
    ways : of WAYS; those that stream have `memory` as a limit that the system holds
    memory : budget of each run
    slope_from : the smallest size that the slope is fitted to; all sizes where fewer than two
        are that large
    say : told what is going on

    Returns
    -------
    The results, as written to scale.json

    Raises
    ------
    ConfigError : an unknown way or size
    BenchError : the disk has no room for the largest size
    """
    unknown = sorted(set(ways) - set(WAYS))
    if unknown:
        raise ConfigError(f"unknown way {', '.join(unknown)}; choose from {', '.join(WAYS)}")
    counts = sorted({scale_records(size) for size in sizes or DEFAULT_SIZES})
    facts = run_facts()
    out.mkdir(parents=True, exist_ok=True)
    _check_disk(counts[-1], ways, out)
    points: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for way in ways:  # compiles what an update left uncompiled
        _run_once(counts[0], out / "work", memory, WAYS[way])
    for count in counts:
        was_made = is_made(count)
        for way in ways:
            point = _run_once(count, out / "work", memory, WAYS[way])
            points[way].append({**point, "records": count})
            say(_line(WAYS[way], points[way][-1]))
        if not was_made and count > KEPT_RECORDS_MAX:
            shutil.rmtree(dataset_folder(count), ignore_errors=True)
    least = scale_records(slope_from)
    found = {
        "format": 2,
        "memory": memory,
        "stream": "job" not in ways,
        "run": facts,
        "series": [_series(way, points[way], least) for way in ways],
    }
    (out / "scale.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    write_report(found, out)
    return found


def fitted_slope(records: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Slope and intercept of log10 values over log10 records, by least squares.

    Parameters
    ----------
    records, values : two points or more, all positive
    """
    slope, intercept = np.polyfit(np.log10(records), np.log10(values), 1)
    return float(slope), float(intercept)


def _series(way: str, points: list[dict[str, Any]], least: int) -> dict[str, Any]:
    fitted = [each for each in points if each["records"] >= least]
    fitted = fitted if len(fitted) > 1 else points
    return {
        "name": way,
        "title": WAYS[way].title,
        "points": points,
        "slope_from_records": fitted[0]["records"],
        "seconds_slope": _slope(fitted, "seconds"),
        "memory_slope": _slope(fitted, "peak_bytes"),
    }


def _check_disk(records: int, ways: Sequence[str], out: Path) -> None:
    """Refuse what the disk has no room for, before anything is drawn."""
    needed = records * max(WAYS[way].disk_bytes for way in ways)
    if any(WAYS[way].reads_table for way in ways) and not is_made(records):
        needed += records * TABLE_BYTES
    data_folder().mkdir(parents=True, exist_ok=True)
    free = min(shutil.disk_usage(folder).free for folder in (out, data_folder()))
    if needed > free:
        raise BenchError(
            f"{records:,} records need some {needed / 1e9:,.0f} GB of disk, "
            f"{free / 1e9:,.0f} GB are free; choose smaller sizes, or another --out and "
            "MPI_BENCH_DATA"
        )


def _run_once(records: int, work: Path, memory: str, way: Way) -> dict[str, Any]:
    work.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", way.module, "--memory", memory, "--out", str(work.resolve())]
    if way.module == "bench.peers_ours":
        command += ["--inputs", str(dataset(records).records.resolve())]
    else:
        command += ["--records", str(records)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise EngineFailedError(f"{records:,} records: {' / '.join(said[-2:])}")
        point: dict[str, Any] = json.loads((work / "bench.json").read_text())
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return point


def _slope(points: list[dict[str, Any]], field: str) -> dict[str, float] | None:
    if len(points) < 2:
        return None
    slope, intercept = fitted_slope([p["records"] for p in points], [p[field] for p in points])
    return {"slope": slope, "intercept": intercept}


def _line(way: Way, point: dict[str, Any]) -> str:
    return (
        f"{way.title}, {point['records']:,} records: {point['seconds']:.1f} s, "
        f"{point['peak_bytes'] / 2**20:,.0f} MiB, {point['pairs']:,} pairs"
    )
