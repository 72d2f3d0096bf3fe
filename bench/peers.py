"""Several engines on the same table under the same rules, each in a process of its own.

Times run from before an engine is imported to clusters in its hands; results are fetched and
judged afterwards. An engine that is not installed, or a table too large for it, is said to be
left out, never silently absent.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data import Dataset, dataset, scale_records
from bench.errors import BenchError, EngineFailedError
from bench.facts import run_facts
from bench.peers_data import RULE_SETS, prepare_peers, schema_with_rules
from bench.peers_judge import best_cut_of_many, cluster_figures, true_pair_count
from person.errors import ConfigError

__all__ = ["ENGINES", "run_peers"]

ROOT: Final = Path(__file__).resolve().parent.parent
SECONDS_MAX: Final = 3600.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One engine: its module, the package it needs, the largest table it is given, by rules."""

    title: str
    module: str
    package: str | None
    records_max: dict[str, int]
    runs: int = 1


UNLIMITED: Final = 1 << 40
ENGINES: Final = {
    # Twice: the first run of a machine may have to compile kernels; the second counts.
    "ours": Engine(
        title="this engine",
        module="bench.peers_ours",
        package=None,
        records_max={"tight": UNLIMITED, "loose": UNLIMITED},
        runs=2,
    ),
    "splink": Engine(
        title="Splink 5",
        module="bench.peers_splink",
        package="splink",
        records_max={"tight": UNLIMITED, "loose": UNLIMITED},
    ),
    "recordlinkage": Engine(
        title="recordlinkage",
        module="bench.peers_recordlinkage",
        package="recordlinkage",
        records_max={"tight": 100_000, "loose": 100_000},
    ),
    "goldenmatch": Engine(
        title="GoldenMatch",
        module="bench.peers_goldenmatch",
        package="goldenmatch",
        records_max={"tight": 5_000_000, "loose": 1_000_000},
    ),
}


