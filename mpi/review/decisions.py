"""What a steward decides: one request, one event, whatever it merges and parts.

A decision moves records, is kept on pairs of records (SAME, DIFFERENT) so that no machine goes
against it, and closes the tasks that it answers. All of that is one event of the journal, so it is
taken back as one. A merge that is large or dangerous waits for a second steward.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

from index_store import Snapshot
from mpi.identity_events import Change, EventKind, decode_event
from mpi.identity_plan import (
    DIFFERENT,
    SAME,
    decision_changes,
    membership_changes,
    merge_survivor,
    split_decisions,
)
from mpi.identity_queue import is_live
from mpi.identity_session import Session
from mpi.identity_steward import founding_order, identity_for
from mpi.identity_tasks import closed_task
from mpi.review.actions import check_text, live_task
from mpi.review.requests import Plan, plan_request
from mpi.review.types import Decision, DecisionRequest, Reason, Verdict
from person.enterprise_id import printed_enterprise_id
from person.errors import ConfigError, IdentityError

__all__ = [
    "ApprovalRules",
    "approval_needed",
    "approve_in",
    "carry_out_split",
    "decide_in",
    "read_approval_rules",
    "reject_in",
    "write_approval_rules",
]

_FACT: Final = "review"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRules:
    """When a merge waits for another steward.

    Attributes
    ----------
    records_max : a merge that makes a larger identity waits
    safety_flags : a merge of a case with so many safety flags waits
    """

    records_max: int = 6
    safety_flags: int = 2

    def __post_init__(self) -> None:
        if self.records_max < 1 or self.safety_flags < 1:
            raise ConfigError("the limits of a second approval are 1 or more")

    def to_fact(self) -> bytes:
        return json.dumps(
            {"records_max": self.records_max, "safety_flags": self.safety_flags}
        ).encode()


def read_approval_rules(snapshot: Snapshot) -> ApprovalRules:
    """The rules of an index; the default ones where none were set.

    Parameters
    ----------
    snapshot : of the index
    """
    value = snapshot.fact(_FACT)
    return ApprovalRules() if value is None else ApprovalRules(**json.loads(value))


def write_approval_rules(session: Session, rules: ApprovalRules) -> int:
    """Set the rules: the event's number.

    Parameters
    ----------
    session : of the write
    rules : from now on
    """
    session.batch.set_fact(_FACT, rules.to_fact())
    evidence = {"action": "RULES", **json.loads(rules.to_fact())}
    return session.write(EventKind.TASK, (), evidence=evidence)


# ---------------------------------------------------------------------- decide


def decide_in(session: Session, request: DecisionRequest) -> Decision:
    """Carry out a decision, or write down that it waits for approval.

    Parameters
    ----------
    session : of the write; its reason is the request's text
    request : what is to be done

    Raises
    ------
    StaleTaskError : the case has changed since the steward looked at it, or was closed
    UnknownIdError : no such task, or it was closed already
    IdentityError : ids that are not of the case
    """
    check_text(session.reason)
    task = live_task(session, request.number, request.version, request.to_dict())
    if task["status"] == "approval":
        raise IdentityError(
            f"task {request.number} waits for approval; approve or reject what was proposed"
        )
    plan = plan_request(session, task, request)
    if request.approve_needed or approval_needed(read_approval_rules(session.batch), task, plan):
        return _propose(session, task, request, plan)
    return _carry_out(session, task, request.number, plan, request.reason, "DECIDED", "first")


def approval_needed(rules: ApprovalRules, task: dict[str, Any], plan: Plan) -> bool:
    """Whether a plan waits for another steward.

    Parameters
    ----------
    rules : of the index
    task : of the task table
    plan : what is to be done
    """
    sizes = [sum(len(plan.members[each]) for each in group) for group in plan.merges]
    if not sizes:
        return False
    return max(sizes) > rules.records_max or len(task["safety"]) >= rules.safety_flags


def _judgement(session: Session, verdict: str, reason: str, role: str) -> dict[str, Any]:
    return {
        "by": session.by,
        "at_ms": session.at_ms,
        "verdict": verdict,
        "reason": reason,
        "event": session.next_event,
        "role": role,
    }


def _propose(
    session: Session, task: dict[str, Any], request: DecisionRequest, plan: Plan
) -> Decision:
    judged = _judgement(session, plan.verdict, request.reason, "first")
    proposal = {
        "verdict": plan.verdict.value,
        "merge": [[plan.members[each][0] for each in group] for group in plan.merges],
        "leave": list(plan.leave),
        "join": None if plan.join is None else plan.members[plan.join][0],
        "reason": request.reason.value,
        "text": session.reason,
        "by": session.by,
        "at_ms": session.at_ms,
    }
    judgements = [*task.get("judgements", []), judged]
    new = task | {"status": "approval", "proposal": proposal, "judgements": judgements}
    evidence = _evidence(request.number, "PROPOSED", plan.verdict, request.reason)
    changes = [Change("task", request.number, task, new)]
    event = session.write(EventKind.TASK, changes, evidence=evidence)
    return Decision(events=(event,), waits_for_approval=True)


def _evidence(number: int, action: str, verdict: str, reason: str) -> dict[str, Any]:
    return {"task": number, "action": action, "verdict": str(verdict), "reason_code": str(reason)}


def approve_in(session: Session, number: int, version: int | None) -> Decision:
    """Carry out what another steward proposed.

    Parameters
    ----------
    session : of the write
    number : of the task
    version : that was looked at, None where nothing was

    Raises
    ------
    IdentityError : nothing waits, or it is one's own proposal
    """
    task = _proposed(session, number, version, "APPROVED")
    proposal = task["proposal"]
    if proposal["by"] == session.by:
        raise IdentityError(
            f"task {number}: who proposed a decision cannot approve it; another steward must"
        )
    owner = session.state.identity_of
    merges = [[i for r in group if (i := owner(r)) is not None] for group in proposal["merge"]]
    join = None if proposal["join"] is None else owner(proposal["join"])
    plan = Plan.of(
        session.state,
        task,
        Verdict(proposal["verdict"]),
        merges=[list(dict.fromkeys(group)) for group in merges],
        leave=proposal["leave"],
        join=join,
    )
    return _carry_out(session, task, number, plan, Reason(proposal["reason"]), "APPROVED", "second")


def reject_in(session: Session, number: int, version: int | None) -> Decision:
    """Send a proposal back: the task is open again.

    Parameters
    ----------
    session : of the write; its reason says why
    number : of the task
    version : that was looked at, None where nothing was
    """
    task = _proposed(session, number, version, "REJECTED")
    proposal = task["proposal"]
    judged = _judgement(session, proposal["verdict"], proposal["reason"], "rejected")
    new = {name: value for name, value in task.items() if name != "proposal"}
    new |= {"status": "open", "judgements": [*task.get("judgements", []), judged]}
    evidence = _evidence(number, "REJECTED", proposal["verdict"], proposal["reason"])
    event = session.write(EventKind.TASK, [Change("task", number, task, new)], evidence=evidence)
    return Decision(events=(event,))


def _proposed(session: Session, number: int, version: int | None, action: str) -> dict[str, Any]:
    check_text(session.reason)
    asked = {"action": action, "text": session.reason}
    task = live_task(session, number, version, asked)
    if task["status"] != "approval":
        raise IdentityError(f"task {number} does not wait for approval")
    return task


# ---------------------------------------------------------------------- carry out


@dataclass(slots=True)
class _Effects:
    """What a plan comes to.

    Attributes
    ----------
    moves : record -> its identity from now on
    same, different : pairs of records that the steward vouches for
    forgotten : pairs whose decisions do not hold any more
    """

    moves: dict[int, int | None] = field(default_factory=dict)
    same: set[tuple[int, int]] = field(default_factory=set)
    different: set[tuple[int, int]] = field(default_factory=set)
    forgotten: set[tuple[int, int]] = field(default_factory=set)


def _carry_out(
    session: Session,
    task: dict[str, Any],
    number: int,
    plan: Plan,
    reason: Reason,
    action: str,
    role: str,
) -> Decision:
    effects = _Effects()
    if plan.leave:
        _part(session, plan, effects)
    for group in plan.merges:
        _join(session, plan, group, effects)
    for one, other in plan.differences:
        _, pairs = split_decisions(plan.members[one], plan.members[other])
        effects.different |= {_pair(*each) for each in pairs}
    if task["kind"] != "AUDIT" or plan.leave:
        _vouch_for_asked(session, task, effects)
    changes = _changes(session, effects)
    judged = _judgement(session, plan.verdict, reason, role)
    judgements = [*task.get("judgements", []), judged]
    new: dict[str, Any] = task | {"judgements": judgements}
    if plan.verdict is not Verdict.SPLIT or _is_answered(session, task, effects):
        verdict = "DIFFERENT" if task["kind"] == "AUDIT" and plan.leave else plan.verdict.value
        new = closed_task(new, session.by, verdict, session.at_ms)
    elif new["status"] == "approval":
        new = {k: v for k, v in new.items() if k != "proposal"} | {"status": "open"}
    changes.append(Change("task", number, task, new))
    evidence = _evidence(number, action, plan.verdict, reason)
    if role == "second":
        evidence["proposed_by"] = task["proposal"]["by"]
    event = session.write(_kind(plan), changes, evidence=evidence)
    return _outcome(session, event, number, plan)


def carry_out_split(session: Session, plan: Plan, reason: Reason, verdict: Verdict) -> Decision:
    """Part an identity without a task: one event.

    Parameters
    ----------
    session : of the write
    plan : of a split
    reason, verdict : for the journal
    """
    effects = _Effects()
    _part(session, plan, effects)
    evidence = {"action": "DECIDED", "verdict": verdict.value, "reason_code": reason.value}
    event = session.write(EventKind.SPLIT, _changes(session, effects), evidence=evidence)
    return _outcome(session, event, 0, plan)


def _kind(plan: Plan) -> EventKind:
    if plan.leave:
        return EventKind.SPLIT
    if plan.merges:
        return EventKind.MERGE
    return EventKind.DECIDE if plan.differences else EventKind.TASK


def _pair(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)


def _join(session: Session, plan: Plan, group: Sequence[int], effects: _Effects) -> None:
    """Make some identities one."""
    members = plan.members
    survivor = merge_survivor(
        (founding_order(session, each), len(members[each]), each) for each in group
    )
    for loser in group:
        if loser != survivor:
            effects.moves |= dict.fromkeys(members[loser], survivor)
            effects.same.add(_pair(members[survivor][0], members[loser][0]))
    for one, other in combinations(group, 2):
        effects.forgotten |= _decided(session, members[one], members[other], DIFFERENT)


def _part(session: Session, plan: Plan, effects: _Effects) -> None:
    """Take records out of their identity, into a new one or the one that they join."""
    assert plan.split_from is not None
    parted = sorted(plan.leave)
    remaining = [r for r in plan.members[plan.split_from] if r not in set(parted)]
    same, different = split_decisions(parted, remaining)
    effects.same |= {_pair(*each) for each in same}
    effects.different |= {_pair(*each) for each in different}
    effects.forgotten |= _decided(session, parted, remaining, SAME)
    target = plan.join
    if target is None:
        target = identity_for(session, plan.split_from, parted)
    else:
        others = plan.members[target]
        effects.same.add(_pair(parted[0], others[0]))
        effects.forgotten |= _decided(session, parted, others, DIFFERENT)
    effects.moves |= dict.fromkeys(parted, target)


def _decided(
    session: Session, ones: Sequence[int], others: Sequence[int], verdict: str
) -> set[tuple[int, int]]:
    """Pairs across two sets of records that were decided so."""
    known = set(others)
    return {
        _pair(record, other)
        for record in ones
        for other, decision in session.state.decisions_of(record).items()
        if other in known and decision["verdict"] == verdict
    }


def _after(session: Session, effects: _Effects, record: int) -> int | None:
    return effects.moves.get(record, session.state.identity_of(record))


def _vouch_for_asked(session: Session, task: dict[str, Any], effects: _Effects) -> None:
    """The very pairs that were asked about are decided too: they are what a model learns from."""
    touched = set(effects.moves) | {r for pair in effects.same | effects.different for r in pair}
    parted = {_after(session, effects, r) for pair in effects.different for r in pair}
    for one, other, *_ in task["pairs"]:
        left, right = _after(session, effects, one), _after(session, effects, other)
        if left is None or right is None or (not {one, other} & touched and left not in parted):
            continue
        if left == right:
            effects.same.add(_pair(one, other))
        elif _are_parted(session, effects, left, right):
            effects.different.add(_pair(one, other))


def _are_parted(session: Session, effects: _Effects, left: int, right: int) -> bool:
    wanted = {left, right}
    return any(
        {_after(session, effects, one), _after(session, effects, other)} == wanted
        for one, other in effects.different
    )


def _is_answered(session: Session, task: dict[str, Any], effects: _Effects) -> bool:
    """Whether no pair of a task is in doubt any more."""
    for one, other, *_ in task["pairs"]:
        left, right = _after(session, effects, one), _after(session, effects, other)
        if None in (left, right) or left == right:
            continue
        assert left is not None
        assert right is not None
        if not _are_parted(session, effects, left, right):
            return False
    return True


def _changes(session: Session, effects: _Effects) -> list[Change]:
    state = session.state
    stated: dict[str, Any] = {
        "by": session.by,
        "reason": session.reason,
        "event": session.next_event,
    }
    changes = membership_changes(state, effects.moves) if effects.moves else []
    different = {p for p in effects.different if _parts(session, effects, p)}
    forgotten = effects.forgotten - effects.same - different
    changes += decision_changes(state, forgotten, None, **stated)
    changes += decision_changes(state, different, DIFFERENT, **stated)
    changes += decision_changes(state, effects.same - different, SAME, **stated)
    return changes


def _parts(session: Session, effects: _Effects, pair: tuple[int, int]) -> bool:
    return _after(session, effects, pair[0]) != _after(session, effects, pair[1])


def _outcome(session: Session, event: int, number: int, plan: Plan) -> Decision:
    data = session.batch.event(event)
    assert data is not None
    closed = [
        change.key
        for change in decode_event(data).changes
        if change.table == "task" and is_live(change.before) and not is_live(change.after)
    ]
    closed.sort(key=lambda each: (each != number, each))
    state = session.state
    records = [r for members in plan.members.values() for r in members]
    living = dict.fromkeys(i for r in records if (i := state.identity_of(r)) is not None)
    namespace = session.engine.facts.namespace
    return Decision(
        events=(event,),
        tasks_closed=tuple(closed),  # type: ignore[arg-type]
        enterprise_ids=tuple(printed_enterprise_id(each, namespace) for each in living),
    )
