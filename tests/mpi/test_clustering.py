"""Clusters: components, best links, and merges judged against clusters as wholes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mpi import cluster_lane, cluster_lanes
from mpi.cluster_lanes import _priorities
from mpi.clustering import (
    ClusterOptions,
    ClusterOutcome,
    Edges,
    MergeGuard,
    RefusalReason,
    cluster_constrained,
    connected_components,
    one_to_one,
)
from person.errors import ConfigError

Pair = tuple[int, int]
WeightOf = Callable[[int, int], float]

# ------------------------------------------------------------------------------ naive twins


def naive_components(n: int, pairs: Sequence[Pair]) -> list[int]:
    cluster = list(range(n))
    for _ in range(n):
        for one, other in pairs:
            cluster[one] = cluster[other] = min(cluster[one], cluster[other])
    return cluster


def naive_one_to_one(
    pairs: Sequence[Pair], weight: Sequence[float], source: Sequence[int]
) -> list[bool]:
    keep = [False] * len(pairs)
    taken: set[Pair] = set()
    order = sorted(range(len(pairs)), key=lambda e: (-weight[e], *sorted(pairs[e]), e))
    for edge in order:
        one, other = pairs[edge]
        needs = {(one, source[other]), (other, source[one])}
        if source[one] != source[other] and not needs & taken:
            keep[edge] = True
            taken |= needs
    return keep


@dataclass(frozen=True)
class Case:
    """A clustering job in plain Python."""

    n: int
    edges: dict[Pair, float]
    others: dict[Pair, float]
    identity: list[int]
    different: list[Pair]
    source: list[int]
    duplicate_free: tuple[int, ...]

    def weight_of(self, one: int, other: int) -> float:
        pair = (min(one, other), max(one, other))
        return self.edges[pair] if pair in self.edges else self.others.get(pair, -15.0)

    def are_dissimilar(self, one: int, other: int) -> bool:
        return abs(self.identity[one] - self.identity[other]) > 1

    def edge_arrays(self) -> Edges:
        pairs = np.array(list(self.edges), np.int32).reshape(-1, 2)
        weight = np.array(list(self.edges.values()), np.float64)
        return Edges(pairs[:, 0].copy(), pairs[:, 1].copy(), weight)

    def guard(self) -> MergeGuard:
        different = np.array(self.different, np.int32).reshape(-1, 2)
        identity = np.array(self.identity, np.uint64)
        return MergeGuard(
            identity=identity,
            are_dissimilar=lambda left, right: np.array(
                [self.are_dissimilar(i, j) for i, j in zip(left, right)], np.bool_
            ),
            different_left=different[:, 0],
            different_right=different[:, 1],
            source=np.array(self.source, np.int32),
            duplicate_free_sources=self.duplicate_free,
        )

    def run(self, options: ClusterOptions) -> ClusterOutcome:
        return cluster_constrained(
            self.n, self.edge_arrays(), self.guard(), scorer_for(self.weight_of), options
        )


def scorer_for(weight_of: WeightOf) -> Callable[[Any, Any], NDArray[np.float64]]:
    return lambda left, right: np.array(
        [weight_of(int(i), int(j)) for i, j in zip(left, right)], np.float64
    )


def naive_guard(case: Case, a: list[int], b: list[int]) -> int:
    cross = [(i, j) for i in a for j in b]
    if any((min(p), max(p)) in {(min(d), max(d)) for d in case.different} for p in cross):
        return RefusalReason.DIFFERENT
    sources = [{case.source[i] for i in side} & set(case.duplicate_free) for side in (a, b)]
    if sources[0] & sources[1]:
        return RefusalReason.DUPLICATE_FREE_SOURCE
    ids = case.identity
    if any(ids[i] and ids[j] and ids[i] != ids[j] and case.are_dissimilar(i, j) for i, j in cross):
        return RefusalReason.DISSIMILAR_IDENTITY
    return 0


def naive_incoherence(case: Case, options: ClusterOptions, a: list[int], b: list[int]) -> int:
    priority = _priorities(np.arange(case.n, dtype=np.int32), options.seed)
    speakers = [
        sorted(side, key=lambda row: priority[row])[: options.representatives_max]
        for side in (a, b)
    ]
    total = 0.0
    for i in speakers[0]:
        for j in speakers[1]:
            weight = case.weight_of(i, j) - options.weight_of_no_evidence
            total += min(max(weight, options.weight_clip_low), options.weight_clip_high)
    mean = total / (len(speakers[0]) * len(speakers[1]))
    return RefusalReason.INCOHERENT if mean < options.coherence_min else 0


def naive_clusters(case: Case, options: ClusterOptions) -> tuple[list[int], dict[Pair, int]]:
    cluster = list(range(case.n))
    refused: dict[Pair, int] = {}
    for pair in sorted(case.edges, key=lambda pair: (-case.edges[pair], *pair)):
        one, other = sorted(cluster[row] for row in pair)
        if one != other:
            a = [row for row in range(case.n) if cluster[row] == one]
            b = [row for row in range(case.n) if cluster[row] == other]
            reason = (
                naive_guard(case, [pair[0]], [pair[1]])
                or naive_guard(case, a, b)
                or naive_incoherence(case, options, a, b)
            )
            if reason:
                refused[pair] = reason
            else:
                cluster = [one if each == other else each for each in cluster]
    apart = {p: reason for p, reason in refused.items() if cluster[p[0]] != cluster[p[1]]}
    return cluster, apart


# ------------------------------------------------------------------------------- strategies


@st.composite
def cases(draw: st.DrawFn) -> Case:
    n = draw(st.integers(2, 14))
    all_pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    weights = st.sampled_from([-25.0, -8.0, -1.0, 0.5, 3.0, 9.0, 12.0, 30.0])
    edges = draw(st.dictionaries(st.sampled_from(all_pairs), weights, max_size=3 * n))
    others = draw(st.dictionaries(st.sampled_from(all_pairs), weights, max_size=3 * n))
    return Case(
        n=n,
        edges=edges,
        others=others,
        identity=draw(st.lists(st.sampled_from([0, 0, 0, 5, 6, 7]), min_size=n, max_size=n)),
        different=draw(st.lists(st.sampled_from(all_pairs), max_size=2)),
        source=draw(st.lists(st.integers(0, 70), min_size=n, max_size=n)),
        duplicate_free=draw(st.sampled_from([(), (3,), tuple(range(71))])),
    )


option_sets = st.builds(
    ClusterOptions,
    coherence_min=st.sampled_from([0.0, 2.0, -5.0]),
    weight_of_no_evidence=st.sampled_from([0.0, -12.0]),
    weight_clip_high=st.sampled_from([10.0, 20.0]),
    representatives_max=st.sampled_from([1, 2, 3, 8]),
    seed=st.integers(0, 3),
)


def plain_case(n: int, edges: dict[Pair, float], others: dict[Pair, float], **more: Any) -> Case:
    facts = {
        "identity": [0] * n, "different": [], "source": list(range(n)), "duplicate_free": (),
    } | more  # fmt: skip
    return Case(n=n, edges=edges, others=others, **facts)


def cluster_list(outcome: ClusterOutcome) -> list[int]:
    result: list[int] = outcome.cluster.tolist()
    return result


def reasons_by_pair(case: Case, outcome: ClusterOutcome) -> dict[Pair, int]:
    pairs = list(case.edges)
    return {
        pairs[edge]: reason
        for edge, reason in zip(outcome.refused_edge.tolist(), outcome.refused_reason.tolist())
    }


# ------------------------------------------------------------------------- plain components


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11))))
def test_components_agree_with_the_naive_twin(n: int, pairs: list[Pair]) -> None:
    """A row's component is numbered by the smallest row it is connected with."""
    inside = np.array([p for p in pairs if max(p) < n], np.int32).reshape(-1, 2)
    actual = connected_components(n, inside[:, 0], inside[:, 1])
    assert naive_components(n, inside.tolist()) == actual.tolist()
    assert np.int32 == actual.dtype


