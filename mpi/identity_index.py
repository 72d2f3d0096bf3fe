"""The identity index: who is this, and the same answer for ever after.

    with IdentityIndex.open("index/") as index:
        index.lookup(id_number="11010519491231002X")
        index.resolve({"name": "王小明", "birth_date": "1990-03-07"})

Reads need no lock and see one moment; a writer is opened with `writable=True` and is alone. Every
write is one durable transaction and one event, or several, in the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa

from blocking.rules import BlockingRule
from index_store import create_index, open_index
from matching.frequencies import TermFrequencies
from matching.model import Model
from mpi.identity_batches import add_rows
from mpi.identity_digest import read_digest_key
from mpi.identity_engine import Engine, as_table
from mpi.identity_events import EventKind
from mpi.identity_facts import (
    DEFAULT_POPULATION,
    new_facts,
)
from mpi.identity_people import People, read_people
from mpi.identity_queries import IdentityQueries, system_clock
from mpi.identity_reading import Reader
from mpi.identity_results import (
    Identity,
    Receipt,
)
from mpi.identity_session import Session
from mpi.identity_steward import (
    batch_events,
    close_task,
    declare_different,
    merge_identities,
    split_identity,
    undo_events,
)
from mpi.identity_view import write_named
from mpi.identity_writing import remove_record, write_people
from mpi.survivorship import Survivorship
from person.errors import ConfigError, UnknownIdError
from person.schema import Schema

__all__ = ["IdentityIndex"]

AUTO: Final = "auto"
Person = Mapping[str, Any]


class IdentityIndex(IdentityQueries):
    """An open identity index; make one with `create` or `open`."""

    # ------------------------------------------------------------------ life

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        schema: Schema | str | Path | None = None,
        model: Model | str | Path | None = None,
        frequencies: Mapping[str, TermFrequencies] | None = None,
        rules: Sequence[BlockingRule | str] | None = None,
        survivorship: Survivorship | None = None,
        population: int = DEFAULT_POPULATION,
        keep_values: bool = True,
        digest_key: str | Path | None = None,
        digest: str = "sm3",
        clock: Callable[[], int] = system_clock,
    ) -> IdentityIndex:
        """Make an empty index and open it for writing.

        Parameters
        ----------
        path : a directory that does not exist yet or is empty
        schema : of the records; None for Chinese residents
        model : trained; None for the model that ships with the schema
        frequencies : part name -> value frequencies, from the same training
        rules : blocking rules or names of shipped ones; None for `mpi.identity_rules.INDEX_RULES`
        survivorship : how golden records are made
        population : people expected; it sets the prior where the model ships with the product
        keep_values : keep the texts of records that are added one by one, for golden records
        digest_key : file with the key under which identifiers are kept as digests; None keeps
            them as they are
        digest : 'sm3' or 'sha256'
        clock : milliseconds of UTC; for tests

        Raises
        ------
        IndexMissingError : there is something at `path` already
        ConfigError : no model, or one that does not fit the schema
        """
        facts = new_facts(schema, model, frequencies, rules, survivorship, population, keep_values)
        key = None if digest_key is None else read_digest_key(digest_key, digest)
        if key is not None:
            facts = facts.replace(digest=key.to_fact())
        engine = Engine(facts, key=key)
        if engine.sealer is not None:
            known = engine.sealer.usable_frequencies(facts.model, facts.frequencies)
            facts = facts.replace(frequencies=known)
        store = create_index(
            Path(path),
            n_words=engine.layout.n_words,
            rules=engine.posting_names,
            facts=facts.to_facts(),
            slots=engine.storage_slots,
        )
        index = cls(store, clock, digest_key)
        with index._session(by=AUTO, reason="") as session:
            session.write(EventKind.CREATE, ())
        return index

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        writable: bool | Literal["on_demand"] = False,
        wait_seconds: float | None = None,
        digest_key: str | Path | None = None,
        clock: Callable[[], int] = system_clock,
    ) -> IdentityIndex:
        """Open an index that exists.

        Parameters
        ----------
        path : its directory
        writable : True takes the writer's lock until the index is closed; 'on_demand' takes it
            for each transaction, so that several processes write in turns
        wait_seconds : how long to wait for another writer; None is not at all, on demand 10
        digest_key : key file of an index whose identifiers are keyed digests
        clock : milliseconds of UTC; for tests

        Raises
        ------
        IndexMissingError, IndexFormatError, IndexLockedError
        IndexKeyError : the index needs its key, or another one
        """
        store = open_index(Path(path), writable=writable, wait_seconds=wait_seconds)
        try:
            return cls(store, clock, digest_key)
        except BaseException:
            store.close()
            raise

    @contextmanager
    def _session(self, *, by: str, reason: str) -> Iterator[Session]:
        with self._store.write() as batch:
            self._catch_up(batch)  # what another process wrote in between
            sources = dict(self._sources)
            session = Session(
                batch, self._engine, sources, by=by, reason=reason, at_ms=self._clock()
            )
            yield session
            if session.long_names:
                write_named(batch, session.long_names)
            written = batch.event_count
            if len(sources) != len(self._sources):
                batch.set_fact("source_revision", str(written).encode())
        if len(sources) != len(self._sources):
            self._take_sources(sources, str(written).encode())
        self._events_seen = written  # its own sources and names it knows

    @contextmanager
    def writing(self, *, by: str, reason: str) -> Iterator[Session]:
        """One durable transaction of a person's, for `mpi.review`.

        Parameters
        ----------
        by, reason : of the steward
        """
        with self._session(by=_steward(by), reason=reason) as session:
            yield session

    # ------------------------------------------------------------------ records

    def add(self, person: Person, *, by: str = AUTO, reason: str = "") -> Receipt:
        """Add one record, linked where that is certain; one that is there already is updated.

        Parameters
        ----------
        person : columns of the schema, with source and record id
        by, reason : for the journal
        """
        with self._session(by=by, reason=reason) as session:
            people = read_people(self._engine, person, needs_references=True)
            return write_people(session, people, may_update=True)[0]

    def update(self, person: Person, *, by: str = AUTO, reason: str = "") -> Receipt:
        """Take the new content of a record; it is decided on again and may move.

        Parameters
        ----------
        person : all columns of the record, with source and record id
        by, reason : for the journal

        Raises
        ------
        UnknownIdError : the index has no such record
        """
        with self._session(by=by, reason=reason) as session:
            people = read_people(self._engine, person, needs_references=True)
            if self._find(session.batch, people.sources[0], people.record_ids[0]) is None:
                raise UnknownIdError("the index has no such record; add it")
            return write_people(session, people, may_update=True)[0]

    def remove(self, source: str, record_id: str, *, by: str = AUTO, reason: str = "") -> Receipt:
        """Take a record out; the last one of an identity retires its id.

        Parameters
        ----------
        source, record_id : of the record
        by, reason : for the journal
        """
        with self._session(by=by, reason=reason) as session:
            return remove_record(session, self._record(session, source, record_id))

    def _record(self, session: Session, source: str, record_id: str) -> int:
        found = self._find(session.batch, source, record_id)
        if found is None:
            raise UnknownIdError("the index has no record with that source and record id")
        return found

    def add_table(
        self,
        people: pa.Table | Iterable[Person],
        *,
        by: str = AUTO,
        reason: str = "",
        batch_size: int = 1000,
        may_update: bool = True,
    ) -> pa.Table:
        """Add or update many records, durable batch by batch.

        Parameters
        ----------
        people : Arrow table or mappings
        by, reason : for the journal
        batch_size : records a transaction
        may_update : False leaves records that are there as they are

        Returns
        -------
        Arrow table of receipts, a row a record, in their order
        """

        def read(part: pa.Table | pa.RecordBatch) -> People:
            return read_people(self._engine, part, needs_references=True)

        def write(part: People) -> list[Receipt]:
            with self._session(by=by, reason=reason) as session:
                return write_people(session, part, may_update=may_update)

        return add_rows(as_table(people), batch_size, read, write)

    # ------------------------------------------------------------------ stewards

    def merge(self, one: str, other: str, *, by: str, reason: str) -> Identity:
        """Declare two identities one person; the older id lives on, the other redirects to it.

        Parameters
        ----------
        one, other : enterprise ids
        by, reason : of the steward
        """
        with self._session(by=_steward(by), reason=reason) as session:
            reader = Reader(session.batch, self._engine, self._names)
            numbers = reader.live_number_of(one), reader.live_number_of(other)
            survivor, _ = merge_identities(session, *numbers)
            return reader.identity(survivor)

    def split(
        self,
        enterprise_id: str,
        records: Sequence[tuple[str, str]],
        *,
        by: str,
        reason: str,
    ) -> Identity:
        """Declare that some records of an identity are another person.

        Parameters
        ----------
        enterprise_id : of the identity; it keeps the other records
        records : (source, record id) of those to take out; together one person
        by, reason : of the steward

        Returns
        -------
        Identity of the records taken out: the one they had before a merge, else a new one
        """
        with self._session(by=_steward(by), reason=reason) as session:
            reader = Reader(session.batch, self._engine, self._names)
            parted = [self._record(session, *each) for each in records]
            number = reader.live_number_of(enterprise_id)
            target, _ = split_identity(session, number, parted)
            return reader.identity(target)

    def declare_different(self, one: str, other: str, *, by: str, reason: str) -> int:
        """Declare two identities two people, whatever their records weigh: the event's number.

        Parameters
        ----------
        one, other : enterprise ids
        by, reason : of the steward
        """
        with self._session(by=_steward(by), reason=reason) as session:
            reader = Reader(session.batch, self._engine, self._names)
            numbers = reader.live_number_of(one), reader.live_number_of(other)
            return declare_different(session, *numbers)

    def undo(
        self,
        event: int | Sequence[int],
        *,
        by: str,
        reason: str = "",
        whole_batch: bool = False,
    ) -> list[Receipt]:
        """Take one event back, or several together, and look again at what came in between.

        Parameters
        ----------
        event : number or numbers
        by, reason : for the journal
        whole_batch : take back all events that were written together with it (an `add_table`
            transaction)

        Returns
        -------
        receipts of the records that had to be placed anew

        Raises
        ------
        LinkConflictError : later events stand on it
        """
        numbers = [event] if isinstance(event, int) else list(event)
        with self._session(by=by, reason=reason) as session:
            if whole_batch:
                numbers = [each for n in numbers for each in batch_events(session, n)]
            return undo_events(session, numbers)[1]

    def close_task(self, number: int, *, by: str, reason: str = "", verdict: str = "DONE") -> int:
        """Close a task without changing an identity: the event's number.

        Parameters
        ----------
        number : of the task
        by, reason, verdict : for the journal
        """
        with self._session(by=_steward(by), reason=reason) as session:
            return close_task(session, number, verdict)


def _steward(by: str) -> str:
    if not by or by == AUTO:
        raise ConfigError("say who decides (by), so that the journal can")
    return by
