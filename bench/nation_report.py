"""The results of a nation run on one page, and its progress in a log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.facts import facts_line
from mpi.progress import Progress, Stage

__all__ = ["Journal", "Tenths", "markdown"]

Say = Callable[[str], None]


class Journal:
    """Times of stages and steps, written to a file as each ends: a stopped run leaves them.

    Parameters
    ----------
    path : JSON file
    say : told of each
    """

    def __init__(self, path: Path | None, say: Say) -> None:
        self.seconds: dict[str, float] = {}
        self._steps: dict[str, float] = {}
        self._path = path
        self._say = say

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._say(f"{name} ...")
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started
        self._say(f"{name}: {self.seconds[name]:.1f} s")
        self._write()

    def step(self, name: str, seconds: float) -> None:
        """A step within a stage has ended."""
        self._steps[name] = seconds
        self._say(f"  {name}: {seconds:.1f} s")
        self._write()

    def _write(self) -> None:
        if self._path is not None:
            found = {"seconds": self.seconds, "steps": self._steps}
            self._path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


class Tenths:
    """Progress that also says how far a stage is, at every tenth of it.

    Parameters
    ----------
    inner : told of everything too
    say : told of the tenths
    """

    def __init__(self, inner: Progress, say: Say) -> None:
        self._inner = inner
        self._say = say

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Stage]:
        with self._inner.stage(name, total) as bar:
            yield _Tenth(bar, name, total or 0, self._say)


class _Tenth:
    def __init__(self, bar: Stage, name: str, total: int, say: Say) -> None:
        self._bar, self._name, self._total, self._say = bar, name, total, say
        self._done = self._told = 0
        self._began = time.perf_counter()

    def advance(self, count: int) -> None:
        self._bar.advance(count)
        self._done += count
        tenth = 10 * self._done // self._total if self._total else 0
        if self._told < tenth < 10:
            self._told = tenth
            self._say(f"    {self._name}: {tenth}0 %, {time.perf_counter() - self._began:.0f} s")


def markdown(found: dict[str, Any]) -> str:
    """The run on one page."""
    accuracy = found["accuracy"]
    minutes = found["seconds_to_ids"] / 60
    lines = [
        f"# {found['records']:,} records on one machine",
        "",
        f"Drawn, blocked, scored, clustered and given ids in **{minutes:.1f} minutes** with "
        f"{found['peak_bytes'] / 2**30:.1f} GiB of memory at most (allowed: {found['memory']}) and "
        f"{found['disk_bytes'] / 1e9:.1f} GB of disk. {found['pairs']:,} pairs compared, "
        f"{found['links']:,} links, {found['clusters']:,} people found of {found['people']:,}.",
        "",
        "| against the truth | |",
        "| --- | --- |",
        f"| precision over pairs | {accuracy['precision']:.6f} |",
        f"| recall over pairs | {accuracy['recall']:.6f} |",
        f"| F1 | {accuracy['f1']:.6f} |",
        f"| true pairs | {accuracy['true_pairs']:,} |",
        f"| clusters of more than one person | {accuracy['mixed_clusters']:,} "
        f"({accuracy['mixed_clusters_per_100_000_people']:.2f} a 100,000 people) |",
        f"| largest cluster | {found['largest_cluster']:,} records |",
        "",
        "| rule | keyed records | pairs | rounds | largest block | seconds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for each in found["rules"]:
        largest = each["largest_runs"][0] if each["largest_runs"] else [0, ""]
        lines.append(
            f"| {each['rule']} | {each['keyed_records']:,} | {each['pairs']:,} | {each['rounds']} "
            f"| {largest[0]:,} ({largest[1]}) | {each['seconds']:.1f} |"
        )
    lines += ["", "| stage | seconds |", "| --- | --- |"]
    lines += [f"| {name} | {seconds:.1f} |" for name, seconds in found["seconds"].items()]
    lines += ["", "| step of block, score, unite | seconds |", "| --- | --- |"]
    lines += [f"| {name} | {seconds:.1f} |" for name, seconds in found["steps"].items()]
    model = found["model"]
    lines += [
        "",
        f"A row is {model['row_bytes']} bytes: {', '.join(model['fields'])}.",
        "",
        f"The model was fitted to {model['sample_records']:,} records of other people; its link "
        f"line was raised by {model['bits_for_the_size']:.2f} bits for the size. Judging against "
        "the truth and fitting are not in the minutes above. Clusters are connected components "
        "of links; names that do not fit a row (more than four characters) count as a whole.",
        "",
        facts_line(found["run"]),
        "",
    ]
    return "\n".join(lines)
