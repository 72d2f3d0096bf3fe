"""Splink's own path for new records, one at a time: `predict_between` one record and the rest."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.accuracy_splink_residents import add_name_sounds, residents_best_effort
from bench.data import Dataset

__all__ = ["splink_single"]

ASKED: Final = 100
SEED: Final = 1


def splink_single(data: Dataset, records: int, seed: int) -> dict[str, Any]:
    """Train on the first records and ask about single ones; DuckDB in memory, all threads.

    Parameters
    ----------
    data : the dataset
    records : in Splink's table
    seed : of the choice of records
    """
    from splink import DuckDBAPI, Linker

    plan = residents_best_effort()
    database = DuckDBAPI()
    existing = database.register(
        _prepared(database, plan, _head(data.records, records)), dataset_display_name="existing"
    )
    linker = Linker(existing, plan.settings(), log_level="ERROR")
    training = linker.training
    training.estimate_probability_two_random_records_match(
        plan.deterministic_rules, recall=plan.deterministic_recall
    )
    training.estimate_u_using_random_sampling(max_pairs=plan.u_max_pairs, seed=SEED)
    for rule in plan.training_rules:
        training.estimate_parameters_using_expectation_maximisation(rule)
    _register_frequencies(linker)
    table = _prepared(database, plan, _head(data.records, records))
    places = np.random.default_rng(seed).integers(0, table.num_rows, ASKED + 3)
    times = []
    for number, place in enumerate(places.tolist()):
        one = table.slice(place, 1)
        one = one.set_column(0, "record_id", pa.array([f"asked-{number}"]))
        begin = time.perf_counter()
        asked = database.register(one, dataset_display_name=f"asked_{number}")
        linker.inference.predict_between(asked, existing).as_record_list()
        times.append(time.perf_counter() - begin)
    low, high = np.percentile(times[3:], [50, 99]) * 1e6
    return {
        f"resolve, on {records:,} records": {
            "us_p50": round(float(low), 1),
            "us_p99": round(float(high), 1),
            "a_second": round(1 / float(np.mean(times[3:])), 2),
        }
    }


def _head(path: Path, count: int) -> pa.Table:
    parts, left = [], count
    for batch in pq.ParquetFile(path).iter_batches(1 << 17):
        parts.append(batch.slice(0, left))
        left -= parts[-1].num_rows
        if not left:
            break
    return pa.Table.from_batches(parts)


def _prepared(database: Any, plan: Any, raw: pa.Table) -> pa.Table:
    """The columns that the plan makes of the raw ones; ids made unique over sources."""
    ids = pa.array([f"r{place}" for place in range(raw.num_rows)])
    raw = add_name_sounds(raw.set_column(raw.column_names.index("record_id"), "record_id", ids))
    connection = database._con
    connection.register("raw_records", raw)
    made = ", ".join(f"{sql} AS {name}" for name, sql in plan.columns.items())
    table: pa.Table = connection.sql(f"SELECT record_id, {made} FROM raw_records").to_arrow_table()
    connection.unregister("raw_records")
    return table


def _register_frequencies(linker: Any) -> None:
    """Term frequencies of the existing records, which new ones are weighed with."""
    for column in linker._settings_obj._term_frequency_columns:
        linker.table_management.compute_tf_table(column.unquote().name)
