"""The sections about evidence: what a level says in general, and in a few pairs."""

from __future__ import annotations

from types import ModuleType

import pyarrow as pa

from mpi.report_data import ReportData, WaterfallExample
from mpi.report_html import Figure, Section, Table
from mpi.report_words import count_text, number_text, share_text, weight_text

__all__ = ["comparisons_section", "examples_section"]

EXAMPLE_COUNT_MAX = 12
NO_LEVELS = "The run kept no comparison levels."
ZONES = {
    "MATCH": "Linked",
    "POSSIBLE_MATCH": "For review",
    "NO_MATCH": "Kept separate",
}


def comparisons_section(report: ReportData, charts: ModuleType | None) -> Section:
    """Show what each level of each comparison says, and how often it holds."""
    lead = (
        "m is how often a level holds between two records of one person, u how often it holds"
        " between strangers. The weight of a level is log2(m / u). The upright marks in the chart"
        " of m and u are the shares among the pairs that were linked: where they stray far from m,"
        " the model does not fit these records."
    )
    table = report.comparisons
    if not table.num_rows:
        return Section("comparisons", "Comparisons", lead, empty=NO_LEVELS)
    figures = (
        Figure(
            "level-weights",
            "Weight of each level",
            "Match weight of every level of every comparison; bars to the right speak for one"
            " person, bars to the left against.",
            charts.level_weights(report) if charts else None,
            _level_table(table),
        ),
        Figure(
            "level-probabilities",
            "m and u of each level",
            "Share of non-matches (left) and of matches (right) at each level; the marks are"
            " the shares among the linked pairs.",
            charts.level_probabilities(report) if charts else None,
            _observed_table(table),
        ),
    )
    return Section("comparisons", "Comparisons", lead, figures)


def _level_table(table: pa.Table) -> Table:
    return Table(
        "Model parameters by level",
        ("comparison", "level", "m", "u", "weight"),
        [
            [
                row["comparison"],
                row["level"],
                number_text(row["m_probability"]),
                number_text(row["u_probability"]),
                weight_text(row["match_weight"]),
            ]
            for row in table.to_pylist()
        ],
        frozenset({2, 3, 4}),
    )


def _observed_table(table: pa.Table) -> Table:
    return Table(
        "Pairs seen at each level",
        ("comparison", "level", "m", "u", "candidate pairs", "linked pairs"),
        [
            [
                row["comparison"],
                row["level"],
                number_text(row["m_probability"]),
                number_text(row["u_probability"]),
                count_text(row["candidate_pairs"]),
                count_text(row["linked_pairs"]),
            ]
            for row in table.to_pylist()
        ],
        frozenset({2, 3, 4, 5}),
    )


def examples_section(report: ReportData, charts: ModuleType | None) -> Section:
    """Show how the weight of a few pairs adds up."""
    lead = "How a decision adds up: from the prior, one comparison at a time, to the total."
    figures = tuple(
        _example(report, example, index, charts)
        for index, example in enumerate(report.examples[:EXAMPLE_COUNT_MAX])
    )
    empty = "No example pairs were kept."
    return Section("examples", "Example pairs", lead, figures, empty=empty)


def _example(
    report: ReportData, example: WaterfallExample, index: int, charts: ModuleType | None
) -> Figure:
    zone = ZONES.get(example.decision, example.decision)
    description = (
        f"{example.record_left} and {example.record_right}: weight"
        f" {weight_text(example.match_weight)},"
        f" probability {share_text(min(max(example.match_probability, 1e-12), 1 - 1e-12))}."
    )
    if example.note:
        description += f" {example.note}"
    shows_values = any(step.value_left or step.value_right for step in example.steps)
    columns = ["comparison", "level", "weight", "frequency adjustment"]
    rows = [["prior", "", weight_text(example.prior_match_weight), ""]]
    for step in example.steps:
        rows.append(
            [
                step.comparison,
                step.level,
                weight_text(step.match_weight),
                weight_text(step.term_frequency_adjustment),
            ]
        )
    rows.append(["total", "", weight_text(example.match_weight), ""])
    if shows_values:
        columns += ["left", "right"]
        values = [[step.value_left or "", step.value_right or ""] for step in example.steps]
        rows = [row + pair for row, pair in zip(rows, [["", ""], *values, ["", ""]], strict=True)]
    return Figure(
        f"example-{index + 1}",
        zone,
        description,
        charts.waterfall(report, example) if charts else None,
        Table(f"{zone}, step by step", tuple(columns), rows, frozenset({2, 3})),
    )
