"""Many decisions in one transaction: each stands or is refused by itself, all are one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mpi.identity_session import Session
from mpi.review.actions import live_task
from mpi.review.decisions import decide_in
from mpi.review.types import Decision, DecisionRequest
from person.errors import MpiError

__all__ = ["decide_many_in"]


def decide_many_in(
    session: Session, requests: Sequence[DecisionRequest]
) -> list[Decision | MpiError]:
    """Answer many tasks; what cannot be done does not stop the others.

    Every version is checked before the first answer is written: answers that concern the same
    identities do not make each other stale.

    Parameters
    ----------
    session : of the write, nothing written yet
    requests : one a task

    Returns
    -------
    what became of each, in their order; their events are one batch
    """
    session.is_one_batch = True
    refused = [_staleness(session, request) for request in requests]
    results: list[Decision | MpiError] = []
    for request, error in zip(requests, refused, strict=True):
        if error is not None:
            results.append(error)
            continue
        try:
            session.say(request.text)
            results.append(decide_in(session, replace(request, version=None)))
        except MpiError as later:
            results.append(later)
    return results


def _staleness(session: Session, request: DecisionRequest) -> MpiError | None:
    """Why a request cannot be looked at; None where it can."""
    try:
        live_task(session, request.number, request.version, request.to_dict())
    except MpiError as error:
        return error
    return None
