"""Cases that real registries have, before and after, as a clinician would draw them.

`E1  register/1 hospital/7` is a person and their records, `E2 -> E1` an id that now means E1,
`? hospital/9 in E3: E1` a question for a steward: is the record of E3 perhaps one of E1?
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from mpi.identity_decide import Outcome
from person.errors import IdentityError, LinkConflictError
from tests.mpi.identity_registry import Registry, national_id

BEIJING = {"region_code": "110105", "address": "北京市朝阳区建国路88号3单元1201室"}
GUANGZHOU = {"region_code": "440106", "address": "广州市天河区体育西路17号804室"}
WANG_FANG: dict[str, Any] = {
    "name": "王芳",
    "id_number": national_id("110105", "1991-08-16", 26),
    "birth_date": "1991-08-16",
    "gender": "女",
    "phone": "13671093358",
    **BEIJING,
}
CHEN_JIANGUO: dict[str, Any] = {
    "name": "陈建国",
    "id_number": national_id("330106", "1958-04-09", 37),
    "birth_date": "1958-04-09",
    "gender": "男",
    "phone": "13957180246",
    "region_code": "330106",
    "address": "杭州市西湖区文三路90号2幢501室",
}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path)
    yield made
    report = made.index.verify()
    made.close()
    assert () == report.findings


def drawn(text: str) -> str:
    return dedent(text).strip()


def without(person: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in person.items() if name not in names}


def test_newborn_gets_a_name_and_a_number_later(registry: Registry) -> None:
    """A newborn under the mother's name keeps the id when name and number come."""
    birth = {
        "birth_date": "2024-03-05",
        "gender": "女",
        "phone": WANG_FANG["phone"],
        "mother_id_number": WANG_FANG["id_number"],
        "birth_certificate": "Y110023417",
        **BEIJING,
    }
    registry.arrives("hospital/mother", **WANG_FANG)
    registry.arrives("hospital/baby", name="王芳之女", **birth)
    assert registry.picture() == drawn(
        """
        E1  hospital/mother
        E2  hospital/baby
        """
    )
    number = national_id("110105", "2024-03-05", 42)
    registry.arrives("hospital/baby", name="李欣怡", id_number=number, **birth)
    registry.arrives("vaccination/51", name="李欣怡", id_number=number, **without(birth, "phone"))
    assert registry.picture() == drawn(
        """
        E1  hospital/mother
        E2  hospital/baby vaccination/51
        """
    )


def test_mover_between_provinces(registry: Registry) -> None:
    """Another province, address and phone: the number, name and birth date still say who it is."""
    registry.arrives("register/1", **WANG_FANG)
    registry.arrives("guangzhou/88", **{**WANG_FANG, **GUANGZHOU, "phone": "18620415573"})
    assert registry.picture() == "E1  register/1 guangzhou/88"


def test_insured_twice_under_15_and_18_digits(registry: Registry) -> None:
    """The old number of 15 digits and the new one of 18 are one identity."""
    old = CHEN_JIANGUO["id_number"][:6] + CHEN_JIANGUO["id_number"][8:17]
    registry.arrives("insurance/1", **CHEN_JIANGUO)
    registry.arrives("insurance/2", **{**without(CHEN_JIANGUO, "phone"), "id_number": old})
    assert registry.picture() == "E1  insurance/1 insurance/2"
    assert ["E1"] == registry.named([registry.index.lookup(id_number=old)])  # type: ignore[list-item]


def test_health_card_lost_and_issued_again(registry: Registry) -> None:
    """A new card is no new person."""
    registry.arrives("hospital/1", **CHEN_JIANGUO, health_card="A12345678")
    registry.arrives("clinic/9", **without(CHEN_JIANGUO, "id_number"), health_card="B87654321")
    assert registry.picture() == "E1  hospital/1 clinic/9"


def test_one_number_issued_to_two_people(registry: Registry) -> None:
    """The same number under two names and birth dates is two people until a steward says else."""
    other = {
        "name": "赵丽华",
        "id_number": CHEN_JIANGUO["id_number"],
        "birth_date": "1971-11-23",
        "gender": "女",
        "phone": "13588003412",
        **GUANGZHOU,
    }
    registry.arrives("register/1", **CHEN_JIANGUO)
    registry.arrives("hospital/2", **other)
    assert registry.picture() == drawn(
        """
        E1  register/1
        E2  hospital/2
        ? hospital/2 in E2: E1
        """
    )
    with pytest.raises(IdentityError, match="2 identities"):
        registry.index.lookup(id_number=CHEN_JIANGUO["id_number"])
    found = registry.index.lookup_all(id_number=CHEN_JIANGUO["id_number"])
    assert ["E1", "E2"] == registry.named(found)


def test_a_relatives_card_used_at_the_desk(registry: Registry) -> None:
    """A daughter with her mother's card is not linked to her mother."""
    daughter = {
        **WANG_FANG, "name": "李欣怡", "birth_date": "2014-03-05", "phone": WANG_FANG["phone"],
    }  # fmt: skip
    registry.arrives("register/1", **WANG_FANG)
    receipt = registry.arrives("hospital/5", **daughter)
    assert Outcome.REVIEW is receipt.outcome
    assert registry.picture() == drawn(
        """
        E1  register/1
        E2  hospital/5
        ? hospital/5 in E2: E1
        """
    )


