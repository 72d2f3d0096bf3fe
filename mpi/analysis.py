"""What blocking will do to a table, and how much truth it reaches, before any pair is compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from blocking.analysis import BlockingAnalysis
from blocking.analysis import analyse as analyse_blocking
from blocking.plan import pair_budget
from matching.model import Model
from mpi.prepare import JobOptions, Prepared, prepare
from mpi.progress import NO_PROGRESS, Progress
from mpi.scratch import scratch_directory
from mpi.tables import open_inputs
from mpi.truth_rows import entity_of_rows
from person.schema import Schema

__all__ = ["Analysis", "analyse"]

LARGEST_SHOWN: Final = 3
UNREACHED_SHOWN: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What the blocking rules of a table will do.

    Attributes
    ----------
    rules : rule, records and unkeyed records (without a key), blocks, pairs that share the key,
        marginal pairs (those no earlier rule gives), largest block; with truth also recall and
        cumulative recall, shares of the true pairs
    largest_blocks : rule, records, refined (larger than the rule compares in full)
    left_out : broad rules that this table cannot afford, with their estimated pairs
    unreached : with truth, record ids of the first true pairs that no rule reaches
    notes : what to know when reading the numbers
    """

    rules: pa.Table
    largest_blocks: pa.Table
    left_out: pa.Table
    unreached: pa.Table
    notes: tuple[str, ...]

    @property
    def tables(self) -> dict[str, pa.Table]:
        return {
            "Blocking rules": self.rules,
            "Largest blocks": self.largest_blocks,
            "Broad rules left out": self.left_out,
        }

    def as_dict(self) -> dict[str, Any]:
        tables = ("rules", "largest_blocks", "left_out", "unreached")
        return {**{name: getattr(self, name) for name in tables}, "notes": list(self.notes)}


def analyse(
    inputs: Any,
    *,
    schema: Schema | str | Path | None = None,
    model: Model | str | Path | None = None,
    truth: Any = None,
    memory: str | int = "8GiB",
    progress: Progress | None = None,
) -> Analysis:
    """Count what the blocking rules of a table will do; nothing is compared.

    Parameters
    ----------
    inputs, schema, model, memory, progress : as for `mpi.dedupe`
    truth : known truth, see `mpi.truth.read_truth`; adds the recall of each rule

    Returns
    -------
    Analysis

    Raises
    ------
    ConfigError, InputError
    """
    options = JobOptions(schema=schema, model=model, memory=memory)
    told = progress or NO_PROGRESS
    with scratch_directory() as scratch:
        prepared = prepare([open_inputs(inputs)], "dedupe", options, scratch, told)
        ingested = prepared.ingested
        blocking = analyse_blocking(
            ingested.store,
            ingested.layout,
            prepared.rules,
            memory_bytes=options.memory_bytes,
            truth=None if truth is None else entity_of_rows(ingested, truth),
            overflow=ingested.overflow,
            progress=told,
        )
        return Analysis(
            rules=_rules_table(blocking),
            largest_blocks=_largest_table(prepared, blocking),
            left_out=_left_out_table(prepared),
            unreached=_unreached_table(prepared, blocking),
            notes=_notes(prepared, blocking),
        )


def _rules_table(blocking: BlockingAnalysis) -> pa.Table:
    rules = blocking.rules
    columns: dict[str, Any] = {
        "rule": pa.array([each.rule for each in rules], pa.string()),
        "records": pa.array([each.keyed_records for each in rules], pa.int64()),
        "unkeyed_records": pa.array([each.unkeyed_records for each in rules], pa.int64()),
        "blocks": pa.array([each.blocks for each in rules], pa.int64()),
        "pairs": pa.array([each.pairs for each in rules], pa.int64()),
        "marginal_pairs": pa.array([each.marginal_pairs for each in rules], pa.int64()),
        "largest_block": pa.array(
            [max(each.largest_blocks, default=0) for each in rules], pa.int64()
        ),
    }
    if blocking.true_pairs is not None:
        columns["recall"] = pa.array([each.recall for each in rules], pa.float64())
        columns["cumulative_recall"] = pa.array(
            [each.cumulative_recall for each in rules], pa.float64()
        )
    return pa.table(columns)


def _largest_table(prepared: Prepared, blocking: BlockingAnalysis) -> pa.Table:
    """The largest blocks of each rule; sizes only, for a key may be a person's value."""
    limit = {rule.name: rule.block_size_max for rule in prepared.rules}
    found = [
        (size, each.rule) for each in blocking.rules for size in each.largest_blocks[:LARGEST_SHOWN]
    ]
    found.sort(key=lambda item: (-item[0], item[1]))
    return pa.table(
        {
            "rule": pa.array([rule for _, rule in found], pa.string()),
            "records": pa.array([size for size, _ in found], pa.int64()),
            "refined": pa.array([size > limit[rule] for size, rule in found], pa.bool_()),
        }
    )


def _left_out_table(prepared: Prepared) -> pa.Table:
    """Broad rules that the table cannot afford, the cheapest first."""
    found = sorted(prepared.rules_left_out.items(), key=lambda item: (item[1], item[0]))
    return pa.table(
        {
            "rule": pa.array([name for name, _ in found], pa.string()),
            "estimated_pairs": pa.array([round(pairs) for _, pairs in found], pa.int64()),
        }
    )


def _unreached_table(prepared: Prepared, blocking: BlockingAnalysis) -> pa.Table:
    store, sources = prepared.ingested.store, pa.array(prepared.ingested.sources, pa.string())
    columns = {}
    for side, place in (("l", 0), ("r", 1)):
        rows = blocking.unreached[:UNREACHED_SHOWN, place]
        columns[f"source_{side}"] = sources.take(pa.array(store.gather_sources(rows)))
        columns[f"record_id_{side}"] = store.gather_record_ids(rows)
    return pa.table(columns)


def _notes(prepared: Prepared, blocking: BlockingAnalysis) -> tuple[str, ...]:
    notes = [*prepared.ingested.notes, *prepared.notes]
    pairs = sum(each.marginal_pairs for each in blocking.rules)
    notes.append(f"{pairs:,} candidate pairs in all, each counted once")
    if any(each.is_marginal_estimated for each in blocking.rules):
        notes.append("marginal pairs are estimated from a sample of the keys")
    if prepared.rules_left_out:
        budget = pair_budget(prepared.ingested.record_count)
        notes.append(f"a table of this size affords about {budget:,.0f} pairs of broad rules")
    if blocking.true_pairs is not None:
        notes.append(
            f"{blocking.true_pairs:,} true pairs, of which {blocking.unreached_pairs:,} are "
            "reached by no rule"
        )
    return tuple(notes)
