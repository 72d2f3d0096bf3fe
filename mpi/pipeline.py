"""The main job: files in; clusters, links and a report out.

    inputs -> ingest (encoded store) -> train -> score candidate pairs -> calibrate -> cluster
           -> tables, report

Each stage streams over the encoded store or works on arrays of the kept pairs; scratch files
live in one temporary directory, removed whatever happens.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from matching.compiled import compile_model
from matching.model import Model
from mpi.job import run_job
from mpi.prepare import JobOptions, prepare
from mpi.progress import NO_PROGRESS, Progress
from mpi.result import Result
from mpi.scratch import scratch_directory
from mpi.stage_profile import StageProfile
from mpi.stream_job import run_streamed_job
from mpi.tables import InputSet, open_inputs
from mpi.train_run import train_on
from person.errors import ConfigError, TrainingError
from person.schema import Schema

__all__ = ["dedupe", "link", "run_job", "train"]

MODES: Final = ("dedupe", "link_only", "link_and_dedupe")


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
    approximate: bool = False,
    resume: bool = False,
    index: str | Path | None = None,
    digest_key: str | Path | None = None,
    stream: bool = False,
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
    approximate : also look for pairs that share no key, among the records still unlinked
    resume : go on from what a killed run with the same `out`, inputs and options had finished
    index : identity index that takes the outcome; made if it is not there
    digest_key : key file of an index that keeps identifiers as keyed digests
    stream : for tables beyond memory: rows go from rule to rule on disk, links are united and
        forgotten (`mpi.stream_job`); needs `out`
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
        approximate=approximate,
        resume=resume,
        index=index,
        digest_key=digest_key,
        stream=stream,
    )
    if clustering == "one_to_one":
        raise ConfigError("one_to_one clustering needs two tables; use mpi.link")
    if stream:
        return run_streamed_job(open_inputs(inputs), options, out=out, progress=progress)
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
    approximate: bool = False,
    resume: bool = False,
    index: str | Path | None = None,
    digest_key: str | Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Find which records of two tables are the same person.

    Parameters
    ----------
    left, right : as `inputs` of `dedupe`
    mode : 'link_only' compares records of different tables only, 'link_and_dedupe' all
    clustering : also 'one_to_one': a record links at most one record of the other table
    schema, model, out, memory, seed, strict, overwrite, approximate, resume, index, digest_key,
        progress : as for `dedupe`

    Returns
    -------
    Result

    Raises
    ------
    ConfigError : an unknown mode, or a file named on both sides
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
        approximate=approximate,
        resume=resume,
        index=index,
        digest_key=digest_key,
    )
    sides = [open_inputs(left), open_inputs(right)]
    _refuse_file_on_both(sides)
    return run_job(sides, mode, options, out=out, progress=progress)


def _refuse_file_on_both(sides: Sequence[InputSet]) -> None:
    """Refuse a file named on both sides: each of its records would be linked with itself."""
    left, right = ({os.path.realpath(file.path) for file in side.files} for side in sides)
    for path in sorted(left & right):
        if not Path(path).name.startswith("<"):
            raise ConfigError(
                f"{path}: named on both sides of a link; mpi dedupe finds who is in a file twice"
            )


def train(
    inputs: Any,
    *,
    schema: Schema | str | Path | None = None,
    labels: Any = None,
    digest_key: str | Path | None = None,
    seed: int = 0,
    memory: str | int = "8GiB",
    progress: Progress | None = None,
) -> Model:
    """Fit a model to a table without linking anything.

    Parameters
    ----------
    inputs, schema, seed, memory, progress : as for `dedupe`
    labels : known truth, as `mpi.evaluate` takes it; m probabilities then come from it. Or what
        stewards decided: an identity index, or pairs with a verdict as `mpi review export
        --decided` writes them; these pairs count as they were decided, all others are learnt from
        as without labels
    digest_key : key file, where labels are an index that keeps identifiers as keyed digests

    Returns
    -------
    Model
    """
    from mpi.review.labels import label_notes, label_rows, read_labels
    from mpi.truth_rows import labelled_pairs

    options = JobOptions(schema=schema, memory=memory, seed=seed)
    timer = StageProfile(progress or NO_PROGRESS)
    with scratch_directory() as scratch:
        prepared = prepare([open_inputs(inputs)], "dedupe", options, scratch, timer)
        decided = None if labels is None else read_labels(labels, digest_key=digest_key)
        judged = None if decided is None else label_rows(prepared.ingested, decided)
        matches = None
        if labels is not None and judged is None:
            matches = labelled_pairs(prepared.ingested, labels)
        trained = train_on(
            prepared.ingested,
            prepared.model,
            prepared.rules,
            prepared.space,
            memory_bytes=options.memory_bytes,
            seed=seed,
            progress=timer,
            matches=matches,
            judged=judged,
        )
        model = trained.model
        if judged is not None:
            layout, overflow = prepared.ingested.layout, prepared.ingested.overflow
            compiled = compile_model(model, layout, overflow, trained.frequencies)
            notes = [*model.training["notes"], *label_notes(prepared.ingested, compiled, judged)]
            model = model.replace(training={**model.training, "notes": notes})
    assert trained.observed is not None
    if labels is None and trained.observed.candidates.pair_count == 0:
        raise TrainingError(
            "no two records share a blocking key, so there is nothing to learn from; give labels "
            "(--labels) or wider blocking rules"
        )
    return model
