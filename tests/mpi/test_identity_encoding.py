"""A few people are encoded as a table of them is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mpi import IdentityIndex
from mpi.identity_encoding import text_columns
from mpi.identity_engine import as_table
from person.errors import InputError
from tests.mpi.identity_registry import national_id

NUMBER = national_id("110105", "1949-12-31", 2)
PEOPLE: list[dict[str, Any]] = [
    {"name": "王小明", "birth_date": "1990-03-07", "gender": "1", "region_code": "110105"},
    {"name": "李明", "birth_date": "19900307", "gender": "女", "region_code": "北京市朝阳区"},
    {"name": None, "birth_date": "no date", "gender": "?", "region_code": "999999"},
    {"name": "欧阳菊", "birth_date": None, "gender": "女", "id_number": NUMBER, "id_type": "01"},
    {"name": "阿卜杜热西提·买买提吐尔逊江", "phone": "13671093358", "address": "北京路1号"},
    {"name": "张三", "birth_date": "", "health_card": "A1234567890", "former_name": "张四"},
]  # fmt: skip


def test_a_few_people_are_encoded_as_a_table_is(tmp_path: Path) -> None:
    """Word for word, whether values came before or not, and whoever comes along."""
    with IdentityIndex.create(tmp_path / "index") as index:
        engine = index.engine
        whole = engine.encode(as_table(PEOPLE)).rows.tolist()
        columns = list(dict.fromkeys(name for each in PEOPLE for name in each))
        people = [{name: each.get(name) for name in columns} for each in PEOPLE]
        assert whole == engine.encode_people(people).tolist()
        assert whole == engine.encode_people(people).tolist()  # now they are known
        assert whole[::-1] == engine.encode_people(people[::-1]).tolist()
        for row, each in zip(whole, people, strict=True):
            assert [row] == engine.encode_people([each]).tolist()


def test_a_field_that_nobody_states_is_missing(tmp_path: Path) -> None:
    """Of remembered fields too, the first time and later."""
    with IdentityIndex.create(tmp_path / "index") as index:
        bare = index.engine.encode_people([{"name": "王小明"}]).tolist()
        for _ in range(2):
            stated = {"name": "王小明", "gender": None, "birth_date": None}
            assert bare == index.engine.encode_people([stated]).tolist()


def test_columns_share_one_buffer() -> None:
    """Each column has its own texts and knows which are missing; no text, no bytes."""
    one, none, other = text_columns([["王", None], [], ["", "b"]])
    texts = [
        bytes(column.data[column.offsets[row] : column.offsets[row + 1]]).decode()
        for column in (one, other)
        for row in range(2)
    ]
    assert ["王", "", "", "b"] == texts
    assert [[True, False], [], [True, True]] == [c.valid.tolist() for c in (one, none, other)]
    with pytest.raises(InputError, match="UTF-8"):
        text_columns([["\udc80"]])
