"""Every page, every role: who may, what is shown, what is logged, what is refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mpi.review.masking import MASK
from mpi.review.permissions import ROLES, Permission, Role, is_allowed
from mpi.review.web.edge import HEADERS
from mpi.review.web.page import BODY_BYTES_MAX, Action, Page
from person.errors import AccessError
from tests.mpi.review.web_desk import (
    CHEN,
    NAMES,
    SECRETS,
    VALUES,
    Browser,
    Desk,
    make_index,
    pages,
    path_of,
)

PAGES = pages()
LOOKED_AT = [each for each in PAGES if isinstance(each, Page) and each.method == "GET"]
WRITTEN = [each for each in PAGES if isinstance(each, Action) or each.method == "POST"]


def name_of(each: Page | Action) -> str:
    return f"{type(each).__name__.lower()}-{each.name}"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("access") / "index"
    make_index(path)
    return path


@pytest.fixture(scope="module")
def shared(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A server that the tests below only look at, or write to without success."""
    path = tmp_path_factory.mktemp("shared") / "index"
    with Desk(template, path, language="en").running() as made:
        yield made


@pytest.fixture(scope="module")
def browsers(shared: Desk) -> dict[Role, Browser]:
    return {role: shared.browser(role.value) for role in ROLES}


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[Desk]:
    with Desk(template, tmp_path / "index", language="en").running() as made:
        yield made


@pytest.fixture(scope="module")
def places(browsers: dict[Role, Browser]) -> tuple[int, str]:
    """A task's number and an identity of it."""
    row = browsers[Role.VIEWER].json("/tasks.json")["rows"][0]
    return row["number"], row["enterprise_ids"][0]


def log_since(desk: Desk, length: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in desk.log_text()[length:].splitlines()]


# ---------------------------------------------------------------------- who may


@pytest.mark.parametrize("each", PAGES, ids=name_of)
def test_a_role_may_what_the_table_says_and_nothing_else(
    browsers: dict[Role, Browser], places: tuple[int, str], each: Page | Action
) -> None:
    """Every route with every role; a refusal names no person, an answer is no fault of ours."""
    path = path_of(each, *places)
    for role in ROLES:
        browser = browsers[role]
        is_read = isinstance(each, Page) and each.method == "GET"
        answer = browser.get(path) if is_read else browser.post(path, to=role.value)
        allowed = is_allowed(role, each.permission)
        assert (answer.status_code != 403) == allowed, f"{role}: {answer.status_code}"
        assert answer.status_code < 500, answer.text[-1500:]
        if not allowed:
            assert not [value for value in VALUES if value in answer.text]


@pytest.mark.parametrize("each", PAGES, ids=name_of)
def test_nobody_may_without_signing_in(
    shared: Desk, places: tuple[int, str], each: Page | Action
) -> None:
    """Every route, as page and as JSON."""
    browser, path = shared.browser(), path_of(each, *places)
    if isinstance(each, Page) and each.method == "GET":
        answer = browser.get(path)
        if each.path.endswith(".json") or not each.template:
            assert answer.status_code in (303, 401)
        else:
            assert 303 == answer.status_code
            assert answer.headers["location"].startswith("/login?next=")
        assert 401 == browser.client.get(path + ".json").status_code
    else:
        headers = {"origin": browser.origin, "accept": "text/html"}
        assert 401 == browser.client.post(path, data={"x": "y"}, headers=headers).status_code


@pytest.mark.parametrize("each", WRITTEN, ids=name_of)
def test_a_write_comes_from_our_own_page(
    browsers: dict[Role, Browser], places: tuple[int, str], each: Page | Action
) -> None:
    """Another origin, none at all, a missing or a foreign token: refused, whoever is signed in."""
    browser, path = browsers[Role.ADMINISTRATOR], path_of(each, *places)
    token, client = browser.token(), browser.client
    foreign = browsers[Role.STEWARD].token()
    ours = {"origin": browser.origin}
    for headers, data in (
        ({"origin": "https://evil.example"}, {"csrf": token}),
        ({**ours, "sec-fetch-site": "cross-site"}, {"csrf": token}),
        ({}, {"csrf": token}),
        (ours, {}),
        (ours, {"csrf": foreign}),
        (ours, {"csrf": ""}),
    ):
        assert 403 == client.post(path, data=data, headers=headers).status_code
    assert 405 == client.put(path, headers=ours).status_code


