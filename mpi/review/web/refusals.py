"""Answers to what cannot be done as asked: error pages, the conflict page, signing in first."""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from mpi.review.web.asked import Asked, typed_texts
from mpi.review.web.edge import where
from mpi.review.web.guard import Refused
from mpi.review.web.page import BODY_BYTES_MAX
from mpi.review.web.problems import problem_text
from mpi.review.web.render import json_response
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

__all__ = ["show_error", "signed_out"]

_ERRORS: Final = logging.getLogger("mpi.review.errors")
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


async def signed_out(asked: Asked) -> Response:
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
    if asked.session is None and isinstance(error, AccessError):
        # Files of the server are its operator's business, not that of whoever knocks.
        _ERRORS.error("%s %s", asked.request.state.request_id, message)
        message = ""
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
        "message": problem_text(str(error), asked.language),
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
        "message": problem_text(message, asked.language),
        "typed": typed or [],
        "request_id": asked.request.state.request_id,
    }
    response = asked.render("error.html", view, status=status)
    if status == 503:
        response.headers["retry-after"] = "5"
    return response
