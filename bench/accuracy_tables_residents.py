"""The results on generated Chinese residents as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.accuracy_table import ENGINE_NAMES

__all__ = ["RESIDENTS_BEGIN", "RESIDENTS_END", "residents_table", "without_causes"]

RESIDENTS_BEGIN = "<!-- accuracy-residents:begin -->"
RESIDENTS_END = "<!-- accuracy-residents:end -->"

Record = dict[str, Any]

_RELATIONS = ("twins", "siblings", "mother and child", "others of a household", "strangers")
_CAUSES_HEADER = "recall by cause of error"
_PAIRS_MIN = 50  # a recall over fewer pairs says nothing


def residents_table(results: Sequence[Record]) -> str:
    """Three tables: overall, people confused by relation, recall by cause of error.

    Parameters
    ----------
    results : records of the resident sets, one a set, engine and threshold
    """
    return "\n".join([_overall(results), _confusions(results), _causes(results)])


def without_causes(text: str) -> str:
    """The first two tables of `residents_table`, for a page that has to be short."""
    return text.split(f"| {_CAUSES_HEADER}", 1)[0].rstrip() + "\n"


def _overall(results: Sequence[Record]) -> str:
    header = [
        "people", "records", "engine", "precision", "recall", "F1", "best cut",
        "false merges /100,000 people", "largest cluster", "seconds", "MB",
    ]  # fmt: skip
    return _markdown(
        header,
        [
            [
                f"{each['details']['people']:,}",
                f"{each['records']:,}",
                _engine(each),
                f"{each['precision']:.5f}",
                f"{each['recall']:.4f}",
                f"{each['f1']:.4f}",
                "" if each["best_cut_f1"] is None else f"{each['best_cut_f1']:.4f}",
                f"{10 * each['false_merges_per_10_000_entities']:.1f}",
                str(each["largest_cluster"]),
                f"{each['seconds']:.0f}",
                f"{each['peak_bytes'] / 2**20:.0f}",
            ]
            for each in results
        ],
    )


def _confusions(results: Sequence[Record]) -> str:
    header = ["pairs of different people put together", *(_column(each) for each in results)]
    rows = []
    for relation in _RELATIONS:
        cells = []
        for each in results:
            pairs, merged = each["details"]["confusions"][relation]
            cells.append(f"{merged:,}" if pairs is None else f"{merged:,} of {pairs:,}")
        rows.append([relation, *cells])
    return _markdown(header, rows)


def _causes(results: Sequence[Record]) -> str:
    header = [_CAUSES_HEADER, "true pairs", *(_column(each) for each in results)]
    largest = max(results, key=lambda each: each["records"])["details"]["causes"]
    rows = []
    for cause, (pairs, _) in largest.items():
        if pairs < _PAIRS_MIN:
            continue
        cells = []
        for each in results:
            true_pairs, found = each["details"]["causes"].get(cause, (0, 0))
            cells.append(f"{found / true_pairs:.3f}" if true_pairs >= _PAIRS_MIN else "")
        rows.append([cause, f"{pairs:,}", *cells])
    return _markdown(header, rows)


def _engine(each: Record) -> str:
    return ENGINE_NAMES[each["engine"], each["threshold"]]


def _column(each: Record) -> str:
    return f"{_engine(each)}, {each['set'].removeprefix('residents_')}"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
