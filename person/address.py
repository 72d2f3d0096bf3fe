"""Postal addresses as a small sketch: which words they hold, and which numbers.

    grams    48 bits: six 8-bit minima of hashes over the words (Latin) or character pairs (Han)
    numbers  16 bits: hash of the house, building and door numbers in the order written

Two addresses agree in about as many of the six minima as their words overlap (a Jaccard
estimate). Words that every address has (street, road, 路, 号, the suffixes of province, city and
county) are left out, so '北京市朝阳区' and '北京朝阳' have the same sketch.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from person.field import EncodedField, FieldStatus
from person.fold import (
    NUL_FOUND,
    column_arrays,
    contains_hash,
    fold_table,
    fold_text,
    hash_codes,
    hash_set,
    scratch_size,
    word_list,
)
from person.hashing import mix64
from person.jit import inlined_kernel, kernel
from person.lane_hashes import LANES, ROUNDS, hash_pairs, least_hashes
from person.plain_addresses import (
    DIGIT_SHIFT,
    IS_COMMON,
    IS_COUNTED,
    plain_marks,
    read_plain_address,
    reduced_number,
)
from person.text import Utf8Column

__all__ = ["GRAM_COUNT", "add_token", "address_tables", "encode_address", "sketch_address"]

GRAM_COUNT: Final = ROUNDS

_VALID, _MISSING = int(FieldStatus.VALID), int(FieldStatus.MISSING)
_PLACEHOLDER, _NUL_BYTE = int(FieldStatus.PLACEHOLDER), int(FieldStatus.NUL_BYTE)

_COMMON_WORDS: Final = word_list(
    """
    street st str road rd avenue ave av lane ln drive dr drv court ct place pl close cl
    crescent cres cr circuit cct cir circle way terrace tce ter parade pde highway hwy
    boulevard blvd bvd square sq grove gr gardens gdns esplanade esp loop track trail
    apt apartment unit flat suite ste floor fl level room rm building bldg block house
    no number nr lot po box gpo rmb the of and at near off unknown na none null nil nfa
    不详 未知 不明 无 暂无 未填
    """
)
_COMMON_HAN: Final = "省市区县镇乡村街道路号室栋幢楼座层弄巷组单元门旗盟州第的"
_COUNTED_HAN: Final = "号室栋幢楼座层弄巷组单门户排队区"
"""A Chinese numeral before one of these is a number; elsewhere it is part of a name (五一路)."""

_HAN_CODES: Final = 1 << 16
_FILLER_MAX: Final = max(len(word) for word in _COMMON_WORDS if not word.isascii())


@lru_cache(maxsize=1)
def address_tables() -> tuple[Any, ...]:
    """What `sketch_address` takes as `tables`; the first is the table of folding."""
    return fold_table(), hash_set(_COMMON_WORDS), _han_facts(), plain_marks()


def _han_facts() -> NDArray[np.int16]:
    """What each code point of the basic plane says in an address: int16[65536].

    Bits: left out of the sketch; a numeral before it is a number; its own value as a numeral,
    plus one. One look-up a character, of which few cache lines are in use.
    """
    numerals = {"〇": 0, "零": 0, "十": 10, "百": 100, "两": 2}
    numerals |= {digit: value for value, digit in enumerate("一二三四五六七八九", 1)}
    facts = np.zeros(_HAN_CODES, np.int16)
    for character in _COMMON_HAN:
        facts[ord(character)] |= IS_COMMON
    for character in _COUNTED_HAN:
        facts[ord(character)] |= IS_COUNTED
    for character, value in numerals.items():
        facts[ord(character)] |= (value + 1) << DIGIT_SHIFT
    return facts


@inlined_kernel
def _facts_of(han_facts, code):  # type: ignore[no-untyped-def]
    return int64(han_facts[code]) if code < _HAN_CODES else int64(0)


@kernel
def _read_numerals(codes, at, length, han_facts):  # type: ignore[no-untyped-def]
    """Value of a Chinese number below ten thousand at `at`, and where it ends."""
    total, pending, shown = 0, 0, False
    while at < length:
        value = (_facts_of(han_facts, codes[at]) >> DIGIT_SHIFT) - 1
        if value < 0:
            break
        if value >= 10:
            total += (pending if shown else 1) * value
            pending, shown = 0, False
        else:
            pending = pending * 10 + value
            shown = True
        at += 1
    return total + pending, at


@kernel
def add_token(minima, token):  # type: ignore[no-untyped-def]
    """Lower each running minimum, uint64[GRAM_COUNT], by one word's hash."""
    for which in range(minima.size):
        token = mix64(token + uint64(0x9E3779B97F4A7C15))
        if token < minima[which]:
            minima[which] = token


