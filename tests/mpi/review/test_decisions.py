"""Decisions: what each verdict does, that it is one event, sticky, reversible and never stale."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mpi.identity_index import IdentityIndex
from mpi.review.decisions import ApprovalRules
from mpi.review.queue import ReviewQueue
from mpi.review.types import DecisionRequest, Filter, Reason, TaskRow, TaskStatus, Verdict
from person.errors import (
    ConfigError,
    IdentityError,
    LinkConflictError,
    StaleTaskError,
    UnknownIdError,
)
from tests.mpi.identity_registry import Registry
from tests.mpi.review.review_people import question

CLOSED = Filter(status=frozenset({TaskStatus.CLOSED}))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    registry = Registry(tmp_path)
    question(registry, 0, "王芳", "王方")
    yield registry
    assert () == registry.index.verify().findings
    registry.close()


@pytest.fixture
def queue(registry: Registry) -> ReviewQueue:
    return ReviewQueue(registry.index, registry.clock)


def only(queue: ReviewQueue, wanted: Filter | None = None) -> TaskRow:
    (row,) = queue.tasks(wanted).rows
    return row


def three_way(registry: Registry, queue: ReviewQueue) -> tuple[TaskRow, list[str]]:
    """A question about three identities of one, two and one record."""
    ids = []
    for name, records in (("甲", 1), ("乙", 2), ("丙", 1)):
        for number in range(records):
            person = {"name": f"李{name}民", "birth_date": f"19{number + 60}-01-0{len(ids) + 1}"}
            ids_before = registry.arrives(f"s/{name}{number}", **person).enterprise_id
            if number == 0:
                ids.append(str(ids_before))
            else:
                registry.index.merge(ids[-1], str(ids_before), by="Dr Li", reason="")
    number = queue.raise_task(ids, by="Dr Li", text="are they one?")
    return queue.row(number), ids


def test_a_merge_joins_and_closes_in_one_event(registry: Registry, queue: ReviewQueue) -> None:
    """One verdict is one event of the journal, with reason and words."""
    row, before = only(queue), registry.last_event()
    done = queue.decide(
        row.number,
        Verdict.MERGE,
        by="Dr Li",
        version=row.version,
        reason=Reason.TYPING_SLIP,
        text="one dot",
    )
    assert ((before + 1,), (row.number,)) == (done.events, done.tasks_closed)
    assert (1, 0) == (len(done.enterprise_ids), queue.tasks().total)
    closed = only(queue, CLOSED)
    assert ("MERGE", "Dr Li") == (closed.verdict, closed.closed_by)
    event = queue.history(row.number)[-1]
    assert ("DECIDED", "TYPING_SLIP", "one dot") == (event.action, event.reason, event.text)
    json.dumps(event.to_dict())


def test_different_parts_and_nobody_asks_again(registry: Registry, queue: ReviewQueue) -> None:
    """Two people stay two; the same record coming again raises no question."""
    row = only(queue)
    queue.decide(row.number, "DIFFERENT", by="Dr Li", reason="NAMESAKE")
    record = {"source": "医院", "record_id": "H0"}
    again = {f.name: f.value for f in queue.case(row.number).records[0].fields if f.value}
    receipt = registry.index.update(record | again | {"phone": "13900000001"})
    assert (None, 0) == (receipt.task, queue.tasks().total)
    decisions = queue.case(row.number).decisions
    assert {"DIFFERENT"} == {each.verdict for each in decisions}


def test_partly_merges_groups_and_parts_the_rest(registry: Registry, queue: ReviewQueue) -> None:
    """What is not in a group is somebody else."""
    row, ids = three_way(registry, queue)
    done = queue.decide(row.number, "PARTLY", by="Dr Li", merge=[(ids[0], ids[2])])
    assert 2 == len(done.enterprise_ids)
    found = {str(registry.index.lookup(enterprise_id=each).enterprise_id) for each in ids}  # type: ignore[union-attr]
    assert found == set(done.enterprise_ids)
    assert "PARTLY" == queue.row(row.number).verdict
    receipts = queue.undo(done, by="Dr Li")
    assert [] == receipts
    assert tuple(ids) == queue.row(row.number).enterprise_ids
    assert TaskStatus.OPEN is queue.row(row.number).status


def test_a_group_of_all_is_a_merge(registry: Registry, queue: ReviewQueue) -> None:
    """What a request comes to is what is written down."""
    row, ids = three_way(registry, queue)
    queue.decide(row.number, "PARTLY", by="Dr Li", merge=[ids])
    assert "MERGE" == queue.row(row.number).verdict


def test_a_split_lets_records_leave_or_join(registry: Registry, queue: ReviewQueue) -> None:
    """The question goes on while something of it is open."""
    row, ids = three_way(registry, queue)
    done = queue.decide(row.number, "SPLIT", by="Dr Li", leave=[("s", "乙1")])
    assert () == done.tasks_closed
    case = queue.case(row.number)
    assert TaskStatus.OPEN is case.task.status
    parted = registry.index.lookup(source="s", record_id="乙1")
    assert parted is not None
    assert parted.enterprise_id not in case.task.enterprise_ids
    queue.undo(done, by="Dr Li")
    done = queue.decide(row.number, "SPLIT", by="Dr Li", leave=[("s", "乙1")], merge=[(ids[2],)])
    joined = registry.index.lookup(source="s", record_id="乙1")
    assert joined is not None
    assert ids[2] == joined.enterprise_id
    queue.undo(done, by="Dr Li")
    assert tuple(ids) == queue.row(row.number).enterprise_ids


def test_an_identity_is_split_without_a_task(registry: Registry, queue: ReviewQueue) -> None:
    """The split view needs no question; its version guards it all the same."""
    _, ids = three_way(registry, queue)
    case = queue.identity_case(ids[1])
    assert (0, 2) == (case.task.number, len(case.records))
    leave = [("s", "乙1")]
    with pytest.raises(StaleTaskError) as caught:
        queue.split(ids[1], leave, by="Dr Li", version=case.task.version - 1)
    assert [["s", "乙1"]] == caught.value.asked["leave"]
    done = queue.split(ids[1], leave, by="Dr Li", version=case.task.version, reason="WRONG_ENTRY")
    assert 2 == len(done.enterprise_ids)
    with pytest.raises(IdentityError):
        queue.split(ids[1], [("s", "乙0")], by="Dr Li")


def test_a_stale_decision_is_refused_and_not_lost(registry: Registry, queue: ReviewQueue) -> None:
    """Two stewards at once: the second learns who was faster, and keeps what was typed."""
    row, other = only(queue), ReviewQueue(registry.index, registry.clock)
    queue.comment(row.number, "I ask the ward", by="Dr Wang")
    with pytest.raises(StaleTaskError) as caught:
        other.decide(
            row.number, "MERGE", by="Dr Li", version=row.version, reason="TWINS", text="long text"
        )
    error = caught.value
    assert ("Dr Wang", row.version) == (error.changed_by, error.version)
    assert ("long text", "MERGE") == (error.asked["text"], error.asked["verdict"])
    assert TaskStatus.OPEN is queue.row(row.number).status
    other.decide(row.number, "MERGE", by="Dr Li", version=error.version_now)


def test_a_record_that_changes_makes_a_case_stale(registry: Registry, queue: ReviewQueue) -> None:
    """Whoever decides saw what the records say now, and how many there are."""
    row = only(queue)
    registry.arrives("诊所/1", name="王方", birth_date="1950-01-10", phone="13671000000")
    now = queue.row(row.number)
    assert now.version > row.version or now.enterprise_ids == row.enterprise_ids
    record = next(r for r in queue.case(row.number).records if r.source == "医院")
    said = {f.name: f.value for f in record.fields if f.value}
    said |= {"source": "医院", "record_id": record.record_id, "address": "上海市人民路9号"}
    seen = queue.row(row.number).version
    registry.index.update(said)
    with pytest.raises((StaleTaskError, UnknownIdError)):
        queue.decide(row.number, "DIFFERENT", by="Dr Li", version=seen)


def test_a_large_merge_waits_for_another_steward(registry: Registry, queue: ReviewQueue) -> None:
    """Nothing happens until somebody else approves; the proposer cannot."""
    queue.set_approval_rules(ApprovalRules(records_max=3), by="Dr Li")
    row, ids = three_way(registry, queue)
    assert queue.case(row.number).second_approval_needed
    done = queue.decide(
        row.number, "MERGE", by="Dr Li", reason="SAME_DOCUMENT", text="four records"
    )
    assert (True, ()) == (done.waits_for_approval, done.tasks_closed)
    waiting = queue.row(row.number)
    assert (TaskStatus.APPROVAL, "MERGE", "Dr Li") == (
        waiting.status,
        waiting.verdict,
        waiting.closed_by,
    )
    assert tuple(ids) == waiting.enterprise_ids
    with pytest.raises(IdentityError, match="another steward"):
        queue.approve(row.number, by="Dr Li")
    with pytest.raises(IdentityError, match="waits"):
        queue.decide(row.number, "DIFFERENT", by="Dr Wang")
    with pytest.raises(StaleTaskError):
        queue.approve(row.number, by="Dr Wang", version=row.version)
    queue.reject(row.number, by="Dr Wang", text="look again")
    assert TaskStatus.OPEN is queue.row(row.number).status
    queue.decide(row.number, "MERGE", by="Dr Li")
    done = queue.approve(row.number, by="Dr Wang", version=queue.row(row.number).version)
    assert 1 == len(done.enterprise_ids)
    assert "MERGE" == queue.row(row.number).verdict
    queue.undo(done, by="Dr Wang")
    assert TaskStatus.APPROVAL is queue.row(row.number).status
    queue.approve(row.number, by="Dr Wang")


def test_dangerous_merges_wait_too_and_others_on_request(
    registry: Registry, queue: ReviewQueue
) -> None:
    """Safety flags count; a steward may also ask for a second pair of eyes."""
    row = only(queue)
    done = queue.decide(row.number, "MERGE", by="Dr Li", approve_needed=True)
    assert done.waits_for_approval
    queue.reject(row.number, by="Dr Li")
    one = registry.arrives("a/1", name="钱大", gender="男", id_number="11010519491231002X")
    other = registry.arrives("a/2", name="孙小", gender="女", id_number="440524188001010014")
    ids = [str(one.enterprise_id), str(other.enterprise_id)]
    number = queue.raise_task(ids, by="Dr Li")
    assert ("sex_differs", "two_valid_id_numbers") == queue.row(number).safety
    assert queue.decide(number, "MERGE", by="Dr Li").waits_for_approval
    with pytest.raises(ConfigError):
        ApprovalRules(records_max=0)


@pytest.mark.parametrize(
    ("verdict", "more", "error"),
    [
        ("PARTLY", {}, ConfigError),
        ("SPLIT", {}, ConfigError),
        ("DIFFERENT", {"merge": [("X", "Y")]}, IdentityError),
        ("MERGE", {"leave": [("医院", "H0")]}, ConfigError),
        ("SPLIT", {"leave": [("医院", "H0")]}, IdentityError),
        ("SPLIT", {"leave": [("医院", "nobody")]}, UnknownIdError),
    ],
)
def test_a_verdict_needs_what_it_is_about(
    queue: ReviewQueue, verdict: str, more: dict[str, Any], error: type[Exception]
) -> None:
    """A request that says too little or too much changes nothing."""
    row = only(queue)
    with pytest.raises(error):
        queue.decide(row.number, verdict, by="Dr Li", **more)
    assert row == replace(queue.row(row.number), priority=row.priority)


def test_a_closed_task_is_decided_once(queue: ReviewQueue) -> None:
    """It can be opened again, while there is something to ask."""
    row = only(queue)
    queue.decide(row.number, "DIFFERENT", by="Dr Li")
    with pytest.raises(UnknownIdError, match="closed"):
        queue.decide(row.number, "MERGE", by="Dr Li")
    queue.reopen(row.number, by="Dr Li", text="new papers")
    queue.decide(row.number, "MERGE", by="Dr Li")
    assert {"SAME"} == {each.verdict for each in queue.case(row.number).decisions}
    with pytest.raises(IdentityError, match="undo"):
        queue.reopen(row.number, by="Dr Li")


def test_a_verdict_answers_other_tasks_too(registry: Registry, queue: ReviewQueue) -> None:
    """Tasks about the same people close with the one that was decided."""
    row = only(queue)
    second = queue.raise_task(row.enterprise_ids, by="Dr Wang")
    done = queue.decide(row.number, "DIFFERENT", by="Dr Li")
    assert (row.number, second) == done.tasks_closed
    queue.undo(done, by="Dr Li")
    assert 2 == queue.tasks().total
    registry.index.merge(*row.enterprise_ids, by="Dr Li", reason="")
    assert 0 == queue.tasks().total


def test_a_task_follows_its_records(registry: Registry, queue: ReviewQueue) -> None:
    """After a merge of one side with a third identity the question is about the whole."""
    row, ids = three_way(registry, queue)
    other = registry.arrives("s/x", name="周八", birth_date="1930-05-05").enterprise_id
    registry.index.merge(ids[0], str(other), by="Dr Li", reason="")
    now = queue.row(row.number)
    assert (5, 3) == (now.records, len(now.enterprise_ids))
    assert now.version > row.version
    registry.index.remove("s", "甲0")
    assert TaskStatus.OPEN is queue.row(row.number).status
    for record in ("乙0", "丙0"):
        registry.index.remove("s", record)
    assert (TaskStatus.CLOSED, "REMOVED") == (
        queue.row(row.number).status,
        queue.row(row.number).verdict,
    )


def test_many_decisions_are_one_transaction(registry: Registry, queue: ReviewQueue) -> None:
    """What cannot be done is told for itself; a dry run writes nothing."""
    question(registry, 1, "张秀英", "张秀瑛")
    first, second = queue.tasks().rows
    requests = [
        DecisionRequest(number=first.number, verdict=Verdict.MERGE, version=first.version),
        DecisionRequest(number=second.number, verdict=Verdict.MERGE, version=1),
        DecisionRequest(number=99, verdict=Verdict.MERGE),
    ]
    before = registry.last_event()
    for dry_run in (True, False):
        good, stale, unknown = queue.decide_many(requests, by="Dr Li", dry_run=dry_run)
        assert (first.number,) == good.tasks_closed  # type: ignore[union-attr]
        assert isinstance(stale, StaleTaskError)
        assert isinstance(unknown, UnknownIdError)
        assert (registry.last_event() == before) is dry_run


def test_decisions_are_taken_back_in_bulk(registry: Registry, queue: ReviewQueue) -> None:
    """By steward and by time, the last first; what others built on is kept and named."""
    question(registry, 1, "张秀英", "张秀瑛")
    first, second = queue.tasks().rows
    queue.decide(first.number, "MERGE", by="trainee")
    middle = datetime.fromtimestamp(registry.clock.now_ms / 1000 + 1, UTC)
    queue.decide(second.number, "DIFFERENT", by="trainee")
    tried = queue.undo_many(by="Dr Li", by_steward="trainee", dry_run=True)
    assert (2, True) == (len(tried.undone), tried.is_dry_run)
    assert "would_undo" in tried.to_dict()
    assert 1 == len(queue.undo_many(by="Dr Li", since=middle, dry_run=True).undone)
    late = queue.undo_many(by="Dr Li", by_steward="trainee", since=middle)
    assert (1, [second.number]) == (len(late.undone), [row.number for row in queue.tasks().rows])
    assert 1 == len(queue.undo_many(by="Dr Li", by_steward="trainee").undone)
    assert 2 == queue.tasks().total
    assert () == queue.undo_many(by="Dr Li", by_steward="trainee").undone
    with pytest.raises(ConfigError):
        queue.undo_many(by="Dr Li")


def test_what_later_events_stand_on_is_kept(registry: Registry, queue: ReviewQueue) -> None:
    """An undo that would take more than was asked names it instead."""
    row, ids = three_way(registry, queue)
    done = queue.decide(row.number, "MERGE", by="trainee")
    (merged,) = done.enterprise_ids
    other = registry.arrives("s/x", name="周八", birth_date="1930-05-05").enterprise_id
    later = registry.index.merge(merged, str(other), by="Dr Li", reason="")
    if later.enterprise_id == merged:
        queue.undo_many(by="Dr Li", by_steward="trainee")
        return
    before = registry.last_event()
    tried = queue.undo_many(by="Dr Li", by_steward="trainee", dry_run=True)
    assert before == registry.last_event()
    report = queue.undo_many(by="Dr Li", by_steward="trainee")
    assert (tried.undone, tried.kept) == (report.undone, report.kept)
    assert [done.events[0]] == [event for event, _ in report.kept]
    with pytest.raises(LinkConflictError):
        queue.undo(done, by="Dr Li")
    assert len(ids) == 3


def test_an_undone_judgement_stays_on_the_task(queue: ReviewQueue) -> None:
    """Figures of agreement see what was taken back."""
    row = only(queue)
    queue.undo(queue.decide(row.number, "MERGE", by="Dr Li", reason="TWINS"), by="Dr Wang")
    queue.decide(row.number, "DIFFERENT", by="Dr Wang")
    with queue.index.reading() as reader:
        task = reader.state.task(row.number)
    assert task is not None
    assert [("Dr Li", "MERGE", "undone"), ("Dr Wang", "DIFFERENT", "first")] == [
        (each["by"], each["verdict"], each["role"]) for each in task["judgements"]
    ]


def test_what_was_said_after_a_decision_outlives_its_undoing(queue: ReviewQueue) -> None:
    """A comment on the closed task stays; the task is open again all the same."""
    row = only(queue)
    done = queue.decide(row.number, "MERGE", by="Dr Li")
    queue.comment(row.number, "are you sure?", by="Dr Wang")
    queue.undo(done, by="Dr Wang")
    now = queue.row(row.number)
    assert (TaskStatus.OPEN, 1, None) == (now.status, now.comments, now.verdict)


def test_all_is_there_after_reopening(registry: Registry, queue: ReviewQueue) -> None:
    """What was decided, said and put off is in the index and nowhere else."""
    row = only(queue)
    queue.comment(row.number, "hm", by="Dr Li")
    queue.assign(row.number, "Dr Wang", by="Dr Li")
    before = queue.case(row.number)
    registry.reopen()
    after = ReviewQueue(registry.index, registry.clock).case(row.number)
    assert before.history == after.history
    assert ("Dr Wang", 1) == (after.task.assignee, after.task.comments)
    assert isinstance(registry.index, IdentityIndex)


def test_who_comes_second_to_a_closed_task_gets_the_conflict(queue: ReviewQueue) -> None:
    """A colleague closed the task first: the answer says who, when, and keeps what was asked."""
    row = only(queue)
    queue.decide(row.number, "DIFFERENT", by="Dr Wang", version=row.version)
    with pytest.raises(StaleTaskError) as caught:
        queue.decide(row.number, "MERGE", by="Dr Li", version=row.version, text="one dot")
    told = caught.value
    assert ("Dr Wang", "closed", "one dot") == (told.changed_by, told.status, told.asked["text"])
    with pytest.raises(StaleTaskError):
        queue.escalate(row.number, by="Dr Li", version=row.version)
    request = DecisionRequest(number=row.number, verdict=Verdict.MERGE, version=row.version)
    (refused,) = queue.decide_many([request], by="Dr Li")
    assert isinstance(refused, StaleTaskError)
    with pytest.raises(UnknownIdError, match="closed"):
        queue.decide(row.number, "MERGE", by="Dr Li", version=queue.row(row.number).version)


@pytest.mark.parametrize("number", [-1, 0, 2**63, 2**64, 10**30])
def test_a_number_that_nothing_has_is_unknown(queue: ReviewQueue, number: int) -> None:
    """Whatever number is typed, the answer is that there is no such task or event."""
    for look in (queue.row, queue.case, queue.history):
        with pytest.raises(UnknownIdError, match="no task"):
            look(number)
    with pytest.raises(UnknownIdError, match="no task"):
        queue.decide(number, "MERGE", by="Dr Li")
    with pytest.raises(UnknownIdError, match="no event"):
        queue.undo(number, by="Dr Li")
    if number > 0:
        assert [] == queue.index.changes(since=number)


@pytest.mark.parametrize("name", ["", " ", "zh\nao", "zh\x00ao", "a\x1b[2J", "a" * 101, "\udcff"])
def test_a_name_is_one_printed_line(registry: Registry, queue: ReviewQueue, name: str) -> None:
    """Whoever acts or is to act has a name of 1 to 100 characters; the journal takes no other."""
    row, before = only(queue), registry.last_event()
    with pytest.raises(ConfigError, match="'to'"):
        queue.assign(row.number, name, by="Dr Li")
    with pytest.raises(ConfigError, match="'to'"):
        queue.escalate(row.number, to=name, by="Dr Li")
    with pytest.raises(ConfigError, match=r"by"):
        queue.comment(row.number, "seen", by=name)
    assert before == registry.last_event()
    queue.assign(row.number, "欧阳\u3000娜娜 \ue863", by="Dr Li")


def test_a_text_of_undecoded_bytes_is_refused(registry: Registry, queue: ReviewQueue) -> None:
    """What a terminal of another encoding sends is refused by name, not a crash."""
    row, before = only(queue), registry.last_event()
    with pytest.raises(ConfigError, match="'reason' is not valid UTF-8"):
        queue.decide(row.number, "MERGE", by="Dr Li", text="\udcd5\udcc5")
    request = DecisionRequest(number=row.number, verdict=Verdict.MERGE, text="\udcff")
    (refused,) = queue.decide_many([request], by="Dr Li")
    assert isinstance(refused, ConfigError)
    with pytest.raises(ConfigError, match="4,000"):
        queue.decide(row.number, "MERGE", by="Dr Li", text="x" * 4001)
    assert before == registry.last_event()
