"""Read the files of a generated directory back, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from data_gen.manifest import Manifest
from data_gen.text import RECORD_SCHEMA, TRUTH_SCHEMA
from person.errors import InputError

__all__ = ["Part", "read_parts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: truth in the order of the population, the records of each system in the same."""

    number: int
    first_record: int
    truth: pa.Table
    records: dict[str, pa.Table]


def read_parts(directory: str | Path, manifest: Manifest, records_max: int) -> Iterator[Part]:
    """Read parts spread evenly over the directory.

    Parameters
    ----------
    directory : as written by `mpi generate`
    manifest : its manifest
    records_max : read about so many records at most, but at least one part

    Yields
    ------
    Part

    Raises
    ------
    InputError : a file is missing or cannot be read
    """
    numbers = sorted({entry.part for entry in manifest.files})
    wanted = max(records_max // manifest.rows_per_file, 1)
    step = max(-(-len(numbers) // wanted), 1)
    for number in numbers[::step]:
        tables = {
            entry.system: _read_table(Path(directory) / entry.path, entry.system is None)
            for entry in manifest.files
            if entry.part == number
        }
        truth = tables.pop(None, None)
        if truth is None:
            raise InputError(f"{directory}: part {number} has no truth; generate it again")
        yield Part(
            number=number,
            first_record=max(number * manifest.rows_per_file, manifest.start),
            truth=truth,
            records={str(system): table for system, table in tables.items()},
        )


def _read_table(path: Path, is_truth: bool) -> pa.Table:
    schema = TRUTH_SCHEMA if is_truth else RECORD_SCHEMA
    try:
        if path.suffix == ".csv":
            options = pc_csv.ConvertOptions(
                column_types=schema, strings_can_be_null=True, quoted_strings_can_be_null=False
            )
            return pc_csv.read_csv(path, convert_options=options).cast(schema)
        return pq.read_table(path, partitioning=None).cast(schema)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(
            f"{path}: cannot be read as it was written; generate it again", path=str(path)
        ) from error
