"""The index on made-up rows: bulk write, bytes a record, lookups, durable adds, fold.

    python -m bench.index_store --records 5000000 --directory /fast/disk

Rows have the resident layout's slots with values of the usual widths and gaps; nothing in them is
a person's. Lookups are answered warm. Times are of the wall; processor seconds stand beside them.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index_store import IndexStore, create_index, open_index

CHUNK = 1 << 18
RULES = ("id", "phone", "name_birth", "birth_region", "name_region", "health_card")

# word, shift, bits, share present, distinct values (0: any)
FIELDS = (
    (0, 45, 15, 1.0, 400),
    (0, 30, 15, 1.0, 3000),
    (0, 15, 15, 0.83, 3000),
    (0, 0, 15, 0.02, 3000),
    (0, 60, 4, 1.0, 3),
    (1, 0, 64, 0.9, 0),
    (5, 58, 6, 0.9, 8),
    (5, 40, 18, 0.97, 42_000),
    (3, 62, 2, 0.99, 2),
    (3, 0, 40, 0.85, 0),
    (4, 42, 20, 0.08, 0),
    (5, 0, 20, 0.95, 3200),
    (2, 0, 48, 0.8, 0),
    (2, 48, 16, 0.75, 0),
    (5, 20, 20, 0.02, 0),
    (3, 40, 22, 0.6, 0),
    (4, 0, 21, 0.03, 0),
    (4, 21, 21, 0.02, 0),
)
SLOTS = np.array([field[:3] for field in FIELDS], np.int64)


def made_chunk(first: int, count: int) -> dict[str, Any]:
    """Rows, references and keys of records `first` and after; a third are of earlier people."""
    random = np.random.default_rng(first)
    rows = np.zeros((count, 6), np.uint64)
    for word, shift, bits, share, distinct in FIELDS:
        top = distinct if distinct else 1 << min(bits, 62)
        values = random.integers(1, max(top, 2), count).astype(np.uint64)
        values[random.random(count) >= share] = 0
        rows[:, word] |= values << np.uint64(shift)
    numbers = np.arange(first, first + count)
    person = np.where(random.random(count) < 0.33, random.integers(0, first + count, count), -1)
    identities = np.where(person < numbers, person, -1)
    keys = []
    for rule, (share, people) in enumerate(
        ((0.9, 0.67), (0.85, 0.7), (0.95, 0.6), (0.93, 0.3), (0.95, 0.3), (0.6, 0.67))
    ):
        distinct = max(2, int(5e6 * people))
        own = random.integers(1, distinct, count).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        own ^= np.uint64(rule)
        own[random.random(count) >= share] = 0
        keys.append(own)
    return {
        "rows": rows,
        "source": (numbers % 37).astype(np.uint16),
        "record_ids": [b"P%09d" % (number * 7919 % 1_000_000_007) for number in numbers.tolist()],
        "updated_at": (1_500_000_000 + random.integers(0, 3 * 10**8, count)).astype(np.uint32),
        "identities": identities,
        "keys": keys,
    }


def clock(work: Callable[[], Any]) -> dict[str, float]:
    """Wall and processor seconds of some work."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return {
        "seconds": time.perf_counter() - wall,
        "processor_seconds": time.process_time() - processor,
    }


def bulk(store: IndexStore, records: int, memory_bytes: int) -> dict[str, float]:
    """Load made-up records; making them is not in the time."""
    chunks = [made_chunk(first, min(CHUNK, records - first)) for first in range(0, records, CHUNK)]
    with store.bulk_loader(memory_bytes=memory_bytes) as loader:

        def load() -> None:
            for chunk in chunks:
                loader.add(**chunk)
            loader.finish(b"bulk")

        found = clock(load)
    found["records_a_second"] = records / found["seconds"]
    found["records_a_processor_second"] = records / found["processor_seconds"]
    return found


def percentiles(work: Callable[[int], Any], count: int) -> dict[str, float]:
    """p50 and p99 in microseconds of single calls."""
    times = np.empty(count, np.int64)
    for place in range(count):
        begin = time.perf_counter_ns()
        work(place)
        times[place] = time.perf_counter_ns() - begin
    low, high = np.percentile(times, [50, 99]) / 1e3
    return {"us_p50": float(low), "us_p99": float(high)}


