"""Two results side by side: ratios, costs and the check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import suites
from bench.compare import as_baseline, compare_results, geometric_mean
from bench.suites import read_result
from cli.main import run
from person.errors import ConfigError


def _result(
    *, seconds: float, calibration: float, cpu: float | None = None, load: float = 0.0,
    records: int = 1000, name: str = "kernels/sort",
) -> dict[str, Any]:  # fmt: skip
    return {
        "format": 1,
        "scale": "1,000",
        "records": records,
        "suites": ["kernels"],
        "run": {"machine": {"cores": 2}, "load_average": [load, 0.0, 0.0]},
        "benchmarks": [
            {
                "name": name, "seconds": seconds, "calibration_seconds": calibration,
                "calibration_cpu_seconds": calibration,
                "cpu_seconds": seconds if cpu is None else cpu, "threads": 1, "peak_bytes": 100,
                "units": {"values": 10}, "per_second": {"values": 10 / seconds}, "rounds": 3,
                "seconds_median": seconds,
            }
        ],
    }  # fmt: skip


def test_a_slower_machine_is_no_regression() -> None:
    """Twice the time beside calibration kernels of twice the time is the same cost."""
    (one,), alone = compare_results(
        _result(seconds=1.0, calibration=0.1), _result(seconds=2.0, calibration=0.2)
    )
    assert 2.0 == one.ratio
    assert pytest.approx(1.0) == one.cost_ratio
    assert not one.is_regression(0.05)
    assert [] == alone


def test_dearer_code_is_a_regression_on_a_faster_machine_too() -> None:
    """The same time beside calibration kernels of half the time is twice the cost."""
    (one,), _ = compare_results(
        _result(seconds=1.0, calibration=0.2), _result(seconds=1.0, calibration=0.1)
    )
    assert pytest.approx(2.0) == one.cost_ratio
    assert one.is_regression(0.25)


def test_a_busy_machine_is_judged_by_processor_time() -> None:
    """Wall time that was spent waiting for others does not count."""
    (one,), _ = compare_results(
        _result(seconds=1.0, calibration=0.1),
        _result(seconds=9.0, cpu=1.0, calibration=0.1, load=5.0),
    )
    assert "processor" == one.measured_by
    assert pytest.approx(1.0) == one.cost_ratio


def test_results_of_two_scales_are_refused() -> None:
    """A ratio between them would say nothing."""
    with pytest.raises(ConfigError, match="one scale"):
        compare_results(
            _result(seconds=1, calibration=1), _result(seconds=1, calibration=1, records=2000)
        )


def test_what_only_one_result_has_is_named() -> None:
    """It is not compared, and not passed over in silence."""
    compared, alone = compare_results(
        _result(seconds=1, calibration=1), _result(seconds=1, calibration=1, name="passes/all")
    )
    assert [] == compared
    assert ["kernels/sort", "passes/all"] == alone


def test_geometric_mean() -> None:
    """A halving and a doubling cancel."""
    assert pytest.approx(1.0) == geometric_mean([0.5, 2.0])
    assert 1.0 == geometric_mean([])


def _write(path: Path, result: dict[str, Any]) -> Path:
    path.write_text(json.dumps(result))
    return path


def test_the_command_exits_with_1_on_a_regression(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --check only; the measurement that became dearer is named."""
    before = _write(tmp_path / "before.json", _result(seconds=1.0, calibration=0.1))
    after = _write(tmp_path / "after.json", _result(seconds=1.5, calibration=0.1))
    assert 0 == run(["bench", "compare", str(before), str(after)])
    assert 1 == run(["bench", "compare", str(before), str(after), "--check"])
    assert "dearer: kernels/sort" in capsys.readouterr().err
    words = ["bench", "compare", str(before), str(after), "--check", "--tolerance", "0.6"]
    assert 0 == run(words)


def test_what_seems_dearer_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cheaper of the two counts: a neighbour's noise is no regression, dearer code is."""
    before = _write(tmp_path / "before.json", _result(seconds=1.0, calibration=0.1))
    words = ["bench", "run", "--quiet", "--check", str(before), "--out", str(tmp_path / "now.json")]
    for second, code in ((1.1, 0), (1.5, 1)):
        first = _result(seconds=2.0, calibration=0.1)
        first["benchmarks"][0]["node"] = "bench/bench_kernels.py::bench_sort"

        def run_suites(*_: Any, first: Any = first, **__: Any) -> Any:
            _write(tmp_path / "now.json", first)
            return first

        again = _result(seconds=second, calibration=0.1)["benchmarks"]
        monkeypatch.setattr(suites, "run_suites", run_suites)
        monkeypatch.setattr(suites, "_measured", lambda *_, again=again: again)
        assert code == run(words)
        assert second == read_result(tmp_path / "now.json")["benchmarks"][0]["seconds"]


def test_the_check_says_by_how_much(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Name and cost ratio of each regression, on stderr."""
    before = _write(tmp_path / "before.json", _result(seconds=1.0, calibration=0.1))
    after = _write(tmp_path / "after.json", _result(seconds=1.5, calibration=0.1))
    assert 1 == run(["bench", "compare", str(before), str(after), "--check"])
    assert "kernels/sort (1.50 times)" in capsys.readouterr().err


def test_a_baseline_compares_like_the_result_it_was_made_of(tmp_path: Path) -> None:
    """It keeps what the comparison needs."""
    result = _result(seconds=1.0, calibration=0.1)
    kept = _write(tmp_path / "result.json", result)
    baseline = tmp_path / "baseline.json"
    assert 0 == run(["bench", "baseline", str(kept), "--out", str(baseline)])
    (one,), _ = compare_results(read_result(baseline), result)
    assert pytest.approx(1.0) == one.cost_ratio
    assert as_baseline(result) == read_result(baseline)


def test_a_file_that_is_no_result_is_refused(tmp_path: Path) -> None:
    """Exit code 2 and the path, not a traceback."""
    nothing = _write(tmp_path / "nothing.json", {"format": 99})
    with pytest.raises(ConfigError, match=r"nothing\.json"):
        read_result(nothing)
    assert 2 == run(["bench", "compare", str(nothing), str(tmp_path / "absent.json")])