def test_a_script_may_send_the_token_in_a_header(desk: Desk) -> None:
    """What the pages' own script does."""
    browser = desk.browser("steward")
    headers = {"origin": browser.origin, "x-csrf-token": browser.token()}
    answer = browser.client.post("/tasks/find", data={"status": "live"}, headers=headers)
    assert (303, "/tasks?status=live") == (answer.status_code, answer.headers["location"])


# ---------------------------------------------------------------------- what is shown


@pytest.mark.parametrize("each", LOOKED_AT, ids=name_of)
def test_every_page_has_its_headers(
    browsers: dict[Role, Browser], places: tuple[int, str], each: Page
) -> None:
    """Nothing is stored, framed, sniffed or loaded from elsewhere."""
    for path in (path_of(each, *places), path_of(each, *places) + ".json"):
        answer = browsers[Role.ADMINISTRATOR].get(path)
        for name, value in HEADERS.items():
            assert value == answer.headers[name]
        assert "no-store" == answer.headers["cache-control"]
        assert 16 == len(answer.headers["x-request-id"])
        assert "server" not in answer.headers
        assert "http://" not in answer.text.replace("http://www.w3.org/", "")
        assert "https://" not in answer.text
        assert " style=" not in answer.text
        assert "<script>" not in answer.text


@pytest.mark.parametrize("each", LOOKED_AT, ids=name_of)
@pytest.mark.parametrize("suffix", ["", ".json"])
def test_no_number_is_shown_unasked_and_no_person_unlogged(
    shared: Desk, browsers: dict[Role, Browser], places: tuple[int, str], each: Page, suffix: str
) -> None:
    """As HTML and JSON, digits are masked; where a name stands, the log has a line."""
    before = len(shared.log_text())
    answer = browsers[Role.ADMINISTRATOR].get(path_of(each, *places) + suffix)
    assert 200 == answer.status_code
    assert not [secret for secret in SECRETS if secret in answer.text]
    lines = log_since(shared, before)
    if any(name in answer.text for name in NAMES):
        (line,) = [line for line in lines if line["action"] == f"page:{each.name}"]
        assert ("administrator", "testclient") == (line["by"], line["address"])
        assert line["identities"]
        if suffix:
            assert all(identity in answer.text for identity in line["identities"])


def timeless(view: Any) -> Any:
    """A view without what grows by the millisecond."""
    if isinstance(view, dict):
        return {
            k: timeless(v) for k, v in view.items() if k not in ("at", "created_at", "priority")
        }
    return [timeless(each) for each in view] if isinstance(view, list) else view


def test_a_page_and_its_json_are_one_function(desk: Desk) -> None:
    """The view, called by hand, gives what JSON gives; both spellings of asking give the same."""
    browser = desk.browser("administrator")
    number = browser.json("/tasks.json")["rows"][0]["number"]
    identity = browser.json("/tasks.json")["rows"][0]["enterprise_ids"][0]
    queue = desk.site._open_queue("quick")  # type: ignore[arg-type]
    try:
        for each in LOOKED_AT:
            if each.name in ("log", "presence"):  # what they tell changes by being asked
                continue
            path = path_of(each, number, identity)
            visit = desk.visit(
                "administrator", queue, path={"number": number, "enterprise_id": identity}
            )
            made = timeless(json.loads(json.dumps(each.view(visit))))
            assert made == timeless(browser.json(path)), each.name
            assert made == timeless(browser.json(path + ".json")), each.name
    finally:
        queue.index.close()


# ---------------------------------------------------------------------- reveals


def revealed_text(browser: Browser, number: int) -> str:
    return str(browser.get(f"/tasks/{number}.json").text)


