"""What approximate blocking adds to exact rules: pairs, recall, links, time, memory.

For each setting, the pairs that exact rules did not bring are counted and held against the truth:
how many are true, what that adds to recall, how many true pairs come with a million pairs more,
and how many of them the model would link. Beside faiss stands what one would do without it: keys
made of all but one character of the name ("a syllable dropped"), joined exactly.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data import dataset, scale_records
from bench.facts import facts_line, memory_peak_bytes, reset_memory_peak, run_facts
from bench.peers_data import TIGHT
from bench.peers_judge import true_pair_count
from bench.workload import MEMORY_BYTES, Workload, open_workload
from blocking.analysis import analyse
from blocking.approximate import ApproximateOptions, deliver_pairs, run_approximate
from blocking.context import CandidateChunk
from blocking.keys import resolve_rules
from blocking.rules import BlockingRule
from matching.compiled import CompiledModel
from mpi.progress import NO_PROGRESS
from mpi.score_run import score_candidates
from person.han import han_tables
from person.records import origin_rows
from person.slots import read_slot_column

__all__ = ["run_approximate_bench"]

LINK_WEIGHT_MIN: Final = 3.0
PARTNER_WEIGHT_MIN: Final = 0.0
BLOCK_SIZE_MAX: Final = 200
SETTINGS: Final = (
    ApproximateOptions(neighbours=5, distance_max=30, lists_read=4),
    ApproximateOptions(),
    ApproximateOptions(neighbours=5, distance_max=36, lists_read=16),
    ApproximateOptions(neighbours=10, distance_max=42, lists_read=16),
    ApproximateOptions(neighbours=5, distance_max=36, lists_read=64),
)
Say = Callable[[str], None]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


class _Judge:
    """Counts true pairs, and those the model would link, among pairs on worker threads."""

    def __init__(self, compiled: CompiledModel, person: NDArray[np.int64]) -> None:
        self.compiled = compiled
        self.person = person
        self._lock = threading.Lock()
        self.counts = np.zeros(4, np.int64)

    def consume(self, chunk: CandidateChunk) -> None:
        numbers = origin_rows(chunk.rows)
        is_true = self.person[numbers[chunk.left]] == self.person[numbers[chunk.right]]
        scores = self.compiled.score(chunk.rows, chunk.rows, chunk.left, chunk.right)
        is_link = scores.weight >= LINK_WEIGHT_MIN
        with self._lock:
            self.counts += [len(is_true), is_true.sum(), is_link.sum(), (is_true & is_link).sum()]


def run_approximate_bench(
    scale: str, rule_set: str, out: Path, *, say: Say = lambda _: None
) -> dict[str, Any]:
    """Measure approximate blocking after a set of exact rules; write approximate.json and .md.

    Parameters
    ----------
    scale : see `bench.data.scale_records`
    rule_set : 'default', the rules of the resident schema, or 'tight', the five of the peers
    out : directory of the results
    say : told what is going on
    """
    data = dataset(scale_records(scale))
    facts = run_facts()
    with tempfile.TemporaryDirectory() as scratch, open_workload(data, Path(scratch)) as workload:
        rules = workload.rules
        if rule_set == "tight":
            rules = tuple(BlockingRule(rule.name, rule.keys) for rule in TIGHT)
        person = pq.read_table(data.truth)["person_id"].to_numpy()
        found = _measure(workload, rules, person, say)
    found = {"format": 1, "rules": rule_set, "records": data.record_count, "run": facts, **found}
    out.mkdir(parents=True, exist_ok=True)
    (out / "approximate.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (out / "approximate.md").write_text(markdown(found), encoding="utf-8")
    return found


def _measure(
    workload: Workload, rules: tuple[BlockingRule, ...], person: NDArray[np.int64], say: Say
) -> dict[str, Any]:
    ingested = workload.ingested
    exact = analyse(
        ingested.store,
        ingested.layout,
        rules,
        memory_bytes=MEMORY_BYTES,
        link_mode="dedupe",
        truth=person,
        overflow=ingested.overflow,
    )
    scored = score_candidates(
        ingested,
        workload.compiled,
        rules,
        workload.space,
        memory_bytes=MEMORY_BYTES,
        progress=NO_PROGRESS,
    )
    asks = np.ones(len(person), np.bool_)
    likely = scored.edges.weight >= PARTNER_WEIGHT_MIN
    asks[scored.edges.left[likely]] = asks[scored.edges.right[likely]] = False
    found: dict[str, Any] = {
        "true_pairs": true_pair_count(person),
        "exact_pairs": int(scored.pair_count),
        "exact_recall": exact.rules[-1].cumulative_recall,
        "asking": int(asks.sum()),
        "settings": [],
    }
    say(f"exact rules: recall {found['exact_recall']:.5f}, {found['asking']:,} records alone")
    _by_likeness(workload, rules, asks, SETTINGS[0], _Judge(workload.compiled, person))  # warms up
    for options in SETTINGS:
        judge = _Judge(workload.compiled, person)
        line = _timed(partial(_by_likeness, workload, rules, asks, options, judge))
        found["settings"].append({"method": "likeness", **asdict(options), **line, **_of(judge)})
        say(_line(found["settings"][-1], found["true_pairs"]))
    judge = _Judge(workload.compiled, person)
    line = _timed(partial(_by_dropped_syllable, workload, rules, asks, judge))
    found["settings"].append({"method": "a syllable dropped", **line, **_of(judge)})
    say(_line(found["settings"][-1], found["true_pairs"]))
    return found


def _timed(function: Callable[[], Any]) -> dict[str, float]:
    can_reset = reset_memory_peak()
    started, processor = time.perf_counter(), time.process_time()
    function()
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - processor,
        "peak_bytes": memory_peak_bytes() if can_reset else 0,
    }


def _of(judge: _Judge) -> dict[str, int]:
    names = ("new_pairs", "new_true_pairs", "new_links", "new_true_links")
    return dict(zip(names, judge.counts.tolist(), strict=True))


def _by_likeness(
    workload: Workload,
    rules: tuple[BlockingRule, ...],
    asks: NDArray[np.bool_],
    options: ApproximateOptions,
    judge: _Judge,
) -> None:
    run_approximate(
        workload.ingested.store,
        workload.ingested.layout,
        rules,
        asks,
        link_mode="dedupe",
        memory_bytes=MEMORY_BYTES,
        consumer=judge.consume,
        overflow=workload.ingested.overflow,
        options=options,
    )


def _by_dropped_syllable(
    workload: Workload, rules: tuple[BlockingRule, ...], asks: NDArray[np.bool_], judge: _Judge
) -> None:
    """Two of three sounds of the name, with two of three parts of the birth date."""
    ingested = workload.ingested
    rows = np.concatenate([np.asarray(chunk.rows) for chunk in ingested.store.chunks()])

    def column(field: str) -> NDArray[np.int64]:
        out = np.empty(len(rows), np.uint64)
        read_slot_column(rows, ingested.layout.slots(field), 0, out)
        return out.astype(np.int64)

    word, date = column("name"), column("birth_date")
    tables = han_tables()
    sounds = []
    for lane in range(3):
        unit = np.where(word > 0, word >> (45 - 15 * lane) & 0x7FFF, 0)
        sounds.append(np.where(unit > 0, tables.fuzzy_class[tables.syllable[unit]] + 1, 0))
    year, month, day = date >> 9, date >> 5 & 15, date & 31
    dates = [(year, month), (month, day), (year, day)]
    lefts, rights = [], []
    for one, other in ((0, 1), (0, 2), (1, 2)):
        for first, second in dates:
            is_there = (sounds[one] > 0) & (sounds[other] > 0) & (first > 0) & (second > 0)
            key = (sounds[one].astype(np.int64) * 1024 + sounds[other]) << 20 | first << 8 | second
            left, right = _join(np.where(is_there, key, 0), asks)
            lefts.append(left)
            rights.append(right)
    found = np.unique(np.concatenate(lefts) * len(rows) + np.concatenate(rights))
    deliver_pairs(
        ingested.store,
        resolve_rules(rules, ingested.layout, ingested.overflow),
        found // len(rows),
        found % len(rows),
        link_mode="dedupe",
        consumer=judge.consume,
        rule_index=len(rules),
    )


def _join(key: NDArray[np.int64], asks: NDArray[np.bool_]) -> Pairs:
    """Pairs of records of one key (0 = none) of which one asks, smaller number first."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    asking = np.flatnonzero(asks & (key != 0))
    low = np.searchsorted(ordered, key[asking], "left")
    size = np.searchsorted(ordered, key[asking], "right") - low
    size[size > BLOCK_SIZE_MAX] = 0
    one = np.repeat(asking, size)
    within = np.arange(len(one)) - np.repeat(np.cumsum(size) - size, size)
    other = order[np.repeat(low, size) + within]
    differ = one != other
    one, other = one[differ], other[differ]
    return np.minimum(one, other), np.maximum(one, other)


