"""Many threads, or many tasks of an event loop, ask and write at once; what waits is done together.

A transaction costs a wait for the disk, whatever it holds. A desk that adds one record at a time
waits for each; a platform with hundreds of desks lets them wait together:

    with IdentityIndex.open("index/", writable=True) as index, GroupWriter(index) as writer:
        receipt = writer.add(person)  # from any thread; durable when it returns

Each request is an event of its own, answered by its own receipt or its own error, and undone alone.

Reading waits for nothing, and threads may call an index directly. But hundreds of them that all
want the interpreter take it from one another at every compiled step, and spend several times the
work on that: `GroupReader` answers them one after another, and resolves together who waits.
`mpi.identity_async` has the same for tasks of an event loop, which cost less than threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Final, Self

from mpi.identity_door import check_name, check_utf8
from mpi.identity_index import AUTO, IdentityIndex
from mpi.identity_people import People, joined_people, read_people
from mpi.identity_queries import only_identity
from mpi.identity_reading import Reader
from mpi.identity_results import Identity, Receipt, Resolution
from mpi.identity_writing import write_people
from person.errors import ConfigError, IndexStoreError, MpiError

__all__ = ["GroupReader", "GroupWriter", "Request", "answer_questions", "settle"]

Person = Mapping[str, Any]

BATCH_MAX: Final = 48
READ_MAX: Final = 512


@dataclass(slots=True)
class Request:
    """What one thread or one task waits for.

    Attributes
    ----------
    person : to resolve or add
    by, reason : for the journal
    lookup : what to look up instead
    done : held until a thread has its answer
    future : a task's, instead
    answered, error : a thread's answer
    """

    person: Person
    by: str = AUTO
    reason: str = ""
    lookup: Mapping[str, str | None] | None = None
    done: threading.Lock | None = None
    future: asyncio.Future[Any] | None = None
    answered: Any = None
    error: BaseException | None = None


_Told = tuple["asyncio.Future[Any]", Any, BaseException | None]


class _Group:
    """A thread that takes whatever waits, up to a limit, and answers it together."""

    def __init__(self, name: str, batch_max: int, gather_seconds: float) -> None:
        self._batch_max = batch_max
        self._gather_seconds = gather_seconds
        self._waiting: SimpleQueue[Request | None] = SimpleQueue()
        self._guard = threading.Lock()
        self._is_open = True
        self._told: list[_Told] = []
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _put(self, request: Request) -> None:
        with self._guard:  # after `close` nobody would answer
            if not self._is_open:
                raise IndexStoreError("the group that asks this index together has been closed")
            self._waiting.put(request)

    def asked(self, request: Request) -> Any:
        """The answer to a request; the thread waits for it.

        Parameters
        ----------
        request : of this thread
        """
        request.done = threading.Lock()
        request.done.acquire()
        self._put(request)
        request.done.acquire()
        if request.error is not None:
            raise request.error
        return request.answered

    def awaited(self, request: Request) -> asyncio.Future[Any]:
        """The answer to a request, to be awaited by the running task.

        Parameters
        ----------
        request : of this task
        """
        request.future = asyncio.get_running_loop().create_future()
        self._put(request)
        return request.future

    def _answer(self, request: Request, answered: Any, error: BaseException | None) -> None:
        if request.future is not None:
            self._told.append((request.future, answered, error))
            return
        request.answered, request.error = answered, error
        assert request.done is not None, "whoever waits holds its lock"
        request.done.release()

    def _tell(self) -> None:
        """Hand the tasks' answers to their loops, all of a loop's in one call."""
        told, self._told = self._told, []
        while told:
            loop = told[0][0].get_loop()
            own = [each for each in told if each[0].get_loop() is loop]
            with contextlib.suppress(RuntimeError):  # the loop has ended, and its tasks with it
                loop.call_soon_threadsafe(_settle, own)
            told = [each for each in told if each[0].get_loop() is not loop]

    def close(self) -> None:
        """Answer what waits, and end."""
        with self._guard:
            if self._is_open:
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
        later: list[Request] = []
        while not is_last or later:
            requests, is_last = self._gathered(later, is_last)
            later = self._work(requests) if requests else []
            self._tell()

    def _work(self, requests: Sequence[Request]) -> list[Request]:
        raise NotImplementedError

    def _gathered(self, later: list[Request], is_last: bool) -> tuple[list[Request], bool]:
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


def _settle(told: Sequence[_Told]) -> None:
    for each in told:
        settle(*each)


def settle(future: asyncio.Future[Any], answered: Any, error: BaseException | None) -> None:
    """Answer a task, on its own loop.

    Parameters
    ----------
    future : what it awaits
    answered, error : its answer, or why there is none
    """
    if future.done():
        return  # its task was cancelled meanwhile
    if error is None:
        future.set_result(answered)
    else:
        future.set_exception(error)


class GroupReader(_Group):
    """Answers the questions of many threads, one after another.

    Parameters
    ----------
    index : open; use it for nothing else meanwhile, or open another
    batch_max : most questions to take at once
    gather_seconds : after the first question, wait so long for others
    """

    def __init__(
        self, index: IdentityIndex, *, batch_max: int = READ_MAX, gather_seconds: float = 0.0
    ) -> None:
        self._index = index
        super().__init__("mpi-reader", batch_max, gather_seconds)

    def lookup_all(self, **asked: str | None) -> list[Identity]:
        """As `IdentityIndex.lookup_all`.

        Parameters
        ----------
        asked : see there
        """
        found: list[Identity] = self.asked(Request({}, lookup=asked))
        return found

    def lookup(self, **asked: str | None) -> Identity | None:
        """As `IdentityIndex.lookup`.

        Parameters
        ----------
        asked : see there
        """
        return only_identity(self.lookup_all(**asked))

    def resolve(self, person: Person) -> Resolution:
        """As `IdentityIndex.resolve`.

        Parameters
        ----------
        person : see there
        """
        found: Resolution = self.asked(Request(person))
        return found

    def _work(self, requests: Sequence[Request]) -> list[Request]:
        answer_questions(self._index, requests, self._answer)
        return []


def answer_questions(
    index: IdentityIndex,
    requests: Sequence[Request],
    answer: Callable[[Request, Any, BaseException | None], None],
) -> None:
    """Answer questions from one moment of the index, the quick ones first.

    Parameters
    ----------
    index : open
    requests : lookups, and people to resolve together
    answer : takes each request with its answer or its error
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(index.store.turn)
        try:
            reader = stack.enter_context(index.reading())
        except Exception as error:
            for request in requests:
                answer(request, None, error)
            return
        people: list[Request] = []
        for request in requests:
            if request.lookup is None:
                people.append(request)
            else:
                _try(request, partial(index.lookup_in, reader, **request.lookup), answer)
        _resolve_together(index, reader, people, answer)


