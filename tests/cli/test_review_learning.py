"""`mpi review export`, `import`, `advice`, `audit-sample`, `dashboard`, as a desk uses them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.review_learning import _precision_text
from mpi.identity_index import IdentityIndex
from mpi.review.audit_sample import estimate_precision
from tests.mpi.review.asked_people import Asked, person

from .shell import Shell


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with two questions and four automatic links; closed."""
    asked = Asked(tmp_path_factory.mktemp("made"), 12)
    asked.index.add_table([person(n) | {"source": "insurance"} for n in range(8, 12)])
    asked.ask([(0, 1, 9.0)], [(2, 3, -1.0)])
    asked.close()
    return asked.path


@pytest.fixture
def index(made: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may write to."""
    with IdentityIndex.open(made) as opened:
        opened.backup(tmp_path / "index")
    return tmp_path / "index"


def answer(sheet: Path, verdicts: list[str]) -> None:
    """Fill in the first line of each task, as a spreadsheet of a Chinese desk saves it."""
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    for task, verdict in zip(tasks, verdicts, strict=True):
        next(row for row in rows if row["task"] == task)["verdict"] = verdict
    with sheet.open("w", encoding="gb18030", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


def test_a_sheet_goes_out_and_comes_back(mpi: Shell, index: Path, tmp_path: Path) -> None:
    """Export, answer, try, import, take back."""
    sheet, by = tmp_path / "tasks.csv", ("--by", "Dr Li")
    (written,) = mpi("review", "export", "--index", index, "--out", sheet, *by).lines
    assert {"out": str(sheet), "tasks": 2, "lines": 4, "masked": True} == written
    assert 4 == mpi("review", "export", "--index", index, "--out", sheet, *by).code
    answer(sheet, ["合并", "不同"])
    tried = mpi("review", "import", sheet, "--index", index, *by, "--dry-run", "--table")
    assert 0 == tried.code, tried.err
    assert "would decide" in tried.out
    (report,) = mpi("review", "import", sheet, "--index", index, *by).lines
    assert (2, 0, 0) == (report["decided"], report["stale"], report["refused"])
    again = mpi("review", "import", sheet, "--index", index, *by)
    assert 1 == again.code
    assert 2 == json.loads(again.out)["stale"]
    undone = mpi("undo", "--index", index, report["first_event"], "--whole-batch", *by)
    assert 0 == undone.code, undone.err
    assert {"open": 2} == mpi("review", "dashboard", "--index", index).lines[0]["by_status"]


def test_no_value_leaves_unasked(mpi: Shell, index: Path, tmp_path: Path) -> None:
    """Numbers are masked; in full only by an option, and by somebody with a name."""
    phone = person(0)["phone"]
    sheet = tmp_path / "tasks.csv"
    mpi("review", "export", "--index", index, "--out", sheet, "--by", "Dr Li")
    assert phone not in sheet.read_text("utf-8-sig")
    open_sheet = tmp_path / "open.csv"
    options = ("--out", open_sheet, "--show-values")
    assert 2 == mpi("review", "export", "--index", index, *options).code
    mpi("review", "export", "--index", index, *options, "--by", "Dr Li")
    assert phone in open_sheet.read_text("utf-8-sig")


def test_decisions_become_labels_and_advice(mpi: Shell, index: Path, tmp_path: Path) -> None:
    """Decided pairs are exported without values; the advice tells why it advises nothing yet."""
    sheet, out = tmp_path / "tasks.csv", tmp_path / "decided.csv"
    mpi("review", "export", "--index", index, "--out", sheet, "--by", "Dr Li")
    answer(sheet, ["m", "d"])
    mpi("review", "import", sheet, "--index", index, "--by", "Dr Li")
    options = ("--out", out, "--decided", "--by", "Dr Li")
    (written,) = mpi("review", "export", "--index", index, *options).lines
    assert 2 == written["lines"]
    text = out.read_text("utf-8-sig")
    assert "SAME" in text
    assert person(0)["name"] not in text
    (advice,) = mpi("review", "advice", "--index", index).lines
    assert (2, 1, 1) == (advice["pairs"], advice["same"], advice["different"])
    assert advice["link"]["weight"] is None
    shown = mpi("review", "advice", "--index", index, "--table", "--mistakes-max", 0.05)
    assert "moves no" in shown.out or "move no" in shown.out
    assert "only pairs that stewards were asked about" in shown.err


def test_an_audit_is_drawn_and_shown(mpi: Shell, index: Path) -> None:
    """Links are drawn by bands, and the dashboard says what is known of them."""
    draw = ("review", "audit-sample", "--index", index, "--by", "Dr Li", "--size", 3)
    (sample,) = mpi(*draw, "--repeats", 0).lines
    assert (3, 4) == (sample["tasks"], sample["links"])
    assert 2 == mpi(*draw, "--strata", "ten").code
    assert 2 == mpi(*draw, "--size", 20_001).code
    (figures,) = mpi("review", "dashboard", "--index", index).lines
    assert (4, 3, 0) == tuple(figures["precision"][name] for name in ("links", "sampled", "judged"))
    shown = mpi("review", "dashboard", "--index", index, "--table")
    assert "none of 3 sampled links has been judged" in shown.out


def test_commands_are_processes_too(index: Path, tmp_path: Path) -> None:
    """Without this process's state: exit code, JSON on stdout, notes on stderr."""
    command = [sys.executable, "-m", "cli", "review", "dashboard", "--index", str(index)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    assert 2 == json.loads(done.stdout)["open_tasks"]
    absent = [*command[:-1], str(tmp_path / "absent")]
    failed = subprocess.run(absent, capture_output=True, text=True, check=False)
    assert 7 == failed.returncode
    assert 1 == len(failed.stderr.splitlines())


@pytest.mark.parametrize(("judged", "expected"), [(1, "not yet: 1 of 2 bands"), (2, "100.00% (")])
def test_precision_is_told_once_most_links_are_covered(judged: int, expected: str) -> None:
    """Bands that nobody judged are named, and no figure stands for them."""
    plan = {"links": 1000, "is_complete": True, "bands": [[0, 5, 400, 2], [5, None, 600, 2]]}
    audits = [{"sample": 1, "band": band, "repeat_of": None} for band in range(judged)]
    tasks = [{"status": "closed", "verdict": "MERGE", "audit": audit} for audit in audits]
    text = _precision_text(estimate_precision(1, plan, tasks))
    assert text.startswith(expected)
    assert f"{'40.0%' if judged == 1 else '100.0%'} of the links" in text