def _line(setting: dict[str, Any], true_pairs: int) -> str:
    return (
        f"{_title(setting)}: {setting['new_pairs']:,} pairs, {setting['new_true_pairs']:,} true, "
        f"recall +{setting['new_true_pairs'] / max(true_pairs, 1):.5f}, {setting['seconds']:.1f} s"
    )


def _title(setting: dict[str, Any]) -> str:
    if setting["method"] != "likeness":
        return str(setting["method"])
    return (
        f"{setting['neighbours']} nearest within {setting['distance_max']} bits, "
        f"{setting['lists_read']} lists"
    )


def markdown(found: dict[str, Any]) -> str:
    """A row for each setting."""
    lines = [
        f"# Approximate blocking after the {found['rules']} rules, {found['records']:,} records",
        "",
        f"Exact rules: {found['exact_pairs']:,} pairs, recall {found['exact_recall']:.5f} of "
        f"{found['true_pairs']:,} true pairs; {found['asking']:,} records left alone ask.",
        "",
        "| method | pairs added | true | recall added | recall per million pairs | links added "
        "| right of them | seconds | processor s | peak MiB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in found["settings"]:
        added = each["new_true_pairs"] / max(found["true_pairs"], 1)
        a_million = added * 1e6 / each["new_pairs"] if each["new_pairs"] else 0.0
        lines.append(
            f"| {_title(each)} | {each['new_pairs']:,} | {each['new_true_pairs']:,} | "
            f"{added:.5f} | {a_million:.4f} | {each['new_links']:,} | "
            f"{each['new_true_links']:,} | {each['seconds']:.2f} | {each['cpu_seconds']:.2f} | "
            f"{each['peak_bytes'] / 2**20:,.0f} |"
        )
    return "\n".join([*lines, "", facts_line(found["run"]), ""])
