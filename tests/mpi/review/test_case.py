"""A case: what a steward sees, from texts, from rows, from digests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mpi.identity_index import IdentityIndex
from mpi.identity_load import LoadReport, load_run
from mpi.review.queue import ReviewQueue
from mpi.review.types import Case, Filter, TaskStatus
from mpi.score_run import Edges
from mpi.tables import open_inputs
from person.errors import IdentityError, UnknownIdError
from tests.chinese_residents import resident_records
from tests.mpi.identity_registry import Clock, Registry, national_id
from tests.mpi.review.review_people import HOSTILE, question
from tests.mpi.test_identity_batch import Run, decided_by, ingested_table
from tests.mpi.test_identity_batch import run as run

ADDRESS = "北京市朝阳区建国路1号3单元1201室"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    registry = Registry(tmp_path_factory.mktemp("case"))
    question(registry, 0, "王芳", "王方")
    registry.arrives("户籍/T", name="王兰", birth_date="1950-01-10", gender="女", address=ADDRESS)
    yield registry
    registry.close()


@pytest.fixture(scope="module")
def case(registry: Registry) -> Case:
    queue = ReviewQueue(registry.index, registry.clock)
    wanted = Filter(text="王方")
    return queue.case(queue.tasks(wanted).rows[0].number)


def test_a_case_prints_as_json(case: Case) -> None:
    """One value feeds the page and its JSON."""
    plain = json.loads(json.dumps(case.to_dict()))
    assert plain["task"]["number"] == case.task.number
    assert "open" == plain["task"]["status"]


def test_steps_add_up_to_the_weight(case: Case) -> None:
    """The waterfall begins with the prior and ends at the pair's weight."""
    pair = case.pairs[0]
    assert "prior" == pair.steps[0].comparison
    assert pair.match_weight == pytest.approx(sum(s.bits for s in pair.steps), abs=1e-3)
    assert pair.match_weight == pytest.approx(pair.steps[-1].running, abs=1e-3)
    assert all(s.words_zh and s.words_en and s.words_key for s in pair.steps)
    assert (True, "review") == (pair.asked, pair.decision)
    assert pair.why_not_automatic
    assert case.task.match_weight == pytest.approx(pair.match_weight, abs=1e-3)


def test_a_case_says_how_its_records_met(case: Case) -> None:
    """The blocking rules are found again from the keys."""
    rules = case.pairs[0].rules
    assert "name in any order + birth date" in rules
    assert "id number" not in rules


def test_records_show_what_was_written_and_where_it_differs(case: Case) -> None:
    """Texts as sent, names with pinyin, differences against the other record."""
    one = next(each for each in case.records if each.source == "医院")
    fields = {each.name: each for each in one.fields}
    assert ("王方", "text", ("wáng", "fāng")) == (
        fields["name"].value,
        fields["name"].origin,
        fields["name"].pinyin,
    )
    assert [("王", "same"), ("方", "sound")] == [(s.text, s.mark) for s in fields["name"].spans]
    assert "same_syllables" == fields["name"].level
    assert (None, "missing") == (fields["id_number"].value, fields["id_number"].origin)
    assert one.added_at is not None
    other = case.records[one.compared_with or 0]
    assert "户籍" == other.source
    assert ["name", "former_name", "id_number"] == [each.name for each in one.fields][:3]


def test_golden_records_are_shown_now_and_after(case: Case) -> None:
    """What would become of the person if all were merged."""
    assert 2 == len(case.golden_now)
    assert case.golden_after is not None
    assert 2 == case.golden_after.records
    assert "id_number" in case.golden_after.values


def test_relatives_are_look_alikes(case: Case) -> None:
    """Somebody of the same home is near, and the case says why."""
    assert "张" not in "".join(each.name for each in case.look_alikes)
    assert not {e.enterprise_id for e in case.look_alikes} & set(case.task.enterprise_ids)


