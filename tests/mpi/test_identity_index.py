"""The library of the identity index: lookups, search, golden records, history, changes, trust."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import mpi
from mpi.identity_events import Change, Event, EventKind, encode_event
from mpi.identity_index import IdentityIndex
from mpi.identity_rules import INDEX_RULES, index_rules
from mpi.survivorship import Survivorship
from person.errors import (
    ConfigError,
    IdentityError,
    IndexLockedError,
    IndexMissingError,
    InputError,
    UnknownIdError,
)
from person.schema import load_schema
from tests.mpi.identity_registry import Clock, Registry, national_id

LI: dict[str, Any] = {
    "name": "李秀英",
    "id_number": national_id("510107", "1949-12-03", 66),
    "birth_date": "1949-12-03",
    "gender": "女",
    "phone": "13880127745",
    "address": "成都市武侯区科华北路62号3栋1单元402",
    "region_code": "510107",
}
ZHANG: dict[str, Any] = {
    "name": "张伟",
    "id_number": national_id("110105", "1987-02-14", 75),
    "birth_date": "1987-02-14",
    "gender": "男",
    "phone": "13651204418",
}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path)
    made.arrives("register/1", **LI, updated_at="2020-01-01")
    made.arrives("hospital/1", **{**LI, "phone": "15928003316"}, updated_at="2024-06-01T08:00:00Z")
    made.arrives("register/2", **ZHANG)
    yield made
    made.close()


def test_the_library_is_reached_by_its_short_name() -> None:
    """`from mpi import IdentityIndex`."""
    assert IdentityIndex is mpi.IdentityIndex


@pytest.mark.parametrize(
    "written", [LI["id_number"], " 510107 19491203 066X ".replace("066X", LI["id_number"][-4:])]
)
def test_a_number_is_found_however_it_is_written(registry: Registry, written: str) -> None:
    """Blanks, full-width digits and small letters do not matter."""
    found = registry.index.lookup(id_number=written)
    assert found is not None
    assert (("register", "1"), ("hospital", "1")) == found.records


def test_lookups_of_nobody_find_nobody(registry: Registry) -> None:
    """An unknown number, source or record is None, not an error."""
    index = registry.index
    assert index.lookup(id_number=national_id("110105", "1950-01-01", 1)) is None
    assert index.lookup(id_number="nonsense") is None
    assert index.lookup(source="register", record_id="9") is None
    assert index.lookup(source="nowhere", record_id="1") is None
    assert index.lookup(enterprise_id="0000-00000-00012") is None


def test_a_lookup_asks_one_question(registry: Registry) -> None:
    """Two questions at once, or none, are a mistake of the caller."""
    for question in ({}, {"source": "register"}, {"id_number": "1", "enterprise_id": "1"}):
        with pytest.raises(ConfigError):
            registry.index.lookup(**question)


def test_a_mistyped_enterprise_id_is_told_from_an_unknown_one(registry: Registry) -> None:
    """Its check character gives a slip away."""
    right = registry.id_of("E1")
    wrong = right[:-1] + ("0" if right[-1] != "0" else "2")
    with pytest.raises(IdentityError, match="check character"):
        registry.index.lookup(enterprise_id=wrong)


def test_search_grades_candidates(registry: Registry) -> None:
    """Name and birth date alone find the person, heaviest first, with the levels that agree."""
    found = registry.index.search(name="李秀英", birth_date="1949-12-03")
    assert registry.id_of("E1") == found[0].enterprise_id
    assert found[0].grade in ("certain", "probable", "possible")
    assert "exact" == found[0].levels["name"]
    assert 1 == len({each.enterprise_id for each in found if each.enterprise_id})
    everything = registry.index.search(**LI)
    assert "certain" == everything[0].grade
    assert everything[0].match_weight > found[0].match_weight


def test_resolve_writes_nothing(registry: Registry) -> None:
    """Asking leaves no trace."""
    before = registry.last_event()
    resolution = registry.asks(**LI)
    assert registry.id_of("E1") == resolution.enterprise_id
    assert before == registry.last_event()
    json.dumps(resolution.to_dict())


def test_the_golden_record_names_its_sources(registry: Registry) -> None:
    """The latest phone, what most say of the rest, and where each value comes from."""
    golden = registry.index.golden(registry.id_of("E1"))
    assert ("15928003316", "hospital", "most_recent") == (
        golden.fields["phone"].value,
        golden.fields["phone"].source,
        golden.fields["phone"].rule,
    )
    assert LI["address"] == golden.values["address"]
    trusted = Survivorship(default="trusted_source", rules={}, trusted_sources=("register",))
    golden = registry.index.golden(registry.id_of("E1"), survivorship=trusted)
    assert ("13880127745", "register") == (
        golden.fields["phone"].value,
        golden.fields["phone"].source,
    )
    json.dumps(golden.to_dict())


def test_without_texts_the_golden_record_is_read_from_the_encoded_row(tmp_path: Path) -> None:
    """Names, numbers, dates and phones have a way back; an address has none."""
    with IdentityIndex.create(tmp_path / "index", keep_values=False, clock=Clock()) as index:
        receipt = index.add({"source": "a", "record_id": "1", **LI})
        assert receipt.enterprise_id is not None
        values = index.golden(receipt.enterprise_id).values
    expected = {name: LI[name] for name in ("name", "id_number", "birth_date", "gender", "phone")}
    assert expected | {"region_code": "510107"} == values


def test_history_and_the_past(registry: Registry) -> None:
    """What happened to an identity, and what it was before."""
    one = registry.id_of("E1")
    before = datetime.fromtimestamp(registry.clock.now_ms / 1000, UTC)
    registry.merge("E1", "E2")
    entries = registry.index.history(one)
    assert ["ADD", "ADD", "MERGE"] == [entry.kind for entry in entries]
    assert (("register", "2"),) == entries[-1].joined
    assert ("Dr Li", "same person") == (entries[-1].by, entries[-1].reason)
    assert 2 == len(registry.index.identity_at(one, before).records)
    assert 3 == len(registry.index.identity_at(one, datetime(2100, 1, 1, tzinfo=UTC)).records)
    then = registry.index.state_at(before)
    assert 2 == len(set(then["enterprise_id"].to_pylist()))
    assert 1 == len(set(registry.index.state_at()["enterprise_id"].to_pylist()))
    left = registry.index.history(registry.id_of("E2"))[-1]
    assert f"redirected to {one}" == left.note
    json.dumps([entry.to_dict() for entry in entries])


def test_changes_name_whom_they_affect(registry: Registry) -> None:
    """A cache downstream knows what to read again."""
    seen = registry.last_event()
    registry.merge("E1", "E2")
    (change,) = registry.index.changes(since=seen)
    assert {registry.id_of("E1"), registry.id_of("E2")} == set(change.affected)
    assert ("MERGE", seen + 1) == (change.kind, change.event)
    assert [] == registry.index.changes(since=change.event)
    json.dumps(change.to_dict())


def test_tasks_can_be_closed(registry: Registry) -> None:
    """A question is asked once and answered by somebody."""
    registry.arrives("clinic/5", **{**ZHANG, "name": "赵敏", "birth_date": "2001-05-05"})
    (task,) = registry.index.tasks()
    json.dumps(task.to_dict())
    registry.index.close_task(task.number, by="Dr Li", verdict="WRONG_NUMBER")
    assert [] == registry.index.tasks()
    (closed,) = registry.index.tasks(only_open=False)
    assert ("closed", "Dr Li", "WRONG_NUMBER") == (closed.status, closed.closed_by, closed.verdict)
    with pytest.raises(UnknownIdError):
        registry.index.close_task(task.number, by="Dr Li")


def test_what_a_person_decides_has_a_name_to_it(registry: Registry) -> None:
    """Decisions are never the machine's, nor nobody's."""
    for nobody in ("", "auto"):
        with pytest.raises(ConfigError, match="who decides"):
            registry.index.merge(registry.id_of("E1"), registry.id_of("E2"), by=nobody, reason="")


def test_records_must_say_who_they_are(registry: Registry) -> None:
    """No source or no record id: nothing is written."""
    before = registry.last_event()
    for people in (
        [{"record_id": "1", **LI}],
        [{"source": "a", **LI}],
        [],
        ["李秀英"],
    ):
        with pytest.raises(InputError):
            registry.index.add_table(people)  # type: ignore[arg-type]
    assert before == registry.last_event()


def test_a_record_that_comes_twice_in_a_file_is_updated(registry: Registry) -> None:
    """The later row is the later word."""
    people = [{"source": "a", "record_id": "1", **person} for person in (LI, ZHANG)]
    receipts = registry.index.add_table(people).to_pylist()
    assert ["added", "moved"] == [each["action"] for each in receipts]
    assert registry.id_of("E2") == receipts[1]["enterprise_id"]


def test_updating_and_removing_the_unknown_is_refused(registry: Registry) -> None:
    """A slip in an id makes no new person."""
    with pytest.raises(UnknownIdError):
        registry.index.update({"source": "a", "record_id": "1", **LI})
    with pytest.raises(UnknownIdError):
        registry.index.remove("a", "1")


def test_arrow_in_and_out(registry: Registry) -> None:
    """Tables of people are resolved and added as tables."""
    table = pa.table(
        {
            "source": ["clinic", "clinic"],
            "record_id": ["1", "2"],
            "name": ["李秀英", "孙悦"],
            "id_number": [LI["id_number"], None],
            "birth_date": ["1949-12-03", "1999-09-09"],
        }
    )
    resolved = registry.index.resolve_table(table)
    assert ["LINK", "NEW"] == resolved["outcome"].to_pylist()
    added = registry.index.add_table(table)
    assert ["added", "added"] == added["action"].to_pylist()
    assert registry.id_of("E1") == added["enterprise_id"][0].as_py()


def test_reopening_changes_nothing(registry: Registry) -> None:
    """All that an index knows lies in its directory."""
    picture, facts = registry.picture(), registry.index.facts
    digest = registry.index.engine.digest
    registry.reopen()
    assert picture == registry.picture()
    assert digest == registry.index.engine.digest
    assert (facts.rules, facts.survivorship, facts.namespace) == (
        registry.index.facts.rules,
        registry.index.facts.survivorship,
        registry.index.facts.namespace,
    )


def test_long_names_are_compared_after_reopening(registry: Registry) -> None:
    """A name too long for its slot is kept whole, and known to whoever opens the index."""
    name = "阿卜杜热合曼·买买提依明江·吐尔逊"
    person = {**ZHANG, "name": name, "id_number": None, "address": "乌鲁木齐市天山区解放路5号"}
    registry.arrives("a/1", **person)
    registry.reopen()
    resolution = registry.asks(**person)
    assert "exact" == resolution.candidates[0].levels["name"]
    assert registry.who("a/1") == registry._name(resolution.candidates[0].enterprise_id)


def test_one_writer_many_readers(registry: Registry, tmp_path: Path) -> None:
    """A second writer is refused; a reader sees what was written since it opened."""
    with pytest.raises(IndexLockedError):
        IdentityIndex.open(tmp_path / "index", writable=True)
    with IdentityIndex.open(tmp_path / "index") as reader:
        registry.arrives("new source/1", **{**ZHANG, "phone": None})
        found = reader.lookup(source="new source", record_id="1")
        assert found is not None
        assert registry.id_of("E2") == found.enterprise_id


def test_files_are_private(registry: Registry, tmp_path: Path) -> None:
    """Nobody but the owner reads an index."""
    assert 0o700 == stat.S_IMODE((tmp_path / "index").stat().st_mode)
    for path in (tmp_path / "index").iterdir():
        assert 0 == stat.S_IMODE(path.stat().st_mode) & 0o077


def test_a_backup_is_an_index(registry: Registry, tmp_path: Path) -> None:
    """It opens, is sound and says the same."""
    registry.index.backup(tmp_path / "copy")
    with IdentityIndex.open(tmp_path / "copy") as copy:
        assert () == copy.verify().findings
        assert registry.index.state_at().to_pylist() == copy.state_at().to_pylist()


def test_verify_finds_what_the_journal_does_not_say(registry: Registry) -> None:
    """A membership, a redirect or a posting changed behind the journal's back."""
    with registry.index.store.write() as batch:
        batch.set_identity([2], [0])  # type: ignore[arg-type]
        batch.put("redirect", (9).to_bytes(4, "big"), (0).to_bytes(4, "big"))
        for table, keys in enumerate(registry.index.engine.keys(batch.rows([1]))):  # type: ignore[arg-type]
            batch.remove_postings(table, keys[0], [1])  # type: ignore[arg-type]
    findings = " ".join(registry.index.verify().findings)
    assert "record 2 is not where the journal puts it" in findings
    assert "the redirect table is not what the journal says" in findings
    assert "record 1 is not found by its key of the rule 'id number'" in findings


