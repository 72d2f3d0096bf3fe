"""What a pass did: counts, the largest blocks, and what was done with those too large."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["LARGEST_RUNS_KEPT", "LargestRun", "PassReport", "Tally"]

LARGEST_RUNS_KEPT: Final = 10

LargestRun = tuple[int, str]
"""Size of a block, and what was done with it; never its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassReport:
    """One rule's pass.

    Attributes
    ----------
    rule : name of the rule
    rule_index : its place among the rules of the run
    keyed_records, unkeyed_records : records with and without a block key
    blocks : blocks of two records or more
    pairs : candidate pairs delivered
    largest_runs : the largest blocks, with what was done: 'compared in full', 'refined by ...'
    refined_runs : blocks larger than the rule's block_size_max, split by its refining keys
    window_runs : blocks compared, in part, only between neighbours in a sorted order
    rounds : times the records were read to partition a part of the keys
    seconds : wall time, the consumer's included
    """

    rule: str
    rule_index: int
    keyed_records: int = 0
    unkeyed_records: int = 0
    blocks: int = 0
    pairs: int = 0
    largest_runs: tuple[LargestRun, ...] = ()
    refined_runs: int = 0
    window_runs: int = 0
    rounds: int = 0
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        result = {name: getattr(self, name) for name in self.__slots__}
        result["largest_runs"] = [list(run) for run in self.largest_runs]
        return result


@dataclass(slots=True)
class Tally:
    """Counts of one worker, added up when the pass ends."""

    blocks: int = 0
    pairs: int = 0
    refined_runs: int = 0
    window_runs: int = 0
    largest: list[LargestRun] = field(default_factory=list)

    def note_run(self, size: int, action: str) -> None:
        """Remember a block if it is among the largest."""
        if len(self.largest) < LARGEST_RUNS_KEPT:
            heapq.heappush(self.largest, (size, action))
        elif size > self.largest[0][0]:
            heapq.heapreplace(self.largest, (size, action))

    def add(self, other: Tally) -> None:
        self.blocks += other.blocks
        self.pairs += other.pairs
        self.refined_runs += other.refined_runs
        self.window_runs += other.window_runs
        for size, action in other.largest:
            self.note_run(size, action)

    @property
    def largest_runs(self) -> tuple[LargestRun, ...]:
        return tuple(sorted(self.largest, reverse=True))
