"""From scored pairs to clusters: union-find alone, and clusters judged as wholes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.workload import MEMORY_BYTES, Workload
from mpi.clustering import (
    ClusterOptions,
    Edges,
    MergeGuard,
    cluster_constrained,
    connected_components,
)
from mpi.progress import NO_PROGRESS
from mpi.score_run import score_candidates

Measure = Callable[..., Any]
LINK_WEIGHT_MIN: Final = 3.0
LOCAL_NODES: Final = 4_000_000


@pytest.fixture(scope="module")
def links(workload: Workload) -> Edges:
    """The table's own links, at a weight where most are right."""
    edges = score_candidates(
        workload.ingested,
        workload.compiled,
        workload.rules,
        workload.space,
        memory_bytes=MEMORY_BYTES,
        progress=NO_PROGRESS,
    ).edges
    likely = edges.take(edges.weight >= LINK_WEIGHT_MIN)
    return Edges(likely.left.astype(np.int32), likely.right.astype(np.int32), likely.weight)


def bench_union_find(measure: Measure) -> None:
    """Four million records, two edges a pair of neighbours: made-up, the same at every scale."""
    random = np.random.default_rng(1)
    left = random.integers(0, LOCAL_NODES - 64, LOCAL_NODES // 2).astype(np.int32)
    right = (left + random.integers(1, 64, len(left))).astype(np.int32)

    def unite() -> NDArray[np.int32]:
        return connected_components(LOCAL_NODES, left, right)

    cluster = measure(unite, units={"edges": len(left)}, threads=1, records=LOCAL_NODES)
    assert (cluster[left] == cluster[right]).all()


def bench_components(workload: Workload, links: Edges, measure: Measure) -> None:
    """The table's links as plain connected components."""
    count = workload.ingested.record_count
    cluster = measure(
        lambda: connected_components(count, links.left, links.right),
        units={"edges": len(links.left), "records": count},
        threads=1,
    )
    assert (cluster[links.left] == cluster[links.right]).all()


def bench_cluster_constrained(workload: Workload, links: Edges, measure: Measure) -> None:
    """The same links judged as wholes; pairs that blocking never brought are scored."""
    count = workload.ingested.record_count

    def weigh(left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.float64]:
        rows, a, b = workload.ingested.store.gather_pairs(left, right)
        return workload.compiled.score(rows, rows, a, b).weight

    def cluster() -> Any:
        return cluster_constrained(count, links, MergeGuard(), weigh, ClusterOptions())

    outcome = measure(cluster, units={"edges": len(links.left), "records": count}, rounds=3)
    plain = connected_components(count, links.left, links.right)
    assert len(np.unique(outcome.cluster)) >= len(np.unique(plain))