@inlined_kernel
def _lower_minima(tokens, count, minima):  # type: ignore[no-untyped-def]
    """What `add_token` does with each of the first tokens, of which there are some.

    `tokens` has room for LANES more: the last group is filled up with one that is there.
    """
    groups = (count + LANES - 1) // LANES
    for at in range(count, groups * LANES):
        tokens[at] = tokens[0]
    least_hashes(uint64(tokens.ctypes.data), uint64(groups), uint64(minima.ctypes.data))


@inlined_kernel
def _pack_grams(minima):  # type: ignore[no-untyped-def]
    grams = uint64(0)
    for which in range(GRAM_COUNT):
        grams = grams << uint64(8) | (uint64(1) + minima[which] % uint64(255))
    return grams


@kernel
def _read_tokens(codes, length, tables, run, tokens):  # type: ignore[no-untyped-def]
    """Read one folded address: fills `tokens`, returns (their count, number hash, numbers).

    `tokens` uint64 scratch; `run` uint32 scratch collects Han characters across dropped suffixes
    and numbers, because '建国路88号' and '建国88号' should give the same pairs, and ends with a 0.
    """
    common_words, han_facts = tables[1], tables[2]
    words, numbers, number_hash, run_length, at = 0, 0, uint64(0), 0, 0
    while at < length:
        code = codes[at]
        facts = _facts_of(han_facts, code) if code >= 0x2E80 else int64(0)
        if code >= 0x2E80 and facts >> DIGIT_SHIFT == 0:
            run[run_length] = code  # and is written over where it is left out
            run_length += 1 - (facts & IS_COMMON)
            at += 1
            continue
        number, end = -1, at
        if 48 <= code <= 57:
            number = 0
            while end < length and 48 <= codes[end] <= 57:
                number = reduced_number(number * 10 + int64(codes[end]) - 48)
                end += 1
        elif code >= 0x2E80:
            value, end = _read_numerals(codes, at, length, han_facts)
            if end < length and _facts_of(han_facts, codes[end]) & IS_COUNTED:
                number = value
        if number >= 0:
            number_hash = mix64(number_hash ^ uint64(number + 1))
            numbers += 1
            at = end
        elif code < 0x2E80 and (97 <= code <= 122 or code >= 0x80):
            end = at
            while end < length and (
                97 <= codes[end] <= 122 or codes[end] == 39 or 0x80 <= codes[end] < 0x2E80
            ):
                end += 1
            token = hash_codes(codes, at, end)
            if not contains_hash(common_words, token):
                tokens[words] = token
                words += 1
            at = end
        else:
            if code >= 0x2E80 and not facts & IS_COMMON:  # a numeral that is part of a name
                run[run_length] = code
                run_length += 1
            at += 1
    run[run_length] = 0
    if run_length > 0 and not contains_hash(common_words, hash_codes(run, 0, run_length)):
        if run_length == 1:
            tokens[words] = hash_codes(run, 0, 1)
            words += 1
        for first in range(run_length - 1):
            tokens[words + first] = hash_codes(run, first, first + 2)
        words += run_length - 1 if run_length > 1 else 0
    return words, number_hash, numbers


