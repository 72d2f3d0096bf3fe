"""Names and other text as words of ten 6-bit characters, and back.

A word holds its characters in bits 59..0, the first one highest, so words sort like the text.
Text that is too long, or has a character without a code, becomes OVERFLOW_BIT | hash in the
first word and an entry in the overflow table; equal text is equal words either way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from person.field import OVERFLOW_BIT, EncodedField, FieldStatus, OverflowTable
from person.fold import (
    NUL_FOUND,
    column_arrays,
    contains_hash,
    fold_table,
    fold_text,
    hash_codes,
    hash_end,
    hash_set,
    hash_start,
    hash_step,
    scratch_size,
    word_list,
)
from person.jit import inlined_kernel, kernel, load_uint8
from person.text import Utf8Column

__all__ = [
    "CHARACTERS_PER_WORD",
    "DEFAULT_CHARACTERS",
    "PACKED_CHARACTERS",
    "decode_packed",
    "encode_category",
    "encode_identifier",
    "encode_latin_name",
    "encode_text",
    "find_overflow",
    "normalise_text",
    "packed_code_table",
    "words_to_text",
]

CHARACTERS_PER_WORD: Final = 10
PACKED_CHARACTERS: Final = "\0abcdefghijklmnopqrstuvwxyz0123456789 -'./&#,@_+:()"
"""The character of each 6-bit code; code 0 ends the text."""

DEFAULT_CHARACTERS: Final[Mapping[str, int]] = {
    "latin_name": 20,
    "identifier": 20,
    "text": 30,
    "category": 10,
}

_LETTER_CODE: Final = PACKED_CHARACTERS.index("a")
_DIGIT_CODE: Final = PACKED_CHARACTERS.index("0")
_IS_NAME, _IS_TEXT, _IS_IDENTIFIER = 0, 1, 2
_STYLES: Final = {
    "latin_name": _IS_NAME,
    "identifier": _IS_IDENTIFIER,
    "text": _IS_TEXT,
    "category": _IS_TEXT,
}
_VALID, _MISSING = int(FieldStatus.VALID), int(FieldStatus.MISSING)
_PLACEHOLDER, _NUL_BYTE = int(FieldStatus.PLACEHOLDER), int(FieldStatus.NUL_BYTE)
_TEMPORARY_NAME = int(FieldStatus.TEMPORARY_NAME)

_PLACEHOLDERS: Final = (
    *word_list(
        """
        unknown unk unkn n/a #n/a none null #null! nil missing undefined unspecified #div/0! #name?
        withheld declined refused anonymous noname tbd tba
        未知 不详 不詳 不明 无 無 未填 未填写 未提供 暂无 空 没有 佚名 匿名
        """
    ),
    *("not known", "not available", "not stated", "not provided", "not applicable"),
    *("not recorded", "not given", "none given", "no name"),
)
_PLACEHOLDERS_NOT_IN_NAMES: Final = ("na", "nan", "n.a.", "<na>")
"""Na and Nan are people's names."""

_TEMPORARY_NAMES: Final = (
    *("baby boy", "baby girl", "babyboy", "babygirl"),
    *("infant", "newborn", "new born", "unnamed"),
)
_TEMPORARY_PREFIXES: Final = ("baby of ", "babyof ", "baby boy ", "baby girl ", "infant of ")


@lru_cache(maxsize=1)
def packed_code_table() -> NDArray[np.uint8]:
    """6-bit code of each ASCII character, uint8[128]; 0 = has none."""
    table = np.zeros(128, np.uint8)
    for code, character in enumerate(PACKED_CHARACTERS):
        if code:
            table[ord(character)] = code
    table.flags.writeable = False
    return table


@kernel
def _is_letter_or_digit(code):  # type: ignore[no-untyped-def]
    return (97 <= code <= 122) or (48 <= code <= 57) or code >= 0x80


@kernel
def _tidy(codes, length, style, keep):  # type: ignore[no-untyped-def]
    """Drop what carries nothing: edge punctuation, or all of it in identifiers.

    Works in place; `keep` bool[128], ASCII characters an identifier keeps. Returns the span
    (start, stop) of what is left.
    """
    if style == _IS_IDENTIFIER:
        stop = 0
        for at in range(length):
            code = codes[at]
            if _is_letter_or_digit(code) or (code < 0x80 and keep[code]):
                codes[stop] = code
                stop += 1
        return 0, stop
    start, stop = 0, length
    while start < stop and not _is_letter_or_digit(codes[start]):
        start += 1
    while stop > start and not _is_letter_or_digit(codes[stop - 1]):
        stop -= 1
    return start, stop


