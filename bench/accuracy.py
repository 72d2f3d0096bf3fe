"""How right we are, and how fast, on every labelled set we can read, beside Splink 5.

    python -m bench.accuracy [--sets febrl3,geco] [--engines ours,best_effort] [--no-splink]
    python -m bench.accuracy --write-readme

Every engine runs in a process of its own on the same Parquet files and never sees the truth.
Writes <out>/results.jsonl (a line per set and engine), <out>/details.md (every figure),
<out>/table.md and <out>/residents.md (the README's tables), and prints the last two. The second
form measures nothing: it puts the last tables between the README's markers. Generated residents
are part of it: 100 thousand people always, 1 million with --sets residents_1m.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from bench.accuracy_judge import BestCut, Judge
from bench.accuracy_residents import RESIDENT_EXTRA, RESIDENT_SIZES, load_residents
from bench.accuracy_sets import (
    DEFAULT_SETS,
    EXTRA_SETS,
    LabelledSet,
    SetMissingError,
    load_set,
    write_set,
)
from bench.accuracy_splink_plans import FLAVOURS, has_plan
from bench.accuracy_table import details_table, insert_table, readme_table
from bench.accuracy_tables_residents import (
    RESIDENTS_BEGIN,
    RESIDENTS_END,
    residents_table,
    without_causes,
)

__all__ = ["main", "run_sets"]

OURS: Final = "ours"
ENGINES: Final = (OURS, *FLAVOURS)
README: Final = Path(__file__).parents[1] / "README.md"
SPLINK_CUTS: Final = {"p50": ("clusters_50", 0.5), "p95": ("clusters_95", 0.95)}


class EngineFailedError(Exception):
    """The engine's process ended badly; the message is the end of what it said."""


def run_sets(sets: Iterable[str], engines: Sequence[str], out: Path) -> list[dict[str, Any]]:
    """Run each engine on each set; what is missing or fails is said and passed over.

    Parameters
    ----------
    sets : names of labelled sets
    engines : of ENGINES
    out : scratch and result directory

    Returns
    -------
    one record a set, engine and threshold, as written to results.jsonl
    """
    results: list[dict[str, Any]] = []
    out.mkdir(parents=True, exist_ok=True)
    with (out / "results.jsonl").open("w", encoding="utf-8") as lines:
        for name in sets:
            try:
                labelled = load_residents(name) if name in RESIDENT_SIZES else load_set(name)
            except SetMissingError as error:
                _say(f"skipped: {error}")
                continue
            for record in _run_set(labelled, engines, out / name):
                results.append(record)
                lines.write(json.dumps(record) + "\n")
                lines.flush()
    return results


def _run_set(labelled: LabelledSet, engines: Sequence[str], out: Path) -> list[dict[str, Any]]:
    write_set(labelled, out / "inputs")
    judge = Judge(labelled)
    results = []
    for engine in engines:
        if engine != OURS and not has_plan(labelled.name, engine):
            continue
        try:
            if engine == OURS:
                found = _run_ours(labelled, judge, out / "inputs", out / engine)
            else:
                found = _run_splink(labelled, judge, engine, out / "inputs", out / engine)
        except EngineFailedError as error:
            _say(f"{labelled.name} {engine}: failed: {error}")
            continue
        for record in found:
            facts = {"set": labelled.name, "mode": labelled.mode, "records": labelled.record_count}
            results.append(facts | {"engine": engine} | record)
            _say(
                f"{labelled.name} {engine} {record['threshold']}: F1 {record['f1']:.4f} "
                f"P {record['precision']:.4f} R {record['recall']:.4f} "
                f"best cut {record['best_cut_f1'] or math.nan:.4f} {record['seconds']:.1f} s"
            )
    return results


def _best(best: BestCut | None) -> dict[str, Any]:
    return {
        "best_cut_f1": None if best is None else best.f1,
        "best_cut_match_weight": None if best is None else best.match_weight,
    }


def _run_ours(labelled: LabelledSet, judge: Judge, inputs: Path, out: Path) -> list[dict[str, Any]]:
    """Two runs, the second counts: the first may have to compile kernels, once a machine."""
    arguments = ["--schema", str(labelled.schema), "--mode", labelled.mode]
    for _ in range(2):
        facts = _run_process("bench.accuracy_ours", arguments, inputs, out)
    best = judge.best_cut(out / "run" / "links.parquet")
    run = json.loads((out / "run" / "run.json").read_text())
    return [
        facts
        | judge.score_clusters(out / "run" / "clusters.parquet", "enterprise_id")
        | {
            "threshold": "default",
            **_best(best),
            "expected": run["expected"],
            "candidate_pairs": run["counts"]["candidate_pairs"],
        }
    ]


