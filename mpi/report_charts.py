"""The pictures of a report: Vega-Lite specifications, drawn with Altair.

Each function takes the numbers and returns a specification with its data inside. Every chart is
one view as wide as its container (so it fits a phone), takes its text colour from the page (so
it fits a dark one), and carries its own description. Importing this module needs altair.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import altair as alt
import pyarrow as pa

from mpi.report_chart_parts import (
    AMBER,
    BLUE,
    DECISION_COLOURS,
    DECISION_NAMES,
    LIBRARY_VERSION,
    RED,
    ROW_HEIGHT,
    SLATE,
    TEAL,
    Rows,
    Spec,
    count_axis,
    finished,
    inline,
    level_axis,
    line_positions,
    named_bars,
    named_colours,
    rule,
    short_share,
    signed_texts,
    threshold_lines,
    unchecked,
    weight_axis,
)
from mpi.report_data import ReportData, WaterfallExample

__all__ = [
    "LIBRARY_VERSION",
    "block_pairs",
    "cluster_sizes",
    "field_quality",
    "level_probabilities",
    "level_weights",
    "missed_by_cause",
    "precision_recall",
    "reliability",
    "stage_seconds",
    "threshold_curves",
    "unchecked",
    "unlinkables",
    "waterfall",
    "weight_histogram",
]


def weight_histogram(report: ReportData) -> Spec:
    """Scored pairs by match weight, coloured by decision, both thresholds as lines."""
    rows = [
        {**row, "decision": DECISION_NAMES.get(row["decision"], row["decision"])}
        for row in report.weight_histogram.to_pylist()
    ]
    # The larger bar goes behind, so that no decision hides another in the same bin.
    rows.sort(key=lambda row: -row["pairs"])
    bars = (
        alt.Chart(inline(rows))
        .mark_bar(stroke=None)
        .encode(
            x=alt.X("lower:Q", bin="binned", title="match weight (bits)", axis=weight_axis()),
            x2=alt.X2("upper:Q"),
            y=count_axis("pairs:Q", "pairs", max((row["pairs"] for row in rows), default=1)),
            color=named_colours(
                "decision:N",
                {DECISION_NAMES[key]: colour for key, colour in DECISION_COLOURS.items()},
            ),
            tooltip=[
                alt.Tooltip("lower:Q", format=".2f", title="from"),
                alt.Tooltip("upper:Q", format=".2f", title="to"),
                alt.Tooltip("pairs:Q", format=","),
                alt.Tooltip("decision:N"),
            ],
        )
    )
    return finished(alt.layer(bars, *threshold_lines(report)), height=300)


def level_weights(report: ReportData) -> Spec:
    """What each level adds to or takes from the weight, as diverging bars."""
    rows, labels, headers = _grouped_levels(report.comparisons)
    for row in rows:
        row["weight_text"] = f"{row['match_weight']:+.1f}"
        row["sign"] = "for" if row["match_weight"] >= 0 else "against"
    weights = [row["match_weight"] for row in rows] or [0.0]
    reach = max(max(weights) - min(min(weights), 0.0), 1.0)
    domain = [min(min(weights), 0.0) - 0.16 * reach, max(max(weights), 0.0) + 0.16 * reach]
    base = alt.Chart(inline(rows)).encode(
        x=alt.X(
            "match_weight:Q",
            scale=alt.Scale(domain=domain, nice=False),
            title="weight (bits)",
            axis=weight_axis(),
        ),
        tooltip=[
            alt.Tooltip("comparison:N"),
            alt.Tooltip("level:N"),
            alt.Tooltip("match_weight:Q", format="+.2f"),
            alt.Tooltip("m_probability:Q", format=".4g"),
            alt.Tooltip("u_probability:Q", format=".4g"),
            alt.Tooltip("candidate_pairs:Q", format=","),
            alt.Tooltip("linked_pairs:Q", format=","),
        ],
    )
    bars = base.mark_bar(height=12).encode(
        y=level_axis(labels, headers),
        color=named_colours("sign:N", {"for": BLUE, "against": RED}, legend=False),
    )
    texts = signed_texts(base, labels, headers)
    zero = rule(alt.Chart(inline([{"x": 0}])), "x:Q", dashed=False)
    return finished(alt.layer(bars, zero, *texts), height=ROW_HEIGHT * len(labels))


def level_probabilities(report: ReportData) -> Spec:
    """How often each level holds among matches (m, right) and among non-matches (u, left)."""
    rows, labels, headers = _grouped_levels(report.comparisons)
    bars: list[dict[str, Any]] = []
    for row in rows:
        common = {"row": row["row"], "comparison": row["comparison"], "level": row["level"]}
        for name, side, key in (("m, among matches", 1, "m"), ("u, among non-matches", -1, "u")):
            share = row[f"{key}_probability"]
            if share is not None:
                bars.append(
                    {**common, "which": name, "x": side * share, "edge": side * 1.04}
                    | {"share": share, "text": short_share(share)}
                )
    axis = alt.Axis(
        values=[-1, -0.5, 0, 0.5, 1], labelExpr="format(abs(datum.value), '.0%')", tickCount=5
    )
    x_axis = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[-1.45, 1.45], nice=False),
        axis=axis,
        title="u   |   m",
    )
    y_axis = level_axis(labels, headers)
    colours = {"u, among non-matches": RED, "m, among matches": BLUE}
    base = alt.Chart(inline(bars))
    layers = [
        base.mark_bar(height=12).encode(
            x=x_axis,
            y=y_axis,
            color=named_colours("which:N", colours, legend=False),
            tooltip=[
                alt.Tooltip("comparison:N"),
                alt.Tooltip("level:N"),
                alt.Tooltip("which:N"),
                alt.Tooltip("share:Q", format=".4g"),
            ],
        )
    ]
    for half, align in (("> 0", "left"), ("< 0", "right")):
        layers.append(
            base.transform_filter(f"datum.edge {half}")
            .mark_text(align=align, baseline="middle", fontSize=10, color="currentColor")
            .encode(x=alt.X("edge:Q"), y=y_axis, text=alt.Text("text:N"))
        )
    return finished(
        alt.layer(*layers, _observed_ticks(rows, y_axis)), height=ROW_HEIGHT * len(labels)
    )


def waterfall(report: ReportData, example: WaterfallExample) -> Spec:
    """One pair from the prior to its total, a bar a comparison."""
    rows, labels = _waterfall_rows(example)
    ends = [value for row in rows for value in (row["start"], row["end"])] + [0.0]
    lines = line_positions(report)
    low, high = min([*ends, *lines.values()]), max([*ends, *lines.values()])
    room = 0.25 * max(high - low, 1.0)
    y_axis = level_axis(labels, [0, len(labels) - 1])
    base = alt.Chart(inline(rows))
    x_axis = alt.X(
        "start:Q",
        scale=alt.Scale(domain=[low - room, high + room], nice=False),
        title="weight so far (bits)",
        axis=weight_axis(),
    )
    colours = {
        "for": BLUE,
        "against": RED,
        "prior": SLATE,
        "total": DECISION_COLOURS.get(example.decision, SLATE),
    }
    bars = base.mark_bar(height=13).encode(
        x=x_axis,
        x2=alt.X2("end:Q"),
        y=y_axis,
        color=named_colours("sign:N", colours, legend=False),
        tooltip=[
            alt.Tooltip("label:N"),
            alt.Tooltip("text:N"),
            alt.Tooltip("end:Q", format=".2f", title="so far"),
        ],
    )
    texts = [
        base.transform_filter(f"datum.step {test} 0")
        .mark_text(align=align, dx=shift, baseline="middle", fontSize=11, color="currentColor")
        .encode(x=alt.X("end:Q"), y=y_axis, text=alt.Text("text:N"))
        for test, align, shift in ((">=", "left", 4), ("<", "right", -4))
    ]
    return finished(
        alt.layer(*threshold_lines(report), bars, *texts), height=(ROW_HEIGHT + 3) * len(labels)
    )


def block_pairs(report: ReportData) -> Spec:
    """Candidate pairs each blocking rule adds to those before it."""
    rows = [
        {"name": row["rule"], "value": row["pairs"], "text": f"{row['pairs']:,}"}
        for row in report.blocking.to_pylist()
    ]
    return named_bars(rows, "pairs added by the rule", BLUE)


def stage_seconds(seconds: Mapping[str, float]) -> Spec:
    """Seconds of each stage, in the order they ran."""
    rows = [
        {"name": name, "value": value, "text": f"{value:.3g} s"} for name, value in seconds.items()
    ]
    return named_bars(rows, "seconds", SLATE)


def cluster_sizes(bands: Rows) -> Spec:
    """Clusters by size, logarithmic upwards. `bands`: rows of size (text) and clusters."""
    base = alt.Chart(inline(bands)).encode(
        x=alt.X(
            "size:N",
            sort=[row["size"] for row in bands],
            title="records in the cluster",
            axis=alt.Axis(labelAngle=0, labelOverlap=True),
        ),
        y=count_axis("clusters:Q", "clusters", max((row["clusters"] for row in bands), default=1)),
    )
    bars = base.mark_bar(color=TEAL).encode(
        tooltip=[alt.Tooltip("size:N"), alt.Tooltip("clusters:Q", format=",")]
    )
    text = base.mark_text(dy=-7, fontSize=10, color="currentColor").encode(
        text=alt.Text("clusters:Q", format=".3~s")
    )
    return finished(alt.layer(bars, text), height=230)


def unlinkables(report: ReportData) -> Spec:
    """Share of records whose weight against themselves is under a threshold."""
    curve = (
        alt.Chart(inline(report.unlinkables.to_pylist()))
        .mark_area(line={"color": BLUE}, color=BLUE, fillOpacity=0.25, interpolate="step-after")
        .encode(
            x=alt.X("weight:Q", title="threshold (bits)", axis=weight_axis()),
            y=alt.Y("share:Q", title="records under it", axis=alt.Axis(format="~%", tickCount=5)),
            tooltip=[
                alt.Tooltip("weight:Q", format=".1f"),
                alt.Tooltip("share:Q", format=".4~%"),
            ],
        )
    )
    return finished(alt.layer(curve, *threshold_lines(report)), height=220)


def threshold_curves(rows: Rows, report: ReportData) -> Spec:
    """Precision and recall by threshold. `rows`: weight, value, measure, origin."""
    named = [{**row, "curve": f"{row['origin']} {row['measure']}"} for row in rows]
    curves = {
        "expected precision": (BLUE, [5, 4]),
        "expected recall": (TEAL, [5, 4]),
        "actual precision": (BLUE, [1, 0]),
        "actual recall": (TEAL, [1, 0]),
    }
    shown = [name for name in curves if any(row["curve"] == name for row in named)]
    legend = alt.Legend(title=None, orient="top", columns=2, symbolType="stroke", symbolSize=300)
    lines = (
        alt.Chart(inline(named))
        .mark_line(strokeWidth=2, clip=True)
        .encode(
            x=alt.X("weight:Q", title="threshold (bits)", axis=weight_axis()),
            y=alt.Y(
                "value:Q",
                title=None,
                axis=alt.Axis(format="~%", tickCount=6),
                scale=alt.Scale(domain=[_lowest_of_interest(rows, report), 1], nice=False),
            ),
            color=alt.Color(
                "curve:N",
                scale=alt.Scale(domain=shown, range=[curves[name][0] for name in shown]),
                legend=legend,
            ),
            strokeDash=alt.StrokeDash(
                "curve:N",
                scale=alt.Scale(domain=shown, range=[curves[name][1] for name in shown]),
                legend=legend,
            ),
            tooltip=[
                alt.Tooltip("curve:N"),
                alt.Tooltip("weight:Q", format=".2f"),
                alt.Tooltip("value:Q", format=".6~f"),
            ],
        )
    )
    return finished(alt.layer(lines, *threshold_lines(report)), height=280)


def precision_recall(curve: Rows, points: Rows) -> Spec:
    """The curve of recall against precision. `points`: recall, precision, name."""
    x_axis = alt.X("recall:Q", scale=alt.Scale(zero=False), axis=alt.Axis(format="~%", tickCount=6))
    y_axis = alt.Y(
        "precision:Q", scale=alt.Scale(zero=False), axis=alt.Axis(format="~%", tickCount=6)
    )
    tooltip = [
        alt.Tooltip("weight:Q", format=".2f"),
        alt.Tooltip("precision:Q", format=".6~f"),
        alt.Tooltip("recall:Q", format=".6~f"),
    ]
    line = (
        alt.Chart(inline(curve))
        .mark_line(color=SLATE, strokeWidth=2, point=alt.OverlayMarkDef(size=12, color=SLATE))
        .encode(x=x_axis, y=y_axis, order=alt.Order("weight:Q"), tooltip=tooltip)
    )
    marks = (
        alt.Chart(inline(points))
        .mark_point(filled=True, size=110, opacity=1)
        .encode(
            x=x_axis,
            y=y_axis,
            color=named_colours(
                "name:N", {"link line": TEAL, "review line": AMBER, "best F1": BLUE}
            ),
            shape=alt.Shape(
                "name:N",
                scale=alt.Scale(
                    domain=["link line", "review line", "best F1"],
                    range=["circle", "square", "diamond"],
                ),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=[alt.Tooltip("name:N"), *tooltip],
        )
    )
    return finished(alt.layer(line, marks), height=280)


def reliability(rows: Rows, report: ReportData) -> Spec:
    """Share of matches by weight: what the model said against what truth says."""
    base = alt.Chart(inline(rows)).encode(
        x=alt.X("middle:Q", title="match weight (bits)", axis=weight_axis())
    )
    y_axis = alt.Y("share:Q", title=None, axis=alt.Axis(format="~%"))
    colour = named_colours("origin:N", {"expected": SLATE, "actual": TEAL}, symbol="circle")
    tooltip = [
        alt.Tooltip("origin:N"),
        alt.Tooltip("middle:Q", format=".1f", title="weight"),
        alt.Tooltip("share:Q", format=".4~%"),
        alt.Tooltip("pairs:Q", format=","),
    ]
    line = (
        base.transform_filter("datum.origin == 'expected'")
        .mark_line(strokeDash=[5, 4], strokeWidth=2)
        .encode(y=y_axis, color=colour, tooltip=tooltip)
    )
    marks = (
        base.transform_filter("datum.origin == 'actual'")
        .mark_point(filled=True, size=60, opacity=1)
        .encode(y=y_axis, color=colour, tooltip=tooltip)
    )
    return finished(alt.layer(line, marks, *threshold_lines(report)), height=240)


def field_quality(rows: Rows) -> Spec:
    """Shares of valid, missing and invalid values by field. `rows`: field, status, records."""
    fields = list(dict.fromkeys(row["field"] for row in rows))
    rank = {"valid": 0, "missing": 1, "invalid": 2}
    ranked = [{**row, "rank": rank.get(row["status"], 3)} for row in rows]
    bars = (
        alt.Chart(inline(ranked))
        .mark_bar(height=13)
        .encode(
            x=alt.X(
                "sum(records):Q",
                stack="normalize",
                title="share of records",
                axis=alt.Axis(format="~%", tickCount=5),
            ),
            y=alt.Y("field:N", sort=fields, title=None),
            color=named_colours("status:N", {"valid": TEAL, "missing": SLATE, "invalid": RED}),
            order=alt.Order("rank:Q"),
            tooltip=[
                alt.Tooltip("field:N"),
                alt.Tooltip("status:N"),
                alt.Tooltip("sum(records):Q", format=","),
            ],
        )
    )
    return finished(bars, height=(ROW_HEIGHT + 2) * len(fields))


def missed_by_cause(rows: Rows) -> Spec:
    """Share of true pairs missed, a bar a cause. `rows`: name, value, text."""
    return named_bars(rows, "share of true pairs missed", RED)


def _lowest_of_interest(rows: Rows, report: ReportData) -> float:
    """Start the axis a little under the lowest value between and near the two lines."""
    if report.thresholds is None:
        return 0.0
    low, high = report.thresholds.review_weight, report.thresholds.link_weight + 8
    near = [row["value"] for row in rows if low <= row["weight"] <= high]
    return max(math.floor(20 * min(near, default=0.0) - 1) / 20, 0.0)


def _grouped_levels(table: pa.Table) -> tuple[list[dict[str, Any]], list[str], list[int]]:
    """Number the levels from the top, with a row of its own above each comparison."""
    rows: list[dict[str, Any]] = []
    labels: list[str] = []
    headers: list[int] = []
    for row in table.to_pylist():
        if not rows or rows[-1]["comparison"] != row["comparison"]:
            headers.append(len(labels))
            labels.append(row["comparison"])
        rows.append({**row, "row": len(labels)})
        labels.append(row["level"])
    return rows, labels, headers


def _observed_ticks(rows: Rows, y_axis: alt.Y) -> alt.Chart:
    linked: dict[str, int] = {}
    for row in rows:
        linked[row["comparison"]] = linked.get(row["comparison"], 0) + (row["linked_pairs"] or 0)
    ticks = [
        {"row": row["row"], "x": row["linked_pairs"] / linked[row["comparison"]]}
        for row in rows
        if row["linked_pairs"] is not None and linked[row["comparison"]]
    ]
    return (
        alt.Chart(inline(ticks))
        .mark_tick(color="currentColor", thickness=2, size=15)
        .encode(
            x=alt.X("x:Q"), y=y_axis, tooltip=[alt.Tooltip("x:Q", format=".4~%", title="of links")]
        )
    )


def _waterfall_rows(example: WaterfallExample) -> tuple[list[dict[str, Any]], list[str]]:
    steps = [("prior", example.prior_match_weight, "prior")]
    for each in example.steps:
        steps.append((f"{each.comparison}: {each.level}", each.match_weight, "step"))
        if each.term_frequency_adjustment:
            rarity = "rare value" if each.term_frequency_adjustment > 0 else "common value"
            steps.append((f"{each.comparison}: {rarity}", each.term_frequency_adjustment, "step"))
    rows: list[dict[str, Any]] = []
    total = 0.0
    for index, (label, step, kind) in enumerate(steps):
        sign = ("for" if step >= 0 else "against") if kind == "step" else kind
        rows.append(
            {"row": index, "label": label, "start": total, "end": total + step, "step": step}
            | {"text": f"{step:+.1f}", "sign": sign}
        )
        total += step
    rows.append(
        {"row": len(rows), "label": "total", "start": 0.0, "end": example.match_weight}
        | {"step": example.match_weight, "text": f"{example.match_weight:+.1f}", "sign": "total"}
    )
    return rows, [row["label"] for row in rows]
