"""Which bits a layout's fields set; see `blocking.signature_kernels`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from blocking import signature_kernels as kernels
from blocking.keys import read_only
from person.han import HanTables, han_tables
from person.hashing import mix64
from person.records import RecordLayout

__all__ = ["SIGNATURE_WORDS", "SignaturePlan", "signature_plan"]

SIGNATURE_WORDS: Final = 4
"""64-bit words of a signature: 32 bytes."""

TEXT_KINDS: Final = ("latin_name", "text", "identifier", "category")
LETTER_PAIRS: Final = 7
_NO_TABLES: Final = (np.zeros(1, np.uint8),)
_KERNELS: Final[dict[str, Callable[..., None]]] = {
    "han_name": kernels.set_han_name_bits,
    "national_id": kernels.set_id_bits,
    "date": kernels.set_date_bits,
    "gender": kernels.set_gender_bits,
    "phone": kernels.set_phone_bits,
    "region": kernels.set_region_bits,
    "address": kernels.set_address_bits,
    **dict.fromkeys(TEXT_KINDS, kernels.set_text_bits),
}


@dataclass(frozen=True, slots=True)
class SignaturePlan:
    """How the signature of a row is made: (kernel, slots, salt, tables) of each field."""

    parts: tuple[tuple[Callable[..., None], NDArray[np.int64], np.uint64, tuple[Any, ...]], ...]

    def signatures(self, rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Signatures of encoded or travelling rows.

        Parameters
        ----------
        rows : uint64[n, at least n_words]

        Returns
        -------
        uint64[n, SIGNATURE_WORDS]; all 0 for a record of which nothing is known
        """
        out = np.zeros((len(rows), SIGNATURE_WORDS), np.uint64)
        view = read_only(rows)
        for kernel, slots, salt, tables in self.parts:
            kernel(view, slots, salt, tables, out)
        return out


def signature_plan(layout: RecordLayout, fields: Sequence[str]) -> SignaturePlan:
    """A plan for records of a layout; fields of which only a hash is kept count as a whole.

    Parameters
    ----------
    layout : where the fields lie
    fields : names of the fields to use; the same names give the same bits in every layout
    """
    parts = []
    for name in fields:
        slots = np.ascontiguousarray(layout.slots(name))
        kind = layout.kind(name)
        kernel = _KERNELS.get(kind, kernels.set_value_bits)
        if len(slots) == 1 and _is_hashed(kind, int(slots[0, 2])):
            kernel = kernels.set_value_bits
        tables = _han_arrays() if kernel is kernels.set_han_name_bits else _NO_TABLES
        parts.append((kernel, slots, _salt(name), tables))
    return SignaturePlan(tuple(parts))


def _is_hashed(kind: str, bits: int) -> bool:
    return kind in (*TEXT_KINDS, "han_name", "national_id") and bits < 64


def _salt(name: str) -> np.uint64:
    value = np.uint64(0)
    for byte in name.encode():
        value = np.uint64(mix64(value ^ np.uint64(byte)))
    return value


@lru_cache(maxsize=1)
def _han_arrays() -> tuple[Any, ...]:
    tables = han_tables()
    arrays = (
        tables.syllable,
        tables.surname_syllable,
        tables.fuzzy_class,
        _letter_pairs(tables),
        _shape_classes(tables),
    )
    return tuple(read_only(array) for array in arrays)


def _letter_pairs(tables: HanTables) -> NDArray[np.uint16]:
    """Numbers of the neighbouring letters of each syllable's spelling, its ends included."""
    out = np.zeros((512, LETTER_PAIRS), np.uint16)
    for number, spelling in enumerate(tables.syllables):
        text = f"`{spelling}`" if spelling else ""
        pairs = [1 + (ord(one) & 31) * 32 + (ord(other) & 31) for one, other in pairwise(text)]
        out[number, : len(pairs[:LETTER_PAIRS])] = pairs[:LETTER_PAIRS]
    return out


def _shape_classes(tables: HanTables) -> NDArray[np.uint16]:
    """Of each unit and the units that look like it, the one of smallest hash.

    Two characters that look alike share most of their neighbours, so they often share this.
    """
    count = len(tables.syllable)
    units = np.arange(count)
    hashes = np.array([int(mix64(np.uint64(unit + 1))) for unit in range(count)], np.uint64)
    best = units.astype(np.uint16)
    offsets = tables.similar_offsets
    for unit in np.flatnonzero(np.diff(offsets)):
        near = tables.similar_units[offsets[unit] : offsets[unit + 1]]
        family = np.append(near.astype(np.int64), unit)
        best[unit] = family[np.argmin(hashes[family])]
    return best
