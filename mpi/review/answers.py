"""Sheets that come back: read line by line, checked task by task.

Spreadsheets change line ends, encodings, delimiters and the order of columns and rows; none of
that matters. What matters is `task`, `version`, `line`, `person`, `verdict`, `reason`, `comment`.
What cannot be understood is refused alone and listed; `mpi.review.applying` decides the rest, but
no task that may have lost one of its lines to those that cannot be read.
"""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mpi.review.actions import TEXT_CHARACTERS_MAX
from mpi.review.sheets import in_utf8, plain_cell
from mpi.review.types import (
    Reason,
    Verdict,
)
from mpi.scratch import scratch_directory
from mpi.tables import InputSet, open_inputs
from person.errors import (
    InputError,
    SchemaMismatchError,
)

__all__ = ["Answer", "Answers", "Outcome", "read_answers"]

ANSWERS_MAX: Final = 100_000
_NUMBER: Final = re.compile(r"(\d{1,18})(\.0+)?")
_LETTER: Final = re.compile(r"[A-Z]{1,3}")
_QUOTE: Final = "its quotes do not fit together; mend or remove the line and import again"
_NO_TASK: Final = (
    "the task's number cannot be read; put it back as it was exported, or remove the line, and "
    "import again"
)

COLUMN_NAMES: Final = {
    "task": ("task", "任务"),
    "version": ("version", "版本"),
    "line": ("line", "行"),
    "person": ("person", "人"),
    "verdict": ("verdict", "判定", "结论"),
    "reason": ("reason", "原因", "理由"),
    "comment": ("comment", "备注", "说明"),
}
"""What the columns may be called, whatever the case of the letters."""

VERDICT_WORDS: Final = {
    Verdict.MERGE: ("merge", "same", "m", "s", "yes", "合并", "同一人", "是", "相同"),
    Verdict.DIFFERENT: ("different", "d", "no", "不同", "不同人", "不是同一人", "否", "不是"),
    Verdict.PARTLY: ("partly", "p", "部分", "部分合并"),
    Verdict.SPLIT: ("split", "x", "拆分"),
    Verdict.NO_CHANGE: ("no change", "n", "不变", "无变化", "不确定"),
}
"""What stewards write, beside the words themselves."""

