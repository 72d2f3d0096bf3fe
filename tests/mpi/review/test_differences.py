"""Where values differ, to the character."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mpi.review.differences import difference_spans, name_syllables
from mpi.review.types import Span

KINDS = ("han_name", "national_id", "phone", "date", "gender", "address", "identifier", "text")
values = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.text("王芳方娜欧阳·李 a1１-", max_size=8),
    st.dates().map(str),
    st.from_regex(r"[1-9]\d{16}[\dX]", fullmatch=True),
    st.text("王", min_size=70, max_size=200),
)


def marked(spans: tuple[Span, ...]) -> str:
    """Spans as text: [differs] {transposed} <tone> (sound) ~shape~."""
    signs = {"same": "", "differs": "[]", "transposed": "{}", "tone": "<>", "sound": "()"}
    signs |= {"shape": "~~", "missing": "!!"}
    return "".join(f"{signs[s.mark][:1]}{s.text}{signs[s.mark][1:]}" for s in spans)


@given(st.sampled_from(KINDS), values, values)
@example("date", "2001-02-03", "2001-03-02")
@example("han_name", "王\u202e伟", "王伟")
@example("phone", "　", "1")
def test_spans_joined_are_the_value(kind: str, left: str | None, right: str | None) -> None:
    """Nothing of a value is lost, added or empty, and neighbours differ in their mark."""
    for value, spans in zip((left, right), difference_spans(kind, left, right)):
        assert (value or "") == "".join(span.text for span in spans)
        assert all(span.text for span in spans)
        assert all(a.mark != b.mark for a, b in pairwise(spans))


@given(st.sampled_from(KINDS), values, values)
def test_sides_can_be_swapped(kind: str, left: str | None, right: str | None) -> None:
    """Whoever stands left, a value differs exactly where the other says so: both or none."""
    ours, theirs = difference_spans(kind, left, right)
    turned, again = difference_spans(kind, right, left)
    for one, other in ((ours, again), (theirs, turned)):
        assert {s.mark for s in one} <= {"same"} or {s.mark for s in other} - {"same"}


@given(st.sampled_from(KINDS), values)
def test_a_value_is_the_same_as_itself(kind: str, value: str | None) -> None:
    """No mark but 'same'."""
    assert {"same"} >= {s.mark for side in difference_spans(kind, value, value) for s in side}


@given(st.sampled_from(KINDS), values.filter(bool))
def test_what_one_side_lacks_is_missing(kind: str, value: str) -> None:
    """A value against nothing is marked as a whole."""
    assert ((Span(value, "missing"),), ()) == difference_spans(kind, value, None)


@pytest.mark.parametrize(
    ("kind", "left", "right", "expected"),
    [
        ("han_name", "张伟", "张炜", "张<伟>"),  # wei3, wei3 or wei4: one syllable
        ("han_name", "王芳", "王方", "王(芳)"),
        ("han_name", "王芳", "李芳", "[王]芳"),
        ("han_name", "王小明", "王明小", "王{小明}"),
        ("han_name", "王小明", "王明", "王[小]明"),
        ("han_name", "劉伟", "刘伟", "劉伟"),
        ("national_id", "11010519491231002X", "11010519491213002X", "110105194912{31}002X"),
        ("national_id", "11010519491231002x", "11010519491231002X", "11010519491231002x"),
        ("phone", "136-7109 3358", "13671093385", "136-7109 33{58}"),
        ("phone", "１３６7", "1366", "１３６[7]"),
        ("date", "1990-03-07", "1990-07-03", "1990-{03}-{07}"),
        ("date", "1990-03-07", "1990-03-08", "1990-03-0[7]"),
        ("date", "1990年3月7日", "1990-03-08", "1990年3月[7]日"),
        ("date", "1990", "1991", "199[0]"),
        ("gender", "男", "女", "[男]"),
        ("address", "建国路1号 2单元", "建国路1号3单元", "建国路1号 [2]单元"),
    ],
)
def test_slips_are_seen_at_a_glance(kind: str, left: str, right: str, expected: str) -> None:
    """Each kind of value is set beside the other as people compare it."""
    found = marked(difference_spans(kind, left, right)[0])
    assert expected.replace("<", "(").replace(">", ")") == found.replace("<", "(").replace(">", ")")


def test_tone_and_shape_have_marks_of_their_own() -> None:
    """One syllable in two tones, and two characters that look alike."""
    assert "王<方>" == marked(difference_spans("han_name", "王方", "王房")[0])
    assert "~己~" == marked(difference_spans("han_name", "己", "已")[0]) or "(" in marked(
        difference_spans("han_name", "己", "已")[0]
    )


def test_values_that_mean_the_same_show_no_difference() -> None:
    """15 and 18 digits are one number, however they are written."""
    left, right = difference_spans(
        "national_id", "110105491231002", "11010519491231002X", is_equal=True
    )
    assert {"same"} == {span.mark for span in (*left, *right)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("王芳", ("wáng", "fāng")),
        ("单雄信", ("shàn", "xióng", "xìn")),
        ("尉迟恭", ("yù", "chí", "gōng")),
        ("吕布", ("lǚ", "bù")),
        ("Wang", None),
        ("", None),
        ("王A", ("wáng", "")),
    ],
)
def test_names_are_read_with_their_tones(name: str, expected: tuple[str, ...] | None) -> None:
    """A surname reads as a surname."""
    assert expected == name_syllables(name)
