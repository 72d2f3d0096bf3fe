"""The accuracy results as Markdown: every figure, and the short table of the README."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["README_BEGIN", "README_END", "details_table", "insert_table", "readme_table"]

README_BEGIN = "<!-- accuracy:begin -->"
README_END = "<!-- accuracy:end -->"

Record = dict[str, Any]

ENGINE_NAMES = {
    ("ours", "default"): "ours, default",
    ("documented", "p50"): "Splink documented, p ≥ 0.5",
    ("documented", "p95"): "Splink documented, p ≥ 0.95",
    ("best_effort", "p50"): "Splink best effort, p ≥ 0.5",
    ("best_effort", "p95"): "Splink best effort, p ≥ 0.95",
}


def details_table(results: Sequence[Record]) -> str:
    """A row for every set, engine and threshold."""
    header = [
        "set", "engine", "precision", "recall", "F1", "B-cubed F1",
        "false merges /10,000", "largest cluster", "best-cut F1", "candidate recall",
        "seconds", "peak MB",
    ]  # fmt: skip
    rows = [
        [
            each["set"],
            ENGINE_NAMES[each["engine"], each["threshold"]],
            _share(each["precision"]),
            _share(each["recall"]),
            _share(each["f1"]),
            _share(each["b_cubed_f1"]),
            f"{each['false_merges_per_10_000_entities']:.1f}",
            str(each["largest_cluster"]),
            _share(each["best_cut_f1"]) if each["best_cut_f1"] is not None else "",
            _share(each["candidate_recall"]) if "candidate_recall" in each else "",
            f"{each['seconds']:.1f}",
            f"{each['peak_bytes'] / 2**20:.0f}",
        ]
        for each in results
    ]
    return _markdown(header, rows)


def readme_table(results: Sequence[Record]) -> str:
    """A row for every set: ours at its default beside Splink's best effort.

    Splink has no default threshold, so it is shown at both of the usual ones and at the cut that
    is best when the truth is known.
    """
    header = [
        "set", "records", "ours: precision", "recall", "F1", "best cut",
        "Splink: F1 at p ≥ 0.5", "p ≥ 0.95", "best cut",
        "B-cubed F1: ours", "Splink ≥ 0.5", "≥ 0.95",
        "false merges /10,000: ours", "Splink ≥ 0.5", "≥ 0.95",
        "seconds: ours", "Splink", "MB: ours", "Splink",
    ]  # fmt: skip
    found = {(each["set"], each["engine"], each["threshold"]): each for each in results}
    rows = []
    for name in dict.fromkeys(each["set"] for each in results):
        ours = found.get((name, "ours", "default"))
        half = found.get((name, "best_effort", "p50"))
        sure = found.get((name, "best_effort", "p95"))
        records = next(each["records"] for each in results if each["set"] == name)
        rows.append(
            [
                name,
                f"{records:,}",
                _cell(ours, "precision"),
                _cell(ours, "recall"),
                _cell(ours, "f1"),
                _cell(ours, "best_cut_f1"),
                _cell(half, "f1"),
                _cell(sure, "f1"),
                _cell(half, "best_cut_f1"),
                _cell(ours, "b_cubed_f1"),
                _cell(half, "b_cubed_f1"),
                _cell(sure, "b_cubed_f1"),
                _cell(ours, "false_merges_per_10_000_entities", "{:.1f}"),
                _cell(half, "false_merges_per_10_000_entities", "{:.1f}"),
                _cell(sure, "false_merges_per_10_000_entities", "{:.1f}"),
                _cell(ours, "seconds", "{:.1f}"),
                _cell(half, "seconds", "{:.1f}"),
                _cell(ours, "peak_bytes", "{:.0f}", 2**20),
                _cell(half, "peak_bytes", "{:.0f}", 2**20),
            ]
        )
    return _markdown(header, rows)


def insert_table(
    document: str, table: str, *, begin: str = README_BEGIN, end: str = README_END
) -> str:
    """The document with `table` in place of what stands between two markers.

    Raises
    ------
    ValueError : the markers do not stand there once each, in order
    """
    head, has_begin, rest = document.partition(begin)
    _, has_end, tail = rest.partition(end)
    if not (has_begin and has_end) or begin in rest or end in head + tail:
        raise ValueError(f"the document needs {begin} and {end} once, in this order")
    return f"{head}{begin}\n{table.strip()}\n{end}{tail}"


def _cell(record: Record | None, figure: str, form: str = "{:.4f}", unit: float = 1.0) -> str:
    return form.format(record[figure] / unit) if record else ""


def _share(value: float) -> str:
    return f"{value:.4f}"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
