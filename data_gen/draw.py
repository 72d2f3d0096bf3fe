"""Draw the people of a community: one kernel, from the seed and the community's number alone."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import int64
from numpy.typing import NDArray

from data_gen.abroad_kernels import fill_origins
from data_gen.blocks import facts_block
from data_gen.community import population_key
from data_gen.counter import draw_bits, key_of, low_half, rate_bits
from data_gen.facts import Facts
from data_gen.household_kernels import county_of, fill_households, fill_nations
from data_gen.id_kernels import fill_ids, fill_tokens, fill_units
from data_gen.name_kernels import fill_names
from data_gen.parameters import GeneratorParameters
from data_gen.people import COMMUNITY_PEOPLE, People
from data_gen.place_kernels import fill_addresses, fill_cards, fill_phones
from person.jit import kernel

__all__ = ["PeopleScratch", "draw_community", "draw_people", "people_rates", "people_scratch"]

_COMMUNITY: Final = 2

PeopleScratch = NDArray[np.void]
"""Work arrays of `draw_community` as one record; one a thread."""

_SCRATCH: Final = np.dtype(
    [
        ("years", np.int64, COMMUNITY_PEOPLE),  # before 2020, of birth
        ("status", np.int64, COMMUNITY_PEOPLE),  # of the register
        ("register", np.int64, COMMUNITY_PEOPLE),  # its county
        ("home", np.int64, COMMUNITY_PEOPLE),  # county of the id number's issue
        ("line", np.int64, COMMUNITY_PEOPLE),  # template entry, then surname
        ("births", np.int64, 112),  # by year
        ("given", np.int64, (112, 2)),  # from here the `work` of `fill_units`
        ("taken", np.uint8, (2, 32, 112, 2)),
        ("counties", np.int64, (2, 32)),
        ("ranks", np.int64, (2, 32)),
        ("code", np.int64, COMMUNITY_PEOPLE),
        ("unit", np.int64, COMMUNITY_PEOPLE),
        ("double", np.int64, COMMUNITY_PEOPLE),
    ],
    align=True,
)


def people_scratch() -> PeopleScratch:
    """Work arrays for one thread."""
    return np.zeros(1, _SCRATCH)


def people_rates(parameters: GeneratorParameters) -> NDArray[np.uint64]:
    """The rates that `draw_community` takes, as 32-bit limits.

    Parameters
    ----------
    parameters : GeneratorParameters

    Returns
    -------
    uint64[3] : duplicate ids, of them unresolved, people from abroad
    """
    return np.array(
        [
            rate_bits(parameters.duplicate_id_rate),
            rate_bits(parameters.duplicate_id_unresolved),
            rate_bits(parameters.foreign_rate),
        ],
        np.uint64,
    )


@kernel
def draw_community(seed_key, rates, table_block, community, count, scratch_block, people_block):  # type: ignore[no-untyped-def]
    """Fill the arrays of one community.

    seed_key uint64, `population_key`; rates, `people_rates`; table_block, `facts_block`; community
    int64 of the frame; count rows kept (kin beyond are forgotten); scratch_block,
    `people_scratch`; people_block, `People.block`.
    """
    facts, out, scratch = table_block[0], people_block[0], scratch_block[0]
    years, status, register, home = scratch.years, scratch.status, scratch.register, scratch.home
    line, births = scratch.line, scratch.births
    work = (
        scratch.given, scratch.taken, scratch.counties, scratch.ranks, scratch.code, scratch.unit,
        scratch.double,
    )  # fmt: skip
    key = key_of(key_of(seed_key, _COMMUNITY), community)
    county = county_of(community, facts.community_start)
    rank = community - int64(facts.community_start[county])
    urban = low_half(draw_bits(key, 0))
    is_village = float(urban) >= facts.county_urban[county] * 4294967296.0
    fill_households(key, facts, county, line, years, status, out)
    fill_tokens(seed_key, facts, county, rank, work[2], work[3])
    fill_units(key, rates, facts, county, rank, years, status, work, register, home, out)
    fill_ids(seed_key, key, rates, years, work, out)
    fill_origins(seed_key, key, rates, community, register, county, status, years, out)
    fill_nations(key, facts, register, out)
    fill_names(key, facts, is_village, years, line, out)
    fill_addresses(key, facts, county, is_village, status, register, out)
    fill_phones(seed_key, key, facts, county, rank, years, register, out)
    fill_cards(seed_key, key, facts, community, county, rank, years, births, out)
    if count < COMMUNITY_PEOPLE:
        _forget_beyond(count, out)


@kernel
def _forget_beyond(count, out):  # type: ignore[no-untyped-def]
    for row in range(count):
        for kin in (out.mother, out.father, out.spouse, out.twin, out.family_phone):
            if kin[row] >= count:
                kin[row] = -1


def draw_people(
    parameters: GeneratorParameters,
    facts: Facts,
    community: int,
    out: People,
    *,
    count: int = COMMUNITY_PEOPLE,
    scratch: PeopleScratch | None = None,
) -> People:
    """Draw one community of the frame.

    Parameters
    ----------
    parameters : GeneratorParameters; seed and rates count, the size does not
    facts : Facts
    community : number in the frame
    out : People to fill; returned
    count : rows to keep, fewer in a population's last community
    scratch : work arrays to use again, `people_scratch`

    Returns
    -------
    People, `out`
    """
    out.frame_community, out.count = community, count
    draw_community(
        population_key(parameters.seed),
        people_rates(parameters),
        facts_block(facts),
        community,
        count,
        people_scratch() if scratch is None else scratch,
        out.block,
    )
    return out