def test_components_of_no_records_are_none() -> None:
    """An empty table has no clusters."""
    empty = np.zeros(0, np.int32)
    assert [] == connected_components(0, empty, empty).tolist()


def test_components_of_a_long_chain_are_one() -> None:
    """A path of a hundred thousand records, given backwards, is one component."""
    left = np.arange(99_999, dtype=np.int32)[::-1].copy()
    assert not connected_components(100_000, left + 1, left).any()


# --------------------------------------------------------------------------- best links


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from([1.0, 2.0, 3.0])),
        max_size=25,
    ),
    st.lists(st.integers(0, 3), min_size=10, max_size=10),
)
def test_best_links_agree_with_the_naive_twin(
    links: list[tuple[int, int, float]], source: list[int]
) -> None:
    """Links are taken greedily by weight, each end once for each other source."""
    links = [link for link in links if link[0] != link[1]]
    pairs = [(one, other) for one, other, _ in links]
    weight = [w for _, _, w in links]
    rows = np.array(pairs, np.int32).reshape(-1, 2)
    actual = one_to_one(rows[:, 0], rows[:, 1], np.array(weight), np.array(source, np.int32))
    assert naive_one_to_one(pairs, weight, source) == actual.tolist()


def test_a_record_keeps_only_its_best_link_into_another_source() -> None:
    """Of two candidates in the other table the heavier wins, and its own other link is freed."""
    left, right = np.array([0, 0, 1], np.int32), np.array([2, 3, 2], np.int32)
    keep = one_to_one(left, right, np.array([9.0, 8.0, 7.0]), np.array([0, 0, 1, 1], np.int32))
    assert [True, False, False] == keep.tolist()


