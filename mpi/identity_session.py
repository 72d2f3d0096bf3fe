"""One write transaction of the identity index: changes go to the store and into the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from index_store import WriteBatch
from mpi.identity_door import check_name, check_utf8, without_numbers
from mpi.identity_engine import Engine
from mpi.identity_events import (
    Addition,
    Change,
    Event,
    EventKind,
    addition_start,
    encode_addition,
    encode_event,
)
from mpi.identity_plan import SAME
from mpi.identity_tasks import Question, follow_up, new_tasks, reweighed
from mpi.identity_view import (
    RESERVED_SOURCE,
    StoreState,
    number_key,
    put_value,
    put_values,
    unpack_row_value,
    write_all_touched,
    write_change,
    write_overflow,
    write_source,
    write_tasked,
    write_touched,
)

__all__ = ["Session"]

TASKS_PER_EVENT: Final = 256
_PLAIN_TABLES: Final = frozenset({"redirect", "retired", "decision", "task"})


class Session:
    """What all writes share: the batch, the clock's reading, who acts and why.

    Attributes
    ----------
    batch : the store's transaction
    state : the present state, own writes included
    voice : who acts and why, as it was said last
    long_names : hashes of the long names that it wrote
    is_one_batch : its events are taken back together; set before the first is written
    keeps_apart : its events are strangers that only share the transaction
    """

    def __init__(
        self,
        batch: WriteBatch,
        engine: Engine,
        sources: dict[str, int],
        *,
        by: str,
        reason: str,
        at_ms: int,
    ) -> None:
        self.batch = batch
        self.state = StoreState(batch)
        self.engine = engine
        self.sources = sources
        self.at_ms = at_ms
        self.speak(by, reason)
        self._fresh: set[int] = set()
        self.long_names: list[int] = []
        self.first_event: int | None = None
        self.is_one_batch = False
        self.keeps_apart = False

    def speak(self, by: str, reason: str) -> None:
        """Say who acts in the events to come, and why.

        Raises
        ------
        ConfigError : not the name of anybody, or no text
        """
        check_name(by, "by")
        self.voice = by, reason
        self.by = by if self.engine.sealer is None else without_numbers(by)
        self.say(reason)

    def say(self, reason: str) -> None:
        """Give the reason of the events to come; id numbers that prove themselves are masked.

        Raises
        ------
        ConfigError : it is not text that UTF-8 can hold
        """
        check_utf8(reason, "reason")
        # Where numbers are sealed, none may be read in what people write either.
        self.reason = reason if self.engine.sealer is None else without_numbers(reason)

    @property
    def next_event(self) -> int:
        return self.batch.event_count + 1

    # ------------------------------------------------------------------ records

    def source_numbers(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Numbers of sources, new ones numbered now: int64[k]."""
        for name in dict.fromkeys(names):
            if name not in self.sources:
                number = len(self.sources)
                write_source(self.batch, name, number)
                self.sources[name] = number
        return np.array([self.sources[name] for name in names], np.int64)

    def append(
        self,
        rows: NDArray[np.uint64],
        sources: NDArray[np.int64],
        record_ids: Sequence[str],
        updated_at: NDArray[np.uint32],
        identities: Sequence[int | None],
        values: Sequence[str | None],
        keys: NDArray[np.uint64],
    ) -> list[int]:
        """Put new records into the store; the caller writes their events.

        Parameters
        ----------
        rows, sources, record_ids, updated_at : of the records
        values : their texts as JSON, None where they are not kept
        keys : uint64[m, n], of their rows, see `Engine.key_table`
        identities : of each; None for one that founds its own

        Returns
        -------
        their numbers
        """
        wanted = np.array([-1 if each is None else each for each in identities], np.int64)
        encoded = [each.encode() for each in record_ids]
        numbers = self.batch.append_records(
            rows, sources.astype(np.uint16), encoded, updated_at, wanted
        )
        self.batch.add_all_postings(keys, numbers)
        self._keep_long_names(rows)
        records: list[int] = numbers.tolist()
        put_values(self.batch, zip(records, values, strict=True))
        self._fresh.update(records)
        return records

    def reserve(self) -> int:
        """A number never used before, for an identity none of whose records can found it."""
        rows = np.zeros((1, self.batch.state.n_words), np.uint64)
        name = number_key(self.batch.record_count)
        source = np.array([RESERVED_SOURCE], np.uint16)
        numbers = self.batch.append_records(rows, source, [name], [0], [-1])
        self.batch.remove_records(numbers)
        return int(numbers[0])

    def _keep_long_names(self, rows: NDArray[np.uint64]) -> None:
        """Write long names that rows of the index now refer to."""
        names = self.engine.names.beyond(rows)
        if names is None:
            return
        is_new = [
            self.batch.get("overflow", h.to_bytes(8, "big")) is None for h in names.hashes.tolist()
        ]
        write_overflow(self.batch, names, np.flatnonzero(is_new))
        self.long_names += names.hashes[is_new].tolist()

    def _add_postings(self, rows: NDArray[np.uint64], records: NDArray[np.int64]) -> None:
        self.batch.add_all_postings(self.engine.key_table(rows), records)

    def _remove_postings(self, rows: NDArray[np.uint64], records: NDArray[np.int64]) -> None:
        self.batch.remove_all_postings(self.engine.key_table(rows), records)

    def reference(self, record: int) -> tuple[str, str]:
        """(source, record id) of a record."""
        sources, record_ids = self.batch.references(np.array([record], np.int64))
        names = {number: name for name, number in self.sources.items()}
        return names[int(sources[0])], record_ids[0].decode()

    # ------------------------------------------------------------------ events

    def write(
        self,
        kind: EventKind,
        changes: Iterable[Change],
        *,
        evidence: Mapping[str, Any] | None = None,
        undoes: Sequence[int] = (),
        is_automatic: bool = False,
        bulk: Mapping[str, Any] | None = None,
        batch: int | None = None,
    ) -> int:
        """Make changes and append their event.

        Parameters
        ----------
        kind : of the event
        changes : everything that changes; what is unchanged is dropped
        evidence, undoes, bulk : see `Event`
        is_automatic : a machine decided, whoever asked
        batch : first event of the batch it belongs to

        Returns
        -------
        number of the event
        """
        if self.keeps_apart:
            batch = None
        elif self.is_one_batch and batch is None:
            batch = self.first_event
        wanted = tuple(change for change in changes if change.before != change.after)
        for change in wanted:
            if change.table in _PLAIN_TABLES:
                write_change(self.batch, change)
        self._write_records(wanted)
        answered = follow_up(self.state, wanted, by=self.by, at_ms=self.at_ms)
        for change in answered:
            write_change(self.batch, change)
        wanted += tuple(answered)
        event = Event(
            kind=kind,
            at_ms=self.at_ms,
            by=self.by,
            reason=self.reason,
            model=self.engine.digest if is_automatic else "",
            evidence=evidence or {},
            changes=wanted,
            undoes=tuple(undoes),
            batch=batch,
            bulk=bulk,
        )
        number = self.batch.append_event(encode_event(event))
        write_touched(self.batch, {*event.affected(), *self._owners_of_rows(wanted)}, number)
        tasks = [change.key for change in wanted if change.table == "task"]
        write_tasked(self.batch, tasks, number)  # type: ignore[arg-type]
        if self.first_event is None:
            self.first_event = number
        return number

    def write_additions(self, additions: Sequence[Addition]) -> int:
        """Append the events of records that `append` has put into the store, in one go.

        Parameters
        ----------
        additions : at least one; the journal gets what `write` would give it

        Returns
        -------
        number of the first event; the others follow
        """
        first = self.next_event
        if self.first_event is None:
            batches = [None, *[first] * (len(additions) - 1)]
            self.first_event = first
        else:
            batches = [self.first_event] * len(additions)
        if self.keeps_apart:
            batches = [None] * len(additions)
        start = addition_start(self.at_ms, self.by, self.reason, self.engine.digest)
        self.batch.append_events(
            [encode_addition(start, *each) for each in zip(additions, batches, strict=True)]
        )
        write_all_touched(self.batch, [each.identity for each in additions], first)
        self._fresh.difference_update([each.record for each in additions])
        return first

    def _owners_of_rows(self, changes: Sequence[Change]) -> set[int]:
        """Identities of records that now say something else."""
        rows = (c.key for c in changes if c.table == "row" and None not in (c.before, c.after))
        return {owner for r in rows if (owner := self.state.identity_of(r)) is not None}  # type: ignore[arg-type]

    def _write_records(self, changes: Sequence[Change]) -> None:
        members = [c for c in changes if c.table == "member" and c.key not in self._fresh]
        returned = {c.key for c in members if c.before is None}
        removed = {c.key for c in members if c.after is None}
        for change in changes:
            if change.table != "row" or change.key in self._fresh:
                continue
            assert isinstance(change.key, int)
            self._write_row(change, is_back=change.key in returned)
        if removed:
            gone = np.array(sorted(removed), np.int64)
            self._remove_postings(self.batch.rows(gone), gone)
        if members:
            self.batch.set_identity(
                np.array([c.key for c in members], np.int64),
                np.array([-1 if c.after is None else c.after for c in members], np.int64),
            )
        if returned:
            back = np.array(sorted(returned), np.int64)
            self._add_postings(self.batch.rows(back), back)
        for change in changes:
            if change.table == "member" and change.key in self._fresh:
                self._fresh.discard(change.key)

    def _write_row(self, change: Change, *, is_back: bool) -> None:
        assert isinstance(change.key, int)
        record, numbers = change.key, np.array([change.key], np.int64)
        if change.after is None:
            self.batch.delete("value", number_key(record))
            return
        row, updated_at, values = unpack_row_value(change.after)
        if change.before is not None and not is_back and change.before[:2] == change.after[:2]:
            put_value(self.batch, record, values)  # the texts alone
            return
        rows = row.reshape(1, -1)
        if change.before is not None and not is_back:
            self._remove_postings(self.batch.rows(numbers), numbers)
        self.batch.replace_rows(numbers, rows, [updated_at])
        if not is_back:
            self._add_postings(rows, numbers)
        self._keep_long_names(rows)
        put_value(self.batch, record, values)

    # ------------------------------------------------------------------ decisions, tasks

    def is_pinned(self, record: int, identity: int) -> bool:
        """Whether a steward said that this record and another of that identity are one person."""
        return any(
            decision["verdict"] == SAME and self.state.identity_of(other) == identity
            for other, decision in self.state.decisions_of(record).items()
        )

    def different_from(self, record: int) -> frozenset[int]:
        """Records that a steward declared different from this one."""
        decisions = self.state.decisions_of(record)
        return frozenset(r for r, decision in decisions.items() if decision["verdict"] != SAME)

    def ask(self, questions: Sequence[Question]) -> list[Change]:
        """Changes that raise questions; the caller writes them as its next event."""
        assert len(questions) <= TASKS_PER_EVENT
        names = {number: name for name, number in self.sources.items()}
        first = self.next_event * TASKS_PER_EVENT
        tasks = new_tasks(
            self.state, self.engine, names, questions, event=self.next_event, at_ms=self.at_ms
        )
        return [Change("task", first + place, None, task) for place, task in enumerate(tasks)]

    def ask_instead(self, number: int, task: dict[str, Any], question: Question) -> Change:
        """The change by which a task asks something else from now on."""
        names = {number: name for name, number in self.sources.items()}
        new = reweighed(self.state, self.engine, names, task, question)
        return Change("task", number, task, new)
