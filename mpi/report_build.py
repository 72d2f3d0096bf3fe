"""Gather what the report shows from the parts of a finished run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from matching.compiled import CompiledComparison, CompiledModel
from matching.model import Model
from mpi.calibration import expected_curve
from mpi.decide import REFUSAL_TEXTS, Decided
from mpi.ingest import Ingested
from mpi.pattern_index import PatternIndex
from mpi.report_data import (
    BLOCKING,
    COMPARISONS,
    LARGEST_RUNS,
    ReportData,
    WaterfallExample,
    cluster_size_table,
    unlinkables_curve,
    weight_histogram,
)
from mpi.waterfall import waterfalls
from mpi.weighed import WeighedPairs
from mpi.weight_levels import BINS_PER_BIT, LOWEST_BITS, WeightLevels
from person.jit import kernel

__all__ = ["QUALITY_SOURCES_MAX", "build_report", "least_and_middle", "quality_by_source"]

EXAMPLES_PER_ZONE: Final = 2
UNLINKABLE_SAMPLE: Final = 50_000
QUALITY_SOURCES_MAX: Final = 20
"""Sources whose data quality is told one by one; a table may have thousands."""


def build_report(
    ingested: Ingested,
    model: Model,
    compiled: CompiledModel,
    passes: Sequence[Any],
    pairs: WeighedPairs,
    decided: Decided,
    *,
    levels: WeightLevels,
    edge_patterns: PatternIndex,
    sizes: NDArray[np.int32],
    run: Mapping[str, Any],
) -> ReportData:
    """Build the report of a run; no person's value is in it.

    Parameters
    ----------
    ingested : the encoded records
    model, compiled : as fitted in the end
    passes : what each blocking rule did
    pairs : every kept pair, weighed by that model
    decided : what became of them
    levels : the weights of `pairs`, counted
    edge_patterns : the patterns of the pairs decided on
    sizes : int32[n_records], records of each cluster at its smallest record, else 0
    run : what run.json holds
    """
    prior = model.probability_two_random_records_match
    assert prior is not None
    shift = decided.prior_shift
    weights = levels.mean + shift
    thresholds = decided.thresholds
    decisions = np.where(
        levels.weight + shift >= thresholds.link_weight,
        "MATCH",
        np.where(levels.weight + shift >= thresholds.review_weight, "POSSIBLE_MATCH", "NO_MATCH"),
    )
    blocking, largest = _blocking_tables(passes)
    histogram = weight_histogram(weights, levels.count, decisions, thresholds=thresholds)
    return ReportData(
        run=run,
        thresholds=thresholds,
        weight_histogram=histogram,
        comparisons=_comparison_table(compiled, pairs.patterns, edge_patterns, decided.is_link),
        blocking=blocking,
        largest_runs=largest,
        cluster_sizes=cluster_size_table(sizes[sizes > 0].astype(np.int64)),
        examples=tuple(_examples(ingested, compiled, decided, shift)),
        field_quality=quality_by_source(ingested.quality),
        unlinkables=_unlinkables(ingested, compiled, shift),
        calibration=expected_curve(weights, levels.count, point_count_max=200),
        model={
            "probability_two_random_records_match": prior,
            "prior_match_weight": compiled.prior_match_weight + shift,
            "prior_shift": shift,
            **{key: value for key, value in model.training.items() if key != "notes"},
        },
        warnings=tuple(run.get("warnings", ())),
    )


def quality_by_source(quality: pa.Table) -> pa.Table:
    """Data quality of the largest sources, and of all others together.

    Parameters
    ----------
    quality : table of FIELD_QUALITY

    Returns
    -------
    table of FIELD_QUALITY with at most QUALITY_SOURCES_MAX sources
    """
    sizes = quality.group_by("source").aggregate([("records", "sum")])
    if sizes.num_rows <= QUALITY_SOURCES_MAX:
        return quality
    largest = sizes.sort_by([("records_sum", "descending"), ("source", "ascending")])
    kept = largest["source"].slice(0, QUALITY_SOURCES_MAX - 1).combine_chunks()
    is_kept = pc.is_in(quality["source"], value_set=kept)
    others = f"{sizes.num_rows - len(kept):,} other sources"
    rest = quality.filter(pc.invert(is_kept))
    merged = rest.group_by(["field", "status", "reason"]).aggregate([("records", "sum")])
    merged = merged.sort_by([(name, "ascending") for name in ("field", "status", "reason")])
    together = pa.table(
        [
            pa.array([others] * merged.num_rows, pa.string()),
            *(merged[name] for name in ("field", "status", "reason", "records_sum")),
        ],
        schema=quality.schema,
    )
    rank = pc.index_in(quality["source"], value_set=kept)
    own = quality.append_column("rank", rank).filter(is_kept)
    own = own.sort_by([(name, "ascending") for name in ("rank", "field", "status", "reason")])
    return pa.concat_tables([own.drop_columns(["rank"]), together])


@kernel
def _count_linked(place, is_link, out):  # type: ignore[no-untyped-def]
    for pair in range(place.shape[0]):
        out[place[pair]] += is_link[pair]


def _comparison_table(
    compiled: CompiledModel,
    patterns: PatternIndex,
    edge_patterns: PatternIndex,
    is_link: NDArray[np.bool_],
) -> pa.Table:
    linked = np.zeros(len(edge_patterns.pattern), np.int64)
    _count_linked(edge_patterns.place, is_link, linked)
    linked_cells = compiled.unpack_patterns(edge_patterns.pattern)
    cells = compiled.unpack_patterns(patterns.pattern)
    rows: list[dict[str, Any]] = []
    for number, each in enumerate(compiled.comparisons):
        size = each.null_cell_count
        kept_counts = np.bincount(cells[number], patterns.count, size).astype(np.int64)
        linked_counts = np.bincount(linked_cells[number], linked, size).astype(np.int64)
        rows += _part_rows(each, kept_counts, linked_counts)
    return pa.Table.from_pylist(rows, COMPARISONS)


def _part_rows(
    each: CompiledComparison, candidates: NDArray[np.int64], linked: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """One row a level of each part, whatever the comparison's other parts do."""
    shape = each.comparison.shape
    with_null = tuple(count + 1 for count in shape)
    m, u = each.comparison.m_probability, each.comparison.u_probability
    assert m is not None
    assert u is not None
    rows = []
    for axis, part in enumerate(each.comparison.parts):
        others = tuple(a for a in range(len(shape)) if a != axis)
        m_level, u_level = m.reshape(shape).sum(axis=others), u.reshape(shape).sum(axis=others)
        seen = candidates.reshape(with_null).sum(axis=others)
        kept = linked.reshape(with_null).sum(axis=others)
        name = each.comparison.name
        title = part.name if len(shape) == 1 else f"{name}: {part.name}"
        for level, label in enumerate(part.level_labels):
            rows.append(
                {
                    "comparison": title,
                    "level": label.replace("_", " "),
                    "m_probability": float(m_level[level]),
                    "u_probability": float(u_level[level]),
                    "match_weight": float(np.log2(m_level[level] / u_level[level])),
                    "candidate_pairs": int(seen[level]),
                    "linked_pairs": int(kept[level]),
                }
            )
    return rows


