"""`dedupe(stream=True)`: the main job for tables whose rows and links memory does not hold.

    inputs -> encode (rows of the fields that rules read, ids as text beside them, on disk)
           -> repeated ids -> samples -> model and lines
           -> spilled passes: pairs scored, united, forgotten; doubtful ones kept on disk
           -> clusters.parquet, ids read back in order; review.parquet; run.json

In memory: `memory` bytes, of which 4 a record are cluster labels. Afterwards 8 a record, labels
and sizes, and some 100 a pair for review. What is given up is said in
`mpi.stream_results.GIVEN_UP`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking.spilled import spilled_disk_bytes
from matching.compiled import CompiledModel, compile_model
from matching.model import Thresholds, read_model
from mpi.edge_sink import EdgeSink
from mpi.ingest import STORE_NAME, Ingested, effective_schema, ingest
from mpi.job import id_namespace, open_stages
from mpi.outputs import OutputDirectory, check_output_path
from mpi.prepare import JobOptions
from mpi.progress import NO_PROGRESS, Progress
from mpi.repeated_ids import LaterIds
from mpi.result import Result, RowTable, WrittenTable, write_result, writing_tables
from mpi.run_stages import RunStages, run_directory
from mpi.stage_profile import StageProfile
from mpi.stream_plan import StreamPlan, plan_stream
from mpi.stream_results import (
    ReviewPairs,
    StreamedClusterRows,
    StreamedReviewRows,
    review_pairs,
    rows_between,
    streamed_facts,
)
from mpi.stream_run import StreamedRun, stream_dedupe
from mpi.stream_sample import Learnt, draw_samples, learn
from mpi.tables import InputSet
from mpi.train_run import PairSpace
from person.errors import ConfigError
from person.records import RecordChunk
from person.schema import load_schema
from person.store import EncodedStore

__all__ = ["run_streamed_job", "scratch_bytes"]

ID_BYTES: Final = 24
"""A record id as text, and its end, with room to spare."""
RESULT_BYTES: Final = 48
"""A row of clusters.parquet, compressed, with room to spare."""
REVIEW_BYTES: Final = 8
"""Pairs for review, a record: a tenth of the links at 28 bytes each, twice."""
REVIEW_SHARE: Final = 16
"""Of the memory, what pairs for review may take before they go to a file."""
LEARNING_BYTES: Final = 1 << 30


def run_streamed_job(
    inputs: InputSet,
    options: JobOptions,
    *,
    out: str | Path | None,
    progress: Progress | None,
) -> Result:
    """Run the whole job in bounded memory.

    Parameters
    ----------
    inputs : one table
    options : of the job
    out : directory to write the results to
    progress : told of each stage

    Returns
    -------
    Result, without links and report

    Raises
    ------
    ConfigError : an option that a streamed run does not have, or no rule for these fields
    OutputError : too little disk, said before anything is read
    """
    if out is None:
        raise ConfigError("a streamed run holds no tables; name a directory for the results")
    _refuse_options(options)
    timer = StageProfile(progress or NO_PROGRESS)
    started = time.perf_counter()
    plan = _plan(inputs, options)
    with ExitStack() as stack:
        stages, output = _directories(stack, inputs, options, plan, Path(out))
        job = _StreamedJob(inputs, options, plan, stages, timer)
        result = job.run(output)
        result.run["seconds"] = timer.seconds()
        result.run["seconds"]["total"] = round(time.perf_counter() - started, 4)
        result.run["stages"] = timer.as_list()
        result.run["peak_memory_bytes"] = timer.peak_memory_bytes()
        result.run["resumed"] = list(stages.resumed)
        write_result(result, output)
    return result


def scratch_bytes(record_count: int, n_words: int) -> int:
    """Disk that a streamed run takes while it works: rows with their ids, and one travelling copy.

    Parameters
    ----------
    record_count : of the table
    n_words : 64-bit words of a row
    """
    store = (8 * n_words + 2 + ID_BYTES) * record_count
    return store + spilled_disk_bytes(record_count, n_words) + REVIEW_BYTES * record_count


def _refuse_options(options: JobOptions) -> None:
    refused = {
        "an identity index": options.index is not None,
        "the search for likeness (approximate)": options.approximate,
    }
    for what, asked in refused.items():
        if asked:
            raise ConfigError(f"a streamed run has no room for {what}; run without streaming")


def _plan(inputs: InputSet, options: JobOptions) -> StreamPlan:
    given = read_model(options.model) if isinstance(options.model, (str, Path)) else options.model
    schema = given.schema if given is not None else load_schema(options.schema)
    plan = plan_stream(effective_schema(schema, [inputs]), given)
    for file in inputs.files:
        wanted = {name for bound in plan.schema.bind(file.columns) for name in bound.columns}
        for names in (schema.record_id, schema.source, schema.id_type):
            found = schema.find_column(names, file.columns)
            wanted |= set() if found is None else {found}
        file.read_only_columns(wanted)
    return plan


def _directories(
    stack: ExitStack, inputs: InputSet, options: JobOptions, plan: StreamPlan, out: Path
) -> tuple[RunStages, OutputDirectory]:
    """Where to work and where to write, with room for both, also where they are one disk."""
    count = inputs.rows_estimate
    scratch, results = scratch_bytes(count, plan.layout.n_words), RESULT_BYTES * count
    # A run that is resumed holds most of its scratch already.
    one_disk = not options.resume and _device(run_directory(out)) == _device(out)
    check_output_path(
        out, overwrite=options.overwrite, needed_bytes=results + (scratch if one_disk else 0)
    )
    stages = stack.enter_context(open_stages(out, [inputs], "dedupe", options, scratch))
    output = OutputDirectory(out, overwrite=options.overwrite, needed_bytes=results)
    return stages, stack.enter_context(output)


def _device(path: Path) -> int:
    path = Path(os.path.realpath(path))
    while not path.exists():
        path = path.parent
    return path.stat().st_dev


@dataclass(frozen=True, slots=True)
class _Encoded:
    """The table on disk; `set_aside` int64[k], rising: records whose id an earlier one has."""

    ingested: Ingested
    set_aside: NDArray[np.int64]
    described: list[dict[str, Any]]


class _InOrder:
    """An encoded table read from front to back, its pages let go of, as a `RecordSource`.

    A record that was set aside reads as one that holds nothing, so no rule gives it a key.
    """

    def __init__(self, encoded: _Encoded) -> None:
        self._store, self._set_aside = encoded.ingested.store, encoded.set_aside
        self.record_count = self._store.record_count
        self.n_words = self._store.n_words

    def chunks(self) -> Iterator[RecordChunk]:
        """All records in order."""
        for number, chunk in enumerate(self._store.chunks()):
            aside = rows_between(self._set_aside, chunk.first_row, chunk.first_row + len(chunk))
            if len(aside):
                rows = chunk.rows.copy()
                rows[aside - chunk.first_row] = 0
                chunk = RecordChunk(chunk.first_row, rows, chunk.source)
            yield chunk
            if number % 16 == 0:
                self._store.forget_pages()
        self._store.forget_pages()


@dataclass(frozen=True, slots=True)
class _StreamedJob:
    inputs: InputSet
    options: JobOptions
    plan: StreamPlan
    stages: RunStages
    timer: StageProfile

    def run(self, output: OutputDirectory) -> Result:
        """All stages; tables are written, the rest is returned."""
        encoded = self._encoded()
        learnt = self.stages.run("learn", lambda: self._learn(encoded))
        ingested = encoded.ingested
        compiled = compile_model(
            learnt.model, ingested.layout, ingested.overflow, learnt.frequencies
        )
        run, sink = self._match(encoded, learnt, compiled)
        with self.timer.stage("write results", ingested.record_count):
            pairs = review_pairs(sink, compiled, run.cluster, learnt)
            facts = self._write(encoded, learnt, compiled, run, pairs, output)
        lines = learnt.thresholds
        model = learnt.model.replace(
            thresholds=Thresholds(
                match_weight_link_min=lines.link_weight, match_weight_review_min=lines.review_weight
            )
        )
        written = ("clusters", "review")
        return Result(
            tables={name: WrittenTable(output.path / f"{name}.parquet") for name in written},
            rejects=ingested.rejects.to_table(),
            model=model,
            frequencies=learnt.frequencies,
            run=facts | {"inputs": encoded.described},
            report=None,
        )

    def _encoded(self) -> _Encoded:
        path = self.stages.path / STORE_NAME

        def save(made: _Encoded) -> _Encoded:
            return replace(made, ingested=replace(made.ingested, store=None))  # type: ignore[arg-type]

        def load(kept: _Encoded) -> _Encoded:
            return replace(kept, ingested=replace(kept.ingested, store=EncodedStore(path)))

        return self.stages.run("encode", self._encode, save, load)

    def _encode(self) -> _Encoded:
        later = LaterIds(self.stages.path)
        ingested = ingest(
            [self.inputs], self.plan.schema, self.stages.path, self.timer, later=later
        )
        with self.timer.stage("find repeated ids", ingested.record_count):
            set_aside = later.rows(self.options.memory_bytes // 4)
            later.reject(set_aside, ingested.store, ingested.sources, ingested.rejects)
        if self.options.strict:
            ingested.rejects.raise_if_any()
        with self.timer.stage("sum the inputs"):
            described = self.inputs.describe()
        return _Encoded(ingested, set_aside, described)

    def _learn(self, encoded: _Encoded) -> Learnt:
        ingested, plan = encoded.ingested, self.plan
        count = ingested.record_count - len(encoded.set_aside)
        space = PairSpace(
            mode="dedupe",
            total_pairs=max(count * (count - 1) / 2, 1.0),
            side_of_source=ingested.side_of_source,
        )
        directory = self.stages.path
        samples = draw_samples(_InOrder(encoded), ingested, plan.rules, directory, self.timer)
        try:
            return learn(
                *(samples, plan.model, plan.rules, space),
                memory_bytes=min(self.options.memory_bytes, LEARNING_BYTES),
                seed=self.options.seed,
                progress=self.timer,
            )
        finally:
            samples.remove()

    def _match(
        self, encoded: _Encoded, learnt: Learnt, compiled: CompiledModel
    ) -> tuple[StreamedRun, EdgeSink]:
        memory_bytes, ingested = self.options.memory_bytes, encoded.ingested
        review_weight = learnt.as_scored(learnt.thresholds.review_weight)
        kept_bytes = memory_bytes // REVIEW_SHARE
        sink = EdgeSink(ingested.record_count, review_weight, kept_bytes)
        run = stream_dedupe(
            *(_InOrder(encoded), ingested.layout, self.plan.rules, compiled),
            link_weight=learnt.as_scored(learnt.thresholds.link_weight),
            memory_bytes=memory_bytes - kept_bytes,
            overflow=ingested.overflow,
            scratch=self.stages.path / "rows",
            review=sink,
            review_weight=review_weight,
            progress=self.timer,
        )
        return run, sink

    def _write(
        self,
        encoded: _Encoded,
        learnt: Learnt,
        compiled: CompiledModel,
        run: StreamedRun,
        pairs: ReviewPairs,
        output: OutputDirectory,
    ) -> dict[str, Any]:
        ingested = encoded.ingested
        namespace = id_namespace(encoded.described, self.options)
        clusters = StreamedClusterRows(ingested, run.cluster, encoded.set_aside, namespace)
        review = StreamedReviewRows(ingested, compiled, pairs)
        rows: Mapping[str, RowTable] = {"clusters": clusters, "review": review}
        with writing_tables(rows, learnt.frequencies, output, charts=False):
            return streamed_facts(
                *(ingested, self.plan, learnt, run, clusters.sizes, pairs, self.options)
            )