@kernel
def _is_filler(codes, start, stop, style):  # type: ignore[no-untyped-def]
    """One character repeated where no value is written so: 'xxx', '00000', '999999'."""
    first = codes[start]
    for at in range(start + 1, stop):
        if codes[at] != first:
            return False
    length = stop - start
    if first == 120:  # x
        return length >= 2
    if first == 48:  # 0
        return style == _IS_IDENTIFIER or length >= 2
    return first == 57 and style == _IS_IDENTIFIER and length >= 6  # 9


@kernel
def _is_temporary(codes, start, stop, prefixes):  # type: ignore[no-untyped-def]
    """Starts with one of `prefixes`, uint8[n, width] padded with 0."""
    for which in range(prefixes.shape[0]):
        width = 0
        while width < prefixes.shape[1] and prefixes[which, width] != 0:
            if start + width >= stop or codes[start + width] != prefixes[which, width]:
                break
            width += 1
        if width == prefixes.shape[1] or prefixes[which, width] == 0:
            return True
    return False


@kernel
def _pack_codes(codes, start, stop, code_table, words, row):  # type: ignore[no-untyped-def]
    """Pack into words[:, row], uint64[k, n]; False, and words left dirty, where it does not fit."""
    if stop - start > CHARACTERS_PER_WORD * words.shape[0]:
        return False
    at = start
    for word in range(words.shape[0]):
        value = uint64(0)
        shift = 54
        while shift >= 0 and at < stop:
            code = codes[at]
            if code >= 128 or code_table[code] == 0:
                return False
            value |= uint64(code_table[code]) << uint64(shift)
            shift -= 6
            at += 1
        words[word, row] = value
    return True


@inlined_kernel
def _pack_plain(start, length, words, row):  # type: ignore[no-untyped-def]
    """Pack a text of nothing but ASCII letters and digits, at an address, into words[:, row].

    Returns its hash and whether it is one character repeated; hash 0, and words left dirty, where
    it is no such text or does not fit.
    """
    if length == 0 or length > CHARACTERS_PER_WORD * words.shape[0]:
        return uint64(0), False
    first, is_repeated, state = uint64(0), True, hash_start()
    word, shift, value = 0, uint64(60), uint64(0)
    for place in range(length):
        byte = uint64(load_uint8(start, place))
        letter = (byte | uint64(0x20)) - uint64(0x61)
        digit = byte - uint64(0x30)
        if digit <= uint64(9):
            code, packed = byte, digit + uint64(_DIGIT_CODE)
        elif letter < uint64(26):
            code, packed = letter + uint64(0x61), letter + uint64(_LETTER_CODE)
        else:
            return uint64(0), False
        first = code if place == 0 else first
        is_repeated &= code == first
        state = hash_step(state, code)
        if shift == 0:
            words[word, row] = value
            word, shift, value = word + 1, uint64(60), uint64(0)
        shift -= uint64(6)
        value |= packed << shift
    words[word, row] = value
    return hash_end(state), is_repeated


@inlined_kernel
def _clear(words, row):  # type: ignore[no-untyped-def]
    for word in range(words.shape[0]):
        words[word, row] = 0


