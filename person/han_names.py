"""Encoding names: text to a 64-bit word of four units, or to the overflow table.

The word holds the first four units in 15-bit lanes, first unit highest; bits 60-61 the length of
the surname in units (0 unknown); bit 62 says the name was written in Latin letters and read as
Chinese. A name of more units, or with a character that has no unit, is OVERFLOW_BIT | hash, and
its units lie in the overflow table.

On the way characters fold (traditional, simplified, variant, full width, compatibility), spaces
and the middle dots of every code point go, brackets with what they hold go (a description of a
character in brackets, 徐(莹加王旁), becomes a wildcard), and junk goes. Digits among characters
stay, for 张伟1 and 张伟2 are two people; they say nothing in what stands for no name (患者001), in
brackets, after letters (tones) and in names written in Latin letters.

Rate: 60 million names of two to four plain characters a second and core, 2 to 3 million Han names
that need a closer look (a middle dot, more characters, one that placeholders have), 0.28 million
romanised ones, which are parsed in three systems and two orders; thread time on a shared machine.
A Han name reads 6 to 12 bytes of text and as many table entries of 2 bytes, and writes 8 + 1 bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from person.field import EncodedField, FieldStatus, OverflowTable
from person.han import (
    CHARACTER_BASE,
    DIGIT_BASE,
    DOT,
    MARK,
    SYLLABLE_BASE,
    WILDCARD_UNIT,
    HanTables,
    han_tables,
    unit_text,
)
from person.han_symbols import read_symbols
from person.jit import inlined_kernel, kernel
from person.name_status import (
    empty_status,
    ends_with_title,
    has_digits,
    is_digit,
    is_temporary_name,
)
from person.plain_names import plain_flags, plain_name
from person.romanised import (
    CAPITAL,
    GROUPS_MAX,
    IMPOSSIBLE,
    ROMAN_SCRATCH,
    SYMBOL_MARK,
    find_key,
    parse_latin_name,
    roman_arrays,
    segment_given,
)
from person.text import Utf8Column

__all__ = [
    "LANES_MASK",
    "ROMANISED_BIT",
    "encode_han_name",
    "hash_name_word",
    "pack_units",
    "unpack_units",
    "word_text",
]

LANES_MASK: Final = np.uint64((1 << 60) - 1)
ROMANISED_BIT: Final = np.uint64(1 << 62)
OVERFLOW: Final = uint64(1 << 63)
VALID, MISSING, PLACEHOLDER = FieldStatus.VALID, FieldStatus.MISSING, FieldStatus.PLACEHOLDER
_VALID, _MISSING, _PLACEHOLDER = int(VALID), int(MISSING), int(PLACEHOLDER)
_NUL_BYTE: Final = int(FieldStatus.NUL_BYTE)
_TEMPORARY = int(FieldStatus.TEMPORARY_NAME)

_PLACEHOLDERS: Final = """
不详 不祥 不明 不知 不知道 不清 不清楚 未知 未填 未填写 未提供 未登记 未命名 未详 未录入 无 没有
空 空白 空值 暂无 暂缺 待查 待补 待定 待核实 待完善 保密 测试 测试用户 测试患者 测试数据
测试病人 姓名 名字 本人 患者 病人 同上 无姓名 无名字 缺失 默认 默认用户 外籍 不愿透露 无法提供
无法获取 null none nil na nan unknown unk undefined missing test tester testing noname nobody
notprovided notavailable notapplicable empty blank xx xxx xxxx tbd default name patient dummy
"""
_TEMPORARY_NAMES: Final = """
无名氏 无名 无名男 无名女 无名男子 无名女子 无名尸 佚名 匿名 某某 某某某
新生儿 婴儿 女婴 男婴 弃婴 新生女婴
新生男婴 宝宝 男宝 女宝 小宝宝 新生宝宝 johndoe janedoe anonymous bb
"""
_TITLES: Final = "先生女士小姐"
_TEMPORARY_PREFIXES: Final = ("baby", "newborn", "infant")


# ---------------------------------------------------------------- words


@kernel
def hash_units(units, count):  # type: ignore[no-untyped-def]
    """63-bit hash of a sequence of units, OVERFLOW_BIT set."""
    state = uint64(0x9E3779B97F4A7C15)
    for i in range(count):
        state = (state ^ uint64(units[i])) * uint64(0xFF51AFD7ED558CCD)
        state ^= state >> uint64(29)
    state = (state ^ uint64(count)) * uint64(0xC4CEB9FE1A85EC53)
    return (state ^ (state >> uint64(32))) | OVERFLOW


@inlined_kernel
def compound_length(units, count, flags, compounds):  # type: ignore[no-untyped-def]
    """Units of the compound surname a name opens with, 0 where it opens with none.

    A whole name of two characters is a single surname and a given name, 夏侯 as much as 夏明.
    """
    if count < 3 or units[0] >= len(flags) or not flags[units[0]] & 2:
        return 0
    best = 0
    for k in range(len(compounds)):
        if compounds[k, 0] == units[0] and compounds[k, 1] == units[1]:
            if compounds[k, 2] == 0:
                best = max(best, 2)
            elif count > 3 and compounds[k, 2] == units[2]:
                best = 3
    return best


@inlined_kernel
def surname_length(units, count, is_dotted, flags, compounds):  # type: ignore[no-untyped-def]
    """Units of the surname of a name in characters, 0 where it is unknown."""
    if is_dotted or units[0] < CHARACTER_BASE or units[0] >= len(flags):
        return 0
    compound = compound_length(units, count, flags, compounds)
    if compound:
        return compound
    if count == 2 or count == 3:
        return 1
    return int64(flags[units[0]] & 1)


@inlined_kernel
def pack_word(units, count, surname, is_romanised):  # type: ignore[no-untyped-def]
    """The word of a name, or OVERFLOW_BIT | hash where it does not fit."""
    fits = count <= 4
    for i in range(count):
        fits = fits and units[i] < 32768
    if not fits:
        return hash_units(units, count)
    word = uint64(surname) << uint64(60) | (uint64(1) << uint64(62) if is_romanised else uint64(0))
    for i in range(count):
        word |= uint64(units[i]) << uint64(45 - 15 * i)
    return word


@inlined_kernel
def is_listed(hashes, value):  # type: ignore[no-untyped-def]
    return find_key(hashes, value) >= 0


# ---------------------------------------------------------------- names in characters


@kernel
def emit_latin_run(symbols, start, end, letters, units, count, scratch, roman):  # type: ignore[no-untyped-def]
    """Latin letters inside a Han name: pinyin for a rare character, a mask of x's, or letters."""
    length, masks = int64(0), 0
    for i in range(start, end):
        if symbols[i] < SYMBOL_MARK:
            letter = symbols[i] - CAPITAL if symbols[i] >= CAPITAL else symbols[i]
            letters[length] = letter
            length += 1
            masks += letter == 24
    if masks == length:
        for _ in range(length):
            units[count] = WILDCARD_UNIT
            count += 1
        return count
    out = scratch[128:160]
    cost, syllables = IMPOSSIBLE, 0
    if length > 1:
        cost, syllables = segment_given(letters, int64(0), length, int64(0), scratch, out, roman)
    if cost < IMPOSSIBLE:
        for i in range(syllables):
            units[count] = out[i]
            count += 1
        return count
    for i in range(length):
        units[count] = letters[i]
        count += 1
    return count