REASON_WORDS: Final = {
    Reason.SAME_DOCUMENT: "证件相同",
    Reason.SAME_PERSON_RENAMED: "改名",
    Reason.TYPING_SLIP: "录入错误",
    Reason.NEWBORN_NAMED: "新生儿取名",
    Reason.TWINS: "双胞胎",
    Reason.FAMILY_MEMBER: "家庭成员",
    Reason.NAMESAKE: "同名",
    Reason.LENT_CARD: "借用证件",
    Reason.REISSUED_NUMBER: "重号",
    Reason.WRONG_ENTRY: "登记错误",
    Reason.ASKED_SOURCE: "已向来源核实",
    Reason.OTHER: "其他",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a sheet says of one task.

    Attributes
    ----------
    task, version : as they went out
    verdict, reason, comment : as they were filled in
    persons : line -> letter, of the lines that came back
    line_count : different lines of the task that came back
    rows : numbers of the lines of the file, the heading is 1
    """

    task: int
    version: int
    verdict: Verdict
    reason: Reason
    comment: str
    persons: Mapping[int, str]
    line_count: int
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one task of a sheet.

    Attributes
    ----------
    task : None for lines that name none
    rows : lines of the file
    verdict : in a word, None where none was understood
    outcome : 'decided', 'waits' (for a second steward), 'would decide' (dry run), 'stale' (changed
        since the sheet was made) or 'refused'
    message : why, where it is not decided
    events : that it wrote
    """

    task: int | None
    rows: tuple[int, ...]
    verdict: str | None
    outcome: str
    message: str = ""
    events: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {
            "rows": list(self.rows),
            "events": list(self.events),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a sheet says.

    Attributes
    ----------
    answers : by task
    refused : lines and tasks that were not understood
    unanswered : tasks without a verdict
    unplaced : lines of the file that cannot be read and may belong to any task that lacks one
    """

    answers: tuple[Answer, ...]
    refused: tuple[Outcome, ...]
    unanswered: int
    unplaced: tuple[int, ...] = ()


# ---------------------------------------------------------------------- reading


def read_answers(inputs: Any, *, name: str | None = None) -> Answers:
    """Read the answers of a sheet.

    Parameters
    ----------
    inputs : CSV in any encoding and delimiter of spreadsheets, or Parquet; path or Arrow table
    name : what the messages call the file, None for its path

    Raises
    ------
    SchemaMismatchError : a column that is needed is not there
    InputError : the file cannot be read, or holds too many answers
    """
    if not isinstance(inputs, str | os.PathLike):
        return _read_opened(open_inputs(inputs))
    path = os.fspath(inputs)
    called = path if name is None else name
    with scratch_directory() as scratch:
        read = path
        try:
            read = os.fspath(in_utf8(path, scratch))
            return _read_opened(open_inputs(read))
        except SchemaMismatchError as error:
            raise SchemaMismatchError(
                _called(str(error), called, read, path), columns=error.columns
            ) from error
        except InputError as error:
            raise InputError(_called(str(error), called, read, path), path=called) from error


def _called(message: str, name: str, *paths: str) -> str:
    """A message about a file by the name that its user knows: what was read is a copy."""
    for each in sorted(paths, key=len, reverse=True):
        message = message.replace(each, name)
    return message


def _read_opened(opened: InputSet) -> Answers:
    columns = _columns(opened.columns)
    lines: dict[int, list[tuple[int, Mapping[str, str]]]] = defaultdict(list)
    refused: list[Outcome] = []
    broken = _broken_quote(opened)
    if broken is not None:
        refused.append(_refusal(None, [broken], None, _QUOTE))
    for file_index, first, batch in opened:
        file = opened.files[file_index]
        cells = {name: _texts(batch, column) for name, column in columns.items()}
        # Spreadsheets count the heading as line 1.
        numbers = file.row_number(np.arange(first, first + batch.num_rows)) + 1
        for at, row in enumerate(numbers.tolist()):
            said = {name: texts[at] for name, texts in cells.items()}
            if row == broken:
                continue  # it may hold the lines after it
            task = _number(said["task"])
            if task is not None:
                lines[task].append((row, said))
            elif any(said.values()):
                refused.append(_refusal(None, [row], None, _NO_TASK))
    if len(lines) > ANSWERS_MAX:
        raise InputError(f"a sheet holds at most {ANSWERS_MAX:,} tasks; take it in parts")
    for each in opened.rejects.to_table().to_pylist():
        why = f"{each['reason']}; mend or remove the line and import again"
        if int(each["row"]) + 1 != broken:
            refused.append(_refusal(None, [int(each["row"]) + 1], None, why))
    unplaced = tuple(sorted(row for each in refused for row in each.rows))
    answers, unanswered = [], 0
    for task, rows in lines.items():
        try:
            found = _answer(task, rows)
        except InputError as error:
            verdict = next((s["verdict"] for _, s in rows if s["verdict"]), "")
            known = _verdict(verdict)
            refused.append(_refusal(task, [r for r, _ in rows], known, str(error)))
            continue
        if found is None:
            unanswered += 1
        else:
            answers.append(found)
    return Answers(
        answers=tuple(answers),
        refused=tuple(refused),
        unanswered=unanswered,
        unplaced=unplaced,
    )


def _broken_quote(opened: InputSet) -> int | None:
    """Number of the first line of a text whose quotes do not fit together, the heading is 1.

    Readers make the best of such a text: a comment then holds the lines after it, unnoticed.
    """
    (file,) = opened.files
    if file.dialect is None:
        return None
    number = 0
    with Path(file.path).open(encoding="utf-8-sig", newline="") as text:
        try:
            for row in csv.reader(text, delimiter=file.dialect.delimiter, strict=True):
                number += bool(row)
        except csv.Error:
            return number + 1
    return None


def _columns(names: Sequence[str]) -> dict[str, str]:
    """Column of each name that is read back."""
    by_key = {name.strip().casefold(): name for name in names}
    found = {
        name: by_key[known]
        for name, spellings in COLUMN_NAMES.items()
        for known in reversed(spellings)
        if known in by_key
    }
    lacking = [name for name in ("task", "version", "verdict") if name not in found]
    if lacking:
        raise SchemaMismatchError(
            f"the sheet lacks the column {lacking[0]}; it needs those that `mpi review export` "
            f"wrote (task, version, line, person, verdict, reason, comment)",
            columns=tuple(lacking),
        )
    return found


def _texts(batch: pa.RecordBatch, name: str) -> list[str]:
    column = pc.cast(batch.column(batch.schema.get_field_index(name)), pa.string())
    return [plain_cell((text or "").strip()).strip() for text in column.to_pylist()]


def _refusal(task: int | None, rows: Sequence[int], verdict: Verdict | None, why: str) -> Outcome:
    word = None if verdict is None else verdict.value
    return Outcome(task=task, rows=tuple(rows), verdict=word, outcome="refused", message=why)


def _number(text: str) -> int | None:
    found = _NUMBER.fullmatch(text)
    return int(found[1]) if found else None


def _verdict(text: str) -> Verdict | None:
    key = " ".join(text.replace("_", " ").split()).casefold()
    for verdict, words in VERDICT_WORDS.items():
        if key == verdict.value.replace("_", " ").casefold() or key in words:
            return verdict
    return None


def _reason(text: str) -> Reason | None:
    if not text:
        return Reason.OTHER
    key = "_".join(text.replace("_", " ").split()).upper()
    if key in Reason.__members__:
        return Reason[key]
    return next((reason for reason, word in REASON_WORDS.items() if word == text), None)


def _answer(task: int, rows: Sequence[tuple[int, Mapping[str, str]]]) -> Answer | None:
    """The answer of the lines of one task; None where no verdict was given."""
    given = dict.fromkeys(said["verdict"] for _, said in rows if said["verdict"])
    if not given:
        if any(said.get("comment") or said.get("reason") for _, said in rows):
            raise InputError("there is a reason or comment but no verdict")
        return None
    verdicts = {_verdict(text) for text in given}
    if None in verdicts:
        raise InputError(
            "the verdict is none of MERGE, DIFFERENT, PARTLY, SPLIT, NO_CHANGE (合并, 不同, 部分, "
            "拆分, 不变)"
        )
    reasons = {_reason(said.get("reason", "")) for _, said in rows if said.get("reason")}
    if None in reasons:
        raise InputError("the reason is none of the list; write others into the comment")
    versions = {_number(said["version"]) for _, said in rows}
    if None in versions or len(versions) > 1:
        raise InputError("the version was changed; export the task again")
    if len(verdicts) > 1 or len(reasons) > 1:
        raise InputError("its lines say different things; give one verdict and one reason")
    (verdict,), (version,) = verdicts, versions
    assert verdict is not None
    assert version is not None
    comment = _comment(rows)
    return Answer(
        task=task,
        version=version,
        verdict=verdict,
        reason=next(iter(reasons)) or Reason.OTHER if reasons else Reason.OTHER,
        comment=comment,
        persons=_persons(rows),
        line_count=_line_count(rows),
        rows=tuple(row for row, _ in rows),
    )


def _comment(rows: Sequence[tuple[int, Mapping[str, str]]]) -> str:
    """The comments of the lines of one task, one after another."""
    for row, said in rows:
        if len(said.get("comment", "")) > TEXT_CHARACTERS_MAX:
            raise InputError(
                f"the comment of line {row} is longer than {TEXT_CHARACTERS_MAX:,} characters"
            )
    comments = dict.fromkeys(said.get("comment", "") for _, said in rows)
    text = " ".join(each for each in comments if each)
    if len(text) > TEXT_CHARACTERS_MAX:
        raise InputError(
            f"the comments of lines {rows[0][0]} to {rows[-1][0]} are together longer than "
            f"{TEXT_CHARACTERS_MAX:,} characters"
        )
    return text


def _line_count(rows: Sequence[tuple[int, Mapping[str, str]]]) -> int:
    """Different lines of one task; of a sheet without the column, all of them."""
    numbers = {_number(said.get("line", "")) for _, said in rows}
    return len(rows) if None in numbers else len(numbers)


def _persons(rows: Sequence[tuple[int, Mapping[str, str]]]) -> dict[int, str]:
    """The letter of each line that has one."""
    persons: dict[int, str] = {}
    for _, said in rows:
        letter = said.get("person", "").upper()
        line = _number(said.get("line", ""))
        if line is None and said.get("line"):
            raise InputError("the number in the column line was changed; export the task again")
        if not letter:
            continue
        if line is None or not _LETTER.fullmatch(letter):
            raise InputError("a person is a letter, beside the number of its line")
        if persons.setdefault(line, letter) != letter:
            raise InputError("one line names two persons")
    return persons
