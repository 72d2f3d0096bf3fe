"""One lane of constrained clustering: a batch of components with its state and known weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mpi.cluster_kernels import (
    STATE_COLUMNS,
    UNASKED,
    advance_components,
    copy_table,
    fill_cluster_confidence,
    fill_known_weights,
    start_state,
)

__all__ = ["Lane", "LaneInput", "Requests"]

_REQUESTS_MAX: Final = 1 << 18
_TRIANGLE_ROWS_MAX: Final = 24
_DEPTH_START: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneInput:
    """A batch of components in rows of its own.

    Attributes
    ----------
    rows : int32[m], the table's row of each lane row; components adjacent, rows rising in each
    row_offsets, edge_offsets : int64[n_components + 1]
    left, right : int32[e] lane rows; weight : float64[e]; each component's edges in falling weight
    identity_class : int32[m], equal for equal identities, -1 = none
    mark_offsets, marks : int64[m + 1], int32[]: lane rows a steward declared different
    masks : uint64[m, words], the duplicate-free source of each row as a bit
    priority : uint64[m], distinct; the smallest represent a cluster
    """

    rows: NDArray[np.int32]
    row_offsets: NDArray[np.int64]
    edge_offsets: NDArray[np.int64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    weight: NDArray[np.float64]
    identity_class: NDArray[np.int32]
    mark_offsets: NDArray[np.int64]
    marks: NDArray[np.int32]
    masks: NDArray[np.uint64]
    priority: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Requests:
    """Pairs that a lane waits for: table rows, and where the answers go.

    `is_identity` tells a question about two identities from one about a match weight.
    """

    slots: NDArray[np.int64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    is_identity: NDArray[np.bool_]


class Lane:
    """Holds the state of a batch of components between waves of scoring."""

    def __init__(self, given: LaneInput, rules: NDArray[np.float64], width: int) -> None:
        self.given = given
        self.rules = rules
        row_count, edge_count = len(given.rows), len(given.left)
        self.reasons = np.zeros(edge_count, np.uint8)
        self.mean_weight = np.zeros(row_count, np.float64)
        self.pairs_asked = 0
        self._state = np.empty((row_count, STATE_COLUMNS + width), np.int32)
        self._shadow = np.empty_like(self._state)
        self._masks = given.masks
        self._shadow_masks = np.empty_like(given.masks)
        self._positions = given.edge_offsets[:-1].copy()
        self._depths = np.full(len(self._positions), _DEPTH_START, np.int64)
        self._requests = np.empty((min(_REQUESTS_MAX, 16 * row_count), 4), np.int64)
        self._counters = np.zeros(2, np.int64)
        self._keys = np.zeros(0, np.uint64)
        self._values = np.zeros(0, np.float64)
        self._first_open_row = 0
        start_state(given.identity_class, given.mark_offsets, self._state)
        self._triangles, self._dense_start, self._first_row = _triangles(given.row_offsets)
        in_table = int(np.count_nonzero(self._dense_start[given.left] < 0))
        self._make_room(in_table)
        self._counters[1] = fill_known_weights(given.left, given.right, given.weight, self._table())

    def advance(self) -> Requests:
        """Decide what can be decided; what is asked for is empty once all is."""
        given = self.given
        self._make_room(len(self._requests))
        self._counters[0] = 0
        edges = (
            given.left, given.right, given.weight,
            given.identity_class, given.mark_offsets, given.marks, given.priority,
        )  # fmt: skip
        open_count = advance_components(
            given.row_offsets, given.edge_offsets, edges, self.rules,
            self._table(), self._state, self._masks, self._shadow,
            self._shadow_masks, self._positions, self._depths, self._requests,
            self._counters, self.reasons,
        )  # fmt: skip
        requests = self._asked()
        assert (open_count > 0) == (len(requests.slots) > 0), "a wave must make progress"
        return requests

    def judge_members(self) -> Requests:
        """Fill `mean_weight`; what is asked for is empty once all is."""
        if self._first_open_row == len(self.given.rows):
            return self._none()
        self._make_room(len(self._requests))
        self._counters[0] = 0
        self._first_open_row = fill_cluster_confidence(
            self._state, self._first_open_row, self.rules,
            self._table(), self._requests, self._counters, self.mean_weight,
        )  # fmt: skip
        return self._asked()

    def answer(self, requests: Requests, values: NDArray[np.float64]) -> None:
        """Put the answers, in the order of the requests, where the kernels look."""
        in_table = requests.slots >= 0
        self._values[requests.slots[in_table]] = values[in_table]
        self._triangles[-1 - requests.slots[~in_table]] = values[~in_table]

    def clusters(self) -> NDArray[np.int32]:
        """The table's smallest row of each lane row's cluster."""
        root = self._state[:, 0].copy()
        while not np.array_equal(root, root[root]):
            root = root[root]
        return self.given.rows[root]

    def _table(self) -> tuple[NDArray[Any], ...]:
        return self._keys, self._values, self._triangles, self._dense_start, self._first_row

    def _asked(self) -> Requests:
        asked = self._requests[: self._counters[0]]
        self.pairs_asked += len(asked)
        rows = self.given.rows
        return Requests(
            asked[:, 0].copy(), rows[asked[:, 1]], rows[asked[:, 2]], asked[:, 3].astype(np.bool_)
        )

    def _none(self) -> Requests:
        self._counters[0] = 0
        return self._asked()

    def _make_room(self, more: int) -> None:
        """Keep the table at most half full with `more` entries added."""
        needed = 2 * (int(self._counters[1]) + more)
        if needed <= len(self._keys):
            return
        size = 1 << max(10, (needed - 1).bit_length())
        keys, values = np.zeros(size, np.uint64), np.empty(size, np.float64)
        copy_table(self._keys, self._values, keys, values)
        self._keys, self._values = keys, values


def _triangles(
    row_offsets: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Room for the pairs of small components: values, and for each row where its component's
    begin (-1 = hashed) and the component's first row."""
    sizes = np.diff(row_offsets)
    room = np.where(sizes <= _TRIANGLE_ROWS_MAX, sizes * (sizes - 1) // 2, 0)
    ends = np.cumsum(room)
    starts = np.where(sizes <= _TRIANGLE_ROWS_MAX, ends - room, -1)
    values = np.full(int(ends[-1]) if len(ends) else 0, UNASKED)
    return values, np.repeat(starts, sizes), np.repeat(row_offsets[:-1], sizes)
