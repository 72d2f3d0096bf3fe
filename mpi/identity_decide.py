"""Link, review or new: the batch engine's lines and guards, applied to one record at a time.

A record links an identity where some pair of records weighs at least the link line and is not
refused by `mpi.pair_guards`, where no guard of `mpi.clustering` keeps it from any member, and
where it agrees with the members as a whole. If two identities would do, or a refused one weighs
more, a steward decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index_store import Snapshot
from mpi.clustering import ClusterOptions, MergeGuard, RefusalReason, direct_refusals
from mpi.decide import REFUSALS
from mpi.identity_candidates import Candidates, find_candidates
from mpi.identity_engine import Engine
from mpi.pair_guards import HELD_APART

__all__ = ["CandidateIdentity", "Outcome", "Queries", "Verdict", "decide_queries"]

AMBIGUOUS: Final = "two identities are likely enough"
STRONGER_REFUSED: Final = "a heavier candidate may not be linked by weight alone"
IN_DOUBT: Final = "the weight lies between the review and the link line"
_CLUSTERS: Final = ClusterOptions()
_FEW: Final = 4
_CERTAIN: Final = frozenset(
    REFUSALS[each]
    for each in (
        RefusalReason.DISSIMILAR_IDENTITY,
        RefusalReason.DUPLICATE_FREE_SOURCE,
    )
)
"""Refusals that say 'another person' for certain, so that they cast no doubt on the next best."""


class Outcome(StrEnum):
    """What becomes of a record."""

    LINK = "LINK"
    REVIEW = "REVIEW"
    NEW = "NEW"


@dataclass(frozen=True, slots=True)
class CandidateIdentity:
    """One identity a record could belong to.

    Attributes
    ----------
    identity : its number
    record : the member that resembles the record most
    weight : match weight of that pair
    refusal : why it may not be linked, None where it may
    place : of the pair among the candidates
    """

    identity: int
    record: int
    weight: float
    refusal: str | None
    place: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided on one record.

    Attributes
    ----------
    outcome : link, review or new
    identity : to link with, None unless linked
    weight : of the best candidate, None without one
    reasons : why not linked, as sentences
    candidates : identities at or above the review line, heaviest first
    also : further identities that would be linked if the first were not there: duplicates of it?
    """

    outcome: Outcome
    identity: int | None
    weight: float | None
    reasons: tuple[str, ...]
    candidates: tuple[CandidateIdentity, ...]
    also: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Queries:
    """Records to decide on.

    Attributes
    ----------
    rows : uint64[k, n_words]
    source : int64[k], number of each record's source, -1 for none known
    itself : int64[k], number of each record where it is in the index, else -1
    different : query -> record numbers that a steward declared different from it
    keys : what `Engine.keys` says of the rows, where it was asked before
    """

    rows: NDArray[np.uint64]
    source: NDArray[np.int64]
    itself: NDArray[np.int64]
    different: Mapping[int, frozenset[int]] = field(default_factory=dict)
    keys: Sequence[NDArray[np.uint64]] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: list[int]) -> Queries:
        """Some of the queries, in that order."""
        return Queries(
            rows=self.rows[chosen],
            source=self.source[chosen],
            itself=self.itself[chosen],
            different={
                place: self.different[query]
                for place, query in enumerate(chosen)
                if query in self.different
            },
            keys=None if self.keys is None else [each[:, chosen] for each in self.keys],
        )


@dataclass(frozen=True, slots=True)
class _Groups:
    """Candidates by query and identity.

    Attributes
    ----------
    query, identity : int64[g]
    best : int64[g], place of the heaviest pair, or of one that holds the two apart
    best_allowed : int64[g], place of the heaviest pair that is not refused, -1 for none
    """

    query: NDArray[np.int64]
    identity: NDArray[np.int64]
    best: NDArray[np.int64]
    best_allowed: NDArray[np.int64]


def decide_queries(
    snapshot: Snapshot, engine: Engine, queries: Queries
) -> tuple[list[Verdict], Candidates]:
    """Decide on records, each for itself.

    Parameters
    ----------
    snapshot : of the index; nothing is written
    engine : its compiled facts
    queries : the records

    Returns
    -------
    (one Verdict a record, the candidates they rest on)
    """
    candidates = find_candidates(snapshot, engine, queries.rows, queries.itself, queries.keys)
    # One number on two people is a question whatever the rest weighs.
    is_worth = candidates.weighed.weight >= engine.facts.review_weight
    is_worth |= _are_held_apart(candidates.refusal)
    worth = np.flatnonzero(is_worth)
    verdicts = [Verdict(Outcome.NEW, None, None, (), ())] * len(queries)
    if not len(worth):
        return verdicts, candidates
    groups = _groups(candidates, worth)
    reason = _group_refusals(snapshot, engine, queries, candidates, groups)
    edges = np.flatnonzero(np.diff(groups.query, prepend=-1, append=-2))
    for first, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        query = int(groups.query[first])
        found = [_candidate(candidates, groups, reason, g) for g in range(first, stop)]
        declared = _declared(snapshot, queries, query)
        # Nobody is asked again what a steward has answered.
        found = [each for each in found if each.identity not in declared]
        if found:
            verdicts[query] = _verdict(engine, found)
    return verdicts, candidates


