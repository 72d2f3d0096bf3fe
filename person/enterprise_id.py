"""Enterprise ids: 64-bit numbers that name a person for ever, and their printed form.

    3MN2-JFW93-9AYD8        4 + 5 + 5 characters, the last one a check character

Crockford's base 32 (0-9 and A-Z without I, L, O, U) rather than decimal: 14 characters to read
out instead of 21, and nobody takes one for a resident id number, a health card or a phone, nor
any of those for an enterprise id. Reading is forgiving: case, full-width letters, spaces and
hyphens do not matter, O is 0, I and L are 1.

The check character makes the 14 characters, as elements of GF(32), sum to zero when weighted by
the powers of a primitive element. Powers up to the 30th differ, so it catches every single wrong
character and every swap of two different characters, neighbours or not, and every pair of equal
neighbours misread as another pair (ISO 7064 MOD 37,36 promises only the first two, and prints
letters outside this alphabet).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
from numba import int64, uint8, uint64
from numpy.typing import NDArray

from person.errors import IdentityError
from person.jit import kernel
from person.text import Utf8Column
from person.threads import map_slices, slices

__all__ = [
    "ENTERPRISE_ID_CHARACTERS",
    "enterprise_ids_for",
    "format_enterprise_id",
    "format_enterprise_ids",
    "identity_number_of",
    "identity_numbers_of",
    "parse_enterprise_id",
    "parse_enterprise_ids",
    "printed_enterprise_id",
    "printed_enterprise_ids",
]

ENTERPRISE_ID_CHARACTERS: Final = 14
"""Characters of a printed id, the check character included, hyphens not."""

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PRINTED_BYTES: Final = 16
_FORMAT_ROWS_MAX: Final = (2**31 - 1) // _PRINTED_BYTES
_SLICE_ROWS: Final = 1 << 17

_NOT_A_SYMBOL: Final = 255
_SEPARATOR: Final = 254


def _symbol_values() -> NDArray[np.uint8]:
    """Value of each ASCII byte: 0-31, separator, or not a symbol."""
    values = np.full(256, _NOT_A_SYMBOL, np.uint8)
    for value, symbol in enumerate(_ALPHABET):
        values[ord(symbol)] = values[ord(symbol.lower())] = value
    for confused, meant in (("O", "0"), ("I", "1"), ("L", "1")):
        values[ord(confused)] = values[ord(confused.lower())] = _ALPHABET.index(meant)
    for separator in "- \t":
        values[ord(separator)] = _SEPARATOR
    return values


_SYMBOLS: Final = np.frombuffer(_ALPHABET.encode(), np.uint8).copy()
_SYMBOL_VALUES: Final = _symbol_values()


def enterprise_ids_for(
    cluster: NDArray[np.int64] | NDArray[np.int32], namespace: str | int = 0
) -> NDArray[np.uint64]:
    """Give each cluster an enterprise id; equal runs give equal ids.

    Parameters
    ----------
    cluster : int64[n] (or int32[n]), the cluster of each record, a row number, never negative
    namespace : what sets this run's ids apart from another's (its seed and inputs, say)

    Returns
    -------
    uint64[n], never 0; equal exactly where `cluster` is equal

    Notes
    -----
    A keyed permutation of the row numbers: ids of one namespace never clash, they tell nothing
    of how many persons there are, and those of two namespaces clash no more than random numbers.
    """
    rows = np.ascontiguousarray(cluster, np.int64)
    assert rows.size == 0 or int(rows.min()) >= 0, "clusters are row numbers"
    out = np.empty(len(rows), np.uint64)
    _fill_ids(rows, _namespace_key(namespace), out)
    return out


def identity_numbers_of(
    enterprise_ids: NDArray[np.uint64], namespace: str | int = 0
) -> NDArray[np.int64]:
    """The row numbers that `enterprise_ids_for` made ids of.

    Parameters
    ----------
    enterprise_ids : uint64[n]
    namespace : as it was given there

    Returns
    -------
    int64[n], never negative; -1 for 0, which is no id. An id of another namespace gives some
    number all the same: check that there is such a row
    """
    key = _namespace_key(namespace)
    ids = np.ascontiguousarray(enterprise_ids, np.uint64)
    numbers = _unmix(_unmix(ids) - key) ^ key
    numbers &= np.uint64((1 << 63) - 1)  # set only where the plain number would have given 0
    result = numbers.astype(np.int64)
    result[ids == 0] = -1
    return result


def identity_number_of(enterprise_id: int, namespace: str | int = 0) -> int:
    """`identity_numbers_of` of one id.

    Parameters
    ----------
    enterprise_id, namespace : see there
    """
    if not enterprise_id:
        return -1
    number: int = _row_of(np.uint64(enterprise_id), _namespace_key(namespace))
    return number


def format_enterprise_id(enterprise_id: int) -> str:
    """Print one id, for instance 3MN2-JFW93-9AYD8.

    Parameters
    ----------
    enterprise_id : 1 to 2**64 - 1

    Raises
    ------
    IdentityError : the number is no enterprise id
    """
    if not 0 < enterprise_id < 1 << 64:
        raise IdentityError("an enterprise id is a number from 1 to 2**64 - 1")
    text: str = format_enterprise_ids(np.array([enterprise_id], np.uint64))[0].as_py()
    return text


def format_enterprise_ids(enterprise_ids: NDArray[np.uint64]) -> pa.StringArray:
    """Print many ids; 0 (no id) becomes null.

    Parameters
    ----------
    enterprise_ids : uint64[n], n at most 134 million (Arrow text holds 2 GiB: print in chunks)

    Returns
    -------
    Arrow string[n], written straight into Arrow's buffers
    """
    ids = np.ascontiguousarray(enterprise_ids, np.uint64)
    count = len(ids)
    assert count <= _FORMAT_ROWS_MAX, "print ids in chunks"
    characters = np.empty(count * _PRINTED_BYTES, np.uint8)

    def fill(part: slice) -> None:
        _fill_characters(
            ids[part],
            _SYMBOLS,
            characters[part.start * _PRINTED_BYTES : part.stop * _PRINTED_BYTES],
        )

    if count <= _SLICE_ROWS:
        fill(slice(0, count))
    else:
        map_slices(fill, slices(count, _SLICE_ROWS))
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(_PRINTED_BYTES)
    missing = ids == 0
    validity = None
    if missing.any():
        validity = pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes())
    return pa.StringArray.from_buffers(
        count, pa.py_buffer(offsets), pa.py_buffer(characters), validity
    )


def printed_enterprise_id(cluster: int, namespace: str | int = 0) -> str:
    """The printed id of one cluster: `enterprise_ids_for` and `format_enterprise_ids` of one.

    Parameters
    ----------
    cluster, namespace : see `enterprise_ids_for`
    """
    assert cluster >= 0, "clusters are row numbers"
    characters = np.empty(_PRINTED_BYTES, np.uint8)
    _print_id(cluster, _namespace_key(namespace), _SYMBOLS, characters)
    return characters.tobytes().decode()


def printed_enterprise_ids(clusters: Sequence[int], namespace: str | int = 0) -> list[str]:
    """The printed ids of a few clusters: `printed_enterprise_id` of each.

    Parameters
    ----------
    clusters, namespace : see `enterprise_ids_for`
    """
    assert min(clusters, default=0) >= 0, "clusters are row numbers"
    count = len(clusters)
    ids, characters = np.empty(count, np.uint64), np.empty(count * _PRINTED_BYTES, np.uint8)
    _fill_ids(np.array(clusters, np.int64), _namespace_key(namespace), ids)
    _fill_characters(ids, _SYMBOLS, characters)
    text = characters.tobytes().decode()
    return [text[at : at + _PRINTED_BYTES] for at in range(0, len(text), _PRINTED_BYTES)]


def parse_enterprise_id(text: str) -> int:
    """Read an id as a person types or says it.

    Parameters
    ----------
    text : 14 characters; case, full-width forms, spaces and hyphens do not matter

    Returns
    -------
    the id, 1 to 2**64 - 1

    Raises
    ------
    IdentityError : says which character is wrong and never repeats the text, which may hold
        some other number of a person, typed into the wrong place
    """
    folded = unicodedata.normalize("NFKC", text)
    values: list[int] = []
    for symbol in folded:
        value = int(_SYMBOL_VALUES[ord(symbol)]) if ord(symbol) < 128 else _NOT_A_SYMBOL
        if value == _NOT_A_SYMBOL and unicodedata.category(symbol) in ("Pd", "Zs", "Cf"):
            value = _SEPARATOR
        if value == _NOT_A_SYMBOL:
            raise IdentityError(
                f"not an enterprise id: character {len(values) + 1} is neither a digit nor a "
                "letter that ids use (A-Z without U); check it against the source"
            )
        if value != _SEPARATOR:
            values.append(value)
    if len(values) != ENTERPRISE_ID_CHARACTERS:
        raise IdentityError(
            f"not an enterprise id: it has {len(values)} characters, "
            f"an enterprise id has {ENTERPRISE_ID_CHARACTERS}"
        )
    number, fault = _read_symbols(np.array(values, np.uint8))
    if fault:
        raise IdentityError(
            "not an enterprise id: its check character does not fit; "
            "a character is wrong or two are swapped"
        )
    return int(number)


def parse_enterprise_ids(column: Utf8Column) -> NDArray[np.uint64]:
    """Read a column of printed ids (ASCII; hyphens and spaces do not matter).

    Parameters
    ----------
    column : text, n values

    Returns
    -------
    uint64[n], 0 where the value is null or is no enterprise id
    """
    out = np.zeros(len(column), np.uint64)
    _fill_parsed(column.offsets, column.data, column.valid, _SYMBOL_VALUES, out)
    return out


@lru_cache(maxsize=64)
def _namespace_key(namespace: str | int) -> np.uint64:
    digest = hashlib.blake2b(str(namespace).encode(), digest_size=8, person=b"enterprise-id")
    return np.uint64(int.from_bytes(digest.digest(), "little"))


def _unmix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The inverse of `_mix`: each shift is taken back, each factor by its inverse modulo 2^64."""
    value = value ^ (value >> np.uint64(31)) ^ (value >> np.uint64(62))
    value = value * np.uint64(0x319642B2D24D8EC3)
    value = value ^ (value >> np.uint64(27)) ^ (value >> np.uint64(54))
    value = value * np.uint64(0x96DE1B173F119089)
    return value ^ (value >> np.uint64(30)) ^ (value >> np.uint64(60))


