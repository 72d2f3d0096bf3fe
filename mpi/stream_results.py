"""The tables and the account of a streamed run: ids are read from disk as they are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matching.compiled import CompiledModel
from mpi.decide import Decided, expected_facts
from mpi.edge_sink import EdgeSink
from mpi.ingest import Ingested
from mpi.pair_guards import pattern_refusals
from mpi.pattern_index import index_patterns
from mpi.prepare import JobOptions
from mpi.row_tables import PairRows, count_sizes
from mpi.run_facts import parameter_facts, version_facts
from mpi.score_run import Edges
from mpi.stream_plan import StreamPlan
from mpi.stream_run import StreamedRun
from mpi.stream_sample import Learnt
from person.enterprise_id import enterprise_ids_for, format_enterprise_ids
from person.threads import ordered_map

__all__ = [
    "GIVEN_UP",
    "STREAMED_CLUSTERS",
    "ReviewPairs",
    "StreamedClusterRows",
    "StreamedReviewRows",
    "review_pairs",
    "rows_between",
    "streamed_facts",
]

STREAMED_CLUSTERS: Final = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("record_id", pa.string()),
        pa.field("enterprise_id", pa.string()),
        pa.field("cluster_size", pa.int32()),
    ]
)
GIVEN_UP: Final = (
    "clusters are connected components of the links: what keeps whole clusters apart "
    "(two valid id numbers, duplicate-free sources, members that do not agree) is not asked",
    "clusters are not merged by the evidence of all their records together",
    "links are united and forgotten: there is no links.parquet, no confidence and no report.html",
    "blocking rules are few and give a record one key each",
    "the model and the lines are learnt from samples of the table",
)
"""What a streamed run does without, for run.json."""

FORGET_BATCHES: Final = 16
_WORDS: Final = pa.dictionary(pa.int32(), pa.string())


def rows_between(rows: NDArray[np.int64], first: int, stop: int) -> NDArray[np.int64]:
    """Those of some rising row numbers that lie in [first, stop)."""
    begin, end = np.searchsorted(rows, [first, stop])
    return rows[begin:end]


class StreamedClusterRows:
    """Rows of clusters.parquet, in the order of the input.

    Parameters
    ----------
    ingested : the encoded records, read in order
    cluster : uint32[n_records], smallest record number of each record's cluster
    set_aside : int64[k], rising: records whose id an earlier one has; they get no row
    namespace : sets the enterprise ids of this table apart from those of any other

    Attributes
    ----------
    schema : as readers see it
    sizes : int32[n_records], number of records of each cluster, at its smallest record
    """

    schema = STREAMED_CLUSTERS

    def __init__(
        self,
        ingested: Ingested,
        cluster: NDArray[np.uint32],
        set_aside: NDArray[np.int64],
        namespace: str,
    ) -> None:
        self._ingested, self._cluster, self._namespace = ingested, cluster, namespace
        self._set_aside = set_aside
        self.sizes = np.zeros(len(cluster), np.int32)
        count_sizes(cluster, self.sizes)
        self.sizes[set_aside] = 0

    @property
    def row_count(self) -> int:
        return len(self._cluster) - len(self._set_aside)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, built side by side; `source` as a dictionary."""
        names = pa.array(self._ingested.sources, pa.string())
        schema = self.schema.set(0, pa.field("source", _WORDS))

        def build(chunk: tuple[int, NDArray[np.uint16], pa.Array]) -> pa.RecordBatch:
            first, source, record_id = chunk
            cluster = self._cluster[first : first + len(source)].astype(np.int64)
            ids = format_enterprise_ids(enterprise_ids_for(cluster, self._namespace))
            source_of = pa.DictionaryArray.from_arrays(pa.array(source.astype(np.int32)), names)
            columns = [source_of, record_id, ids, pa.array(self.sizes[cluster])]
            batch = pa.record_batch(columns, schema=schema)
            aside = rows_between(self._set_aside, first, first + len(source)) - first
            if not len(aside):
                return batch
            kept = np.ones(len(source), np.bool_)
            kept[aside] = False
            return batch.filter(pa.array(kept))

        store = self._ingested.store
        for done, batch in enumerate(ordered_map(build, store.record_ids(), ahead=1)):
            yield batch
            if done % FORGET_BATCHES == 0:
                store.forget_pages()
        store.forget_pages()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPairs:
    """Pairs for a person to decide.

    Attributes
    ----------
    decided : the pairs, as `PairRows` writes them
    together : refused pairs whose records came into one cluster through other records
    """

    decided: Decided
    together: int


