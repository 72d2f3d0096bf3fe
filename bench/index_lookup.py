"""Lookups, resolutions and durable adds of the identity index, beside SQLite with the same tables.

    python -m bench.index_lookup --records 10000000 --sqlite --out build/bench/index-lookup

Everything is asked warm and through the library, one process, one thread; what the store alone
takes stands beside it. `--splink N` also times Splink's own single-record path on N records.
"""

from __future__ import annotations

import argparse
import gc
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.index_data import (
    add_common_arguments,
    made_or_given,
    percentiles,
    sample_people,
    sync_floor,
    write_report,
)
from bench.index_sqlite import SqliteIndex, copy_index, posting_rows
from mpi import IdentityIndex
from mpi.identity_view import read_sources
from mpi.index_lookup import lookup_table

__all__ = ["main"]


def people_as_dicts(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as a caller at a desk gives them: only what is known."""
    return [
        {name: value for name, value in row.items() if value is not None}
        for row in table.to_pylist()
    ]


def batched(index: IdentityIndex, people: pa.Table, rounds: int = 3) -> dict[str, float]:
    """Rows a second of batched lookups and resolutions, best of some rounds."""
    numbers = people.select([n for n in ("id_number", "id_type") if n in people.column_names])
    references = people.select(["source", "record_id"])
    ids = pa.table({"enterprise_id": lookup_table(index, references)["enterprise_id"]})
    work = {
        "lookup by id number": lambda: lookup_table(index, numbers),
        "lookup by cross-reference": lambda: lookup_table(index, references),
        "lookup by enterprise id": lambda: lookup_table(index, ids),
        "resolve": lambda: index.resolve_table(people.slice(0, 20_000)),
    }
    found = {}
    for name, ask in work.items():
        best = np.inf
        for _ in range(rounds):
            begin = time.perf_counter()
            answers = ask()
            best = min(best, time.perf_counter() - begin)
        found[name] = round(answers.num_rows / best)
    assert ids["enterprise_id"].null_count == 0, "every sampled record is found"
    return found


def single(index: IdentityIndex, people: pa.Table, count: int) -> dict[str, dict[str, float]]:
    """Single calls of the library."""
    rows = people_as_dicts(people)
    with_number = [row for row in rows if row.get("id_number")]
    asked = [{k: v for k, v in row.items() if k not in ("source", "record_id")} for row in rows]
    references = people.slice(0, count).select(["source", "record_id"])
    ids = lookup_table(index, references)["enterprise_id"].to_pylist()
    warm = 100

    def at(items: list[Any], place: int) -> Any:
        return items[place % len(items)]

    return {
        "lookup by id number": percentiles(
            lambda i: index.lookup_all(id_number=at(with_number, i)["id_number"]), count, warm=warm
        ),
        "lookup by cross-reference": percentiles(
            lambda i: index.lookup(
                source=at(rows, i)["source"], record_id=at(rows, i)["record_id"]
            ),
            count,
            warm=warm,
        ),
        "lookup by enterprise id": percentiles(
            lambda i: index.lookup(enterprise_id=at(ids, i)), count, warm=warm
        ),
        "resolve": percentiles(lambda i: index.resolve(at(asked, i)), min(count, 3000), warm=warm),
    }


def store_single(index: IdentityIndex, people: pa.Table, count: int) -> dict[str, dict[str, float]]:
    """The same questions to the store below, within one snapshot."""
    rows = people.select(["source", "record_id"]).to_pylist()
    encoded = index.engine.encode(people).rows
    rule = [each.rule.keys for each in index.engine.rules].index(("id_number",))
    keys = index.engine.keys(encoded)[rule][0]
    with index.store.read() as snapshot:
        numbers = read_sources(snapshot)
        asked = [(numbers[row["source"]], row["record_id"].encode()) for row in rows]
        return {
            "cross-reference to identity": percentiles(
                lambda i: snapshot.identity(snapshot.find_reference(*asked[i % len(asked)])), count
            ),
            "key of an id number to rows": percentiles(
                lambda i: snapshot.rows(snapshot.postings(rule, keys[i % len(keys) :][:1])[1]),
                count,
            ),
        }


def adds(index: IdentityIndex, arriving: pa.Table, singly: int) -> dict[str, Any]:
    """Durable adds through the library: resolve, decide, write, sync; in hundreds and singly."""
    people = people_as_dicts(arriving.slice(0, singly + 20))
    processor = time.process_time()
    one = percentiles(lambda i: index.add(people[i]), singly, warm=20)
    one["us_processor"] = round((time.process_time() - processor) / (singly + 20) * 1e6, 1)
    rest = arriving.slice(singly + 20)
    begin, processor = time.perf_counter(), time.process_time()
    index.add_table(rest, batch_size=100)
    seconds = time.perf_counter() - begin
    return {
        "one at a time": one,
        "batches of 100": {
            "a_second": round(rest.num_rows / seconds, 1),
            "a_processor_second": round(rest.num_rows / (time.process_time() - processor), 1),
        },
    }


def sqlite(index: IdentityIndex, people: pa.Table, arriving: pa.Table, path: Path) -> Any:
    """The same questions and adds to SQLite; encoding and keys are in neither time."""
    figures: dict[str, Any] = {"size": copy_index(index, path)}
    encoded = index.engine.encode(people).rows
    rule = [each.rule.keys for each in index.engine.rules].index(("id_number",))
    keys = index.engine.keys(encoded)[rule][0].view(np.int64).tolist()
    with index.store.read() as snapshot:
        numbers, count = read_sources(snapshot), snapshot.record_count
    asked = [
        (numbers[row["source"]], row["record_id"])
        for row in people.select(["source", "record_id"]).to_pylist()
    ]
    copy = SqliteIndex(path)
    figures["cross-reference to identity"] = percentiles(
        lambda i: copy.by_reference(*asked[i % len(asked)]), min(len(asked), 20_000)
    )
    figures["key of an id number to rows"] = percentiles(
        lambda i: copy.by_key(rule, keys[i % len(keys)]), min(len(keys), 20_000)
    )
    rows = index.engine.encode(arriving).rows
    ids = arriving["record_id"].to_pylist()
    codes = [numbers.get(name, 65_000) for name in arriving["source"].to_pylist()]
    for size, batches in ((1, 300), (100, 50)):
        made = []
        for batch in range(batches):
            place = slice(
                (batch * size) % (len(rows) - size), (batch * size) % (len(rows) - size) + size
            )
            first = count + batch * size
            made.append(
                (
                    first,
                    codes[place],
                    [f"{size}-{batch}-{each}" for each in ids[place]],
                    rows[place],
                    posting_rows(index, rows[place], np.arange(first, first + size)),
                )
            )
        count += batches * size
        figures[f"add {size}, without resolving"] = percentiles(
            partial(_add_made, copy, made), batches - 2, warm=2
        )
        figures[f"add {size}, without resolving"]["a_second"] *= size
    copy.close()
    return figures


def _add_made(copy: SqliteIndex, made: list[Any], place: int) -> None:
    copy.add(*made[place])


def main() -> None:
    """Build or open the index, measure, write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_arguments(parser, "index-lookup")
    parser.add_argument("--lookups", type=int, default=200_000)
    parser.add_argument("--adds", type=int, default=300, help="single ones")
    parser.add_argument("--sqlite", action="store_true", help="beside SQLite with the same tables")
    parser.add_argument("--splink", type=int, metavar="N", help="beside Splink on N records")
    options = parser.parse_args()
    made, data = made_or_given(options)
    path = options.directory / "lookup-copy"  # adds go to a copy, so that --index stays as it is
    shutil.rmtree(path, ignore_errors=True)
    with IdentityIndex.open(made) as source:
        source.backup(path)
    people = sample_people(data, 0, options.records, options.lookups, options.seed)
    arriving = _distinct(sample_people(data, options.records, data.record_count, 12_000, 5))
    figures: dict[str, Any] = {"records": options.records}
    with IdentityIndex.open(path, writable=True) as index:
        begin = time.perf_counter()
        index.warm()
        figures["warm_seconds"] = round(time.perf_counter() - begin, 2)
        gc.collect()
        gc.freeze()  # the bench's own people are no garbage to look through
        figures["batched, a second"] = batched(index, people)
        figures["single"] = single(index, people, 20_000)
        figures["store, single"] = store_single(index, people, 20_000)
        if options.sqlite:
            file = options.directory / "beside.sqlite"
            figures["sqlite"] = sqlite(index, people, arriving, file)
            file.unlink()
        figures["add"] = {"the disk alone, a transaction": sync_floor(options.directory)}
        figures["add"] |= adds(index, arriving, options.adds)
        figures["batched after the adds, a second"] = batched(index, people)
    if options.splink:
        from bench.index_splink import splink_single

        figures["splink"] = splink_single(data, options.splink, options.seed)
    write_report(options.out, "Lookups of the identity index", figures, _rows(figures))


def _distinct(people: pa.Table) -> pa.Table:
    """Each record once."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for place, row in enumerate(people.select(["source", "record_id"]).to_pylist()):
        if (row["source"], row["record_id"]) not in seen:
            seen.add((row["source"], row["record_id"]))
            kept.append(place)
    return people.take(pa.array(kept))


def _rows(figures: dict[str, Any]) -> list[list[str]]:
    rows = [["records", f"{figures['records']:,}"]]
    rows.append(["warm and check the base", f"{figures['warm_seconds']:,.1f} s"])
    for name, rate in figures["batched, a second"].items():
        rows.append([f"{name}, batched", f"{rate:,.0f}/s"])
    parts = [("", figures["single"]), ("store: ", figures["store, single"]), ("", figures["add"])]
    parts += [(f"{peer}: ", figures[peer]) for peer in ("sqlite", "splink") if peer in figures]
    for prefix, part in parts:
        for name, each in part.items():
            rows.append([f"{prefix}{name}", _words(each)])
    return rows


def _words(figure: Any) -> str:
    if not isinstance(figure, dict):
        return str(figure)
    known = {"us_p50": "p50 {:,.1f} us", "us_p99": "p99 {:,.1f} us", "a_second": "{:,.0f}/s"}
    known |= {"bytes_a_record": "{:,.1f} bytes a record", "us_processor": "{:,.0f} us of processor"}
    known |= {"a_processor_second": "{:,.0f} a processor second"}
    known |= {"copied_in_seconds": "copied in {:,.0f} s"}
    return ", ".join(text.format(figure[name]) for name, text in known.items() if name in figure)


if __name__ == "__main__":
    main()
