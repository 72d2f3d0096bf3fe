"""The queue as a sheet: tasks go out to a spreadsheet, one line a record, to be answered there.

The lines of a task stand together; its verdict goes into any of them. `person` says which person a
record belongs to (A, B, ...): whoever takes a case apart or puts parts of it together changes
these letters. `mpi.review.answers` takes the sheet back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from mpi.identity_door import check_name
from mpi.identity_index import IdentityIndex
from mpi.review.audit import AuditLog
from mpi.review.decided import decided_pairs
from mpi.review.labels import DECIDED_PAIRS
from mpi.review.masking import mask_value
from mpi.review.queue import ReviewQueue
from mpi.review.sheets import sheet_format, write_sheet
from mpi.review.types import Case, FieldView, Filter, RecordView, TaskRow

__all__ = [
    "ANSWER_COLUMNS",
    "TASK_COLUMNS",
    "ExportReport",
    "export_decided",
    "export_tasks",
    "letters_of",
    "person_letter",
    "sheet_schema",
    "task_lines",
    "task_sheet",
]

TASK_COLUMNS: Final = pa.schema(
    [
        ("task", pa.int64()),
        ("version", pa.int64()),
        ("line", pa.int64()),
        ("person", pa.string()),
        ("kind", pa.string()),
        ("match_weight", pa.float64()),
        ("why", pa.string()),
        ("safety", pa.string()),
        ("source", pa.string()),
        ("record_id", pa.string()),
    ]
)
"""Columns before the fields of the records. The first four are read back: leave task, version and
line as they are."""

ANSWER_COLUMNS: Final = pa.schema(
    [("verdict", pa.string()), ("reason", pa.string()), ("comment", pa.string())]
)
"""Columns to be filled in, after the fields."""

PAGE_ROWS: Final = 100
_AUDIT: Final = "AUDIT"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What was written to a file.

    Attributes
    ----------
    out : the file
    tasks, lines : that it holds; of decided pairs, tasks is 0
    masked : digits of numbers are hidden
    """

    out: str
    tasks: int
    lines: int
    masked: bool

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def export_tasks(
    queue: ReviewQueue,
    out: str | os.PathLike[str],
    wanted: Filter | None = None,
    *,
    by: str,
    limit: int = 1000,
    masked: bool = True,
    wanted_format: str | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write the tasks of a queue to a sheet, and who took them into the log.

    Parameters
    ----------
    queue : of an open index
    out : the file, .csv or .parquet
    wanted : which tasks; None for all open ones
    by : who takes them out, for the log
    limit : most tasks
    masked : hide the digits of numbers
    wanted_format : 'csv' or 'parquet', None goes by the name of the file
    overwrite : replace a file that is there
    """
    check_name(by, "by")
    sheet_format(out, wanted_format)
    seen: list[Case] = []
    lines = list(task_sheet(queue, wanted, limit=limit, masked=masked, on_case=seen.append))
    # Who takes values out of the house is in the log before they are in the file.
    AuditLog(queue.index.store.path).write(
        "export",
        by=by,
        identities=[each for case in seen for each in case.task.enterprise_ids],
        is_grave=True,
        tasks=len(seen),
        lines=len(lines),
        masked=masked,
    )
    schema = sheet_schema(queue.index)
    count = write_sheet(out, schema, lines, wanted=wanted_format, overwrite=overwrite)
    return ExportReport(out=str(out), tasks=len(seen), lines=count, masked=masked)


def export_decided(
    index: IdentityIndex,
    out: str | os.PathLike[str],
    *,
    by: str,
    wanted_format: str | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write all decided pairs, as `mpi train --labels` reads them; no person's values.

    Parameters
    ----------
    index : open
    out, by, wanted_format, overwrite : see `export_tasks`
    """
    check_name(by, "by")
    sheet_format(out, wanted_format)
    pairs = decided_pairs(index)
    AuditLog(index.store.path).write("export-decided", by=by, is_grave=True, pairs=pairs.num_rows)
    rows = pairs.to_pylist()
    count = write_sheet(out, DECIDED_PAIRS, rows, wanted=wanted_format, overwrite=overwrite)
    return ExportReport(out=str(out), tasks=0, lines=count, masked=True)


def person_letter(place: int) -> str:
    """A, B, ... Z, AA, AB ... of an identity's place in a case.

    Parameters
    ----------
    place : from 0
    """
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def letters_of(case: Case) -> list[str]:
    """The letter of each record's identity, in the order of the case; of a blind one, A and B.

    Parameters
    ----------
    case : of a task
    """
    if case.task.kind == _AUDIT:
        return [person_letter(place) for place in range(len(case.records))]
    order = list(case.task.enterprise_ids)
    for each in case.records:
        if each.enterprise_id not in order:
            order.append(each.enterprise_id)
    return [person_letter(order.index(each.enterprise_id)) for each in case.records]


def sheet_schema(index: IdentityIndex) -> pa.Schema:
    """Columns of the sheet: the task's, the fields of the index's records, the answer's.

    Parameters
    ----------
    index : open
    """
    taken = {*TASK_COLUMNS.names, *ANSWER_COLUMNS.names}
    fields = [
        pa.field(_column(each.name, taken), pa.string()) for each in index.facts.schema.fields
    ]
    return pa.schema([*TASK_COLUMNS, *fields, *ANSWER_COLUMNS])


def _column(name: str, taken: set[str]) -> str:
    """A field's column; one that is called like a column of the task stands apart."""
    return f"field_{name}" if name in taken else name


def task_sheet(
    queue: ReviewQueue,
    wanted: Filter | None = None,
    *,
    limit: int = 1000,
    masked: bool = True,
    on_case: Callable[[Case], None] = lambda _: None,
) -> Iterator[dict[str, Any]]:
    """Lines of the tasks of a queue, the most urgent task first.

    Parameters
    ----------
    queue : of an open index
    wanted : which tasks; None for all open ones
    limit : most tasks
    masked : hide the digits of numbers
    on_case : called with each case before its lines, for the log of who saw whom

    Yields
    ------
    column -> value, by the columns of `sheet_schema`
    """
    for row in _rows(queue, wanted or Filter(), limit):
        case = queue.bare_case(row.number)
        on_case(case)
        yield from task_lines(case, masked=masked)


def _rows(queue: ReviewQueue, wanted: Filter, limit: int) -> Iterator[TaskRow]:
    """Rows of the queue, page by page; all are read first, for answers change the queue."""
    cursor, left = None, limit
    while left > 0:
        page = queue.tasks(wanted, limit=min(left, PAGE_ROWS), cursor=cursor)
        yield from page.rows
        left -= len(page.rows)
        cursor = page.cursor_next
        if cursor is None or not page.rows:
            return


def task_lines(case: Case, *, masked: bool = True) -> Iterator[dict[str, Any]]:
    """The lines of one task.

    Parameters
    ----------
    case : of the task
    masked : hide the digits of numbers
    """
    task = case.task
    for place, (record, letter) in enumerate(zip(case.records, letters_of(case), strict=True)):
        yield {
            "task": task.number,
            "version": task.version,
            "line": place + 1,
            "person": letter,
            "kind": task.kind,
            "match_weight": task.match_weight,
            "why": task.reason,
            "safety": ", ".join(task.safety),
            "source": record.source,
            "record_id": record.record_id,
            **_values(record, masked),
        }


def _values(record: RecordView, masked: bool) -> Mapping[str, str | None]:
    taken = {*TASK_COLUMNS.names, *ANSWER_COLUMNS.names}
    return {_column(each.name, taken): _value(each, masked) for each in record.fields}


def _value(field: FieldView, masked: bool) -> str | None:
    if field.value is None:
        return None
    value = mask_value(field.kind, field.value) if masked else field.value
    return " ".join(value.split())
