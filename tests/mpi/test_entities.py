"""Clusters weighed and merged by all their records: naive twins, and guards that hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.compiled import CompiledModel, compile_model, relative_chance
from mpi import entity_merge
from mpi.cluster_types import MergeGuard
from mpi.entity_evidence import REPRESENTATIVES_MAX, cross_pairs, entity_weights
from mpi.entity_merge import EntityMerges, merge_entities
from mpi.ingest import Ingested
from mpi.lines import FalseAlarms
from mpi.prepare import JobOptions, prepare
from mpi.progress import NO_PROGRESS
from mpi.score_run import Edges, score_candidates
from mpi.tables import open_inputs
from mpi.train_run import train_on
from person.clusters import ClusterMembers

from .made_people import FEBRL_SCHEMA, made_people

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
MEMORY = 1 << 26


@dataclass(frozen=True)
class Job:
    """A small table, encoded, and a model of it with and without relatives."""

    ingested: Ingested
    plain: CompiledModel
    household: CompiledModel
    edges: Edges

    def compiled(self, relatives: bool) -> CompiledModel:
        return self.household if relatives else self.plain


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    options = JobOptions(schema=FEBRL_SCHEMA)
    folder: Path = tmp_path_factory.mktemp("store")
    prepared = prepare([open_inputs(made_people(80)[0])], "dedupe", options, folder, NO_PROGRESS)
    ingested = prepared.ingested
    trained = train_on(
        ingested,
        prepared.model,
        prepared.rules,
        prepared.space,
        memory_bytes=MEMORY,
        seed=0,
        progress=NO_PROGRESS,
    )
    strangers = replace_comparisons(trained.model, None)
    relatives = replace_comparisons(trained.model, 1e-3)
    plain, household = (
        compile_model(each, ingested.layout, ingested.overflow, trained.frequencies)
        for each in (strangers, relatives)
    )
    scored = score_candidates(
        ingested,
        plain,
        prepared.rules,
        prepared.space,
        memory_bytes=MEMORY,
        progress=NO_PROGRESS,
    )
    yield Job(ingested, plain, household, scored.edges)
    ingested.store.close()


def replace_comparisons(model: Any, relatives: float | None) -> Any:
    """The model without relatives, or with a class of them half way between m and u."""
    comparisons = []
    for each in model.comparisons:
        half = np.sqrt(each.m_probability * each.u_probability)
        between = None if relatives is None else half / half.sum()
        comparisons.append(replace(each, relative_probability=between))
    return model.replace(
        comparisons=tuple(comparisons),
        probability_two_random_records_relatives=relatives or 0.0,
    )


def clusters_of(count: int, groups: Sequence[Sequence[int]]) -> Ints:
    cluster = np.arange(count)
    for group in groups:
        cluster[list(group)] = min(group)
    return cluster


# --------------------------------------------------------------------------------- their weight


@pytest.mark.parametrize("relatives", [False, True])
@pytest.mark.parametrize("shift", [0.0, 2.5])
def test_two_single_records_weigh_what_their_pair_weighs(
    job: Job, relatives: bool, shift: float
) -> None:
    """Of clusters of one record each, weight and chance of relatives are those of the pair."""
    compiled, edges = job.compiled(relatives), job.edges
    rows, a, b = job.ingested.store.gather_pairs(edges.left, edges.right)
    scores = compiled.score(rows, rows, a, b)
    chance = np.zeros(len(edges))
    if scores.relative_weight is not None:
        match = scores.weight + np.logaddexp2(0.0, scores.relative_weight)
        chance = relative_chance(match, scores.relative_weight)
    pairs = replace(edges, weight=scores.weight, relative=chance).shifted(shift)
    singles = ClusterMembers.of(np.arange(job.ingested.record_count))
    weight, relative = entity_weights(
        job.ingested, compiled, singles, edges.left, edges.right, shift=shift
    )
    np.testing.assert_allclose(weight, pairs.weight, atol=1e-9)
    np.testing.assert_allclose(relative, pairs.relative, atol=1e-9)
    assert relatives == (relative.max() > 0.0)


def naive_weight(
    job: Job, relatives: bool, left: Sequence[int], right: Sequence[int]
) -> tuple[float, float]:
    """Best pair of each comparison, less log2 of the different values tried on either side."""
    compiled = job.compiled(relatives)
    pairs = list(product(left, right))
    rows, a, b = job.ingested.store.gather_pairs(*np.array(pairs).T)
    scores = compiled.score(rows, rows, a, b, with_frequency_weights=True)
    assert scores.frequency_weight is not None
    total, relative = compiled.prior_match_weight, compiled.prior_relative_weight
    for number, each in enumerate(compiled.comparisons):
        slots = np.vstack(
            [compiled.layout.value_slots(n) for p in each.parts for n in p.part.fields]
        )
        words = sorted({tuple(slot) for slot in slots.tolist()})

        def value(place: int, words: list[tuple[int, ...]] = words) -> tuple[int, ...]:
            return tuple(int(rows[place, w]) >> s & ((1 << bits) - 1) for w, s, bits in words)

        tried = [k for k in range(len(pairs)) if scores.cells[number, k] + 1 < each.null_cell_count]
        if not tried:
            continue
        tries = len({value(int(a[k])) for k in tried}) * len({value(int(b[k])) for k in tried})
        said = [
            each.cell_weight[scores.cells[number, k]] + scores.frequency_weight[number, k]
            for k in tried
        ]
        best = max(said)
        total += best - math.log2(tries)
        if relative is not None:
            assert each.relative_weight is not None
            k = tried[max(range(len(said)), key=lambda i: (said[i], i))]
            relative += each.relative_weight[scores.cells[number, k]]
            relative += scores.frequency_weight[number, k] - math.log2(tries)
    if relative is None:
        return total, 0.0
    odds = 2.0**total + 2.0**relative + 1.0
    return total - math.log2(1.0 + 2.0**relative), 2.0**relative / odds


@pytest.mark.parametrize("relatives", [False, True])
def test_cluster_weights_equal_the_naive_twin(job: Job, relatives: bool) -> None:
    """Clusters of two to four records, alike or not, weigh what the definition says."""
    random = np.random.default_rng(3)
    count = job.ingested.record_count
    order = random.permutation(count).tolist()
    groups: list[list[int]] = []
    for anchor in range(0, 36, 4):  # neighbours in the table are often one person
        groups.append([anchor, anchor + 1, *([anchor + 2] if anchor % 8 else [])])
    used = {row for group in groups for row in group}
    rest = [row for row in order if row not in used]
    while len(rest) >= 4:
        size = int(random.integers(1, 5))
        groups.append(rest[:size])
        rest = rest[size:]
    cluster = clusters_of(count, groups)
    members = ClusterMembers.of(cluster)
    names = [min(group) for group in groups]
    asked = [(a, b) for a in names[:14] for b in names[:14] if a < b]
    left, right = (np.array(side) for side in zip(*asked))
    weight, relative = entity_weights(
        job.ingested, job.compiled(relatives), members, left, right, shift=0.0
    )
    of = {min(group): sorted(group) for group in groups}
    for place, (a, b) in enumerate(asked):
        expected = naive_weight(job, relatives, of[a], of[b])
        assert expected == pytest.approx((weight[place], relative[place]), abs=1e-9)


def test_the_penalty_counts_different_values_only(job: Job) -> None:
    """A second member that repeats the first in all fields changes nothing."""
    store = job.ingested.store
    rows = store.gather_rows(np.arange(job.ingested.record_count))

    class Repeated:
        """The store with its first record once more at the end."""

        def gather_pairs(self, left: Ints, right: Ints) -> Any:
            more = np.vstack([rows, rows[:1]])
            return more, left.astype(np.int32), right.astype(np.int32)

    twice = replace(job.ingested, store=Repeated())  # type: ignore[arg-type]
    count = len(rows)
    alone = ClusterMembers.of(np.arange(count + 1))
    together = ClusterMembers.of(clusters_of(count + 1, [[0, count]]))
    left, right = np.zeros(30, np.int64), np.arange(1, 31)
    expected = entity_weights(twice, job.household, alone, left, right, shift=0.0)
    actual = entity_weights(twice, job.household, together, left, right, shift=0.0)
    np.testing.assert_array_equal(expected[0], actual[0])
    np.testing.assert_array_equal(expected[1], actual[1])


def test_nothing_asked_weighs_nothing(job: Job) -> None:
    """No questions, no weights."""
    none = np.zeros(0, np.int64)
    members = ClusterMembers.of(np.arange(job.ingested.record_count))
    weight, relative = entity_weights(job.ingested, job.plain, members, none, none, shift=0.0)
    assert (0, 0) == (len(weight), len(relative))


def test_cross_pairs_are_all_pairs_of_the_first_members() -> None:
    """Each pair across two clusters comes once; of a large cluster only the first speak."""
    members = ClusterMembers.of(clusters_of(20, [[0, 3], range(4, 14)]))
    question, a, b = cross_pairs(members, np.array([0, 1]), np.array([4, 2]))
    expected = [(0, i, j) for i in (0, 3) for j in range(4, 4 + REPRESENTATIVES_MAX)] + [(1, 1, 2)]
    assert expected == list(zip(question.tolist(), a.tolist(), b.tolist()))


# --------------------------------------------------------------------------------- their merging

Weigh = Callable[[list[int], list[int]], float]


class NoStrangers:
    """Alarms of a table in which strangers never agree."""

    compiled = None
    shift = 0.0

    def strangers_above(self, weights: Floats) -> Floats:
        return np.zeros(len(weights))


NEVER: FalseAlarms = NoStrangers()  # type: ignore[assignment]


def merged(
    monkeypatch: pytest.MonkeyPatch,
    groups: Sequence[Sequence[int]],
    edges: Sequence[tuple[int, int]],
    weigh: Weigh,
    *,
    count: int = 12,
    blocked: Sequence[tuple[int, int]] = (),
    guard: MergeGuard | None = None,
    rounds: list[list[tuple[int, int]]] | None = None,
) -> EntityMerges:
    """Merge clusters whose weight a test makes up; `rounds` gets the questions of each round."""

    def made_up(
        _ingested: Any, _compiled: Any, members: ClusterMembers, left: Ints, right: Ints, **_: Any
    ) -> tuple[Floats, Floats]:
        def rows(cluster: int) -> list[int]:
            first, end = members.start[cluster], members.start[cluster + 1]
            return members.order[first:end].tolist()

        asked = list(zip(left.tolist(), right.tolist()))
        if rounds is not None:
            rounds.append(asked)
        return np.array([weigh(rows(a), rows(b)) for a, b in asked]), np.zeros(len(left))

    monkeypatch.setattr(entity_merge, "entity_weights", made_up)
    pairs = np.array(sorted(edges), np.int64).reshape(-1, 2)
    zeros = np.zeros(len(pairs))
    return merge_entities(
        None,  # type: ignore[arg-type]
        clusters_of(count, groups),
        Edges(pairs[:, 0], pairs[:, 1], zeros, zeros.astype(np.int64), zeros),
        np.array([tuple(pair) in set(blocked) for pair in pairs.tolist()], np.bool_),
        NEVER,
        guard or MergeGuard(),
        links_before=100,
    )


def always(_: list[int], __: list[int]) -> float:
    return 30.0


def test_clusters_that_agree_as_wholes_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three clusters of a person become one, named by its smallest record."""
    found = merged(monkeypatch, [[1, 2], [4, 5]], [(2, 4), (5, 9)], always)
    assert clusters_of(12, [[1, 2, 4, 5, 9]]).tolist() == found.cluster.tolist()
    assert 2 == found.merge_count
    assert [30.0] * 5 == found.weight[[1, 2, 4, 5, 9]].tolist()
    assert math.inf == found.weight[0]


