"""The slope of time over records, and the pages made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import scale
from bench.errors import BenchError
from bench.scale import fitted_slope, run_scale
from bench.scale_report import growth_chart, markdown, stage_chart
from person.errors import ConfigError


def _series(points: int, name: str) -> dict[str, Any]:
    sizes = [10 ** (4 + place) for place in range(points)]
    return {
        "name": name,
        "title": f"streamed, from {name}",
        "points": [
            {
                "records": size, "seconds": 1e-6 * size, "cpu_seconds": 1.9e-6 * size,
                "peak_bytes": 100 * size, "pairs": size,
                "stages": {"encode": 4e-7 * size, "cluster": 6e-7 * size, "total": 1e-6 * size},
                "profile": [
                    {"stage": "encode", "seconds": 2.0, "cpu_seconds": 3.0,
                     "peak_memory_bytes": 2**20}
                ],
            }
            for size in sizes
        ],
        "slope_from_records": sizes[0],
        "seconds_slope": {"slope": 1.0, "intercept": -6.0} if points > 1 else None,
        "memory_slope": {"slope": 1.0, "intercept": 2.0} if points > 1 else None,
    }  # fmt: skip


def _found(points: int, names: tuple[str, ...] = ("rows",)) -> dict[str, Any]:
    return {
        "memory": "8GiB",
        "stream": True,
        "series": [_series(points, name) for name in names],
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
@pytest.mark.parametrize("names", [("rows",), ("rows", "parquet")])
def test_charts_and_table_are_drawn_of_any_number_of_sizes(
    points: int, names: tuple[str, ...]
) -> None:
    """One size has no slope; everything else is shown all the same, of one way or of two."""
    pytest.importorskip("altair")
    found = _found(points, names)
    page = markdown(found)
    assert len(names) == page.count("| 10,000 | 0.01 |")
    assert ("slope of time" in page) == (points > 1)
    assert "| encode | 2.00 | 3.00 | 1.50 | 1 |" in page
    charts = (growth_chart(found), *(stage_chart(each) for each in found["series"]))
    assert all(chart.to_dict()["config"] for chart in charts)


def test_large_tables_made_on_the_way_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there before stays, and so does what is small."""
    pytest.importorskip("altair")
    monkeypatch.setenv("MPI_BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(scale, "KEPT_RECORDS_MAX", 200)

    def run_once(records: int, *_: Any) -> dict[str, Any]:
        folder = scale.dataset_folder(records)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "done.json").write_text("{}")
        return _series(1, "rows")["points"][0]

    monkeypatch.setattr(scale, "_run_once", run_once)
    run_once(400)
    run_scale(["100", "300", "400"], tmp_path / "out", ways=["parquet"])
    assert [True, False, True] == [scale.is_made(size) for size in (100, 300, 400)]


def test_a_disk_too_small_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is asked for first."""
    monkeypatch.setenv("MPI_BENCH_DATA", str(tmp_path / "data"))
    with pytest.raises(BenchError, match="of disk"):
        run_scale(["1000000b"], tmp_path / "out", ways=["rows"])
    with pytest.raises(ConfigError, match="unknown way"):
        run_scale(["1000"], tmp_path / "out", ways=["flight"])
