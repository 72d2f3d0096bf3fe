"""Search by any field alone, also by those that no key is made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mpi.identity_index import IdentityIndex
from mpi.review.queue import ReviewQueue
from tests.mpi.identity_registry import Registry, national_id

SUN = {
    "name": "孙丽",
    "former_name": "孙小花",
    "id_number": national_id("110105", "1990-01-02", 24),
    "birth_date": "1990-01-02",
    "gender": "女",
    "phone": "13671093358",
    "region_code": "110105",
    "address": "北京市朝阳区建国路7号3单元1201室",
    "health_card": "A12345678",
    "mother_id_number": national_id("110105", "1965-03-04", 28),
    "birth_certificate": "K110000123",
}
OTHERS = (
    {"name": "赵强", "birth_date": "1971-11-23", "gender": "男", "region_code": "440106"},
    {
        "name": "王芳",
        "birth_date": "1991-08-16",
        "gender": "男",
        "address": "广州市天河区体育西路17号",
    },
)


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewQueue]:
    registry = Registry(tmp_path_factory.mktemp("scan"))
    registry.arrives("户籍/1", **SUN)
    for number, other in enumerate(OTHERS):
        registry.arrives(f"医院/{number}", **other)
    yield ReviewQueue(registry.index, registry.clock)
    registry.close()


@pytest.mark.parametrize("field", sorted(SUN))
def test_one_field_is_enough(queue: ReviewQueue, field: str) -> None:
    """Whatever is known of a person, the person is found by it."""
    assert ["1"] == [each.record_id for each in queue.search(**{field: SUN[field]})]


@pytest.mark.parametrize(
    "text",
    [
        *("孙丽", "1990-01-02", "1990/1/2", "1990年1月2日", SUN["phone"], SUN["id_number"]),
        *(SUN["address"], "户籍/1", "朝阳区建国路7号3单元1201室"),
    ],
)
def test_one_box_takes_anything(queue: ReviewQueue, text: str) -> None:
    """A name, a date, a number, an address: typed into one field."""
    assert ["1"] == [each.record_id for each in queue.search(text)]


@pytest.mark.parametrize("text", ["钱多多", "1900-01-01", "西藏拉萨市北京中路9号", "x"])
def test_nobody_is_found_who_is_not_there(queue: ReviewQueue, text: str) -> None:
    """And nobody else instead."""
    assert () == queue.search(text)


def test_several_fields_must_all_fit(queue: ReviewQueue) -> None:
    """Half of the country is of one sex; two fields together are fewer."""
    men = {each.name for each in queue.search(gender="男")}
    assert {"赵强", "王芳"} == men
    found = queue.search(gender="男", birth_date="1971-11-23")
    assert ["赵强"] == [each.name for each in found]
    assert {"says_so"} == {key for each in found for key in each.why}


def test_a_large_index_is_looked_through_when_asked_to(
    queue: ReviewQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page must not take long; who wants all records looked at says so."""
    monkeypatch.setattr("mpi.review.finding.QUICK_RECORDS_MAX", 2)
    assert () == queue.search(birth_date="1990-01-02")
    assert 1 == len(queue.search(birth_date="1990-01-02", everywhere=True))


def test_who_was_removed_is_not_found(tmp_path: Path) -> None:
    """The row may lie in the file still; the person is gone."""
    registry = Registry(tmp_path)
    registry.arrives("户籍/1", **SUN)
    registry.leaves("户籍/1")
    registry.close()
    with IdentityIndex.open(tmp_path / "index") as index:
        assert () == ReviewQueue(index).search(birth_date="1990-01-02")
