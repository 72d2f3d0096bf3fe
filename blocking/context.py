"""What a bucket's worker needs: the rule and the rules before it, and its buffers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking.kernels import fill_value
from blocking.key_set import KeySet
from blocking.keys import ResolvedRule, ResolvedRules

__all__ = [
    "PAIRS_IN_CHUNK",
    "PIECE_ROWS",
    "CandidateChunk",
    "Consumer",
    "RuleContext",
    "Scratch",
    "Stage",
    "crossed_tests",
]

PAIRS_IN_CHUNK: Final = 32768
PIECE_ROWS: Final = 32_768


@dataclass(frozen=True, slots=True)
class CandidateChunk:
    """Candidate pairs among a few rows; valid only until the consumer returns.

    Attributes
    ----------
    rule_index : the rule that found them
    rows : uint64[n, n_words + 1], encoded rows, the last word their origin
    left, right : int32[n_pairs], n_pairs <= 32768; grouped by left, left < right
    """

    rule_index: int
    rows: NDArray[np.uint64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]


Consumer = Callable[[CandidateChunk], Any]


class RuleContext:
    """One rule of a run with all that its pass must know of the rules before it."""

    def __init__(
        self,
        index: int,
        resolved: ResolvedRules,
        earlier: Sequence[tuple[ResolvedRule, KeySet]],
        rule: ResolvedRule,
        oversized: KeySet,
        *,
        between_sources: bool,
        consumer: Consumer,
    ) -> None:
        self.index = index
        self.resolved = resolved
        self.earlier = tuple(earlier)
        self.rule = rule
        self.oversized = oversized
        self.between_sources = between_sources
        self.consumer = consumer
        self.variants = len(rule.variants)
        self.prefix_bits = 0
        self.own_column = sum(len(each.variants) for each, _ in earlier)
        self.columns = self.own_column + self.variants + 1
        earlier_tests: list[tuple[int, int]] = []
        column = 0
        for each, _ in earlier:
            earlier_tests += crossed_tests(column, len(each.variants))
            column += len(each.variants)
        self.stages = _stages(self.earlier)
        plain = [(_plain_parts(resolved, each), oversized) for each, oversized in self.earlier]
        self._plain_rules = [each for each in plain if each[0] is not None]
        self._plain = _stacked_values([each for each, _ in self._plain_rules if each is not None])
        own_tests = crossed_tests(column, self.variants) if self.variants > 1 else []
        self.tests = _test_array(earlier_tests + own_tests)
        self.refined_tests = _test_array(earlier_tests)
        self.window_tests = _test_array([*earlier_tests, (self.columns - 1, self.columns - 1)])

    def plain_values(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """What earlier rules compare word by word: see `run_kernels.drop_known_runs`.

        Only rules made of whole values, for they are equal where the words are; and none that met
        a block too large, for what it promised there may not have been delivered.
        """
        values, starts = self._plain
        usable = [
            number for number, (_, oversized) in enumerate(self._plain_rules) if not len(oversized)
        ]
        if len(usable) == len(self._plain_rules):
            return values, starts
        chosen = [values[starts[number] : starts[number + 1]] for number in usable]
        return _stacked_values(chosen)


def _plain_parts(resolved: ResolvedRules, rule: ResolvedRule) -> NDArray[np.uint64] | None:
    """Word, shift, mask, and mask of what must not be 0, of each value that makes a rule's key;
    None where the key is made of anything else."""
    found = []
    for number in rule.variants[0]:
        part = resolved.parts[number]
        if part.kernel is not fill_value or len(part.slots) > 1 or len(rule.variants) > 1:
            return None
        word, shift, bits = part.slots[0].tolist()
        mask = (1 << bits) - 1
        found.append((word, shift, mask, mask & ~part.argument))
    return np.array(found, np.uint64)


def _stacked_values(
    values: Sequence[NDArray[np.uint64]],
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    starts = np.cumsum([0, *map(len, values)]).astype(np.int64)
    return np.concatenate([np.zeros((0, 4), np.uint64), *values]), starts


@dataclass(frozen=True, slots=True)
class Stage:
    """Some earlier rules, their first column, the column after, and tests of all columns so far."""

    rules: tuple[tuple[ResolvedRule, KeySet], ...]
    first_column: int
    column_stop: int
    tests: NDArray[np.int64]


def _stages(earlier: Sequence[tuple[ResolvedRule, KeySet]]) -> tuple[Stage, ...]:
    """Cut the earlier rules after the first, second, fourth and eighth.

    Most pairs that are delivered elsewhere are known by the first rules; the keys of the others
    are then computed only for rows that still have a pair to deliver.
    """
    stages: list[Stage] = []
    tests: list[tuple[int, int]] = []
    column = first = 0
    for stop in (1, 2, 4, 8, len(earlier)):
        rules = tuple(earlier[first:stop])
        if not rules:
            continue
        first_column, first = column, first + len(rules)
        for rule, _ in rules:
            tests += crossed_tests(column, len(rule.variants))
            column += len(rule.variants)
        stages.append(Stage(rules, first_column, column, _test_array(tests)))
    return tuple(stages)


def crossed_tests(first: int, count: int) -> list[tuple[int, int]]:
    """Every column of one rule against every other: any of its keys may be the shared one."""
    return [(first + left, first + right) for left in range(count) for right in range(count)]


def _test_array(tests: list[tuple[int, int]]) -> NDArray[np.int64]:
    """Pairs of columns that tell that a pair is delivered elsewhere, int64[n, 2]."""
    return np.array(tests, np.int64).reshape(len(tests), 2)


class Scratch:
    """Buffers of one worker thread."""

    def __init__(self, n_words: int, parts: int, columns: int, variants: int, rows: int) -> None:
        self.piece_rows = rows
        self.rows = np.empty((rows, n_words + 1), np.uint64)
        self.parts = np.empty((max(parts, 1), rows), np.uint64)
        self.keys = np.empty((variants, rows), np.uint64)
        self.effective = np.empty((variants, rows), np.uint64)
        self.columns = np.zeros((rows, columns), np.uint64)
        self.index = np.empty(rows, np.int32)
        self.bits = np.empty(rows, np.uint64)
        self.is_alive = np.empty(rows, np.bool_)
        self.starts = np.empty(rows + 1, np.int32)
        self.cut_state = np.zeros(4, np.int64)
        self.left = np.empty(PAIRS_IN_CHUNK, np.int32)
        self.right = np.empty(PAIRS_IN_CHUNK, np.int32)
        self._order = np.empty(4 * rows, np.uint64)

    def order(self, count: int) -> NDArray[np.uint64]:
        if len(self._order) < count:
            self._order = np.empty(count + count // 8, np.uint64)
        return self._order
