"""The queue: which questions are open, filtered, fifty to a page."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from mpi.review.permissions import Permission
from mpi.review.types import LIVE_STATUSES, UNASSIGNED, Case, Filter, TaskStatus
from mpi.review.web.lanes import Lane
from mpi.review.web.page import Action, Download, Go, Page
from mpi.review.web.visit import Visit
from person.errors import ConfigError

__all__ = ["PAGES", "act_export", "act_find", "filter_of", "view_tasks"]

ROWS: Final = 50
EXPORTED: Final = 1000
_KINDS: Final = ("REVIEW", "POSSIBLE_DUPLICATE", "AUDIT")
_WHOSE: Final = ("all", "mine", "nobody", "other")
_STATES: Final = ("open", "deferred", "escalated", "approval", "live", "closed", "any")
_TEXT_MAX: Final = 200
_IN_URL: Final = ("status", "whose", "assignee", "source", "kind", "weight_min", "weight_max")


def view_tasks(visit: Visit) -> dict[str, Any]:
    """A page of the queue.

    Parameters
    ----------
    visit : the filter and the cursor stand in its query
    """
    text = visit.kept(visit.query.get("find"))
    page = visit.queue.tasks(
        filter_of(visit.query, visit.who.name, text),
        limit=ROWS,
        cursor=visit.query.get("cursor") or None,
    )
    chosen = {name: visit.query.get(name, "") for name in _IN_URL}
    kept = {name: value for name, value in visit.query.multi_items() if value and name != "cursor"}
    return {
        "rows": visit.show_rows(page.rows),
        "total": page.total,
        "next": _link(kept, page.cursor_next),
        "back": _link(kept, page.cursor_back),
        "first": _link(kept, "") if visit.query.get("cursor") else None,
        "chosen": chosen
        | {
            "status": chosen["status"] or "open",
            "whose": chosen["whose"] or "all",
            "text": text or "",
        },
        "is_forgotten": bool(visit.query.get("find")) and text is None,
        "is_filtered": bool(kept),
        "sources": list(visit.queue.index.source_names),
        "choices": {"status": list(_STATES), "whose": list(_WHOSE), "kind": list(_KINDS)},
    }


def _link(kept: dict[str, str], cursor: str | None) -> str | None:
    if cursor is None:
        return None
    query = urlencode(kept | ({"cursor": cursor} if cursor else {}))
    return f"/tasks?{query}" if query else "/tasks"


def filter_of(query: QueryParams, name: str, text: str | None) -> Filter:
    """The filter that a query asks for.

    Parameters
    ----------
    query : status, whose, assignee, source, kind, weight_min, weight_max
    name : account that asks
    text : kept for this session

    Raises
    ------
    ConfigError : a value that no form of ours sends
    """
    return Filter(
        status=_statuses(query.get("status") or "open"),
        assignee=_assignee(query.get("whose") or "all", query.get("assignee", ""), name),
        source=query.get("source") or None,
        weight_min=_weight(query, "weight_min"),
        weight_max=_weight(query, "weight_max"),
        kind=_one_of(query.get("kind", ""), _KINDS) or None,
        text=text or None,
    )


def _statuses(state: str) -> frozenset[TaskStatus]:
    if _one_of(state, _STATES) == "any":
        return frozenset(TaskStatus)
    return LIVE_STATUSES if state == "live" else frozenset({TaskStatus(state)})


def _assignee(whose: str, assignee: str, name: str) -> str | None:
    _one_of(whose, _WHOSE)
    if whose == "other":
        return assignee or None
    return {"mine": name, "nobody": UNASSIGNED}.get(whose)


def _one_of(value: str, choices: tuple[str, ...]) -> str:
    if value and value not in choices:
        raise ConfigError(f"the filter knows {', '.join(choices)}")
    return value


def _weight(query: QueryParams, name: str) -> float | None:
    value = query.get(name, "")
    try:
        weight = float(value) if value else None
    except ValueError:
        weight = float("nan")
    if weight is not None and not abs(weight) < 1e4:
        raise ConfigError(f"'{name}' is a match weight in bits, such as 6.5")
    return weight


def act_find(visit: Visit) -> Go:
    """Turn the filter's form into a link; its text, perhaps a name or number, stays out of it.

    Parameters
    ----------
    visit : with the form
    """
    chosen = {name: visit.text(name, longest=_TEXT_MAX) for name in _IN_URL}
    chosen["find"] = visit.keep(visit.text("text", longest=_TEXT_MAX))
    filter_of(QueryParams(chosen), visit.who.name, None)
    defaults = {"status": "open", "whose": "all"}
    kept = {name: value for name, value in chosen.items() if value and defaults.get(name) != value}
    return Go(str(_link(kept, "")))


def act_export(visit: Visit) -> Download:
    """The filtered tasks as a sheet to be answered; numbers masked unless a role may have them.

    Parameters
    ----------
    visit : with the filter's form, and `numbers` where they are not to be masked
    """
    from mpi.review.exchange import sheet_schema, task_sheet
    from mpi.review.sheets import csv_lines

    is_masked = visit.text("numbers", longest=10) != "shown"
    if not is_masked:
        visit.must(Permission.EXPORT)
    chosen = {name: visit.text(name, longest=_TEXT_MAX) for name in _IN_URL}
    text = visit.text("text", longest=_TEXT_MAX)
    wanted = filter_of(QueryParams(chosen), visit.who.name, text)
    cases: list[Case] = []
    queue = visit.queue
    lines = list(task_sheet(queue, wanted, limit=EXPORTED, masked=is_masked, on_case=cases.append))
    for case in cases:
        visit.saw(*case.task.enterprise_ids)
    visit.note(tasks=len(cases), lines=len(lines), masked=is_masked)
    names = sheet_schema(queue.index).names
    parts = (line.encode("utf-8") for line in csv_lines(names, lines))
    return Download("tasks.csv", "text/csv; charset=utf-8", parts)


PAGES: Final = (
    Page("tasks", "/tasks", view_tasks, "queue.html", Permission.SEE_TASKS),
    Action("export", "/tasks/export", act_export, Permission.EXPORT_MASKED, lane=Lane.LONG),
    Action("find", "/tasks/find", act_find, Permission.SEE_TASKS),
)
