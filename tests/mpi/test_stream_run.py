"""A streaming run finds the components of the links that a run in memory would keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from matching.compiled import CompiledModel, compile_model
from mpi.pair_guards import pair_refusals
from mpi.prepare import JobOptions, Prepared, prepare
from mpi.progress import NO_PROGRESS
from mpi.score_run import score_candidates
from mpi.stream_run import stream_dedupe
from mpi.tables import open_inputs
from mpi.train_run import train_on
from mpi.union_kernels import label_sets
from person.errors import ConfigError
from person.records import ArrayRecordSource

from .made_residents import made_residents

MEMORY = 1 << 26
LINK_WEIGHT = 3.0


@dataclass(frozen=True)
class Job:
    """A small table, encoded, and a model of it."""

    prepared: Prepared
    compiled: CompiledModel


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    folder: Path = tmp_path_factory.mktemp("store")
    table = made_residents()[0]
    prepared = prepare([open_inputs(table)], "dedupe", JobOptions(), folder, NO_PROGRESS)
    ingested = prepared.ingested
    trained = train_on(
        *(ingested, prepared.model, prepared.rules, prepared.space),
        memory_bytes=MEMORY,
        seed=0,
        progress=NO_PROGRESS,
    )
    yield Job(
        prepared,
        compile_model(trained.model, ingested.layout, ingested.overflow, trained.frequencies),
    )
    ingested.store.close()


def components(count: int, links: list[tuple[int, int]]) -> list[int]:
    """Smallest record of each record's component, the slow way."""
    label = list(range(count))
    changed = True
    while changed:
        changed = False
        for one, other in links:
            least = min(label[one], label[other])
            changed |= label[one] != least or label[other] != least
            label[one] = label[other] = least
    return label


@pytest.mark.parametrize("memory_bytes", [1 << 17, MEMORY])
def test_clusters_are_the_components_of_the_links(job: Job, memory_bytes: int) -> None:
    """Whatever the memory; pairs that only a steward may link do not unite."""
    ingested, rules = job.prepared.ingested, job.prepared.rules
    scored = score_candidates(
        *(ingested, job.compiled, rules, job.prepared.space),
        memory_bytes=MEMORY,
        progress=NO_PROGRESS,
    )
    edges = scored.edges
    refused = np.array([each is not None for each in pair_refusals(job.compiled, edges.pattern)])
    linked = edges.weight >= LINK_WEIGHT
    links = list(zip(edges.left[linked & ~refused], edges.right[linked & ~refused]))
    expected = components(ingested.record_count, links)
    run = stream_dedupe(
        *(ingested.store, ingested.layout, rules, job.compiled),
        link_weight=LINK_WEIGHT,
        memory_bytes=memory_bytes,
        overflow=ingested.overflow,
    )
    assert len(links) > 50
    assert expected == run.cluster.tolist()
    assert len(set(expected)) == run.cluster_count
    assert scored.pair_count == run.pair_count
    assert len(links) == run.link_count
    assert int((linked & refused).sum()) == run.refused_count
    assert [rule.name for rule in rules] == [each.rule for each in run.passes]


@pytest.mark.parametrize("partition_rows", [12_000_000, 100])
def test_rows_carried_on_disk_give_the_same_clusters(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partition_rows: int
) -> None:
    """Read once or for every rule: same pairs, links and clusters, and nothing is left on disk."""
    monkeypatch.setattr("blocking.spilled.PARTITION_ROWS_MAX", partition_rows)
    ingested = job.prepared.ingested
    rules = [rule for rule in job.prepared.rules if "phone" not in rule.keys]
    arguments = (ingested.store, ingested.layout, rules, job.compiled)
    settings = {
        "link_weight": LINK_WEIGHT,
        "memory_bytes": MEMORY,
        "overflow": ingested.overflow,
    }
    expected = stream_dedupe(*arguments, **settings)
    steps: list[str] = []
    run = stream_dedupe(
        *arguments,
        **settings,
        scratch=tmp_path / "scratch",
        report=lambda name, _: steps.append(name),
    )
    assert expected.cluster.tolist() == run.cluster.tolist()
    assert expected.link_count == run.link_count
    assert expected.refused_count == run.refused_count
    assert [each.pairs for each in expected.passes] == [each.pairs for each in run.passes]
    assert [each.keyed_records for each in expected.passes] == [
        each.keyed_records for each in run.passes
    ]
    assert (partition_rows == 100) == (run.passes[0].rounds > 1)
    assert list(run.seconds) == steps
    assert [] == list((tmp_path / "scratch").iterdir())


def test_memory_for_less_than_the_labels_is_refused(job: Job) -> None:
    """4 bytes a record are needed whatever else is saved."""
    rows = np.zeros((100_000, job.prepared.ingested.layout.n_words), np.uint64)
    with pytest.raises(ConfigError):
        stream_dedupe(
            *(ArrayRecordSource(rows), job.prepared.ingested.layout, job.prepared.rules),
            job.compiled,
            link_weight=LINK_WEIGHT,
            memory_bytes=400_000,
        )


def test_labels_point_at_the_smallest_record() -> None:
    """Chains of any depth end in one label, in slices as in one go."""
    parent = np.array([0, 0, 1, 3, 2, 3, 4, 7], np.uint32)
    roots = label_sets(parent, 0, 4) + label_sets(parent, 4, 8)
    assert [0, 0, 0, 3, 0, 3, 0, 7] == parent.tolist()
    assert 3 == roots
