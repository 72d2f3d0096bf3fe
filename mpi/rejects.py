"""Rows that could not be used: collected with their reasons, never dropped silently."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from person.errors import BadRecordsError

__all__ = ["REJECTS_SCHEMA", "Rejects"]

REJECTS_SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),
        ("source", pa.string()),
        ("record_id", pa.string()),
        ("reason", pa.string()),
    ]
)


class Rejects:
    """A growing table of refused rows; `append` may be called from any thread.

    A row number counts the records of a file from 1, the header line not counted and refused
    records counted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batches: list[pa.RecordBatch] = []
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._counts.total()

    def __getstate__(self) -> tuple[list[pa.RecordBatch], Counter[str]]:
        with self._lock:
            return list(self._batches), Counter(self._counts)

    def __setstate__(self, state: tuple[list[pa.RecordBatch], Counter[str]]) -> None:
        self.__init__()  # type: ignore[misc]
        self._batches, self._counts = state

    @property
    def counts(self) -> dict[str, int]:
        """Refused rows by reason, most frequent first."""
        with self._lock:
            return dict(self._counts.most_common())

    def append(
        self,
        file: str | None,
        rows: int | Sequence[int] | np.ndarray[Any, Any],
        *,
        reason: str | Sequence[str],
        source: object = None,
        record_id: object = None,
    ) -> None:
        """Add refused rows of one file.

        Parameters
        ----------
        file : path, or the name of an in-memory table
        rows : int64[n] or one int, 1-based row numbers
        reason : one for all, or one a row; a few fixed phrases, never a value of the row
        source, record_id : None, one string for all, or n values (a sequence or Arrow array)
        """
        numbers = np.atleast_1d(np.asarray(rows, np.int64))
        count = len(numbers)
        if not count:
            return
        columns = [
            _column(file, count),
            pa.array(numbers),
            _column(source, count),
            _column(record_id, count),
            _column(reason, count),
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=REJECTS_SCHEMA)
        tally = Counter({reason: count}) if isinstance(reason, str) else Counter(reason)
        with self._lock:
            self._batches.append(batch)
            self._counts.update(tally)

    def extend(self, other: Rejects) -> None:
        """Take over everything another collector holds, once the inputs of a job are read."""
        if other is self:
            return
        with other._lock:
            batches, counts = list(other._batches), Counter(other._counts)
        with self._lock:
            self._batches.extend(batches)
            self._counts.update(counts)

    def to_table(self) -> pa.Table:
        """Return (file, row, source, record_id, reason), in order of file and row."""
        with self._lock:
            table = pa.Table.from_batches(self._batches, REJECTS_SCHEMA)
        return table.sort_by([("file", "ascending"), ("row", "ascending")])

    def raise_if_any(self) -> None:
        """Refuse the run, as `--strict` asks, naming the reasons and the first rows.

        Raises
        ------
        BadRecordsError : at least one row was refused
        """
        if not len(self):
            return
        table = self.to_table().slice(0, 3)
        first = ", ".join(f"{row['file'] or 'table'} row {row['row']}" for row in table.to_pylist())
        reasons = "; ".join(f"{count} {reason}" for reason, count in self.counts.items())
        raise BadRecordsError(
            f"{len(self)} rows cannot be used ({reasons}), first: {first}. "
            "Correct them, or run without --strict to set them aside",
            reasons=self.counts,
        )


def _column(values: object, count: int) -> pa.Array:
    if values is None:
        return pa.nulls(count, pa.string())
    if isinstance(values, str):
        return pa.repeat(pa.scalar(values, pa.string()), count)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    array = values if isinstance(values, pa.Array) else pa.array(list(values), pa.string())  # type: ignore[call-overload]
    if len(array) != count:
        raise ValueError(f"{len(array)} values for {count} rows")
    return pc.cast(array, pa.string())
