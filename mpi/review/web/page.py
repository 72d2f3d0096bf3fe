"""What a page is: a path, who may see it, and one function for its HTML and its JSON.

A module in `mpi/review/web/routes/` lists its pages:

    def view_task(visit: Visit) -> dict[str, Any]:
        case = visit.queue.case(visit.path["number"])
        return {"case": visit.show_case(case)}

    def act_comment(visit: Visit) -> Go:
        visit.queue.comment(visit.path["number"], visit.text("text"), by=visit.who.name, ...)
        return Go("/tasks/7", said="case.commented")

    PAGES = (
        Page("task", "/tasks/{number:int}", view_task, "case.html", Permission.SEE_PEOPLE),
        Action("comment", "/tasks/{number:int}/comment", act_comment, Permission.WORK),
    )
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from mpi.review.permissions import Permission
from mpi.review.web.lanes import Lane
from mpi.review.web.visit import Visit

__all__ = ["BODY_BYTES_MAX", "Action", "Download", "Go", "Page"]

BODY_BYTES_MAX: Final = 256 << 10


@dataclass(frozen=True, slots=True)
class Go:
    """Where an action leads, and what the next page says about it.

    Attributes
    ----------
    to : a path of this server
    said : key of the words, '' for nothing
    kind : good, warn or bad
    values : for the words
    undo : numbers of the events that an undo button takes back
    number : task it is about
    facts : for JSON, such as the events of a decision
    """

    to: str
    said: str = ""
    kind: str = "good"
    values: Mapping[str, Any] = field(default_factory=dict)
    undo: tuple[int, ...] = ()
    number: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Download:
    """A file instead of a page.

    Attributes
    ----------
    name : that the browser offers; ASCII
    media_type : such as 'text/csv; charset=utf-8'
    parts : its bytes, made while they are sent
    """

    name: str
    media_type: str
    parts: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Page:
    """A page to look at; also served as JSON at its path with `.json`.

    Attributes
    ----------
    name : in the audit log, as 'page:name'
    path : as Starlette writes it
    view : makes the page's values, or a Download, or says to Go elsewhere
    template : file in `templates`; '' for JSON alone
    permission : what it takes
    here : entry of the navigation that it belongs to; '' for the name
    lane : thread that makes it
    method : POST for a question whose text must not stand in a URL; it changes nothing
    is_use : False for what the browser asks by itself; it keeps no session alive
    body_bytes_max : largest body of a POST, files included
    """

    name: str
    path: str
    view: Callable[[Visit], Mapping[str, Any] | Download | Go]
    template: str
    permission: Permission
    here: str = ""
    lane: Lane = Lane.QUICK
    method: str = "GET"
    is_use: bool = True
    body_bytes_max: int = BODY_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Action:
    """A write: a POST with an origin check and the session's token.

    Attributes
    ----------
    name : in the audit log, as 'do:name'
    path : as Starlette writes it
    act : does it and says where to go; a mapping renders `template` instead (a form with errors)
    permission : what it takes
    lane : thread that does it
    body_bytes_max : largest body, files included
    template : of a mapping
    here : entry of the navigation, for that template
    """

    name: str
    path: str
    act: Callable[[Visit], Go | Mapping[str, Any] | Download]
    permission: Permission
    lane: Lane = Lane.WRITE
    body_bytes_max: int = BODY_BYTES_MAX
    template: str = ""
    here: str = "tasks"
