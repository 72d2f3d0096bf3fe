"""Approximate blocking: candidate pairs for records that every exact key left alone.

An exact rule loses a pair as soon as each of its keys holds a slip. Here a record becomes a
signature of 256 bits (`blocking.signatures`), records that resemble each other differ in few of
them, and faiss finds the nearest: an inverted file of binary codes, in which a query reads only
the lists nearest to it. Only the given records ask, but all records answer, for the other half of
a pair may be linked already.

What the exact rules have compared is not delivered again. faiss is an extra (`approximate`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking.context import PAIRS_IN_CHUNK, CandidateChunk, Consumer
from blocking.kernels import combine_keys
from blocking.keys import ResolvedRules, resolve_rules
from blocking.report import PassReport
from blocking.rules import BlockingRule
from blocking.signatures import SIGNATURE_WORDS, SignaturePlan, signature_plan
from person.errors import BlockingError, ConfigError
from person.field import OverflowTable
from person.layout import Layout
from person.records import ORIGIN_SOURCE_SHIFT, RecordSource, origin_sources
from person.threads import map_slices, slices, thread_count

__all__ = [
    "RULE_NAME",
    "ApproximateOptions",
    "deliver_pairs",
    "run_approximate",
    "signature_fields",
]

RULE_NAME: Final = "likeness"
SIGNATURE_BYTES: Final = 8 * SIGNATURE_WORDS
SIGNATURE_BITS: Final = 64 * SIGNATURE_WORDS
FLAT_RECORDS_MAX: Final = 20_000
"""Tables up to this size are searched in full."""

QUERIES_AT_ONCE: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproximateOptions:
    """How far and how long to look.

    Attributes
    ----------
    neighbours : nearest records asked for by each query
    distance_max : bits, of 256, in which a pair may differ; two strangers differ in some 60
    lists_read : lists of the inverted file that a query reads; more finds more and takes longer
    """

    neighbours: int = 5
    distance_max: int = 30
    lists_read: int = 16

    def __post_init__(self) -> None:
        if not 1 <= self.neighbours <= 100:
            raise ConfigError("approximate blocking: neighbours must be 1 to 100")
        if not 0 <= self.distance_max <= SIGNATURE_BITS:
            raise ConfigError(f"approximate blocking: distance_max must be 0 to {SIGNATURE_BITS}")
        if self.lists_read < 1:
            raise ConfigError("approximate blocking: lists_read must be 1 or more")


def run_approximate(
    source: RecordSource,
    layout: Layout,
    rules: Sequence[BlockingRule],
    asks: NDArray[np.bool_],
    *,
    link_mode: str,
    memory_bytes: int,
    consumer: Consumer,
    overflow: OverflowTable | None = None,
    options: ApproximateOptions | None = None,
) -> PassReport:
    """Deliver pairs of records that resemble each other and share no rule's key.

    Parameters
    ----------
    source : records; read once for the index and once more for each batch of queries
    layout : where their fields lie
    rules : those that have been run; pairs that share all keys of one are left out
    asks : bool[n_records], the records to find partners for
    link_mode : 'dedupe', 'link_and_dedupe', or 'link_only' for pairs across sources only
    memory_bytes : what the index and the rows of a batch may take together
    consumer : called on worker threads with a `CandidateChunk`, as by `run_passes`; its
        rule_index is the number of `rules`
    overflow : text that did not fit its slot, as for `run_passes`
    options : how far to look

    Returns
    -------
    PassReport; `keyed_records` are those that asked

    Raises
    ------
    ConfigError : faiss is not installed, or the records have no field to tell likeness by
    BlockingError : the index does not fit into `memory_bytes`

    Notes
    -----
    Each pair is delivered once. The same input gives the same pairs, whatever the threads. Time
    is O(n sqrt n) for the index and as much a query list read: meant for millions of records,
    not for a nation.
    """
    chosen = options or ApproximateOptions()
    plan = signature_plan(layout, signature_fields(layout))
    began = time.perf_counter()
    asking = np.flatnonzero(asks)
    pairs = 0
    if len(asking) and source.record_count > 1:
        _check_memory(source.record_count, len(asking), memory_bytes)
        resolved = resolve_rules(rules, layout, overflow)
        index, queries = _build(source, plan, asks, chosen)
        room = max(memory_bytes // 4, 1 << 22) // (8 * (source.n_words + 1))
        batch = max(room // (1 + chosen.neighbours), 1)
        seen = _Delivered(source.record_count)
        for part in slices(len(asking), batch):
            left, right = _neighbours(index, asking[part], queries[part], chosen)
            left, right = seen.fresh(left, right)
            pairs += deliver_pairs(
                source,
                resolved,
                left,
                right,
                link_mode=link_mode,
                consumer=consumer,
                rule_index=len(rules),
            )
    return PassReport(
        rule=RULE_NAME,
        rule_index=len(rules),
        keyed_records=len(asking),
        unkeyed_records=source.record_count - len(asking),
        pairs=pairs,
        rounds=1,
        seconds=time.perf_counter() - began,
    )


def signature_fields(layout: Layout) -> tuple[str, ...]:
    """The fields that signatures are made of: all of which more than a hash is kept.

    Parameters
    ----------
    layout : of the records

    Raises
    ------
    ConfigError : there is none
    """
    fields = tuple(name for name in layout.positions if not layout.is_hashed(name))
    if not fields:
        raise ConfigError("approximate blocking needs a field that is kept as more than a hash")
    return fields


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise ConfigError(
            "approximate blocking needs faiss; pip install 'mpi-index[approximate]'"
        ) from error
    return faiss


def _check_memory(records: int, asking: int, memory_bytes: int) -> None:
    needed = records * (SIGNATURE_BYTES + 8) + asking * (SIGNATURE_BYTES + 16)
    if needed > memory_bytes:
        raise BlockingError(
            f"the index of approximate blocking needs {needed / 2**30:.1f} GiB for {records} "
            f"records, {memory_bytes / 2**30:.1f} GiB are there; give more memory or leave it out"
        )


def _build(
    source: RecordSource, plan: SignaturePlan, asks: NDArray[np.bool_], options: ApproximateOptions
) -> tuple[Any, NDArray[np.uint8]]:
    """The index over all records, and the signatures of those that ask."""
    faiss = _faiss()
    faiss.omp_set_num_threads(thread_count())
    index = _empty_index(faiss, source, plan, options)
    queries = np.empty((int(np.count_nonzero(asks)), SIGNATURE_BYTES), np.uint8)
    filled = 0
    for first, codes in _codes(source, plan):
        index.add(codes)
        mine = codes[asks[first : first + len(codes)]]
        queries[filled : filled + len(mine)] = mine
        filled += len(mine)
    return index, queries


def _codes(source: RecordSource, plan: SignaturePlan) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(first record, signatures uint8[k, 32]) of each chunk, made on all cores."""
    for chunk in source.chunks():
        pieces = [np.ascontiguousarray(chunk.rows[part]) for part in slices(len(chunk), 1 << 14)]
        parts = map_slices(plan.signatures, pieces)
        if parts:
            yield chunk.first_row, np.concatenate(parts).view(np.uint8).reshape(len(chunk), -1)


