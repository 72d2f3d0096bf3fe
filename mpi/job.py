"""The main job, stage by stage; see `mpi.pipeline` for what users call.

The first stages (encode, train, and scoring rule by rule) are kept on disk as they finish, so that
a killed run can be resumed; what follows them takes a fraction of the time.
At the end of `run_job` the encoded records, the final model, its frequencies and all decisions
are at hand together.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from matching.compiled import CompiledModel, compile_model
from matching.frequencies import TermFrequencies, count_exact_agreement
from matching.model import Model, Thresholds
from mpi.calibration import Thresholds as ExpectedLines
from mpi.decide import (
    Decided,
    DecideOptions,
    decide,
    first_clusters,
    merge_guard,
    prior_shift,
)
from mpi.ingest import STORE_NAME, Ingested
from mpi.lines import FalseAlarms, draw_lines
from mpi.outputs import OutputDirectory, estimate_bytes, file_checksum
from mpi.prepare import JobOptions, Prepared, prepare
from mpi.progress import NO_PROGRESS, Progress
from mpi.report_build import build_report
from mpi.result import Result, RowTable, WrittenTable, held_table, write_result, writing_tables
from mpi.row_tables import ClusterRows, PairRows
from mpi.run_facts import run_facts
from mpi.run_stages import RunStages
from mpi.score_run import Scored, score_candidates
from mpi.scratch import scratch_directory
from mpi.stage_profile import StageProfile
from mpi.tables import InputSet
from mpi.train_run import Trained, random_patterns, refit, train_on
from mpi.weighed import WeighedPairs, reweigh, weighed_pairs
from mpi.weight_levels import WeightLevels, weight_levels
from person.errors import ConfigError, OutputError
from person.jit import source_digest
from person.store import EncodedStore

__all__ = ["id_namespace", "open_stages", "run_job"]


def run_job(
    inputs: Sequence[InputSet],
    mode: str,
    options: JobOptions,
    *,
    out: str | Path | None,
    progress: Progress | None,
) -> Result:
    """Run the whole path; see `dedupe` and `link`."""
    timer = StageProfile(progress or NO_PROGRESS)
    started = time.perf_counter()
    needed_bytes = estimate_bytes(sum(each.rows_estimate for each in inputs))
    if options.resume and out is None:
        raise ConfigError("there is nothing to resume without an output directory")
    with ExitStack() as stack:
        output, stages = None, None
        if out is not None:
            stages = stack.enter_context(open_stages(out, inputs, mode, options, needed_bytes))
            if options.resume and not (options.overwrite or stages.can_go_on):
                _check_not_finished(Path(out))
            output = stack.enter_context(
                OutputDirectory(out, overwrite=options.overwrite, needed_bytes=needed_bytes)
            )
            scratch = stages.path
        else:
            scratch = stack.enter_context(scratch_directory(needed_bytes))
        job = _Job(inputs, mode, options, scratch, stages, timer)
        prepared, described = job.prepared()
        trained, needs_refit = job.trained(prepared)
        scored = job.scored(prepared, _compile(trained, prepared.ingested))
        finished = _finish(prepared, trained, scored, needs_refit, options, timer)
        loaded = _load_index(inputs, prepared, finished, options, timer)
        result = _result(job, prepared, scored, finished, described, loaded, output)
        if loaded is not None:
            result.run["index"] = {"path": str(options.index), **loaded.to_dict()}
        _complete_run(result.run, described, timer, started)
        if stages is not None:
            result.run["resumed"] = list(stages.resumed)
        if output is not None:
            write_result(result, output)
    return result


def _check_not_finished(out: Path) -> None:
    """Say so where the run that is to be resumed has come to its end."""
    if (out / "run.json").is_file():
        raise OutputError(
            f"{out}: there is nothing to resume: the run that wrote it has ended; "
            "--overwrite runs it again",
            path=str(out),
        )


def open_stages(
    out: str | Path,
    inputs: Sequence[InputSet],
    mode: str,
    options: JobOptions,
    needed_bytes: int,
) -> RunStages:
    """The directory of a run's stages, told by its output; see `mpi.run_stages`.

    Parameters
    ----------
    out : where the run will write its results
    inputs, mode, options : what was asked for: only a run that was asked the same is resumed
    needed_bytes : refuse at the start if the disk has less free
    """
    asked = dataclasses.asdict(options)
    for key in ("memory", "overwrite", "resume", "index", "digest_key"):  # they change no stage
        del asked[key]
    for key in ("schema", "model"):
        given = getattr(options, key)
        asked[key] = _content(given) if isinstance(given, (str, Path)) else repr(given)
    files = [each.fingerprint() for inputs_of_side in inputs for each in inputs_of_side.files]
    fingerprint = {"mode": mode, "options": asked, "inputs": files, "version": source_digest()}
    return RunStages(out, fingerprint, resume=options.resume, needed_bytes=needed_bytes)


def _content(path: str | Path) -> str:
    """A file's name and checksum; a schema may also be named without being a file."""
    file = Path(path)
    return f"{path} {file_checksum(file)}" if file.is_file() else str(path)


