"""Bulk write of an identity index of generated residents, and its size by table.

    python -m bench.index_load --records 10000000 --directory /fast/disk --out build/bench/load

The index can be given to the other benches (`--index DIR/residents-RECORDS`). Its clusters are the
truth's: encoding, counting values and loading are timed apart, and only the
last is the index's own.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from bench.data import dataset
from bench.index_data import HELD_OUT, add_common_arguments, load_residents, write_report

__all__ = ["main", "table_sizes"]


def table_sizes(path: Path, digest_key: Path | None = None) -> dict[str, dict[str, float]]:
    """Entries, bytes and bytes a record of every table of an index.

    Parameters
    ----------
    path : of the index
    digest_key : key file, where it has one
    """
    from mpi import IdentityIndex

    key: dict[str, Any] = {} if digest_key is None else {"digest_key": digest_key}
    with IdentityIndex.open(path, **key) as index:
        with index.store.read() as snapshot:
            records = snapshot.record_count
        return {
            name: {
                "entries": each.entries,
                "size_bytes": each.size_bytes,
                "bytes_a_record": round(each.size_bytes / records, 2),
            }
            for name, each in index.store.stats().items()
            if each.size_bytes
        }


def main() -> None:
    """Load, measure, write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_arguments(parser, "index-load")
    parser.add_argument("--digest-key", type=Path, help="key file of a new sealed index")
    parser.add_argument("--verify", action="store_true", help="also prove the index, timed")
    options = parser.parse_args()
    data = dataset(options.records + HELD_OUT)
    path = options.directory / f"residents-{options.records}"
    warm = dataset(1000)
    load_residents(warm, 1000, options.directory / "warm", 256 << 20)  # compiles
    if options.digest_key is not None:
        _create_sealed(path, options.digest_key)
    memory = options.memory_mb << 20
    seconds = load_residents(data, options.records, path, memory, options.digest_key)
    sizes = table_sizes(path, options.digest_key)
    on_disk = sum(each.stat().st_blocks * 512 for each in path.rglob("*") if each.is_file())
    rate = options.records / seconds["load"]
    figures: dict[str, Any] = {
        "records": options.records,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "records_a_second": round(rate),
        "records_a_processor_second": round(options.records / seconds["load, processor"]),
        "bytes_a_record_on_disk": round(on_disk / options.records, 1),
        "tables": sizes,
    }
    rows = [
        ["records", f"{options.records:,}"],
        ["bulk write", f"{rate:,.0f} records/s"],
        ["encoding, before it", f"{options.records / seconds['encode']:,.0f} records/s"],
        ["size on disk", f"{on_disk / options.records:.1f} bytes a record"],
    ]
    rows += [
        [f"table {name}", f"{each['bytes_a_record']:.2f} bytes a record"]
        for name, each in sizes.items()
        if each["bytes_a_record"] >= 0.01
    ]
    if options.verify:
        rows.append(["verify", f"{_verify(path, options.digest_key):,.1f} s"])
    write_report(options.out, "Bulk load of the identity index", figures, rows)


def _create_sealed(path: Path, digest_key: Path) -> None:
    import shutil

    from mpi import IdentityIndex

    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    IdentityIndex.create(path, digest_key=digest_key).close()


def _verify(path: Path, digest_key: Path | None) -> float:
    from mpi import IdentityIndex

    key: dict[str, Any] = {} if digest_key is None else {"digest_key": digest_key}
    start = time.perf_counter()
    with IdentityIndex.open(path, **key) as index:
        report = index.verify()
    assert report.is_sound, report.findings[:3]
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
