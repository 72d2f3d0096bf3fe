"""The main job: files in; clusters, links and a report out.

    inputs -> ingest (encoded store) -> train -> score candidate pairs -> calibrate -> cluster
           -> tables, report

Each stage streams over the encoded store or works on arrays of the kept pairs; scratch files
live in one temporary directory, removed whatever happens.
"""

from __future__ import annotations

import dataclasses
import platform
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from matching.compiled import CompiledModel, compile_model
from matching.frequencies import TermFrequencies, count_exact_agreement
from matching.model import Model, Thresholds
from mpi.decide import Decided, decide, expected_facts, prior_shift
from mpi.ingest import Ingested
from mpi.lines import FalseAlarms, draw_lines
from mpi.outputs import OutputDirectory, estimate_bytes
from mpi.prepare import JobOptions, Prepared, prepare
from mpi.progress import NO_PROGRESS, Progress, Stage
from mpi.report_build import build_report
from mpi.result import CLUSTERS, Result, cluster_batches, pair_table, review_table, write_result
from mpi.score_run import Scored, rescore, score_candidates
from mpi.scratch import scratch_directory
from mpi.tables import InputSet, open_inputs
from mpi.train_run import Trained, random_patterns, refit, train_on
from person.errors import ConfigError, TrainingError
from person.schema import Schema

__all__ = ["dedupe", "link", "run_job", "train"]

MODES: Final = ("dedupe", "link_only", "link_and_dedupe")


@dataclass(slots=True)
class _Timer:
    """Passes progress on and keeps the seconds of each stage."""

    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Stage]:
        started = time.perf_counter()
        try:
            with self.progress.stage(name, total) as stage:
                yield stage
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


