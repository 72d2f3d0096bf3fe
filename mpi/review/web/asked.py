"""One request on its way to an answer: whose, in which language, with what body."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from mpi.review.web.guard import Refused
from mpi.review.web.render import json_response
from mpi.review.web.sessions import Session
from mpi.review.web.site import Site
from mpi.review.web.visit import Who

__all__ = ["Asked", "typed_texts"]

_FIELDS_MAX: Final = 5_000
_FILES_MAX: Final = 5
_BODY_SECONDS: Final = 60.0
_SECRET: Final = ("csrf", "password", "new_password", "again")


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
        Refused : it is longer, takes too long to come, or is no form
        """
        request = Request(self.request.scope, _limited(self.request, bytes_max))
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                self.form = await request.form(
                    max_files=_FILES_MAX, max_fields=_FIELDS_MAX, max_part_size=bytes_max
                )
        except TimeoutError as error:
            raise Refused(408, "error.slow") from error
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
