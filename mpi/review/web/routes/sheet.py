"""Sheets that come back from a spreadsheet: checked first, then decided as one batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import UploadFile

from mpi.review.permissions import Permission
from mpi.review.web.lanes import Lane
from mpi.review.web.page import Action, Go, Page
from mpi.review.web.problems import problem_text
from mpi.review.web.visit import Visit
from mpi.review.web.words import read_words
from person.errors import ConfigError, InputError

if TYPE_CHECKING:
    from mpi.review.answers import Answers
    from mpi.review.applying import ImportReport

__all__ = ["PAGES", "SHEET_BYTES_MAX", "Sheet", "act_confirm", "view_checked", "view_sheet"]

SHEET_BYTES_MAX: Final = 32 << 20
_NAME_MAX: Final = 100
_OUTCOMES_SHOWN: Final = 500
_UNDO_MAX: Final = 1_000
"""Events that an undo button carries; of more, `mpi undo --whole-batch` takes all back."""


@dataclass(slots=True)
class Sheet:
    """A sheet that somebody sent in, kept for their session.

    Attributes
    ----------
    name : of the file
    answers : what it says, until they are decided
    report : what would become of it, or what became of it
    """

    name: str
    answers: Answers | None
    report: ImportReport


def view_sheet(visit: Visit) -> dict[str, Any]:
    """The form to send a sheet in, and what became of the last one.

    Parameters
    ----------
    visit : of who may import
    """
    return _page(visit, None if visit.session is None else visit.session.sheet)


def view_checked(visit: Visit) -> dict[str, Any]:
    """What would become of a sheet; nothing is decided before it is confirmed.

    Parameters
    ----------
    visit : with the file as 'sheet'
    """
    from mpi.review.applying import apply_answers

    words = read_words(visit.language)
    try:
        name, answers = _sent(visit)
    except InputError as error:
        return _page(visit, None, errors=(problem_text(str(error), visit.language),))
    if not answers.answers and not answers.refused:
        return _page(visit, None, errors=(words("sheet.no_answers"),))
    report = apply_answers(visit.queue, answers, by=visit.who.name, dry_run=True)
    sheet = Sheet(name, answers, report)
    if visit.session is not None:
        visit.session.sheet = sheet
    visit.note(tasks=len(answers.answers))
    return _page(visit, sheet)


def _sent(visit: Visit) -> tuple[str, Answers]:
    """Name and answers of the file of a form."""
    from mpi.review.answers import read_answers
    from mpi.scratch import scratch_directory

    sent = visit.form.get("sheet")
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise InputError("no file was chosen")
    name = PurePath(sent.filename.replace("\\", "/")).name[:_NAME_MAX]
    is_parquet = name.lower().endswith(".parquet")
    with scratch_directory() as scratch:
        path = scratch / ("sheet.parquet" if is_parquet else "sheet.csv")
        with path.open("wb") as file:
            while part := sent.file.read(1 << 20):
                file.write(part)
        return name, read_answers(path, name=name)


def act_confirm(visit: Visit) -> Go:
    """Decide what the sheet says that was checked; what is stale by now is refused here too.

    Parameters
    ----------
    visit : of the session that sent the sheet in
    """
    from mpi.review.applying import apply_answers

    sheet = None if visit.session is None else visit.session.sheet
    if sheet is None or sheet.answers is None:
        raise ConfigError(read_words(visit.language)("sheet.gone"))
    report = apply_answers(visit.queue, sheet.answers, by=visit.who.name)
    sheet.report, sheet.answers = report, None
    events = tuple(event for each in report.outcomes for event in each.events)
    refused = report.stale + report.refused
    return Go(
        "/import",
        said="sheet.done",
        kind="warn" if refused or report.waiting else "good",
        values={"decided": report.decided, "waiting": report.waiting, "refused": refused},
        undo=events if len(events) <= _UNDO_MAX and not report.waiting else (),
        facts={
            "decided": report.decided,
            "waiting": report.waiting,
            "stale": report.stale,
            "refused": report.refused,
            "first_event": report.first_event,
            "tasks": [each.task for each in report.outcomes if each.events],
        },
    )


def _page(visit: Visit, sheet: Sheet | None, *, errors: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "form_errors": list(errors),
        "sheet": None if sheet is None else _plain(sheet, visit.language),
        "bytes_max": SHEET_BYTES_MAX,
        "language_back": "/import",
    }


def _plain(sheet: Sheet, language: str) -> Mapping[str, Any]:
    report = sheet.report.to_dict()
    outcomes = [
        each | {"message": problem_text(each["message"], language)} for each in report["outcomes"]
    ]
    # What was refused comes first: it is what somebody still has to look at.
    outcomes.sort(key=lambda each: each["outcome"] not in ("stale", "refused"))
    return report | {
        "name": sheet.name,
        "waits_for_confirmation": sheet.answers is not None,
        "outcomes": outcomes[:_OUTCOMES_SHOWN],
        "outcomes_left_out": max(len(outcomes) - _OUTCOMES_SHOWN, 0),
    }


PAGES: Final = (
    Page("import", "/import", view_sheet, "sheet.html", Permission.IMPORT, here="tasks"),
    Page(
        "import_check",
        "/import",
        view_checked,
        "sheet.html",
        Permission.IMPORT,
        here="tasks",
        lane=Lane.WRITE,
        method="POST",
        body_bytes_max=SHEET_BYTES_MAX,
    ),
    Action("import", "/import/confirm", act_confirm, Permission.IMPORT),
)