@kernel
def sketch_address(codes, length, tables, run, minima):  # type: ignore[no-untyped-def]
    """Sketch one folded address: minima uint64[GRAM_COUNT]; `run` uint32 scratch.

    Returns (tokens found, number hash, numbers); without tokens `minima` stay as they are. `run`
    then holds the characters that its pairs are made of, and a 0 behind them.
    """
    tokens = np.empty(run.size + LANES, np.uint64)
    words, number_hash, numbers = _read_tokens(codes, length, tables, run, tokens)
    if words > 0:
        _lower_minima(tokens, words, minima)
    return words, number_hash, numbers


@kernel
def fill_addresses(  # type: ignore[no-untyped-def]
    offsets, data, valid, tables, scratch, run, out_grams, out_numbers, out_status
):
    """Encode a column of addresses; out_grams, out_numbers uint64[n], out_status uint8[n]."""
    minima = np.empty(GRAM_COUNT, np.uint64)
    tokens = np.empty(scratch.size + LANES, np.uint64)
    facts, marks = uint64(tables[2].ctypes.data), uint64(tables[3].ctypes.data)
    text, run_place = uint64(data.ctypes.data), uint64(run.ctypes.data)
    for row in range(valid.size):
        out_grams[row] = 0
        out_numbers[row] = 0
        out_status[row] = _MISSING
        if not valid[row]:
            continue
        start, stop = text + uint64(offsets[row]), text + uint64(offsets[row + 1])
        characters, number_hash, numbers = read_plain_address(start, stop, marks, facts, run_place)
        words = max(characters - 1, 0)
        # A word of one or two characters may be filler, and what holds nothing may not be text.
        if characters <= _FILLER_MAX and (characters != 0 or numbers == 0):
            length = fold_text(data, offsets[row], offsets[row + 1], tables[0], scratch)
            if length == 0:
                continue
            if length == NUL_FOUND:
                out_status[row] = _NUL_BYTE
                continue
            words, number_hash, numbers = _read_tokens(scratch, length, tables, run, tokens)
        elif words > 0:
            groups = uint64((words + LANES - 1) // LANES)
            hash_pairs(run_place, groups, uint64(tokens.ctypes.data))
        if words > 0:
            _lower_minima(tokens, words, minima)
            out_grams[row] = _pack_grams(minima)
        if numbers > 0:
            out_numbers[row] = uint64(1) + number_hash % uint64(0xFFFF)
        out_status[row] = _VALID if words + numbers > 0 else _PLACEHOLDER


def encode_address(
    column: Utf8Column,
    options: Mapping[str, Any],  # noqa: ARG001 every kind's encoder has one face
) -> EncodedField:
    """Encode addresses, or any parts of one, as the sketch of this module.

    Parameters
    ----------
    column : n_records values, Latin or Han, the parts in any order
    options : none so far

    Returns
    -------
    EncodedField with `grams` (48 bits; the first minimum highest; 0 = no word) and `numbers`
    (16 bits; 0 = no number), uint64[n_records]; PLACEHOLDER where nothing but filler was written

    Notes
    -----
    Words are compared as wholes: a misspelt word costs its share of the sketch. Street types
    are dropped, not told apart, so 'Main Street' equals 'Main Road'. 8 million Chinese values a
    second on one core.
    """
    count = len(column)
    offsets, data, valid = column_arrays(column)
    grams, numbers = np.empty(count, np.uint64), np.empty(count, np.uint64)
    status = np.empty(count, np.uint8)
    scratch = np.empty(scratch_size(column), np.uint32)
    fill_addresses(
        *(offsets, data, valid, address_tables(), scratch, np.empty_like(scratch)),
        *(grams, numbers, status),
    )
    return EncodedField({"grams": grams, "numbers": numbers}, status)