@kernel
def fill_packed_text(  # type: ignore[no-untyped-def]
    offsets, data, valid, tables, style, scratch, out_words, out_status, out_lengths
):
    """Encode a column; out_words uint64[k, n], out_status uint8[n], out_lengths int64[n].

    `tables` = (fold table, code table, kept characters, placeholders, temporary names, their
    prefixes). out_lengths is the number of codes of an overflowing value, else 0.
    """
    fold, code_table, keep, placeholders, temporaries, prefixes = tables
    overflow_bit = uint64(1) << uint64(63)
    text = uint64(data.ctypes.data)
    for row in range(valid.size):
        out_lengths[row] = 0
        _clear(out_words, row)
        out_status[row] = _MISSING
        if not valid[row]:
            continue
        size = int64(offsets[row + 1]) - int64(offsets[row])
        code_hash, is_repeated = _pack_plain(text + uint64(offsets[row]), size, out_words, row)
        is_said = code_hash != 0 and not is_repeated and not contains_hash(placeholders, code_hash)
        if is_said and (style != _IS_NAME or not contains_hash(temporaries, code_hash)):
            out_status[row] = _VALID
            continue
        _clear(out_words, row)
        length = fold_text(data, offsets[row], offsets[row + 1], fold, scratch)
        if length == NUL_FOUND:
            out_status[row] = _NUL_BYTE
            continue
        if length == 0:
            continue
        start, stop = _tidy(scratch, length, style, keep)
        out_status[row] = _PLACEHOLDER
        if start == stop or _is_filler(scratch, start, stop, style):
            continue
        code_hash = hash_codes(scratch, start, stop)
        if contains_hash(placeholders, code_hash):
            continue
        if style == _IS_NAME and (
            contains_hash(temporaries, code_hash) or _is_temporary(scratch, start, stop, prefixes)
        ):
            out_status[row] = _TEMPORARY_NAME
            continue
        out_status[row] = _VALID
        if not _pack_codes(scratch, start, stop, code_table, out_words, row):
            _clear(out_words, row)
            out_words[0, row] = code_hash | overflow_bit
            out_lengths[row] = stop - start


@kernel
def decode_packed(rows, row, slots, out):  # type: ignore[no-untyped-def]
    """Write the 6-bit codes of one text field of a row to `out`; returns their number.

    `slots` int64[k, 3], the words of the field; `out` uint32[>= 10 * k]. Returns 0 for a missing
    value and -1 for one that overflowed.
    """
    length = 0
    for component in range(slots.shape[0]):
        word = rows[row, slots[component, 0]]
        if word >> uint64(63) != 0:
            return -1
        shift = 54
        while shift >= 0:
            code = (word >> uint64(shift)) & uint64(63)
            if code == 0:
                return length
            out[length] = code
            length += 1
            shift -= 6
    return length


