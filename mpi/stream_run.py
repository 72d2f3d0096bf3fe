"""Duplicates of a population larger than memory: pairs are scored, united and forgotten.

For a model and a link line that are given. Records come from any `RecordSource`, a store or a
generator. Without a scratch directory they are read again for every rule and every range of keys
that memory asks for; with one they are read once and carried from rule to rule on disk
(`blocking.spilled`). What stays is 4 bytes a record, a union-find; no pair is kept. Pairs that
only a steward may link are not united (`mpi.pair_guards`); they and the pairs between the lines
go to an `EdgeSink` where one is given. Clusters are connected components:
the guards of `mpi.clustering` need all links of a cluster at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking.context import CandidateChunk
from blocking.passes import MEMORY_BYTES_MIN, PassRunner
from blocking.report import PassReport
from blocking.rules import BlockingRule
from blocking.spilled import SpilledRunner
from matching.compiled import CompiledModel, PairScores
from mpi.edge_sink import EdgeSink
from mpi.pair_guards import pattern_refusals
from mpi.progress import NO_PROGRESS, Progress
from mpi.union_kernels import add_patterns, label_sets, look_up_patterns, unite_pairs
from person.errors import ConfigError
from person.field import OverflowTable
from person.layout import Layout
from person.memory import allocate
from person.records import RecordSource
from person.threads import map_slices, slices

__all__ = ["StreamedRun", "stream_dedupe"]

RECORDS_MAX: Final = (1 << 32) - 1
LABEL_RECORDS: Final = 1 << 22
_PATTERNS_AT_FIRST: Final = 1 << 14


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedRun:
    """What a streaming run found.

    Attributes
    ----------
    cluster : uint32[n_records], smallest record number of each record's cluster
    cluster_count : clusters, records alone included
    passes : what each blocking rule did
    pair_count : candidate pairs compared
    link_count : pairs at or above the link line that were united
    refused_count : pairs above it that only a steward may link
    seconds : wall time of each step
    """

    cluster: NDArray[np.uint32]
    cluster_count: int
    passes: tuple[PassReport, ...]
    pair_count: int
    link_count: int
    refused_count: int
    seconds: Mapping[str, float]


def stream_dedupe(
    source: RecordSource,
    layout: Layout,
    rules: Sequence[BlockingRule],
    compiled: CompiledModel,
    *,
    link_weight: float,
    memory_bytes: int,
    overflow: OverflowTable | None = None,
    link_mode: str = "dedupe",
    scratch: Path | None = None,
    review: EdgeSink | None = None,
    review_weight: float = float("inf"),
    progress: Progress = NO_PROGRESS,
    report: Callable[[str, float], Any] = lambda _, __: None,
) -> StreamedRun:
    """Find the clusters of a record source in bounded memory.

    Parameters
    ----------
    source : records, read again for each rule and each round of keys; once with `scratch`
    layout : of their rows
    rules : blocking rules, in order of precedence
    compiled : trained model for that layout
    link_weight : pairs at or above it are one person; draw it for this many records, since
        strangers agree by chance more often among more records
    memory_bytes : for everything: 4 bytes a record, the rest for the passes
    overflow : text that did not fit its slot
    link_mode : 'dedupe', or 'link_only' for pairs of different sources
    scratch : directory for one copy of the rows on disk (`blocking.spilled.spilled_disk_bytes`);
        for rules that give a record one key each
    review : keeps the pairs that a person should decide: refused ones, and those under the link
        line; its memory is not counted here
    review_weight : least weight of these pairs
    progress : told of each rule
    report : told the name and the seconds of each step as it ends

    Returns
    -------
    StreamedRun

    Raises
    ------
    ConfigError : more than 2 ** 32 - 1 records, or memory that does not even hold their labels
    """
    count = source.record_count
    if count > RECORDS_MAX:
        raise ConfigError("a streaming run numbers at most 4,294,967,295 records")
    room = memory_bytes - 4 * count
    if room < MEMORY_BYTES_MIN:
        raise ConfigError(f"{count} records need more than {4 * count} bytes of memory")
    steps = _Steps(report)
    with steps.step("allocate"):
        parent = _own_labels(count)
    linker = _Linker(compiled, parent, link_weight, review, review_weight)
    settings: dict[str, Any] = {
        "memory_bytes": room,
        "link_mode": link_mode,
        "overflow": overflow,
    }
    if scratch is None:
        passes = _read_again(source, layout, rules, linker, steps, progress, settings)
    else:
        passes = _spill(source, layout, rules, linker, steps, progress, scratch, settings)
    with steps.step("label clusters"), progress.stage("label clusters", count) as stage:
        clusters = 0
        for part in slices(count, LABEL_RECORDS):
            clusters += label_sets(parent, part.start, part.stop)
            stage.advance(part.stop - part.start)
    return StreamedRun(
        cluster=parent,
        cluster_count=clusters,
        passes=passes,
        pair_count=sum(each.pairs for each in passes),
        link_count=linker.link_count,
        refused_count=linker.refused_count,
        seconds=steps.seconds,
    )


class _Steps:
    """Wall time of each step, told as it ends."""

    def __init__(self, report: Callable[[str, float], Any]) -> None:
        self.seconds: dict[str, float] = {}
        self._report = report

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.add(name, time.perf_counter() - began)

    def add(self, name: str, seconds: float) -> None:
        self.seconds[name] = seconds
        self._report(name, seconds)


def _read_again(
    source: RecordSource,
    layout: Layout,
    rules: Sequence[BlockingRule],
    linker: _Linker,
    steps: _Steps,
    progress: Progress,
    settings: dict[str, Any],
) -> tuple[PassReport, ...]:
    """Run the rules over records that are read for each of them."""
    with steps.step("allocate for the passes"):
        runner = PassRunner(source, layout, rules, **settings)
    passes = []
    for place, rule in enumerate(rules):
        passes.append(runner.run_rule(place, linker.consume, progress=progress))
        steps.add(f"rule {rule.name}", passes[-1].seconds)
    return tuple(passes)


def _spill(
    source: RecordSource,
    layout: Layout,
    rules: Sequence[BlockingRule],
    linker: _Linker,
    steps: _Steps,
    progress: Progress,
    scratch: Path,
    settings: dict[str, Any],
) -> tuple[PassReport, ...]:
    """Run the rules over one copy of the rows on disk."""
    with steps.step("allocate for the passes"):
        made = SpilledRunner(source, layout, rules, directory=scratch, **settings)
    passes = []
    with made as runner:
        with steps.step("read and partition"):
            runner.distribute(progress=progress)
        for place, rule in enumerate(rules):
            passes.append(runner.run_rule(place, linker.consume, progress=progress))
            steps.add(f"rule {rule.name}", passes[-1].seconds)
            for name in [each for each in runner.seconds if each not in steps.seconds]:
                steps.add(name, runner.seconds[name])
    return tuple(passes)


def _own_labels(count: int) -> NDArray[np.uint32]:
    """Every record a set of its own: uint32[count]."""
    parent: NDArray[np.uint32] = allocate(count, np.uint32)

    def fill(part: slice) -> None:
        parent[part] = np.arange(part.start, part.stop, dtype=np.uint32)

    map_slices(fill, slices(count, LABEL_RECORDS))
    return parent


class _Linker:
    """Scores chunks of pairs from any thread and unites those that are one person."""

    def __init__(
        self,
        compiled: CompiledModel,
        parent: NDArray[np.uint32],
        link_weight: float,
        review: EdgeSink | None,
        review_weight: float,
    ) -> None:
        self._compiled = compiled
        self._parent = parent
        self._link_weight = link_weight
        self._review = review
        self._weight_min = link_weight if review is None else min(link_weight, review_weight)
        self._guards = _Guards(compiled)
        self._lock = threading.Lock()
        self.link_count = 0
        self.refused_count = 0

    def consume(self, chunk: CandidateChunk) -> None:
        rows, left, right = chunk.rows, chunk.left, chunk.right
        scores = self._compiled.score(rows, rows, left, right, weight_min=self._weight_min)
        if not len(scores.weight):
            return
        refused = self._guards.refused(scores.pattern)
        links = unite_pairs(
            *(rows, left, right, scores.pair, scores.weight, refused),
            *(self._link_weight, self._parent),
        )
        above = int(np.count_nonzero(refused[scores.weight >= self._link_weight]))
        with self._lock:
            self.link_count += links
            self.refused_count += above
        if self._review is not None:
            doubtful = (refused != 0) | (scores.weight < self._link_weight)
            self._review.take(chunk, left, right, _some(scores, np.flatnonzero(doubtful)))


def _some(scores: PairScores, chosen: NDArray[np.intp]) -> PairScores:
    return PairScores(
        scores.weight[chosen], scores.pattern[chosen], scores.cell_counts, scores.pair[chosen]
    )


class _Guards:
    """Which agreement patterns only a steward may link; each is asked about once."""

    def __init__(self, compiled: CompiledModel) -> None:
        self._compiled = compiled
        self._lock = threading.Lock()
        self._used = 0
        self._table = _pattern_table(_PATTERNS_AT_FIRST)

    def refused(self, patterns: NDArray[np.int64]) -> NDArray[np.uint8]:
        """1 where a pattern must not be linked by weight: uint8[n]."""
        out = np.empty(len(patterns), np.uint8)
        while look_up_patterns(patterns, *self._table, out):
            self._learn(np.unique(patterns[out > 1]))
        return out

    def _learn(self, patterns: NDArray[np.int64]) -> None:
        with self._lock:
            keys, flags = self._table
            known = np.empty(len(patterns), np.uint8)
            look_up_patterns(patterns, keys, flags, known)  # another thread may have been here
            patterns = patterns[known > 1]
            self._used += len(patterns)
            # A table in use is only replaced, never changed: others read it without the lock.
            size = len(keys)
            while size < 4 * self._used:
                size *= 2
            table = _pattern_table(size)
            held = keys >= 0
            add_patterns(keys[held], flags[held], *table)
            values = (pattern_refusals(self._compiled, patterns) != 0).astype(np.uint8)
            add_patterns(patterns, values, *table)
            self._table = table


def _pattern_table(size: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    return np.full(size, -1, np.int64), np.zeros(size, np.uint8)
