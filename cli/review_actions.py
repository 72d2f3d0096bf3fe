"""`mpi review decide`, `assign`, `defer` ...: what changes a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import click

from cli.identity_options import (
    digest_key_option,
    index_option,
    print_answers,
    reason_option,
    record_argument,
    steward_option,
    table_option,
)

if TYPE_CHECKING:
    from mpi.review.queue import ReviewQueue

__all__ = [
    "approve_command",
    "assign_command",
    "comment_command",
    "decide_command",
    "defer_command",
    "escalate_command",
    "reject_command",
    "reopen_command",
    "rules_command",
    "undo_command",
]

_REASONS: Final = (
    *("SAME_DOCUMENT", "SAME_PERSON_RENAMED", "TYPING_SLIP", "NEWBORN_NAMED", "TWINS"),
    *("FAMILY_MEMBER", "NAMESAKE", "LENT_CARD", "REISSUED_NUMBER", "WRONG_ENTRY"),
    *("ASKED_SOURCE", "OTHER"),
)
_VERDICTS: Final = ("MERGE", "DIFFERENT", "PARTLY", "SPLIT", "NO_CHANGE")
_task = click.argument("number", type=click.IntRange(min=1), metavar="TASK")
_version = click.option(
    "--version",
    type=click.IntRange(min=0),
    metavar="N",
    help="Version of the task as you saw it; where it is another now, nothing is done.",
)
_text = click.option("--text", default="", metavar="TEXT", help="In your own words.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What every command that changes a task is told.

    Attributes
    ----------
    index_dir, digest_key : of the index
    number, version : of the task, as it was seen
    by : who says so
    as_table : print a table
    """

    index_dir: str
    digest_key: str | None
    number: int
    version: int | None
    by: str
    as_table: bool

    @property
    def seen(self) -> dict[str, Any]:
        """Who changes which version, as all actions of a queue take it."""
        return {"by": self.by, "version": self.version}

    def queue(self) -> AbstractContextManager[ReviewQueue]:
        return _queue(self.index_dir, self.digest_key)

    def answer(self, *answers: Any) -> None:
        print_answers(answers, as_table=self.as_table)


def _on_a_task(function: Callable[..., None]) -> Callable[..., None]:
    """Options of every command that changes a task, given to it as one value."""

    @wraps(function)
    def called(**options: Any) -> None:
        asked = _Asked(**{each.name: options.pop(each.name) for each in fields(_Asked)})
        function(asked, **options)

    command: Callable[..., None] = called
    for option in (table_option, digest_key_option, steward_option, _version, _task, index_option):
        command = option(command)
    return command


@contextmanager
def _queue(index_dir: str, digest_key: str | None) -> Iterator[ReviewQueue]:
    from cli.identity_options import opened
    from mpi.review.queue import ReviewQueue

    with opened(index_dir, digest_key, writable=True) as index:
        yield ReviewQueue(index)


@click.command("decide")
@_on_a_task
@click.argument("verdict", type=click.Choice(_VERDICTS, case_sensitive=False))
@click.option(
    "--merge",
    "groups",
    multiple=True,
    metavar="ID,ID...",
    help="Ids that are one person, for PARTLY; may be repeated. For SPLIT: the id to join.",
)
@click.option(
    "--leave",
    "leave",
    multiple=True,
    metavar="SOURCE/ID",
    help="A record that leaves its identity, for SPLIT; may be repeated.",
)
@click.option(
    "--reason",
    type=click.Choice(_REASONS, case_sensitive=False),
    default="OTHER",
    show_default=True,
    help="Why, from the list.",
)
@_text
@click.option("--second", "approve_needed", is_flag=True, help="Let another steward approve it.")
def decide_command(
    asked: _Asked,
    verdict: str,
    groups: tuple[str, ...],
    leave: tuple[str, ...],
    reason: str,
    text: str,
    approve_needed: bool,
) -> None:
    """Answer a task: TASK, then the verdict.

    MERGE makes all its identities one person, DIFFERENT declares them different people, PARTLY
    merges the groups given and parts the rest, SPLIT takes records out of an identity, NO_CHANGE
    closes the task. A large or dangerous merge waits for another steward (`mpi review approve`).

    \b
    Examples:
      mpi review decide --index people.index 1281 MERGE --version 4711 --by 'Dr Li'
      mpi review decide --index people.index 1281 SPLIT --leave H001/P123 --by 'Dr Li'
    """
    with asked.queue() as queue:
        done = queue.decide(
            asked.number,
            verdict.upper(),
            **asked.seen,
            reason=reason.upper(),
            text=text,
            merge=[tuple(group.split(",")) for group in groups] or None,
            leave=[record_argument(each) for each in leave] or None,
            approve_needed=approve_needed,
        )
    asked.answer(done)


@click.command("approve")
@_on_a_task
@_text
def approve_command(
    asked: _Asked,
    text: str,
) -> None:
    """Carry out what another steward proposed.

    \b
    Examples:
      mpi review approve --index people.index 1281 --by 'Dr Wang'
    """
    with asked.queue() as queue:
        done = queue.approve(asked.number, **asked.seen, text=text)
    asked.answer(done)


@click.command("reject")
@_on_a_task
@_text
def reject_command(
    asked: _Asked,
    text: str,
) -> None:
    """Send a proposal back, or withdraw your own; the task is open again.

    \b
    Examples:
      mpi review reject --index people.index 1281 --by 'Dr Wang' --text 'ask the ward first'
    """
    with asked.queue() as queue:
        done = queue.reject(asked.number, **asked.seen, text=text)
    asked.answer(done)