@inlined_kernel
def emit_han_units(  # type: ignore[no-untyped-def]
    symbols, symbol_count, keep_digits, han_count, masks, letters, units, scratch, roman
):
    """Units of a name with characters in it; returns (units, has a middle dot inside).

    masks : uint16[2], 口 and 囗, which stand for a character that could not be typed unless the
        name opens with them or is long (山口百惠)
    """
    count, is_dotted, i = int64(0), int64(0), int64(0)
    while i < symbol_count:
        symbol = symbols[i]
        if symbol == WILDCARD_UNIT:
            units[count] = symbol
            count += 1
        elif symbol < SYMBOL_MARK:
            end = i
            while end < symbol_count and symbols[end] < CHARACTER_BASE:
                if symbols[end] == WILDCARD_UNIT:
                    break
                end += 1
            count = emit_latin_run(symbols, i, end, letters, units, count, scratch, roman)
            i = end
            continue
        elif keep_digits and is_digit(symbol):
            units[count] = symbol
            count += 1
        elif symbol < CHARACTER_BASE:
            is_dotted |= int64(symbol == SYMBOL_MARK + DOT and 0 < i < symbol_count - 1)
        else:
            is_mask = count > 0 and han_count <= 3 and (symbol == masks[0] or symbol == masks[1])
            units[count] = WILDCARD_UNIT if is_mask else symbol
            count += 1
        i += 1
    return count, is_dotted


