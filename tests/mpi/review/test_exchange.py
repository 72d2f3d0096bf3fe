"""The queue as a sheet: out to a spreadsheet, changed there in every usual way, and back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpi.review.answers import read_answers
from mpi.review.applying import ImportReport, apply_answers
from mpi.review.exchange import (
    ANSWER_COLUMNS,
    TASK_COLUMNS,
    export_tasks,
    person_letter,
    task_sheet,
)
from mpi.review.queue import ReviewQueue
from mpi.review.sheets import safe_cell
from mpi.review.types import Filter, Reason, TaskStatus, Verdict
from person.errors import InputError, SchemaMismatchError
from tests.mpi.review.asked_people import Asked

PEOPLE = 16
Row = dict[str, str]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    found = Asked(tmp_path, PEOPLE)
    yield found
    found.close()


@pytest.fixture
def tasks(asked: Asked) -> list[int]:
    """Four questions about two people each, and one about three."""
    return asked.ask(
        *([(2 * n, 2 * n + 1, 9.0 - n)] for n in range(4)), [(8, 9, 2.0), (8, 10, 1.0)]
    )


def exported(asked: Asked, path: Path, **options: Any) -> Path:
    export_tasks(asked.queue, path, by="Dr Li", overwrite=True, **options)
    return path


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def filled(path: Path, answers: dict[int, dict[str, str]], **more: str) -> list[Row]:
    """The rows of a sheet, the first line of each task answered."""
    rows, seen = rows_of(path), set()
    for row in rows:
        number = int(row["task"])
        if number in answers and number not in seen:
            row.update(answers[number], **more)
            seen.add(number)
    return rows


def saved(
    path: Path,
    rows: list[Row],
    *,
    encoding: str = "utf-8-sig",
    delimiter: str = ",",
    line_end: str = "\r\n",
    columns: list[str] | None = None,
) -> Path:
    buffer = io.StringIO()
    names = columns or list(rows[0])
    writer = csv.DictWriter(
        buffer, names, delimiter=delimiter, lineterminator=line_end, extrasaction="ignore"
    )
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(buffer.getvalue().encode(encoding))
    return path


def imported(asked: Asked, path: Path, **options: Any) -> ImportReport:
    return apply_answers(asked.queue, read_answers(str(path)), by="Dr Wang", **options)


MERGE = {"verdict": "MERGE", "reason": "TYPING_SLIP", "comment": "一个人"}


# ------------------------------------------------------------------------------ out


def test_letters_go_on_after_z() -> None:
    """A case of thirty identities has thirty letters."""
    assert ["A", "B", "Z", "AA", "AZ", "BA"] == [person_letter(n) for n in (0, 1, 25, 26, 51, 52)]


def test_a_sheet_has_a_line_a_record(asked: Asked, tasks: list[int], tmp_path: Path) -> None:
    """Lines of a task stand together, most urgent first; numbers are masked; answers are empty."""
    rows = rows_of(exported(asked, tmp_path / "out.csv"))
    assert 11 == len(rows)
    names = list(rows[0])
    assert TASK_COLUMNS.names == names[: len(TASK_COLUMNS)]
    assert ANSWER_COLUMNS.names == names[-3:]
    order = list(dict.fromkeys(int(row["task"]) for row in rows))
    assert [row.number for row in asked.queue.tasks().rows] == order
    first = [row for row in rows if int(row["task"]) == tasks[4]]
    assert ["A", "B", "C"] == [row["person"] for row in first]
    assert ["1", "2", "3"] == [row["line"] for row in first]
    assert str(asked.version(tasks[4])) == first[0]["version"]
    assert all("•" in row["phone"] for row in rows)
    assert {""} == {row[name] for row in rows for name in ANSWER_COLUMNS.names}


def test_values_are_shown_only_when_asked_for(
    asked: Asked, tasks: list[int], tmp_path: Path
) -> None:
    """Masked by default; both ways are in the log, with who and how much."""
    exported(asked, tmp_path / "out.csv")
    rows = rows_of(exported(asked, tmp_path / "open.csv", masked=False))
    assert not any("•" in row["phone"] for row in rows)
    log = (asked.path / "review").glob("audit-*.jsonl")
    lines = [json.loads(line) for file in log for line in file.read_text("utf-8").splitlines()]
    exports = [line for line in lines if line["action"] == "export"]
    assert ["Dr Li", "Dr Li"] == [line["by"] for line in exports]
    assert [True, False] == [line["facts"]["masked"] for line in exports]
    assert {5} == {line["facts"]["tasks"] for line in exports}
    assert set(asked.ids[:2]) <= set(exports[0]["identities"])


def test_a_filter_and_a_limit(asked: Asked, tasks: list[int]) -> None:
    """Only the tasks that were asked for, and no more than the limit."""
    asked.queue.decide(tasks[0], Verdict.DIFFERENT, by="Dr Li")
    closed = list(task_sheet(asked.queue, Filter(status=frozenset({TaskStatus.CLOSED}))))
    assert {tasks[0]} == {line["task"] for line in closed}
    heavy = list(task_sheet(asked.queue, Filter(weight_min=7.5)))
    assert {tasks[1]} == {line["task"] for line in heavy}
    assert 2 == len({line["task"] for line in task_sheet(asked.queue, limit=2)})


def test_parquet_holds_the_same_lines(asked: Asked, tasks: list[int], tmp_path: Path) -> None:
    """The same lines as CSV, with types, and read back like it."""
    path = exported(asked, tmp_path / "out.parquet")
    table = pq.read_table(path).to_pylist()
    rows = rows_of(exported(asked, tmp_path / "out.csv"))
    assert [int(row["task"]) for row in rows] == [line["task"] for line in table]
    assert [row["name"] for row in rows] == [line["name"] for line in table]
    for line in table:
        line["verdict"] = "DIFFERENT" if line["task"] == tasks[0] else None
    pq.write_table(pa.Table.from_pylist(table), path)
    report = imported(asked, path)
    assert (1, 4, 0) == (report.decided, report.unanswered, report.refused)


# ------------------------------------------------------------------------------ and back

CHANGES: dict[str, Callable[[Path, list[Row]], Path]] = {
    "as written": lambda path, rows: saved(path, rows),
    "without mark": lambda path, rows: saved(path, rows, encoding="utf-8"),
    "gbk": lambda path, rows: saved(path, rows, encoding="gb18030"),
    "utf-16": lambda path, rows: saved(path, rows, encoding="utf-16"),
    "semicolons": lambda path, rows: saved(path, rows, delimiter=";"),
    "tabs": lambda path, rows: saved(path, rows, delimiter="\t"),
    "unix lines": lambda path, rows: saved(path, rows, line_end="\n"),
    "old mac lines": lambda path, rows: saved(path, rows, line_end="\r"),
    "columns turned round": lambda path, rows: saved(path, rows, columns=list(rows[0])[::-1]),
    "only what matters": lambda path, rows: saved(
        path, rows, columns=["comment", "verdict", "task", "reason", "version"]
    ),
    "rows turned round": lambda path, rows: saved(path, rows[::-1]),
    "only answered rows": lambda path, rows: saved(path, [r for r in rows if r["verdict"]]),
    "numbers as floats": lambda path, rows: saved(
        path, [r | {"task": r["task"] + ".0", "version": r["version"] + ".0"} for r in rows]
    ),
    "headings in capitals": lambda path, rows: saved(
        path, [{name.upper(): value for name, value in r.items()} for r in rows]
    ),
    "padded": lambda path, rows: saved(
        path, [{n: f" {v} " if v else v for n, v in r.items()} for r in rows]
    ),
    "empty lines": lambda path, rows: saved(path, [*rows, dict.fromkeys(rows[0], "")]),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_what_a_spreadsheet_does_to_a_file_does_not_matter(
    asked: Asked, tasks: list[int], tmp_path: Path, change: str
) -> None:
    """Encoding, delimiter, line ends, order, missing rows and columns: the answers are the same."""
    sheet = exported(asked, tmp_path / "out.csv")
    answers = {tasks[0]: MERGE, tasks[1]: {"verdict": "不同", "reason": "同名", "comment": "核实"}}
    report = imported(asked, CHANGES[change](tmp_path / "back.csv", filled(sheet, answers)))
    assert (2, 0, 0) == (report.decided, report.stale, report.refused), report.to_dict()
    assert asked.identity(0) == asked.identity(1)
    assert asked.identity(2) != asked.identity(3)
    rows = {number: asked.queue.row(number) for number in tasks[:2]}
    assert ["MERGE", "DIFFERENT"] == [rows[number].verdict for number in tasks[:2]]
    assert {"Dr Wang"} == {row.closed_by for row in rows.values()}
    (done,) = [e for e in asked.queue.history(tasks[1]) if e.action == "DECIDED"]
    assert (Reason.NAMESAKE, "核实") == (done.reason, done.text)


def test_an_answer_changed_in_between_is_refused_alone(
    asked: Asked, tasks: list[int], tmp_path: Path
) -> None:
    """Stale answers are listed with their lines; all others are decided."""
    sheet = exported(asked, tmp_path / "out.csv")
    asked.queue.comment(tasks[0], "wait", by="Dr Li")
    asked.queue.decide(tasks[1], Verdict.DIFFERENT, by="Dr Li")
    asked.index.merge(asked.identity(4), asked.identity(14), by="Dr Li", reason="")
    rows = filled(sheet, dict.fromkeys(tasks[:4], MERGE))
    report = imported(asked, saved(tmp_path / "back.csv", rows))
    found = {each.task: each for each in report.outcomes}
    assert ["stale", "stale", "stale", "decided"] == [found[n].outcome for n in tasks[:4]]
    assert (1, 3, 0, 1) == (report.decided, report.stale, report.refused, report.unanswered)
    assert "changed by Dr Li" in found[tasks[0]].message
    lines = [at for at, row in enumerate(rows, 2) if int(row["task"]) == tasks[0]]
    assert tuple(lines) == found[tasks[0]].rows
    assert asked.identity(0) != asked.identity(1)


def test_a_sheet_is_one_batch(asked: Asked, tasks: list[int], tmp_path: Path) -> None:
    """All answers are taken back together by the number of the first event."""
    sheet = exported(asked, tmp_path / "out.csv")
    before = asked.index.state_at().to_pylist()
    rows = filled(sheet, dict.fromkeys(tasks[:4], MERGE))
    report = imported(asked, saved(tmp_path / "back.csv", rows))
    assert 4 == report.decided
    assert before != asked.index.state_at().to_pylist()
    assert report.first_event is not None
    asked.index.undo(report.first_event, by="Dr Li", whole_batch=True)
    assert before == asked.index.state_at().to_pylist()
    assert 5 == asked.queue.tasks().total
    assert asked.index.verify().is_sound


def test_a_dry_run_writes_nothing(asked: Asked, tasks: list[int], tmp_path: Path) -> None:
    """Everything is checked, and the index is as before."""
    sheet = exported(asked, tmp_path / "out.csv")
    asked.queue.comment(tasks[1], "wait", by="Dr Li")
    events = asked.index.statistics()["events"]
    rows = filled(sheet, {tasks[0]: MERGE, tasks[1]: MERGE, tasks[2]: {"verdict": "perhaps"}})
    report = imported(asked, saved(tmp_path / "back.csv", rows), dry_run=True)
    assert (1, 1, 1, True) == (report.decided, report.stale, report.refused, report.is_dry_run)
    assert ["would decide", "refused", "stale"] == sorted(
        (each.outcome for each in report.outcomes), key=lambda o: (o != "would decide", o)
    )
    assert report.first_event is None
    assert events == asked.index.statistics()["events"]


def test_answers_about_one_person_do_not_make_each_other_stale(
    asked: Asked, tasks: list[int], tmp_path: Path
) -> None:
    """Two questions about one identity, answered in one sheet, are both decided."""
    (other,) = asked.ask([(0, 12, 3.0)])
    sheet = exported(asked, tmp_path / "out.csv")
    rows = filled(sheet, {tasks[0]: MERGE, other: {"verdict": "d"}})
    report = imported(asked, saved(tmp_path / "back.csv", rows))
    assert (2, 0) == (report.decided, report.stale)
    assert asked.identity(0) == asked.identity(1) != asked.identity(12)


def test_partly_by_letters(asked: Asked, tasks: list[int], tmp_path: Path) -> None:
    """Records with one letter are one person, all others are not."""
    sheet = exported(asked, tmp_path / "out.csv")
    rows = filled(sheet, {tasks[4]: {"verdict": "partly"}})
    (last,) = [r for r in rows if int(r["task"]) == tasks[4] and r["record_id"].endswith("10")]
    last["person"] = "a"
    report = imported(asked, saved(tmp_path / "back.csv", rows))
    assert 1 == report.decided, report.to_dict()
    assert asked.identity(8) == asked.identity(10) != asked.identity(9)
    assert "PARTLY" == asked.queue.row(tasks[4]).verdict


def test_split_by_letters(asked: Asked, tmp_path: Path) -> None:
    """A record with a letter of its own leaves its identity."""
    asked.index.merge(asked.identity(0), asked.identity(1), by="Dr Li", reason="")
    (task,) = asked.ask([(0, 2, 3.0)])
    sheet = exported(asked, tmp_path / "out.csv")
    rows = filled(sheet, {task: {"verdict": "split"}})
    (leaving,) = [row for row in rows if row["record_id"].endswith("00001")]
    leaving["person"] = "X"
    report = imported(asked, saved(tmp_path / "back.csv", rows))
    assert 1 == report.decided, report.to_dict()
    assert asked.identity(0) != asked.identity(1)
    assert asked.queue.row(task).status is TaskStatus.OPEN


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"verdict": "perhaps"}, "the verdict is none of"),
        ({"verdict": "merge", "reason": "because"}, "the reason is none of"),
        ({"verdict": "merge", "version": "12 000"}, "the version was changed"),
        ({"verdict": "merge", "task": "one"}, "cannot be read"),
        ({"verdict": "partly"}, "no letter"),
        ({"verdict": "split"}, "no letter"),
        ({"verdict": "split", "person": "7"}, "a person is a letter"),
        ({"verdict": "partly", "line": "77", "person": "B"}, "a line that the task has not"),
        ({"comment": "who is this?"}, "no verdict"),
    ],
)
def test_what_cannot_be_understood_is_refused(
    asked: Asked, tasks: list[int], tmp_path: Path, change: Row, why: str
) -> None:
    """A line that makes no sense is listed with its reason, and stops nobody else."""
    sheet = exported(asked, tmp_path / "out.csv")
    rows = filled(sheet, {tasks[0]: change, tasks[1]: MERGE})
    report = imported(asked, saved(tmp_path / "back.csv", rows))
    assert (1, 1) == (report.decided, report.refused), report.to_dict()
    (refused,) = [each for each in report.outcomes if each.outcome == "refused"]
    assert why in refused.message
    assert asked.identity(0) != asked.identity(1)


def test_lines_of_a_task_must_agree(asked: Asked, tasks: list[int], tmp_path: Path) -> None:
    """Two verdicts on one task are none."""
    sheet = exported(asked, tmp_path / "out.csv")
    rows = filled(sheet, {tasks[0]: MERGE})
    (second,) = [r for r in rows if int(r["task"]) == tasks[0] and r["line"] == "2"]
    second["verdict"] = "DIFFERENT"
    report = imported(asked, saved(tmp_path / "back.csv", rows))
    assert ["its lines say different things; give one verdict and one reason"] == [
        each.message for each in report.outcomes
    ]
    second["verdict"] = "合并"
    report = imported(asked, saved(tmp_path / "again.csv", rows))
    assert 1 == report.decided


def test_a_large_merge_waits_for_another_steward(
    asked: Asked, tasks: list[int], tmp_path: Path
) -> None:
    """What needs a second pair of eyes is proposed, not done."""
    from mpi.review.decisions import ApprovalRules

    asked.queue.set_approval_rules(ApprovalRules(records_max=1), by="Dr Li")
    sheet = exported(asked, tmp_path / "out.csv")
    report = imported(asked, saved(tmp_path / "back.csv", filled(sheet, {tasks[0]: MERGE})))
    assert (0, 1) == (report.decided, report.waiting)
    assert asked.queue.row(tasks[0]).status is TaskStatus.APPROVAL


def test_a_file_that_is_no_sheet_is_refused_whole(tmp_path: Path) -> None:
    """A table without the columns of a sheet, or none at all, is an error that says so."""
    other = tmp_path / "other.csv"
    other.write_text("name,phone\n王,1\n", "utf-8")
    with pytest.raises(SchemaMismatchError, match="task"):
        read_answers(str(other))
    with pytest.raises(InputError):
        read_answers(str(tmp_path / "absent.csv"))


words = st.sampled_from(["", "MERGE", "different", "合并", "no change", "n", "不变", "D"])
texts = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)


@given(answers=st.lists(st.tuples(words, texts), min_size=5, max_size=5), chinese=st.booleans())
@settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_answers_come_back_as_given(
    asked: Asked, tmp_path: Path, answers: list[tuple[str, str]], chinese: bool
) -> None:
    """Verdicts and comments, whatever they hold, are read as they were written."""
    queue: ReviewQueue = asked.queue
    tasks = [row.number for row in queue.tasks().rows] or asked.ask(
        *([(2 * n, 2 * n + 1, 5.0)] for n in range(5))
    )
    sheet = exported(asked, tmp_path / "out.csv")
    given_answers = {
        number: {"verdict": word, "comment": safe_cell(text) if word else ""}
        for number, (word, text) in zip(tasks, answers, strict=True)
    }
    names = {"verdict": "判定", "comment": "备注", "task": "任务", "version": "版本"}
    rows = filled(sheet, given_answers)
    if chinese:
        rows = [{names.get(name, name): value for name, value in row.items()} for row in rows]
    found = read_answers(str(saved(tmp_path / "back.csv", rows, encoding="utf-8-sig")))
    assert () == found.refused
    expected = {n: text for n, (word, text) in zip(tasks, answers, strict=True) if word}
    assert {n: text.strip() for n, text in expected.items()} == {
        each.task: each.comment for each in found.answers
    }
    assert len(tasks) - len(expected) == found.unanswered


def test_a_comment_too_long_is_refused_by_its_line(
    asked: Asked, tasks: list[int], tmp_path: Path
) -> None:
    """The other answers of the sheet are decided; nothing so long comes into the journal."""
    path = exported(asked, tmp_path / "out.csv")
    good = {"verdict": "MERGE", "comment": "x" * 4000}
    bad = {"verdict": "MERGE", "comment": "x" * 4001}
    rows = filled(path, {tasks[0]: good, tasks[1]: bad})
    line = 2 + next(place for place, row in enumerate(rows) if len(row["comment"]) > 4000)
    report = apply_answers(
        asked.queue, read_answers(saved(tmp_path / "back.csv", rows)), by="Dr Li"
    )
    assert (1, 1) == (report.decided, report.refused)
    (refused,) = (each for each in report.outcomes if each.outcome == "refused")
    assert tasks[1] == refused.task
    assert f"line {line} is longer than 4,000" in refused.message


@pytest.mark.parametrize("content", [b"PAR1 no parquet at all", b"\xff\xfe\x00", b"\x00\x01\x02"])
def test_messages_name_the_sheet_and_not_a_copy(tmp_path: Path, content: bytes) -> None:
    """What is read is a copy in UTF-8; whoever sent the sheet knows nothing of that."""
    sheet = tmp_path / "tasks.csv"
    sheet.write_bytes(content)
    for name, shown in ((None, str(sheet)), ("answers.csv", "answers.csv")):
        with pytest.raises((InputError, SchemaMismatchError)) as caught:
            read_answers(sheet, name=name)
        assert "/mpi-" not in str(caught.value)
        if "lacks the column" not in str(caught.value):
            assert shown in str(caught.value)


def test_a_directory_is_no_sheet(tmp_path: Path) -> None:
    """It is said so, instead of reading all that lies in it."""
    with pytest.raises(InputError, match="a directory; name the sheet"):
        read_answers(tmp_path)
