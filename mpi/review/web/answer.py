"""From a page or an action to an answer: who asks, may they, run it on its thread, log, render.

The order is the safety of it: host, origin, session, permission, body, token, work, audit log,
answer. A page whose line in the audit log cannot be written is not shown.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import Message

from mpi.review.permissions import Permission, check_permission
from mpi.review.web.edge import where
from mpi.review.web.guard import Refused, check_host, check_origin, check_token, local_path
from mpi.review.web.lanes import Lane
from mpi.review.web.page import BODY_BYTES_MAX, Action, Download, Go, Page
from mpi.review.web.render import json_response
from mpi.review.web.sessions import Session
from mpi.review.web.site import Site, address_of
from mpi.review.web.visit import Visit, Who
from mpi.review.web.words import read_words
from person.errors import (
    AccessError,
    ConfigError,
    IdentityError,
    IndexLockedError,
    IndexStoreError,
    InputError,
    LinkConflictError,
    MpiError,
    StaleTaskError,
    UnknownIdError,
)

__all__ = ["Asked", "action_endpoint", "guarded", "page_endpoint", "show_error", "typed_texts"]

_ERRORS: Final = logging.getLogger("mpi.review.errors")
_FIELDS_MAX: Final = 5_000
_FILES_MAX: Final = 5
_SECRET: Final = ("csrf", "password", "new_password", "again")
_STATUS: Final[tuple[tuple[type[MpiError], int], ...]] = (
    (StaleTaskError, 409),
    (LinkConflictError, 409),
    (UnknownIdError, 404),
    (IdentityError, 400),
    (ConfigError, 400),
    (InputError, 400),
    (IndexLockedError, 503),
    (IndexStoreError, 503),
)

Endpoint = Callable[[Request], Awaitable[Response]]


class Named(Protocol):
    """What a page and an action have in common."""

    @property
    def name(self) -> str: ...

    @property
    def permission(self) -> Permission: ...


@dataclass(slots=True)
class Asked:
    """One request on its way to an answer.

    Attributes
    ----------
    site, request : whose, which
    session : of who is signed in, if anybody
    form : of a POST, once it is read
    """

    site: Site
    request: Request
    session: Session | None = None
    form: FormData | None = None

    @property
    def who(self) -> Who | None:
        return self.site.who(self.session)

    @property
    def language(self) -> str:
        return self.site.language_of(self.request)

    @property
    def wants_json(self) -> bool:
        """By its path, or because its client takes JSON and no HTML."""
        accepts = self.request.headers.get("accept", "")
        is_script = "application/json" in accepts and "text/html" not in accepts
        return self.request.url.path.endswith(".json") or is_script

    def render(
        self, template: str, view: Mapping[str, Any], *, here: str = "", status: int = 200
    ) -> Response:
        """Values as JSON or as a page of ours."""
        if self.wants_json or not template:
            return json_response(view, status)
        said: list[dict[str, Any]] = []
        if self.session is not None:
            said, self.session.said = self.session.said, []
        query = self.request.url.query
        response = self.site.renderer.page(
            template,
            view,
            who=self.who,
            language=self.language,
            path=self.request.url.path + (f"?{query}" if query else ""),
            here=here,
            csrf="" if self.session is None else self.session.csrf,
            said=said,
            status=status,
        )
        if "language" in self.request.query_params:
            self.site.remember_language(response, self.language)
        return response

    # ------------------------------------------------------------------ the body

    async def read_form(self, bytes_max: int) -> FormData:
        """The form of a POST.

        Parameters
        ----------
        bytes_max : longest body, files included

        Raises
        ------
        Refused : it is longer, or no form
        """
        request = Request(self.request.scope, _limited(self.request, bytes_max))
        try:
            self.form = await request.form(
                max_files=_FILES_MAX, max_fields=_FIELDS_MAX, max_part_size=bytes_max
            )
        except HTTPException as error:
            raise Refused(400, "error.form") from error
        return self.form


def _limited(request: Request, bytes_max: int) -> Callable[[], Awaitable[Message]]:
    """The request's body, refused once it is too long."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > bytes_max:
        raise Refused(413, "error.too_long")
    read = 0

    async def receive() -> Message:
        nonlocal read
        message = await request.receive()
        read += len(message.get("body", b""))
        if read > bytes_max:
            raise Refused(413, "error.too_long")
        return message

    return receive


# ---------------------------------------------------------------------- pages and actions


