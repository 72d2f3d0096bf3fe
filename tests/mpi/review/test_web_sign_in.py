"""Signing in: cookies, rotation, limits, the end of sessions, who is not signed in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpi.review.permissions import Role
from mpi.review.web.sessions import IDLE_SECONDS
from tests.mpi.review.web_desk import PASSWORD, VALUES, Browser, Desk, make_index


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sign-in") / "index"
    make_index(path)
    return path


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[Desk]:
    with Desk(template, tmp_path / "index", language="en").running() as made:
        yield made


def cookies(answer: object) -> dict[str, str]:
    """Name of each cookie set -> its attributes."""
    found = answer.headers.get_list("set-cookie")  # type: ignore[attr-defined]
    return {each.split("=", 1)[0]: each.split(";", 1)[1] for each in found}


def is_signed_in(browser: Browser) -> bool:
    return 200 == browser.get("/account").status_code


def actions(desk: Desk) -> list[str]:
    return [json.loads(line)["action"] for line in desk.log_text().splitlines()]


def test_a_right_password_opens_the_page_that_was_asked_for(desk: Desk) -> None:
    """The way back is kept through the form, with its query."""
    browser = desk.browser()
    asked = browser.get("/tasks?status=live")
    assert 303 == asked.status_code
    assert "/login?next=/tasks%3Fstatus%3Dlive" == asked.headers["location"]
    assert 200 == browser.get(asked.headers["location"]).status_code
    answer = browser.sign_in("steward", back="/tasks?status=live")
    assert (303, "/tasks?status=live") == (answer.status_code, answer.headers["location"])
    assert is_signed_in(browser)
    assert "sign_in" in actions(desk)


def test_the_way_back_never_leaves_the_server(desk: Desk) -> None:
    """Not by the link and not by the form."""
    browser = desk.browser()
    assert "evil" not in browser.get("/login?next=//evil.example/").text
    assert "/tasks" == browser.sign_in("steward", back="https://evil.example/").headers["location"]


def test_cookies_are_for_this_server_alone(desk: Desk) -> None:
    """HttpOnly, SameSite=Strict, the whole site, no domain; Secure only where there is TLS."""
    set_now = cookies(desk.browser().sign_in("steward"))
    flags = {each.strip().lower() for each in set_now["mpi_session"].split(";")}
    assert {"httponly", "samesite=strict", "path=/"} == flags


def test_cookies_over_tls_are_bound_to_it(template: Path, tmp_path: Path) -> None:
    """Secure, and named so that a browser takes them from nobody else."""
    with Desk(template, tmp_path / "index", is_tls=True).running() as desk:
        browser = desk.browser()
        form = cookies(browser.get("/login"))
        set_now = cookies(browser.sign_in("steward"))
        for each in (form["__Host-mpi_sign_in"], set_now["__Host-mpi_session"]):
            flags = {flag.strip().lower() for flag in each.split(";")}
            assert {"httponly", "samesite=strict", "path=/", "secure"} == flags
        assert is_signed_in(browser)


@pytest.mark.parametrize(
    ("name", "password"),
    [("steward", "wrong password"), ("nobody", PASSWORD), ("", ""), ("steward", "")],
)
def test_wrong_passwords_and_unknown_names_are_told_alike(
    desk: Desk, name: str, password: str
) -> None:
    """One sentence, one status; no session."""
    browser = desk.browser()
    answer = browser.sign_in(name, password)
    assert 401 == answer.status_code
    assert "The account or the password is wrong." in answer.text
    assert not is_signed_in(browser)
    assert "sign_in_failed" in actions(desk)


def test_a_name_that_nobody_has_is_not_logged(desk: Desk) -> None:
    """It may be a password in the wrong field."""
    desk.browser().sign_in("my secret password", "x")
    assert "secret" not in desk.log_text()


def test_a_disabled_account_is_told_the_same(desk: Desk) -> None:
    """Whoever guesses learns nothing."""
    desk.site.accounts.set_disabled("viewer", True)
    answer = desk.browser().sign_in("viewer")
    assert (401, True) == (answer.status_code, "is wrong" in answer.text)


def test_guessing_is_held_up(desk: Desk) -> None:
    """After five failures even the right password waits, and the answer says how long."""
    browser = desk.browser()
    for _ in range(5):
        assert 401 == browser.sign_in("steward", "wrong password").status_code
    answer = browser.sign_in("steward")
    assert (429, "16") == (answer.status_code, answer.headers["retry-after"])
    assert "Try again in 16 seconds." in answer.text
    assert "sign_in_too_often" in actions(desk)
    desk.clock += 16
    assert 303 == browser.sign_in("steward").status_code


def test_sign_in_gives_a_new_token_and_ends_the_old_one(desk: Desk) -> None:
    """Nobody can plant a session before."""
    browser = desk.browser("steward")
    old = browser.client.cookies["mpi_session"]
    browser.client.cookies.clear()
    browser.client.cookies.set("mpi_session", old)
    browser.client.cookies.set("mpi_sign_in", "x")
    other = desk.browser("steward")
    assert old != other.client.cookies["mpi_session"]
    second = Browser(desk)
    second.client.cookies.set("mpi_session", old)
    # With a session the form leads on; a sign-in sent all the same replaces the session.
    assert 303 == second.get("/login").status_code
    cookie = desk.site.sign_in_token.new_cookie()
    second.client.cookies.set("mpi_sign_in", cookie)
    answer = second.client.post(
        "/login",
        data={
            "csrf": desk.site.sign_in_token.token(cookie),
            "name": "steward",
            "password": PASSWORD,
        },
        headers={"origin": second.origin},
    )
    assert 303 == answer.status_code
    assert desk.site.sessions.find(old) is None


def test_sign_in_needs_its_form_and_its_origin(desk: Desk) -> None:
    """Another site cannot sign somebody in under its own account."""
    browser = desk.browser()
    data = {"name": "steward", "password": PASSWORD}
    assert 403 == browser.client.post("/login", data=data).status_code
    headers = {"origin": browser.origin}
    assert 403 == browser.client.post("/login", data=data, headers=headers).status_code
    browser.get("/login")
    data["csrf"] = "guessed"
    assert 403 == browser.client.post("/login", data=data, headers=headers).status_code
    assert not is_signed_in(browser)


def test_sign_out_ends_the_session(desk: Desk) -> None:
    """In the browser and on the server."""
    browser = desk.browser("steward")
    token = browser.client.cookies["mpi_session"]
    assert "/login" == browser.post("/logout").headers["location"]
    assert not is_signed_in(browser)
    browser.client.cookies.set("mpi_session", token)
    assert not is_signed_in(browser)
    assert "sign_out" in actions(desk)


def test_an_idle_session_is_over(desk: Desk) -> None:
    """The poll of an open page does not keep it alive."""
    browser = desk.browser("steward")
    number = browser.json("/tasks.json")["rows"][0]["number"]
    for _ in range(3):
        desk.clock += IDLE_SECONDS / 2 - 1
        status = browser.get(f"/tasks/{number}/presence.json").status_code
    assert 200 == status or 401 == status
    desk.clock += 10
    assert not is_signed_in(browser)


@pytest.mark.parametrize("change", ["role", "password", "disabled"])
def test_sessions_end_with_a_change_of_the_account(desk: Desk, change: str) -> None:
    """At the next request."""
    browser = desk.browser("steward")
    accounts = desk.site.accounts
    if change == "role":
        accounts.set_role("steward", Role.VIEWER)
    elif change == "password":
        accounts.set_password("steward", "another good one 7")
    else:
        accounts.set_disabled("steward", True)
    assert not is_signed_in(browser)


def test_who_is_not_signed_in_gets_nothing_and_loses_nothing(desk: Desk) -> None:
    """A page leads to the form, JSON says 401, a write shows what was typed; nothing is done."""
    browser = desk.browser()
    number = desk.browser("steward").json("/tasks.json")["rows"][0]["number"]
    assert 401 == browser.client.get("/tasks.json").status_code
    headers = {"origin": browser.origin, "accept": "text/html"}
    answer = browser.client.post(
        f"/tasks/{number}/comment",
        data={"csrf": "x", "text": "<b>rang the clinic</b>", "password": "s3cret"},
        headers=headers,
    )
    assert 401 == answer.status_code
    assert "&lt;b&gt;rang the clinic&lt;/b&gt;" in answer.text
    assert "s3cret" not in answer.text
    assert 0 == desk.browser("steward").json("/tasks.json")["rows"][0]["comments"]


def test_one_s_own_password_is_changed_with_the_old_one(desk: Desk) -> None:
    """All sessions of the account end, also this one."""
    browser, other = desk.browser("steward"), desk.browser("steward")
    new = "another good one 7"
    wrong = browser.post("/account/password", password="x", new_password=new, again=new)
    assert "/account" == wrong.headers["location"]
    assert "The old password is wrong" in browser.get("/account").text
    unlike = browser.post("/account/password", password=PASSWORD, new_password=new, again="x")
    assert "/account" == unlike.headers["location"]
    weak = browser.post("/account/password", password=PASSWORD, new_password="x", again="x")
    assert 400 == weak.status_code
    done = browser.post("/account/password", password=PASSWORD, new_password=new, again=new)
    assert "/login" == done.headers["location"]
    assert not is_signed_in(browser)
    assert not is_signed_in(other)
    assert 303 == browser.sign_in("steward", new).status_code
    for secret in (new, PASSWORD, *VALUES):
        assert secret not in desk.log_text()


def test_administrators_keep_the_accounts(desk: Desk) -> None:
    """Add, role, password, disable, enable; each is in the log."""
    browser = desk.browser("administrator")
    browser.post("/accounts/add", name="wang", role="viewer", new_password=PASSWORD)
    wang = desk.browser("wang")
    browser.post("/accounts/change", name="wang", change="role", role="steward")
    assert not is_signed_in(wang)
    browser.post("/accounts/change", name="wang", change="password", new_password="one more good 7")
    assert 303 == desk.browser().sign_in("wang", "one more good 7").status_code
    browser.post("/accounts/change", name="wang", change="disable")
    assert 401 == desk.browser().sign_in("wang", "one more good 7").status_code
    last = browser.post("/accounts/change", name="administrator", change="disable")
    assert 400 == last.status_code
    shown = {each["name"]: each for each in browser.json("/accounts.json")["accounts"]}
    assert ("steward", True) == (shown["wang"]["role"], shown["wang"]["is_disabled"])
    assert 4 == len([each for each in actions(desk) if each.startswith("do:account_")]) - 1


def test_the_language_is_chosen_and_remembered(desk: Desk) -> None:
    """By a link before signing in, by a form afterwards."""
    browser = desk.browser()
    assert 'lang="en"' in browser.get("/login").text
    assert 'lang="zh-CN"' in browser.get("/login?language=zh").text
    assert 'lang="zh-CN"' in browser.get("/login").text
    browser.sign_in("steward")
    answer = browser.post("/language", language="en", back="/tasks?language=zh&status=live")
    assert "/tasks?status=live" == answer.headers["location"]
    assert 'lang="en"' in browser.get("/tasks").text


def test_a_server_without_accounts_says_how_to_make_one(template: Path, tmp_path: Path) -> None:
    """There is no default password."""
    desk = Desk(template, tmp_path / "index", language="en")
    desk.site.accounts.path.unlink()
    with desk.running():
        page = desk.browser().get("/login")
        assert "mpi review user add" in page.text
        assert 401 == desk.browser().sign_in("admin", "admin").status_code
