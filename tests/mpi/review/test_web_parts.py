"""The parts of the server that need no server: sessions, limits, presence, guards, words."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from starlette.requests import Request

import mpi.review.web as web
from mpi.review.accounts import Accounts
from mpi.review.permissions import LEAST_ROLE, ROLES, Permission, Role, is_allowed
from mpi.review.web.guard import (
    Refused,
    SignInToken,
    check_host,
    check_origin,
    host_name,
    local_path,
)
from mpi.review.web.presence import LOADED_SECONDS, POLLED_SECONDS, Presence
from mpi.review.web.server import ServerSettings
from mpi.review.web.sessions import (
    ABSOLUTE_SECONDS,
    IDLE_SECONDS,
    REVEALED_SECONDS,
    Session,
    Sessions,
)
from mpi.review.web.sign_in_limits import FREE_FAILURES, WINDOW_SECONDS, SignInLimits
from mpi.review.web.words import read_words
from person.errors import ConfigError

WEB = Path(web.__file__).resolve().parent
GOOD = "correct horse battery"


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    (tmp_path / "data.mdb").touch()
    made = Accounts(tmp_path, hasher=PasswordHasher(1, 64, 1))
    made.add("li", Role.STEWARD, GOOD)
    return made


@pytest.fixture
def sessions(accounts: Accounts, clock: Clock) -> Sessions:
    return Sessions(accounts, clock=clock)


def begun(sessions: Sessions, accounts: Accounts) -> str:
    account = accounts.find("li")
    assert account is not None
    return sessions.begin(account)[0]


# ---------------------------------------------------------------------- permissions


def test_every_permission_has_a_role() -> None:
    """The table is complete, and higher roles may do what lower ones may."""
    assert set(Permission) == set(LEAST_ROLE)
    for permission in Permission:
        allowed = [is_allowed(role, permission) for role in ROLES]
        assert sorted(allowed) == allowed
        assert allowed[-1]


# ---------------------------------------------------------------------- sessions


def test_a_session_ends_when_it_is_not_used(
    sessions: Sessions, accounts: Accounts, clock: Clock
) -> None:
    """Use puts the end off; what the browser asks by itself does not."""
    token = begun(sessions, accounts)
    clock.seconds += IDLE_SECONDS - 1
    assert sessions.find(token) is not None
    clock.seconds += IDLE_SECONDS - 1
    assert sessions.find(token, is_use=False) is not None
    clock.seconds += 2
    assert sessions.find(token) is None


def test_a_session_ends_after_a_day_s_work(
    sessions: Sessions, accounts: Accounts, clock: Clock
) -> None:
    """However busy it is."""
    token = begun(sessions, accounts)
    while clock.seconds < 1000.0 + ABSOLUTE_SECONDS:
        assert sessions.find(token) is not None
        clock.seconds += IDLE_SECONDS / 2
    clock.seconds += 1
    assert sessions.find(token) is None


@pytest.mark.parametrize("change", ["role", "password", "disabled"])
def test_a_session_ends_when_its_account_changes(
    sessions: Sessions, accounts: Accounts, change: str
) -> None:
    """Role, password and state; also when another process changed them."""
    token = begun(sessions, accounts)
    other = Accounts(accounts.path.parents[1], hasher=PasswordHasher(1, 64, 1))
    if change == "role":
        other.set_role("li", Role.SUPERVISOR)
    elif change == "password":
        other.set_password("li", "another good one 7")
    else:
        other.set_disabled("li", True)
    assert sessions.find(token) is None


def test_tokens_are_random_and_kept_as_digests(sessions: Sessions, accounts: Accounts) -> None:
    """Two sign-ins have two tokens; neither can be read from the server's memory of sessions."""
    one, two = begun(sessions, accounts), begun(sessions, accounts)
    assert one != two
    assert 43 == len(one)
    assert one not in repr(vars(sessions))
    sessions.end(one)
    assert sessions.find(one) is None
    assert sessions.find(two) is not None
    assert sessions.find(None) is None
    assert sessions.find("x" * 10_000) is None


def test_an_account_has_ten_sessions_at_most(sessions: Sessions, accounts: Accounts) -> None:
    """The oldest goes."""
    tokens = [begun(sessions, accounts) for _ in range(12)]
    assert [None, None] == [sessions.find(token) for token in tokens[:2]]
    assert None not in [sessions.find(token) for token in tokens[2:]]
    assert 10 == sessions.count()


def test_a_reveal_lasts_ten_minutes(sessions: Sessions, accounts: Accounts, clock: Clock) -> None:
    """And is of one session alone."""
    session = sessions.find(begun(sessions, accounts))
    other = sessions.find(begun(sessions, accounts))
    assert session is not None
    assert other is not None
    sessions.reveal(session, ("h", "1", "phone"))
    assert frozenset({("h", "1", "phone")}) == sessions.revealed(session)
    assert frozenset() == sessions.revealed(other)
    clock.seconds += REVEALED_SECONDS
    assert frozenset() == sessions.revealed(session)


