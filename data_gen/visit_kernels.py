"""Which person is in which source how often, and in what order the records come."""

from __future__ import annotations

from numba import int64, uint32

from data_gen.counter import bits_below, draw_bits, high_half, low_half
from data_gen.parameters import REFERENCE_DAY
from data_gen.people import AddressKind
from data_gen.sources import SYSTEMS
from person.jit import kernel

__all__ = ["VISITS_MAX", "age_band", "count_groups", "draw_visits"]

SYSTEM_COUNT = len(SYSTEMS)
HOSPITAL = SYSTEMS.index("hospital")
AGAIN_MAX = 16
EXTRA_VISIT = 128
VISITS_MAX = 1024 * SYSTEM_COUNT * AGAIN_MAX
"""Visits a community can have before it is brought to its exact number."""
VILLAGE = int(AddressKind.VILLAGE)


@kernel
def age_band(birth_day):  # type: ignore[no-untyped-def]
    """Band of age at the reference day, as `sources.AGE_BANDS` cuts them."""
    age = (REFERENCE_DAY - int64(birth_day)) * 4 // 1461
    band = int64(age >= 1) + int64(age >= 7) + int64(age >= 18)
    return band + int64(age >= 45) + int64(age >= 65)


@kernel
def count_groups(people_block, count, out):  # type: ignore[no-untyped-def]
    """Add a community's people to `out`, float64[2, 2, bands] by (rural, sex - 1, age band)."""
    people = people_block[0]
    for slot in range(count):
        rural = int64(people.register_address[slot, 1] == VILLAGE)
        out[rural, people.sex[slot] - 1, age_band(people.birth_day[slot])] += 1.0


@kernel
def draw_visits(people_block, count, first_person, key, source_block, target, visits):  # type: ignore[no-untyped-def]
    """Fill visits[:target], uint32: slot << 20 | system << 16 | number of the visit.

    Each person is in each system by chance, then again by chance; hospital visits are added, or
    random ones dropped, up to the exact number, and all of them shuffled.
    """
    people, sources, total = people_block[0], source_block[0], int64(0)
    for slot in range(count):
        rural = int64(people.register_address[slot, 1] == VILLAGE)
        sex, band = people.sex[slot] - 1, age_band(people.birth_day[slot])
        person_key = draw_bits(key, first_person + slot)
        for system in range(SYSTEM_COUNT):
            bits = draw_bits(person_key, system)
            if low_half(bits) >= sources.coverage[system, rural, sex, band]:
                continue
            number = int64(0)
            more = high_half(bits)
            while True:
                visits[total] = uint32(slot << 20 | system << 16 | number)
                total += 1
                number += 1
                if more >= sources.again[system] or number == AGAIN_MAX:
                    break
                more = low_half(draw_bits(person_key, number * 8 + system))
    extra_key = draw_bits(key, -first_person - 1)
    while total < target:
        slot = bits_below(low_half(draw_bits(extra_key, total)), count)
        visits[total] = uint32(slot << 20 | HOSPITAL << 16 | (EXTRA_VISIT + total))
        total += 1
    order_key = draw_bits(extra_key, -1)
    for place in range(total - 1, 0, -1):
        other = bits_below(low_half(draw_bits(order_key, place)), place + 1)
        visits[place], visits[other] = visits[other], visits[place]
    return total
