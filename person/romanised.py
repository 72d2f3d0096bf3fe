"""Romanised Chinese names: Latin tokens to syllable units, surname first.

Three systems are tried on the whole name, and the one under which the name is likeliest wins:
pinyin, Cantonese as Hong Kong writes it (government spelling and Jyutping), Wade-Giles with its
Taiwan relatives. The likelihood is a product of how common each syllable is as a surname and in
given names; it also decides which end holds the surname, where capitals and commas do not, and
whether the name is Chinese at all: 'John Smith' is likelier as plain letters.

Costs are surprise in quarter bits throughout.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import int64, uint64

from person.han import HanTables, han_tables
from person.jit import kernel

__all__ = ["ROMAN_SCRATCH", "parse_latin_name", "roman_arrays", "romanise", "segment_given"]

# Symbols that `han_names` hands over: letters 1-26 and 28 (ü), capitals 64 higher, separators.
CAPITAL = 64
SYMBOL_MARK = 100
SYMBOL_COMMA = SYMBOL_MARK + 5
SYMBOL_APOSTROPHE = SYMBOL_MARK + 6
SYMBOL_HYPHEN = SYMBOL_MARK + 4

PINYIN, CANTONESE, WADE, WADE_ASPIRATED = 0, 1, 2, 3
SYSTEM_COST = (0, 12, 16)  # how much rarer than pinyin a system is, before looking
GIVEN_FIRST_COST = 8
UNDECIDED_COST = 16  # 4 bits: below that, the order as written stays and the surname is unknown
SIGNAL_COST = 80  # capitals or a comma that say otherwise
LONG_GIVEN_COST = 24  # a third given syllable and each one more
COMPOUND_COST = 44
FOREIGN_LETTER_COST, FOREIGN_COST = 14, 32
IMPOSSIBLE = 1 << 20
GROUPS_MAX, LETTERS_MAX = 8, 24
ROMAN_SCRATCH = 256


def roman_arrays(tables: HanTables) -> tuple[Any, ...]:
    """The arrays that `parse_latin_name` needs, in its order."""
    return (
        tables.roman_keys,
        tables.roman_units,
        tables.roman_surname_cost,
        tables.roman_given_cost,
        tables.readings,
        tables.compound_syllables,
    )


@kernel
def find_key(keys, key):  # type: ignore[no-untyped-def]
    """Position of `key` in sorted uint64 keys, -1 where it is not there."""
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < len(keys) and keys[low] == key else -1


@kernel
def find_spelling(letters, start, end, system, roman_keys):  # type: ignore[no-untyped-def]
    """Row of a spelling in the table of a system, -1 where it has none."""
    key = uint64(0)
    for i in range(start, end):
        letter = 22 if letters[i] == 28 else letters[i]  # ü is written v in the table
        key = key << uint64(5) | uint64(letter)
    return find_key(roman_keys, key | uint64(system) << uint64(40))


@kernel
def segment_given(  # type: ignore[no-untyped-def]
    letters, start, end, surname_first, scratch, out, roman
):
    """Cut a run of letters into pinyin syllables at the least cost.

    `surname_first`, 0 or 1: the first syllable is weighed as a surname. Units go to `out`,
    int64[24]; returns (cost, number of syllables). scratch : int64[3 * 32].
    """
    roman_keys, roman_units, surname_cost, given_cost = roman[0], roman[1], roman[2], roman[3]
    length = end - start
    if length > LETTERS_MAX or length == 0:
        return IMPOSSIBLE, 0
    cost, back, row_of = scratch[0:32], scratch[32:64], scratch[64:96]
    cost[0] = 0
    for i in range(1, length + 1):
        cost[i] = IMPOSSIBLE
        for size in range(1, min(6, i) + 1):
            if cost[i - size] >= IMPOSSIBLE:
                continue
            row = find_spelling(letters, start + i - size, start + i, int64(PINYIN), roman_keys)
            if row < 0:
                continue
            is_surname = surname_first and size == i
            step = int64(surname_cost[row]) if is_surname else int64(given_cost[row])
            if cost[i - size] + step < cost[i]:
                cost[i] = cost[i - size] + step
                back[i], row_of[i] = size, row
    if cost[length] >= IMPOSSIBLE:
        return IMPOSSIBLE, 0
    count, i = 0, length
    while i > 0:
        count += 1
        i -= back[i]
    i = length
    for position in range(count - 1, -1, -1):
        out[position] = roman_units[row_of[i]]
        i -= back[i]
    return cost[length], count


@kernel
def group_given(letters, group, groups, system, scratch, out, roman):  # type: ignore[no-untyped-def]
    """Cost and units of one group of letters as part of a given name."""
    start, end, aspirated = groups[group, 0], groups[group, 1], groups[group, 3] & 2
    if system == PINYIN:
        return segment_given(letters, start, end, int64(0), scratch, out, roman)
    row = -1
    if end - start <= 7:
        table = int64(WADE_ASPIRATED) if aspirated and system == WADE else system
        row = find_spelling(letters, start, end, table, roman[0])
    if row < 0:
        return IMPOSSIBLE, 0
    out[0] = roman[1][row]
    return int64(roman[3][row]), 1


@kernel
def reads_as(readings, unit, syllable):  # type: ignore[no-untyped-def]
    """Whether `syllable` is among the readings of a unit."""
    packed = readings[unit]
    for _ in range(5):
        if int64(packed & uint64(511)) == syllable:
            return True
        packed >>= uint64(9)
    return False


@kernel
def is_compound(first, second, roman):  # type: ignore[no-untyped-def]
    """Whether two syllable units are a compound surname: 'ou yang', 'au yeung'."""
    readings, compounds = roman[4], roman[5]
    for k in range(len(compounds)):
        is_pair = compounds[k, 2] == 0 and reads_as(readings, first, int64(compounds[k, 0]))
        if is_pair and reads_as(readings, second, int64(compounds[k, 1])):
            return True
    return False


@kernel
def group_surname(letters, group, groups, system, out, roman):  # type: ignore[no-untyped-def]
    """Cost and units of one group of letters as a whole surname, single or compound."""
    start, end, aspirated = groups[group, 0], groups[group, 1], groups[group, 3] & 2
    if end - start <= 7:
        table = int64(WADE_ASPIRATED) if aspirated and system == WADE else system
        row = find_spelling(letters, start, end, table, roman[0])
        if row >= 0 and roman[2][row] < 255:
            out[0] = roman[1][row]
            return int64(roman[2][row]), 1
    for middle in range(start + 1, end):
        first = find_spelling(letters, start, middle, system, roman[0]) if end - start < 12 else -1
        second = find_spelling(letters, middle, end, system, roman[0]) if first >= 0 else -1
        if second >= 0 and is_compound(int64(roman[1][first]), int64(roman[1][second]), roman):
            out[0], out[1] = roman[1][first], roman[1][second]
            return COMPOUND_COST, 2
    return IMPOSSIBLE, 0


@kernel
def name_cost(letters, groups, group_count, system, surname_group, scratch, out, roman):  # type: ignore[no-untyped-def]
    """Cost of the whole name with the surname in one group; units to `out`, surname first."""
    part = scratch[96:128]
    if group_count == 1:
        if system == PINYIN:
            return segment_given(letters, groups[0, 0], groups[0, 1], int64(1), scratch, out, roman)
        return group_surname(letters, int64(0), groups, system, out, roman)
    cost, count = group_surname(letters, surname_group, groups, system, out, roman)
    given_count = 0
    for group in range(group_count):
        if group == surname_group or cost >= IMPOSSIBLE:
            continue
        step, part_count = group_given(letters, group, groups, system, scratch, part, roman)
        if step >= IMPOSSIBLE or count + part_count > LETTERS_MAX:
            return IMPOSSIBLE, 0
        for i in range(part_count):
            out[count + i] = part[i]
        cost += step
        count += part_count
        given_count += part_count
    if given_count > 2:
        cost += LONG_GIVEN_COST * (given_count - 2)
    return cost, count


@kernel
def split_groups(symbols, symbol_count, letters, groups):  # type: ignore[no-untyped-def]
    """Cut symbols into groups of letters; returns (groups, letters, comma after the first).

    groups : int64[GROUPS_MAX, 4] = start, end, capitals only, flags (1 linked to the one before
    by a hyphen, 2 aspirated by an apostrophe).
    """
    count, length, comma = 0, 0, False
    is_open, flags, capitals = False, 0, 0
    for i in range(symbol_count):
        symbol = symbols[i]
        if symbol < SYMBOL_MARK:
            is_capital = symbol >= CAPITAL
            letter = symbol - CAPITAL if is_capital else symbol
            breaks = is_open and is_capital and i > 0 and symbols[i - 1] < CAPITAL
            if not is_open or breaks:
                if count == GROUPS_MAX:
                    return 0, length, comma
                count += 1
                groups[count - 1, 0] = length
                groups[count - 1, 3] = flags
                is_open, flags, capitals = True, 0, 0
            letters[length] = letter
            length += 1
            capitals += is_capital
            groups[count - 1, 1] = length
            size = length - groups[count - 1, 0]
            groups[count - 1, 2] = 1 if capitals == size and size > 1 else 0
        elif (
            symbol == SYMBOL_APOSTROPHE
            and is_open
            and (
                letters[length - 1] in (11, 16, 20, 19, 26)
                or (letters[length - 1] == 8 and length > 1 and letters[length - 2] == 3)
            )
        ):
            groups[count - 1, 3] |= 2  # k' p' t' ts' tz' ch': Wade-Giles
        else:
            is_open = False
            if symbol in (SYMBOL_HYPHEN, SYMBOL_APOSTROPHE):
                flags = 1
            elif symbol == SYMBOL_COMMA and count == 1:
                comma = True
    return count, length, comma


@kernel
def order_signal(groups, group_count, comma):  # type: ignore[no-untyped-def]
    """1: surname surely first, 2: surely last, 0: no telling from capitals and commas."""
    if comma:
        return 1
    capitals = 0
    for group in range(group_count):
        capitals += groups[group, 2]
    if capitals == 1 and group_count > 1:
        if groups[0, 2]:
            return 1
        if groups[group_count - 1, 2]:
            return 2
    return 0


@kernel
def parse_latin_name(symbols, symbol_count, letters, groups, scratch, units, roman):  # type: ignore[no-untyped-def]
    """Read a name in Latin letters; returns (units, surname length, is romanised Chinese).

    symbols : uint32[symbol_count]; letters : uint32[symbol_count] scratch;
    groups : int64[GROUPS_MAX, 4] scratch; scratch : int64[ROMAN_SCRATCH];
    units : uint32 output. A name that is not Chinese gives its letters, capitals folded.
    """
    group_count, length, comma = split_groups(symbols, symbol_count, letters, groups)
    best, best_count, surname = FOREIGN_LETTER_COST * length + FOREIGN_COST, 0, 0
    as_written, given_first, chosen = scratch[128:160], scratch[160:192], scratch[192:224]
    signal = order_signal(groups, group_count, comma)
    last_group = group_count - 1
    for system in range(3):
        if group_count == 0:
            break
        cost, count = name_cost(
            letters, groups, group_count, system, int64(0), scratch, as_written, roman
        )
        if signal == 2 or (group_count > 2 and groups[1, 3] & 1):
            cost += SIGNAL_COST
        candidate, candidate_surname = as_written, 1
        if group_count > 1:
            last_cost, last_count = name_cost(
                letters, groups, group_count, system, last_group, scratch, given_first, roman
            )
            last_cost += GIVEN_FIRST_COST
            if signal == 1 or (group_count > 2 and groups[last_group, 3] & 1):
                last_cost += SIGNAL_COST
            if last_cost < cost:
                if cost - last_cost < UNDECIDED_COST:
                    candidate_surname = 0
                else:
                    candidate, count = given_first, last_count
                cost = last_cost
        cost += SYSTEM_COST[system]
        if cost < best:
            best, best_count, surname = cost, count, candidate_surname
            for i in range(count):
                chosen[i] = candidate[i]
    if best_count == 0:
        for i in range(length):
            units[i] = letters[i]
        return length, 0, False
    for i in range(best_count):
        units[i] = chosen[i]
    if best_count == 1:
        surname = 0
    if surname and best_count > 2 and is_compound(int64(units[0]), int64(units[1]), roman):
        surname = 2
    return best_count, surname, True


def romanise(text: str) -> tuple[list[int], int, bool]:
    """One Latin name through the compiled path; for tests and explanations.

    Parameters
    ----------
    text : a name in Latin letters, as written

    Returns
    -------
    its units, the length of its surname in units (0 unknown), whether it reads as Chinese
    """
    from person.han_symbols import latin_symbols

    symbols = latin_symbols(text)
    units = np.zeros(len(symbols) + 32, np.uint32)
    count, surname, is_chinese = parse_latin_name(
        symbols,
        len(symbols),
        np.zeros(len(symbols) + 1, np.uint32),
        np.zeros((GROUPS_MAX, 4), np.int64),
        np.zeros(ROMAN_SCRATCH, np.int64),
        units,
        roman_arrays(han_tables()),
    )
    return units[:count].tolist(), int(surname), bool(is_chinese)
