"""Fixtures of the suites: the table of the scale asked for, and how a measurement is taken."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from bench.calibration import calibrate
from bench.data import Dataset, dataset, scale_records
from bench.facts import memory_peak_bytes, reset_memory_peak
from bench.latin import LATIN_SCHEMA, latin_dataset
from bench.workload import Workload, open_workload

ROUNDS: Final = 7
ROUND_SECONDS_MIN: Final = 0.03
LATIN_RECORDS_MAX: Final = 100_000
SECONDS_MAX: Final = 60.0
"""A measurement gets fewer rounds, at least one, where all of them would take longer."""

Measure = Callable[..., Any]


@pytest.fixture(scope="session")
def data() -> Dataset:
    """The generated table of the scale that MPI_BENCH_SCALE names."""
    return dataset(scale_records(os.environ.get("MPI_BENCH_SCALE", "quick")))


@pytest.fixture(scope="session")
def workload(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workload]:
    with open_workload(data, tmp_path_factory.mktemp("workload")) as opened:
        yield opened


@pytest.fixture(scope="session")
def latin_workload(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workload]:
    """People in FEBRL's columns, as many as the scale has up to LATIN_RECORDS_MAX."""
    people = latin_dataset(min(data.record_count, LATIN_RECORDS_MAX))
    scratch = tmp_path_factory.mktemp("latin")
    with open_workload(people, scratch, schema=LATIN_SCHEMA) as opened:
        yield opened


@pytest.fixture
def measure(benchmark: Any) -> Measure:
    """Run a function under the timer; see `run` for what it takes."""

    def run(
        function: Callable[[], Any],
        *,
        units: dict[str, float] | Callable[[Any], dict[str, float]],
        threads: int | None = None,
        rounds: int = ROUNDS,
        tell: Callable[[Any], dict[str, Any]] = lambda _: {},
        **facts: Any,
    ) -> Any:
        """Time `function` and return its last result, which the caller asserts on.

        The first call, outside the timer, compiles or loads the kernels and touches the buffers;
        the second tells how many rounds there is time for, and how many calls make a round long
        enough to be measured. `units` are what one call works through, {"pairs": 1000000}, or
        a function that tells it from the result; `threads` is 1 where the function keeps one
        core busy, None where it keeps all; `facts` go into the result as they are, and what
        `tell` says of the last round's result.
        """
        function()
        started = time.perf_counter()
        function()
        warm = max(time.perf_counter() - started, 1e-7)
        calls = max(1, math.ceil(ROUND_SECONDS_MIN / warm))
        rounds = max(1, min(rounds, int(SECONDS_MAX / (calls * warm))))
        can_reset = reset_memory_peak()
        before = calibrate(threads)
        clock = [time.process_time()]

        def timed() -> Any:
            result = function()
            clock.append(time.process_time())
            return result

        result = benchmark.pedantic(timed, rounds=rounds, iterations=calls)
        cpu_seconds = min(np.diff(clock[::calls])) / calls
        calibration = np.minimum(before, calibrate(threads)).tolist()
        seconds = benchmark.stats.stats.min
        done = units(result) if callable(units) else units
        benchmark.extra_info.update(
            units=done,
            per_second={name: count / seconds for name, count in done.items()},
            per_cpu_second={name: float(count / cpu_seconds) for name, count in done.items()},
            threads=threads,
            calls_a_round=calls,
            cpu_seconds=float(cpu_seconds),
            calibration_seconds=calibration[0],
            calibration_cpu_seconds=calibration[1],
            peak_bytes=memory_peak_bytes() if can_reset else None,
            **facts,
            **tell(result),
        )
        return result

    return run


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """An empty directory that is gone afterwards."""
    return tmp_path
