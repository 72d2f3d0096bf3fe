"""A nation on one machine: every record drawn, blocked, scored, clustered, given an enterprise id.

The records are a generated population read as a source: they exist only while they are read, and
are read again for each rule and each range of keys; or they are drawn once and kept in 32 bytes a
record (`bench.nation_store`), which is faster where drawing is slower than the disk. The model is
fitted, unsupervised, to a sample of the same kind of records (other people: another seed), and
its prior brought to the size of the nation. Scores go straight into a union-find; ids are written
as they are made.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

import mpi
from bench.data import RECORDS_PER_PERSON, SEED, dataset
from bench.facts import facts_line, memory_peak_bytes, run_facts
from bench.nation_store import store_layout, store_population
from bench.nation_truth import ClusterTruth, judge_clusters
from blocking.rules import BlockingRule
from data_gen.encoded import resident_layout
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
from person.records import RecordSource

__all__ = ["NATION_RULES", "run_nation"]

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
WRITE_ROWS: Final = 1 << 22
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A model for records of the population, and the line for as many records as it holds."""

    compiled: CompiledModel
    layout: Layout
    link_weight: float
    facts: dict[str, Any]


class _Timer:
    def __init__(self, say: Say) -> None:
        self.seconds: dict[str, float] = {}
        self._say = say

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._say(f"{name} ...")
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started
        self._say(f"{name}: {self.seconds[name]:.1f} s")


