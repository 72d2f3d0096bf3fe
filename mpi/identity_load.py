"""A batch run into an identity index, in bulk: first, or over what is there already.

    prepare   sources, long names, model and lines become the index's own (one transaction)
    load      records new to the index, with their identities and postings (all or nothing)
    move      records that the run puts elsewhere than before, changed rows, review tasks

Every step leaves a sound index whose journal says what was done, so a load that was interrupted is
simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index_store import WriteBatch
from matching.frequencies import TermFrequencies
from matching.model import Model, Thresholds
from mpi.decide import Decided
from mpi.identity_assign import NEW_IDENTITY, Assignment, assign_identities
from mpi.identity_chunks import NewRecords, own_rows, prepare_chunk
from mpi.identity_digest import check_record_ids, kept_frequencies, kept_overflow
from mpi.identity_events import Change, Event, EventKind, encode_event
from mpi.identity_facts import IndexFacts
from mpi.identity_index import IdentityIndex
from mpi.identity_plan import membership_changes
from mpi.identity_queries import system_clock
from mpi.identity_questions import TextsReader, doubtful_pairs, raise_questions
from mpi.identity_session import Session
from mpi.identity_texts import read_texts_again
from mpi.identity_view import (
    StoreState,
    number_key,
    pack_row_value,
    read_sources,
    write_overflow,
)
from mpi.ingest import Ingested
from mpi.tables import InputSet
from person.enterprise_id import enterprise_ids_for
from person.errors import ConfigError
from person.schema import Schema, load_schema
from person.threads import ordered_map

__all__ = ["LoadReport", "load_run"]

CHANGES_PER_EVENT: Final = 20_000
MEMORY_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What a bulk load did.

    Attributes
    ----------
    enterprise_ids : uint64[n_records of the run], of each record, in the order of the run
    records_new, records_changed, records_moved : numbers of records
    identities_new, identities_redirected, identities_contested : numbers of identities; contested
        clusters were left as they were because stewards' decisions stand against them
    tasks, tasks_left_out : review tasks raised, and those past the limit, the lightest
    model_taken : whether the index decides by the run's model and lines from now on; a run of
        fewer records than the index holds leaves it its own
    first_event, last_event : of the journal
    """

    enterprise_ids: NDArray[np.uint64]
    records_new: int
    records_changed: int
    records_moved: int
    identities_new: int
    identities_redirected: int
    identities_contested: int
    tasks: int
    tasks_left_out: int
    model_taken: bool
    first_event: int
    last_event: int

    def to_dict(self) -> dict[str, Any]:
        """All but the ids."""
        names = (name for name in self.__slots__ if name != "enterprise_ids")
        return {name: getattr(self, name) for name in names}


def load_run(
    path: str | Path,
    ingested: Ingested,
    decided: Decided,
    model: Model,
    frequencies: Mapping[str, TermFrequencies],
    *,
    inputs: Sequence[InputSet] = (),
    by: str = "auto",
    reason: str = "batch run",
    memory_bytes: int = MEMORY_BYTES,
    digest_key: str | Path | None = None,
    clock: Callable[[], int] = system_clock,
) -> LoadReport:
    """Bring the outcome of a batch run into an index, made if it is not there.

    Parameters
    ----------
    path : directory of the index
    ingested : the encoded records of the run
    decided : their clusters, lines and pairs in doubt
    model, frequencies : with which they were decided; the index decides with them from now on,
        unless it holds more records than the run: a few records teach too little
    inputs : of the run; the texts of records in doubt are read from them again and kept
    by, reason : for the journal
    memory_bytes : for the bulk load's buffers
    digest_key : key file of an index whose identifiers are keyed digests, or are to be
    clock : milliseconds of UTC

    Returns
    -------
    LoadReport

    Raises
    ------
    ConfigError : the run's records were read by another schema than the index's
    IndexStoreError, InputError
    """
    directory = Path(path)
    schema = _full_schema(ingested.schema)
    model = model.replace(
        thresholds=Thresholds(
            match_weight_link_min=decided.thresholds.link_weight,
            match_weight_review_min=decided.thresholds.review_weight,
        )
    )
    if not (directory / "data.mdb").exists():
        IdentityIndex.create(
            directory, schema=schema, model=model, digest_key=digest_key, clock=clock
        ).close()
    with IdentityIndex.open(directory, writable=True, digest_key=digest_key, clock=clock) as index:
        held = index.facts.schema.name
        if held != schema.name:
            raise ConfigError(
                f"{directory}: this index is of the schema {held}, the run of {schema.name}; run "
                "with the index's schema (--schema), or load into an index of its own"
            )
        load = _Load(index, ingested, decided, model, frequencies, by, reason, clock, inputs)
        return load.run(memory_bytes)


