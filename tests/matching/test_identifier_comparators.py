"""Comparators of ids, phones, regions and genders against slow obvious versions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matching.comparator import NULL_GRADE, Comparator
from matching.kernels.identifiers import COMPARATORS
from person.gender import encode_gender
from person.national_id import encode_national_id
from person.phones import encode_phone, phone_tag
from person.regions import encode_region
from person.text import Utf8Column

BY_NAME = {comparator.name: comparator for comparator in COMPARATORS}
ENCODERS: dict[str, Any] = {
    "national_id": encode_national_id,
    "phone": encode_phone,
    "region": encode_region,
    "gender": encode_gender,
}
# Components share words with others, as in a real layout: bits around a slot must not matter.
SLOTS = {
    "national_id": ((1, 0, 64), (0, 20, 6)),
    "phone": ((2, 24, 40), (0, 0, 20)),
    "region": ((0, 40, 20),),
    "gender": ((2, 3, 2),),
}
NO_TABLES = (np.zeros(0, np.uint64), np.zeros(1, np.int64), np.zeros(0, np.uint32))


def rows_of(name: str, components: list[tuple[int, ...]]) -> np.ndarray[Any, Any]:
    """Records whose slots hold these values, all other bits set."""
    rows = np.full((len(components), 3), 0xFFFFFFFFFFFFFFFF, np.uint64)
    for row, values in enumerate(components):
        for (word, shift, bits), value in zip(SLOTS[name], values, strict=True):
            mask = ((1 << bits) - 1) << shift
            rows[row, word] = (int(rows[row, word]) & ~mask & (1 << 64) - 1) | (value << shift)
    return rows


def grades_of(
    name: str, left: list[tuple[int, ...]], right: list[tuple[int, ...]]
) -> list[str | None]:
    """Grade names of pairs of component values, None for null."""
    comparator: Comparator = BY_NAME[name]
    out = np.full(len(left), 77, np.uint8)
    index = np.arange(len(left), dtype=np.int32)
    slots = np.array(SLOTS[name], np.int64)
    a, b = rows_of(name, left), rows_of(name, right)
    comparator.kernel(a, b, index, index, slots, NO_TABLES, np.zeros(0), out)
    return [None if grade == NULL_GRADE else comparator.grades[grade] for grade in out.tolist()]


def grade_of_texts(name: str, left: str, right: str) -> str | None:
    encoded = ENCODERS[name](Utf8Column.from_strings([left, right]), {})
    values = [tuple(int(each[row]) for each in encoded.components.values()) for row in (0, 1)]
    return grades_of(name, values[:1], values[1:])[0]


def naive_typing_error(left: str, right: str) -> str | None:
    wrong = [place for place in range(len(left)) if left[place] != right[place]]
    if len(wrong) == 1:
        return "one_digit"
    if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
        first, second = wrong
        if left[first] == right[second] and left[second] == right[first]:
            return "transposed"
    return None


def naive_national_id(left: tuple[int, ...], right: tuple[int, ...]) -> str | None:
    one, other = f"{left[0]:016x}", f"{right[0]:016x}"
    if left[0] == 0 or right[0] == 0:
        return None
    if one == other:
        return "exact"
    if left[1] >> 2 != right[1] >> 2 or (one[0] == "f") != (other[0] == "f"):
        return None
    if one[0] == "f":
        return "else"
    if one[:13] == other[:13] and left[1] & right[1] & 1:
        return "sequence_differs"
    error = naive_typing_error(one, other)
    if error or one[:13] == other[:13]:
        return error or "sequence_differs"
    return "same_birth_date" if one[6:13] == other[6:13] else "else"


def naive_phone(left: tuple[int, ...], right: tuple[int, ...]) -> str | None:
    if left[0] == 0 or right[0] == 0:
        return None
    if left[0] == right[0]:
        return "exact"
    tags = [{int(phone_tag(np.uint64(first))), second} - {0} for first, second in (left, right)]
    if tags[0] & tags[1]:
        return "any_shared"
    one, other = f"{left[0]:010x}", f"{right[0]:010x}"
    if "f" in (one[0], other[0]):
        return "else"
    return naive_typing_error(one, other) or "else"


def naive_region(left: tuple[int, ...], right: tuple[int, ...]) -> str | None:
    one, other = f"{left[0]:06d}", f"{right[0]:06d}"
    if left[0] == 0 or right[0] == 0:
        return None
    without_counties = ("441900", "442000", "460400", "620200")
    if one == other and (one[4:] != "00" or one in without_counties):
        return "same_county"
    if one[:4] == other[:4] and one[2:4] != "00":
        return "same_prefecture"
    return "same_province" if one[:2] == other[:2] else "else"


def naive_gender(left: tuple[int, ...], right: tuple[int, ...]) -> str | None:
    if 0 in (left[0], right[0]):
        return None
    return "exact" if left == right else "else"


NAIVE: dict[str, Any] = {
    "national_id": naive_national_id,
    "phone": naive_phone,
    "region": naive_region,
    "gender": naive_gender,
}

id_bodies = st.one_of(
    st.just(0),
    st.from_regex(r"[1-689]1010[0-5][890]49123[01]00[12]", fullmatch=True).map(
        lambda t: int(t, 16)
    ),
    st.from_regex(r"[0-9]{16}", fullmatch=True).map(lambda t: int(t, 16)),
    st.integers(0xF << 60, (0xF << 60) + 2),
)
details = st.sampled_from([0b000100, 0b000101, 0b000111, 0b000110, 0b001101, 0b001001])
phone_values = st.one_of(
    st.just(0),
    st.from_regex(r"391234[0-2]{4}", fullmatch=True).map(lambda t: int(t, 16)),
    st.from_regex(r"[1-9][0-9]{9}", fullmatch=True).map(lambda t: int(t, 16)),
    st.integers(0xF << 36, (0xF << 36) + 2),
)
tags = st.one_of(st.just(0), phone_values.map(lambda v: int(phone_tag(np.uint64(v)))))
VALUES: dict[str, st.SearchStrategy[tuple[int, ...]]] = {
    "national_id": st.tuples(id_bodies, details),
    "phone": st.tuples(phone_values, tags),
    "region": st.tuples(
        st.sampled_from([0, 110101, 110105, 110000, 440300, 440305, 440306, 440000, 441900, 442000])
    ),
    "gender": st.tuples(st.integers(0, 2)),
}


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_kernels_equal_their_naive_twins(name: str) -> None:
    """Each kernel grades as the obvious version does, in both directions, whatever lies beside."""

    @given(st.lists(st.tuples(VALUES[name], VALUES[name]), max_size=20))
    @example([])
    def check(pairs: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
        left, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        expected = [NAIVE[name](*pair) for pair in pairs]
        assert expected == grades_of(name, left, right)
        assert expected == grades_of(name, right, left)

    check()


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    (
        ("11010519491231002X", "110105491231002", "exact"),  # 18 against 15 digits
        ("11010519491231002X", "11010519491231002x", "exact"),
        ("11010519491231002X", "110105194912310021", "exact"),  # wrong check digit alone
        ("11010519491231002X", "11010519491231003X", "one_digit"),
        ("11010519491231002X", "11010519491230102X", "transposed"),
        ("11010519491231002X", "110105194912310038", "sequence_differs"),  # twins, both right
        ("110105491231002", "110105491231003", "sequence_differs"),
        ("11010519491231002X", "440305194912310028", "same_birth_date"),
        ("11010519491231002X", "440305198001010011", "else"),
        ("E12345678", "E12345678", "exact"),
        ("E12345678", "E12345679", "else"),
        ("E12345678", "11010519491231002X", None),
        ("E12345678", "H12345678", None),
        ("810000199408230021", "110105199408230026", None),
        ("11010519491231002X", "", None),
        ("", "", None),
    ),
)
def test_national_id_grades(left: str, right: str, expected: str | None) -> None:
    """What each grade means, on numbers as people write them."""
    assert expected == grade_of_texts("national_id", left, right)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    (
        ("13912345679", "+86 139-1234-5679", "exact"),
        ("13912345679;13812345670", "13812345670", "any_shared"),
        ("13812345670", "13912345679;13812345670", "any_shared"),
        ("13912345679;13812345670", "13712345671;13812345670", "any_shared"),
        ("13912345679;13812345670", "13812345670;13912345679", "any_shared"),
        ("13912345679", "13912345670", "one_digit"),
        ("13912345679", "13912345697", "transposed"),
        ("13912345679", "18611112223", "else"),
        ("0755-12345671", "0755-12345671", "exact"),
        ("0755-12345671", "0755-12345672", "else"),
        ("13912345679", "无", None),
    ),
)
def test_phone_grades(left: str, right: str, expected: str | None) -> None:
    """Any number of one side may be any of the other."""
    assert expected == grade_of_texts("phone", left, right)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    (
        ("440305", "广东省深圳市南山区", "same_county"),
        ("510202", "500103", "same_county"),  # the code before and after 1997
        ("440305", "440306", "same_prefecture"),
        ("440305", "4403", "same_prefecture"),
        ("4403", "4403", "same_prefecture"),
        ("4419", "441900", "same_county"),
        ("440305", "440106", "same_province"),
        ("44", "44", "same_province"),
        ("440305", "110105", "else"),
        ("440305", "", None),
    ),
)
def test_region_grades(left: str, right: str, expected: str | None) -> None:
    """The finest tier that both sides name and share."""
    assert expected == grade_of_texts("region", left, right)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    (("男", "1", "exact"), ("男", "女", "else"), ("男", "未知", None), ("", "", None)),
)
def test_gender_grades(left: str, right: str, expected: str | None) -> None:
    """Unstated gender is null, never a disagreement."""
    assert expected == grade_of_texts("gender", left, right)


def test_grades_are_declared_best_first() -> None:
    """Graded comparators end in 'else', are symmetric and read one field of their own kind."""
    for comparator in COMPARATORS:
        assert comparator.grades[-1] == "else"
        assert comparator.is_symmetric
        assert comparator.kinds == ((comparator.name,),)
