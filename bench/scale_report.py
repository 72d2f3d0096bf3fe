"""Time and memory against the number of records, as Markdown and charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.charts import AMBER, BLUE, SLATE, TEAL, altair, save_chart
from bench.facts import facts_line, stage_rows

__all__ = ["growth_chart", "markdown", "stage_chart", "write_report"]

STAGES_DRAWN: Final = 8
COLOURS: Final = (TEAL, AMBER, BLUE)
_MIB: Final = 2**20
_FORMATS: Final = {"seconds": ",.3~r", "peak_bytes": ",.0f"}


def write_report(found: dict[str, Any], out: Path) -> None:
    """Write scale.md and its charts: growth, and a stage chart for each way.

    Parameters
    ----------
    found : the results
    out : directory
    """
    (out / "scale.md").write_text(markdown(found), encoding="utf-8")
    save_chart(growth_chart(found), out / "scale")
    for each in found["series"]:
        name = "scale-stages" + (f"-{each['name']}" if len(found["series"]) > 1 else "")
        save_chart(stage_chart(each), out / name)


def markdown(found: dict[str, Any]) -> str:
    """For each way a row for each size, and the slopes."""
    lines = ["# Time and memory against the number of records", ""]
    for series in found["series"]:
        lines += [f"## {series['title']}", "", *_table(series), ""]
    held = ", which the system held" if found["stream"] else ""
    lines += [f"Memory allowed: {found['memory']}{held}.", "", facts_line(found["run"]), ""]
    return "\n".join(lines)


def _table(series: dict[str, Any]) -> list[str]:
    lines = [
        "| records | seconds | records / s | cores busy | peak MiB | bytes / record "
        "| candidate pairs | precision | recall |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in series["points"]:
        judged = [f"{each[name]:.5f}" if name in each else "" for name in ("precision", "recall")]
        lines.append(
            f"| {each['records']:,} | {each['seconds']:.2f} | "
            f"{each['records'] / each['seconds']:,.0f} | "
            f"{each['cpu_seconds'] / each['seconds']:.2f} | {each['peak_bytes'] / _MIB:,.0f} | "
            f"{each['peak_bytes'] / each['records']:,.0f} | {each['pairs']:,} | "
            f"{' | '.join(judged)} |"
        )
    for name, title in (("seconds_slope", "time"), ("memory_slope", "memory")):
        if series[name] is not None:
            lines += ["", f"Log-log slope of {title} from {series['slope_from_records']:,} records "
                      f"on: {series[name]['slope']:.3f}."]  # fmt: skip
    return [*lines, *_profile(series["points"][-1])]


def _profile(point: dict[str, Any]) -> list[str]:
    """The stages of the largest size: how many cores each kept busy."""
    if "profile" not in point:
        return []
    size = f"{point['records']:,} records"
    lines = [
        "",
        f"| stage at {size} | seconds | processor s | cores busy | peak MiB |",
        "| --- | --- | --- | --- | --- |",
    ]
    for stage, seconds, processor, busy, memory in stage_rows(point["profile"]):
        lines.append(f"| {stage} | {seconds:.2f} | {processor:.2f} | {busy:.2f} | {memory:,} |")
    return lines


def growth_chart(found: dict[str, Any]) -> Any:
    """Seconds and peak memory over records, both axes logarithmic, with the fitted lines."""
    return altair().hconcat(
        _growth(found["series"], "seconds", "seconds", "seconds_slope", 1.0),
        _growth(found["series"], "peak_bytes", "peak memory, MiB", "memory_slope", 1.0 / _MIB),
        spacing=36,
    )


def _growth(
    all_series: list[dict[str, Any]], field: str, title: str, slope: str, unit: float
) -> Any:
    alt = altair()
    points = [
        {"records": p["records"], "value": p[field] * unit, "way": series["title"]}
        for series in all_series
        for p in series["points"]
    ]
    colour = alt.Color(
        "way:N",
        sort=None,
        scale=alt.Scale(domain=[each["title"] for each in all_series],
                        range=list(COLOURS[: len(all_series)])),
        legend=alt.Legend(title=None, orient="bottom", direction="vertical", labelLimit=380)
        if len(all_series) > 1 else None,
    )  # fmt: skip
    axes = {
        "x": _axis(alt.X, points, "records", "records", "~s", (1, 3), (0.85, 1.25)),
        "y": _axis(alt.Y, points, "value", title, _FORMATS[field], (1, 2, 5), (0.6, 1.8)),
    }
    lines = [
        {"records": records, "way": series["title"],
         "value": 10 ** (fit["intercept"] + fit["slope"] * np.log10(records)) * unit}
        for series in all_series
        if (fit := series[slope]) is not None
        for records in (series["slope_from_records"], series["points"][-1]["records"])
    ]  # fmt: skip
    layers = []
    if lines:
        fitted = alt.Chart(alt.Data(values=lines)).encode(**axes, detail="way:N")
        layers.append(fitted.mark_line(color=SLATE, strokeDash=[5, 4]))
    base = alt.Chart(alt.Data(values=points)).encode(**axes)
    layers += [base.mark_line().encode(color=colour),
               base.mark_point(filled=True, size=60, opacity=1).encode(color=colour)]  # fmt: skip
    figure = alt.Text("value:Q", format=_FORMATS[field])
    for is_lower, shift in ((False, -13), (True, 16)):
        figures = [each for each in points if _is_lower(each, points) == is_lower]
        if figures:
            text = alt.Chart(alt.Data(values=figures)).mark_text(dy=shift, fontSize=11)
            layers.append(text.encode(**axes, text=figure))
    heading = alt.TitleParams(f"{title}, log-log", subtitle=_slopes(all_series, slope))
    return alt.layer(*layers).properties(width=380, height=280, title=heading)


def _is_lower(point: dict[str, Any], points: list[dict[str, Any]]) -> bool:
    """Whether another way has more at this size: its figure stands above, this one's below."""
    others = [each["value"] for each in points if each["records"] == point["records"]]
    return bool(point["value"] < max(others))


