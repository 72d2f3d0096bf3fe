"""A streamed job of one size in a process of its own: text in Parquet in, clusters.parquet out.

Started by `bench.scale`. Before the clock starts: a small run loads or compiles the kernels, and
the records are pushed out of the page cache. Within: everything `mpi dedupe --stream` does, the
fitting of the model and the writing of the results included. The process may not take more memory
than it is told: the system refuses it, until the outcome is judged.
"""

from __future__ import annotations

import resource
import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.scale_process import RESERVE_BYTES, push_out, run_one_size, timed

__all__ = ["labels_of", "main"]

WARM_RECORDS: Final = 5_000


def main() -> None:
    """Run one size and leave bench.json in the directory."""
    run_one_size(__doc__, _run)


def _run(records: int, memory_bytes: int, out: Path) -> dict[str, Any]:
    import mpi
    from bench.data import dataset
    from bench.nation import SAMPLE_SEED, population_of
    from bench.nation_truth import judge_clusters

    table, warm = dataset(records), dataset(WARM_RECORDS, seed=SAMPLE_SEED)
    _, unlimited = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, unlimited))
    settings: dict[str, Any] = {"stream": True, "memory": memory_bytes - RESERVE_BYTES}
    mpi.dedupe(warm.records, out=out / "warm", **settings)
    push_out(table.records)
    result, took = timed(lambda: mpi.dedupe(table.records, out=out / "run", **settings))
    facts: dict[str, Any] = {
        **took,
        "peak_bytes": result.run["peak_memory_bytes"],
        "pairs": result.run["counts"]["candidate_pairs"],
        "stages": result.run["seconds"],
        "profile": result.run["stages"],
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
