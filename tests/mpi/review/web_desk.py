"""A review server in a test: an index with two doubtful cases, accounts, browsers."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from argon2 import PasswordHasher
from httpx2 import Response
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mpi.identity_index import IdentityIndex
from mpi.review.permissions import ROLES
from mpi.review.web.app import create_app, registered
from mpi.review.web.page import Action, Page
from mpi.review.web.site import Site, SiteSettings
from mpi.review.web.visit import Visit, Who
from tests.mpi.identity_registry import national_id

__all__ = [
    "CHEN",
    "PASSWORD",
    "SECRETS",
    "VALUES",
    "Browser",
    "Desk",
    "make_index",
    "pages",
    "path_of",
]

PASSWORD: Final = "correct horse battery"
CHEN: Final[dict[str, str]] = {
    "name": "陈建国",
    "id_number": national_id("330106", "1958-04-09", 37),
    "birth_date": "1958-04-09",
    "gender": "男",
    "phone": "13957180246",
    "region_code": "330106",
    "address": "杭州市西湖区文三路90号2幢501室",
    "health_card": "A12345678",
}
ZHAO: Final = {
    "name": "赵丽华",
    "birth_date": "1971-11-23",
    "gender": "女",
    "phone": "13588003412",
    "region_code": "440106",
    "address": "广州市天河区体育西路17号804室",
}
WANG: Final = {
    "name": "王芳",
    "id_number": national_id("110105", "1991-08-16", 26),
    "birth_date": "1991-08-16",
    "gender": "女",
    "phone": "13671093358",
    "region_code": "110105",
    "address": "北京市朝阳区建国路88号3单元1201室",
}
DAUGHTER: Final = {**WANG, "name": "李欣怡", "birth_date": "2014-03-05"}
NAMES: Final = ("陈建国", "赵丽华", "王芳", "李欣怡")
SECRETS: Final = (
    CHEN["id_number"], CHEN["phone"], CHEN["health_card"], ZHAO["phone"], WANG["id_number"],
    WANG["phone"],
)  # fmt: skip
"""Numbers that no page shows unless somebody asks for them."""
VALUES: Final = (*NAMES, *SECRETS, "文三路", "建国路", "体育西路", "1958-04-09", "1991-08-16")
"""What must never stand in a log."""


def make_index(path: Path) -> None:
    """Seven records of five identities, and two questions.

    Parameters
    ----------
    path : of the index to make
    """
    with IdentityIndex.create(path, population=1_000_000) as index:
        for reference, person in (
            ("register/1", CHEN),
            ("hospital/2", {**ZHAO, "id_number": CHEN["id_number"]}),
            ("register/3", WANG),
            ("hospital/5", DAUGHTER),
            ("clinic/3", WANG),
        ):
            source, record_id = reference.split("/")
            index.add({"source": source, "record_id": record_id, **person})
        assert 2 == len(index.tasks())


def pages() -> list[Page | Action]:
    """Everything that the server registers."""
    return list(registered())


class Desk:
    """A server over a copy of an index; accounts are named after their roles.

    Parameters
    ----------
    template : an index to copy
    path : where to
    options : of the site's settings
    """

    def __init__(self, template: Path, path: Path, **options: Any) -> None:
        shutil.copytree(template, path)
        self.path = path
        self.clock = 1000.0
        self.is_tls = bool(options.get("is_tls"))
        settings = SiteSettings(index_path=path, hosts=frozenset({"testserver"}), **options)
        self.site = Site(settings, hasher=PasswordHasher(1, 64, 1), clock=lambda: self.clock)
        if not self.site.accounts.all():
            for role in ROLES:
                self.site.accounts.add(role.value, role, PASSWORD)
        self.app: Starlette = create_app(self.site)

    @contextmanager
    def running(self) -> Iterator[Desk]:
        """The server is up inside."""
        with TestClient(self.app):
            yield self

    def browser(self, role: str | None = None) -> Browser:
        """A browser; signed in where a role is named."""
        made = Browser(self)
        if role is not None:
            assert 303 == made.sign_in(role).status_code
        return made

    def log_text(self) -> str:
        """All of the audit log."""
        files = sorted((self.path / "review").glob("audit-*.jsonl"))
        return "".join(path.read_text("utf-8") for path in files)

    def visit(self, role: str, queue: Any, **values: Any) -> Visit:
        """A visit made by hand."""
        account = self.site.accounts.find(role)
        assert account is not None
        return Visit(
            site=self.site,
            queue=queue,
            who=Who(account.name, account.role),
            language=self.site.settings.language,
            **values,
        )


class Browser:
    """What a person's browser does: cookies, the form's token, the Origin header."""

    def __init__(self, desk: Desk) -> None:
        scheme = "https" if desk.is_tls else "http"
        self.origin = f"{scheme}://testserver"
        self.client = TestClient(desk.app, base_url=self.origin, follow_redirects=False)
        self._token: str | None = None

    def get(self, path: str, **headers: str) -> Response:
        return self.client.get(path, headers={"accept": "text/html", **headers})

    def json(self, path: str) -> Any:
        answer = self.client.get(path, headers={"accept": "application/json"})
        assert 200 == answer.status_code, answer.text
        return answer.json()

    def sign_in(self, name: str, password: str = PASSWORD, back: str = "/tasks") -> Response:
        form = self.get("/login")
        answer = self.client.post(
            "/login",
            data={"csrf": token_in(form), "name": name, "password": password, "next": back},
            headers={"origin": self.origin},
        )
        self._token = None
        return answer

    def token(self) -> str:
        """The session's token, as any of its pages carries it."""
        if self._token is None:
            self._token = token_in(self.get("/account"))
        return self._token

    def post(self, path: str, **form: Any) -> Response:
        """A form of one of our pages, sent."""
        return self.client.post(
            path,
            data={"csrf": self.token(), **form},
            headers={"origin": self.origin, "accept": "text/html"},
        )


def token_in(answer: Response) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
    assert found is not None, answer.text[:500]
    return html.unescape(found[1])


def path_of(page: Page | Action, number: int, enterprise_id: str) -> str:
    """A page's path with real values in it.

    Parameters
    ----------
    page : with a path as Starlette writes it
    number : of a task
    enterprise_id : of an identity
    """
    path = re.sub(r"\{number(:\w+)?\}", str(number), page.path)
    path = re.sub(r"\{enterprise_id(:\w+)?\}", enterprise_id, path)
    assert "{" not in path, path
    return path
