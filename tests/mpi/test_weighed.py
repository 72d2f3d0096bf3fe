"""Kept pairs in their packed form: weighed from patterns, counted by weight, sorted by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.compiled import CompiledModel, compile_model
from mpi import pair_selection
from mpi import weight_levels as levels_module
from mpi.ingest import Ingested
from mpi.pair_selection import block_refused, pairs_with_flag, select_edges, select_links
from mpi.pattern_index import index_patterns
from mpi.prepare import JobOptions, prepare
from mpi.progress import NO_PROGRESS
from mpi.score_run import Edges, relative_of
from mpi.tables import open_inputs
from mpi.train_run import train_on
from mpi.weighed import WeighedPairs, reweigh, weighed_pairs
from mpi.weight_levels import weight_levels
from mpi.weight_order import heaviest_first
from tests.mpi.made_people import FEBRL_SCHEMA, made_people
from tests.mpi.made_residents import made_residents

MEMORY = 1 << 26
weights = st.lists(
    st.one_of(st.floats(-70.0, 250.0), st.integers(-3, 3).map(float)), max_size=60
).map(lambda values: np.array(values, np.float64))


def trained_on_people(folder: Path, *, western: bool) -> tuple[Ingested, CompiledModel]:
    schema, table = (FEBRL_SCHEMA, made_people(60)[0]) if western else (None, made_residents()[0])
    options = JobOptions(schema=schema)
    prepared = prepare([open_inputs(table)], "dedupe", options, folder, NO_PROGRESS)
    trained = train_on(
        *(prepared.ingested, prepared.model, prepared.rules, prepared.space),
        memory_bytes=MEMORY,
        seed=0,
        progress=NO_PROGRESS,
    )
    ingested = prepared.ingested
    compiled = compile_model(trained.model, ingested.layout, ingested.overflow, trained.frequencies)
    return ingested, compiled


@pytest.mark.parametrize("western", [False, True])
def test_weighing_by_pattern_equals_comparing_again(tmp_path: Path, western: bool) -> None:
    """Bit for bit, the weight of a pair is the same from its pattern as from its records."""
    ingested, compiled = trained_on_people(tmp_path, western=western)
    count = min(ingested.record_count, 70)
    left, right = (each.astype(np.int64) for each in np.triu_indices(count, 1))
    rows, a, b = ingested.store.gather_pairs(left, right)
    scores = compiled.score(rows, rows, a, b)
    nothing = np.zeros(len(left))
    unweighed = weighed_pairs(Edges(left, right, nothing, compiled.patterns(scores.cells), nothing))
    weighed = reweigh(ingested.store, compiled, unweighed)
    assert scores.weight.tolist() == weighed.weight.tolist()
    np.testing.assert_allclose(weighed.relative, relative_of(scores), atol=1e-7)
    ingested.store.close()


@given(
    pairs=st.lists(st.tuples(st.floats(-60.0, 60.0), st.floats(0.0, 1.0)), max_size=20),
    bits=st.floats(-30.0, 30.0),
    review=st.floats(-20.0, 20.0),
    link=st.floats(0.0, 20.0),
)
def test_pairs_above_a_line_are_taken_with_the_prior_brought_in(
    pairs: list[tuple[float, float]], bits: float, review: float, link: float
) -> None:
    """Selected pairs are those of the plain ones, shifted, at or above the line."""
    weight, relative = np.array(pairs, np.float64).reshape(-1, 2).T
    rows = np.arange(len(pairs))
    plain = Edges(rows, rows + 1, weight, rows % 3, relative.astype(np.float32))
    packed: WeighedPairs = weighed_pairs(plain)
    refused = (packed.patterns.pattern == 1).astype(np.uint8) * 7
    shifted = plain.shifted(bits)
    link += review
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_selection, "SLICE_PAIRS", 3)
        found = select_edges(packed, refused, review, link, bits)
        links = select_links(packed, refused, link, bits)
        blocked = block_refused(packed, refused, found, found.refusal, review, bits)
        flagged = pairs_with_flag(packed, refused != 0)
    expected = shifted.take(np.flatnonzero(shifted.weight >= review))
    assert expected.left.tolist() == found.edges.left.tolist()
    assert expected.right.tolist() == found.edges.right.tolist()
    assert expected.weight.tolist() == found.edges.weight.tolist()
    assert expected.pattern.tolist() == found.edges.pattern.tolist()
    np.testing.assert_allclose(found.edges.relative, expected.relative, rtol=1e-5, atol=1e-30)
    is_refused, above = expected.pattern == 1, expected.weight >= link
    assert (above & ~is_refused).tolist() == found.is_link.tolist()
    assert np.where(above & is_refused, 7, 0).tolist() == found.refusal.tolist()
    assert expected.left[found.is_link].tolist() == links.left.tolist()
    assert expected.weight[found.is_link].tolist() == links.weight.tolist()
    assert (plain.pattern == 1).tolist() == blocked.tolist()
    assert np.flatnonzero(plain.pattern == 1).tolist() == flagged.tolist()


@given(st.lists(st.one_of(st.integers(0, 5), st.integers(0, (1 << 62) - 1)), max_size=80))
def test_patterns_are_listed_once(values: list[int]) -> None:
    """Places lead back to every pair's own pattern; patterns are sorted, with their counts."""
    patterns = np.array(values, np.int64)
    index = index_patterns(patterns)
    assert values == index.pattern[index.place].tolist()
    assert sorted(set(values)) == index.pattern.tolist()
    assert [values.count(each) for each in index.pattern.tolist()] == index.count.tolist()


