"""When a source last touched a record: a column as seconds of UTC since 1970."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from person.plain_times import plain_seconds
from person.text import Utf8Column

__all__ = ["seconds_of_column", "seconds_of_value"]

SECONDS_MAX: Final = 0xFFFFFFFF
_MANY: Final = 1000
"""Texts of a column worth a kernel; of fewer, Arrow has read them before it is loaded."""


def seconds_of_value(value: Any) -> int:
    """Seconds from a time, a date, ISO text or seconds themselves; 0 where it is none of these.

    Parameters
    ----------
    value : a time without a zone is taken for UTC
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return 0
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, datetime):
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value
        value = value.timestamp()
    if isinstance(value, (int, float)) and 0 <= value <= SECONDS_MAX:
        return int(value)
    return 0


def seconds_of_column(column: pa.Array | pa.ChunkedArray) -> NDArray[np.uint32]:
    """`seconds_of_value` of each value of a column.

    Parameters
    ----------
    column : times, dates, ISO texts or numbers, of any Arrow type

    Returns
    -------
    uint32[n]
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    kind = array.type
    if pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None):
        return _from_timestamps(array)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        plain_times = plain_seconds(Utf8Column.from_arrow(array)) if len(array) >= _MANY else None
        if plain_times is not None:
            return plain_times
        plain = pc.utf8_trim_whitespace(array)
        plain = pc.if_else(pc.equal(plain, ""), pa.scalar(None, plain.type), plain)
        with suppress(pa.ArrowInvalid):  # a zone, or not a time: one by one
            return _from_timestamps(plain.cast(pa.timestamp("us")))
    distinct = array if pa.types.is_dictionary(kind) else pc.dictionary_encode(array)
    seconds = [seconds_of_value(value) for value in distinct.dictionary.to_pylist()]
    place = pc.fill_null(distinct.indices.cast(pa.int64()), len(seconds))
    return np.array([*seconds, 0], np.uint32)[place.to_numpy(zero_copy_only=False)]


def _from_timestamps(array: pa.Array) -> NDArray[np.uint32]:
    times = array.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    seconds = pc.fill_null(times, 0).to_numpy(zero_copy_only=False)
    return np.where((seconds >= 0) & (seconds <= SECONDS_MAX), seconds, 0).astype(np.uint32)
