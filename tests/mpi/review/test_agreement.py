"""Figures of the review, held against counting all tasks anew."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mpi.identity_events import Change, Event, EventKind, encode_event
from mpi.identity_index import IdentityIndex
from mpi.review.agreement import Dashboard, Figures
from mpi.review.intervals import wilson
from mpi.review.tallies import Tallies, judgements_of, said_of
from mpi.review.types import Reason, TaskStatus, Verdict
from person.errors import MpiError
from tests.mpi.review.asked_people import STEWARDS, Asked


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    found = Asked(tmp_path, 24)
    yield found
    found.close()


def all_tasks(index: IdentityIndex) -> list[dict[str, Any]]:
    with index.store.read() as snapshot:
        return [json.loads(value) for _, value in snapshot.range("task")]


# ------------------------------------------------------------------------------ what is counted


def test_an_empty_index_has_empty_figures(asked: Asked) -> None:
    """No task, no share, no kappa: nothing is divided by nothing."""
    found = Figures(asked.index).dashboard(asked.clock.now_ms).to_dict()
    assert 0 == found["open_tasks"]
    assert found["agreement"]["kappa"] is None
    assert found["decided_precision"]["estimate"] is None
    assert found["precision"] is None
    assert [] == found["days"]
    assert json.dumps(found)


def test_backlog_by_status_kind_and_age(asked: Asked) -> None:
    """Open tasks by kind and by whole days since they were raised."""
    one, two, three = asked.ask([(0, 1, 3.0)], [(2, 3, 3.0)], [(4, 5, 3.0)])
    asked.ask([(6, 7, 3.0)], kind="POSSIBLE_DUPLICATE")
    until = asked.queue.row(one).created_at
    asked.queue.escalate(two, by="Dr Li")
    asked.queue.decide(three, Verdict.DIFFERENT, by="Dr Li")
    figures = Figures(asked.index)
    now = asked.clock.now_ms
    found = figures.dashboard(now)
    assert {"closed": 1, "escalated": 1, "open": 2} == found.by_status
    assert {"POSSIBLE_DUPLICATE": 1, "REVIEW": 2} == found.by_kind
    assert 3 == found.open_tasks
    assert until[:10] == found.oldest_at
    for days, label in ((0, "<1d"), (3, "1-7d"), (9, "8-30d"), (40, ">30d")):
        later = figures.dashboard(now + int(timedelta(days=days).total_seconds() * 1000))
        ages = {each.label: sum(each.tasks.values()) for each in later.ages if each.tasks}
        assert {label: 3} == ages


def test_stewards_and_days(asked: Asked) -> None:
    """Each judgement counts for the steward who gave it, on its day."""
    tasks = asked.ask(*([(2 * n, 2 * n + 1, 5.0)] for n in range(4)))
    asked.queue.decide(tasks[0], Verdict.MERGE, by="Dr Li")
    asked.queue.decide(tasks[1], Verdict.DIFFERENT, by="Dr Li")
    asked.queue.decide(tasks[2], Verdict.NO_CHANGE, by="Dr Wang")
    found = Figures(asked.index).dashboard(asked.clock.now_ms)
    by = {each.by: each for each in found.stewards}
    assert ["Dr Li", "Dr Wang"] == [each.by for each in found.stewards]
    assert (2, 1, 1, 0) == (
        by["Dr Li"].decided,
        by["Dr Li"].same,
        by["Dr Li"].different,
        by["Dr Li"].other,
    )
    assert 1 == by["Dr Wang"].other
    assert 3 == sum(each.same + each.different + each.other for each in found.days)


def test_an_undone_judgement_is_none(asked: Asked) -> None:
    """What was taken back counts for nobody, and its task waits again."""
    (task,) = asked.ask([(0, 1, 5.0)])
    done = asked.queue.decide(task, Verdict.MERGE, by="Dr Li")
    asked.queue.undo(done, by="Dr Li")
    found = Figures(asked.index).dashboard(asked.clock.now_ms)
    assert () == found.stewards
    assert () == found.bands
    assert {"open": 1} == found.by_status


def test_two_stewards_on_one_question(asked: Asked) -> None:
    """A question that was reopened and judged by another tells how far the two agree."""
    tasks = asked.ask(*([(2 * n, 2 * n + 1, 5.0)] for n in range(4)))
    verdicts = [Verdict.DIFFERENT, Verdict.DIFFERENT, Verdict.NO_CHANGE, Verdict.DIFFERENT]
    for task, first in zip(tasks, [Verdict.DIFFERENT] * 3 + [Verdict.NO_CHANGE], strict=True):
        asked.queue.decide(task, first, by="Dr Li")
        asked.queue.reopen(task, by="Dr Wang")
    for task, second in zip(tasks, verdicts, strict=True):
        asked.queue.decide(task, second, by="Dr Wang")
    found = Figures(asked.index).dashboard(asked.clock.now_ms)
    assert (4, 2, "cohen") == (
        found.agreement.tasks,
        found.agreement.agreed,
        found.agreement.method,
    )
    # Agreed on 2 of 4; by chance 3/4 * 3/4 + 1/4 * 1/4 = 10/16.
    assert (0.5 - 0.625) / 0.375 == pytest.approx(found.agreement.kappa)
    by = {each.by: each for each in found.stewards}
    assert (4, 2) == (by["Dr Li"].twice, by["Dr Li"].agreed)
    assert (2, 0) == (by["Dr Li"].overruled, by["Dr Wang"].overruled)


def test_approval_is_a_second_judgement(asked: Asked) -> None:
    """Who approves agrees, who rejects does not."""
    one, two = asked.ask([(0, 1, 5.0)], [(2, 3, 5.0)])
    for task in (one, two):
        asked.queue.decide(task, Verdict.MERGE, by="Dr Li", approve_needed=True)
    asked.queue.approve(one, by="Dr Wang")
    asked.queue.reject(two, by="Dr Wang", text="not sure")
    found = Figures(asked.index).dashboard(asked.clock.now_ms)
    assert (2, 1) == (found.agreement.tasks, found.agreement.agreed)
    assert {"closed": 1, "open": 1} == found.by_status


def test_overruled_by_band_of_weight(asked: Asked) -> None:
    """A verdict against the sign of the weight overrules the machine."""
    tasks = asked.ask(*([(2 * n, 2 * n + 1, w)] for n, w in enumerate([5.0, 6.5, 6.5, -2.0, -30])))
    for task, verdict in zip(
        tasks,
        [Verdict.MERGE, Verdict.DIFFERENT, Verdict.NO_CHANGE, Verdict.MERGE, Verdict.DIFFERENT],
        strict=True,
    ):
        asked.queue.decide(task, verdict, by="Dr Li")
    found = Figures(asked.index).dashboard(asked.clock.now_ms)
    bands = {(each.weight_min, each.weight_max): each for each in found.bands}
    assert [(None, -12.0), (-4.0, 0.0), (4.0, 8.0)] == list(bands)
    assert (2, 1, 1, 1) == (
        bands[4.0, 8.0].decided,
        bands[4.0, 8.0].same,
        bands[4.0, 8.0].different,
        bands[4.0, 8.0].overruled,
    )
    assert wilson(1, 2) == bands[4.0, 8.0].rate
    assert (1, 1) == (bands[-4.0, 0.0].overruled, bands[-4.0, 0.0].same)
    assert 0 == bands[None, -12.0].overruled
    assert wilson(1, 2) == found.decided_precision


# ------------------------------------------------------------------------------ kept, not recounted


def recounted(index: IdentityIndex) -> tuple[Counter[str], Counter[str], Counter[tuple[str, str]]]:
    """(tasks by status, judgements by steward, judgements by steward and what was said)."""
    tasks = all_tasks(index)
    status = Counter(task["status"] for task in tasks)
    judged = [each for task in tasks for each in judgements_of(task)]
    return (
        status,
        Counter(each["by"] for each in judged),
        Counter((each["by"], said_of(each)) for each in judged),
    )


def counted(dashboard: Dashboard) -> tuple[Counter[str], Counter[str], Counter[tuple[str, str]]]:
    said: Counter[tuple[str, str]] = Counter()
    for each in dashboard.stewards:
        said.update({(each.by, o): getattr(each, o) for o in ("same", "different", "other")})
    return (
        Counter(dashboard.by_status),
        Counter({each.by: each.decided for each in dashboard.stewards}),
        +said,
    )


def random_action(asked: Asked, tasks: list[int], chance: random.Random) -> None:
    task, by = chance.choice(tasks), chance.choice(STEWARDS)
    queue = asked.queue
    status = queue.row(task).status
    if status is TaskStatus.CLOSED:
        events = [e for e in queue.history(task) if e.action in ("DECIDED", "APPROVED")]
        if events and chance.random() < 0.5:
            queue.undo(events[-1].event, by=by)
        else:
            queue.reopen(task, by=by)
    elif status is TaskStatus.APPROVAL:
        (queue.approve if chance.random() < 0.6 else queue.reject)(task, by=by)
    elif chance.random() < 0.2:
        queue.escalate(task, by=by)
    else:
        verdict = chance.choice([Verdict.MERGE, Verdict.DIFFERENT, Verdict.NO_CHANGE])
        queue.decide(
            task,
            verdict,
            by=by,
            reason=Reason.NAMESAKE,
            approve_needed=verdict is Verdict.MERGE and chance.random() < 0.3,
        )


@pytest.mark.parametrize("seed", [1, 2])
def test_figures_follow_the_journal(asked: Asked, seed: int) -> None:
    """Whatever happens, counters that moved along equal those of a fresh walk through all tasks."""
    chance = random.Random(seed)
    tasks = asked.ask(*([(n, n + 1, chance.uniform(-10, 20))] for n in range(0, 24, 2)))
    figures = Figures(asked.index)
    done = 0
    for step in range(60):
        try:
            random_action(asked, tasks, chance)
            done += 1
        except MpiError:
            continue
        if step % 6 == 0:
            now = asked.clock.now_ms
            kept = figures.dashboard(now)
            assert Figures(asked.index).dashboard(now).to_dict() == kept.to_dict()
            assert recounted(asked.index) == counted(kept)
    assert done > 20


class Told:
    """A snapshot that counts how often all tasks are walked through."""

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.tasks: dict[bytes, bytes] = {}
        self.walks = 0

    @property
    def event_count(self) -> int:
        return len(self.events)

    def range(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        assert "task" == table
        self.walks += 1
        return iter(self.tasks.items())

    def journal(self, first: int) -> Iterator[tuple[int, bytes]]:
        return iter(list(enumerate(self.events, 1))[first - 1 :])

    def put(self, number: int, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        change = Change("task", number, before, after)
        self.events.append(encode_event(Event(kind=EventKind.TASK, at_ms=0, changes=(change,))))
        self.tasks[number.to_bytes(8, "big")] = json.dumps(after).encode()


def test_a_second_look_reads_only_what_happened_since() -> None:
    """One walk through all tasks, however often the figures are asked for."""
    told, tallies = Told(), Tallies()
    task = {"kind": "REVIEW", "status": "open", "pairs": [[0, 1, 3.0, None]], "created_ms": 0}
    told.put(256, None, task)
    for _ in range(3):
        tallies.catch_up(told)  # type: ignore[arg-type]
    closed = task | {
        "status": "closed",
        "verdict": "MERGE",
        "judgements": [{"by": "Dr Li", "at_ms": 0, "verdict": "MERGE", "role": "first"}],
    }
    told.put(256, task, closed)
    tallies.catch_up(told)  # type: ignore[arg-type]
    assert 1 == told.walks
    assert {("closed",): 1} == dict(tallies.of("status"))
    assert {(0, "same"): 1} == dict(tallies.of("band"))
    assert {} == dict(tallies.of("open"))


def test_tasks_that_nobody_judged_are_counted_without_being_read() -> None:
    """Whatever stands in names and reasons, the counters are those of reading every task."""
    odd = [
        '", "status": "closed", "kind": "AUDIT"',
        '"created_ms": 5',
        "\\",
        "王\n",
        '"judgements":[]',
    ]
    told, read = Told(), Tallies()
    for number, name in enumerate(odd):
        task = {
            "kind": ("REVIEW", "POSSIBLE_DUPLICATE")[number % 2],
            "status": ("open", "escalated", "closed")[number % 3],
            "pairs": [[0, 1, 3.0, name]],
            "reasons": [name],
            "names": [name, ""],
            "created_ms": 90_000_000 * number,
            "verdict": "MERGE",
        }
        told.put(number, None, task)
        read._move(number, None, task)
    for ascii_only in (True, False):
        told.tasks = {
            key: json.dumps(json.loads(task), ensure_ascii=ascii_only).encode()
            for key, task in told.tasks.items()
        }
        fast = Tallies()
        fast.catch_up(told)  # type: ignore[arg-type]
        assert read.counts == fast.counts


def test_after_very_much_the_tasks_are_walked_through_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A batch run writes events larger than all tasks together: these are counted anew."""
    monkeypatch.setattr("mpi.review.tallies.EVENT_BYTES_MAX", 200)
    told, tallies = Told(), Tallies()
    task = {"kind": "REVIEW", "status": "open", "pairs": [[0, 1, 3.0, None]], "created_ms": 0}
    for number in range(4):
        told.put(number, None, task)
        tallies.catch_up(told)  # type: ignore[arg-type]
    for number in range(4, 9):
        told.put(number, None, task)
    tallies.catch_up(told)  # type: ignore[arg-type]
    assert 2 == told.walks
    assert {("open",): 9} == dict(tallies.of("status"))
