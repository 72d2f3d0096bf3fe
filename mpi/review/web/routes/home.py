"""What the browser asks by itself, and where the server's root leads."""

from __future__ import annotations

from typing import Any, Final

from mpi.review.masking import EVERY_FIELD
from mpi.review.permissions import Permission
from mpi.review.web.guard import local_path
from mpi.review.web.page import Action, Go, Page
from mpi.review.web.presence import POLLED_SECONDS
from mpi.review.web.visit import Visit
from person.errors import ConfigError

__all__ = ["PAGES", "act_reveal", "view_presence"]

_TASKS_MAX: Final = 200
_ID_MAX: Final = 500


def view_presence(visit: Visit) -> dict[str, Any]:
    """Who else looks at a task, and its version now: the page asks every 15 seconds.

    Parameters
    ----------
    visit : with the task's number in the path
    """
    number = visit.path["number"]
    visit.presence.note(number, visit.who.name, POLLED_SECONDS)
    row = visit.queue.row(number)
    viewers = visit.presence.viewers([number], visit.who.name)
    return {
        "number": number,
        "version": row.version,
        "status": row.status.value,
        "assignee": row.assignee,
        "viewers": list(viewers.get(number, ())),
    }


def act_reveal(visit: Visit) -> Go:
    """Show one masked field of a record, or all of them, for ten minutes; the log says so.

    Parameters
    ----------
    visit : with source, record_id, field ('*' for all) and the page to go back to
    """
    source, record_id = (
        visit.text("source", longest=_ID_MAX),
        visit.text("record_id", longest=_ID_MAX),
    )
    field = visit.text("field", longest=_ID_MAX) or EVERY_FIELD
    if not source or not record_id:
        raise ConfigError("say which record's field to show")
    identity = visit.queue.index.lookup(source=source, record_id=record_id)
    names = {EVERY_FIELD, *(each.name for each in visit.queue.index.facts.schema.fields)}
    if identity is None or field not in names:
        raise ConfigError("no such record or field")
    visit.saw(identity.enterprise_id)
    visit.seen.records.append(f"{source}/{record_id}")
    visit.note(field="every" if field == EVERY_FIELD else field)
    if visit.session is not None:
        visit.site.sessions.reveal(visit.session, (source, record_id, field))
    return Go(local_path(visit.text("back")))


PAGES: Final = (
    Page(
        "presence",
        "/tasks/{number:int}/presence",
        view_presence,
        "",
        Permission.SEE_TASKS,
        is_use=False,
    ),
    Action("reveal", "/reveal", act_reveal, Permission.REVEAL),
)