def _slopes(all_series: list[dict[str, Any]], slope: str) -> str:
    texts = [
        f"{each[slope]['slope']:.2f} from {each['slope_from_records']:,} records on"
        + (f" ({each['name']})" if len(all_series) > 1 else "")
        for each in all_series
        if each[slope] is not None
    ]
    return "slope " + ", ".join(texts) if texts else "too few sizes for a slope"


def _axis(
    kind: Any, points: list[dict[str, Any]], field: str, title: str, form: str,
    steps: tuple[int, ...], room: tuple[float, float],
) -> Any:  # fmt: skip
    """A logarithmic axis around the points, with ticks at these steps of each power of ten."""
    alt = altair()
    values = [each[field] for each in points]
    least, most = room[0] * min(values), room[1] * max(values)
    return kind(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(type="log", nice=False, domain=[least, most]),
        axis=alt.Axis(values=_ticks(least, most, steps), format=form),
    )


def stage_chart(series: dict[str, Any]) -> Any:
    """What each stage takes a million records, at every size: a flat row is a linear stage."""
    alt = altair()
    largest = series["points"][-1]["stages"]
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
        for each in series["points"]
        for name in names
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("records:N", sort=alt.SortField("order"), title="records",
                axis=alt.Axis(labelAngle=0, orient="top", domain=False, ticks=False)),
        y=alt.Y("stage:N", sort=names, title=None,
                axis=alt.Axis(domain=False, ticks=False, labelPadding=8)),
    )  # fmt: skip
    scale = alt.Scale(type="symlog", constant=0.1, range=["#f3f7f6", TEAL])
    cells = base.mark_rect().encode(color=alt.Color("value:Q", scale=scale, legend=None))
    text = base.mark_text(fontSize=12).encode(text=alt.Text("value:Q", format=".2f"))
    title = alt.TitleParams(
        "Seconds a million records, by stage",
        subtitle=[series["title"], "falling: a fixed cost; level: linear; rising: worse"],
    )
    return (cells + text).properties(width=alt.Step(96), height=alt.Step(28), title=title)


def _ticks(least: float, most: float, steps: tuple[int, ...]) -> list[float]:
    """1, 2, 5, 10, 20 ... between two values."""
    powers = range(int(np.floor(np.log10(least))), int(np.ceil(np.log10(most))) + 1)
    candidates = [step * 10.0**power for power in powers for step in steps]
    return [value for value in candidates if least <= value <= most]