# --------------------------------------------------------------- clusters judged as wholes


@given(cases(), option_sets)
@settings(max_examples=300)
def test_constrained_clusters_agree_with_the_naive_twin(
    case: Case, options: ClusterOptions
) -> None:
    """Waves of guesses end where taking links one by one ends, refusals and reasons included."""
    clusters, refused = naive_clusters(case, options)
    outcome = case.run(options)
    assert clusters == cluster_list(outcome)
    assert refused == reasons_by_pair(case, outcome)


@given(cases(), option_sets)
@settings(max_examples=100)
def test_tight_lanes_change_nothing(case: Case, options: ClusterOptions) -> None:
    """Small lanes, small requests and shallow guesses take more waves to the same outcome."""
    usual = case.run(options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster_lanes, "_LANE_ROWS", 4)
        patch.setattr(cluster_lane, "_REQUESTS_MAX", 2)
        patch.setattr(cluster_lane, "_DEPTH_START", 1)
        patch.setattr(cluster_lane, "_TRIANGLE_ROWS_MAX", 5)
        tight = case.run(options)
    assert cluster_list(usual) == cluster_list(tight)
    assert usual.refused_edge.tolist() == tight.refused_edge.tolist()
    assert usual.refused_reason.tolist() == tight.refused_reason.tolist()
    assert usual.confidence.tolist() == tight.confidence.tolist()