def test_kept_texts_have_short_keys_and_a_limit(sessions: Sessions, accounts: Accounts) -> None:
    """The same text has the same key; the oldest of many is forgotten."""
    session = sessions.find(begun(sessions, accounts))
    assert isinstance(session, Session)
    key = session.keep("王芳")
    assert key == session.keep("王芳")
    assert "王芳" == session.kept[key]
    for number in range(60):
        session.keep(str(number))
    assert key not in session.kept
    assert 50 == len(session.kept)


# ---------------------------------------------------------------------- limits


def test_guessing_gets_slower(clock: Clock) -> None:
    """Four failures are free, then each doubles the wait, up to a quarter of an hour."""
    limits = SignInLimits(clock)
    waits = []
    for _ in range(12):
        clock.seconds += limits.wait_seconds("li", "a")
        limits.start("li", "a")
        waits.append(limits.wait_seconds("li", "a"))
    assert [0, 0, 0, 0] == waits[:4]
    assert [16, 31, 61, 121] == waits[4:8]
    assert 901 == waits[-1]


def test_an_account_is_limited_wherever_it_is_tried_from(clock: Clock) -> None:
    """And in any spelling of its name; others are not held up."""
    limits = SignInLimits(clock)
    for place in range(FREE_FAILURES["account"]):
        limits.start("Li" if place % 2 else " li", f"10.0.0.{place}")
    assert 0 < limits.wait_seconds("li", "10.0.0.99")
    assert 0 == limits.wait_seconds("wang", "10.0.0.99")


def test_an_address_is_limited_whatever_it_tries(clock: Clock) -> None:
    """Names that nobody has count as any other."""
    limits = SignInLimits(clock)
    for place in range(FREE_FAILURES["address"]):
        limits.start(f"name{place}", "10.0.0.7")
    assert 0 < limits.wait_seconds("li", "10.0.0.7")
    assert 0 == limits.wait_seconds("li", "10.0.0.8")


def test_a_success_and_time_forget(clock: Clock) -> None:
    """Whoever gets in starts anew; so does everybody after an hour."""
    limits = SignInLimits(clock)
    for _ in range(FREE_FAILURES["account"] - 1):
        limits.start("li", "a")
    limits.succeed("li", "a")
    limits.start("li", "a")
    assert 0 == limits.wait_seconds("li", "a")
    for _ in range(FREE_FAILURES["account"] - 2):
        limits.start("li", "a")
    clock.seconds += WINDOW_SECONDS + 1
    limits.start("li", "a")
    assert 0 == limits.wait_seconds("li", "a")


def test_counts_do_not_grow_without_end(clock: Clock) -> None:
    """A flood of made-up names takes a bounded amount of memory."""
    limits = SignInLimits(clock)
    for number in range(30_000):
        limits.start(f"name{number}", f"address{number}")
    assert len(vars(limits)["_counts"]) <= 20_001


# ---------------------------------------------------------------------- presence


def test_who_looks_is_known_for_a_while(clock: Clock) -> None:
    """A page load holds longer than a poll; one's own name is left out."""
    presence = Presence(clock)
    presence.note(7, "li")
    presence.note(7, "wang", POLLED_SECONDS)
    presence.note(8, "li")
    assert {7: ("li", "wang"), 8: ("li",)} == presence.viewers([7, 8, 9], "zhao")
    assert {7: ("wang",)} == presence.viewers([7, 8], "li")
    clock.seconds += POLLED_SECONDS
    assert {7: ("li",)} == presence.viewers([7], "zhao")
    clock.seconds += LOADED_SECONDS
    assert {} == presence.viewers([7, 8], "zhao")


def test_who_leaves_is_gone(clock: Clock) -> None:
    """From one task, or at sign-out from all."""
    presence = Presence(clock)
    for task in (7, 8):
        presence.note(task, "li")
    presence.leave("li", 7)
    assert {8: ("li",)} == presence.viewers([7, 8], "")
    presence.leave("li")
    assert {} == presence.viewers([7, 8], "")


# ---------------------------------------------------------------------- guards


def request(**headers: str) -> Request:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "scheme": "https",
        "server": ("testserver", 443),
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
    }
    return Request(scope)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://mpi.example"},
        {"origin": "https://mpi.example", "sec_fetch_site": "same-origin"},
        {"origin": "null", "sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "same-origin"},
    ],
)
def test_our_own_pages_may_write(headers: dict[str, str]) -> None:
    """By Origin, or by what the browser says of the page."""
    check_origin(request(host="mpi.example", **headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "http://mpi.example"},
        {"origin": "https://mpi.example.evil"},
        {"origin": "https://mpi.example:444"},
        {"origin": "https://mpi.example", "sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "none"},
        {"referer": "https://mpi.example/tasks"},
    ],
)
def test_nobody_else_may(headers: dict[str, str]) -> None:
    """Other origins, other schemes and ports, and whoever does not tell."""
    with pytest.raises(Refused):
        check_origin(request(host="mpi.example", **headers))


