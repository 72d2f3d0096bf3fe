"""Lookups of one in a compiled call or two say what the steps say, before and after changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mpi.identity_engine import Engine
from mpi.identity_index import IdentityIndex
from mpi.identity_results import Identity
from mpi.identity_search import find_by_number
from mpi.number_kernels import read_number
from person.enterprise_id import enterprise_ids_for, identity_number_of
from person.errors import ConfigError
from tests.mpi.identity_registry import Registry, national_id

NUMBERS = [national_id("510107", f"19{year}-12-03", 66) for year in range(40, 60)]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    with IdentityIndex.create(tmp_path_factory.mktemp("engine") / "index") as index:
        return index.engine


@example(number=NUMBERS[0])
@example(number=" ５１０１０７ 19401203 " + NUMBERS[0][-4:])
@example(number="510107401203661")
@example(number="E12345678")
@example(number="")
@example(number="无")
@example(number="a\x00b")
@given(number=st.one_of(st.text(max_size=25), st.from_regex(r"[0-9]{17}[0-9Xx]", fullmatch=True)))
def test_a_number_alone_is_read_as_in_a_row(engine: Engine, number: str) -> None:
    """The same value and the same block key, whatever is written."""
    place = engine.number_place
    assert place is not None
    assert place.is_whole
    rows = engine.encode_number(number, None)
    value = place.value_of(rows)
    key = int(engine.first_keys(place.rule, rows)[0]) if value else 0
    assert (value, key) == read_number(number)


def test_one_enterprise_id_is_read_back_as_many_are() -> None:
    """The number of an identity comes back from its id."""
    for number in (0, 1, 77, (1 << 32) - 3):
        made = int(enterprise_ids_for(np.array([number]), "here")[0])
        assert number == identity_number_of(made, "here")
    assert -1 == identity_number_of(0, "here")


def step_by_step(index: IdentityIndex, **asked: Any) -> list[Identity]:
    """What the reads of one key say, without the compiled calls."""
    with index.reading() as reader:
        if "id_number" in asked:
            numbers = find_by_number(reader, asked["id_number"], None)
        else:
            number = {name: n for n, name in reader.source_names().items()}[asked["source"]]
            record = reader.snapshot.find_reference(number, asked["record_id"].encode())
            owner = reader.state.identity_of(record)
            numbers = [] if owner is None else [owner]
        found = []
        for each in numbers:
            members, sources, ids = reader.snapshot.described(each)
            assert members
            records = tuple(
                (reader.source_name(source), id_.decode())
                for source, id_ in zip(sources, ids, strict=True)
            )
            found.append(Identity(enterprise_id=reader.print_id(each), records=records))
        return found


def check(index: IdentityIndex) -> None:
    for place, number in enumerate(NUMBERS):
        expected = step_by_step(index, id_number=number)
        assert expected == index.lookup_all(id_number=number)
        for source in ("register", "clinic"):
            record = {"source": source, "record_id": str(place)}
            expected = step_by_step(index, **record)
            assert expected == index.lookup_all(**record)
            for each in expected:
                assert [each] == index.lookup_all(enterprise_id=each.enterprise_id)


def test_lookups_say_what_the_steps_say(tmp_path: Path) -> None:
    """In the delta, in the base, and after merges, removals and arrivals over it."""
    registry = Registry(tmp_path)
    for place, number in enumerate(NUMBERS):
        person = {"name": "李秀英", "id_number": number, "gender": "女"}
        registry.arrives(f"register/{place}", **person)
        registry.arrives(f"clinic/{place}", **person)
    index = registry.index
    check(index)
    index.store.fold()
    check(index)
    assert len(index.lookup_all(id_number=NUMBERS[0])[0].records) == 2
    ids = [index.lookup_all(id_number=each)[0].enterprise_id for each in NUMBERS]
    index.merge(ids[0], ids[1], by="Dr Li", reason="same person")
    index.remove("clinic", "2")
    index.remove("register", "3")
    index.remove("clinic", "3")
    registry.arrives("hospital/4", name="李秀英", id_number=NUMBERS[4], gender="女")
    check(index)
    merged = [index.lookup_all(enterprise_id=each)[0] for each in ids[:2]]
    assert 1 == len({each.enterprise_id for each in merged})
    assert [ids[0], ids[1]] == [each.asked_for or each.enterprise_id for each in merged]
    assert [] == index.lookup_all(id_number=NUMBERS[3])
    registry.close()


@pytest.mark.parametrize(
    "asked",
    [
        {"id_number": 5},
        {"id_number": NUMBERS[0], "id_type": 1},
        {"enterprise_id": 7},
        {"source": 1, "record_id": "1"},
        {"source": "register", "record_id": 1},
        {"source": "register", "record_id": "\udc80"},
    ],
)
def test_what_is_no_text_is_refused_by_name(tmp_path: Path, asked: dict[str, Any]) -> None:
    """A caller's slip is said in words, without the value."""
    with (
        IdentityIndex.create(tmp_path / "index") as index,
        pytest.raises(ConfigError, match=r"'(id_number|id_type|enterprise_id|source|record_id)'"),
    ):
        index.lookup(**asked)


def test_who_acts_is_a_text(tmp_path: Path) -> None:
    """`add(by=5)` names the option."""
    with (
        IdentityIndex.create(tmp_path / "index") as index,
        pytest.raises(ConfigError, match="'by' is a text"),
    ):
        index.add({"source": "register", "record_id": "1", "name": "李秀英"}, by=5)  # type: ignore[arg-type]