def _empty_index(
    faiss: Any, source: RecordSource, plan: SignaturePlan, options: ApproximateOptions
) -> Any:
    """Flat for a small table; else an inverted file whose lists an even sample of records leads.

    Centroids by k-means found no more (within 1 % of the pairs, 100,000 residents) and took longer
    than everything else.
    """
    if source.record_count <= FLAT_RECORDS_MAX:
        return faiss.IndexBinaryFlat(SIGNATURE_BITS)
    step = max(1, int(np.sqrt(source.record_count)))
    leaders = []
    for chunk in source.chunks():
        rows = np.ascontiguousarray(chunk.rows[-chunk.first_row % step :: step])
        leaders.append(plan.signatures(rows))
    codes = np.concatenate(leaders).view(np.uint8).reshape(-1, SIGNATURE_BYTES)
    quantizer = faiss.IndexBinaryFlat(SIGNATURE_BITS)
    quantizer.add(codes)
    index = faiss.IndexBinaryIVF(quantizer, SIGNATURE_BITS, len(codes))
    index.quantizer_of_lists = quantizer  # faiss does not keep it alive
    index.is_trained = True
    index.nprobe = options.lists_read
    return index


def _neighbours(
    index: Any, asking: NDArray[np.int64], queries: NDArray[np.uint8], options: ApproximateOptions
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of record numbers near enough, the smaller one first; some twice."""
    lefts, rights = [], []
    count = options.neighbours + 1  # each finds itself
    for part in slices(len(asking), QUERIES_AT_ONCE):
        distance, found = index.search(queries[part], count)
        records = np.repeat(asking[part], count).reshape(distance.shape)
        near = (found >= 0) & (distance <= options.distance_max) & (found != records)
        lefts.append(np.minimum(records[near], found[near]))
        rights.append(np.maximum(records[near], found[near]))
    empty = np.zeros(0, np.int64)
    return np.concatenate([empty, *lefts]), np.concatenate([empty, *rights])


class _Delivered:
    """Pairs of earlier batches, so that no pair is delivered twice."""

    def __init__(self, record_count: int) -> None:
        self._record_count = record_count
        self._keys = np.zeros(0, np.int64)

    def fresh(
        self, left: NDArray[np.int64], right: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pairs not met before, each once, sorted by (left, right)."""
        keys = np.unique(left * self._record_count + right)
        keys = keys[~np.isin(keys, self._keys, assume_unique=True)]
        self._keys = np.concatenate([self._keys, keys])
        return keys // self._record_count, keys % self._record_count


def deliver_pairs(
    source: RecordSource,
    resolved: ResolvedRules,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    *,
    link_mode: str,
    consumer: Consumer,
    rule_index: int,
) -> int:
    """Hand out given pairs of records, those left out that a rule has compared.

    Parameters
    ----------
    source : records; read once, the pairs' rows are gathered
    resolved : the rules that have been run
    left, right : int64[n_pairs], record numbers, each pair once, left < right, sorted
    link_mode : 'link_only' leaves pairs of one source out
    consumer : called on worker threads with a `CandidateChunk`
    rule_index : what the chunks call the rule

    Returns
    -------
    Pairs delivered
    """
    wanted = np.unique(np.concatenate([left, right]))
    rows = _gather(source, wanted)

    def hand_out(part: slice) -> int:
        mine, place = np.unique(np.concatenate([left[part], right[part]]), return_inverse=True)
        chunk = rows[np.searchsorted(wanted, mine)]
        ends = place.reshape(2, -1)
        fresh = ~_are_known(resolved, chunk, ends[0], ends[1])
        if link_mode == "link_only":
            sources = origin_sources(chunk)
            fresh &= sources[ends[0]] != sources[ends[1]]
        one, other = (each[fresh].astype(np.int32) for each in ends)
        if len(one):
            consumer(CandidateChunk(rule_index, chunk, one, other))
        return len(one)

    return sum(map_slices(hand_out, slices(len(left), PAIRS_IN_CHUNK)))


def _gather(source: RecordSource, wanted: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Travelling rows of the wanted records, uint64[n, n_words + 1], from one reading."""
    out = np.empty((len(wanted), source.n_words + 1), np.uint64)
    for chunk in source.chunks():
        start, stop = np.searchsorted(wanted, [chunk.first_row, chunk.first_row + len(chunk)])
        if start == stop:
            continue
        places = wanted[start:stop] - chunk.first_row
        out[start:stop, :-1] = chunk.rows[places]
        out[start:stop, -1] = chunk.source[places].astype(np.uint64) << np.uint64(
            ORIGIN_SOURCE_SHIFT
        ) | wanted[start:stop].astype(np.uint64)
    return out


def _are_known(
    resolved: ResolvedRules,
    rows: NDArray[np.uint64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Pairs that share a key of any rule, bool[n_pairs]."""
    known = np.zeros(len(left), np.bool_)
    if not resolved.rules:
        return known
    parts = np.zeros((len(resolved.parts), len(rows)), np.uint64)
    resolved.fill_parts(range(len(parts)), rows, parts)
    for rule in resolved.rules:
        keys = np.empty((len(rule.variants), len(rows)), np.uint64)
        for variant, part_index in enumerate(rule.variants):
            combine_keys(parts, part_index, len(rows), keys[variant])
        for one in keys:
            for other in keys:
                known |= (one[left] == other[right]) & (one[left] != 0)
    return known
