"""A streaming run of one size in a process of its own: encoded records in, enterprise ids out.

Started by `bench.scale`. What comes before the clock starts: the records are drawn and written as
a file of 32-byte rows, pushed out of the page cache, and a model is fitted to a sample of others.
Within: rows read, blocked, scored, united, labelled, and every record's enterprise id written.
The process may not take more memory than it is told: the system refuses it.
"""

from __future__ import annotations

import resource
import shutil
import time
from pathlib import Path
from typing import Any, Final

from bench.scale_process import RESERVE_BYTES, push_out, run_one_size, timed

__all__ = ["main"]

SAMPLE_RECORDS: Final = 200_000


def main() -> None:
    """Run one size and leave bench.json in the directory."""
    run_one_size(__doc__, _run)


def _run(records: int, memory_bytes: int, out: Path) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
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
            memory_bytes=memory_bytes - RESERVE_BYTES,
            scratch=out / "rows",
        )

    drawn = population_of(WARM_RECORDS, SAMPLE_SEED).record_source()
    stream(write_row_file(out / "warm.rows", drawn, resident_layout(), narrow))
    population = population_of(records)
    path = out / "records.rows"
    source = write_row_file(path, population.record_source(), resident_layout(), narrow)
    push_out(path)

    def to_ids() -> tuple[StreamedRun, float]:
        done = stream(source)
        began = time.perf_counter()
        write_ids(done.cluster, 0, out / "ids.u64", keep=True)
        return done, time.perf_counter() - began

    (run, ids_seconds), took = timed(to_ids)
    peak = memory_peak_bytes()
    path.unlink()
    shutil.rmtree(out / "rows", ignore_errors=True)
    truth = judge_clusters(population, run.cluster)
    stages = {name: value for name, value in run.seconds.items() if "waited" not in name}
    return {
        **took,
        "peak_bytes": peak,
        "pairs": run.pair_count,
        "stages": {**stages, "write enterprise ids": ids_seconds},
        "precision": truth.precision,
        "recall": truth.recall,
    }


if __name__ == "__main__":
    main()
