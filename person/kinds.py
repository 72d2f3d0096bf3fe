"""The field kinds: what each one encodes to, and what encodes it.

A kind owns parsing and validation (its encoder), its fixed-width slots, and the names of the key
transforms and comparators that can read them. The kernels themselves live in `blocking` and
`matching`; this registry is data, so that importing it loads no kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from typing import Any, Final

from person.errors import ConfigError
from person.field import EncodedField, Slot
from person.text import Utf8Column

__all__ = ["KINDS", "Kind", "slots_of"]

CHARACTERS_PER_WORD: Final = 10
HASH_BITS: Final = "hashed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of field.

    Attributes
    ----------
    name : how schemas name it
    slots : options -> the fixed-width columns it encodes to, main component first
    encoder : 'module:function', imported when first used
    comparator : the comparator a field of this kind gets unless the schema says otherwise
    joins_columns : several columns of a table may hold values of one field (phones)
    uses_id_type : the encoder also reads the id type column
    """

    name: str
    slots: Callable[[Mapping[str, Any]], tuple[Slot, ...]]
    encoder: str
    comparator: str
    joins_columns: bool = False
    uses_id_type: bool = False

    def encode(self, column: Utf8Column, options: Mapping[str, Any], **extra: Any) -> EncodedField:
        """Encode one column; see the encoder's own docstring for what it accepts."""
        return _encoder(self.encoder)(column, options, **extra)


@cache
def _encoder(path: str) -> Callable[..., EncodedField]:
    """The function behind 'module:function', imported once."""
    module, function = path.split(":")
    encode: Callable[..., EncodedField] = getattr(import_module(module), function)
    return encode


def slots_of(kind: str, options: Mapping[str, Any]) -> tuple[Slot, ...]:
    """The slots a field of `kind` takes, `hashed = BITS` replacing them by one hash."""
    if HASH_BITS in options:
        bits = options[HASH_BITS]
        if not isinstance(bits, int) or not 8 <= bits <= 64:
            raise ConfigError(f"option hashed must be a number of bits from 8 to 64, not {bits!r}")
        return (Slot("hash", bits),)
    return KINDS[kind].slots(options)


def _fixed(*slots: Slot) -> Callable[[Mapping[str, Any]], tuple[Slot, ...]]:
    return lambda _options: slots


def _date_slots(options: Mapping[str, Any]) -> tuple[Slot, ...]:
    """The date, and its digits as written, which still compare when no such day exists."""
    day = (Slot("day", 18),)
    return (*day, Slot("written", 32)) if options.get("written", True) else day


def _text_slots(options: Mapping[str, Any], *, default: int) -> tuple[Slot, ...]:
    characters = options.get("characters", default)
    if not isinstance(characters, int) or not 1 <= characters <= 100:
        raise ConfigError(f"option characters must be 1 to 100, not {characters!r}")
    words = -(-characters // CHARACTERS_PER_WORD)
    return tuple(Slot(f"text{word}", 64) for word in range(words))


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            name="han_name",
            slots=_fixed(Slot("units", 64)),
            encoder="person.han_names:encode_han_name",
            comparator="han_name",
        ),
        Kind(
            name="latin_name",
            slots=partial(_text_slots, default=20),
            encoder="person.packed_text:encode_latin_name",
            comparator="latin_name",
        ),
        Kind(
            name="national_id",
            slots=_fixed(Slot("body", 64), Slot("detail", 6)),
            encoder="person.national_id:encode_national_id",
            comparator="national_id",
            uses_id_type=True,
        ),
        Kind(
            name="identifier",
            slots=partial(_text_slots, default=20),
            encoder="person.packed_text:encode_identifier",
            comparator="identifier_text",
        ),
        Kind(
            name="date",
            slots=_date_slots,
            encoder="person.dates:encode_date",
            comparator="date",
        ),
        Kind(
            name="phone",
            slots=_fixed(Slot("first", 40), Slot("second", 20)),
            encoder="person.phones:encode_phone",
            comparator="phone",
            joins_columns=True,
        ),
        Kind(
            name="region",
            slots=_fixed(Slot("code", 20)),
            encoder="person.regions:encode_region",
            comparator="region",
        ),
        Kind(
            name="address",
            slots=_fixed(Slot("grams", 48), Slot("numbers", 16)),
            encoder="person.address:encode_address",
            comparator="address",
        ),
        Kind(
            name="gender",
            slots=_fixed(Slot("code", 2)),
            encoder="person.gender:encode_gender",
            comparator="gender",
        ),
        Kind(
            name="category",
            slots=partial(_text_slots, default=10),
            encoder="person.packed_text:encode_category",
            comparator="identifier_text",
        ),
        Kind(
            name="text",
            slots=partial(_text_slots, default=30),
            encoder="person.packed_text:encode_text",
            comparator="text",
        ),
    )
}
