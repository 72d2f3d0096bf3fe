"""The authored model: plain data that survives its JSON file, and what is said of a wrong one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.defaults import CELLS_MAX, default_comparisons
from matching.model import Comparison, Model, Part, Thresholds, read_model
from matching.registry import comparator
from person.errors import ConfigError
from person.kinds import KINDS
from person.layout import layout_for
from person.schema import Field, Schema, load_schema
from tests import strategies

LEVELS = (("exact",), ("one_edit",), ("else",))


def part(name: str = "given", levels: tuple[tuple[str, ...], ...] = LEVELS, **more: Any) -> Part:
    return Part(name=name, fields=(name,), comparator="latin_name", levels=levels, **more)


def schema() -> Schema:
    return Schema(
        name="t",
        fields=tuple(
            Field(name=name, kind="latin_name", columns=(name,)) for name in ("given", "surname")
        ),
    )


def comparison(**more: Any) -> Comparison:
    return Comparison(name="name", parts=(part(), part("surname", shared=True)), **more)


@st.composite
def probabilities(draw: st.DrawFn, count: int) -> NDArray[np.float64]:
    weights = draw(st.lists(st.floats(1e-6, 1.0), min_size=count, max_size=count))
    return np.array(weights) / np.sum(weights)


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A model with any of its optional parts."""
    filled = {
        name: draw(probabilities(9))
        for name in ("m_probability", "u_probability", "relative_probability")
        if draw(st.booleans())
    }
    low, high = sorted(draw(st.lists(st.floats(-50, 50), min_size=2, max_size=2)))
    lines = Thresholds(match_weight_link_min=high, match_weight_review_min=low)
    return Model(
        schema=schema(),
        comparisons=(comparison(**filled),),
        blocking_rules=({"name": "r", "keys": ["surname"], "refine": []},),
        probability_two_random_records_match=draw(st.none() | st.floats(1e-12, 0.5)),
        probability_two_random_records_relatives=draw(st.floats(0, 0.1)),
        thresholds=draw(st.none() | st.just(lines)),
        tf_minimum_u=draw(st.floats(0, 0.01)),
        training={"seed": 1, "notes": ["一"]},
    )


def plain(model: Model) -> Any:
    return json.loads(json.dumps(model.to_dict()))


# --------------------------------------------------------------------------------- round trips


@given(models())
def test_a_model_survives_its_json_file(model: Model) -> None:
    """Nothing of a model is lost or rounded in its file: scoring repeats bit for bit."""
    again = Model.from_dict(plain(model))
    assert plain(model) == plain(again)
    assert model.schema == again.schema
    assert model.thresholds == again.thresholds
    for one, other in zip(model.comparisons, again.comparisons):
        assert one.parts == other.parts
        for name in ("m_probability", "u_probability", "relative_probability"):
            mine, theirs = getattr(one, name), getattr(other, name)
            assert (mine is None) == (theirs is None)
            assert mine is None or mine.tolist() == theirs.tolist()
    assert model.is_trained == again.is_trained


def test_every_entry_of_a_part_survives() -> None:
    """Cutoffs, term frequency and the household mark are kept; what is default is left out."""
    full = Part(
        name="x",
        fields=("a", "b"),
        comparator="jaro_winkler",
        levels=(("exact",), (">=0.9",), ("else",)),
        cutoffs=(1.0, 0.9),
        term_frequency=True,
        shared=True,
    )
    assert full == Part.from_dict(json.loads(json.dumps(full.to_dict())))
    assert {"name", "fields", "comparator", "levels"} == set(part().to_dict())


def test_the_prior_weight_is_the_log_odds_of_the_prior() -> None:
    """prior_match_weight is log2 of the odds that two random records match."""
    model = Model(
        schema=schema(),
        comparisons=(comparison(),),
        blocking_rules=(),
        probability_two_random_records_match=0.001,
    )
    assert log2(0.001 / 0.999) == model.prior_match_weight
    assert not model.is_trained


