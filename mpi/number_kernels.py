"""One id number read and keyed in one compiled call, where the index keeps it as it is."""

from __future__ import annotations

import numpy as np

from blocking.kernels import combine_keys
from person.jit import kernel
from person.national_id_kernels import fill_national_ids
from person.regions import region_table
from person.scan import PLACEHOLDER_HASHES

__all__ = ["read_number"]


@kernel
def _read_number(data, prefix_row, canonical, words, out):  # type: ignore[no-untyped-def]
    """Body and block key of the number in `data`; 0 where it says nothing."""
    offsets = np.zeros(2, np.int32)
    offsets[1] = data.shape[0]
    valid, classes = np.ones(1, np.bool_), np.zeros(1, np.uint8)
    body, status = np.empty((1, 1), np.uint64), np.empty(1, np.uint8)
    fill_national_ids(
        offsets, data, valid, classes, prefix_row, canonical, words, body[0], out, status
    )
    combine_keys(body, np.zeros(1, np.int64), 1, out[1:])
    out[0] = body[0, 0]


def read_number(number: str) -> tuple[int, int]:
    """(value, block key) of an id number of no given type, (0, 0) where it says nothing.

    The value is the whole field, the key that of a rule of this field alone: what
    `Engine.encode_number` and `Engine.first_keys` say by way of a row.

    Parameters
    ----------
    number : as anybody writes it

    Raises
    ------
    UnicodeEncodeError : it holds what is no text
    """
    text = number.encode()
    if not text:
        return 0, 0
    table, out = region_table(), np.empty(2, np.uint64)
    data = np.frombuffer(text, np.uint8)
    _read_number(data, table.prefix_row, table.canonical, PLACEHOLDER_HASHES, out)
    value, key = out.tolist()
    return value, key