def lookups(store: IndexStore, records: int, count: int) -> dict[str, Any]:
    """Batched and single reads of one snapshot."""
    random = np.random.default_rng(3)
    chunk = made_chunk(0, min(CHUNK, records))
    places = random.integers(0, len(chunk["record_ids"]), count)
    ids = [chunk["record_ids"][place] for place in places.tolist()]
    sources = chunk["source"][places]
    wanted = random.integers(0, records, count)
    keys = chunk["keys"][0][places]
    found: dict[str, Any] = {}
    with store.read() as snapshot:
        batched: dict[str, Callable[[], Any]] = {
            "find_references": lambda: snapshot.find_references(sources, ids),
            "reference_to_identity": lambda: snapshot.identities(
                snapshot.find_references(sources, ids)
            ),
            "rows": lambda: snapshot.rows(wanted),
            "identities": lambda: snapshot.identities(wanted),
            "members": lambda: snapshot.members(wanted),
            "postings": lambda: snapshot.postings(0, keys),
            "record_ids": lambda: snapshot.references(wanted),
        }
        for name, work in batched.items():
            work()
            found[f"{name}_a_second"] = count / clock(work)["seconds"]
        assert np.array_equal(snapshot.find_references(sources, ids), places)
        number_arrays = [np.array([place]) for place in places[:20_000].tolist()]
        single: dict[str, Callable[[int], Any]] = {
            "find_reference": lambda i: snapshot.find_reference(int(sources[i]), ids[i]),
            "find_references": lambda i: snapshot.find_references(sources[i : i + 1], [ids[i]]),
            "identity": lambda i: snapshot.identity(int(places[i])),
            "rows": lambda i: snapshot.rows(number_arrays[i]),
            "postings": lambda i: snapshot.postings(0, keys[i : i + 1]),
            "members": lambda i: snapshot.members(number_arrays[i]),
        }
        for name, one in single.items():
            found[f"single_{name}"] = percentiles(one, 20_000)
    return found


def adds(store: IndexStore, records: int, size: int, batches: int) -> dict[str, float]:
    """Durable batches of new records with all their postings."""
    made = [made_chunk(records + batch * size, size) for batch in range(batches)]
    for number, chunk in enumerate(made):
        chunk["record_ids"] = [b"N%d-%d-%d" % (records, number, i) for i in range(size)]

    def add(place: int) -> None:
        chunk = dict(made[place])
        keys: list[NDArray[np.uint64]] = chunk.pop("keys")
        with store.write() as batch:
            chunk["identities"] = np.full(size, -1)
            numbers = batch.append_records(**chunk)
            for rule, own in enumerate(keys):
                batch.add_postings(rule, own, numbers)
            batch.append_event(b"x" * 200)

    processor = time.process_time()
    begin = time.perf_counter()
    found = percentiles(add, batches)
    found["records_a_second"] = size * batches / (time.perf_counter() - begin)
    found["records_a_processor_second"] = size * batches / (time.process_time() - processor)
    return found


def main() -> None:
    """Measure everything, print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--lookups", type=int, default=200_000)
    parser.add_argument("--memory-mb", type=int, default=2048)
    parser.add_argument("--directory", type=Path, default=Path())
    options = parser.parse_args()
    path = options.directory / "bench-index"
    for records in (1000, options.records):  # the first run compiles
        shutil.rmtree(path, ignore_errors=True)
        figures: dict[str, Any] = {"records": records}
        with create_index(path, n_words=6, rules=RULES, facts={}, slots=SLOTS) as store:
            figures["bulk"] = bulk(store, records, options.memory_mb << 20)
            statistics = store.stats()
            figures["bytes_a_record"] = {
                name: table.size_bytes / records
                for name, table in statistics.items()
                if table.size_bytes / records >= 0.01
            }
            figures["bytes_a_record"]["file"] = (
                sum(item.stat().st_blocks * 512 for item in path.glob("*.mdb")) / records
            )
        count = min(options.lookups, max(20_000, records))
        with open_index(path, writable=True) as store:
            figures["lookups"] = lookups(store, records, count)
            figures["adds_of_100"] = adds(store, records, 100, 100 if records > 1000 else 2)
            figures["adds_of_1"] = adds(store, records + 10_000, 1, 300 if records > 1000 else 2)
            figures["lookups_with_delta"] = lookups(store, records, count)
            figures["fold"] = clock(store.fold)
    figures["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(figures, indent=1, default=lambda value: round(float(value), 3)))
    shutil.rmtree(path)


if __name__ == "__main__":
    main()
