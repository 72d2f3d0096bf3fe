"""Questions to an identity index: whose number is this, what happened, what is true of a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from index_store import Snapshot
from mpi.identity_candidates import Candidates
from mpi.identity_decide import CandidateIdentity, Verdict
from mpi.identity_engine import Engine
from mpi.identity_events import Event, EventKind, decode_event
from mpi.identity_results import (
    HistoryEntry,
    Identity,
    IdentityChange,
    Resolution,
    ScoredCandidate,
    Task,
    time_text,
)
from mpi.identity_view import StoreState, number_key, touched_events
from person.enterprise_id import (
    enterprise_ids_for,
    format_enterprise_ids,
    identity_number_of,
    parse_enterprise_id,
    printed_enterprise_id,
)
from person.errors import UnknownIdError

__all__ = ["Reader"]

PROBABLE: Final = 0.9
_FEW: Final = 8


class Reader:
    """Reads of one moment, in the words of the library's answers.

    Parameters
    ----------
    snapshot : or write batch
    engine : of the index
    names : source number -> code
    """

    def __init__(self, snapshot: Snapshot, engine: Engine, names: dict[int, str]) -> None:
        self.snapshot = snapshot
        self.engine = engine
        self.state = StoreState(snapshot)
        self._names = names

    # ------------------------------------------------------------------ ids

    def print_ids(self, identities: Sequence[int] | NDArray[np.int64]) -> list[str]:
        """Enterprise ids of identity numbers."""
        if len(identities) <= _FEW:
            return [self.print_id(int(each)) for each in identities]
        numbers = np.asarray(identities, np.int64)
        ids = enterprise_ids_for(numbers, self.engine.facts.namespace)
        printed: list[str] = format_enterprise_ids(ids).to_pylist()
        return printed

    def print_id(self, identity: int) -> str:
        return printed_enterprise_id(identity, self.engine.facts.namespace)

    def number_of(self, enterprise_id: str) -> int:
        """Identity number of an enterprise id as a person types it.

        Raises
        ------
        IdentityError : malformed
        UnknownIdError : this index never gave it
        """
        number = identity_number_of(parse_enterprise_id(enterprise_id), self.engine.facts.namespace)
        if 0 <= number < self.snapshot.record_count and self.state.was_used(number):
            return number
        raise UnknownIdError("this index has no identity with that enterprise id")

    def live_number_of(self, enterprise_id: str) -> int:
        """The same, redirects followed; UnknownIdError also for a retired one."""
        number = self.number_of(enterprise_id)
        target = self.state.redirect(number)
        if self.state.is_retired(number):
            raise UnknownIdError("that identity is retired: all of its records were removed")
        return number if target is None else target

    # ------------------------------------------------------------------ identities

    def references(self, records: Sequence[int]) -> tuple[tuple[str, str], ...]:
        """(source, record id) of records."""
        sources, ids = self.snapshot.names(records)
        names = self._names
        return tuple([(names.get(s, ""), i.decode()) for s, i in zip(sources, ids, strict=True)])

    def source_name(self, number: int) -> str:
        """Code of a source."""
        return self._names.get(number, "")

    def source_names(self) -> dict[int, str]:
        """Number of each source -> its code."""
        return self._names

    def person(self, number: int, records: Sequence[tuple[int, bytes]]) -> Identity:
        """A live identity in words.

        Parameters
        ----------
        number : of the identity
        records : source and record id of each of its records
        """
        name = self._names.get
        return Identity(
            enterprise_id=self.print_id(number),
            records=tuple([(name(source, ""), id_.decode()) for source, id_ in records]),
        )

    def people_of_id(self, enterprise_id: str) -> list[Identity]:
        """The identity with an enterprise id, redirects followed; none where it was never given.

        Parameters
        ----------
        enterprise_id : as a person types it

        Raises
        ------
        IdentityError : malformed
        """
        number = identity_number_of(parse_enterprise_id(enterprise_id), self.engine.facts.namespace)
        found = self.snapshot.person(number)
        if found is not None:
            return [self.person(*each) for each in found]
        is_known = 0 <= number < self.snapshot.record_count and self.state.was_used(number)
        return [self.identity(number)] if is_known else []

    def people_at(self, source: int, record_id: bytes) -> list[Identity]:
        """The identity of a source's record, if it has one.

        Parameters
        ----------
        source : its number
        record_id : as the source calls it
        """
        found = self.snapshot.person_at(source, record_id)
        if found is not None:
            return [self.person(*each) for each in found]
        record = self.snapshot.find_reference(source, record_id)
        owner = None if record < 0 else self.state.identity_of(record)
        return [] if owner is None else [self.identity(owner)]

    def identity(self, number: int, asked_for: str | None = None) -> Identity:
        found = self.snapshot.person(number) if asked_for is None else None
        if found is not None:
            return self.person(*found[0])
        members, sources, ids = self.snapshot.described(number)
        target = None if members else self.state.redirect(number)
        if target is not None:
            return self.identity(target, asked_for=self.print_id(number))
        names = self._names
        records = tuple([(names.get(s, ""), i.decode()) for s, i in zip(sources, ids, strict=True)])
        return Identity(
            enterprise_id=self.print_id(number),
            records=records,
            status="live" if records else "retired",
            asked_for=asked_for,
        )

    # ------------------------------------------------------------------ decisions in words

    def resolution(
        self, verdict: Verdict, candidates: Candidates, shown: Sequence[CandidateIdentity]
    ) -> Resolution:
        """A verdict with its candidates in words."""
        weight = verdict.weight
        scored = self.scored(shown, candidates)
        ids = {each.identity: s.enterprise_id for each, s in zip(shown, scored, strict=True)}
        return Resolution(
            outcome=verdict.outcome,
            enterprise_id=None if verdict.identity is None else ids[verdict.identity],
            match_weight=weight,
            match_probability=None if weight is None else self.engine.probability(weight),
            reasons=verdict.reasons,
            candidates=scored,
        )

    def scored(
        self, found: Sequence[CandidateIdentity], candidates: Candidates
    ) -> tuple[ScoredCandidate, ...]:
        """Candidates in words."""
        if not found:
            return ()
        references = self.references([each.record for each in found])
        ids = self.print_ids([each.identity for each in found])
        return tuple(
            ScoredCandidate(
                enterprise_id=enterprise_id,
                source=source,
                record_id=record_id,
                match_weight=each.weight,
                match_probability=(probability := self.engine.probability(each.weight)),
                grade=self._grade(each, probability),
                refused=each.refusal,
                levels=self.engine.levels(int(candidates.weighed.pattern[each.place])),
            )
            for each, enterprise_id, (source, record_id) in zip(found, ids, references, strict=True)
        )

    def _grade(self, candidate: CandidateIdentity, probability: float) -> str:
        facts = self.engine.facts
        if candidate.weight < facts.review_weight:
            return "certainly-not"
        if candidate.refusal is not None:
            return "possible"
        if candidate.weight >= facts.link_weight:
            return "certain"
        return "probable" if probability >= PROBABLE else "possible"

    # ------------------------------------------------------------------ events

    def events(self, first: int = 1, last: int | None = None) -> Iterator[tuple[int, Event]]:
        """(number, event) in order."""
        for number, data in self.snapshot.journal(first, last):
            yield number, decode_event(data)

    def event(self, number: int) -> Event:
        data = self.snapshot.event(number)
        if data is None:
            raise UnknownIdError(f"the journal has no event {number}")
        return decode_event(data)

    def change(self, number: int, event: Event) -> IdentityChange:
        """An event as downstream systems see it."""
        return IdentityChange(
            event=number,
            at=time_text(event.at_ms),
            kind=event.kind.value,
            by=event.by,
            reason=event.reason,
            affected=tuple(self.print_ids(event.affected())) if event.affected() else (),
            undoes=event.undoes,
            is_bulk=event.bulk is not None,
        )

    def history(self, identity: int) -> list[HistoryEntry]:
        """What happened to one identity, oldest first."""
        numbers = touched_events(self.snapshot, identity)
        events = {number: self.event(number) for number in numbers}
        entries = [self._history_entry(n, event, identity) for n, event in events.items()]
        loaded = self._loaded(identity)
        return [*loaded, *entries] if loaded else entries

    def _loaded(self, identity: int) -> list[HistoryEntry]:
        """The bulk load that founded an identity, as its first entry."""
        ranges = [r for r in self.state.bulk_ranges() if r[0] <= identity < r[1]]
        if not ranges:
            return []
        first, stop = ranges[0]
        value = self.snapshot.get("loaded", number_key(first))
        number = int.from_bytes(value or b"", "big")
        event = self.event(number)
        joined = self.first_members(identity, stop)
        if not joined:
            return []
        return [
            HistoryEntry(
                event=number,
                at=time_text(event.at_ms),
                kind=EventKind.BULK.value,
                by=event.by,
                reason=event.reason,
                undoes=(),
                joined=self.references(joined),
                left=(),
                changed=(),
                note="founded",
            )
        ]

    def first_members(self, identity: int, stop: int) -> list[int]:
        """Records that a bulk load, of records up to `stop`, put into an identity it founded."""
        now = set(self.state.members(identity))
        for number in touched_events(self.snapshot, identity):
            for change in self.event(number).changes:
                if change.table == "member" and identity in (change.before, change.after):
                    assert isinstance(change.key, int)
                    now.add(change.key)
        known = np.array(sorted(record for record in now if record < stop), np.int64)
        found: list[int] = known[self.snapshot.first_identities(known) == identity].tolist()
        return found

    def _history_entry(self, number: int, event: Event, identity: int) -> HistoryEntry:
        joined, left, note = [], [], ""
        touched = set()
        for change in event.changes:
            assert change.table == "decision" or isinstance(change.key, int)
            if change.table == "member":
                touched.add(change.key)
                if change.after == identity:
                    joined.append(change.key)
                elif change.before == identity:
                    left.append(change.key)
            elif change.table == "redirect" and change.key == identity:
                note = (
                    "alive again"
                    if change.after is None
                    else (f"redirected to {self.print_id(change.after)}")
                )
            elif change.table == "retired" and change.key == identity:
                note = "alive again" if change.after is None else "retired"
        if identity in joined and not note:
            note = "founded" if event.kind is EventKind.ADD else note
        changed = [
            change.key
            for change in event.changes
            if change.table == "row"
            and change.before is not None
            and change.after is not None
            and change.key not in left
        ]
        return HistoryEntry(
            event=number,
            at=time_text(event.at_ms),
            kind=event.kind.value,
            by=event.by,
            reason=event.reason,
            undoes=event.undoes,
            joined=self.references(joined),  # type: ignore[arg-type]
            left=self.references(left),  # type: ignore[arg-type]
            changed=self.references(changed),  # type: ignore[arg-type]
            note=note,
            evidence=dict(event.evidence),
        )

    def members_at(self, identity: int, until_ms: int) -> list[int]:
        """Records of an identity at a moment: today's, later events taken back."""
        members = set(self.state.members(identity))
        for number in reversed(touched_events(self.snapshot, identity)):
            event = self.event(number)
            if event.at_ms <= until_ms:
                break
            for change in event.changes:
                if change.table == "member":
                    if change.after == identity:
                        members.discard(change.key)
                    if change.before == identity:
                        members.add(change.key)  # type: ignore[arg-type]
        for first, stop in self.state.bulk_ranges():
            number = int.from_bytes(self.snapshot.get("loaded", number_key(first)) or b"", "big")
            if self.event(number).at_ms > until_ms:
                members = {record for record in members if not first <= record < stop}
        return sorted(members)

    def task(self, number: int, value: dict[str, Any]) -> Task:
        """A task in words: of the record in question, whose it could be."""
        record = value["pairs"][0][0]
        own = self.state.identity_of(record)
        best: dict[int, tuple[float, str | None]] = {}
        for pair in value["pairs"]:
            for each in pair[:2]:
                identity = self.state.identity_of(each)
                if identity is not None and identity != own:
                    best.setdefault(identity, (pair[2], pair[3]))
        source, record_id = self.references([record])[0]
        return Task(
            number=number,
            kind=value["kind"],
            status=value["status"],
            source=source,
            record_id=record_id,
            enterprise_id=None if own is None else self.print_id(own),
            candidates=tuple(
                (enterprise_id, *found)
                for enterprise_id, found in zip(
                    self.print_ids(list(best)), best.values(), strict=True
                )
            ),
            reasons=tuple(value["reasons"]),
            event=value["event"],
            closed_by=value.get("closed_by"),
            verdict=value.get("verdict"),
        )