def test_many_patterns_make_the_list_grow() -> None:
    """Nothing is lost when there are more different patterns than there was room for."""
    patterns = np.random.default_rng(3).integers(0, 200_000, 300_000)
    unique, counts = np.unique(patterns, return_counts=True)
    index = index_patterns(patterns)
    assert np.array_equal(unique, index.pattern)
    assert np.array_equal(counts, index.count)
    assert np.array_equal(patterns, index.pattern[index.place])


@given(weights)
def test_counted_weights_keep_their_order(weight: np.ndarray) -> None:
    """Few pairs: a level for each distinct weight, falling, that holds its pairs."""
    relative = np.abs(np.sin(weight))
    levels = weight_levels(weight, relative)
    assert sorted(set(weight.tolist()), reverse=True) == levels.weight.tolist()
    for each, count, chance in zip(levels.weight, levels.count, levels.relative, strict=True):
        chosen = weight == each
        assert chosen.sum() == count
        assert relative[chosen].sum() == pytest.approx(chance)


@given(weights)
def test_counting_in_bins_differs_by_less_than_a_bin(weight: np.ndarray) -> None:
    """Many pairs: at every level as many pairs lie at or above it as the exact count says."""
    relative = np.full(len(weight), 0.25, np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels_module, "EXACT_PAIRS_MAX", 0)
        levels = weight_levels(weight, relative)
    assert len(weight) == levels.count.sum()
    inside = (levels.weight > -63.0) & (levels.weight < 191.0)  # the ends take what lies beyond
    above = np.cumsum(levels.count)
    for each, count in zip(levels.weight[inside], above[inside], strict=True):
        assert (weight >= each).sum() == count
    assert float(levels.relative.sum()) == pytest.approx(0.25 * len(weight))
    assert (levels.mean[inside] - levels.weight[inside] < 1 / 1024 + 1e-9).all()


@given(weights)
def test_heaviest_first_is_a_stable_sort(weight: np.ndarray) -> None:
    """By falling weight, equal weights in the order they had."""
    assert np.argsort(-weight, kind="stable").tolist() == heaviest_first(weight).tolist()


def test_heaviest_first_of_many_in_one_bin() -> None:
    """Weights that differ by less than a bin are sorted as well."""
    random = np.random.default_rng(5)
    weight = np.concatenate([10.0 + random.random(5000) / 5000, random.random(5000) * 40])
    assert np.argsort(-weight, kind="stable").tolist() == heaviest_first(weight).tolist()


def test_pairs_take_little_memory() -> None:
    """24 bytes a pair, so that a nation's fit."""
    rows = np.arange(1000)
    zeros = np.zeros(1000)
    pairs = weighed_pairs(Edges(rows, rows + 1, zeros, rows * 0, zeros))
    held = (pairs.left, pairs.right, pairs.patterns.place, pairs.weight, pairs.relative)
    assert 24 * 1000 == sum(each.nbytes for each in held)
