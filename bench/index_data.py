"""An identity index of generated residents, and people to ask it about; shared by its benches.

The index is loaded as `mpi dedupe --index` does it, with the truth for the clusters: what is
measured here is the index, not the deduplication.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data import Dataset, dataset, scale_records
from bench.facts import facts_line, run_facts

__all__ = [
    "HELD_OUT",
    "add_common_arguments",
    "load_residents",
    "made_or_given",
    "percentiles",
    "sample_people",
    "sync_floor",
    "truth_clusters",
    "write_report",
]

HELD_OUT: Final = 20_000
"""Records at the end of a dataset that are not loaded: they arrive during a bench."""

_COLUMNS: Final = (
    "source", "record_id", "name", "id_number", "id_type", "birth_date", "gender", "phone",
    "region_code", "address", "former_name", "health_card", "mother_id_number",
    "birth_certificate", "updated_at",
)  # fmt: skip


def add_common_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """Options that every bench of the index has.

    Parameters
    ----------
    parser : of the bench
    name : of its results
    """
    parser.add_argument(
        "--records", type=scale_records, default=100_000, help="records in the index, such as 10m"
    )
    parser.add_argument("--seed", type=int, default=1, help="of every sample")
    parser.add_argument("--index", type=Path, help="an index that this bench made before")
    parser.add_argument("--directory", type=Path, default=Path("build/bench/index"))
    parser.add_argument("--out", type=Path, default=Path(f"build/bench/{name}"))
    parser.add_argument("--memory-mb", type=int, default=2048, help="of a bulk load")


def truth_clusters(data: Dataset, count: int) -> NDArray[np.int32]:
    """Smallest record of each record's person, int32[count], from the truth.

    Parameters
    ----------
    data : the dataset
    count : of its first records
    """
    person = np.empty(count, np.int64)
    filled = 0
    for batch in pq.ParquetFile(data.truth).iter_batches(1 << 20, columns=["person_id"]):
        part = batch.column(0).to_numpy()[: count - filled]
        person[filled : filled + len(part)] = part
        filled += len(part)
    order = np.argsort(person, kind="stable").astype(np.int32)
    is_first = np.ones(count, np.bool_)
    person = person[order]
    np.not_equal(person[1:], person[:-1], out=is_first[1:])
    del person
    clusters = np.empty(count, np.int32)
    starts = np.flatnonzero(is_first).astype(np.int32)
    clusters[order] = np.repeat(order[starts], np.diff(starts, append=np.int32(count)))
    return clusters


def load_residents(
    data: Dataset, count: int, path: Path, memory_bytes: int, digest_key: Path | None = None
) -> dict[str, float]:
    """Load the first records of a dataset into a new index; seconds of each part.

    Parameters
    ----------
    data : the dataset
    count : how many of its records
    path : of the index; what is there is replaced
    memory_bytes : of the bulk load
    digest_key : key file of an index that keeps identifiers as keyed digests
    """
    from matching.frequencies import count_exact_agreement
    from matching.shipped import shipped_model
    from mpi.decide import Decided
    from mpi.identity_load import load_run
    from mpi.ingest import effective_schema, ingest
    from mpi.progress import NO_PROGRESS
    from mpi.scratch import scratch_directory
    from mpi.tables import open_inputs
    from person.schema import load_schema

    if digest_key is None:  # a sealed index is made empty first, by its creator
        shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}
    with scratch_directory() as scratch:
        first = data.records
        if count != data.record_count:
            first = scratch / "records.parquet"
            _copy_head(data.records, first, count)
        inputs = [open_inputs(first)]
        with _timed(seconds, "encode"):
            schema = effective_schema(load_schema(), inputs)
            ingested = ingest(inputs, schema, scratch, NO_PROGRESS)
        assert ingested.record_count == count, "every generated record can be used"
        if first != data.records:
            first.unlink()  # the load needs the room
        model = shipped_model("resident")
        assert model is not None
        with _timed(seconds, "count values"):
            _, frequencies = count_exact_agreement(
                ingested.store, ingested.layout, model.comparisons, memory_bytes=memory_bytes
            )
        none = np.zeros(0, np.int32)
        decided = Decided(
            edges=_no_edges(none),
            is_link=np.zeros(0, np.bool_),
            refusal=np.zeros(0, np.uint8),
            cluster=truth_clusters(data, count),
            confidence=np.ones(count, np.float64),
            thresholds=_lines(),
            prior_shift=_prior_shift(model, count),
        )
        key: dict[str, Any] = {} if digest_key is None else {"digest_key": digest_key}
        with _timed(seconds, "load"):
            load_run(path, ingested, decided, model, frequencies, memory_bytes=memory_bytes, **key)
    return seconds


def _copy_head(source: Path, target: Path, count: int) -> None:
    """The first records of a Parquet file, a piece at a time."""
    file, left = pq.ParquetFile(source), count
    with pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
        for batch in file.iter_batches(1 << 17):
            writer.write_batch(batch.slice(0, left))
            left -= min(left, batch.num_rows)
            if not left:
                return


def _no_edges(none: NDArray[np.int32]) -> Any:
    from mpi.score_run import Edges

    return Edges(none, none, np.zeros(0), none.astype(np.int64), np.zeros(0, np.float32))


def _lines() -> Any:
    from mpi.calibration import Thresholds, match_weight
    from mpi.identity_facts import LINK_PROBABILITY, REVIEW_PROBABILITY

    values: dict[str, Any] = dict.fromkeys(Thresholds.__slots__, 0)
    values |= {"link_limited_by": "given", "review_limited_by": "given"}
    lines = {
        "link_weight": match_weight(LINK_PROBABILITY),
        "review_weight": match_weight(REVIEW_PROBABILITY),
    }
    return Thresholds(**(values | lines))


def _prior_shift(model: Any, records: int) -> float:
    """Bits that bring the shipped model's prior to a population of this size."""
    people = records / 2.5
    return float(-np.log2(people) - np.log2(model.probability_two_random_records_match))


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    wall, processor = time.perf_counter(), time.process_time()
    yield
    seconds[name] = time.perf_counter() - wall
    seconds[f"{name}, processor"] = time.process_time() - processor


