"""An encoded population on disk in 32 bytes a record, for runs that read it many times.

Drawing a record costs more than reading it back once the same record is wanted ten times (a scan
and a partition for each of five rules). Only the fields that identify best are kept: name, id
number, birth date, sex, phones and county, four words a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numba import uint64

from data_gen.encoded import resident_layout
from data_gen.population import Population
from person.jit import kernel
from person.layout import Layout, layout_for
from person.records import RecordChunk
from person.schema import load_schema

__all__ = ["STORE_FIELDS", "StoredPopulation", "store_layout", "store_population"]

STORE_FIELDS: Final = ("name", "id_number", "birth_date", "gender", "phone", "region_code")
ROW_BYTES: Final = 32
CHUNK_ROWS: Final = 1 << 17


def store_layout() -> Layout:
    """The layout of the stored rows."""
    layout = layout_for(load_schema("resident").with_fields(STORE_FIELDS).fields)
    assert 8 * layout.n_words == ROW_BYTES
    return layout


class StoredPopulation:
    """The stored rows as a `person.records.RecordSource`; read in chunks, never mapped.

    Mapped pages would count as memory of the process; read ones lie in the system's cache.

    Parameters
    ----------
    path : as `store_population` wrote it
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.record_count = path.stat().st_size // ROW_BYTES
        self.n_words = ROW_BYTES // 8

    def chunks(self) -> Iterator[RecordChunk]:
        sources = np.zeros(CHUNK_ROWS, np.uint16)
        with self._path.open("rb", buffering=0) as file:
            for first in range(0, self.record_count, CHUNK_ROWS):
                count = min(CHUNK_ROWS, self.record_count - first)
                rows = np.fromfile(file, np.uint64, count * self.n_words)
                yield RecordChunk(first, rows.reshape(count, self.n_words), sources[:count])


def store_population(
    population: Population, path: Path, *, advance: Callable[[int], Any] = lambda _: None
) -> StoredPopulation:
    """Draw a population once and write its rows.

    Parameters
    ----------
    population : drawn on all cores
    path : file to write, 32 bytes a record
    advance : told of the records written
    """
    wide, narrow = resident_layout(), store_layout()
    pairs = [
        (wide_slot, narrow_slot)
        for name in STORE_FIELDS
        for wide_slot, narrow_slot in zip(wide.slots(name), narrow.slots(name), strict=True)
    ]
    source_slots, target_slots = (np.array([pair[i] for pair in pairs]) for i in range(2))
    with path.open("wb", buffering=0) as file:
        for chunk in population.encoded():
            out = np.zeros((len(chunk), narrow.n_words), np.uint64)
            _move_slots(chunk.rows, source_slots, target_slots, out)
            file.write(out.data)
            advance(len(chunk))
    return StoredPopulation(path)


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