def _declared(snapshot: Snapshot, queries: Queries, query: int) -> frozenset[int]:
    """Identities that hold a record which a steward declared different."""
    records = queries.different.get(query)
    if not records:
        return frozenset()
    return frozenset(snapshot.identities(np.array(sorted(records), np.int64)).tolist())


def _groups(candidates: Candidates, worth: NDArray[np.int64]) -> _Groups:
    """Pairs worth a look, by query and identity; heaviest pairs first."""
    query = candidates.query[worth].astype(np.int64)
    identity, weight = candidates.identity[worth], candidates.weighed.weight[worth]
    order = np.lexsort((candidates.record[worth], -weight, identity, query))
    q, i, places = query[order], identity[order], worth[order]
    first = np.ones(len(q), np.bool_)
    first[1:] = (q[1:] != q[:-1]) | (i[1:] != i[:-1])
    starts = np.flatnonzero(first)
    group = np.cumsum(first) - 1
    allowed = np.array([reason is None for reason in candidates.refusal[places]], np.bool_)
    best_allowed = np.full(len(starts), -1, np.int64)
    places_allowed = np.flatnonzero(allowed)[::-1]  # the first of a group is written last
    best_allowed[group[places_allowed]] = places[places_allowed]
    best = places[starts]
    held = np.flatnonzero(_are_held_apart(candidates.refusal[places]))[::-1]
    best[group[held]], best_allowed[group[held]] = places[held], -1  # by no other member either
    return _Groups(q[starts], i[starts], best, best_allowed)


