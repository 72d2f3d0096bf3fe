"""The outermost layer: request ids, headers on every answer, the access log, the last catch.

The access log names the page, never the path: a path that somebody made up may hold anything.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HEADERS", "Edge", "where"]

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: with that, browsers send `Origin: null` for our own forms. Nothing leaves
    # the origin either way.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_ACCESS: Final = logging.getLogger("mpi.review.access")
_ERRORS: Final = logging.getLogger("mpi.review.errors")


def where(error: BaseException) -> str:
    """Kind and place of an error, never its text: that may quote a person's value.

    Parameters
    ----------
    error : that was caught
    """
    place, trace = "", error.__traceback__
    while trace is not None:
        place = f" in {Path(trace.tb_frame.f_code.co_filename).name} line {trace.tb_lineno}"
        trace = trace.tb_next
    return type(error).__name__ + place


class Edge:
    """The middleware around everything.

    Parameters
    ----------
    app : what it surrounds
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        noted = _Noted(secrets.token_hex(8))
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["request_id"] = noted.request_id
        try:
            await self.app(scope, receive, _with_headers(send, noted))
        except Exception as error:
            _ERRORS.error("%s %s", noted.request_id, where(error))
            if not noted.status:
                answer = PlainTextResponse(f"error 500, request {noted.request_id}\n", 500)
                await answer(scope, receive, _with_headers(send, noted))
        finally:
            _log(scope, state, noted)


class _Noted:
    """What the access log tells of one request."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.status = 0
        self.began = perf_counter()


def _with_headers(send: Send, noted: _Noted) -> Callable[[Message], Awaitable[None]]:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            noted.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
            headers["x-request-id"] = noted.request_id
        await send(message)

    return sending


def _log(scope: Scope, state: MutableMapping[str, Any], noted: _Noted) -> None:
    line = {
        "request": noted.request_id,
        "address": (scope.get("client") or ("",))[0],
        "method": scope["method"] if scope["method"] in _METHODS else "other",
        "page": state.get("page", ""),
        "by": state.get("by", ""),
        "status": noted.status,
        "ms": round((perf_counter() - noted.began) * 1000, 1),
    }
    _ACCESS.info("%s", json.dumps(line, ensure_ascii=False))


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
