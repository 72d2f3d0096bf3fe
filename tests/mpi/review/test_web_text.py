"""Values as the pages show them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mpi.review.places import place_name
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


def test_a_number_that_its_source_grouped_gets_no_gaps_of_ours() -> None:
    """Masked or not, hyphens and blanks of the source stand where they stood."""
    number = {**NAME, "kind": "phone", "pinyin": None}
    for value, gaps in (("13••••••88•", [3, 7]), ("137-••••-••25", []), ("137 •••• ••25", [])):
        shown = pieces(number | {"value": value, "spans": []})
        ends = [
            sum(len(e["text"]) for e in shown[: at + 1]) for at, e in enumerate(shown) if e["gap"]
        ]
        assert gaps == ends


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


def test_bits_stand_where_something_speaks_as_they_do() -> None:
    """A sum for one person does not stand beside 'differs', nor one against beside 'agrees'."""
    number = {**NAME, "name": "id_number", "role": "national_id", "kind": "national_id"}
    birth = {**NAME, "name": "birth_date", "role": "birth_date", "kind": "date", "pinyin": None}
    pair = {
        "left": 0,
        "right": 1,
        "spans_left": {},
        "spans_right": {},
        "levels": {"id_number": "else", "birth_date": "exact"},
    }
    record = {"fields": [number, birth]}
    for bits, home in ((7.6, "birth_date"), (-7.6, "id_number")):
        rows = record_rows(
            [record] * 2, pair | {"steps": [{"comparison": "identity", "bits": bits}]}
        )
        assert [home] == [row["name"] for row in rows if row["bits"] is not None]


def test_only_the_two_records_looked_at_are_marked() -> None:
    """The others stand beside them as they are; without a pair each shows its own marks."""
    spans = {"name": [{"text": "单雄信", "mark": "differs"}]}
    pair = {"left": 0, "right": 1, "steps": [], "levels": {}}
    pair |= {"spans_left": spans, "spans_right": spans}
    record = {"fields": [NAME]}
    (row,) = record_rows([record] * 3, pair)
    marks = [{piece["mark"] for piece in cell["pieces"]} for cell in row["cells"]]
    assert [{"differs"}, {"differs"}, {"same"}] == marks
    (row,) = record_rows([record] * 3, None)
    assert all({"same", "differs"} == {p["mark"] for p in cell["pieces"]} for cell in row["cells"])


def test_a_region_has_its_name() -> None:
    """From the province down; what no table knows has none."""
    assert "北京市朝阳区" == place_name("110105")
    assert "浙江省杭州市西湖区" == place_name(" 330106001 ")
    assert "海南省五指山市" == place_name("469001")
    assert ["", "", "", ""] == [place_name(each) for each in (None, "", "999999", "1101")]
    region = {**NAME, "name": "region_code", "kind": "region", "value": "110105", "pinyin": None}
    (row,) = record_rows([{"fields": [region | {"spans": []}]}], None)
    assert "北京市朝阳区" == row["cells"][0]["place"]
    golden = {"fields": {"region_code": {"value": "110105"}, "phone": {"value": "110105"}}}
    rows = golden_rows([golden], None, regions={"region_code"})
    assert ["北京市朝阳区", ""] == [each["now"][0]["place"] for each in rows]


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
