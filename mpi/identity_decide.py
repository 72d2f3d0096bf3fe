"""Link, review or new: the batch engine's lines and guards, applied to one record at a time.

A record links an identity where some pair of records weighs at least the link line and is not
refused by `mpi.pair_guards`, where no guard of `mpi.clustering` keeps it from any member, and
where it agrees with the members as a whole. If two identities would do, or a refused one weighs
more, a steward decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from index_store import Snapshot
from mpi.clustering import ClusterOptions, RefusalReason
from mpi.decide import REFUSALS
from mpi.identity_candidates import Candidates, find_candidates
from mpi.identity_engine import REFUSAL_WORDS, Engine
from mpi.identity_kernels import fill_groups, judge_members, mark_incoherent
from mpi.pair_guards import HELD_APART

__all__ = ["CandidateIdentity", "Outcome", "Queries", "Verdict", "decide_queries"]

AMBIGUOUS: Final = "two identities are likely enough"
STRONGER_REFUSED: Final = "a heavier candidate may not be linked by weight alone"
IN_DOUBT: Final = "the weight lies between the review and the link line"
_CLUSTERS: Final = ClusterOptions()
_HOLDS_APART: Final = np.array([word in HELD_APART for word in REFUSAL_WORDS], np.bool_)
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


_NOBODY: Final = Verdict(Outcome.NEW, None, None, (), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Queries:
    """Records to decide on.

    Attributes
    ----------
    rows : uint64[k, n_words]
    source : int64[k], number of each record's source, -1 for none known
    itself : int64[k], number of each record where it is in the index, else -1
    different : query -> record numbers that a steward declared different from it
    keys : uint64[m, k], `Engine.key_table` of the rows, where it was asked before
    """

    rows: NDArray[np.uint64]
    source: NDArray[np.int64]
    itself: NDArray[np.int64]
    different: Mapping[int, frozenset[int]] = field(default_factory=dict)
    keys: NDArray[np.uint64] | None = None

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
            keys=None if self.keys is None else self.keys[:, chosen],
        )


@dataclass(frozen=True, slots=True)
class _Groups:
    """Candidates by query and identity.

    Attributes
    ----------
    query, identity : int64[g]
    best : int64[g], place of the heaviest pair, or of one that holds the two apart
    is_allowed : bool[g], that pair is not refused
    """

    query: NDArray[np.int64]
    identity: NDArray[np.int64]
    best: NDArray[np.int64]
    is_allowed: NDArray[np.bool_]


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
    verdicts = [_NOBODY] * len(queries)
    groups = _groups(candidates, engine.facts.review_weight)
    if not len(groups.query):
        return verdicts, candidates
    reason = _group_refusals(snapshot, engine, queries, candidates, groups)
    found_of: dict[int, list[CandidateIdentity]] = {}
    for query, each in _candidate_identities(candidates, groups, reason):
        found_of.setdefault(query, []).append(each)
    for query, found in found_of.items():
        if query in queries.different:  # nobody is asked again what a steward has answered
            declared = _declared(snapshot, queries, query)
            found = [each for each in found if each.identity not in declared]
        if found:
            verdicts[query] = _verdict(engine, found)
    return verdicts, candidates


def _declared(snapshot: Snapshot, queries: Queries, query: int) -> frozenset[int]:
    """Identities that hold a record which a steward declared different."""
    records = queries.different[query]
    return frozenset(snapshot.identities(np.array(sorted(records), np.int64)).tolist())


def _groups(candidates: Candidates, weight_min: float) -> _Groups:
    """Pairs worth a look, by query and identity; one number on two people always is."""
    count = len(candidates.query)
    query, identity = np.empty(count, np.int64), np.empty(count, np.int64)
    best = np.empty((3, count), np.int64)
    found = fill_groups(
        *(candidates.query, candidates.identity, candidates.weighed.weight, candidates.refusal),
        *(_HOLDS_APART, weight_min, query, identity, best),
    )
    heaviest, allowed, apart = best[:, :found]
    # Held apart from one member is held apart from all: no other member allows it either.
    is_allowed = (allowed >= 0) & (apart < 0)
    place = np.where(apart >= 0, apart, np.where(is_allowed, allowed, heaviest))
    return _Groups(query[:found], identity[:found], place, is_allowed)


def _candidate_identities(
    candidates: Candidates, groups: _Groups, reason: Mapping[int, str]
) -> Iterator[tuple[int, CandidateIdentity]]:
    """(query, candidate) of every group."""
    place = groups.best
    listed = zip(
        groups.query.tolist(),
        groups.identity.tolist(),
        candidates.record[place].tolist(),
        candidates.weighed.weight[place].tolist(),
        candidates.refusal[place].tolist(),
        groups.is_allowed.tolist(),
        place.tolist(),
        strict=True,
    )
    for group, (query, identity, record, weight, refusal, is_allowed, at) in enumerate(listed):
        why = reason.get(group) if is_allowed else REFUSAL_WORDS[refusal]
        yield query, CandidateIdentity(identity, record, weight, why, at)


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
) -> dict[int, str]:
    """Why groups may not be linked although their best allowed pair is heavy enough."""
    is_asked = groups.is_allowed & (
        candidates.weighed.weight[groups.best] >= engine.facts.link_weight
    )
    asked = is_asked.nonzero()[0]
    if not len(asked):
        return {}
    query_of_group = groups.query[asked]
    records, group = _members(snapshot, groups.identity[asked])
    kept = records != queries.itself[query_of_group[group]]
    if not kept.all():
        records, group = records[kept], group[kept]
    members = _Members(records, group, query_of_group, snapshot.rows(records))
    differs, coherence = _judged(engine, queries, candidates, members)
    refused = differs.astype(np.uint8) * np.uint8(RefusalReason.DISSIMILAR_IDENTITY)
    if engine.schema.duplicate_free_sources:
        is_same = _are_of_one_source(snapshot, engine, queries, members)
        refused[is_same] = RefusalReason.DUPLICATE_FREE_SOURCE
    reason = {int(asked[at]): REFUSALS[RefusalReason.INCOHERENT] for at in coherence}
    for at in refused.nonzero()[0].tolist():
        reason[int(asked[group[at]])] = REFUSALS[RefusalReason(int(refused[at]))]
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


@dataclass(frozen=True, slots=True)
class _Members:
    """Members of the identities that records could belong to.

    Attributes
    ----------
    record, group : int64[m], a member's number and which of the identities it belongs to
    query : int64[g], which record each identity is a candidate of
    rows : uint64[m, n_words], what the members say
    """

    record: NDArray[np.int64]
    group: NDArray[np.int64]
    query: NDArray[np.int64]
    rows: NDArray[np.uint64]


def _judged(
    engine: Engine, queries: Queries, candidates: Candidates, members: _Members
) -> tuple[NDArray[np.bool_], list[int]]:
    """Members with another valid id number, bool[m]; identities that do not agree as wholes."""
    count = len(members.record)
    differs, speaks = np.empty(count, np.bool_), np.empty(count, np.bool_)
    weight, is_silent = np.empty(count), np.empty(count, np.bool_)
    weighed = candidates.weighed
    lacking = judge_members(
        *(members.group, members.record, members.query),
        *(engine.identity_keys(queries.rows), engine.identity_keys(members.rows)),
        _CLUSTERS.representatives_max,
        (candidates.query, candidates.record, weighed.weight, weighed.is_silent),
        (differs, speaks, weight, is_silent),
    )
    if lacking:
        place = np.flatnonzero(speaks & np.isnan(weight))
        left = members.query[members.group[place]].astype(np.int32)
        new = engine.weigh(queries.rows, members.rows, left, place.astype(np.int32))
        weight[place], is_silent[place] = new.weight, new.is_silent
    out = np.zeros(len(members.query), np.bool_)
    mark_incoherent(
        *(members.group, speaks, weight, is_silent),
        *(_CLUSTERS.weight_clip_low, _CLUSTERS.weight_clip_high, _CLUSTERS.coherence_min, out),
    )
    return differs, out.nonzero()[0].tolist()


def _are_of_one_source(
    snapshot: Snapshot, engine: Engine, queries: Queries, members: _Members
) -> NDArray[np.bool_]:
    """Members from the same source as the record, where a source holds a person once: bool[m]."""
    from mpi.identity_view import read_sources

    numbers = read_sources(snapshot)
    free = [numbers[name] for name in engine.schema.duplicate_free_sources if name in numbers]
    own = queries.source[members.query[members.group]]
    return (own == snapshot.references(members.record)[0]) & np.isin(own, free)
