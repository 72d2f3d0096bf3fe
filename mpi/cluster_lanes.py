"""Components in which something is contested, cut into lanes for constrained clustering."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mpi.cluster_kernels import ACCEPTED
from mpi.cluster_lane import Lane, LaneInput
from mpi.cluster_types import ClusterOptions, Edges, MergeGuard
from mpi.edge_kernels import group_edges, sort_edges
from person.threads import map_slices, slices, thread_count

__all__ = ["OpenComponents"]

_LANE_ROWS: Final = 100_000
_LANE_EDGES: Final = 1_000_000


class OpenComponents:
    """Components of two records or more that are not settled, cut into lanes."""

    def __init__(
        self,
        edges: Edges,
        reasons: NDArray[np.uint8],
        component: NDArray[np.int32],
        component_size: NDArray[np.int32],
        guard: MergeGuard,
        options: ClusterOptions,
    ) -> None:
        self._edges = edges
        self._guard = guard
        self._options = options
        is_large = component_size >= 2
        roots = np.flatnonzero(is_large & (component == np.arange(len(component))))
        rank = np.full(len(component), -1, np.int32)
        rank[roots] = np.arange(len(roots), dtype=np.int32)
        self._rank = np.where(is_large, rank[component], np.int32(-1)).astype(np.int32)
        members = np.flatnonzero(is_large).astype(np.int32)
        self._row_offsets = _offsets(component_size[roots])
        order = np.empty(len(members), np.int64)
        everyone = np.ones(len(members), np.bool_)
        group_edges(members, self._rank, self._row_offsets[:-1].copy(), everyone, order)
        self._rows = members[order]
        kept = (reasons == ACCEPTED) & (self._rank[edges.left] >= 0)
        counts = np.bincount(self._rank[edges.left[kept]], minlength=len(roots))
        self._edge_offsets = _offsets(counts)
        self._edge_order = np.empty(int(self._edge_offsets[-1]), np.int64)
        group_edges(edges.left, self._rank, self._edge_offsets[:-1].copy(), kept, self._edge_order)
        self._lane_row = np.empty(len(component), np.int32)
        self._mark_left, self._mark_right = self._marks()
        self._lane_sources = {s: bit for bit, s in enumerate(sorted(guard.duplicate_free_sources))}

    def lane_groups(self) -> Iterator[list[tuple[Lane, NDArray[np.int64]]]]:
        """As many lanes at a time as there are threads, each with its edges' numbers."""
        cuts = list(self._cuts())
        for group in slices(len(cuts), thread_count()):
            yield map_slices(self._lane, cuts[group])

    def _cuts(self) -> Iterator[tuple[int, int]]:
        count = len(self._row_offsets) - 1
        first = 0
        while first < count:
            last_by_rows = _last_within(self._row_offsets, first, _LANE_ROWS)
            last_by_edges = _last_within(self._edge_offsets, first, _LANE_EDGES)
            last = max(first + 1, min(last_by_rows, last_by_edges))
            yield first, last
            first = last

    def _marks(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """A steward's pairs inside one component, each both ways, sorted by the first."""
        one, other = self._guard.different_left, self._guard.different_right
        inside = (self._rank[one] >= 0) & (self._rank[one] == self._rank[other]) & (one != other)
        left = np.concatenate([one[inside], other[inside]])
        right = np.concatenate([other[inside], one[inside]])
        order = np.argsort(left, kind="stable")
        return left[order], right[order]

    def _lane(self, cut: tuple[int, int]) -> tuple[Lane, NDArray[np.int64]]:
        first, last = cut
        rows = self._rows[self._row_offsets[first] : self._row_offsets[last]]
        self._lane_row[rows] = np.arange(len(rows), dtype=np.int32)  # lanes share no row
        edge_offsets = self._edge_offsets[first : last + 1] - self._edge_offsets[first]
        numbers = self._edge_order[self._edge_offsets[first] : self._edge_offsets[last]]
        left = self._lane_row[self._edges.left[numbers]]
        right = self._lane_row[self._edges.right[numbers]]
        weight = self._edges.weight[numbers]
        order = np.arange(len(numbers))
        sort_edges(order, edge_offsets, left, right, weight, np.empty_like(order))
        mark_offsets, marks = self._lane_marks(rows)
        given = LaneInput(
            rows=rows,
            row_offsets=self._row_offsets[first : last + 1] - self._row_offsets[first],
            edge_offsets=edge_offsets,
            left=left[order],
            right=right[order],
            weight=weight[order],
            identity_class=self._identity_classes(rows),
            mark_offsets=mark_offsets,
            marks=marks,
            masks=self._source_masks(rows),
            priority=_priorities(rows, self._options.seed),
        )
        options = self._options
        return Lane(given, options.rules(), options.representatives_max), numbers[order]

    def _lane_marks(self, rows: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        begin = np.searchsorted(self._mark_left, rows, side="left")
        counts = np.searchsorted(self._mark_left, rows, side="right") - begin
        offsets = _offsets(counts)
        position = np.repeat(begin - offsets[:-1], counts) + np.arange(offsets[-1])
        return offsets, self._lane_row[self._mark_right[position]]

    def _identity_classes(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        if self._guard.identity is None:
            return np.full(len(rows), -1, np.int32)
        identity = self._guard.identity[rows]
        _, classes = np.unique(identity, return_inverse=True)
        return np.where(identity == 0, -1, classes).astype(np.int32)

    def _source_masks(self, rows: NDArray[np.int32]) -> NDArray[np.uint64]:
        masks = np.zeros((len(rows), (len(self._lane_sources) + 63) // 64), np.uint64)
        if self._guard.source is not None:
            source = self._guard.source[rows]
            for number, bit in self._lane_sources.items():
                masks[source == number, bit // 64] |= np.uint64(1 << (bit % 64))
        return masks


def _last_within(offsets: NDArray[np.int64], first: int, room: int) -> int:
    """Last boundary at most `room` after the first."""
    return int(np.searchsorted(offsets, offsets[first] + room, side="right")) - 1


def _offsets(counts: NDArray[np.int64] | NDArray[np.int32]) -> NDArray[np.int64]:
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def _priorities(rows: NDArray[np.int32], seed: int) -> NDArray[np.uint64]:
    """A permutation of row numbers that looks random: SplitMix64's finaliser."""
    start = (seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % (1 << 64)
    value = rows.astype(np.uint64) + np.uint64(start)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = value ^ (value >> np.uint64(31))
    return mixed