def test_verify_finds_a_journal_that_does_not_follow(registry: Registry) -> None:
    """An event about something that never was."""
    event = Event(kind=EventKind.UPDATE, at_ms=0, changes=(Change("member", 1, 7, 0),))
    with registry.index.store.write() as batch:
        batch.append_event(encode_event(event))
    assert any("does not follow" in each for each in registry.index.verify().findings)


def test_an_index_is_made_once(tmp_path: Path) -> None:
    """What is there is not overwritten, and what is not there is not opened."""
    with pytest.raises(IndexMissingError):
        IdentityIndex.open(tmp_path / "none")
    IdentityIndex.create(tmp_path / "index").close()
    with pytest.raises(IndexMissingError):
        IdentityIndex.create(tmp_path / "index")


def test_default_rules_are_those_measured() -> None:
    """The resident schema gets the shipped rules that find most for their size."""
    names = {rule.name for rule in index_rules(load_schema())}
    single = set(INDEX_RULES) - {"identifier + birth year"}
    assert single | {"health_card + birth year", "birth_certificate + birth year"} == names


def test_rules_are_chosen_by_name(tmp_path: Path) -> None:
    """Also one that gives a record several keys: either phone."""
    rules = ["id number", "any phone + surname"]
    with IdentityIndex.create(tmp_path / "index", rules=rules, clock=Clock()) as index:
        index.add({"source": "a", "record_id": "1", **ZHANG, "id_number": None})
        person = {**ZHANG, "id_number": None, "phone": f"13988001234;{ZHANG['phone']}"}
        assert 1 == len(index.search(**person))
        assert () == index.verify().findings
    with pytest.raises(ConfigError, match="no blocking rule"):
        IdentityIndex.create(tmp_path / "other", rules=["no such rule"])
