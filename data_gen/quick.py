"""Populations of usual sizes, by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from person.errors import ConfigError

__all__ = ["QUICK_SIZES", "quick_people"]

QUICK_SIZES: Final = MappingProxyType(
    {
        "10k": 10_000,  # a look at the data
        "1m": 1_000_000,  # a county or a large hospital
        "10m": 10_000_000,  # a prefecture
        "100m": 100_000_000,  # a province
        "1300m": 1_300_000_000,  # the country
    }
)


def quick_people(name: str) -> int:
    """Return the number of people of a preset.

    Parameters
    ----------
    name : one of QUICK_SIZES

    Raises
    ------
    ConfigError : no such preset
    """
    if name not in QUICK_SIZES:
        raise ConfigError(f"quick: no preset {name!r}; there are {', '.join(QUICK_SIZES)}")
    return QUICK_SIZES[name]
