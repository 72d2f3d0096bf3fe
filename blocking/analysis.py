"""What a set of rules will do, before it is run.

Pairs per rule come from key histograms alone: keys are sorted and equal ones counted, so a rule
that would yield a million million pairs is known in seconds. Marginal pairs, first rule wins,
are counted by running the passes with an empty consumer where that is affordable, else over a
sample of the keys. Recall is counted on the true pairs, by the same keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking.context import CandidateChunk
from blocking.passes import PassRunner, stage
from blocking.recall import RuleRecall, measure_recall
from blocking.report import LARGEST_RUNS_KEPT
from blocking.rules import BlockingRule
from blocking.scan import KeyScan, RuleKeyFiller
from person.field import OverflowTable
from person.records import RecordLayout, RecordSource

__all__ = ["EXACT_PAIRS_MAX", "BlockingAnalysis", "RuleAnalysis", "analyse"]

EXACT_PAIRS_MAX: Final = 50_000_000
PREFIXES: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleAnalysis:
    """What one rule will do.

    Attributes
    ----------
    rule : its name
    keyed_records, unkeyed_records : records with and without a block key
    blocks : blocks of two records or more
    pairs : pairs that share the key, oversized blocks counted whole; where the rule gives records
        several keys, a pair that shares two is counted twice
    largest_blocks : sizes, largest first
    oversized_blocks : blocks above the rule's block_size_max, which will be refined
    marginal_pairs : pairs it will deliver, after the rules before it, oversized blocks refined
    is_marginal_estimated : from a sample of the keys, not counted
    recall, cumulative_recall : share of the true pairs that share its key, or that of any rule up
        to it; None without truth
    """

    rule: str
    keyed_records: int
    unkeyed_records: int
    blocks: int
    pairs: int
    largest_blocks: tuple[int, ...]
    oversized_blocks: int
    marginal_pairs: int
    is_marginal_estimated: bool
    recall: float | None = None
    cumulative_recall: float | None = None

    def to_dict(self) -> dict[str, Any]:
        result = {name: getattr(self, name) for name in self.__slots__}
        result["largest_blocks"] = list(self.largest_blocks)
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockingAnalysis:
    """All rules, and the true pairs that none reaches.

    Attributes
    ----------
    rules : one entry for each rule, in order
    true_pairs : pairs of records of one person, None without truth
    unreached_pairs : how many of them no rule reaches
    unreached : int64[k, 2], row numbers of the first of those, at most 1000
    """

    rules: tuple[RuleAnalysis, ...]
    true_pairs: int | None
    unreached_pairs: int | None
    unreached: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _KeyCounts:
    keyed_records: int
    blocks: int
    pairs: int
    largest: tuple[int, ...]
    oversized: int


def analyse(
    source: RecordSource,
    layout: RecordLayout,
    rules: Sequence[BlockingRule],
    *,
    memory_bytes: int,
    link_mode: str = "dedupe",
    truth: NDArray[np.int64] | None = None,
    overflow: OverflowTable | None = None,
    exact_pairs_max: int = EXACT_PAIRS_MAX,
    progress: Any = None,
) -> BlockingAnalysis:
    """Count what the rules will do without comparing a pair.

    Parameters
    ----------
    source, layout, rules, memory_bytes, link_mode, overflow, progress : as for `run_passes`
    truth : int64[n_records], the person of each record; negative where not known
    exact_pairs_max : enumerate marginal pairs up to this many; estimate them above

    Returns
    -------
    BlockingAnalysis

    Raises
    ------
    ConfigError : as `run_passes`
    """
    runner = PassRunner(
        source, layout, rules, memory_bytes=memory_bytes, link_mode=link_mode, overflow=overflow
    )
    counts = []
    for place, rule in enumerate(runner.resolved.rules):
        with stage(progress, f"count {rule.rule.name}", source.record_count) as advance:
            counts.append(_count_keys(runner, place, advance))
    total = sum(each.pairs for each in counts)
    share = 1.0 if total <= exact_pairs_max else exact_pairs_max / total
    prefixes = None if share == 1.0 else max(int(PREFIXES * share), 1)
    recall = None
    if truth is not None:
        recall = measure_recall(runner, np.ascontiguousarray(truth, np.int64))
    analyses = []
    for place, each in enumerate(counts):
        report = runner.run_rule(place, _ignore, keep_prefixes=prefixes)
        scale = 1.0 if prefixes is None else PREFIXES / prefixes
        analyses.append(
            RuleAnalysis(
                rule=rules[place].name,
                keyed_records=each.keyed_records,
                unkeyed_records=source.record_count - each.keyed_records,
                blocks=each.blocks,
                pairs=each.pairs,
                largest_blocks=each.largest,
                oversized_blocks=each.oversized,
                marginal_pairs=round(report.pairs * scale),
                is_marginal_estimated=prefixes is not None,
                recall=recall.of_rule(place) if recall else None,
                cumulative_recall=recall.up_to_rule(place) if recall else None,
            )
        )
    return _with_recall(tuple(analyses), recall)


def _ignore(_: CandidateChunk) -> None:
    """A consumer for counting."""


def _with_recall(rules: tuple[RuleAnalysis, ...], recall: RuleRecall | None) -> BlockingAnalysis:
    if recall is None:
        return BlockingAnalysis(
            rules=rules, true_pairs=None, unreached_pairs=None, unreached=np.zeros((0, 2), np.int64)
        )
    return BlockingAnalysis(
        rules=rules,
        true_pairs=recall.true_pairs,
        unreached_pairs=recall.true_pairs - int(recall.first_hits.sum()),
        unreached=recall.unreached,
    )


def _count_keys(runner: PassRunner, place: int, advance: Any) -> _KeyCounts:
    """Sort a rule's keys, a range of them at a time, and count equal ones."""
    rule = runner.resolved.rules[place]
    filler = RuleKeyFiller(runner.resolved, rule)
    scan = KeyScan(runner.source, runner.buffers, filler, len(rule.variants), advance)
    scan.count()
    # Keys of a range, their copy when sorted, and their sources take less than the row pool.
    capacity = max(runner.buffers.plan.pool_rows, 1)
    blocks = pairs = oversized = first = held = 0
    largest = np.zeros(0, np.int64)
    sizes_of_prefixes = scan.prefix_sizes.tolist()
    for prefix, size in enumerate([*sizes_of_prefixes, capacity + 1]):
        if held and held + size > capacity:
            keys, sources = scan.collect_keys(first, prefix)
            sizes = _run_lengths(keys)
            pairs += _pair_total(sizes)
            if runner.between_sources:
                pairs -= _pair_total(_run_lengths(_mix_sources(keys, sources)))
            sizes = sizes[sizes > 1]
            blocks += len(sizes)
            oversized += int(np.count_nonzero(sizes > rule.rule.block_size_max))
            largest = np.sort(np.concatenate([largest, sizes]))[::-1][:LARGEST_RUNS_KEPT]
            first, held = prefix, 0
        held += size
    return _KeyCounts(scan.keyed_records, blocks, pairs, tuple(largest.tolist()), oversized)


def _run_lengths(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """How many there are of each distinct key."""
    if not len(keys):
        return np.zeros(0, np.int64)
    ordered = np.sort(keys)
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return np.diff(starts, append=len(ordered)).astype(np.int64)


def _pair_total(sizes: NDArray[np.int64]) -> int:
    # 64 bits hold it: one block of 4 thousand million records is 9e18 pairs.
    return int((sizes * (sizes - 1) // 2).sum())


def _mix_sources(keys: NDArray[np.uint64], sources: NDArray[np.uint16]) -> NDArray[np.uint64]:
    spread = (sources.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return keys ^ spread ^ (spread >> np.uint64(29))