def page_endpoint(site: Site, page: Page) -> Endpoint:
    """What answers a page's path.

    Parameters
    ----------
    site : the server
    page : what to show
    """

    async def answer(asked: Asked) -> Response:
        if page.method == "POST":
            check_token_of(asked, await asked.read_form(BODY_BYTES_MAX))
        visit = visit_of(asked)

        def work() -> Mapping[str, Any] | Download | Go:
            view = page.view(visit)
            _audit_page(visit, page)
            return view if isinstance(view, Go) else _in_file(view)

        view = await run(asked, visit, page.lane, work)
        if isinstance(view, Go):
            return _gone(asked, view)
        if isinstance(view, Download):
            return _file_response(view)
        return asked.render(page.template, view, here=page.here or page.name)

    return guarded(site, f"page:{page.name}", page, answer, is_use=page.is_use)


def action_endpoint(site: Site, action: Action) -> Endpoint:
    """What answers an action's path.

    Parameters
    ----------
    site : the server
    action : what to do
    """

    async def answer(asked: Asked) -> Response:
        check_token_of(asked, await asked.read_form(action.body_bytes_max))
        visit = visit_of(asked)

        def work() -> Go | Mapping[str, Any] | Download:
            try:
                done = action.act(visit)
            except MpiError as error:
                _audit_action(visit, action, {"refused": type(error).__name__})
                raise
            _audit_action(visit, action, dict(done.facts) if isinstance(done, Go) else {})
            return done if isinstance(done, Go) else _in_file(done)

        done = await run(asked, visit, action.lane, work)
        if isinstance(done, Download):
            return _file_response(done)
        if not isinstance(done, Go):
            return asked.render(action.template, done, here=action.here, status=422)
        return _gone(asked, done)

    return guarded(site, f"do:{action.name}", action, answer)


def guarded(
    site: Site,
    name: str,
    what: Named | None,
    answer: Callable[[Asked], Awaitable[Response]],
    *,
    is_use: bool = True,
) -> Endpoint:
    """An endpoint that first checks host, origin, session and permission.

    Parameters
    ----------
    site : the server
    name : for the access log
    what : page or action with its permission; None for anybody
    answer : makes the answer
    is_use : a request keeps the session alive
    """

    async def endpoint(request: Request) -> Response:
        asked = Asked(site, request)
        request.state.page = name
        try:
            check_host(request, site.settings.hosts)
            if request.method not in ("GET", "HEAD"):
                check_origin(request)
            asked.session = site.session_of(request, is_use=is_use)
            if asked.session is not None:
                request.state.by = asked.session.account.name
            if what is not None:
                if asked.session is None:
                    return await _signed_out(asked)
                check_permission(asked.session.account.role, what.permission)
            return await answer(asked)
        except Exception as error:
            return show_error(asked, error)

    return endpoint


def check_token_of(asked: Asked, form: FormData) -> None:
    """Refused unless the form carries the session's token."""
    assert asked.session is not None, "a write needs a session"
    check_token(asked.session, asked.request, form.get("csrf"))


def visit_of(asked: Asked) -> Visit:
    """The visit behind a request; its queue comes when its thread runs."""
    assert asked.session is not None
    assert asked.who is not None
    return Visit(
        site=asked.site,
        queue=None,  # type: ignore[arg-type]
        who=asked.who,
        language=asked.language,
        path=asked.request.path_params,
        query=asked.request.query_params,
        form=asked.form or FormData(),
        revealed=asked.site.sessions.revealed(asked.session),
        presence=asked.site.presence,
        session=asked.session,
        address=address_of(asked.request),
    )


async def run(asked: Asked, visit: Visit, lane: Lane, work: Callable[[], Any]) -> Any:
    """Do a visit's work on its thread, with that thread's index."""
    if lane is Lane.PASSWORD:
        return await asked.site.lanes.call(lane, work)

    def with_queue(queue: Any) -> Any:
        visit.queue = queue
        return work()

    return await asked.site.lanes.run(lane, with_queue)


def _audit_page(visit: Visit, page: Page) -> None:
    seen = visit.seen
    if seen.identities or seen.records or seen.facts:
        visit.site.audit.write(
            f"page:{page.name}",
            by=visit.who.name,
            address=visit.address,
            identities=seen.identities,
            records=seen.records,
            **seen.facts,
        )


def _audit_action(visit: Visit, action: Action, facts: dict[str, Any]) -> None:
    path = {
        name: value for name, value in visit.path.items() if name in ("number", "enterprise_id")
    }
    visit.site.audit.write(
        f"do:{action.name}",
        by=visit.who.name,
        address=visit.address,
        identities=visit.seen.identities,
        records=visit.seen.records,
        is_grave=True,
        **{**path, **visit.seen.facts, **facts},
    )