def _are_held_apart(refusal: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Pairs that no third record may bring together: bool[n_pairs]."""
    return np.array([reason in HELD_APART for reason in refusal.tolist()], np.bool_)


def _candidate(
    candidates: Candidates, groups: _Groups, reason: NDArray[np.object_], group: int
) -> CandidateIdentity:
    best, allowed = int(groups.best[group]), int(groups.best_allowed[group])
    place = allowed if allowed >= 0 else best
    refusal = reason[group] if allowed >= 0 else candidates.refusal[best]
    return CandidateIdentity(
        int(groups.identity[group]),
        int(candidates.record[place]),
        float(candidates.weighed.weight[place]),
        refusal,
        place,
    )


def _verdict(engine: Engine, found: list[CandidateIdentity]) -> Verdict:
    """The decision on one record from its candidates, all at or above the review line."""
    facts = engine.facts
    found.sort(key=lambda each: (-each.weight, each.identity))
    fit = [e for e in found if e.refusal is None and e.weight >= facts.link_weight]
    if not fit:
        words = dict.fromkeys(e.refusal or IN_DOUBT for e in found)
        return Verdict(Outcome.REVIEW, None, found[0].weight, tuple(words), tuple(found))
    top = fit[0]
    why = []
    if any(e.weight > top.weight - facts.ambiguity_bits for e in fit[1:]):
        why.append(AMBIGUOUS)
    refused = [e for e in found if e.refusal is not None and e.refusal not in _CERTAIN]
    if any(e.weight >= top.weight for e in refused):
        why.append(STRONGER_REFUSED)
    if why:
        return Verdict(Outcome.REVIEW, None, top.weight, tuple(why), tuple(found))
    also = tuple(e.identity for e in fit[1:])
    return Verdict(Outcome.LINK, top.identity, top.weight, (), tuple(found), also)


def _group_refusals(
    snapshot: Snapshot,
    engine: Engine,
    queries: Queries,
    candidates: Candidates,
    groups: _Groups,
) -> NDArray[np.object_]:
    """Why each group may not be linked although its best allowed pair is heavy enough."""
    reason = np.full(len(groups.query), None, object)
    weight = np.full(len(groups.query), -np.inf)
    has = groups.best_allowed >= 0
    weight[has] = candidates.weighed.weight[groups.best_allowed[has]]
    asked = np.flatnonzero(weight >= engine.facts.link_weight)
    if not len(asked):
        return reason
    records, group = _members(snapshot, groups.identity[asked])
    query = groups.query[asked][group]
    kept = records != queries.itself[query]
    group, query, records = group[kept], query[kept], records[kept]
    found, place = np.unique(records, return_inverse=True)
    rows = snapshot.rows(found)
    guard = _guard(snapshot, engine, queries, found, rows)
    left, right = query.astype(np.int32), (len(queries) + place).astype(np.int32)
    direct = direct_refusals(left, right, guard)
    for at in np.flatnonzero(direct).tolist():
        reason[asked[group[at]]] = REFUSALS[RefusalReason(int(direct[at]))]
    pairs = _Pairs(query, records, place)
    incoherent = _incoherent(engine, queries.rows, rows, candidates, pairs, group, len(asked))
    for at in np.flatnonzero(incoherent).tolist():
        if reason[asked[at]] is None:
            reason[asked[at]] = REFUSALS[RefusalReason.INCOHERENT]
    return reason


def _members(
    snapshot: Snapshot, identities: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Records of identities, and the place of each one's identity: int64[m] both."""
    if len(identities) > _FEW:
        offsets, records = snapshot.members(identities)
        return records, np.repeat(np.arange(len(identities)), np.diff(offsets))
    found = [snapshot.members_of(each) for each in identities.tolist()]
    place = [place for place, each in enumerate(found) for _ in each]
    held = [record for each in found for record in each]
    return np.array(held, np.int64), np.array(place, np.int64)


def _guard(
    snapshot: Snapshot,
    engine: Engine,
    queries: Queries,
    found: NDArray[np.int64],
    rows: NDArray[np.uint64],
) -> MergeGuard:
    """What keeps queries (numbered first) from members (numbered after them)."""
    identity = engine.identity_keys(np.concatenate([queries.rows, rows]))
    names = engine.schema.duplicate_free_sources
    source = None
    free: tuple[int, ...] = ()
    if names:
        from mpi.identity_view import read_sources

        numbers = read_sources(snapshot)
        free = tuple(numbers[name] for name in names if name in numbers)
        source = np.concatenate([queries.source, snapshot.references(found)[0]]).astype(np.int32)
    return MergeGuard(
        identity=identity,
        source=source,
        duplicate_free_sources=free,
    )


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Records that were asked about and the members of an identity they could belong to.

    Attributes
    ----------
    query, record : int64[m]
    place : int64[m], of the member among the gathered rows
    """

    query: NDArray[np.int64]
    record: NDArray[np.int64]
    place: NDArray[np.int64]


def _incoherent(
    engine: Engine,
    rows: NDArray[np.uint64],
    member_rows: NDArray[np.uint64],
    candidates: Candidates,
    pairs: _Pairs,
    group: NDArray[np.int64],
    count: int,
) -> NDArray[np.bool_]:
    """Groups whose members as a whole do not agree with the record, bool[count]."""
    sizes = np.bincount(group, minlength=count)
    # An identity of one record agrees with the pair that is to link it: nothing more to weigh.
    if not len(group) or sizes.max() == 1:
        return np.zeros(count, np.bool_)
    rank = np.arange(len(group)) - np.searchsorted(group, group)
    speaks = np.flatnonzero((rank < _CLUSTERS.representatives_max) & (sizes[group] > 1))
    weight, is_silent = _known_weights(candidates, pairs, speaks)
    lacking = np.flatnonzero(np.isnan(weight))
    if len(lacking):
        left = pairs.query[speaks[lacking]].astype(np.int32)
        right = pairs.place[speaks[lacking]].astype(np.int32)
        weighed = engine.weigh(rows, member_rows, left, right)
        weight[lacking], is_silent[lacking] = weighed.weight, weighed.is_silent
    heard, spoken = ~is_silent, group[speaks]
    clipped = np.clip(weight, _CLUSTERS.weight_clip_low, _CLUSTERS.weight_clip_high)
    total = np.bincount(spoken[heard], clipped[heard], minlength=count)
    voices = np.bincount(spoken[heard], minlength=count)
    mean = total / np.maximum(voices, 1)
    return np.asarray((voices > 0) & (mean < _CLUSTERS.coherence_min), np.bool_)


def _known_weights(
    candidates: Candidates, pairs: _Pairs, chosen: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Weights of pairs that were candidates, NaN for others, and whether they are silent."""
    held = candidates.query.astype(np.int64) << 32 | candidates.record
    wanted = pairs.query[chosen] << 32 | pairs.record[chosen]
    place = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    is_there = held[place] == wanted
    weight = np.where(is_there, candidates.weighed.weight[place], np.nan)
    return weight, candidates.weighed.is_silent[place] & is_there
