"""A nation on one machine: every record drawn, blocked, scored, clustered, given an enterprise id.

The records are a generated population, drawn once, as rows of 32 bytes (`bench.nation_store`).
The rows go to disk by the first rule's keys and are carried from rule to rule
(`blocking.spilled`); pairs are scored and united as they are found. The model is fitted,
unsupervised, to a sample of the same kind of records (other people: another seed), and its prior
brought to the size of the nation. Ids are written as they are made.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

import mpi
from bench.data import RECORDS_PER_PERSON, SEED, dataset
from bench.facts import memory_peak_bytes, run_facts
from bench.nation_report import Journal, Tenths, markdown
from bench.nation_store import NarrowPopulation, store_layout
from bench.nation_truth import ClusterTruth, judge_clusters
from blocking.rules import BlockingRule
from blocking.spilled import spilled_disk_bytes
from data_gen.parameters import GeneratorParameters
from data_gen.population import Population
from matching.compiled import CompiledModel, compile_model
from mpi.progress import NO_PROGRESS, Progress
from mpi.stream_run import StreamedRun, stream_dedupe
from mpi.units import parse_bytes
from person.enterprise_id import enterprise_ids_for
from person.errors import ConfigError
from person.field import OverflowTable
from person.layout import Layout
from person.threads import ordered_map, slices

__all__ = [
    "NATION_RULES",
    "SAMPLE_SEED",
    "WARM_RECORDS",
    "fit_model",
    "population_of",
    "run_nation",
    "write_ids",
]

NATION_RULES: Final = (
    BlockingRule("id number", ("id_number",), ("name:syllables", "birth_date")),
    BlockingRule(
        "name + birth date",
        ("name:syllables", "birth_date"),
        ("region_code:prefecture", "gender", "region_code"),
        300,
    ),
    BlockingRule(
        "phone + surname",
        ("phone:first", "name:surname_syllable"),
        ("name:given_syllables", "birth_date"),
        100,
    ),
    BlockingRule(
        "birth date + surname + county",
        ("birth_date", "name:surname_syllable", "region_code"),
        ("name:given_syllables", "gender"),
        200,
    ),
    BlockingRule(
        "name + county + birth year",
        ("name:syllables", "region_code", "birth_date:year"),
        ("birth_date:month_day",),
        200,
    ),
)
SAMPLE_SEED: Final = SEED + 1
MEMORY_RESERVE_BYTES: Final = 1 << 30
"""Left to the interpreter, the compiled kernels, the generator's buffers and the model."""