@pytest.mark.parametrize("danger", sorted(HOSTILE))
def test_odd_names_are_shown_as_they_came(tmp_path: Path, danger: str) -> None:
    """Nothing that a source sends breaks a case."""
    registry = Registry(tmp_path)
    question(registry, 3, HOSTILE[danger], HOSTILE[danger] + "子")
    one = str(registry.arrives("a/1", name=HOSTILE[danger], phone="13671000003").enterprise_id)
    other = str(registry.arrives("a/2", name="王", birth_date="2001-01-01").enterprise_id)
    queue = ReviewQueue(registry.index, registry.clock)
    case = queue.case(queue.raise_task([one, other], by="Dr Li"))
    name = next(field for field in case.records[0].fields if field.name == "name")
    assert HOSTILE[danger] == name.value == "".join(span.text for span in name.spans)
    json.dumps(case.to_dict())
    registry.close()


def test_an_index_without_texts_reads_rows_back(tmp_path: Path) -> None:
    """What the row tells is shown, what it cannot tell is said to be there."""
    registry = Registry(tmp_path, keep_values=False)
    question(registry, 0, "王芳", "王方")
    queue = ReviewQueue(registry.index, registry.clock)
    case = queue.case(queue.tasks().rows[0].number)
    assert "rows" == case.values_kept
    record = next(each for each in case.records if each.source == "户籍")
    fields = {each.name: each for each in record.fields}
    assert ("王芳", "encoded") == (fields["name"].value, fields["name"].origin)
    assert (None, "digest") == (fields["address"].value, fields["address"].origin)
    assert "missing" == fields["health_card"].origin
    registry.close()


def test_a_sealed_index_shows_no_number(tmp_path: Path) -> None:
    """Identifiers are digests; whether they agree is still seen."""
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef")
    registry = Registry(tmp_path, digest_key=key, keep_values=False)
    question(registry, 0, "王芳", "王方")
    queue = ReviewQueue(registry.index, registry.clock)
    case = queue.case(queue.tasks().rows[0].number)
    assert "digests" == case.values_kept
    record = next(each for each in case.records if each.source == "户籍")
    number = next(each for each in record.fields if each.name == "id_number")
    assert (None, "digest") == (number.value, number.origin)
    assert "national:" not in json.dumps(case.to_dict()["records"])
    registry.close()


def test_no_case_without_a_task_or_an_identity(registry: Registry) -> None:
    """Unknown numbers and ids are said to be unknown."""
    queue = ReviewQueue(registry.index, registry.clock)
    with pytest.raises(UnknownIdError):
        queue.case(12)
    with pytest.raises(IdentityError):
        queue.identity_case("AAAA-AAAAA-AAAAA")


# ---------------------------------------------------------------------- after a batch run