@pytest.mark.parametrize("has_number", [True, False])
def test_twins_stay_two(registry: Registry, has_number: bool) -> None:
    """Surname, birth date, home, phone and mother are the same, and they are two."""
    family = {
        "birth_date": "2019-06-21",
        "gender": "男",
        "phone": "13671093358",
        "mother_id_number": WANG_FANG["id_number"],
        **BEIJING,
    }
    for number, name in enumerate(("李浩宇", "李浩轩")):
        person = {**family, "name": name}
        if has_number:
            person["id_number"] = national_id("110105", "2019-06-21", 31 + 2 * number)
        registry.arrives(f"clinic/{number}", **person)
        registry.arrives(f"school/{number}", **person)
    first, second = registry.who("clinic/0"), registry.who("clinic/1")
    assert first != second
    assert first == registry.who("school/0")
    assert second == registry.who("school/1")


def test_renamed_with_a_new_number(registry: Registry) -> None:
    """Two valid numbers are never linked by weight; a steward does, and then it holds."""
    registry.arrives("register/1", **CHEN_JIANGUO)
    renamed = {
        **CHEN_JIANGUO,
        "name": "陈思远",
        "former_name": "陈建国",
        "id_number": national_id("330106", "1958-04-09", 51),
    }
    receipt = registry.arrives("register/2", **renamed)
    assert Outcome.LINK is not receipt.outcome
    registry.merge("E1", "E2")
    registry.arrives("hospital/3", **without(renamed, "former_name", "address"))
    registry.arrives("register/2", **{**renamed, "phone": "13957180299"})
    assert "E1" == registry.who("register/2")
    assert "E2 -> E1" in registry.picture()


def test_emergency_without_a_name(registry: Registry) -> None:
    """无名氏 is somebody of their own, until the record says who: then the old id leads there."""
    registry.arrives("register/1", **CHEN_JIANGUO)
    registry.arrives("emergency/77", name="无名氏", gender="男")
    assert registry.picture() == drawn(
        """
        E1  register/1
        E2  emergency/77
        """
    )
    registry.arrives("emergency/77", **CHEN_JIANGUO)
    assert registry.picture() == drawn(
        """
        E1  register/1 emergency/77
        E2 -> E1
        """
    )


def test_unmerge_after_a_wrong_merge_while_records_kept_arriving(registry: Registry) -> None:
    """Each of the records that came in between goes to the one it belongs to."""
    one = {**CHEN_JIANGUO, "name": "王伟", "birth_date": "1958-04-09"}
    two = {
        "name": "王伟",
        "birth_date": "1983-12-02",
        "gender": "男",
        "phone": "15088664120",
        **GUANGZHOU,
    }
    registry.arrives("register/1", **one)
    registry.arrives("hospital/2", **two)
    registry.merge("E1", "E2")
    wrong = registry.last_event()
    registry.arrives("clinic/1", **without(one, "address"))
    registry.arrives("clinic/2", **without(two, "gender"))
    assert registry.picture() == drawn(
        """
        E1  register/1 hospital/2 clinic/1
        E2 -> E1
        E3  clinic/2
        ? clinic/2 in E3: E1
        """
    )
    registry.index.undo(wrong, by="Dr Li", reason="two people")
    assert registry.picture() == drawn(
        """
        E1  register/1 clinic/1
        E2  hospital/2 clinic/2
        E3 -> E2
        """
    )


def test_a_source_sends_its_whole_file_again(registry: Registry) -> None:
    """Nothing has changed, so nothing happens; one change is one event."""
    file = [
        {"source": "clinic", "record_id": "1", **WANG_FANG},
        {"source": "clinic", "record_id": "2", **CHEN_JIANGUO},
    ]
    registry.index.add_table(file)
    picture, events = registry.picture(), registry.last_event()
    again = registry.index.add_table(file)
    assert ["unchanged", "unchanged"] == again["action"].to_pylist()
    assert (picture, events) == (registry.picture(), registry.last_event())
    file[1]["phone"] = "13700001234"
    assert ["unchanged", "updated"] == registry.index.add_table(file)["action"].to_pylist()
    assert events + 1 == registry.last_event()


def test_two_identities_near_the_top_are_a_question(registry: Registry) -> None:
    """Who fits two people is linked to neither."""
    registry.arrives("a/1", **without(CHEN_JIANGUO, "id_number", "phone"))
    registry.arrives("b/1", **without(CHEN_JIANGUO, "id_number", "phone", "address"))
    if registry.who("a/1") == registry.who("b/1"):
        registry.split(registry.who("a/1"), ["b/1"])
    receipt = registry.arrives("c/1", **without(CHEN_JIANGUO, "id_number", "phone"))
    assert Outcome.LINK is not receipt.outcome or receipt.enterprise_id == registry.id_of("E1")


