"""Parquet in; fitted model, clusters and links out: what a user waits for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

import mpi
from bench.data import Dataset
from bench.workload import read_truth

Measure = Callable[..., Any]
F1_MIN: Final = 0.90


def _f1(clusters: pa.Table, data: Dataset) -> float:
    truth = read_truth(data)
    named = pa.table(
        {
            "source": truth["source"],
            "record_id": truth["record_id"],
            "entity_id": truth["person_id"].cast(pa.string()),
        }
    )
    return float(mpi.evaluate(clusters, named).measures["f1"])


def _stages(result: Any) -> dict[str, Any]:
    """Wall and processor seconds and peak memory of each stage, as run.json has them."""
    return {"stages": result.run["stages"]}


def bench_dedupe_to_files(data: Dataset, scratch: Path, measure: Measure) -> None:
    """Everything: training, clusters, links, report, written to disk."""

    def run() -> Any:
        return mpi.dedupe(data.records, out=scratch / "run", overwrite=True)

    result = measure(run, units={"records": data.record_count}, rounds=3, tell=_stages)
    clusters = pq.read_table(scratch / "run" / "clusters.parquet")
    f1 = _f1(clusters, data)
    assert data.record_count == clusters.num_rows
    assert f1 > F1_MIN
    assert result.run["counts"]["candidate_pairs"] > 0


def bench_dedupe_with_model(data: Dataset, scratch: Path, measure: Measure) -> None:
    """With a model fitted before, as every run after the first may have one."""
    model = mpi.train(data.records)

    def run() -> Any:
        return mpi.dedupe(data.records, model=model, out=scratch / "run", overwrite=True)

    result = measure(run, units={"records": data.record_count}, rounds=3, tell=_stages)
    assert _f1(result.clusters, data) > F1_MIN
