"""Every state of a task is drawn, from cases made by hand; no index, no engine."""

from __future__ import annotations

from typing import Any

import pytest

from mpi.review.permissions import Role
from mpi.review.web.case_view import view_case
from mpi.review.web.render import Renderer
from mpi.review.web.visit import Who

PEOPLE = ("F8CC-9W3ZG-XWQKK", "DK8E-5XN4N-CVHP1", "AZKE-QSR1C-0CM3C")


def field(name: str, role: str, kind: str, value: str | None, **more: Any) -> dict[str, Any]:
    spans = [] if value is None else [{"text": value, "mark": "differs"}]
    plain = {"name": name, "role": role, "kind": kind, "value": value, "spans": spans}
    plain |= {"origin": "missing" if value is None else "text", "pinyin": None, "level": "else"}
    return plain | {"masked": False} | more


def record(place: int, person: int) -> dict[str, Any]:
    fields = [
        field("birth_certificate", "identifier", "identifier", None),
        field("name", "full_name", "han_name", "张秀英", pinyin=["zhāng", "xiù", "yīng"]),
        field("id_number", "national_id", "national_id", "11••••••••••••••12", masked=True),
        field("birth_date", "birth_date", "date", "1962-03-15"),
        field("address", "address", "address", None, origin="digest"),
    ]
    return {
        "source": f"clinic-{place}",
        "record_id": f"R/{place}",
        "enterprise_id": PEOPLE[person],
        "updated_at": "2025-03-02T00:00:00+00:00" if place else None,
        "added_at": "2026-11-01T10:00:00+00:00",
        "fields": fields,
        "compared_with": None,
        "flags": ["name:temporary_name", "id_number:contradicts_record", "something new"]
        if place == 0
        else [],
    }


def pair(left: int, right: int, weight: float) -> dict[str, Any]:
    words = {"words_key": "agrees", "words_zh": "姓名：一致", "words_en": "name: agrees"}
    step = {"level": "exact", "term_frequency_bits": -0.8} | words
    return {
        "left": left,
        "right": right,
        "match_weight": weight,
        "match_probability": 0.99984,
        "steps": [
            step | {"comparison": "prior", "bits": -20.0, "running": -20.0},
            step | {"comparison": "name", "bits": 32.6, "running": 12.6},
        ],
        "rules": ["phone", "a rule of the table"],
        "decision": "review",
        "why_not_automatic": ["two identities are likely enough"],
        "asked": left == 0,
        "spans_left": {},
        "spans_right": {},
        "levels": {"name": "exact", "id_number": "one_digit"},
    }


def event(action: str, **details: Any) -> dict[str, Any]:
    plain = {"event": 7, "at": "2026-11-03T10:00:00+00:00", "by": "li", "action": action}
    return plain | {"reason": "TWINS", "text": "a <b>word</b>", "details": details}


def golden() -> dict[str, Any]:
    value = {"value": "张秀英", "source": "clinic-0", "record_id": "R/0", "rule": "most_recent"}
    value |= {"agreeing": 1, "saying": 2, "updated_at": 0, "masked": False}
    return {"enterprise_id": PEOPLE[0], "records": 2, "fields": {"name": value}}


def case(persons: tuple[int, ...] = (0, 1), **task: Any) -> dict[str, Any]:
    held = sorted(set(persons))
    row = {
        "number": 12,
        "version": 40,
        "kind": "REVIEW",
        "status": "open",
        "enterprise_ids": [PEOPLE[each] for each in held],
        "title_names": ["张秀英", "", "张绣英"][: len(held)],
        "records": len(persons),
        "sources": ["clinic-0"],
        "match_weight": 12.6,
        "match_probability": 0.99,
        "priority": 3.0,
        "safety": ["sex_differs"],
        "reason": "",
        "assignee": None,
        "viewers": [],
        "created_at": "2026-11-01T10:00:00+00:00",
        "due_at": None,
        "comments": 0,
        "verdict": None,
        "closed_by": None,
        "closed_at": None,
    }
    alike = {"enterprise_id": PEOPLE[2], "source": "s", "record_id": "r", "name": ""}
    last = len(persons) - 1
    return {
        "task": row | task,
        "records": [record(place, person) for place, person in enumerate(persons)],
        "pairs": [pair(0, last, 12.6), pair(max(last - 1, 0), last, -2.0)] if last else [],
        "edges": [],
        "decisions": [
            {
                "left": ["clinic-0", "R/0"],
                "right": [f"clinic-{last}", f"R/{last}"],
                "verdict": "DIFFERENT",
                "by": "li",
                "at": "2026-11-03T10:00:00+00:00",
                "event": 3,
                "reason": "asked",
            }
        ],
        "look_alikes": [
            alike
            | {"birth_date": "", "match_weight": 3.2, "match_probability": 0.9, "why": ["twin"]}
        ],
        "golden_now": [golden() for _ in held],
        "golden_after": golden() if len(held) > 1 else None,
        "history": [event("RAISED"), event("DEFERRED", until="2026-12-01"), event("NEW ACTION")],
        "second_approval_needed": True,
        "records_left_out": 2,
        "values_kept": "rows",
    }


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer()