def task_of(browser: Browser, record: str) -> int:
    """The task whose case holds a record."""
    for row in browser.json("/tasks.json")["rows"]:
        if f'"{record}"' in browser.get(f"/tasks/{row['number']}.json").text:
            return int(row["number"])
    raise AssertionError("no such task")


def test_a_reveal_shows_one_field_of_one_record_and_is_logged(desk: Desk) -> None:
    """To this session, for ten minutes; the log names record and field, not the value."""
    browser, other = desk.browser("steward"), desk.browser("supervisor")
    number = task_of(browser, "hospital")
    back = f"/tasks/{number}"
    before = len(desk.log_text())
    answer = browser.post("/reveal", source="register", record_id="1", field="phone", back=back)
    assert (303, back) == (answer.status_code, answer.headers["location"])
    (line,) = log_since(desk, before)
    assert ("do:reveal", "steward") == (line["action"], line["by"])
    assert (["register/1"], "phone") == (line["records"], line["facts"]["field"])
    assert CHEN["phone"] in revealed_text(browser, number)
    assert CHEN["id_number"] not in revealed_text(browser, number)
    assert CHEN["phone"] not in revealed_text(other, number)
    (*_, seen) = log_since(desk, before)[:2]
    assert {"register/1": ["phone"]} == seen["facts"]["unmasked"]
    desk.clock += 601
    assert CHEN["phone"] not in revealed_text(browser, number)
    assert not [value for value in VALUES if value in desk.log_text()]


def test_a_whole_record_can_be_revealed(desk: Desk) -> None:
    """All its masked fields at once, also in the golden record that takes them from it."""
    browser = desk.browser("steward")
    number = task_of(browser, "hospital")
    assert MASK in revealed_text(browser, number)
    browser.post("/reveal", source="register", record_id="1", field="*", back="/tasks")
    text = revealed_text(browser, number)
    assert CHEN["phone"] in text
    assert CHEN["id_number"] in text


def test_a_viewer_reveals_nothing(desk: Desk) -> None:
    """And neither does a made-up record or field."""
    viewer, steward = desk.browser("viewer"), desk.browser("steward")
    form = {"source": "register", "record_id": "1", "field": "phone", "back": "/tasks"}
    assert 403 == viewer.post("/reveal", **form).status_code
    for odd in ({"field": "nonsense"}, {"record_id": "999"}, {"source": ""}):
        assert 400 == steward.post("/reveal", **{**form, **odd}).status_code


# ---------------------------------------------------------------------- logs


def test_no_log_holds_a_value(
    desk: Desk, caplog: pytest.LogCaptureFixture, places: tuple[int, str]
) -> None:
    """Whatever is asked, typed or made up: neither the audit log nor the access log repeats it."""
    caplog.set_level(logging.INFO, "mpi")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    browser = desk.browser("administrator")
    number = task_of(browser, "hospital")
    for each in LOOKED_AT:
        browser.get(path_of(each, number, places[1]))
    browser.post("/tasks/find", text=CHEN["name"])
    browser.post("/search", text=CHEN["name"])
    browser.post("/search", text=CHEN["id_number"])
    browser.get(f"/tasks?find={CHEN['name']}&x={CHEN['phone']}")
    browser.get(f"/{CHEN['id_number']}")
    browser.get(f"/people/{CHEN['id_number']}")
    browser.get(f"/tasks/{CHEN['phone']}")
    browser.client.request(CHEN["health_card"], "/tasks")
    browser.post("/reveal", source="register", record_id=CHEN["phone"], field=CHEN["name"])
    logged = caplog.text + desk.log_text()
    assert "page:tasks" in caplog.text
    assert not [value for value in VALUES if value in logged]


