"""One HTML file that says what a run did, and opens anywhere without a network.

The charts are Vega-Lite drawn with Altair (the `report` extra); their JavaScript stands in the
file once. Without Altair the same sections hold the same numbers as tables.
"""

from __future__ import annotations

import html
import importlib
import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from string import Template
from types import ModuleType
from typing import Any

from mpi.outputs import write_file
from mpi.report_data import Evaluated, ReportData, WaterfallExample, WaterfallStep
from mpi.report_html import Section, json_for_script, render_navigation, render_section
from mpi.report_sections import build_sections
from person.errors import OutputError

__all__ = [
    "Evaluated",
    "ReportData",
    "WaterfallExample",
    "WaterfallStep",
    "load_charts",
    "render_page",
    "render_report",
    "write_report",
]

WITHOUT_CHARTS = (
    "This report has tables only, because the packages that draw its charts are not installed."
    " To get them: pip install 'mpi-index[report]', and run again."
)


def write_report(
    data: ReportData, path: str | os.PathLike[str], *, include_values: bool = False
) -> None:
    """Write the report as one self-contained HTML file.

    Parameters
    ----------
    data : ReportData
    path : file to write; it appears complete or not at all
    include_values : show the compared values of the example pairs. They are people's data: the
        file must then be kept like the records themselves

    Raises
    ------
    OutputError : the file cannot be written
    """
    page = render_report(data, include_values=include_values)
    write_file(path, page)


def load_charts() -> None:
    """Load ahead what draws the charts, where it is installed: most of a second."""
    _load_charts()


def render_report(data: ReportData, *, include_values: bool = False) -> str:
    """Give the report as the text of an HTML page.

    Parameters
    ----------
    data : ReportData
    include_values : as for `write_report`

    Returns
    -------
    str
    """
    shown = data if include_values else data.without_values()
    return render_page(
        shown.title,
        subtitle=_subtitle(shown),
        build=lambda charts: build_sections(shown, charts),
        data=shown.as_dict(),
        footer=_footer(shown, include_values),
    )


def render_page(
    title: str,
    *,
    subtitle: str,
    build: Callable[[ModuleType | None], Sequence[Section]],
    data: Any,
    footer: str,
) -> str:
    """Give a self-contained HTML page of sections.

    Parameters
    ----------
    title : plain text
    subtitle : HTML
    build : gives the sections, from the module of charts or from None where there is none
    data : what the page shows, as values that JSON knows
    footer : plain text

    Returns
    -------
    str
    """
    charts, library = _load_charts()
    with charts.unchecked() if charts else nullcontext():
        sections = build(charts)
    scripts = ""
    if charts is None:
        subtitle += f'<p class="warnings">{html.escape(WITHOUT_CHARTS)}</p>'
    else:
        scripts = f'<script type="module">{library}\n{_template("report.js")}</script>'
    return Template(_template("report.html")).substitute(
        title=html.escape(title),
        style=_template("report.css"),
        subtitle=subtitle,
        navigation=render_navigation(sections),
        sections="\n".join(render_section(section) for section in sections),
        data=json_for_script(data),
        footer=html.escape(footer),
        scripts=scripts,
    )


def _subtitle(report: ReportData) -> str:
    facts = [str(report.run[key]) for key in ("command", "started") if report.run.get(key)]
    if report.run.get("version"):
        facts.append(f"version {report.run['version']}")
    return f'<p class="subtitle">{html.escape(" · ".join(facts))}</p>' if facts else ""


def _footer(report: ReportData, include_values: bool) -> str:
    if include_values and any(
        step.value_left or step.value_right for pair in report.examples for step in pair.steps
    ):
        return "This file shows values of persons. Keep it like the records themselves."
    return "This file holds counts and record ids, and no value of any person."


def _load_charts() -> tuple[ModuleType | None, str]:
    """Give the chart module and its JavaScript, or None where either is not installed."""
    try:
        charts = importlib.import_module("mpi.report_charts")
        import vl_convert
    except ImportError:
        return None, ""
    return charts, _library(charts.LIBRARY_VERSION, vl_convert)


def _library(vega_lite_version: str, vl_convert: ModuleType) -> str:
    """Give the bundled vega, vega-lite and vega-embed.

    Bundling takes over a second and always gives the same text, so it is kept in the user's
    cache; a cache that cannot be used is no error.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mpi"
    cached = base / f"vega-{vega_lite_version}-{vl_convert.__version__}.js"
    try:
        kept = cached.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        kept = ""
    if kept:
        return kept
    known = vega_lite_version in vl_convert.get_vegalite_versions()
    bundle: str = vl_convert.javascript_bundle(vl_version=vega_lite_version if known else None)
    assert "</script" not in bundle.lower(), "the library must fit inside a script element"
    with suppress(OSError, OutputError):
        base.mkdir(parents=True, exist_ok=True)
        write_file(cached, bundle)
    return bundle


def _template(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text("utf-8")