def review_pairs(
    sink: EdgeSink, compiled: CompiledModel, cluster: NDArray[np.uint32], learnt: Learnt
) -> ReviewPairs:
    """Take the pairs that the run kept: those between the lines that are still two people, and
    all that were refused.

    Parameters
    ----------
    sink : of the run; empty afterwards
    compiled : the model that compared the pairs
    cluster : uint32[n_records], from the run
    learnt : the lines
    """
    packed = sink.sorted_pairs()
    weight = packed.weight + learnt.prior_shift
    below = packed.weight < learnt.as_scored(learnt.thresholds.link_weight)
    patterns = index_patterns(packed.pattern)
    refusal = pattern_refusals(compiled, patterns.pattern)[patterns.place]
    refusal[below] = 0
    together = cluster[packed.left] == cluster[packed.right]
    kept = np.flatnonzero(~together | (refusal != 0))
    edges = Edges(
        packed.left[kept],
        packed.right[kept],
        weight[kept],
        packed.pattern[kept],
        packed.relative[kept],
    )
    decided = Decided(
        edges=edges,
        is_link=np.zeros(len(kept), np.bool_),
        refusal=refusal[kept],
        cluster=np.zeros(0, np.int32),
        confidence=np.zeros(0),
        thresholds=learnt.thresholds,
        prior_shift=learnt.prior_shift,
    )
    return ReviewPairs(decided=decided, together=int(np.count_nonzero(together[kept])))


class StreamedReviewRows(PairRows):
    """Rows of review.parquet in the order of the input, so that ids are read as they lie on disk.

    Parameters
    ----------
    ingested : the encoded records
    compiled : the model that compared the pairs
    pairs : from `review_pairs`
    """

    def __init__(self, ingested: Ingested, compiled: CompiledModel, pairs: ReviewPairs) -> None:
        super().__init__(ingested, compiled, pairs.decided, for_review=True, by_weight=False)
        self._store = ingested.store

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows; see `PairRows.batches`."""
        for batch in super().batches():
            yield batch
            self._store.forget_pages()


def streamed_facts(
    ingested: Ingested,
    plan: StreamPlan,
    learnt: Learnt,
    run: StreamedRun,
    sizes: NDArray[np.int32],
    pairs: ReviewPairs,
    options: JobOptions,
) -> dict[str, Any]:
    """What run.json says, beside the inputs and the time.

    Parameters
    ----------
    ingested, plan, learnt, run : what the stages gave
    sizes : int32[n_records], records of each cluster at its smallest record, else 0
    pairs : for review
    options : what was asked for
    """
    edges = pairs.decided.edges
    warnings = [*ingested.notes, *plan.notes, *learnt.model.training.get("notes", ())]
    if pairs.together:
        warnings.append(
            f"{pairs.together} pairs that only a steward may link came into one cluster through "
            "other records; they are in review.parquet"
        )
    return {
        "command": "dedupe",
        "parameters": parameter_facts(options, ingested.schema.name, "dedupe")
        | {"clustering": "components"},
        "versions": version_facts(),
        "counts": {
            "records": int(sizes.sum()),
            "sources": len(ingested.sources),
            "unlinkable_records": ingested.unlinkable_count,
            "candidate_pairs": run.pair_count,
            "people": int(np.count_nonzero(sizes)),
            "clusters": int(np.count_nonzero(sizes > 1)),
            "largest_cluster": int(sizes.max()),
            "links": run.link_count,
            "review": len(edges),
            "refused": int(np.count_nonzero(pairs.decided.refusal)),
            "rejects": len(ingested.rejects),
        },
        "blocking": {
            "rules": [each.to_dict() for each in run.passes],
            "rules_left_out": {},
        },
        "prior_shift": learnt.prior_shift,
        "expected": expected_facts(learnt.thresholds),
        "thresholds": learnt.thresholds.as_dict(),
        "streamed": {
            "given_up": list(GIVEN_UP),
            "fields": [each.name for each in plan.schema.fields],
            "fields_left_out": list(plan.fields_left_out),
            "rules_left_out": list(plan.left_out),
            "row_bytes": 8 * plan.layout.n_words,
            "learnt_from": learnt.sample,
            "refused_pairs_in_one_cluster": pairs.together,
        },
        "warnings": warnings,
    }