def test_without_a_line_in_the_log_nothing_is_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk closes the pages of persons."""
    browser = desk.browser("steward")
    assert 200 == browser.get("/tasks").status_code

    def full(*_: Any, **__: Any) -> None:
        raise AccessError("the audit log cannot be written")

    monkeypatch.setattr(desk.site.audit, "write", full)
    answer = browser.get("/tasks")
    assert 503 == answer.status_code
    assert not [name for name in NAMES if name in answer.text]


def test_a_fault_of_ours_tells_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Kind and place in the log, a request id on the page; never the text of the error."""
    browser = desk.browser("steward")
    browser.get("/tasks")

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(CHEN["name"])

    monkeypatch.setattr("mpi.review.queue.ReviewQueue.tasks", broken)
    answer = browser.get("/tasks")
    assert 500 == answer.status_code
    assert answer.headers["x-request-id"] in answer.text
    assert "RuntimeError in test_web_access.py" in caplog.text
    assert CHEN["name"] not in answer.text + caplog.text


# ---------------------------------------------------------------------- what is refused


def test_foreign_host_names_are_not_answered(desk: Desk) -> None:
    """A name that somebody else pointed at this address."""
    browser = desk.browser("steward")
    assert 421 == browser.get("/tasks", host="evil.example").status_code
    assert 421 == desk.browser().get("/login", host="evil.example").status_code


