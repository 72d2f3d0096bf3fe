"""The rows of clusters.parquet and links.parquet, built a batch at a time in compiled code.

Names of sources, decisions and levels are Arrow dictionaries: a number a row and each word once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matching.compiled import CompiledModel
from mpi.calibration import match_probability
from mpi.decide import REFUSAL_TEXTS, Decided
from mpi.ingest import Ingested
from mpi.pattern_index import PatternIndex, index_patterns
from mpi.waterfall import level_label
from mpi.weight_order import heaviest_first
from person.enterprise_id import enterprise_ids_for, format_enterprise_ids
from person.jit import kernel, prefetch
from person.threads import ordered_map, slices

__all__ = ["CLUSTERS", "ClusterRows", "PairRows", "count_sizes"]

CLUSTERS: Final = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("record_id", pa.string()),
        pa.field("enterprise_id", pa.string()),
        pa.field("cluster_size", pa.int32()),
        pa.field("confidence", pa.float64()),
    ]
)
BATCH_ROWS: Final = 1 << 17
AHEAD: Final = 16
DOUBT: Final = "the match probability lies between the review and the link line"
_WORDS: Final = pa.dictionary(pa.int32(), pa.string())


@kernel
def count_sizes(cluster, sizes):  # type: ignore[no-untyped-def]
    """Count the records of each cluster into sizes, int32[n_records], at its smallest record."""
    for row in range(cluster.shape[0]):
        prefetch(sizes, np.int64(cluster[min(row + AHEAD, cluster.shape[0] - 1)]))
        sizes[cluster[row]] += 1


@kernel
def _gather_pairs(chosen, given, place, level_places, out, out_levels):  # type: ignore[no-untyped-def]
    """What the columns of some pairs are made of; what lies at random places is asked for ahead.

    level_places : int32[n_patterns, n_comparisons]; out_levels : int32[n_comparisons, n_chosen]
    """
    left, right, weight, is_link, refusal = given
    out_left, out_right, out_weight, out_is_link, out_refusal = out
    last = chosen.shape[0] - 1
    for row in range(chosen.shape[0]):
        coming = np.int64(chosen[min(row + AHEAD, last)])
        prefetch(left, coming)
        prefetch(right, coming)
        prefetch(weight, coming)
        prefetch(place, coming)
        prefetch(is_link, coming)
        prefetch(refusal, coming)
        pair = chosen[row]
        out_left[row], out_right[row], out_weight[row] = left[pair], right[pair], weight[pair]
        out_is_link[row], out_refusal[row] = is_link[pair], refusal[pair]
        pattern = place[pair]
        for number in range(level_places.shape[1]):
            out_levels[number, row] = level_places[pattern, number]


def _words(places: NDArray[Any], words: pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32, copy=False)), words)


def _with_words(schema: pa.Schema, names: frozenset[str]) -> pa.Schema:
    """The schema with some of its columns as dictionaries."""
    return pa.schema(
        [pa.field(each.name, _WORDS if each.name in names else each.type) for each in schema]
    )


class ClusterRows:
    """Rows of clusters.parquet, one a record, in the order of the input.

    Parameters
    ----------
    ingested : the encoded records
    decided : what became of them
    namespace : sets the enterprise ids of this table apart from those of any other
    enterprise_ids : uint64[n_records], the ids that an identity index gave; None makes some

    Attributes
    ----------
    schema : as readers see it
    sizes : int32[n_records], number of records of each cluster, at its smallest record
    """

    schema = CLUSTERS

    def __init__(
        self,
        ingested: Ingested,
        decided: Decided,
        namespace: str,
        enterprise_ids: NDArray[np.uint64] | None = None,
    ) -> None:
        self._ingested, self._decided, self._namespace = ingested, decided, namespace
        self._enterprise_ids = enterprise_ids
        self.sizes = np.zeros(ingested.record_count, np.int32)
        count_sizes(decided.cluster, self.sizes)

    @property
    def row_count(self) -> int:
        return self._ingested.record_count

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, built side by side; `source` as a dictionary."""
        names = pa.array(self._ingested.sources, pa.string())
        schema = _with_words(CLUSTERS, frozenset({"source"}))

        def build(chunk: tuple[int, NDArray[np.uint16], pa.Array]) -> pa.RecordBatch:
            first, source, record_id = chunk
            place = slice(first, first + len(source))
            cluster = self._decided.cluster[place]
            if self._enterprise_ids is not None:
                ids = self._enterprise_ids[place]
            else:
                ids = enterprise_ids_for(cluster, self._namespace)
            columns = [
                _words(source, names),
                record_id,
                format_enterprise_ids(ids),
                pa.array(self.sizes[cluster]),
                pa.array(self._decided.confidence[place]),
            ]
            return pa.record_batch(columns, schema=schema)

        return ordered_map(build, self._ingested.store.record_ids(), ahead=1)


@dataclass(frozen=True, slots=True)
class _Levels:
    """The labels of one comparison, and which of them each pattern shows."""

    name: str
    labels: pa.Array
    of_pattern: NDArray[np.int32]


