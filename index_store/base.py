"""The packed base of one generation: batched reads of every table, compiled."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index_store.leaf_file import LeafTable, open_leaf_file
from index_store.leaf_kernels import (
    LEAF_BITS,
    fill_matches,
    find_matches,
    gather_numbers,
)
from index_store.memory import address_of
from index_store.owner_kernels import find_holders
from index_store.person_kernels import (
    BLOCK_WIDTH,
    find_people_of_value,
    find_person,
    find_person_of_reference,
)
from index_store.posting_kernels import fill_all_postings, find_all_postings
from index_store.record_kernels import (
    fill_record_ids,
    find_records,
    gather_rows,
    measure_record_ids,
)
from index_store.row_slots import slots_from
from index_store.single_kernels import (
    FEW,
    describe_identity,
    describe_records,
    find_owners,
    find_reference,
    identity_of,
    match_key,
    match_value,
)

__all__ = ["FIRST_POSTING_TABLE", "TABLES", "Base", "People", "base_path", "posting_table"]

TABLES: Final = {"rows": 0, "records": 1, "membership": 2, "members": 3, "references": 4}
FIRST_POSTING_TABLE: Final = 5

_FEW_BYTES: Final = 4096
_NUMBERS: Final = 256
_NO_BYTES: Final = np.zeros(0, np.uint8)

People = list[tuple[int, list[tuple[int, bytes]]]]
"""Identities, rising, each with (source, record id) of its records."""


def posting_table(rule: int) -> str:
    """Name of the table of one posting rule."""
    return f"posting_{rule}"


def base_path(directory: Path, generation: int) -> Path:
    """File of one generation."""
    return directory / f"base-{generation:08d}.mdb"


class Base:
    """An open base; immutable, so every thread and snapshot may share it."""

    def __init__(self, path: Path) -> None:
        self.file = open_leaf_file(path)
        tables = self.file.tables
        self.record_count = self.file.facts["records"]
        self._rows = tables["rows"]
        self._records = tables["records"]
        self._membership = tables["membership"]
        self.members = tables["members"]
        self.references = tables["references"]
        self._slots = slots_from(self.file.facts["slots"])
        self._postings = _joined([t for name, t in tables.items() if name.startswith("posting_")])
        width = self.file.facts["number_bits"]
        self._width, self._per_leaf = np.int64(width), np.int64(LEAF_BITS // width)
        self._block = self._addresses()

    def _addresses(self) -> NDArray[np.uint64]:
        """The block of `person_kernels`; `self.file` keeps what it points to."""
        tables = sorted(self.file.tables.values(), key=lambda each: each.number)
        places = [
            place
            for each in tables
            for array in (each.first_keys, each.segments)
            for place in (address_of(array) if len(array) else 0, len(array))
        ]
        places[BLOCK_WIDTH:BLOCK_WIDTH] = [int(self._width), int(self._per_leaf), 0, 0]
        return np.array(places, np.uint64)

    def posting(self, rule: int) -> LeafTable:
        return self.file.tables[posting_table(rule)]

    def matches(
        self, table: LeafTable, keys: NDArray[np.uint64], skip: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Values of all pairs with each key: int64[n + 1] offsets, int64[m] values.

        Parameters
        ----------
        table : members or postings
        keys : uint64[n], as stored (32 bits)
        skip : bool[n], True where nothing is wanted
        """
        starts, counts = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
        find_matches(table.first_keys, table.segments, keys, skip, starts, counts)
        offsets = np.zeros(len(keys) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        out = np.empty(offsets[-1], np.int64)
        fill_matches(table.segments, starts, offsets, out)
        return offsets, out

    def all_postings(
        self, rules: NDArray[np.int64], keys: NDArray[np.uint64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Records of block keys of several rules: int64[m * n + 1] offsets, and records.

        Parameters
        ----------
        rules : int64[m]
        keys : uint64[m, n], 0 for none
        """
        starts = np.zeros(keys.shape, np.int64)
        offsets = np.empty(keys.size + 1, np.int64)
        tables = self._postings
        found = find_all_postings(*tables, rules, keys, starts, offsets)
        out = np.empty(found, np.int64)
        fill_all_postings(*tables[2:], rules, starts, offsets, out)
        return offsets, out

    def identities(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """Membership of records below record_count, int64[n]; -1 removed."""
        out = np.empty(len(records), np.int64)
        gather_numbers(self._membership.segments, self._width, self._per_leaf, records, out)
        return out

    def fill_rows(
        self, records: NDArray[np.int64], skip: NDArray[np.bool_], out: NDArray[np.uint64]
    ) -> None:
        """Rows of the records that are not skipped, into uint64[n, n_words]."""
        gather_rows(self._rows.first_keys, self._rows.segments, self._slots, records, skip, out)

    def holders(
        self,
        runs: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
        held: NDArray[np.uint64],
        is_held: NDArray[np.bool_],
        part: NDArray[np.int64],
        values: NDArray[np.uint64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """See `Snapshot.holders`; values of the records that `is_held` are given."""
        out, counts = np.empty(len(values), np.int64), np.empty(len(values), np.int32)
        rows = self._rows.first_keys, self._rows.segments, self._slots
        find_holders(*rows, *runs, held, is_held, part, values, out, counts)
        return out, counts

    def stored(
        self, records: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint16], NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint8]]:
        """Sources, times, and record ids as int64[n + 1] offsets and bytes."""
        table, count = self._records, len(records)
        source, times = np.empty(count, np.uint16), np.empty(count, np.uint32)
        lengths = np.empty(count, np.int64)
        skip = np.zeros(count, np.bool_)
        measure_record_ids(table.first_keys, table.segments, records, skip, source, times, lengths)
        offsets = np.zeros(count + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        data = np.empty(offsets[-1], np.uint8)
        fill_record_ids(table.first_keys, table.segments, records, skip, offsets, data)
        return source, times, offsets, data

    def find_records(
        self,
        hashes: NDArray[np.uint64],
        source: NDArray[np.uint16],
        offsets: NDArray[np.int64],
        data: NDArray[np.uint8],
    ) -> NDArray[np.int64]:
        """Records by (source, id), int64[n], -1 where none."""
        out = np.empty(len(hashes), np.int64)
        find_records(
            self.references.first_keys,
            self.references.segments,
            self._records.first_keys,
            self._records.segments,
            hashes,
            source,
            offsets,
            data,
            out,
        )
        return out

    # ------------------------------------------------------------------ one at a time

    def match(self, table: LeafTable, key: int, *, is_posting: bool) -> NDArray[np.int64]:
        """Values of all pairs with one key, int64[m], ascending; a posting's key is unhashed."""
        out = np.empty(FEW, np.int64)
        count = match_key(table.first_keys, table.segments, np.uint64(key), is_posting, out)
        if count > FEW:
            out = np.empty(count, np.int64)
            match_key(table.first_keys, table.segments, np.uint64(key), is_posting, out)
        return out[:count]

    def match_value(
        self, rule: int, key: int, n_words: int, place: NDArray[np.int64], value: int
    ) -> NDArray[np.int64] | None:
        """Records under a posting key whose row holds a value; None where they are too many."""
        table, out = self.posting(rule), np.empty(FEW, np.int64)
        count = match_value(
            *(table.first_keys, table.segments, np.uint64(key)),
            *(self._rows.first_keys, self._rows.segments, self._slots),
            *(n_words, place, np.uint64(value), out),
        )
        return None if count < 0 else out[:count]

    def owners(
        self, rule: int, key: int, n_words: int, place: NDArray[np.int64], value: int
    ) -> tuple[list[int], list[int]] | None:
        """`match_value` and the identity of each of those records; None where they are too many."""
        table, out = self.posting(rule), np.empty(2 * FEW, np.int64)
        count = find_owners(
            *(table.first_keys, table.segments, np.uint64(key)),
            *(self._rows.first_keys, self._rows.segments, self._slots),
            *(n_words, place, np.uint64(value)),
            *(self._membership.segments, self._width, self._per_leaf, out),
        )
        if count < 0:
            return None
        return out[:count].tolist(), out[FEW : FEW + count].tolist()

    def described(self, identity: int) -> tuple[list[int], list[int], list[bytes]] | None:
        """Records, their sources and ids of one identity; None where they are too many or long."""
        out, text = np.empty(3 * FEW + 1, np.int64), np.empty(_FEW_BYTES, np.uint8)
        count = describe_identity(
            *(self.members.first_keys, self.members.segments),
            *(self._membership.segments, self._width, self._per_leaf),
            *(self._records.first_keys, self._records.segments, identity, out, text),
        )
        if count < 0:
            return None
        edges: list[int] = out[2 * FEW : 2 * FEW + count + 1].tolist()
        whole = text[: edges[-1]].tobytes()
        ids = [whole[a:b] for a, b in pairwise(edges)]
        return out[:count].tolist(), out[FEW : FEW + count].tolist(), ids

    def identity(self, record: int) -> int:
        """Membership of one record below record_count; -1 removed."""
        found: int = identity_of(self._membership.segments, self._width, self._per_leaf, record)
        return found

    def person_at(self, layers: NDArray[np.uint64], source: int, record_id: bytes) -> People | None:
        """Whose record a source's is, see `SingleReads.person_at`; `layers` of the filter."""
        out, text = _room()
        data = np.frombuffer(bytearray(record_id), np.uint8) if record_id else _NO_BYTES
        if find_person_of_reference(self._block, layers, source, data, out, text):
            return _people(out, text)
        return None

    def people_with(
        self,
        layers: NDArray[np.uint64],
        asked: tuple[int, int, int],
        place: NDArray[np.int64],
    ) -> People | None:
        """See `SingleReads.people_with`; `asked` are rule, key and value."""
        out, text = _room()
        wanted = np.array(asked, np.uint64)
        if find_people_of_value(self._block, layers, self._slots, wanted, place, out, text):
            return _people(out, text)
        return None

    def person(self, layers: NDArray[np.uint64], identity: int) -> People | None:
        """One identity below record_count, see `SingleReads.person`."""
        out, text = _room()
        if find_person(self._block, layers, identity, out, text):
            return _people(out, text)
        return None

    def find_record(self, source: int, record_id: bytes) -> tuple[int, int]:
        """(hash, record) of one (source, id); record -1 where none."""
        hashed, out = np.empty(1, np.uint64), np.empty(1, np.int64)
        find_reference(
            self.references.first_keys,
            self.references.segments,
            self._records.first_keys,
            self._records.segments,
            np.array([source], np.uint16),
            np.array([0, len(record_id)], np.int64),
            np.frombuffer(bytearray(record_id), np.uint8),
            hashed,
            out,
        )
        return int(hashed[0]), int(out[0])

    def names(self, records: NDArray[np.int64]) -> tuple[list[int], list[bytes]] | None:
        """Sources and ids of a few records below record_count; None where they are too long."""
        count = len(records)
        source, offsets = np.empty(count, np.uint16), np.empty(count + 1, np.int64)
        data = np.empty(_FEW_BYTES, np.uint8)
        table = self._records
        if not describe_records(table.first_keys, table.segments, records, source, offsets, data):
            return None
        edges: list[int] = offsets.tolist()
        text = data[: edges[-1]].tobytes()
        return source.tolist(), [text[a:b] for a, b in pairwise(edges)]


_rooms = threading.local()


def _room() -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Where this thread's lookups put what they find: in the cache still, from the one before."""
    try:
        found: tuple[NDArray[np.int64], NDArray[np.uint8]] = _rooms.arrays
    except AttributeError:
        found = _rooms.arrays = np.empty(_NUMBERS, np.int64), np.empty(_FEW_BYTES, np.uint8)
    return found


def _people(out: NDArray[np.int64], text: NDArray[np.uint8]) -> People:
    """What `person_kernels` found."""
    numbers: list[int] = out[: out[0]].tolist()
    if not numbers[1]:
        return []
    whole, start, at = text[: numbers[-1]].tobytes(), 0, 2
    people = []
    for _ in range(numbers[1]):
        identity, count = numbers[at], numbers[at + 1]
        at += 2
        records = []
        for place in range(at, at + 2 * count, 2):
            end = numbers[place + 1]
            records.append((numbers[place], whole[start:end]))
            start = end
        at += 2 * count
        people.append((identity, records))
    return people


def _joined(
    tables: Sequence[LeafTable],
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    """First keys and segments of several tables, one after another, and where each begins."""
    tables = sorted(tables, key=lambda each: each.number)
    none = np.zeros(0, np.uint64)
    return (
        np.concatenate([none, *(each.first_keys for each in tables)]),
        np.cumsum([0, *(len(each.first_keys) for each in tables)]),
        np.concatenate([none, *(each.segments for each in tables)]),
        np.cumsum([0, *(len(each.segments) for each in tables)]),
    )
