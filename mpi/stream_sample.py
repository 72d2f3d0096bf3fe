"""The model of a streamed run, and its lines, from samples of a table too large to learn on.

One reading draws two: every k-th record, for how often values occur and what random pairs look
like; and all records that a share of each rule's keys holds, whole blocks each, for the candidate
pairs. A pair stands in the second under the first rule that finds it, as in the run itself, so
its pairs are an even sample of the run's, and lines drawn on them, with as large a share of the
table's pairs of strangers, are the table's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blocking.keys import read_only, resolve_rules
from blocking.rules import BlockingRule
from blocking.scan import RuleKeyFiller
from matching.compiled import CompiledModel, compile_model
from matching.frequencies import TermFrequencies, count_exact_agreement
from matching.model import Model
from mpi.calibration import Thresholds
from mpi.decide import prior_shift
from mpi.ingest import Ingested
from mpi.lines import FalseAlarms, draw_lines
from mpi.progress import Progress
from mpi.score_run import score_candidates
from mpi.train_run import (
    KEY_PREFIXES,
    PairSpace,
    Trained,
    candidate_patterns,
    learning_prefixes,
    random_patterns,
    refit,
    train_on,
)
from mpi.weighed import reweigh, weighed_pairs
from person.records import RecordChunk, RecordSource
from person.store import EncodedStore, EncodedStoreWriter
from person.threads import ordered_map

__all__ = ["ROUNDING_BITS", "Learnt", "Samples", "draw_samples", "learn"]

EVEN_RECORDS: Final = 1 << 20
ROUNDING_BITS: Final = 1e-9
_PREFIX_SHIFT: Final = np.uint64(64 - (KEY_PREFIXES.bit_length() - 1))
_Rows = NDArray[np.uint64]
_Sources = NDArray[np.uint16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Two samples of a table.

    Attributes
    ----------
    even : every k-th record
    keyed : the records of a share of each rule's keys
    prefixes : of KEY_PREFIXES parts of the keys, how many are in `keyed`
    paths : their files
    """

    even: Ingested
    keyed: Ingested
    prefixes: int
    paths: tuple[Path, Path]

    @property
    def share(self) -> float:
        return self.prefixes / KEY_PREFIXES

    def remove(self) -> None:
        """Let go of the files and remove them."""
        for store, path in zip((self.even.store, self.keyed.store), self.paths, strict=True):
            store.close()
            path.unlink()


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What a streamed run decides by.

    Attributes
    ----------
    model : as fitted, or as given
    frequencies : of the values of an even sample
    thresholds : both lines; what is expected is told of the whole table
    prior_shift : bits by which the table's own prior moves every weight
    sample : records and pairs that this was learnt from, for run.json
    """

    model: Model
    frequencies: dict[str, TermFrequencies]
    thresholds: Thresholds
    prior_shift: float
    sample: dict[str, Any]

    def as_scored(self, line: float) -> float:
        """A line as weights come from the model, before the table's prior is brought in; a pair
        on the line stays on its upper side whatever the rounding."""
        return line - self.prior_shift - ROUNDING_BITS


def draw_samples(
    source: RecordSource,
    ingested: Ingested,
    rules: Sequence[BlockingRule],
    scratch: Path,
    progress: Progress,
) -> Samples:
    """Read a table once and keep both samples in files.

    Parameters
    ----------
    source : its records
    ingested : of these; the samples are of its kind
    rules : of the run
    scratch : directory for the two files
    progress : told of the records read
    """
    count = source.record_count
    step = -(-count // EVEN_RECORDS)
    prefixes = learning_prefixes(count)
    resolved = resolve_rules(rules, ingested.layout, ingested.overflow)
    fillers = [RuleKeyFiller(resolved, rule) for rule in resolved.rules]

    def choose(chunk: RecordChunk) -> tuple[int, tuple[_Rows, _Sources], tuple[_Rows, _Sources]]:
        view = RecordChunk(0, read_only(chunk.rows), chunk.source)
        keys = np.empty((1, len(chunk)), np.uint64)
        wanted = np.zeros(len(chunk), np.bool_)
        for fill in fillers:
            fill(view, keys)
            wanted |= (keys[0] != 0) & ((keys[0] >> _PREFIX_SHIFT) < prefixes)
        places = slice(-chunk.first_row % step, None, step)
        even = (chunk.rows[places], chunk.source[places])
        return len(chunk), even, (chunk.rows[wanted], chunk.source[wanted])

    paths = (scratch / "sample-even.ipc", scratch / "sample-keys.ipc")
    with (
        progress.stage("draw samples", count) as stage,
        EncodedStoreWriter(paths[0], source.n_words) as even_writer,
        EncodedStoreWriter(paths[1], source.n_words) as keyed_writer,
    ):
        for read, even, keyed in ordered_map(choose, source.chunks()):
            for writer, (rows, sources) in ((even_writer, even), (keyed_writer, keyed)):
                nameless = pa.repeat(pa.scalar("", pa.string()), len(rows))
                writer.append(rows, np.ascontiguousarray(sources), nameless)
            stage.advance(read)
    return Samples(
        even=replace(ingested, store=EncodedStore(paths[0])),
        keyed=replace(ingested, store=EncodedStore(paths[1])),
        prefixes=prefixes,
        paths=paths,
    )


def learn(
    samples: Samples,
    model: Model,
    rules: Sequence[BlockingRule],
    space: PairSpace,
    *,
    memory_bytes: int,
    seed: int,
    progress: Progress,
) -> Learnt:
    """Fit a model, unless it is fitted, and draw the lines of the whole table.

    Parameters
    ----------
    samples : of the table
    model : comparisons to fit, or a model from outside
    rules : of the run
    space : pairs of the whole table
    memory_bytes : for the passes over the samples
    seed : of the random pairs
    progress : told of each stage

    Returns
    -------
    Learnt
    """
    keyed, share = samples.keyed, samples.share
    if model.is_trained:
        trained = _given(samples.even, model, space, memory_bytes, seed, progress)
    else:
        trained = _fitted(samples, model, rules, space, memory_bytes, seed, progress)
    compiled = _compile(trained, keyed)
    scored = score_candidates(
        *(keyed, compiled, rules, space),
        memory_bytes=memory_bytes,
        progress=progress,
        key_share=share,
    )
    pairs = weighed_pairs(scored.edges)
    with progress.stage("fit to the kept pairs", len(pairs)):
        if trained.observed is not None:
            trained = refit(trained, compiled, pairs.patterns.counts().scaled(1 / share))
            compiled = _compile(trained, keyed)
        pairs = reweigh(keyed.store, compiled, pairs)
        prior = trained.model.probability_two_random_records_match
        assert prior is not None
        total = space.total_pairs * share
        shift = prior_shift(pairs.weight, prior, total)
        alarms = FalseAlarms(compiled, trained.frequencies, trained.random, total, shift)
        given = trained.model.thresholds
        lines = draw_lines(pairs.weight, pairs.relative, alarms, given, shift=shift)
    return Learnt(
        model=trained.model,
        frequencies=dict(trained.frequencies),
        thresholds=_of_whole_table(lines, share),
        prior_shift=shift,
        sample={
            "records_for_values": samples.even.record_count,
            "records_for_pairs": keyed.record_count,
            "key_share": share,
            "pairs": scored.pair_count,
            "pairs_kept": len(pairs),
        },
    )


def _fitted(
    samples: Samples,
    model: Model,
    rules: Sequence[BlockingRule],
    space: PairSpace,
    memory_bytes: int,
    seed: int,
    progress: Progress,
) -> Trained:
    even = samples.even
    pairs_of_sample = even.record_count * (even.record_count - 1) / 2

    def candidates(untrained: CompiledModel) -> Any:
        return candidate_patterns(
            *(samples.keyed, untrained, rules, space, memory_bytes), prefixes=samples.prefixes
        )

    return train_on(
        *(even, model, rules, space),
        memory_bytes=memory_bytes,
        seed=seed,
        progress=progress,
        candidates=candidates,
        agreement_scale=space.total_pairs / max(pairs_of_sample, 1.0),
    )


def _given(
    even: Ingested,
    model: Model,
    space: PairSpace,
    memory_bytes: int,
    seed: int,
    progress: Progress,
) -> Trained:
    with progress.stage("count values"):
        _, frequencies = count_exact_agreement(
            even.store, even.layout, model.comparisons, memory_bytes=memory_bytes // 2
        )
    with progress.stage("sample random pairs"):
        compiled = compile_model(model, even.layout, even.overflow)
        random = random_patterns(even, compiled, space, seed)
    return Trained(model=model, frequencies=frequencies, random=random, observed=None)


def _compile(trained: Trained, ingested: Ingested) -> CompiledModel:
    return compile_model(trained.model, ingested.layout, ingested.overflow, trained.frequencies)


def _of_whole_table(lines: Thresholds, share: float) -> Thresholds:
    """Lines as they are; pairs counted in a sample, scaled to the table."""
    return replace(
        lines,
        links=round(lines.links / share),
        expected_matches=lines.expected_matches / share,
        expected_false_links=lines.expected_false_links / share,
        expected_missed_matches=lines.expected_missed_matches / share,
        review_pairs=round(lines.review_pairs / share),
        review_expected_matches=lines.review_expected_matches / share,
        review_pairs_cut=round(lines.review_pairs_cut / share),
    )
