"""Fit a model to encoded records: sample random pairs, count agreement patterns, estimate."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking.buckets import CandidateChunk
from blocking.passes import PassRunner
from blocking.rules import BlockingRule
from matching.compiled import CompiledModel, compile_model
from matching.frequencies import ExactAgreement, TermFrequencies, count_exact_agreement
from matching.model import Model
from matching.patterns import PatternCounter, PatternCounts
from matching.shipped import shipped_model
from matching.training import TrainedParameters, TrainingInput, TrainingOptions, estimate
from mpi.ingest import Ingested
from mpi.progress import Progress
from mpi.review.labels import PairLabels
from person.clusters import ClusterMembers
from person.records import origin_sources
from person.threads import map_slices, slices

__all__ = [
    "KEY_PREFIXES",
    "PairSpace",
    "Trained",
    "candidate_patterns",
    "learning_prefixes",
    "pair_space",
    "random_patterns",
    "refit",
    "train_on",
]

RANDOM_PAIRS: Final = 1_000_000
RIGHTS_PER_LEFT: Final = 20
SHIPPED_PRIOR_PAIRS: Final = 500.0
CHUNK_PAIRS: Final = 32_768
LEARNING_RECORDS: Final = 400_000
"""Records whose candidate pairs are learnt from: of a larger table each rule's keys are sampled,
whole blocks at a time. The last fit is to all pairs that scoring keeps in any case."""
KEY_PREFIXES: Final = 1 << 16
"""Equal parts of a rule's keys, as `PassRunner.run_rule` counts them."""