def _resolve_together(
    index: IdentityIndex,
    reader: Reader,
    requests: Sequence[Request],
    answer: Callable[[Request, Any, BaseException | None], None],
) -> None:
    """Resolve all at once; where that fails, each, to find out which of them it was."""
    try:
        found = index.resolve_in(reader, [each.person for each in requests])
    except Exception:
        for request in requests:
            _try(request, partial(_resolve_one, index, reader, request.person), answer)
        return
    for request, resolution in zip(requests, found, strict=True):
        answer(request, resolution, None)


def _resolve_one(index: IdentityIndex, reader: Reader, person: Person) -> Resolution:
    return index.resolve_in(reader, [person])[0]


def _try(
    request: Request,
    ask: Callable[[], Any],
    answer: Callable[[Request, Any, BaseException | None], None],
) -> None:
    try:
        answered = ask()
    except Exception as error:
        answer(request, None, error)
    else:
        answer(request, answered, None)


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
        receipt: Receipt = self.asked(Request(person, by, reason))
        return receipt

    def _work(self, requests: Sequence[Request]) -> list[Request]:
        """Write what may go together; returns the requests that have to wait for the next turn."""
        together: list[Request] = []
        later: list[Request] = []
        try:
            with self._index._session(by=AUTO, reason="") as session:
                session.keeps_apart = True
                with self._index.store.turn:  # given up again while the disk is waited for
                    together, people, later = self._read(requests)
                    if not together:
                        raise _NobodyError
                    receipts = write_people(session, people, may_update=True)
        except _NobodyError:
            return later
        except BaseException as error:
            if len(requests) > 1 and isinstance(error, MpiError):
                for request in together or requests:  # perhaps only one of them is to blame
                    later += self._work([request])
            else:
                for request in together or requests:
                    self._answer(request, None, error)
            return later
        self.transactions += 1
        self.records += len(together)
        for request, receipt in zip(together, receipts, strict=True):
            self._answer(request, receipt, None)
        return later

    def _read(self, requests: Sequence[Request]) -> tuple[list[Request], People, list[Request]]:
        """Encode people; those who cannot be read are told, a record that comes twice waits."""
        engine = self._index.engine
        read = [each for each in requests if self._may_speak(each)]
        try:
            people = read_people(engine, [each.person for each in read], needs_references=True)
        except Exception:  # one of them; find out which
            asked, read, parts = read, [], []
            for request in asked:
                try:
                    parts.append(read_people(engine, request.person, needs_references=True))
                    read.append(request)
                except Exception as error:
                    self._answer(request, None, error)
            people = joined_people(parts)
        first_places: dict[tuple[str, str], int] = {}
        for place, reference in enumerate(zip(people.sources, people.record_ids, strict=True)):
            first_places.setdefault(reference, place)
        places, later = list(first_places.values()), []
        if len(places) < len(read):
            chosen = set(places)
            later = [each for place, each in enumerate(read) if place not in chosen]
            read, people = [read[place] for place in places], people.taken(places)
        voices = [(each.by, each.reason) for each in read]
        is_nobody = all(each == (AUTO, "") for each in voices)
        return read, replace(people, voices=[] if is_nobody else voices), later

    def _may_speak(self, request: Request) -> bool:
        """Whether the journal may name who asks, and why; who may not is told."""
        if (request.by, request.reason) == (AUTO, ""):
            return True
        try:
            check_name(request.by, "by")
            check_utf8(request.reason, "reason")
        except ConfigError as error:
            self._answer(request, None, error)
            return False
        return True


class _NobodyError(Exception):
    """None of those who wait can be written: the transaction is dropped."""
