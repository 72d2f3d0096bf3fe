"""Kernels: birth days and national id numbers, unique by construction.

For one code, year of birth and sex there are days * 248 *units*: a day of the year and a pair of
sequence numbers four apart in a block (male 4p+1, 4p+3; female 4p+2, 4p+4). `tables/build_places`
cuts each code's units among the communities whose natives bear it and among *tokens* for people
of that county who live elsewhere; which community uses which token is a permutation. So nobody
else can draw the same unit, and the unit decides the birth day within the year. Single births use
the first number of the pair; a twin of the same sex, and the one who had to give up a number that
was issued twice, has the second.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint64

from data_gen.counter import bits_below, draw_bits, high_half, is_below, key_of, low_half, permute
from data_gen.household_kernels import OTHER_PROVINCE, SAME_PROVINCE, county_of
from data_gen.people import COMMUNITY_PEOPLE
from person.jit import inlined_kernel, kernel

__all__ = ["days_of", "fill_ids", "fill_tokens", "fill_units", "year_start"]

_TOKEN, _UNIT, _ID, _LATE, _DAY = 21, 22, 23, 24, 25
_PAIRS: Final = 248
_FIRST_COLUMN: Final = 2
"""People born before were given their numbers in 1986, on average (1984 to 1989)."""
_DIGITS_18: Final = 10_865  # 1999-10-01
_REFERENCE: Final = 18_567  # 2020-11-01
_ELSEWHERE_WIFE: Final = np.uint64(0.12 * 2**32)
_ELSEWHERE_OTHER: Final = np.uint64(0.04 * 2**32)
"""Share of people whose number was issued in another county before their register moved here: of
wives and of other adults (assumed)."""
_CORRECTED: Final = np.uint64(0.002 * 2**32)
"""Share whose number was corrected: 11.01 M errors in registered items were put right in 2014-17,
of which a quarter is assumed to have touched the number."""


def _calendar() -> tuple[np.ndarray, np.ndarray]:
    """int64[2, 366] month * 100 + day by day of the year, common and leap; int64[] first days."""
    months = np.zeros((2, 366), np.int64)
    for leap, year in enumerate((2019, 2020)):
        start = np.datetime64(f"{year}-01-01")
        dates = start + np.arange(365 + leap)
        month = dates.astype("datetime64[M]").astype(np.int64) % 12 + 1
        day = (dates - dates.astype("datetime64[M]")).astype(np.int64) + 1
        months[leap, : len(dates)] = month * 100 + day
    years = np.array([f"{year}-01-01" for year in range(1900, 2022)], "datetime64[D]")
    return months, years.astype(np.int64)


_MONTH_DAYS, _YEAR_STARTS = _calendar()


@kernel
def year_start(year):  # type: ignore[no-untyped-def]
    """First day of a year from 1900 to 2021, in days since 1970-01-01."""
    return _YEAR_STARTS[year - 1900]


@inlined_kernel
def _body(code, year, day, sequence):  # type: ignore[no-untyped-def]
    leap = 1 if _YEAR_STARTS[year - 1899] - _YEAR_STARTS[year - 1900] == 366 else 0
    date = year * 10_000 + _MONTH_DAYS[leap, day]
    return (int64(code) * 100_000_000 + date) * 1000 + sequence


@kernel
def days_of(year):  # type: ignore[no-untyped-def]
    """Days of a year that are before the census: 305 in 2020."""
    return int64(305) if year == 2020 else _YEAR_STARTS[year - 1899] - _YEAR_STARTS[year - 1900]


@inlined_kernel
def _place_of_unit(unit_key, code, year, unit, days):  # type: ignore[no-untyped-def]
    """(day of the year, pair) of a unit: a permutation for each code and year."""
    place = permute(unit, days * _PAIRS, key_of(unit_key, int64(code) * 4096 + year))
    return place // _PAIRS, place % _PAIRS


@kernel
def fill_tokens(seed_key, facts, county, rank, counties, ranks):  # type: ignore[no-untyped-def]
    """County of origin and number of each outsiders' slot of a community.

    counties, ranks int64[2, 32]: row 0 the province, row 1 the nation. The slots of all
    communities of a province (the nation) are permuted onto the tokens of its counties.
    """
    token_key = key_of(seed_key, _TOKEN)
    first, end = facts.province_first[county], facts.province_end[county]
    base = facts.prov_slot_start[first]
    size = facts.prov_slot_start[end] - base
    for slot in range(facts.prov_slots[county]):
        number = facts.prov_slot_start[county] - base + rank * facts.prov_slots[county] + slot
        token = facts.prov_token_start[first] + permute(number, size, key_of(token_key, first))
        origin = county_of(token, facts.prov_token_start)
        counties[0, slot], ranks[0, slot] = origin, token - facts.prov_token_start[origin]
    size = facts.nat_slot_start[facts.nat_slot_start.size - 1]
    for slot in range(facts.nat_slots[county]):
        number = facts.nat_slot_start[county] + rank * facts.nat_slots[county] + slot
        token = permute(number, size, key_of(token_key, uint64(1) << uint64(32)))
        origin = county_of(token, facts.nat_token_start)
        counties[1, slot], ranks[1, slot] = origin, token - facts.nat_token_start[origin]


@inlined_kernel
def _household_slot(first, end, years, sex, pool, slots, start, taken):  # type: ignore[no-untyped-def]
    """A slot in which no member's year and sex is taken; the first tried where there is none."""
    for step in range(slots):
        slot = (start + step) % slots
        free = True
        for row in range(first, end):
            if taken[pool, slot, years[row], sex[row] - 1] != 0:
                free = False
                break
        if free:
            return slot
    return start % slots