def test_an_update_can_move_a_record(registry: Registry) -> None:
    """A desk that overwrites a record with another person's data moves it there."""
    registry.arrives("register/1", **WANG_FANG)
    registry.arrives("hospital/7", **WANG_FANG)
    registry.arrives("register/2", **CHEN_JIANGUO)
    receipt = registry.arrives("hospital/7", **CHEN_JIANGUO)
    assert ("moved", registry.id_of("E1")) == (receipt.action, receipt.moved_from)
    assert registry.picture() == drawn(
        """
        E1  register/1
        E2  hospital/7 register/2
        """
    )


def test_the_last_record_retires_the_id(registry: Registry) -> None:
    """The id is kept, with its history, and given to nobody else."""
    registry.arrives("register/1", **WANG_FANG)
    registry.leaves("register/1")
    assert registry.picture() == "E1 retired"
    registry.arrives("register/1", **WANG_FANG)
    assert registry.picture() == drawn(
        """
        E1 retired
        E2  register/1
        """
    )
    assert ["founded", "retired"] == [e.note for e in registry.index.history(registry.id_of("E1"))]


def test_a_removal_can_be_taken_back(registry: Registry) -> None:
    """The record, its content and its identity are there again."""
    registry.arrives("register/1", **WANG_FANG)
    registry.arrives("clinic/1", **WANG_FANG)
    before = registry.picture()
    registry.leaves("clinic/1")
    registry.index.undo(registry.last_event(), by="Dr Li")
    assert before == registry.picture()
    registry.leaves("clinic/1")
    registry.leaves("register/1")
    registry.index.undo(registry.last_event(), by="Dr Li")
    assert registry.picture() == "E1  register/1"


def test_no_machine_moves_what_a_steward_merged(registry: Registry) -> None:
    """An update that would take a record away raises a question instead."""
    registry.arrives("register/1", **WANG_FANG)
    registry.arrives("emergency/2", name="无名氏", gender="女")
    registry.merge("E1", "E2")
    registry.arrives("register/3", **CHEN_JIANGUO)
    registry.arrives("emergency/2", **CHEN_JIANGUO)
    assert registry.picture() == drawn(
        """
        E1  register/1 emergency/2
        E2 -> E1
        E3  register/3
        ? emergency/2 in E1: E3
        """
    )


def test_a_split_holds_against_the_weights(registry: Registry) -> None:
    """Records that a steward parted do not come together again, however alike they are."""
    registry.arrives("register/1", **WANG_FANG)
    registry.arrives("clinic/2", **WANG_FANG)
    registry.split("E1", ["clinic/2"])
    registry.arrives("clinic/2", **{**WANG_FANG, "phone": "13700001234"})
    assert registry.picture() == drawn(
        """
        E1  register/1
        E2  clinic/2
        """
    )


def test_people_declared_different_are_not_asked_about_again(registry: Registry) -> None:
    """The steward's answer closes the question and keeps it closed."""
    other = {**CHEN_JIANGUO, "name": "赵丽华", "birth_date": "1971-11-23", "gender": "女"}
    registry.arrives("register/1", **CHEN_JIANGUO)
    registry.arrives("hospital/2", **other)
    registry.index.declare_different(
        registry.id_of("E1"), registry.id_of("E2"), by="Dr Li", reason="number issued twice"
    )
    registry.arrives("hospital/2", **{**other, "phone": "13700001234"})
    assert registry.picture() == drawn(
        """
        E1  register/1
        E2  hospital/2
        """
    )


def test_a_later_merge_stands_in_the_way_of_undo(registry: Registry) -> None:
    """What later events stand on is taken back after them, or together with them."""
    registry.arrives("a/1", **WANG_FANG)
    registry.arrives("b/1", **CHEN_JIANGUO)
    registry.arrives("c/1", name="无名氏", gender="男")
    registry.merge("E2", "E3")
    first = registry.last_event()
    registry.merge("E1", "E2")
    second = registry.last_event()
    with pytest.raises(LinkConflictError) as caught:
        registry.index.undo(first, by="Dr Li")
    assert second in caught.value.events
    registry.index.undo([first, second], by="Dr Li")
    assert registry.picture() == drawn(
        """
        E1  a/1
        E2  b/1
        E3  c/1
        """
    )


def test_a_batch_can_be_taken_back_as_one(registry: Registry) -> None:
    """A file sent in by mistake."""
    registry.arrives("a/1", **WANG_FANG)
    people = (WANG_FANG, CHEN_JIANGUO)
    file = [{"source": "b", "record_id": str(n), **each} for n, each in enumerate(people)]
    registry.index.add_table(file)
    registry.index.undo(registry.last_event(), by="Dr Li", whole_batch=True)
    assert registry.picture() == "E1  a/1"


def test_an_undo_can_be_undone(registry: Registry) -> None:
    """Taking back is an event like others."""
    registry.arrives("a/1", **WANG_FANG)
    registry.arrives("b/1", **CHEN_JIANGUO)
    registry.merge("E1", "E2")
    merged = registry.picture()
    registry.index.undo(registry.last_event(), by="Dr Li")
    registry.index.undo(registry.last_event(), by="Dr Li")
    assert merged == registry.picture()