@given(cases(), option_sets, st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_order_of_links_changes_nothing(case: Case, options: ClusterOptions, random: Any) -> None:
    """Shuffled links with swapped ends give the same clusters, confidence and refusals."""
    usual = case.run(options)
    given_edges = case.edge_arrays()
    order = list(range(len(given_edges.left)))
    random.shuffle(order)
    place = np.array(order, np.int64)
    swapped = Edges(given_edges.right[place], given_edges.left[place], given_edges.weight[place])
    shuffled = cluster_constrained(
        case.n, swapped, case.guard(), scorer_for(case.weight_of), options
    )
    assert cluster_list(usual) == cluster_list(shuffled)
    assert usual.confidence.tolist() == shuffled.confidence.tolist()
    assert usual.refused_edge.tolist() == sorted(place[shuffled.refused_edge].tolist())


@given(cases(), option_sets)
@settings(max_examples=100)
def test_no_cluster_breaks_a_guard(case: Case, options: ClusterOptions) -> None:
    """No cluster holds a declared difference, two dissimilar ids, or a source's record twice."""
    clusters = cluster_list(case.run(options))
    for i in range(case.n):
        for j in range(i):
            if clusters[i] == clusters[j]:
                assert (j, i) not in case.different
                assert not (case.identity[i] and case.identity[j] and case.are_dissimilar(i, j))
                assert case.source[i] != case.source[j] or (
                    case.source[i] not in case.duplicate_free
                )


def test_a_chain_of_strangers_is_cut_at_its_weakest_link() -> None:
    """A record resembling two persons joins the nearer one, and the other link is reported."""
    case = plain_case(3, {(0, 1): 15.0, (1, 2): 12.0}, {(0, 2): -18.0})
    outcome = case.run(ClusterOptions())
    assert [0, 0, 2] == cluster_list(outcome)
    assert {(1, 2): RefusalReason.INCOHERENT} == reasons_by_pair(case, outcome)
    assert 1 == outcome.pairs_scored


def test_a_third_record_that_fits_joins() -> None:
    """Records that agree with each other are one cluster though blocking missed a pair."""
    case = plain_case(3, {(0, 1): 15.0, (1, 2): 12.0}, {(0, 2): -4.0})
    assert [0, 0, 0] == cluster_list(case.run(ClusterOptions()))


def test_a_pair_without_common_fields_speaks_neither_way() -> None:
    """NaN from the scorer leaves a pair out; the prior as zero makes an empty pair count 0."""
    nothing = plain_case(3, {(0, 1): 15.0, (1, 2): 12.0}, {(0, 2): float("nan")})
    assert [0, 0, 0] == cluster_list(nothing.run(ClusterOptions()))
    prior = plain_case(3, {(0, 1): 15.0, (1, 2): 12.0}, {(0, 2): -22.0})
    assert [0, 0, 2] == cluster_list(prior.run(ClusterOptions()))
    assert [0, 0, 0] == cluster_list(prior.run(ClusterOptions(weight_of_no_evidence=-22.0)))


def test_strangers_outweigh_a_link_when_evidence_is_counted_from_the_prior() -> None:
    """With the prior as zero a lower upper clip keeps one link from carrying a stranger along."""
    case = plain_case(3, {(0, 1): 15.0, (1, 2): 12.0}, {(0, 2): -40.0})
    loose = ClusterOptions(weight_of_no_evidence=-22.0)
    strict = ClusterOptions(weight_of_no_evidence=-22.0, weight_clip_high=10.0)
    assert [0, 0, 0] == cluster_list(case.run(loose))
    assert [0, 0, 2] == cluster_list(case.run(strict))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"identity": [5, 0, 9]}, RefusalReason.DISSIMILAR_IDENTITY),
        ({"different": [(2, 0)]}, RefusalReason.DIFFERENT),
        ({"source": [1, 2, 1], "duplicate_free": (1,)}, RefusalReason.DUPLICATE_FREE_SOURCE),
    ],
)
def test_guards_reach_through_a_third_record(more: dict[str, Any], reason: int) -> None:
    """Two records kept apart stay apart when a third would bring them together."""
    case = plain_case(3, {(0, 1): 15.0, (1, 2): 12.0}, {(0, 2): 8.0}, **more)
    outcome = case.run(ClusterOptions())
    assert [0, 0, 2] == cluster_list(outcome)
    assert {(1, 2): reason} == reasons_by_pair(case, outcome)


def test_guards_hold_for_pairs() -> None:
    """A link between two records alone is refused as well, with its reason."""
    case = plain_case(
        8,
        {(0, 1): 30.0, (2, 3): 30.0, (4, 5): 30.0, (6, 7): -3.0},
        {},
        identity=[5, 9, 0, 0, 0, 0, 0, 0],
        different=[(3, 2)],
        source=[0, 1, 2, 3, 8, 8, 6, 7],
        duplicate_free=(8,),
    )
    outcome = case.run(ClusterOptions())
    assert list(range(8)) == cluster_list(outcome)
    assert [2, 1, 3, 4] == outcome.refused_reason.tolist()


def test_similar_identities_may_share_a_cluster() -> None:
    """A slip in an id number does not keep records apart."""
    case = plain_case(3, {(0, 1): 15.0, (1, 2): 12.0}, {(0, 2): 8.0}, identity=[5, 6, 5])
    assert [0, 0, 0] == cluster_list(case.run(ClusterOptions()))


def test_a_refusal_that_a_lighter_link_overturns_is_not_reported() -> None:
    """Only links whose ends lie apart in the end are refused."""
    case = plain_case(
        4,
        {(0, 1): 15.0, (1, 2): 14.0, (2, 3): 13.0, (0, 3): 12.0},
        {(0, 2): -15.0, (1, 3): 20.0},
    )
    outcome = case.run(ClusterOptions())
    assert [0, 0, 0, 0] == cluster_list(outcome)
    assert 0 == len(outcome.refused_edge)


