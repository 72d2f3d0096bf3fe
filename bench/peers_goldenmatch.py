"""GoldenMatch on the prepared table, in a process of its own.

    python -m bench.peers_goldenmatch --rules JSON --inputs prepared.parquet --out DIR

Its own Fellegi-Sunter matchkey, multi-pass blocking on the same columns. Imports nothing of
ours but one helper of the standard library, so that it may run under another interpreter, with
packages that ours does not have (MPI_GOLDENMATCH_PYTHON).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

STARTED = time.perf_counter()

__all__ = ["main"]


def config(rules: list[tuple[str, ...]]) -> Any:
    import goldenmatch as gm

    def field(name: str, scorer: str, levels: int, **options: Any) -> Any:
        return gm.MatchkeyField(field=name, scorer=scorer, levels=levels, **options)

    return gm.GoldenMatchConfig(
        matchkeys=[
            gm.MatchkeyConfig(
                name="person",
                type="probabilistic",
                fields=[
                    field("name", "jaro_winkler", 3, partial_threshold=0.85, tf_adjustment=True),
                    field("pinyin", "jaro_winkler", 3, partial_threshold=0.9),
                    field("birth_date", "levenshtein", 3, partial_threshold=0.85),
                    field("id_number", "levenshtein", 3, partial_threshold=0.85),
                    field("phone", "exact", 2),
                    field("gender", "exact", 2),
                    field("region_code", "exact", 2),
                ],
            )
        ],
        blocking=gm.BlockingConfig(
            strategy="multi_pass",
            max_block_size=100_000,
            keys=[gm.BlockingKeyConfig(fields=list(rules[0]))],
            passes=[gm.BlockingKeyConfig(fields=list(columns)) for columns in rules],
        ),
    )


def run(rules: list[tuple[str, ...]], prepared: Path, out: Path) -> dict[str, Any]:
    """Deduplicate; write pairs and clusters, and say what it took."""
    import goldenmatch as gm
    import pyarrow as pa
    import pyarrow.parquet as pq

    from bench.accuracy_process import peak_bytes

    table = pq.read_table(prepared)
    try:
        import polars

        frame: Any = polars.from_arrow(table)
    except ImportError:
        frame = table
    result = gm.dedupe_df(frame, config=config(rules), confidence_required=False)
    scored = result.scored_pairs or []
    clusters = result.clusters
    seconds, cpu_seconds = time.perf_counter() - STARTED, time.process_time()
    peak = peak_bytes()
    left, right, score = zip(*scored, strict=True) if scored else ((), (), ())
    columns = {
        "left": pa.array(left, pa.int64()),
        "right": pa.array(right, pa.int64()),
        "match_weight": pa.array(score, pa.float64()),
    }
    pq.write_table(pa.table(columns), out / "pairs.parquet")
    cluster = list(range(table.num_rows))
    for each in clusters.values():
        for member in each["members"]:
            cluster[member] = each["members"][0]
    found = {"row": pa.array(range(table.num_rows), pa.int64()), "cluster": pa.array(cluster)}
    pq.write_table(pa.table(found), out / "clusters_default.parquet")
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_bytes": peak,
        "pairs": len(scored),
        "pairs_are": "scored above its own cut",
        "version": gm.__version__,
        "stages": {},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", required=True, help="JSON: a list of lists of columns")
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    os.environ.setdefault("POLARS_VERBOSE", "0")
    rules = [tuple(columns) for columns in json.loads(arguments.rules)]
    facts = run(rules, arguments.inputs, arguments.out)
    (arguments.out / "bench.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
