"""Looking people up by any field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mpi.review.masking import mask_text
from mpi.review.permissions import Permission
from mpi.review.scanning import QUICK_RECORDS_MAX
from mpi.review.web.lanes import Lane
from mpi.review.web.page import Page
from mpi.review.web.visit import Visit

__all__ = ["PAGES", "view_everywhere", "view_found", "view_search"]

FOUND_MAX: Final = 50
VALUE_MAX: Final = 200


def view_search(visit: Visit) -> dict[str, Any]:
    """The empty form.

    Parameters
    ----------
    visit : of who may search
    """
    return _page(visit, "", {}, None)


def view_found(visit: Visit) -> dict[str, Any]:
    """People who fit; what is looked for stands in the form, never in a URL.

    Parameters
    ----------
    visit : text (a name, id number, record id, enterprise id ...), or field_NAME for single fields
    """
    return _found(visit, everywhere=False)


def view_everywhere(visit: Visit) -> dict[str, Any]:
    """The same, with a look through all records where no key leads to anybody.

    Parameters
    ----------
    visit : see `view_found`
    """
    return _found(visit, everywhere=True)


def _found(visit: Visit, *, everywhere: bool) -> dict[str, Any]:
    text = visit.text("text", longest=VALUE_MAX)
    fields = {
        each["name"]: value
        for each in _fields(visit)
        if (value := visit.text(f"field_{each['name']}", longest=VALUE_MAX))
    }
    if not text and not fields:
        return _page(visit, "", {}, None)
    found = []
    people = visit.queue.search(text or None, limit=FOUND_MAX, everywhere=everywhere, **fields)
    for each in people:
        visit.saw(each.enterprise_id)
        visit.seen.records.append(f"{each.source}/{each.record_id}")
        found.append(each.to_dict() | {"name": mask_text(each.name)})
    records = visit.queue.record_count
    may_scan = not (found or everywhere) and records > QUICK_RECORDS_MAX
    return _page(visit, text, fields, found, records=records if may_scan else 0)


def _fields(visit: Visit) -> list[dict[str, Any]]:
    schema = visit.queue.index.facts.schema
    return [{"name": each.name, "role": each.role, "kind": each.kind} for each in schema.fields]


def _page(
    visit: Visit,
    text: str,
    fields: Mapping[str, str],
    found: list[dict[str, Any]] | None,
    *,
    records: int = 0,
) -> dict[str, Any]:
    """The page's values; `records` are those that may be looked through one by one, 0 for none."""
    return {
        "records_to_scan": records,
        "fields": [each | {"value": fields.get(each["name"], "")} for each in _fields(visit)],
        "text": text,
        "found": found,
        "found_max": FOUND_MAX,
        "language_back": "/search",
    }


PAGES: Final = (
    Page("search", "/search", view_search, "search.html", Permission.SEARCH),
    Page(
        "found",
        "/search",
        view_found,
        "search.html",
        Permission.SEARCH,
        here="search",
        method="POST",
    ),
    Page(
        "found_everywhere",
        "/search/all",
        view_everywhere,
        "search.html",
        Permission.SEARCH,
        here="search",
        lane=Lane.LONG,
        method="POST",
    ),
)
