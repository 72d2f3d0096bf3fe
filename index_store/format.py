"""Numbers and byte layouts of the index, encoding and decoding side by side.

docs/index-format.md describes the same bytes in words; a change here is a new format version.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

__all__ = [
    "DATABASES",
    "FORMAT_VERSION",
    "NO_RECORD",
    "RECORDS_MAX",
    "State",
    "pack_checked",
    "pack_state",
    "unpack_checked",
    "unpack_state",
]

FORMAT_VERSION: Final = 1

NO_RECORD: Final = 0xFFFFFFFF
"""Stands for 'removed' where an identity number is stored; never a record number."""

RECORDS_MAX: Final = 0xFFFFFFFE

DATABASES: Final = (
    b"meta",
    b"rows",
    b"records",
    b"references",
    b"membership",
    b"members",
    b"postings",
    b"origins",
    b"journal",
    b"plain",
    b"touched",
)
"""Named databases of data.mdb; all keys are big-endian, so that key order is number order."""

_MAGIC: Final = b"MPIINDEX"
_STATE: Final = struct.Struct("<8sIIQQQQQ")
_CRC: Final = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What one committed transaction left behind; the value of `state` in `meta`."""

    version: int
    n_words: int
    record_count: int
    event_count: int
    generation: int
    touched_count: int
    base_record_count: int


def pack_state(state: State) -> bytes:
    """56 bytes: magic, format version, then the counters."""
    return _STATE.pack(
        _MAGIC,
        state.version,
        state.n_words,
        state.record_count,
        state.event_count,
        state.generation,
        state.touched_count,
        state.base_record_count,
    )


def unpack_state(value: bytes) -> State | None:
    """The state, None where the bytes are none; the version may be one we do not know."""
    if len(value) < 12 or value[:8] != _MAGIC:
        return None
    version = int.from_bytes(value[8:12], "little")
    if version != FORMAT_VERSION or len(value) != _STATE.size:
        return State(
            version=version,
            n_words=0,
            record_count=0,
            event_count=0,
            generation=0,
            touched_count=0,
            base_record_count=0,
        )
    _, version, n_words, records, events, generation, touched, base = _STATE.unpack(value)
    return State(
        version=version,
        n_words=n_words,
        record_count=records,
        event_count=events,
        generation=generation,
        touched_count=touched,
        base_record_count=base,
    )


def pack_checked(value: bytes) -> bytes:
    """A value with its crc32 (little-endian) in front."""
    return _CRC.pack(zlib.crc32(value)) + value


def unpack_checked(stored: bytes) -> bytes | None:
    """The value behind a crc32; None where the two do not fit."""
    value = bytes(stored[4:])
    return value if _CRC.unpack_from(stored)[0] == zlib.crc32(value) else None
