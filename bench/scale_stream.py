"""A streaming run of one size in a process of its own: encoded records in, enterprise ids out.

Started by `bench.scale`. What comes before the clock starts: the records are drawn and written as
a file of 32-byte rows, pushed out of the page cache, and a model is fitted to a sample of others.
Within: rows read, blocked, scored, united, labelled, and every record's enterprise id written.
The process may not take more memory than it is told: the system refuses it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import time
from pathlib import Path
from typing import Final

__all__ = ["main", "push_out"]

SAMPLE_RECORDS: Final = 200_000
RESERVE_BYTES: Final = 3 << 28
"""Interpreter, kernels and buffers beside what the run is told it may use."""


def main() -> None:
    """Run one size and leave bench.json in the directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", default="8GiB")
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    from mpi.units import parse_bytes

    memory_bytes = parse_bytes(arguments.memory)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    arguments.out.mkdir(parents=True, exist_ok=True)
    facts = _run(arguments.records, memory_bytes - RESERVE_BYTES, arguments.out)
    (arguments.out / "bench.json").write_text(json.dumps(facts))


def _run(records: int, memory_bytes: int, out: Path) -> dict[str, object]:
    from bench.facts import memory_peak_bytes
    from bench.nation import (
        NATION_RULES,
        SAMPLE_SEED,
        WARM_RECORDS,
        fit_model,
        population_of,
        write_ids,
    )
    from bench.nation_store import store_layout
    from bench.nation_truth import judge_clusters
    from data_gen.encoded import resident_layout
    from mpi.stream_run import StreamedRun, stream_dedupe
    from person.row_file import RowFile, write_row_file

    narrow = store_layout()
    fitted = fit_model(SAMPLE_RECORDS, records, narrow)

    def stream(rows: RowFile) -> StreamedRun:
        return stream_dedupe(
            *(rows, narrow, NATION_RULES, fitted.compiled),
            link_weight=fitted.link_weight,
            memory_bytes=memory_bytes,
            scratch=out / "rows",
        )

    drawn = population_of(WARM_RECORDS, SAMPLE_SEED).record_source()
    stream(write_row_file(out / "warm.rows", drawn, resident_layout(), narrow))
    population = population_of(records)
    path = out / "records.rows"
    source = write_row_file(path, population.record_source(), resident_layout(), narrow)
    push_out(path)
    started = time.perf_counter()
    run = stream(source)
    ids_started = time.perf_counter()
    write_ids(run.cluster, 0, out / "ids.u64", keep=True)
    ended = time.perf_counter()
    peak = memory_peak_bytes()
    path.unlink()
    shutil.rmtree(out / "rows", ignore_errors=True)
    truth = judge_clusters(population, run.cluster)
    stages = {name: value for name, value in run.seconds.items() if "waited" not in name}
    return {
        "seconds": ended - started,
        "peak_bytes": peak,
        "pairs": run.pair_count,
        "stages": {**stages, "write enterprise ids": ended - ids_started},
        "precision": truth.precision,
        "recall": truth.recall,
    }


def push_out(path: Path) -> None:
    """Have a file on disk and not in the page cache.

    Parameters
    ----------
    path : of the file
    """
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)


if __name__ == "__main__":
    main()
