"""Many tasks of an event loop ask and write at once; what waits is done together.

    with asyncio.Runner(loop_factory=partial(event_loop, index)) as runner:
        runner.run(serve())

    async with AsyncReader(index) as reader, AsyncWriter(writable) as writer:
        identity = await reader.lookup(id_number="11010519491231002X")
        receipt = await writer.add(person)  # durable when it returns

Questions are answered on the loop itself, those that wait together, from one moment of the index:
one thread that asks hundreds of things does a fraction of the work of hundreds that take the
interpreter from one another. Records that wait are written by a thread of their own, in one durable
transaction, so that the loop never waits for the disk. `event_loop` is an ordinary one that lets
that thread decide in peace: the two compute in turns, not step against step. `index.warm()` first:
a page that is still on the disk would be waited for.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from index_store import Turn
from mpi.identity_group import BATCH_MAX, GroupWriter, Request, answer_questions, settle
from mpi.identity_index import AUTO, IdentityIndex
from mpi.identity_queries import only_identity
from mpi.identity_results import Identity, Receipt, Resolution
from person.errors import IndexStoreError

__all__ = ["AsyncReader", "AsyncWriter", "event_loop"]

Person = Mapping[str, Any]

_GATHER_SECONDS: Final = 0.001
_TURN_SECONDS: Final = 0.002
"""After this a busy loop gives others their turn."""


class AsyncReader:
    """Answers the questions of many tasks; those of one loop together.

    Parameters
    ----------
    index : open
    gather_seconds : the first question waits so long for others; resolving several together is
        much less work than resolving each
    """

    def __init__(self, index: IdentityIndex, *, gather_seconds: float = _GATHER_SECONDS) -> None:
        self._index = index
        self._gather_seconds = gather_seconds
        self._waiting: dict[asyncio.AbstractEventLoop, list[Request]] = {}
        self._is_open = True

    async def lookup_all(self, **asked: str | None) -> list[Identity]:
        """As `IdentityIndex.lookup_all`.

        Parameters
        ----------
        asked : see there
        """
        found: list[Identity] = await self._awaited(Request({}, lookup=asked))
        return found

    async def lookup(self, **asked: str | None) -> Identity | None:
        """As `IdentityIndex.lookup`.

        Parameters
        ----------
        asked : see there
        """
        return only_identity(await self.lookup_all(**asked))

    async def resolve(self, person: Person) -> Resolution:
        """As `IdentityIndex.resolve`.

        Parameters
        ----------
        person : see there
        """
        found: Resolution = await self._awaited(Request(person))
        return found

    def _awaited(self, request: Request) -> asyncio.Future[Any]:
        if not self._is_open:
            raise IndexStoreError("what asks this index together has been closed")
        loop = asyncio.get_running_loop()
        request.future = loop.create_future()
        waiting = self._waiting.get(loop)
        if waiting is None:
            waiting = self._waiting[loop] = []
            loop.call_later(self._gather_seconds, self._answer, loop)
        waiting.append(request)
        return request.future

    def _answer(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting = self._waiting.pop(loop, [])
        for each in list(self._waiting):  # a loop that was closed too soon will never ask for them
            if each.is_closed():
                self._waiting.pop(each, None)
        if waiting:
            answer_questions(self._index, waiting, _settled)

    async def close(self) -> None:
        """Answer what waits on this loop, and end; what waits on others is answered there."""
        self._is_open = False
        self._answer(asyncio.get_running_loop())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _settled(request: Request, answered: Any, error: BaseException | None) -> None:
    assert request.future is not None, "a task waits for it"
    settle(request.future, answered, error)


class AsyncWriter:
    """Adds records for many tasks, those that wait in one durable transaction.

    Parameters
    ----------
    index : open for writing; nobody else writes to it meanwhile
    batch_max : most records in a transaction
    gather_seconds : see `GroupWriter`

    Attributes
    ----------
    group : what writes; counts transactions and records
    """

    def __init__(
        self, index: IdentityIndex, *, batch_max: int = BATCH_MAX, gather_seconds: float = 0.0
    ) -> None:
        self.group = GroupWriter(index, batch_max=batch_max, gather_seconds=gather_seconds)

    async def add(self, person: Person, *, by: str = AUTO, reason: str = "") -> Receipt:
        """Add or update one record, as `IdentityIndex.add`; returns when it is durable.

        A task that is cancelled meanwhile does not take its record back.

        Parameters
        ----------
        person : columns of the schema, with source and record id
        by, reason : for the journal
        """
        receipt: Receipt = await self.group.awaited(Request(person, by, reason))
        return receipt

    async def close(self) -> None:
        """Write what waits, and end; the loop goes on meanwhile."""
        await asyncio.get_running_loop().run_in_executor(None, self.group.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class _TurnSelector(selectors.DefaultSelector):
    """Waits for events without the index's turn, and takes it for what they bring."""

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self._turn = turn
        self._has_turn = False
        self._since = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        is_busy = timeout is not None and timeout <= 0  # more is ready to run
        if is_busy and self._has_turn and time.perf_counter() - self._since < _TURN_SECONDS:
            return super().select(timeout)
        self._yield_turn()
        found = super().select(timeout)
        self._turn.acquire()
        self._has_turn, self._since = True, time.perf_counter()
        return found

    def close(self) -> None:
        self._yield_turn()
        super().close()

    def _yield_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turn.release()


def event_loop(index: IdentityIndex) -> asyncio.SelectorEventLoop:
    """An event loop whose tasks compute only in their turn on an index; see above.

    Parameters
    ----------
    index : open; the turn is that of all open indexes of this process on its directory

    Returns
    -------
    asyncio.SelectorEventLoop; close it in the thread that ran it
    """
    return asyncio.SelectorEventLoop(_TurnSelector(index.store.turn))
