"""Many tasks of an event loop ask and write at once: the groups of `mpi.identity_group`, awaited.

    async with AsyncReader(index) as reader, AsyncWriter(writable) as writer:
        identity = await reader.lookup(id_number="11010519491231002X")
        receipt = await writer.add(person)  # durable when it returns

The loop never waits for the disk or for a decision: one thread answers whatever questions wait,
from one moment of the index, and another writes whatever records wait, in one durable transaction;
each gives the loop all of its answers in one call. Hundreds of tasks cost a fraction of what as
many threads do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from mpi.identity_group import BATCH_MAX, READ_MAX, GroupReader, GroupWriter, Request
from mpi.identity_index import AUTO, IdentityIndex
from mpi.identity_queries import only_identity
from mpi.identity_results import Identity, Receipt, Resolution

__all__ = ["AsyncReader", "AsyncWriter"]

Person = Mapping[str, Any]


class _Awaited:
    """A group whose callers are tasks."""

    def __init__(self, group: GroupReader | GroupWriter) -> None:
        self._group = group

    async def close(self) -> None:
        """Answer what waits, and end; the loop goes on meanwhile."""
        await asyncio.get_running_loop().run_in_executor(None, self._group.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class AsyncReader(_Awaited):
    """Answers the questions of many tasks.

    Parameters
    ----------
    index : open; use it for nothing else meanwhile, or open another
    batch_max : most questions to take at once
    gather_seconds : see `GroupReader`
    """

    def __init__(
        self, index: IdentityIndex, *, batch_max: int = READ_MAX, gather_seconds: float = 0.0
    ) -> None:
        group = GroupReader(index, batch_max=batch_max, gather_seconds=gather_seconds)
        super().__init__(group)

    async def lookup_all(self, **asked: str | None) -> list[Identity]:
        """As `IdentityIndex.lookup_all`.

        Parameters
        ----------
        asked : see there
        """
        found: list[Identity] = await self._group.awaited(Request({}, lookup=asked))
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
        found: Resolution = await self._group.awaited(Request(person))
        return found


class AsyncWriter(_Awaited):
    """Adds records for many tasks, those that wait in one durable transaction.

    Parameters
    ----------
    index : open for writing; nobody else writes to it meanwhile
    batch_max : most records in a transaction
    gather_seconds : see `GroupWriter`
    """

    def __init__(
        self, index: IdentityIndex, *, batch_max: int = BATCH_MAX, gather_seconds: float = 0.0
    ) -> None:
        self.group = GroupWriter(index, batch_max=batch_max, gather_seconds=gather_seconds)
        super().__init__(self.group)

    async def add(self, person: Person, *, by: str = AUTO, reason: str = "") -> Receipt:
        """Add or update one record, as `IdentityIndex.add`; returns when it is durable.

        A task that is cancelled meanwhile does not take its record back.

        Parameters
        ----------
        person : columns of the schema, with source and record id
        by, reason : for the journal
        """
        receipt: Receipt = await self._group.awaited(Request(person, by, reason))
        return receipt
