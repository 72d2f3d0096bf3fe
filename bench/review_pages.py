"""How long does the review server take for a page, with 100,000 tasks open?

    python -m bench.review_pages --records 200000 --tasks 100000

Asks about pairs of generated residents of one county until there are enough tasks, then calls the
application in this process, page by page: routing, session, index, masking, template, audit log.
Times are from the request to the last byte; processor time stands beside them because the wall of
a shared machine shows its other users too.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.index_data import add_common_arguments, made_or_given, write_report

__all__ = ["main"]

PASSWORD: Final = "a long word for a bench alone"
TASKS_A_WRITE: Final = 256  # what one event takes


def ask(path: Path, tasks: int, records: int, seed: int) -> None:
    """Fill the queue up to so many open tasks."""
    from mpi.identity_events import EventKind
    from mpi.identity_index import IdentityIndex
    from mpi.identity_tasks import Question

    random = np.random.default_rng(seed)
    with IdentityIndex.open(path, writable=True) as index:
        missing = tasks - int(index.statistics()["open_tasks"])
        while missing > 0:
            with index.writing(by="bench", reason="asked for a bench") as session:
                questions = []
                for left in random.integers(0, records, min(TASKS_A_WRITE, missing)).tolist():
                    right = (left + 1 + int(random.integers(0, 50))) % records
                    weight = float(random.uniform(-4, 13))
                    questions.append(
                        Question(
                            kind="REVIEW", pairs=[(left, right, weight, None)], reasons=("bench",)
                        )
                    )
                session.write(EventKind.TASK, session.ask(questions))
            now = tasks - int(index.statistics()["open_tasks"])
            assert now < missing, "these records cannot be asked about"
            missing = now


def client_of(path: Path) -> Any:
    """A client that calls the application in this process, signed in as a supervisor."""
    from starlette.testclient import TestClient

    from mpi.review.permissions import Role
    from mpi.review.web.app import create_app
    from mpi.review.web.site import Site, SiteSettings

    shutil.rmtree(path / "review", ignore_errors=True)
    site = Site(SiteSettings(index_path=path, hosts=frozenset({"127.0.0.1"})))
    account = site.accounts.add("bench", Role.SUPERVISOR, PASSWORD)
    token, _ = site.sessions.begin(account)
    client = TestClient(create_app(site), base_url="http://127.0.0.1")
    client.cookies.set(site.session_cookie, token)
    return client


def numbers_of(client: Any, pages: int) -> list[int]:
    """Tasks of the first pages of the queue."""
    numbers, path = [], "/tasks"
    for _ in range(pages):
        view = client.get(path, headers={"accept": "application/json"}).json()
        numbers += [row["number"] for row in view["rows"]]
        path = view["next"] or "/tasks"
    return numbers


def timed(client: Any, paths: list[str]) -> dict[str, float]:
    """Milliseconds of each path, asked once after a warm-up of the first."""
    client.get(paths[0])
    walls, processors, sizes = [], [], []
    for path in paths:
        wall, processor = time.perf_counter(), time.process_time()
        answer = client.get(path)
        processors.append(time.process_time() - processor)
        walls.append(time.perf_counter() - wall)
        assert answer.status_code == 200, f"{path.split('?')[0]}: {answer.status_code}"
        sizes.append(len(answer.content))
    wall_ms, processor_ms = 1e3 * np.array(walls), 1e3 * np.array(processors)
    return {
        "ms_p50": round(float(np.percentile(wall_ms, 50)), 1),
        "ms_p99": round(float(np.percentile(wall_ms, 99)), 1),
        "processor_ms_p50": round(float(np.percentile(processor_ms, 50)), 1),
        "processor_ms_p99": round(float(np.percentile(processor_ms, 99)), 1),
        "bytes_p50": int(np.percentile(sizes, 50)),
        "pages": len(paths),
    }


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_arguments(parser, "review_pages")
    parser.add_argument("--tasks", type=int, default=100_000, help="open tasks")
    parser.add_argument("--count", type=int, default=200, help="pages of each type")
    options = parser.parse_args()
    path, _ = made_or_given(options)
    ask(path, options.tasks, options.records, options.seed)
    figures: dict[str, Any] = {}
    with client_of(path) as client:
        numbers = numbers_of(client, -(-options.count // 50))[: options.count]
        asked = {
            "the list": ["/tasks"] * options.count,
            "the list, filtered by weight": ["/tasks?weight_min=3&weight_max=4"] * options.count,
            "a case": [f"/tasks/{number}" for number in numbers],
            "a case as JSON": [f"/tasks/{number}.json" for number in numbers],
            "figures": ["/figures"] * 20,
        }
        for name, paths in asked.items():
            figures[name] = timed(client, paths)
    rows = [
        [
            f"{name}, {each['pages']} times",
            f"p50 {each['ms_p50']} ms, p99 {each['ms_p99']} ms; processor "
            f"{each['processor_ms_p50']} and {each['processor_ms_p99']} ms; "
            f"{each['bytes_p50'] / 1024:.0f} KiB",
        ]
        for name, each in figures.items()
    ]
    write_report(
        options.out,
        f"Review pages with {options.tasks:,} open tasks, {options.records:,} records",
        figures,
        rows,
    )


if __name__ == "__main__":
    main()
