"""Many threads ask and write at once; what waits is done together, by one thread.

A transaction costs a wait for the disk, whatever it holds. A desk that adds one record at a time
waits for each; a platform with hundreds of desks lets them wait together:

    with IdentityIndex.open("index/", writable=True) as index, GroupWriter(index) as writer:
        receipt = writer.add(person)  # from any thread; durable when it returns

Each request is an event of its own, answered by its own receipt or its own error, and undone alone.

Reading waits for nothing, and threads may call an index directly. But hundreds of them that all
want the interpreter take it from one another at every compiled step, and spend several times the
work on that: `GroupReader` answers them one after another, and resolves together who waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Final, Self

from mpi.identity_index import AUTO, IdentityIndex
from mpi.identity_people import People, joined_people, read_people
from mpi.identity_results import Identity, Receipt, Resolution
from mpi.identity_writing import write_people
from person.errors import IndexStoreError, MpiError

__all__ = ["GroupReader", "GroupWriter"]

Person = Mapping[str, Any]

BATCH_MAX: Final = 256
READ_MAX: Final = 32
_ENCODED_SINGLY: Final = 8
"""More people than this are encoded faster as a table."""


@dataclass(slots=True)
class _Request:
    """What one thread waits for."""

    person: Person
    by: str = AUTO
    reason: str = ""
    ask: Callable[[], Any] | None = None
    done: threading.Lock = field(default_factory=threading.Lock)
    answered: Any = None
    error: BaseException | None = None

    def answer(self, answered: Any, error: BaseException | None) -> None:
        self.answered, self.error = answered, error
        self.done.release()


class _Group:
    """A thread that takes whatever waits, up to a limit, and answers it together."""

    def __init__(self, name: str, batch_max: int, gather_seconds: float) -> None:
        self._batch_max = batch_max
        self._gather_seconds = gather_seconds
        self._waiting: SimpleQueue[_Request | None] = SimpleQueue()
        self._guard = threading.Lock()
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _asked(self, request: _Request) -> Any:
        request.done.acquire()
        with self._guard:  # after `close` nobody would answer
            if not self._is_open:
                raise IndexStoreError("the group that asks this index together has been closed")
            self._waiting.put(request)
        request.done.acquire()
        if request.error is not None:
            raise request.error
        return request.answered

    def close(self) -> None:
        """Answer what waits, and end."""
        with self._guard:
            if not self._is_open:
                return
            self._is_open = False
            self._waiting.put(None)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        is_last = False
        later: list[_Request] = []
        while not is_last or later:
            requests, is_last = self._gathered(later, is_last)
            later = self._work(requests) if requests else []

    def _work(self, requests: Sequence[_Request]) -> list[_Request]:
        raise NotImplementedError

    def _gathered(self, later: list[_Request], is_last: bool) -> tuple[list[_Request], bool]:
        """Requests that wait, those left over from before first; and whether these are the last."""
        requests = list(later)
        if not requests and not is_last:
            first = self._waiting.get()
            if first is None:
                return [], True
            requests.append(first)
            if self._gather_seconds:
                time.sleep(self._gather_seconds)
        while not is_last and len(requests) < self._batch_max:
            try:
                request = self._waiting.get_nowait()
            except Empty:
                break
            if request is None:
                is_last = True
            else:
                requests.append(request)
        return requests, is_last


class GroupReader(_Group):
    """Answers the questions of many threads, one after another.

    Parameters
    ----------
    index : open; use it for nothing else meanwhile, or open another
    batch_max : most questions to take at once
    """

    def __init__(self, index: IdentityIndex, *, batch_max: int = READ_MAX) -> None:
        self._index = index
        super().__init__("mpi-reader", batch_max, 0.0)

    def lookup_all(self, **asked: str | None) -> list[Identity]:
        """As `IdentityIndex.lookup_all`.

        Parameters
        ----------
        asked : see there
        """
        found: list[Identity] = self._asked(
            _Request({}, ask=lambda: self._index.lookup_all(**asked))
        )
        return found

    def lookup(self, **asked: str | None) -> Identity | None:
        """As `IdentityIndex.lookup`.

        Parameters
        ----------
        asked : see there
        """
        found: Identity | None = self._asked(_Request({}, ask=lambda: self._index.lookup(**asked)))
        return found

    def resolve(self, person: Person) -> Resolution:
        """As `IdentityIndex.resolve`.

        Parameters
        ----------
        person : see there
        """
        found: Resolution = self._asked(_Request(person))
        return found

    def _work(self, requests: Sequence[_Request]) -> list[_Request]:
        together = [request for request in requests if request.ask is None]
        for request in requests:  # the quick ones first
            if request.ask is not None:
                _answer(request, request.ask)
        try:
            found = self._index.resolve_all([request.person for request in together])
        except Exception:
            for request in together:
                _answer(request, lambda: self._index.resolve(request.person))  # noqa: B023
            return []
        for request, resolution in zip(together, found, strict=True):
            request.answer(resolution, None)
        return []


def _answer(request: _Request, ask: Callable[[], Any]) -> None:
    try:
        answered = ask()
    except Exception as error:
        request.answer(None, error)
    else:
        request.answer(answered, None)


class GroupWriter(_Group):
    """Adds records for many threads at once.

    Parameters
    ----------
    index : open for writing; nobody else writes to it meanwhile
    batch_max : most records in a transaction
    gather_seconds : after the first request, wait so long for others; longer waits mean fewer
        transactions and less work for each record
    """

    def __init__(
        self, index: IdentityIndex, *, batch_max: int = BATCH_MAX, gather_seconds: float = 0.0
    ) -> None:
        self._index = index
        self.transactions = self.records = 0
        super().__init__("mpi-writer", batch_max, gather_seconds)

    def add(self, person: Person, *, by: str = AUTO, reason: str = "") -> Receipt:
        """Add or update one record, as `IdentityIndex.add`; returns when it is durable.

        Parameters
        ----------
        person : columns of the schema, with source and record id
        by, reason : for the journal
        """
        receipt: Receipt = self._asked(_Request(person, by, reason))
        return receipt

    def _work(self, requests: Sequence[_Request]) -> list[_Request]:
        """Write what may go together; returns the requests that have to wait for the next turn."""
        first = requests[0]
        together: list[_Request] = []
        later: list[_Request] = []
        for request in requests:
            is_alike = (request.by, request.reason) == (first.by, first.reason)
            (together if is_alike else later).append(request)
        read, people = self._read(together)
        seen: set[tuple[str, str]] = set()
        places = []
        for place, request in enumerate(read):
            reference = (people.sources[place], people.record_ids[place])
            if reference in seen:
                later.append(request)
            else:
                seen.add(reference)
                places.append(place)
        if places:
            self._commit([read[place] for place in places], people.taken(places))
        return later

    def _read(self, requests: Sequence[_Request]) -> tuple[list[_Request], People]:
        """Encode the people; those who cannot be read are told."""
        engine = self._index.engine
        if len(requests) > _ENCODED_SINGLY:
            try:
                table = [request.person for request in requests]
                return list(requests), read_people(engine, table, needs_references=True)
            except MpiError:
                pass  # one of them; find out which
        read, parts = [], []
        for request in requests:
            try:
                parts.append(read_people(engine, request.person, needs_references=True))
                read.append(request)
            except Exception as error:
                request.answer(None, error)
        return read, joined_people(parts)

    def _commit(self, requests: Sequence[_Request], people: People) -> None:
        try:
            receipts = self._transaction(requests[0], people)
        except BaseException as error:
            if len(requests) > 1 and isinstance(error, MpiError):
                for place, request in enumerate(requests):  # perhaps only one of them is to blame
                    self._commit([request], people.taken([place]))
                return
            for request in requests:
                request.answer(None, error)
            return
        self.transactions += 1
        self.records += len(requests)
        for request, receipt in zip(requests, receipts, strict=True):
            request.answer(receipt, None)

    def _transaction(self, request: _Request, people: People) -> list[Receipt]:
        with self._index._session(by=request.by, reason=request.reason) as session:
            session.keeps_apart = True
            return write_people(session, people, may_update=True)
