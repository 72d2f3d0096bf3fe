"""The records of one community: when and where each was made, and what it says."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import int64, uint32, uint64
from numpy.typing import NDArray

from data_gen.cause_bits import NEWBORN_PLACEHOLDER, UNKNOWN_PERSON
from data_gen.counter import bits_below, draw_bits, high_half, key_of, low_half
from data_gen.field_kernels import (
    CARE,
    COLUMNS,
    DAY,
    PLACE,
    STYLE,
    bit,
    draw_address,
    draw_birth_date,
    draw_id,
    draw_name,
    draw_phone,
    draw_sex,
    know_person,
)
from data_gen.parameters import REFERENCE_DAY
from data_gen.record_layout import CARD_ID, CARD_LOCAL, CARD_NONE, NAME_ALTERED, NAME_FORMER
from data_gen.slip_kernels import NAME_ROOM
from data_gen.sources import HOSPITAL_BASE, SYSTEMS
from data_gen.visit_kernels import HOSPITAL
from person.jit import inlined_kernel, kernel

__all__ = ["HOSPITALS_A_COUNTY", "RegionNumbers", "draw_records", "region_place"]

HOSPITALS_A_COUNTY = 8
"""Source numbers of a county: three hospitals of its own, then those of its city (under the
city's first county)."""
OWN_HOSPITALS = 3

MATERNAL = SYSTEMS.index("maternal_child")
HEALTH_CARD = SYSTEMS.index("health_card")
SAME_HOSPITAL = 0.35
"""Chance that a further visit is to the hospital of the first (assumed); gives within-hospital
duplicates of about 14 %."""
_SAME_LIMIT = np.uint64(SAME_HOSPITAL * 2.0**32)
_CITY_LIMIT = np.uint64(0.38 * 2.0**32)  # share of visits to the city's hospitals (assumed)
_NEWBORN_LIMIT = np.uint64(0.7 * 2.0**32)
ADULT_DAYS, MOTHER_FROM, MOTHER_TO = 6575, 7305, 15341  # 18, 20 and 42 years


class RegionNumbers(NamedTuple):
    """Place of each county in the table of counties, by two small lookups.

    Attributes
    ----------
    prefix_row : int16[10000] first four digits -> row of the next; row 0 is empty
    county : int32[rows, 100] last two digits -> place of the county from 1 on, 0 = unknown
    city : int32[counties + 1] place of the first county of the same city
    """

    prefix_row: NDArray[np.int16]
    county: NDArray[np.int32]
    city: NDArray[np.int32]


@inlined_kernel
def region_place(region, regions):  # type: ignore[no-untyped-def]
    """(place of a county, place of its city's first county), 0 where unknown."""
    county = int64(regions.county[regions.prefix_row[region // 100], region % 100])
    return county, int64(regions.city[county])


@inlined_kernel
def record_day(people, slot, system, visit, key, sources):  # type: ignore[no-untyped-def]
    """The day a record was made: not before its system or its person, not after either."""
    bits = draw_bits(key, DAY)
    birth, first = int64(people.birth_day[slot]), int64(sources.first_day[system])
    last = int64(REFERENCE_DAY)
    if people.death_day[slot] > 0:
        last = min(last, int64(people.death_day[slot]))
    age = sources.age_days[system, int64(bits >> uint64(56))]
    day = last - age - bits_below(low_half(bits), 90)
    earliest = max(birth, first)
    is_child = REFERENCE_DAY - birth < ADULT_DAYS
    if system == MATERNAL and is_child and visit == 0 and birth >= first:
        if low_half(draw_bits(bits, 1)) < _NEWBORN_LIMIT:
            return min(last, birth + bits_below(low_half(bits), 6))
    if system == HOSPITAL and visit == 0 and REFERENCE_DAY - birth < 1100 and birth >= first:
        if low_half(draw_bits(bits, 1)) < _NEWBORN_LIMIT // uint64(2):
            return min(last, birth + bits_below(low_half(bits), 40))
    if system == MATERNAL and not is_child:
        earliest = max(first, birth + MOTHER_FROM)
        latest = min(last, birth + MOTHER_TO)
        if earliest < latest:
            return earliest + bits_below(low_half(bits), latest - earliest)
        earliest = first
    if day < earliest:
        day = earliest + bits_below(low_half(bits), max(1, last - earliest + 1))
    return min(day, last)


@inlined_kernel
def hospital_number(people, slot, visit, day, person_key, key, regions):  # type: ignore[no-untyped-def]
    """Source number of the hospital: mostly one's own, of the place where one lived then."""
    region = int64(people.live_region[slot])
    if day < people.moved_day[slot] and people.previous_address[slot, 1] != 0:
        region = int64(people.previous_address[slot, 0])
    bits = draw_bits(person_key, 1 << 20)
    if visit > 0:
        other = draw_bits(key, PLACE)
        if low_half(draw_bits(other, 1)) >= _SAME_LIMIT:
            bits = other
    county, city = region_place(region, regions)
    which = high_half(bits)
    if low_half(bits) < _CITY_LIMIT:
        kind = int64(which >= uint64(2576980377)) + int64(which >= uint64(3865470566))
        return HOSPITAL_BASE + city * HOSPITALS_A_COUNTY + OWN_HOSPITALS + kind
    kind = int64(which >= uint64(2576980377)) + int64(which >= uint64(3779571220))
    return HOSPITAL_BASE + county * HOSPITALS_A_COUNTY + kind


@inlined_kernel
def make_record(  # type: ignore[no-untyped-def]
    record, people, slot, system, visit, person_key, key, unit_root, sources, regions
):
    """When, where and in which style a record was made; (its day, the key of its desk's unit)."""
    day = record_day(people, slot, system, visit, key, sources)
    style = draw_bits(key, STYLE)
    record.day, record.style = day, style
    record.second = 28800 + bits_below(high_half(style), 34200)
    if system == HOSPITAL:
        source = hospital_number(people, slot, visit, day, person_key, key, regions)
        unit = draw_bits(unit_root, source)
    else:
        source = system
        province = int64(people.register_region[slot]) // 10000
        unit = draw_bits(unit_root, -(system * 100 + province))
    record.source, record.unit = source, unit
    return day, unit


@inlined_kernel
def state_person(  # type: ignore[no-untyped-def]
    record, people, known, slot, system, day, unit, key, sources, slips, name, pool, used
):
    """What a record says of its person, with the slips of its desk; places of `pool` used now."""
    bits = draw_bits(key, CARE)
    desk = int64(draw_bits(unit, int64(bits >> uint64(60)) & 7)) & 255
    care = sources.desk[system, desk] * sources.care[system, int64(bits) & 255]
    rates, kept = sources.rate[system], sources.kept[system]
    kind, length, causes = draw_name(
        *(people, known, slot, day, care, key, unit, rates),
        *(sources.name_sum[system], kept, slips, name),
    )
    record.name_kind, record.name_length, record.name_start = kind, length, used
    if kind == NAME_ALTERED:
        for at in range(length):
            pool[used + at] = name[at]
        used += length
    kind, body, check, more = draw_id(
        people, slot, day, care, key, rates, sources.id_sum[system], kept, causes
    )
    causes |= more
    record.id_kind, record.id_body, record.id_check = kind, body, check
    record.birth_date, more = draw_birth_date(
        *(people, known, slot, care, key, rates),
        *(sources.birth_sum[system], causes, slips),
    )
    causes |= more
    record.sex, more = draw_sex(people, slot, care, key, rates)
    causes |= more
    record.phone, more = draw_phone(people, slot, day, care, key, rates, kept, causes)
    causes |= more
    kind, form, region, more = draw_address(
        *(people, known, slot, day, care, key, rates, kept),
        *(sources.is_registered[system], causes),
    )
    record.address_kind, record.address_form, record.region = kind, form, region
    record.causes = causes | more
    return used


@inlined_kernel
def fill_columns(record, people, slot, system, day, key, sources):  # type: ignore[no-untyped-def]
    """Which of the further columns a record fills."""
    bits = draw_bits(key, COLUMNS)
    is_unknown = (record.causes & bit(UNKNOWN_PERSON)) != uint64(0)
    is_newborn = (record.causes & bit(NEWBORN_PLACEHOLDER)) != uint64(0)
    record.has_former_name = (
        people.former_name_length[slot] > 0
        and record.name_kind != NAME_FORMER
        and day >= people.rename_day[slot]
        and low_half(bits) < sources.former[system]
        and not is_unknown
    )
    record.card_kind = CARD_NONE
    if high_half(bits) < sources.card[system] and not is_unknown:
        if system == HEALTH_CARD and people.id_body[slot] != 0:
            record.card_kind = CARD_ID
        elif people.health_card[slot] != 0 and not is_newborn:
            record.card_kind = CARD_LOCAL
    record.has_mother_id = record.has_certificate = False
    age_days = day - people.birth_day[slot]
    if age_days < ADULT_DAYS and not is_unknown:
        more, mother = draw_bits(bits, 1), int64(people.mother[slot])
        record.has_mother_id = (
            mother >= 0 and people.id_body[mother] != 0 and low_half(more) < sources.mother[system]
        )
        record.has_certificate = (
            people.birth_certificate[slot] != 0
            and age_days < 2557
            and high_half(more) < sources.certificate[system]
        )
    if low_half(draw_bits(bits, 2)) >= sources.region[system] or is_unknown:
        record.region = 0


@kernel
def order_by_person(visits, first, stop, starts, order):  # type: ignore[no-untyped-def]
    """Places 0 to stop - first sorted by the person of the visit: what is known of one serves all.

    starts : int32[1026]; order : int16[stop - first]
    """
    starts[:] = 0
    for place in range(first, stop):
        starts[(visits[place] >> uint32(20)) + 1] += 1
    for slot in range(1, starts.shape[0]):
        starts[slot] += starts[slot - 1]
    for place in range(first, stop):
        slot = visits[place] >> uint32(20)
        order[starts[slot]] = place - first
        starts[slot] += 1


@kernel
def draw_records(  # type: ignore[no-untyped-def]
    people_block,
    first_person,
    key,
    source_block,
    slip_block,
    region_block,
    visits,
    first,
    stop,
    records,
    pool,
    order,
    starts,
    known_block,
):
    """Fill records[: stop - first] with visits[first:stop], sorted by person.

    pool : uint32, names that are not their person's present or former one
    order : int16, gets the place that each record has among visits[first:stop]
    starts : int32[1026] scratch; known_block : KNOWN_FIELDS[1] of the thread
    """
    people, sources, slips = people_block[0], source_block[0], slip_block[0]
    regions, known = region_block[0], known_block[0]
    used, last = int64(0), int64(-1)
    person_key = uint64(0)
    name = np.empty(NAME_ROOM, np.uint32)
    person_root, record_root = key_of(key, 1), key_of(key, 2)
    unit_root = key_of(key, 3)
    order_by_person(visits, first, stop, starts, order)
    for turn in range(stop - first):
        place = int64(order[turn])
        visit = int64(visits[first + place])
        slot, system, number = visit >> 20, (visit >> 16) & 15, visit & 0xFFFF
        if slot != last:
            last = slot
            person_key = draw_bits(person_root, first_person + slot)
            know_person(known, people, slot, slips)
        record_key = draw_bits(record_root, (first_person + slot) << 20 | (visit & 0xFFFFF))
        record = records[turn]
        record.slot, record.visit, record.system = slot, number, system
        day, unit = make_record(
            *(record, people, slot, system, number, person_key, record_key, unit_root),
            *(sources, regions),
        )
        used = state_person(
            *(record, people, known, slot, system, day, unit, record_key, sources, slips),
            *(name, pool, used),
        )
        fill_columns(record, people, slot, system, day, record_key, sources)
