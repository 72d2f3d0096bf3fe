"""Regions: codes of every length and age, names in text, and the table against public lists."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from person.field import FieldStatus
from person.regions import canonical_region, encode_region, region_is_known, region_table
from person.text import Utf8Column

HISTORY = Path(__file__).parents[3] / "shared" / "data" / "admin" / "gbt2260_history_1981_2024.csv"

any_text = st.text(st.characters(codec="utf-8"), max_size=30)
region_like_text = st.text(
    st.sampled_from("广东省深圳市南山区北京朝阳县重庆吉林海州0123456789 -\0😀"), max_size=20
)


def one(text: str) -> tuple[int, FieldStatus]:
    encoded = encode_region(Utf8Column.from_strings([text]), {})
    return int(encoded.components["code"][0]), FieldStatus(encoded.status[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    (
        ("440305", 440305),
        ("４４０３０５", 440305),
        (" 44-03-05 ", 440305),
        ("440305001", 440305),
        ("440305001002", 440305),
        ("4403", 440300),
        ("44", 440000),
        ("440300", 440300),
        ("510202", 500103),  # Chongqing left Sichuan in 1997
        ("512201", 500101),
        ("460001", 469001),  # Tongza, Hainan, Wuzhishan since 2001
        ("110103", 110101),  # Chongwen into Dongcheng, 2010
        ("310103", 310101),
        ("330103", 330105),
        ("320103", 320104),
        ("830000", 710000),
        ("810000", 810000),
        ("441900", 441900),
    ),
)
def test_codes_of_every_length_and_age(text: str, expected: int) -> None:
    """Codes of 2 to 12 digits lead to the code that their place has today."""
    assert (expected, FieldStatus.VALID) == one(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    (
        ("广东省深圳市南山区", 440305),
        ("广东深圳南山", 440305),
        ("深圳市南山区科技园", 440305),
        ("中国广东省广州市天河区", 440106),
        ("北京市朝阳区", 110105),
        ("北京市市辖区朝阳区", 110105),
        ("北京 海淀", 110108),
        ("吉林", 220000),
        ("吉林市", 220200),
        ("吉林省吉林市昌邑区", 220202),
        ("浙江省义乌市", 330782),
        ("义乌", 330782),
        ("恩施土家族苗族自治州利川市", 422802),
        ("湖北恩施利川", 422802),
        ("新疆伊犁哈萨克自治州伊宁市", 654002),
        ("内蒙古呼和浩特市新城区", 150102),
        ("广西柳州", 450200),
        ("湖北省仙桃市", 429004),
        ("湖北省省直辖县级行政区划仙桃市", 429004),
        ("广东省东莞市虎门镇", 441900),
        ("四川省重庆市渝中区", 500103),  # as it was written before 1997
        ("四川省万县市", 500101),
        ("上海市南市区", 310101),
        ("浙江省杭州市下城区", 330105),
        ("香港特别行政区", 810000),
        ("台湾省", 710000),
    ),
)
def test_names_in_text(text: str, expected: int) -> None:
    """Names in full or short, of today or former, province first; what follows is left alone."""
    assert (expected, FieldStatus.VALID) == one(text)


@pytest.mark.parametrize(
    ("text", "status"),
    (
        ("", FieldStatus.MISSING),
        (" ", FieldStatus.MISSING),
        ("-", FieldStatus.PLACEHOLDER),
        ("不详", FieldStatus.PLACEHOLDER),
        ("NULL", FieldStatus.PLACEHOLDER),
        ("000000", FieldStatus.PLACEHOLDER),
        ("999999", FieldStatus.PLACEHOLDER),
        ("123", FieldStatus.BAD_LENGTH),
        ("4403051", FieldStatus.BAD_LENGTH),
        ("669988", FieldStatus.UNKNOWN_REGION),
        ("99", FieldStatus.UNKNOWN_REGION),
        ("朝阳区", FieldStatus.UNKNOWN_REGION),  # several cities have one
        ("somewhere", FieldStatus.UNKNOWN_REGION),
        ("😀", FieldStatus.UNKNOWN_REGION),
        ("4403\0", FieldStatus.NUL_BYTE),
    ),
)
def test_what_names_no_region_is_missing_with_a_reason(text: str, status: FieldStatus) -> None:
    """Unknown codes, ambiguous names and placeholders are encoded as missing."""
    assert (0, status) == one(text)


def test_a_city_without_its_county_keeps_the_tier_it_names() -> None:
    """Text that stops at the prefecture gives the prefecture's code, zeros for the county."""
    assert (440300, FieldStatus.VALID) == one("广东省深圳市某某路1号")


@given(st.lists(st.one_of(st.none(), any_text, region_like_text), max_size=12))
@example([])
@example(["广东省深圳市南山区" * 12])
def test_a_batch_is_its_records_one_by_one(values: list[str | None]) -> None:
    """Any text encodes, the same alone as among others, into 20 bits."""
    batch = encode_region(Utf8Column.from_strings(values), {})
    for row, value in enumerate(values):
        alone = encode_region(Utf8Column.from_strings([value]), {})
        assert alone.components["code"][0] == batch.components["code"][row]
        assert alone.status[0] == batch.status[row]
    code, is_valid = batch.components["code"], batch.status == FieldStatus.VALID
    assert (code < 1 << 20).all()
    assert ((code != 0) == is_valid).all()


def test_following_successors_ends() -> None:
    """A canonical code is its own canonical code, so encoding twice changes nothing."""
    canonical = np.unique(region_table().canonical)
    for code in canonical[canonical > 0].tolist():
        assert code == canonical_region(code)


@given(st.integers(-5, 1_100_000))
def test_known_codes_are_those_with_a_place(code: int) -> None:
    """Any number may be asked for; only codes ever in force are known."""
    assert region_is_known(code) == (canonical_region(code) != 0)


@pytest.mark.skipif(not HISTORY.exists(), reason="public code history not at hand")
def test_against_the_public_history_of_codes() -> None:
    """Every code of the public list is known; 97 of 100 abolished counties reach a successor of it.

    The rest are suburbs shared out among all districts of their city, which keep their code.
    """
    with HISTORY.open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["level"] == "county"]
    live = {int(row["code"]) for row in rows if row["status"] != "retired"}
    retired = {int(row["code"]): row["new_codes"] for row in rows} | dict.fromkeys(live, "")
    assert [] == [code for code in retired if not region_is_known(code)]
    agreed, asked = 0, 0
    for code, new_codes in retired.items():
        if code in live:
            continue
        asked += 1
        nexts = [int(part.split("[")[0]) for part in new_codes.split(";") if part]
        reached = canonical_region(code)
        agreed += any(
            reached == canonical_region(each)
            or (reached % 100 == 0 and reached // 100 == canonical_region(each) // 100)
            for each in nexts
        )
    assert agreed / asked > 0.97
