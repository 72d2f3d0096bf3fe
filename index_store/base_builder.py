"""Building a packed base: records in order of their numbers, entries in any order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index_store.base import FIRST_POSTING_TABLE, TABLES, base_path, posting_table
from index_store.leaf_file import LeafFileWriter
from index_store.row_slots import slots_from
from index_store.runs import EntrySorter, Run
from index_store.segments import IdLeaves, LeafWriter, NumberLeaves, PairLeaves, RowLeaves
from index_store.text_kernels import compose_postings, hash_references
from index_store.translation import translated
from person.threads import map_slices

__all__ = ["MEMORY_BYTES", "BaseBuilder"]

MEMORY_BYTES: Final = 2 << 30
"""What a build may hold at once, unless told otherwise."""

_FIXED_BYTES: Final = 96 << 20
_SPOOL_RECORDS: Final = 1 << 20
_LOW: Final = np.uint64(0xFFFFFFFF)
_HIGH: Final = np.uint64(32)


class BaseBuilder:
    """One new base on its way to disk; nothing is named before `finish`.

    Attributes
    ----------
    record_count : records added so far; the next one gets this number
    """

    def __init__(
        self,
        directory: Path,
        generation: int,
        *,
        n_words: int,
        slots: Sequence[int],
        rules: int,
        memory_bytes: int,
    ) -> None:
        self._slots = list(slots)
        self.record_count = 0
        self.generation = generation
        self._directory = directory
        self._file = LeafFileWriter(base_path(directory, generation))
        self._rows = RowLeaves(TABLES["rows"], self._file, n_words, slots_from(slots))
        self._records = IdLeaves(TABLES["records"], self._file)
        self._names = ("members", "references", *(posting_table(rule) for rule in range(rules)))
        entries = max(0, memory_bytes - _FIXED_BYTES) // (12 * len(self._names))
        spares: SimpleQueue[NDArray[np.uint64]] = SimpleQueue()
        self._sorters = {name: EntrySorter(entries, directory, spares) for name in self._names}
        with translated(directory):
            self._spool = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115

    def add_records(
        self,
        rows: NDArray[np.uint64],
        source: NDArray[np.uint16],
        times: NDArray[np.uint32],
        offsets: NDArray[np.int64],
        data: NDArray[np.uint8],
        identities: NDArray[np.int64],
        keys: Sequence[NDArray[np.uint64]] | None = None,
    ) -> None:
        """Append records.

        Parameters
        ----------
        rows : uint64[n, n_words]
        source, times : uint16[n], uint32[n]
        offsets, data : the record ids, int64[n + 1] into uint8[n_bytes]
        identities : int64[n], -1 for a removed record
        keys : for new records, uint64[n] for each rule; None where their entries come by
            `add_entries`
        """
        numbers = np.arange(self.record_count, self.record_count + len(rows), dtype=np.int64)
        work: list[Callable[[], None]] = [
            lambda: self._records.add(source, times, offsets, data),
            lambda: self._rows.add(rows),
            lambda: self._spool_identities(identities),
        ]
        if keys is not None and len(rows):
            work += self._entry_work(numbers, source, offsets, data, identities, keys)
        map_slices(lambda task: task(), work)
        self.record_count += len(rows)

    def _entry_work(
        self,
        numbers: NDArray[np.int64],
        source: NDArray[np.uint16],
        offsets: NDArray[np.int64],
        data: NDArray[np.uint8],
        identities: NDArray[np.int64],
        keys: Sequence[NDArray[np.uint64]],
    ) -> Iterator[Callable[[], None]]:
        def add_references() -> None:
            hashes = hash_references(source, offsets, data)
            hashes &= ~_LOW
            hashes |= numbers.view(np.uint64)
            self.add_entries("references", hashes)

        def add_members() -> None:
            moved = (identities != numbers) & (identities >= 0)
            high = identities[moved].astype(np.uint64) << _HIGH
            self.add_entries("members", high | numbers[moved].astype(np.uint64))

        def add_postings(rule: int) -> Callable[[], None]:
            own, first, sorter = keys[rule], int(numbers[0]), self._sorters[posting_table(rule)]
            return lambda: sorter.add_made(
                len(own), lambda part, out: compose_postings(own[part], first + part.start, out)
            )

        yield add_references
        yield add_members
        for rule in range(len(keys)):
            yield add_postings(rule)

    def _spool_identities(self, identities: NDArray[np.int64]) -> None:
        with translated(self._directory):
            self._spool.write(identities.astype(np.uint32).tobytes())  # -1 is all ones

    def add_entries(self, table: str, entries: NDArray[np.uint64]) -> None:
        """Entries (key << 32 | record) of members, references or a posting table."""
        self._sorters[table].add(entries)

    def finish(self, old: Mapping[str, Run]) -> None:
        """Write what is left and make the base durable under its name.

        Parameters
        ----------
        old : for each table of entries, what an older base holds of it
        """
        bits = max(1, self.record_count.bit_length())  # all ones must stay free
        tables: dict[str, LeafWriter] = {"rows": self._rows, "records": self._records}
        membership = NumberLeaves(TABLES["membership"], self._file, bits)
        tables["membership"] = membership
        work: list[tuple[int, Callable[[], None]]] = [
            (self.record_count // 8, lambda: self._pack_membership(membership))
        ]
        for place, name in enumerate(self._names):
            number = TABLES.get(name, FIRST_POSTING_TABLE + place - 2)
            leaves = tables[name] = PairLeaves(number, self._file, bits)
            others = [old[name]] if name in old else []
            size = len(self._sorters[name]) + sum(map(len, others))
            work.append((size, self._packing(self._sorters[name], others, leaves)))
        # The largest first: each table is packed by one thread, the smallest fill the gaps.
        work.sort(key=lambda each: -each[0])
        map_slices(lambda each: each[1](), work)
        facts = {
            "records": self.record_count,
            "number_bits": bits,
            "generation": self.generation,
            "slots": self._slots,
        }
        self._file.finish(tables, facts)
        self._spool.close()

    def _packing(
        self, sorter: EntrySorter, others: Sequence[Run], leaves: PairLeaves
    ) -> Callable[[], None]:
        def pack() -> None:
            for entries in sorter.sorted_slices(others):
                leaves.add_entries(entries)
            sorter.close()

        return pack

    def _pack_membership(self, leaves: NumberLeaves) -> None:
        self._spool.seek(0)
        while part := self._spool.read(4 * _SPOOL_RECORDS):
            numbers = np.frombuffer(part, np.uint32).astype(np.int64)
            leaves.add(np.where(numbers == 0xFFFFFFFF, -1, numbers))

    def abandon(self) -> None:
        """Drop everything; the old base stays."""
        self._file.abandon()
        self._spool.close()
        for sorter in self._sorters.values():
            sorter.close()
