"""What one review server holds: settings, accounts, sessions, the log, threads, templates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from argon2 import PasswordHasher
from starlette.requests import Request
from starlette.responses import Response

from mpi.review.accounts import Accounts
from mpi.review.audit import AuditLog
from mpi.review.web.guard import SignInToken
from mpi.review.web.lanes import Lane, Lanes
from mpi.review.web.presence import Presence
from mpi.review.web.render import Renderer
from mpi.review.web.sessions import ABSOLUTE_SECONDS, IDLE_SECONDS, Session, Sessions
from mpi.review.web.sign_in_limits import SignInLimits
from mpi.review.web.visit import Who
from mpi.review.web.words import LANGUAGES

if TYPE_CHECKING:
    from mpi.review.queue import ReviewQueue

__all__ = ["LOOPBACK_HOSTS", "Site", "SiteSettings", "address_of"]

LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_LANGUAGE_SECONDS: Final = 365 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """How a server is to be.

    Attributes
    ----------
    index_path : directory of the index
    digest_key : key file of an index with keyed digests
    language : of who has not chosen one
    is_tls : browsers reach it by https; its cookies are sent over nothing else
    hosts : names that browsers may call it by
    idle_seconds, absolute_seconds : a session ends after so long without use, and in all
    """

    index_path: Path
    digest_key: str | None = None
    language: str = "zh"
    is_tls: bool = False
    hosts: frozenset[str] = LOOPBACK_HOSTS
    idle_seconds: float = IDLE_SECONDS
    absolute_seconds: float = ABSOLUTE_SECONDS


class Site:
    """One server's state.

    Parameters
    ----------
    settings : how it is to be
    hasher : of passwords; None for argon2-cffi's own parameters
    clock : seconds, for sessions, limits and presence
    """

    def __init__(
        self,
        settings: SiteSettings,
        *,
        hasher: PasswordHasher | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.settings = settings
        self.accounts = Accounts(settings.index_path, hasher=hasher)
        self.audit = AuditLog(settings.index_path)
        self.sessions = Sessions(
            self.accounts,
            idle_seconds=settings.idle_seconds,
            absolute_seconds=settings.absolute_seconds,
            clock=clock,
        )
        self.limits = SignInLimits(clock)
        self.presence = Presence(clock)
        self.sign_in_token = SignInToken()
        self.renderer = Renderer()
        self.lanes = Lanes(self._open_queue)

    def _open_queue(self, lane: Lane) -> ReviewQueue:
        from mpi.identity_index import IdentityIndex
        from mpi.review.queue import ReviewQueue

        index = IdentityIndex.open(
            self.settings.index_path,
            writable="on_demand" if lane is Lane.WRITE else False,
            digest_key=self.settings.digest_key,
        )
        return ReviewQueue(index)

    # ------------------------------------------------------------------ cookies

    @property
    def session_cookie(self) -> str:
        """Its name; over TLS a browser holds it to this host by the prefix."""
        return "__Host-mpi_session" if self.settings.is_tls else "mpi_session"

    @property
    def sign_in_cookie(self) -> str:
        return "__Host-mpi_sign_in" if self.settings.is_tls else "mpi_sign_in"

    def set_cookie(self, response: Response, name: str, value: str, seconds: int | None) -> None:
        """Give the browser a cookie that scripts and other sites never get.

        Parameters
        ----------
        response : to carry it
        name, value : of the cookie
        seconds : it lasts; None for as long as the browser runs
        """
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            path="/",
            secure=self.settings.is_tls,
            httponly=True,
            samesite="strict",
        )

    def drop_cookie(self, response: Response, name: str) -> None:
        """Take a cookie back."""
        response.delete_cookie(
            name, path="/", secure=self.settings.is_tls, httponly=True, samesite="strict"
        )

    # ------------------------------------------------------------------ who asks

    def session_of(self, request: Request, *, is_use: bool = True) -> Session | None:
        """The session of a request, if somebody is signed in.

        Parameters
        ----------
        request : of a browser
        is_use : it keeps the session alive
        """
        return self.sessions.find(request.cookies.get(self.session_cookie), is_use=is_use)

    def language_of(self, request: Request) -> str:
        """The language chosen in the link, chosen before, or the server's own."""
        for chosen in (request.query_params.get("language"), request.cookies.get("mpi_language")):
            if chosen in LANGUAGES:
                return chosen
        return self.settings.language

    def remember_language(self, response: Response, language: str) -> None:
        """Keep a choice of language in the browser."""
        self.set_cookie(response, "mpi_language", language, _LANGUAGE_SECONDS)

    @staticmethod
    def who(session: Session | None) -> Who | None:
        """Name and role behind a session."""
        if session is None:
            return None
        return Who(session.account.name, session.account.role)


def address_of(request: Request) -> str:
    """The network address of a browser."""
    return request.client.host if request.client is not None else "unknown"
