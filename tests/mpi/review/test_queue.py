"""The queue: what is listed, in which order, page by page, and what filters let through."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mpi.identity_queue import status_counts
from mpi.review.queue import ReviewQueue
from mpi.review.types import UNASSIGNED, Filter, TaskPage, TaskStatus, Verdict
from person.errors import ConfigError, UnknownIdError
from tests.mpi.identity_registry import Registry
from tests.mpi.review.review_people import question

NAMES = (("王芳", "王方"), ("张秀英", "张秀瑛"), ("陈丽华", "陈丽花"), ("黄海燕", "黄海雁"))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Four questions; nothing in this module is decided."""
    registry = Registry(tmp_path_factory.mktemp("queue"))
    for place, (name, near) in enumerate(NAMES):
        question(registry, place, name, near)
    yield registry
    registry.close()


def queue_of(registry: Registry) -> ReviewQueue:
    return ReviewQueue(registry.index, registry.clock)


def numbers(page: TaskPage) -> list[int]:
    return [row.number for row in page.rows]


def test_the_most_useful_answer_comes_first(asked: Registry) -> None:
    """Rows come by falling priority, and the whole number of them is known."""
    page = queue_of(asked).tasks()
    assert (4, 4) == (page.total, len(page.rows))
    priorities = [row.priority for row in page.rows]
    assert sorted(priorities, reverse=True) == priorities


def test_pages_lead_forward_and_back(asked: Registry) -> None:
    """Each task stands on one page; going back shows the page before."""
    queue = queue_of(asked)
    everything = numbers(queue.tasks())
    first = queue.tasks(limit=2)
    assert first.cursor_back is None
    second = queue.tasks(limit=2, cursor=first.cursor_next)
    assert everything == numbers(first) + numbers(second)
    assert second.cursor_next is None
    assert numbers(first) == numbers(queue.tasks(limit=2, cursor=second.cursor_back))


def test_a_filtered_list_has_pages_too(asked: Registry) -> None:
    """With a filter the same tasks come in the same order."""
    queue, wanted = queue_of(asked), Filter(kind="REVIEW")
    everything = numbers(queue.tasks())
    first = queue.tasks(wanted, limit=3)
    second = queue.tasks(wanted, limit=3, cursor=first.cursor_next)
    assert (4, everything) == (first.total, numbers(first) + numbers(second))
    assert numbers(first) == numbers(queue.tasks(wanted, limit=3, cursor=second.cursor_back))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(text="张秀"), 1),
        (Filter(text="户籍/R2"), 1),
        (Filter(text="H3"), 1),
        (Filter(text="nobody"), 0),
        (Filter(source="医院"), 4),
        (Filter(source="户"), 0),
        (Filter(kind="AUDIT"), 0),
        (Filter(assignee=UNASSIGNED), 4),
        (Filter(assignee="Dr Li"), 0),
        (Filter(weight_min=100.0), 0),
        (Filter(weight_max=100.0), 4),
        (Filter(status=frozenset({TaskStatus.CLOSED}), text="张"), 0),
    ],
)
def test_filters_choose_by_what_a_task_says(asked: Registry, wanted: Filter, expected: int) -> None:
    """Text finds names, records and ids; the others look at one fact each."""
    page = queue_of(asked).tasks(wanted)
    assert (expected, expected) == (page.total, len(page.rows))


def test_a_task_is_found_by_its_number_its_ids_and_an_id_number(asked: Registry) -> None:
    """Whatever a steward has in hand leads to the question."""
    queue = queue_of(asked)
    row = queue.tasks().rows[0]
    for text in (str(row.number), *row.enterprise_ids):
        assert [row.number] == numbers(queue.tasks(Filter(text=text)))
    field = next(f for f in queue.case(row.number).records[1].fields if f.name == "id_number")
    record = next(r for r in queue.case(row.number).records if r.source == "户籍")
    field = next(f for f in record.fields if f.name == "id_number")
    assert row.number in numbers(queue.tasks(Filter(text=field.value)))