# ---------------------------------------------------------------- a batch


@kernel
def encode_slow(data, start, end, symbols, units, letters, groups, scratch, facts, tables):  # type: ignore[no-untyped-def]
    """Encode one value by the full rules; returns (units, word, status)."""
    code_units, flags, compounds, words, placeholders, temporaries, roman = tables
    described, temporary_words = words[10:13], words[:8]
    symbol_count = 0
    for keep_brackets in range(2):  # a value that is all in brackets is read without them
        symbol_count = read_symbols(
            data, start, end, keep_brackets, code_units, described, symbols, facts
        )
        if facts[0] + facts[1] + facts[2] + facts[5]:
            break
    status = _NUL_BYTE if facts[3] else _VALID
    total = facts[0] + facts[1] + facts[5]
    if total == 0:
        return 0, uint64(0), empty_status(symbols, symbol_count, facts)
    surname, is_romanised = int64(0), False
    if facts[0] + facts[5] == 0 and facts[2] == 0:
        count = fold_letters(symbols, symbol_count, units)
        value = hash_units(units, count)
        if is_listed(placeholders, value):
            return 0, uint64(0), _PLACEHOLDER
        if is_listed(temporaries, value) or has_prefix(units, count, temporaries):
            status = _TEMPORARY
        count, surname, is_romanised = parse_latin_name(
            symbols, symbol_count, letters, groups, scratch, units, roman
        )
    else:
        count, is_dotted = emit_han_units(
            symbols, symbol_count, False, facts[0], words[8:10], letters, units, scratch, roman
        )
        value = hash_units(units, count)
        if is_listed(placeholders, value):
            return 0, uint64(0), _PLACEHOLDER
        if is_listed(temporaries, value) or is_temporary_name(units, count, temporary_words):
            status = _TEMPORARY
        if count > 2 and ends_with_title(units, count, words[13:19]):
            count -= 2
            status = _TEMPORARY if count == 1 else status
        elif has_digits(symbols, symbol_count):
            count, is_dotted = emit_han_units(
                symbols, symbol_count, True, facts[0], words[8:10], letters, units, scratch, roman
            )
        surname = surname_length(units, count, is_dotted, flags, compounds)
    if status == _TEMPORARY:  # the mother's name, or nobody's: no evidence of whose record it is
        return 0, uint64(0), _TEMPORARY
    return count, pack_word(units, count, surname, is_romanised), status


@kernel
def fold_letters(symbols, symbol_count, units):  # type: ignore[no-untyped-def]
    """The letters among the symbols, capitals folded."""
    count = 0
    for i in range(symbol_count):
        if symbols[i] < SYMBOL_MARK:
            units[count] = symbols[i] - CAPITAL if symbols[i] >= CAPITAL else symbols[i]
            count += 1
    return count