def test_only_our_own_names_are_answered() -> None:
    """A foreign name that points at our address is not ours."""
    check_host(request(host="LOCALHOST:8443"), {"localhost"})
    check_host(request(host="[::1]:8443"), {"[::1]"})
    for host in ("evil.example", "", "localhost.evil.example:8443"):
        with pytest.raises(Refused):
            check_host(request(host=host), {"localhost"})
    assert "[::1]" == host_name("[::1]")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "tasks",
        "/a b",
        "/a\n",
        "/" * 600,
    ],
)
def test_a_way_back_stays_here(path: str) -> None:
    """Whatever a link or form says."""
    assert "/tasks" == local_path(path)
    assert "/tasks/7?x=1" == local_path("/tasks/7?x=1")


def test_the_sign_in_form_belongs_to_its_cookie() -> None:
    """Another site can neither know nor set both."""
    tokens = SignInToken()
    cookie = tokens.new_cookie()
    assert tokens.is_right(cookie, tokens.token(cookie))
    assert not tokens.is_right(cookie, tokens.token("other"))
    assert not tokens.is_right("", tokens.token(""))
    assert not tokens.is_right(cookie, None)
    assert not SignInToken().is_right(cookie, tokens.token(cookie))


# ---------------------------------------------------------------------- settings of the server


def test_it_binds_loopback_unless_told_otherwise() -> None:
    """Another address takes TLS, or the word that something in front speaks it."""
    for host in ("127.0.0.1", "::1", "localhost", "127.0.0.9"):
        assert ServerSettings(index_path="i", host=host).is_loopback
    for host in ("0.0.0.0", "::", "10.0.0.7", "mpi.example"):
        with pytest.raises(ConfigError):
            ServerSettings(index_path="i", host=host)
        ServerSettings(index_path="i", host=host, is_insecure=True)
        ServerSettings(index_path="i", host=host, tls_certificate="c", tls_key="k")
    with pytest.raises(ConfigError):
        ServerSettings(index_path="i", tls_certificate="c")


def test_it_answers_to_the_names_it_was_given() -> None:
    """And prints the first of them for a wildcard address."""
    settings = ServerSettings(
        index_path="i", host="0.0.0.0", is_insecure=True, names=("MPI.Example", "10.0.0.7")
    )
    assert {"mpi.example", "10.0.0.7", "localhost"} <= settings.host_names
    assert "0.0.0.0" not in settings.host_names
    assert "http://mpi.example:8443/" == settings.url(8443)
    six = ServerSettings(index_path="i", host="::1")
    assert "http://[::1]:80/" == six.url(80)
    assert "[::1]" in six.host_names


# ---------------------------------------------------------------------- words


def test_both_languages_have_the_same_words() -> None:
    """Same keys, and the same values in braces."""
    zh, en = read_words("zh").texts, read_words("en").texts
    assert sorted(zh) == sorted(en)
    for key in zh:
        assert _values(zh[key]) == _values(en[key]), key


def _values(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_word_of_the_templates_is_known() -> None:
    """`w("key")` with a key that no file has would print the key."""
    words = read_words("en")
    missing = []
    for path in sorted((WEB / "templates").glob("*.html")):
        for key in re.findall(
            r"""\bw\(\s*["']([a-z_]+\.[a-z_0-9.]+)["']\s*[,)]""", path.read_text()
        ):
            if key not in words:
                missing.append(f"{path.name}: {key}")
    assert [] == missing


def test_the_words_of_the_server_are_known() -> None:
    """Keys that the code names, not the templates."""
    words = read_words("en")
    missing = []
    for path in sorted(WEB.rglob("*.py")):
        for key in re.findall(
            r'"((?:error|login|account|log|queue)\.(?!html)[a-z_]+)"', path.read_text()
        ):
            if key not in words:
                missing.append(f"{path.name}: {key}")
    missing += [f"account.may_{each}" for each in Permission if f"account.may_{each}" not in words]
    assert [] == missing


def test_words_count_and_fall_back() -> None:
    """One or many in English; a key that is not there is shown rather than an error."""
    words = read_words("en")
    assert "1 task" == words("queue.total", count=1)
    assert "100,000 tasks" == words("queue.total", count=100_000)
    assert "no.such" == words("no.such")
    assert "phone" == words("field.no_such_field", otherwise="phone")
