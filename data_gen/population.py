"""A population: its people, their records as text or encoded, and the truth, on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import pyarrow as pa

from data_gen.encoded import EncodedRecords, draw_rows, resident_layout
from data_gen.parameters import GeneratorParameters
from data_gen.people_table import draw_people_table
from data_gen.records import Workspace, record_count, record_tables
from data_gen.text import draw_texts
from person.field import OverflowTable
from person.records import RecordChunk
from person.threads import ordered_map

__all__ = ["Population", "PopulationRecords"]

_BATCH: Final = 65_536

T = TypeVar("T")


class Population:
    """People and records that exist as soon as they are asked for.

    Parameters
    ----------
    parameters : GeneratorParameters; they alone decide every byte

    Notes
    -----
    Record i is the same whatever the start, the size of the batches, the threads or the machine.
    Threads work inside; a batch a thread is in memory, and nothing that grows.
    """

    def __init__(self, parameters: GeneratorParameters) -> None:
        self.parameters = parameters
        self._spare: list[Workspace] = []
        self._lock = threading.Lock()

    @property
    def people_count(self) -> int:
        return self.parameters.people

    @property
    def communities(self) -> int:
        return self.parameters.communities

    @property
    def record_count(self) -> int:
        return record_count(self.parameters)

    def batches(
        self, start: int = 0, stop: int | None = None, batch_size: int = _BATCH
    ) -> Iterator[pa.RecordBatch]:
        """Records as text.

        Parameters
        ----------
        start, stop : record numbers; all to the end by default
        batch_size : records in a batch, the last one perhaps fewer

        Returns
        -------
        iterator of batches of `text.RECORD_SCHEMA`
        """
        for records, _ in self.batches_with_truth(start, stop, batch_size):
            yield records

    def truth(
        self, start: int = 0, stop: int | None = None, batch_size: int = _BATCH
    ) -> Iterator[pa.RecordBatch]:
        """Who each record is of, and why it differs.

        Parameters
        ----------
        start, stop, batch_size : as in `batches`

        Returns
        -------
        iterator of batches of `text.TRUTH_SCHEMA`, row by row those of `batches`
        """
        for _, truth in self.batches_with_truth(start, stop, batch_size):
            yield truth

    def batches_with_truth(
        self, start: int = 0, stop: int | None = None, batch_size: int = _BATCH
    ) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
        """Records as text with their truth, drawn once for both.

        Parameters
        ----------
        start, stop, batch_size : as in `batches`
        """
        tables = record_tables(self.parameters)
        return self._each(
            start, stop, batch_size, lambda a, b, space: draw_texts(tables, a, b, space)
        )

    def encoded_batches(
        self, start: int = 0, stop: int | None = None, batch_size: int = _BATCH
    ) -> Iterator[EncodedRecords]:
        """Encoded records with the text that overflows their rows.

        Parameters
        ----------
        start, stop, batch_size : as in `batches`
        """
        tables = record_tables(self.parameters)
        return self._each(
            start, stop, batch_size, lambda a, b, space: draw_rows(tables, a, b, space)
        )

    def encoded(
        self, start: int = 0, stop: int | None = None, batch_size: int = _BATCH
    ) -> Iterator[RecordChunk]:
        """Encoded records as chunks; long names are told apart by their hash alone.

        Parameters
        ----------
        start, stop, batch_size : as in `batches`
        """
        for each in self.encoded_batches(start, stop, batch_size):
            yield RecordChunk(each.first_row, each.rows, each.source)

    def overflow(self, start: int = 0, stop: int | None = None) -> OverflowTable:
        """Units of all names that do not fit a row: one pass over the encoded records.

        Parameters
        ----------
        start, stop : record numbers; all to the end by default
        """
        table = OverflowTable()
        for each in self.encoded_batches(start, stop):
            table = table.merged_with(each.overflow)
        return table

    def record_source(self) -> PopulationRecords:
        """The encoded records as a source that blocking and training can read again and again."""
        return PopulationRecords(self)

    def people(
        self, start: int = 0, stop: int | None = None, batch_size: int = _BATCH
    ) -> Iterator[pa.RecordBatch]:
        """The people themselves.

        Parameters
        ----------
        start, stop : person numbers, 0 to people_count, in the order of the communities
        batch_size : people in a batch

        Returns
        -------
        iterator of batches of `people_table.PEOPLE_SCHEMA`
        """
        stop = self.people_count if stop is None else min(stop, self.people_count)
        return self._map(
            *(start, stop, batch_size),
            lambda a, b, space: draw_people_table(self.parameters, a, b, space),
        )

    def _each(
        self, start: int, stop: int | None, batch_size: int, draw: Callable[[int, int, Any], T]
    ) -> Iterator[T]:
        stop = self.record_count if stop is None else min(stop, self.record_count)
        return self._map(start, stop, batch_size, draw)

    def _map(
        self, start: int, stop: int, batch_size: int, draw: Callable[[int, int, Any], T]
    ) -> Iterator[T]:
        if start < 0 or batch_size < 1:
            raise ValueError("start must not be negative, batch_size at least 1")

        def one(first: int) -> T:
            space = self._take()
            try:
                return draw(first, min(first + batch_size, stop), space)
            finally:
                self._give_back(space)

        return ordered_map(one, range(start, stop, batch_size), ahead=1)

    def _take(self) -> Workspace:
        with self._lock:
            if self._spare:
                return self._spare.pop()
        return Workspace(self.parameters.records_per_community)

    def _give_back(self, space: Workspace) -> None:
        with self._lock:
            self._spare.append(space)


class PopulationRecords:
    """All records of a population as a `RecordSource`, drawn anew at each reading."""

    def __init__(self, population: Population) -> None:
        self._population = population

    @property
    def record_count(self) -> int:
        return self._population.record_count

    @property
    def n_words(self) -> int:
        return resident_layout().n_words

    def chunks(self) -> Iterator[RecordChunk]:
        return self._population.encoded()
