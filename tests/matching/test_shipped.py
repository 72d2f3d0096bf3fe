"""The model of residents that ships with the product."""

from __future__ import annotations

import json

import numpy as np

from matching.defaults import default_comparisons
from matching.models.build_resident import TARGET, build
from matching.shipped import shipped_model, with_shipped_probabilities
from person.layout import layout_for
from person.schema import load_schema


def test_the_shipped_file_is_what_its_script_makes() -> None:
    """Whoever changes levels or figures makes the file again."""
    assert json.loads(TARGET.read_text("utf-8")) == json.loads(json.dumps(build().to_dict()))


def test_every_level_of_a_resident_comparison_has_a_chance() -> None:
    """Each class's chances add up to one in each comparison."""
    shipped = shipped_model("resident")
    assert shipped is not None
    for each in shipped.comparisons:
        for chances in (each.m_probability, each.u_probability, each.relative_probability):
            assert chances is not None
            np.testing.assert_allclose(chances.sum(), 1.0, atol=1e-4)


def test_agreement_speaks_for_and_disagreement_against() -> None:
    """In every comparison the best cell weighs most, and the worst speaks against."""
    shipped = shipped_model("resident")
    assert shipped is not None
    for each in shipped.comparisons:
        assert each.m_probability is not None
        assert each.u_probability is not None
        weight = np.log2(each.m_probability / each.u_probability)
        assert weight[0] > weight.max() - 3.0
        assert weight[-1] < -1.0


def test_what_a_table_lacks_is_summed_out() -> None:
    """A table without id numbers is compared by birth date and sex with their own chances."""
    schema = load_schema("resident")
    fields = [each for each in schema.fields if each.name in ("name", "birth_date", "gender")]
    shipped = shipped_model("resident")
    assert shipped is not None
    given = with_shipped_probabilities(default_comparisons(fields, layout_for(fields)), shipped)
    assert given is not None
    identity = next(each for each in given if each.name == "identity")
    whole = shipped.comparison("identity")
    assert identity.m_probability is not None
    assert whole.m_probability is not None
    expected = whole.m_probability.reshape(whole.shape).sum(axis=0).reshape(-1)
    np.testing.assert_allclose(expected, identity.m_probability)


def test_other_comparisons_are_left_to_training() -> None:
    """A comparison the shipped model does not know makes it unfit as a whole."""
    schema = load_schema("resident")
    fields = [each for each in schema.fields if each.name == "name"]
    (name,) = default_comparisons(fields, layout_for(fields))
    shipped = shipped_model("resident")
    assert shipped is not None
    other = type(name)(name="nickname", parts=name.parts)
    assert with_shipped_probabilities((name, other), shipped) is None
    assert shipped_model("unheard of") is None
