"""Charts of bench results: Vega-Lite by Altair, written as SVG and PNG without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from person.errors import ConfigError

__all__ = ["AMBER", "BLUE", "RED", "SLATE", "TEAL", "altair", "save_chart"]

TEAL, AMBER, SLATE, RED, BLUE = "#2a9d8f", "#e0a030", "#8a94a6", "#d0605e", "#3f84c6"
FONT: Final = "DejaVu Sans, Noto Sans, Arial, sans-serif"

Rows = Sequence[Mapping[str, Any]]


def altair() -> Any:
    """The altair module; ConfigError where it is not installed."""
    try:
        import altair as alt
        import vl_convert  # noqa: F401
    except ImportError as error:
        raise ConfigError("charts need altair; pip install 'mpi-index[report]'") from error
    return alt


def save_chart(chart: Any, path: Path) -> None:
    """Write a chart as `path`.svg and `path`.png, on white."""
    finished = chart.configure(
        background="white",
        padding={"left": 12, "top": 12, "right": 24, "bottom": 12},
        font=FONT,
        view={"stroke": None},
        axis={
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "gridColor": "#e6e6e6",
            "domainColor": "#b8b8b8",
            "tickColor": "#b8b8b8",
            "labelLimit": 240,
        },
        title={"fontSize": 14, "anchor": "start", "fontWeight": "bold", "offset": 12,
               "subtitleFontSize": 12, "subtitleColor": "#555555"},
        header={"labelFontSize": 12, "titleFontSize": 12},
        legend={"labelFontSize": 12, "titleFontSize": 12, "symbolType": "circle"},
    )  # fmt: skip
    finished.save(str(path.with_suffix(".svg")))
    finished.save(str(path.with_suffix(".png")), scale_factor=2)
