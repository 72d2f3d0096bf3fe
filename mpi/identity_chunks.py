"""Records of a run on their way into an index: rows in its layout, sealed, with their keys.

Made on the pool, chunk by chunk, while the chunks before are packed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mpi.identity_engine import Engine
from person.layout import Layout
from person.slots import copy_slot
from person.threads import slices

__all__ = ["KeyedRecords", "NewRecords", "own_rows", "prepare_chunk", "repack_rows"]

_PART: Final = 1 << 14
"""Records whose keys are made at once: what stands between rows and keys stays in the cache."""


@dataclass(frozen=True, slots=True)
class NewRecords:
    """Some records of a run that are new to the index.

    Attributes
    ----------
    rows : uint64[n, words], as the run holds them
    source : uint16[n], as the index numbers them
    record_id : n texts
    places : int64[n], in the run
    """

    rows: NDArray[np.uint64]
    source: NDArray[np.uint16]
    record_id: pa.Array
    places: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class KeyedRecords(NewRecords):
    """The same with rows as the index holds them.

    Attributes
    ----------
    keys : uint64[posting tables, n], 0 = none
    """

    keys: NDArray[np.uint64]


def own_rows(engine: Engine, held: Layout, rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Rows of a run as the index holds them, uint64[n, words of the index].

    Parameters
    ----------
    engine : of the index
    held : layout of the run
    rows : uint64[n, words of `held`]
    """
    rows = repack_rows(rows, held, engine.layout)
    return rows if engine.sealer is None else engine.sealer.seal(rows)


def prepare_chunk(engine: Engine, held: Layout, records: NewRecords) -> KeyedRecords:
    """Rows and keys for the index; a few parts at a time stay in the processor's cache.

    Parameters
    ----------
    engine : of the index
    held : layout of the run
    records : of the run
    """
    count = len(records.rows)
    rows = np.empty((count, engine.layout.n_words), np.uint64)
    keys = np.empty((len(engine.posting_names), count), np.uint64)
    for part in slices(count, _PART):
        rows[part] = own_rows(engine, held, records.rows[part])
        lines = [variant for rule in engine.keys(rows[part]) for variant in rule]
        for out, line in zip(keys, lines, strict=True):
            out[part] = line
    return KeyedRecords(rows, records.source, records.record_id, records.places, keys)


def repack_rows(rows: NDArray[np.uint64], held: Layout, wanted: Layout) -> NDArray[np.uint64]:
    """Rows of one layout in another; fields that it lacks are dropped, others it has are missing.

    Parameters
    ----------
    rows : uint64[n, words of `held`]
    held, wanted : the layouts

    Returns
    -------
    uint64[n, words of `wanted`]
    """
    if held == wanted:
        return rows
    out = np.zeros((len(rows), wanted.n_words), np.uint64)
    for name in held.positions:
        if not wanted.has(name) or held.components(name) != wanted.components(name):
            continue
        for old, new in zip(held.slots(name), wanted.slots(name), strict=True):
            if old[2] == new[2]:
                copy_slot(rows, old, new, out)
    return out
