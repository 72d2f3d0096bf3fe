"""The numbers of a report: plain Arrow tables and dictionaries, and how to count them.

`ReportData` is all that the HTML page and its JSON know. It holds counts, weights and shares;
a person's value can stand only in a waterfall step, and is dropped unless asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mpi.calibration import Thresholds
from mpi.evaluation_details import CONFUSIONS, RECALL_BY_CAUSE

__all__ = [
    "BLOCKING",
    "CALIBRATION",
    "CLUSTER_SIZES",
    "COMPARISONS",
    "EVALUATION_CURVE",
    "FIELD_QUALITY",
    "LARGEST_RUNS",
    "RELIABILITY",
    "UNLINKABLES",
    "WEIGHT_HISTOGRAM",
    "Evaluated",
    "ReportData",
    "WaterfallExample",
    "WaterfallStep",
    "as_plain",
    "cluster_size_table",
    "thinned",
    "unlinkables_curve",
    "weight_histogram",
]

CURVE_ROWS_MAX = 300


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


WEIGHT_HISTOGRAM = _schema(
    lower=pa.float64(), upper=pa.float64(), decision=pa.string(), pairs=pa.int64()
)
COMPARISONS = _schema(
    comparison=pa.string(),
    level=pa.string(),
    m_probability=pa.float64(),
    u_probability=pa.float64(),
    match_weight=pa.float64(),
    candidate_pairs=pa.int64(),
    linked_pairs=pa.int64(),
)
BLOCKING = _schema(
    rule=pa.string(),
    keyed_records=pa.int64(),
    unkeyed_records=pa.int64(),
    blocks=pa.int64(),
    pairs=pa.int64(),
    largest_run=pa.int64(),
    refined_runs=pa.int64(),
    window_runs=pa.int64(),
    seconds=pa.float64(),
)
LARGEST_RUNS = _schema(rule=pa.string(), records=pa.int64(), treatment=pa.string())
CLUSTER_SIZES = _schema(size=pa.int64(), clusters=pa.int64())
FIELD_QUALITY = _schema(
    source=pa.string(),
    field=pa.string(),
    status=pa.string(),  # valid | missing | invalid
    reason=pa.string(),  # null unless invalid
    records=pa.int64(),
)
UNLINKABLES = _schema(weight=pa.float64(), share=pa.float64())
CALIBRATION = _schema(
    weight=pa.float64(),
    links=pa.int64(),
    expected_precision=pa.float64(),
    expected_recall=pa.float64(),
    expected_false_links=pa.float64(),
)
EVALUATION_CURVE = _schema(
    weight=pa.float64(),
    links=pa.int64(),
    true_links=pa.int64(),
    precision=pa.float64(),
    recall=pa.float64(),
    f1=pa.float64(),
)
RELIABILITY = _schema(
    lower=pa.float64(),
    upper=pa.float64(),
    pairs=pa.int64(),
    expected_matches=pa.float64(),
    actual_matches=pa.int64(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallStep:
    """What one comparison adds to a pair's weight.

    Attributes
    ----------
    comparison, level : names, as in the model
    match_weight : bits of the level
    term_frequency_adjustment : bits on top, for agreeing on a rare or a common value
    value_left, value_right : the two values as printed; shown only when asked for
    """

    comparison: str
    level: str
    match_weight: float
    term_frequency_adjustment: float = 0.0
    value_left: str | None = None
    value_right: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallExample:
    """One pair, from the prior to its total.

    Attributes
    ----------
    decision : MATCH, POSSIBLE_MATCH or NO_MATCH
    record_left, record_right : 'source/record_id'
    prior_match_weight, match_weight : bits; the second is the first plus all steps
    match_probability : of the total
    steps : one a comparison, in the model's order
    note : why the pair is shown or was decided so (e.g. a refused merge), or None
    """

    decision: str
    record_left: str
    record_right: str
    prior_match_weight: float
    match_weight: float
    match_probability: float
    steps: tuple[WaterfallStep, ...]
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """A run held against truth.

    Attributes
    ----------
    measures : name -> number at the run's own thresholds (precision, recall, f1,
        b_cubed_f1, false_merges_per_10_000_entities ...), shown in this order
    curve : table of EVALUATION_CURVE
    reliability : table of RELIABILITY
    causes : recall by cause of error, where truth says it: RECALL_BY_CAUSE
    confusions : people put together, by relation, where truth says it: CONFUSIONS
    """

    measures: Mapping[str, float]
    curve: pa.Table = field(default_factory=EVALUATION_CURVE.empty_table)
    reliability: pa.Table = field(default_factory=RELIABILITY.empty_table)
    causes: pa.Table = field(default_factory=RECALL_BY_CAUSE.empty_table)
    confusions: pa.Table = field(default_factory=CONFUSIONS.empty_table)

    def __post_init__(self) -> None:
        _require_columns(
            self,
            {
                "curve": EVALUATION_CURVE,
                "reliability": RELIABILITY,
                "causes": RECALL_BY_CAUSE,
                "confusions": CONFUSIONS,
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """Everything a report says; any part but `run` may be left out and its section says so.

    Attributes
    ----------
    run : run.json as it is written. Known keys are shown by name: command, version, inputs,
        parameters, versions, counts (name -> int), seconds (stage -> s), peak_memory_bytes
    thresholds : the lines and what is expected of them
    weight_histogram : table of WEIGHT_HISTOGRAM, scored pairs by weight and decision
    comparisons : table of COMPARISONS, levels best first, the null level not among them
    blocking : table of BLOCKING, one row a rule in the order they run
    largest_runs : table of LARGEST_RUNS, largest first
    cluster_sizes : table of CLUSTER_SIZES
    examples : waterfalls, best one of each decision zone
    field_quality : table of FIELD_QUALITY
    unlinkables : table of UNLINKABLES; share of records whose weight against themselves is
        under the weight
    calibration : table of CALIBRATION
    evaluation : what truth says, where there is truth
    model : name -> value of the model's scalar parameters (prior, how it was trained ...)
    warnings : sentences a user must read (training fell back, few confident links ...)
    title : heading of the page
    """

    run: Mapping[str, Any]
    thresholds: Thresholds | None = None
    weight_histogram: pa.Table = field(default_factory=WEIGHT_HISTOGRAM.empty_table)
    comparisons: pa.Table = field(default_factory=COMPARISONS.empty_table)
    blocking: pa.Table = field(default_factory=BLOCKING.empty_table)
    largest_runs: pa.Table = field(default_factory=LARGEST_RUNS.empty_table)
    cluster_sizes: pa.Table = field(default_factory=CLUSTER_SIZES.empty_table)
    examples: tuple[WaterfallExample, ...] = ()
    field_quality: pa.Table = field(default_factory=FIELD_QUALITY.empty_table)
    unlinkables: pa.Table = field(default_factory=UNLINKABLES.empty_table)
    calibration: pa.Table = field(default_factory=CALIBRATION.empty_table)
    evaluation: Evaluated | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    title: str = "Record linkage report"

    def __post_init__(self) -> None:
        _require_columns(
            self,
            {
                "weight_histogram": WEIGHT_HISTOGRAM,
                "comparisons": COMPARISONS,
                "blocking": BLOCKING,
                "largest_runs": LARGEST_RUNS,
                "cluster_sizes": CLUSTER_SIZES,
                "field_quality": FIELD_QUALITY,
                "unlinkables": UNLINKABLES,
                "calibration": CALIBRATION,
            },
        )

    def without_values(self) -> ReportData:
        """The same report with every person's value removed from the examples."""
        bare = tuple(
            replace(
                example,
                steps=tuple(
                    replace(step, value_left=None, value_right=None) for step in example.steps
                ),
            )
            for example in self.examples
        )
        return replace(self, examples=bare)

    def as_dict(self) -> dict[str, Any]:
        """The whole report as plain JSON values; a table becomes a list of rows.

        A curve has one row a distinct weight, which may be a hundred thousand: it is thinned.
        """
        report = replace(self, calibration=thinned(self.calibration))
        if report.evaluation is not None:
            truth = replace(report.evaluation, curve=thinned(report.evaluation.curve))
            report = replace(report, evaluation=truth)
        plain: dict[str, Any] = as_plain(report)
        return plain