@dataclass(frozen=True, slots=True)
class _Job:
    """The stages that a killed run need not repeat."""

    inputs: Sequence[InputSet]
    mode: str
    options: JobOptions
    scratch: Path
    stages: RunStages | None
    timer: StageProfile

    def prepared(self) -> tuple[Prepared, list[dict[str, Any]]]:
        """The encoded records, and what run.json says of the inputs."""

        def make() -> tuple[Prepared, list[dict[str, Any]]]:
            made = prepare(self.inputs, self.mode, self.options, self.scratch, self.timer)
            return made, [each for side in self.inputs for each in side.describe()]

        def save(made: tuple[Prepared, list[dict[str, Any]]]) -> Any:
            return made[0].without_store(), made[1]

        def load(kept: Any) -> tuple[Prepared, list[dict[str, Any]]]:
            return kept[0].with_store(EncodedStore(self.scratch / STORE_NAME)), kept[1]

        return make() if self.stages is None else self.stages.run("encode", make, save, load)

    def trained(self, prepared: Prepared) -> tuple[Trained, bool]:
        """The model to score with, and whether it is to be fitted again."""

        def make() -> tuple[Trained, bool]:
            return _fitted(prepared, self.options, self.timer)

        return make() if self.stages is None else self.stages.run("train", make)

    def scored(self, prepared: Prepared, compiled: CompiledModel) -> Scored:
        """The candidate pairs worth keeping."""

        space, memory = prepared.space, self.options.memory_bytes
        scored = score_candidates(
            *(prepared.ingested, compiled, prepared.rules, space),
            memory_bytes=memory,
            progress=self.timer,
            keep=None if self.stages is None else self.stages.run_piece,
        )
        if self.options.approximate:
            from mpi.approximate_run import add_approximate

            scored = add_approximate(
                *(scored, prepared.ingested, compiled, space),
                memory_bytes=memory,
                progress=self.timer,
            )
        return scored


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finished:
    """The final model and what it decided; `pairs` carry the weights behind it, `levels` count
    them."""

    model: Model
    frequencies: Mapping[str, TermFrequencies]
    compiled: CompiledModel
    pairs: WeighedPairs
    levels: WeightLevels
    decided: Decided


def _finish(
    prepared: Prepared,
    trained: Trained,
    scored: Scored,
    needs_refit: bool,
    options: JobOptions,
    timer: StageProfile,
) -> _Finished:
    """Fit again to what scoring kept, count values by person, decide."""
    ingested = prepared.ingested
    compiled = _compile(trained, ingested)
    with timer.stage("fit to the kept pairs", len(scored.edges)):
        pairs = weighed_pairs(scored.edges)
        counts = pairs.patterns.counts()
        guard = merge_guard(ingested, trained.model, options.clustering)
        if needs_refit:
            trained = refit(trained, compiled, counts)
            compiled = _compile(trained, ingested)
            pairs = reweigh(ingested.store, compiled, pairs)
    how = DecideOptions(clustering=options.clustering, guard=guard)
    with timer.stage("count people", ingested.record_count):
        thresholds, shift, _, _ = _lines(prepared, trained, compiled, pairs)
        people = first_clusters(ingested, compiled, pairs, thresholds, how, shift)
        trained = refit(
            trained,
            compiled,
            counts,
            ingested=ingested,
            cluster=people,
            memory_bytes=options.memory_bytes,
        )
        del people
        compiled = _compile(trained, ingested)
        pairs = reweigh(ingested.store, compiled, pairs)
    with timer.stage("cluster", ingested.record_count):
        thresholds, shift, alarms, levels = _lines(prepared, trained, compiled, pairs)
        decided = decide(ingested, compiled, pairs, thresholds, how, shift, alarms)
    return _Finished(
        model=trained.model,
        frequencies=trained.frequencies,
        compiled=compiled,
        pairs=pairs,
        levels=levels,
        decided=decided,
    )


def _load_index(
    inputs: Sequence[InputSet],
    prepared: Prepared,
    finished: _Finished,
    options: JobOptions,
    timer: StageProfile,
) -> Any:
    """Bring the outcome into the identity index, where one was named."""
    if options.index is None:
        return None
    from mpi.identity_load import load_run

    more: dict[str, Any] = {}
    if options.digest_key is not None:
        more["digest_key"] = options.digest_key
    with timer.stage("load the index", prepared.ingested.record_count):
        return load_run(
            *(options.index, prepared.ingested, finished.decided),
            *(finished.model, finished.frequencies),
            inputs=inputs,
            memory_bytes=options.memory_bytes // 4,
            **more,
        )


