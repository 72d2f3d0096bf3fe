"""What the suites measure on: a generated table encoded, a model fitted to it, candidate pairs.

The only module of the suites that knows how the job's stages are put together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data import Dataset
from blocking.context import CandidateChunk
from blocking.passes import run_passes
from blocking.rules import BlockingRule
from matching.compiled import CompiledModel, compile_model
from mpi.ingest import Ingested, effective_schema, ingest
from mpi.prepare import JobOptions, prepare
from mpi.progress import NO_PROGRESS
from mpi.tables import open_inputs
from mpi.train_run import PairSpace, train_on
from person.records import RecordChunk
from person.schema import Schema, load_schema

__all__ = ["Pairs", "Workload", "encode_file", "open_workload", "read_truth"]

MEMORY_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Pairs:
    """Candidate pairs with their rows, as a consumer was given them, copied."""

    chunks: tuple[CandidateChunk, ...]

    def __len__(self) -> int:
        return sum(len(chunk.left) for chunk in self.chunks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A table made ready: what each suite takes its part of.

    Attributes
    ----------
    data : the generated table
    ingested : its records, encoded
    rules : the default blocking rules
    space : all pairs of the table
    compiled : the schema's full model, fitted to the table, term frequencies included
    """

    data: Dataset
    ingested: Ingested
    rules: tuple[BlockingRule, ...]
    space: PairSpace
    compiled: CompiledModel

    def run_passes(self, consumer: Any, rules: tuple[BlockingRule, ...] | None = None) -> list[Any]:
        """The blocking passes over the encoded store, with the memory the suites give them."""
        return run_passes(
            self.ingested.store,
            self.ingested.layout,
            self.rules if rules is None else rules,
            memory_bytes=MEMORY_BYTES,
            link_mode="dedupe",
            consumer=consumer,
            overflow=self.ingested.overflow,
        )

    def candidate_pairs(self, count_max: int) -> Pairs:
        """Up to `count_max` candidate pairs of the default rules, some of every rule."""
        room = dict.fromkeys(range(len(self.rules)), count_max // len(self.rules))
        kept: list[CandidateChunk] = []
        lock = Lock()

        def keep(chunk: CandidateChunk) -> None:
            with lock:
                if room[chunk.rule_index] > 0:
                    room[chunk.rule_index] -= len(chunk.left)
                    arrays = (chunk.rows.copy(), chunk.left.copy(), chunk.right.copy())
                    kept.append(CandidateChunk(chunk.rule_index, *arrays))

        self.run_passes(keep)
        return Pairs(tuple(kept))

    def rows(self, count_max: int) -> NDArray[np.uint64]:
        """The first encoded rows, uint64[n, n_words]."""
        parts: list[NDArray[np.uint64]] = []
        chunk: RecordChunk
        for chunk in self.ingested.store.chunks():
            parts.append(chunk.rows[: count_max - sum(map(len, parts))])
            if sum(map(len, parts)) >= count_max:
                break
        return np.ascontiguousarray(np.concatenate(parts))


@contextmanager
def open_workload(
    data: Dataset, scratch: Path, *, schema: Path | None = None
) -> Iterator[Workload]:
    """Encode a table and fit a model to it.

    Parameters
    ----------
    data : the table
    scratch : directory for the encoded rows
    schema : of the table; None for the resident schema
    """
    options = JobOptions(schema=schema)
    prepared = prepare([open_inputs(data.records)], "dedupe", options, scratch, NO_PROGRESS)
    trained = train_on(
        prepared.ingested,
        prepared.model,
        prepared.rules,
        prepared.space,
        memory_bytes=MEMORY_BYTES,
        seed=0,
        progress=NO_PROGRESS,
    )
    compiled = compile_model(
        trained.model, prepared.ingested.layout, prepared.ingested.overflow, trained.frequencies
    )
    try:
        yield Workload(
            data=data,
            ingested=prepared.ingested,
            rules=prepared.rules,
            space=prepared.space,
            compiled=compiled,
        )
    finally:
        prepared.ingested.store.close()


def encode_file(records: Path, scratch: Path, schema: Schema | None = None) -> Ingested:
    """One Parquet file to an encoded store in `scratch`."""
    inputs = [open_inputs(records)]
    return ingest(
        inputs, effective_schema(schema or load_schema(None), inputs), scratch, NO_PROGRESS
    )


def read_truth(data: Dataset) -> pa.Table:
    """source, record_id and person_id of every record, in the table's order."""
    return pq.read_table(data.truth)