def thinned(curve: pa.Table, row_count_max: int = CURVE_ROWS_MAX) -> pa.Table:
    """Keep at most so many rows of a curve, evenly spread, both ends among them."""
    if curve.num_rows <= row_count_max:
        return curve
    rows = np.linspace(0, curve.num_rows - 1, row_count_max).round().astype(np.int64)
    return curve.take(pa.array(rows))


def as_plain(value: Any) -> Any:
    """Turn tables, arrays, numpy scalars and dataclasses into what json can write.

    NaN and infinities become null: JSON has no word for them.
    """
    if isinstance(value, pa.Table):
        return as_plain(value.to_pylist())
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: as_plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return as_plain(value.tolist())
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        return [as_plain(each) for each in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return str(value)


def weight_histogram(
    weights: NDArray[np.float64],
    counts: NDArray[np.int64],
    decisions: Sequence[str] | NDArray[Any],
    *,
    thresholds: Thresholds | None = None,
    bin_width: float = 1.0,
    weight_limit: float = 60.0,
) -> pa.Table:
    """Count scored pairs by weight and decision, with the thresholds on bin edges.

    Parameters
    ----------
    weights : float64[k], match weights of pairs or patterns
    counts : int64[k], pairs of each
    decisions : str[k], MATCH, POSSIBLE_MATCH or NO_MATCH
    thresholds : adds both lines as edges, so that no bar stands on both sides of a line
    bin_width : bits
    weight_limit : weights beyond +-limit are counted in the outermost bins

    Returns
    -------
    table of WEIGHT_HISTOGRAM, rising, empty bins left out
    """
    weights = np.asarray(weights, np.float64)
    if not weights.size:
        return WEIGHT_HISTOGRAM.empty_table()
    inside = np.clip(weights, -weight_limit, weight_limit)
    first, last = np.floor(inside.min() / bin_width), np.floor(inside.max() / bin_width) + 1
    edges = np.arange(first, last + 1) * bin_width
    if thresholds is not None:
        lines = np.array([thresholds.link_weight, thresholds.review_weight])
        edges = np.union1d(edges, lines[(lines > edges[0]) & (lines < edges[-1])])
    bins = np.searchsorted(edges, inside, side="right") - 1
    names, code = np.unique(np.asarray(decisions, dtype=object).astype(str), return_inverse=True)
    cell = bins * names.size + code
    pairs = np.zeros((edges.size - 1) * names.size, np.int64)
    np.add.at(pairs, cell, np.asarray(counts, np.int64))
    filled = np.flatnonzero(pairs)
    return pa.table(
        {
            "lower": edges[filled // names.size],
            "upper": edges[filled // names.size + 1],
            "decision": pa.array(names[filled % names.size].tolist(), pa.string()),
            "pairs": pairs[filled],
        },
        schema=WEIGHT_HISTOGRAM,
    )


def unlinkables_curve(
    self_weights: NDArray[np.float64],
    counts: NDArray[np.int64] | None = None,
    *,
    point_count_max: int = 200,
) -> pa.Table:
    """Share of records that could not be linked even to an exact copy of themselves.

    Parameters
    ----------
    self_weights : float64[k], weight of a record compared with itself, prior included
    counts : int64[k], records with that weight; None for one each
    point_count_max : the curve is sampled at this many weights at most

    Returns
    -------
    table of UNLINKABLES, rising: share of records whose weight is under `weight`
    """
    weights = np.asarray(self_weights, np.float64)
    if not weights.size:
        return UNLINKABLES.empty_table()
    records = np.ones(weights.size, np.int64) if counts is None else np.asarray(counts, np.int64)
    order = np.argsort(weights, kind="stable")
    total = np.concatenate([[0], np.cumsum(records[order])])
    low, high = np.floor(weights.min()) - 1.0, np.ceil(weights.max()) + 1.0
    points = min(point_count_max, int((high - low) * 4) + 1)
    line = np.linspace(low, high, points)
    under = total[np.searchsorted(weights[order], line, side="left")]
    return pa.table({"weight": line, "share": under / max(int(total[-1]), 1)}, schema=UNLINKABLES)


def cluster_size_table(cluster_sizes: NDArray[np.int64]) -> pa.Table:
    """Count clusters by size.

    Parameters
    ----------
    cluster_sizes : int64[n_clusters], records in each cluster

    Returns
    -------
    table of CLUSTER_SIZES, rising
    """
    counts = np.bincount(np.asarray(cluster_sizes, np.int64))
    size = np.flatnonzero(counts)
    return pa.table({"size": size, "clusters": counts[size]}, schema=CLUSTER_SIZES)


def _require_columns(owner: object, schemas: Mapping[str, pa.Schema]) -> None:
    for name, schema in schemas.items():
        missing = set(schema.names) - set(getattr(owner, name).column_names)
        assert not missing, f"report table {name} lacks {sorted(missing)}"
