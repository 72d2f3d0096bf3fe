"""Where an index keeps id numbers, and one number encoded alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blocking.keys import ResolvedRule
from person.kinds import KINDS
from person.layout import Layout
from person.schema import Field, Schema
from person.slots import pack_slot
from person.text import Utf8Column

__all__ = ["NumberPlace", "find_number_place"]


@dataclass(frozen=True, slots=True)
class NumberPlace:
    """Where id numbers lie in rows and in postings.

    Attributes
    ----------
    field : the national id
    rule : number of the rule whose only key it is
    table : of the rule's postings
    slot : int64[3], (word, shift, bits) of the number in a row
    parts : (component, word, shift) of the whole field; none where only a hash of it is kept
    """

    field: Field
    rule: int
    table: int
    slot: NDArray[np.int64]
    parts: tuple[tuple[str, int, int], ...]

    @property
    def is_whole(self) -> bool:
        """Whether the number fills a word of the row, as `read_number` gives it."""
        return bool(self.parts) and int(self.slot[2]) == 64

    def value_of(self, rows: NDArray[np.uint64]) -> int:
        """The number of the first row as it is kept; 0 = none."""
        word, shift, bits = self.slot.tolist()
        return int(rows[0, word]) >> shift & ((1 << bits) - 1)

    def values_of(self, rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """The number of each row, uint64[k]; 0 = none."""
        word, shift, bits = self.slot.tolist()
        return rows[:, word] >> np.uint64(shift) & np.uint64((1 << bits) - 1)

    def encode(
        self, number: Utf8Column, id_type: Utf8Column | None, n_words: int
    ) -> NDArray[np.uint64]:
        """Rows that hold nothing but id numbers, uint64[k, n_words]; the batch's encoder."""
        encoded = KINDS[self.field.kind].encode(number, self.field.options, id_type=id_type)
        rows = np.zeros((len(number), n_words), np.uint64)
        for component, word, shift in self.parts:
            pack_slot(encoded.components[component], word, shift, rows)
        return rows


def find_number_place(
    schema: Schema, layout: Layout, rules: Sequence[ResolvedRule], tables: Sequence[int]
) -> NumberPlace | None:
    """Where id numbers lie; None where the index keeps no postings of them.

    Parameters
    ----------
    schema, layout : of the index
    rules : its blocking rules
    tables : first posting table of each rule
    """
    field = next((each for each in schema.fields if each.role == "national_id"), None)
    if field is None or not layout.has(field.name):
        return None
    for number, rule in enumerate(rules):
        if rule.rule.keys == (field.name,):
            slot = np.ascontiguousarray(layout.value_slots(field.name)[0])
            parts = tuple(place[:3] for place in layout.positions[field.name])
            is_hashed = any(component == "hash" for component, _, _ in parts)
            return NumberPlace(field, number, tables[number], slot, () if is_hashed else parts)
    return None
