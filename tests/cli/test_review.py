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
    assert 2 == mpi("review", "list", "--index", index, "--show-values").code, "who looks?"
    assert "赵敏" in mpi("review", "list", "--index", index, "--show-values", "--by", "Dr Li").out
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


def test_what_was_asked_of_people_is_in_the_log(mpi: Shell, index: Path) -> None:
    """Names of the list, the whole of a case, numbers in full: who saw whom."""
    by = ("--index", index, "--by", "Dr Li")
    mpi("review", "list", *by, "--show-values")
    mpi("review", "show", *by, task_of(index))
    mpi("review", "show", *by, task_of(index), "--show-values")
    entries = mpi("review", "audit-log", "--index", index).lines
    assert ["list", "show", "reveal"] == [each["action"] for each in entries]
    assert all(len(each["identities"]) == 2 for each in entries)


def test_an_undo_in_bulk_says_what_it_did(mpi: Shell, index: Path) -> None:
    """What a dry run would do, and that nobody of that name decided anything."""
    by = ("--index", index, "--by", "Dr Wang")
    mpi("review", "decide", "--index", index, "--by", "Dr Li", task_of(index), "DIFFERENT")
    tried = mpi("review", "undo", *by, "--of", "Dr Li", "--dry-run")
    assert 1 == len(tried.lines[0]["would_undo"])
    assert "undone" not in tried.lines[0]
    ghost = mpi("review", "undo", *by, "--of", "ghost")
    assert "'ghost' decided nothing" in ghost.err
    assert (
        tried.lines[0]["would_undo"]
        == mpi("review", "undo", *by, "--of", "Dr Li").lines[0]["undone"]
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--weight-min", "nan"),
        ("advice", "--mistakes-max", "nan"),
        ("advice", "--confidence", "nan"),
        ("audit-sample", "--size", "5", "--by", "x", "--repeats", "nan"),
        ("audit-sample", "--size", "5", "--by", "x", "--strata", "0,nan"),
        ("export", "--out", "x.csv", "--by", "x", "--weight-max", "inf"),
    ],
)
def test_what_is_no_number_is_refused(mpi: Shell, arguments: tuple[str, ...]) -> None:
    """It would pass every range and let nothing through."""
    assert 2 == mpi("review", *arguments, "--index", "nowhere").code


def test_a_message_shows_what_a_terminal_would_obey(mpi: Shell) -> None:
    """A file's name may hold colours and cursor movements."""
    refused = mpi("review", "import", "a\x1b[31mb.csv", "--index", "nowhere", "--by", "x")
    assert 3 == refused.code
    assert "\x1b" not in refused.err
    assert "\\x1b[31m" in refused.err


def test_a_case_of_many_records_is_printed_line_by_line(
    mpi: Shell, index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five columns would leave no room for any; regions have their names."""
    with IdentityIndex.open(index) as opened:
        case = ReviewQueue(opened).case(task_of(index)).to_dict()
    for record in case["records"]:
        for field in record["fields"]:
            if field["name"] == "region_code":
                field.update(value="110105", origin="text", spans=[])
    _print_case(case)
    assert "北京市朝阳区" in capsys.readouterr().out
    _print_case(case | {"records": [*case["records"]] * 3})
    out = capsys.readouterr().out
    assert 3 == sum(line.split()[:1] == ["H1/a"] for line in out.splitlines())
