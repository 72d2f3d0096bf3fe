"""Kernels: names. Surnames run in the father's line; given names follow cohort and sex."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint32, uint64

from data_gen.counter import (
    alias_draw,
    bits_below,
    draw_bits,
    high_half,
    is_below,
    key_of,
    low_half,
)
from data_gen.people import COMMUNITY_PEOPLE
from person.jit import inlined_kernel, kernel, prefetch

__all__ = ["fill_names"]

_SURNAME, _CLAN, _GIVEN, _SHARED, _RENAME, _PARTS, _RESPELL = range(31, 38)
_FOREIGN: Final = 4
_UYGHUR, _KAZAKH, _TIBETAN, _MONGOL = range(4, 8)
_DOT: Final = 0xB7
_REFERENCE: Final = 18_567
_AHEAD: Final = 6
"""Rows between asking for an entry of a table and using it."""


def _limit(rate: float) -> np.uint64:
    return np.uint64(rate * 2**32)


_CLAN_VILLAGE: Final = _limit(0.40)
_CLAN_TOWN: Final = _limit(0.05)
"""Share of households whose surname is one of the three of their village (assumed). The three are
drawn like any other, so the nation's surnames are as if there were none."""
_MOTHERS_NAME: Final = (_limit(1 / 40), _limit(1 / 13))
"""Children with the mother's surname, born before and from 2000: newborns of 2020 one in 13."""
_DOUBLE_SURNAME: Final = (_limit(0.004), _limit(0.0225))
"""Born 2000-09 and since 2010, if the mother is known: her surname stands before a given name of
two characters; four characters are 1.6 % of newborns' names in 2020."""
_SHARED_RATES: Final = np.array(
    [int(r * 2**32) for r in (0.60, 0.50, 0.40, 0.30, 0.25, 0.20, 0.15)], np.uint64
)
"""Brothers and sisters with one generation character, by cohort (assumed)."""
_RARE: Final = _limit(0.012)
_BEYOND: Final = _limit(0.0002)
"""A character outside ordinary tables; one outside the first plane. 60 M people have a rare one
by a wide meaning of rare; the narrow share is assumed."""
_RENAMED: Final = _limit(0.012)
_RESPELLED: Final = _limit(0.5)
_CONVERTED: Final = np.uint64(12_053)  # 2003-01-01, first rules for spelling Uyghur names