_Agreements = Mapping[str, Mapping[frozenset[int], ExactAgreement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSpace:
    """Which pairs a job asks about.

    Attributes
    ----------
    mode : 'dedupe', 'link_only' or 'link_and_dedupe'
    total_pairs : how many there are
    side_of_source : int8[n_sources]; in link_only, pairs are of different sides
    """

    mode: str
    total_pairs: float
    side_of_source: NDArray[np.int8]

    def keeps(self, left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Which pairs of these sources belong to the job; None for all."""
        if self.mode != "link_only":
            return None
        kept: NDArray[np.bool_] = self.side_of_source[left] != self.side_of_source[right]
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A fitted model with the frequencies and counts behind it.

    `random` are the patterns of random pairs; `observed` is None for a model given from outside.
    """

    model: Model
    frequencies: dict[str, TermFrequencies]
    random: PatternCounts
    observed: TrainingInput | None


def pair_space(ingested: Ingested, mode: str) -> PairSpace:
    """Count the pairs a job asks about."""
    count = ingested.record_count
    total = count * (count - 1) / 2
    if mode == "link_only":
        per_side = np.zeros(2)
        for _, source, _ in ingested.store.record_ids():
            per_side += np.bincount(ingested.side_of_source[source], minlength=2)[:2]
        total = float(per_side[0] * per_side[1])
    return PairSpace(mode=mode, total_pairs=max(total, 1.0), side_of_source=ingested.side_of_source)


def train_on(
    ingested: Ingested,
    model: Model,
    rules: Sequence[BlockingRule],
    space: PairSpace,
    *,
    memory_bytes: int,
    seed: int,
    progress: Progress,
    matches: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
    judged: PairLabels | None = None,
    options: TrainingOptions | None = None,
    candidates: Callable[[CompiledModel], PatternCounts] | None = None,
    agreement_scale: float = 1.0,
) -> Trained:
    """Fit m, u and the prior of `model` to the records.

    Parameters
    ----------
    model : comparisons to fit; probabilities it already has serve as the start
    rules : blocking rules whose candidate pairs are learnt from
    matches : row numbers of pairs known to match, int64[n] each; then m comes from these alone
    judged : pairs that stewards decided on: taken as they were decided among all candidates
    ingested : the encoded records
    space : which pairs the job asks about
    memory_bytes : for the passes' buffers and the counted values
    seed : of the random pairs
    progress : told of each stage
    options : TrainingOptions other than the usual
    candidates : counts the candidate pairs' patterns, where they are not those of `ingested`; it
        is then a sample of the records, for counts and random pairs
    agreement_scale : pairs of the table for each pair of that sample

    Returns
    -------
    Trained; its notes say so where there was nothing to learn from
    """
    with progress.stage("count values"):
        agreements, frequencies = count_exact_agreement(
            ingested.store, ingested.layout, model.comparisons, memory_bytes=memory_bytes // 2
        )
    untrained = compile_model(
        model.replace(probability_two_random_records_match=None),
        ingested.layout,
        ingested.overflow,
    )
    with progress.stage("sample random pairs") as stage:
        random = random_patterns(ingested, untrained, space, seed)
        stage.advance(int(random.pair_count))
    with progress.stage("learn from candidate pairs"):
        if candidates is None:
            found = candidate_patterns(ingested, untrained, rules, space, memory_bytes)
        else:
            found = candidates(untrained)
        known = None if matches is None else _patterns_of(untrained, ingested, *matches)
        observed = TrainingInput(
            candidates=found,
            random=random,
            agreements=_scaled(agreements, agreement_scale),
            total_pairs=space.total_pairs,
            matches=known,
            judged_same=_judged_patterns(untrained, ingested, judged, same=True),
            judged_different=_judged_patterns(untrained, ingested, judged, same=False),
            prior={each.name: each for each in model.comparisons},
        )
        fitted = estimate(untrained, observed, options or options_for(model))
    method = "labels" if matches is not None else "expectation-maximisation"
    method += " with decided pairs" if judged is not None else ""
    trained = _fitted_model(model, fitted, {"method": method, "seed": seed})
    return Trained(model=trained, frequencies=frequencies, random=random, observed=observed)


def _scaled(agreements: _Agreements, scale: float) -> _Agreements:
    return {
        name: {
            parts: ExactAgreement(each.agreeing_pairs * scale, each.present_pairs * scale)
            for parts, each in counted.items()
        }
        for name, counted in agreements.items()
    }


def _judged_patterns(
    compiled: CompiledModel, ingested: Ingested, judged: PairLabels | None, *, same: bool
) -> PatternCounts | None:
    return None if judged is None else _patterns_of(compiled, ingested, *judged.of(same=same))


def _fitted_model(model: Model, fitted: TrainedParameters, training: Mapping[str, Any]) -> Model:
    """The model with what was estimated, and a record of how."""
    return model.replace(
        comparisons=fitted.comparisons,
        probability_two_random_records_match=fitted.probability_two_random_records_match,
        probability_two_random_records_relatives=fitted.probability_two_random_records_relatives,
        training={**training, "notes": list(fitted.notes), **fitted.facts},
    )


def options_for(model: Model) -> TrainingOptions:
    """A model that ships with the product weighs more beside a table than the usual start."""
    is_shipped = shipped_model(model.schema.name) is not None
    return TrainingOptions(m_prior_pairs=SHIPPED_PRIOR_PAIRS) if is_shipped else TrainingOptions()


def refit(
    trained: Trained,
    compiled: CompiledModel,
    kept: PatternCounts,
    *,
    ingested: Ingested | None = None,
    cluster: NDArray[np.signedinteger[Any]] | None = None,
    memory_bytes: int = 1 << 30,
) -> Trained:
    """Fit the model again to every pair that scoring kept.

    The first fit learns from the pairs of narrow blocks, which agree more than matches do; the
    kept pairs come from all blocks, and those left out are matches with a chance under 1 in
    65,000, so they would teach nothing.

    Parameters
    ----------
    trained : the first fit
    compiled : its model
    kept : agreement patterns of the kept pairs, counted
    ingested, cluster : the records and int32[n_records], the clusters found so far; values are
        then counted by person and not by record
    memory_bytes : for the counted values
    """
    frequencies = trained.frequencies
    agreements = None
    if cluster is not None and ingested is not None:
        agreements, frequencies = count_exact_agreement(
            ingested.store,
            ingested.layout,
            trained.model.comparisons,
            memory_bytes=memory_bytes // 2,
            people=ClusterMembers.of(cluster),
        )
    if trained.observed is None:  # a model given from outside keeps its probabilities
        return replace(trained, frequencies=frequencies)
    observed = replace(trained.observed, candidates=kept)
    if agreements is not None:
        observed = replace(observed, agreements=agreements, counts_people=True)
    fitted = estimate(compiled, observed, options_for(trained.model))
    model = _fitted_model(trained.model, fitted, trained.model.training)
    return replace(trained, model=model, frequencies=frequencies, observed=observed)


class ThreadCounters:
    """One pattern counter a thread; their sum is the result."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._all: list[PatternCounter] = []
        self._lock = threading.Lock()

    def mine(self) -> PatternCounter:
        counter: PatternCounter | None = getattr(self._local, "counter", None)
        if counter is None:
            counter = self._local.counter = PatternCounter()
            with self._lock:
                self._all.append(counter)
        return counter

    def result(self) -> PatternCounts:
        parts = [counter.result() for counter in self._all] or [PatternCounter().result()]
        patterns = np.concatenate([part.pattern for part in parts])
        counts = np.concatenate([part.count for part in parts])
        unique, place = np.unique(patterns, return_inverse=True)
        return PatternCounts(unique, np.bincount(place, counts, len(unique)).astype(np.float64))


def candidate_patterns(
    ingested: Ingested,
    compiled: CompiledModel,
    rules: Sequence[BlockingRule],
    space: PairSpace,
    memory_bytes: int,
    *,
    prefixes: int | None = None,
) -> PatternCounts:
    """Count the agreement patterns of candidate pairs, of a large table those of a share of keys.

    Parameters
    ----------
    ingested : the encoded records
    compiled : the model whose comparisons are made
    rules : blocking rules, in order of precedence
    space : which pairs the job asks about
    memory_bytes : for the passes' buffers
    prefixes : of KEY_PREFIXES equal parts of the keys, how many are looked at; None for as many
        as the number of records asks for
    """
    counters = ThreadCounters()

    def consume(chunk: CandidateChunk) -> None:
        left, right = pairs_in_space(chunk, space)
        counters.mine().add(compiled.score(chunk.rows, chunk.rows, left, right).pattern)

    runner = PassRunner(
        ingested.store,
        ingested.layout,
        rules,
        memory_bytes=memory_bytes,
        link_mode="link_only" if space.mode == "link_only" else "dedupe",
        overflow=ingested.overflow,
    )
    if prefixes is None:
        prefixes = learning_prefixes(ingested.record_count)
    kept = None if prefixes == KEY_PREFIXES else prefixes
    for place in range(len(runner.numbers)):
        runner.run_rule(place, consume, keep_prefixes=kept)
    counts = counters.result()
    return counts if kept is None else counts.scaled(KEY_PREFIXES / prefixes)


def learning_prefixes(record_count: int) -> int:
    """Of KEY_PREFIXES equal parts of the keys, how many a table of so many records learns from."""
    share = min(1.0, LEARNING_RECORDS / max(record_count, 1))
    return max(1, round(share * KEY_PREFIXES))


def pairs_in_space(
    chunk: CandidateChunk, space: PairSpace
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The pairs of a chunk that the job asks about."""
    if space.mode != "link_only":
        return chunk.left, chunk.right
    source = origin_sources(chunk.rows).astype(np.int64)
    kept = space.keeps(source[chunk.left], source[chunk.right])
    assert kept is not None
    if kept.all():
        return chunk.left, chunk.right
    return chunk.left[kept], chunk.right[kept]


def random_patterns(
    ingested: Ingested, compiled: CompiledModel, space: PairSpace, seed: int
) -> PatternCounts:
    """Patterns of random pairs: all pairs of a small table, a million of a large one.

    Parameters
    ----------
    ingested : the encoded records
    compiled : the model whose comparisons are made
    space : which pairs the job asks about
    seed : of the choice
    """
    random = np.random.default_rng(seed)
    if space.mode == "link_only":
        source = ingested.store.gather_sources(np.arange(ingested.record_count))
        side = space.side_of_source[source]
        left, right = _pairs_across(np.flatnonzero(side == 0), np.flatnonzero(side == 1), random)
    else:
        left, right = _pairs_within(ingested.record_count, random)
    return _patterns_of(compiled, ingested, left, right)


def _pairs_within(
    count: int, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if count * (count - 1) // 2 <= RANDOM_PAIRS:
        left, right = (each.astype(np.int64) for each in np.triu_indices(count, 1))
        return left, right
    # Each left row meets several right rows: decoding it once is worth more than the little
    # independence lost (exact agreement, where that would tell, is counted elsewhere).
    left = np.repeat(random.integers(0, count, RANDOM_PAIRS // RIGHTS_PER_LEFT), RIGHTS_PER_LEFT)
    right = random.integers(0, count - 1, len(left))
    right += right >= left
    return left, right


def _pairs_across(
    one: NDArray[np.int64], other: NDArray[np.int64], random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of different sides, as many however unequal the sides are."""
    if len(one) * len(other) <= RANDOM_PAIRS:
        return np.repeat(one, len(other)), np.tile(other, len(one))
    lefts = one[random.integers(0, len(one), RANDOM_PAIRS // RIGHTS_PER_LEFT)]
    left = np.repeat(lefts, RIGHTS_PER_LEFT)
    return left, other[random.integers(0, len(other), len(left))]


def _patterns_of(
    compiled: CompiledModel,
    ingested: Ingested,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
) -> PatternCounts:
    counters = ThreadCounters()

    def count(part: slice) -> None:
        rows, a, b = ingested.store.gather_pairs(left[part], right[part])
        counters.mine().add(compiled.score(rows, rows, a, b).pattern)

    map_slices(count, slices(len(left), CHUNK_PAIRS))
    return counters.result()
