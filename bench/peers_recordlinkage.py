"""The Python Record Linkage Toolkit on the prepared table, in a process of its own.

    python -m bench.peers_recordlinkage --rules JSON --inputs prepared.parquet --out DIR

Expectation-conditional maximisation over seven features, as its documentation does it; clusters
are connected components of the pairs it calls matches.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

STARTED = time.perf_counter()

__all__ = ["main"]


def run(rules: list[tuple[str, ...]], prepared: Path, out: Path) -> dict[str, Any]:
    """Index, compare, classify; write pairs and clusters, and say what it took."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    import recordlinkage
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    from bench.accuracy_process import peak_bytes

    frame = pd.read_parquet(prepared).set_index("row")
    pairs = None
    for columns in rules:
        present = frame.dropna(subset=list(columns))  # a missing value would equal another
        found = recordlinkage.index.Block(list(columns)).index(present)
        pairs = found if pairs is None else pairs.union(found)
    compare = recordlinkage.Compare()
    compare.string("name", "name", method="jarowinkler", threshold=0.85)
    compare.string("pinyin", "pinyin", method="jarowinkler", threshold=0.9)
    compare.string("birth_date", "birth_date", method="damerau_levenshtein", threshold=0.85)
    compare.string("id_number", "id_number", method="damerau_levenshtein", threshold=0.85)
    compare.exact("phone", "phone")
    compare.exact("gender", "gender")
    compare.exact("region_code", "region_code")
    features = compare.compute(pairs, frame)
    classifier = recordlinkage.ECMClassifier()
    matches = classifier.fit_predict(features)
    probability = classifier.prob(features).to_numpy()
    rows, cells = len(frame), np.ones(len(matches), bool)
    ends = [matches.get_level_values(side).to_numpy() for side in (0, 1)]
    _, cluster = connected_components(coo_array((cells, ends), shape=(rows, rows)), directed=False)
    seconds, cpu_seconds = time.perf_counter() - STARTED, time.process_time()
    peak = peak_bytes()
    weight = np.log2(np.maximum(probability, 1e-30) / np.maximum(1 - probability, 1e-30))
    columns_out = {
        "left": features.index.get_level_values(0).to_numpy(),
        "right": features.index.get_level_values(1).to_numpy(),
        "match_weight": weight,
    }
    pq.write_table(pa.table(columns_out), out / "pairs.parquet")
    table = pa.table({"row": np.arange(rows), "cluster": cluster.astype(np.int64)})
    pq.write_table(table, out / "clusters_default.parquet")
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_bytes": peak,
        "pairs": len(features),
        "stages": {},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", required=True, help="JSON: a list of lists of columns")
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rules = [tuple(columns) for columns in json.loads(arguments.rules)]
    facts = run(rules, arguments.inputs, arguments.out)
    (arguments.out / "bench.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
