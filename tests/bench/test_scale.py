"""The slope of time over records, and the pages made of it."""

from __future__ import annotations

from typing import Any

import pytest

from bench.scale import fitted_slope, growth_chart, markdown, stage_chart


def _found(points: int) -> dict[str, Any]:
    sizes = [10 ** (4 + place) for place in range(points)]
    return {
        "points": [
            {
                "records": size, "seconds": 1e-6 * size, "peak_bytes": 100 * size, "pairs": size,
                "stages": {"encode": 4e-7 * size, "cluster": 6e-7 * size, "total": 1e-6 * size},
            }
            for size in sizes
        ],
        "slope_from_records": sizes[0],
        "seconds_slope": {"slope": 1.0, "intercept": -6.0} if points > 1 else None,
        "memory_slope": {"slope": 1.0, "intercept": 2.0} if points > 1 else None,
        "run": {
            "command": "mpi bench scale", "date": "2026-11-22", "load_average": [0.1],
            "machine": {"processor": "p", "cores": 2, "memory_bytes": 2**34, "python": "3.11"},
            "versions": {"numpy": "2"},
        },
    }  # fmt: skip


@pytest.mark.parametrize("power", [1.0, 1.05, 2.0])
def test_the_slope_of_a_power_law_is_its_power(power: float) -> None:
    """3 n ** power gives the power, and 3 as the intercept."""
    sizes = [1e4, 1e5, 1e6, 5e6]
    slope, intercept = fitted_slope(sizes, [3 * size**power for size in sizes])
    assert pytest.approx(power) == slope
    assert pytest.approx(3.0) == 10**intercept


@pytest.mark.parametrize("points", [1, 3])
def test_charts_and_table_are_drawn_of_any_number_of_sizes(points: int) -> None:
    """One size has no slope; everything else is shown all the same."""
    pytest.importorskip("altair")
    found = _found(points)
    page = markdown(found)
    assert "| 10,000 |" in page
    assert ("slope of time" in page) == (points > 1)
    for chart in (growth_chart(found), stage_chart(found)):
        assert chart.to_dict()["config"]