def test_long_bodies_are_refused(desk: Desk) -> None:
    """Whether they say how long they are or not."""
    browser = desk.browser("steward")
    assert 413 == browser.post("/tasks/find", text="x" * BODY_BYTES_MAX).status_code

    def parts() -> Iterator[bytes]:
        yield f"csrf={browser.token()}&text=".encode()
        for _ in range(BODY_BYTES_MAX // 1024 + 1):
            yield b"x" * 1024

    headers = {
        "origin": browser.origin,
        "content-type": "application/x-www-form-urlencoded",
    }
    answer = browser.client.post("/tasks/find", content=parts(), headers=headers)
    assert 413 == answer.status_code


def test_what_is_not_there_is_said(desk: Desk) -> None:
    """Unknown paths, tasks, identities and files; also for who is not signed in."""
    browser = desk.browser("steward")
    for path in ("/nothing", "/tasks/999999", "/tasks/999999.json", "/static/nothing.css"):
        assert 404 == browser.get(path).status_code, path
    for path in ("/static/..%2Fapp.py", "/static/../app.py", "/static/%2e%2e/app.py"):
        assert 404 == browser.get(path).status_code, path
    assert 404 == desk.browser().get("/nothing").status_code
    assert 405 == browser.get("/reveal").status_code


@pytest.mark.parametrize(
    "query",
    [
        "status=x",
        "whose=x",
        "kind=x",
        "weight_min=x",
        "weight_max=nan",
        "weight_min=1e400",
        "cursor=x",
    ],
)
def test_odd_filters_are_refused_or_left_out(desk: Desk, query: str) -> None:
    """A link that was typed is no fault of ours."""
    assert desk.browser("steward").get(f"/tasks?{query}").status_code in (200, 400)


# ---------------------------------------------------------------------- the queue


def test_the_queue_is_filtered_without_a_person_in_the_link(desk: Desk) -> None:
    """The text is kept by the server, under a short key."""
    browser = desk.browser("steward")
    answer = browser.post("/tasks/find", text=CHEN["name"], status="live", whose="nobody")
    link = answer.headers["location"]
    assert link.startswith("/tasks?status=live&whose=nobody&find=")
    found = browser.json(link)
    assert 1 == found["total"]
    assert "陈建国" in found["rows"][0]["title_names"]
    assert CHEN["name"] in browser.get(link).text
    forgotten = desk.browser("viewer").get(link)
    assert "The text to find was forgotten" in forgotten.text


def test_an_export_is_limited_by_role_and_logged(desk: Desk) -> None:
    """A viewer exports nothing, a steward masked, a supervisor all; the log names whom."""
    steward, supervisor = desk.browser("steward"), desk.browser("supervisor")
    assert 403 == desk.browser("viewer").post("/tasks/export").status_code
    assert 403 == steward.post("/tasks/export", numbers="shown").status_code
    before = len(desk.log_text())
    masked = steward.post("/tasks/export")
    assert "attachment; filename*=UTF-8''tasks.csv" == masked.headers["content-disposition"]
    assert "text/csv; charset=utf-8" == masked.headers["content-type"]
    assert "陈建国" in masked.text
    assert not [secret for secret in SECRETS if secret in masked.text]
    assert CHEN["id_number"] in supervisor.post("/tasks/export", numbers="shown").text
    one, two = log_since(desk, before)
    assert ("do:export", "steward", True) == (one["action"], one["by"], one["facts"]["masked"])
    assert ("supervisor", False) == (two["by"], two["facts"]["masked"])
    assert 2 < len(one["identities"]) == len(two["identities"])
    assert not [value for value in VALUES if value in desk.log_text()]
    one_person = steward.post("/tasks/export", text=CHEN["name"])
    assert "王芳" not in one_person.text


def test_files_of_ours_are_kept_by_browsers(desk: Desk) -> None:
    """Under an address with their digest; without it they are asked for anew."""
    page = desk.browser().get("/login").text
    address = next(part for part in page.split('"') if part.startswith("/static/review.css"))
    answer = desk.browser().get(address)
    assert "immutable" in answer.headers["cache-control"]
    assert "no-cache" == desk.browser().get("/static/review.css").headers["cache-control"]
    assert "text/css; charset=utf-8" == answer.headers["content-type"]


# ---------------------------------------------------------------------- two stewards


def test_two_stewards_see_each_other(desk: Desk) -> None:
    """In the queue, by page loads alone; by the poll within seconds."""
    one, two = desk.browser("steward"), desk.browser("supervisor")
    number = task_of(one, "hospital")
    one.get(f"/tasks/{number}")
    rows = {row["number"]: row for row in two.json("/tasks.json")["rows"]}
    assert ["steward"] == rows[number]["viewers"]
    told = two.json(f"/tasks/{number}/presence.json")
    assert (["steward"], number) == (told["viewers"], told["number"])
    assert ["supervisor"] == one.json(f"/tasks/{number}/presence.json")["viewers"]
    desk.clock += 301
    assert [] == two.json(f"/tasks/{number}/presence.json")["viewers"]


def test_who_signs_out_is_no_longer_there(desk: Desk) -> None:
    """At once."""
    one, two = desk.browser("steward"), desk.browser("supervisor")
    number = task_of(one, "hospital")
    one.get(f"/tasks/{number}")
    one.post("/logout")
    assert [] == two.json(f"/tasks/{number}/presence.json")["viewers"]


def test_a_stale_write_is_a_conflict_that_loses_nothing(desk: Desk) -> None:
    """Who was faster, and every word that was typed."""
    one, two = desk.browser("steward"), desk.browser("supervisor")
    number = task_of(one, "hospital")
    version = one.json(f"/tasks/{number}.json")["task"]["version"]
    first = one.post(f"/tasks/{number}/comment", version=version, text="rang the clinic")
    assert 303 == first.status_code
    second = two.post(f"/tasks/{number}/escalate", version=version, text="<i>ask the register</i>")
    assert 409 == second.status_code
    assert "&lt;i&gt;ask the register&lt;/i&gt;" in second.text
    assert "steward" in second.text
    asked = two.client.post(
        f"/tasks/{number}/escalate",
        data={"csrf": two.token(), "version": version, "text": "again"},
        headers={"origin": two.origin, "accept": "application/json"},
    )
    told = asked.json()
    assert (409, number, version) == (asked.status_code, told["task"], told["version"])
    assert told["version_now"] > version
    assert {"name": "text", "value": "again"} in told["typed"]


def test_permissions_that_no_page_asks_for_are_few() -> None:
    """Each is asked by a page, inside a view, or by a command; a new one is not forgotten."""
    asked = {each.permission for each in PAGES}
    inside = {
        Permission.ASSIGN_OTHERS,
        Permission.UNDO_OTHERS,
        Permission.SEE_STEWARDS,
        Permission.EXPORT,
    }
    commands = {Permission.IMPORT, Permission.SAMPLE_AUDIT}
    assert set(Permission) >= asked
    assert set() == set(Permission) - asked - inside - commands