@kernel
def has_prefix(units, count, temporaries):  # type: ignore[no-untyped-def]
    """Whether a longer Latin value opens with 'baby', 'newborn' or 'infant'."""
    for length in (4, 6, 7):
        if count > length and is_listed(temporaries, hash_units(units, length)):
            return True
    return False


@kernel
def encode_fast(data, start, end, units, tables):  # type: ignore[no-untyped-def]
    """Word of a name of one to four plain characters of three bytes, 0 where it is not so."""
    code_units, flags, compounds = tables[0], tables[1], tables[2]
    count = (end - start) // 3
    if count * 3 != end - start or count > 4:
        return uint64(0)
    word = uint64(0)
    for i in range(count):
        position = start + 3 * i
        first = int64(data[position])
        if first < 0xE3 or first > 0xEF:
            return uint64(0)
        code_point = (
            (first & 0x0F) << 12
            | (int64(data[position + 1]) & 0x3F) << 6
            | int64(data[position + 2]) & 0x3F
        )
        unit = code_units[code_point]
        if unit < CHARACTER_BASE or unit >= MARK:
            return uint64(0)
        units[i] = unit
        word |= uint64(unit) << uint64(45 - 15 * i)
    return word | uint64(surname_length(units, count, int64(0), flags, compounds)) << uint64(60)


@kernel
def fill_name_words(offsets, data, valid, tables, words, status, starts, codes):  # type: ignore[no-untyped-def]
    """Word and status of each record; units of those that overflow go to `codes`.

    starts : int64[n_records + 1] output, where each record's units start in `codes`
    codes : uint32, as long as the text in bytes, which no name's units exceed
    """
    longest = 8
    for row in range(len(valid)):
        longest = max(longest, int64(offsets[row + 1]) - int64(offsets[row]) + 8)
    symbols, units = np.empty(longest, np.uint32), np.empty(longest, np.uint32)
    letters, facts = np.empty(longest, np.uint32), np.zeros(6, np.int64)
    groups, scratch = np.zeros((GROUPS_MAX, 4), np.int64), np.zeros(ROMAN_SCRATCH, np.int64)
    text, used = uint64(data.ctypes.data), 0
    code_units, flags = uint64(tables[0].ctypes.data), uint64(tables[1].ctypes.data)
    for row in range(len(valid)):
        start, end = int64(offsets[row]), int64(offsets[row + 1])
        starts[row] = used
        if not valid[row] or start == end:
            words[row], status[row] = 0, _MISSING
            continue
        word = plain_name(text + uint64(start), end - start, code_units, flags)
        if not word:
            word = encode_fast(data, start, end, units, tables)
        if word:
            words[row], status[row] = word, _VALID
            continue
        count, word, status[row] = encode_slow(
            data, start, end, symbols, units, letters, groups, scratch, facts, tables
        )
        words[row] = word
        if word & OVERFLOW:
            for i in range(count):
                codes[used + i] = units[i]
            used += count
    starts[len(valid)] = used


@kernel
def hash_name_word(word, bits):  # type: ignore[no-untyped-def]
    """Hash of a name word for a narrow slot, never 0 for a name (scalar kernel).

    Only the characters count: not how long the surname is, nor how the name was written.
    """
    if word == uint64(0):
        return uint64(0)
    state = word if word & OVERFLOW else word & uint64((1 << 60) - 1)
    state = (state ^ (state >> uint64(33))) * uint64(0xFF51AFD7ED558CCD)
    state = (state ^ (state >> uint64(33))) * uint64(0xC4CEB9FE1A85EC53)
    return max(uint64(1), (state ^ (state >> uint64(33))) >> uint64(64 - bits))


@kernel
def fill_name_hashes(words, bits, out):  # type: ignore[no-untyped-def]
    for row in range(len(words)):
        out[row] = hash_name_word(words[row], bits)


# ---------------------------------------------------------------- the public face


