"""A streamed job of one size in a process of its own: text in Parquet in, clusters.parquet out.

Started by `bench.scale`. Before the clock starts: a small run loads or compiles the kernels, and
the records are pushed out of the page cache. Within: everything `mpi dedupe --stream` does, the
fitting of the model and the writing of the results included. The process may not take more memory
than it is told: the system refuses it, until the outcome is judged.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

__all__ = ["main"]

WARM_RECORDS: Final = 5_000
RESERVE_BYTES: Final = 3 << 28
"""Interpreter, libraries, kernels and batches in flight, beside what the run is told it may use."""


def main() -> None:
    """Run one size and leave bench.json in the directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", default="8GiB")
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    from mpi.units import parse_bytes

    memory_bytes = parse_bytes(arguments.memory)
    arguments.out.mkdir(parents=True, exist_ok=True)
    facts = _run(arguments.records, memory_bytes, arguments.out)
    (arguments.out / "bench.json").write_text(json.dumps(facts))


def _run(records: int, memory_bytes: int, out: Path) -> dict[str, object]:
    import mpi
    from bench.data import dataset
    from bench.nation import SAMPLE_SEED, population_of
    from bench.nation_truth import judge_clusters
    from bench.scale_stream import push_out

    table, warm = dataset(records), dataset(WARM_RECORDS, seed=SAMPLE_SEED)
    _, unlimited = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, unlimited))
    settings: dict[str, Any] = {"stream": True, "memory": memory_bytes - RESERVE_BYTES}
    mpi.dedupe(warm.records, out=out / "warm", **settings)
    push_out(table.records)
    started = time.perf_counter()
    result = mpi.dedupe(table.records, out=out / "run", **settings)
    ended = time.perf_counter()
    facts: dict[str, object] = {
        "seconds": ended - started,
        "peak_bytes": result.run["peak_memory_bytes"],
        "pairs": result.run["counts"]["candidate_pairs"],
        "stages": result.run["seconds"],
        "counts": result.run["counts"],
        "link_weight": result.run["thresholds"]["link_weight"],
    }
    resource.setrlimit(resource.RLIMIT_DATA, (unlimited, unlimited))
    population = population_of(records)
    if population.record_count == result.run["counts"]["records"]:
        truth = judge_clusters(population, labels_of(out / "run" / "clusters.parquet"))
        facts |= {"precision": truth.precision, "recall": truth.recall}
    shutil.rmtree(out / "run")
    return facts


def labels_of(path: Path) -> NDArray[np.uint32]:
    """Smallest record number of each record's cluster, from a clusters.parquet: uint32[n]."""
    from person.enterprise_id import parse_enterprise_ids
    from person.text import Utf8Column

    with pq.ParquetFile(path) as file:
        ids = np.empty(file.metadata.num_rows, np.uint64)
        done = 0
        for batch in file.iter_batches(columns=["enterprise_id"]):
            column = Utf8Column.from_arrow(batch.column(0).cast("string"))
            ids[done : done + len(column)] = parse_enterprise_ids(column)
            done += len(column)
    order = np.argsort(ids, kind="stable").astype(np.uint32)
    ids = ids[order]
    begins = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    labels = np.empty(len(ids), np.uint32)
    labels[order] = np.repeat(order[begins], np.diff(begins, append=len(ids)))
    return labels


if __name__ == "__main__":
    main()