def dedupe(
    inputs: Any,
    *,
    schema: Schema | str | Path | None = None,
    model: Model | str | Path | None = None,
    out: str | Path | None = None,
    memory: str | int = "8GiB",
    seed: int = 0,
    clustering: str = "constrained",
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Find which records of a table are the same person.

    Parameters
    ----------
    inputs : path, glob, directory, several of them, or an Arrow table
    schema : describes the columns; None for Chinese residents under the usual column names
    model : a trained model (or its file); None trains one on the records, unsupervised
    out : directory to write the results to
    memory : budget such as '8GiB'
    seed : of everything random; equal runs give equal results
    clustering : 'constrained' or 'components'
    strict : refuse the input if any row cannot be used
    overwrite : replace an earlier result in `out`
    progress : told of each stage, see `mpi.progress`

    Returns
    -------
    Result

    Raises
    ------
    ConfigError, InputError, OutputError, BlockingError, MatchingError
    """
    options = JobOptions(
        schema=schema,
        model=model,
        memory=memory,
        seed=seed,
        clustering=clustering,
        strict=strict,
        overwrite=overwrite,
    )
    if clustering == "one_to_one":
        raise ConfigError("one_to_one clustering needs two tables; use mpi.link")
    return run_job([open_inputs(inputs)], "dedupe", options, out=out, progress=progress)


def link(
    left: Any,
    right: Any,
    *,
    mode: str = "link_only",
    schema: Schema | str | Path | None = None,
    model: Model | str | Path | None = None,
    out: str | Path | None = None,
    memory: str | int = "8GiB",
    seed: int = 0,
    clustering: str = "constrained",
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Find which records of two tables are the same person.

    Parameters
    ----------
    left, right : as `inputs` of `dedupe`
    mode : 'link_only' compares records of different tables only, 'link_and_dedupe' all
    clustering : also 'one_to_one': a record links at most one record of the other table
    schema, model, out, memory, seed, strict, overwrite, progress : as for `dedupe`

    Returns
    -------
    Result
    """
    if mode not in MODES[1:]:
        raise ConfigError(f"unknown mode {mode!r}; choose link_only or link_and_dedupe")
    options = JobOptions(
        schema=schema,
        model=model,
        memory=memory,
        seed=seed,
        clustering=clustering,
        strict=strict,
        overwrite=overwrite,
    )
    sides = [open_inputs(left), open_inputs(right)]
    return run_job(sides, mode, options, out=out, progress=progress)


def train(
    inputs: Any,
    *,
    schema: Schema | str | Path | None = None,
    labels: Any = None,
    seed: int = 0,
    memory: str | int = "8GiB",
    progress: Progress | None = None,
) -> Model:
    """Fit a model to a table without linking anything.

    Parameters
    ----------
    inputs, schema, seed, memory, progress : as for `dedupe`
    labels : known truth, as `mpi.evaluate` takes it; m probabilities then come from it

    Returns
    -------
    Model
    """
    from mpi.truth_rows import labelled_pairs

    options = JobOptions(schema=schema, memory=memory, seed=seed)
    timer = _Timer(progress or NO_PROGRESS)
    with scratch_directory() as scratch:
        prepared = prepare([open_inputs(inputs)], "dedupe", options, scratch, timer)
        matches = None if labels is None else labelled_pairs(prepared.ingested, labels)
        trained = train_on(
            prepared.ingested,
            prepared.model,
            prepared.rules,
            prepared.space,
            memory_bytes=options.memory_bytes,
            seed=seed,
            progress=timer,
            matches=matches,
        )
    assert trained.observed is not None
    if labels is None and trained.observed.candidates.pair_count == 0:
        raise TrainingError(
            "no two records share a blocking key, so there is nothing to learn from; give labels "
            "(--labels) or wider blocking rules"
        )
    return trained.model


def run_job(
    inputs: Sequence[InputSet],
    mode: str,
    options: JobOptions,
    *,
    out: str | Path | None,
    progress: Progress | None,
) -> Result:
    """Run the whole path; see `dedupe` and `link`."""
    timer = _Timer(progress or NO_PROGRESS)
    started = time.perf_counter()
    needed_bytes = estimate_bytes(sum(each.rows_estimate for each in inputs))
    with ExitStack() as stack:
        output = None
        if out is not None:
            output = stack.enter_context(
                OutputDirectory(out, overwrite=options.overwrite, needed_bytes=needed_bytes)
            )
        scratch = stack.enter_context(scratch_directory(needed_bytes))
        prepared = prepare(inputs, mode, options, scratch, timer)
        ingested = prepared.ingested
        trained, needs_refit = _fitted(prepared, options, timer)
        compiled = _compile(trained, ingested)
        scored = score_candidates(
            ingested,
            compiled,
            prepared.rules,
            prepared.space,
            memory_bytes=options.memory_bytes,
            progress=timer,
        )
        if needs_refit:
            with timer.stage("fit to the kept pairs", len(scored.edges)):
                trained = refit(trained, compiled, scored.edges.pattern)
                compiled = _compile(trained, ingested)
                scored = _rescored(scored, ingested, compiled)
        with timer.stage("count people", ingested.record_count):
            people = _decide(prepared, trained, compiled, scored, options).cluster
            trained = refit(
                trained,
                compiled,
                scored.edges.pattern,
                ingested=ingested,
                cluster=people,
                memory_bytes=options.memory_bytes,
            )
            compiled = _compile(trained, ingested)
            scored = _rescored(scored, ingested, compiled)
        with timer.stage("cluster", ingested.record_count):
            decided = _decide(prepared, trained, compiled, scored, options)
        model, frequencies = trained.model, trained.frequencies
        with timer.stage("gather results") as stage:
            result = _result(
                inputs, prepared, model, compiled, scored, decided, frequencies, options, mode
            )
            stage.advance(ingested.record_count)
        _complete_run(result.run, inputs, timer, started)
        if output is not None:
            with timer.stage("write results", ingested.record_count):
                write_result(result, output)
    return result


def _compile(trained: Trained, ingested: Ingested) -> CompiledModel:
    return compile_model(trained.model, ingested.layout, ingested.overflow, trained.frequencies)


def _rescored(scored: Scored, ingested: Ingested, compiled: CompiledModel) -> Scored:
    return dataclasses.replace(scored, edges=rescore(ingested, compiled, scored.edges))


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


def _decide(
    prepared: Prepared,
    trained: Trained,
    compiled: CompiledModel,
    scored: Scored,
    options: JobOptions,
) -> Decided:
    """Bring the table's own prior into every weight, draw the lines, link and cluster."""
    prior = trained.model.probability_two_random_records_match
    assert prior is not None
    total_pairs = prepared.space.total_pairs
    shift = prior_shift(scored.edges.weight, prior, total_pairs)
    edges = scored.edges.shifted(shift)
    alarms = FalseAlarms(compiled, trained.frequencies, trained.random, total_pairs, shift)
    thresholds = draw_lines(edges.weight, edges.relative, alarms, trained.model.thresholds)
    return decide(prepared.ingested, compiled, edges, thresholds, options.clustering, shift, alarms)


def _namespace(inputs: Sequence[InputSet], options: JobOptions) -> str:
    """What sets the enterprise ids of this table apart from those of any other."""
    files = [each["sha256"] or each["path"] for side in inputs for each in side.describe()]
    return "|".join([str(options.seed), *files])


def _result(
    inputs: Sequence[InputSet],
    prepared: Prepared,
    model: Model,
    compiled: CompiledModel,
    scored: Scored,
    decided: Decided,
    frequencies: Mapping[str, TermFrequencies],
    options: JobOptions,
    mode: str,
) -> Result:
    ingested = prepared.ingested
    clusters = pa.Table.from_batches(
        cluster_batches(ingested, decided, _namespace(inputs, options)), CLUSTERS
    )
    links = pair_table(ingested, compiled, decided)
    review = review_table(links)
    rejects = ingested.rejects.to_table()
    run = _run_facts(prepared, model, scored, decided, options, mode)
    run["counts"] |= {
        "links": links.num_rows - review.num_rows,
        "review": review.num_rows,
        "rejects": rejects.num_rows,
    }
    final = model.replace(
        thresholds=Thresholds(
            match_weight_link_min=decided.thresholds.link_weight,
            match_weight_review_min=decided.thresholds.review_weight,
        )
    )
    return Result(
        clusters=clusters,
        links=links,
        review=review,
        rejects=rejects,
        model=final,
        frequencies=dict(frequencies),
        run=run,
        report=build_report(ingested, model, compiled, scored, decided, run),
    )


def _run_facts(
    prepared: Prepared,
    model: Model,
    scored: Scored,
    decided: Decided,
    options: JobOptions,
    mode: str,
) -> dict[str, Any]:
    ingested = prepared.ingested
    import numpy as np

    sizes = np.bincount(decided.cluster)
    sizes = sizes[sizes > 0]
    parameters = dataclasses.asdict(options)
    parameters["schema"] = ingested.schema.name
    parameters["model"] = str(options.model) if isinstance(options.model, (str, Path)) else None
    warnings = [*ingested.notes, *prepared.notes, *model.training.get("notes", ())]
    warnings += decided.notes
    return {
        "command": mode,
        "parameters": parameters | {"mode": mode},
        "versions": _versions(),
        "counts": {
            "records": ingested.record_count,
            "sources": len(ingested.sources),
            "unlinkable_records": ingested.unlinkable_count,
            "candidate_pairs": scored.pair_count,
            "people": len(sizes),
            "clusters": int((sizes > 1).sum()),
            "largest_cluster": int(sizes.max()),
        },
        "blocking": {
            "rules": [each.to_dict() for each in scored.passes],
            "rules_left_out": dict(prepared.rules_left_out),
        },
        "prior_shift": decided.prior_shift,
        "expected": expected_facts(decided.thresholds),
        "thresholds": decided.thresholds.as_dict(),
        "warnings": warnings,
    }


def _versions() -> dict[str, str]:
    names = ("mpi-index", "numpy", "numba", "pyarrow")
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def _complete_run(
    run: dict[str, Any], inputs: Sequence[InputSet], timer: _Timer, started: float
) -> None:
    run["inputs"] = [each for inputs_of_side in inputs for each in inputs_of_side.describe()]
    run["seconds"] = {name: round(seconds, 4) for name, seconds in timer.seconds.items()}
    run["seconds"]["total"] = round(time.perf_counter() - started, 4)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run["peak_memory_bytes"] = peak if sys.platform == "darwin" else peak * 1024