def _compile(trained: Trained, ingested: Ingested) -> CompiledModel:
    return compile_model(trained.model, ingested.layout, ingested.overflow, trained.frequencies)


def _fitted(prepared: Prepared, options: JobOptions, progress: Progress) -> tuple[Trained, bool]:
    """The model to score with, and whether it is to be fitted again to what scoring keeps."""
    if prepared.model.is_trained:
        with progress.stage("count values"):
            _, frequencies = count_exact_agreement(
                prepared.ingested.store,
                prepared.ingested.layout,
                prepared.model.comparisons,
                memory_bytes=options.memory_bytes // 2,
            )
        compiled = compile_model(
            prepared.model, prepared.ingested.layout, prepared.ingested.overflow
        )
        with progress.stage("sample random pairs"):
            random = random_patterns(prepared.ingested, compiled, prepared.space, options.seed)
        given = Trained(model=prepared.model, frequencies=frequencies, random=random, observed=None)
        return given, False
    trained = train_on(
        prepared.ingested,
        prepared.model,
        prepared.rules,
        prepared.space,
        memory_bytes=options.memory_bytes,
        seed=options.seed,
        progress=progress,
    )
    return trained, True


def _lines(
    prepared: Prepared, trained: Trained, compiled: CompiledModel, pairs: WeighedPairs
) -> tuple[ExpectedLines, float, FalseAlarms, WeightLevels]:
    """The two lines, the bits by which the table's own prior moves every weight, what strangers
    do, and the weights counted."""
    prior = trained.model.probability_two_random_records_match
    assert prior is not None
    total_pairs = prepared.space.total_pairs
    levels = weight_levels(pairs.weight, pairs.relative)
    shift = prior_shift(pairs.weight, prior, total_pairs, levels=levels)
    alarms = FalseAlarms(compiled, trained.frequencies, trained.random, total_pairs, shift)
    given = trained.model.thresholds
    lines = draw_lines(pairs.weight, pairs.relative, alarms, given, shift=shift)
    return lines, shift, alarms, levels


def id_namespace(described: Sequence[Mapping[str, Any]], options: JobOptions) -> str:
    """What sets the enterprise ids of this table apart from those of any other."""
    return "|".join([str(options.seed), *(each["sha256"] or each["path"] for each in described)])


def _result(
    job: _Job,
    prepared: Prepared,
    scored: Scored,
    finished: _Finished,
    described: Sequence[Mapping[str, Any]],
    loaded: Any,
    output: OutputDirectory | None,
) -> Result:
    """Build the tables, in memory or straight into the output, and gather the report."""
    ingested, decided, model = prepared.ingested, finished.decided, finished.model
    with job.timer.stage("write results", ingested.record_count):
        namespace = id_namespace(described, job.options)
        lasting = None if loaded is None else loaded.enterprise_ids
        clusters = ClusterRows(ingested, decided, namespace, enterprise_ids=lasting)
        links = PairRows(ingested, finished.compiled, decided)
        review = PairRows(ingested, finished.compiled, decided, for_review=True, like=links)
        rows: dict[str, RowTable] = {"clusters": clusters, "links": links, "review": review}
        with ExitStack() as writing:
            if output is not None:
                writing.enter_context(writing_tables(rows, finished.frequencies, output))
            rejects = ingested.rejects.to_table()
            run = run_facts(prepared, model, scored, decided, clusters.sizes, job.options, job.mode)
            run["counts"] |= {
                "links": links.row_count - review.row_count,
                "review": review.row_count,
                "rejects": rejects.num_rows,
            }
            report = build_report(
                *(ingested, model, finished.compiled, scored.passes, finished.pairs, decided),
                levels=finished.levels,
                edge_patterns=links.patterns,
                sizes=clusters.sizes,
                run=run,
            )
        tables: dict[str, pa.Table | WrittenTable] = {}
        if output is not None:
            tables = {name: WrittenTable(output.path / f"{name}.parquet") for name in rows}
        else:
            tables = {name: held_table(each) for name, each in rows.items()}
    thresholds = Thresholds(
        match_weight_link_min=decided.thresholds.link_weight,
        match_weight_review_min=decided.thresholds.review_weight,
    )
    return Result(
        tables=tables,
        rejects=rejects,
        model=model.replace(thresholds=thresholds),
        frequencies=dict(finished.frequencies),
        run=run,
        report=report,
    )


def _complete_run(
    run: dict[str, Any],
    described: Sequence[Mapping[str, Any]],
    timer: StageProfile,
    started: float,
) -> None:
    run["inputs"] = list(described)
    run["seconds"] = timer.seconds()
    run["seconds"]["total"] = round(time.perf_counter() - started, 4)
    run["stages"] = timer.as_list()
    run["peak_memory_bytes"] = timer.peak_memory_bytes()
