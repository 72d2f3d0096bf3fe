"""The authored model: comparisons, their probabilities, thresholds. Plain data, one JSON file.

A *comparison* has one or more *parts*. A part reads one field (or two, for swapped names)
through a comparator and sorts its grades into ordered levels. A comparison of several parts is
weighed as a whole: its cells are the combinations of the parts' levels, each with its own
m and u probability, so that correlated fields (street, suburb and postcode of one address; id
number and birth date) are never counted twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite, log2, prod
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from person.errors import ConfigError
from person.schema import Schema

__all__ = ["MODEL_FORMAT", "Comparison", "Model", "Part", "Thresholds", "read_model"]

MODEL_FORMAT: Final = "mpi-model/1"
_PROBABILITIES: Final = ("m_probability", "u_probability", "relative_probability")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One comparator on one field, its grades sorted into levels.

    Attributes
    ----------
    name : shown to people; the field's name unless two parts read one field
    fields : the fields it reads
    comparator : name in `matching.registry`
    cutoffs : thresholds of a measured comparator, best first
    levels : level -> grade names it takes in, best first; the last level is 'else'
    term_frequency : agreeing on a rare value weighs more
    shared : members of one household often agree on it (surname, address, phone)
    """

    name: str
    fields: tuple[str, ...]
    comparator: str
    levels: tuple[tuple[str, ...], ...]
    cutoffs: tuple[float, ...] = ()
    term_frequency: bool = False
    shared: bool = False

    def __post_init__(self) -> None:
        if len(self.levels) < 2:
            raise ConfigError(f"comparison part {self.name} needs at least two levels")

    @property
    def level_labels(self) -> tuple[str, ...]:
        return tuple("/".join(level) for level in self.levels)

    def to_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = {
            "name": self.name,
            "fields": list(self.fields),
            "comparator": self.comparator,
            "levels": [list(level) for level in self.levels],
        }
        if self.cutoffs:
            result["cutoffs"] = list(self.cutoffs)
        if self.term_frequency:
            result["term_frequency"] = True
        if self.shared:
            result["shared"] = True
        return result

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Part:
        return cls(
            name=str(raw["name"]),
            fields=tuple(raw["fields"]),
            comparator=str(raw["comparator"]),
            levels=tuple(tuple(level) for level in raw["levels"]),
            cutoffs=tuple(float(cutoff) for cutoff in raw.get("cutoffs", ())),
            term_frequency=bool(raw.get("term_frequency", False)),
            shared=bool(raw.get("shared", False)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Parts weighed together.

    `m_probability` and `u_probability` are float64[n_cells] over the combinations of levels,
    the last part changing fastest; None while untrained. A pair in which some parts are null
    gets the probabilities summed over what those parts might have been, so that a missing value
    counts neither for nor against.

    `relative_probability` is the same for two different people of one household, where the
    model knows of such; what they share must not make one person of them.
    """

    name: str
    parts: tuple[Part, ...]
    m_probability: NDArray[np.float64] | None = None
    u_probability: NDArray[np.float64] | None = None
    relative_probability: NDArray[np.float64] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(part.levels) for part in self.parts)

    @property
    def cell_count(self) -> int:
        return prod(self.shape)

    def __post_init__(self) -> None:
        for name in _PROBABILITIES:
            values = getattr(self, name)
            if values is None:
                continue
            if values.shape != (self.cell_count,):
                raise ConfigError(
                    f"comparison {self.name}: {name} needs {self.cell_count} values, "
                    f"not {values.size}"
                )
            if not np.isfinite(values).all() or (values <= 0).any() or values.sum() > 1.001:
                raise ConfigError(f"comparison {self.name}: {name} are not probabilities above 0")

    def cell_label(self, cell: int) -> str:
        levels = np.unravel_index(cell, self.shape)
        labels = (
            f"{part.name}: {part.level_labels[int(level)]}"
            for part, level in zip(self.parts, levels, strict=True)
        )
        return ", ".join(labels)

    def to_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = {
            "name": self.name,
            "parts": [part.to_dict() for part in self.parts],
        }
        for name in _PROBABILITIES:
            values = getattr(self, name)
            if values is not None:
                result[name] = [float(value) for value in values]
        return result

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Comparison:
        def probabilities(key: str) -> NDArray[np.float64] | None:
            return np.array(raw[key], np.float64) if key in raw else None

        return cls(
            name=str(raw["name"]),
            parts=tuple(Part.from_dict(part) for part in raw["parts"]),
            m_probability=probabilities("m_probability"),
            u_probability=probabilities("u_probability"),
            relative_probability=probabilities("relative_probability"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Match weights from which a pair is linked, and from which a person should look at it."""

    match_weight_link_min: float
    match_weight_review_min: float

    def __post_init__(self) -> None:
        if not (isfinite(self.match_weight_link_min) and isfinite(self.match_weight_review_min)):
            raise ConfigError("thresholds must be finite match weights")
        if self.match_weight_review_min > self.match_weight_link_min:
            raise ConfigError("the review threshold lies above the link threshold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Everything a decision depends on, except the term frequencies beside it.

    `training` records how it was made: seeds, counts, warnings.
    `probability_two_random_records_relatives` is the chance that two records are of two people
    of one household; 0 where the table shows none.
    """

    schema: Schema
    comparisons: tuple[Comparison, ...]
    blocking_rules: tuple[Mapping[str, Any], ...]
    probability_two_random_records_match: float | None = None
    probability_two_random_records_relatives: float = 0.0
    thresholds: Thresholds | None = None
    tf_minimum_u: float = 0.0
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_trained(self) -> bool:
        return self.probability_two_random_records_match is not None and all(
            each.m_probability is not None and each.u_probability is not None
            for each in self.comparisons
        )

    @property
    def prior_match_weight(self) -> float:
        """log2 odds that two random records match."""
        prior = self.probability_two_random_records_match
        assert prior is not None
        return log2(prior / (1.0 - prior))

    def comparison(self, name: str) -> Comparison:
        return next(each for each in self.comparisons if each.name == name)

    def replace(self, **changes: Any) -> Model:
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = {
            "format": MODEL_FORMAT,
            "schema": self.schema.to_dict(),
            "probability_two_random_records_match": self.probability_two_random_records_match,
            "probability_two_random_records_relatives": (
                self.probability_two_random_records_relatives
            ),
            "tf_minimum_u": self.tf_minimum_u,
            "comparisons": [each.to_dict() for each in self.comparisons],
            "blocking_rules": [dict(rule) for rule in self.blocking_rules],
        }
        if self.thresholds is not None:
            result["thresholds"] = {
                "match_weight_link_min": self.thresholds.match_weight_link_min,
                "match_weight_review_min": self.thresholds.match_weight_review_min,
            }
        result["training"] = dict(self.training)
        return result

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Model:
        if raw.get("format") != MODEL_FORMAT:
            raise ConfigError(
                f"not a model of this version: format is {raw.get('format')!r}, "
                f"expected {MODEL_FORMAT!r}"
            )
        try:
            names = [str(each["name"]) for each in raw["comparisons"]]
            if len(set(names)) != len(names):
                raise ConfigError("the model file names a comparison twice")
            prior = raw.get("probability_two_random_records_match")
            if prior is not None and not 0 < prior < 1:
                raise ConfigError("probability_two_random_records_match must lie between 0 and 1")
            return cls(
                schema=Schema.from_dict(raw["schema"]),
                comparisons=tuple(Comparison.from_dict(each) for each in raw["comparisons"]),
                blocking_rules=tuple(raw["blocking_rules"]),
                probability_two_random_records_match=prior,
                probability_two_random_records_relatives=float(
                    raw.get("probability_two_random_records_relatives", 0.0)
                ),
                thresholds=Thresholds(**raw["thresholds"]) if "thresholds" in raw else None,
                tf_minimum_u=float(raw.get("tf_minimum_u", 0.0)),
                training=raw.get("training", {}),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"the model file lacks or misshapes an entry: {error}") from error


def read_model(path: str | Path) -> Model:
    """Read a model JSON file; ConfigError says what is wrong with it."""
    try:
        raw = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"model file {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"model file {path} is not valid JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"model file {path} holds no model")
    return Model.from_dict(raw)
