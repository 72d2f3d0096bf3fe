"""What a run returns, and the contract of what it writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from matching.frequencies import TermFrequencies
from matching.model import Model
from mpi.outputs import OutputDirectory
from mpi.report import load_charts, write_report
from mpi.report_data import ReportData
from person.errors import ConfigError

__all__ = ["Result", "RowTable", "WrittenTable", "held_table", "write_result", "writing_tables"]

TABLES: Final = ("clusters", "links", "review")


class RowTable(Protocol):
    """Rows that can be built a batch at a time; `schema` is as readers see them."""

    schema: pa.Schema

    @property
    def row_count(self) -> int: ...

    def batches(self) -> Iterable[pa.RecordBatch]: ...


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """A table of the results that is on disk: read when asked for, not held."""

    path: Path

    def read(self) -> pa.Table:
        """Read all of it."""
        return pq.read_table(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of `mpi.dedupe` or `mpi.link`.

    The tables `clusters`, `links` and `review` are read from the output directory each time they
    are asked for, where the run wrote one; else they are held. A streamed run has no links and no
    report.

    Attributes
    ----------
    tables : where the three large tables are
    rejects : rows that were set aside: file, row, source, record_id, reason
    model : as used, with its thresholds
    frequencies : term frequencies by comparison part
    run : what run.json holds
    report : what report.html shows; None of a streamed run
    """

    tables: Mapping[str, pa.Table | WrittenTable] = field(repr=False)
    rejects: pa.Table
    model: Model
    frequencies: Mapping[str, TermFrequencies] = field(repr=False)
    run: dict[str, Any] = field(repr=False)
    report: ReportData | None = field(repr=False)

    @property
    def clusters(self) -> pa.Table:
        """(source, record_id, enterprise_id, cluster_size, confidence), a row a record; without
        confidence of a streamed run."""
        return self._table("clusters")

    @property
    def links(self) -> pa.Table:
        """Every pair at or above the review line: both records, match_weight,
        match_probability, decision (MATCH or POSSIBLE_MATCH), refused (why a pair above the link
        line was not linked, else null), a level_ column each comparison."""
        return self._table("links")

    @property
    def review(self) -> pa.Table:
        """The POSSIBLE_MATCH pairs of `links`, with the reason."""
        return self._table("review")

    def _table(self, name: str) -> pa.Table:
        if name not in self.tables:
            raise ConfigError(f"a streamed run keeps no {name}; run without streaming for them")
        table = self.tables[name]
        return table.read() if isinstance(table, WrittenTable) else table


def held_table(rows: RowTable) -> pa.Table:
    """All rows as a table in memory, dictionaries turned into plain text."""
    batches = list(rows.batches())
    if not batches:
        return rows.schema.empty_table()
    return pa.Table.from_batches(batches).cast(rows.schema)


@contextmanager
def writing_tables(
    rows: Mapping[str, RowTable],
    frequencies: Mapping[str, TermFrequencies],
    output: OutputDirectory,
    *,
    charts: bool = True,
) -> Iterator[None]:
    """Write tables as Parquet while the block runs, each on a thread of its own.

    What draws the report's charts is loaded meanwhile.

    Parameters
    ----------
    rows : file stem -> rows
    frequencies : term frequencies by comparison part
    output : where to
    charts : a report with charts is written next
    """

    def write(name: str, table: RowTable) -> None:
        with output.open_parquet(f"{name}.parquet", table.schema) as file:
            for batch in table.batches():
                file.write(batch)

    def write_frequencies() -> None:
        for name, each in frequencies.items():
            output.write_table(f"tf_{name}.parquet", each.to_arrow())

    pool = ThreadPoolExecutor(len(rows) + 2, thread_name_prefix="mpi-write")
    with pool:
        under_way = [pool.submit(write, name, table) for name, table in rows.items()]
        under_way.append(pool.submit(write_frequencies))
        if charts:
            under_way.append(pool.submit(load_charts))
        yield
        for each in under_way:
            each.result()


def write_result(result: Result, output: OutputDirectory) -> None:
    """Write what `writing_tables` did not into an output directory, as the contract has it."""
    output.write_table("rejects.parquet", result.rejects)
    output.write_json("model.json", result.model.to_dict())
    output.write_json("run.json", result.run)
    if result.report is not None:
        write_report(result.report, output.file("report.html"))
