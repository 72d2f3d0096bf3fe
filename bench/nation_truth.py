"""The clusters of a generated population held against its truth, community by community.

All records of a person lie in one community, so true pairs and those found are counted where the
community is drawn again; a person is told by the number of their first record. Nothing but
arrays of 4, 2 and 1 bytes a record is held beside the clusters themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import int64
from numpy.typing import NDArray

from data_gen.community import community_people, frame_community
from data_gen.draw import draw_people
from data_gen.facts import facts
from data_gen.people import COMMUNITY_PEOPLE
from data_gen.population import Population
from data_gen.records import Workspace, community_records, record_tables
from data_gen.visit_kernels import draw_visits
from person.jit import kernel
from person.threads import map_slices, slices

__all__ = ["ClusterTruth", "judge_clusters"]

COMMUNITIES_AT_ONCE: Final = 64
ROWS_AT_ONCE: Final = 1 << 22
_MANY: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTruth:
    """Pairs of records, and clusters that hold more than one person.

    Attributes
    ----------
    people : people with a record
    true_pairs, found_pairs, correct_pairs : pairs of one person; put together; both
    mixed_clusters : clusters of more than one person
    largest_cluster : records; 65,535 stands for that many or more
    """

    people: int
    true_pairs: int
    found_pairs: int
    correct_pairs: int
    mixed_clusters: int
    largest_cluster: int

    @property
    def precision(self) -> float:
        return self.correct_pairs / self.found_pairs if self.found_pairs else 1.0

    @property
    def recall(self) -> float:
        return self.correct_pairs / self.true_pairs if self.true_pairs else 1.0

    @property
    def f1(self) -> float:
        both = self.true_pairs + self.found_pairs
        return 2 * self.correct_pairs / both if both else 1.0


@kernel
def _judge_community(visits, count, first_row, cluster, first_of, out_person, out):  # type: ignore[no-untyped-def]
    """Write each record's person, as the number of their first record, and count pairs.

    visits uint32[count], slot << 20 | ...; first_of int64[1024], overwritten; out int64[3] gains
    people, true pairs and correct pairs.
    """
    first_of[:] = -1
    for place in range(count):
        slot = int64(visits[place]) >> int64(20)
        row = first_row + place
        if first_of[slot] < 0:
            first_of[slot] = row
            out[0] += 1
        out_person[row] = first_of[slot]
    for place in range(count):
        row = first_row + place
        for earlier in range(out_person[row] - first_row, place):
            if out_person[first_row + earlier] == out_person[row]:
                out[1] += 1
                out[2] += int64(cluster[first_row + earlier] == cluster[row])


@kernel
def _count_members(cluster, sizes):  # type: ignore[no-untyped-def]
    for row in range(cluster.shape[0]):
        if sizes[cluster[row]] < _MANY:
            sizes[cluster[row]] += 1


@kernel
def _mark_mixed(cluster, person, start, stop, mixed):  # type: ignore[no-untyped-def]
    for row in range(start, stop):
        if person[row] != person[cluster[row]]:
            mixed[cluster[row]] = True


@kernel
def _sum_clusters(sizes, mixed, start, stop, out):  # type: ignore[no-untyped-def]
    """out int64[3] gains pairs and mixed clusters, and takes the largest size."""
    for label in range(start, stop):
        size = int64(sizes[label])
        out[0] += size * (size - 1) // int64(2)
        out[1] += int64(mixed[label])
        out[2] = max(out[2], size)


def judge_clusters(
    population: Population,
    cluster: NDArray[np.uint32],
    *,
    advance: Callable[[int], Any] = lambda _: None,
) -> ClusterTruth:
    """Hold clusters of all records of a population against who they are of.

    Parameters
    ----------
    population : its people are drawn again
    cluster : uint32[n_records], smallest record number of each record's cluster
    advance : told of the records judged

    Notes
    -----
    7 bytes a record beside `cluster`. Pairs of clusters above 65,535 records are counted as if
    they held 65,535.
    """
    count = population.record_count
    assert len(cluster) == count
    person = np.empty(count, np.uint32)
    totals = np.zeros(3, np.int64)
    for counted in map_slices(
        lambda part: _judge_communities(population, part, cluster, person, advance),
        slices(population.communities, COMMUNITIES_AT_ONCE),
    ):
        totals += counted
    sizes = np.zeros(count, np.uint16)
    _count_members(cluster, sizes)
    mixed = np.zeros(count, np.bool_)
    rows = slices(count, ROWS_AT_ONCE)
    map_slices(lambda part: _mark_mixed(cluster, person, part.start, part.stop, mixed), rows)
    found = np.zeros(3, np.int64)
    for part in rows:
        _sum_clusters(sizes, mixed, part.start, part.stop, found)
    return ClusterTruth(
        people=int(totals[0]),
        true_pairs=int(totals[1]),
        correct_pairs=int(totals[2]),
        found_pairs=int(found[0]),
        mixed_clusters=int(found[1]),
        largest_cluster=int(found[2]),
    )


def _judge_communities(
    population: Population,
    positions: slice,
    cluster: NDArray[np.uint32],
    out_person: NDArray[np.uint32],
    advance: Callable[[int], Any],
) -> NDArray[np.int64]:
    parameters = population.parameters
    tables = record_tables(parameters)
    space = Workspace(parameters.records_per_community)
    first_of = np.empty(COMMUNITY_PEOPLE, np.int64)
    out = np.zeros(3, np.int64)
    done = 0
    for position in range(positions.start, positions.stop):
        people = community_people(parameters, position)
        community = frame_community(parameters, position)
        arguments = (parameters, facts(), community, space.people)
        draw_people(*arguments, count=people, scratch=space.scratch)
        records = community_records(parameters, position)
        first_person = community * COMMUNITY_PEOPLE
        draw_visits(
            *(space.block, people, first_person, tables.key, tables.sources, records),
            space.visits,
        )
        first_row = position * parameters.records_per_community
        _judge_community(space.visits, records, first_row, cluster, first_of, out_person, out)
        done += records
    advance(done)
    return out
