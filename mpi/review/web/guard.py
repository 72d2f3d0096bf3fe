"""What every request must pass: a host name that is ours, and for writes our own page behind it."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from hashlib import sha256
from typing import Final

from starlette.requests import Request

from mpi.review.web.sessions import Session

__all__ = [
    "Refused",
    "SignInToken",
    "check_host",
    "check_origin",
    "check_token",
    "host_name",
    "local_path",
]

CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"
_PATH_MAX: Final = 500


class Refused(Exception):
    """A request that is not answered as asked.

    Attributes
    ----------
    status : of HTTP
    why : key of the words
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


def host_name(host: str) -> str:
    """The name in a Host header, without the port.

    Parameters
    ----------
    host : such as 'localhost:8443' or '[::1]:8443'
    """
    if host.startswith("["):
        return host[: host.find("]") + 1].lower()
    return host.partition(":")[0].lower()


def check_host(request: Request, hosts: Collection[str]) -> None:
    """Answer only under our own names: another site's name may have been pointed at our address.

    Parameters
    ----------
    request : any
    hosts : names that we answer to
    """
    if host_name(request.headers.get("host", "")) not in hosts:
        raise Refused(421, "error.host")


def check_origin(request: Request) -> None:
    """Take a write only from a page of ours.

    Parameters
    ----------
    request : of a write; a client that is no browser sends an Origin header too

    Raises
    ------
    Refused : another site's page sent it, or nothing tells which
    """
    fetched = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if fetched not in (None, "same-origin"):
        raise Refused(403, "error.origin")
    if origin in (None, "null"):
        if fetched != "same-origin":
            raise Refused(403, "error.origin")
    elif origin != f"{request.url.scheme}://{request.headers.get('host', '')}":
        raise Refused(403, "error.origin")


def check_token(session: Session, request: Request, in_form: object) -> None:
    """Take a write only with the session's own token, in the form or a header.

    Parameters
    ----------
    session : of the browser
    request : of the write
    in_form : what the form has under `csrf`
    """
    token = request.headers.get(CSRF_HEADER) or (in_form if isinstance(in_form, str) else "")
    if not session.has_csrf(token):
        raise Refused(403, "error.csrf")


class SignInToken:
    """The token of the sign-in form, before there is a session: a cookie and its keyed digest."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def new_cookie(self) -> str:
        """A random text for the cookie."""
        return secrets.token_urlsafe(24)

    def token(self, cookie: str) -> str:
        """What the form must carry beside that cookie.

        Parameters
        ----------
        cookie : of the browser
        """
        return hmac.new(self._key, cookie.encode(), sha256).hexdigest()

    def is_right(self, cookie: str, token: object) -> bool:
        """Whether form and cookie belong together.

        Parameters
        ----------
        cookie : of the browser
        token : of the form
        """
        if not cookie or not isinstance(token, str):
            return False
        return hmac.compare_digest(self.token(cookie).encode(), token.encode())


def local_path(path: str, otherwise: str = "/tasks") -> str:
    """A path of this server, from a form or a link; never another server's address.

    Parameters
    ----------
    path : as it came
    otherwise : instead of anything odd
    """
    is_odd = (
        not path.startswith("/")
        or path.startswith(("//", "/\\"))
        or len(path) > _PATH_MAX
        or any(ord(each) <= 32 or each in '\\"<>' for each in path)
    )
    return otherwise if is_odd else path