def _run_splink(
    labelled: LabelledSet, judge: Judge, engine: str, inputs: Path, out: Path
) -> list[dict[str, Any]]:
    arguments = ["--set", labelled.name, "--flavour", engine]
    facts = _run_process("bench.accuracy_splink", arguments, inputs, out)
    pairs = out / "pairs.parquet"
    best = judge.best_cut(pairs)
    shared = facts | {
        **_best(best),
        "candidate_recall": judge.score_links(pairs, -math.inf)["recall"],
    }
    return [
        shared
        | judge.score_clusters(out / f"{name}.parquet", "cluster")
        | {
            "threshold": threshold,
            "links": judge.score_links(pairs, math.log2(probability / (1 - probability))),
        }
        for threshold, (name, probability) in SPLINK_CUTS.items()
    ]


def _run_process(module: str, arguments: list[str], inputs: Path, out: Path) -> dict[str, Any]:
    """Run one engine alone; its own seconds and peak memory, and the wall time of the process."""
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", module, *arguments]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, "--inputs", str(inputs), "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()[-3:]
        raise EngineFailedError(" / ".join(said) or f"exit code {done.returncode}")
    facts: dict[str, Any] = json.loads((out / "bench.json").read_text())
    return facts | {"process_seconds": time.perf_counter() - started}


def _write_readme(out: Path) -> None:
    """Put tables measured before into the README, each where it has its markers."""
    tables = [out / "table.md", out / "residents.md"]
    if not any(table.exists() for table in tables):
        raise SystemExit(f"{out}: nothing measured yet; run python -m bench.accuracy first")
    document = README.read_text(encoding="utf-8")
    if tables[0].exists():
        document = insert_table(document, tables[0].read_text(encoding="utf-8"))
    if tables[1].exists():
        text = without_causes(tables[1].read_text(encoding="utf-8"))
        document = insert_table(document, text, begin=RESIDENTS_BEGIN, end=RESIDENTS_END)
    README.write_text(document, encoding="utf-8")


def _write_tables(results: Sequence[dict[str, Any]], out: Path) -> None:
    """Write and print the README's tables: of the sets of others, and of generated residents."""
    others = [each for each in results if each["set"] not in RESIDENT_SIZES]
    residents = [each for each in results if each["set"] in RESIDENT_SIZES]
    for name, found, make in (
        ("table.md", others, readme_table),
        ("residents.md", residents, residents_table),
    ):
        if found:
            (out / name).write_text(make(found), encoding="utf-8")
            print(make(found))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    default_sets = (*DEFAULT_SETS, *(name for name in RESIDENT_SIZES if name not in RESIDENT_EXTRA))
    extra_sets = (*EXTRA_SETS, *RESIDENT_EXTRA)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sets", default=",".join(default_sets), help=f"also: {', '.join(extra_sets)}"
    )
    parser.add_argument("--engines", default=",".join(ENGINES), help=f"of {', '.join(ENGINES)}")
    parser.add_argument("--no-splink", action="store_true", help="our engine alone")
    parser.add_argument("--out", type=Path, default=Path("build/accuracy"))
    parser.add_argument(
        "--write-readme", action="store_true", help="put the last table into README.md; no run"
    )
    arguments = parser.parse_args()
    if arguments.write_readme:
        _write_readme(arguments.out)
        return
    sets, engines = arguments.sets.split(","), arguments.engines.split(",")
    unknown = (set(sets) - {*default_sets, *extra_sets}) | (set(engines) - set(ENGINES))
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if arguments.no_splink:
        engines = [engine for engine in engines if engine == OURS]
    elif importlib.util.find_spec("splink") is None:
        _say("splink is not installed (pip install '.[accuracy]'): our engine alone")
        engines = [engine for engine in engines if engine == OURS]
    results = run_sets(sets, engines, arguments.out)
    (arguments.out / "details.md").write_text(details_table(results), encoding="utf-8")
    _write_tables(results, arguments.out)


if __name__ == "__main__":
    main()
