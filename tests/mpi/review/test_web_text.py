"""Values as the pages show them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mpi.review.web.case_rows import golden_rows, record_rows
from mpi.review.web.svg import bars, cluster_graph, step_bar, whiskers
from mpi.review.web.text import bits_text, day_text, moment_text, pieces, share_text, visible

NAME: dict[str, Any] = {
    "name": "name",
    "role": "full_name",
    "kind": "han_name",
    "value": "单雄信",
    "origin": "text",
    "pinyin": ["shàn", "xióng", "xìn"],
    "spans": [{"text": "单", "mark": "same"}, {"text": "雄信", "mark": "differs"}],
    "masked": False,
}


def test_readings_lie_above_their_characters() -> None:
    """One piece a character, each with its syllable and the mark of its span."""
    expected = [("单", "same", "shàn"), ("雄", "differs", "xióng"), ("信", "differs", "xìn")]
    assert expected == [(each["text"], each["mark"], each["reading"]) for each in pieces(NAME)]


def test_readings_that_do_not_fit_are_left_out() -> None:
    """Two syllables for three characters could stand above the wrong ones."""
    assert [None, None] == [each["reading"] for each in pieces(NAME | {"pinyin": ["a", "b"]})]


def test_an_id_number_has_gaps_between_its_parts() -> None:
    """Region, birth date and the rest stand apart, whatever the marks."""
    number = {**NAME, "kind": "national_id", "pinyin": None, "value": "11010519491231002X"}
    number["spans"] = [
        {"text": "1101051949123100", "mark": "same"},
        {"text": "2X", "mark": "transposed"},
    ]
    shown = pieces(number)
    assert ["110105", "19491231", "00", "2X"] == [each["text"] for each in shown]
    assert [True, True, False, False] == [each["gap"] for each in shown]


@given(st.lists(st.tuples(st.text(max_size=8), st.sampled_from(["same", "differs", "tone"]))))
def test_pieces_are_the_value(spans: list[tuple[str, str]]) -> None:
    """However a value is cut up, joined it is the value."""
    value = "".join(text for text, _ in spans)
    field = NAME | {"value": value, "spans": [{"text": t, "mark": m} for t, m in spans]}
    for kind in ("han_name", "national_id", "address"):
        shown = pieces(field | {"kind": kind, "pinyin": None})
        assert value == "".join(each["text"] for each in shown)


@given(st.text())
def test_nothing_unseen_and_no_markup_gets_through(text: str) -> None:
    """Markup is escaped; what turns or hides text is shown by its number."""
    shown = visible(text)
    assert "<" not in shown.replace('<span class="control" title="', "").replace("</span>", "") or (
        "<span" in shown
    )
    assert not set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200b\x00\x07") & set(shown)
    str(shown).encode("utf-8")


def test_dates_follow_the_language() -> None:
    """Chinese and English write days in their own way."""
    assert "2026年11月3日" == day_text("2026-11-03", "zh")
    assert "3 Nov 2026" == day_text("2026-11-03", "en")
    assert "" == moment_text(None, "zh")
    assert moment_text("2026-11-03T10:05:00+00:00", "en").endswith(":05")


def test_figures_never_claim_certainty() -> None:
    """A share near one is not rounded to 100 %, and a weight shows its sign."""
    assert ["0%", "100%", "99.96%", ">99.999%", "50%", "–"] == [
        share_text(each) for each in (0.0, 1.0, 0.9996, 0.9999999, 0.5, None)
    ]
    assert ["+3.2", "\u22123.2", "0.0", "–"] == [bits_text(x) for x in (3.2, -3.2, -0.01, None)]


def test_a_row_says_what_its_comparison_is_worth() -> None:
    """Fields of one comparison point to the one where the weight stands."""
    number = {**NAME, "name": "id_number", "role": "national_id", "kind": "national_id"}
    birth = {**NAME, "name": "birth_date", "role": "birth_date", "kind": "date", "pinyin": None}
    record = {"fields": [birth, number, NAME]}
    pair = {
        "left": 0,
        "right": 1,
        "steps": [{"comparison": "identity", "bits": 15.5}, {"comparison": "name", "bits": -3.0}],
        "spans_left": {},
        "spans_right": {},
        "levels": {"id_number": "missing", "birth_date": "exact", "name": "else"},
    }
    rows = record_rows([record, record], pair)
    assert ["name", "id_number", "birth_date"] == [row["name"] for row in rows]
    assert [(-3.0, None), (None, "birth_date"), (15.5, None)] == [
        (row["bits"], row["counted_with"]) for row in rows
    ]
    assert ["against", "none", "for"] == [row["speaks"] for row in rows]


def test_golden_rows_tell_what_a_merge_changes() -> None:
    """Masked values cannot be compared, so the changes are told."""
    value = {"value": "11••", "source": "a", "record_id": "1", "rule": "most_recent"}
    golden = {"fields": {"phone": value}}
    rows = golden_rows([golden, golden], golden, changes=[{"phone"}, set()])
    assert [True, False] == rows[0]["is_changed"]


def test_drawings_escape_and_stay_inside() -> None:
    """Labels are text, and a bar lies between the ends of its axis."""
    hostile = "<script>"
    rows = [{"label": hostile, "parts": [3, 1], "text": "4"}]
    assert hostile not in bars(rows, hostile)
    points = [{"label": hostile, "estimate": 0.5, "low": 0.2, "high": 0.9, "text": hostile}]
    assert hostile not in whiskers(points, hostile)
    graph = {
        "groups": [[0, 1], [2]],
        "labels": [hostile, "A2", "B1"],
        "edges": [{"left": 0, "right": 2, "weight": 9.0, "kind": "review", "label": hostile}],
    }
    assert hostile not in cluster_graph(graph, hostile, hostile)
    scale = {"low": -20.0, "high": 20.0, "review": -4.0, "link": 8.0}
    drawn = step_bar({"before": -20.0, "after": 20.0, "kind": "for"}, scale)
    assert 'x="0.00%" width="100.00%"' in drawn
