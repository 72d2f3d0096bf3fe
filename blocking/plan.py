"""Which broad rules a table can afford.

A broad rule ("same birth date", "same first letters of the street") finds duplicates in which
almost everything is wrong, at the price of many pairs of strangers, a price that grows with the
square of the table. The planner estimates each rule's pairs from a sample of keys and takes
rules, cheapest first, until the budget is spent; what it leaves out is reported with its price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from blocking.keys import resolve_rules
from blocking.rules import BlockingRule
from blocking.scan import RuleKeyFiller
from person.field import OverflowTable
from person.records import RecordChunk, RecordLayout, RecordSource

__all__ = ["RulePlan", "estimate_rule_pairs", "pair_budget", "plan_rules"]

SAMPLE_RECORDS: Final = 200_000
PAIRS_PER_RECORD: Final = 200.0
PAIRS_FLOOR: Final = 4_000_000.0
PAIRS_PER_RECORD_LARGE: Final = 4.0


@dataclass(frozen=True, slots=True)
class RulePlan:
    """Rules to run, and the broad ones left out with the pairs they would have cost."""

    rules: tuple[BlockingRule, ...]
    left_out: dict[str, float]


def pair_budget(record_count: int) -> float:
    """Candidate pairs worth spending on broad rules: generous for small tables only."""
    return max(
        min(PAIRS_PER_RECORD * record_count, PAIRS_FLOOR), PAIRS_PER_RECORD_LARGE * record_count
    )


def plan_rules(
    source: RecordSource,
    layout: RecordLayout,
    narrow: Sequence[BlockingRule],
    broad: Sequence[BlockingRule],
    *,
    budget: float | None = None,
    overflow: OverflowTable | None = None,
) -> RulePlan:
    """Add the broad rules that the budget allows to the narrow ones.

    Parameters
    ----------
    source, layout : the encoded records
    narrow : always taken, first
    broad : taken cheapest first while their estimated pairs together fit the budget
    budget : pairs; `pair_budget` of the number of records by default
    overflow : text too long for its slot, as for `run_passes`

    Returns
    -------
    RulePlan; deterministic, for the sample is evenly spaced
    """
    if not broad:
        return RulePlan(tuple(narrow), {})
    left = pair_budget(source.record_count) if budget is None else budget
    costs = estimate_rule_pairs(source, layout, broad, overflow)
    chosen: list[BlockingRule] = []
    left_out: dict[str, float] = {}
    for cost, rule in sorted(zip(costs, broad, strict=True), key=lambda item: item[0]):
        if cost <= left:
            left -= cost
            chosen.append(rule)
        else:
            left_out[rule.name] = cost
    return RulePlan((*narrow, *chosen), left_out)


def estimate_rule_pairs(
    source: RecordSource,
    layout: RecordLayout,
    rules: Sequence[BlockingRule],
    overflow: OverflowTable | None = None,
) -> list[float]:
    """Estimate each rule's candidate pairs from an even sample of the records' keys.

    Blocks over a rule's block_size_max count as if cut into blocks of that size.
    """
    sample = _sample(source)
    resolved = resolve_rules(rules, layout, overflow)
    scale = source.record_count / max(len(sample), 1)
    estimates = []
    for rule in resolved.rules:
        keys = np.zeros((len(rule.variants), len(sample)), np.uint64)
        RuleKeyFiller(resolved, rule)(sample, keys)
        flat = keys[keys != 0]
        _, counts = np.unique(flat, return_counts=True)
        estimates.append(_pairs(counts, scale, rule.rule.block_size_max))
    return estimates


def _pairs(counts: NDArray[np.int64], scale: float, block_size_max: int) -> float:
    pairs = counts * (counts - 1) / 2 * scale * scale
    sizes = counts * scale
    capped = sizes * (min(block_size_max, 1 << 30) - 1) / 2
    return float(np.where(sizes > block_size_max, np.minimum(pairs, capped), pairs).sum())


def _sample(source: RecordSource) -> RecordChunk:
    step = max(1, -(-source.record_count // SAMPLE_RECORDS))
    rows, origins = [], []
    for chunk in source.chunks():
        first = -chunk.first_row % step
        rows.append(chunk.rows[first::step])
        origins.append(chunk.source[first::step])
    return RecordChunk(0, np.ascontiguousarray(np.concatenate(rows)), np.concatenate(origins))