def _full_schema(used: Schema) -> Schema:
    """The built-in schema that a run used a part of, with the run's own options; else the run's."""
    if used.name != "resident":
        return used
    known = {each.name: each for each in used.fields}
    return replace(used, fields=tuple(known.get(each.name, each) for each in load_schema().fields))


class _Load:
    """One load: what is known of each record of the run, step by step."""

    def __init__(
        self,
        index: IdentityIndex,
        ingested: Ingested,
        decided: Decided,
        model: Model,
        frequencies: Mapping[str, TermFrequencies],
        by: str,
        reason: str,
        clock: Callable[[], int],
        inputs: Sequence[InputSet],
    ) -> None:
        self.index, self.ingested, self.decided = index, ingested, decided
        self.inputs = inputs
        self.by, self.reason, self.clock = by, reason, clock
        self.facts: IndexFacts = index.facts.replace(
            model=model,
            frequencies=kept_frequencies(index.engine.sealer, model, frequencies),
            prior_shift=float(decided.prior_shift),
            link_weight=float(decided.thresholds.link_weight),
            review_weight=float(decided.thresholds.review_weight),
        )
        self.count = ingested.record_count
        with index.store.read() as snapshot:
            self.takes_model = self.count >= snapshot.record_count
        self.cluster: NDArray[np.int64] = decided.cluster.astype(np.int64)
        self.sources: NDArray[np.int64] = np.zeros(0, np.int64)
        self.changed = self.moved = 0

    def run(self, memory_bytes: int) -> LoadReport:
        with self.index.store.read() as snapshot:
            first_event = snapshot.event_count + 1
            live_before = len(self._redirected(snapshot))
        self._prepare()
        known = self._known()
        assignment = self._assign(known)
        records, identity, founders = self._numbers(known, assignment)
        if (known < 0).any():
            self._load(known, identity, memory_bytes)
        if (known >= 0).any():
            self._move(records, known, identity, assignment)
        tasks, left_out = raise_questions(
            self.index,
            self._session,
            doubtful_pairs(self.decided, records, identity),
            self._texts_reader(records),
        )
        with self.index.store.read() as snapshot:
            redirected = len(self._redirected(snapshot)) - live_before
            last_event = snapshot.event_count
        return LoadReport(
            enterprise_ids=enterprise_ids_for(identity, self.facts.namespace),
            records_new=int((known < 0).sum()),
            records_changed=self.changed,
            records_moved=self.moved,
            identities_new=founders,
            identities_redirected=redirected,
            identities_contested=len(assignment.contested),
            tasks=tasks,
            tasks_left_out=left_out,
            model_taken=self.takes_model,
            first_event=first_event,
            last_event=last_event,
        )

    def _redirected(self, snapshot: Any) -> list[bytes]:
        return [key for key, _ in snapshot.range("redirect")]

    # ------------------------------------------------------------------ prepare

    def _prepare(self) -> None:
        """Sources, long names and the model; the index then decides as the run did."""
        with self.index.store.write() as batch:
            numbers = read_sources(batch)
            session = self._session(batch, numbers)
            self.sources = session.source_numbers(list(self.ingested.sources))
            write_overflow(batch, *kept_overflow(self.index.engine.sealer, self.ingested))
            if self.takes_model:
                self._write_model(batch, session)
            batch.set_fact("revision", str(batch.event_count).encode())
        self.index.refresh()

    def _write_model(self, batch: WriteBatch, session: Session) -> None:
        for name, value in self.facts.to_facts().items():
            batch.set_fact(name, value)
        lines = ("link_weight", "review_weight", "prior_shift")
        evidence = {name: getattr(self.facts, name) for name in lines}
        evidence["model"] = self.facts.model_digest
        session.write(EventKind.MODEL, (), evidence=evidence)

    def _session(self, batch: WriteBatch, sources: dict[str, int] | None = None) -> Session:
        return Session(
            batch,
            self.index.engine,
            read_sources(batch) if sources is None else sources,
            by=self.by,
            reason=self.reason,
            at_ms=self.clock(),
        )

    # ------------------------------------------------------------------ who is who

    def _known(self) -> NDArray[np.int64]:
        """Number of each record of the run in the index, -1 for new ones."""
        known = np.full(self.count, -1, np.int64)
        with self.index.store.read() as snapshot:
            if snapshot.record_count == 0:
                return known
            for first, source, record_id in self.ingested.store.record_ids():
                numbers = self.sources[source].astype(np.uint16)
                ids = [text.encode() for text in record_id.to_pylist()]
                known[first : first + len(source)] = snapshot.find_references(numbers, ids)
        return known

    def _assign(self, known: NDArray[np.int64]) -> Assignment:
        none = np.zeros(0, np.int64)
        if (known < 0).all():  # nothing to keep
            fresh = np.broadcast_to(np.int64(NEW_IDENTITY), (self.count,))
            return Assignment(fresh, none.reshape(0, 2), none)
        held = np.full(self.count, -1, np.int64)
        with self.index.store.read() as snapshot:
            held[known >= 0] = snapshot.identities(known[known >= 0])
            state = StoreState(snapshot)
            decided = {
                int.from_bytes(part, "big")
                for key, _ in snapshot.range("decision")
                for part in (key[:4], key[4:])
            }
            is_anchored = np.isin(known, np.array(sorted(decided), np.int64)) & (known >= 0)
            founded = held.copy()
            for first, stop in state.bulk_ranges():
                founded[(held >= first) & (held < stop)] = first
        return assign_identities(self.cluster, held, is_anchored, founded)

    def _numbers(
        self, known: NDArray[np.int64], assignment: Assignment
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """(record numbers, identities, how many of those are new) of the run's records."""
        is_new = known < 0
        with self.index.store.read() as snapshot:
            first = snapshot.record_count
        if is_new.all():  # nobody is known: each cluster is founded by its smallest record
            count = int(np.count_nonzero(self.cluster == np.arange(self.count)))
            return np.arange(first, first + self.count), first + self.cluster, count
        identity = assignment.identity.copy()
        lacking = np.flatnonzero(identity == NEW_IDENTITY)
        group = self.cluster[lacking]
        alone = np.isin(group, assignment.contested)
        group[alone] = lacking[alone]
        # A group is founded by its first new record; one of known records only, by one of those.
        order = np.lexsort((lacking, ~is_new[lacking], group))
        starts = np.flatnonzero(np.diff(group[order], prepend=-1))
        founders = lacking[order][starts]
        reserved = self._founding_numbers(known[founders[~is_new[founders]]])
        with self.index.store.read() as snapshot:
            first = snapshot.record_count  # reserved numbers among them
        records = known.copy()
        records[is_new] = first + np.arange(int(is_new.sum()))
        number = records[founders]
        number[~is_new[founders]] = reserved
        sizes = np.diff(np.append(starts, len(lacking)))
        identity[lacking[order]] = np.repeat(number, sizes)
        return records, identity, len(founders)

    def _founding_numbers(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers for identities of records that the index knows: their own if never used."""
        numbers = records.copy()
        if not len(records):
            return numbers
        with self.index.store.write() as batch:
            session = self._session(batch)
            for place, record in enumerate(records.tolist()):
                if session.state.was_used(record):
                    numbers[place] = session.reserve()
        return numbers

    # ------------------------------------------------------------------ load

    def _load(
        self, known: NDArray[np.int64], identity: NDArray[np.int64], memory_bytes: int
    ) -> None:
        """Append the new records and their event, all or nothing."""
        store, engine = self.index.store, self.index.engine
        with store.read() as snapshot:
            first, event = snapshot.record_count, snapshot.event_count + 1
        count = int((known < 0).sum())
        written = Event(
            kind=EventKind.BULK,
            at_ms=self.clock(),
            by=self.by,
            reason=self.reason,
            model=engine.digest,
            bulk={"first": first, "count": count},
        )
        with store.bulk_loader(memory_bytes=memory_bytes) as loader:
            # Rows and keys of the chunks to come are made while one is packed.
            prepare = partial(prepare_chunk, engine, self.ingested.layout)
            for each in ordered_map(prepare, self._chunks(known), ahead=1):
                times, founders = self._times(each.places), identity[each.places]
                loader.add(each.rows, each.source, each.record_id, times, founders, list(each.keys))
            assert loader.finish(encode_event(written)) == event
        with store.write() as batch:
            batch.put("load", number_key(first), number_key(first + count))
            batch.put("loaded", number_key(first), event.to_bytes(8, "big"))

    def _chunks(self, known: NDArray[np.int64]) -> Iterator[NewRecords]:
        """The new records, in order."""
        chunks = zip(self.ingested.store.chunks(), self.ingested.store.record_ids(), strict=True)
        for chunk, (_, source, record_id) in chunks:
            place = np.arange(chunk.first_row, chunk.first_row + len(chunk))
            rows, is_new = chunk.rows, known[place] < 0
            if not is_new.all():
                rows, source, place = rows[is_new], source[is_new], place[is_new]
                record_id = record_id.filter(pa.array(is_new))
            if self.index.engine.sealer is not None:
                check_record_ids(record_id, first_row=chunk.first_row)
            yield NewRecords(rows, self.sources[source].astype(np.uint16), record_id, place)

    def _times(self, places: NDArray[np.int64]) -> NDArray[np.uint32]:
        """When the sources last touched some records of the run, 0 where they do not say."""
        times = self.ingested.updated_at
        return np.zeros(len(places), np.uint32) if times is None else times[places]

    def _own_rows(self, rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Rows of the run as the index holds them."""
        return own_rows(self.index.engine, self.ingested.layout, rows)

    # ------------------------------------------------------------------ move

    def _move(
        self,
        records: NDArray[np.int64],
        known: NDArray[np.int64],
        identity: NDArray[np.int64],
        assignment: Assignment,
    ) -> None:
        """Bring records that the index knew to what they say and where they belong now."""
        places = np.flatnonzero(known >= 0)
        for start in range(0, len(places), CHANGES_PER_EVENT):
            part = places[start : start + CHANGES_PER_EVENT]
            rows = self.ingested.store.gather_rows(part)
            rows = self._own_rows(rows)
            with self.index.store.write() as batch:
                session = self._session(batch)
                changes = self._row_changes(session, records[part], rows, self._times(part))
                changes += self._member_changes(session, records[part], identity[part])
                if changes:
                    session.write(EventKind.BULK, changes, is_automatic=True)
        self._move_others(assignment)

    def _row_changes(
        self,
        session: Session,
        records: NDArray[np.int64],
        rows: NDArray[np.uint64],
        times: NDArray[np.uint32],
    ) -> list[Change]:
        differs = (session.batch.rows(records) != rows).any(axis=1)
        self.changed += int(differs.sum())
        changes = []
        for place in np.flatnonzero(differs).tolist():
            record = int(records[place])
            held = session.state.row_value(record)
            new = pack_row_value(rows[place], int(times[place]), None)
            changes.append(Change("row", record, held, new))
        return changes

    def _member_changes(
        self, session: Session, records: NDArray[np.int64], identity: NDArray[np.int64]
    ) -> list[Change]:
        moved = session.batch.identities(records) != identity
        self.moved += int(moved.sum())
        targets = dict(zip(records[moved].tolist(), identity[moved].tolist(), strict=True))
        return membership_changes(session.state, targets)

    def _move_others(self, assignment: Assignment) -> None:
        """Records that were not in the run follow their identity into the one it became."""
        pairs = assignment.becomes
        for start in range(0, len(pairs), CHANGES_PER_EVENT):
            part = pairs[start : start + CHANGES_PER_EVENT]
            with self.index.store.write() as batch:
                session = self._session(batch)
                offsets, members = batch.members(np.ascontiguousarray(part[:, 0]))
                targets = np.repeat(part[:, 1], np.diff(offsets))
                anchored = [bool(session.state.decisions_of(m)) for m in members.tolist()]
                free = ~np.array(anchored, np.bool_)
                changes = self._member_changes(session, members[free], targets[free])
                if changes:
                    session.write(EventKind.BULK, changes, is_automatic=True)

    def _texts_reader(self, records: NDArray[np.int64]) -> TextsReader:
        """Reads the texts of records in doubt again, where the index keeps any."""
        engine = self.index.engine
        if not self.inputs or not engine.facts.keeps_values or engine.sealer is not None:
            return lambda _: {}

        def read(about: Collection[int]) -> dict[int, dict[str, str]]:
            places = np.flatnonzero(np.isin(records, np.array(sorted(about), np.int64)))
            found = read_texts_again(self.inputs, self.ingested, engine, places)
            return {int(records[place]): texts for place, texts in found.items()}

        return read
