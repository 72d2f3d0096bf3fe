"""Two reader processes beside one writer: what do the readers lose?

    python -m bench.index_readers --index DIR --records 10000000 --seconds 30

Each reader looks people up by cross-reference and by id number, batched, as fast as it can; first
alone, then while a third process adds records at the rate of a national registry (in batches as
they come from one file, and one by one as hundreds of clients of one process ask for them), then
while it adds as fast as it can. Rates are per second of the wall and per second of the reader's own
processor time: on fewer cores than processes the wall shows the sharing of cores too.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from bench.index_data import (
    add_common_arguments,
    made_or_given,
    sample_people,
    write_report,
)

__all__ = ["main"]

READERS: Final = 2
BATCH: Final = 10_000
WRITES_A_SECOND: Final = 706.0
CLIENTS: Final = 487
GATHER_SECONDS: Final = 0.003
"""How long a client's write waits for others."""


def read_for(
    path: str, people: pa.Table, ready: Any, go: Any, seconds: float, answers: Any
) -> None:
    """Look up, batch after batch, until the time is over."""
    from mpi import IdentityIndex
    from mpi.index_lookup import lookup_table

    references = people.select(["source", "record_id"])
    numbers = people.select(["id_number"])
    with IdentityIndex.open(path) as index:
        index.warm()
        lookup_table(index, references)
        lookup_table(index, numbers)
        ready.release()
        go.wait()
        begin, processor, rows = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - begin < seconds:
            start = rows // 2 % max(people.num_rows - BATCH, 1)
            rows += lookup_table(index, references.slice(start, BATCH)).num_rows
            rows += lookup_table(index, numbers.slice(start, BATCH)).num_rows
        answers.put((rows, time.perf_counter() - begin, time.process_time() - processor))


def write_for(
    path: str, people: pa.Table, ready: Any, go: Any, seconds: float, rate: float, answers: Any
) -> None:
    """Add records in durable batches, at a rate or (0) as fast as it goes."""
    from mpi import IdentityIndex

    size = 100 if rate == 0 else max(1, min(100, round(rate / 20)))
    with IdentityIndex.open(path, writable=True) as index:
        people = people.set_column(
            people.column_names.index("record_id"),
            "record_id",
            pa.array([f"w{rate:.0f}-{place}" for place in range(people.num_rows)]),
        )
        index.add_table(people.slice(0, size), batch_size=size)
        ready.release()
        go.wait()
        begin, processor, rows = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - begin < seconds:
            part = people.slice(size + rows % (people.num_rows - 2 * size), size)
            index.add_table(part, batch_size=size)
            rows += size
            if rate and (ahead := rows / rate - (time.perf_counter() - begin)) > 0:
                time.sleep(ahead)
        answers.put((rows, time.perf_counter() - begin, time.process_time() - processor))


def write_together_for(
    path: str, people: pa.Table, ready: Any, go: Any, seconds: float, rate: float, answers: Any
) -> None:
    """Add records at a rate, each asked for by one of many clients of this process."""
    from mpi import IdentityIndex
    from mpi.identity_async import AsyncWriter, event_loop

    rows = [{n: v for n, v in row.items() if v is not None} for row in people.to_pylist()]
    random = np.random.default_rng(1)
    times = np.sort(random.random(random.poisson(rate * seconds)) * seconds)
    clients = random.integers(0, CLIENTS, len(times))

    async def client(writer: AsyncWriter, mine: list[int], begin: float) -> None:
        for place in mine:
            await asyncio.sleep(max(begin + times[place] - time.perf_counter(), 0.0))
            person = rows[place % len(rows)] | {"record_id": f"t{place}"}
            await writer.add(person)

    async def run(index: Any) -> None:
        async with AsyncWriter(index, gather_seconds=GATHER_SECONDS) as writer:
            warm = (writer.add(row | {"record_id": f"tw{n}"}) for n, row in enumerate(rows[:64]))
            await asyncio.gather(*warm)
            ready.release()
            await asyncio.get_running_loop().run_in_executor(None, go.wait)
            begin, processor = time.perf_counter(), time.process_time()
            async with asyncio.TaskGroup() as group:
                for number in range(CLIENTS):
                    mine = np.flatnonzero(clients == number).tolist()
                    group.create_task(client(writer, mine, begin))
            wall, spent = time.perf_counter() - begin, time.process_time() - processor
        answers.put((len(times), wall, spent))

    with (
        IdentityIndex.open(path, writable=True) as index,
        asyncio.Runner(loop_factory=partial(event_loop, index)) as runner,
    ):
        runner.run(run(index))