class _WeightOrder:
    """The order of the pairs, found when the first of several tables asks."""

    def __init__(self, decided: Decided, by_weight: bool) -> None:
        self._weight = decided.edges.weight
        self._by_weight = by_weight
        self._order: NDArray[np.int64] | None = None
        self._lock = threading.Lock()

    def all_pairs(self) -> NDArray[np.int64]:
        with self._lock:
            if self._order is None:
                order = heaviest_first if self._by_weight else _as_they_come
                self._order = order(self._weight)
            return self._order


def _as_they_come(weight: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.arange(len(weight))


class PairRows:
    """Rows of links.parquet, heaviest first, or of review.parquet.

    Parameters
    ----------
    ingested, decided : as for ClusterRows
    compiled : the model that compared the pairs
    for_review : only the pairs that a person should decide, each with its reason
    like : a table of the same pairs, whose order and patterns serve here too
    by_weight : heaviest first; else in the order of the pairs

    Attributes
    ----------
    schema : as readers see it
    patterns : the patterns of all pairs
    """

    def __init__(
        self,
        ingested: Ingested,
        compiled: CompiledModel,
        decided: Decided,
        *,
        for_review: bool = False,
        like: PairRows | None = None,
        by_weight: bool = True,
    ) -> None:
        self._ingested, self._decided, self._for_review = ingested, decided, for_review
        if like is None:
            self._order = _WeightOrder(decided, by_weight)
            self.patterns: PatternIndex = index_patterns(decided.edges.pattern)
        else:
            self._order, self.patterns = like._order, like.patterns
        self._levels = _levels(compiled, self.patterns.pattern)
        self._labels = [each.labels for each in self._levels]
        of_pattern = [each.of_pattern for each in self._levels]
        self._level_places = np.ascontiguousarray(np.stack(of_pattern, axis=1), np.int32)
        self._refusals = pa.array(REFUSAL_TEXTS[1:], pa.string())
        self._reasons = pa.array([DOUBT, *REFUSAL_TEXTS[1:]], pa.string())
        self.schema = self._schema()

    @property
    def row_count(self) -> int:
        if self._for_review:
            return int(np.count_nonzero(~self._decided.is_link))
        return len(self._decided.edges)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, built side by side; texts of which there are few as dictionaries."""
        few = {"source_l", "source_r", "decision", "refused", "reason"}
        few |= {f"level_{each.name}" for each in self._levels}
        schema = _with_words(self.schema, frozenset(few))

        order = self._order.all_pairs()
        if self._for_review:
            order = order[~self._decided.is_link[order]]

        def build(part: slice) -> pa.RecordBatch:
            return pa.record_batch(self._columns(order[part]), schema=schema)

        return ordered_map(build, slices(len(order), BATCH_ROWS), ahead=1)

    def _columns(self, chosen: NDArray[np.int64]) -> list[pa.Array]:
        store, edges = self._ingested.store, self._decided.edges
        names = pa.array(self._ingested.sources, pa.string())
        columns: list[pa.Array] = []
        decided, count = self._decided, len(chosen)
        left, right, weight = np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count)
        is_link, refusal = np.empty(count, np.int32), np.empty(count, np.int32)
        levels = np.empty((len(self._levels), count), np.int32)
        _gather_pairs(
            chosen,
            (edges.left, edges.right, edges.weight, decided.is_link, decided.refusal),
            *(self.patterns.place, self._level_places),
            (left, right, weight, is_link, refusal),
            levels,
        )
        for rows in (left, right):
            columns.append(_words(store.gather_sources(rows), names))
            columns.append(store.gather_record_ids(rows))
        columns += [pa.array(weight), pa.array(match_probability(weight))]
        columns.append(_words(is_link, pa.array(["POSSIBLE_MATCH", "MATCH"])))
        places = pa.array(refusal - 1, mask=refusal == 0)
        columns.append(pa.DictionaryArray.from_arrays(places, self._refusals))
        columns += [_words(*each) for each in zip(levels, self._labels, strict=True)]
        if self._for_review:
            columns.append(_words(refusal, self._reasons))
        return columns

    def _schema(self) -> pa.Schema:
        text, number = pa.string(), pa.float64()
        names = ["source_l", "record_id_l", "source_r", "record_id_r"]
        fields = [pa.field(name, text) for name in names]
        fields += [pa.field(name, number) for name in ("match_weight", "match_probability")]
        fields += [pa.field(name, text) for name in ("decision", "refused")]
        fields += [pa.field(f"level_{each.name}", text) for each in self._levels]
        if self._for_review:
            fields.append(pa.field("reason", text))
        return pa.schema(fields)


def _levels(compiled: CompiledModel, pattern: NDArray[np.int64]) -> list[_Levels]:
    cells = compiled.unpack_patterns(pattern)
    levels = []
    for number, comparison in enumerate(compiled.comparisons):
        used, place = np.unique(cells[number], return_inverse=True)
        # Cells can share a label. A dictionary that repeats a word makes the Parquet writer pad
        # its page with whatever lay in memory: each word is there once.
        words = [level_label(comparison, int(cell)) for cell in used]
        number_of = {word: i for i, word in enumerate(dict.fromkeys(words))}
        of_used = np.array([number_of[word] for word in words], np.int32)
        labels = pa.array(list(number_of), pa.string())
        levels.append(_Levels(comparison.comparison.name, labels, of_used[place]))
    return levels
