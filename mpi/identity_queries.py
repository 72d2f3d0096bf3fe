"""Questions to an open identity index; `mpi.identity_index` adds what writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from index_store import IndexStore, Snapshot
from mpi.identity_batches import known_records, resolve_rows
from mpi.identity_decide import Queries, decide_queries
from mpi.identity_digest import DigestKey, key_of_index
from mpi.identity_door import check_utf8
from mpi.identity_engine import Engine, as_table
from mpi.identity_facts import (
    IndexFacts,
    read_facts,
)
from mpi.identity_golden import GoldenRecord, golden_record
from mpi.identity_people import read_people
from mpi.identity_reading import Reader
from mpi.identity_results import (
    HistoryEntry,
    Identity,
    IdentityChange,
    Resolution,
    ScoredCandidate,
    Task,
    VerifyReport,
)
from mpi.identity_search import people_by_number, search_people
from mpi.identity_verify import state_at, verify_index
from mpi.identity_view import read_named, read_overflow, read_sources
from mpi.survivorship import Survivorship
from person.errors import ConfigError, IdentityError

__all__ = ["IdentityQueries", "only_identity", "system_clock"]

Person = Mapping[str, Any]


def system_clock() -> int:
    """Milliseconds of UTC since 1970: the only clock that the identity index reads."""
    return time.time_ns() // 1_000_000


class IdentityQueries:
    """An open identity index, as readers see it: each call reads one moment.

    Parameters
    ----------
    store : open; closed with the index
    clock : milliseconds of UTC
    """

    def __init__(
        self,
        store: IndexStore,
        clock: Callable[[], int] = system_clock,
        digest_key: str | Path | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._digest_key = digest_key
        self._key: DigestKey | None = None
        with store.read() as snapshot:
            self._load(snapshot)

    def _load(self, snapshot: Snapshot) -> None:
        self._take_sources(read_sources(snapshot), snapshot.fact("source_revision"))
        facts = read_facts(snapshot)
        if self._key is None:
            self._key = key_of_index(facts.digest, self._digest_key, self._store.path)
        self._engine = Engine(facts, read_overflow(snapshot), self._key)
        self._facts_seen = snapshot.fact("revision")
        self._events_seen = snapshot.event_count

    def _take_sources(self, sources: dict[str, int], revision: bytes | None) -> None:
        self._sources = sources
        self._names = {number: name for name, number in sources.items()}
        self._sources_seen = revision

    def close(self) -> None:
        """Close the index."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def facts(self) -> IndexFacts:
        """Schema, model, rules and lines of the index."""
        return self._engine.facts

    @property
    def store(self) -> IndexStore:
        """The store below, for bulk loading and maintenance."""
        return self._store

    @property
    def engine(self) -> Engine:
        """The compiled facts."""
        return self._engine

    @property
    def source_names(self) -> tuple[str, ...]:
        """Sources that records came from, sorted; as of the last read."""
        return tuple(sorted(self._sources))

    def refresh(self) -> None:
        """Read the facts anew, after they were written through the store."""
        with self._store.read() as snapshot:
            self._load(snapshot)

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Reads of one moment, for `mpi.review`."""
        with self._reader() as reader:
            yield reader

    def reader_of(self, snapshot: Snapshot) -> Reader:
        """Reads of a moment that is open already, such as a write's."""
        return Reader(snapshot, self._engine, self._names)

    @contextmanager
    def _reader(self) -> Iterator[Reader]:
        with self._store.read() as snapshot:
            self._catch_up(snapshot)
            yield Reader(snapshot, self._engine, self._names)

    def _catch_up(self, snapshot: Snapshot) -> None:
        """Take over what another process wrote: a new model, new sources, long names."""
        if snapshot.event_count == self._events_seen:
            return
        seen, self._events_seen = self._events_seen, snapshot.event_count
        if snapshot.fact("revision") != self._facts_seen:
            self._load(snapshot)
        else:
            revision = snapshot.fact("source_revision")
            if revision != self._sources_seen:
                self._take_sources(read_sources(snapshot), revision)
            for name in read_named(snapshot, seen):
                self._engine.take_name(*name)

    # ------------------------------------------------------------------ who is this

    def lookup(
        self,
        *,
        id_number: str | None = None,
        id_type: str | None = None,
        source: str | None = None,
        record_id: str | None = None,
        enterprise_id: str | None = None,
    ) -> Identity | None:
        """The identity behind a number, a source's record, or an enterprise id.

        Parameters
        ----------
        id_number, id_type : a national id or other document, as anybody writes it
        source, record_id : how a source calls the record
        enterprise_id : redirects are followed

        Returns
        -------
        Identity, or None where there is none

        Raises
        ------
        ConfigError : not exactly one of the three was asked for
        IdentityError : several identities hold that number; `lookup_all` lists them
        """
        found = self.lookup_all(
            id_number=id_number,
            id_type=id_type,
            source=source,
            record_id=record_id,
            enterprise_id=enterprise_id,
        )
        return only_identity(found)

    def lookup_all(
        self,
        *,
        id_number: str | None = None,
        id_type: str | None = None,
        source: str | None = None,
        record_id: str | None = None,
        enterprise_id: str | None = None,
    ) -> list[Identity]:
        """As `lookup`, with every identity that holds the number.

        Parameters
        ----------
        id_number, id_type, source, record_id, enterprise_id : see `lookup`

        Returns
        -------
        list of Identity: of an enterprise id or a source's record at most one; of a number every
        live identity with a record that holds it, the oldest first; empty where there is none, or
        the number says nothing

        Raises
        ------
        ConfigError : not exactly one of the three was asked for, a source without its record id, a
            number where the schema has no national id, or a value that is no text
        """
        with self._store.read() as snapshot:
            self._catch_up(snapshot)
            return self.lookup_in(
                Reader(snapshot, self._engine, self._names),
                id_number=id_number,
                id_type=id_type,
                source=source,
                record_id=record_id,
                enterprise_id=enterprise_id,
            )

    def lookup_in(
        self,
        reader: Reader,
        *,
        id_number: str | None = None,
        id_type: str | None = None,
        source: str | None = None,
        record_id: str | None = None,
        enterprise_id: str | None = None,
    ) -> list[Identity]:
        """`lookup_all` within a moment that is open already.

        Parameters
        ----------
        reader : of that moment
        id_number, id_type, source, record_id, enterprise_id : see `lookup`

        Returns
        -------
        list of Identity, as of `lookup_all`; several calls with one reader see one state

        Raises
        ------
        ConfigError : as of `lookup_all`
        """
        asked = (id_number is not None) + (source is not None) + (enterprise_id is not None)
        if asked != 1 or (source is None) != (record_id is None):
            raise ConfigError("look up by id_number, by source and record_id, or by enterprise_id")
        if enterprise_id is not None:
            check_utf8(enterprise_id, "enterprise_id")
            return reader.people_of_id(enterprise_id)
        if id_number is not None:
            check_utf8(id_number, "id_number")
            if id_type is not None:
                check_utf8(id_type, "id_type")
            return people_by_number(reader, id_number, id_type)
        assert source is not None
        assert record_id is not None
        check_utf8(source, "source")
        check_utf8(record_id, "record_id")
        number = self._sources.get(source)
        return [] if number is None else reader.people_at(number, record_id.encode())

    def _find(self, snapshot: Snapshot, source: str, record_id: str) -> int | None:
        number = self._sources.get(source)
        if number is None:
            return None
        found = snapshot.find_reference(number, record_id.encode())
        return None if found < 0 else found

    def search(self, *, limit: int = 20, **fields: Any) -> list[ScoredCandidate]:
        """Candidates for a description of a person, with grades; links nothing.

        Parameters
        ----------
        limit : most candidates to return
        fields : columns of the schema, any of them
        """
        with self._reader() as reader:
            return search_people(reader, fields, limit)

    def resolve(self, person: Person) -> Resolution:
        """Who a person is, as `add` would decide; writes nothing.

        Parameters
        ----------
        person : columns of the schema; with source and record id of a record of the index, that
            record itself is no candidate
        """
        return self.resolve_all([person])[0]

    def resolve_all(self, people: Sequence[Person]) -> list[Resolution]:
        """`resolve` of several people, each for itself.

        Parameters
        ----------
        people : see `resolve`
        """
        with self._reader() as reader:
            return self.resolve_in(reader, people)

    def resolve_in(self, reader: Reader, people: Sequence[Person]) -> list[Resolution]:
        """`resolve_all` within a moment that is open already.

        Parameters
        ----------
        reader : of that moment
        people : see `resolve`
        """
        if not people:
            return []
        read = read_people(reader.engine, people, needs_references=False)
        numbers, itself = known_records(reader, read, self._sources)
        queries = Queries(rows=read.rows, source=numbers, itself=itself)
        verdicts, candidates = decide_queries(reader.snapshot, reader.engine, queries)
        return [reader.resolution(each, candidates, each.candidates) for each in verdicts]

    def resolve_table(self, people: pa.Table | Iterable[Person]) -> pa.Table:
        """Resolve many people: outcome, enterprise_id, match_weight, match_probability, reasons.

        Parameters
        ----------
        people : Arrow table or mappings

        Returns
        -------
        Arrow table, a row a person, in their order
        """
        with self._reader() as reader:
            return resolve_rows(reader, as_table(people), self._sources)

    # ------------------------------------------------------------------ what is true, what was

    def tasks(self, *, only_open: bool = True, limit: int = 10_000) -> list[Task]:
        """Questions for stewards, oldest first.

        Parameters
        ----------
        only_open : leave out those that are closed
        limit : most tasks to return
        """
        with self._reader() as reader:
            found = islice(reader.state.tasks(only_open=only_open), limit)
            return [reader.task(*each) for each in found]

    def golden(
        self, enterprise_id: str, *, survivorship: Survivorship | None = None
    ) -> GoldenRecord:
        """The view of a person: for each field the value that survives, and where it is from.

        Parameters
        ----------
        enterprise_id : redirects are followed
        survivorship : instead of the index's own
        """
        with self._reader() as reader:
            number = reader.live_number_of(enterprise_id)
            return golden_record(reader, number, survivorship or self.facts.survivorship)

    def history(self, enterprise_id: str) -> list[HistoryEntry]:
        """Everything that happened to one identity, oldest first."""
        with self._reader() as reader:
            return reader.history(reader.number_of(enterprise_id))

    def identity_at(self, enterprise_id: str, at: datetime) -> Identity:
        """An identity as it was at some time.

        Parameters
        ----------
        enterprise_id : of the identity
        at : a time with its zone
        """
        with self._reader() as reader:
            number = reader.number_of(enterprise_id)
            records = reader.references(reader.members_at(number, _milliseconds(at)))
            return Identity(
                enterprise_id=reader.print_id(number),
                records=records,
                status="live" if records else "empty",
            )

    def state_at(self, at: datetime | None = None) -> pa.Table:
        """All records and their enterprise ids, now or at some time: source, record_id,
        enterprise_id."""
        with self._reader() as reader:
            return state_at(reader, None if at is None else _milliseconds(at))

    def changes(self, *, since: int = 0, limit: int = 10_000) -> list[IdentityChange]:
        """Events after one already known, with the identities they affected.

        Parameters
        ----------
        since : number of the last event known; 0 for all
        limit : most events to return
        """
        with self._reader() as reader:
            events = reader.events(since + 1, since + limit)
            return [reader.change(number, event) for number, event in events]

    # ------------------------------------------------------------------ trust

    def verify(self) -> VerifyReport:
        """Replay the journal and hold everything in the index against it."""
        with self._reader() as reader:
            return verify_index(self._store, reader)

    def warm(self) -> None:
        """Read the packed base into memory and check it, before the first lookup is in a hurry.

        Raises
        ------
        IndexCorruptError : a page of it is damaged
        """
        self._store.warm()

    def backup(self, destination: str | Path) -> None:
        """Copy the index, consistently, while writing goes on."""
        self._store.backup(Path(destination))

    def statistics(self) -> dict[str, Any]:
        """Counts: records, identities' events, open tasks, sources."""
        with self._reader() as reader:
            return {
                "records": reader.snapshot.record_count,
                "events": reader.snapshot.event_count,
                "open_tasks": sum(1 for _ in reader.snapshot.range("open")),
                "sources": sorted(self._sources),
                "rules": [rule.name for rule in self.facts.rules],
                "model": self._engine.digest,
                "link_weight": self.facts.link_weight,
                "review_weight": self.facts.review_weight,
            }


def only_identity(found: Sequence[Identity]) -> Identity | None:
    """The one identity of an answer, or None.

    Parameters
    ----------
    found : by `lookup_all`

    Raises
    ------
    IdentityError : they are several
    """
    if len(found) > 1:
        raise IdentityError(
            f"{len(found)} identities hold that number; ask for all of them, or search with "
            f"name and birth date"
        )
    return found[0] if found else None


def _milliseconds(at: datetime) -> int:
    if at.tzinfo is None:
        raise ConfigError("give the time with its zone")
    return int(at.timestamp() * 1000)