WARM_RECORDS: Final = 5_000
WRITE_ROWS: Final = 1 << 20
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model for records of the population, and the line for as many records as it holds."""

    compiled: CompiledModel
    layout: Layout
    link_weight: float
    facts: dict[str, Any]


def run_nation(
    records: int,
    out: Path,
    *,
    memory: str = "20GiB",
    sample: int = 1_000_000,
    seed: int = SEED,
    keep_ids: bool = False,
    progress: Progress = NO_PROGRESS,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Run the whole job on a population and write nation.json and nation.md.

    Parameters
    ----------
    records : how many, 1,300,000,000 for the nation
    out : directory of the results and, while the run lasts, of the rows (40 bytes a record)
    memory : budget of the whole process
    sample : records the model is fitted to
    seed : of the population; the sample has another
    keep_ids : leave enterprise_ids.u64 in `out`; else it is written, measured and removed
    progress : told of each pass
    say : told what is going on

    Returns
    -------
    The results, as written to nation.json; a run that was stopped leaves the
    times of what had ended in nation-steps.json

    Raises
    ------
    ConfigError : memory or disk do not suffice for so many records
    """
    memory_bytes = parse_bytes(memory)
    _check_room(records, memory_bytes, out)
    facts = run_facts()
    journal = Journal(out / "nation-steps.json", say)
    with journal.stage("fit the model to a sample"):
        fitted = fit_model(sample, records, store_layout())
    with journal.stage("load or compile kernels"):
        small = population_of(WARM_RECORDS, SAMPLE_SEED)
        quiet = Journal(None, lambda _: None)
        judge_clusters(small, _matched(small, fitted, 1 << 28, out, quiet, NO_PROGRESS).cluster)
    population = population_of(records, seed)
    began = time.perf_counter()
    room = memory_bytes - MEMORY_RESERVE_BYTES
    with journal.stage("draw, block, score, unite"):
        streamed = _matched(population, fitted, room, out, journal, Tenths(progress, say))
    with journal.stage("write enterprise ids"):
        id_bytes = write_ids(streamed.cluster, seed, out / "enterprise_ids.u64", keep=keep_ids)
    seconds_to_ids = time.perf_counter() - began
    peak_bytes = memory_peak_bytes()
    with journal.stage("judge against the truth"):
        truth = judge_clusters(population, streamed.cluster)
    found = _results(population, fitted, streamed, truth, journal.seconds) | {
        "format": 1,
        "memory": memory,
        "run": facts,
        "seconds_to_ids": seconds_to_ids,
        "id_bytes": id_bytes,
        "disk_bytes": max(id_bytes, spilled_disk_bytes(records, fitted.layout.n_words)),
        "peak_bytes": peak_bytes,
        "peak_bytes_judging": memory_peak_bytes(),
    }
    (out / "nation.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (out / "nation.md").write_text(markdown(found), encoding="utf-8")
    (out / "nation-steps.json").unlink()
    return found


def fit_model(sample: int, records: int, layout: Layout) -> FittedModel:
    """Fit a model to a sample of other people, and draw the line for `records` of them.

    The chance that two random records match falls as the table grows, for a person has as many
    records in a nation as in a village: every weight loses log2(records / sample) bits, so the
    line on the sample's own scale is that much higher.

    Parameters
    ----------
    sample, records : how many the model is fitted to, and how many it is for
    layout : of the records it is for; its fields are all the sample is given
    """
    table = pq.read_table(dataset(sample, seed=SAMPLE_SEED).records)
    columns = ["record_id", "source", "id_type", *layout.positions]
    result = mpi.dedupe(table.select(columns))
    model = result.model
    assert model.thresholds is not None
    line = model.thresholds.match_weight_link_min
    shift = float(result.run.get("prior_shift", 0.0))
    growth = math.log2(records / sample)
    compiled = compile_model(model, layout, OverflowTable(), result.frequencies)
    facts = {
        "sample_records": sample,
        "fields": list(layout.positions),
        "row_bytes": 8 * layout.n_words,
        "line_of_the_sample": line,
        "prior_shift_of_the_sample": shift,
        "bits_for_the_size": growth,
        "link_weight": line - shift + growth,
    }
    return FittedModel(compiled, layout, line - shift + growth, facts)


def population_of(records: int, seed: int = SEED) -> Population:
    """The population of so many records.

    Parameters
    ----------
    records : at least 1
    seed : of the population
    """
    people = math.ceil(records / RECORDS_PER_PERSON)
    return Population(
        GeneratorParameters(people=people, seed=seed, records_per_person=RECORDS_PER_PERSON)
    )


def _matched(
    population: Population,
    fitted: FittedModel,
    memory_bytes: int,
    out: Path,
    journal: Journal,
    progress: Progress,
) -> StreamedRun:
    """Draw, block, score and unite the records; their rows lie in `out` while that lasts."""
    scratch = out / "rows"
    try:
        return stream_dedupe(
            NarrowPopulation(population),
            fitted.layout,
            NATION_RULES,
            fitted.compiled,
            link_weight=fitted.link_weight,
            memory_bytes=memory_bytes,
            scratch=scratch,
            progress=progress,
            report=journal.step,
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _check_room(records: int, memory_bytes: int, out: Path) -> None:
    """Refuse before anything is drawn what could not end well."""
    # Clusters and, while they are judged, persons, sizes and marks: 11 bytes a record.
    needed = 11 * records + MEMORY_RESERVE_BYTES
    if needed > memory_bytes:
        raise ConfigError(
            f"{records:,} records need at least {needed / 2**30:.1f} GiB of memory; "
            f"{memory_bytes / 2**30:.1f} GiB are allowed"
        )
    out.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out).free
    # The rows are gone before the ids, 8 bytes a record, are written.
    asked = spilled_disk_bytes(records, store_layout().n_words)
    if asked > free:
        raise ConfigError(
            f"{records:,} records need {asked / 2**30:.1f} GiB in {out}; "
            f"{free / 2**30:.1f} GiB are free"
        )


def write_ids(cluster: NDArray[np.uint32], seed: int, path: Path, *, keep: bool) -> int:
    """Write each record's enterprise id, 8 bytes in record order; how many bytes.

    Parameters
    ----------
    cluster : uint32[n_records]
    seed : sets the ids apart from those of another population
    path : file to write
    keep : leave it; else it is measured and removed
    """
    namespace = f"nation|{seed}"
    try:
        with path.open("wb", buffering=0) as file:

            def ids_of(part: slice) -> NDArray[np.uint64]:
                ids = enterprise_ids_for(cluster[part].astype(np.int64), namespace)
                return ids.astype("<u8", copy=False)

            for ids in ordered_map(ids_of, slices(len(cluster), WRITE_ROWS)):
                file.write(ids.data)
        return path.stat().st_size
    finally:
        if not keep:
            path.unlink(missing_ok=True)


def _results(
    population: Population,
    fitted: FittedModel,
    streamed: StreamedRun,
    truth: ClusterTruth,
    seconds: dict[str, float],
) -> dict[str, Any]:
    return {
        "records": population.record_count,
        "people": truth.people,
        "pairs": streamed.pair_count,
        "links": streamed.link_count,
        "refused_links": streamed.refused_count,
        "clusters": streamed.cluster_count,
        "largest_cluster": truth.largest_cluster,
        "seconds": seconds,
        "steps": dict(streamed.seconds),
        "rules": [each.to_dict() for each in streamed.passes],
        "model": fitted.facts,
        "accuracy": {
            "precision": truth.precision,
            "recall": truth.recall,
            "f1": truth.f1,
            "true_pairs": truth.true_pairs,
            "found_pairs": truth.found_pairs,
            "mixed_clusters": truth.mixed_clusters,
            "mixed_clusters_per_100_000_people": 1e5 * truth.mixed_clusters / truth.people,
        },
    }
