"""Whatever stewards do, in whatever order, the state is what the journal says."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mpi.review.queue import ReviewQueue
from mpi.review.types import Filter, TaskStatus
from person.errors import MpiError, StaleTaskError
from tests.mpi.identity_registry import Registry

PEOPLE: list[dict[str, Any]] = [
    {"name": "王芳", "birth_date": "1991-08-16", "gender": "女", "phone": "13671093358"},
    {"name": "王方", "birth_date": "1991-08-16", "gender": "女"},
    {"name": "王小芳", "birth_date": "1991-08-16", "gender": "男", "phone": "13671093358"},
    {"name": "陈建国", "birth_date": "1958-04-09", "gender": "男"},
]
EVERY = Filter(status=frozenset(TaskStatus))
stewards = st.sampled_from(["Dr Li", "Dr Wang"])
places = st.integers(0, 7)


@contextmanager
def suppress_known() -> Iterator[None]:
    """Refusals are answers; a stale version is none, where nobody came in between."""
    try:
        yield
    except StaleTaskError:
        raise
    except MpiError:
        return


class ReviewMachine(RuleBasedStateMachine):
    """Records come and go, stewards ask, decide, approve, put off and take back."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(tempfile.mkdtemp())
        self.registry = Registry(self.path)
        self.queue = ReviewQueue(self.registry.index, self.registry.clock)
        self.arrived = 0

    def teardown(self) -> None:
        found = self.registry.index.verify().findings
        self.registry.close()
        shutil.rmtree(self.path)
        assert () == found

    def numbers(self) -> list[int]:
        return sorted(row.number for row in self.queue.tasks(EVERY).rows)

    def pick(self, place: int) -> int:
        numbers = self.numbers()
        return numbers[place % len(numbers)]

    @rule(person=st.sampled_from(PEOPLE))
    def arrive(self, person: dict[str, Any]) -> None:
        self.arrived += 1
        self.registry.arrives(f"s/{self.arrived}", **person)

    @precondition(lambda self: self.arrived > 1)
    @rule(one=places, other=places, by=stewards)
    def ask(self, one: int, other: int, by: str) -> None:
        ids = []
        for place in (one, other):
            found = self.registry.index.lookup(source="s", record_id=str(place % self.arrived + 1))
            ids.append("" if found is None else found.enterprise_id)
        with suppress_known():  # one identity, or none
            self.queue.raise_task(ids, by=by)

    @precondition(lambda self: self.numbers())
    @rule(
        place=places,
        by=stewards,
        verdict=st.sampled_from(["MERGE", "DIFFERENT", "NO_CHANGE"]),
        second=st.booleans(),
    )
    def decide(self, place: int, by: str, verdict: str, second: bool) -> None:
        row = self.queue.row(self.pick(place))
        with suppress_known():  # closed, or waiting for approval
            self.queue.decide(
                row.number, verdict, by=by, version=row.version, approve_needed=second
            )

    @precondition(lambda self: self.numbers())
    @rule(place=places, by=stewards, what=st.sampled_from(["approve", "reject", "reopen"]))
    def answer(self, place: int, by: str, what: str) -> None:
        with suppress_known():
            getattr(self.queue, what)(self.pick(place), by=by)

    @precondition(lambda self: self.numbers())
    @rule(place=places, by=stewards, days=st.integers(1, 3))
    def put_off(self, place: int, by: str, days: int) -> None:
        until = datetime.fromtimestamp(self.registry.clock.now_ms / 1000 + days * 86_400, UTC)
        with suppress_known():
            self.queue.defer(self.pick(place), until, by=by)

    @rule(place=places, by=stewards)
    def undo(self, place: int, by: str) -> None:
        count = self.registry.last_event()
        with suppress_known():  # later events stand on it, or it cannot be taken back
            self.queue.undo(max(count - place, 1), by=by)

    @precondition(lambda self: self.arrived > 0)
    @rule(place=places)
    def leave(self, place: int) -> None:
        with suppress_known():  # gone already
            self.registry.index.remove("s", str(place % self.arrived + 1))

    @invariant()
    def lists_agree(self) -> None:
        """Filtered and plain lists show the same tasks in the same order."""
        plain = [row.number for row in self.queue.tasks().rows]
        filtered = [row.number for row in self.queue.tasks(Filter(weight_max=1e9)).rows]
        assert plain == filtered


TestReviewMachine = ReviewMachine.TestCase
TestReviewMachine.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