def drawn(renderer: Renderer, made: dict[str, Any], role: Role, language: str) -> str:
    view = view_case(made, review_line=-4.2, link_line=13.3, changes=[{"name"}, set(), set()])
    view |= {
        "turn": {"previous": 11, "next": None},
        "typed": {"verdict": "", "reason": "", "text": "", "groups": {}},
        "form_errors": ["Choose a reason."],
        "undo_events": [7],
        "colleagues": ["li", "wang"],
        "golden_heads": ["now"] * len(view["identities"]),
        "golden_has_after": made["golden_after"] is not None,
        "language_back": "/tasks/12",
    }
    answer = renderer.page(
        "case.html",
        view,
        who=Who("li", role),
        language=language,
        path="/tasks/12",
        here="tasks",
        csrf="token",
        said=[{"text": "done", "kind": "good", "undo": [7], "number": 12}],
    )
    return bytes(answer.body).decode()


STATES: dict[str, dict[str, Any]] = {
    "two records": case(),
    "three people": case((0, 0, 1, 2)),
    "more records than columns": case((0, 0, 0, 1, 1, 1, 2, 2)),
    "closed": case(status="closed", verdict="MERGE", closed_by="li", closed_at="2026-11-04"),
    "own proposal": case(status="approval", verdict="MERGE", closed_by="li"),
    "proposal of another": case(status="approval", verdict="PARTLY", closed_by="wang"),
    "deferred": case(status="deferred", due_at="2026-12-01T00:00:00+00:00", assignee="li"),
    "watched": case(viewers=["wang"], assignee="wang", kind="POSSIBLE_DUPLICATE"),
    "without a weight": case(match_weight=None, match_probability=None) | {"pairs": []},
}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("state", STATES)
def test_every_state_is_drawn_for_every_role(renderer: Renderer, state: str, language: str) -> None:
    """No state breaks the page; what people wrote is text; a viewer gets no form to decide."""
    for role in Role:
        text = drawn(renderer, STATES[state], role, language)
        assert "a &lt;b&gt;word&lt;/b&gt;" in text
        assert (role is Role.VIEWER) <= ('action="/tasks/12/decide"' not in text)


@pytest.mark.parametrize("state", ["two records", "more records than columns"])
def test_oddities_are_said_in_the_words_of_the_page(renderer: Renderer, state: str) -> None:
    """Field and finding, both translated, whichever way the records lie."""
    for language, said in (
        ("zh", ("姓名：临时姓名", "证件号：与出生日期或性别矛盾")),
        ("en", ("Name: temporary name", "Id number: contradicts birth date or sex")),
    ):
        text = drawn(renderer, STATES[state], Role.STEWARD, language)
        assert [] == [each for each in (*said, "something new") if each not in text]


def test_many_records_can_be_revealed_and_lead_to_their_people(renderer: Renderer) -> None:
    """Records as rows offer what records as columns do."""
    made = STATES["more records than columns"]
    text = drawn(renderer, made, Role.STEWARD, "en")
    table = text[text.index('<table class="grid records across">') :].partition("</table>")[0]
    assert len(made["records"]) == table.count('action="/reveal"')
    for each in PEOPLE:
        assert f'href="/people/{each}?task=12"' in table


def test_a_reason_of_the_machine_is_translated(renderer: Renderer) -> None:
    """What a batch run raised says so in Chinese; what people typed stays as it is."""
    raised = event("RAISED") | {"text": "batch run"}
    made = case() | {"history": [raised, event("COMMENT") | {"text": "sampled audit"}]}
    text = drawn(renderer, made, Role.STEWARD, "zh")
    assert "批量运行" in text
    assert "batch run" not in text
    assert "sampled audit" in text


def test_a_blind_judge_sees_nothing_of_the_machine(renderer: Renderer) -> None:
    """Two records and a form: no weight, no identity, no graph, no golden record."""
    made = case(kind="AUDIT") | {"golden_now": [], "golden_after": None, "look_alikes": []}
    made["history"], made["decisions"] = [], []
    text = drawn(renderer, made, Role.STEWARD, "en")
    assert "Are these two records one person?" in text
    for hidden in ("waterfall", "12.6", *PEOPLE, "graph-title", "golden-title"):
        assert hidden not in text


def test_a_conflict_keeps_what_was_typed(renderer: Renderer) -> None:
    """Who changed the task, and every text that was sent, with a form to send it again."""
    view = {
        "task": 12,
        "version": 40,
        "version_now": 44,
        "changed_by": "wang",
        "changed_at": "2026-11-03T10:00:00+00:00",
        "task_status": "open",
        "asked": {},
        "message": "stale",
        "typed": [{"name": "verdict", "value": "merge"}, {"name": "text", "value": "my <words>"}],
        "asked_path": "/tasks/12/decide",
        "status": 409,
        "request_id": "1",
    }
    answer = renderer.page(
        "conflict.html",
        view,
        who=Who("li", Role.STEWARD),
        language="en",
        path="/tasks/12/decide",
        here="tasks",
        csrf="token",
        said=[],
        status=409,
    )
    text = bytes(answer.body).decode()
    assert "wang" in text
    assert "my &lt;words&gt;" in text
    assert 'name="version" value="44"' in text
    assert 'href="/tasks/12?language=zh"' in text
