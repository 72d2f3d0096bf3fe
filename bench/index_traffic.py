"""The load of a national registry against one process of the library: latency of every request.

    python -m bench.index_traffic --index DIR --records 10000000 --seconds 600

Requests arrive on a schedule drawn beforehand (Poisson), shared out among the clients; each client
is a task of one event loop that waits for its next request's time, and a latency counts from that
time, so a request that had to queue behind a slow one is not forgiven. Clients call the library as
a service should, through `AsyncReader` and `AsyncWriter`: writes that wait share one durable
transaction, and a write is answered when it has been synced. Of the people who are written, those
the index does not know yet come first, once each; then people whom it knows come to another desk.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import shutil
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.index_data import (
    add_common_arguments,
    made_or_given,
    sample_people,
    sync_floor,
    write_report,
)
from mpi import IdentityIndex
from mpi.identity_async import AsyncReader, AsyncWriter, event_loop

__all__ = ["main"]

REQUESTS_A_SECOND: Final = 2609.0
WRITES_A_SECOND: Final = 706.0
CLIENTS: Final = 487
KINDS: Final = ("lookup by id number", "lookup by cross-reference", "resolve", "write")
MOVED: Final = 60_000
"""People of the index who come to another desk."""

STRETCHES: Final = 20
"""Equal parts of the run, whose p99 stand apart in the result: does it get worse?"""

WARM_SECONDS: Final = 3.0
SWITCH_SECONDS: Final = 0.0005
"""How long a thread may keep the interpreter from others that wait for it."""


@dataclass(slots=True)
class Traffic:
    """What all clients share: people to ask about, and the open index."""

    people: tuple[list[dict[str, Any]], ...]
    reader: AsyncReader
    writer: AsyncWriter
    errors: Counter[str] = field(default_factory=Counter)

    async def serve(self, kind: int, place: int) -> None:
        """One request, answered."""
        people = self.people[kind]
        again, row = divmod(place, len(people))
        person = people[row]
        if kind == 0:
            await self.reader.lookup_all(id_number=person["id_number"])
        elif kind == 1:
            await self.reader.lookup(source=person["source"], record_id=person["record_id"])
        elif kind == 2:
            await self.reader.resolve(person)
        else:
            if again:  # the same people come to another desk
                person = person | {"record_id": f"{person['record_id']}-{again}"}
            await self.writer.add(person)


def schedule(
    seconds: float, shares: NDArray[np.float64], rate: float, clients: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """(time, kind, client) of every request, in order of time."""
    random = np.random.default_rng(seed)
    count = random.poisson(rate * seconds)
    times = np.sort(random.random(count) * seconds)
    kinds = random.choice(len(KINDS), count, p=shares)
    return times, kinds, random.integers(0, clients, count)


async def run_clients(
    traffic: Traffic, times: NDArray[np.float64], kinds: NDArray[np.int64], who: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """(latency of every request in ms, seconds the whole took)."""
    latency = np.full(len(times), np.nan)
    start = time.perf_counter() + 0.5
    place_of = _places(kinds)

    async def client(mine: NDArray[np.int64]) -> None:
        for request in mine.tolist():
            due = start + times[request]
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            try:
                await traffic.serve(int(kinds[request]), int(place_of[request]))
            except Exception as error:
                traffic.errors[type(error).__name__] += 1
            latency[request] = (time.perf_counter() - due) * 1e3

    async with asyncio.TaskGroup() as group:
        for number in range(int(who.max()) + 1):
            group.create_task(client(np.flatnonzero(who == number)))
    return latency, time.perf_counter() - start


def _places(kinds: NDArray[np.int64]) -> NDArray[np.int64]:
    """The how-manieth of its kind each request is."""
    places = np.empty(len(kinds), np.int64)
    for kind in range(len(KINDS)):
        mine = np.flatnonzero(kinds == kind)
        places[mine] = np.arange(len(mine))
    return places


def measure(
    index_dir: Path, options: argparse.Namespace, people: pa.Table, arriving: pa.Table
) -> Any:
    """Run the traffic; figures by kind of request."""
    known = [_said(row) for row in people.to_pylist()]
    described = [{k: v for k, v in r.items() if k not in ("source", "record_id")} for r in known]
    arrived = [
        row | {"record_id": f"{row['record_id']}-{place}"}
        for place, row in enumerate(_said(row) for row in arriving.to_pylist())
    ]
    numbered = [row for row in known if row.get("id_number")]
    write_share = options.writes / options.rate
    read = 1.0 - write_share
    resolve = read * options.resolve_share
    shares = np.array([(read - resolve) * 0.6, (read - resolve) * 0.4, resolve, write_share])
    with (
        IdentityIndex.open(index_dir, writable=True) as index,
        IdentityIndex.open(index_dir) as asked,
    ):
        asked.warm()
        people_of = (numbered, known, described, arrived)
        with asyncio.Runner(loop_factory=partial(event_loop, index)) as runner:
            return runner.run(_measure(index, asked, people_of, shares, options))


async def _measure(
    index: IdentityIndex,
    asked: IdentityIndex,
    people: tuple[list[dict[str, Any]], ...],
    shares: NDArray[np.float64],
    options: argparse.Namespace,
) -> dict[str, Any]:
    async with (
        AsyncReader(asked, gather_seconds=options.read_gather_ms / 1e3) as reader,
        AsyncWriter(index, gather_seconds=options.gather_ms / 1e3) as writer,
    ):
        traffic = Traffic(people=people, reader=reader, writer=writer)
        await _warm(traffic, schedule(WARM_SECONDS, shares, options.rate, 8, options.seed + 1)[1])
        gc.collect()
        gc.freeze()
        plan = schedule(options.seconds, shares, options.rate, options.clients, options.seed)
        group = writer.group
        before = group.transactions, group.records
        processor, busy = time.process_time(), _busy()
        latency, seconds = await run_clients(traffic, *plan)
        processor = time.process_time() - processor
        threads = {name: round(now - busy.get(name, 0.0), 2) for name, now in _busy().items()}
        sizes = group.transactions - before[0], group.records - before[1]
    figures = _figures(latency, plan[1], seconds, processor, sizes, traffic.errors, options)
    parts = np.array_split(latency, STRETCHES)
    figures["processor_seconds_by_thread"] = {n: each for n, each in threads.items() if each}
    return figures | {
        "ms_p99_by_stretch": [round(float(np.nanpercentile(p, 99)), 2) for p in parts]
    }


def _busy() -> dict[str, float]:
    """Processor seconds of each thread so far."""
    tick = os.sysconf("SC_CLK_TCK")
    found = {}
    for thread in threading.enumerate():
        parts = (
            Path(f"/proc/self/task/{thread.native_id}/stat").read_text().rsplit(")", 1)[1].split()
        )
        found[thread.name] = (int(parts[11]) + int(parts[12])) / tick
    return found


async def _warm(traffic: Traffic, kinds: NDArray[np.int64]) -> None:
    """Compile and fault in what requests touch; no more than a few hundred of each kind."""
    never = len(traffic.people[-1]) * 10**6  # these records come only now
    for kind in range(len(KINDS)):
        for place in range(min(300, int((kinds == kind).sum()))):
            await traffic.serve(kind, place + (never if KINDS[kind] == "write" else 0))
        await asyncio.gather(*(traffic.serve(kind, place) for place in range(300, 364)))


def _said(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _figures(
    latency: NDArray[np.float64],
    kinds: NDArray[np.int64],
    seconds: float,
    processor: float,
    sizes: tuple[int, int],
    errors: Counter[str],
    options: argparse.Namespace,
) -> dict[str, Any]:
    def of(chosen: NDArray[np.bool_]) -> dict[str, float]:
        low, high, higher = np.percentile(latency[chosen], [50, 99, 99.9])
        return {
            "requests": int(chosen.sum()),
            "a_second": round(float(chosen.sum()) / seconds, 1),
            "ms_p50": round(float(low), 3),
            "ms_p99": round(float(high), 3),
            "ms_p99_9": round(float(higher), 3),
            "ms_max": round(float(latency[chosen].max()), 3),
        }

    done = ~np.isnan(latency)
    by_kind = {name: of(done & (kinds == kind)) for kind, name in enumerate(KINDS)}
    return {
        "records": options.records,
        "clients": options.clients,
        "asked_a_second": options.rate,
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor, 2),
        "all": of(done),
        **by_kind,
        "transactions": sizes[0],
        "writes_a_transaction": round(sizes[1] / sizes[0], 2) if sizes[0] else None,
        "errors": dict(errors),
    }


def main() -> None:
    """Build or open the index, run the traffic, write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_arguments(parser, "index-traffic")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=REQUESTS_A_SECOND, help="requests a second")
    parser.add_argument("--writes", type=float, default=WRITES_A_SECOND, help="of them, writes")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--gather-ms", type=float, default=2.0, help="a write waits for others")
    parser.add_argument("--read-gather-ms", type=float, default=1.0, help="a question waits, too")
    parser.add_argument("--resolve-share", type=float, default=0.2, help="of the reads")
    options = parser.parse_args()
    sys.setswitchinterval(SWITCH_SECONDS)  # a waiting request gets the interpreter soon
    made, data = made_or_given(options)
    floor = sync_floor(options.directory)
    path = options.directory / "traffic-copy"
    shutil.rmtree(path, ignore_errors=True)
    with IdentityIndex.open(made) as source:
        source.backup(path)
    people = sample_people(data, 0, options.records, 50_000, options.seed)
    arriving = sample_people(data, options.records, data.record_count, 20_000, 5)
    moved = sample_people(data, 0, options.records, MOVED, options.seed + 2)
    figures = measure(path, options, people, pa.concat_tables([arriving, moved]))
    figures["the disk alone, a transaction"] = floor
    rows = [
        ["records", f"{options.records:,}"],
        [
            "the disk alone, a transaction",
            f"p50 {floor['us_p50']:,} us, p99 {floor['us_p99']:,} us",
        ],
        ["clients", f"{options.clients:,}"],
        ["requests", f"{figures['all']['requests']:,} in {figures['seconds']:,.1f} s"],
        ["processor seconds", f"{figures['processor_seconds']:,.1f}"],
        ["errors", str(sum(figures["errors"].values()))],
        ["writes a transaction", str(figures["writes_a_transaction"])],
    ]
    for name in ("all", *KINDS):
        each = figures[name]
        rows.append(
            [
                f"{name}, {each['a_second']:,.0f}/s",
                f"p50 {each['ms_p50']:.2f} ms, p99 {each['ms_p99']:.2f} ms, "
                f"p99.9 {each['ms_p99_9']:.2f} ms, worst {each['ms_max']:.1f} ms",
            ]
        )
    write_report(options.out, "Registry traffic on the identity index", figures, rows)


if __name__ == "__main__":
    main()
