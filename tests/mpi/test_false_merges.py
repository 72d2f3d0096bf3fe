"""Cases of real registries in which two people look like one: none of them may be merged.

Each case is a few records among two hundred ordinary residents, named `case/record`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import pyarrow as pa
import pytest

import mpi
from mpi.pair_guards import NAMELESS, OTHER_NAME, RENAMED, SHARED_NUMBER
from mpi.result import Result

from .identity_registry import national_id
from .made_residents import made_residents

_COLUMNS: Final = (
    "name", "id_number", "birth_date", "gender", "phone", "region_code", "address",
)  # fmt: skip
_MORE: Final = ("former_name", "birth_certificate", "mother_id_number")


def _owner(name: str, birth: str, number: int, place: int) -> dict[str, Any]:
    """A resident with a number, a phone and a home of their own."""
    return {
        "name": name,
        "id_number": national_id("330106", birth, number),
        "birth_date": birth,
        "gender": "男" if number % 2 else "女",
        "phone": f"1395718{place:04d}",
        "region_code": "330106",
        "address": f"杭州市西湖区文三路{place}号2幢{place % 7 + 1}01室",
    }


def _newborn(name: str, birth: str, gender: str, place: int) -> dict[str, Any]:
    home = _owner("", birth, 1, place)
    return {**home, "name": name, "gender": gender, "id_number": None}


@lru_cache(maxsize=1)
def _cases() -> dict[str, dict[str, Any]]:
    husband = _owner("陈建国", "1958-04-09", 37, 411)
    mother = _owner("高红琴", "1967-07-21", 86, 422)
    father = _owner("何国强", "1961-02-03", 51, 433)
    reissued = _owner("张定东", "1969-06-26", 437, 444)
    boy = _owner("薛杰", "1966-01-24", 81, 455)
    worker = _owner("赵建国", "1975-05-06", 31, 466)
    cousin = _owner("何国华", "1964-08-24", 741, 499)
    namesake = _owner("马尔丹", "1981-02-20", 369, 500)
    bride = _owner("马秀兰", "1980-08-08", 62, 477)
    parent = _owner("周景", "1988-03-04", 24, 488)
    older = _newborn("李娜之女", "2013-05-01", "女", 511)
    twin = _newborn("袁利迪之大女", "2018-02-22", "女", 522)
    found_again = _newborn("吴梅之子", "2019-04-22", "男", 533)
    later_named = _newborn("郑洁婴儿", "2017-09-12", "男", 544)
    unknown = _newborn("无名氏", "1970-01-02", "男", 555)
    return {
        "husband/a": husband,
        "husband/b": {**husband, "phone": None},
        "husband/wife": {**husband, "name": "刘素玉", "gender": "女", "birth_date": None},
        "mother/a": mother,
        "mother/b": {**mother, "phone": None},
        "mother/in-law": {**mother, "name": "刘艳霞", "birth_date": None},
        "mother/in-law without card": {**mother, "name": "刘艳霞", "birth_date": None,
                                       "id_number": None, "gender": "女"},
        "father/a": father,
        "father/b": {**father, "phone": None},
        "father/son": {**father, "name": "何晓明", "birth_date": None},
        "reissued/a": reissued,
        "reissued/b": {**_owner("张晓平", "1969-06-26", 437, 449)},
        "boy/a": boy,
        "boy/daughter": {**boy, "name": "薛洁唐", "gender": "女", "birth_date": "2016-07-24"},
        "cousins/a": cousin,
        "cousins/b": {**_owner("何国文", "1964-08-24", 741, 163)},
        "like-named/mother": {**mother, "name": "向凤文", "phone": "13957189999"},
        "like-named/son": {**mother, "name": "向峰文", "gender": "男", "birth_date": "1992-02-13"},
        "brothers/older": namesake,
        "brothers/younger": {**namesake, "birth_date": "1987-06-12", "id_number": None},
        "worker/a": worker,
        "worker/slip": {**worker, "name": "赵健国", "phone": None},
        "worker/other character": {**worker, "name": "赵建龙"},
        "bride/a": {**bride, "former_name": "马招弟"},
        "bride/b": {**bride, "name": "马欣怡", "former_name": "马招弟"},
        "parent/a": parent,
        "parent/child": {**parent, "name": "周景之女", "birth_date": "2020-05-04"},
        "sisters/older": older,
        "sisters/younger": {**older, "birth_date": "2016-08-19"},
        "twins/larger": twin,
        "twins/smaller": {**twin, "name": "袁利迪之小女"},
        "newborn/ward": {**found_again, "birth_certificate": "X150995751"},
        "newborn/register": {**found_again, "phone": None, "birth_certificate": "X150995751"},
        "named/ward": later_named,
        "named/clinic": {**later_named, "name": "王子轩"},
        "unknown/a": unknown,
        "unknown/b": {**unknown, "birth_date": None},
    }  # fmt: skip


@lru_cache(maxsize=1)
def _run() -> Result:
    residents = made_residents()[0].rename_columns(["record_id", *_COLUMNS])
    for name in _MORE:
        residents = residents.append_column(name, pa.nulls(len(residents), pa.string()))
    rows = [
        {"record_id": key, **{name: row.get(name) for name in (*_COLUMNS, *_MORE)}}
        for key, row in _cases().items()
    ]
    return mpi.dedupe(pa.concat_tables([residents, pa.Table.from_pylist(rows, residents.schema)]))


def _groups(case: str) -> list[set[str]]:
    clusters: dict[str, set[str]] = {}
    for row in _run().clusters.to_pylist():
        if row["record_id"].startswith(case + "/"):
            name = row["record_id"].removeprefix(case + "/")
            clusters.setdefault(row["enterprise_id"], set()).add(name)
    return sorted(clusters.values(), key=min)


def _refused(one: str, other: str) -> str | None:
    """Why a pair was not linked."""
    found = [
        row["refused"]
        for row in _run().links.to_pylist()
        if {row["record_id_l"], row["record_id_r"]} == {one, other}
    ]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("case", "people"),
    [
        ("husband", [{"a", "b"}, {"wife"}]),
        ("father", [{"a", "b"}, {"son"}]),
        ("reissued", [{"a"}, {"b"}]),
        ("boy", [{"a"}, {"daughter"}]),
        ("cousins", [{"a"}, {"b"}]),
        ("like-named", [{"mother"}, {"son"}]),
        ("brothers", [{"older"}, {"younger"}]),
        ("parent", [{"a"}, {"child"}]),
        ("sisters", [{"older"}, {"younger"}]),
        ("twins", [{"larger"}, {"smaller"}]),
        ("named", [{"clinic"}, {"ward"}]),
        ("unknown", [{"a"}, {"b"}]),
    ],
)
def test_two_people_stay_two(case: str, people: list[set[str]]) -> None:
    """A card lent or issued twice, a mother's name and no name at all merge nobody."""
    assert people == _groups(case)


def test_no_third_record_brings_a_borrower_to_the_owner() -> None:
    """The borrower's record without the card does not lead to the card's owner either."""
    assert {"a", "b"} in _groups("mother")


@pytest.mark.parametrize("case", ["worker", "bride", "newborn"])
def test_one_person_stays_one(case: str) -> None:
    """A slip in a name, a former name and a newborn's own certificate still link."""
    assert 1 == len(_groups(case))


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("husband/a", "husband/wife", OTHER_NAME),
        ("mother/a", "mother/in-law", OTHER_NAME),
        ("father/a", "father/son", RENAMED),
        ("boy/a", "boy/daughter", SHARED_NUMBER),
        ("twins/larger", "twins/smaller", NAMELESS),
        ("named/ward", "named/clinic", NAMELESS),
    ],
)
def test_review_says_why(one: str, other: str, reason: str) -> None:
    """A steward reads what speaks against the pair."""
    assert reason == _refused(one, other)
