"""Kernels: fill a community with households, decide where their register is, name their people.

A household is a template drawn with the weights of the county's kind (`tables/build_households`):
ages, sexes, kin and deaths come with it. Templates are drawn until 1024 people are there; one
that does not fit is passed over, which in the last rows favours small ones.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint64

from data_gen.counter import bits_below, draw_bits, high_half, is_below, key_of, low_half
from data_gen.people import COMMUNITY_PEOPLE
from person.jit import inlined_kernel, kernel, prefetch

__all__ = [
    "NATIVE",
    "OTHER_PROVINCE",
    "SAME_COUNTY",
    "SAME_PROVINCE",
    "county_of",
    "fill_households",
    "fill_nations",
]

NATIVE, SAME_COUNTY, SAME_PROVINCE, OTHER_PROVINCE = range(4)
"""Where a household's register is, seen from where it lives."""

_HOUSEHOLD, _NATION = 11, 12
_NONE: Final = 15
_OWN_NATION: Final = np.uint64(0.12 * 2**32)
"""Share of people who marry in that are drawn from the whole county: with equal groups about one
mixed couple in seventeen, near the 2000 census's 3 % in a mostly Han country (assumed)."""


@kernel
def county_of(value, starts):  # type: ignore[no-untyped-def]
    """Row r with starts[r] <= value < starts[r + 1]."""
    low, high = int64(0), int64(starts.size - 1)
    while high - low > 1:
        middle = (low + high) >> 1
        if starts[middle] <= value:
            low = middle
        else:
            high = middle
    return low


@inlined_kernel
def _kin(slot, place):  # type: ignore[no-untyped-def]
    return -1 if place == _NONE else slot + place


@inlined_kernel
def _read_members(templates, years, out):  # type: ignore[no-untyped-def]
    """Unpack the members noted in `templates` int64[1024]; out is the tuple of eight columns."""
    household, sex, role, mother, father, spouse, twin, death_day = out
    for row in range(COMMUNITY_PEOPLE):
        entry, first = templates[row], int64(household[row])
        years[row] = entry & 127
        sex[row] = 1 + (entry >> 7 & 1)
        role[row] = entry >> 8 & 15
        mother[row] = _kin(first, entry >> 12 & 15)
        father[row] = _kin(first, entry >> 16 & 15)
        spouse[row] = _kin(first, entry >> 20 & 15)
        twin[row] = _kin(first, entry >> 24 & 15)
        death_day[row] = entry >> 28 & 1  # a mark, until the birth day is known


@inlined_kernel
def _ask_for_template(key, draw, picks, template_start, members):  # type: ignore[no-untyped-def]
    """Prefetch, in three steps, what the next draws of households will need."""
    place = bits_below(low_half(draw_bits(key, draw + 12)), picks.size)
    prefetch(picks, place)
    place = bits_below(low_half(draw_bits(key, draw + 8)), picks.size)
    prefetch(template_start, int64(picks[place]))
    place = bits_below(low_half(draw_bits(key, draw + 4)), picks.size)
    prefetch(members, int64(template_start[picks[place]]))


@kernel
def fill_households(key, facts, county, entries, years, status, out):  # type: ignore[no-untyped-def]
    """Fill kinship, sex, years[1024] (before 2020 of birth) and status[1024] of each household.

    `death_day` is 1 for those who died in the last five years; entries int64[1024] is scratch.
    """
    picks, template_start = facts.picks[facts.county_kind[county]], facts.template_start
    members, limits, household = facts.members, facts.migrant_limits[county], out.household
    household_key = key_of(key, _HOUSEHOLD)
    slot, draw = int64(0), int64(0)
    while slot < COMMUNITY_PEOPLE:
        bits = draw_bits(household_key, draw)
        draw += 1
        _ask_for_template(household_key, draw, picks, template_start, members)
        template = picks[bits_below(low_half(bits), picks.size)]
        first = int64(template_start[template])
        count = int64(template_start[template + 1]) - first
        if slot + count > COMMUNITY_PEOPLE:
            continue
        migrant = high_half(bits)
        state = int64(is_below(migrant, limits[2])) + int64(is_below(migrant, limits[1]))
        state += int64(is_below(migrant, limits[0]))
        for row in range(slot, slot + count):
            entries[row] = int64(members[first + row - slot])
            household[row] = slot
            status[row] = state
        slot += count
    columns = (
        household, out.sex, out.role, out.mother, out.father, out.spouse, out.twin, out.death_day
    )  # fmt: skip
    _read_members(entries, years, columns)


@inlined_kernel
def _draw_nation(limits, codes, county, bits32):  # type: ignore[no-untyped-def]
    place = 0
    while place < limits.shape[1] - 1 and not is_below(bits32, limits[county, place]):
        place += 1
    return codes[county, place]


@kernel
def fill_nations(key, facts, origin_county, out):  # type: ignore[no-untyped-def]
    """Ethnic group of each person: the household's, at times another's who married in."""
    limits, codes = facts.nation_limits, facts.nation_codes
    household, role, origin, nation = out.household, out.role, out.origin, out.nation
    mother, father = out.mother, out.father
    nation_key = key_of(key, _NATION)
    for row in range(COMMUNITY_PEOPLE):
        head = int64(household[row])
        if origin[row] == 4:
            nation[row] = 0
        elif row == head:
            bits = draw_bits(nation_key, row)
            nation[row] = _draw_nation(limits, codes, origin_county[row], low_half(bits))
        else:
            nation[row] = nation[head]
            if role[row] == 1 or role[row] == 3 or role[row] == 8:
                bits = draw_bits(nation_key, row)
                if is_below(high_half(bits), _OWN_NATION):
                    nation[row] = _draw_nation(limits, codes, origin_county[row], low_half(bits))
    for row in range(COMMUNITY_PEOPLE):
        # A child of two peoples belongs to the father's, one in four to the mother's.
        one, other = int64(mother[row]), int64(father[row])
        if (role[row] == 2 or role[row] == 4) and one >= 0 and origin[row] != 4:
            if draw_bits(nation_key, row + COMMUNITY_PEOPLE) & uint64(3) == uint64(0):
                nation[row] = nation[one]
            elif other >= 0:
                nation[row] = nation[other]