def _blocking_tables(passes: Sequence[Any]) -> tuple[pa.Table, pa.Table]:
    rules, runs = [], []
    for each in passes:
        largest = list(each.largest_runs)
        rules.append(
            {
                "rule": each.rule,
                "keyed_records": each.keyed_records,
                "unkeyed_records": each.unkeyed_records,
                "blocks": each.blocks,
                "pairs": each.pairs,
                "largest_run": largest[0][0] if largest else 0,
                "refined_runs": each.refined_runs,
                "window_runs": each.window_runs,
                "seconds": each.seconds,
            }
        )
        runs += [{"rule": each.rule, "records": size, "treatment": how} for size, how in largest]
    runs.sort(key=lambda row: -row["records"])
    return pa.Table.from_pylist(rules, BLOCKING), pa.Table.from_pylist(runs[:50], LARGEST_RUNS)


def _examples(
    ingested: Ingested, compiled: CompiledModel, decided: Decided, shift: float
) -> list[WaterfallExample]:
    """A few pairs of each decision zone, those nearest to the lines and in the middle."""
    edges = decided.edges
    chosen: list[int] = []
    for wanted in (True, False):
        found = least_and_middle(edges.weight, decided.is_link, wanted)
        chosen += list(dict.fromkeys(found))[:EXAMPLES_PER_ZONE]
    if not chosen:
        return []
    left, right = edges.left[chosen], edges.right[chosen]
    names = list(zip(_names(ingested, left), _names(ingested, right), strict=True))
    return waterfalls(
        compiled,
        ingested.store.gather_rows(left),
        ingested.store.gather_rows(right),
        names,
        ["MATCH" if decided.is_link[place] else "POSSIBLE_MATCH" for place in chosen],
        prior_shift=shift,
        notes=[REFUSAL_TEXTS[decided.refusal[place]] for place in chosen],
    )


