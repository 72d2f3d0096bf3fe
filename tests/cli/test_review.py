"""`mpi review` from the command line: list, show, decide, take back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.review_queue import _print_case
from mpi.identity_index import IdentityIndex
from mpi.review.queue import ReviewQueue

from .shell import Shell

NUMBER = "11010519491231002X"
WANG = {"name": "王小明", "id_number": NUMBER, "birth_date": "1949-12-31", "gender": "女"}
ZHAO = {"name": "赵敏", "id_number": NUMBER, "birth_date": "2001-05-05", "gender": "男"}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index with one question: one number under unlike people."""
    path = tmp_path / "index"
    with IdentityIndex.create(path, population=1_000_000) as made:
        made.add({"source": "H1", "record_id": "a", **WANG})
        assert made.add({"source": "H2", "record_id": "b", **ZHAO}).task is not None
    return path


def task_of(index: Path) -> int:
    with IdentityIndex.open(index) as opened:
        return ReviewQueue(opened).tasks().rows[0].number


def test_a_task_is_listed_shown_decided_and_taken_back(mpi: Shell, index: Path) -> None:
    """The whole round, in JSON lines; numbers are masked unless asked for."""
    task = task_of(index)
    listed = mpi("review", "list", "--index", index)
    (row,) = listed.lines
    assert task == row["number"]
    assert "赵敏" not in listed.out
    shown = mpi("review", "show", "--index", index, task, "--by", "Dr Li")
    assert NUMBER not in shown.out
    assert "赵敏" in shown.out
    revealed = mpi("review", "show", "--index", index, task, "--by", "Dr Li", "--show-values")
    assert NUMBER in revealed.out
    stale = mpi(
        *("review", "decide", "--index", index, task, "DIFFERENT"),
        *("--by", "Dr Li", "--version", 1),
    )
    assert 6 == stale.code
    assert "version" in stale.err
    done = mpi(
        *("review", "decide", "--index", index, task, "different", "--by", "Dr Li"),
        *("--version", row["version"], "--reason", "LENT_CARD", "--text", "card of an aunt"),
    ).lines[0]
    assert [task] == done["tasks_closed"]
    assert [] == mpi("review", "list", "--index", index).lines
    undone = mpi("review", "undo", "--index", index, "--of", "Dr Li", "--by", "Dr Wang").lines[0]
    assert done["events"] == undone["undone"]
    assert 1 == len(mpi("review", "list", "--index", index).lines)


def test_tasks_change_hands(mpi: Shell, index: Path) -> None:
    """Assign, comment, put off, escalate, reopen; the next task of a steward."""
    task = task_of(index)
    common = ("--index", index, "--by", "Dr Li")
    mpi("review", "assign", *common, task, "--to", "Dr Wang")
    assert None is mpi("review", "next", *common).lines[0]["task"]
    mpi("review", "assign", *common, task)
    assert task == mpi("review", "next", *common).lines[0]["task"]
    mpi("review", "comment", *common, task, "I ask the ward")
    mpi("review", "defer", *common, task, "--until", "2999-01-01")
    mpi("review", "escalate", *common, task, "--text", "lent?")
    mpi("review", "reopen", *common, task)
    rules = mpi("review", "rules", *common, "--records-max", 1).lines[0]
    assert (1, 1) == (rules["approval_records"], rules["tasks"]["open"])
    proposed = mpi("review", "decide", *common, task, "MERGE").lines[0]
    assert proposed["waits_for_approval"]
    mpi("review", "reject", *common, task, "--text", "no")
    mpi("review", "decide", *common, task, "MERGE")
    approved = mpi("review", "approve", "--index", index, "--by", "Dr Wang", task).lines[0]
    assert 1 == len(approved["enterprise_ids"])
    with IdentityIndex.open(index) as opened:
        actions = [event.action for event in ReviewQueue(opened).history(task)]
    assert ["RAISED", "ASSIGNED", "UNASSIGNED", "COMMENT", "DEFERRED", "ESCALATED"] == actions[:6]
    assert ["REOPENED", "PROPOSED", "REJECTED", "PROPOSED", "APPROVED"] == actions[6:]


def test_tables_are_for_people(mpi: Shell, index: Path) -> None:
    """The same as a table; what differs stands in brackets."""
    task = task_of(index)
    assert str(task) in mpi("review", "list", "--index", index, "--table").out.replace(",", "")
    shown = mpi("review", "show", "--index", index, task, "--by", "Dr Li", "--table").out
    assert "[赵敏]" in shown.replace(" ", "")


def test_a_table_says_what_it_leaves_out(
    capsys: pytest.CaptureFixture[str], mpi: Shell, index: Path
) -> None:
    """Records beyond the limit are told of; of a blind case no empty headings stand there."""
    shown = mpi("review", "show", "--index", index, task_of(index), "--by", "Dr Li")
    (case,) = shown.lines
    assert 0 == case["records_left_out"]
    _print_case(case | {"records_left_out": 1200})
    captured = capsys.readouterr()
    assert "Heaviest pair" in captured.out
    assert "note: 1,200 more records are not shown\n" == captured.err
    blind = case["pairs"][0] | {"steps": [], "rules": [], "why_not_automatic": []}
    _print_case(case | {"pairs": [blind]})
    captured = capsys.readouterr()
    for text in ("Heaviest pair", "met by", "why asked"):
        assert text not in captured.out
    assert "" == captured.err


def test_rules_are_printed_for_anybody_and_set_by_a_name(mpi: Shell, index: Path) -> None:
    """Looking needs no name; a change does."""
    assert 1 == mpi("review", "rules", "--index", index).lines[0]["tasks"]["open"]
    refused = mpi("review", "rules", "--index", index, "--records-max", 3)
    assert 2 == refused.code
    assert "--by" in refused.err


@pytest.mark.parametrize("bits", ["nan", "inf"])
def test_weights_that_are_no_numbers_are_refused(mpi: Shell, index: Path, bits: str) -> None:
    """Not an empty list."""
    assert 2 == mpi("review", "list", "--index", index, "--weight-min", bits).code
    assert 2 == mpi("review", "list", "--index", index, f"--weight-max=-{bits}").code


def test_mistakes_have_exit_codes(mpi: Shell, index: Path, tmp_path: Path) -> None:
    """Unknown tasks, ids and times are told apart."""
    assert 6 == mpi("review", "show", "--index", index, 7, "--by", "Dr Li").code
    assert 7 == mpi("review", "list", "--index", tmp_path / "none").code
    task = task_of(index)
    assert 2 == mpi("review", "decide", "--index", index, task, "SPLIT", "--by", "Dr Li").code
    merge = ("--merge", "X,Y", "--by", "Dr Li")
    assert 6 == mpi("review", "decide", "--index", index, task, "PARTLY", *merge).code
    json.dumps(task)