@inlined_kernel
def _token_slot(pool, slots, start, year_row, sex, other_sex, taken):  # type: ignore[no-untyped-def]
    """A slot where a person's (and a twin's) year and sex is free, now taken; else -1."""
    for step in range(slots):
        slot = (start + step) % slots
        if taken[pool, slot, year_row, sex] == 0 and taken[pool, slot, year_row, other_sex] == 0:
            taken[pool, slot, year_row, sex] = 1
            taken[pool, slot, year_row, other_sex] = 1
            return slot
    return -1


@inlined_kernel
def _native_unit(limit, year_row, sex, other, is_twin, double_bits, double_limit, given):  # type: ignore[no-untyped-def]
    """(unit within the community's share or -1, 1 where it is somebody else's).

    given[year, sex] counts the units handed out; 1000 is added when the second number of the
    last one is used too, by a twin or by somebody who was given the first one's number.
    """
    number = max(given[year_row, sex] % 1000, given[year_row, other] % 1000)
    if not is_twin and 0 < given[year_row, sex] < 1000 and is_below(double_bits, double_limit):
        given[year_row, sex] = number + 1000
        return number - 1, 1
    if number >= limit:
        return int64(-1), 0
    given[year_row, sex] = number + 1 + (1000 if is_twin else 0)
    given[year_row, other] = number + 1 + (1000 if is_twin else 0)
    return number, 0


@kernel
def fill_units(key, rates, facts, county, rank, years, status, work, register, home, out):  # type: ignore[no-untyped-def]
    """Hand out units: work's code, unit, double int64[1024]; counties of register and issue.

    rates uint64[3]: duplicate, unresolved, foreign limits. A twin's unit is the first one's.
    """
    given, taken, counties, ranks, code, unit, double = work
    issue_code, prov_start, nat_start = facts.issue_code, facts.prov_start, facts.nat_start
    native_start, native_count = facts.native_start[county], facts.native_count[county]
    household, sex, twin, role = out.household, out.sex, out.twin, out.role
    pool_slots = (int64(facts.prov_slots[county]), int64(facts.nat_slots[county]))
    given[:] = 0
    taken[:] = 0
    id_key, late_key = key_of(key, _ID), key_of(key, _LATE)
    base_slot, register_county, pool, first = int64(-1), int64(county), 0, int64(-1)
    for row in range(COMMUNITY_PEOPLE):
        if household[row] != first:
            first, base_slot, register_county = int64(household[row]), int64(-1), int64(county)
            pool = 1 if status[row] == OTHER_PROVINCE else 0
            if status[row] >= SAME_PROVINCE:
                end = row + 1
                while end < COMMUNITY_PEOPLE and household[end] == first:
                    end += 1
                slots = pool_slots[pool]
                start = bits_below(low_half(draw_bits(id_key, row)), slots)
                base_slot = _household_slot(row, end, years, sex, pool, slots, start, taken)
                register_county = counties[pool, base_slot]
        register[row], home[row] = register_county, register_county
        pair = int64(twin[row])
        if 0 <= pair < row:
            code[row], unit[row], home[row], double[row] = code[pair], unit[pair], home[pair], 0
            continue
        year_row, own = years[row], int64(sex[row]) - 1
        other = own if pair < 0 else int64(sex[pair]) - 1
        column = max(36 - year_row, _FIRST_COLUMN)
        bits = draw_bits(late_key, row)
        code[row], unit[row], double[row] = 0, -1, 0
        if base_slot < 0:
            is_wife = own == 1 and (role[row] == 1 or role[row] == 3)
            moved_limit = _ELSEWHERE_WIFE if is_wife else _ELSEWHERE_OTHER
            if year_row < 18 or not is_below(high_half(bits), moved_limit):
                # Doubles come from copying by hand in the eighties; few were issued after 1986.
                rate = rates[0] * uint64(3) // uint64(2) if year_row > 33 else rates[0] // uint64(5)
                limit = int64(native_count[column])
                number, double[row] = _native_unit(
                    limit, year_row, own, other, pair >= 0, low_half(bits), rate, given
                )
                if number >= 0:
                    unit[row] = int64(native_start[column]) + rank * limit + number
                    code[row] = issue_code[county, column]
        for turn in range(2):  # the other kind of slots where the first kind is used up
            if unit[row] >= 0:
                break
            kind = pool if turn == 0 else 1 - pool
            start = base_slot if base_slot >= 0 else int64(bits >> uint64(8)) & 31
            slot = _token_slot(kind, pool_slots[kind], start, year_row, own, other, taken)
            if slot >= 0:
                origin = counties[kind, slot]
                base = nat_start[origin, column] if kind == 1 else prov_start[origin, column]
                unit[row] = int64(base) + ranks[kind, slot]
                code[row] = issue_code[origin, column]
                home[row] = origin


