"""A task's page and what a steward does there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from mpi.review.permissions import Permission, is_allowed
from mpi.review.types import Decision, Reason, Verdict
from mpi.review.web.case_rows import golden_changes
from mpi.review.web.case_view import view_case
from mpi.review.web.page import Action, Go, Page
from mpi.review.web.visit import Visit
from mpi.review.web.words import read_words
from person.errors import ConfigError, UnknownIdError

__all__ = [
    "PAGES",
    "act_approve",
    "act_assign",
    "act_comment",
    "act_decide",
    "act_defer",
    "act_escalate",
    "act_reject",
    "act_reopen",
    "act_unassign",
    "act_undo",
    "view_next",
    "view_previous",
    "view_task",
]

TEXT_MAX: Final = 2_000
DEFER_DAYS_MAX: Final = 366
_DIGITS_MAX: Final = 40
_NOTHING_TYPED: Final[dict[str, Any]] = {"verdict": "", "reason": "", "text": "", "groups": {}}
_VERDICTS: Final = {
    "merge": Verdict.MERGE,
    "different": Verdict.DIFFERENT,
    "partly": Verdict.PARTLY,
    "no_change": Verdict.NO_CHANGE,
}
_DECIDING: Final = frozenset({"DECIDED", "APPROVED", "CLOSED"})


# ------------------------------------------------------------------------- the page


def view_task(visit: Visit) -> dict[str, Any]:
    """A task: its records, why it is asked, what has been said, and the form to decide.

    Parameters
    ----------
    visit : 'number' in the path; 'pair' in the query chooses which two records to compare
    """
    return _task_page(visit, visit.path["number"])


def _task_page(
    visit: Visit, number: int, *, typed: Mapping[str, Any] | None = None, errors: Sequence[str] = ()
) -> dict[str, Any]:
    queue = visit.queue
    facts = queue.index.facts
    pair = visit.query.get("pair", "")
    case = queue.case(number)
    view = view_case(
        visit.show_case(case),
        changes=golden_changes(case.golden_now, case.golden_after),
        review_line=facts.review_weight,
        link_line=facts.link_weight,
        pair=int(pair) if pair.isascii() and pair.isdigit() and len(pair) < 6 else None,
    )
    words = read_words(visit.language)
    heads = [f"{each['letter']} {words('golden.now')}" for each in view["identities"]]
    return view | {
        "turn": {
            "previous": queue.next_task(after=number, by=visit.who.name, backwards=True),
            "next": queue.next_task(after=number, by=visit.who.name),
        },
        "typed": _NOTHING_TYPED | dict(typed or {}),
        "form_errors": list(errors),
        "undo_events": _undoable(view["history"]),
        "colleagues": _colleagues(visit),
        "golden_heads": heads[: max(len(row["now"]) for row in view["golden"])]
        if view["golden"]
        else [],
        "golden_has_after": any(row["after"] is not None for row in view["golden"]),
        "language_back": f"/tasks/{number}",
        "tomorrow": (datetime.now(UTC).date() + timedelta(days=1)).isoformat(),
    }


def _undoable(history: Sequence[Mapping[str, Any]]) -> list[int]:
    """Events of the last decision on a task, unless it was taken back."""
    for each in reversed(history):
        if each["action"] in ("UNDONE", "REOPENED"):
            return []
        if each["action"] in _DECIDING:
            return [int(event) for event in each["details"].get("events", [each["event"]])]
    return []


def _colleagues(visit: Visit) -> list[str]:
    """Accounts that a task can be given to; empty for who may not give any."""
    if not visit.may(Permission.ASSIGN_OTHERS):
        return []
    return _stewards(visit)


def _stewards(visit: Visit) -> list[str]:
    """Accounts that may decide, by name."""
    return sorted(
        account.name
        for account in visit.site.accounts.all()
        if not account.is_disabled and is_allowed(account.role, Permission.DECIDE)
    )


def view_next(visit: Visit) -> dict[str, Any]:
    """The number of the task after one, None at the end of the queue.

    Parameters
    ----------
    visit : 'number' in the path
    """
    number = visit.queue.next_task(after=visit.path["number"], by=visit.who.name)
    return {"number": number}


def view_previous(visit: Visit) -> dict[str, Any]:
    """The number of the task before one, None at the start of the queue.

    Parameters
    ----------
    visit : 'number' in the path
    """
    number = visit.queue.next_task(after=visit.path["number"], by=visit.who.name, backwards=True)
    return {"number": number}


# ------------------------------------------------------------------------- deciding


def act_decide(visit: Visit) -> Go | Mapping[str, Any]:
    """Decide a task; with something missing, the page again with all that was typed.

    Parameters
    ----------
    visit : verdict, reason, text, version; for 'partly' one group_ID a person
    """
    number = visit.path["number"]
    typed: dict[str, Any] = {
        "verdict": visit.text("verdict", longest=20),
        "reason": visit.text("reason", longest=40),
        "text": visit.text("text", longest=TEXT_MAX),
        "groups": {
            name.removeprefix("group_"): visit.text(name, longest=6)
            for name in visit.form
            if name.startswith("group_")
        },
    }
    merge = _groups(typed["groups"]) if typed["verdict"] == "partly" else None
    missing = _missing(typed, merge)
    if missing:
        words = read_words(visit.language)
        return _task_page(visit, number, typed=typed, errors=[words(key) for key in missing])
    following = visit.queue.next_task(after=number, by=visit.who.name)
    decision = visit.queue.decide(
        number,
        _VERDICTS[typed["verdict"]],
        by=visit.who.name,
        version=visit.number("version"),
        reason=Reason(typed["reason"]),
        text=typed["text"],
        merge=merge,
    )
    return _after_decision(visit, number, decision, _VERDICTS[typed["verdict"]], following)


def _missing(typed: Mapping[str, Any], merge: tuple[tuple[str, ...], ...] | None) -> list[str]:
    """Keys of what a form still needs."""
    keys = []
    if typed["verdict"] not in _VERDICTS:
        keys.append("decide.missing_verdict")
    if typed["reason"] not in set(Reason):
        keys.append("decide.missing_reason")
    elif typed["reason"] == Reason.OTHER and not typed["text"]:
        keys.append("decide.missing_text")
    if merge is not None and (
        not merge or sum(map(len, merge)) == len(typed["groups"]) == len(merge[0])
    ):
        keys.append("decide.missing_groups")
    return keys


def _groups(chosen: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Enterprise ids that are one person: those with the same number, two or more."""
    groups: dict[str, list[str]] = {}
    for enterprise_id, group in chosen.items():
        groups.setdefault(group, []).append(enterprise_id)
    return tuple(tuple(each) for each in groups.values() if len(each) > 1)


