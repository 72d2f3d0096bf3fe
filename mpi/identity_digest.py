"""Identifiers as keyed digests: an index that a thief can neither read nor guess numbers from.

A sealed index holds, of every id number, other document, card and certificate, an HMAC (SM3 or
SHA-256) under a key that lies in a file of its own. Sealing happens once, right after encoding:

    national_id   body -> 0xF and 60 bits of digest, the form of a document outside the national
                  scheme; the detail bits (class, "proves itself", "came as 15 digits") stay
    identifier    text -> ten or twelve characters of digest
    hashed slots  of both kinds: the hash -> as many bits of digest

Equal numbers stay equal, so postings, lookups, exact comparisons and the rule that two different
valid numbers are two people work as before. A slip of one digit, a shared birth date or a
neighbouring sequence inside two different numbers is no longer seen: they are just different.
Names, dates, regions, phones and record ids are no identifiers in this sense and stay as they are.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from matching.model import Model
from mpi.identity_door import without_numbers
from mpi.ingest import Ingested
from person.errors import ConfigError, IndexKeyError, InputError
from person.field import OVERFLOW_BIT, OverflowTable
from person.layout import Layout
from person.national_id import encode_national_id
from person.packed_text import CHARACTERS_PER_WORD
from person.records import RecordChunk
from person.schema import Schema
from person.text import Utf8Column, string_array

__all__ = [
    "ALGORITHMS",
    "DigestKey",
    "Sealer",
    "check_record_ids",
    "kept_frequencies",
    "kept_overflow",
    "key_of_index",
    "read_digest_key",
    "seal",
]

ALGORITHMS: Final = ("sm3", "sha256")
"""SM3 (GB/T 32905) comes from the OpenSSL that Python is linked with."""

SEALED_KINDS: Final = frozenset({"identifier", "national_id"})
KEY_BYTES_MIN: Final = 16
KEY_BYTES_MAX: Final = 4096

_CHECKED: Final = b"mpi identity index: is this the key?"
_TABLE_BITS_MAX: Final = 24
_HASHED: Final = np.uint64(0xF) << np.uint64(60)
_LOW_60: Final = (np.uint64(1) << np.uint64(60)) - np.uint64(1)
_CHARACTERS_MAX: Final = 12
_BITS_PER_CHARACTER: Final = 5
_PROVES, _CAME_AS_15 = np.uint64(1), np.uint64(2)

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestKey:
    """A secret and the hash that it keys.

    Attributes
    ----------
    algorithm : one of ALGORITHMS
    secret : never printed, never written to the index
    """

    algorithm: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise ConfigError(
                f"unknown digest {self.algorithm!r}; choose from {', '.join(ALGORITHMS)}"
            )
        if self.algorithm not in hashlib.algorithms_available:
            raise ConfigError(
                f"the OpenSSL of this Python has no {self.algorithm.upper()}; install one that "
                f"has, or make the index with --digest sha256"
            )

    def digests(self, domain: str, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """First 64 bits of the digest of each value, uint64[k]; `domain` keeps fields apart."""
        secret, name, prefix = self.secret, self.algorithm, domain.encode() + b"\0"
        data = values.astype(">u8").tobytes()
        found = b"".join(
            hmac.digest(secret, prefix + data[place : place + 8], name)[:8]
            for place in range(0, len(data), 8)
        )
        return np.frombuffer(found, ">u8").astype(np.uint64)

    def to_fact(self) -> dict[str, str]:
        """What the index keeps: the hash, and a digest that proves the key."""
        proof = hmac.digest(self.secret, _CHECKED, self.algorithm).hex()
        return {"algorithm": self.algorithm, "proof": proof}


def read_digest_key(path: str | Path, algorithm: str = "sm3") -> DigestKey:
    """Read a key: the bytes of a file, line ends at its end left out.

    Parameters
    ----------
    path : of the file, 16 to 4096 bytes
    algorithm : one of ALGORITHMS

    Raises
    ------
    InputError : the file cannot be read, or is no key
    ConfigError : no such algorithm
    """
    try:
        with Path(path).open("rb") as file:
            secret = file.read(KEY_BYTES_MAX + 2).rstrip(b"\r\n")
    except OSError as error:
        raise InputError(
            f"{path}: the key cannot be read ({error.strerror})", path=str(path)
        ) from error
    if not KEY_BYTES_MIN <= len(secret) <= KEY_BYTES_MAX:
        raise InputError(
            f"{path}: a digest key has {KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes; make one with "
            f"`openssl rand -hex 32`",
            path=str(path),
        )
    return DigestKey(algorithm=algorithm, secret=secret)


def key_of_index(
    fact: Mapping[str, str] | None, key_file: str | Path | None, index: str | Path
) -> DigestKey | None:
    """The key that an index was made with; None where it holds identifiers as they are.

    Parameters
    ----------
    fact : what the index keeps of its key (`DigestKey.to_fact`), None for an open index
    key_file : the file that the caller names, or None
    index : directory, for messages

    Raises
    ------
    IndexKeyError : the index needs a key and none was given, or another one
    ConfigError : a key was given for an index that has none
    """
    if fact is None:
        if key_file is not None:
            raise ConfigError(
                f"{index}: this index holds identifiers as they are and takes no digest key; only "
                f"a new index can be made with one"
            )
        return None
    if key_file is None:
        raise IndexKeyError(
            f"{index}: identifiers in this index are keyed digests; give the key file that it was "
            f"made with (--digest-key FILE)",
            path=str(index),
        )
    key = read_digest_key(key_file, fact["algorithm"])
    if not hmac.compare_digest(key.to_fact()["proof"], fact["proof"]):
        raise IndexKeyError(
            f"{index}: {key_file} is not the key that this index was made with", path=str(index)
        )
    return key


def seal(rows: NDArray[np.uint64], layout: Layout, key: DigestKey) -> NDArray[np.uint64]:
    """Encoded rows with their identifiers as keyed digests.

    Parameters
    ----------
    rows : uint64[n, n_words], as `encode_batch` makes them; not changed
    layout : of the rows
    key : of the index

    Returns
    -------
    uint64[n, n_words], newly allocated
    """
    return Sealer(key, layout).seal(rows)


class Sealer:
    """Seals rows of one layout; narrow slots remember what they gave.

    Parameters
    ----------
    key : of the index
    layout : of the rows

    Attributes
    ----------
    fields : names of the sealed fields

    Notes
    -----
    300,000 digests a second with SM3 and 470,000 with SHA-256 on one core, one for each id number
    and long identifier not seen in the same call before; a hashed slot of b bits costs at most
    2**b digests in the life of a sealer. Loads of many records are bound by this.
    """

    def __init__(self, key: DigestKey, layout: Layout) -> None:
        self._key = key
        self._layout = layout
        self.fields = tuple(name for name in layout.positions if layout.kind(name) in SEALED_KINDS)
        self._tables: dict[str, NDArray[np.uint32]] = {}

    def seal(self, rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Rows with their identifiers as digests, uint64[n, n_words], newly allocated."""
        sealed = rows.copy()
        for name in self.fields:
            if self._layout.is_hashed(name):
                self._seal_hash(name, sealed)
            elif self._layout.kind(name) == "national_id":
                word = int(self._layout.slots(name)[0, 0])
                self._seal_body(sealed[:, word])
            else:
                self._seal_text(name, sealed)
        return sealed

    def _seal_body(self, body: NDArray[np.uint64]) -> None:
        present = np.flatnonzero(body)
        values, place = np.unique(body[present], return_inverse=True)
        digests = self._key.digests("national_id", values) & _LOW_60 | _HASHED
        body[present] = digests[place]

    def _seal_hash(self, name: str, rows: NDArray[np.uint64]) -> None:
        word, shift, bits = self._layout.slots(name)[0].tolist()
        mask = np.uint64((1 << bits) - 1)
        values = rows[:, word] >> np.uint64(shift) & mask
        sealed = self._hashes(name, values, bits)
        rows[:, word] ^= (values ^ sealed) << np.uint64(shift)

    def _hashes(self, name: str, values: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
        """Digests of `bits` bits, never 0, of hashes that are not 0; 0 stays 0."""
        found, place = np.unique(values, return_inverse=True)
        if bits > _TABLE_BITS_MAX:
            digests = self._narrow(name, found, bits)
            digests[found == 0] = 0
            return digests[place]
        table = self._tables.setdefault(name, np.zeros(1 << bits, np.uint32))
        unknown = found[(table[found] == 0) & (found != 0)]
        table[unknown] = self._narrow(name, unknown, bits)
        return table[values].astype(np.uint64)

    def _narrow(self, name: str, values: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
        digests = self._key.digests(f"hash {name}", values) >> np.uint64(64 - bits)
        return np.maximum(digests, np.uint64(1))

    def _seal_text(self, name: str, rows: NDArray[np.uint64]) -> None:
        words = self._layout.slots(name)[:, 0]
        texts = np.ascontiguousarray(rows[:, words])
        present = np.flatnonzero(texts.any(axis=1))
        values, place = np.unique(texts[present], axis=0, return_inverse=True)
        # Two words in, two out: the digest of a text is chained through its words.
        digests = np.zeros(len(values), np.uint64)
        for column in range(values.shape[1]):
            folded = values[:, column] ^ digests
            digests = self._key.digests(f"text {name} {column}", folded)
        rows[np.ix_(present, words)] = _as_characters(digests, len(words))[place.ravel()]

    def identity_keys(self, rows: NDArray[np.uint64], schema: Schema) -> NDArray[np.uint64]:
        """Valid national ids among sealed rows, uint64[n], 0 = none; as `person.identity_keys`.

        Parameters
        ----------
        rows : uint64[n, n_words], sealed
        schema : tells which field holds the national id
        """
        names = [each.name for each in schema.fields if each.role == "national_id"]
        names = [name for name in names if name in self.fields]
        if not names or self._layout.is_hashed(names[0]):
            return np.zeros(len(rows), np.uint64)
        (body_word, _, _), (word, shift, _) = self._layout.slots(names[0]).tolist()
        detail = rows[:, word] >> np.uint64(shift)
        is_checked = (detail & (_PROVES | _CAME_AS_15)) == _PROVES
        return np.where(is_checked, rows[:, body_word], np.uint64(0))

    def without_identifiers(self, values: dict[str, str] | None) -> dict[str, str] | None:
        """Texts of a record (field -> text) that a sealed index may keep."""
        if values is None:
            return None
        kept = {name: text for name, text in values.items() if name not in self.fields}
        return {name: without_numbers(text) for name, text in kept.items()}

    def long_texts(
        self, overflow: OverflowTable, chunks: Iterable[RecordChunk], layout: Layout
    ) -> NDArray[np.int64]:
        """Places of the long texts that fields other than identifiers refer to, int64[k].

        Parameters
        ----------
        overflow : long texts of a run
        chunks : its records, not sealed
        layout : of their rows
        """
        words = {
            word
            for name in layout.positions
            if name not in self.fields
            for word, _, bits in layout.slots(name).tolist()
            if bits == 64
        }
        used = np.zeros(len(overflow), np.bool_)
        for chunk in chunks:
            for word in words:
                values = chunk.rows[:, word]
                used |= np.isin(overflow.hashes, values[(values & OVERFLOW_BIT) != 0])
        return np.flatnonzero(used)

    def usable_frequencies(self, model: Model, frequencies: Mapping[str, V]) -> dict[str, V]:
        """Frequency tables without those of sealed fields, whose hashes could be guessed.

        Parameters
        ----------
        model : whose parts name the tables
        frequencies : part name -> table
        """
        sealed = {
            part.name
            for comparison in model.comparisons
            for part in comparison.parts
            if set(part.fields) & set(self.fields)
        }
        return {name: table for name, table in frequencies.items() if name not in sealed}


def _as_characters(digests: NDArray[np.uint64], n_words: int) -> NDArray[np.uint64]:
    """Digests as packed text, uint64[k, n_words]: letters of five bits each, codes 1 to 32."""
    words = np.zeros((len(digests), n_words), np.uint64)
    for place in range(min(_CHARACTERS_MAX, n_words * CHARACTERS_PER_WORD)):
        code = (digests >> np.uint64(_BITS_PER_CHARACTER * place) & np.uint64(31)) + np.uint64(1)
        word, within = divmod(place, CHARACTERS_PER_WORD)
        words[:, word] |= code << np.uint64(54 - 6 * within)
    return words


def kept_frequencies(
    sealer: Sealer | None, model: Model, frequencies: Mapping[str, V]
) -> dict[str, V]:
    """Frequency tables that an index may keep: a sealed one none of identifiers.

    Parameters
    ----------
    sealer : of the index, None where it keeps identifiers as they are
    model, frequencies : see `Sealer.usable_frequencies`
    """
    return dict(frequencies) if sealer is None else sealer.usable_frequencies(model, frequencies)


def kept_overflow(
    sealer: Sealer | None, ingested: Ingested
) -> tuple[OverflowTable, NDArray[np.int64] | None]:
    """Long texts of a run, and the places of those that an index may keep; None for all.

    Parameters
    ----------
    sealer : of the index, None where it keeps identifiers as they are
    ingested : the run's records
    """
    overflow = ingested.overflow
    if sealer is None or not len(overflow):
        return overflow, None
    return overflow, sealer.long_texts(overflow, ingested.store.chunks(), ingested.layout)


def check_record_ids(record_ids: Sequence[str] | pa.Array, first_row: int = 0) -> None:
    """Refuse record ids that are id numbers: they would lie in the index for all to read.

    Parameters
    ----------
    record_ids : texts
    first_row : number of the first of them, for the message

    Raises
    ------
    InputError : names the row, never the number
    """
    texts = record_ids if isinstance(record_ids, pa.Array) else pa.array(record_ids, pa.string())
    if not len(texts):
        return
    encoded = encode_national_id(Utf8Column.from_arrow(string_array(texts)), {})
    proves = np.flatnonzero(encoded.components["detail"] & _PROVES)
    if len(proves):
        raise InputError(
            f"row {first_row + int(proves[0])}: its record id is an id number, and record ids are "
            f"kept as they are; an index with keyed digests needs other record ids "
            f"({len(proves):,} rows)"
        )