def _gone(asked: Asked, done: Go) -> Response:
    if asked.wants_json:
        return json_response({"to": done.to, "said": done.said, **done.facts})
    if done.said and asked.session is not None:
        text = read_words(asked.language)(done.said, **done.values)
        notice = {"text": text, "kind": done.kind, "undo": list(done.undo), "number": done.number}
        asked.session.said = [*asked.session.said[-4:], notice]
    return RedirectResponse(local_path(done.to), 303)


# ---------------------------------------------------------------------- files


def _in_file(view: Mapping[str, Any] | Download) -> Mapping[str, Any] | Download:
    """A download's bytes, made now, on the thread whose index they are read from."""
    if not isinstance(view, Download):
        return view
    file = tempfile.SpooledTemporaryFile(max_size=1 << 20)  # noqa: SIM115 - closed when sent
    for part in view.parts:
        file.write(part)
    file.seek(0)

    def parts() -> Iterator[bytes]:
        with file:
            while part := file.read(1 << 16):
                yield part

    return Download(view.name, view.media_type, parts())


def _file_response(download: Download) -> Response:
    name = quote(download.name)
    return StreamingResponse(
        download.parts,
        media_type=download.media_type,
        headers={"content-disposition": f"attachment; filename*=UTF-8''{name}"},
    )


# ---------------------------------------------------------------------- refusals


def typed_texts(form: FormData | None) -> list[dict[str, str]]:
    """What somebody typed into a form that was not taken, so that nothing is lost.

    Parameters
    ----------
    form : as it came
    """
    return [
        {"name": name, "value": value}
        for name, value in ([] if form is None else form.multi_items())
        if isinstance(value, str) and name not in _SECRET and value
    ]


async def _signed_out(asked: Asked) -> Response:
    """Nobody is signed in, or no longer: sign in and come back; what was typed is shown again."""
    request = asked.request
    if asked.wants_json:
        return json_response({"status": 401, "message": "sign in first"}, 401)
    if request.method in ("GET", "HEAD"):
        query = f"?{request.url.query}" if request.url.query else ""
        back = quote(request.url.path + query, safe="/")
        return RedirectResponse(f"/login?next={back}", 303)
    form = await asked.read_form(BODY_BYTES_MAX)
    return _error_page(asked, 401, "error.signed_out", "", typed=typed_texts(form))


def show_error(asked: Asked, error: Exception) -> Response:
    """The page, or JSON, for something that went wrong.

    Parameters
    ----------
    asked : the request
    error : what was raised
    """
    if isinstance(error, Refused):
        return _error_page(asked, error.status, error.why, "", typed=typed_texts(asked.form))
    if isinstance(error, HTTPException):
        return _error_page(asked, error.status_code, f"error.{error.status_code}", "")
    if isinstance(error, StaleTaskError):
        return _conflict_page(asked, error)
    status = _status_of(error)
    if status == 500:
        _ERRORS.error("%s %s", asked.request.state.request_id, where(error))
    message = str(error) if isinstance(error, MpiError) else ""
    key = "error.role" if isinstance(error, AccessError) and status == 403 else f"error.{status}"
    return _error_page(asked, status, key, message, typed=typed_texts(asked.form))


def _status_of(error: Exception) -> int:
    if isinstance(error, AccessError):
        return 403 if error.permission is not None else 503
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def _conflict_page(asked: Asked, error: StaleTaskError) -> Response:
    """Somebody else was faster: who, when, what it is now, and what was typed here."""
    view = error.to_dict() | {
        "status": 409,
        "message": str(error),
        "typed": typed_texts(asked.form),
        "asked_path": asked.request.url.path,
        "request_id": asked.request.state.request_id,
    }
    return asked.render("conflict.html", view, here="tasks", status=409)


def _error_page(
    asked: Asked, status: int, key: str, message: str, typed: list[dict[str, str]] | None = None
) -> Response:
    words = read_words(asked.language)
    view = {
        "status": status,
        "title": words(key, otherwise=words(f"error.{status}", otherwise=words("error.500"))),
        "message": message,
        "typed": typed or [],
        "request_id": asked.request.state.request_id,
    }
    response = asked.render("error.html", view, status=status)
    if status == 503:
        response.headers["retry-after"] = "5"
    return response


def is_upload(value: object) -> bool:
    """Whether a form's value is a file."""
    return isinstance(value, UploadFile)
