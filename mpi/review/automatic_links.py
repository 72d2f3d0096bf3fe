"""The links that machines made, as a population to draw samples from.

Of the records of an identity each but the lowest is one link: to the one of the records before it
that it resembles most. So an identity of k records has k - 1 links, and a link is wrong if the two
are not one person. Links that a steward made, or said yes to, are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index_store import Snapshot
from mpi.identity_events import EventKind, decode_event
from mpi.identity_index import IdentityIndex
from mpi.identity_plan import SAME
from mpi.identity_view import StoreState, touched_events

__all__ = ["AutomaticLinks", "sample_links"]

LOOKED_AT_MAX: Final = 50_000
"""Links of the first phase: weighed, so that the second phase can draw by weight."""
PARTNERS_MAX: Final = 64
"""Earlier records of an identity that a record is compared with, the oldest."""
SCAN_RECORDS: Final = 1 << 20
WEIGH_PAIRS: Final = 1 << 17
_MACHINES: Final = frozenset({EventKind.ADD, EventKind.UPDATE, EventKind.BULK})


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomaticLinks:
    """A random sample of the automatic links of an index, or all of them.

    Attributes
    ----------
    population : links of the index; an estimate where they are a sample
    is_complete : these are all of them
    record, other : int64[n], the record that was linked, and the one it resembles most
    weight : float64[n], of the pair, by the present model
    """

    population: int
    is_complete: bool
    record: NDArray[np.int64]
    other: NDArray[np.int64]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.record)


def sample_links(
    index: IdentityIndex, *, seed: int = 0, looked_at_max: int = LOOKED_AT_MAX
) -> AutomaticLinks:
    """Draw links at random, each with the same chance, and weigh them.

    Parameters
    ----------
    index : open
    seed : of the draw
    looked_at_max : most links to look at; an index with fewer is looked at whole

    Returns
    -------
    AutomaticLinks, by record

    Notes
    -----
    Reads the membership of all records once (a byte of memory each) and rows of the drawn ones.
    """
    random = np.random.default_rng(seed)
    with index.store.read() as snapshot:
        linked = _linked_records(snapshot)
        count = int(linked.sum())
        records = _drawn(linked, count, looked_at_max, random)
        del linked
        other, weight = _nearest(snapshot, index, records)
        kept = _are_automatic(snapshot, records, other)
    share = float(kept.mean()) if len(kept) else 0.0
    is_complete = len(records) == count
    return AutomaticLinks(
        population=int(kept.sum()) if is_complete else round(count * share),
        is_complete=is_complete,
        record=records[kept],
        other=other[kept],
        weight=weight[kept],
    )


def _linked_records(snapshot: Snapshot) -> NDArray[np.bool_]:
    """Records that share an identity with one of a lower number: bool[n_records]."""
    count = snapshot.record_count
    seen = np.zeros(count, np.bool_)
    linked = np.zeros(count, np.bool_)
    for first in range(0, count, SCAN_RECORDS):
        records = np.arange(first, min(first + SCAN_RECORDS, count))
        identities = snapshot.identities(records)
        held = identities >= 0
        records, identities = records[held], identities[held]
        distinct, places = np.unique(identities, return_index=True)
        is_later = np.ones(len(records), np.bool_)
        is_later[places] = seen[distinct]
        linked[records] = is_later
        seen[distinct] = True
    return linked


def _drawn(
    linked: NDArray[np.bool_], count: int, most: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Numbers of `most` of the linked records, or of all: int64[n], rising."""
    if count <= most:
        return np.flatnonzero(linked)
    ranks = np.sort(random.choice(count, most, replace=False))
    found, before = [], 0
    for first in range(0, len(linked), SCAN_RECORDS):
        part = np.flatnonzero(linked[first : first + SCAN_RECORDS])
        low, high = np.searchsorted(ranks, [before, before + len(part)])
        found.append(first + part[ranks[low:high] - before])
        before += len(part)
    return np.concatenate(found).astype(np.int64)


