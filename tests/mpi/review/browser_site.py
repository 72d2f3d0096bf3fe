"""A review server and a browser for tests: import `chromium` and `pages` to have both.

The browser is Debian's Chromium, driven by Playwright. Where there is none, the tests that want it
are skipped and say so. Requests to any other origin than ours are refused, and remembered.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mpi.identity_index import IdentityIndex
from mpi.review.permissions import Role
from mpi.review.queue import ReviewQueue
from tests.mpi.review.review_people import fill_index

__all__ = ["ARGUMENTS", "PASSWORD", "Pages", "chromium", "pages", "sign_in"]

PASSWORD = "correct horse battery staple"
ACCOUNTS = {"li": Role.STEWARD, "wang": Role.STEWARD, "zhao": Role.ADMINISTRATOR}
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
TIMEOUT_MS = int(os.environ.get("BROWSER_TIMEOUT_MS", "60000"))


def chromium_path() -> str | None:
    return (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running Chromium; skips the module's tests where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright driver here")
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium here; scripts/install_browser.sh installs it where it can")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@dataclass
class Pages:
    """A running server and the pages that tests opened on it."""

    browser: Any
    url: str
    index_path: Path
    foreign: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _states: dict[str, Any] = field(default_factory=dict)
    _contexts: list[Any] = field(default_factory=list)

    def open(
        self,
        name: str | None = "li",
        *,
        language: str = "en",
        scripts: bool = True,
        dark: bool = False,
    ) -> Any:
        """A page of a browser of its own, signed in as somebody (None: nobody)."""
        context = self.browser.new_context(
            viewport={"width": 1366, "height": 768},
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
            storage_state=self._signed_in(name) if name else None,
            base_url=self.url,
        )
        context.set_default_timeout(TIMEOUT_MS)
        context.route("**/*", self._only_ours)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._hear)
        page.goto(f"/login?language={language}" if name is None else f"/tasks?language={language}")
        return page

    def _only_ours(self, route: Any) -> None:
        if route.request.url.startswith(self.url + "/"):
            route.continue_()
        else:
            self.foreign.append(route.request.url)
            route.abort()

    def _hear(self, message: Any) -> None:
        # A refused form answers 409 or 422, which Chromium calls an error on the console.
        if message.type == "error" and "status of 4" not in message.text:
            self.problems.append(message.text)

    def _signed_in(self, name: str) -> Any:
        """Cookies of a session: signing in hashes a password, so once an account will do."""
        if name not in self._states:
            context = self.browser.new_context(base_url=self.url)
            page = context.new_page()
            sign_in(page, name)
            self._states[name] = context.storage_state()
            context.close()
        return self._states[name]

    def close_all(self) -> None:
        while self._contexts:
            self._contexts.pop().close()

    def queue(self) -> ReviewQueue:
        """The index as another process sees it; close its `index`."""
        return ReviewQueue(IdentityIndex.open(self.index_path))


def sign_in(page: Any, name: str, password: str = PASSWORD) -> None:
    """Sign in by the form."""
    page.goto("/login")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    page.locator("main button").click()
    page.wait_for_url("**/tasks")


@pytest.fixture(scope="module")
def pages(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """A server over an index of its own; after the module, nothing foreign was asked for."""
    directory = tmp_path_factory.mktemp("review")
    fill_index(directory)
    path = directory / "index"
    with served(path) as url:
        opened = Pages(chromium, url, path)
        yield opened
        opened.close_all()
    assert [] == opened.foreign
    assert [] == opened.problems


class served:
    """A review server on a free port while the block runs; its first page is warm."""

    def __init__(self, path: Path) -> None:
        import argon2
        import uvicorn

        from mpi.review.web.app import create_app
        from mpi.review.web.site import Site, SiteSettings

        cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        site = Site(SiteSettings(index_path=path, language="en"), hasher=cheap)
        for name, role in ACCOUNTS.items():
            site.accounts.add(name, role, PASSWORD)
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(
            uvicorn.Config(create_app(site), log_level="critical", lifespan="on")
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        warm_up(path)

    def __enter__(self) -> str:
        self._thread.start()
        deadline = time.monotonic() + 120  # a busy machine may take its time
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self._server.started
        return self._url

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        self._socket.close()


def warm_up(path: Path) -> None:
    """Let kernels be compiled before a browser waits for them."""
    index = IdentityIndex.open(path)
    queue = ReviewQueue(index)
    for row in queue.tasks(limit=3).rows:
        queue.case(row.number)
    queue.search("王芳")
    index.close()


Opener = Callable[..., Any]
