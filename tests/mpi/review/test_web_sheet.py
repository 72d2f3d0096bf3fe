"""A sheet that comes back by the browser: checked, confirmed, refused where it is stale."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mpi.review.permissions import ROLES
from tests.mpi.review.web_desk import Browser, Desk, make_index


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheets") / "index"
    make_index(path)
    return path


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[Desk]:
    with Desk(template, tmp_path / "index", language="en").running() as made:
        yield made


def exported(browser: Browser) -> list[dict[str, str]]:
    text = browser.post("/tasks/export").content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def sent(browser: Browser, rows: list[dict[str, str]], name: str = "tasks.csv") -> Any:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return upload(browser, buffer.getvalue().encode("gb18030"), name)


def upload(browser: Browser, content: bytes, name: str = "tasks.csv") -> Any:
    return browser.client.post(
        "/import",
        data={"csrf": browser.token()},
        files={"sheet": (name, content, "text/csv")},
        headers={"origin": browser.origin, "accept": "text/html"},
    )


def answered(rows: list[dict[str, str]], verdict: str = "DIFFERENT") -> list[dict[str, str]]:
    """All tasks answered in their first lines."""
    seen: set[str] = set()
    for row in rows:
        row["verdict"] = "" if row["task"] in seen else verdict
        seen.add(row["task"])
    return rows


def test_a_sheet_is_checked_and_then_decided(desk: Desk) -> None:
    """Nothing before it is confirmed; then one batch, by who sent it in, that u takes back."""
    browser = desk.browser("supervisor")
    rows = answered(exported(browser))
    checked = sent(browser, rows)
    assert 200 == checked.status_code
    assert "Nothing has been changed yet" in checked.text
    assert "Decide 2 tasks" in checked.text
    assert 2 == browser.json("/tasks")["total"]
    done = browser.post("/import/confirm")
    assert (303, "/import") == (done.status_code, done.headers["location"])
    page = browser.get("/import").text
    assert "2 tasks decided" in page
    assert "mpi undo" in page
    assert 0 == browser.json("/tasks")["total"]
    events = desk.log_text()
    assert '"action":"do:import"' in events
    assert '"decided":2' in events
    closed = browser.json(f"/tasks/{rows[0]['task']}")["task"]
    assert "supervisor" == closed["closed_by"]
    assert 400 == browser.post("/import/confirm").status_code, "a sheet is decided once"


def test_what_changed_since_the_export_is_refused_alone(desk: Desk) -> None:
    """By the check, and again when it is confirmed: others may have been faster in between."""
    browser, colleague = desk.browser("supervisor"), desk.browser("steward")
    rows = answered(exported(browser))
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    colleague.post(f"/tasks/{tasks[0]}/comment", text="wait", version=1)
    view = sent(browser, rows).text
    assert "changed since" in view
    assert "Decide 1 task<" in view
    colleague.post(f"/tasks/{tasks[1]}/comment", text="wait here too", version=1)
    browser.post("/import/confirm")
    assert 2 == browser.json("/tasks")["total"]
    report = browser.json("/import")["sheet"]
    assert (0, 2, None) == (report["decided"], report["stale"], report["first_event"])
    assert {"stale"} == {each["outcome"] for each in report["outcomes"]}


def test_a_task_that_may_have_lost_a_line_is_not_decided(desk: Desk) -> None:
    """The page names the line that cannot be read, and what to do; nobody can confirm the task."""
    browser = desk.browser("supervisor")
    rows = answered(exported(browser))
    last = max(at for at, row in enumerate(rows) if row["task"] == rows[0]["task"])
    rows[last]["task"] = "?"
    view = sent(browser, rows).text
    assert "Decide 1 task<" in view
    assert "put it back as it was exported" in view
    assert f"line {last + 2} of the sheet cannot be read and may belong to this task" in view
    browser.post("/import/confirm")
    assert 1 == browser.json("/tasks")["total"]
    assert "open" == browser.json(f"/tasks/{rows[0]['task']}")["task"]["status"]
    browser.get("/import?language=zh")
    assert f"表格第 {last + 2} 行无法读取" in sent(browser, rows).text


def test_only_who_may_import_can(desk: Desk) -> None:
    """A steward decides task by task; the page and both its writes want a supervisor."""
    for role in ROLES:
        browser = desk.browser(role.value)
        expected = 200 if role.value in ("supervisor", "administrator") else 403
        assert expected == browser.get("/import").status_code
        assert expected == upload(browser, b"task,version,verdict\n1,1,MERGE\n").status_code
        if expected == 403:
            assert 403 == browser.post("/import/confirm").status_code
            assert "/import" not in browser.get("/tasks").text
        else:
            assert 'href="/import"' in browser.get("/tasks").text


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.csv", "a.csv"),
        (b"PAR1 but none", "a.parquet", "a.parquet"),
        (b"one,two\n1,2\n", "a.csv", "lacks the column task"),
        (b"task,version,verdict\n1,1,\n", "a.csv", "No verdict was filled in"),
        (b"task,version,verdict\n9999,1,MERGE\n", "../../etc/a.csv", "there is no task 9999"),
    ],
)
def test_what_is_no_sheet_is_said(desk: Desk, content: bytes, name: str, said: str) -> None:
    """By the name of the file that was chosen, in words, and nothing breaks."""
    answer = upload(desk.browser("supervisor"), content, name)
    assert 200 == answer.status_code
    assert said in answer.text
    assert "/mpi-" not in answer.text


def test_no_file_and_too_large_a_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form comes back, or the request is refused before it is read."""
    browser = desk.browser("supervisor")
    assert "no file was chosen" in browser.post("/import").text
    big = browser.client.post(
        "/import",
        data={"csrf": browser.token()},
        files={"sheet": ("a.csv", b"x", "text/csv")},
        headers={"origin": browser.origin, "content-length": str(1 << 30)},
    )
    assert 413 == big.status_code


def test_the_chinese_page_says_it_in_chinese(desk: Desk) -> None:
    """Messages of the library too."""
    browser = desk.browser("supervisor")
    browser.get("/import?language=zh")
    text = upload(browser, b"task,version,verdict\n9999,1,MERGE\n").text
    assert "没有任务 9999" in text
    assert "there is no task" not in text
