"""Where each field lies in an encoded row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from person.errors import ConfigError
from person.field import Slot
from person.kinds import slots_of
from person.schema import Field

__all__ = ["Layout", "layout_for"]

_WHOLE_VALUE_KINDS = frozenset({"latin_name", "identifier", "text", "category", "address"})


@dataclass(frozen=True, slots=True)
class Layout:
    """The bit slots of a row of `n_words` 64-bit words.

    A row of the whole resident schema is 6 words: 48 bytes.
    """

    n_words: int
    kinds: dict[str, str]
    positions: dict[str, tuple[tuple[str, int, int, int], ...]]
    """field -> (component, word, shift, bits) in the kind's order."""

    def has(self, field_name: str) -> bool:
        return field_name in self.positions

    def kind(self, field_name: str) -> str:
        return self.kinds[field_name]

    def components(self, field_name: str) -> tuple[str, ...]:
        return tuple(component for component, _, _, _ in self.positions[field_name])

    def is_hashed(self, field_name: str) -> bool:
        return self.components(field_name) == ("hash",)

    def slots(self, field_name: str) -> NDArray[np.int64]:
        """int64[n_components, 3]: word, shift and bits of each component of a field.

        Raises
        ------
        ConfigError : the layout has no such field
        """
        if field_name not in self.positions:
            raise ConfigError(
                f"no field {field_name!r} in these records; they have {', '.join(self.positions)}"
            )
        return np.array([place[1:] for place in self.positions[field_name]], np.int64)

    def value_slots(self, field_name: str) -> NDArray[np.int64]:
        """The slots whose equality is equality of the value: all words of a text, both parts of
        an address, else the main component alone."""
        slots = self.slots(field_name)
        if self.kind(field_name) in _WHOLE_VALUE_KINDS or self.is_hashed(field_name):
            return slots
        return slots[:1]

    def to_dict(self) -> dict[str, Any]:
        return {
            "n_words": self.n_words,
            "kinds": dict(self.kinds),
            "positions": {
                name: [list(p) for p in places] for name, places in self.positions.items()
            },
        }


def layout_for(fields: Iterable[Field]) -> Layout:
    """Pack the slots of `fields` into words, widest first, each into the first word with room.

    No slot straddles a word. The result depends only on the fields, so two runs over tables with
    the same fields encode alike.
    """
    fields = tuple(fields)
    wanted: list[tuple[Slot, str]] = [
        (slot, each.name) for each in fields for slot in slots_of(each.kind, each.options)
    ]
    wanted.sort(key=lambda item: -item[0].bits)  # stable: schema order among equals
    used: list[int] = []
    places: dict[tuple[str, str], tuple[str, int, int, int]] = {}
    for slot, name in wanted:
        word = next((i for i, bits in enumerate(used) if bits + slot.bits <= 64), len(used))
        if word == len(used):
            used.append(0)
        places[name, slot.component] = (slot.component, word, used[word], slot.bits)
        used[word] += slot.bits
    positions = {
        each.name: tuple(
            places[each.name, slot.component] for slot in slots_of(each.kind, each.options)
        )
        for each in fields
    }
    return Layout(len(used), {each.name: each.kind for each in fields}, positions)
