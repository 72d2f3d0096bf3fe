"""Build the national identifier table from made-up id numbers and look them up.

    python -m bench.index_identifier_table --entries 1300000000 --directory /fast/disk

Keys are 17-digit bodies of made-up id numbers (region, birth date, sequence) in their order;
values are numbers that a hash scatters over `--value-bits` bits.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from bench.index_data import write_report
from index_store.identifier_table import IdentifierTable, IdentifierTableWriter
from person.hashing import mix64
from person.jit import kernel
from person.threads import map_slices, ordered_map, slices

REGIONS = 2_900
YEARS = 116
DAYS = YEARS * 12 * 28
CHUNK = 1 << 22


@kernel
def _fill_bodies(first, per_region, value_mask, out_keys, out_values):  # type: ignore[no-untyped-def]
    for place in range(out_keys.shape[0]):
        number = int64(first + place)
        region = number // per_region
        within = number - region * per_region
        day = within * DAYS // per_region
        before = (day * per_region + DAYS - 1) // DAYS  # first of this region on this day
        on_day = ((day + 1) * per_region + DAYS - 1) // DAYS - before
        step = int64(1000) // max(on_day, int64(1))
        sequence = (within - before) * step + int64(mix64(uint64(number)) % uint64(step))
        date = (1910 + day // 336) * 10000 + (day % 336 // 28 + 1) * 100 + day % 28 + 1
        body = (110000 + region * 185) * int64(100_000_000_000) + date * 1000 + sequence
        out_keys[place] = uint64(body)
        out_values[place] = mix64(uint64(body)) & uint64(value_mask)


def bodies(first: int, count: int, per_region: int, value_bits: int) -> Any:
    """Keys and values, uint64[count] each, of entries `first` and after."""
    keys, values = np.empty(count, np.uint64), np.empty(count, np.uint64)
    mask = np.uint64((1 << value_bits) - 1)
    _fill_bodies(np.int64(first), np.int64(per_region), mask, keys, values)
    return keys, values


def build(path: Path, entries: int, value_bits: int) -> dict[str, float]:
    """Write the table; generation runs beside the packing and is part of the time."""
    per_region = -(-entries // REGIONS)
    start, processor = time.perf_counter(), time.process_time()
    with IdentifierTableWriter(path, value_bits=value_bits) as writer:
        parts = slices(entries, CHUNK)
        made = ordered_map(
            lambda part: bodies(part.start, part.stop - part.start, per_region, value_bits),
            parts,
            ahead=1,
        )
        for keys, values in made:
            writer.add(keys, values)
        writer.finish()
    size = path.stat().st_blocks * 512
    return {
        "build_seconds": time.perf_counter() - start,
        "build_processor_seconds": time.process_time() - processor,
        "bytes_an_entry": size / entries,
        "size_bytes": size,
    }


def sample(entries: int, count: int, value_bits: int, seed: int) -> Any:
    """Random entries: their keys and values, uint64[count] each."""
    per_region = -(-entries // REGIONS)
    numbers = np.random.default_rng(seed).integers(0, entries, count)
    keys, values = np.empty(count, np.uint64), np.empty(count, np.uint64)
    one_key, one_value = np.empty(1, np.uint64), np.empty(1, np.uint64)
    mask = np.uint64((1 << value_bits) - 1)
    for place, number in enumerate(numbers.tolist()):
        _fill_bodies(np.int64(number), np.int64(per_region), mask, one_key, one_value)
        keys[place], values[place] = one_key[0], one_value[0]
    return keys, values


def lookups(path: Path, entries: int, value_bits: int, count: int) -> dict[str, float]:
    """Random batched lookups, one and all threads; single ones; every answer is checked."""
    found: dict[str, float] = {}
    keys, values = sample(entries, count, value_bits, 7)
    begin = time.perf_counter()
    table = IdentifierTable(path)
    found["open_seconds"] = time.perf_counter() - begin
    begin = time.perf_counter()
    table.warm()
    found["warm_seconds"] = time.perf_counter() - begin
    for few in (1, 1 << 13):
        table.lookup(np.sort(keys)[:few])  # compiles; touches the first leaves alone
    for name, wanted in (("random", keys), ("sorted", np.sort(keys))):
        begin, processor = time.perf_counter(), time.process_time()
        answers = table.lookup(wanted)
        found[f"{name}_a_second"] = count / (time.perf_counter() - begin)
        found[f"{name}_a_processor_second"] = count / (time.process_time() - processor)
        if name == "random":
            assert np.array_equal(answers, values.astype(np.int64))
    absent = keys[: 1 << 16] + np.uint64(100_000_000_000 * 50)
    assert np.all(table.lookup(absent) == -1)
    found.update(_single(table, keys[:100_000]))
    return found


def _single(table: IdentifierTable, keys: NDArray[np.uint64]) -> dict[str, float]:
    times = np.empty(len(keys), np.int64)
    for place in range(len(keys)):
        begin = time.perf_counter_ns()
        table.lookup(keys[place : place + 1])
        times[place] = time.perf_counter_ns() - begin
    return {
        "single_us_p50": float(np.percentile(times, 50)) / 1e3,
        "single_us_p99": float(np.percentile(times, 99)) / 1e3,
    }


def _rows(figures: dict[str, float]) -> list[list[str]]:
    return [
        ["entries", f"{figures['entries']:,}"],
        ["built in", f"{figures['build_seconds']:,.1f} s"],
        ["size", f"{figures['bytes_an_entry']:.2f} bytes an entry"],
        ["opened in", f"{figures['open_seconds'] * 1e3:.1f} ms"],
        ["warmed and checked in", f"{figures['warm_seconds']:,.1f} s"],
        ["random lookups, batched", f"{figures['random_a_second']:,.0f}/s"],
        ["sorted lookups, batched", f"{figures['sorted_a_second']:,.0f}/s"],
        [
            "single lookups",
            f"p50 {figures['single_us_p50']:.1f} us, p99 {figures['single_us_p99']:.1f} us",
        ],
        ["memory at the peak", f"{figures['peak_memory_mb']:,.0f} MB"],
    ]


def main() -> None:
    """Build, look up, print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--lookups", type=int, default=1_000_000)
    parser.add_argument("--value-bits", type=int, default=32)
    parser.add_argument("--directory", type=Path, default=Path())
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--out", type=Path, help="directory for result.json and result.md")
    options = parser.parse_args()
    path = options.directory / "identifiers.mdb"
    map_slices(lambda _: bodies(0, 10, 10, 32), range(1))  # compiles
    figures: dict[str, float] = {"entries": options.entries, "value_bits": options.value_bits}
    figures |= build(path, options.entries, options.value_bits)
    figures |= lookups(path, options.entries, options.value_bits, options.lookups)
    figures["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures["processors"] = len(os.sched_getaffinity(0))
    print(json.dumps({key: round(value, 3) for key, value in figures.items()}))
    if options.out is not None:
        write_report(options.out, "The national identifier table", figures, _rows(figures))
    if not options.keep:
        path.unlink()


if __name__ == "__main__":
    main()