@kernel
def find_overflow(hashes, value):  # type: ignore[no-untyped-def]
    """Entry of an overflow table, hashes uint64[n] sorted, or -1."""
    low, high = 0, hashes.size
    while low < high:  # numpy's own search takes ten times as long to compile
        middle = (low + high) // 2
        if hashes[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low if low < hashes.size and hashes[low] == value else -1


@kernel
def fill_overflow_codes(  # type: ignore[no-untyped-def]
    offsets, data, fold, keep, style, rows, scratch, code_offsets, out_codes
):
    """Write the folded text of `rows`, int64[m], to out_codes at code_offsets, int64[m + 1]."""
    for entry in range(rows.size):
        row = rows[entry]
        length = fold_text(data, offsets[row], offsets[row + 1], fold, scratch)
        start, stop = _tidy(scratch, length, style, keep)
        for at in range(start, stop):
            out_codes[code_offsets[entry] + at - start] = scratch[at]


@lru_cache(maxsize=64)
def _kernel_tables(kind: str, keep: str, extra: tuple[str, ...]) -> tuple[Any, ...]:
    style = _STYLES[kind]
    texts = (*_PLACEHOLDERS, *extra)
    if style != _IS_NAME:
        texts += _PLACEHOLDERS_NOT_IN_NAMES
    kept = _kept_characters(keep)
    tidied = (normalise_text(text, kind, keep=keep) for text in texts)
    prefixes = np.zeros((len(_TEMPORARY_PREFIXES), 12), np.uint8)
    for place, prefix in enumerate(_TEMPORARY_PREFIXES):
        prefixes[place, : len(prefix)] = list(prefix.encode())
    return (
        fold_table(),
        packed_code_table(),
        kept,
        hash_set(tuple(text for text in tidied if text)),
        hash_set(_TEMPORARY_NAMES),
        prefixes,
    )


def _kept_characters(keep: str) -> NDArray[np.bool_]:
    kept = np.zeros(128, np.bool_)
    for character in keep.lower():
        if character.isascii():
            kept[ord(character)] = True
    return kept


def normalise_text(text: str, kind: str = "text", *, keep: str = "") -> str:
    """Fold and tidy one value the way the encoder of `kind` does; '' where nothing is left.

    Parameters
    ----------
    text : any text
    kind : 'latin_name', 'identifier', 'text' or 'category'
    keep : punctuation that an identifier keeps

    Returns
    -------
    str; normalising it again changes nothing
    """
    raw = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    scratch = np.zeros(2 * len(raw) + 8, np.uint32)
    length = fold_text(raw, np.int32(0), np.int32(len(raw)), fold_table(), scratch)
    if length == NUL_FOUND:
        return ""
    start, stop = _tidy(scratch, length, _STYLES[kind], _kept_characters(keep))
    return "".join(map(chr, scratch[start:stop]))


def _word_count(kind: str, options: Mapping[str, Any]) -> int:
    characters = int(options.get("characters", DEFAULT_CHARACTERS[kind]))
    return max(1, -(-characters // CHARACTERS_PER_WORD))


def _encode(kind: str, column: Utf8Column, options: Mapping[str, Any]) -> EncodedField:
    count = len(column)
    style = _STYLES[kind]
    tables = _kernel_tables(
        kind, str(options.get("keep", "")), tuple(map(str, options.get("placeholders", ())))
    )
    offsets, data, valid = column_arrays(column)
    words = np.empty((_word_count(kind, options), count), np.uint64)
    status = np.empty(count, np.uint8)
    lengths = np.empty(count, np.int64)
    scratch = np.empty(scratch_size(column), np.uint32)
    fill_packed_text(offsets, data, valid, tables, style, scratch, words, status, lengths)
    overflow = OverflowTable()
    rows = np.flatnonzero(lengths)
    if len(rows):
        hashes, first = np.unique(words[0, rows], return_index=True)
        rows = rows[first]
        code_offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths[rows], out=code_offsets[1:])
        codes = np.empty(code_offsets[-1], np.uint32)
        fill_overflow_codes(
            offsets, data, tables[0], tables[2], style, rows, scratch, code_offsets, codes
        )
        overflow = OverflowTable(hashes, code_offsets, codes)
    components = {f"text{place}": word for place, word in enumerate(words)}
    return EncodedField(components, status, overflow)


def encode_latin_name(column: Utf8Column, options: Mapping[str, Any]) -> EncodedField:
    """Encode given names or surnames in Latin letters.

    Parameters
    ----------
    column : n_records values
    options : `characters` (default 20), `placeholders` (more ways to say nothing)

    Returns
    -------
    EncodedField with `text0`, `text1` ..., uint64[n_records]; inner blanks, hyphens
    and apostrophes are kept; 'na' is a name here; names no one keeps ('baby of ...') are missing
    with status TEMPORARY_NAME

    Notes
    -----
    Initials are names of one character. 11 million names a second on one core, 9 million streets.
    """
    return _encode("latin_name", column, options)


def encode_text(column: Utf8Column, options: Mapping[str, Any]) -> EncodedField:
    """Encode streets, places and other free text; options as `encode_latin_name`, 30 characters."""
    return _encode("text", column, options)


def encode_category(column: Utf8Column, options: Mapping[str, Any]) -> EncodedField:
    """Encode values compared only for equality; options as `encode_latin_name`, 10 characters."""
    return _encode("category", column, options)


def encode_identifier(column: Utf8Column, options: Mapping[str, Any]) -> EncodedField:
    """Encode numbers of documents, accounts, post codes and the like.

    Parameters
    ----------
    column : n_records values
    options : `characters` (default 20), `keep` (punctuation that matters), `placeholders`

    Returns
    -------
    EncodedField; case, blanks and punctuation are dropped, leading zeros stay; a number of
    nothing but zeros, or of six or more nines, is a PLACEHOLDER
    """
    return _encode("identifier", column, options)


def words_to_text(words: Sequence[int], overflow: OverflowTable) -> str:
    """Text of one encoded value, for people to read; '' where missing or not in `overflow`."""
    first = int(words[0])
    if first & int(OVERFLOW_BIT):
        at = int(np.searchsorted(overflow.hashes, np.uint64(first)))
        if at == len(overflow) or int(overflow.hashes[at]) != first:
            return ""
        return "".join(map(chr, overflow.codes[overflow.offsets[at] : overflow.offsets[at + 1]]))
    shifts = range(54, -1, -6)
    codes = (int(word) >> shift & 63 for word in words for shift in shifts)
    return "".join(PACKED_CHARACTERS[code] for code in codes if code)
