"""What a run prints when it is done: a dozen lines, or run.json on stdout."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from cli.show import format_value, print_facts, print_json, print_notes, print_rows

__all__ = ["measure_facts", "print_model", "print_run", "run_facts"]

_COUNTS = (
    ("records", "records"),
    ("rejects", "rejected rows"),
    ("candidate_pairs", "candidate pairs"),
    ("links", "links"),
    ("review", "pairs for review"),
    ("people", "people"),
    ("clusters", "people with 2 or more records"),
    ("largest_cluster", "largest cluster"),
)
"""Keys of run.json's `counts`, and how they are called here."""

_INDEX = (
    ("records_new", "new records"),
    ("records_changed", "changed records"),
    ("records_moved", "moved records"),
    ("identities_new", "new identities"),
    ("identities_redirected", "redirected identities"),
    ("identities_contested", "left to stewards' decisions"),
    ("tasks", "review tasks"),
)
"""Keys of run.json's `index`: what a run changed in the identity index."""

_EXPECTED = (
    ("precision", "expected precision"),
    ("recall", "expected recall"),
    ("recall_with_review", "expected recall with review"),
)


def print_run(result: Any, *, out: str, quiet: bool, as_json: bool) -> None:
    """Print the summary of a run.

    Parameters
    ----------
    result : mpi.Result
    out : directory the results were written to
    quiet : print nothing, unless `as_json`
    as_json : print run.json instead of the summary
    """
    if as_json:
        print_json({"out": out, **result.run})
    elif not quiet:
        print_facts(run_facts(result.run, out))
    if not quiet:
        print_notes(result.run.get("warnings", ()))


def run_facts(run: Mapping[str, Any], out: str) -> list[tuple[str, str]]:
    """Return (name, value) lines from the contents of run.json."""
    counts = run.get("counts", {})
    facts = [(name, f"{counts[key]:,}") for key, name in _COUNTS if key in counts]
    for key, name in _EXPECTED:
        value = run.get("expected", {}).get(key)
        if value is not None:
            facts.append((name, f"{value:.4f}"))
    if index := run.get("index"):
        facts.append(("index", str(index["path"])))
        facts += [(f"  {name}", f"{index[key]:,}") for key, name in _INDEX if key in index]
    seconds = run.get("seconds", {})
    if seconds:
        total = seconds.get("total", sum(seconds.values()))
        facts.append(("seconds", f"{total:,.1f}"))
    if peak := run.get("peak_memory_bytes"):
        facts.append(("peak memory", f"{peak / 2**30:.2f} GiB"))
    facts.append(("results", out))
    report = Path(out) / "report.html"
    if report.exists():
        facts.append(("report", str(report)))
    return facts


def print_model(summary: Mapping[str, Any], *, out: str) -> None:
    """Print what a fitted model has learnt: its prior, its sources, a line for each part.

    Parameters
    ----------
    summary : of `mpi.model_summary.model_summary`
    out : file the model was written to
    """
    print_facts(_model_facts(summary))
    rows = []
    for (comparison, part), group in groupby(
        summary["levels"], key=lambda each: (each.comparison, each.part)
    ):
        levels = list(group)
        best, last = levels[0], levels[-1]
        name = part if part == comparison else f"{comparison}: {part}"
        chances = [format_value("probability", p) for p in (best.m_probability, best.u_probability)]
        row = [name, best.level, *chances, best.match_weight, last.level, last.match_weight]
        rows.append([*row, len(levels)])
    names = ["part", "best level", "m", "u", "bits", "last level", "bits", "levels"]
    print_rows("", names, rows)
    print_facts([("model", out)])


def _model_facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    training = summary["training"]
    chance, bits = summary["probability_two_random_records_match"], summary["prior_match_weight"]
    relatives = summary["probability_two_random_records_relatives"]
    facts = [("learnt by", str(training.get("method", "")))]
    for key in ("candidate_pairs", "random_pairs", "expected_matches", "iterations"):
        if key in training:
            facts.append((key.replace("_", " "), f"{training[key]:,.0f}"))
    facts.append(("two random records match", f"1 in {1 / chance:,.0f}, {bits:.2f} bits"))
    if relatives:
        facts.append(("two random records are of one household", f"1 in {1 / relatives:,.0f}"))
    link, review = summary["match_weight_link_min"], summary["match_weight_review_min"]
    drawn = "not in the model: each run draws its own from what strangers do by chance"
    lines = drawn if link is None else f"link from {link:.2f} bits, review from {review:.2f}"
    return [*facts, ("lines", lines)]


def measure_facts(evaluation: Any) -> list[tuple[str, str]]:
    """Return (name, value) lines from an evaluation's `measures`."""
    return [
        (name.replace("_", " "), format_value(name, value))
        for name, value in evaluation.measures.items()
    ]