@click.command("assign")
@_on_a_task
@click.option("--to", metavar="NAME", help="Who is to answer it; without it nobody has it.")
def assign_command(
    asked: _Asked,
    to: str | None,
) -> None:
    """Give a task to a steward, or take it from whoever has it.

    \b
    Examples:
      mpi review assign --index people.index 1281 --to 'Dr Wang' --by 'Dr Li'
    """
    with asked.queue() as queue:
        if to:
            event = queue.assign(asked.number, to, **asked.seen)
        else:
            event = queue.unassign(asked.number, **asked.seen)
    asked.answer({"task": asked.number, "assignee": to, "event": event})


@click.command("defer")
@_on_a_task
@click.option("--until", required=True, metavar="TIME", help="When it is open again, ISO 8601.")
@_text
def defer_command(
    asked: _Asked,
    until: str,
    text: str,
) -> None:
    """Put a task off; it is open again at the time given.

    \b
    Examples:
      mpi review defer --index people.index 1281 --until 2027-01-15 --by 'Dr Li'
    """
    from mpi.index_jobs import parse_time

    at = parse_time(until)
    with asked.queue() as queue:
        event = queue.defer(asked.number, at, **asked.seen, text=text)
    asked.answer({"task": asked.number, "until": at.isoformat(), "event": event})


@click.command("escalate")
@_on_a_task
@click.option("--to", metavar="NAME", help="To whom; without it any supervisor.")
@_text
def escalate_command(
    asked: _Asked,
    to: str | None,
    text: str,
) -> None:
    """Hand a task to somebody who may decide more.

    \b
    Examples:
      mpi review escalate --index people.index 1281 --by 'Dr Li' --text 'card lent?'
    """
    with asked.queue() as queue:
        event = queue.escalate(asked.number, to=to, **asked.seen, text=text)
    asked.answer({"task": asked.number, "status": "escalated", "event": event})


@click.command("comment")
@_on_a_task
@click.argument("text", metavar="TEXT")
def comment_command(
    asked: _Asked,
    text: str,
) -> None:
    """Say something about a task, open or closed: TASK, then the text.

    \b
    Examples:
      mpi review comment --index people.index 1281 'the ward confirms the twins' --by 'Dr Li'
    """
    with asked.queue() as queue:
        event = queue.comment(asked.number, text, **asked.seen)
    asked.answer({"task": asked.number, "event": event})


@click.command("reopen")
@_on_a_task
@_text
def reopen_command(
    asked: _Asked,
    text: str,
) -> None:
    """Ask again; what was decided stands until something else is.

    \b
    Examples:
      mpi review reopen --index people.index 1281 --by 'Dr Li' --text 'the source corrected it'
    """
    with asked.queue() as queue:
        event = queue.reopen(asked.number, **asked.seen, text=text)
    asked.answer({"task": asked.number, "status": "open", "event": event})


@click.command("undo")
@index_option
@click.option("--of", "by_steward", metavar="NAME", help="Decisions of this steward.")
@click.option("--since", metavar="TIME", help="From this time on, ISO 8601.")
@click.option("--until", metavar="TIME", help="Up to this time.")
@click.option("--dry-run", is_flag=True, help="Tell what would become of them; write nothing.")
@steward_option
@reason_option
@digest_key_option
@table_option
def undo_command(
    index_dir: str,
    by_steward: str | None,
    since: str | None,
    until: str | None,
    dry_run: bool,
    by: str,
    reason: str,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Take back all decisions of a steward, or of some hours; their tasks are open again.

    Decisions that later ones stand on are kept and listed. `mpi undo` takes back single events.

    \b
    Examples:
      mpi review undo --index people.index --of trainee --since 2026-11-22T09:00 --by 'Dr Li'
    """
    from cli.show import print_notes
    from mpi.index_jobs import parse_time

    with _queue(index_dir, digest_key) as queue:
        report = queue.undo_many(
            by=by,
            by_steward=by_steward,
            since=None if since is None else parse_time(since),
            until=None if until is None else parse_time(until),
            reason=reason,
            dry_run=dry_run,
        )
    print_answers([report], as_table=as_table)
    if not (report.undone or report.kept):
        whose = "nobody" if by_steward is None else f"'{by_steward}'"
        print_notes([f"nothing to take back: {whose} decided nothing in that time that stands"])


@click.command("rules")
@index_option
@click.option(
    "--records-max",
    type=click.IntRange(min=1),
    metavar="N",
    help="A merge that makes a larger identity waits for another steward.",
)
@click.option(
    "--safety-flags",
    type=click.IntRange(min=1),
    metavar="N",
    help="So does one of a case with so many safety flags.",
)
@click.option(
    "--by",
    envvar="MPI_ACTOR",
    metavar="NAME",
    help="Who sets this, for the journal; or set MPI_ACTOR. Not needed to print.",
)
@digest_key_option
@table_option
def rules_command(
    index_dir: str,
    records_max: int | None,
    safety_flags: int | None,
    by: str | None,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Print how many tasks there are, and print or set when a merge needs a second steward.

    \b
    Examples:
      mpi review rules --index people.index --records-max 10 --by 'Dr Li'
    """
    from mpi.review.decisions import ApprovalRules

    is_set = records_max is not None or safety_flags is not None
    if is_set and not by:
        raise click.UsageError("Name who sets the rules with --by, or set MPI_ACTOR.")
    with _queue(index_dir, digest_key) as queue:
        if is_set and by:
            held = queue.statistics()
            rules = ApprovalRules(
                records_max=records_max or held["approval_records"],
                safety_flags=safety_flags or held["approval_safety"],
            )
            queue.set_approval_rules(rules, by=by)
        print_answers([queue.statistics()], as_table=as_table)
