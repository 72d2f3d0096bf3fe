"""Splink 5 on the prepared table, in a process of its own.

    python -m bench.peers_splink --rules tight --inputs prepared.parquet --out DIR

Levels follow Splink's documentation for each kind of column; names also have a level for equal
pinyin, which we give away. u comes from a million random pairs (Splink's default), m from two
rounds of expectation-maximisation.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path
from typing import Any

STARTED = time.perf_counter()

__all__ = ["main"]

SEED = 1
PROBABILITIES = (0.95, 0.5)
"""Clusters at the first are in the time, those at the others are for the table alone."""


def comparisons() -> list[Any]:
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl

    from bench.accuracy_splink_parts import date_comparison

    return [
        cl.CustomComparison(
            output_column_name="name",
            comparison_levels=[
                cll.NullLevel("name"),
                cll.ExactMatchLevel("name").configure(tf_adjustment_column="name"),
                cll.ExactMatchLevel("pinyin"),
                cll.JaroWinklerLevel("pinyin", 0.9),
                cll.ExactMatchLevel("surname"),
                cll.ElseLevel(),
            ],
        ),
        date_comparison("birth_date", "%Y-%m-%d"),
        cl.DamerauLevenshteinAtThresholds("id_number", [1, 2]),
        cl.DamerauLevenshteinAtThresholds("phone", [1]).configure(term_frequency_adjustments=True),
        cl.ExactMatch("gender"),
        cl.CustomComparison(
            output_column_name="region_code",
            comparison_levels=[
                cll.NullLevel("region_code"),
                cll.ExactMatchLevel("region_code").configure(tf_adjustment_column="region_code"),
                cll.ExactMatchLevel("prefecture"),
                cll.ElseLevel(),
            ],
        ),
        cl.JaccardAtThresholds("address", [0.9, 0.6]),
    ]


def run(rules: list[tuple[str, ...]], prepared: Path, out: Path) -> dict[str, Any]:
    """Train, predict and cluster; write pairs and clusters, and say what it took."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    from bench.accuracy_process import peak_bytes

    stages: dict[str, float] = {"import": time.perf_counter() - STARTED}
    database = DuckDBAPI()
    frame = database.register(pq.read_table(prepared), dataset_display_name="residents")
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="row",
        comparisons=comparisons(),
        blocking_rules_to_generate_predictions=[block_on(*columns) for columns in rules],
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
    )
    linker = Linker(frame, settings, log_level="ERROR")
    stages["register"] = time.perf_counter() - STARTED
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on("id_number"), block_on("name", "full_birth_date")], recall=0.8
    )
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=SEED)
    stages["estimate u"] = time.perf_counter() - STARTED
    for columns in (("name", "full_birth_date"), ("id_number",)):
        training.estimate_parameters_using_expectation_maximisation(block_on(*columns))
    stages["expectation-maximisation"] = time.perf_counter() - STARTED
    predicted = linker.inference.predict()
    stages["block and score"] = time.perf_counter() - STARTED

    def cluster(probability: float) -> Any:
        return linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_probability=probability
        )

    clusters = [cluster(PROBABILITIES[0])]
    seconds, cpu_seconds = time.perf_counter() - STARTED, time.process_time()
    stages["cluster"] = seconds
    peak = peak_bytes()  # before the other clusters are made and all fetched for the judge
    clusters += [cluster(probability) for probability in PROBABILITIES[1:]]
    pairs = predicted.as_duckdbpyrelation().to_arrow_table()
    ends_and_weight = {
        "left": pairs["row_l"], "right": pairs["row_r"], "match_weight": pairs["match_weight"],
    }  # fmt: skip
    pq.write_table(pa.table(ends_and_weight), out / "pairs.parquet")
    for probability, made in zip(PROBABILITIES, clusters, strict=True):
        found = made.as_duckdbpyrelation().to_arrow_table()
        table = pa.table({"row": found["row"], "cluster": found["cluster_id"]})
        pq.write_table(table, out / f"clusters_p{round(100 * probability)}.parquet")
    ends = list(stages.values())
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_bytes": peak,
        "pairs": pairs.num_rows,
        "stages": {
            name: end - start
            for name, end, start in zip(stages, ends, [0.0, *ends[:-1]], strict=True)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", required=True, help="JSON: a list of lists of columns")
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    logging.getLogger("splink").setLevel(logging.ERROR)
    rules = [tuple(columns) for columns in json.loads(arguments.rules)]
    facts = run(rules, arguments.inputs, arguments.out)
    (arguments.out / "bench.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