def test_cells_are_named_by_their_levels() -> None:
    """The last part's level changes fastest, as in the probability arrays."""
    assert (3, 3) == comparison().shape
    assert "given: exact, surname: else" == comparison().cell_label(2)
    assert "given: one_edit, surname: exact" == comparison().cell_label(3)


# -------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda raw: raw.update(format="mpi-model/0"),
            "not a model of this version: format is 'mp",
        ),
        (lambda raw: raw.pop("format"), "format is None, expected 'mpi-model/1'"),
        (lambda raw: raw.pop("schema"), "lacks or misshapes an entry: 'schema'"),
        (lambda raw: raw.pop("comparisons"), "lacks or misshapes an entry: 'comparisons'"),
        (lambda raw: raw.update(comparisons=[3]), "lacks or misshapes an entry"),
        (lambda raw: raw.update(comparisons=3), "lacks or misshapes an entry"),
        (lambda raw: raw["comparisons"][0].pop("name"), "misshapes an entry: 'name'"),
        (lambda raw: raw["comparisons"][0]["parts"][0].pop("levels"), "entry: 'levels'"),
        (lambda raw: raw.update(probability_two_random_records_match=0), "between 0 and 1"),
        (lambda raw: raw.update(probability_two_random_records_match=1.0), "between 0 and 1"),
        (lambda raw: raw.update(probability_two_random_records_match="x"), "misshapes an entry"),
        (lambda raw: raw.update(thresholds={"link": 3}), "misshapes an entry"),
        (
            lambda raw: raw.update(
                thresholds={"match_weight_link_min": 1, "match_weight_review_min": 2}
            ),
            "the review threshold lies above the link threshold",
        ),
        (
            lambda raw: raw["comparisons"][0].update(m_probability=[0.5, 0.5]),
            "comparison name: m_probability needs 9 values, not 2",
        ),
        (
            lambda raw: raw["comparisons"][0].update(u_probability=[0.0] + [0.125] * 8),
            "comparison name: u_probability are not probabilities above 0",
        ),
        (
            lambda raw: raw["comparisons"][0].update(u_probability=[float("nan")] * 9),
            "u_probability are not probabilities above 0",
        ),
        (
            lambda raw: raw["comparisons"][0].update(u_probability=[0.5] * 9),
            "u_probability are not probabilities above 0",
        ),
        (
            lambda raw: raw["comparisons"][0]["parts"][0].update(levels=[["exact"]]),
            "comparison part given needs at least two levels",
        ),
        (lambda raw: raw["schema"]["fields"]["given"].pop("kind"), "fields.given has no kind"),
    ],
)
def test_a_wrong_model_is_said_in_words(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    """Each mistake in a model file is a ConfigError that names the entry."""
    model = Model(schema=schema(), comparisons=(comparison(),), blocking_rules=())
    raw = plain(model)
    change(raw)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(raw))
    with pytest.raises(ConfigError, match=message):
        read_model(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"{", "is not valid JSON"),
        (b"\xff", "is not valid JSON"),
        (b"[1]", "holds no model"),
    ],
)
def test_a_file_that_is_no_model_is_said(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    """A missing file and other content are ConfigErrors with the path."""
    path = tmp_path / "model.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"model file {path} {message}"):
        read_model(path)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_thresholds_are_finite(value: float) -> None:
    """A line at infinity would link nothing, or everything, in silence."""
    with pytest.raises(ConfigError, match="finite"):
        Thresholds(match_weight_link_min=value, match_weight_review_min=0.0)


# ------------------------------------------------------------------------------------ defaults


def test_residents_get_one_comparison_a_group() -> None:
    """Facts that move together are weighed together: id number, birth date and sex."""
    fields = load_schema().fields
    found = {each.name: each for each in default_comparisons(fields, layout_for(fields))}
    identity = [each.name for each in found["identity"].parts]
    assert ["id_number", "birth_date", "gender"] == identity
    assert ["region_code", "address"] == [each.name for each in found["address"].parts]
    in_parts = {name for each in found.values() for p in each.parts for name in p.fields}
    assert {each.name for each in fields} == in_parts
    assert [each.name for each in found["former_name"].parts] == ["former_name"]


def test_western_names_get_a_part_that_sees_them_swapped() -> None:
    """Given name and surname are one comparison with a part for changed places."""
    fields = tuple(
        Field(name=role, kind="latin_name", columns=(role,), role=role)
        for role in ("given_name", "surname")
    )
    (found,) = default_comparisons(fields, layout_for(fields))
    assert ["given_name", "surname", "reversed_names"] == [each.name for each in found.parts]
    assert ("surname", "given_name") == found.parts[2].fields


@given(strategies.field_lists(size_max=8), st.lists(st.sampled_from(["", "a", "b"]), min_size=8))
def test_any_schema_gets_comparisons_that_compile(fields: list[Field], groups: list[str]) -> None:
    """Every field lands in one comparison whose levels take in all grades; cells are bounded."""
    from dataclasses import replace

    fields = [replace(each, group=group) for each, group in zip(fields, groups)]
    layout = layout_for(fields)
    sizes = Counter(each.group for each in fields if each.group)
    if max(sizes.values(), default=0) > 5:
        return  # may be refused: too many fields to be weighed together
    found = default_comparisons(fields, layout)
    seen = [name for each in found for p in each.parts for name in p.fields]
    assert sorted(each.name for each in fields) == sorted(seen)
    for each in found:
        assert each.cell_count <= 4 * CELLS_MAX
        for p in each.parts:
            grades = comparator(p.comparator).grades
            if grades:
                assert sorted(grades) == sorted(grade for level in p.levels for grade in level)


def test_measured_comparators_take_their_cutoffs_from_the_schema() -> None:
    """compare = 'jaro_winkler:0.92,0.8' makes four levels; distances count up."""
    fields = (
        Field(name="a", kind="latin_name", columns=("a",), compare="jaro_winkler:0.92,0.8"),
        Field(name="b", kind="latin_name", columns=("b",), compare="levenshtein:1,2"),
        Field(name="c", kind="latin_name", columns=("c",), compare="osa"),
    )
    a, b, c = (each.parts[0] for each in default_comparisons(fields, layout_for(fields)))
    assert (("exact",), (">=0.92",), (">=0.8",), ("else",)) == a.levels
    assert (1.0, 0.92, 0.8) == a.cutoffs
    assert (("exact",), ("<=1",), ("<=2",), ("else",)) == b.levels
    assert (0.0, 1.0, 2.0) == b.cutoffs
    assert (("exact",), ("else",)) == c.levels


@pytest.mark.parametrize(
    ("compare", "message"),
    [
        ("jaro_winkler:x", "cutoffs must be numbers"),
        ("soundalike", "unknown comparator"),
        ("latin_name:0.9", "takes no cutoffs"),
        ("exact:0.3", "takes no cutoffs"),
    ],
)
def test_a_wrong_comparator_in_a_schema_is_refused(compare: str, message: str) -> None:
    """A misspelt comparator or cutoff is a ConfigError before any data is read."""
    fields = (Field(name="a", kind="latin_name", columns=("a",), compare=compare),)
    with pytest.raises(ConfigError, match=message):
        default_comparisons(fields, layout_for(fields))


def test_every_kind_gets_a_comparison() -> None:
    """A field of any kind, hashed or not, is compared by default."""
    for kind in KINDS:
        for options in ({}, {"hashed": 20}):
            fields = (Field(name="a", kind=kind, columns=("a",), options=options),)
            (found,) = default_comparisons(fields, layout_for(fields))
            assert "exact" == found.parts[0].comparator or not options


@pytest.mark.parametrize(
    "compare", ["jaro_winkler:0.8,0.9", "jaro_winkler:1.2", "osa:2,1", "osa:-1", "osa:0", "osa:nan"]
)
def test_cutoffs_out_of_order_or_range_are_refused(compare: str) -> None:
    """A level that no pair can reach would be learnt from nothing."""
    field = Field(name="word", kind="text", columns=("word",), compare=compare)
    with pytest.raises(ConfigError, match=r"fields\.word\.compare: the cutoffs"):
        default_comparisons([field], layout_for([field]))