def test_two_single_records_are_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their pair has been decided already."""
    found = merged(monkeypatch, [], [(0, 1)], always)
    assert 0 == found.merge_count


def test_a_cluster_merges_once_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heaviest of a cluster's merges is made, and the rest are weighed anew."""
    rounds: list[list[tuple[int, int]]] = []

    def weigh(left: list[int], right: list[int]) -> float:
        return -5.0 if len(left) + len(right) > 3 else 20.0 + right[0]

    edges = [(0, 2), (0, 3), (1, 4)]
    found = merged(monkeypatch, [[0, 1]], edges, weigh, rounds=rounds)
    assert clusters_of(12, [[0, 1, 4]]).tolist() == found.cluster.tolist()
    assert [[(0, 2), (0, 3), (0, 4)], [(0, 2), (0, 3)]] == rounds


def test_refused_pairs_are_not_asked_about_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal keeps its clusters apart, also once they have grown."""
    rounds: list[list[tuple[int, int]]] = []
    edges = [(0, 1), (1, 2), (2, 5), (3, 5)]
    groups = [[0, 1], [2, 3], [5, 6]]
    found = merged(monkeypatch, groups, edges, always, blocked=[(1, 2)], rounds=rounds)
    assert clusters_of(12, [[0, 1], [2, 3, 5, 6]]).tolist() == found.cluster.tolist()
    assert all((0, 2) not in asked for asked in rounds)


def test_two_valid_ids_never_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clusters of two different valid identities stay apart whatever they weigh."""
    identity = np.zeros(12, np.uint64)
    identity[[1, 2, 4]] = 7, 8, 7
    guard = MergeGuard(identity=identity)
    found = merged(
        monkeypatch, [[0, 1], [2, 3], [4, 5]], [(0, 2), (0, 4), (3, 5)], always, guard=guard
    )
    assert clusters_of(12, [[0, 1, 4, 5], [2, 3]]).tolist() == found.cluster.tolist()


