"""From a page or an action to an answer: who asks, may they, run it on its thread, log, render.

The order is the safety of it: host, origin, session, permission, body, token, work, audit log,
answer. A page whose line in the audit log cannot be written is not shown.
"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from mpi.review.permissions import Permission, check_permission
from mpi.review.web.asked import Asked
from mpi.review.web.guard import check_host, check_origin, check_token, local_path
from mpi.review.web.lanes import Lane
from mpi.review.web.page import Action, Download, Go, Page
from mpi.review.web.refusals import show_error, signed_out
from mpi.review.web.render import json_response
from mpi.review.web.site import Site, address_of
from mpi.review.web.visit import Visit
from mpi.review.web.words import read_words
from person.errors import MpiError

__all__ = ["action_endpoint", "check_token_of", "guarded", "page_endpoint"]

Endpoint = Callable[[Request], Awaitable[Response]]


class Named(Protocol):
    """What a page and an action have in common."""

    @property
    def name(self) -> str: ...

    @property
    def permission(self) -> Permission: ...


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
            check_token_of(asked, await asked.read_form(page.body_bytes_max))
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
                    return await signed_out(asked)
                check_permission(asked.session.account.role, what.permission)
            return await answer(asked)
        except Exception as error:
            return show_error(asked, error)
        finally:
            if asked.form is not None:
                await asked.form.close()  # files that were sent

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
