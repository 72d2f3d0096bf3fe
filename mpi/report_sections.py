"""What a report says, section by section: words, tables and charts from the numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import pyarrow as pa

from mpi.report_data import ReportData, as_plain
from mpi.report_evidence import comparisons_section, examples_section
from mpi.report_html import Figure, Listing, Section, Table, Tile
from mpi.report_truth import calibration_section, evaluation_section
from mpi.report_words import (
    bytes_text,
    count_text,
    name_text,
    number_text,
    seconds_text,
    share_text,
    weight_text,
)

__all__ = ["build_sections"]

SOURCE_COUNT_MAX = 8
RULE_COLUMNS = {
    "rule": "rule",
    "keyed_records": "keyed records",
    "unkeyed_records": "without key",
    "blocks": "blocks",
    "pairs": "pairs added",
    "largest_run": "largest run",
    "refined_runs": "refined runs",
    "window_runs": "window runs",
    "seconds": "seconds",
}


def build_sections(report: ReportData, charts: ModuleType | None) -> tuple[Section, ...]:
    """Lay out the whole report.

    Parameters
    ----------
    report : ReportData, with values only where they may be shown
    charts : the module `mpi.report_charts`, or None to give every number as a table

    Returns
    -------
    tuple of Section, always the same ones in the same order
    """
    return (
        _summary(report),
        _weights(report, charts),
        calibration_section(report, charts),
        evaluation_section(report, charts),
        comparisons_section(report, charts),
        examples_section(report, charts),
        _blocking(report, charts),
        _clusters(report, charts),
        _unlinkables(report, charts),
        _quality(report, charts),
        _timing(report, charts),
        _parameters(report),
        _run(report),
    )


def _summary(report: ReportData) -> Section:
    counts: Mapping[str, Any] = report.run.get("counts") or {}
    tiles = [
        Tile(name_text(str(name)), count_text(value))
        for name, value in counts.items()
        if isinstance(value, int | float)
    ]
    chosen = report.thresholds
    if chosen is not None:
        tiles += [
            Tile(
                "expected precision",
                share_text(chosen.expected_precision),
                f"{number_text(chosen.expected_false_links)} false links expected",
            ),
            Tile(
                "expected recall",
                share_text(chosen.expected_recall),
                f"{share_text(chosen.expected_recall_with_review)} with review",
            ),
        ]
    total = _stage_seconds(report)[1]
    if total:
        tiles.append(Tile("time", seconds_text(total)))
    if report.run.get("peak_memory_bytes"):
        tiles.append(Tile("peak memory", bytes_text(report.run["peak_memory_bytes"])))
    empty = "" if tiles else "The run left no counts."
    return Section(
        "summary", "Summary", "", tiles=tuple(tiles), warnings=report.warnings, empty=empty
    )


def _weights(report: ReportData, charts: ModuleType | None) -> Section:
    table = report.weight_histogram
    lead = (
        "The match weight is the evidence that two records are one person, in bits: each bit"
        " doubles the odds, 0 is even odds. A clear run has two hills with a thin valley between."
    )
    blocks: tuple[Figure, ...] = ()
    if table.num_rows:
        blocks = (
            Figure(
                "weights",
                "",
                "Scored pairs by match weight and decision; bars are counts on a logarithmic"
                " scale, the dashed lines are the thresholds.",
                charts.weight_histogram(report) if charts else None,
                Table(
                    "Scored pairs by match weight",
                    ("from", "to", "decision", "pairs"),
                    [
                        [
                            weight_text(row["lower"]),
                            weight_text(row["upper"]),
                            row["decision"],
                            count_text(row["pairs"]),
                        ]
                        for row in table.to_pylist()
                    ],
                    frozenset({0, 1, 3}),
                ),
            ),
        )
    return Section("weights", "Match weights", lead, blocks, empty="No pair was scored.")


def _blocking(report: ReportData, charts: ModuleType | None) -> Section:
    lead = (
        "Only records that share a blocking key are compared. A pair counts for the first rule"
        " that finds it. A run is a set of records with one key; oversized runs are refined,"
        " never dropped."
    )
    if not report.blocking.num_rows:
        return Section("blocking", "Blocking", lead, empty="No blocking rule ran.")
    rules = Table(
        "Blocking rules in the order they ran",
        tuple(RULE_COLUMNS.values()),
        [
            [row["rule"]]
            + [
                number_text(row[name]) if name == "seconds" else count_text(row[name])
                for name in list(RULE_COLUMNS)[1:]
            ]
            for row in report.blocking.to_pylist()
        ],
        frozenset(range(1, len(RULE_COLUMNS))),
    )
    figure = Figure(
        "blocking",
        "",
        "Candidate pairs that each blocking rule adds to those of the rules before it.",
        charts.block_pairs(report) if charts else None,
        rules,
    )
    blocks: tuple[Figure | Table, ...] = (figure,)
    if report.largest_runs.num_rows:
        blocks += (
            Table(
                "Largest runs and what was done with them",
                ("rule", "records", "treatment"),
                [
                    [row["rule"], count_text(row["records"]), row["treatment"] or "compared whole"]
                    for row in report.largest_runs.to_pylist()
                ],
                frozenset({1}),
            ),
        )
    return Section("blocking", "Blocking", lead, blocks)


def _clusters(report: ReportData, charts: ModuleType | None) -> Section:
    lead = (
        "A cluster is the records believed to be one person. A few very large clusters are the"
        " usual sign of a shared default value or a chain of strangers."
    )
    table = report.cluster_sizes
    if not table.num_rows:
        return Section("clusters", "Clusters", lead, empty="No clusters were built.")
    bands = _size_bands(table)
    largest = max(table["size"].to_pylist())
    figure = Figure(
        "clusters",
        "",
        f"Clusters by the number of their records, on a logarithmic scale. The largest holds"
        f" {count_text(largest)}.",
        charts.cluster_sizes(bands) if charts else None,
        Table(
            "Clusters by size",
            ("records", "clusters"),
            [[count_text(row["size"]), count_text(row["clusters"])] for row in table.to_pylist()],
            frozenset({0, 1}),
        ),
    )
    return Section("clusters", "Clusters", lead, (figure,))


def _size_bands(table: pa.Table) -> list[dict[str, Any]]:
    upper = [1, 2, 3, 4, 5, 6, 8, 10, 20, 50, 100, 1000]
    lower = [1] + [each + 1 for each in upper[:-1]]
    names = [str(a) if a == b else f"{a}-{b}" for a, b in zip(lower, upper, strict=True)]
    totals = [0] * (len(upper) + 1)
    for row in table.to_pylist():
        totals[sum(row["size"] > each for each in upper)] += row["clusters"]
    last = max(index for index, total in enumerate(totals) if total)
    names.append(f"over {upper[-1]}")
    return [
        {"size": name, "clusters": total}
        for name, total in list(zip(names, totals, strict=True))[: last + 1]
    ]


def _unlinkables(report: ReportData, charts: ModuleType | None) -> Section:
    lead = (
        "Some records hold too little to be linked even to an exact copy of themselves. The"
        " curve gives their share at any threshold."
    )
    table = report.unlinkables
    if not table.num_rows:
        return Section("unlinkables", "Unlinkable records", lead, empty="It was not measured.")
    description = "Share of records whose weight against themselves lies under a threshold."
    if report.thresholds is not None:
        under = _share_under(table, report.thresholds.link_weight)
        description += f" At the link line it is {share_text(under)}."
    figure = Figure(
        "unlinkables",
        "",
        description,
        charts.unlinkables(report) if charts else None,
        Table(
            "Unlinkable records by threshold",
            ("threshold", "share of records"),
            [[weight_text(row["weight"]), share_text(row["share"])] for row in table.to_pylist()],
            frozenset({0, 1}),
        ),
    )
    return Section("unlinkables", "Unlinkable records", lead, (figure,))


def _share_under(table: pa.Table, weight: float) -> float:
    under = [row["share"] for row in table.to_pylist() if row["weight"] <= weight]
    return float(under[-1]) if under else 0.0


def _quality(report: ReportData, charts: ModuleType | None) -> Section:
    lead = "Every value ends as valid, missing or invalid with a reason, counted by source."
    rows = report.field_quality.to_pylist()
    sources = list(dict.fromkeys(row["source"] for row in rows))
    blocks: list[Figure | Table] = []
    for index, source in enumerate(sources[:SOURCE_COUNT_MAX]):
        of_source = [row for row in rows if row["source"] == source]
        blocks.append(
            Figure(
                f"quality-{index + 1}",
                source,
                f"Share of valid, missing and invalid values of each field in {source}.",
                charts.field_quality(of_source) if charts else None,
                _quality_table(f"Values by field, {source}", of_source),
            )
        )
    if len(sources) > SOURCE_COUNT_MAX:
        rest = [row for row in rows if row["source"] in set(sources[SOURCE_COUNT_MAX:])]
        blocks.append(_quality_table("Values by field, all other sources", rest, source=True))
    empty = "Field quality was not measured."
    return Section("quality", "Data quality", lead, tuple(blocks), empty=empty)


def _quality_table(caption: str, rows: Sequence[Mapping[str, Any]], source: bool = False) -> Table:
    totals: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row["source"], row["field"])
        totals[key] = totals.get(key, 0) + row["records"]
    return Table(
        caption,
        ("field", "status", "reason", "records", "share") + (("source",) if source else ()),
        [
            [
                row["field"],
                row["status"],
                row["reason"] or "",
                count_text(row["records"]),
                share_text(row["records"] / max(totals[row["source"], row["field"]], 1)),
            ]
            + ([row["source"]] if source else [])
            for row in rows
        ],
        frozenset({3, 4}),
    )


def _stage_seconds(report: ReportData) -> tuple[dict[str, float], float]:
    """Seconds of each stage, and of the whole."""
    seconds = dict(report.run.get("seconds") or {})
    total = seconds.pop("total", None)
    return seconds, sum(seconds.values()) if total is None else total


def _stage_table(report: ReportData, seconds: Mapping[str, float], total: float) -> Table:
    """A row a stage, with the processors it kept busy and what it held, where that is known."""
    profile = {each["stage"]: each for each in report.run.get("stages") or ()}
    rows = []
    for name, value in seconds.items():
        row = [name, number_text(value), share_text(value / total if total else 0.0)]
        if each := profile.get(name):
            busy = each["cpu_seconds"] / value if value else 0.0
            row += [f"{busy:.2f}", bytes_text(each["peak_memory_bytes"])]
        elif profile:
            row += ["", ""]
        rows.append(row)
    names = ("stage", "seconds", "share", *(("processors busy", "peak memory") if profile else ()))
    return Table("Seconds by stage", names, rows, frozenset(range(1, len(names))))


def _timing(report: ReportData, charts: ModuleType | None) -> Section:
    seconds, total = _stage_seconds(report)
    blocks: tuple[Figure, ...] = ()
    if seconds:
        blocks = (
            Figure(
                "timing",
                "",
                f"Seconds of each stage; {seconds_text(total)} in all.",
                charts.stage_seconds(seconds) if charts else None,
                _stage_table(report, seconds, total),
            ),
        )
    return Section("timing", "Time by stage", "", blocks, empty="No stage was timed.")


def _parameters(report: ReportData) -> Section:
    parameters: dict[str, Any] = dict(report.model)
    if report.thresholds is not None:
        chosen = report.thresholds
        parameters |= {
            "link threshold": chosen.link_weight,
            "review threshold": chosen.review_weight,
        }
    rows = [[name_text(name), _value_text(value)] for name, value in parameters.items()]
    table = Table("Model and thresholds", ("parameter", "value"), rows)
    options: Mapping[str, Any] = report.run.get("parameters") or {}
    chosen_options = Table(
        "Options of the run",
        ("option", "value"),
        [[str(name), _value_text(value)] for name, value in options.items()],
    )
    blocks = tuple(each for each in (table, chosen_options) if each.rows)
    return Section("parameters", "Parameters", "", blocks, empty="No parameters were recorded.")


def _run(report: ReportData) -> Section:
    inputs = report.run.get("inputs") or []
    blocks: list[Table | Listing] = []
    rows = [each for each in inputs if isinstance(each, Mapping)]
    columns = tuple(dict.fromkeys(str(key) for row in rows for key in row))
    if rows:
        blocks.append(
            Table(
                "Inputs",
                columns,
                [[_value_text(row.get(column)) for column in columns] for row in rows],
            )
        )
    text = json.dumps(as_plain(report.run), ensure_ascii=False, indent=2, allow_nan=False)
    blocks.append(Listing("run.json", text))
    return Section("run", "Run", "", tuple(blocks))


def _value_text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, int):
        return count_text(value)
    if isinstance(value, float):
        return number_text(value)
    return value if isinstance(value, str) else json.dumps(as_plain(value), ensure_ascii=False)
