"""The face of steward review: list, look, decide, take back.

    queue = ReviewQueue(index)
    page = queue.tasks(limit=20)
    case = queue.case(page.rows[0].number)
    done = queue.decide(case.task.number, Verdict.MERGE, by="Dr Li", version=case.task.version,
                        reason=Reason.TYPING_SLIP)
    queue.undo(done, by="Dr Li")

Reading needs an index opened in any way, writing one opened with `writable=True` or
`writable="on_demand"`. A queue and its index belong to one thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import combinations
from typing import Any

from mpi.identity_door import check_name
from mpi.identity_events import Change, EventKind
from mpi.identity_results import Receipt
from mpi.identity_steward import undo_events
from mpi.identity_tasks import Question
from mpi.review.actions import change_task, reopened, task_of
from mpi.review.bulk_undo import UndoReport, undo_many
from mpi.review.decisions import (
    ApprovalRules,
    approve_in,
    decide_in,
    reject_in,
    write_approval_rules,
)
from mpi.review.many import decide_many_in
from mpi.review.queue_looking import QueueLooking
from mpi.review.splitting import split_in
from mpi.review.types import (
    Decision,
    DecisionRequest,
    Reason,
    Verdict,
)
from person.errors import ConfigError, MpiError

__all__ = ["ReviewQueue"]


class ReviewQueue(QueueLooking):
    """The questions of one index, and the people who answer them.

    Parameters
    ----------
    index : open; the queue does not close it
    clock : milliseconds of UTC, for what is due and how old things are

    Attributes
    ----------
    index : the same
    """

    # ------------------------------------------------------------------ tasks

    def assign(self, number: int, to: str, *, by: str, version: int | None = None) -> int:
        """Give a task to a steward: the event's number.

        Parameters
        ----------
        number : of the task
        to : who is to answer it
        by, version : who says so, of the task as they saw it
        """
        check_name(to, "to")
        return self._change(
            number, "ASSIGNED", {"assignee": to}, by=by, version=version, details={"to": to}
        )

    def unassign(self, number: int, *, by: str, version: int | None = None) -> int:
        """Take a task from whoever has it: the event's number.

        Parameters
        ----------
        number, by, version : see `assign`
        """
        return self._change(number, "UNASSIGNED", {"assignee": None}, by=by, version=version)

    def defer(
        self,
        number: int,
        until: datetime,
        *,
        by: str,
        version: int | None = None,
        reason: Reason | None = None,
        text: str = "",
    ) -> int:
        """Put a task off: the event's number.

        Parameters
        ----------
        number : of the task
        until : when it is open again, a time with its zone
        by, version, reason, text : who says so, of the task as they saw it, why
        """
        if until.tzinfo is None:
            raise ConfigError("give the time with its zone")
        due_ms = int(until.timestamp() * 1000)
        if due_ms <= self._clock():
            raise ConfigError("a task is put off to a time that is to come")
        return self._change(
            number,
            "DEFERRED",
            {"status": "deferred", "due_ms": due_ms, "proposal": None},
            by=by,
            version=version,
            reason=reason,
            text=text,
            details={"until": until.isoformat()},
        )

    def escalate(
        self,
        number: int,
        *,
        by: str,
        to: str | None = None,
        version: int | None = None,
        reason: Reason | None = None,
        text: str = "",
    ) -> int:
        """Hand a task to somebody who may decide more: the event's number.

        Parameters
        ----------
        number : of the task
        by, version, reason, text : see `defer`
        to : whom, None for any supervisor
        """
        if to is not None:
            check_name(to, "to")
        updates = {"status": "escalated", "assignee": to, "due_ms": None, "proposal": None}
        details = {} if to is None else {"to": to}
        return self._change(
            number,
            "ESCALATED",
            updates,
            by=by,
            version=version,
            reason=reason,
            text=text,
            details=details,
        )

    def comment(self, number: int, text: str, *, by: str, version: int | None = None) -> int:
        """Say something about a task, open or closed: the event's number.

        Parameters
        ----------
        number : of the task
        text : what is said
        by, version : see `assign`
        """
        if not text.strip():
            raise ConfigError("a comment says something")
        with self.index.writing(by=by, reason=text) as session:
            count = task_of(session, number).get("comments", 0) + 1
            return change_task(
                session,
                number,
                "COMMENT",
                {"comments": count},
                version=version,
                may_be_closed=True,
            )

    def reopen(self, number: int, *, by: str, version: int | None = None, text: str = "") -> int:
        """Ask again: the event's number. What was decided stands until something else is.

        Parameters
        ----------
        number : of a task that is closed, put off or escalated
        by, version, text : see `defer`
        """
        with self.index.writing(by=by, reason=text) as session:
            return change_task(
                session,
                number,
                "REOPENED",
                reopened(session, number),
                version=version,
                may_be_closed=True,
            )

    def _change(
        self,
        number: int,
        action: str,
        updates: Mapping[str, Any],
        *,
        by: str,
        version: int | None,
        reason: Reason | None = None,
        text: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> int:
        with self.index.writing(by=by, reason=text) as session:
            return change_task(
                session,
                number,
                action,
                updates,
                version=version,
                reason=reason,
                details=details,
            )

    def raise_task(self, enterprise_ids: Sequence[str], *, by: str, text: str = "") -> int:
        """Ask whether identities are one person, which no machine asked: the task's number.

        Parameters
        ----------
        enterprise_ids : two or more, of live identities
        by, text : who asks, and why
        """
        with self.index.writing(by=by, reason=text) as session:
            reader = self.index.reader_of(session.batch)
            numbers = list(dict.fromkeys(reader.live_number_of(each) for each in enterprise_ids))
            if len(numbers) < 2:
                raise ConfigError("name two or more identities; they are to be compared")
            first = [session.state.members(each)[0] for each in numbers]
            pairs = [(one, other, None, None) for one, other in combinations(first, 2)]
            question = Question(kind="POSSIBLE_DUPLICATE", pairs=pairs, reasons=("a steward asks",))
            (change,) = session.ask([question])
            session.write(EventKind.TASK, [change], evidence={"action": "RAISED"})
            assert isinstance(change, Change)
            return int(change.key)  # type: ignore[arg-type]

    # ------------------------------------------------------------------ deciding

    def decide(
        self,
        number: int,
        verdict: Verdict | str,
        *,
        by: str,
        version: int | None = None,
        reason: Reason | str = Reason.OTHER,
        text: str = "",
        merge: Iterable[Sequence[str]] | None = None,
        leave: Iterable[tuple[str, str]] | None = None,
        approve_needed: bool = False,
    ) -> Decision:
        """Answer a task: one event, whatever it merges and parts.

        Parameters
        ----------
        number : of the task
        verdict, version, reason, text, merge, leave, approve_needed : see `DecisionRequest`
        by : the steward

        Raises
        ------
        StaleTaskError : the case has changed since; the error carries what was asked
        IdentityError : ids that are not of the case
        """
        request = DecisionRequest(
            number=number,
            verdict=Verdict(verdict),
            version=version,
            reason=Reason(reason),
            text=text,
            merge=None if merge is None else tuple(tuple(group) for group in merge),
            leave=None if leave is None else tuple((str(s), str(r)) for s, r in leave),
            approve_needed=approve_needed,
        )
        with self.index.writing(by=by, reason=text) as session:
            return decide_in(session, request)

    def decide_many(
        self, requests: Sequence[DecisionRequest], *, by: str, dry_run: bool = False
    ) -> list[Decision | MpiError]:
        """Answer many tasks in one transaction; what cannot be done does not stop the others.

        All events are one batch, to be taken back together. Every version is checked before the
        first answer is written, so that the answers do not make each other stale.

        Parameters
        ----------
        requests : one a task
        by : the steward
        dry_run : see what would become of them, and write nothing

        Returns
        -------
        what became of each, in their order
        """
        results: list[Decision | MpiError] = []
        with suppress(_NothingIsWritten), self.index.writing(by=by, reason="") as session:
            results = decide_many_in(session, requests)
            if dry_run:
                raise _NothingIsWritten
        return results

    def approve(
        self, number: int, *, by: str, version: int | None = None, text: str = ""
    ) -> Decision:
        """Carry out what another steward proposed.

        Parameters
        ----------
        number : of the task
        by, version, text : see `decide`
        """
        with self.index.writing(by=by, reason=text) as session:
            return approve_in(session, number, version)

    def reject(
        self, number: int, *, by: str, version: int | None = None, text: str = ""
    ) -> Decision:
        """Send a proposal back, or withdraw one's own; the task is open again.

        Parameters
        ----------
        number : of the task
        by, version, text : see `decide`
        """
        with self.index.writing(by=by, reason=text) as session:
            return reject_in(session, number, version)

    def split(
        self,
        enterprise_id: str,
        leave: Sequence[tuple[str, str]],
        *,
        by: str,
        version: int | None = None,
        reason: Reason | str = Reason.OTHER,
        text: str = "",
        join: str | None = None,
    ) -> Decision:
        """Take records out of an identity that no task asks about.

        Parameters
        ----------
        enterprise_id : of the identity
        leave : (source, record id) of the records; together one person
        by, version, reason, text : see `decide`; the version is the identity case's
        join : the identity that they belong to, None for one of their own
        """
        with self.index.writing(by=by, reason=text) as session:
            reader = self.index.reader_of(session.batch)
            return split_in(session, reader, enterprise_id, leave, version, Reason(reason), join)

    def set_approval_rules(self, rules: ApprovalRules, *, by: str) -> int:
        """When a merge of this index waits for another steward: the event's number.

        Parameters
        ----------
        rules : from now on
        by : who says so
        """
        with self.index.writing(by=by, reason="") as session:
            return write_approval_rules(session, rules)

    # ------------------------------------------------------------------ taking back

    def undo(
        self, events: int | Sequence[int] | Decision, *, by: str, reason: str = ""
    ) -> list[Receipt]:
        """Take a decision back; its tasks are open again.

        Parameters
        ----------
        events : the decision, or numbers of its events
        by, reason : for the journal

        Returns
        -------
        receipts of records that came in between and had to be placed anew

        Raises
        ------
        LinkConflictError : later events stand on it
        """
        if isinstance(events, Decision):
            events = events.events
        numbers = [events] if isinstance(events, int) else list(events)
        with self.index.writing(by=by, reason=reason) as session:
            return undo_events(session, numbers)[1]

    def undo_many(
        self,
        *,
        by: str,
        by_steward: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        reason: str = "",
        dry_run: bool = False,
    ) -> UndoReport:
        """Take back all decisions of a steward, of some time, or of both.

        Parameters
        ----------
        by, reason : for the journal
        by_steward : who decided; None for everybody
        since, until : when, with their zone; None is open
        dry_run : see what would be taken back, and what stands against it; write nothing
        """
        if by_steward is None and since is None:
            raise ConfigError("say whose decisions, or since when")
        report = UndoReport(undone=())
        with suppress(_NothingIsWritten), self.index.writing(by=by, reason=reason) as session:
            report = undo_many(session, by_steward, since, until)
            if dry_run:
                raise _NothingIsWritten
        return replace(report, is_dry_run=dry_run)


class _NothingIsWritten(Exception):
    """Leaves a transaction without writing."""
