"""Splink 5 on one labelled set, in a process of its own; the parent judges what it writes.

    python -m bench.accuracy_splink --set febrl3 --flavour best_effort --inputs DIR --out DIR

Reads <inputs>/<source>.parquet, writes to <out>: `pairs.parquet` (every candidate pair with its
match weight), `clusters_50.parquet` and `clusters_95.parquet` (Splink's own connected components at
match probability 0.5 and 0.95) and `bench.json` (seconds, peak memory).
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.accuracy_process import peak_bytes
from bench.accuracy_splink_parts import Plan
from bench.accuracy_splink_plans import FLAVOURS, make_plan
from bench.accuracy_splink_residents import NAME_SOUND, add_name_sounds

__all__ = ["main", "run_splink"]

SEED = 1
# What DuckDB may hold before it spills to disk; by default it takes four fifths of the machine,
# and Splink's own tables come on top.
DUCKDB_MEMORY = "10GB"
CLUSTER_PROBABILITIES = {"clusters_50": 0.5, "clusters_95": 0.95}


def run_splink(plan: Plan, inputs: Path, out: Path) -> None:
    """Train, predict and cluster as `plan` says; write the tables named above into `out`."""
    from splink import DuckDBAPI, Linker

    started = time.perf_counter()
    database = DuckDBAPI()
    connection = database._con
    connection.execute(f"SET memory_limit = '{DUCKDB_MEMORY}'")
    connection.execute(f"SET temp_directory = '{out / 'spill'}'")
    frames = []
    for source in sorted(inputs.glob("*.parquet")):
        columns = [f"{sql} AS {name}" for name, sql in plan.columns_of(source.stem).items()]
        raw = pq.read_table(source)
        if NAME_SOUND in plan.columns:
            raw = add_name_sounds(raw)
        connection.register("raw_records", raw)
        prepared = connection.sql(
            f"SELECT record_id, {', '.join(columns)} FROM raw_records"
        ).to_arrow_table()
        connection.unregister("raw_records")
        frames.append(database.register(prepared, dataset_display_name=source.stem))
    linker = Linker(frames if len(frames) > 1 else frames[0], plan.settings(), log_level="ERROR")
    _train(linker, plan)
    predicted = linker.inference.predict()
    clusters = {
        name: linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_probability=probability
        )
        for name, probability in CLUSTER_PROBABILITIES.items()
    }
    seconds = time.perf_counter() - started
    peak = peak_bytes()  # before the results are fetched for the judge
    out.mkdir(parents=True, exist_ok=True)
    only_source = sorted(inputs.glob("*.parquet"))[0].stem
    pairs = _pairs(predicted.as_duckdbpyrelation().to_arrow_table(), only_source)
    pq.write_table(pairs, out / "pairs.parquet")
    for name, frame in clusters.items():
        table = _clusters(frame.as_duckdbpyrelation().to_arrow_table(), only_source)
        pq.write_table(table, out / f"{name}.parquet")
    run = {"seconds": seconds, "peak_bytes": peak, "candidate_pairs": pairs.num_rows}
    (out / "bench.json").write_text(json.dumps(run))


def _train(linker: Any, plan: Plan) -> None:
    training = linker.training
    training.estimate_probability_two_random_records_match(
        plan.deterministic_rules, recall=plan.deterministic_recall
    )
    training.estimate_u_using_random_sampling(max_pairs=plan.u_max_pairs, seed=SEED)
    for rule in plan.training_rules:
        training.estimate_parameters_using_expectation_maximisation(
            rule,
            estimate_without_term_frequencies=plan.train_without_term_frequencies,
        )


def _pairs(table: pa.Table, only_source: str) -> pa.Table:
    sources = {
        side: table[f"source_dataset_{side}"].cast(pa.string())
        if f"source_dataset_{side}" in table.column_names
        else pa.array([only_source] * table.num_rows, pa.string())
        for side in "lr"
    }
    return pa.table(
        {
            "source_l": sources["l"],
            "record_id_l": table["record_id_l"],
            "source_r": sources["r"],
            "record_id_r": table["record_id_r"],
            "match_weight": table["match_weight"],
        }
    )


def _clusters(table: pa.Table, only_source: str) -> pa.Table:
    source = (
        table["source_dataset"].cast(pa.string())
        if "source_dataset" in table.column_names
        else pa.array([only_source] * table.num_rows, pa.string())
    )
    return pa.table(
        {
            "source": source,
            "record_id": table["record_id"],
            "cluster": table["cluster_id"].cast(pa.string()),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", dest="set_name", required=True)
    parser.add_argument("--flavour", choices=FLAVOURS, required=True)
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    logging.getLogger("splink").setLevel(logging.ERROR)
    run_splink(make_plan(arguments.set_name, arguments.flavour), arguments.inputs, arguments.out)


if __name__ == "__main__":
    main()