@pytest.fixture(scope="module")
def small(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    table, _ = resident_records(12, seed=3)
    ingested = ingested_table(table, tmp_path_factory.mktemp("small"))
    none = decided_by(np.arange(ingested.record_count))
    edges = Edges(
        np.array([0, 1, 4]),
        np.array([1, 2, 5]),
        np.array([9.25, 3.5, 6.0]),
        np.zeros(3, np.int64),
        np.zeros(3),
    )
    decided = replace(none, edges=edges, refusal=np.array([2, 0, 0], np.uint8))
    model = run.model.replace(schema=ingested.schema)
    used = [c for c in model.comparisons if all(ingested.layout.has(p.name) for p in c.parts)]
    return Run(table, ingested, model.replace(comparisons=tuple(used)), {}, decided)


def load(path: Path, small: Run, **changes: object) -> LoadReport:
    decided = replace(small.decided, **changes)  # type: ignore[arg-type]
    inputs = [open_inputs(small.table)]
    return load_run(path, small.ingested, decided, small.model, {}, inputs=inputs, clock=Clock())


def test_pairs_that_hang_together_are_one_question(small: Run, tmp_path: Path) -> None:
    """A chain of three identities is asked once, with both its pairs."""
    assert 2 == load(tmp_path / "index", small).tasks
    with IdentityIndex.open(tmp_path / "index") as index:
        rows = ReviewQueue(index).tasks().rows
        assert [3, 2] == [len(row.enterprise_ids) for row in rows]
        assert () == index.verify().findings


def test_texts_of_doubtful_records_are_kept(small: Run, tmp_path: Path) -> None:
    """A steward sees the address of a record that came in bulk; other records keep none."""
    load(tmp_path / "index", small)
    with IdentityIndex.open(tmp_path / "index") as index:
        queue = ReviewQueue(index)
        records = [r for row in queue.tasks().rows for r in queue.case(row.number).records]
        assert 5 == len(records)
        said = {(r["source"], r["record_id"]): r["address"] for r in small.table.to_pylist()}
        for record in records:
            address = next(each for each in record.fields if each.name == "address")
            assert said[record.source, record.record_id] == address.value
        with index.reading() as reader:
            assert 5 == sum(1 for _ in reader.snapshot.range("value"))
        assert () == index.verify().findings


def test_a_further_run_does_not_overrule_stewards(small: Run, tmp_path: Path) -> None:
    """Another opinion of the machine moves nobody and asks nothing again."""
    path = tmp_path / "index"
    load(path, small)
    with IdentityIndex.open(path, writable="on_demand", clock=Clock()) as index:
        queue = ReviewQueue(index)
        three, two = queue.tasks().rows
        queue.decide(three.number, "MERGE", by="Dr Li", reason="SAME_DOCUMENT")
        if queue.row(three.number).status is TaskStatus.APPROVAL:
            queue.approve(three.number, by="Dr Wang")
        queue.decide(two.number, "DIFFERENT", by="Dr Li", reason="TWINS")
        before = index.state_at().to_pylist()
        cluster = np.arange(small.ingested.record_count, dtype=np.int32)
        cluster[5] = 4
        for changes in ({}, {"cluster": cluster}):
            assert 0 == load(path, small, **changes).tasks
            assert before == index.state_at().to_pylist()
        assert 0 == queue.tasks().total
        assert () == index.verify().findings


def test_a_sheet_needs_no_whole_case(registry: Registry, case: Case) -> None:
    """The same records in the same order with the same values, without what takes long."""
    bare = ReviewQueue(registry.index, registry.clock).bare_case(case.task.number)
    assert replace(bare.task, priority=0.0) == replace(case.task, priority=0.0)
    assert (case.records_left_out, case.values_kept) == (bare.records_left_out, bare.values_kept)
    assert [(r.source, r.record_id, r.enterprise_id) for r in case.records] == [
        (r.source, r.record_id, r.enterprise_id) for r in bare.records
    ]
    for whole, plain in zip(case.records, bare.records, strict=True):
        assert [(f.name, f.kind, f.value, f.origin) for f in whole.fields] == [
            (f.name, f.kind, f.value, f.origin) for f in plain.fields
        ]
    with pytest.raises(UnknownIdError):
        ReviewQueue(registry.index).bare_case(10**9)


def test_both_sides_of_a_split_are_what_they_will_be(tmp_path: Path) -> None:
    """The preview's golden records are those of the two people after the split."""
    registry = Registry(tmp_path)
    queue = ReviewQueue(registry.index, registry.clock)
    person = {"name": "孙丽", "id_number": national_id("110105", "1990-01-02", 24)}
    first = registry.arrives("户籍/1", **person, birth_date="1990/1/2", gender="女")
    registry.arrives("医院/2", **person, birth_date="19900102", gender="2", phone="13671093358")
    identity = str(first.enterprise_id)
    staying, leaving = queue.split_goldens(identity, [("医院", "2")])
    assert (1, 1) == (staying.records, leaving.records)
    assert "1990-01-02" == leaving.values["birth_date"]
    done = queue.split(identity, [("医院", "2")], by="Dr Li")
    parted = registry.index.lookup(source="医院", record_id="2")
    assert parted is not None
    assert staying.values == registry.index.golden(identity).values
    assert leaving.values == registry.index.golden(parted.enterprise_id).values
    assert done.events
    registry.close()


def test_a_long_name_that_came_later_is_no_stranger_to_the_rules(tmp_path: Path) -> None:
    """How records met is found from their own names, whatever was known when it was first asked."""
    registry = Registry(tmp_path)
    queue = ReviewQueue(registry.index, registry.clock)
    long_name = "阿卜杜热合曼买买提江吐尔逊"
    question(registry, 0, "王芳", "王方")
    assert queue.case(queue.tasks().rows[0].number).pairs[0].rules
    question(registry, 4, long_name, long_name)
    wanted = Filter(text=long_name)
    for row in queue.tasks(wanted).rows:
        rules = queue.case(row.number).pairs[0].rules
        assert any("name" in rule for rule in rules), rules
    registry.close()
