"""Long names are handed to kernels a few at a time, and every reader comes to know them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from blocking.keys import resolve_rules
from matching.compiled import compile_model
from mpi import IdentityIndex
from mpi.identity_names import LongNames
from person.field import OverflowTable

LONG = "阿卜杜热西提·买买提吐尔逊江"
OTHER = "阿卜杜热西提·买买提吐尔逊"


def person(record_id: str, name: str) -> dict[str, str]:
    return {
        "source": "H1", "record_id": record_id, "name": name,
        "birth_date": "1980-05-06", "phone": "13671093358", "region_code": "650102",
    }  # fmt: skip


def test_a_long_name_is_compared_by_its_text(tmp_path: Path) -> None:
    """Two long names that differ are not taken for equal, nor for unlike; no model is compiled."""
    with IdentityIndex.create(tmp_path / "index", population=1000) as index:
        compiled = index.engine.compiled
        first = index.add(person("1", LONG))
        again, other = index.resolve(person("2", LONG)), index.resolve(person("3", OTHER))
        assert again.enterprise_id == first.enterprise_id
        assert again.match_weight is not None
        assert other.match_weight is not None
        assert other.match_weight < again.match_weight
        assert other.candidates[0].levels["name"] not in ("exact", "else")
        assert index.engine.compiled is compiled


def test_a_reader_learns_the_names_that_a_writer_brings(tmp_path: Path) -> None:
    """A reader that was open before compares as the writer does, and reads no more than is new."""
    with IdentityIndex.create(tmp_path / "index", population=1000) as index:
        index.add(person("0", "王小明"))
        with IdentityIndex.open(tmp_path / "index") as reader:
            engine = reader.engine
            index.add(person("1", LONG))
            index.add(person("4", LONG))
            asked = person("3", OTHER)
            assert reader.resolve(asked) == index.resolve(asked)
            assert reader.engine is engine
        with IdentityIndex.open(tmp_path / "index") as reader:
            assert reader.resolve(asked) == index.resolve(asked)
            assert reader.golden(index.lookup(source="H1", record_id="1").enterprise_id)  # type: ignore[union-attr]


def test_rows_get_the_names_they_refer_to() -> None:
    """Known names and those met since are found by the words of rows; unknown words give none."""

    def table(*entries: tuple[int, list[int]]) -> OverflowTable:
        codes = [code for _, each in entries for code in each]
        offsets = np.cumsum([0, *(len(each) for _, each in entries)])
        hashes = np.array([1 << 63 | h for h, _ in entries], np.uint64)
        return OverflowTable.from_entries(hashes, offsets, np.array(codes, np.uint32))

    names = LongNames(table((5, [1, 2, 3]), (2, [4])))
    names.take(table((9, [7, 8]), (5, [1, 2, 3])))
    rows = np.array([[1 << 63 | 9, 1], [1 << 63 | 5, 1 << 63 | 77]], np.uint64)
    found = names.of_rows(rows)
    assert found is not None
    assert [(1 << 63) | 5, (1 << 63) | 9] == found.hashes.tolist()
    assert [1, 2, 3, 7, 8] == found.codes.tolist()
    assert names.of_rows(np.array([[3, 4]], np.uint64)) is None
    assert names.of_rows(np.array([[1 << 63 | 77]], np.uint64)) is None
    assert [2, 5, 9] == [int(h) & 0xFF for h in names.table().hashes]


def test_a_few_names_weigh_what_all_of_them_do(tmp_path: Path) -> None:
    """A model that is handed some names weighs bit for bit as one compiled with all of them."""
    with IdentityIndex.create(tmp_path / "index", population=1000) as index:
        engine = index.engine
        names = (LONG, OTHER, "王小明", "买买提阿卜杜热西提")
        rows = np.concatenate([engine.encode_people([person("1", n)]) for n in names])
        left, right = (each.astype(np.int32).reshape(-1) for each in np.indices((4, 4)))
        whole = compile_model(engine.facts.model, engine.layout, engine.overflow, {})
        expected, found = (
            whole.score(rows, rows, left, right),
            engine.weigh(rows, rows, left, right),
        )
        assert expected.pattern.tolist() == found.pattern.tolist()
        assert (expected.weight + engine.facts.prior_shift).tolist() == found.weight.tolist()
        rules = resolve_rules(engine.facts.rules, engine.layout, engine.overflow)
        parts = np.zeros((2, len(rules.parts), 4), np.uint64)
        rules.fill_parts(range(len(rules.parts)), rows, parts[0])
        engine._resolved_for(rows).fill_parts(range(len(rules.parts)), rows, parts[1])
        assert parts[0].tolist() == parts[1].tolist()