def _after_decision(
    visit: Visit, number: int, decision: Decision, verdict: Verdict, following: int | None
) -> Go:
    """On to the next task; the notice there can take the decision back."""
    words = read_words(visit.language)
    closed = set(decision.tasks_closed)
    if following in closed:
        following = visit.queue.next_task(after=None, by=visit.who.name)
    visit.presence.leave(visit.who.name, number)
    return Go(
        f"/tasks/{following}" if following is not None else "/tasks",
        said="case.proposed" if decision.waits_for_approval else "case.decided",
        kind="warn" if decision.waits_for_approval else "good",
        values={"number": number, "verdict": words(f"verdict.{verdict.value}")},
        undo=() if decision.waits_for_approval else decision.events,
        number=number,
        facts=decision.to_dict() | {"verdict": verdict.value},
    )


def act_approve(visit: Visit) -> Go:
    """Approve what another steward proposed.

    Parameters
    ----------
    visit : version, text
    """
    number = visit.path["number"]
    following = visit.queue.next_task(after=number, by=visit.who.name)
    decision = visit.queue.approve(
        number, by=visit.who.name, version=visit.number("version"), text=_text(visit)
    )
    return Go(
        f"/tasks/{following}" if following is not None else "/tasks",
        said="case.approved",
        values={"number": number},
        undo=decision.events,
        number=number,
        facts=decision.to_dict(),
    )


def act_reject(visit: Visit) -> Go:
    """Send a proposal back with a remark.

    Parameters
    ----------
    visit : version, text
    """
    return _sent_on(visit, visit.queue.reject, "case.rejected")


def act_undo(visit: Visit) -> Go:
    """Take a decision back.

    Parameters
    ----------
    visit : event (one or several), number of the task to return to
    """
    texts = [each for each in visit.texts("event") if len(each) <= _DIGITS_MAX]
    events = [int(each) for each in texts if each.isascii() and each.isdigit()]
    if not events:
        raise ConfigError("no event to undo was named")
    _may_undo(visit, events)
    visit.queue.undo(events, by=visit.who.name, reason=visit.text("text", longest=TEXT_MAX))
    number = visit.number("number", otherwise=0)
    return Go(
        f"/tasks/{number}" if number else "/tasks", said="case.undone", facts={"undone": events}
    )


