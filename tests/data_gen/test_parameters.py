"""Generator parameters: ranges, refusals by name, the round trip through a manifest."""

from __future__ import annotations

import pytest

from data_gen.parameters import FRAME_COMMUNITIES, PEOPLE_MAX, GeneratorParameters
from person.errors import ConfigError


@pytest.mark.parametrize(
    "name, value",
    [
        ("people", 0),
        ("people", PEOPLE_MAX + 1),
        ("people", 1000.0),
        ("people", True),
        ("seed", -1),
        ("seed", 2**63),
        ("records_per_person", 0.99),
        ("records_per_person", 6.5),
        ("records_per_person", "2"),
        ("error_scale", -0.1),
        ("error_scale", float("nan")),
        ("duplicate_id_rate", 0.06),
        ("duplicate_id_unresolved", 1.01),
        ("foreign_rate", float("inf")),
    ],
)
def test_bad_values_are_refused_by_name(name: str, value: object) -> None:
    """A value out of range or of the wrong kind is a ConfigError that names the parameter."""
    values = {"people": 1000} | {name: value}
    with pytest.raises(ConfigError, match=f"'{name}'"):
        GeneratorParameters(**values)  # type: ignore[arg-type]


def test_manifests_round_trip() -> None:
    """Parameters written to a manifest and read back are equal."""
    parameters = GeneratorParameters(people=12_345, seed=9, records_per_person=3.5, error_scale=0.5)
    assert parameters == GeneratorParameters.from_dict(parameters.to_dict())


def test_unknown_and_missing_names_are_refused() -> None:
    """A misspelt name or a manifest without `people` is refused by name."""
    with pytest.raises(ConfigError, match="'sede'"):
        GeneratorParameters.from_dict({"people": 10, "sede": 1})
    with pytest.raises(ConfigError, match="'people'"):
        GeneratorParameters.from_dict({"seed": 1})


def test_sizes_follow_from_people_and_rate() -> None:
    """Communities are rounded up, records of a community to the nearest."""
    parameters = GeneratorParameters(people=1025, records_per_person=1.3)
    assert (2, 1331) == (parameters.communities, parameters.records_per_community)
    assert FRAME_COMMUNITIES == GeneratorParameters(people=PEOPLE_MAX).communities
