"""One community after the other: its people drawn, then its records; the work of one thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data_gen.address_pieces import address_pieces, region_numbers
from data_gen.blocks import as_block
from data_gen.community import community_people, frame_community, population_key
from data_gen.counter import key_of
from data_gen.draw import PeopleScratch, draw_people, people_scratch
from data_gen.facts import facts
from data_gen.parameters import FRAME_COMMUNITIES, GeneratorParameters
from data_gen.people import COMMUNITY_PEOPLE, People
from data_gen.record_kernels import draw_records
from data_gen.record_layout import KNOWN_FIELDS, RECORD_FIELDS
from data_gen.slips import slip_tables
from data_gen.source_tables import source_tables
from data_gen.sources import AGE_BANDS
from data_gen.visit_kernels import VISITS_MAX, count_groups, draw_visits

__all__ = [
    "RecordTables",
    "Workspace",
    "community_records",
    "draw_community_records",
    "draw_stretches",
    "record_count",
    "record_tables",
]

_RECORDS: Final = 64
"""Purpose of the key that all draws of records come from."""
_SAMPLE: Final = 16
"""Communities of the nation whose ages, sexes and places scale the coverage of the sources."""
_CODES_A_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class RecordTables:
    """What the kernels of records need, the same for all threads of a population.

    Attributes
    ----------
    sources, slips, regions, pieces : `SourceTables`, `SlipTables`, `RegionNumbers` and
        `AddressPieces`, each as one record (see `blocks`)
    """

    parameters: GeneratorParameters
    key: np.uint64
    sources: NDArray[np.void]
    slips: NDArray[np.void]
    regions: NDArray[np.void]
    pieces: NDArray[np.void]
    county_code: NDArray[np.int32]


@lru_cache(maxsize=4)
def record_tables(parameters: GeneratorParameters) -> RecordTables:
    """Tables for a population.

    Parameters
    ----------
    parameters : of the population; its size does not matter, so that populations of one seed nest

    Returns
    -------
    RecordTables
    """
    people, groups = People(), np.zeros((2, 2, len(AGE_BANDS)))
    for sample in range(_SAMPLE):
        community = (2 * sample + 1) * FRAME_COMMUNITIES // (2 * _SAMPLE)
        draw_people(parameters, facts(), community, people)
        count_groups(people.block, COMMUNITY_PEOPLE, groups)
    return RecordTables(
        parameters,
        np.uint64(key_of(population_key(parameters.seed), _RECORDS)),
        as_block(source_tables(parameters, groups)),
        as_block(slip_tables()),
        as_block(region_numbers()),
        as_block(address_pieces()),
        facts().county_code,
    )


def community_records(parameters: GeneratorParameters, position: int) -> int:
    """Records of the community at `position` of a population: of all but the last the same.

    Parameters
    ----------
    parameters : GeneratorParameters
    position : 0 to parameters.communities - 1
    """
    return round(community_people(parameters, position) * parameters.records_per_person)


def record_count(parameters: GeneratorParameters) -> int:
    """Records of a population.

    Parameters
    ----------
    parameters : GeneratorParameters
    """
    whole = parameters.communities - 1
    return whole * parameters.records_per_community + community_records(parameters, whole)


@dataclass(slots=True)
class Workspace:
    """Buffers of one thread, filled anew for each community.

    Attributes
    ----------
    people : the community last drawn
    scratch : of the drawing of people
    visits : uint32[VISITS_MAX], see `visit_kernels.draw_visits`
    records : RECORD_FIELDS[records of a community]
    order : int16[records of a community], the place of each record, for they stand person by person
    known : KNOWN_FIELDS[1], what was worked out of the person last met, and of addresses
    starts : int32[1026], scratch
    pool : uint32, code points of names that are not their person's
    slow : lists of text of `encoded`, made by the first batch
    """

    records_max: int
    people: People = field(default_factory=People)
    scratch: PeopleScratch = field(default_factory=people_scratch)
    visits: NDArray[np.uint32] = field(default_factory=lambda: np.empty(VISITS_MAX, np.uint32))
    records: NDArray[np.void] = field(init=False)
    order: NDArray[np.int16] = field(init=False)
    pool: NDArray[np.uint32] = field(init=False)
    known: NDArray[np.void] = field(default_factory=lambda: np.zeros(1, KNOWN_FIELDS))
    starts: NDArray[np.int32] = field(
        default_factory=lambda: np.zeros(COMMUNITY_PEOPLE + 2, np.int32)
    )
    slow: Any = None

    def __post_init__(self) -> None:
        self.records = np.zeros(self.records_max, RECORD_FIELDS)
        self.order = np.empty(self.records_max, np.int16)
        self.pool = np.empty(self.records_max * _CODES_A_NAME, np.uint32)

    def turn(self, count: int) -> NDArray[np.int64]:
        """Which entry of `records` stands at each place: int64[count]."""
        turn = np.empty(count, np.int64)
        turn[self.order[:count]] = np.arange(count)
        return turn

    @property
    def block(self) -> NDArray[np.void]:
        """The arrays of `people` as one record."""
        return self.people.block


def draw_community_records(
    tables: RecordTables, position: int, first: int, stop: int, workspace: Workspace
) -> None:
    """Draw the people of a community and some of its records.

    Parameters
    ----------
    tables : RecordTables
    position : of the community in the population
    first, stop : which of the community's records, 0 <= first < stop
    workspace : its `people` become the community's, its `records[: stop - first]` the records,
        sorted by person

    Notes
    -----
    A record is the same whatever the slice it is drawn in.
    """
    parameters = tables.parameters
    community = frame_community(parameters, position)
    count = community_people(parameters, position)
    draw_people(
        *(parameters, facts(), community, workspace.people),
        count=count,
        scratch=workspace.scratch,
    )
    block, person = workspace.block, community * COMMUNITY_PEOPLE
    target = community_records(parameters, position)
    draw_visits(block, count, person, tables.key, tables.sources, target, workspace.visits)
    draw_records(
        *(block, person, tables.key, tables.sources, tables.slips, tables.regions),
        *(workspace.visits, first, stop, workspace.records, workspace.pool),
        *(workspace.order, workspace.starts, workspace.known),
    )


def draw_stretches(
    tables: RecordTables, start: int, stop: int, workspace: Workspace
) -> Iterator[NDArray[np.int64]]:
    """Draw records start to stop of a population, the part of one community after another.

    Parameters
    ----------
    tables : RecordTables
    start, stop : record numbers, start < stop
    workspace : holds what was drawn until the next step

    Yields
    ------
    int64[n] : numbers of the records drawn, by place
    """
    each, number = tables.parameters.records_per_community, start
    while number < stop:
        position, first = divmod(number, each)
        last = min(community_records(tables.parameters, position), stop - position * each)
        draw_community_records(tables, position, first, last, workspace)
        yield np.arange(number, number + last - first)
        number += last - first
