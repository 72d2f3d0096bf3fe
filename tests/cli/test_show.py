"""Printing and progress: tables for people, JSON for programs, nothing when quiet."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from cli.identity_options import print_answers
from cli.main import run
from cli.progress import open_progress
from cli.show import format_value, print_facts, print_json, print_notes, print_result, print_rows
from mpi.report_data import WaterfallExample, WaterfallStep

Library = Callable[[str, Any], None]

RUN = {
    "counts": {
        "records": 5000,
        "rejects": 2,
        "candidate_pairs": 123456,
        "links": 6500,
        "review": 11,
        "people": 2001,
        "clusters": 1500,
        "largest_cluster": 6,
    },
    "expected": {"precision": 0.99991, "recall": 0.9, "recall_with_review": None},
    "seconds": {"encode": 1.0, "total": 2.5},
    "peak_memory_bytes": 1 << 29,
    "warnings": ["few confident links"],
}


@dataclass
class Tables:
    first: pa.Table
    notes: tuple[str, ...] = ()


def test_summary_names_what_matters(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    """`mpi dedupe` ends in a dozen lines; warnings go to stderr."""
    library("dedupe", lambda *_, **__: SimpleNamespace(run=RUN))
    assert 0 == run(["dedupe", "a.csv", "--out", "somewhere"])
    captured = capsys.readouterr()
    for text in ("5,000", "rejected rows", "123,456", "6,500", "2,001", "0.9999", "2.5"):
        assert text in captured.out
    assert "0.50 GiB" in captured.out
    assert "note: few confident links\n" == captured.err


@pytest.mark.parametrize("command", ["dedupe", "link"])
def test_json_is_one_document(
    command: str, library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    """--json prints run.json's contents and where the results are, and nothing else on stdout."""
    library(command, lambda *_, **__: SimpleNamespace(run=RUN))
    inputs = ["a.csv"] if command == "dedupe" else ["a.csv", "b.csv"]
    assert 0 == run([command, *inputs, "--out", "somewhere", "--json"])
    assert {"out": "somewhere", **RUN} == json.loads(capsys.readouterr().out)


