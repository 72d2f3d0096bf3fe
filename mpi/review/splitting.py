"""Taking a wrong identity apart where no task asks about it."""

from __future__ import annotations

from collections.abc import Sequence

from mpi.identity_reading import Reader
from mpi.identity_results import time_text
from mpi.identity_session import Session
from mpi.review.decisions import carry_out_split
from mpi.review.requests import Plan, record_of
from mpi.review.types import Decision, Reason, Verdict
from person.errors import StaleTaskError

__all__ = ["split_in"]


def split_in(
    session: Session,
    reader: Reader,
    enterprise_id: str,
    leave: Sequence[tuple[str, str]],
    version: int | None,
    reason: Reason,
    join: str | None,
) -> Decision:
    """Take records out of an identity, in one event.

    Parameters
    ----------
    session, reader : of the write
    enterprise_id, leave, join : see `ReviewQueue.split`
    version : number of the last event of the identity as the steward saw it
    reason : from the list

    Raises
    ------
    StaleTaskError : the identity has changed since
    IdentityError : records of another identity, or all of them
    """
    identity = reader.live_number_of(enterprise_id)
    now = session.state.version_of(0, (identity,))
    if version is not None and version != now:
        event = reader.event(now)
        raise StaleTaskError(
            f"the identity was changed by {event.by} at {time_text(event.at_ms)} (version {now}, "
            f"you saw {version}); look at it again, nothing was written",
            task=0,
            version=version,
            version_now=now,
            changed_by=event.by,
            changed_at=time_text(event.at_ms),
            asked={
                "enterprise_id": enterprise_id,
                "leave": [list(each) for each in leave],
                "reason": reason.value,
                "text": session.reason,
                "join": join,
            },
        )
    members = {identity: session.state.members(identity)}
    target = None
    if join is not None:
        target = reader.live_number_of(join)
        members[target] = session.state.members(target)
    records = [record_of(session, *each) for each in leave]
    plan = Plan.splitting(members, records, target)
    return carry_out_split(session, plan, reason, Verdict.SPLIT)