def made_or_given(options: argparse.Namespace) -> tuple[Path, Dataset]:
    """The index to measure and the dataset it was loaded from.

    Parameters
    ----------
    options : of `add_common_arguments`; `--index` names one that has the same `--records`
    """
    data = dataset(options.records + HELD_OUT)
    if options.index is not None:
        return options.index, data
    path = options.directory / f"residents-{options.records}"
    load_residents(data, options.records, path, options.memory_mb << 20)
    return path, data


def sample_people(data: Dataset, first: int, last: int, count: int, seed: int) -> pa.Table:
    """Random records from a stretch of a dataset, as the sources send them.

    Parameters
    ----------
    data : the dataset
    first, last : the stretch
    count : how many, from at most 16 of the file's row groups
    seed : of the choice
    """
    random = np.random.default_rng(seed)
    file = pq.ParquetFile(data.records)
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    usable = [i for i in range(len(sizes)) if starts[i + 1] > first and starts[i] < last]
    chosen = sorted(random.choice(usable, min(16, len(usable)), replace=False).tolist())
    names = [name for name in _COLUMNS if name in file.schema_arrow.names]
    parts = []
    for group in chosen:
        table = file.read_row_group(group, columns=names)
        low = max(first - int(starts[group]), 0)
        high = min(last - int(starts[group]), table.num_rows)
        wanted = -(-count // len(chosen))
        rows = random.integers(low, max(high, low + 1), wanted if high > low else 0)
        parts.append(table.take(pa.array(rows, pa.int64())))
    people = pa.concat_tables(parts)
    order = random.permutation(people.num_rows)[:count]
    return people.take(pa.array(order)).combine_chunks()


def percentiles(work: Callable[[int], Any], count: int, *, warm: int = 100) -> dict[str, float]:
    """p50, p99 and rate of single calls.

    Parameters
    ----------
    work : called with 0, 1, 2 ...
    count : of calls that are timed
    warm : calls before them, the last of the numbers
    """
    for place in range(count, count + warm):
        work(place)
    times = np.empty(count, np.int64)
    for place in range(count):
        begin = time.perf_counter_ns()
        work(place)
        times[place] = time.perf_counter_ns() - begin
    low, high = np.percentile(times, [50, 99]) / 1e3
    return {
        "us_p50": round(float(low), 2),
        "us_p99": round(float(high), 2),
        "a_second": round(count / (times.sum() / 1e9), 1),
    }


def sync_floor(directory: Path, count: int = 200) -> dict[str, float]:
    """What the disk alone takes for one durable transaction: p50, p99 and rate.

    A transaction writes its pages and waits for them, then a page that says so, and waits for
    that: here 16 pages of 4 KB.

    Parameters
    ----------
    directory : on the disk to measure
    count : of such writes
    """
    path = directory / "sync-floor"
    pages, page = os.urandom(16 * 4096), os.urandom(4096)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    last = os.open(path, os.O_RDWR | os.O_DSYNC)
    try:
        os.pwrite(handle, bytes(64 << 20), 0)
        os.fsync(handle)

        def commit(place: int) -> None:
            os.pwrite(handle, pages, (1 + place % 900) * 65536)
            os.fdatasync(handle)
            os.pwrite(last, page, 0)

        return percentiles(commit, count, warm=10)
    finally:
        os.close(handle)
        os.close(last)
        path.unlink()


def write_report(out: Path, title: str, figures: dict[str, Any], rows: list[list[str]]) -> None:
    """Write result.json and result.md with the facts of the machine, and print the table.

    Parameters
    ----------
    out : directory
    title : of the page
    figures : everything measured
    rows : of the table (what, figure)
    """
    facts = run_facts()
    facts["peak_memory_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    out.mkdir(parents=True, exist_ok=True)
    (out / "result.json").write_text(
        json.dumps({"facts": facts, "figures": figures}, indent=1, ensure_ascii=False) + "\n"
    )
    lines = [f"# {title}", "", "| what | figure |", "|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines += ["", facts_line(facts), ""]
    (out / "result.md").write_text("\n".join(lines))
    print("\n".join(lines))
