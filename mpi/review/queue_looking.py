"""The reading half of `mpi.review.queue.ReviewQueue`: lists, cases, what comes next, search."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

from mpi.identity_golden import GoldenRecord, golden_of_records
from mpi.identity_index import IdentityIndex
from mpi.identity_queries import system_clock
from mpi.identity_queue import status_counts, waiting_place
from mpi.identity_reading import Reader
from mpi.review.case import build_bare_case, build_case, build_identity_case
from mpi.review.columns import QueueColumns
from mpi.review.decisions import read_approval_rules
from mpi.review.finding import find_people, tasks_named
from mpi.review.history import task_history
from mpi.review.listing import find_page
from mpi.review.rows import task_row
from mpi.review.types import Case, Filter, LookAlike, TaskEvent, TaskPage, TaskRow
from person.errors import ConfigError, UnknownIdError

__all__ = ["QueueLooking"]

LIMIT_MAX: Final = 1000


class QueueLooking:
    """What a queue answers without writing; see `ReviewQueue`.

    Parameters
    ----------
    index : open; the queue does not close it
    clock : milliseconds of UTC, for what is due and how old things are
    """

    def __init__(self, index: IdentityIndex, clock: Callable[[], int] = system_clock) -> None:
        self.index = index
        self._clock = clock
        self._columns = QueueColumns()

    def tasks(
        self,
        filter: Filter | None = None,  # noqa: A002 - the word that callers use
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> TaskPage:
        """One page of tasks, the most useful to answer first.

        Parameters
        ----------
        filter : which tasks; None for those that are open
        limit : tasks on the page, up to 1,000
        cursor : of another page, as a page names it
        """
        if not 1 <= limit <= LIMIT_MAX:
            raise ConfigError(f"limit must be from 1 to {LIMIT_MAX:,}")
        wanted, now_ms = filter or Filter(), self._clock()
        with self.index.reading() as reader:
            found = tasks_named(reader, wanted.text) if wanted.text else frozenset()
            numbers, total, following, before = find_page(
                reader,
                self._columns,
                wanted,
                found=found,
                limit=limit,
                cursor=cursor,
                now_ms=now_ms,
            )
            rows = tuple(self._row(reader, number, now_ms) for number in numbers)
        return TaskPage(rows=rows, total=total, cursor_next=following, cursor_back=before)

    def _row(self, reader: Reader, number: int, now_ms: int) -> TaskRow:
        task = reader.state.task(number)
        if task is None:
            raise UnknownIdError(f"there is no task {number}")
        return task_row(reader, number, task, now_ms)

    def row(self, number: int) -> TaskRow:
        """One task as a line of the queue; UnknownIdError where there is none."""
        with self.index.reading() as reader:
            return self._row(reader, number, self._clock())

    def case(self, number: int) -> Case:
        """Everything about one task; UnknownIdError where there is none."""
        with self.index.reading() as reader:
            return build_case(reader, number, self._clock())

    def bare_case(self, number: int) -> Case:
        """The records of a task alone, quickly; UnknownIdError where there is none."""
        with self.index.reading() as reader:
            return build_bare_case(reader, number, self._clock())

    def split_goldens(
        self, enterprise_id: str, leave: Collection[tuple[str, str]]
    ) -> tuple[GoldenRecord, GoldenRecord]:
        """What an identity and those who leave it would be, as the index chooses values.

        Parameters
        ----------
        enterprise_id : of the identity
        leave : (source, record id) of the records

        Returns
        -------
        golden records of those that stay and of those that leave
        """
        with self.index.reading() as reader:
            members = reader.state.members(reader.live_number_of(enterprise_id))
            wanted = frozenset(leave)
            references = reader.references(members)
            sides: tuple[list[int], list[int]] = ([], [])
            for record, reference in zip(members, references, strict=True):
                sides[reference in wanted].append(record)
            rules = reader.engine.facts.survivorship
            staying, leaving = (golden_of_records(reader, each, "", rules) for each in sides)
            return staying, leaving

    def identity_case(self, enterprise_id: str) -> Case:
        """The same of one identity that nobody asked about, for parting its records."""
        with self.index.reading() as reader:
            return build_identity_case(reader, enterprise_id, self._clock())

    def next_task(
        self, after: int | None = None, *, by: str = "", backwards: bool = False
    ) -> int | None:
        """The next open task for a steward: of those assigned to them or to nobody.

        Parameters
        ----------
        after : the task that was looked at last; None begins at the top
        by : the steward
        backwards : the one before it instead
        """
        now_ms = self._clock()
        with self.index.reading() as reader:
            cursor = None
            task = None if after is None else reader.state.task(after)
            if task is not None:
                cursor = f"{'b' if backwards else 'n'}{waiting_place(after or 0, task).hex()}"
            elif backwards:
                return None
            while True:
                numbers, _, following, before = find_page(
                    reader,
                    self._columns,
                    Filter(),
                    found=(),
                    limit=50,
                    cursor=cursor,
                    now_ms=now_ms,
                )
                for number in reversed(numbers) if backwards else numbers:
                    if number != after and _may_take(reader, number, by):
                        return number
                cursor = before if backwards else following
                if cursor is None:
                    return None

    def history(self, number: int) -> tuple[TaskEvent, ...]:
        """What happened to a task, oldest first; UnknownIdError where there is none."""
        with self.index.reading() as reader:
            return task_history(reader, number)

    def statistics(self) -> dict[str, Any]:
        """Tasks by status, and the rules of second approval."""
        with self.index.reading() as reader:
            rules = read_approval_rules(reader.snapshot)
            return {
                "tasks": status_counts(reader.snapshot),
                "approval_records": rules.records_max,
                "approval_safety": rules.safety_flags,
            }

    @property
    def record_count(self) -> int:
        """Records of the index, those that were removed included."""
        with self.index.reading() as reader:
            return reader.snapshot.record_count

    def search(
        self, text: str | None = None, *, limit: int = 20, everywhere: bool = False, **fields: Any
    ) -> tuple[LookAlike, ...]:
        """Identities by anything that is known of a person.

        Parameters
        ----------
        text : an enterprise id, a record id, an id number, a phone number, a birth date, a name or
            an address
        limit : most to return
        everywhere : where no key leads to anybody, look through all records, however many
        fields : columns of the schema, instead of a text
        """
        with self.index.reading() as reader:

            def tasks_with(name: str) -> Iterator[int]:
                self._columns.catch_up(reader.snapshot)
                return self._columns.named(name)

            return find_people(
                reader, text, fields, limit, tasks_with=tasks_with, everywhere=everywhere
            )


def _may_take(reader: Reader, number: int, by: str) -> bool:
    """Whether a steward may be offered a task."""
    task = reader.state.task(number)
    assert task is not None
    if task.get("assignee") not in (None, by):
        return False
    twin = (task.get("audit") or {}).get("repeat_of")
    judged = None if twin is None else reader.state.task(twin)
    return judged is None or all(each["by"] != by for each in judged.get("judgements", ()))
