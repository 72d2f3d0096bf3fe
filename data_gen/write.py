"""A population as files: records by system, truth beside them, the manifest last.

The work is cut into parts of `rows_per_file` records. A part is drawn and written by one thread
and depends on nothing but the population and its number, so the files are the same bytes whatever
the number of threads, the batch size or the slice that a machine was given.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data_gen.causes import CAUSES
from data_gen.manifest import MANIFEST_NAME, FileEntry, Manifest, file_sha256
from data_gen.population import Population
from data_gen.records import RecordTables, Workspace, draw_stretches, record_tables
from data_gen.sources import SYSTEMS
from data_gen.text import RECORD_SCHEMA, TRUTH_SCHEMA, RecordColumns, TruthColumns
from data_gen.truth_kernels import count_bits
from person.errors import ConfigError
from person.threads import thread_count

__all__ = ["FILE_FORMATS", "ROWS_PER_FILE", "check_slice", "estimate_size", "write_population"]

FILE_FORMATS: Final = ("parquet", "csv")
ROWS_PER_FILE: Final = 1_000_000
ROW_GROUP_ROWS: Final = 65_536
# Columns of few distinct values; for the others a dictionary costs time and saves nothing.
_DICTIONARY: Final = ["source", "id_type", "birth_date", "gender", "region_code", "cause_names"]
# Bytes of a record with its truth, measured and rounded up; what the disk is asked for.
_BYTES_A_RECORD: Final = {"parquet": 80, "csv": 400}
_PART_DIGITS: Final = 5


class _StoppedError(Exception):
    """Another part has failed; this one is given up."""


@dataclass(slots=True)
class _Part:
    """What one part put on disk."""

    files: list[FileEntry]
    sources: Counter[str]
    causes: dict[str, NDArray[np.int64]]


def estimate_size(records: int, file_format: str) -> int:
    """Roughly how many bytes so many records take on disk, truth included.

    Parameters
    ----------
    records : number of records
    file_format : one of FILE_FORMATS
    """
    return records * _BYTES_A_RECORD[file_format]


def write_population(
    population: Population,
    directory: str | Path,
    *,
    file_format: str = "parquet",
    rows_per_file: int = ROWS_PER_FILE,
    start: int = 0,
    stop: int | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> Manifest:
    """Write records, truth and manifest into an existing empty directory.

    Parameters
    ----------
    population : what to write
    directory : where; making it appear whole under its final name is the caller's part
    file_format : one of FILE_FORMATS
    rows_per_file : records of the population in a part; a part is a file a system and one of truth
    start, stop : record numbers to write, multiples of `rows_per_file` (`stop` also the end), so
        that slices written apart hold the very files that one run would have written
    on_rows : told how many more records are written; called from any thread

    Returns
    -------
    Manifest, as it stands in the directory

    Raises
    ------
    ConfigError : a parameter that cannot be, by its name
    OSError : the files cannot be written
    """
    stop = check_slice(population.record_count, file_format, rows_per_file, start, stop)
    base = Path(directory)
    numbers = range(start // rows_per_file, -(-stop // rows_per_file))
    job = _Job(population, base, file_format, rows_per_file, stop, on_rows or (lambda _: None))
    parts = _run_parts(job, numbers)
    manifest = _manifest(job, parts, start, stop)
    (base / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


def check_slice(
    record_count: int, file_format: str, rows_per_file: int, start: int, stop: int | None
) -> int:
    """Refuse by name what cannot be written; return where the slice ends."""
    if file_format not in FILE_FORMATS:
        raise ConfigError(f"format: {file_format!r} is none of {', '.join(FILE_FORMATS)}")
    if rows_per_file < 1:
        raise ConfigError(f"rows_per_file: {rows_per_file} must be at least 1")
    end = record_count if stop is None else stop
    if end > record_count:
        last = (record_count - 1) // rows_per_file * rows_per_file
        raise ConfigError(
            f"stop: {end} is past the end; there are {record_count} records, so the last file is "
            f"{last} to {record_count}, and without stop all from start are written"
        )
    if not 0 <= start < end:
        raise ConfigError(
            f"start, stop: records {start} to {end} are none of the {record_count} there are"
        )
    for name, value in (("start", start), ("stop", end)):
        if value % rows_per_file and value != record_count:
            below = value - value % rows_per_file
            raise ConfigError(
                f"{name}: {value} is inside a file; files hold {rows_per_file} records, so choose "
                f"{below} or {min(below + rows_per_file, record_count)}"
            )
    return end


class _Job:
    """What every part needs to know; `stopped` is set when one has failed."""

    def __init__(
        self,
        population: Population,
        base: Path,
        file_format: str,
        rows_per_file: int,
        stop: int,
        on_rows: Callable[[int], None],
    ) -> None:
        self.population, self.base = population, base
        self.file_format, self.rows_per_file = file_format, rows_per_file
        self.stop, self.on_rows = stop, on_rows
        self.stopped = threading.Event()

    def write_part(self, number: int) -> _Part:
        """Draw one part and write its files."""
        population = self.population
        tables, first = record_tables(population.parameters), number * self.rows_per_file
        workspace = Workspace(population.parameters.records_per_community)
        files = {name: _RecordsFile(self._path(name, number), self) for name in SYSTEMS}
        truth = _TruthFile(self._path(None, number), self)
        last = min(first + self.rows_per_file, self.stop)
        try:
            for numbers in draw_stretches(tables, first, last, workspace):
                if self.stopped.is_set():
                    raise _StoppedError
                order = workspace.turn(len(numbers))
                truth.add(tables, workspace, order, numbers)
                systems = workspace.records["system"][order]
                for code, name in enumerate(SYSTEMS):
                    places = np.flatnonzero(systems == code)
                    files[name].add(tables, workspace, order[places], numbers[places])
                self.on_rows(len(numbers))
            for file in (truth, *files.values()):
                file.close()
        except BaseException:
            for file in (truth, *files.values()):
                file.abandon()
            raise
        written = {name: file for name, file in files.items() if file.rows}
        entries = [_entry(self.base, file, name, number) for name, file in written.items()]
        return _Part(
            [*entries, _entry(self.base, truth, None, number)],
            truth.sources,
            {name: file.causes for name, file in written.items()},
        )

    def _path(self, system: str | None, number: int) -> Path:
        folder = self.base / "truth" if system is None else self.base / "records" / system
        return folder / f"part-{number:0{_PART_DIGITS}d}.{self.file_format}"


class _PartFile:
    """A file that takes records community by community and writes row groups of one size.

    Row groups are cut by count, so the bytes do not depend on how the records arrived. A file that
    nothing is added to is not made.
    """

    schema: pa.Schema

    def __init__(self, path: Path, job: _Job, columns: RecordColumns | TruthColumns) -> None:
        self.path, self.rows = path, 0
        self._format, self._columns = job.file_format, columns
        self._file: BinaryIO | None = None
        self._writer: Any = None

    def add(
        self,
        tables: RecordTables,
        workspace: Workspace,
        order: NDArray[np.int64],
        numbers: NDArray[np.int64],
    ) -> None:
        """Append records as `RecordColumns.add` does; full row groups are written."""
        start = 0
        while start < len(order):
            stop = start + ROW_GROUP_ROWS - self._columns.rows
            self._columns.add(tables, workspace, order[start:stop], numbers[start:stop])
            start = stop
            if self._columns.rows == ROW_GROUP_ROWS:
                self._write(self._columns.take())

    def _write(self, rows: pa.RecordBatch) -> None:
        if self._writer is None:
            self._open()
        self._writer.write_batch(rows)
        self.rows += rows.num_rows

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("wb")
        self._writer = (
            pc_csv.CSVWriter(self._file, self.schema)
            if self._format == "csv"
            else pq.ParquetWriter(
                self._file,
                self.schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=[name for name in _DICTIONARY if name in self.schema.names],
                write_statistics=False,
            )
        )

    def close(self) -> None:
        if self._columns.rows:
            self._write(self._columns.take())
        if self._writer is not None and self._file is not None:
            self._writer.close()
            self._file.close()

    def abandon(self) -> None:
        """Let go of a file that will be deleted; a second error would hide the first."""
        if self._writer is not None and self._file is not None:
            with contextlib.suppress(OSError, ValueError, pa.ArrowException):
                self._writer.close()
            with contextlib.suppress(OSError):
                self._file.close()


class _RecordsFile(_PartFile):
    """Records of one system; `causes` counts its slips by bit, int64[64]."""

    schema = RECORD_SCHEMA

    def __init__(self, path: Path, job: _Job) -> None:
        super().__init__(path, job, RecordColumns(ROW_GROUP_ROWS))
        self.causes = np.zeros(64, np.int64)

    def add(
        self,
        tables: RecordTables,
        workspace: Workspace,
        order: NDArray[np.int64],
        numbers: NDArray[np.int64],
    ) -> None:
        super().add(tables, workspace, order, numbers)
        count_bits(workspace.records, order, self.causes)


class _TruthFile(_PartFile):
    """The truth of all systems; `sources` counts records by source."""

    schema = TRUTH_SCHEMA

    def __init__(self, path: Path, job: _Job) -> None:
        super().__init__(path, job, TruthColumns(ROW_GROUP_ROWS))
        self.sources: Counter[str] = Counter()

    def _write(self, rows: pa.RecordBatch) -> None:
        self.sources.update(_counted(pc.dictionary_encode(rows.column("source"))))
        super()._write(rows)


def _run_parts(job: _Job, numbers: range) -> list[_Part]:
    """Write the parts side by side; when one fails no other is left writing."""
    with ThreadPoolExecutor(thread_count(), thread_name_prefix="generate") as pool:
        work: list[Future[_Part]] = [pool.submit(job.write_part, number) for number in numbers]
        try:
            for done in as_completed(work):
                done.result()
        except BaseException:
            job.stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [each.result() for each in work]


def _counted(sources: pa.DictionaryArray) -> dict[str, int]:
    counts = np.bincount(sources.indices.to_numpy(), minlength=len(sources.dictionary))
    return dict(zip(sources.dictionary.to_pylist(), counts.tolist(), strict=True))


def _entry(base: Path, file: _PartFile, system: str | None, part: int) -> FileEntry:
    return FileEntry(
        path=file.path.relative_to(base).as_posix(),
        system=system,
        part=part,
        rows=file.rows,
        size_bytes=file.path.stat().st_size,
        sha256=file_sha256(file.path),
    )


def _manifest(job: _Job, parts: list[_Part], start: int, stop: int) -> Manifest:
    files = sorted((file for part in parts for file in part.files), key=lambda file: file.path)
    by_source: Counter[str] = Counter()
    by_system: Counter[str] = Counter()
    causes: dict[str, NDArray[np.int64]] = {}
    for part in parts:
        by_source.update(part.sources)
        for system, counts in part.causes.items():
            causes[system] = causes.get(system, 0) + counts
    for file in files:
        if file.system is not None:
            by_system[file.system] += file.rows
    population = job.population
    return Manifest(
        parameters=population.parameters.to_dict(),
        file_format=job.file_format,
        rows_per_file=job.rows_per_file,
        people=population.people_count,
        records=population.record_count,
        start=start,
        stop=stop,
        rows_by_source=dict(sorted(by_source.items())),
        rows_by_system={name: by_system[name] for name in SYSTEMS if name in by_system},
        causes={str(cause.bit): cause.name for cause in CAUSES},
        cause_counts={
            name: {cause.name: int(causes[name][cause.bit]) for cause in CAUSES}
            for name in SYSTEMS
            if name in causes
        },
        files=tuple(files),
        writer=f"pyarrow {pa.__version__}",
    )
