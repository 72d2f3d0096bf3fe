"""Tasks of an event loop that ask and write together get what each would alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mpi import IdentityIndex
from mpi.identity_async import AsyncReader, AsyncWriter, event_loop
from person.errors import IdentityError, IndexStoreError, InputError
from tests.mpi.identity_registry import national_id

NUMBER = national_id("110105", "1949-12-31", 2)


def person(number: int, **more: str) -> dict[str, str]:
    return {
        "source": "H1", "record_id": str(number), "name": f"王{chr(0x4E00 + 7 * number)}",
        "birth_date": f"19{60 + number % 40}-03-07", "phone": f"136{number:08d}",
    } | more  # fmt: skip


def run(index: IdentityIndex, work: Coroutine[Any, Any, None]) -> None:
    """Run on a loop that takes turns with those who write to the index."""
    with asyncio.Runner(loop_factory=partial(event_loop, index)) as runner:
        runner.run(work)


def test_tasks_get_what_each_would_alone(tmp_path: Path) -> None:
    """Lookups and resolutions of many tasks are answered as the index answers one; errors too."""
    with IdentityIndex.create(tmp_path / "index") as index:
        index.add_table([person(i) for i in range(30)])
        index.add(person(40, id_number=NUMBER, name="李明"))
        index.add(person(41, id_number=NUMBER, name="欧阳菊", birth_date="2001-01-02"))
        asked = [person(i) | {"record_id": "new"} for i in range(30)]
        expected = [index.resolve(each) for each in asked]
        known = [index.lookup(source="H1", record_id=str(i)) for i in range(30)]

        async def work() -> None:
            async with AsyncReader(index) as reader:
                resolved = asyncio.gather(*map(reader.resolve, asked))
                bad = asyncio.gather(reader.resolve({"name": {}}), return_exceptions=True)
                found = asyncio.gather(
                    *(reader.lookup(source="H1", record_id=str(i)) for i in range(30))
                )
                assert expected == await resolved
                assert known == await found
                assert isinstance((await bad)[0], InputError)
                assert 2 == len(await reader.lookup_all(id_number=NUMBER))
                with pytest.raises(IdentityError, match="2 identities"):
                    await reader.lookup(id_number=NUMBER)
            with pytest.raises(IndexStoreError, match="closed"):
                await reader.resolve(asked[0])

        run(index, work())


def test_tasks_that_write_share_a_transaction(tmp_path: Path) -> None:
    """Every task gets its own receipt or error; one that is cancelled takes nothing with it."""
    with IdentityIndex.create(tmp_path / "index") as index:

        async def work() -> None:
            async with AsyncWriter(index, gather_seconds=0.05) as writer:
                tasks = [asyncio.ensure_future(writer.add(person(i))) for i in range(40)]
                bad = asyncio.ensure_future(writer.add(person(50, record_id="")))
                await asyncio.sleep(0)
                tasks[3].cancel()
                receipts = await asyncio.gather(*tasks, bad, return_exceptions=True)
                assert isinstance(receipts[3], asyncio.CancelledError)
                assert isinstance(receipts[-1], InputError)
                added = [r for r in receipts if not isinstance(r, BaseException)]
                assert {"added"} == {r.action for r in added}
                assert 39 == len({r.event for r in added})
                assert writer.group.transactions < 20

        run(index, work())
        assert index.lookup(source="H1", record_id="3") is not None
        assert 40 == index.statistics()["records"]
        assert index.verify().is_sound


def test_a_loop_that_ends_too_soon_takes_nobody_with_it(tmp_path: Path) -> None:
    """What a closed loop left waiting is forgotten: other loops are answered, and it can close."""
    with IdentityIndex.create(tmp_path / "index") as index:
        index.add(person(1))
        reader = AsyncReader(index)

        async def ask_and_leave() -> None:
            left = asyncio.ensure_future(reader.lookup(source="H1", record_id="1"))
            await asyncio.sleep(0)
            assert not left.done()

        async def ask() -> None:
            found = reader.lookup(source="H1", record_id="1")
            assert await asyncio.wait_for(found, 20) is not None

        for _ in range(2):
            asyncio.run(ask_and_leave())
        asyncio.run(ask())
        asyncio.run(ask_and_leave())
        asyncio.run(reader.close())


def test_two_loops_ask_one_reader(tmp_path: Path) -> None:
    """Each loop answers its own tasks, in its own thread."""
    with IdentityIndex.create(tmp_path / "index") as index:
        index.add_table([person(i) for i in range(30)])
        known = [index.lookup(source="H1", record_id=str(i)) for i in range(30)]
        reader = AsyncReader(index)
        found: list[Any] = []

        async def ask() -> None:
            asked = (reader.lookup(source="H1", record_id=str(i)) for i in range(30))
            found.append(await asyncio.gather(*asked))

        threads = [threading.Thread(target=asyncio.run, args=(ask(),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [known, known] == found


def test_the_loop_computes_in_its_turn_and_waits_without_it(tmp_path: Path) -> None:
    """While a loop waits, another thread can have the turn; while that has it, no task runs."""
    with IdentityIndex.create(tmp_path / "index") as index:
        turn = index.store.turn
        ran = []

        async def work() -> None:
            held, done = asyncio.Event(), threading.Event()
            loop = asyncio.get_running_loop()

            def hold() -> None:
                with turn:
                    loop.call_soon_threadsafe(held.set)
                    done.wait(0.2)  # the loop cannot say that it has run
                    ran.append("thread")

            thread = threading.Thread(target=hold)
            thread.start()
            await held.wait()
            ran.append("loop")
            done.set()
            thread.join()

        run(index, work())
        assert ["thread", "loop"] == ran
        assert not turn.is_taken  # the closed loop has given it up
