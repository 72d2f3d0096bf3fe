"""Records as encoded rows of the resident layout, equal to the encoding of their text."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data_gen.encode_kernels import (
    FORMER,
    GRAMS,
    NUMBERS,
    SLOT_PLACES,
    SLOW_ADDRESS,
    SLOW_FORMER,
    SLOW_ID,
    SLOW_KINDS,
    SLOW_NAME,
    UNITS,
    fill_rows,
    patch_hashes,
    patch_ids,
    patch_words,
)
from data_gen.records import RecordTables, Workspace, draw_stretches
from person.address import encode_address
from person.field import OverflowTable
from person.han import han_tables
from person.han_names import encode_han_name
from person.layout import Layout, layout_for
from person.national_id import encode_national_id
from person.regions import region_table
from person.schema import load_schema
from person.text import Utf8Column

__all__ = ["EncodedRecords", "draw_rows", "resident_layout"]

_SLOTS: Final = (
    ("name", "units"), ("id_number", "body"), ("id_number", "detail"), ("birth_date", "day"),
    ("gender", "code"), ("phone", "first"), ("phone", "second"), ("region_code", "code"),
    ("address", "grams"), ("address", "numbers"), ("former_name", "hash"),
    ("health_card", "hash"), ("mother_id_number", "hash"), ("birth_certificate", "hash"),
)  # fmt: skip
"""In the order that `encode_kernels` counts them."""

_SLOW_BYTES: Final = (256, 24, 320, 160)
"""Most bytes of a text of each slow kind."""

_ID_TYPES: Final = np.array([[0, 0], *(list(code) for code in
    (b"01", b"03", b"06", b"07", b"99", b"99"))], np.uint8)  # fmt: skip
"""Codes of the types of `DocumentType` from place 1 on."""


@dataclass(frozen=True, slots=True)
class EncodedRecords:
    """Encoded records with the text that did not fit their rows.

    Attributes
    ----------
    first_row : number of the first record in its population
    rows : uint64[n, 6], the resident layout
    source : uint16[n], source numbers (`sources`)
    overflow : units of names of more than four, or with a character outside the table
    """

    first_row: int
    rows: NDArray[np.uint64]
    source: NDArray[np.uint16]
    overflow: OverflowTable = field(default_factory=OverflowTable)

    def __len__(self) -> int:
        return len(self.rows)


@lru_cache(maxsize=1)
def resident_layout() -> Layout:
    """The layout of the rows: all fields of the built-in resident schema."""
    return layout_for(load_schema("resident").fields)


@lru_cache(maxsize=1)
def _slots() -> NDArray[np.int64]:
    positions = resident_layout().positions
    places = {
        (name, component): place for name, found in positions.items() for component, *place in found
    }
    slots = np.array([places[key] for key in _SLOTS], np.int64)
    if slots.tolist() != [list(place) for place in SLOT_PLACES]:
        raise NotImplementedError("encode_kernels.SLOT_PLACES is not the resident layout's")
    return slots


class _SlowTexts:
    """Values that `person` must read, a list of each kind."""

    def __init__(self, rows: int) -> None:
        self.data = tuple(np.empty(rows * width + 64, np.uint8) for width in _SLOW_BYTES)
        self.starts = np.array([data.ctypes.data for data in self.data], np.int64)
        self.offsets = np.zeros((SLOW_KINDS, rows + 1), np.int64)
        self.rows = np.empty((SLOW_KINDS, rows), np.int32)
        self.counts = np.zeros(SLOW_KINDS, np.int64)
        self.classes = np.zeros(rows, np.uint8)

    def arrays(self) -> tuple[Any, ...]:
        return self.starts, self.offsets, self.rows, self.counts, self.classes

    def column(self, kind: int) -> tuple[Utf8Column, NDArray[np.int32]]:
        """The texts of a kind and the rows they belong to."""
        count = int(self.counts[kind])
        offsets = self.offsets[kind, : count + 1].astype(np.int32)
        column = Utf8Column(offsets, self.data[kind], np.ones(count, np.bool_))
        return column, self.rows[kind, :count]


def _slow_texts(workspace: Workspace, rows: int) -> _SlowTexts:
    """Empty lists for a batch, those of the last batch where they are large enough."""
    if workspace.slow is None or len(workspace.slow.classes) < rows:
        workspace.slow = _SlowTexts(rows)
    workspace.slow.counts[:] = 0
    slow: _SlowTexts = workspace.slow
    return slow


def _kernel_tables(tables: RecordTables) -> tuple[Any, ...]:
    regions, names = region_table(), han_tables()
    return (
        *(tables.regions, tables.pieces, regions.prefix_row, regions.canonical),
        *(names.code_units, names.surname_flags, names.compound_units),
    )


def _id_types(classes: NDArray[np.uint8]) -> Utf8Column:
    given = classes > 0
    offsets = np.zeros(len(classes) + 1, np.int32)
    np.cumsum(2 * given, out=offsets[1:])
    return Utf8Column(offsets, _ID_TYPES[classes[given]].ravel(), given)


def _patch(slow: _SlowTexts, rows: NDArray[np.uint64]) -> OverflowTable:
    """Encode the slow texts and put them into their rows; returns the names that overflow."""
    slots, overflow = _slots(), OverflowTable()
    column, places = slow.column(SLOW_NAME)
    if len(places):
        names = encode_han_name(column, {})
        patch_words(names.components["units"], UNITS, slots, places, rows)
        overflow = names.overflow
    column, places = slow.column(SLOW_ID)
    if len(places):
        types = _id_types(slow.classes[: len(places)])
        numbers = encode_national_id(column, {}, id_type=types)
        patch_ids(numbers.components["body"], numbers.components["detail"], slots, places, rows)
    column, places = slow.column(SLOW_ADDRESS)
    if len(places):
        addresses = encode_address(column, {})
        patch_words(addresses.components["grams"], GRAMS, slots, places, rows)
        patch_words(addresses.components["numbers"], NUMBERS, slots, places, rows)
    column, places = slow.column(SLOW_FORMER)
    if len(places):
        former = encode_han_name(column, {})
        patch_hashes(former.components["units"], FORMER, slots, places, rows)
        overflow = overflow.merged_with(former.overflow)
    return overflow


def draw_rows(tables: RecordTables, start: int, stop: int, workspace: Workspace) -> EncodedRecords:
    """Records start to stop of a population, encoded.

    Parameters
    ----------
    tables : RecordTables
    start, stop : record numbers, start < stop
    workspace : buffers of the calling thread

    Returns
    -------
    EncodedRecords; rows and overflow are those of `encode_batch` on the text of the same records

    Notes
    -----
    Single-threaded. No text is written but for names outside the table of plain ones, numbers
    with a slip or of 15 digits, and addresses with a number in a name.
    """
    rows = np.empty((stop - start, resident_layout().n_words), np.uint64)
    source = np.empty(stop - start, np.uint16)
    slow = _slow_texts(workspace, stop - start)
    kernel_tables = _kernel_tables(tables)
    for numbers in draw_stretches(tables, start, stop, workspace):
        fill_rows(
            *(workspace.records, len(numbers), workspace.block, workspace.pool),
            *(kernel_tables, workspace.order, workspace.known),
            *(slow.arrays(), int(numbers[0]) - start, rows, source),
        )
    return EncodedRecords(start, rows, source, _patch(slow, rows))
