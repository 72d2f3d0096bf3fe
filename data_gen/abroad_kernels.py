"""Kernels: people from abroad and from Hong Kong, Macao and Taiwan, and their documents.

Who comes from abroad has a rank: the first slots of a permutation of the nation's households. What
must be one person's alone - travel permits, passports, the numbers of residence permits - follows
from the rank, so nobody else can hold it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64, uint64

from data_gen.counter import bits_below, draw_bits, high_half, key_of, low_half, permute
from data_gen.id_kernels import days_of, year_start
from data_gen.parameters import PEOPLE_MAX, REFERENCE_DAY
from data_gen.people import COMMUNITY_PEOPLE
from data_gen.value_kernels import civil_date
from person.jit import kernel

__all__ = ["fill_origins"]

_FOREIGNER: Final = 46
_HONG_KONG, _MACAO, _TAIWAN, _FOREIGN = range(1, 5)
_ORIGIN_ENDS: Final = np.array([0, 26, 30, 41, 100], np.int64)
"""Percent of the people from abroad (census 2020): 26 from Hong Kong, 4 Macao, 11 Taiwan, 59
foreigners; each origin's part ends where its number says."""
_MEMBERS_MAX: Final = 16
"""More than a household has."""
_PERMIT_PERCENT: Final = 40
"""Residents from Hong Kong, Macao and Taiwan with a residence permit (assumed)."""
_PERMITS_FROM: Final = 17_775  # 2018-09-01
_SEQUENCES: Final = 499
"""Sequence numbers of a day and a sex."""


@kernel
def fill_origins(seed_key, key, rates, community, register, county, status, years, out):  # type: ignore[no-untyped-def]
    """Households of foreigners and people of Hong Kong, Macao, Taiwan; rates[2] their share.

    years int64[1024] of birth before 2020. Comes after `fill_ids`: takes numbers away again, and
    moves the birth days of those with a permit within their years.
    """
    rank_key, own_key = key_of(seed_key, _FOREIGNER), key_of(key, _FOREIGNER)
    limit = int64((uint64(PEOPLE_MAX) * rates[2]) >> uint64(32))
    household, origin, document_type, document = (
        out.household, out.origin, out.document_type, out.document
    )  # fmt: skip
    first, rank = int64(-1), int64(0)
    for row in range(COMMUNITY_PEOPLE):
        if document_type[row] != 0:
            document[row] = 0
        document_type[row], origin[row] = 0, 0
        if household[row] != first:
            first = int64(household[row])
            rank = permute(community * COMMUNITY_PEOPLE + first, PEOPLE_MAX, rank_key)
        if rank >= limit:
            continue
        place, start, size = _origin_of(rank, limit)
        origin[row] = place
        member = (rank - start) * _MEMBERS_MAX + row - first
        bits = draw_bits(own_key, row + COMMUNITY_PEOPLE)
        document_type[row] = _document(place, member, bits, rank_key, document[row])
        out.previous_id_body[row], out.id_change_day[row] = 0, 0
        out.id_body[row], out.id_region[row] = 0, 0
        out.had_15_digits[row] = False
        if place != _FOREIGN:
            _residence_permit(place, rank - start, size, rank_key, bits, row, first, years, out)
        register[row] = county
        status[row] = 0


@kernel
def _origin_of(rank, limit):  # type: ignore[no-untyped-def]
    """(origin, first rank of that origin, how many ranks it has)."""
    place = int64(_HONG_KONG)
    while rank >= limit * _ORIGIN_ENDS[place] // 100:
        place += 1
    start = limit * _ORIGIN_ENDS[place - 1] // 100
    return place, start, limit * _ORIGIN_ENDS[place] // 100 - start


@kernel
def _residence_permit(origin, rank, size, rank_key, bits, row, first, years, out):  # type: ignore[no-untyped-def]
    """The 18-digit permit of some from Hong Kong, Macao and Taiwan, issued since 2018-09-01.

    The households' ranks are permuted anew for each year of birth and sex. The first 40 % have
    the numbers of that year, first the first one of every day; so a number gives the birth day.
    Of one year and sex only one member of a household has a permit, and no twin. Where so many
    people come from abroad that a year's numbers do not suffice, fewer have one.
    """
    year_row, sex = years[row], int64(out.sex[row])
    if out.twin[row] >= 0:
        return
    for other in range(first, row):
        if years[other] == year_row and out.sex[other] == out.sex[row]:
            return
    year = 2020 - year_row
    days = days_of(year)
    unit = permute(rank, size, key_of(rank_key, (origin * 4096 + year) * 2 + sex - 1))
    if unit >= min(size * _PERMIT_PERCENT // 100, days * _SEQUENCES):
        return
    day_of_year, sequence = unit % days, 2 * (unit // days) + sex
    birth = year_start(year) + day_of_year
    issued = max(_PERMITS_FROM, birth + 30) + bits_below(high_half(draw_bits(bits, 2)), 760)
    last = int64(out.death_day[row]) if out.death_day[row] > 0 else int64(REFERENCE_DAY)
    if issued >= last:
        return
    region = 800_000 + 10_000 * origin
    out.birth_day[row] = birth
    out.id_body[row] = (region * 100_000_000 + civil_date(birth)) * 1000 + sequence
    out.id_region[row], out.id_day[row] = region, issued


@kernel
def _document(origin, member, bits, rank_key, text):  # type: ignore[no-untyped-def]
    """Write a document's number: passport, residence card, travel permit; returns its type.

    member : a number no other person of this origin has. Of passports there are 26 * 10**8, of
    travel permits 10**8: enough for all while fewer than 1.7 % come from abroad.
    """
    digits, at, kind = 8, 1, 1
    size = int64(100_000_000 if origin != _FOREIGN else 2_600_000_000)
    number = permute(member % size, size, key_of(rank_key, origin))
    if origin == _FOREIGN and bits >> uint64(61) != uint64(0):
        text[0] = 65 + number // 100_000_000
    elif origin == _FOREIGN:
        kind, digits, at = 4, 12, 3
        for place in range(3):
            text[place] = 65 + int64((bits >> uint64(35 + 5 * place)) % uint64(26))
        number = number * 100 + int64(low_half(bits) % uint64(100))
    elif origin == _TAIWAN:
        kind, at = 3, 0
    else:
        kind = 2
        text[0] = 72 if origin == _HONG_KONG else 77
    for place in range(at + digits - 1, at - 1, -1):
        text[place] = 48 + number % 10
        number //= 10
    return kind
