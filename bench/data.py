"""The generated tables that benches read, at named scales, made once and kept.

A table is told by its number of records and its seed; the same two give the same bytes. Truth
lies beside the records in a file of its own: no engine under measurement is given its path.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

import data_gen
from data_gen.parameters import GeneratorParameters
from data_gen.population import Population
from person.errors import ConfigError

__all__ = [
    "SCALES",
    "Dataset",
    "data_folder",
    "dataset",
    "dataset_folder",
    "is_made",
    "scale_name",
    "scale_records",
]

SCALES: Final = {"quick": 10_000, "small": 100_000, "medium": 1_000_000, "large": 5_000_000}
"""Records by name of scale."""

SEED: Final = 20_201_101
RECORDS_PER_PERSON: Final = 2.5
BATCH_RECORDS: Final = 131_072
_UNITS: Final = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One generated table.

    Attributes
    ----------
    records : Parquet file in the resident schema's own column names
    truth : Parquet file of source, record_id, person_id, in the order of `records`
    record_count, seed : what tells the table
    generator : digest of the generator that made it
    """

    records: Path
    truth: Path
    record_count: int
    seed: int
    generator: str


def scale_records(scale: str | int) -> int:
    """Records of a scale: one of SCALES, or a number such as 250000, 250k or 2.5m.

    Raises
    ------
    ConfigError : neither a name nor a number of at least 100 records
    """
    text = str(scale).strip().lower().replace(",", "").replace("_", "")
    if text in SCALES:
        return SCALES[text]
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kmb]?)", text)
    count = round(float(found[1]) * _UNITS[found[2]]) if found else 0
    if count < 100:
        raise ConfigError(
            f"unknown scale {scale!r}; choose {', '.join(SCALES)} or a number of records "
            "from 100 on, such as 250k"
        )
    return count


def scale_name(records: int) -> str:
    """The name of a scale, or the number itself."""
    return next((name for name, count in SCALES.items() if count == records), f"{records:,}")


def data_folder() -> Path:
    """Where generated tables are kept: MPI_BENCH_DATA, else build/bench/data of the checkout."""
    checkout = Path(__file__).resolve().parent.parent
    return Path(os.environ.get("MPI_BENCH_DATA", checkout / "build/bench/data")).resolve()


def dataset(records: int, *, seed: int = SEED, folder: Path | None = None) -> Dataset:
    """The table of `records` records; generated if it is not there yet.

    Parameters
    ----------
    records : how many
    seed : of everything random
    folder : where tables are kept, `data_folder()` if None
    """
    home = dataset_folder(records, seed=seed, folder=folder)
    made = Dataset(
        records=home / "records.parquet",
        truth=home / "truth.parquet",
        record_count=records,
        seed=seed,
        generator=_generator_digest(),
    )
    if not (home / "done.json").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        count = _generate(records, seed, made.records, made.truth)
        assert count == records, f"the generator made {count} records, {records} were asked for"
        (home / "done.json").write_text(json.dumps({"records": count, "seed": seed}))
    return made


def dataset_folder(records: int, *, seed: int = SEED, folder: Path | None = None) -> Path:
    """Where the table of so many records is, or would be.

    Parameters
    ----------
    records, seed, folder : as for `dataset`
    """
    name = f"residents-{records}-{seed}-{_generator_digest()}"
    return (folder or data_folder()) / name


def is_made(records: int) -> bool:
    """Whether the table of so many records is at hand, made by the generator as it is now."""
    return (dataset_folder(records) / "done.json").exists()


def _generate(records: int, seed: int, records_path: Path, truth_path: Path) -> int:
    """Write a population's first records and their truth: the one place that says whence."""
    people = math.ceil(records / RECORDS_PER_PERSON)
    population = Population(
        GeneratorParameters(people=people, seed=seed, records_per_person=RECORDS_PER_PERSON)
    )
    written = 0
    with ExitStack() as stack:
        writers: list[pq.ParquetWriter] = []
        for batches in population.batches_with_truth(0, records, BATCH_RECORDS):
            tables = (batches[0], batches[1].select(["source", "record_id", "person_id"]))
            if not writers:
                for path, table in zip((records_path, truth_path), tables, strict=True):
                    writer = pq.ParquetWriter(path, table.schema, compression="zstd")
                    writers.append(stack.enter_context(writer))
            for writer, table in zip(writers, tables, strict=True):
                writer.write_batch(table)
            written += batches[0].num_rows
    return written


def _generator_digest() -> str:
    """Sum of the generator's sources: a table made by another generator is another table."""
    digest = hashlib.blake2b(digest_size=4)
    for path in sorted(Path(data_gen.__file__).parent.rglob("*")):
        if path.suffix in (".py", ".npz"):
            digest.update(path.read_bytes())
    return digest.hexdigest()
