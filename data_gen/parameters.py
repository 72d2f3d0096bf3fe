"""What a population is made from: its size, its seed and the few rates that one may set."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from data_gen.people import COMMUNITY_PEOPLE
from person.errors import ConfigError

__all__ = [
    "FRAME_COMMUNITIES",
    "PEOPLE_MAX",
    "REFERENCE_DATE",
    "REFERENCE_DAY",
    "GeneratorParameters",
]

FRAME_COMMUNITIES: Final = 1_376_768
"""Communities of the nation: 1,409,778,724 people (census 2020) over 1024, rounded up."""

PEOPLE_MAX: Final = FRAME_COMMUNITIES * COMMUNITY_PEOPLE

REFERENCE_DATE: Final = datetime.date(2020, 11, 1)
"""Census day: who is alive, who lives where, and the latest day of any record."""

REFERENCE_DAY: Final = (REFERENCE_DATE - datetime.date(1970, 1, 1)).days

_RANGES: Final[dict[str, tuple[float, float]]] = {
    "people": (1, PEOPLE_MAX),
    "seed": (0, 2**63 - 1),
    "records_per_person": (1.0, 6.0),
    "error_scale": (0.0, 10.0),
    "duplicate_id_rate": (0.0, 0.05),
    "duplicate_id_unresolved": (0.0, 1.0),
    "foreign_rate": (0.0, 0.1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorParameters:
    """Everything that decides a population; two equal ones draw the same bytes.

    Attributes
    ----------
    people : 1 to PEOPLE_MAX. Populations of one seed nest: a larger one holds every smaller one
    seed : 0 to 2**63 - 1
    records_per_person : 1.0 to 6.0, mean number of records
    error_scale : 0 to 10, multiplies every error rate of every source
    duplicate_id_rate : share of people who were given somebody else's id number (chong hao).
        2009: 1.7 M of 1,334 M people held a number twice issued; one of each two had to change it
    duplicate_id_unresolved : share of those who still hold it at the reference date. 2017: 8
        people in the whole country, hence 0
    foreign_rate : share of foreigners and of residents of Hong Kong, Macao and Taiwan.
        Census 2020: 845,697 foreigners, 371,380 + 55,732 + 157,886 residents of the three
    """

    people: int
    seed: int = 0
    records_per_person: float = 2.5
    error_scale: float = 1.0
    duplicate_id_rate: float = 0.00064
    duplicate_id_unresolved: float = 0.0
    foreign_rate: float = 0.00101

    def __post_init__(self) -> None:
        for name in ("people", "seed"):
            if type(getattr(self, name)) is not int:
                raise ConfigError(f"generator parameter '{name}' must be a whole number")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError(f"generator parameter '{name}' must be a number")
            if not low <= value <= high:
                least, most = (
                    f"{end:,}" if type(end) is int else f"{end:g}" for end in (low, high)
                )
                raise ConfigError(
                    f"generator parameter '{name}' is {value}; it must lie in {least} to {most}"
                )

    @property
    def communities(self) -> int:
        """Communities the population takes, the last one perhaps cut."""
        return -(-self.people // COMMUNITY_PEOPLE)

    @property
    def records_per_community(self) -> int:
        """Records of every whole community."""
        return round(COMMUNITY_PEOPLE * self.records_per_person)

    def to_dict(self) -> dict[str, Any]:
        """The parameters as plain values, for a manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GeneratorParameters:
        """Parameters from a manifest.

        Parameters
        ----------
        values : names and values; those left out take their defaults, `people` has none

        Raises
        ------
        ConfigError : a name is unknown, `people` is missing or a value out of range
        """
        unknown = sorted(set(values) - {item.name for item in fields(cls)})
        if unknown:
            raise ConfigError(f"unknown generator parameter '{unknown[0]}'")
        if "people" not in values:
            raise ConfigError("generator parameter 'people' is missing")
        return cls(**values)
