"""The compiled scorer against its naive twin, and what it promises whatever the model."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from math import log2
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.compiled import (
    CompiledModel,
    compile_model,
    from_null_cells,
    null_cell_weights,
    with_null_cells,
)
from matching.defaults import default_comparisons
from matching.frequencies import TermFrequencies, count_exact_agreement
from matching.model import Comparison, Model, Part
from person.batch import PersonBatch, encode_batch
from person.errors import ConfigError, ModelNotTrainedError
from person.layout import Layout, layout_for
from person.records import ArrayRecordSource
from person.schema import Field, Schema, load_schema

from .naive_scorer import NaiveScorer

ROWS = 40


@dataclass(frozen=True)
class World:
    """Encoded records with a model trained on nothing but chance."""

    model: Model
    layout: Layout
    batch: PersonBatch
    frequencies: dict[str, TermFrequencies]

    def compiled(self, model: Model | None = None) -> CompiledModel:
        return compile_model(
            model or self.model, self.layout, self.batch.overflow, self.frequencies
        )

    def naive(self, model: Model | None = None) -> NaiveScorer:
        return NaiveScorer(model or self.model, self.layout, self.batch.overflow, self.frequencies)


WESTERN = Schema(
    name="western",
    fields=(
        Field(name="given", kind="latin_name", columns=("given",), role="given_name"),
        Field(name="surname", kind="latin_name", columns=("surname",), role="surname"),
        Field(name="born", kind="date", columns=("born",), role="birth_date"),
        Field(name="street", kind="text", columns=("street",), role="street", group="address"),
        Field(name="post", kind="category", columns=("post",), role="postcode", group="address"),
        Field(
            name="card",
            kind="identifier",
            columns=("card",),
            compare="levenshtein:1,2",
        ),
    ),
)
WESTERN_VALUES = {
    "given": ["john", "jon", "mary", "ann", "anne", "smith", "q" * 30, "q" * 30 + "a"],
    "surname": ["smith", "smyth", "jones", "john", "o'brien", "brown"],
    "born": ["1980-03-07", "1980-07-03", "1980", "1971-12-01", "1981-03-07"],
    "street": ["12 high st", "12 high street", "3 mill lane", "high street 12"],
    "post": ["2000", "2001", "3000"],
    "card": ["12345", "12346", "99999", "123456789012345678901234567890"],
}
RESIDENT_VALUES = {
    "name": ["张伟", "張偉", "张玮", "王芳", "欧阳娜娜", "zhang wei", "买买提·阿布都拉·吐尔逊"],
    "id_number": ["110101198003072311", "110101800307231", "110101198003072338", "E1234567"],
    "birth_date": ["1980-03-07", "1980-07-03", "1980", "1971-12-01"],
    "gender": ["男", "女"],
    "phone": ["13987650123", "13987650124", "010-62345679;13987650123"],
    "region_code": ["110101", "110105", "310104"],
    "address": ["和平里中街7号3单元502室", "和平里中街7号502", "漕溪北路88号"],
    "former_name": ["张伟", "王芳", "李娜"],
    "health_card": ["A1", "A2"],
    "mother_id_number": ["110101195501010021", "110101195501010048"],
}


def world(schema: Schema, values: dict[str, list[str]], seed: int = 1) -> World:
    chance = random.Random(seed)
    columns = {
        name: pa.array(
            [chance.choice(listed) if chance.random() < 0.8 else None for _ in range(ROWS)],
            pa.string(),
        )
        for name, listed in values.items()
    }
    table = pa.table(columns)
    schema = schema.with_fields(values)
    layout = layout_for(schema.fields)
    batch = encode_batch(table, schema, layout, schema.bind(table.column_names))
    batch.rows[0] = 0  # a record that holds nothing
    numbers = np.random.default_rng(seed)

    def probabilities(count: int) -> NDArray[np.float64]:
        return numbers.dirichlet(np.full(count, 0.7)) * 0.999 + 1e-6

    comparisons = tuple(
        replace(
            each,
            m_probability=probabilities(each.cell_count),
            u_probability=probabilities(each.cell_count),
            relative_probability=probabilities(each.cell_count),
        )
        for each in default_comparisons(schema.fields, layout)
    )
    model = Model(
        schema=schema,
        comparisons=comparisons,
        blocking_rules=(),
        probability_two_random_records_match=0.003,
    )
    _, frequencies = count_exact_agreement(ArrayRecordSource(batch.rows), layout, comparisons)
    return World(model, layout, batch, frequencies)


@pytest.fixture(scope="module", params=["western", "resident"])
def records(request: pytest.FixtureRequest) -> World:
    if request.param == "western":
        return world(WESTERN, WESTERN_VALUES)
    return world(load_schema(), RESIDENT_VALUES)


def all_pairs(count: int = ROWS) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    left, right = np.divmod(np.arange(count * count, dtype=np.int32), count)
    return left, right


def variants(records: World) -> dict[str, Model]:
    """The model as it is, and with what it may further know."""
    with_relatives = records.model.replace(probability_two_random_records_relatives=0.02)
    return {"plain": records.model, "relatives": with_relatives}


# ------------------------------------------------------------------------------- the naive twin


@pytest.mark.parametrize("variant", ["plain", "relatives"])
def test_scores_equal_the_naive_twin(records: World, variant: str) -> None:
    """Levels, nulls summed out, term frequencies, relatives and prior: equal to 1e-9 bits."""
    model = variants(records)[variant]
    rows = records.batch.rows
    left, right = all_pairs()
    scores = records.compiled(model).score(rows, rows, left, right)
    twin = records.naive(model)
    pairs = [twin.score(rows, rows, int(i), int(j)) for i, j in zip(left, right)]
    assert [pair.weight for pair in pairs] == pytest.approx(scores.weight.tolist(), abs=1e-9)
    for number, comparison in enumerate(model.comparisons):
        shape = tuple(levels + 1 for levels in comparison.shape)
        expected = [
            np.ravel_multi_index(
                [n if n is not None else size - 1 for n, size in zip(pair.levels[number], shape)],
                shape,
            )
            for pair in pairs
        ]
        assert expected == scores.cells[number].tolist(), comparison.name
    if variant == "relatives":
        assert scores.relative_weight is not None
        relative = [pair.relative_weight for pair in pairs]
        assert relative == pytest.approx(scores.relative_weight.tolist(), abs=1e-9)
    else:
        assert scores.relative_weight is None
    assert list(range(len(left))) == scores.pair.tolist()


def test_the_least_frequency_bounds_the_adjustment(records: World) -> None:
    """tf_minimum_u of the model is the least frequency any value counts with."""
    model = records.model.replace(tf_minimum_u=0.2)
    rows = records.batch.rows
    left, right = all_pairs(12)
    scores = records.compiled(model).score(rows, rows, left, right)
    twin = records.naive(model)
    expected = [twin.score(rows, rows, int(i), int(j)).weight for i, j in zip(left, right)]
    assert expected == pytest.approx(scores.weight.tolist(), abs=1e-9)


def test_the_parts_of_a_score_add_up(records: World) -> None:
    """Prior, cell weights and frequency weights of a pair sum to its weight: explanations do."""
    rows = records.batch.rows
    left, right = all_pairs()
    compiled = records.compiled()
    scores = compiled.score(rows, rows, left, right, with_frequency_weights=True)
    assert scores.frequency_weight is not None
    total = np.full(len(left), compiled.prior_match_weight)
    for number, each in enumerate(compiled.comparisons):
        total += each.cell_weight[scores.cells[number]] + scores.frequency_weight[number]
    assert scores.weight.tolist() == pytest.approx(total.tolist(), abs=1e-9)


def test_a_record_that_holds_nothing_weighs_the_prior(records: World) -> None:
    """Null never counts as disagreement: a pair without common fields keeps the prior weight."""
    rows = records.batch.rows
    everyone = np.arange(ROWS, dtype=np.int32)
    scores = records.compiled().score(rows, rows, np.zeros(ROWS, np.int32), everyone)
    assert {log2(0.003 / 0.997)} == set(scores.weight.tolist())


# ------------------------------------------------------------------------- whatever is asked


@pytest.mark.parametrize("variant", ["plain", "relatives"])
def test_swapping_the_sides_changes_no_weight(records: World, variant: str) -> None:
    """A pair weighs the same from either side, to the last bit."""
    compiled = records.compiled(variants(records)[variant])
    rows = records.batch.rows
    left, right = all_pairs()
    one = compiled.score(rows, rows, left, right)
    other = compiled.score(rows, rows, right, left)
    assert one.weight.tolist() == other.weight.tolist()
    assert one.cells.tolist() == other.cells.tolist()


@pytest.mark.parametrize("variant", ["plain", "relatives"])
def test_a_batch_of_one_equals_a_batch_of_many(records: World, variant: str) -> None:
    """A lookup weighs a pair as the nightly batch did, to the last bit."""
    compiled = records.compiled(variants(records)[variant])
    rows = records.batch.rows
    left, right = all_pairs()
    many = compiled.score(rows, rows, left, right)
    zero = np.zeros(1, np.int32)
    for pair in range(0, len(left), 7):
        a, b = rows[[left[pair]]], rows[[right[pair]]]
        one = compiled.score(a, b, zero, zero)
        assert one.weight[0] == many.weight[pair]
        assert one.cells[:, 0].tolist() == many.cells[:, pair].tolist()


@settings(max_examples=40)
@given(
    variant=st.sampled_from(["plain", "relatives"]),
    schema=st.sampled_from(["western", "resident"]),
    weight_min=st.floats(-60, 30),
    seed=st.integers(0, 9),
)
def test_giving_up_never_loses_a_pair(
    variant: str, schema: str, weight_min: float, seed: int
) -> None:
    """With a least weight, every pair that reaches it is still there, with the same weight."""
    records = (
        world(WESTERN, WESTERN_VALUES, seed)
        if schema == "western"
        else world(load_schema(), RESIDENT_VALUES, seed)
    )
    compiled = records.compiled(variants(records)[variant])
    rows = records.batch.rows
    left, right = all_pairs()
    full = compiled.score(rows, rows, left, right, with_frequency_weights=True)
    kept = compiled.score(
        rows, rows, left, right, weight_min=weight_min, with_frequency_weights=True
    )
    assert set(np.flatnonzero(full.weight >= weight_min)) <= set(kept.pair.tolist())
    assert kept.pair.tolist() == sorted(set(kept.pair.tolist()))
    assert full.weight[kept.pair].tolist() == kept.weight.tolist()
    assert full.cells[:, kept.pair].tolist() == kept.cells.tolist()
    assert full.frequency_weight is not None
    assert kept.frequency_weight is not None
    assert full.frequency_weight[:, kept.pair].tolist() == kept.frequency_weight.tolist()


def test_giving_up_saves_work(records: World) -> None:
    """With a high least weight most pairs are given up, else the option would be for nothing."""
    rows = records.batch.rows
    left, right = all_pairs()
    assert len(records.compiled().score(rows, rows, left, right, weight_min=25.0).pair) < 800


def test_no_pairs_are_ordinary_input(records: World) -> None:
    """A chunk without pairs scores to empty arrays."""
    nobody = np.zeros(0, np.int32)
    rows = records.batch.rows
    for weight_min in (-np.inf, 0.0):
        scores = records.compiled().score(rows, rows, nobody, nobody, weight_min=weight_min)
        assert 0 == len(scores.weight) == len(scores.pair) == scores.cells.shape[1]


def test_travelling_rows_score_like_stored_ones(records: World) -> None:
    """Rows that carry their origin in a further word weigh the same."""
    rows = records.batch.rows
    wide = np.hstack([rows, np.full((ROWS, 1), 77, np.uint64)])
    left, right = all_pairs()
    compiled = records.compiled()
    expected = compiled.score(rows, rows, left, right).weight.tolist()
    assert expected == compiled.score(wide, wide, left, right).weight.tolist()


def test_patterns_pack_and_unpack(records: World) -> None:
    """The cells of a pair are one integer, and come back from it."""
    rows = records.batch.rows
    left, right = all_pairs()
    compiled = records.compiled()
    cells = compiled.cells(rows, rows, left, right)
    assert cells.tolist() == compiled.score(rows, rows, left, right).cells.tolist()
    patterns = compiled.patterns(cells)
    assert (patterns >= 0).all()
    assert (patterns < compiled.pattern_count).all()
    assert cells.tolist() == compiled.unpack_patterns(patterns).tolist()


# ----------------------------------------------------------------------------------- nulls


def test_a_null_part_is_summed_out() -> None:
    """Of a comparison of two parts, one null: the other is weighed by its own m and u."""
    parts = tuple(
        Part(name=n, fields=(n,), comparator="exact", levels=(("exact",), ("else",))) for n in "ab"
    )
    m, u = np.array([0.6, 0.2, 0.15, 0.05]), np.array([0.1, 0.2, 0.3, 0.4])
    comparison = Comparison(name="ab", parts=parts, m_probability=m, u_probability=u)
    weights = null_cell_weights(comparison).reshape(3, 3)
    assert log2(0.6 / 0.1) == pytest.approx(weights[0, 0])
    assert log2(0.8 / 0.3) == pytest.approx(weights[0, 2])
    assert log2(0.25 / 0.6) == pytest.approx(weights[2, 1])
    assert 0.0 == weights[2, 2]


@given(st.lists(st.integers(2, 4), min_size=1, max_size=3), st.integers(0, 2**32 - 1))
def test_a_null_stands_for_every_level(shape: list[int], seed: int) -> None:
    """A cell with nulls is the sum of exactly the full cells that agree in its other parts, and
    spreading back is the transpose of summing."""
    random = np.random.default_rng(seed)
    values = random.random(shape)
    with_null = tuple(levels + 1 for levels in shape)
    extended = with_null_cells(values.reshape(-1), tuple(shape))
    for place, cell in enumerate(np.ndindex(*with_null)):
        fitting = tuple(
            slice(None) if part == levels else part for part, levels in zip(cell, shape)
        )
        assert values[fitting].sum() == pytest.approx(extended[place])
    back = random.random(len(extended))
    assert extended @ back == pytest.approx(
        values.reshape(-1) @ from_null_cells(back, tuple(shape))
    )


# ----------------------------------------------------------------------------- wrong models


def small_model(**part: Any) -> tuple[Model, Layout]:
    schema = Schema(name="s", fields=(Field(name="x", kind="latin_name", columns=("x",)),))
    entries: dict[str, Any] = {
        "name": "x",
        "fields": ("x",),
        "comparator": "exact",
        "levels": (("exact",), ("else",)),
    }
    comparison = Comparison(name="x", parts=(Part(**(entries | part)),))
    return Model(schema=schema, comparisons=(comparison,), blocking_rules=()), layout_for(
        schema.fields
    )


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"fields": ("y",)}, "no field 'y' in these records"),
        ({"comparator": "soundalike"}, "unknown comparator 'soundalike'"),
        ({"levels": (("exact",), ("nearly",), ("else",))}, "exact has no grade 'nearly'; it has"),
        ({"comparator": "latin_name"}, "no level takes in the grades one_edit, "),
        (
            {"comparator": "date_distance_days"},
            "x: date_distance_days does not compare fields of kind latin_name",
        ),
        ({"fields": ("x", "x")}, "x: exact compares 1 fields?, not 2"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(part: dict[str, Any], message: str) -> None:
    """Fields, comparators, kinds and grades are checked before any pair is compared."""
    from person.field import OverflowTable

    model, layout = small_model(**part)
    with pytest.raises(ConfigError, match=message):
        compile_model(model, layout, OverflowTable())


def test_an_untrained_model_compares_but_does_not_weigh() -> None:
    """Training compares with a model before it has weights; asking for weights says train."""
    from person.field import OverflowTable

    model, layout = small_model()
    compiled = compile_model(model, layout, OverflowTable())
    assert not compiled.comparisons[0].cell_weight.any()
    with pytest.raises(ModelNotTrainedError, match="mpi train"):
        null_cell_weights(model.comparisons[0])


def test_a_model_of_too_many_levels_is_refused() -> None:
    """Patterns must fit one integer; a model beyond it is a ConfigError."""
    from person.field import OverflowTable

    model, layout = small_model()
    many = tuple(replace(model.comparisons[0], name=f"c{n}") for n in range(40))
    with pytest.raises(ConfigError, match="too many comparison levels"):
        compile_model(model.replace(comparisons=many), layout, OverflowTable())


def test_both_forms_of_an_id_number_are_exactly_equal() -> None:
    """'exact' compares values: 15 and 18 digits of one number, not how the number came."""
    schema = load_schema().with_fields(["id_number"])
    layout = layout_for(schema.fields)
    table = pa.table({"id_number": ["110101198003072311", "110101800307231"]})
    batch = encode_batch(table, schema, layout, schema.bind(table.column_names))
    part = Part(
        name="id_number",
        fields=("id_number",),
        comparator="exact",
        levels=(("exact",), ("else",)),
    )
    model = Model(
        schema=schema,
        comparisons=(Comparison(name="id_number", parts=(part,)),),
        blocking_rules=(),
    )
    compiled = compile_model(model, layout, batch.overflow)
    zero, one = np.zeros(1, np.int32), np.ones(1, np.int32)
    assert [[0]] == compiled.cells(batch.rows, batch.rows, zero, one).tolist()
