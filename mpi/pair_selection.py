"""Which of the kept pairs lie above a line, and which of those are refused: two passes over them.

Weights are those before the table's own prior is brought in; `shift` is added on the way, so that
no second copy of them is made. Pairs are counted slice by slice, then written where they belong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mpi.cluster_types import Edges as Links
from mpi.score_run import Edges
from mpi.weighed import WeighedPairs
from mpi.weight_levels import shifted_chance
from person.jit import kernel, prefetch
from person.threads import map_slices, slices

__all__ = [
    "Selected",
    "are_together",
    "block_refused",
    "pairs_with_flag",
    "select_edges",
    "select_links",
]

SLICE_PAIRS: Final = 1 << 18
AHEAD: Final = 16
"""Pairs whose right record is asked for before it is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """Pairs at or above the review line.

    Attributes
    ----------
    edges : the pairs, the table's own prior in their weights
    is_link : bool[n_edges], at or above the link line, and not refused by their pattern
    refusal : uint8[n_edges], of those at or above the link line, why their pattern is refused
    first : int64[n_slices + 1], where the edges of each slice of the kept pairs begin
    """

    edges: Edges
    is_link: NDArray[np.bool_]
    refusal: NDArray[np.uint8]
    first: NDArray[np.int64]


@kernel
def _count(weight, place, flags, shift, line):  # type: ignore[no-untyped-def]
    """Pairs at or above a line whose pattern has no flag."""
    found = 0
    for pair in range(weight.shape[0]):
        found += weight[pair] + shift >= line and flags[place[pair]] == 0
    return found


@kernel
def _write_links(left, right, weight, place, flags, shift, line, out_left, out_right, out_weight):  # type: ignore[no-untyped-def]
    used = 0
    for pair in range(weight.shape[0]):
        value = weight[pair] + shift
        if value >= line and flags[place[pair]] == 0:
            out_left[used] = left[pair]
            out_right[used] = right[pair]
            out_weight[used] = value
            used += 1


@kernel
def _write_edges(pairs, refused, shift, review, link, out, out_is_link, out_refusal):  # type: ignore[no-untyped-def]
    left, right, weight, place, relative, patterns = pairs
    out_left, out_right, out_weight, out_pattern, out_relative = out
    used = 0
    for pair in range(weight.shape[0]):
        value = weight[pair] + shift
        if value < review:
            continue
        out_left[used] = left[pair]
        out_right[used] = right[pair]
        out_weight[used] = value
        out_pattern[used] = patterns[place[pair]]
        out_relative[used] = shifted_chance(weight[pair], shift, relative[pair])
        reason = refused[place[pair]]
        out_refusal[used] = reason if value >= link else 0
        out_is_link[used] = value >= link and reason == 0
        used += 1


@kernel
def _list_flagged(place, flags, first, out):  # type: ignore[no-untyped-def]
    used = 0
    for pair in range(place.shape[0]):
        if flags[place[pair]]:
            out[used] = first + pair
            used += 1
    return used


@kernel
def _block_refused(weight, place, refused, shift, review, refusal, out):  # type: ignore[no-untyped-def]
    edge = 0
    for pair in range(weight.shape[0]):
        out[pair] = refused[place[pair]] != 0
        if weight[pair] + shift >= review:
            out[pair] |= refusal[edge] != 0
            edge += 1


@kernel
def _are_together(cluster, left, right, out):  # type: ignore[no-untyped-def]
    for pair in range(left.shape[0]):
        prefetch(cluster, np.int64(right[min(pair + AHEAD, left.shape[0] - 1)]))
        out[pair] = cluster[left[pair]] == cluster[right[pair]]


def _over_slices(count: int, work: Callable[[int, slice], Any]) -> list[Any]:
    """Call work(number, slice) for each slice of the pairs, side by side."""
    return map_slices(lambda item: work(*item), enumerate(slices(count, SLICE_PAIRS)))


