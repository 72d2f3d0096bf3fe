"""Masks: what stays readable of a number, and that no place of a case is forgotten."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpi.identity_golden import GoldenRecord
from mpi.review.masking import EVERY_FIELD, mask_text, mask_value, plain_case, plain_record
from mpi.review.types import (
    Case,
    FieldView,
    LookAlike,
    PairView,
    RecordView,
    Span,
    StandingDecision,
    TaskEvent,
    TaskRow,
    TaskStatus,
)
from mpi.survivorship import GoldenField

NUMBER = "110105198702147530"
OTHER = "110105198702147538"
UNLIKE = "510107194912030661"
PHONE = "13651204418"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("national_id", NUMBER, "11" + "•" * 16),
        ("national_id", "110105 19870214 7530", "11•••• •••••••• ••••"),
        ("national_id", "E1234567", "E1" + "•" * 6),
        ("national_id", "1234", "••••"),
        ("phone", PHONE, "136••••••18"),
        ("phone", "13651204418;010-62345678", "136••••••18;010-••••••78"),
        ("phone", "8001", "••••"),
        ("identifier", "A12345678", "•••••••78"),
        ("han_name", "王芳", "王芳"),
        ("address", "科华北路62号3栋", "科华北路62号3栋"),
        ("address", "科华北路62号 13651204418", "科华北路62号 •••••••••••"),
        ("address", "北湖大道199-1102", "北湖大道199-1102"),
        ("address", "北湖大道199-1102，电话028-85412203", "北湖大道199-1102，电话•••-••••••••"),
        ("address", "北湖大道9号 (010)6234567", "北湖大道9号 (•••)•••••••"),
        ("address", f"北湖大道9号{NUMBER[:17]}X", "北湖大道9号" + "•" * 18),
        ("address", "北湖大道9号１３６５１２０４４１８", "北湖大道9号" + "•" * 11),
        ("date", "19870214", "19870214"),
        ("region", "110105", "110105"),
        ("something_new", "7654321", "•••••••"),
    ],
)
def test_what_stays_readable(kind: str, value: str, expected: str) -> None:
    """Province, the start and end of a phone, the end of a card; the length is kept."""
    assert expected == mask_value(kind, value)


@given(st.sampled_from(["national_id", "phone", "identifier", "address"]), st.text(max_size=40))
def test_a_mask_keeps_every_place(kind: str, value: str) -> None:
    """Marks are places in the value: each character stays, or becomes a bullet."""
    masked = mask_value(kind, value)
    assert len(value) == len(masked)
    assert {"•"} >= {new for old, new in zip(value, masked) if old != new}


@given(st.text(alphabet="0123456789 -Xx王", max_size=40))
def test_no_long_number_is_left_in_free_text(text: str) -> None:
    """Seven digits in a row, with blanks or hyphens between them or not."""
    shown = "".join(each if each.isdigit() else "|" for each in mask_text(text))
    assert max((len(part) for part in shown.split("|")), default=0) < 7


def field(name: str, kind: str, value: str | None, spans: tuple[Span, ...] = ()) -> FieldView:
    return FieldView(
        name=name,
        role=name,
        kind=kind,
        value=value,
        origin="missing" if value is None else "text",
        spans=spans or ((Span(value, "same"),) if value else ()),
    )


def record(record_id: str, number: str, spans: tuple[Span, ...] = ()) -> RecordView:
    return RecordView(
        source="h",
        record_id=record_id,
        enterprise_id=f"E{record_id}",
        fields=(
            field("name", "han_name", "王芳"),
            field("id_number", "national_id", number, spans),
            field("phone", "phone", PHONE),
            field("birth_date", "date", None),
        ),
    )


def spans_text(spans: list[dict[str, str]]) -> str:
    return "".join(span["text"] for span in spans)


def test_a_slip_of_one_digit_can_be_seen() -> None:
    """The unlike digit is readable, the like ones are not."""
    spans = (Span(NUMBER[:17], "same"), Span("0", "differs"))
    plain = plain_record(record("1", NUMBER, spans))
    shown = plain["fields"][1]
    assert "11" + "•" * 16 == shown["value"]
    assert "11" + "•" * 15 + "0" == spans_text(shown["spans"])
    assert shown["masked"]
    assert not plain["fields"][0]["masked"]


def test_two_unlike_numbers_stay_hidden() -> None:
    """All digits differ; showing them would show the numbers."""
    shown = plain_record(record("1", NUMBER, (Span(NUMBER, "differs"),)))["fields"][1]
    assert "11" + "•" * 16 == spans_text(shown["spans"])
    assert ["differs"] == [span["mark"] for span in shown["spans"]]


def test_a_digit_that_only_one_side_has_stays_hidden() -> None:
    """A value against nothing is not a slip."""
    spans = (Span(NUMBER[:17], "same"), Span("0", "missing"))
    shown = plain_record(record("1", NUMBER, spans))["fields"][1]
    assert "11" + "•" * 16 == spans_text(shown["spans"])


@pytest.mark.parametrize("name", ["id_number", EVERY_FIELD])
def test_what_was_asked_for_is_shown_and_nothing_else(name: str) -> None:
    """A reveal is for one field of one record, or for one record."""
    case = made_case()
    plain = plain_case(case, {("h", "1", name)})
    first, second = plain["records"]
    assert NUMBER == first["fields"][1]["value"]
    assert (PHONE == first["fields"][2]["value"]) == (name == EVERY_FIELD)
    assert UNLIKE not in json.dumps(plain)
    assert "51" + "•" * 16 == second["fields"][1]["value"]
    assert NUMBER == spans_text(plain["pairs"][0]["spans_left"]["id_number"])
    assert NUMBER == plain["golden_after"]["fields"]["id_number"]["value"]


def golden(enterprise_id: str, record_id: str, number: str) -> GoldenRecord:
    chosen = GoldenField(
        value=number,
        source="h",
        record_id=record_id,
        updated_at=0,
        rule="most_frequent",
        agreeing=1,
        saying=1,
    )
    return GoldenRecord(enterprise_id=enterprise_id, fields={"id_number": chosen}, records=1)


def made_case() -> Case:
    """Numbers in every place of a case that can hold one."""
    task = TaskRow(
        number=7,
        version=3,
        kind="REVIEW",
        status=TaskStatus.OPEN,
        enterprise_ids=("E1", "E2"),
        title_names=("王芳", "王芳"),
        records=2,
        sources=("h",),
        match_weight=4.0,
        match_probability=0.9,
        priority=2.0,
        safety=(),
        reason="between the lines",
        created_at="2026-03-01T08:00:00+00:00",
    )
    pair = PairView(
        left=0,
        right=1,
        match_weight=4.0,
        match_probability=0.9,
        steps=(),
        rules=(),
        decision="review",
        why_not_automatic=(),
        spans_left={"id_number": (Span(NUMBER, "differs"),)},
        spans_right={"id_number": (Span(UNLIKE, "differs"),)},
    )
    return Case(
        task=task,
        records=(record("1", NUMBER), record("2", UNLIKE)),
        pairs=(pair,),
        decisions=(
            StandingDecision(
                left=("h", "1"),
                right=("h", "2"),
                verdict="DIFFERENT",
                by="li",
                at="2026",
                event=4,
                reason=f"the card says {NUMBER}",
            ),
        ),
        look_alikes=(
            LookAlike(
                enterprise_id="E3",
                source="h",
                record_id="3",
                name=f"王芳 {PHONE}",
                birth_date="1987-02-14",
                match_weight=1.0,
                match_probability=0.1,
                why=(),
            ),
        ),
        golden_now=(golden("E1", "1", NUMBER), golden("E2", "2", UNLIKE)),
        golden_after=golden("E1", "1", NUMBER),
        history=(TaskEvent(event=5, at="2026", by="li", action="COMMENT", text=f"called {PHONE}"),),
    )


def test_no_place_of_a_case_is_forgotten() -> None:
    """Records, pairs, golden records, comments, reasons, look-alikes."""
    text = json.dumps(plain_case(made_case()), ensure_ascii=False)
    for secret in (NUMBER, UNLIKE, PHONE, NUMBER[6:], PHONE[3:]):
        assert secret not in text
    assert "王芳" in text
