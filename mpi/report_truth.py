"""The sections about right and wrong: what the model expects, and what truth says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import pyarrow as pa

from mpi.report_data import Evaluated, ReportData, thinned
from mpi.report_html import Figure, Section, Table, Tile
from mpi.report_words import count_text, name_text, number_text, share_text, weight_text

__all__ = ["calibration_section", "evaluation_section"]

PRECISION_GOALS = (0.99, 0.999, 0.9999)
Row = Mapping[str, Any]


def calibration_section(report: ReportData, charts: ModuleType | None) -> Section:
    """Say what precision and recall the model itself expects, and of which threshold."""
    lead = (
        "What the model expects of each threshold, from its own probabilities, without any"
        " truth: links stay under the allowed share of false ones, no single link is less"
        " probable than the floor, and review holds what is worth a look."
    )
    blocks: list[Figure | Table] = []
    rows = _threshold_rows(report)
    if rows:
        blocks.append(
            Figure(
                "thresholds",
                "",
                "Expected precision and recall by threshold"
                + (", and beside them the actual ones." if report.evaluation else "."),
                charts.threshold_curves(rows, report) if charts else None,
                _expected_table(report.calibration),
            )
        )
    if report.thresholds is not None:
        blocks.append(_chosen_table(report))
    empty = "The model has not been calibrated."
    return Section("calibration", "Thresholds", lead, tuple(blocks), empty=empty)


def evaluation_section(report: ReportData, charts: ModuleType | None) -> Section:
    """Hold the run against truth, where there is truth."""
    title = "Against truth"
    truth = report.evaluation
    if truth is None:
        empty = (
            "No truth was given. With labelled records, 'mpi evaluate RUN_DIR --truth FILE "
            "--report FILE' writes this section."
        )
        return Section("evaluation", title, "", empty=empty)
    tiles = tuple(
        Tile(name_text(name), _measure_text(name, value)) for name, value in truth.measures.items()
    )
    blocks: list[Figure | Table] = []
    choices = _choices(truth.curve.to_pylist(), report)
    if choices:
        blocks.append(_recall_figure(truth.curve, choices, charts))
    if truth.reliability.num_rows:
        blocks.append(_reliability_figure(truth, report, charts))
    if truth.causes.num_rows:
        blocks.append(_cause_figure(truth, charts))
    if truth.confusions.num_rows:
        blocks.append(_confusion_table(truth))
    if choices:
        blocks.append(_choice_table(choices))
    return Section("evaluation", title, "", tuple(blocks), tiles=tiles)


def _cause_figure(truth: Evaluated, charts: ModuleType | None) -> Figure:
    rows = [row for row in truth.causes.to_pylist() if row["true_pairs"]]
    missed = [
        {
            "name": row["cause"],
            "value": 1 - row["recall"],
            "text": share_text(1 - row["recall"]),
        }
        for row in rows
    ]
    return Figure(
        "causes",
        "Which errors hid people",
        "Share of true pairs missed, among the pairs of which a record has this error. A pair with"
        " several errors counts under each.",
        charts.missed_by_cause(missed) if charts else None,
        Table(
            "Recall by cause of error",
            ("cause", "records", "true pairs", "found", "recall"),
            [
                [
                    row["cause"],
                    count_text(row["records"]),
                    count_text(row["true_pairs"]),
                    count_text(row["found_pairs"]),
                    share_text(row["recall"]),
                ]
                for row in rows
            ],
            frozenset(range(1, 5)),
        ),
    )


def _confusion_table(truth: Evaluated) -> Table:
    return Table(
        "Different people put together",
        ("relation", "pairs of people", "put together"),
        [
            [row["relation"], count_text(row["pairs_of_people"]), count_text(row["merged"])]
            for row in truth.confusions.to_pylist()
        ],
        frozenset({1, 2}),
    )


def _recall_figure(
    curve: pa.Table, choices: Mapping[str, Row], charts: ModuleType | None
) -> Figure:
    marked = [
        {**choices[name], "name": name}
        for name in ("link line", "review line", "best F1")
        if name in choices
    ]
    rows = thinned(curve).to_pylist()
    return Figure(
        "precision-recall",
        "Precision and recall",
        "Precision against recall as the threshold falls; marked are the lines of this run and"
        " the threshold of the best F1.",
        charts.precision_recall(_worth_drawing(rows), marked) if charts else None,
        Table(
            "Precision and recall by threshold",
            ("threshold", "links", "true links", "precision", "recall", "F1"),
            [
                [
                    weight_text(row["weight"]),
                    count_text(row["links"]),
                    count_text(row["true_links"]),
                    share_text(row["precision"]),
                    share_text(row["recall"]),
                    f"{row['f1']:.4f}",
                ]
                for row in rows
            ],
            frozenset(range(6)),
        ),
    )


def _reliability_figure(truth: Evaluated, report: ReportData, charts: ModuleType | None) -> Figure:
    bands = [row for row in truth.reliability.to_pylist() if row["pairs"]]
    rows = [
        {
            "middle": (row["lower"] + row["upper"]) / 2,
            "share": row[f"{origin}_matches"] / row["pairs"],
            "origin": origin,
            "pairs": row["pairs"],
        }
        for row in bands
        for origin in ("expected", "actual")
    ]
    return Figure(
        "reliability",
        "How the probabilities held",
        "Share of true matches by match weight: dashed what the model said, dots what is so."
        " Dots under the line mean an overconfident model.",
        charts.reliability(rows, report) if charts else None,
        Table(
            "Matches by band of weight",
            ("from", "to", "pairs", "expected matches", "actual matches"),
            [
                [
                    weight_text(row["lower"]),
                    weight_text(row["upper"]),
                    count_text(row["pairs"]),
                    number_text(row["expected_matches"]),
                    count_text(row["actual_matches"]),
                ]
                for row in bands
            ],
            frozenset(range(5)),
        ),
    )


def _choices(curve: Sequence[Row], report: ReportData) -> dict[str, Row]:
    """Thresholds worth naming; `curve` falls in weight, so the last that holds is the lowest."""
    choices: dict[str, Row] = {}
    if report.thresholds is not None:
        for name, weight in (
            ("link line", report.thresholds.link_weight),
            ("review line", report.thresholds.review_weight),
        ):
            at_least = [row for row in curve if row["weight"] >= weight]
            if at_least:
                choices[name] = {**at_least[-1], "weight": weight}
    if not curve:
        return {}
    choices["best F1"] = max(curve, key=lambda row: (row["f1"], row["weight"]))
    for goal in PRECISION_GOALS:
        keeping = [row for row in curve if row["precision"] >= goal]
        if keeping:
            choices[f"precision {100 * goal:g} %"] = max(keeping, key=lambda row: row["recall"])
    return choices


def _choice_table(choices: Mapping[str, Row]) -> Table:
    return Table(
        "Choice of threshold",
        ("choice", "threshold", "links", "false links", "precision", "recall", "F1"),
        [
            [
                name,
                weight_text(row["weight"]),
                count_text(row["links"]),
                count_text(row["links"] - row["true_links"]),
                share_text(row["precision"]),
                share_text(row["recall"]),
                f"{row['f1']:.4f}",
            ]
            for name, row in choices.items()
        ],
        frozenset(range(1, 7)),
    )


def _threshold_rows(report: ReportData) -> list[dict[str, Any]]:
    """Long rows of both curves, over the weights where something happens."""
    curves = [("expected", thinned(report.calibration).to_pylist(), "expected_")]
    if report.evaluation is not None:
        curves.append(("actual", thinned(report.evaluation.curve).to_pylist(), ""))
    low, high = -20.0, 40.0
    if report.thresholds is not None:
        low, high = report.thresholds.review_weight - 12, report.thresholds.link_weight + 20
    return [
        {
            "weight": row["weight"],
            "value": row[f"{prefix}{measure}"],
            "measure": measure,
            "origin": origin,
        }
        for origin, curve, prefix in curves
        for measure in ("precision", "recall")
        for row in curve
        if low <= row["weight"] <= high
    ]


def _expected_table(calibration: pa.Table) -> Table:
    return Table(
        "Expected by threshold",
        ("threshold", "links", "precision", "recall", "false links"),
        [
            [
                weight_text(row["weight"]),
                count_text(row["links"]),
                share_text(row["expected_precision"]),
                share_text(row["expected_recall"]),
                number_text(row["expected_false_links"]),
            ]
            for row in thinned(calibration).to_pylist()
        ],
        frozenset(range(5)),
    )


def _chosen_table(report: ReportData) -> Table:
    chosen = report.thresholds
    assert chosen is not None, "asked only where thresholds are"
    limits = {
        "false_link_rate": "the allowed share of false links",
        "given": "the lines that were given",
    }
    review_limit = "the least probability worth a look"
    if chosen.review_limited_by == "given":
        review_limit = limits["given"]
    elif chosen.review_limited_by == "volume":
        review_limit = f"the volume of review; {count_text(chosen.review_pairs_cut)} pairs left out"
    rows = [
        [
            "link",
            weight_text(chosen.link_weight),
            count_text(chosen.links),
            number_text(chosen.links - chosen.expected_false_links),
            limits.get(chosen.link_limited_by, chosen.link_limited_by),
        ],
        [
            "review",
            weight_text(chosen.review_weight),
            count_text(chosen.review_pairs),
            number_text(chosen.review_expected_matches),
            review_limit,
        ],
    ]
    columns = ("outcome", "threshold", "pairs", "expected matches among them", "limited by")
    return Table("The two lines", columns, rows, frozenset({1, 2, 3}))


def _worth_drawing(curve: Sequence[Row]) -> list[Row]:
    """Keep the corner, where thresholds are chosen; the long tails would hide it."""
    recall_max = max((row["recall"] for row in curve), default=0.0)
    shown = [row for row in curve if row["precision"] >= 0.5 and row["recall"] >= 0.75 * recall_max]
    return shown if len(shown) > 1 else list(curve)


def _measure_text(name: str, value: float) -> str:
    is_share = any(word in name for word in ("precision", "recall", "share"))
    if isinstance(value, int):
        return count_text(value)
    return share_text(value) if is_share and 0 <= value <= 1 else number_text(value)
