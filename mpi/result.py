"""What a run returns, and the contract of what it writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matching.compiled import CompiledModel
from matching.frequencies import TermFrequencies
from matching.model import Model
from mpi.calibration import match_probability
from mpi.decide import Decided
from mpi.ingest import Ingested
from mpi.outputs import OutputDirectory
from mpi.report import write_report
from mpi.report_data import ReportData
from mpi.waterfall import level_label
from person.enterprise_id import enterprise_ids_for, format_enterprise_ids

__all__ = ["CLUSTERS", "Result", "cluster_batches", "pair_table", "write_result"]

CLUSTERS: Final = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("record_id", pa.string()),
        pa.field("enterprise_id", pa.string()),
        pa.field("cluster_size", pa.int32()),
        pa.field("confidence", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of `mpi.dedupe` or `mpi.link`.

    Attributes
    ----------
    clusters : (source, record_id, enterprise_id, cluster_size, confidence), a row a record
    links : every pair at or above the review line: both records, match_weight,
        match_probability, decision (MATCH or POSSIBLE_MATCH), refused (why a pair above the
        link line was not linked, else null), a level_ column each comparison
    review : the POSSIBLE_MATCH pairs of `links`, with the reason
    rejects : rows that were set aside: file, row, source, record_id, reason
    model : as used, with its thresholds
    frequencies : term frequencies by comparison part
    run : what run.json holds
    report : what report.html shows
    """

    clusters: pa.Table
    links: pa.Table
    review: pa.Table
    rejects: pa.Table
    model: Model
    frequencies: Mapping[str, TermFrequencies] = field(repr=False)
    run: dict[str, Any] = field(repr=False)
    report: ReportData = field(repr=False)


def cluster_batches(
    ingested: Ingested, decided: Decided, namespace: str
) -> Iterator[pa.RecordBatch]:
    """Rows of clusters.parquet, in the order of the input."""
    sizes = np.bincount(decided.cluster, minlength=ingested.record_count).astype(np.int32)
    names = pa.array(ingested.sources, pa.string())
    for first, source, record_id in ingested.store.record_ids():
        place = slice(first, first + len(source))
        cluster = decided.cluster[place]
        yield pa.record_batch(
            [
                names.take(pa.array(source)),
                record_id,
                format_enterprise_ids(enterprise_ids_for(cluster, namespace)),
                pa.array(sizes[cluster]),
                pa.array(decided.confidence[place]),
            ],
            schema=CLUSTERS,
        )


def pair_table(ingested: Ingested, compiled: CompiledModel, decided: Decided) -> pa.Table:
    """Rows of links.parquet, heaviest first."""
    edges = decided.edges
    order = np.lexsort((edges.right, edges.left, -edges.weight))
    edges = edges.take(order)
    is_link, refusal = decided.is_link[order], decided.refusal[order]
    columns: dict[str, Any] = {}
    for side, rows in (("l", edges.left), ("r", edges.right)):
        names = pa.array(ingested.sources, pa.string())
        columns[f"source_{side}"] = names.take(pa.array(ingested.store.gather_sources(rows)))
        columns[f"record_id_{side}"] = ingested.store.gather_record_ids(rows)
    columns["match_weight"] = edges.weight
    columns["match_probability"] = match_probability(edges.weight)
    decisions = pa.array(["POSSIBLE_MATCH", "MATCH"]).take(pa.array(is_link.astype(np.int8)))
    columns["decision"] = decisions
    columns["refused"] = pa.array(refusal.tolist(), pa.string())
    cells = compiled.unpack_patterns(edges.pattern)
    for number, comparison in enumerate(compiled.comparisons):
        columns[f"level_{comparison.comparison.name}"] = _labels(comparison, cells[number])
    return pa.table(columns)


def _labels(comparison: Any, cells: NDArray[np.int32]) -> pa.Array:
    used, place = np.unique(cells, return_inverse=True)
    words = [level_label(comparison, int(cell)) for cell in used]
    return pa.array(words, pa.string()).take(pa.array(place.astype(np.int64)))


def review_table(links: pa.Table) -> pa.Table:
    """Rows of review.parquet: pairs that a person should decide, each with its reason."""
    import pyarrow.compute as pc

    chosen = links.filter(pc.equal(links.column("decision"), "POSSIBLE_MATCH"))
    doubt = "the match probability lies between the review and the link line"
    reason = pc.coalesce(chosen.column("refused"), pa.scalar(doubt))
    return chosen.append_column("reason", reason)


def write_result(result: Result, output: OutputDirectory) -> None:
    """Write the files of the contract into an output directory."""
    output.write_table("clusters.parquet", result.clusters)
    output.write_table("links.parquet", result.links)
    output.write_table("review.parquet", result.review)
    output.write_table("rejects.parquet", result.rejects)
    output.write_json("model.json", result.model.to_dict())
    for name, frequencies in result.frequencies.items():
        output.write_table(f"tf_{name}.parquet", frequencies.to_arrow())
    output.write_json("run.json", result.run)
    write_report(result.report, output.file("report.html"))