def _folded_units(text: str, tables: HanTables) -> NDArray[np.uint32]:
    mask = (1 << 15) - 1
    return np.array([int(tables.code_units[ord(c)]) & mask for c in text], np.uint32)


def _hashes(names: Sequence[str], tables: HanTables) -> NDArray[np.uint64]:
    units = [_folded_units(name, tables) for name in names]
    return np.unique(np.array([hash_units(u, len(u)) for u in units], np.uint64))


@lru_cache(maxsize=1)
def _encoder_arrays() -> tuple[Any, ...]:
    """What the encoding kernels need: see `encode_slow`."""
    tables = han_tables()
    words = _folded_units("某之婴儿子女孩宝口囗加旁换" + _TITLES, tables).astype(np.uint16)
    temporaries = [*_TEMPORARY_NAMES.split(), *_TEMPORARY_PREFIXES]
    return (
        tables.code_units,
        plain_flags(tables),
        tables.compound_units,
        words,
        _hashes(_PLACEHOLDERS.split(), tables),
        _hashes(temporaries, tables),
        roman_arrays(tables),
    )


def encode_han_name(column: Utf8Column, options: Mapping[str, Any]) -> EncodedField:
    """Encode a column of names.

    Parameters
    ----------
    column : n_records names, in characters or Latin letters
    options : `hashed`: bits of a hash that replaces the units (1 to 63), for a former name of
        which only equality matters

    Returns
    -------
    EncodedField with component `units` (64 bits) or `hash`; status VALID, MISSING, PLACEHOLDER,
    NUL_BYTE (encoded all the same), BAD_CHARACTER (no letter in it), TEMPORARY_NAME (encoded as 0)
    """
    count = len(column)
    words, status = np.zeros(count, np.uint64), np.zeros(count, np.uint8)
    starts = np.zeros(count + 1, np.int64)
    text_size = int(column.offsets[count]) - int(column.offsets[0])
    codes = np.empty(text_size + 8, np.uint32)  # pages that no long name touches cost nothing
    tables = _encoder_arrays()
    fill_name_words(column.offsets, column.data, column.valid, tables, words, status, starts, codes)
    if "hashed" in options:
        hashes = np.zeros(count, np.uint64)
        fill_name_hashes(words, int(options["hashed"]), hashes)
        return EncodedField({"hash": hashes}, status)
    rows = np.flatnonzero(starts[1:] > starts[:-1])
    if not len(rows):
        return EncodedField({"units": words}, status)
    ends = np.append(starts[rows], starts[count])
    overflow = OverflowTable.from_entries(words[rows], ends, codes[: starts[count]])
    return EncodedField({"units": words}, status, overflow)


def pack_units(units: Sequence[int], *, surname: int = 0, is_romanised: bool = False) -> int:
    """The word of a sequence of units, as the encoder packs it; for tests and tools."""
    array = np.array([*units, 0], np.uint32)
    return int(pack_word(array, len(units), surname, is_romanised))


def unpack_units(word: int, overflow: OverflowTable | None = None) -> list[int]:
    """Units of a name word; those of an overflowing name come from `overflow`."""
    if word >> 63:
        if overflow is None:
            return []
        at = int(np.searchsorted(overflow.hashes, np.uint64(word)))
        if at == len(overflow) or int(overflow.hashes[at]) != word:
            return []
        return overflow.codes[overflow.offsets[at] : overflow.offsets[at + 1]].tolist()
    lanes = [word >> shift & 0x7FFF for shift in (45, 30, 15, 0)]
    return [lane for lane in lanes if lane]


def word_text(word: int, overflow: OverflowTable | None = None) -> str:
    """A name word as a person reads it: characters folded, syllables spaced, '?' for wildcards."""
    units = unpack_units(word, overflow)
    is_syllabic = any(SYLLABLE_BASE <= unit < DIGIT_BASE for unit in units)
    return (" " if is_syllabic else "").join(unit_text(unit) for unit in units)