def test_a_forbidden_merge_does_not_hold_up_the_next_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the heaviest merge of a cluster is forbidden, its next one is made."""
    identity = np.zeros(12, np.uint64)
    identity[[1, 2]] = 7, 8

    def weigh(left: list[int], right: list[int]) -> float:
        return 40.0 if 2 in left + right else 20.0

    found = merged(
        monkeypatch,
        [[0, 1], [2, 3], [4, 5]],
        [(0, 2), (0, 4)],
        weigh,
        guard=MergeGuard(identity=identity),
    )
    assert clusters_of(12, [[0, 1, 4, 5], [2, 3]]).tolist() == found.cluster.tolist()


def test_a_duplicate_free_source_never_holds_two_of_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two records of such a source never come together; two of another may."""
    source = np.array([0, 1] * 6, np.int32)
    guard = MergeGuard(source=source, duplicate_free_sources=(0,))
    groups, edges = [[0, 1], [3, 5]], [(1, 2), (1, 3), (1, 5)]
    found = merged(monkeypatch, groups, edges, always, guard=guard)
    assert clusters_of(12, [[0, 1, 3, 5]]).tolist() == found.cluster.tolist()


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[int]], list[tuple[int, int]], list[int], list[int]]:
    names = draw(st.lists(st.integers(0, 5), min_size=12, max_size=12))
    groups = [[row for row in range(12) if names[row] == name] for name in range(6)]
    pair = st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda p: p[0] < p[1])
    edges = sorted(draw(st.sets(pair, max_size=30)))
    identity = draw(st.lists(st.sampled_from([0, 0, 0, 1, 2]), min_size=12, max_size=12))
    source = draw(st.lists(st.integers(0, 7), min_size=12, max_size=12))
    return [group for group in groups if group], edges, identity, source


