"""How long does the review server take for a page, with 100,000 tasks open?

    python -m bench.review_pages --records 200000 --tasks 100000

Asks about pairs of generated residents until there are enough tasks, then calls the application in
this process, page by page: routing, session, index, masking, template, audit log. An index that it
made before can be given with `--index`; decisions of an earlier run are made good by new tasks.
Times are from the request to the last byte; processor time stands beside them because the wall of
a shared machine shows its other users too.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.index_data import add_common_arguments, made_or_given, write_report

__all__ = ["main"]

ACCOUNT: Final = "supervisor"
PASSWORD: Final = "a long word for these pages alone"
TASKS_AN_EVENT: Final = 256

Call = tuple[str, str, Mapping[str, str]]
"""Method, path, form."""
TASKS_A_WRITE: Final = 20 * TASKS_AN_EVENT  # of one transaction, as a batch run raises them


def ask(path: Path, tasks: int, records: int, seed: int) -> None:
    """Fill the queue up to so many open tasks."""
    from mpi.identity_events import EventKind
    from mpi.identity_index import IdentityIndex
    from mpi.identity_tasks import Question
    from mpi.review.queue import ReviewQueue

    random = np.random.default_rng(seed)
    with IdentityIndex.open(path, writable=True) as index:
        queue = ReviewQueue(index)
        missing = tasks - int(queue.statistics()["tasks"]["open"])
        while missing > 0:
            with index.writing(by="bench", reason="asked for a bench") as session:
                for start in range(0, min(TASKS_A_WRITE, missing), TASKS_AN_EVENT):
                    count = min(TASKS_AN_EVENT, missing - start)
                    pairs = _pairs(random, count, records)
                    questions = [
                        Question(kind="REVIEW", pairs=[pair], reasons=("bench",)) for pair in pairs
                    ]
                    session.write(EventKind.TASK, session.ask(questions))
            now = tasks - int(queue.statistics()["tasks"]["open"])
            assert now < missing, "these records cannot be asked about"
            missing = now


def _pairs(
    random: np.random.Generator, count: int, records: int
) -> list[tuple[int, int, float | None, str | None]]:
    """Pairs of records that lie near each other, of any doubtful weight."""
    left = random.integers(0, records, count)
    right = (left + 1 + random.integers(0, 50, count)) % records
    weight = random.uniform(-4, 13, count)
    return [
        (one, other, bits, None)
        for one, other, bits in zip(left.tolist(), right.tolist(), weight.tolist(), strict=True)
    ]


def client_of(path: Path) -> Any:
    """A client that calls the application in this process, signed in as a supervisor."""
    from starlette.testclient import TestClient

    from mpi.review.permissions import Role
    from mpi.review.web.app import create_app
    from mpi.review.web.server import settle_memory
    from mpi.review.web.site import Site, SiteSettings

    shutil.rmtree(path / "review", ignore_errors=True)
    site = Site(SiteSettings(index_path=path, hosts=frozenset({"127.0.0.1"})))
    account = site.accounts.add(ACCOUNT, Role.SUPERVISOR, PASSWORD)
    token, session = site.sessions.begin(account)
    client = TestClient(
        create_app(site, on_warm=settle_memory), base_url="http://127.0.0.1", follow_redirects=False
    )
    client.cookies.set(site.session_cookie, token)
    client.headers["origin"] = "http://127.0.0.1"
    client.headers["x-csrf-token"] = session.csrf
    return client


def counted(path: Path) -> dict[str, float]:
    """Counting all tasks once: what a server does when it starts, and `mpi review dashboard`."""
    from mpi.identity_index import IdentityIndex
    from mpi.review.agreement import Figures

    with IdentityIndex.open(path) as index:
        return _figure([_timed(Figures(index).dashboard)], [])


def numbers_of(client: Any, pages: int) -> list[int]:
    """Tasks of the first pages of the queue."""
    numbers, path = [], "/tasks"
    for _ in range(pages):
        view = client.get(path, headers={"accept": "application/json"}).json()
        numbers += [row["number"] for row in view["rows"]]
        path = view["next"] or "/tasks"
    return numbers


def _timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of the wall and of the processors that something takes."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def _figure(times: list[tuple[float, float]], sizes: list[int]) -> dict[str, float]:
    wall_ms, processor_ms = 1e3 * np.array(times).T
    return {
        "ms_p50": round(float(np.percentile(wall_ms, 50)), 1),
        "ms_p99": round(float(np.percentile(wall_ms, 99)), 1),
        "processor_ms_p50": round(float(np.percentile(processor_ms, 50)), 1),
        "processor_ms_p99": round(float(np.percentile(processor_ms, 99)), 1),
        "bytes_p50": int(np.percentile(sizes or [0], 50)),
        "pages": len(times),
    }


def asked(
    client: Any, calls: Sequence[Call], *, between: Callable[[int], Any] = lambda _: None
) -> dict[str, float]:
    """Milliseconds of each call, after a warm-up of the first where that changes nothing."""
    if calls[0][0] == "GET":
        client.get(calls[0][1])
    times, sizes = [], []
    for place, (method, path, form) in enumerate(calls):
        between(place)
        answers: list[Any] = []
        times.append(_timed(lambda: answers.append(client.request(method, path, data=form))))  # noqa: B023 - called at once
        assert answers[0].status_code in (200, 303), f"{path.split('?')[0]}: {answers[0]}"
        sizes.append(len(answers[0].content))
    return _figure(times, sizes)


def gets(*paths: str, times: int = 1) -> list[Call]:
    """Calls that look at pages."""
    nothing: Mapping[str, str] = {}
    return [("GET", path, nothing) for path in paths] * times


def measure(client: Any, count: int) -> dict[str, dict[str, float]]:
    """Every kind of page, and decisions at the end: they change the queue."""
    numbers = numbers_of(client, -(-count // 50))[:count]
    json_of = [f"/tasks/{number}.json" for number in numbers]
    cases = {n: client.get(f"/tasks/{n}.json").json() for n in numbers[-count // 2 :]}
    people = [view["task"]["enterprise_ids"][0] for view in cases.values()]
    names = [view["task"]["title_names"][0] for view in cases.values()]

    def comment(place: int) -> None:
        said = {"text": "asked the ward", "version": "0"}
        client.post(f"/tasks/{numbers[place]}/comment", data=said)

    found = {
        "the list": asked(client, gets("/tasks", times=count)),
        "the list, filtered by weight": asked(
            client, gets("/tasks?weight_min=3&weight_max=4", times=count)
        ),
        "the list, assigned to nobody, any status": asked(
            client, gets("/tasks?whose=nobody&status=live", times=count)
        ),
        "a case": asked(client, gets(*(f"/tasks/{number}" for number in numbers))),
        "a case as JSON": asked(client, gets(*json_of)),
        "a person": asked(client, gets(*(f"/people/{each}" for each in people))),
        "search by a name": asked(client, [("POST", "/search", {"text": name}) for name in names]),
        "figures": asked(client, gets("/figures", times=count // 4)),
        "figures, each after a change": asked(
            client, gets("/figures", times=count // 4), between=comment
        ),
    }
    versions = {n: client.get(f"/tasks/{n}.json").json()["task"]["version"] for n in cases}
    found["a decision"] = asked(
        client,
        [
            ("POST", f"/tasks/{number}/decide", _verdict(version))
            for number, version in versions.items()
        ],
    )
    return found


def _verdict(version: int) -> dict[str, str]:
    return {"verdict": "no_change", "reason": "ASKED_SOURCE", "version": str(version)}


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_arguments(parser, "review_pages")
    parser.add_argument("--tasks", type=int, default=100_000, help="open tasks")
    parser.add_argument("--count", type=int, default=200, help="pages of each type")
    options = parser.parse_args()
    path, _ = made_or_given(options)
    ask(path, options.tasks, options.records, options.seed)
    figures = {"counting all tasks, at the server's start": counted(path)}
    with client_of(path) as client:
        figures |= measure(client, options.count)
    rows = [
        [
            f"{name}, {each['pages']} times" if each["pages"] > 1 else name,
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