def test_confidence_is_the_probability_of_the_mean_weight() -> None:
    """A pair's confidence is its probability; a lone record's is 1; a misfit's is lower."""
    case = plain_case(6, {(0, 1): 3.0, (2, 3): 10.0, (3, 4): 10.0}, {(2, 4): -8.0})
    expected = [2.0**w / (1 + 2.0**w) for w in (3.0, 3.0, 1.0, 10.0, 1.0)] + [1.0]
    assert np.allclose(expected, case.run(ClusterOptions()).confidence, atol=0, rtol=1e-14)


def test_no_links_leave_everyone_alone() -> None:
    """Zero records and zero links are ordinary input."""
    for n in (0, 1, 5):
        outcome = plain_case(n, {}, {}).run(ClusterOptions())
        assert list(range(n)) == cluster_list(outcome)
        assert [1.0] * n == outcome.confidence.tolist()


def test_bad_options_are_refused() -> None:
    """Options are checked before any record is looked at."""
    with pytest.raises(ConfigError):
        ClusterOptions(weight_clip_low=1.0, weight_clip_high=1.0)
    with pytest.raises(ConfigError):
        ClusterOptions(representatives_max=0)


# --------------------------------------------------------------------------- large components


def test_a_hundred_thousand_identical_records_cost_a_few_pairs_each() -> None:
    """A giant component is one cluster, in few waves, with a bounded number of pairs scored."""
    n = 100_000
    left = np.concatenate([np.zeros(n - 1, np.int32), np.arange(n - 1, dtype=np.int32)])
    right = np.concatenate([np.arange(1, n, dtype=np.int32)] * 2)
    calls = []

    def scorer(one: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.float64]:
        calls.append(len(one))
        return np.full(len(one), 25.0)

    edges = Edges(left, right, np.full(len(left), 25.0))
    outcome = cluster_constrained(n, edges, MergeGuard(), scorer, ClusterOptions())
    assert not outcome.cluster.any()
    assert sum(calls) == outcome.pairs_scored <= 16 * n
    assert len(calls) == outcome.waves < 40


def test_a_long_chain_of_strangers_falls_apart() -> None:
    """Twenty thousand persons chained by look-alikes end as small clusters, not as one."""
    n = 20_000
    person = np.arange(n) // 4

    def scorer(one: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.float64]:
        return np.where(person[one] == person[other], 15.0, -16.0)

    left = np.arange(n - 1, dtype=np.int32)
    weight = np.where(person[left] == person[left + 1], 15.0, 12.0)
    outcome = cluster_constrained(
        n, Edges(left, left + 1, weight), MergeGuard(), scorer, ClusterOptions()
    )
    assert (person * 4).tolist() == outcome.cluster.tolist()
    assert n // 4 - 1 == len(outcome.refused_edge)


@given(st.integers(0, 50))
@settings(max_examples=5)
@example(0)
def test_planted_persons_are_found_through_noise(seed: int) -> None:
    """Noisy links between persons do not join them; links inside a person do."""
    random = np.random.default_rng(seed)
    person = np.sort(random.integers(0, 300, 2000))
    same = person[:, None] == person[None, :]
    weights = np.where(same, random.normal(15, 5, same.shape), random.normal(-20, 5, same.shape))
    weights = np.triu(weights, 1) + np.triu(weights, 1).T
    left, right = np.nonzero(np.triu(same, 1))
    stray = random.integers(0, 2000, (2, 500)).astype(np.int32)
    stray = stray[:, person[stray[0]] != person[stray[1]]]
    edges = Edges(
        np.concatenate([left, stray[0]]).astype(np.int32),
        np.concatenate([right, stray[1]]).astype(np.int32),
        np.concatenate([weights[left, right], np.full(stray.shape[1], 11.0)]),
    )
    outcome = cluster_constrained(
        2000, edges, MergeGuard(), lambda i, j: weights[i, j], ClusterOptions()
    )
    joined = outcome.cluster[left] == outcome.cluster[right]
    strays_joined = outcome.cluster[stray[0]] == outcome.cluster[stray[1]]
    assert joined.mean() > 0.99
    assert strays_joined.mean() < 0.02
