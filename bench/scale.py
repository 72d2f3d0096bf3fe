"""Time and memory of the whole job against the number of records.

Every size runs in a process of its own, from text in Parquet to results on disk, or from encoded
rows to enterprise ids (`bench.scale_stream`), or from text in Parquet through a streamed job to
its results (`bench.scale_stream_job`). The slope is that of a straight line through log seconds
over log records: 1 is linear, 2 quadratic. Below the size where the fixed cost of a run is small,
time hardly grows, so the slope is fitted from `slope_from` on.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.charts import AMBER, SLATE, TEAL, altair, save_chart
from bench.data import dataset, scale_records
from bench.errors import EngineFailedError
from bench.facts import facts_line, run_facts

__all__ = ["DEFAULT_SIZES", "fitted_slope", "run_scale"]

ROOT: Final = Path(__file__).resolve().parent.parent
DEFAULT_SIZES: Final = ("10k", "30k", "100k", "300k", "1m", "3m", "5m")
STAGES_DRAWN: Final = 8
_MIB: Final = 2**20

Say = Callable[[str], None]


def run_scale(
    sizes: Sequence[str],
    out: Path,
    *,
    memory: str = "8GiB",
    slope_from: str = "1m",
    stream: bool = False,
    from_parquet: bool = False,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Run the job at several sizes and write scale.json, scale.md and the charts.

    Parameters
    ----------
    sizes : see `bench.data.scale_records`; DEFAULT_SIZES if empty
    out : directory of the results
    memory : budget of each run
    slope_from : the smallest size that the slope is fitted to; all sizes where fewer than two
        are that large
    stream : instead of the whole job, from encoded rows to ids (`bench.scale_stream`), with
        `memory` as a limit that the system holds
    from_parquet : with `stream`, from text in Parquet through the whole streamed job
    say : told what is going on

    Returns
    -------
    The results, as written to scale.json
    """
    counts = sorted({scale_records(size) for size in sizes or DEFAULT_SIZES})
    facts = run_facts()
    out.mkdir(parents=True, exist_ok=True)
    points: list[dict[str, Any]] = []
    module = _module(stream, from_parquet)
    _run_once(counts[0], out / "work", memory, module)  # compiles what an update left uncompiled
    for count in counts:
        point = _run_once(count, out / "work", memory, module)
        points.append({"records": count, **point})
        say(
            f"{count:,} records: {point['seconds']:.1f} s, "
            f"{point['peak_bytes'] / _MIB:,.0f} MiB, {point['pairs']:,} pairs"
        )
    least = scale_records(slope_from)
    fitted = [each for each in points if each["records"] >= least]
    fitted = fitted if len(fitted) > 1 else points
    found = {
        "format": 1,
        "memory": memory,
        "stream": stream,
        "from_parquet": from_parquet or not stream,
        "run": facts,
        "points": points,
        "slope_from_records": fitted[0]["records"],
        "seconds_slope": _slope(fitted, "seconds"),
        "memory_slope": _slope(fitted, "peak_bytes"),
    }
    (out / "scale.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (out / "scale.md").write_text(markdown(found), encoding="utf-8")
    save_chart(growth_chart(found), out / "scale")
    save_chart(stage_chart(found), out / "scale-stages")
    return found


def fitted_slope(records: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Slope and intercept of log10 values over log10 records, by least squares.

    Parameters
    ----------
    records, values : two points or more, all positive
    """
    slope, intercept = np.polyfit(np.log10(records), np.log10(values), 1)
    return float(slope), float(intercept)


def markdown(found: dict[str, Any]) -> str:
    """A row for each size."""
    lines = [
        "# Time and memory against the number of records",
        "",
        "| records | seconds | records / s | peak MiB | bytes / record | candidate pairs |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for each in found["points"]:
        lines.append(
            f"| {each['records']:,} | {each['seconds']:.2f} | "
            f"{each['records'] / each['seconds']:,.0f} | {each['peak_bytes'] / _MIB:,.0f} | "
            f"{each['peak_bytes'] / each['records']:,.0f} | {each['pairs']:,} |"
        )
    for name, title in (("seconds_slope", "time"), ("memory_slope", "memory")):
        if found[name] is not None:
            lines += ["", f"Log-log slope of {title} from {found['slope_from_records']:,} records "
                      f"on: {found[name]['slope']:.3f}."]  # fmt: skip
    return "\n".join([*lines, "", facts_line(found["run"]), ""])


def growth_chart(found: dict[str, Any]) -> Any:
    """Seconds and peak memory over records, both axes logarithmic, with the fitted lines."""
    return altair().hconcat(
        _growth(found, "seconds", "seconds", "seconds_slope", TEAL, 1.0),
        _growth(found, "peak_bytes", "peak memory, MiB", "memory_slope", AMBER, 1.0 / _MIB),
        spacing=36,
    )


def _growth(
    found: dict[str, Any], field: str, title: str, slope: str, colour: str, unit: float
) -> Any:
    alt = altair()
    points = [{"records": p["records"], "value": p[field] * unit} for p in found["points"]]
    values = [point["value"] for point in points]
    least, most = points[0]["records"], points[-1]["records"]
    horizontal = alt.X(
        "records:Q",
        title="records",
        scale=alt.Scale(type="log", nice=False, domain=[0.85 * least, 1.25 * most]),
        axis=alt.Axis(values=_ticks(0.85 * least, 1.25 * most, (1, 3)), format="~s"),
    )
    vertical = alt.Y(
        "value:Q",
        title=title,
        scale=alt.Scale(type="log", nice=False, domain=[0.7 * min(values), 1.8 * max(values)]),
        axis=alt.Axis(values=_ticks(0.7 * min(values), 1.8 * max(values)), format="~s"),
    )
    layers = []
    subtitle = "too few sizes for a slope"
    if found[slope] is not None:
        fit = found[slope]
        ends = [found["slope_from_records"], points[-1]["records"]]
        line = [
            {"records": x, "value": 10 ** (fit["intercept"] + fit["slope"] * np.log10(x)) * unit}
            for x in ends
        ]
        layers.append(
            alt.Chart(alt.Data(values=line))
            .mark_line(color=SLATE, strokeDash=[5, 4])
            .encode(x=horizontal, y=vertical)
        )
        subtitle = f"slope {fit['slope']:.2f} from {found['slope_from_records']:,} records on"
    base = alt.Chart(alt.Data(values=points)).encode(x=horizontal, y=vertical)
    layers += [
        base.mark_line(color=colour),
        base.mark_point(color=colour, filled=True, size=60, opacity=1),
        base.mark_text(dy=-13, fontSize=11).encode(text=alt.Text("value:Q", format=",.3~s")),
    ]
    heading = alt.TitleParams(f"{title}, log-log", subtitle=subtitle)
    return alt.layer(*layers).properties(width=380, height=280, title=heading)


def stage_chart(found: dict[str, Any]) -> Any:
    """What each stage takes a million records, at every size: a flat row is a linear stage."""
    alt = altair()
    largest = found["points"][-1]["stages"]
    names = [
        name for name, _ in sorted(largest.items(), key=lambda item: -item[1]) if name != "total"
    ][:STAGES_DRAWN]
    rows = [
        {
            "records": f"{each['records']:,}",
            "order": each["records"],
            "stage": name,
            "value": each["stages"].get(name, 0.0) / each["records"] * 1e6,
        }
        for each in found["points"]
        for name in names
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("records:N", sort=alt.SortField("order"), title="records",
                axis=alt.Axis(labelAngle=0, orient="top", domain=False, ticks=False)),
        y=alt.Y("stage:N", sort=names, title=None, axis=alt.Axis(domain=False, ticks=False)),
    )  # fmt: skip
    scale = alt.Scale(type="symlog", constant=0.1, range=["#f3f7f6", TEAL])
    cells = base.mark_rect().encode(color=alt.Color("value:Q", scale=scale, legend=None))
    text = base.mark_text(fontSize=12).encode(text=alt.Text("value:Q", format=".2f"))
    title = alt.TitleParams(
        "Seconds a million records, by stage",
        subtitle="falling: a fixed cost; level: linear; rising: worse than linear",
    )
    return (cells + text).properties(width=alt.Step(84), height=alt.Step(28), title=title)


def _module(stream: bool, from_parquet: bool) -> str:
    """The program that runs one size."""
    if stream:
        return "bench.scale_stream_job" if from_parquet else "bench.scale_stream"
    return "bench.peers_ours"


def _run_once(records: int, work: Path, memory: str, module: str) -> dict[str, Any]:
    work.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", module]
    if module == "bench.peers_ours":
        command += ["--inputs", str(dataset(records).records)]
    else:
        command += ["--records", str(records)]
    command += ["--memory", memory, "--out", str(work)]
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


def _ticks(least: float, most: float, steps: tuple[int, ...] = (1, 2, 5)) -> list[float]:
    """1, 2, 5, 10, 20 ... between two values."""
    powers = range(int(np.floor(np.log10(least))), int(np.ceil(np.log10(most))) + 1)
    candidates = [step * 10.0**power for power in powers for step in steps]
    return [value for value in candidates if least <= value <= most]