@kernel
def _mix(value):  # type: ignore[no-untyped-def]
    """SplitMix64's finaliser: a permutation of the 64-bit numbers."""
    value = (value ^ (value >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> uint64(27))) * uint64(0x94D049BB133111EB)
    return value ^ (value >> uint64(31))


@kernel
def _unmix_one(value):  # type: ignore[no-untyped-def]
    """`_unmix` of one."""
    value ^= (value >> uint64(31)) ^ (value >> uint64(62))
    value *= uint64(0x319642B2D24D8EC3)
    value ^= (value >> uint64(27)) ^ (value >> uint64(54))
    value *= uint64(0x96DE1B173F119089)
    return value ^ (value >> uint64(30)) ^ (value >> uint64(60))


@kernel
def _row_of(number, key):  # type: ignore[no-untyped-def]
    return int64((_unmix_one(_unmix_one(number) - key) ^ key) & uint64((1 << 63) - 1))


@kernel
def _fill_ids(rows, key, out):  # type: ignore[no-untyped-def]
    for position in range(rows.shape[0]):
        row = uint64(rows[position])
        number = _mix(_mix(row ^ key) + key)
        if number == uint64(0):  # row numbers leave the highest bit free: no other row gets this
            number = _mix(_mix((row | uint64(1) << uint64(63)) ^ key) + key)
        out[position] = number


