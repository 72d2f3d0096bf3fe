"""Parts that several charts of a report share: axes, colours, lines, a common finish."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import altair as alt
from altair.utils import schemapi

from mpi.report_data import ReportData

__all__ = [
    "AMBER",
    "BLUE",
    "DECISION_COLOURS",
    "DECISION_NAMES",
    "LIBRARY_VERSION",
    "RED",
    "ROW_HEIGHT",
    "SLATE",
    "TEAL",
    "Rows",
    "Spec",
    "count_axis",
    "finished",
    "inline",
    "level_axis",
    "line_positions",
    "named_bars",
    "named_colours",
    "rule",
    "short_share",
    "signed_texts",
    "threshold_lines",
    "unchecked",
    "weight_axis",
]

Rows = Sequence[Mapping[str, Any]]
Spec = dict[str, Any]

# The Vega-Lite that altair writes for, as the bundler counts it: '6.4'.
LIBRARY_VERSION = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])

FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Noto Sans CJK SC',"
    " 'Microsoft YaHei', 'WenQuanYi Micro Hei', sans-serif"
)
TEAL, AMBER, SLATE, RED, BLUE = "#2a9d8f", "#e0a030", "#8a94a6", "#d0605e", "#3f84c6"
DECISION_COLOURS = {"MATCH": TEAL, "POSSIBLE_MATCH": AMBER, "NO_MATCH": SLATE}
DECISION_NAMES = {"MATCH": "link", "POSSIBLE_MATCH": "review", "NO_MATCH": "separate"}
GRID = "rgba(128,128,128,0.22)"
ROW_HEIGHT = 19


def unchecked() -> AbstractContextManager[None]:
    """Draw without checking every part against the schema of Vega-Lite.

    The checks take half of the time of a report and can only find our own mistakes; the tests
    draw with them.
    """
    quiet: AbstractContextManager[None] = schemapi.debug_mode(False)
    return quiet


def inline(rows: Rows) -> alt.InlineData:
    """The JSON text of rows that stand in the specification itself."""
    return alt.InlineData(values=list(rows))


def finished(chart: Any, *, height: int) -> Spec:
    """The chart's specification, in the report's colours and type, `height` pixels high."""
    config = {
        "background": "transparent",
        # Text beside a mark is not counted in the layout: leave it room.
        "padding": {"left": 4, "top": 20, "right": 34, "bottom": 4},
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": "currentColor",
            "titleColor": "currentColor",
            "titleFontWeight": "normal",
            "labelFontSize": 11,
            "titleFontSize": 12,
            "gridColor": GRID,
            "domainColor": GRID,
            "tickColor": GRID,
        },
        "legend": {
            "labelColor": "currentColor",
            "labelFontSize": 12,
            "symbolType": "square",
            "offset": 22,
        },
        "scale": {"zero": True},
    }
    finished = chart.properties(width="container", height=max(height, 60), config=config)
    spec: Spec = finished.to_dict(validate=schemapi.DEBUG_MODE)
    return spec


def weight_axis() -> alt.Axis:
    """A horizontal axis of match weights in bits."""
    return alt.Axis(
        format=".6~g", tickCount=8, labelOverlap=True, labelSeparation=6, labelFlush=False
    )


def count_axis(field: str, title: str, largest: int) -> alt.Y:
    """A logarithmic axis of counts that can also show none."""
    decades = [0] + [10**power for power in range(len(str(largest)))]
    axis = alt.Axis(values=decades, format=".3~s", labelOverlap=True)
    scale = alt.Scale(type="symlog", constant=1, domainMin=0, domainMax=max(largest * 1.6, 2))
    return alt.Y(field, stack=None, title=f"{title} (log scale)", axis=axis, scale=scale)


def named_colours(
    field: str, colours: Mapping[str, str], *, legend: bool = True, symbol: str = "square"
) -> alt.Color:
    """A colour for each name, with the legend on top."""
    shown = alt.Legend(title=None, orient="top", symbolType=symbol) if legend else None
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(field, scale=scale, legend=shown)


def rule(chart: alt.Chart, field: str, *, dashed: bool = True) -> alt.Chart:
    """An upright line at a value."""
    dash = [4, 3] if dashed else [1, 0]
    return chart.mark_rule(color="currentColor", opacity=0.75, strokeDash=dash).encode(
        x=alt.X(field)
    )


def line_positions(report: ReportData) -> dict[str, float]:
    """Where the link and the review line stand, with their labels."""
    if report.thresholds is None:
        return {}
    return {"review": report.thresholds.review_weight, "link": report.thresholds.link_weight}


def threshold_lines(report: ReportData) -> list[alt.Chart]:
    """The link and the review line over a chart of weights."""
    layers: list[alt.Chart] = []
    # The review label stands left of its line and the link label right, so they never collide.
    for name, align, shift in (("review", "right", -4), ("link", "left", 4)):
        position = line_positions(report).get(name)
        if position is None:
            continue
        line = alt.Chart(inline([{"line": position, "name": f"{name} {position:.1f}"}]))
        layers.append(rule(line, "line:Q"))
        layers.append(
            line.mark_text(align=align, dx=shift, dy=-9, fontSize=11, color="currentColor").encode(
                x=alt.X("line:Q"), y=alt.value(0), text=alt.Text("name:N")
            )
        )
    return layers


def level_axis(labels: Sequence[str], headers: Sequence[int]) -> alt.Y:
    """The names of comparison levels, one a line."""
    bold = f"indexof({json.dumps(list(headers))}, datum.value) >= 0"
    axis = alt.Axis(
        labelExpr=f"{json.dumps(list(labels), ensure_ascii=False)}[datum.value]",
        labelFontWeight={
            "condition": {"test": bold, "value": "bold"},
            "value": "normal",
        },
        ticks=False,
        domain=False,
        labelPadding=6,
        labelOverlap=False,
    )
    scale = alt.Scale(domain=list(range(len(labels))))
    return alt.Y("row:O", title=None, axis=axis, scale=scale)


def signed_texts(base: alt.Chart, labels: Sequence[str], headers: Sequence[int]) -> list[alt.Chart]:
    """Weights written with their sign beside the bars."""
    return [
        base.transform_filter(f"datum.match_weight {test} 0")
        .mark_text(align=align, dx=shift, baseline="middle", fontSize=10, color="currentColor")
        .encode(y=level_axis(labels, headers), text=alt.Text("weight_text:N"))
        for test, align, shift in ((">=", "left", 4), ("<", "right", -4))
    ]


def short_share(share: float) -> str:
    """A share in few characters."""
    if share >= 0.0095:
        return f"{share:.2f}"
    mantissa, exponent = f"{share:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}" if share else "0"


def named_bars(rows: Rows, title: str, colour: str) -> Spec:
    """Bars with their names to the left and values beside them."""
    names = [row["name"] for row in rows]
    largest = max((row["value"] for row in rows), default=0) or 1
    base = alt.Chart(inline(rows)).encode(
        y=alt.Y("name:N", sort=names, title=None),
        x=alt.X(
            "value:Q",
            title=title,
            scale=alt.Scale(domain=[0, largest * 1.25], nice=False),
            axis=alt.Axis(format=".3~s", tickCount=5),
        ),
    )
    bars = base.mark_bar(height=13, color=colour).encode(
        tooltip=[alt.Tooltip("name:N"), alt.Tooltip("text:N")]
    )
    text = base.mark_text(align="left", dx=4, fontSize=11, color="currentColor").encode(
        text=alt.Text("text:N")
    )
    return finished(alt.layer(bars, text), height=(ROW_HEIGHT + 3) * len(rows))
