"""A column of text as three flat arrays, the only form in which strings reach a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from person.errors import InputError

__all__ = ["Utf8Column", "string_array"]

_WHOLE_MAX = float(1 << 63)  # what an int64 holds


@dataclass(frozen=True, slots=True)
class Utf8Column:
    """UTF-8 text in the Arrow layout.

    Attributes
    ----------
    offsets : int32[n_records + 1], byte positions into `data`
    data : uint8[n_bytes], UTF-8, always valid (Arrow checked it)
    valid : bool[n_records], False where the value is null
    """

    offsets: NDArray[np.int32]
    data: NDArray[np.uint8]
    valid: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.valid)

    @classmethod
    def from_arrow(cls, array: pa.Array | pa.ChunkedArray) -> Utf8Column:
        """View an Arrow column as text without copying it where it is text already.

        Numbers, dates and dictionaries are cast to their usual text (a whole float loses its
        '.0': a phone column with a gap in it arrives as floats). Lists are joined by ';'.
        """
        array = string_array(array)
        count = len(array)
        if count == 0:
            return cls(np.zeros(1, np.int32), np.zeros(0, np.uint8), np.zeros(0, np.bool_))
        _, offset_buffer, data_buffer = array.buffers()
        offsets = np.frombuffer(offset_buffer, np.int32)[array.offset : array.offset + count + 1]
        data = (
            np.frombuffer(data_buffer, np.uint8)
            if data_buffer is not None and data_buffer.size
            else np.zeros(0, np.uint8)
        )
        return cls(offsets, data, _validity(array))

    @classmethod
    def from_strings(cls, values: Sequence[str | None]) -> Utf8Column:
        """Build a column from Python strings; for lookups of one and for tests."""
        return cls.from_arrow(pa.array(values, pa.string()))

    @classmethod
    def all_missing(cls, count: int) -> Utf8Column:
        return cls(np.zeros(count + 1, np.int32), np.zeros(0, np.uint8), np.zeros(count, np.bool_))


def _validity(array: pa.Array) -> NDArray[np.bool_]:
    """Which values are not null, bool[n], from the bits that Arrow keeps."""
    bits = array.buffers()[0] if array.null_count else None
    if bits is None:
        return np.ones(len(array), np.bool_)
    first, skipped = divmod(array.offset, 8)
    kept = np.frombuffer(bits, np.uint8)[first : (array.offset + len(array) + 7) // 8]
    unpacked = np.unpackbits(kept, bitorder="little")[skipped : skipped + len(array)]
    return unpacked.view(np.bool_)


def string_array(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """An Arrow column as one string array; see `Utf8Column.from_arrow` for what becomes of what.

    Raises
    ------
    InputError : a type that has no text, such as a struct, or bytes that are not UTF-8
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    try:
        return _as_string(array)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"a column of type {array.type} cannot be read as text") from error


def _as_string(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _as_string(array.dictionary_decode())
    if pa.types.is_string(kind):
        return array
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.string())
    if pa.types.is_floating(kind):
        whole = pc.and_(pc.equal(array, pc.trunc(array)), pc.less(pc.abs(array), _WHOLE_MAX))
        whole = pc.fill_null(whole, False)
        as_integers = pc.cast(pc.if_else(whole, array, None), pa.int64(), safe=False)
        text = pc.if_else(whole, pc.cast(as_integers, pa.string()), pc.cast(array, pa.string()))
        return pc.if_else(pc.is_nan(array), pa.scalar(None, pa.string()), text)
    if pa.types.is_timestamp(kind):
        return pc.strftime(array, format="%Y-%m-%d")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _joined_lists(pc.cast(array, pa.list_(kind.value_type)))
    return pc.cast(array, pa.string())


def _joined_lists(array: pa.ListArray) -> pa.Array:
    texts = pc.fill_null(_as_string(array.values), "")
    joined = pc.binary_join(pa.ListArray.from_arrays(array.offsets, texts), ";")
    return pc.if_else(array.is_valid(), joined, pa.scalar(None, pa.string()))
