"""Our engine on one labelled set, in a process of its own; the parent judges what it writes.

    python -m bench.accuracy_ours --schema TOML --mode dedupe --inputs DIR --out DIR

Everything at its defaults: no model, no threshold, no option but the schema that names the columns.
Besides the run's own files, <out>/bench.json gets the seconds and the peak memory of this process.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from bench.accuracy_process import peak_bytes

__all__ = ["main"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schema", required=True)
    parser.add_argument("--mode", required=True)
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    started = time.perf_counter()
    import mpi

    files = sorted(arguments.inputs.glob("*.parquet"))
    run = arguments.out / "run"
    if arguments.mode == "dedupe":
        mpi.dedupe(files, schema=arguments.schema, out=run, overwrite=True)
    else:
        left, right = files
        mpi.link(left, right, mode=arguments.mode, schema=arguments.schema, out=run, overwrite=True)
    facts = {
        "seconds": time.perf_counter() - started,
        "peak_bytes": peak_bytes(),
    }
    (arguments.out / "bench.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