def test_a_bad_cursor_or_limit_is_refused(asked: Registry) -> None:
    """A mistake is said, nothing odd is listed."""
    queue = queue_of(asked)
    for cursor in ("", "x", "n12", "q" + "00" * 16):
        with pytest.raises(ConfigError, match="cursor"):
            queue.tasks(cursor=cursor)
    with pytest.raises(ConfigError, match="limit"):
        queue.tasks(limit=0)
    with pytest.raises(UnknownIdError):
        queue.row(77)


def test_what_is_put_off_comes_back_in_its_place(tmp_path: Path) -> None:
    """A deferred task is not open until it is due, then stands where its priority puts it."""
    registry = Registry(tmp_path)
    for place, (name, near) in enumerate(NAMES[:3]):
        question(registry, place, name, near)
    queue = queue_of(registry)
    order = numbers(queue.tasks())
    until = datetime.fromtimestamp(registry.clock.now_ms / 1000 + 86_400, UTC)
    queue.defer(order[0], until, by="Dr Li")
    deferred = Filter(status=frozenset({TaskStatus.DEFERRED}))
    both = Filter(status=frozenset({TaskStatus.OPEN, TaskStatus.DEFERRED}))
    assert order[1:] == numbers(queue.tasks())
    assert [order[0]] == numbers(queue.tasks(deferred))
    assert [*order[1:], order[0]] == numbers(queue.tasks(both))
    assert [] == numbers(queue.tasks(Filter(text=NAMES[0][0], kind="AUDIT")))
    registry.clock.now_ms += 2 * 86_400_000
    page = queue.tasks()
    assert (order, 3) == (numbers(page), page.total)
    assert TaskStatus.OPEN is page.rows[0].status
    assert order == numbers(queue.tasks(Filter(kind="REVIEW")))
    assert ([], 0) == (numbers(queue.tasks(deferred)), queue.tasks(deferred).total)
    assert order[1:] == numbers(queue.tasks(cursor=queue.tasks(limit=1).cursor_next))
    registry.close()


def test_filters_see_what_happened_since(tmp_path: Path) -> None:
    """The columns held in memory follow the journal."""
    registry = Registry(tmp_path)
    question(registry, 0, *NAMES[0])
    queue, mine = queue_of(registry), Filter(assignee="Dr Li")
    assert 0 == queue.tasks(mine).total
    (row,) = queue.tasks().rows
    queue.assign(row.number, "Dr Li", by="Dr Wang", version=row.version)
    assert 1 == queue.tasks(mine).total
    question(registry, 1, *NAMES[1])
    queue.assign(queue.tasks(Filter(assignee=UNASSIGNED)).rows[0].number, "Dr Li", by="Dr Li")
    assert 2 == queue.tasks(mine).total
    queue.decide(row.number, Verdict.NO_CHANGE, by="Dr Li")
    assert 1 == queue.tasks(mine).total
    closed = Filter(assignee="Dr Li", status=frozenset({TaskStatus.CLOSED}))
    assert [row.number] == numbers(queue.tasks(closed))
    with registry.index.reading() as reader:
        assert {"open": 1, "closed": 1} == {
            status: count for status, count in status_counts(reader.snapshot).items() if count
        }
    registry.close()


def test_the_next_task_is_ones_own_or_nobodys(tmp_path: Path) -> None:
    """What somebody else has taken is not offered."""
    registry = Registry(tmp_path)
    for place, (name, near) in enumerate(NAMES[:3]):
        question(registry, place, name, near)
    queue = queue_of(registry)
    first, second, third = numbers(queue.tasks())
    queue.assign(second, "Dr Wang", by="Dr Wang")
    assert first == queue.next_task(by="Dr Li")
    assert third == queue.next_task(first, by="Dr Li")
    assert second == queue.next_task(first, by="Dr Wang")
    assert None is queue.next_task(third, by="Dr Li")
    registry.close()
