"""How many of the true pairs the rules' keys reach.

The true pairs are found like candidate pairs: rows are partitioned by the person they belong to,
so that memory stays within the plan, and every pair of a person's records is held against every
rule's keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from blocking import run_kernels
from blocking.context import PAIRS_IN_CHUNK, Scratch, crossed_tests
from blocking.kernels import combine_keys, fill_truth_keys
from blocking.scan import KeyScan
from person.records import RecordChunk, origin_rows
from person.threads import map_slices

if TYPE_CHECKING:
    from blocking.passes import PassRunner

__all__ = ["UNREACHED_KEPT", "RuleRecall", "measure_recall"]

UNREACHED_KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class RuleRecall:
    """True pairs by the rules that reach them: hits by any rule, first_hits by the first."""

    true_pairs: int
    hits: NDArray[np.int64]
    first_hits: NDArray[np.int64]
    unreached: NDArray[np.int64]

    def of_rule(self, place: int) -> float:
        return float(self.hits[place]) / self.true_pairs if self.true_pairs else 1.0

    def up_to_rule(self, place: int) -> float:
        reached = float(self.first_hits[: place + 1].sum())
        return reached / self.true_pairs if self.true_pairs else 1.0


class _RecallCounter:
    """Counts shared by the workers, behind one lock."""

    def __init__(self, runner: PassRunner) -> None:
        rules = runner.resolved.rules
        self.runner = runner
        tests: list[tuple[int, int]] = []
        owners: list[int] = []
        column = 0
        for place, rule in enumerate(rules):
            crossed = crossed_tests(column, len(rule.variants))
            tests += crossed
            owners += [place] * len(crossed)
            column += len(rule.variants)
        self.tests = np.array(tests, np.int64).reshape(len(tests), 2)
        self.rule_of_test = np.array(owners, np.int64)
        self.hits = np.zeros(len(rules), np.int64)
        self.first_hits = np.zeros(len(rules), np.int64)
        self.true_pairs = 0
        self.unreached: list[NDArray[np.int64]] = []
        self._lock = Lock()

    def count_bucket(self, rows: NDArray[np.uint64], truth: NDArray[np.int64]) -> None:
        """Count the pairs of the persons in one bucket."""
        persons = truth[origin_rows(rows)]
        order = np.argsort(persons, kind="stable")
        starts = np.flatnonzero(np.diff(persons[order], prepend=-1))
        scratch = self.runner.crew.take_scratch()
        try:
            stops = np.append(starts[1:], len(order))
            first = 0
            for place in range(len(starts)):
                is_last = place + 1 == len(starts)
                if is_last or stops[place + 1] - starts[first] > scratch.piece_rows:
                    edges = np.append(starts[first : place + 1], stops[place])
                    self._count_persons(rows, order, edges, scratch)
                    first = place + 1
        finally:
            self.runner.crew.return_scratch(scratch)

    def _count_persons(
        self,
        rows: NDArray[np.uint64],
        order: NDArray[np.int64],
        edges: NDArray[np.int64],
        scratch: Scratch,
    ) -> None:
        piece = np.ascontiguousarray(rows[order[edges[0] : edges[-1]]])
        columns = self._columns(piece, scratch)
        starts = (edges - edges[0]).astype(np.int32)
        state = np.zeros(3, np.int64)
        state[2] = 1
        no_tests = np.zeros((0, 2), np.int64)
        pairs = PAIRS_IN_CHUNK
        while pairs == PAIRS_IN_CHUNK:
            pairs = run_kernels.list_pairs(
                piece,
                starts,
                len(starts) - 1,
                columns,
                no_tests,
                self.runner.between_sources,
                state,
                scratch.left,
                scratch.right,
            )
            self._add(piece, columns, scratch.left[:pairs], scratch.right[:pairs])

    def _columns(self, piece: NDArray[np.uint64], scratch: Scratch) -> NDArray[np.uint64]:
        """Every rule's keys of some rows, uint64[n, keys]."""
        resolved = self.runner.resolved
        count = sum(len(rule.variants) for rule in resolved.rules)
        columns = np.empty((len(piece), max(count, 1)), np.uint64)
        for start in range(0, len(piece), scratch.piece_rows):
            part = piece[start : start + scratch.piece_rows]
            resolved.fill_parts(range(len(resolved.parts)), part, scratch.parts)
            variants = [variant for rule in resolved.rules for variant in rule.variants]
            for column, part_index in enumerate(variants):
                combine_keys(scratch.parts, part_index, len(part), scratch.keys[0])
                columns[start : start + len(part), column] = scratch.keys[0, : len(part)]
        return columns

    def _add(
        self,
        piece: NDArray[np.uint64],
        columns: NDArray[np.uint64],
        left: NDArray[np.int32],
        right: NDArray[np.int32],
    ) -> None:
        reached = np.zeros(len(left), np.bool_)
        with self._lock:
            run_kernels.count_reached(
                columns,
                left,
                right,
                self.tests,
                self.rule_of_test,
                self.hits,
                self.first_hits,
                reached,
            )
            self.true_pairs += len(left)
            missed = np.flatnonzero(~reached)
            if len(missed):
                numbers = origin_rows(piece)
                self.unreached.append(
                    np.sort(np.stack([numbers[left[missed]], numbers[right[missed]]], axis=1))
                )


def measure_recall(runner: PassRunner, truth: NDArray[np.int64]) -> RuleRecall:
    """Hold every true pair against every rule's keys.

    Parameters
    ----------
    runner : the rules, their buffers and the records
    truth : int64[n_records], the person of each record; negative where not known

    Returns
    -------
    RuleRecall; its keys are those before refining, so pairs of oversized blocks count as reached
    """
    assert len(truth) == runner.source.record_count

    def fill_keys(chunk: RecordChunk, out: NDArray[np.uint64]) -> None:
        fill_truth_keys(truth[chunk.first_row : chunk.first_row + len(chunk)], out[0])

    scan = KeyScan(runner.source, runner.buffers, fill_keys, 1, lambda _: None)
    scan.count()
    counter = _RecallCounter(runner)
    for each in scan.plan_rounds():
        pool, _ = scan.partition(each)
        edges = each.starts.tolist()
        buckets = [pool[a:b] for a, b in pairwise(edges) if b - a > 1]
        map_slices(lambda rows: counter.count_bucket(rows, truth), buckets)
    unreached = np.concatenate([np.zeros((0, 2), np.int64), *counter.unreached])
    kept = unreached[np.lexsort((unreached[:, 1], unreached[:, 0]))][:UNREACHED_KEPT]
    return RuleRecall(counter.true_pairs, counter.hits, counter.first_hits, kept)
