"""Every comparator by name, and the levels a model gets by default.

Importing this module imports no kernel; `comparator` loads the module that holds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import Final

from matching.comparator import Comparator
from person.errors import ConfigError

__all__ = ["COMPARATOR_MODULES", "all_comparators", "comparator", "default_levels"]

COMPARATOR_MODULES: Final = (
    "matching.kernels.han_names",
    "matching.kernels.identifiers",
    "matching.kernels.strings",
    "matching.kernels.dates",
    "matching.kernels.addresses",
)

_FINE: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "han_name": (
        ("exact",),
        ("same_syllables",),
        ("fuzzy_syllables", "similar_character"),
        ("one_character", "swapped"),
        ("one_given_character",),
        ("given_only",),
        ("surname_only",),
        ("else",),
    ),
    "latin_name": (
        ("exact",),
        ("one_edit",),
        ("near", "same_sound"),
        ("initial", "contained"),
        ("similar",),
        ("else",),
    ),
    "text": (
        ("exact",),
        ("same_tokens", "one_edit"),
        ("contained", "near"),
        ("similar",),
        ("else",),
    ),
    "identifier_text": (
        ("exact",),
        ("one_edit", "transposed"),
        ("two_edits",),
        ("else",),
    ),
    "date": (
        ("exact",),
        ("day_month_swapped", "transposed_digits"),
        ("one_digit",),
        ("compatible_partial",),
        ("near",),
        ("two_digits",),
        ("year_only",),
        ("month_and_day",),
        ("two_digits_with_year",),
        ("else",),
    ),
    "reversed_texts": (("reversed_exact",), ("reversed_near",), ("not_reversed",)),
    "reversed_names": (("reversed_exact",), ("reversed_near",), ("not_reversed",)),
}
_COARSE: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "text": (("exact",), ("same_tokens", "one_edit", "contained", "near"), ("similar", "else")),
    "latin_name": (
        ("exact",),
        ("one_edit", "near", "same_sound"),
        ("initial", "contained", "similar"),
        ("else",),
    ),
    "identifier_text": (("exact",), ("one_edit", "transposed"), ("two_edits", "else")),
    "date": (
        ("exact",),
        ("day_month_swapped", "one_digit", "transposed_digits"),
        ("compatible_partial",),
        ("near", "two_digits"),
        ("year_only", "month_and_day", "two_digits_with_year", "else"),
    ),
}


@lru_cache(maxsize=1)
def all_comparators() -> Mapping[str, Comparator]:
    """Name -> comparator; loads every kernel module."""
    found: dict[str, Comparator] = {}
    for module in COMPARATOR_MODULES:
        for each in import_module(module).COMPARATORS:
            assert each.name not in found, each.name
            found[each.name] = each
    return found


def comparator(name: str) -> Comparator:
    """The comparator of that name; ConfigError lists the known ones otherwise."""
    known = all_comparators()
    if name not in known:
        raise ConfigError(f"unknown comparator {name!r}; known: {', '.join(sorted(known))}")
    return known[name]


def default_levels(name: str, *, coarse: bool = False) -> tuple[tuple[str, ...], ...]:
    """The levels a graded comparator's grades are sorted into by default.

    `coarse` merges them further, for comparisons of many parts.
    """
    grades = comparator(name).grades
    authored = (_COARSE if coarse else _FINE).get(name) or _FINE.get(name)
    if authored is None:
        return tuple((grade,) for grade in grades)
    missing = set(grades) - {grade for level in authored for grade in level}
    assert not missing, (name, missing)
    return authored
