"""Signing in and out, and the choice of language: the only answers that need no session."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from mpi.review.accounts import Account
from mpi.review.web.answer import check_token_of, guarded
from mpi.review.web.asked import Asked
from mpi.review.web.guard import Refused, local_path
from mpi.review.web.lanes import Lane
from mpi.review.web.page import BODY_BYTES_MAX
from mpi.review.web.site import Site, address_of
from mpi.review.web.words import LANGUAGES, read_words

__all__ = ["sign_in_routes"]

_NAME_MAX: Final = 200


def sign_in_routes(site: Site) -> list[BaseRoute]:
    """Routes that anybody may call.

    Parameters
    ----------
    site : the server
    """
    return [
        Route("/login", guarded(site, "page:login", None, _show_form), methods=["GET"]),
        Route("/login", guarded(site, "do:login", None, _sign_in), methods=["POST"]),
        Route("/logout", guarded(site, "do:logout", None, _sign_out), methods=["POST"]),
        Route("/language", guarded(site, "do:language", None, _choose_language), methods=["POST"]),
    ]


async def _show_form(asked: Asked) -> Response:
    back = local_path(asked.request.query_params.get("next", ""))
    if asked.session is not None:
        return RedirectResponse(back, 303)
    return _form(asked, back=back)


def _form(
    asked: Asked, *, back: str, name: str = "", problem: str = "", wait: int = 0, status: int = 200
) -> Response:
    """The sign-in page; its token and the cookie belong together."""
    site, request = asked.site, asked.request
    cookie = request.cookies.get(site.sign_in_cookie) or site.sign_in_token.new_cookie()
    words = read_words(asked.language)
    view: dict[str, Any] = {
        "back": back,
        "name": name,
        "problem": words(problem, minutes=-(-wait // 60), seconds=wait) if problem else "",
        "token": site.sign_in_token.token(cookie),
        "has_accounts": bool(site.accounts.all()),
        "other_language": "en" if asked.language == "zh" else "zh",
    }
    response = asked.render("login.html", view, here="login", status=status)
    site.set_cookie(response, site.sign_in_cookie, cookie, None)
    if wait:
        response.headers["retry-after"] = str(wait)
    return response


async def _sign_in(asked: Asked) -> Response:
    site, request = asked.site, asked.request
    form = await asked.read_form(BODY_BYTES_MAX)
    name, password, back = (str(form.get(key, "")) for key in ("name", "password", "next"))
    back = local_path(back)
    cookie = request.cookies.get(site.sign_in_cookie, "")
    if not site.sign_in_token.is_right(cookie, form.get("csrf")):
        raise Refused(403, "error.csrf")
    name, address = name[:_NAME_MAX], address_of(request)
    wait = site.limits.wait_seconds(name, address)
    if wait:
        _audit(site, "sign_in_too_often", name, address)
        return _form(asked, back=back, name=name, problem="login.wait", wait=wait, status=429)
    site.limits.start(name, address)
    account = await site.lanes.call(Lane.PASSWORD, lambda: site.accounts.check(name, password))
    if account is None:
        _audit(site, "sign_in_failed", name, address)
        return _form(asked, back=back, name=name, problem="login.wrong", status=401)
    site.limits.succeed(name, address)
    return _signed_in(asked, account, back)


def _signed_in(asked: Asked, account: Account, back: str) -> Response:
    site = asked.site
    site.audit.write(
        "sign_in",
        by=account.name,
        address=address_of(asked.request),
        is_grave=True,
        role=account.role.value,
    )
    site.sessions.end(asked.request.cookies.get(site.session_cookie))
    token, _ = site.sessions.begin(account)
    response = RedirectResponse(back, 303)
    site.set_cookie(response, site.session_cookie, token, None)
    site.drop_cookie(response, site.sign_in_cookie)
    return response


def _audit(site: Site, action: str, name: str, address: str) -> None:
    """A failure; a name that no account has may be a password typed in the wrong place."""
    account = site.accounts.find(name)
    site.audit.write(
        action, by="" if account is None else account.name, address=address, is_grave=True
    )


async def _sign_out(asked: Asked) -> Response:
    site = asked.site
    if asked.session is not None:
        check_token_of(asked, await asked.read_form(BODY_BYTES_MAX))
        account = asked.session.account
        site.sessions.end(asked.request.cookies.get(site.session_cookie))
        site.presence.leave(account.name)
        site.audit.write("sign_out", by=account.name, address=address_of(asked.request))
        asked.session = None
    response = RedirectResponse("/login", 303)
    site.drop_cookie(response, site.session_cookie)
    return response


async def _choose_language(asked: Asked) -> Response:
    form = await asked.read_form(BODY_BYTES_MAX)
    if asked.session is not None:
        check_token_of(asked, form)
    language = form.get("language")
    response = RedirectResponse(_without_language(local_path(str(form.get("back", "")))), 303)
    if language in LANGUAGES:
        asked.site.remember_language(response, str(language))
    return response


def _without_language(path: str) -> str:
    """A path whose own choice of language does not stand against the new one."""
    before, mark, query = path.partition("?")
    kept = "&".join(each for each in query.split("&") if not each.startswith("language="))
    return before + (mark + kept if kept else "")