def test_quiet_prints_nothing(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    """--quiet leaves both streams empty when all went well."""
    library("dedupe", lambda *_, **__: SimpleNamespace(run=RUN))
    assert 0 == run(["dedupe", "a.csv", "--out", "x", "--quiet"])
    assert ("", "") == capsys.readouterr()


def test_options_reach_the_library(library: Library) -> None:
    """Every option of a run is passed on under the library's name for it."""
    seen: dict[str, object] = {}

    def dedupe(inputs: object, **options: object) -> SimpleNamespace:
        seen.update(options, inputs=inputs)
        return SimpleNamespace(run=RUN)

    library("dedupe", dedupe)
    words = "dedupe a.csv b.csv --out o --schema s --model m --memory 1GiB --seed 7 --strict -q"
    assert 0 == run([*words.split(), "--overwrite", "--clustering", "components"])
    del seen["progress"]
    expected = {
        "inputs": ["a.csv", "b.csv"],
        "out": "o",
        "schema": "s",
        "model": "m",
        "memory": "1GiB",
        "seed": 7,
        "strict": True,
        "overwrite": True,
        "clustering": "components",
        "approximate": False,
        "resume": False,
        "stream": False,
    }
    assert expected == seen


def test_explanation_adds_up(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    """The table runs from the prior to the match weight; values are shown only when asked for."""
    values = {"term_frequency_adjustment": 0.5, "value_left": "SECRET", "value_right": "SECRET"}
    explanation = WaterfallExample(
        record_left="a/1",
        record_right="b/2",
        decision="MATCH",
        prior_match_weight=-10.0,
        match_weight=2.0,
        match_probability=0.8,
        steps=(
            WaterfallStep(comparison="name", level="exact", match_weight=8.0, **values),
            WaterfallStep(comparison="birth", level="year", match_weight=3.0, **values),
        ),
        note="refused",
    )
    library("explain", lambda *_, **__: explanation)
    assert 0 == run(["explain", "1", "2", "--run", "x"])
    captured = capsys.readouterr()
    for text in ("prior", "-10.00", "-1.50", "2.00", "0.8000", "MATCH"):
        assert text in captured.out
    assert "SECRET" not in captured.out
    assert "note: refused\n" == captured.err
    assert 0 == run(["explain", "1", "2", "--run", "x", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert {"comparison", "level", "match_weight", "term_frequency_adjustment"} == set(
        printed["steps"][0]
    )
    assert 0 == run(["explain", "1", "2", "--run", "x", "--show-values"])
    assert "SECRET" in capsys.readouterr().out


def test_profile_passes_show_values_on(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    """Values are asked of the library only with --show-values."""
    asked: list[object] = []

    def profile(*_: object, show_values: bool, **__: object) -> Tables:
        asked.append(show_values)
        return Tables(pa.table({"field": ["name"], "completeness": [0.5]}))

    library("profile", profile)
    assert 0 == run(["profile", "a.csv", "-q"])
    assert 0 == run(["profile", "a.csv", "-q", "--show-values"])
    assert [False, True] == asked
    assert "50.0%" in capsys.readouterr().out


def test_tables_of_a_result_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Any result prints its tables with their titles, wide characters included, then its notes."""
    print_result(Tables(pa.table({"领域": ["姓名"], "pairs": [1234567]}), ("look",)))
    captured = capsys.readouterr()
    for text in ("First", "领域", "姓名", "1,234,567"):
        assert text in captured.out
    assert "note: look\n" == captured.err


def test_json_says_null_where_json_has_no_word(capsys: pytest.CaptureFixture[str]) -> None:
    """NaN and infinities become null; tables become lists of rows."""
    value = {"a": float("nan"), "b": pa.table({"x": [1]}), "c": ("y",), "d": Tables(pa.table({}))}
    print_json(value)
    expected = {"a": None, "b": [{"x": 1}], "c": ["y"], "d": {"first": [], "notes": []}}
    assert expected == json.loads(capsys.readouterr().out)


FORGED = "王\x1b[31m\x9b\u202e小\u2066\x7f\u2028明\n"


def test_what_a_terminal_obeys_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    """No value colours, hides or turns around what stands beside it, in tables, facts or notes."""
    expected = r"王\x1b[31m\x9b\u202e小\u2066\x7f\u2028明\n"
    print_rows(FORGED, ["name", FORGED], [["x", FORGED]])
    assert 3 == capsys.readouterr().out.count(expected)
    print_answers([{"name": FORGED}], as_table=True)
    assert expected in capsys.readouterr().out
    print_facts([("name", FORGED)])
    print_notes([FORGED])
    captured = capsys.readouterr()
    assert (f"name  {expected}\n", f"note: {expected}\n") == (captured.out, captured.err)


def test_json_escapes_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    """The same value for a program, as one line without a control character."""
    print_answers([{"name": FORGED}], as_table=False)
    line = capsys.readouterr().out
    assert not set(FORGED) & set(line.rstrip("\n")) - set("王小明[31m")
    assert {"name": FORGED} == json.loads(line)
    print_json(FORGED)
    printed = capsys.readouterr().out
    assert FORGED == json.loads(printed)
    assert "\u202e" not in printed


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("pairs", 1234, "1,234"),
        ("share", 0.123, "12.3%"),
        ("recall", 0.99999, "1.0000"),
        ("u_probability", 0.00001, "1.00e-05"),
        ("weight", -3.14159, "-3.14"),
        ("weight", float("nan"), ""),
        ("x", None, ""),
        ("x", True, "yes"),
    ],
)
def test_values_are_formatted_by_their_name(name: str, value: object, text: str) -> None:
    """Counts, shares, probabilities and weights each look like what they are."""
    assert text == format_value(name, value)


def test_stages_are_lines_outside_a_terminal() -> None:
    """One line a stage: its name, how much, how long."""
    file = io.StringIO()
    with open_progress(quiet=False, file=file) as progress, progress.stage("encode") as stage:
        stage.advance(1000)
        stage.advance(234)
    name, count, seconds, unit = file.getvalue().split()
    assert ("encode", "1,234", "s") == (name, count, unit)
    assert float(seconds) >= 0


def test_quiet_progress_is_silent() -> None:
    """--quiet prints no stages."""
    file = io.StringIO()
    with open_progress(quiet=True, file=file) as progress, progress.stage("encode") as stage:
        stage.advance(1)
    assert "" == file.getvalue()


def test_a_terminal_sees_bars() -> None:
    """On a terminal the stages are drawn, and end complete."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    file = Terminal()
    with open_progress(quiet=False, file=file) as progress:
        with progress.stage("encode", 10) as stage:
            stage.advance(10)
        with progress.stage("cluster"):
            pass
    assert "encode" in file.getvalue()
    assert "10/10" in file.getvalue()
