"""Two ways to a new base: loading many records, and folding the delta in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from index_store.base_builder import BaseBuilder
from index_store.environment import Environment
from index_store.format import RECORDS_MAX
from index_store.rebuild import feed_records, old_runs, remove_other_bases, switch_base
from index_store.snapshot import Snapshot
from index_store.text_kernels import check_texts, join_texts
from index_store.write_batch import WriteBatch
from person.errors import IndexFullError, IndexLockedError
from person.text import Utf8Column

__all__ = ["BulkLoader", "begin_rebuild", "fold"]


class BulkLoader:
    """Appends many records: all of them when `finish` returns, none if it is never called.

    Attributes
    ----------
    first_record : number of the first record that is added
    record_count : records of the index so far, those added here among them
    """

    def __init__(self, environment: Environment, rules: int, memory_bytes: int) -> None:
        self._environment = environment
        self._rules = rules
        self._is_open = False
        begin_rebuild(environment)
        try:
            with WriteBatch(environment) as batch:  # no other batch is under way in here
                self._snapshot = Snapshot(environment)
                environment.is_loading = True
                batch.close()
        except BaseException:
            environment.is_rebuilding = False
            raise
        self._is_open = True
        state = self._snapshot.state
        self.first_record = self.record_count = state.record_count
        self._builder: BaseBuilder | None = None
        try:
            self._builder = BaseBuilder(
                environment.directory,
                state.generation + 1,
                n_words=state.n_words,
                slots=self._snapshot.row_slots(),
                rules=rules,
                memory_bytes=memory_bytes,
            )
            feed_records(self._snapshot, self._builder)
            self._old = old_runs(self._snapshot, self._builder)
        except BaseException:
            self.close()
            raise

    def _open_builder(self) -> BaseBuilder:
        assert self._is_open, "nothing is added after finish or close"
        assert self._builder is not None, "nothing is added after finish or close"
        return self._builder

    def add(
        self,
        rows: NDArray[np.uint64],
        source: ArrayLike,
        record_ids: Sequence[bytes] | pa.Array | Utf8Column,
        updated_at: ArrayLike,
        identities: ArrayLike,
        keys: Sequence[NDArray[np.uint64]],
    ) -> NDArray[np.int64]:
        """Append records; chunks of 100,000 and more go fastest.

        Parameters
        ----------
        rows : uint64[n, n_words]
        source : uint16[n]
        record_ids : n texts; no live record has the same source and id
        updated_at : uint32[n]
        identities : int64[n], numbers of records of the index, those of this load among them;
            -1 for a record that founds its own
        keys : uint64[n] for each posting rule, 0 where a record has no key

        Returns
        -------
        int64[n], the record numbers
        """
        count = len(rows)
        if self.record_count + count > RECORDS_MAX:
            name = str(self._environment.directory)
            raise IndexFullError(f"{name}: all record numbers are used", path=name)
        numbers = np.arange(self.record_count, self.record_count + count, dtype=np.int64)
        given = np.ascontiguousarray(identities, np.int64)
        offsets, data = _texts(record_ids)
        check_texts(offsets)
        assert len(keys) == self._rules, "one array of keys for each rule"
        self._open_builder().add_records(
            np.ascontiguousarray(rows, np.uint64),
            np.ascontiguousarray(source, np.uint16),
            np.ascontiguousarray(updated_at, np.uint32),
            offsets,
            data,
            np.where(given < 0, numbers, given),
            [np.ascontiguousarray(own, np.uint64) for own in keys],
        )
        self.record_count += count
        return numbers

    def finish(self, event: bytes | None = None) -> int:
        """Make the load durable and visible, in one step.

        Parameters
        ----------
        event : appended to the journal in the same step

        Returns
        -------
        the number of the last event
        """
        builder = self._open_builder()
        builder.finish(self._old)
        with WriteBatch(self._environment, is_loader=True) as batch:
            switch_base(batch, builder, set())
            batch.state = replace(batch.state, record_count=self.record_count)
            number = batch.event_count if event is None else batch.append_event(event)
        self._is_open = False
        self._release()
        remove_other_bases(self._environment, builder.generation)
        return number

    def _release(self) -> None:
        self._snapshot.close()
        self._environment.is_loading = False
        self._environment.is_rebuilding = False

    def close(self) -> None:
        """Drop the load, unless it has finished."""
        if self._is_open:
            self._is_open = False
            if self._builder is not None:
                self._builder.abandon()
            self._release()

    def __enter__(self) -> BulkLoader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _texts(
    record_ids: Sequence[bytes] | pa.Array | Utf8Column,
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Any of the forms that record ids come in, as offsets and bytes."""
    if isinstance(record_ids, (pa.Array, pa.ChunkedArray)):
        record_ids = Utf8Column.from_arrow(record_ids)
    if isinstance(record_ids, Utf8Column):
        start, end = int(record_ids.offsets[0]), int(record_ids.offsets[-1])
        return record_ids.offsets.astype(np.int64) - start, record_ids.data[start:end].copy()
    return join_texts(record_ids)


def fold(environment: Environment, rules: int, memory_bytes: int) -> None:
    """Write base and delta anew as one base.

    Parameters
    ----------
    environment : of the writer
    rules : number of posting rules
    memory_bytes : what the fold may hold

    Notes
    -----
    Batches written meanwhile stay in the delta: the base is that of the moment the fold began.
    """
    begin_rebuild(environment)
    try:
        _fold(environment, rules, memory_bytes)
    finally:
        environment.is_rebuilding = False


def begin_rebuild(environment: Environment) -> None:
    """One fold or bulk load at a time: both write the next base.

    Parameters
    ----------
    environment : of the writer; `is_rebuilding` is to be unset at the end
    """
    with environment.lock:
        if environment.is_rebuilding:
            name = str(environment.directory)
            raise IndexLockedError(
                f"{name}: a fold or a bulk load is running; repeat when it has finished", path=name
            )
        environment.is_rebuilding = True


def _fold(environment: Environment, rules: int, memory_bytes: int) -> None:
    with WriteBatch(environment) as batch:  # no other batch is under way in here
        written: set[tuple[bytes, bytes]] = set()
        environment.written = written
        snapshot = Snapshot(environment)
        batch.close()
    builder = None
    try:
        builder = BaseBuilder(
            environment.directory,
            snapshot.generation + 1,
            n_words=snapshot.state.n_words,
            slots=snapshot.row_slots(),
            rules=rules,
            memory_bytes=memory_bytes,
        )
        feed_records(snapshot, builder)
        builder.finish(old_runs(snapshot, builder))
        with WriteBatch(environment) as batch:
            switch_base(batch, builder, set(written))
    except BaseException:
        if builder is not None:
            builder.abandon()
        raise
    finally:
        environment.written = None
        snapshot.close()
    remove_other_bases(environment, builder.generation)