def _may_undo(visit: Visit, events: Sequence[int]) -> None:
    """One's own decisions anybody may take back, those of others a supervisor."""
    for number in events:
        found = visit.queue.index.changes(since=number - 1, limit=1)
        if not found:
            raise UnknownIdError(f"the journal has no event {number}")
        if found[0].by != visit.who.name:
            visit.must(Permission.UNDO_OTHERS)


# ------------------------------------------------------------------------- handling


def _text(visit: Visit) -> str:
    return visit.text("text", longest=TEXT_MAX)


def _stay(number: int, said: str, **values: Any) -> Go:
    return Go(f"/tasks/{number}", said=said, values={"number": number, **values}, number=number)


def _sent_on(visit: Visit, act: Callable[..., Any], said: str) -> Go:
    """Hand a task to somebody else, with a remark."""
    number = visit.path["number"]
    act(number, by=visit.who.name, version=visit.number("version"), text=_text(visit))
    return _stay(number, said)


def act_assign(visit: Visit) -> Go:
    """Take a task, or give it to somebody.

    Parameters
    ----------
    visit : to, version
    """
    number, to = visit.path["number"], visit.text("to", longest=200)
    if to != visit.who.name:
        visit.must(Permission.ASSIGN_OTHERS)
        if to not in _stewards(visit):
            raise ConfigError("there is no such steward")
    visit.queue.assign(number, to, by=visit.who.name, version=visit.number("version"))
    return _stay(number, "case.taken" if to == visit.who.name else "case.assigned_to", to=to)


def act_unassign(visit: Visit) -> Go:
    """Give a task back to the queue.

    Parameters
    ----------
    visit : version
    """
    number = visit.path["number"]
    visit.queue.unassign(number, by=visit.who.name, version=visit.number("version"))
    return _stay(number, "case.given_back")


def act_defer(visit: Visit) -> Go:
    """Put a task off until a day.

    Parameters
    ----------
    visit : until (YYYY-MM-DD), text, version
    """
    number = visit.path["number"]
    try:
        day = date.fromisoformat(visit.text("until", longest=10))
    except ValueError as error:
        raise ConfigError(read_words(visit.language)("handle.bad_date")) from error
    today = datetime.now(UTC).date()
    if not today < day <= today + timedelta(days=DEFER_DAYS_MAX):
        raise ConfigError(read_words(visit.language)("handle.bad_date"))
    until = datetime.combine(day, time(0, 0)).astimezone()
    visit.queue.defer(
        number, until, by=visit.who.name, version=visit.number("version"), text=_text(visit)
    )
    return _stay(number, "case.deferred")


def act_escalate(visit: Visit) -> Go:
    """Hand a task to the supervisors.

    Parameters
    ----------
    visit : text, version
    """
    return _sent_on(visit, visit.queue.escalate, "case.escalated")


def act_comment(visit: Visit) -> Go:
    """Add a comment.

    Parameters
    ----------
    visit : text, version
    """
    number = visit.path["number"]
    if not _text(visit):
        raise ConfigError(read_words(visit.language)("handle.missing_text"))
    visit.queue.comment(number, _text(visit), by=visit.who.name)
    return _stay(number, "case.commented")


def act_reopen(visit: Visit) -> Go:
    """Open a closed task again.

    Parameters
    ----------
    visit : version
    """
    number = visit.path["number"]
    visit.queue.reopen(number, by=visit.who.name, version=visit.number("version"))
    return _stay(number, "case.reopened")


_TASK: Final = "/tasks/{number:int}"

PAGES: Final = (
    Page("task", _TASK, view_task, "case.html", Permission.SEE_PEOPLE, here="tasks"),
    Page("next", f"{_TASK}/next", view_next, "", Permission.SEE_TASKS),
    Page("previous", f"{_TASK}/previous", view_previous, "", Permission.SEE_TASKS),
    Action("decide", f"{_TASK}/decide", act_decide, Permission.DECIDE, template="case.html"),
    Action("approve", f"{_TASK}/approve", act_approve, Permission.APPROVE),
    Action("reject", f"{_TASK}/reject", act_reject, Permission.APPROVE),
    Action("assign", f"{_TASK}/assign", act_assign, Permission.WORK),
    Action("unassign", f"{_TASK}/unassign", act_unassign, Permission.WORK),
    Action("defer", f"{_TASK}/defer", act_defer, Permission.WORK),
    Action("escalate", f"{_TASK}/escalate", act_escalate, Permission.WORK),
    Action("comment", f"{_TASK}/comment", act_comment, Permission.WORK),
    Action("reopen", f"{_TASK}/reopen", act_reopen, Permission.WORK),
    Action("undo", "/undo", act_undo, Permission.DECIDE),
)
