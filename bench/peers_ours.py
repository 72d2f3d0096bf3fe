"""Our engine in a process of its own, on the records as text.

    python -m bench.peers_ours --schema TOML --inputs records.parquet --out DIR

Everything at its defaults but the blocking rules, which the schema holds. Reads raw text, where
the peers are given it cleaned.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

STARTED = time.perf_counter()

__all__ = ["main"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schema")
    parser.add_argument("--memory", default="8GiB")
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    from mpi.lean_imports import import_lean

    import_lean()
    import mpi
    from bench.accuracy_process import peak_bytes

    result = mpi.dedupe(
        arguments.inputs,
        schema=arguments.schema,
        memory=arguments.memory,
        out=arguments.out / "run",
        overwrite=True,
    )
    facts = {
        "seconds": time.perf_counter() - STARTED,
        "cpu_seconds": time.process_time(),
        "peak_bytes": peak_bytes(),
        "pairs": result.run["counts"]["candidate_pairs"],
        "stages": result.run["seconds"],
        "profile": result.run["stages"],
    }
    (arguments.out / "bench.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
