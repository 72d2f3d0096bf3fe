"""Blocking rules: which records are worth comparing, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from person.errors import ConfigError

__all__ = [
    "DEFAULT_BLOCK_SIZE_MAX",
    "DEFAULT_WINDOW",
    "BlockingRule",
    "KeySpec",
    "rules_from_dicts",
]

DEFAULT_BLOCK_SIZE_MAX: Final = 1000
DEFAULT_WINDOW: Final = 20
BLOCK_SIZE_LIMIT: Final = 100_000
"""Largest block ever compared in full: five thousand million pairs."""


@dataclass(frozen=True, slots=True)
class KeySpec:
    """One part of a rule's key, taken apart: "field", "field:transform:argument".

    Attributes
    ----------
    fields : one field, or two joined by '+' for a transform that reads both
    transform : 'value' where the rule names none
    argument : what stands after the transform, else ''
    """

    fields: tuple[str, ...]
    transform: str = "value"
    argument: str = ""

    @classmethod
    def parse(cls, text: str) -> KeySpec:
        """Take a key's text apart; ConfigError where it is not of that shape."""
        parts = [part.strip() for part in text.split(":")] if isinstance(text, str) else []
        fields = tuple(name.strip() for name in parts[0].split("+")) if parts else ()
        if not 1 <= len(parts) <= 3 or not all(parts) or not all(fields) or len(fields) > 2:
            raise ConfigError(
                f"blocking key {text!r} is not of the form field, field:transform or "
                f"field:transform:argument"
            )
        return cls(fields, *parts[1:])

    def __str__(self) -> str:
        text = "+".join(self.fields)
        if self.argument:
            return f"{text}:{self.transform}:{self.argument}"
        return text if self.transform == "value" else f"{text}:{self.transform}"


@dataclass(frozen=True, slots=True)
class BlockingRule:
    """Records that agree on every key are candidate pairs.

    Attributes
    ----------
    name : how reports call it; the keys joined by ' + ' where not given
    keys : parts of the block key; a record where one is missing has no block
    refine : further keys, used one after another inside a block that is too large
    block_size_max : blocks up to this size are compared in full
    window : in a block that refining leaves too large, each record meets this many neighbours
    """

    name: str
    keys: tuple[str, ...]
    refine: tuple[str, ...] = ()
    block_size_max: int = DEFAULT_BLOCK_SIZE_MAX
    window: int = DEFAULT_WINDOW

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", _key_texts(self.keys, "keys"))
        object.__setattr__(self, "refine", _key_texts(self.refine, "refine"))
        if not self.keys:
            raise ConfigError(f"blocking rule {self.name!r} has no keys")
        if not self.name:
            object.__setattr__(self, "name", " + ".join(self.keys))
        if not _is_count(self.block_size_max, 2, BLOCK_SIZE_LIMIT):
            raise ConfigError(
                f"blocking rule {self.name!r}: block_size_max must be 2 to {BLOCK_SIZE_LIMIT}"
            )
        if not _is_count(self.window, 1, 1000):
            raise ConfigError(f"blocking rule {self.name!r}: window must be 1 to 1000")

    @property
    def fields(self) -> frozenset[str]:
        """Names of every field that the keys and the refining keys read."""
        specs = (KeySpec.parse(key) for key in (*self.keys, *self.refine))
        return frozenset(name for spec in specs for name in spec.fields)

    def to_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = {"name": self.name, "keys": list(self.keys)}
        if self.refine:
            result["refine"] = list(self.refine)
        if self.block_size_max != DEFAULT_BLOCK_SIZE_MAX:
            result["block_size_max"] = self.block_size_max
        if self.window != DEFAULT_WINDOW:
            result["window"] = self.window
        return result

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> BlockingRule:
        """Read a rule as a schema or model file holds it; ConfigError says what is wrong."""
        if not isinstance(raw, Mapping):
            raise ConfigError("a blocking rule must be a table with keys")
        unknown = set(raw) - {"name", "keys", "refine", "block_size_max", "window"}
        if unknown:
            raise ConfigError(f"blocking rule: unknown entries {', '.join(sorted(unknown))}")
        if "keys" not in raw:
            raise ConfigError("blocking rule without keys")
        return cls(
            name=str(raw.get("name", "")),
            keys=raw["keys"],
            refine=raw.get("refine", ()),
            block_size_max=raw.get("block_size_max", DEFAULT_BLOCK_SIZE_MAX),
            window=raw.get("window", DEFAULT_WINDOW),
        )


def rules_from_dicts(raw: Iterable[Mapping[str, Any]]) -> tuple[BlockingRule, ...]:
    """Read a list of rules; two rules of one name are refused."""
    rules = tuple(BlockingRule.from_dict(each) for each in raw)
    names = [rule.name for rule in rules]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(f"two blocking rules are called {', '.join(repeated)}")
    return rules


def _key_texts(value: Any, entry: str) -> tuple[str, ...]:
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"blocking rule: {entry} must be a list of texts")
    return tuple(str(KeySpec.parse(each)) for each in value)


def _is_count(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
