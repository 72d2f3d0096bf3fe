"""What parsing one field of a batch yields, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["OVERFLOW_BIT", "EncodedField", "FieldStatus", "OverflowTable", "Slot"]

OVERFLOW_BIT: Final = np.uint64(1 << 63)
"""Set in the first word of a text slot whose value did not fit; the other 63 bits are its hash."""


class FieldStatus(IntEnum):
    """How one field of one record ended: valid, missing, or invalid with the reason.

    Reports count these per source. An invalid value is encoded as missing, except where the
    kind says that it still carries evidence (an id number with a wrong check digit).
    """

    VALID = 0
    MISSING = 1
    PLACEHOLDER = 2  # '-', '不详', 'unknown', '无', 'N/A', 1900-01-01 ...: a way to say nothing
    BAD_CHARACTER = 3
    BAD_LENGTH = 4
    BAD_CHECK_DIGIT = 5
    BAD_DATE = 6
    OUT_OF_RANGE = 7
    UNKNOWN_REGION = 8
    UNKNOWN_CODE = 9
    NUL_BYTE = 10
    TEMPORARY_NAME = 11  # 张某之子, 无名氏, 'baby of': a name that no one keeps


@dataclass(frozen=True, slots=True)
class Slot:
    """A fixed-width column of a kind: `bits` wide (1 to 64), 0 meaning missing."""

    component: str
    bits: int


@dataclass(frozen=True, slots=True)
class OverflowTable:
    """Text that did not fit its slot, found by content hash; nothing is ever truncated.

    Attributes
    ----------
    hashes : uint64[n], sorted, unique, OVERFLOW_BIT set: equal to the slot's first word
    offsets : int64[n + 1], into `codes`
    codes : uint32[total], one code per character (code points for text, units for Han names)
    """

    hashes: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    offsets: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    codes: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))

    def __len__(self) -> int:
        return len(self.hashes)

    @classmethod
    def from_entries(
        cls, hashes: NDArray[np.uint64], offsets: NDArray[np.int64], codes: NDArray[np.uint32]
    ) -> OverflowTable:
        """Sort entries by hash and keep one of each."""
        unique, first = np.unique(hashes, return_index=True)
        starts, lengths = offsets[:-1][first], np.diff(offsets)[first]
        new_offsets = np.zeros(len(unique) + 1, np.int64)
        np.cumsum(lengths, out=new_offsets[1:])
        position = np.repeat(starts - new_offsets[:-1], lengths) + np.arange(new_offsets[-1])
        return cls(unique, new_offsets, codes[position])

    def merged_with(self, other: OverflowTable) -> OverflowTable:
        if not len(other):
            return self
        if not len(self):
            return other
        return OverflowTable.from_entries(
            np.concatenate([self.hashes, other.hashes]),
            np.concatenate([self.offsets, other.offsets[1:] + self.offsets[-1]]),
            np.concatenate([self.codes, other.codes]),
        )


@dataclass(frozen=True, slots=True)
class EncodedField:
    """One field of a batch, encoded.

    Attributes
    ----------
    components : component name -> uint64[n_records]; each value fits its slot's bits; 0 = missing
    status : uint8[n_records], a `FieldStatus` for each record
    overflow : text values too long or too rare for their slot
    """

    components: dict[str, NDArray[np.uint64]]
    status: NDArray[np.uint8]
    overflow: OverflowTable = field(default_factory=OverflowTable)
