"""Printing: tables and short lists for people, one JSON document for programs."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final

__all__ = [
    "format_value",
    "print_explanation",
    "print_facts",
    "print_json",
    "print_notes",
    "print_result",
    "print_rows",
    "print_table",
    "result_tables",
    "visible",
    "visible_json",
    "without_values",
]

PLAIN_WIDTH = 160
_OTHER_CONTROLS: Final = (*range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
"""DEL and C1, line and paragraph separators with the bidi controls after them, bidi isolates."""
_IN_JSON: Final = {code: f"\\u{code:04x}" for code in _OTHER_CONTROLS}
_VISIBLE: Final = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in (*range(0x20), *_OTHER_CONTROLS)
} | {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}


def visible(text: str) -> str:
    r"""Return a text with its control characters written out, as \x1b or \u202e.

    A value from a table may hold what a terminal obeys: colours, cursor movements, a change of
    the direction of writing. Shown as it is, it could hide or forge what stands around it.

    Parameters
    ----------
    text : one line; a line break in it is written out too
    """
    return text.translate(_VISIBLE)


def visible_json(document: str) -> str:
    """Return a JSON document with the control characters escaped that JSON lets stand.

    Parameters
    ----------
    document : as `json.dumps(..., ensure_ascii=False)` writes it, where C0 is escaped already
    """
    return document.translate(_IN_JSON)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout; what JSON cannot say becomes text or null."""
    sys.stdout.write(visible_json(json.dumps(_plain(value), ensure_ascii=False, indent=2)) + "\n")


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print `name   value` lines, names in one column."""
    rows = [(visible(name), visible(value)) for name, value in facts]
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        print(f"{name:<{width}}  {value}".rstrip())


def print_table(title: str, table: Any) -> None:
    """Print an Arrow table for people."""
    rows = [list(row.values()) for row in table.to_pylist()]
    print_rows(title, table.column_names, rows)


def print_rows(title: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows of values under their column names; numbers stand to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    view = Table(title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    view.title = visible(title) or None
    for position, name in enumerate(names):
        is_number = any(isinstance(row[position], int | float) for row in rows)
        heading = visible(name.replace("_", " "))
        view.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        values = zip(names, row, strict=True)
        view.add_row(*(visible(format_value(name, value)) for name, value in values))
    if sys.stdout.isatty():
        Console(markup=False).print(view)
        return
    plain = Console(file=io.StringIO(), width=PLAIN_WIDTH, markup=False)
    with plain.capture() as captured:
        plain.print(view)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def print_notes(notes: Iterable[str]) -> None:
    """Print sentences a user should read, on stderr."""
    for note in notes:
        print(f"note: {visible(note)}", file=sys.stderr)


def print_result(result: Any) -> None:
    """Print every table of a result, then its notes."""
    for title, table in result_tables(result).items():
        if table.num_rows:
            print_table(title, table)
    print_notes(getattr(result, "notes", None) or getattr(result, "warnings", None) or ())


def print_explanation(explanation: Any, *, show_values: bool) -> None:
    """Print the weights of one pair as a table that adds up.

    Parameters
    ----------
    explanation : record_left, record_right, decision, prior_match_weight, match_weight,
        match_probability, and steps of (comparison, level, match_weight,
        term_frequency_adjustment, value_left, value_right)
    show_values : print the two records' values too
    """
    names = ["comparison", "level", "weight", "frequency", "total"]
    total = explanation.prior_match_weight
    rows: list[list[Any]] = [["prior", "", total, None, total]]
    for step in explanation.steps:
        adjustment = step.term_frequency_adjustment
        total += step.match_weight + adjustment
        row = [step.comparison, step.level, step.match_weight, adjustment or None, total]
        rows.append(row + ([step.value_left, step.value_right] if show_values else []))
    if show_values:
        names += ["left value", "right value"]
        rows[0] += [None, None]
    print_rows(f"{explanation.record_left} and {explanation.record_right}", names, rows)
    print_facts(
        [
            ("match weight", f"{explanation.match_weight:.2f} bits"),
            ("match probability", format_value("probability", explanation.match_probability)),
            ("decision", explanation.decision),
        ]
    )
    print_notes([explanation.note] if getattr(explanation, "note", None) else [])


def without_values(explanation: Any) -> dict[str, Any]:
    """Return an explanation as plain values, the two records' own values left out."""
    plain: dict[str, Any] = _plain(explanation)
    for step in plain["steps"]:
        step.pop("value_left", None)
        step.pop("value_right", None)
    return plain


def result_tables(result: Any) -> dict[str, Any]:
    """Return title -> Arrow table: the result's `tables`, or its attributes that are tables."""
    tables = getattr(result, "tables", None)
    tables = tables() if callable(tables) else tables
    if isinstance(tables, Mapping):
        return dict(tables)
    if not is_dataclass(result):
        return {}
    values = {each.name: getattr(result, each.name) for each in fields(result)}
    return {
        name.replace("_", " ").capitalize(): value
        for name, value in values.items()
        if hasattr(value, "to_pylist") and hasattr(value, "column_names")
    }


def format_value(name: str, value: Any) -> str:
    """Format one value by its type and by what its column is called."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return ""
    if any(word in name for word in ("share", "completeness", "validity")):
        return f"{value:.1%}"
    if any(word in name for word in ("precision", "recall", "f1", "probability")):
        return f"{value:.4f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.2e}"
    return f"{value:.2f}"


def _plain(value: Any) -> Any:
    if hasattr(value, "as_dict"):
        return _plain(value.as_dict())
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if hasattr(value, "to_pylist") or hasattr(value, "tolist"):
        return _plain(value.to_pylist() if hasattr(value, "to_pylist") else value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
