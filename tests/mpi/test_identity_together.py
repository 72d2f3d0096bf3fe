"""People who come together are encoded, looked up and decided on as each alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mpi import IdentityIndex
from mpi.identity_people import read_people
from mpi.index_lookup import lookup_table
from tests.mpi.identity_registry import national_id

FIRST, SECOND = national_id("110105", "1949-12-31", 2), national_id("650102", "1980-05-06", 11)
LONG = "阿卜杜热西提·买买提吐尔逊江"
PEOPLE: list[dict[str, Any]] = [
    {"source": "H1", "record_id": "1", "name": "王小明", "id_number": FIRST},
    {"source": "H1", "record_id": "2", "姓名": LONG, "phone": ["1", "13671093358"]},
    {"source": "H2", "record_id": "3", "name": "李明", "id_number": "E12345678", "id_type": "护照"},
    {"source": "H2", "record_id": "4", "gender": "女", "birth_date": "1990-03-07", "name": None},
    {"source": "H3", "record_id": "5", "身份证号": FIRST.lower(), "address": "北京路1号"},
    {"source": "H3", "record_id": "6", "id_number": SECOND, "updated_at": "2024-01-02"},
]  # fmt: skip


def test_people_of_any_columns_are_encoded_as_each_alone(tmp_path: Path) -> None:
    """Columns that only some have, other names of a column, long names, types of documents."""
    with IdentityIndex.create(tmp_path / "index") as index:
        together = read_people(index.engine, PEOPLE, needs_references=True)
        alone = [read_people(index.engine, each, needs_references=True) for each in PEOPLE]
        assert [each.rows[0].tolist() for each in alone] == together.rows.tolist()
        assert [each.values[0] for each in alone] == together.values
        assert [each.record_ids[0] for each in alone] == together.record_ids
        assert [each.updated_at[0] for each in alone] == together.updated_at.tolist()
        resolved = index.resolve_all(PEOPLE)
        assert [index.resolve(each) for each in PEOPLE] == resolved


def test_a_table_is_looked_up_as_each_number_alone(tmp_path: Path) -> None:
    """Numbers of nobody, of one, of several, of records that moved, changed or went."""
    numbers = [national_id("110105", f"19{50 + i}-01-02", i) for i in range(30)]

    def record(place: int, number: str, **more: str) -> dict[str, str]:
        return {
            "source": "H1", "record_id": str(place), "id_number": number,
            "name": f"王{chr(0x4E00 + 7 * place)}", "birth_date": f"19{50 + place}-01-02",
        } | more  # fmt: skip

    with IdentityIndex.create(tmp_path / "index") as index:
        index.add_table([record(i, numbers[i]) for i in range(20)])
        index.add_table([record(40 + i, numbers[i], name=f"刘{i}") for i in range(3)])
        index.store.fold()
        index.update(record(4, numbers[25]))
        index.remove("H1", "5")
        index.add(record(60, numbers[26]))
        ids = [index.lookup(source="H1", record_id=str(i)) for i in (7, 8)]
        index.merge(ids[0].enterprise_id, ids[1].enterprise_id, by="Li", reason="same")  # type: ignore[union-attr]
        found = lookup_table(index, pa.table({"id_number": [*numbers, None, "x"]}))
        expected = [index.lookup_all(id_number=number) for number in numbers] + [[], []]
        assert [len(each) for each in expected] == found["identity_count"].to_pylist()
        sole = [each[0].enterprise_id if len(each) == 1 else None for each in expected]
        assert sole == found["enterprise_id"].to_pylist()


def test_a_new_source_is_learnt_and_nothing_compiled(tmp_path: Path) -> None:
    """A reader that was open before knows a source that came since; its engine stays."""
    with IdentityIndex.create(tmp_path / "index") as index:
        index.add(PEOPLE[0])
        with IdentityIndex.open(tmp_path / "index") as reader:
            engine = reader.engine
            index.add(PEOPLE[2])
            found = reader.lookup(source="H2", record_id="3")
            assert found is not None
            assert (("H2", "3"),) == found.records
            assert reader.engine is engine
            assert ("H1", "H2") == reader.source_names
            assert index.lookup(source="H2", record_id="3") == found


def test_queries_take_their_keys_along(tmp_path: Path) -> None:
    """Keys worked out before give the candidates that keys worked out now do."""
    from mpi.identity_decide import Queries, decide_queries

    with IdentityIndex.create(tmp_path / "index") as index:
        for each in PEOPLE:
            index.add(each)
        rows = read_people(index.engine, PEOPLE, needs_references=False).rows
        none = np.full(len(rows), -1, np.int64)
        bare = Queries(rows=rows, source=none, itself=none)
        keyed = Queries(rows=rows, source=none, itself=none, keys=index.engine.key_table(rows))
        with index.store.read() as snapshot:
            expected = decide_queries(snapshot, index.engine, bare.take([4, 1]))[0]
            assert expected == decide_queries(snapshot, index.engine, keyed.take([4, 1]))[0]