@kernel
def fill_ids(seed_key, key, rates, years, work, out):  # type: ignore[no-untyped-def]
    """Birth and death days, numbers and their days of issue, from the units in `work`."""
    code, unit, double = work[4], work[5], work[6]
    birth_day, death_day, id_day, id_body = out.birth_day, out.death_day, out.id_day, out.id_body
    id_region, previous, change_day = out.id_region, out.previous_id_body, out.id_change_day
    had_15, sex, twin = out.had_15_digits, out.sex, out.twin
    unit_key, day_key = key_of(seed_key, _UNIT), key_of(key, _DAY)
    for row in range(COMMUNITY_PEOPLE):
        year = 2020 - years[row]
        days = days_of(year)
        pair, other = int64(0), int64(twin[row])
        eldest = min(row, other) if other >= 0 else row  # twins are registered on one day
        bits, late = draw_bits(day_key, eldest), draw_bits(day_key, row + COMMUNITY_PEOPLE)
        if unit[row] >= 0:
            day, pair = _place_of_unit(unit_key, code[row], year, unit[row], days)
        else:  # no number left: one of the people who never were registered
            day = bits_below(high_half(bits), days)
        birth = year_start(year) + day
        birth_day[row] = birth
        if death_day[row] == 1:
            low = max(birth, _REFERENCE - 5 * 365)
            death_day[row] = low + bits_below(high_half(late), max(_REFERENCE - low, 1))
        issued = birth + 14 + bits_below(low_half(bits), 90)
        if year <= 1986:
            issued = max(year_start(1986) + bits_below(low_half(bits), 365), birth + 14)
        id_day[row], id_region[row], id_body[row] = issued, code[row], 0
        previous[row], change_day[row], had_15[row] = 0, 0, False
        if code[row] == 0 or issued > _REFERENCE or 0 < death_day[row] < issued:
            continue
        number = int64(sex[row]) + 4 * pair
        resolved = double[row] == 1 and not is_below(high_half(bits), rates[1])
        if resolved or (0 <= other < row and sex[row] == sex[other]):
            number += 2
        id_body[row] = _body(code[row], year, day, number)
        had_15[row] = issued < _DIGITS_18
        if resolved:
            previous[row] = id_body[row] - 2
        elif years[row] > 4 and double[row] == 0 and is_below(low_half(late), _CORRECTED):
            wrong_year = year + (1 if late >> uint64(63) else -1)
            wrong_day = min(day, days_of(wrong_year) - 1)
            previous[row] = _body(code[row], wrong_year, wrong_day, number)
        if previous[row] != 0:  # put right from 2009 (1.7 M doubles) to 2016 (10 left)
            change_day[row] = max(14_245 + bits_below(high_half(bits), 2_700), issued + 30)
            if 0 < death_day[row] <= change_day[row]:  # the dead change nothing
                previous[row], change_day[row] = 0, 0
