"""Lines of a sheet that cannot be read: no task that they may belong to is decided without them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mpi.review.answers import read_answers
from mpi.review.applying import ImportReport, apply_answers
from mpi.review.exchange import export_tasks
from mpi.review.types import TaskStatus
from mpi.review.web.problems import problem_text
from tests.mpi.review.asked_people import Asked

PEOPLE = 12
NAMES = ("task", "version", "line", "person", "verdict", "reason", "comment")
Cells = list[str]
Damage = Callable[[list[Cells], int], None]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    found = Asked(tmp_path, PEOPLE)
    yield found
    found.close()


@pytest.fixture
def tasks(asked: Asked) -> list[int]:
    """A question about three people, then two about two each."""
    return asked.ask([(0, 1, 9.0), (0, 2, 8.0)], [(4, 5, 7.0)], [(6, 7, 6.0)])


def answered(asked: Asked, path: Path, tasks: list[int]) -> list[Cells]:
    """The cells of an exported sheet, MERGE in the first line of each of these tasks."""
    export_tasks(asked.queue, path, by="Dr Li", overwrite=True)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    left = {str(each) for each in tasks}
    for row in rows:
        if row["task"] in left:
            left.remove(row["task"])
            row["verdict"] = "MERGE"
    return [[row[name] for name in NAMES] for row in rows]


def imported(asked: Asked, path: Path, rows: list[Cells], *, dry_run: bool) -> ImportReport:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([NAMES, *rows])
    path.write_text(buffer.getvalue(), "utf-8")
    return apply_answers(asked.queue, read_answers(path), by="Dr Wang", dry_run=dry_run)


def a_cell_too_many(rows: list[Cells], at: int) -> None:
    rows[at].append("one more")


def a_cell_too_few(rows: list[Cells], at: int) -> None:
    rows[at].pop()


def no_task(rows: list[Cells], at: int) -> None:
    rows[at][0] = ""


def another_task(rows: list[Cells], at: int) -> None:
    rows[at][0] += " ?"


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("damage", [a_cell_too_many, a_cell_too_few, no_task, another_task])
def test_a_task_with_a_line_that_cannot_be_read_stays_open(
    asked: Asked, tasks: list[int], tmp_path: Path, damage: Damage, dry_run: bool
) -> None:
    """Its other lines do not decide it; it is listed with the line to mend, the rest is decided."""
    rows = answered(asked, tmp_path / "out.csv", tasks)
    place = next(p for p, row in enumerate(rows) if row[0] == str(tasks[0]) and row[2] == "3")
    damage(rows, place)
    report = imported(asked, tmp_path / "back.csv", rows, dry_run=dry_run)
    assert (2, 2, 0) == (report.decided, report.refused, report.stale), report.to_dict()
    refused = {each.task: each for each in report.outcomes if each.outcome == "refused"}
    line, task = refused[None], refused[tasks[0]]
    assert (place + 2,) == line.rows
    assert "import again" in line.message
    assert (
        f"line {place + 2} of the sheet cannot be read and may belong to this task: 2 of its 3 "
        "lines are there; mend that line, or remove it and export this task again"
    ) == task.message
    assert TaskStatus.OPEN is asked.queue.row(tasks[0]).status
    assert 3 == len({asked.identity(each) for each in (0, 1, 2)})
    for each in (line, task):
        assert problem_text(each.message, "zh") != each.message, "said in Chinese too"


def test_a_quote_that_swallows_lines_decides_none_of_their_tasks(
    asked: Asked, tasks: list[int], tmp_path: Path
) -> None:
    """What became one record belongs to nobody: all that lost a line stay open."""
    many = asked.ask(*([(n, n + 1, 5.0)] for n in (8, 9, 10)), [(0, 4, 1.0)], [(1, 5, 0.5)])
    rows = answered(asked, tmp_path / "out.csv", [*tasks, *many])
    order = list(dict.fromkeys(row[0] for row in rows))
    lines = [",".join(row) for row in rows]
    first = next(p for p, row in enumerate(rows) if row[0] == order[1])
    lines[first] += '"nobody closes this'
    back = tmp_path / "back.csv"
    back.write_text("\r\n".join([",".join(NAMES), *lines, ""]), "utf-8")
    report = apply_answers(asked.queue, read_answers(back), by="Dr Wang", dry_run=True)
    assert [order[0]] == [str(each.task) for each in report.outcomes if each.task is not None]
    assert [(first + 2,)] == [each.rows for each in report.outcomes if each.task is None]
    assert "quotes do not fit" in next(e.message for e in report.outcomes if e.task is None)
    assert report.decided + report.refused == len(report.outcomes)


@pytest.mark.parametrize("closed", ["", '",,x"y"'])
def test_a_quote_that_swallows_one_line_is_noticed(
    asked: Asked, tasks: list[int], tmp_path: Path, closed: str
) -> None:
    """At the end of the sheet or closed by chance: both tasks stay open, the others are decided."""
    rows = answered(asked, tmp_path / "out.csv", tasks)
    lines = [",".join(row) for row in rows]
    lines[-2] += '"nobody closes this'
    lines[-1] += closed
    back = tmp_path / "back.csv"
    back.write_text("\n".join([",".join(NAMES), *lines]), "utf-8")
    report = apply_answers(asked.queue, read_answers(back), by="Dr Wang")
    decided = {each.task for each in report.outcomes if each.outcome == "decided"}
    assert {int(row[0]) for row in rows[:-2]} - {int(row[0]) for row in rows[-2:]} == decided
    assert TaskStatus.OPEN is asked.queue.row(int(rows[-1][0])).status
    assert (len(rows),) in [each.rows for each in report.outcomes if each.task is None]


def test_lines_left_out_alone_refuse_nothing(
    asked: Asked, tasks: list[int], tmp_path: Path
) -> None:
    """Whoever sends back only what they answered is understood, while all of it can be read."""
    rows = answered(asked, tmp_path / "out.csv", tasks)
    report = imported(asked, tmp_path / "back.csv", [r for r in rows if r[4]], dry_run=False)
    assert (3, 0) == (report.decided, report.refused)


def test_without_the_column_line_lines_are_counted(
    asked: Asked, tasks: list[int], tmp_path: Path
) -> None:
    """A sheet cut down to task, version and verdict is held against the records of its tasks."""
    rows = answered(asked, tmp_path / "out.csv", tasks)
    place = next(p for p, row in enumerate(rows) if row[0] == str(tasks[1]) and row[2] == "2")
    rows[place][0] = "?"
    back = tmp_path / "back.csv"
    cut = [",".join((row[0], row[1], row[4])) for row in rows]
    back.write_text("\n".join(["task,version,verdict", *cut, ""]), "utf-8")
    report = apply_answers(asked.queue, read_answers(back), by="Dr Wang")
    decided = {each.task for each in report.outcomes if each.outcome == "decided"}
    assert {tasks[0], tasks[2]} == decided
    assert {None, tasks[1]} == {e.task for e in report.outcomes if e.outcome == "refused"}


def test_a_changed_line_number_is_refused(asked: Asked, tasks: list[int], tmp_path: Path) -> None:
    """Which record a line is about must be known, whatever the verdict."""
    rows = answered(asked, tmp_path / "out.csv", tasks)
    place = next(p for p, row in enumerate(rows) if row[0] == str(tasks[1]) and row[2] == "2")
    rows[place][2] = "two"
    report = imported(asked, tmp_path / "back.csv", rows, dry_run=False)
    assert (2, 1) == (report.decided, report.refused)
    (refused,) = (each for each in report.outcomes if each.outcome == "refused")
    assert (tasks[1], "the number in the column line was changed; export the task again") == (
        refused.task,
        refused.message,
    )


def test_a_stale_task_is_stale_and_not_incomplete(
    asked: Asked, tasks: list[int], tmp_path: Path
) -> None:
    """Of two reasons the one that mending the sheet does not remove is told."""
    rows = answered(asked, tmp_path / "out.csv", tasks)
    asked.queue.comment(tasks[0], "wait", by="Dr Li")
    no_task(rows, next(p for p, row in enumerate(rows) if row[:1] == [str(tasks[0])]) + 1)
    report = imported(asked, tmp_path / "back.csv", rows, dry_run=False)
    assert "stale" == next(each.outcome for each in report.outcomes if each.task == tasks[0])