def _nearest(
    snapshot: Snapshot, index: IdentityIndex, records: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The record before each in its identity that it resembles most, and the pair's weight."""
    other = np.full(len(records), -1, np.int64)
    best = np.full(len(records), -np.inf)
    first = snapshot.first_identities(records) if len(records) else records
    place, partner = _partners(snapshot, records)
    if not len(place):
        return other, best
    # Those that came in under one identity were put together by machines, whoever came later.
    is_same_first = snapshot.first_identities(partner) == first[place]
    has_same = np.zeros(len(records), np.bool_)
    has_same[place[is_same_first]] = True
    kept = is_same_first | ~has_same[place]
    place, partner = place[kept], partner[kept]
    weight = np.empty(len(place))
    for start in range(0, len(place), WEIGH_PAIRS):
        part = slice(start, start + WEIGH_PAIRS)
        weight[part] = _weights(snapshot, index, records[place[part]], partner[part])
    order = np.lexsort((partner, -weight, place))
    heaviest = order[np.flatnonzero(np.diff(place[order], prepend=-1))]
    other[place[heaviest]], best[place[heaviest]] = partner[heaviest], weight[heaviest]
    return other, best


def _partners(
    snapshot: Snapshot, records: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(place of a record, record before it in its identity), each pair once."""
    if not len(records):
        return records, records
    identities, group = np.unique(snapshot.identities(records), return_inverse=True)
    offsets, members = snapshot.members(identities)
    starts = offsets[group]
    lengths = np.minimum(offsets[group + 1] - starts, PARTNERS_MAX)
    place = np.repeat(np.arange(len(records)), lengths)
    within = np.arange(len(place)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    partner = members[starts[place] + within]
    before = partner < records[place]
    return place[before], partner[before]


def _weights(
    snapshot: Snapshot, index: IdentityIndex, one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.float64]:
    numbers, place = np.unique(np.concatenate([one, other]), return_inverse=True)
    rows = snapshot.rows(numbers)
    left, right = place[: len(one)].astype(np.int32), place[len(one) :].astype(np.int32)
    return index.engine.weigh(rows, rows, left, right).weight


def _are_automatic(
    snapshot: Snapshot, records: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Links that no steward made: bool[n]."""
    kept = other >= 0
    if not kept.any():
        return kept
    state = StoreState(snapshot)
    decided = _decided_records(snapshot)
    first = snapshot.first_identities(records)
    first_other = np.full(len(records), -1, np.int64)
    first_other[kept] = snapshot.first_identities(other[kept])
    movers = _Movers(snapshot)
    doubtful = kept & ((first != first_other) | np.isin(records, decided))
    for at in np.flatnonzero(doubtful).tolist():
        record, partner = int(records[at]), int(other[at])
        decision = state.decisions_of(record).get(partner)
        identity = state.identity_of(record)
        assert identity is not None
        is_made = first[at] == first_other[at]
        kept[at] = (decision is None or decision["verdict"] != SAME) and (
            is_made or movers.was_machine(record, partner, identity)
        )
    return kept


def _decided_records(snapshot: Snapshot) -> NDArray[np.int64]:
    """Records on which a decision stands, rising."""
    keys = b"".join(key for key, _ in snapshot.range("decision"))
    return np.unique(np.frombuffer(keys, ">u4")).astype(np.int64)


class _Movers:
    """Which kind of event brought records into their identity."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._moves: dict[int, tuple[EventKind, dict[int, int | None]]] = {}

    def was_machine(self, record: int, other: int, identity: int) -> bool:
        """Whether a machine brought two records of an identity together, the last time."""
        for number in reversed(touched_events(self._snapshot, identity)):
            kind, moved = self._of(number)
            if moved.get(record) == identity or moved.get(other) == identity:
                return kind in _MACHINES
        return True

    def _of(self, number: int) -> tuple[EventKind, dict[int, int | None]]:
        if number not in self._moves:
            data = self._snapshot.event(number)
            assert data is not None, "a touched event is in the journal"
            event = decode_event(data)
            members = [each for each in event.changes if each.table == "member"]
            self._moves[number] = event.kind, {int(c.key): c.after for c in members}  # type: ignore[arg-type]
        return self._moves[number]
