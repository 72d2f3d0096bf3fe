"""The comparisons a schema gets when nobody has written any: by kind, role and group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf, prod
from typing import Final

from matching.model import Comparison, Part
from matching.registry import comparator, default_levels
from person.errors import ConfigError
from person.kinds import KINDS
from person.layout import Layout
from person.schema import Field

__all__ = ["default_comparisons"]

CELLS_MAX: Final = 700
"""Most combinations of levels in one comparison; beyond it the parts' levels are merged."""

_SHARED_ROLES: Final = frozenset(
    {"surname", "phone", "address", "street", "city", "place", "postcode", "state", "region"}
    | {"house_number", "street_number", "locality", "mother_id"}
)
"""Facts on which the members of one household often agree."""

_ROLE_GROUPS: Final = {
    "given_name": "name",
    "surname": "name",
    "middle_name": "name",
    "former_name": "",
}


def default_comparisons(fields: Iterable[Field], layout: Layout) -> tuple[Comparison, ...]:
    """Build untrained comparisons for the fields of a layout.

    Fields of one group become one comparison; a given name and a surname are one group unless
    the schema says otherwise, with a part that sees the two swapped.

    Parameters
    ----------
    fields : of the schema; those the layout lacks are left out
    layout : says which fields are hashed (these can only agree or not)

    Returns
    -------
    tuple of Comparison, in the order of the schema
    """
    groups: dict[str, list[Field]] = {}
    for each in fields:
        if layout.has(each.name):
            group = each.group or _ROLE_GROUPS.get(each.role, "") or each.name
            groups.setdefault(group, []).append(each)
    return tuple(_comparison(name, members, layout) for name, members in groups.items())


def _comparison(name: str, members: Sequence[Field], layout: Layout) -> Comparison:
    parts = [_part(each, layout) for each in members]
    parts += _reversed_part(members)
    coarse_from = len(parts)
    while prod(len(part.levels) for part in parts) > CELLS_MAX and coarse_from > 0:
        coarse_from -= 1
        parts[coarse_from] = _coarser(parts[coarse_from])
    for number in range(len(parts) - 1, -1, -1):
        if prod(len(part.levels) for part in parts) <= CELLS_MAX:
            break
        parts[number] = _two_levels(parts[number])
    if prod(len(part.levels) for part in parts) > CELLS_MAX * 4:
        raise ConfigError(
            f"the group {name} has too many fields to be weighed together "
            f"({', '.join(each.name for each in members)}); split it into two groups"
        )
    return Comparison(name=name, parts=tuple(_one_frequency(parts, members)))


def _part(field: Field, layout: Layout) -> Part:
    if layout.is_hashed(field.name):
        return Part(
            name=field.name,
            fields=(field.name,),
            comparator="exact",
            levels=(("exact",), ("else",)),
            cutoffs=(0.0,),
            term_frequency=True,
            shared=_is_shared(field),
        )
    name, _, arguments = (field.compare or KINDS[field.kind].comparator).partition(":")
    source = comparator(name)
    cutoffs: tuple[float, ...] = ()
    if source.grades:
        if arguments:
            raise ConfigError(
                f"fields.{field.name}.compare: {name} has grades of its own and takes no cutoffs; "
                f"write {name} alone"
            )
        levels = default_levels(name)
    else:
        cutoffs = _cutoffs(field, source.measure, arguments)
        sign = "<=" if source.measure == "distance" else ">="
        fuzzy = tuple((f"{sign}{cutoff:g}",) for cutoff in cutoffs[1:])
        levels = (("exact",), *fuzzy, ("else",))
    return Part(
        name=field.name,
        fields=(field.name,),
        comparator=name,
        levels=levels,
        cutoffs=cutoffs,
        term_frequency=levels[0] == ("exact",) and field.kind != "gender",
        shared=_is_shared(field),
    )


def _is_shared(field: Field) -> bool:
    return (
        field.role in _SHARED_ROLES
        or field.group == "address"
        or field.kind in ("address", "region", "phone")
    )


def _cutoffs(field: Field, measure: str, arguments: str) -> tuple[float, ...]:
    try:
        given = tuple(float(each) for each in arguments.split(",") if each)
    except ValueError as error:
        raise ConfigError(f"fields.{field.name}.compare: cutoffs must be numbers") from error
    best = 0.0 if measure == "distance" else 1.0
    falls = [better > worse >= 0.0 for better, worse in pairwise((best, *given))]
    rises = [better < worse < inf for better, worse in pairwise((best, *given))]
    if not all(rises if measure == "distance" else falls):
        span = "above 0" if measure == "distance" else "below 1 and not below 0"
        raise ConfigError(
            f"fields.{field.name}.compare: the cutoffs {arguments} are out of order or range; "
            f"give each {measure} once, best first, {span}"
        )
    return (best, *given)


def _reversed_part(members: Sequence[Field]) -> list[Part]:
    by_role = {each.role: each for each in members if each.kind == "latin_name"}
    if "given_name" not in by_role or "surname" not in by_role:
        return []
    return [
        Part(
            name="reversed_names",
            fields=(by_role["surname"].name, by_role["given_name"].name),
            comparator="reversed_names",
            levels=default_levels("reversed_names"),
        )
    ]


def _coarser(part: Part) -> Part:
    if part.cutoffs:
        return part
    return replace(part, levels=default_levels(part.comparator, coarse=True))


def _two_levels(part: Part) -> Part:
    rest = tuple(grade for level in part.levels[1:] for grade in level)
    return replace(part, levels=(part.levels[0], rest))


def _one_frequency(parts: Sequence[Part], members: Sequence[Field]) -> list[Part]:
    """Let each fact be rare only once: names may both be, but of an address one field decides."""
    roles = {each.name: each.role for each in members}
    if len(parts) == 1 or {"given_name", "surname"} <= set(roles.values()):
        return list(parts)
    rank = ("han_name", "latin_name", "national_id", "text", "identifier", "category")
    kinds = {each.name: each.kind for each in members}
    candidates = [part for part in parts if part.term_frequency and kinds.get(part.name) in rank]
    chosen = min(candidates, key=lambda part: rank.index(kinds[part.name]), default=None)
    return [
        replace(part, term_frequency=chosen is not None and part.name == chosen.name)
        for part in parts
    ]
