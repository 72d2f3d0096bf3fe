"""A population as encoded rows of 32 bytes, for runs that carry every row from rule to rule.

Only the fields that identify best are kept: name, id number, birth date, sex, phones, health card
and county, which fill four words to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numba import uint64

from data_gen.encoded import resident_layout
from data_gen.population import Population
from person.jit import kernel
from person.layout import Layout, layout_for
from person.records import RecordChunk
from person.schema import load_schema

__all__ = ["STORE_FIELDS", "NarrowPopulation", "store_layout"]

STORE_FIELDS: Final = (
    "name",
    "id_number",
    "birth_date",
    "gender",
    "phone",
    "health_card",
    "region_code",
)
ROW_BYTES: Final = 32


def store_layout() -> Layout:
    """The layout of the stored rows."""
    layout = layout_for(load_schema("resident").with_fields(STORE_FIELDS).fields)
    assert 8 * layout.n_words == ROW_BYTES
    return layout


class NarrowPopulation:
    """All records of a population as a `person.records.RecordSource` of narrow rows.

    Parameters
    ----------
    population : drawn anew, on all cores, at each reading
    """

    def __init__(self, population: Population) -> None:
        self._population = population
        wide, narrow = resident_layout(), store_layout()
        pairs = [
            (wide_slot, narrow_slot)
            for name in STORE_FIELDS
            for wide_slot, narrow_slot in zip(wide.slots(name), narrow.slots(name), strict=True)
        ]
        self._wide_slots = np.array([pair[0] for pair in pairs])
        self._narrow_slots = np.array([pair[1] for pair in pairs])
        self.record_count = population.record_count
        self.n_words = narrow.n_words

    def chunks(self) -> Iterator[RecordChunk]:
        for chunk in self._population.encoded():
            out = np.zeros((len(chunk), self.n_words), np.uint64)
            _move_slots(chunk.rows, self._wide_slots, self._narrow_slots, out)
            yield RecordChunk(chunk.first_row, out, chunk.source)


@kernel
def _move_slots(rows, source_slots, target_slots, out):  # type: ignore[no-untyped-def]
    """Copy components between layouts: int64[c, 3] (word, shift, bits) each; 0.4 ns a slot."""
    for row in range(rows.shape[0]):
        for slot in range(source_slots.shape[0]):
            value = rows[row, source_slots[slot, 0]] >> uint64(source_slots[slot, 1])
            bits = source_slots[slot, 2]
            if bits < 64:
                value &= (uint64(1) << uint64(bits)) - uint64(1)
            out[row, target_slots[slot, 0]] |= value << uint64(target_slots[slot, 1])