@given(table=tables(), seed=st.integers(0, 1000))
def test_merging_keeps_every_promise(
    table: tuple[list[list[int]], list[tuple[int, int]], list[int], list[int]], seed: int
) -> None:
    """Clusters only grow, along asked questions, within guards, and the same every time."""
    groups, edges, identity, source = table
    blocked = edges[::5]
    guard = MergeGuard(
        identity=np.array(identity, np.uint64),
        source=np.array(source, np.int32),
        duplicate_free_sources=(0, 1),
    )

    def weigh(left: list[int], right: list[int]) -> float:
        return (seed * 31 + sum(left) * 7 + sum(right) * 13) % 40 - 10.0

    def run() -> EntityMerges:
        with pytest.MonkeyPatch.context() as patch:
            return merged(patch, groups, edges, weigh, blocked=blocked, guard=guard)

    found, again = run(), run()
    assert found.cluster.tolist() == again.cluster.tolist()
    assert found.weight.tolist() == again.weight.tolist()
    before = clusters_of(12, groups)
    assert len(set(before.tolist())) - found.merge_count == len(set(found.cluster.tolist()))
    for group in groups:
        assert 1 == len(set(found.cluster[group].tolist()))
    for name in set(found.cluster.tolist()):
        rows = np.flatnonzero(found.cluster == name)
        assert name == rows[0]
        parts = [group for group in groups if group[0] in rows]
        if len(parts) == 1:
            assert (found.weight[rows] == np.inf).all()
            continue
        assert len({identity[row] for row in rows} - {0}) <= 1
        for number in guard.duplicate_free_sources:
            assert sum(source[row] == number for row in rows) <= 1
        assert found.weight[rows].min() >= math.log2(9.0)
        held = {(before[a], before[b]) for a, b in blocked}
        names = {int(before[row]) for row in rows}
        assert not any(a != b and {a, b} <= names for a, b in held)
