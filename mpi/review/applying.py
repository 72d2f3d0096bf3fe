"""Answers of a sheet, carried out as one batch; what was decided since is refused alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mpi.review.answers import Answer, Answers, Outcome
from mpi.review.exchange import letters_of
from mpi.review.queue import ReviewQueue
from mpi.review.types import Case, Decision, DecisionRequest, TaskStatus, Verdict
from person.errors import InputError, MpiError, StaleTaskError, UnknownIdError

__all__ = ["ImportReport", "apply_answers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of a sheet.

    Attributes
    ----------
    decided, waiting, stale, refused, unanswered : tasks
    is_dry_run : nothing was written
    first_event : of the batch; undo it with its whole batch. None where nothing was written
    outcomes : one a task with a verdict, and one a line that was not understood, by line
    """

    decided: int
    waiting: int
    stale: int
    refused: int
    unanswered: int
    is_dry_run: bool
    first_event: int | None
    outcomes: tuple[Outcome, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        result = {name: getattr(self, name) for name in self.__slots__}
        return result | {"outcomes": [each.to_dict() for each in self.outcomes]}


def apply_answers(
    queue: ReviewQueue,
    answers: Answers,
    *,
    by: str,
    dry_run: bool = False,
) -> ImportReport:
    """Decide what a sheet says, all that can be in one batch.

    Parameters
    ----------
    queue : of an index open for writing
    answers : as `read_answers` returns them
    by : the steward who answers for the sheet
    dry_run : check everything and write nothing

    Returns
    -------
    ImportReport

    Notes
    -----
    A task that changed since the sheet was made is stale; the others are decided nevertheless.
    Where lines cannot be read, a task that came back without all of its own stays as it is: what
    was not read may have said something else.
    """
    outcomes = list(answers.refused)
    asked: list[tuple[Answer, DecisionRequest]] = []
    for answer in answers.answers:
        try:
            if answers.unplaced:
                _check_whole(queue, answer, answers.unplaced)
            asked.append((answer, _request(queue, answer)))
        except MpiError as error:
            outcomes.append(_failed(answer, error))
    results: Sequence[Decision | MpiError] = []
    if asked:
        requests = [request for _, request in asked]
        results = queue.decide_many(requests, by=by, dry_run=dry_run)
    for (answer, _), result in zip(asked, results, strict=True):
        if isinstance(result, MpiError):
            outcomes.append(_failed(answer, result, is_closed=_is_closed(queue, answer.task)))
        else:
            outcomes.append(_decided(answer, result, dry_run))
    outcomes.sort(key=lambda each: each.rows[:1])
    counts = dict.fromkeys(("decided", "waits", "would decide", "stale", "refused"), 0)
    for each in outcomes:
        counts[each.outcome] += 1
    events = [event for each in outcomes for event in each.events]
    return ImportReport(
        decided=counts["decided"] + counts["would decide"],
        waiting=counts["waits"],
        stale=counts["stale"],
        refused=counts["refused"],
        unanswered=answers.unanswered,
        is_dry_run=dry_run,
        first_event=min(events, default=None),
        outcomes=tuple(outcomes),
    )


def _failed(answer: Answer, error: MpiError, *, is_closed: bool = False) -> Outcome:
    is_stale = is_closed or isinstance(error, StaleTaskError)
    return Outcome(
        task=answer.task,
        rows=answer.rows,
        verdict=answer.verdict.value,
        outcome="stale" if is_stale else "refused",
        message=" ".join(str(error).split()),
    )


def _is_closed(queue: ReviewQueue, number: int) -> bool:
    """Whether somebody has answered a task already."""
    try:
        return queue.row(number).status is TaskStatus.CLOSED
    except UnknownIdError:
        return False


def _decided(answer: Answer, decision: Decision, dry_run: bool) -> Outcome:
    outcome = "waits" if decision.waits_for_approval else "decided"
    message = "another steward must approve" if decision.waits_for_approval else ""
    return Outcome(
        task=answer.task,
        rows=answer.rows,
        verdict=answer.verdict.value,
        outcome="would decide" if dry_run and outcome == "decided" else outcome,
        message=message,
        events=() if dry_run else decision.events,
    )


def _check_whole(queue: ReviewQueue, answer: Answer, unplaced: Sequence[int]) -> None:
    """Refuse a task that one of the lines that cannot be read may belong to."""
    case = queue.bare_case(answer.task)
    if case.task.version == answer.version and answer.line_count < len(case.records):
        raise InputError(
            f"line {unplaced[0]} of the sheet cannot be read and may belong to this task: "
            f"{answer.line_count:,} of its {len(case.records):,} lines are there; mend that line, "
            "or remove it and export this task again"
        )


def _request(queue: ReviewQueue, answer: Answer) -> DecisionRequest:
    """The decision that an answer asks for."""
    plain = DecisionRequest(
        number=answer.task,
        verdict=answer.verdict,
        version=answer.version,
        reason=answer.reason,
        text=answer.comment,
    )
    if answer.verdict not in (Verdict.PARTLY, Verdict.SPLIT):
        return plain
    case = queue.bare_case(answer.task)
    if case.task.version != answer.version:
        return plain  # the letters are of another case; deciding refuses it as stale
    before = letters_of(case)
    if set(answer.persons) - set(range(1, len(before) + 1)):
        raise InputError("it has a line that the task has not")
    after = [answer.persons.get(line, letter) for line, letter in enumerate(before, 1)]
    if after == before:
        raise InputError("no letter in the column person was changed, so nothing says which")
    if answer.verdict is Verdict.SPLIT:
        return _split(plain, case, before, after)
    return replace(plain, merge=tuple(_groups(case, before, after)))


def _groups(case: Case, before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Enterprise ids that are one person, by the letters given to their records."""
    now: dict[str, str] = {}
    for letter, given in zip(before, after, strict=True):
        if now.setdefault(letter, given) != given:
            raise InputError("records of one identity got different letters; that is a SPLIT")
    groups: dict[str, list[str]] = defaultdict(list)
    ids = dict(zip(before, (each.enterprise_id for each in case.records), strict=True))
    for letter, given in now.items():
        groups[given].append(ids[letter])
    for group in groups.values():
        if len(group) > 1:
            yield tuple(group)


def _split(
    plain: DecisionRequest, case: Case, before: Sequence[str], after: Sequence[str]
) -> DecisionRequest:
    """A split: the records with a new letter leave, to the identity of that letter if it is one."""
    changed = [place for place, letter in enumerate(before) if after[place] != letter]
    if len({before[place] for place in changed}) > 1:
        raise InputError("records of two identities got other letters; split them one by one")
    if len({after[place] for place in changed}) > 1:
        raise InputError("the records that leave got different letters; split them one by one")
    records = [case.records[place] for place in changed]
    target = after[changed[0]]
    joins = next(
        (r.enterprise_id for r, b in zip(case.records, before, strict=True) if b == target), None
    )
    return replace(
        plain,
        leave=tuple((each.source, each.record_id) for each in records),
        merge=None if joins is None else ((joins,),),
    )
