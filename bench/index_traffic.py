"""The load of a national registry against one process of the library: latency of every request.

    python -m bench.index_traffic --index DIR --records 10000000 --seconds 600

Requests arrive on a schedule drawn beforehand (Poisson), shared out among the clients; each client
is a thread that waits for its next request's time, and a latency counts from that time, so a
request that had to queue behind a slow one is not forgiven. As in a service, a worker for lookups,
one for resolutions and one for writes each answer together whatever is waiting; writes that wait
share one durable transaction and are answered when it has been synced.
"""

from __future__ import annotations

import argparse
import gc
import queue
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.index_data import (
    add_common_arguments,
    made_or_given,
    sample_people,
    write_report,
)
from mpi import IdentityIndex
from mpi.identity_engine import as_table
from mpi.index_lookup import lookup_table

__all__ = ["main"]

REQUESTS_A_SECOND: Final = 2609.0
WRITES_A_SECOND: Final = 706.0
CLIENTS: Final = 487
KINDS: Final = ("lookup by id number", "lookup by cross-reference", "resolve", "write")
WORKER_OF: Final = (0, 0, 1, 2)
"""Which worker answers each kind: lookups, resolutions, writes."""

BATCH_MAX: Final = 256
WARM_SECONDS: Final = 3.0


@dataclass(slots=True)
class Request:
    """What a client waits for."""

    kind: int
    person: dict[str, Any]
    done: threading.Event = field(default_factory=threading.Event)
    failed: str | None = None


Waiting = queue.SimpleQueue[Request | None]


@dataclass(slots=True)
class Traffic:
    """What all clients share: people to ask about, and a queue for each worker."""

    people: tuple[list[dict[str, Any]], ...]
    queues: tuple[Waiting, ...]
    errors: Counter[str] = field(default_factory=Counter)

    def serve(self, kind: int, place: int) -> None:
        """One request, answered."""
        people = self.people[kind]
        again, row = divmod(place, len(people))
        person = people[row]
        if again and KINDS[kind] == "write":  # the same people come to another desk
            person = person | {"record_id": f"{person['record_id']}-{again}"}
        request = Request(kind, person)
        self.queues[WORKER_OF[kind]].put(request)
        request.done.wait()
        if request.failed is not None:
            self.errors[request.failed] += 1


def run_worker(
    waiting: Waiting, answer: Callable[[list[Request]], None], gather_seconds: float = 0.0
) -> list[int]:
    """Answer all requests that are waiting, together, again and again; sizes of the batches.

    After the first one it waits `gather_seconds` for company: a batch costs little more than one.
    """
    sizes: list[int] = []
    is_last = False
    while not is_last:
        batch: list[Request] = []
        first = waiting.get()
        is_last = first is None
        if first is not None:
            batch.append(first)
            if gather_seconds:
                time.sleep(gather_seconds)
        while not is_last and len(batch) < BATCH_MAX:
            try:
                more = waiting.get_nowait()
            except queue.Empty:
                break
            is_last = more is None
            if more is not None:
                batch.append(more)
        if not batch:
            break
        try:
            answer(batch)
        except Exception as error:
            for each in batch:
                each.failed = type(error).__name__
        for each in batch:
            each.done.set()
        sizes.append(len(batch))
    return sizes


def answers(reader: IdentityIndex, writer: IdentityIndex) -> list[Callable[[list[Request]], None]]:
    """What each worker does: lookups, resolutions, durable writes."""

    def look_up(batch: list[Request]) -> None:
        numbers = [each.person for each in batch if each.kind == 0]
        records = [each.person for each in batch if each.kind == 1]
        if numbers:
            lookup_table(reader, as_table([{"id_number": p["id_number"]} for p in numbers]))
        if records:
            named = [{name: p[name] for name in ("source", "record_id")} for p in records]
            lookup_table(reader, as_table(named))

    def resolve(batch: list[Request]) -> None:
        reader.resolve_table([each.person for each in batch])

    def write(batch: list[Request]) -> None:
        people = {(w.person["source"], w.person["record_id"]): w.person for w in batch}
        writer.add_table(list(people.values()), batch_size=BATCH_MAX)

    return [look_up, resolve, write]