def run_nation(
    records: int,
    out: Path,
    *,
    memory: str = "20GiB",
    sample: int = 1_000_000,
    seed: int = SEED,
    from_store: bool = False,
    keep_ids: bool = False,
    progress: Progress = NO_PROGRESS,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Run the whole job on a population and write nation.json and nation.md.

    Parameters
    ----------
    records : how many, 1,300,000,000 for the nation
    out : directory of the results, and of the ids while the run lasts
    memory : budget of the whole process
    sample : records the model is fitted to
    seed : of the population; the sample has another
    from_store : draw the records once into a file in `out`, removed after the last pass; else
        draw them anew at every reading
    keep_ids : leave enterprise_ids.u64 in `out`; else it is written, measured and removed
    progress : told of each pass
    say : told what is going on

    Returns
    -------
    The results, as written to nation.json

    Raises
    ------
    ConfigError : memory or disk do not suffice for so many records
    """
    memory_bytes = parse_bytes(memory)
    _check_room(records, memory_bytes, out, from_store)
    facts = run_facts()
    timer = _Timer(say)
    with timer.stage("fit the model to a sample"):
        fitted = fit_model(sample, records, store_layout() if from_store else resident_layout())
    with timer.stage("load or compile kernels"):
        small = _population(WARM_RECORDS, SAMPLE_SEED)
        judge_clusters(small, _matched(small, fitted, 1 << 28, out, _Timer(lambda _: None)).cluster)
    population = _population(records, seed)
    began = time.perf_counter()
    room = memory_bytes - MEMORY_RESERVE_BYTES
    streamed = _matched(population, fitted, room, out, timer, progress)
    with timer.stage("write enterprise ids"):
        id_bytes = _write_ids(streamed.cluster, seed, out / "enterprise_ids.u64", keep_ids)
    seconds_to_ids = time.perf_counter() - began
    with timer.stage("judge against the truth"):
        truth = judge_clusters(population, streamed.cluster)
    found = _results(population, fitted, streamed, truth, timer.seconds) | {
        "format": 1,
        "memory": memory,
        "run": facts,
        "seconds_to_ids": seconds_to_ids,
        "id_bytes": id_bytes,
        "disk_bytes": max(id_bytes, 32 * records if from_store else 0),
        "peak_bytes": memory_peak_bytes(),
    }
    (out / "nation.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (out / "nation.md").write_text(markdown(found), encoding="utf-8")
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


def _population(records: int, seed: int) -> Population:
    people = math.ceil(records / RECORDS_PER_PERSON)
    return Population(
        GeneratorParameters(people=people, seed=seed, records_per_person=RECORDS_PER_PERSON)
    )


def _matched(
    population: Population,
    fitted: FittedModel,
    memory_bytes: int,
    out: Path,
    timer: _Timer,
    progress: Progress = NO_PROGRESS,
) -> StreamedRun:
    """Block, score and unite the records, drawn at every reading or from a store of their own."""
    source: RecordSource = population.record_source()
    path = out / "records.u64"
    try:
        if fitted.layout.n_words != source.n_words:
            with timer.stage("draw and store"):
                source = store_population(population, path)
        with timer.stage("block, score, unite"):
            return stream_dedupe(
                source,
                fitted.layout,
                NATION_RULES,
                fitted.compiled,
                link_weight=fitted.link_weight,
                memory_bytes=memory_bytes,
                progress=progress,
            )
    finally:
        path.unlink(missing_ok=True)


def _check_room(records: int, memory_bytes: int, out: Path, from_store: bool) -> None:
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
    bytes_a_record = 32 if from_store else 8  # the store is gone before the ids are written
    if bytes_a_record * records > free:
        raise ConfigError(
            f"{records:,} records need {bytes_a_record * records / 2**30:.1f} GiB in {out}; "
            f"{free / 2**30:.1f} GiB are free"
        )


def _write_ids(cluster: NDArray[np.uint32], seed: int, path: Path, keep: bool) -> int:
    """Write each record's enterprise id, 8 bytes in record order; how many bytes."""
    namespace = f"nation|{seed}"
    try:
        with path.open("wb") as file:
            for start in range(0, len(cluster), WRITE_ROWS):
                part = cluster[start : start + WRITE_ROWS].astype(np.int64)
                file.write(enterprise_ids_for(part, namespace).astype("<u8").tobytes())
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


def markdown(found: dict[str, Any]) -> str:
    """The run on one page."""
    accuracy = found["accuracy"]
    minutes = found["seconds_to_ids"] / 60
    lines = [
        f"# {found['records']:,} records on one machine",
        "",
        f"Drawn, blocked, scored, clustered and given ids in **{minutes:.1f} minutes** with "
        f"{found['peak_bytes'] / 2**30:.1f} GiB of memory at most (allowed: {found['memory']}) and "
        f"{found['disk_bytes'] / 2**30:.1f} GiB of disk. {found['pairs']:,} pairs compared, "
        f"{found['links']:,} links, {found['clusters']:,} people found of {found['people']:,}.",
        "",
        "| against the truth | |",
        "| --- | --- |",
        f"| precision over pairs | {accuracy['precision']:.6f} |",
        f"| recall over pairs | {accuracy['recall']:.6f} |",
        f"| F1 | {accuracy['f1']:.6f} |",
        f"| true pairs | {accuracy['true_pairs']:,} |",
        f"| clusters of more than one person | {accuracy['mixed_clusters']:,} "
        f"({accuracy['mixed_clusters_per_100_000_people']:.2f} a 100,000 people) |",
        f"| largest cluster | {found['largest_cluster']:,} records |",
        "",
        "| rule | keyed records | pairs | rounds | largest block | seconds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for each in found["rules"]:
        largest = each["largest_runs"][0] if each["largest_runs"] else [0, ""]
        lines.append(
            f"| {each['rule']} | {each['keyed_records']:,} | {each['pairs']:,} | {each['rounds']} "
            f"| {largest[0]:,} ({largest[1]}) | {each['seconds']:.1f} |"
        )
    lines += ["", "| stage | seconds |", "| --- | --- |"]
    lines += [f"| {name} | {seconds:.1f} |" for name, seconds in found["seconds"].items()]
    model = found["model"]
    lines += [
        "",
        f"A row is {model['row_bytes']} bytes: {', '.join(model['fields'])}.",
        "",
        f"The model was fitted to {model['sample_records']:,} records of other people; its link "
        f"line was raised by {model['bits_for_the_size']:.2f} bits for the size. Judging against "
        "the truth and fitting are not in the minutes above. Clusters are connected components "
        "of links; names that do not fit a row (more than four characters) count as a whole.",
        "",
        facts_line(found["run"]),
        "",
    ]
    return "\n".join(lines)