def run_peers(
    scale: str,
    engines: Sequence[str],
    rule_sets: Sequence[str],
    out: Path,
    *,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Run engines side by side and write peers.json, peers.md and the charts.

    Parameters
    ----------
    scale : see `bench.data.scale_records`
    engines : of ENGINES; all if empty
    rule_sets : 'tight', 'loose'; both if empty
    out : directory of the results
    say : told what is going on

    Returns
    -------
    The results, as written to peers.json
    """
    from bench.peers_report import write_report

    _check_names("engine", engines, ENGINES)
    _check_names("rules", rule_sets, RULE_SETS)
    records = scale_records(scale)
    data = dataset(records)
    facts = run_facts()
    out = out.resolve()
    work = out / "work"
    work.mkdir(parents=True, exist_ok=True)
    say(f"{records:,} records; preparing what the peers are given")
    prepare_peers(data, work / "prepared.parquet")
    judge = _Judge(data)
    results: list[dict[str, Any]] = []
    left_out: list[str] = []
    for rules in rule_sets or tuple(RULE_SETS):
        for name in engines or tuple(ENGINES):
            reason = _reason_to_skip(name, rules, records)
            if reason is None:
                try:
                    results.append(_run_engine(name, rules, data, work, judge))
                    say(_line(results[-1]))
                    continue
                except EngineFailedError as error:
                    reason = f"failed: {error}"
            left_out.append(f"{ENGINES[name].title}, {rules} rules: {reason}")
            say(f"left out: {left_out[-1]}")
    found = {
        "format": 1,
        "records": records,
        "true_pairs": judge.true_pairs,
        "run": facts,
        "results": results,
        "left_out": left_out,
        "pair_counts_agree": _pair_counts_agree(results),
    }
    (out / "peers.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    write_report(found, out)
    shutil.rmtree(work)
    return found


def goldenmatch_python() -> str | None:
    """The interpreter that has GoldenMatch: MPI_GOLDENMATCH_PYTHON, or our own; None for none."""
    other = os.environ.get("MPI_GOLDENMATCH_PYTHON")
    if other:
        return other if Path(other).exists() else None
    return sys.executable if importlib.util.find_spec("goldenmatch") else None


def _check_names(what: str, names: Sequence[str], known: Any) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ConfigError(f"unknown {what} {', '.join(unknown)}; choose from {', '.join(known)}")


def _reason_to_skip(name: str, rules: str, records: int) -> str | None:
    engine = ENGINES[name]
    if name == "goldenmatch" and goldenmatch_python() is None:
        return "not installed (pip install goldenmatch, or MPI_GOLDENMATCH_PYTHON)"
    if name not in ("ours", "goldenmatch") and importlib.util.find_spec(name) is None:
        return f"not installed (pip install {name})"
    if records > engine.records_max[rules]:
        return f"not run above {engine.records_max[rules]:,} records"
    return None


class _Judge:
    """The truth by row number, and the row number of each record id."""

    def __init__(self, data: Dataset) -> None:
        truth = pq.read_table(data.truth)
        self.person: NDArray[np.int64] = truth["person_id"].to_numpy()
        self._keys = _record_keys(truth["source"], truth["record_id"])
        self.true_pairs = true_pair_count(self.person)

    def rows(self, source: pa.ChunkedArray, record_id: pa.ChunkedArray) -> NDArray[np.int64]:
        found = pc.index_in(_record_keys(source, record_id), value_set=self._keys)
        assert found.null_count == 0
        return found.to_numpy(zero_copy_only=False).astype(np.int64)


def _record_keys(source: pa.ChunkedArray, record_id: pa.ChunkedArray) -> pa.Array:
    joined = pc.binary_join_element_wise(source.cast(pa.string()), record_id, "\x1f")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _run_engine(name: str, rules: str, data: Dataset, work: Path, judge: _Judge) -> dict[str, Any]:
    engine = ENGINES[name]
    out = work / f"{name}-{rules}"
    out.mkdir(exist_ok=True)
    if name == "ours":
        schema_with_rules(RULE_SETS[rules], out / "schema.toml")
        arguments = ["--schema", str(out / "schema.toml"), "--inputs", str(data.records)]
    else:
        columns = json.dumps([rule.columns for rule in RULE_SETS[rules]])
        arguments = ["--rules", columns, "--inputs", str(work / "prepared.parquet")]
    python = goldenmatch_python() if name == "goldenmatch" else sys.executable
    assert python is not None
    for _ in range(engine.runs):
        seconds = _run_process([python, "-m", engine.module, *arguments, "--out", str(out)])
    facts = json.loads((out / "bench.json").read_text())
    judged = _judge_ours(out, judge) if name == "ours" else _judge_peer(out, judge)
    return {
        "engine": name, "title": engine.title, "rules": rules, **facts, **judged,
        "process_seconds": seconds,
    }  # fmt: skip


def _run_process(command: list[str]) -> float:
    """Run one engine alone; the wall seconds of its process."""
    started = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        raise EngineFailedError(f"not done after {SECONDS_MAX:.0f} s") from None
    if done.returncode:
        said = [line.strip() for line in done.stderr.strip().splitlines()[-2:]]
        raise EngineFailedError(" / ".join(said) or f"exit code {done.returncode}")
    return time.perf_counter() - started


def _judge_ours(out: Path, judge: _Judge) -> dict[str, Any]:
    clusters = pq.read_table(out / "run" / "clusters.parquet")
    cluster = np.arange(len(judge.person)) + len(judge.person)
    labels = clusters["enterprise_id"].combine_chunks().dictionary_encode().indices
    cluster[judge.rows(clusters["source"], clusters["record_id"])] = labels.to_numpy()
    links = pq.read_table(out / "run" / "links.parquet")
    left, right = (judge.rows(links[f"source_{s}"], links[f"record_id_{s}"]) for s in "lr")
    best = best_cut_of_many(left, right, links["match_weight"].to_numpy(), judge.person)
    return {
        "at_default": cluster_figures(cluster, judge.person),
        "default": "its own link line",
        "best_cut_f1": best.f1,
        "best_cut_match_weight": _finite(best.match_weight),
    }


def _judge_peer(out: Path, judge: _Judge) -> dict[str, Any]:
    pairs = pq.read_table(out / "pairs.parquet")
    weight = pairs["match_weight"].to_numpy()
    best = best_cut_of_many(
        pairs["left"].to_numpy(), pairs["right"].to_numpy(), weight, judge.person
    )
    figures = {}
    for path in sorted(out.glob("clusters_*.parquet")):
        table = pq.read_table(path)
        cluster = np.arange(len(judge.person)) + len(judge.person)
        cluster[table["row"].to_numpy()] = table["cluster"].to_numpy()
        figures[path.stem.removeprefix("clusters_")] = cluster_figures(cluster, judge.person)
    if not figures:
        raise BenchError(f"{out.name} wrote no clusters")
    return {
        # Splink has no threshold of its own; its documentation clusters at 0.95.
        "at_default": figures.get("default", figures.get("p95")),
        "default": "its own cut" if "default" in figures else "p ≥ 0.95, as its documentation",
        "at_p50": figures.get("p50"),
        "best_cut_f1": best.f1,
        "best_cut_match_weight": _finite(best.match_weight),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _pair_counts_agree(results: Sequence[dict[str, Any]]) -> dict[str, bool]:
    """By rules: whether every engine that counts candidates found the same number of them."""
    agree = {}
    for rules in RULE_SETS:
        counts = {
            each["pairs"] for each in results if each["rules"] == rules and "pairs_are" not in each
        }
        agree[rules] = len(counts) <= 1
    return agree


def _line(result: dict[str, Any]) -> str:
    return (
        f"{result['title']}, {result['rules']} rules: {result['seconds']:.1f} s, "
        f"{result['peak_bytes'] / 2**20:,.0f} MiB, {result['pairs']:,} pairs, "
        f"F1 {result['at_default']['f1']:.4f}, best cut {result['best_cut_f1']:.4f}"
    )