def _begins(counts: list[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)


def select_links(
    kept: WeighedPairs, refused: NDArray[np.uint8], link: float, shift: float
) -> Links:
    """The pairs at or above the link line that their pattern does not refuse.

    Parameters
    ----------
    kept : scored pairs
    refused : uint8[n_patterns], not 0 where pairs of that pattern must not be linked
    link : the line
    shift : bits to be added to the weights
    """
    weight, place = kept.weight, kept.patterns.place

    def count(_: int, part: slice) -> int:
        return int(_count(weight[part], place[part], refused, shift, link))

    first = _begins(_over_slices(len(kept), count))
    found = int(first[-1])
    out = (np.empty(found, np.int32), np.empty(found, np.int32), np.empty(found))

    def write(number: int, part: slice) -> None:
        where = slice(first[number], first[number + 1])
        given = (kept.left[part], kept.right[part], weight[part], place[part])
        _write_links(*given, refused, shift, link, *(each[where] for each in out))

    _over_slices(len(kept), write)
    return Links(*out)


def select_edges(
    kept: WeighedPairs, refused: NDArray[np.uint8], review: float, link: float, shift: float
) -> Selected:
    """The pairs at or above the review line, and which of them may be linked.

    Parameters
    ----------
    kept, refused, link, shift : as for `select_links`
    review : the review line, not above the link line
    """
    weight, place = kept.weight, kept.patterns.place
    anything = np.zeros(len(refused), np.uint8)

    def count(_: int, part: slice) -> int:
        return int(_count(weight[part], place[part], anything, shift, review))

    first = _begins(_over_slices(len(kept), count))
    found = int(first[-1])
    edges = Edges(
        np.empty(found, np.int32),
        np.empty(found, np.int32),
        np.empty(found),
        np.empty(found, np.int64),
        np.empty(found, np.float32),
    )
    out = (edges.left, edges.right, edges.weight, edges.pattern, edges.relative)
    is_link, refusal = np.empty(found, np.bool_), np.empty(found, np.uint8)

    def write(number: int, part: slice) -> None:
        where = slice(first[number], first[number + 1])
        given = (kept.left[part], kept.right[part], weight[part], place[part])
        _write_edges(
            (*given, kept.relative[part], kept.patterns.pattern),
            *(refused, shift, review, link),
            tuple(each[where] for each in out),
            *(is_link[where], refusal[where]),
        )

    _over_slices(len(kept), write)
    return Selected(edges=edges, is_link=is_link, refusal=refusal, first=first)


def pairs_with_flag(kept: WeighedPairs, flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Numbers, rising, of the pairs whose pattern has a flag.

    Parameters
    ----------
    kept : scored pairs
    flags : bool[n_patterns]
    """
    place = kept.patterns.place

    def found(_: int, part: slice) -> NDArray[np.int64]:
        room = np.empty(part.stop - part.start, np.int64)
        return room[: _list_flagged(place[part], flags, part.start, room)].copy()

    return np.concatenate([np.zeros(0, np.int64), *_over_slices(len(kept), found)])


def block_refused(
    kept: WeighedPairs,
    refused: NDArray[np.uint8],
    selected: Selected,
    refusal: NDArray[np.uint8],
    review: float,
    shift: float,
) -> NDArray[np.bool_]:
    """Which pairs are refused, by their pattern or by what became of them: bool[n_pairs].

    Parameters
    ----------
    kept, refused, review, shift : as `select_edges` got them
    selected : what it gave
    refusal : uint8[n_edges], not 0 where a pair above the review line was refused
    """
    weight, place, first = kept.weight, kept.patterns.place, selected.first
    blocked = np.empty(len(kept), np.bool_)

    def mark(number: int, part: slice) -> None:
        own = refusal[first[number] : first[number + 1]]
        _block_refused(weight[part], place[part], refused, shift, review, own, blocked[part])

    _over_slices(len(kept), mark)
    return blocked


def are_together(
    cluster: NDArray[np.int32], left: NDArray[Any], right: NDArray[Any]
) -> NDArray[np.bool_]:
    """Which pairs lie in one cluster: bool[n_pairs].

    Parameters
    ----------
    cluster : int32[n_records]
    left, right : int32[n_pairs], record numbers
    """
    out = np.empty(len(left), np.bool_)

    def compare(_: int, part: slice) -> None:
        _are_together(cluster, left[part], right[part], out[part])

    _over_slices(len(left), compare)
    return out