@kernel
def _times_primitive(value):  # type: ignore[no-untyped-def]
    """Multiply by x in GF(32) modulo x^5 + x^2 + 1, whose root has order 31."""
    value = value << uint64(1)
    if value & uint64(32):
        value ^= uint64(37)
    return value


@kernel
def _fill_characters(ids, symbols, out):  # type: ignore[no-untyped-def]
    """Print each id as 16 bytes; about 30 ns an id."""
    for position in range(ids.shape[0]):
        number = ids[position]
        at = position * 16
        check = uint64(0)
        for place in range(13):
            value = (number >> uint64(60 - 5 * place)) & uint64(31)
            check = _times_primitive(check) ^ value
            out[at] = symbols[value]
            at += 1
            if place == 3 or place == 8:
                out[at] = uint8(45)
                at += 1
        out[at] = symbols[_times_primitive(check)]


@kernel
def _print_id(row, key, symbols, out):  # type: ignore[no-untyped-def]
    rows, ids = np.full(1, row, np.int64), np.empty(1, np.uint64)
    _fill_ids(rows, key, ids)
    _fill_characters(ids, symbols, out)


@kernel
def _read_symbols(values):  # type: ignore[no-untyped-def]
    """The number that 14 symbol values stand for, and whether they are at fault."""
    number, check = uint64(0), uint64(0)
    for place in range(14):
        value = uint64(values[place])
        check = _times_primitive(check) ^ value
        if place < 13:
            number = (number << uint64(5)) | value
    fault = check != uint64(0) or values[0] > 15 or number == uint64(0)
    return number, fault


@kernel
def _fill_parsed(offsets, data, valid, symbol_values, out):  # type: ignore[no-untyped-def]
    values = np.empty(14, np.uint8)
    for row in range(valid.shape[0]):
        if not valid[row]:
            continue
        count = 0
        for position in range(offsets[row], offsets[row + 1]):
            value = symbol_values[data[position]]
            if value == 254:
                continue
            if value == 255 or count == 14:
                count = -1
                break
            values[count] = value
            count += 1
        if count == 14:
            number, fault = _read_symbols(values)
            if not fault:
                out[row] = number