@kernel
def _cohort(year):  # type: ignore[no-untyped-def]
    return 0 if year < 1960 else min((year - 1950) // 10, 6)


@inlined_kernel
def _draw_surname(alias, style, key, index, clan_limit, clan_key):  # type: ignore[no-untyped-def]
    bits = draw_bits(key, index)
    if style == 0:
        pick = draw_bits(key, index + 4 * COMMUNITY_PEOPLE)
        if is_below(low_half(pick), clan_limit):
            bits = draw_bits(clan_key, bits_below(high_half(pick), 3))
    return alias_draw(alias[style], 0, alias.shape[1], bits)


@kernel
def _resolve_surnames(key, facts, is_village, years, line, out):  # type: ignore[no-untyped-def]
    """Surname number of each person; children after their parents."""
    surname_key, clan_key = key_of(key, _SURNAME), key_of(key, _CLAN)
    alias, nation_style, nation = facts.surname_alias, facts.nation_style, out.nation
    fathers, mothers, household, spouse = out.father, out.mother, out.household, out.spouse
    role, sex = out.role, out.sex
    clan_limit = _CLAN_VILLAGE if is_village else _CLAN_TOWN
    for row in range(COMMUNITY_PEOPLE):  # first all whose surname is their own draw
        line[row] = -1
        if fathers[row] >= 0 or mothers[row] >= 0:
            continue
        head = int64(household[row])
        if role[row] == 4 and row != head:  # a grandchild whose parents live elsewhere: later
            continue
        style = int64(nation_style[nation[row]]) & 3
        line[row] = _draw_surname(alias, style, surname_key, row, clan_limit, clan_key)
    for row in range(3 * COMMUNITY_PEOPLE):  # then those in their line, at most three steps down
        row %= COMMUNITY_PEOPLE
        if line[row] >= 0:
            continue
        father, mother, head = int64(fathers[row]), int64(mothers[row]), int64(household[row])
        if father >= 0:
            limit = _MOTHERS_NAME[1] if years[row] <= 20 else _MOTHERS_NAME[0]
            pick = draw_bits(surname_key, father + 3 * COMMUNITY_PEOPLE)
            source = mother if mother >= 0 and is_below(low_half(pick), limit) else father
            line[row] = line[source]
            continue
        parent = mother if mother >= 0 else head
        index = parent + 2 * COMMUNITY_PEOPLE  # the unknown father's, one for all children
        if mother < 0 and draw_bits(surname_key, index + 8 * COMMUNITY_PEOPLE) & 7 != uint64(0):
            # Grandparents bring up their sons' children seven times in eight (assumed).
            man = head if sex[head] == 1 else int64(spouse[head])
            if man >= 0:
                line[row] = line[man]
                continue
        style = int64(nation_style[nation[row]]) & 3
        line[row] = _draw_surname(alias, style, surname_key, index, clan_limit, clan_key)


@inlined_kernel
def _draw_given(key, tables, index, cohort, sex, surname, shared):  # type: ignore[no-untyped-def]
    """A given name of one or two characters: (first, second or 0).

    `shared`, not 0, are the bits of a first character that brothers and sisters have in common.
    """
    characters, given_alias, limits, whole_alias, whole_start, whole_names, rare, beyond = tables
    size = characters.size
    bits = draw_bits(key, index)
    table = given_alias[cohort, sex]
    if shared == uint64(0):
        if is_below(low_half(bits), limits[cohort, 1 if surname < 5 else 0]):
            pick = draw_bits(key, index + COMMUNITY_PEOPLE)
            return uint32(characters[alias_draw(table[0], 0, size, pick)]), uint32(0)
        if is_below(high_half(bits), limits[cohort, 2 + sex]):
            first = int64(whole_start[cohort * 2 + sex])
            count = int64(whole_start[cohort * 2 + sex + 1]) - first
            pick = draw_bits(key, index + 3 * COMMUNITY_PEOPLE)
            whole = first + alias_draw(whole_alias, first, count, pick)
            return uint32(whole_names[whole, 0]), uint32(whole_names[whole, 1])
        shared = draw_bits(key, index + 2 * COMMUNITY_PEOPLE)
    first_character = uint32(characters[alias_draw(table[1], 0, size, shared)])
    pick = draw_bits(key, index + 3 * COMMUNITY_PEOPLE)
    second_character = uint32(characters[alias_draw(table[2], 0, size, pick)])
    chance = (pick >> uint64(20)) * uint64(0x9E3779B1) & uint64(0xFFFFFFFF)
    if is_below(chance, _RARE):
        place = draw_bits(key, index + 5 * COMMUNITY_PEOPLE)
        if is_below(chance, _BEYOND):
            second_character = beyond[bits_below(low_half(place), beyond.size)]
        else:
            second_character = rare[bits_below(low_half(place), rare.size)]
    return first_character, second_character


@inlined_kernel
def _ask_for_given(key, given_alias, row, years, sex):  # type: ignore[no-untyped-def]
    """Prefetch the entries that the given name of a later row will most likely need."""
    cohort, size = _cohort(2020 - years), given_alias.shape[3]
    first = bits_below(low_half(draw_bits(key, row + 2 * COMMUNITY_PEOPLE)), size)
    second = bits_below(low_half(draw_bits(key, row + 3 * COMMUNITY_PEOPLE)), size)
    prefetch(given_alias[cohort, sex, 1], first)
    prefetch(given_alias[cohort, sex, 2], second)


@inlined_kernel
def _shared_bits(key, parent, limit):  # type: ignore[no-untyped-def]
    """Bits of the first character that brothers and sisters share; 0 = none."""
    if parent >= 0 and is_below(low_half(draw_bits(key, parent)), limit):
        return draw_bits(key, parent + COMMUNITY_PEOPLE) | uint64(1)
    return uint64(0)


@inlined_kernel
def _write_name(surnames, surname, mothers, first, second, target):  # type: ignore[no-untyped-def]
    """Write surname, the mother's surname (-1 = none), given name: (length, surname length)."""
    target[0] = surnames[surname, 0]
    at = 1
    if surnames[surname, 1] != 0:
        target[1] = surnames[surname, 1]
        at = 2
    surname_length = at
    if mothers >= 0:
        target[at] = surnames[mothers, 0]
        at += 1
    target[at] = first
    if second != uint32(0):
        target[at + 1] = second
        return at + 2, surname_length
    return at + 1, surname_length


@kernel
def _append_part(tables, part, spelling, target, at):  # type: ignore[no-untyped-def]
    parts = tables[0]
    for place in range(parts.shape[2]):
        character = parts[part, spelling, place]
        if character == 0:
            break
        target[at] = character
        at += 1
    return at


@kernel
def _pick_part(tables, group, bits32):  # type: ignore[no-untyped-def]
    first, end = int64(tables[1][group]), int64(tables[1][group + 1])
    # The smaller of two draws: the first names of a list are the commonest.
    one = bits_below(
        bits32 & uint64(0xFFFF) | (bits32 << uint64(16)) & uint64(0xFFFF0000), end - first
    )
    other = bits_below(bits32, end - first)
    return first + min(one, other)


@kernel
def _part_name(tables, bits, style, sex, fathers_bits, spelling, fathers_spelling, target):  # type: ignore[no-untyped-def]
    """Write a name made of listed parts; returns its length. Spelling 0 is the official one."""
    if style == _TIBETAN:  # two names, the second often that of a sex
        at = _append_part(tables, _pick_part(tables, 4, low_half(bits)), spelling, target, 0)
        if bits & uint64(15) != uint64(0):
            group = 5 if sex == 2 else 4
            part = _pick_part(tables, group, high_half(bits))
            at = _append_part(tables, part, spelling, target, at)
        return at
    if style == _MONGOL:  # one name, or two run together
        at = _append_part(tables, _pick_part(tables, 5 + sex, low_half(bits)), spelling, target, 0)
        if bits & uint64(3) == uint64(0):
            part = _pick_part(tables, 6, high_half(bits))
            at = _append_part(tables, part, spelling, target, at)
        return at
    # Uyghur and Kazakh: the own name, a dot, the father's
    group = (style - 4) * 2
    part = _pick_part(tables, group + sex - 1, low_half(bits))
    at = _append_part(tables, part, spelling, target, 0)
    target[at] = _DOT
    part = _pick_part(tables, group, fathers_bits)
    return _append_part(tables, part, fathers_spelling, target, at + 1)


@kernel
def _foreign_name(tables, bits, target):  # type: ignore[no-untyped-def]
    at = _append_part(tables, _pick_part(tables, 9, low_half(bits)), 0, target, 0)
    target[at] = 32
    at = _append_part(tables, _pick_part(tables, 8, high_half(bits)), 0, target, at + 1)
    if bits & uint64(1):
        target[at] = 32
        part = _pick_part(tables, 8, low_half(bits >> uint64(7)))
        at = _append_part(tables, part, 0, target, at + 1)
    return at


@kernel
def _spellings(year_row, style, region_bits, bits):  # type: ignore[no-untyped-def]
    """(spelling of the name, of the former name or 0) of a person.

    Tibetan and Mongol names keep the region's way to write. Uyghur and Kazakh names were respelled
    from 2003 on: those under 16 had to change, adults might, and half did (assumed).
    """
    if style >= _TIBETAN:
        return int64(region_bits % uint64(3)), 0
    if year_row <= 17:
        return 0, 0
    old = 1 + int64(bits >> uint64(63))
    if year_row > 33 and not is_below(low_half(bits), _RESPELLED):
        return old, 0
    return 0, old


@kernel
def _forget_same(row, out):  # type: ignore[no-untyped-def]
    """Take a former name back that is the present one."""
    if out.former_name_length[row] != out.name_length[row]:
        return
    for place in range(out.name_length[row]):
        if out.former_name[row, place] != out.name[row, place]:
            return
    out.former_name[row, :] = 0
    out.former_name_length[row], out.former_surname_length[row], out.rename_day[row] = 0, 0, 0


@kernel
def _fill_part_names(key, facts, years, out):  # type: ignore[no-untyped-def]
    """Names of foreigners and of peoples whose names are not a Han surname and given name."""
    tables, styles = (facts.parts, facts.part_start), facts.nation_style
    part_key, respell_key = key_of(key, _PARTS), key_of(key, _RESPELL)
    region_bits = key_of(key, _CLAN)
    nation, origin, sex, fathers, mothers = out.nation, out.origin, out.sex, out.father, out.mother
    name, name_length, former, former_length = (
        out.name, out.name_length, out.former_name, out.former_name_length
    )  # fmt: skip
    for row in range(COMMUNITY_PEOPLE):
        bits, style = draw_bits(part_key, row), int64(styles[nation[row]])
        if origin[row] == _FOREIGN:
            name_length[row] = _foreign_name(tables, bits, name[row])
            continue
        if style < _UYGHUR or origin[row] != 0:
            continue
        respell_bits = draw_bits(respell_key, row)
        spelling, old = _spellings(years[row], style, region_bits, respell_bits)
        father, mother = int64(fathers[row]), int64(mothers[row])
        fathers_bits, fathers_spelling = high_half(bits), spelling
        if father >= 0 and styles[nation[father]] == style:
            fathers_bits = low_half(draw_bits(part_key, father))
            # The father's name stands as it was written when the child was registered.
            fathers_spelling = 0 if years[row] <= 17 else spelling
        elif mother >= 0:
            fathers_bits = low_half(draw_bits(part_key, mother + COMMUNITY_PEOPLE))
        name_length[row] = _part_name(
            tables, bits, style, sex[row], fathers_bits, spelling, fathers_spelling, name[row]
        )
        if old > 0:
            former_length[row] = _part_name(
                tables, bits, style, sex[row], fathers_bits, old, old, former[row]
            )
            day = int64(_CONVERTED) + bits_below(high_half(respell_bits), 2_000)
            out.rename_day[row] = max(day, int64(out.birth_day[row]) + 30)
            _forget_same(row, out)


@kernel
def fill_names(key, facts, is_village, years, line, out):  # type: ignore[no-untyped-def]
    """Names and former names, from kin, nation, origin, birth days; line int64[1024] is scratch.

    Rows of `name` hold zeros after their end, before and after.
    """
    _resolve_surnames(key, facts, is_village, years, line, out)
    given_key, shared_key = key_of(key, _GIVEN), key_of(key, _SHARED)
    rename_key = key_of(key, _RENAME)
    tables = (
        facts.characters, facts.given_alias, facts.given_limits, facts.whole_alias,
        facts.whole_start, facts.whole_names, facts.rare, facts.beyond,
    )  # fmt: skip
    surnames, surname_alias, styles = facts.surnames, facts.surname_alias, facts.nation_style
    nation, origin, sex, fathers, mothers = out.nation, out.origin, out.sex, out.father, out.mother
    twins, name = out.twin, out.name
    name_length, surname_length = out.name_length, out.surname_length
    former, former_length, former_surname, rename_day = (
        out.former_name, out.former_name_length, out.former_surname_length, out.rename_day
    )  # fmt: skip
    for row in range(COMMUNITY_PEOPLE):
        ahead = min(row + _AHEAD, COMMUNITY_PEOPLE - 1)
        _ask_for_given(given_key, facts.given_alias, ahead, years[ahead], int64(sex[ahead]) - 1)
        for place in range(name_length[row]):  # of the person drawn here before
            name[row, place] = 0
        name_length[row] = 0
        if former_length[row] != 0:
            former[row, :] = 0
        former_length[row], former_surname[row], rename_day[row] = 0, 0, 0
        surname_length[row] = 0
        if origin[row] == _FOREIGN or (styles[nation[row]] >= _UYGHUR and origin[row] == 0):
            continue
        surname, mother = line[row], int64(mothers[row])
        cohort, own_sex = _cohort(2020 - years[row]), int64(sex[row]) - 1
        parent = int64(fathers[row]) if fathers[row] >= 0 else mother
        limit = _SHARED_RATES[cohort]
        if twins[row] >= 0:
            limit += uint64(1 << 30)  # twins more often, by a quarter (assumed)
        shared = _shared_bits(shared_key, parent, limit)
        mothers_surname = int64(-1)
        bits = draw_bits(rename_key, row)
        if cohort >= 5 and mother >= 0 and line[mother] != surname:
            if is_below(high_half(bits), _DOUBLE_SURNAME[cohort - 5]):
                mothers_surname = line[mother]
                shared = draw_bits(shared_key, row + 2 * COMMUNITY_PEOPLE) | uint64(1)
        first, second = _draw_given(given_key, tables, row, cohort, own_sex, surname, shared)
        name_length[row], surname_length[row] = _write_name(
            surnames, surname, mothers_surname, first, second, name[row]
        )
        if is_below(low_half(bits), _RENAMED) and years[row] > 1 and origin[row] == 0:
            index = row + 16 * COMMUNITY_PEOPLE
            more = draw_bits(rename_key, index)
            if more & uint64(7) == uint64(0):  # one in eight had another surname too
                pick = draw_bits(rename_key, index + COMMUNITY_PEOPLE)
                surname = alias_draw(surname_alias[0], 0, surname_alias.shape[1], pick)
            first, second = _draw_given(
                given_key, tables, index, cohort, own_sex, surname, uint64(0)
            )
            former_length[row], former_surname[row] = _write_name(
                surnames, surname, int64(-1), first, second, former[row]
            )
            born = int64(out.birth_day[row]) + 365
            last = int64(out.death_day[row]) if out.death_day[row] > 0 else _REFERENCE
            rename_day[row] = born + bits_below(high_half(more), max(last - born, 1))
            _forget_same(row, out)
    _fill_part_names(key, facts, years, out)