def schedule(
    seconds: float, shares: NDArray[np.float64], rate: float, clients: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """(time, kind, client) of every request, in order of time."""
    random = np.random.default_rng(seed)
    count = random.poisson(rate * seconds)
    times = np.sort(random.random(count) * seconds)
    kinds = random.choice(len(KINDS), count, p=shares)
    return times, kinds, random.integers(0, clients, count)


def run_clients(
    traffic: Traffic, times: NDArray[np.float64], kinds: NDArray[np.int64], who: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """(latency of every request in ms, seconds the whole took)."""
    latency = np.full(len(times), np.nan)
    start = time.perf_counter() + 0.5

    def client(mine: NDArray[np.int64]) -> None:
        for place in mine.tolist():
            wait = start + times[place] - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            try:
                traffic.serve(int(kinds[place]), place)
            except Exception as error:
                traffic.errors[type(error).__name__] += 1
            latency[place] = (time.perf_counter() - start - times[place]) * 1e3

    threads = [
        threading.Thread(target=client, args=(np.flatnonzero(who == number),), daemon=True)
        for number in range(int(who.max()) + 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return latency, time.perf_counter() - start


def measure(
    index_dir: Path, options: argparse.Namespace, people: pa.Table, arriving: pa.Table
) -> Any:
    """Run the traffic; figures by kind of request."""
    known = [_said(row) for row in people.to_pylist()]
    described = [{k: v for k, v in r.items() if k not in ("source", "record_id")} for r in known]
    arrived = [_said(row) for row in arriving.to_pylist()]
    numbered = [row for row in known if row.get("id_number")]
    write_share = options.writes / options.rate
    read = 1.0 - write_share
    resolve = read * options.resolve_share
    shares = np.array([(read - resolve) * 0.6, (read - resolve) * 0.4, resolve, write_share])
    with (
        IdentityIndex.open(index_dir, writable=True) as index,
        IdentityIndex.open(index_dir) as reader,
    ):
        work = answers(reader, index)
        queues: tuple[Waiting, ...] = tuple(queue.SimpleQueue() for _ in work)
        traffic = Traffic(people=(numbered, known, described, arrived), queues=queues)
        with ThreadPoolExecutor(len(work)) as pool:
            gather = options.gather_ms / 1e3
            running = [
                pool.submit(run_worker, waiting, answer, gather)
                for waiting, answer in zip(queues, work, strict=True)
            ]
            warm = schedule(WARM_SECONDS, shares, options.rate, 8, options.seed + 1)
            _warm(traffic, warm[1])
            gc.collect()
            gc.freeze()
            plan = schedule(options.seconds, shares, options.rate, options.clients, options.seed)
            processor = time.process_time()
            latency, seconds = run_clients(traffic, *plan)
            processor = time.process_time() - processor
            for waiting in queues:
                waiting.put(None)
            sizes = running[-1].result()
    return _figures(latency, plan[1], seconds, processor, sizes, traffic.errors, options)


def _warm(traffic: Traffic, kinds: NDArray[np.int64]) -> None:
    """Compile and fault in what requests touch; no more than a few hundred of each kind."""
    never = len(traffic.people[-1]) * 10**6  # these records come only now
    for kind in range(len(KINDS)):
        for place in range(min(300, int((kinds == kind).sum()))):
            traffic.serve(kind, place + (never if KINDS[kind] == "write" else 0))


def _said(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _figures(
    latency: NDArray[np.float64],
    kinds: NDArray[np.int64],
    seconds: float,
    processor: float,
    sizes: list[int],
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
        "transactions": len(sizes),
        "writes_a_transaction": round(float(np.mean(sizes)), 2) if sizes else None,
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
    parser.add_argument("--gather-ms", type=float, default=1.0, help="a worker waits for company")
    parser.add_argument("--resolve-share", type=float, default=0.2, help="of the reads")
    options = parser.parse_args()
    sys.setswitchinterval(0.0005)  # a waiting request gets the interpreter soon
    made, data = made_or_given(options)
    path = options.directory / "traffic-copy"
    shutil.rmtree(path, ignore_errors=True)
    with IdentityIndex.open(made) as source:
        source.backup(path)
    people = sample_people(data, 0, options.records, 50_000, options.seed)
    arriving = sample_people(data, options.records, data.record_count, 20_000, 5)
    figures = measure(path, options, people, arriving)
    rows = [
        ["records", f"{options.records:,}"],
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
