"""From a steward's request to a plan: which identities become one, which are two, who leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

from mpi.identity_session import Session
from mpi.identity_view import StoreState
from mpi.review.rows import identities_of
from mpi.review.types import DecisionRequest, Verdict
from person.enterprise_id import printed_enterprise_id
from person.errors import ConfigError, IdentityError, UnknownIdError

__all__ = ["Plan", "plan_request", "record_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A request in numbers.

    Attributes
    ----------
    verdict : what it comes to
    members : identity -> its records, of all identities of the case
    merges : groups of two or more identities that are one person each
    differences : pairs of identities that are two people
    leave : records that leave `split_from`, for `join` or an identity of their own
    """

    verdict: Verdict
    members: dict[int, list[int]]
    merges: tuple[tuple[int, ...], ...] = ()
    differences: tuple[tuple[int, int], ...] = ()
    leave: tuple[int, ...] = ()
    split_from: int | None = None
    join: int | None = None

    @classmethod
    def splitting(
        cls, members: dict[int, list[int]], leave: Sequence[int], join: int | None
    ) -> Self:
        """The plan of a split.

        Parameters
        ----------
        members : identity -> its records
        leave : records of one of them
        join : identity that they join, None for one of their own

        Raises
        ------
        IdentityError : records of several identities, or all of one
        """
        return cls(
            verdict=Verdict.SPLIT,
            members=members,
            leave=tuple(leave),
            split_from=_parting(members, leave, join),
            join=join,
        )

    @classmethod
    def of(
        cls,
        state: StoreState,
        task: dict[str, Any],
        verdict: Verdict,
        *,
        merges: Sequence[Sequence[int]] = (),
        leave: Sequence[int] = (),
        join: int | None = None,
    ) -> Self:
        """Complete a plan from what it says.

        Parameters
        ----------
        state : the present
        task : of the task table
        verdict : of the request
        merges : groups of identities; of a MERGE without any, all
        leave, join : of a SPLIT

        Raises
        ------
        IdentityError : it does not fit the case
        """
        identities = identities_of(state, task)
        members = {each: state.members(each) for each in identities}
        if verdict is Verdict.SPLIT:
            return cls.splitting(members, leave, join)
        if verdict is Verdict.NO_CHANGE or task["kind"] == "AUDIT":
            return cls(verdict=verdict, members=members)
        if len(identities) < 2:
            raise IdentityError(
                "the case is one identity now; split it, or close the task with NO_CHANGE"
            )
        if verdict is Verdict.MERGE and not merges:
            merges = [identities]
        groups = [tuple(group) for group in merges if len(group) > 1]
        block = {each: place for place, group in enumerate(groups) for each in group}
        differences = tuple(
            (one, other)
            for one, other in combinations(identities, 2)
            if one not in block or block[one] != block.get(other)
        )
        verdict = Verdict.PARTLY if groups and differences else Verdict.MERGE
        return cls(
            verdict=verdict if groups else Verdict.DIFFERENT,
            members=members,
            merges=tuple(groups),
            differences=differences,
        )


def _parting(members: dict[int, list[int]], leave: Sequence[int], join: int | None) -> int:
    """The identity that records leave."""
    owners = {i for i, held in members.items() if set(held) & set(leave)}
    if len(owners) != 1:
        raise IdentityError("name records of one identity of the case; they leave it together")
    (owner,) = owners
    if set(leave) - set(members[owner]) or len(set(leave)) == len(members[owner]):
        raise IdentityError("name some, but not all, of the records of one identity of the case")
    if join == owner:
        raise IdentityError("the records are in that identity already")
    return owner


def plan_request(session: Session, task: dict[str, Any], request: DecisionRequest) -> Plan:
    """What a request comes to.

    Parameters
    ----------
    session : of the write
    task : of the task table
    request : ids as they are printed

    Raises
    ------
    IdentityError : ids that are not of the case
    ConfigError : the verdict lacks what it needs
    """
    verdict, state = request.verdict, session.state
    identities = identities_of(state, task)
    namespace = session.engine.facts.namespace
    number_of = {printed_enterprise_id(each, namespace): each for each in identities}
    groups = [[_known(number_of, each) for each in group] for group in request.merge or ()]
    if sum(map(len, groups)) != len({each for group in groups for each in group}):
        raise ConfigError("an identity can be in one group of a decision only")
    if verdict is not Verdict.SPLIT:
        if request.leave:
            raise ConfigError("records leave with the verdict SPLIT only")
        if verdict is Verdict.PARTLY and not any(len(group) > 1 for group in groups):
            raise ConfigError("PARTLY needs a group of two or more ids that are one person")
        if verdict in (Verdict.DIFFERENT, Verdict.NO_CHANGE) and groups:
            raise ConfigError(f"the verdict {verdict} takes no groups of ids to merge")
        return Plan.of(state, task, verdict, merges=groups)
    if not request.leave:
        raise ConfigError("SPLIT needs the records that leave")
    if groups and (len(groups) > 1 or len(groups[0]) != 1):
        raise ConfigError("records that leave can join one identity, or none")
    records = [record_of(session, *each) for each in request.leave]
    join = groups[0][0] if groups else None
    return Plan.of(state, task, verdict, leave=records, join=join)


def _known(number_of: dict[str, int], enterprise_id: str) -> int:
    found = number_of.get(enterprise_id.strip().upper())
    if found is None:
        raise IdentityError(
            "an id to merge is not among the identities of the case; look at the case again"
        )
    return found


def record_of(session: Session, source: str, record_id: str) -> int:
    """Number of a record of the index.

    Parameters
    ----------
    session : of the write
    source, record_id : of the record

    Raises
    ------
    UnknownIdError : there is none
    """
    number = session.sources.get(source)
    found = -1 if number is None else session.batch.find_reference(number, record_id.encode())
    if found < 0:
        raise UnknownIdError("the index has no record with that source and record id")
    return int(found)