def measure(
    path: Path,
    people: pa.Table,
    arriving: pa.Table,
    seconds: float,
    rate: float | None,
    write: Callable[..., None] = write_for,
) -> dict[str, float]:
    """Rates of the readers together, beside a process that runs `write` unless `rate` is None."""
    context = multiprocessing.get_context("spawn")
    ready, go = context.Semaphore(0), context.Event()
    answers, written = context.SimpleQueue(), context.SimpleQueue()
    processes = [
        context.Process(target=read_for, args=(str(path), people, ready, go, seconds, answers))
        for _ in range(READERS)
    ]
    if rate is not None:
        arguments = (str(path), arriving, ready, go, seconds, rate, written)
        processes.append(context.Process(target=write, args=arguments))
    for process in processes:
        process.start()
    for process in processes:
        while not ready.acquire(timeout=1.0):
            assert process.is_alive() or process.exitcode == 0, "a process ended early"
    go.set()
    read = [answers.get() for _ in range(READERS)]
    found = {
        "lookups_a_second": round(sum(rows / wall for rows, wall, _ in read)),
        "lookups_a_processor_second": round(sum(r[0] for r in read) / sum(r[2] for r in read)),
    }
    if rate is not None:
        rows, wall, processor = written.get()
        found["writes_a_second"] = round(rows / wall, 1)
        found["us_processor_a_write"] = round(processor / rows * 1e6, 1)
    for process in processes:
        process.join()
    return found


def main() -> None:
    """Measure alone, beside a registry's writes and beside all the writes there can be."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_arguments(parser, "index-readers")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--writes", type=float, default=WRITES_A_SECOND, help="a second")
    options = parser.parse_args()
    made, data = made_or_given(options)
    path = options.directory / "readers-copy"
    shutil.rmtree(path, ignore_errors=True)
    from mpi import IdentityIndex

    with IdentityIndex.open(made) as source:
        source.backup(path)
    people = sample_people(data, 0, options.records, 50_000, options.seed)
    arriving = sample_people(data, options.records, data.record_count, 18_000, 5)
    parts: dict[str, tuple[float | None, Callable[..., None]]] = {
        "alone": (None, write_for),
        "registry writes": (options.writes, write_for),
        f"registry writes by {CLIENTS} clients": (options.writes, write_together_for),
        "all the writes there can be": (0.0, write_for),
    }
    figures: dict[str, Any] = {"records": options.records, "readers": READERS}
    rows = [["records", f"{options.records:,}"]]
    for name, (rate, write) in parts.items():
        found = figures[name] = measure(path, people, arriving, options.seconds, rate, write)
        alone = figures["alone"]
        lost = 1 - found["lookups_a_second"] / alone["lookups_a_second"]
        own = 1 - found["lookups_a_processor_second"] / alone["lookups_a_processor_second"]
        found["lost"], found["lost_of_processor_time"] = round(lost, 4), round(own, 4)
        beside = ""
        if rate is not None:
            beside = f", {found['writes_a_second']:,.0f} writes/s"
            beside += f" of {found['us_processor_a_write']:,.0f} us of processor each"
        rows.append(
            [
                f"{READERS} readers, {name}{beside}",
                f"{found['lookups_a_second']:,} lookups/s, {found['lookups_a_processor_second']:,} "
                f"a processor second; lost {lost:.1%}, {own:.1%} of processor time",
            ]
        )
    write_report(options.out, "Readers beside a writer", figures, rows)


if __name__ == "__main__":
    main()
