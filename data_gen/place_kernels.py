"""Kernels: addresses, phones, card and certificate numbers."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint64

from data_gen.counter import bits_below, draw_bits, high_half, is_below, key_of, low_half, permute
from data_gen.household_kernels import SAME_COUNTY
from data_gen.people import COMMUNITY_PEOPLE
from person.jit import inlined_kernel, kernel

__all__ = ["fill_addresses", "fill_cards", "fill_phones"]

_ADDRESS, _PHONE, _NUMBERS, _CARD, _BIRTH = range(41, 46)
_REFERENCE: Final = 18_567


def _limit(rate: float) -> np.uint64:
    return np.uint64(rate * 2**32)


_PHONE_RATES: Final = np.array(
    [
        int(rate * 2**32)
        for rate, ages in (
            (0, 12), (0.45, 6), (0.97, 42), (0.92, 10), (0.62, 10), (0.35, 48)
        )
        for _ in range(ages)
    ],
    np.uint64,
)  # fmt: skip
"""People with a number of their own by age: to 11, 17, 59, 69, 79 and older (assumed; there are
1.6 billion subscriptions for 1.41 billion people)."""
_PHONE_CHANGED: Final = _limit(0.40)
_MOVED: Final = _limit(0.30)
_HAS_CARD: Final = _limit(0.80)


@inlined_kernel
def _set_address(target, region, kind, town, road, number, place, building, unit, room):  # type: ignore[no-untyped-def]
    target[0] = region
    target[1] = kind
    target[2] = town
    target[3] = road
    target[4] = number
    target[5] = place
    target[6] = building
    target[7] = unit
    target[8] = room


@inlined_kernel
def _draw_address(town_start, county_code, sizes, county, local, kind, bits, target):  # type: ignore[no-untyped-def]
    """An address in the neighbourhood that the bits `local` name; sizes of the name tables."""
    first = int64(town_start[county])
    town = first + bits_below(low_half(local), int64(town_start[county + 1]) - first)
    place_bits = draw_bits(local, int64(bits & uint64(3)))
    code = county_code[county]
    number = 1 + int64((bits >> uint64(2)) % uint64(300))
    if kind == 1:
        village = bits_below(low_half(place_bits), sizes[1])
        group = int64((bits >> uint64(20)) % uint64(12))
        _set_address(target, code, 1, town, group, number, village, 0, 0, 0)
        return
    road = bits_below(high_half(place_bits), sizes[0])
    building = 1 + int64((bits >> uint64(12)) % uint64(24))
    unit = 1 + int64((bits >> uint64(17)) & uint64(3))
    room = (1 + bits_below(high_half(bits), 18)) * 100 + 1 + int64((bits >> uint64(22)) & uint64(3))
    street = 1 + int64(place_bits % uint64(288))
    if kind == 4:
        dormitory = bits_below(low_half(place_bits), sizes[3])
        _set_address(target, code, 4, town, road, street, dormitory, 1 + building // 4, 0, room)
    elif kind == 3:
        _set_address(target, code, 3, town, road, number, 0, 0, 0, room if bits & uint64(8) else 0)
    else:
        estate = bits_below(low_half(place_bits), sizes[2])
        _set_address(target, code, 2, town, road, street, estate, building, unit, room)


@inlined_kernel
def _copy_row(source, source_row, target, row):  # type: ignore[no-untyped-def]
    for column in range(source.shape[1]):
        target[row, column] = source[source_row, column]


@kernel
def fill_addresses(key, facts, county, is_village, status, register, out):  # type: ignore[no-untyped-def]
    """Where each household lives, is registered and lived before."""
    town_start, county_code = facts.town_start, facts.county_code
    sizes = (
        facts.roads.shape[0], facts.villages.shape[0], facts.estates.shape[0],
        facts.dormitories.shape[0],
    )  # fmt: skip
    address, registered, previous = out.address, out.register_address, out.previous_address
    household, role, moved_day, birth_day = out.household, out.role, out.moved_day, out.birth_day
    live_region, register_region, origin, death = (
        out.live_region, out.register_region, out.origin, out.death_day
    )  # fmt: skip
    address_key = key_of(key, _ADDRESS)
    local = draw_bits(address_key, 8 * COMMUNITY_PEOPLE)
    for row in range(COMMUNITY_PEOPLE):
        head = int64(household[row])
        live_region[row] = county_code[county]
        register_region[row] = county_code[register[row]] if origin[row] == 0 else 0
        if row != head:
            _copy_row(address, head, address, row)
            _copy_row(registered, head, registered, row)
            _copy_row(previous, head, previous, row)
            moved_day[row] = moved_day[head]
            if birth_day[row] >= moved_day[row]:  # born here
                previous[row, :] = 0
                moved_day[row] = 0
            continue
        bits, old = draw_bits(address_key, head), draw_bits(address_key, head + COMMUNITY_PEOPLE)
        elsewhere = draw_bits(address_key, head + 2 * COMMUNITY_PEOPLE)
        kind = 1 if is_village else 2 + int64((bits >> uint64(56)) & uint64(7) == uint64(0))
        if role[row] == 9:
            kind = 4
        _draw_address(town_start, county_code, sizes, county, local, kind, bits, address[row])
        moved_day[row] = 0
        is_migrant = status[row] >= SAME_COUNTY
        if is_migrant or is_below(high_half(old), _MOVED):
            # Migrants come from villages three times in four (assumed).
            old_kind = 1 if is_village or (is_migrant and old & uint64(3) != uint64(0)) else 2
            near = local if is_village and not is_migrant else elsewhere
            _draw_address(
                town_start, county_code, sizes, register[row], near, old_kind, old, previous[row]
            )
            day = _REFERENCE - 1 - bits_below(low_half(elsewhere), 15 * 365)
            day = min(max(day, int64(birth_day[row]) + 30), _REFERENCE)
            moved_day[row] = min(day, int64(death[row])) if death[row] > 0 else day
        else:
            previous[row, :] = 0
        _copy_row(previous if is_migrant else address, row, registered, row)


@inlined_kernel
def _number(city_key, prefixes, first, count, index):  # type: ignore[no-untyped-def]
    """The city's mobile number at `index`; the numbers are permuted, so each index has its own."""
    place = permute(index, count * 10_000, city_key)
    return int64(prefixes[first + place // 10_000]) * 10_000 + place % 10_000


@kernel
def fill_phones(seed_key, key, facts, county, rank, years, register, out):  # type: ignore[no-untyped-def]
    """Phones: own ones at the place of living, earlier ones that others have now, the family's."""
    phone_key, numbers_key = key_of(key, _PHONE), key_of(seed_key, _NUMBERS)
    city_start, prefixes, county_city = facts.city_start, facts.prefixes, facts.county_city
    communities = facts.city_communities
    phone, previous, change_day, family = (
        out.phone, out.previous_phone, out.phone_change_day, out.family_phone
    )  # fmt: skip
    household, mother, father, spouse = out.household, out.mother, out.father, out.spouse
    birth_day, death = out.birth_day, out.death_day
    city = int64(county_city[county])
    first, city_key = int64(city_start[city]), key_of(numbers_key, city)
    count = int64(city_start[city + 1]) - first
    base = (int64(facts.county_city_rank[county]) + rank) * COMMUNITY_PEOPLE
    for row in range(COMMUNITY_PEOPLE):
        phone[row], previous[row], change_day[row], family[row] = 0, 0, 0, -1
        bits = draw_bits(phone_key, row)
        if not is_below(low_half(bits), _PHONE_RATES[years[row]]):
            continue
        phone[row] = _number(city_key, prefixes, first, count, base + row)
        if is_below(high_half(bits), _PHONE_CHANGED):
            old = draw_bits(phone_key, row + COMMUNITY_PEOPLE)
            old_city = int64(county_city[register[row]])
            start = int64(city_start[old_city])
            community = bits_below(low_half(old), communities[old_city])
            index = community * COMMUNITY_PEOPLE + int64((old >> uint64(32)) % uint64(1024))
            previous[row] = _number(
                key_of(numbers_key, old_city), prefixes, start,
                int64(city_start[old_city + 1]) - start, index,
            )  # fmt: skip
            day = _REFERENCE - 30 - bits_below(low_half(bits >> uint64(16)), 12 * 365)
            last = int64(death[row]) if death[row] > 0 else _REFERENCE
            day = min(max(day, int64(birth_day[row]) + 12 * 365), _REFERENCE - 1)
            if day >= last:  # the dead change nothing
                day = last - 1 - bits_below(low_half(old), 365)
            change_day[row] = day
    for row in range(COMMUNITY_PEOPLE):
        if phone[row] == 0:
            family[row] = _family_phone(
                row, household, (mother, father, spouse), phone, family, years
            )
    for row in range(COMMUNITY_PEOPLE):
        if family[row] >= 0:
            phone[row] = phone[family[row]]


@inlined_kernel
def _family_phone(row, household, kin, phone, family, years):  # type: ignore[no-untyped-def]
    """Whose phone a person gives: mother, father, spouse, another adult of the household; -1."""
    for relation in kin:
        other = int64(relation[row])
        if other >= 0 and phone[other] > 0 and family[other] < 0:
            return other
    head = int64(household[row])
    other = head
    while other < COMMUNITY_PEOPLE and household[other] == head:
        if phone[other] > 0 and family[other] < 0 and years[other] > 11:
            return other
        other += 1
    return int64(-1)


@kernel
def fill_cards(seed_key, key, facts, community, county, rank, years, births, out):  # type: ignore[no-untyped-def]
    """Health cards of the county, birth certificates since 1996; births int64[112] scratch."""
    health_card, certificate, origin = out.health_card, out.birth_certificate, out.origin
    card_key, own_key = key_of(key_of(seed_key, _CARD), county), key_of(key, _CARD)
    birth_key = key_of(seed_key, _BIRTH)
    births[:] = 0
    in_province = community - int64(facts.community_start[facts.province_first[county]])
    code = int64(facts.county_code[county])
    province = code // 10_000
    for row in range(COMMUNITY_PEOPLE):
        health_card[row] = 0
        certificate[row] = 0
        if is_below(low_half(draw_bits(own_key, row)), _HAS_CARD):
            number = permute(rank * COMMUNITY_PEOPLE + row, 100_000_000, card_key)
            health_card[row] = code * 100_000_000 + number
        year_row = years[row]
        if year_row <= 24 and births[year_row] < 64 and origin[row] == 0:
            index = in_province * 64 + births[year_row]
            births[year_row] += 1
            year = 2020 - year_row
            number = permute(index, 10_000_000, key_of(birth_key, province * 4096 + year))
            certificate[row] = ((year - 1996) % 26 * 100 + province) * 10_000_000 + number
