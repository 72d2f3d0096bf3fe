"""Work side by side: order, errors and how far the input is read ahead."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from person import threads
from person.threads import map_slices, ordered_map, slices, thread_count

WORKERS = 3


@pytest.fixture(params=["1", str(WORKERS)])
def workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """One worker, and several; the shared pool is put back afterwards."""
    threads._pool.cache_clear()
    monkeypatch.setenv("MPI_THREADS", request.param)
    yield int(request.param)
    threads._pool.cache_clear()


@given(st.integers(0, 100), st.integers(1, 30))
def test_slices_cut_a_range_without_gaps(count: int, size: int) -> None:
    """Slices cover every row once, in order, none longer than asked."""
    cut = slices(count, size)
    assert list(range(count)) == [row for each in cut for row in range(each.start, each.stop)]
    assert all(0 < each.stop - each.start <= size for each in cut)


def test_results_keep_the_order_of_the_items(workers: int) -> None:
    """Late items may finish first; results still come in order."""

    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3 == 0))
        return item * item

    expected = [item * item for item in range(20)]
    assert expected == map_slices(work, range(20))
    assert expected == list(ordered_map(work, iter(range(20))))
    assert [] == map_slices(work, [])
    assert [] == list(ordered_map(work, []))


def test_an_error_reaches_the_caller(workers: int) -> None:
    """The first failing item raises where its result would have come; earlier ones are given."""

    def work(item: int) -> int:
        if item == 3:
            raise ValueError("item three")
        return item

    given_out = []
    results = ordered_map(work, range(100))
    with pytest.raises(ValueError, match="item three"):
        given_out.extend(results)
    assert [0, 1, 2] == given_out
    with pytest.raises(ValueError, match="item three"):
        map_slices(work, range(10))


def test_an_error_of_the_input_reaches_the_caller(workers: int) -> None:
    """A reader that fails in the middle of a file fails the run."""

    def items() -> Iterator[int]:
        yield 1
        raise OSError("damaged")

    with pytest.raises(OSError, match="damaged"):
        list(ordered_map(lambda item: item, items()))


def test_the_input_is_read_only_a_little_ahead(workers: int) -> None:
    """Memory stays flat: at most `ahead` items a worker are read before a result is taken."""
    read = 0

    def items() -> Iterator[int]:
        nonlocal read
        for item in range(200):
            read += 1
            yield item

    for taken, _ in enumerate(ordered_map(lambda item: item, items(), ahead=2)):
        assert read - taken <= 2 * workers


def test_work_left_behind_is_not_started(workers: int) -> None:
    """A caller that stops early leaves no more than the running items to finish."""
    started = threading.Semaphore(0)
    results = ordered_map(lambda item: started.release(), range(1000))
    next(results)
    results.close()  # type: ignore[attr-defined]
    time.sleep(0.05)
    count = 0
    while started.acquire(blocking=False):
        count += 1
    assert count <= 2 * workers


@pytest.mark.parametrize(("asked", "expected"), [("5", 5), ("1", 1), ("0", None), ("x", None)])
def test_threads_can_be_limited(
    monkeypatch: pytest.MonkeyPatch, asked: str, expected: int | None
) -> None:
    """MPI_THREADS sets the number of workers; nonsense means all processors allowed."""
    monkeypatch.setenv("MPI_THREADS", asked)
    assert (expected or len(os.sched_getaffinity(0))) == thread_count()
