"""What a careful user of Splink would write for each labelled set, in two flavours.

`documented`: the settings of Splink's own notebooks for FEBRL 3, FEBRL 4 and fake_1000; the other
sets, which the notebooks do not treat, get the same recipe. `best_effort`: more and looser
blocking rules, term frequencies, joint name comparison, finer levels, u from more pairs and EM over
several rules, found by hand on these very sets with the truth at hand, which favours Splink.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bench.accuracy_splink_febrl import (
    febrl4_documented,
    febrl_best_effort,
    febrl_c_best_effort,
    febrl_c_documented,
    febrl_documented,
)
from bench.accuracy_splink_others import (
    fake_1000_best_effort,
    fake_1000_documented,
    geco_best_effort,
    geco_documented,
    pseudopeople_best_effort,
    pseudopeople_documented,
    secondstring_best_effort,
    secondstring_documented,
    uganda_best_effort,
    uganda_documented,
)
from bench.accuracy_splink_parts import Plan
from bench.accuracy_splink_residents import residents_best_effort

__all__ = ["FLAVOURS", "has_plan", "make_plan"]

FLAVOURS: Final = ("documented", "best_effort")

_Maker = Callable[[], Plan]
_PLANS: Final[dict[str, tuple[_Maker | None, _Maker]]] = {
    "febrl1": (febrl_documented, febrl_best_effort),
    "febrl2": (febrl_documented, febrl_best_effort),
    "febrl3": (febrl_documented, febrl_best_effort),
    "febrl4": (febrl4_documented, lambda: febrl_best_effort("link_only")),
    "febrl_c": (febrl_c_documented, febrl_c_best_effort),
    "fake_1000": (fake_1000_documented, fake_1000_best_effort),
    "uganda_opencr": (uganda_documented, uganda_best_effort),
    "geco": (geco_documented, geco_best_effort),
    "pseudopeople": (pseudopeople_documented, pseudopeople_best_effort),
    "pseudopeople_raw": (pseudopeople_documented, pseudopeople_best_effort),
    "secondstring_census": (secondstring_documented, secondstring_best_effort),
    # No notebook treats Chinese residents.
    "residents_100k": (None, residents_best_effort),
    "residents_1m": (None, residents_best_effort),
}


def has_plan(set_name: str, flavour: str) -> bool:
    """Whether there are settings of that flavour for a set."""
    return _PLANS[set_name][FLAVOURS.index(flavour)] is not None


def make_plan(set_name: str, flavour: str) -> Plan:
    """The plan for one set; needs the `accuracy` extra."""
    maker = _PLANS[set_name][FLAVOURS.index(flavour)]
    assert maker is not None, "asked only for plans that are there"
    return maker()
