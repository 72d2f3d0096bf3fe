"""Pieces of Splink settings that several labelled sets share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["SWAPPED_NAMES", "Plan", "clean", "date_comparison", "names_apart"]

Rule = Any  # a block_on(...) or plain SQL over l and r


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Columns to make from the raw ones, the settings, and how to train.

    `columns` maps a column's name to its SQL; `columns_by_source` overrides it for one source.
    """

    link_type: str
    columns: dict[str, str]
    comparisons: list[Any]
    blocking_rules: list[Rule]
    deterministic_rules: list[Rule]
    training_rules: list[Rule]
    deterministic_recall: float = 0.8
    u_max_pairs: float = 1e6
    train_without_term_frequencies: bool = False
    columns_by_source: dict[str, dict[str, str]] = field(default_factory=dict)

    def columns_of(self, source: str) -> dict[str, str]:
        return self.columns | self.columns_by_source.get(source, {})

    def settings(self) -> Any:
        from splink import SettingsCreator

        return SettingsCreator(
            link_type=self.link_type,
            unique_id_column_name="record_id",
            comparisons=self.comparisons,
            blocking_rules_to_generate_predictions=self.blocking_rules,
            retain_matching_columns=False,
            retain_intermediate_calculation_columns=False,
        )


SWAPPED_NAMES: Final = "l.given_name = r.surname and l.surname = r.given_name"


def clean(*names: str) -> dict[str, str]:
    """Lower case, no blanks around, empty and ways to say nothing as null."""
    return {
        name.replace("-", "_"): f"nullif(nullif(nullif(trim(lower(\"{name}\")),''),'missing'),'na')"
        for name in names
    }


def names_apart(given_name: str, surname: str) -> list[Any]:
    import splink.comparison_library as cl

    return [
        cl.NameComparison(name).configure(term_frequency_adjustments=True)
        for name in (given_name, surname)
    ]


def date_comparison(column: str, date_format: str) -> Any:
    """Exact, one edit or transposition, two, same year and month or day, else."""
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl

    year, month, day = (
        (1, 4), (5, 2), (7, 2),
    ) if date_format == "%Y%m%d" else ((1, 4), (6, 2), (9, 2))  # fmt: skip

    def part(side: str, place: tuple[int, int]) -> str:
        return f"substr({column}_{side}, {place[0]}, {place[1]})"

    swapped = " and ".join(
        f"{part('l', one)} = {part('r', other)}"
        for one, other in ((year, year), (month, day), (day, month))
    )
    return cl.CustomComparison(
        output_column_name=column,
        comparison_levels=[
            cll.NullLevel(column),
            cll.ExactMatchLevel(column).configure(tf_adjustment_column=column),
            cll.CustomLevel(swapped, label_for_charts="day and month swapped"),
            cll.DamerauLevenshteinLevel(column, 1),
            cll.DamerauLevenshteinLevel(column, 2),
            cll.CustomLevel(f"{part('l', year)} = {part('r', year)}", label_for_charts="same year"),
            cll.ElseLevel(),
        ],
    )