@kernel
def _count_zone(weight, is_link, wanted, counts):  # type: ignore[no-untyped-def]
    """Count a zone's pairs by weight; returns its first pair of least weight, or -1."""
    least = -1
    for pair in range(weight.shape[0]):
        if is_link[pair] == wanted:
            if least < 0 or weight[pair] < weight[least]:
                least = pair
            place = np.int64((weight[pair] - LOWEST_BITS) * BINS_PER_BIT)
            counts[min(max(place, 0), counts.shape[0] - 1)] += 1
    return least


@kernel
def _list_bin(weight, is_link, wanted, chosen, bins, out):  # type: ignore[no-untyped-def]
    used = 0
    for pair in range(weight.shape[0]):
        if is_link[pair] == wanted:
            place = np.int64((weight[pair] - LOWEST_BITS) * BINS_PER_BIT)
            if min(max(place, 0), bins - 1) == chosen:
                out[used] = pair
                used += 1


def least_and_middle(
    weight: NDArray[np.float64], is_link: NDArray[np.bool_], wanted: bool
) -> list[int]:
    """The lightest pair of a zone and one of its middle weight, each the first of its kind.

    Parameters
    ----------
    weight : float64[n_pairs]
    is_link : bool[n_pairs]
    wanted : the zone: pairs of which `is_link` is this

    Returns
    -------
    two numbers of pairs; none for an empty zone
    """
    counts = np.zeros(256 * BINS_PER_BIT, np.int64)
    least = int(_count_zone(weight, is_link, wanted, counts))
    if least < 0:
        return []
    up_to = np.cumsum(counts)
    half = int(up_to[-1]) // 2
    chosen = int(np.searchsorted(up_to, half, side="right"))
    pairs = np.empty(counts[chosen], np.int64)
    _list_bin(weight, is_link, wanted, chosen, len(counts), pairs)
    held = weight[pairs]
    rank = half - int(up_to[chosen] - counts[chosen])
    middle = np.partition(held, rank)[rank]
    return [least, int(pairs[np.argmax(held == middle)])]


def _names(ingested: Ingested, rows: NDArray[np.int64]) -> list[str]:
    sources = ingested.store.gather_sources(rows)
    ids = ingested.store.gather_record_ids(rows).to_pylist()
    return [
        f"{ingested.sources[source]}/{record_id}"
        for source, record_id in zip(sources.tolist(), ids, strict=True)
    ]


def _unlinkables(ingested: Ingested, compiled: CompiledModel, shift: float) -> pa.Table:
    """Weights of records against themselves, from an even sample."""
    count = ingested.record_count
    rows = np.unique(np.linspace(0, count - 1, min(count, UNLINKABLE_SAMPLE)).astype(np.int64))
    gathered = ingested.store.gather_rows(rows)
    places = np.arange(len(rows), dtype=np.int32)
    return unlinkables_curve(compiled.score(gathered, gathered, places, places).weight + shift)
