"""A person's page: their records, what holds them together, and how to take them apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mpi.review.permissions import Permission
from mpi.review.types import Case, Reason, RecordView
from mpi.review.web.case_rows import field_order, golden_rows, region_fields
from mpi.review.web.case_view import labels_of, reference_of, view_case
from mpi.review.web.page import Action, Go, Page
from mpi.review.web.visit import Visit
from mpi.review.web.words import read_words
from person.errors import ConfigError

__all__ = ["PAGES", "act_ask", "act_split", "view_person", "view_split"]

TEXT_MAX: Final = 2_000
_SPLIT_REASONS: Final = (
    *(Reason.WRONG_ENTRY, Reason.TWINS, Reason.FAMILY_MEMBER, Reason.NAMESAKE),
    *(Reason.LENT_CARD, Reason.REISSUED_NUMBER, Reason.ASKED_SOURCE, Reason.OTHER),
)


def view_person(visit: Visit) -> dict[str, Any]:
    """One identity: records, weights between them, golden record, history; and boxes to split it.

    Parameters
    ----------
    visit : 'enterprise_id' in the path; 'task' in the query leads back
    """
    case = visit.queue.identity_case(visit.path["enterprise_id"])
    return _person(visit, case, chosen=())


def _person(
    visit: Visit, case: Case, *, chosen: Sequence[str], errors: Sequence[str] = ()
) -> dict[str, Any]:
    facts = visit.queue.index.facts
    shown = visit.show_case(case)
    pair = visit.query.get("pair", "")
    view = view_case(
        shown,
        review_line=facts.review_weight,
        link_line=facts.link_weight,
        pair=int(pair) if pair.isascii() and pair.isdigit() and len(pair) < 6 else None,
    )
    enterprise_id, back = case.task.enterprise_ids[0], _task_number(visit)
    return view | {
        "enterprise_id": enterprise_id,
        "asked_for": visit.path["enterprise_id"],
        "ties": _ties(shown),
        "pick": {"chosen": list(chosen)}
        if visit.may(Permission.DECIDE) and len(case.records) > 1
        else None,
        "form_errors": list(errors),
        "back": back,
        "language_back": f"/people/{enterprise_id}" + (f"?task={back}" if back else ""),
        "golden_heads": [read_words(visit.language)("golden.now")],
        "golden_has_after": False,
    }


def _task_number(visit: Visit) -> int:
    text = visit.query.get("task") or visit.form.get("task") or ""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else 0


def _ties(case: Mapping[str, Any]) -> list[float | None]:
    """The heaviest weight that ties each record to another one of the identity."""
    best: list[float | None] = [None] * len(case["records"])
    weighed = [(each["left"], each["right"], each["match_weight"]) for each in case["pairs"]]
    for left, right, weight in [*weighed, *case["edges"]]:
        for place in (left, right):
            known = best[place]
            best[place] = weight if known is None else max(known, weight)
    return best


# ------------------------------------------------------------------------- splitting


def view_split(visit: Visit) -> dict[str, Any]:
    """What both sides would be, if the chosen records left; nothing is changed yet.

    Parameters
    ----------
    visit : leave (one or several references), text
    """
    case = visit.queue.identity_case(visit.path["enterprise_id"])
    chosen = visit.texts("leave")
    leaving = [r for r in case.records if reference_of(r.source, r.record_id) in chosen]
    staying = [r for r in case.records if reference_of(r.source, r.record_id) not in chosen]
    words = read_words(visit.language)
    if not leaving or not staying:
        key = "people.choose_some" if not leaving else "people.choose_fewer"
        return _person(visit, case, chosen=chosen, errors=[words(key)]) | {"is_preview": False}
    sides = visit.queue.split_goldens(
        case.task.enterprise_ids[0], [(r.source, r.record_id) for r in leaving]
    )
    shown = visit.show_case(replace(case, golden_now=sides, golden_after=None))
    labels = dict(zip([r["record_id"] for r in shown["records"]], labels_of(shown), strict=True))
    return {
        "is_preview": True,
        "task": shown["task"],
        "enterprise_id": case.task.enterprise_ids[0],
        "chosen": [reference_of(r.source, r.record_id) for r in leaving],
        "leaving": [_named(r, labels) for r in leaving],
        "staying": [_named(r, labels) for r in staying],
        "golden": golden_rows(
            shown["golden_now"],
            None,
            order=field_order(shown["records"]),
            regions=region_fields(shown["records"]),
        ),
        "golden_heads": [words("golden.staying"), words("golden.leaving")],
        "golden_has_after": False,
        "identities": [],
        "reasons": [each.value for each in _SPLIT_REASONS],
        "version": case.task.version,
        "back": _task_number(visit),
        "language_back": f"/people/{case.task.enterprise_ids[0]}",
        "typed": {"reason": "", "text": visit.text("text", longest=TEXT_MAX)},
        "form_errors": [],
    }


def _named(record: RecordView, labels: Mapping[str, str]) -> dict[str, str]:
    return {
        "label": labels[record.record_id],
        "source": record.source,
        "record_id": record.record_id,
    }


def act_split(visit: Visit) -> Go:
    """Take records out of an identity; they become an identity of their own.

    Parameters
    ----------
    visit : leave (references), version, reason, text
    """
    leave = [tuple(json.loads(each)) for each in visit.texts("leave")]
    if not leave or any(len(each) != 2 for each in leave):
        raise ConfigError(read_words(visit.language)("people.choose_some"))
    reason = visit.text("reason", longest=40)
    if reason not in set(Reason):
        raise ConfigError(read_words(visit.language)("decide.missing_reason"))
    decision = visit.queue.split(
        visit.path["enterprise_id"],
        leave,
        by=visit.who.name,
        version=visit.number("version"),
        reason=Reason(reason),
        text=visit.text("text", longest=TEXT_MAX),
    )
    number = _task_number(visit)
    return Go(
        f"/tasks/{number}" if number else f"/people/{visit.path['enterprise_id']}",
        said="people.split_done",
        values={"count": len(leave)},
        undo=decision.events,
        number=number or None,
        facts=decision.to_dict(),
    )


def act_ask(visit: Visit) -> Go:
    """Raise a task: are these people one?

    Parameters
    ----------
    visit : person (enterprise ids, two or more), text
    """
    people = list(dict.fromkeys(visit.texts("person")))
    if len(people) < 2:
        raise ConfigError(read_words(visit.language)("search.choose_two"))
    number = visit.queue.raise_task(
        tuple(people), by=visit.who.name, text=visit.text("text", longest=TEXT_MAX)
    )
    return Go(f"/tasks/{number}", said="search.asked", values={"number": number}, number=number)


_PERSON: Final = "/people/{enterprise_id:str}"

PAGES: Final = (
    Page("person", _PERSON, view_person, "person.html", Permission.SEE_PEOPLE, here="search"),
    Page(
        "split",
        f"{_PERSON}/split",
        view_split,
        "split.html",
        Permission.DECIDE,
        here="search",
        method="POST",
    ),
    Action("split", f"{_PERSON}/split/confirm", act_split, Permission.DECIDE),
    Action("ask", "/people/ask", act_ask, Permission.WORK),
)
