"""Golden records: of what an identity's records say, the value that stands for the person.

A rule is chosen for each field; ties always fall to the later, then to the source's place in the
trusted order, then to the smaller reference, so that the same records give the same view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from person.errors import ConfigError

__all__ = ["RULES", "GoldenField", "SourceValue", "Survivorship", "golden_fields"]

MOST_FREQUENT: Final = "most_frequent"
MOST_RECENT: Final = "most_recent"
TRUSTED_SOURCE: Final = "trusted_source"
MOST_COMPLETE: Final = "most_complete"
RULES: Final = (MOST_COMPLETE, MOST_FREQUENT, MOST_RECENT, TRUSTED_SOURCE)

_DEFAULT_RULES: Final = {
    "phone": MOST_RECENT,
    "region_code": MOST_RECENT,
    "address": MOST_RECENT,
    "former_name": MOST_RECENT,
    "health_card": MOST_RECENT,
}
"""What changes in a life: the latest word counts. All else: what most records say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivorship:
    """How the value of each field is chosen.

    Attributes
    ----------
    rules : field -> one of RULES
    default : the rule of all other fields
    trusted_sources : best first; sources not named come after them
    """

    rules: Mapping[str, str] = field(default_factory=lambda: dict(_DEFAULT_RULES))
    default: str = MOST_FREQUENT
    trusted_sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = sorted({*self.rules.values(), self.default} - set(RULES))
        if unknown:
            raise ConfigError(
                f"survivorship: unknown rule {unknown[0]!r}; choose from {', '.join(RULES)}"
            )

    def rule_of(self, field_name: str) -> str:
        return self.rules.get(field_name, self.default)

    def to_dict(self) -> dict[str, Any]:
        return {
            "rules": dict(self.rules),
            "default": self.default,
            "trusted_sources": list(self.trusted_sources),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Survivorship:
        return cls(
            rules=dict(raw.get("rules", _DEFAULT_RULES)),
            default=str(raw.get("default", MOST_FREQUENT)),
            trusted_sources=tuple(raw.get("trusted_sources", ())),
        )


@dataclass(frozen=True, slots=True)
class SourceValue:
    """What one source record says in one field."""

    value: str
    source: str
    record_id: str
    updated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenField:
    """The chosen value of one field and where it comes from.

    Attributes
    ----------
    value : as the source sent it, or as the index holds it
    source, record_id, updated_at : the record it was taken from (seconds of UTC, 0 = unknown)
    rule : why this one
    agreeing, saying : records with this value, records with any value
    """

    value: str
    source: str
    record_id: str
    updated_at: int
    rule: str
    agreeing: int
    saying: int

    def to_dict(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "source": self.source,
            "record_id": self.record_id,
            "updated_at": self.updated_at,
            "rule": self.rule,
            "agreeing": self.agreeing,
            "saying": self.saying,
        }


def golden_fields(
    values: Mapping[str, Sequence[SourceValue]], survivorship: Survivorship
) -> dict[str, GoldenField]:
    """Choose a value for each field.

    Parameters
    ----------
    values : field -> what the records of one identity say, in any order; empty texts say nothing
    survivorship : how to choose

    Returns
    -------
    field -> GoldenField, fields that nobody states left out
    """
    order = {name: place for place, name in enumerate(survivorship.trusted_sources)}
    result = {}
    for name, stated in values.items():
        said = [each for each in stated if each.value.strip()]
        if not said:
            continue
        counts: dict[str, int] = {}
        for each in said:
            counts[each.value] = counts.get(each.value, 0) + 1
        rule = survivorship.rule_of(name)
        best = min(said, key=_ranking(rule, counts, order))
        result[name] = GoldenField(
            value=best.value,
            source=best.source,
            record_id=best.record_id,
            updated_at=best.updated_at,
            rule=rule,
            agreeing=counts[best.value],
            saying=len(said),
        )
    return result


def _ranking(
    rule: str, counts: Mapping[str, int], order: Mapping[str, int]
) -> Callable[[SourceValue], tuple[Any, ...]]:
    """Sort key that puts the survivor first."""

    def key(each: SourceValue) -> tuple[Any, ...]:
        place = order.get(each.source, len(order))
        tail = (-each.updated_at, place, each.source, each.record_id)
        if rule == MOST_FREQUENT:
            return (-counts[each.value], *tail)
        if rule == TRUSTED_SOURCE:
            return (place, *tail)
        if rule == MOST_COMPLETE:
            return (-len(each.value.strip()), -counts[each.value], *tail)
        return tail

    return key
