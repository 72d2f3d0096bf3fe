"""Two results side by side, and the check against a stored baseline.

Seconds of two runs compare only where the machine was the same and as free. So each measurement
is first divided by what two calibration kernels took right beside it: the cost left is in units
of "one copy and one sort", and the ratio of two costs says how the code changed. On a machine
that others keep busy the cost is taken from processor time instead, which waits for no one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from person.errors import ConfigError

__all__ = [
    "BASELINE_FIELDS",
    "TOLERANCE",
    "Comparison",
    "as_baseline",
    "compare_results",
    "geometric_mean",
    "regressions",
]

TOLERANCE: Final = 0.25
"""How much dearer a measurement may become before it counts as a regression."""

BASELINE_FIELDS: Final = (
    "name", "node", "seconds", "cpu_seconds", "calibration_seconds", "calibration_cpu_seconds",
    "threads", "units", "per_second", "peak_bytes", "rounds",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One measurement in two results.

    Attributes
    ----------
    name : suite/measurement
    seconds : wall seconds in the first result and in the second
    ratio : second over first of those
    cost_ratio : the same after dividing by the calibration kernels; above 1 is dearer
    measured_by : 'wall' or 'processor', what `cost_ratio` is made of
    peak_ratio : second over first of the peak memory; None where one has none
    """

    name: str
    seconds: tuple[float, float]
    ratio: float
    cost_ratio: float
    measured_by: str
    peak_ratio: float | None

    def is_regression(self, tolerance: float = TOLERANCE) -> bool:
        return self.cost_ratio > 1.0 + tolerance


def compare_results(
    first: dict[str, Any], second: dict[str, Any]
) -> tuple[list[Comparison], list[str]]:
    """Hold the second result against the first.

    Parameters
    ----------
    first, second : results of `bench.suites.run_suites`, the first perhaps a baseline

    Returns
    -------
    Comparisons of what both measured, and the names that only one of them has

    Raises
    ------
    ConfigError : the results are of different scales
    """
    if first["records"] != second["records"]:
        raise ConfigError(
            f"the results are of {first['records']:,} and {second['records']:,} records; "
            "compare runs of one scale"
        )
    by_name = [{each["name"]: each for each in result["benchmarks"]} for result in (first, second)]
    is_busy = _is_busy(first) or _is_busy(second)
    shared = [name for name in by_name[0] if name in by_name[1]]
    alone = sorted(set(by_name[0]) ^ set(by_name[1]))
    return [_compared(by_name[0][name], by_name[1][name], is_busy) for name in shared], alone


def regressions(
    first: dict[str, Any], second: dict[str, Any], tolerance: float | None = None
) -> list[Comparison]:
    """What is dearer in the second result than in the first.

    Parameters
    ----------
    first, second : as for `compare_results`
    tolerance : how much dearer is still allowed; None for TOLERANCE
    """
    allowed = TOLERANCE if tolerance is None else tolerance
    compared, _ = compare_results(first, second)
    return [each for each in compared if each.is_regression(allowed)]


def as_baseline(result: dict[str, Any]) -> dict[str, Any]:
    """What of a result is worth keeping as a baseline."""
    kept = [
        {name: each[name] for name in BASELINE_FIELDS if name in each}
        for each in result["benchmarks"]
    ]
    return {**result, "benchmarks": kept}


def geometric_mean(ratios: list[float]) -> float:
    """Of ratios, 1.0 for none."""
    return math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios)) if ratios else 1.0


def _is_busy(result: dict[str, Any]) -> bool:
    """Whether someone else kept the machine's processors busy when the run began."""
    run = result["run"]
    cores = run["machine"]["cores"] or 1
    return bool(run["load_average"][0] > 0.5 * cores)


def _compared(one: dict[str, Any], other: dict[str, Any], is_busy: bool) -> Comparison:
    kind = "cpu_" if is_busy else ""
    cost = [each[f"{kind}seconds"] / each[f"calibration_{kind}seconds"] for each in (one, other)]
    peaks = [each.get("peak_bytes") for each in (one, other)]
    return Comparison(
        name=one["name"],
        seconds=(one["seconds"], other["seconds"]),
        ratio=other["seconds"] / one["seconds"],
        cost_ratio=cost[1] / cost[0],
        measured_by="processor" if is_busy else "wall",
        peak_ratio=peaks[1] / peaks[0] if peaks[0] and peaks[1] else None,
    )
