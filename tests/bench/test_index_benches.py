"""What the benches of the identity index rest on: schedules, workers, clusters of the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.data import Dataset
from bench.index_data import percentiles, sample_people, truth_clusters
from bench.index_traffic import schedule


def made(folder: Path, people: list[int]) -> Dataset:
    count = len(people)
    records = pa.table(
        {
            "source": ["S"] * count,
            "record_id": [f"r{row}" for row in range(count)],
            "name": ["王"] * count,
        }
    )
    truth = pa.table({"person_id": pa.array(people, pa.int64())})
    pq.write_table(records, folder / "records.parquet", row_group_size=10)
    pq.write_table(truth, folder / "truth.parquet")
    return Dataset(
        records=folder / "records.parquet",
        truth=folder / "truth.parquet",
        record_count=count,
        seed=1,
        generator="test",
    )


def test_clusters_of_the_truth_are_named_by_their_first_record(tmp_path: Path) -> None:
    """As the pipeline numbers them; records past the loaded ones do not count."""
    data = made(tmp_path, [7, 3, 7, 9, 3, 7])
    assert [0, 1, 0, 3, 1] == truth_clusters(data, 5).tolist()


def test_people_are_sampled_from_their_stretch(tmp_path: Path) -> None:
    """Held-out records are never asked as known ones; the same seed gives the same people."""
    data = made(tmp_path, list(range(100)))
    known = sample_people(data, 0, 55, 40, 1)
    numbers = [int(text[1:]) for text in known["record_id"].to_pylist()]
    assert 40 == len(numbers)
    assert max(numbers) < 55
    assert known == sample_people(data, 0, 55, 40, 1)
    arriving = sample_people(data, 55, 100, 20, 1)["record_id"].to_pylist()
    assert min(int(text[1:]) for text in arriving) >= 55


def test_a_schedule_has_its_rate_and_shares() -> None:
    """Requests come in order of time, as many as asked for, from all clients."""
    shares = np.array([0.5, 0.2, 0.1, 0.2])
    times, kinds, clients = schedule(10.0, shares, 1000.0, 50, 3)
    assert abs(len(times) - 10_000) < 500
    assert (np.diff(times) >= 0).all()
    assert abs(float((kinds == 0).mean()) - 0.5) < 0.05
    assert set(range(50)) == set(clients.tolist())
    assert np.array_equal(times, schedule(10.0, shares, 1000.0, 50, 3)[0])


def test_percentiles_are_of_the_timed_calls_only() -> None:
    """Warming calls come first, with numbers of their own."""
    called: list[int] = []
    found = percentiles(called.append, 10, warm=3)
    assert [10, 11, 12, *range(10)] == called
    assert found["us_p50"] <= found["us_p99"]
